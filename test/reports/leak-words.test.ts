import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LeakRecord, type LeakRun, summariseLeak } from '../../reports/index.ts';
import { leakWords } from '../../reports/leak-words.ts';
import { type LeakLook, leakRecord } from './fixtures/leak-record.ts';

function words(record: LeakRecord): string[] {
  return leakWords(record).map(({ text }) => text);
}

function said(look: LeakLook): string[] {
  return words(leakRecord({ published: false, ...look }));
}

/** The record summarised again from changed runs, as `leak` would have. */
function withRuns(record: LeakRecord, change: (run: LeakRun) => LeakRun[]): LeakRecord {
  const { results } = record;
  const frame = {
    ...results,
    strategies: results.series.map(({ strategy }) => strategy),
    ...{ ids: 65_535, idsHeldByDying: false },
  };
  return { ...record, results: summariseLeak(frame, results.runs.flatMap(change)) };
}

function raised(values: readonly number[], by: number): number[] {
  return values.map((value, at) => (at === values.length - 1 ? value + by : value));
}

test('a strategy in a sentence: how many are dying, how many more a day, what it takes', () => {
  const [pin, others, ids] = said({});
  assert.match(
    pin ?? '',
    /^pin: after 7 days 1,479 cgroups are dying, 156 more a day in the second half; what removed cgroups left takes 257 MiB\.$/,
  );
  assert.match(others ?? '', /^scan-pages, list-pages and splice-caches: after 7 days 68 cgroups/);
  assert.equal(ids, 'The 65,535 ids last for ever: a removed cgroup gives its id back at once.');
});

test('a growth that differs in sign from host to host is not claimed', () => {
  const record = leakRecord({ published: false, strategies: ['pin', 'splice-caches'] });
  const shaken = withRuns(record, (run) => [
    run.strategy === 'splice-caches' && run.host === 0
      ? { ...run, dying: raised(run.dying, -60) }
      : run,
  ]);
  const [pin, splice] = words(shaken);
  assert.match(pin ?? '', /156 more a day/);
  assert.match(
    splice ?? '',
    /48 cgroups are dying, with no steady growth \(hosts: from 11 fewer to [\d.]+ more a day\);/,
  );
});

test('a number that stays is said to stay', () => {
  const record = leakRecord({ published: false, strategies: ['splice-caches'] });
  const flat = withRuns(record, (run) => [{ ...run, dying: run.dying.map(() => 7) }]);
  assert.match(words(flat)[0] ?? '', /7 cgroups are dying, no more from day to day; /);
  const one = withRuns(record, (run) => [{ ...run, dying: run.dying.map(() => 1) }]);
  assert.match(words(one)[0] ?? '', /1 cgroup is dying, /);
});

test('ids that dying cgroups keep last for some days, or ran out', () => {
  const look = { idsHeldByDying: true, strategies: ['pin', 'splice-caches'] };
  const [pin, splice] = said(look);
  // (65,535 ids - 1,520 in use) / 155.9 a day.
  assert.match(pin ?? '', /At this rate the 65,535 ids last 41\d more days\.$/);
  assert.match(splice ?? '', /At this rate the 65,535 ids last 20,1\d\d more days\.$/);
  assert.ok(said(look).every((text) => !text.includes('for ever')));
  const out = leakWords(leakRecord({ ...look, published: false, idsRunOut: true }));
  assert.match(
    out[0]?.text ?? '',
    /Creation failed for the first time after 1\.9 days, "no space left on device": the 65,535 ids were in use \(3,603 refused, 6,900 created, on all hosts\)\.$/,
  );
  assert.equal(out[0]?.tone, 'bad');
  assert.doesNotMatch(out[0]?.text ?? '', /At this rate/);
  assert.doesNotMatch(out[1]?.text ?? '', /Creation failed/);
});

test('ids are never used up where dying cgroups do not get more; nothing is said where they may', () => {
  const record = leakRecord({
    ...{ published: false, strategies: ['splice-caches'], idsHeldByDying: true },
  });
  const falling = withRuns(record, (run) => [
    { ...run, dying: run.dying.map((_, at) => 100 - at) },
  ]);
  assert.match(words(falling)[0] ?? '', /fewer a day.* Like this the 65,535 ids are never used up/);
  // Fewer at the end than in the middle, as something was dropped, and more every other day.
  const dropped = withRuns(record, (run) => [
    { ...run, dying: run.dying.map((_, at) => (at < 6 ? 100 * at : 10 * at)) },
  ]);
  assert.match(words(dropped)[0] ?? '', /fewer a day/);
  assert.doesNotMatch(words(dropped).join(), /ids/);
  // Nor is an end named where only the mean grows.
  const [series] = record.results.series;
  assert.ok((series?.idsLastDays ?? 0) > 0);
  const [, second] = record.results.runs;
  assert.ok(second !== undefined);
  second.dying = raised(second.dying, -60);
  assert.match(words(record)[0] ?? '', /no steady growth/);
  assert.doesNotMatch(words(record)[0] ?? '', /ids/);
});

test('a strategy ends it if slab alone keeps nothing that it kept under the other', () => {
  const [ends] = leakWords(leakRecord({ published: false })).filter(({ tone }) => tone === 'good');
  assert.equal(
    ends?.text,
    'scan-pages, list-pages and splice-caches end it: no cgroup is kept by slab pages alone; 1,411 are under pin. On each of 3 hosts fewer cgroups are dying than under pin: 68 instead of 1,479. Page cache, which no strategy moves, keeps all of these.',
  );
  const record = leakRecord({ published: false, strategies: ['pin', 'splice-caches'] });
  const some = withRuns(record, (run) => [
    run.strategy === 'splice-caches'
      ? { ...run, keptBySlab: raised(run.keptBySlab, 1), dying: raised(run.dying, 1) }
      : run,
  ]);
  assert.ok(words(some).every((text) => !text.includes('ends it')));
  assert.ok(words(some).some((text) => text.startsWith('splice-caches: on each of 3 hosts fewer')));
});

test('what differs on some hosts only is said to, and nothing is claimed where none differs', () => {
  const record = leakRecord({ published: false, strategies: ['pin', 'splice-caches'] });
  const mixed = withRuns(record, (run) => {
    if (run.strategy === 'pin') return [run];
    const [pin] = record.results.runs.filter(
      (other) => other.strategy === 'pin' && other.host === run.host,
    );
    return [run.host === 0 && pin !== undefined ? { ...pin, strategy: run.strategy } : run];
  });
  const text = words(mixed).join('\n');
  assert.match(text, /on 2 of 3 hosts fewer cgroups are dying than under pin/);
  assert.match(text, /MiB more under pin than under splice-caches \(on 2 of 3 hosts\)/);
  const alike = withRuns(record, (run) =>
    run.strategy === 'pin' ? [run, { ...run, strategy: 'splice-caches' }] : [],
  );
  const same = words(alike).join('\n');
  assert.match(same, /no host has fewer dying cgroups than under pin \(1,479 against 1,479\)/);
  assert.match(same, /after 7 days: the same under pin and splice-caches\./);
  assert.doesNotMatch(same, /end it|ends it|more under|instead of/);
});

test('strategies are compared on hosts that were simulated under both', () => {
  const record = leakRecord({ published: false, strategies: ['pin', 'splice-caches'] });
  const cut = withRuns(record, (run) =>
    run.strategy === 'splice-caches' && run.host > 0 ? [] : [run],
  );
  const all = words({ ...cut, complete: false });
  assert.match(all[0] ?? '', /^Cut short: 1 of 3 simulated hosts finished/);
  assert.match(all[1] ?? '', /different numbers of hosts \(pin 3 and splice-caches 1\)/);
  const [pin, splice] = record.results.runs.filter(({ host }) => host === 0);
  const instead = `${splice?.dying.at(-1)} instead of ${pin?.dying.at(-1)?.toLocaleString('en-US')}`;
  assert.ok(all.some((text) => text.includes(`On the one host fewer`) && text.includes(instead)));
});

test('memory is told with the number of hosts that it holds on, and with its sign', () => {
  const text = said({ strategies: ['pin', 'splice-caches'] }).join('\n');
  const memory = 'Slab and per-CPU memory after 7 days: 214 MiB more under pin than under';
  assert.ok(text.includes(`${memory} splice-caches (on each of 3 hosts).`), text);
  const record = leakRecord({ published: false, strategies: ['pin', 'splice-caches'] });
  const swap = withRuns(record, (run) => [
    { ...run, slabBytes: raised(run.slabBytes, run.strategy === 'pin' ? -1e9 : 0) },
  ]);
  assert.match(words(swap).join('\n'), /MiB less under pin than under splice-caches \(on each/);
});

test('errors are those of the record, and it is said of which days', () => {
  const record = leakRecord();
  const [text] = words(record).filter((one) => one.startsWith('Mean distance'));
  assert.equal(
    text,
    'Mean distance from what was published, days 1 to 7: original (pin) by 4.47 %, patched (splice-caches) by 8.92 % and memory (pin and splice-caches) by 12.4 %.',
  );
  const alone = words(leakRecord({ strategies: ['splice-caches'] }));
  assert.ok(alone.some((one) => /published, days 1 to 7: patched \(splice-caches\) by/.test(one)));
  assert.ok(said({}).every((one) => !one.includes('published')));
});

test('parameters changed on the command line are named beside published numbers', () => {
  const text = words(leakRecord({ changed: { cgroupsPerDay: 600, 'host.cpus': 8 } })).join('\n');
  assert.match(text, /^Changed on the command line: cgroupsPerDay = 600 and host\.cpus = 8; /m);
  assert.ok(said({ changed: { cgroupsPerDay: 600 } }).every((one) => !one.startsWith('Changed')));
  assert.ok(words(leakRecord()).every((one) => !one.startsWith('Changed')));
});

test('a sweep in a sentence: from the least to the most', () => {
  const sweep = [{ key: 'cgroupsPerDay', values: [100, 200, 400] }];
  const [pin, others, frame] = said({ sweep });
  assert.match(
    pin ?? '',
    /^Over the sweep, pin: from 493 dying \(85\.6 MiB\) at cgroupsPerDay = 400 to 1,479 dying \(257 MiB\) at cgroupsPerDay = 100\.$/,
  );
  assert.match(others ?? '', /^Over the sweep, scan-pages, list-pages and splice-caches: from 23 /);
  assert.equal(frame, 'What follows is of cgroupsPerDay = 100, the first of the sweep.');
  const [one] = said({ sweep: [{ key: 'files.count', values: [500] }] });
  assert.match(one ?? '', /^Over the sweep, pin: 1,479 dying \(257 MiB\) at files\.count = 500\.$/);
});

test('what is missing is said first', () => {
  const cut = leakWords(leakRecord({ hosts: 1, hostsWanted: 5 }));
  assert.deepEqual(cut[0], {
    text: 'Cut short: 1 of 5 simulated hosts finished; all figures are of what is finished. `leak --continue` simulates the others.',
    tone: 'bad',
  });
  assert.match(
    said({ shard: { index: 2, of: 4 } })[0] ?? '',
    /^Shard 2 of 4: figures are of its hosts alone; `merge` joins all shards\.$/,
  );
  const early = { ...leakRecord(), complete: false };
  assert.match(words(early)[0] ?? '', /^Ended early, though every host is finished/);
  assert.match(words(leakRecord())[0] ?? '', /^pin: /);
});

test('a sound record says how much was audited, a broken one how much is wrong', () => {
  const sound = leakWords(leakRecord()).at(-1);
  assert.match(
    sound?.text ?? '',
    /^12 machines audited at the end, after [\d,]+ object operations/,
  );
  assert.match(sound?.text ?? '', /: no invariant broken\.$/);
  assert.equal(sound?.tone, 'good');
  const [wrong, failed] = leakWords(leakRecord({ violations: 7 })).slice(-2);
  assert.match(wrong?.text ?? '', /: 7 violations on 1 of them\.$/);
  assert.equal(wrong?.tone, 'bad');
  assert.match(failed?.text ?? '', /^Check failed: every machine passes its audit/);
});
