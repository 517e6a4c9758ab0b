import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  boundWords,
  exploreWords,
  scopeWords,
  sentence,
  switchesIn,
  switchWords,
} from '../../reports/explore-words.ts';
import type { ExploreMutant, ExploreRecord } from '../../reports/index.ts';
import { type ExploreLook, syntheticExplore } from './fixtures/synthetic-explore.ts';

function say(record: ExploreRecord): string[] {
  return exploreWords(record).map((note) => note.text);
}

/** The record changed in place. */
function changed(
  look: ExploreLook,
  change: (results: ExploreRecord['results']) => void,
): ExploreRecord {
  const record = syntheticExplore(look);
  change(record.results);
  return record;
}

const NOTHING: ExploreLook = { scenarios: 0 };

test('clean is said of searches that left nothing out, with how far they went', () => {
  const [note, ...others] = exploreWords(syntheticExplore());
  assert.equal(
    note?.text,
    'Clean: no schedule with at most 2 preemptions breaks an invariant in 10 scenarios x 4 ' +
      'strategies (568,420 schedules, 2,842,220 states).',
  );
  assert.equal(note?.tone, 'good');
  assert.deepEqual(others, []);
});

test('what was cut short is named, and not called clean', () => {
  const notes = exploreWords(syntheticExplore({ strategies: ['pin'], cutShort: 2 }));
  assert.deepEqual(
    notes.map(({ tone }) => tone),
    ['good', 'warn'],
  );
  assert.match(notes[0]?.text ?? '', /^Clean: .* in 8 scenarios under pin \(/);
  assert.match(
    notes[1]?.text ?? '',
    /^Cut short under pin: remove, then free; grandchild offline \+ .* \+ kworker\. No invariant broken so far \(\d.* schedules, .* states\), but not every schedule with at most 2 preemptions was run\.$/,
  );
  const all = say(syntheticExplore({ strategies: ['pin'], cutShort: 10 }));
  assert.equal(all.length, 1);
  assert.match(all[0] ?? '', /^Cut short under pin: (.*; ){5}look-up \+ last free; and 4 more\. /);
  const seven = say(syntheticExplore({ strategies: ['pin'], cutShort: 7 }));
  assert.match(seven[1] ?? '', /^Cut short under pin: (.*; ){6}grandchild .* kworker\. /);
});

test('what broke is named with its invariants and counted neither as clean nor as cut short', () => {
  const record = changed({ strategies: ['pin', 'objcg'], violations: 2 }, ({ scenarios }) => {
    const [first, , second] = scenarios;
    first?.violations.push(...(second?.violations ?? []), ...(second?.violations ?? []));
  });
  const [broken, clean, ...others] = exploreWords(record);
  assert.deepEqual(broken, {
    text: 'Broken under pin: alloc + offline (use after free, deadlock); free + offline (deadlock).',
    tone: 'bad',
  });
  assert.match(clean?.text ?? '', /^Clean: .* in 18 pairs of 10 scenarios and 2 strategies \(/);
  assert.deepEqual(others, []);
  const apart = changed({ strategies: ['pin', 'objcg'], violations: 1 }, ({ scenarios }) => {
    const found = scenarios[0]?.violations ?? [];
    for (const other of [scenarios[1], scenarios[3]]) other?.violations.push(...found);
  });
  assert.equal(
    say(apart)[0],
    'Broken: alloc + offline under pin and objcg (use after free); free + offline under objcg (use after free).',
  );
});

test('a sample is called a sample', () => {
  const random = say(syntheticExplore({ search: 'random', strategies: ['objcg'] }));
  assert.deepEqual(random, [
    'No invariant broken by 116,755 random schedules of 10 scenarios under objcg: a sample, not every schedule.',
  ]);
  const pct = syntheticExplore({ search: 'pct', scenarios: 1, violations: 1 });
  assert.deepEqual(say(pct), [
    'Broken: alloc + offline under pin (use after free).',
    'No invariant broken by 47,634 PCT schedules of alloc + offline under 3 strategies: a sample, not every schedule.',
  ]);
});

test('a replay tells of one schedule', () => {
  const look = { search: 'replay', scenarios: 1, strategies: ['pin'] } as const;
  assert.deepEqual(say(syntheticExplore({ ...look, strategies: ['pin'] })), [
    'The replayed schedule breaks no invariant: alloc + offline under pin.',
  ]);
  const broken = say(syntheticExplore({ ...look, strategies: ['pin'], violations: 1 }));
  assert.deepEqual(broken, ['Broken: alloc + offline under pin (use after free).']);
});

test('bugs put back: all found, or who escaped after how much', () => {
  assert.deepEqual(say(syntheticExplore({ ...NOTHING, mutants: 7 })), [
    'All 7 bugs that were put back were found, the slowest (M04) after 779 schedules.',
  ]);
  assert.deepEqual(say(syntheticExplore({ ...NOTHING, mutants: 1 })), [
    'The bug that was put back, M01, was found after 1 schedule.',
  ]);
  const some = exploreWords(syntheticExplore({ ...NOTHING, mutants: 3, escaped: 1 }));
  assert.deepEqual(some, [
    {
      text:
        'Escaped: 1 of 3 bugs put back: M04 in alloc + destroy root cache under splice-caches (no ' +
        'schedule with at most 2 preemptions shows it, 25,000 were run).',
      tone: 'bad',
    },
    { text: 'The others were found, the slowest (M03) after 390 schedules.' },
  ]);
  const two = say(syntheticExplore({ ...NOTHING, mutants: 2, escaped: 1 }));
  assert.equal(two[1], 'The other one was found after 1 schedule.');
  const none = say(syntheticExplore({ ...NOTHING, mutants: 1, escaped: 1 }));
  assert.equal(none.length, 1);
  assert.match(none[0] ?? '', /^Escaped: 1 of 1 bug put back: M01 /);
});

test('of a bug that escaped it is said how far the search went, and what broke instead', () => {
  const escaped = (change: Partial<ExploreMutant>): string => {
    const record = changed({ ...NOTHING, mutants: 1, escaped: 1 }, ({ mutants }) => {
      Object.assign(mutants[0] ?? {}, change);
    });
    return say(record)[0]?.replace(/.*splice-caches /, '') ?? '';
  };
  const schedules = 25_000;
  assert.equal(
    escaped({ exhaustive: true, preemptionBound: 0, schedules }),
    '(no schedule without a preemption shows it, 25,000 were run).',
  );
  assert.equal(
    escaped({ exhaustive: false, schedules: 1 }),
    '(cut short: 1 schedule did not show it, but not every one with at most 2 preemptions was run).',
  );
  assert.equal(
    escaped({ search: 'random', exhaustive: false, schedules, invariant: 'leak' }),
    '(a sample of 25,000 random schedules did not show it, though leak broke).',
  );
  assert.equal(
    escaped({ search: 'replay', exhaustive: false, schedules: 1 }),
    '(the replayed schedule does not show it).',
  );
});

test('a bug that broke something else than expected is told apart', () => {
  const record = changed({ ...NOTHING, mutants: 2 }, ({ mutants }) => {
    const [first, second] = mutants;
    Object.assign(first ?? {}, { expected: ['C-A', 'leak'] });
    Object.assign(second ?? {}, { expected: [] });
  });
  assert.deepEqual(say(record).slice(1), [
    'M01 breaks use after free, where C-A or leak was expected.',
    'M03 breaks assertion, where nothing was expected.',
  ]);
});

test('findings: shown, refuted, undecided, and those that were expected otherwise', () => {
  const notes = exploreWords(syntheticExplore({ ...NOTHING, findings: 4 }));
  assert.deepEqual(notes, [
    {
      text:
        "Suspected of the kernel's own rules: D1 and D2 are shown by a schedule; D3 is refuted: no " +
        'schedule with at most 2 preemptions shows it; cannot tell for D4.',
    },
    { text: 'D4 is undecided, though it was expected to be shown.', tone: 'warn' },
  ]);
  const two = changed({ ...NOTHING, findings: 4 }, ({ findings }) => {
    Object.assign(findings[3] ?? {}, { verdict: 'refuted', preemptionBound: 3 });
  });
  assert.match(
    say(two)[0] ?? '',
    /; D3 and D4 are refuted: no schedule with at most 2 to 3 preemptions shows them\.$/,
  );
  const record = changed({ ...NOTHING, findings: 1 }, ({ findings }) => {
    Object.assign(findings[0] ?? {}, { expected: 'refuted' });
  });
  assert.deepEqual(exploreWords(record)[1], {
    text: 'D1 is shown, though it was expected to be refuted.',
    tone: 'bad',
  });
});

test('an end before the end, and failures of the explorer, are bad', () => {
  const failed = syntheticExplore({ strategies: ['pin'], failures: ['stuck'], complete: false });
  assert.deepEqual(exploreWords(failed).slice(1), [
    { text: 'The explorer itself failed once: what it was at is not judged.', tone: 'bad' },
    { text: 'Ended early: not everything was explored.', tone: 'bad' },
  ]);
  const twice = syntheticExplore({ ...NOTHING, failures: ['a', 'b'] });
  assert.deepEqual(say(twice), [
    'Nothing was explored: there is no verdict.',
    'The explorer itself failed 2 times: what it was at is not judged.',
  ]);
  const checked = syntheticExplore(NOTHING);
  checked.checks.push({ name: 'explore', ok: false, detail: 'nothing was run' });
  assert.equal(say(checked).at(-1), 'Check failed: explore: nothing was run');
});

test('the bound of several searches is a range, none is said as such', () => {
  const bounds = (...all: number[]) =>
    boundWords(all.map((preemptionBound) => ({ preemptionBound })));
  assert.equal(bounds(0), 'without a preemption');
  assert.equal(bounds(1, 1), 'with at most 1 preemption');
  assert.equal(bounds(3, 1, 2), 'with at most 1 to 3 preemptions');
});

test('the scope counts what was there', () => {
  const of = (look: ExploreLook) => scopeWords(syntheticExplore(look).results.scenarios);
  assert.equal(of({}), '10 scenarios x 4 strategies');
  assert.equal(of({ strategies: ['pin'] }), '10 scenarios under pin');
  assert.equal(of({ scenarios: 1 }), 'alloc + offline under 4 strategies');
  assert.equal(of({ scenarios: 1, strategies: ['pin'] }), 'alloc + offline under pin');
  const some = syntheticExplore().results.scenarios.slice(1);
  assert.equal(scopeWords(some), '39 pairs of 10 scenarios and 4 strategies');
});

test('switches of a schedule, and sentences', () => {
  assert.deepEqual(['-', '', '12:1', '12:1,52:0'].map(switchesIn), [0, 0, 1, 2]);
  assert.deepEqual([0, 1, 1200].map(switchWords), ['0 switches', '1 switch', '1,200 switches']);
  assert.deepEqual(['a', 'a.', 'a?'].map(sentence), ['a.', 'a.', 'a?']);
});
