import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ExploreFinding,
  type ExploreRecord,
  renderMarkdown,
  renderTerminal,
} from '../../reports/index.ts';
import { explorePage } from '../../reports/pages/explore.ts';
import type { Section } from '../../reports/pages/page.ts';
import { syntheticExplore, useAfterFree } from './fixtures/synthetic-explore.ts';

const FIVE = ['pin', 'scan-pages', 'list-pages', 'splice-caches', 'objcg'];

function sections(record: ExploreRecord): Section[] {
  return explorePage(record).sections;
}

function titles(record: ExploreRecord): string[] {
  return sections(record).map(({ title }) => title);
}

/** Texts of a row of the first table. */
function row(record: ExploreRecord, label: string): string[] {
  const rows = sections(record)[0]?.table?.rows ?? [];
  return rows.find((one) => one.label === label)?.cells.map(({ text }) => text) ?? [];
}

test('sixty scenarios under five strategies are one table at 80 columns', () => {
  const record = syntheticExplore({ scenarios: 60, strategies: FIVE, cutShort: 5 });
  const lines = renderTerminal(record, { width: 80, color: false }).split('\n');
  assert.equal(lines.filter((line) => line.includes('splice-caches  ')).length, 1);
  // A line each, and some for names that are long.
  assert.ok(lines.length <= 90, `${lines.length} lines`);
});

test('a table of scenarios and strategies adds up, and marks what broke and what was cut short', () => {
  const look = { scenarios: 3, strategies: ['pin', 'objcg'] };
  const clean = syntheticExplore(look);
  const sums = ['pin', 'objcg'].map((strategy) => {
    const own = clean.results.scenarios.filter((entry) => entry.strategy === strategy);
    return own.reduce((sum, { schedules }) => sum + schedules, 0).toLocaleString('en-US');
  });
  assert.deepEqual(row(clean, 'all'), sums);
  assert.doesNotMatch(sections(clean)[0]?.how ?? '', /[!>]/);
  const broken = syntheticExplore({ ...look, violations: 1, cutShort: 1 });
  assert.deepEqual(row(broken, 'alloc + offline'), ['!40', '7,959']);
  assert.match(row(broken, 'alloc + destroy root cache').join(), /^[\d,]+,>[\d,]+$/);
  const both = syntheticExplore({ ...look, violations: 3, cutShort: 2 });
  assert.match(row(both, 'alloc + destroy root cache').join(), /^!>[\d,]+,>[\d,]+$/);
  assert.match(sections(broken)[0]?.how ?? '', /; ! where one broke.*; > where there are more/);
  const { scenarios } = broken.results;
  const missing = {
    ...broken,
    results: { ...broken.results, scenarios: scenarios.toSpliced(1, 1) },
  };
  assert.deepEqual(row(missing, 'alloc + offline'), ['!40', '-']);
});

test('one strategy or one scenario is told in detail, the bound only where it differs', () => {
  const one = syntheticExplore({ strategies: ['pin'], scenarios: 2, violations: 1, cutShort: 1 });
  const columns = ['CPUs', 'schedules', 'states', 'longest', 'time'];
  assert.deepEqual(titles(one).slice(0, 1), ['Scenarios under pin']);
  assert.deepEqual(sections(one)[0]?.table?.columns, columns);
  assert.deepEqual(row(one, 'alloc + offline'), ['2', '!40', '203', '60', '10 ms']);
  assert.deepEqual(row(one, 'free + offline').slice(0, 2), ['2', '>7,959']);
  assert.match(sections(one)[0]?.how ?? '', /; ! where one broke.*; > where there are more/);
  assert.deepEqual(row(one, 'all'), ['', '7,999', '40,001', '91', '2 s']);
  for (const [index, entry] of one.results.scenarios.entries()) entry.preemptionBound = index + 1;
  assert.deepEqual(row(one, 'free + offline').slice(4, 5), ['2']);
  assert.match(sections(one)[0]?.how ?? '', /at most 1 to 2 preemptions/);
  const scenario = syntheticExplore({ scenarios: 1, strategies: ['pin', 'objcg'] });
  assert.deepEqual(titles(scenario), ['Scenario alloc + offline']);
  assert.equal(row(scenario, 'objcg').length, 5);
  assert.match(sections(scenario)[0]?.how ?? '', /^A task allocates from .* it\. Below: schedules/);
  const single = syntheticExplore({ scenarios: 1, strategies: ['pin'] });
  assert.deepEqual(row(single, 'all'), []);
});

test('names of scenarios are never cut, so no two rows look alike', () => {
  const names = [
    'destroy root cache + destroy root cache',
    'destroy root cache + destroy root cache + kworker',
    'grandchild offline + destroy root cache + kworker',
  ];
  for (const strategies of [['pin'], FIVE]) {
    const record = syntheticExplore({ scenarios: 3, strategies });
    record.results.scenarios.forEach((entry, at) => {
      entry.name = names[Math.floor(at / strategies.length)] ?? '';
    });
    for (const width of [60, 80, 120]) {
      const page = renderTerminal(record, { width, color: false });
      assert.doesNotMatch(page, /~/);
      const table = page.split('\n\n').find((block) => block.startsWith('SCENARIOS')) ?? '';
      const words = table.replace(/[\d.,]+( [mu]?s)?|\s+/g, ' ').replace(/ +/g, ' ');
      if (strategies.length === 1) for (const name of names) assert.ok(words.includes(name), table);
    }
  }
});

test('samples and replays have tables of their own, without states', () => {
  const record = syntheticExplore({ strategies: ['pin'] });
  const random = syntheticExplore({ strategies: ['pin'], search: 'random' });
  const replay = syntheticExplore({ strategies: ['pin'], search: 'replay', scenarios: 1 });
  record.results.scenarios.unshift(...replay.results.scenarios, ...random.results.scenarios);
  assert.deepEqual(titles(record), [
    'Scenarios under pin',
    'Random schedules under pin',
    'Replay of alloc + offline under pin',
  ]);
  assert.equal(sections(record)[1]?.table?.columns.includes('states'), false);
  const pct = syntheticExplore({ search: 'pct' });
  assert.match(sections(pct)[0]?.how ?? '', /^schedules .* by random priorities.*: a sample/);
});

test('three violations are told step by step, the others by the options that show them', () => {
  const record = syntheticExplore({ strategies: ['pin'], violations: 5 });
  assert.deepEqual(titles(record).slice(1), [
    'Broken: use after free',
    'Broken: deadlock',
    'Broken: leak',
    'Broken as well',
  ]);
  assert.deepEqual(
    sections(record)[4]?.notes?.map(({ text }) => text),
    [
      'leak: --scenario "destroy root cache + destroy root cache" --strategies pin --schedule 3:1,12:0',
      'leak: --scenario "destroy root cache + look-up" --strategies pin --schedule 4:1,13:0',
    ],
  );
  assert.deepEqual(titles(syntheticExplore({ strategies: ['pin'], violations: 3 })).slice(-1), [
    'Broken: leak',
  ]);
});

test('the only mutant and the only finding are told step by step, one of several is not', () => {
  const alone = syntheticExplore({ scenarios: 0, mutants: 1, findings: 1 });
  assert.deepEqual(titles(alone), [
    'Bugs put back',
    'Findings',
    'Broken: use after free',
    'Broken: use after free',
  ]);
  assert.match(
    sections(alone)[2]?.how ?? '',
    /^with M01 put back, in alloc \+ offline under splice-/,
  );
  assert.match(
    sections(alone)[3]?.how ?? '',
    /^D1 in look-up \+ last free under splice-caches, sch/,
  );
  const again = sections(alone).flatMap(({ notes = [] }) => notes.map(({ text }) => text));
  assert.deepEqual(again, [
    'To see it again: slabsplice explore --mutant M01 --scenario "alloc + offline" --strategies splice-caches --schedule -',
    'To see it again: slabsplice explore --finding D1 --schedule 12:1,52:0',
  ]);
  const several = syntheticExplore({ scenarios: 0, mutants: 2, findings: 2 });
  assert.deepEqual(titles(several), ['Bugs put back', 'Findings']);
  const escaped = syntheticExplore({ scenarios: 0, mutants: 1, escaped: 1 });
  assert.deepEqual(titles(escaped), ['Bugs put back']);
});

/** Parts of the first finding, as `name: text`. */
function parts(record: ExploreRecord): string[] {
  const [entry] = sections(record)[0]?.entries ?? [];
  return entry?.parts.map(({ name, text }) => `${name}: ${text}`) ?? [];
}

/** A record of one finding, changed. */
function oneFinding(change: Partial<ExploreFinding>): ExploreRecord {
  const record = syntheticExplore({ scenarios: 0, findings: 1 });
  Object.assign(record.results.findings[0] ?? {}, { violation: null, ...change });
  return record;
}

test('the schedule of a finding stands in its row if it fits, else below', () => {
  const record = syntheticExplore({ scenarios: 0, findings: 3 });
  const schedules = () => ['D1', 'D2', 'D3'].map((id) => row(record, id)[2]);
  assert.deepEqual(schedules(), ['12:1,52:0', '6 switches', '-']);
  const entries = sections(record)[0]?.entries ?? [];
  assert.deepEqual(
    entries.map((entry) => entry.parts.find(({ name }) => name === 'Schedule')?.text),
    [undefined, '12:1,15:0,18:1,22:0,31:1,52:0.', undefined],
  );
  Object.assign(record.results.findings[0] ?? {}, { shortest: '-' });
  assert.equal(schedules()[0], '0 switches');
});

test('a finding is told in parts, those that are empty left out', () => {
  assert.deepEqual(parts(oneFinding({ consequence: 'a warning', remedy: '' })), [
    'Kernels: 5.3 to 5.8.',
    'Consequence: a warning.',
  ]);
  const nothing = { shortest: '', consequence: '', remedy: '', kernels: '', schedules: 1200 };
  const refuted = { ...nothing, verdict: 'refuted', exhaustive: true } as const;
  assert.deepEqual(parts(oneFinding(refuted)), [
    'Refuted: no schedule with at most 2 preemptions shows it, 1,200 were run.',
  ]);
  const unclear = { ...nothing, verdict: 'cannot tell' } as const;
  assert.deepEqual(parts(oneFinding(unclear)), [
    'Cannot tell: cut short: 1,200 schedules did not show it, but not every one with at most 2 preemptions was run.',
  ]);
  assert.deepEqual(parts(oneFinding({ ...unclear, exhaustive: true, preemptionBound: 1 })), [
    'Cannot tell: no schedule with at most 1 preemption shows it, 1,200 were run, but another invariant broke.',
  ]);
  assert.deepEqual(parts(oneFinding({ ...unclear, search: 'pct' })), [
    'Cannot tell: a sample of 1,200 PCT schedules did not show it.',
  ]);
});

test('searches for bugs and findings that were cut short are marked, those that found are not', () => {
  const record = syntheticExplore({
    ...{ scenarios: 0, mutants: 3, escaped: 2, escapedCutShort: 1, findings: 4 },
  });
  const [mutants, findings] = sections(record).map(({ how, table }) => ({
    how,
    schedules: table?.rows.map(({ cells }) => cells.map(({ text }) => text)[1] ?? ''),
  }));
  assert.deepEqual(
    mutants?.schedules?.map((text, at) => (at === 0 ? text : text.replace(/\d.*/, ''))),
    ['1', '', '>'],
  );
  assert.match(mutants?.how ?? '', /; > where there are more that were not run\.$/);
  assert.deepEqual(findings?.schedules, ['200', '400', '600', '>800']);
  assert.match(
    findings?.how ?? '',
    /shows it\? Schedules: > where there are more that were not run\.$/,
  );
  const found = sections(syntheticExplore({ scenarios: 0, mutants: 1, findings: 3 }));
  for (const { how } of found) assert.doesNotMatch(how, />/);
});

test('what is left out of a schedule is explained where it is seen first, and only there', () => {
  const record = syntheticExplore({ strategies: ['pin'], violations: 5 });
  const told = sections(record).filter(({ how }) => how.includes('are only counted (…).'));
  assert.deepEqual(
    told.map(({ title }) => title),
    ['Broken: use after free'],
  );
  for (const entry of record.results.scenarios) {
    for (const { steps } of entry.violations) for (const step of steps) step.skipped = 0;
  }
  for (const { how } of sections(record)) assert.doesNotMatch(how, /only counted/);
});

test('a finding whose scenario is its own is not named twice', () => {
  const [, section] = sections(oneFinding({ scenario: 'D1', violation: useAfterFree() }));
  assert.match(section?.how ?? '', /^D1 under splice-caches, schedule 12:1,52:0/);
});

test('what shows a violation again is safe to paste into a shell', () => {
  const record = syntheticExplore({ scenarios: 1, strategies: ['pin'], violations: 1 });
  const again = (name: string): string => {
    Object.assign(record.results.scenarios[0] ?? {}, { name });
    return sections(record)[1]?.notes?.[0]?.text.replace(/ --strategies.*/, '') ?? '';
  };
  const start = 'To see it again: slabsplice explore --scenario';
  assert.equal(again('merge'), `${start} merge`);
  assert.equal(again('remove, then free'), `${start} "remove, then free"`);
  assert.equal(again("it's $(here)"), `${start} 'it'\\''s $(here)'`);
});

test('bugs that cannot be expressed are named with the reason, even when none was put back', () => {
  const record = syntheticExplore({ scenarios: 0, notExpressible: true });
  const [section, ...others] = sections(record);
  assert.deepEqual(others, []);
  assert.equal(section?.table, undefined);
  assert.deepEqual(section?.entries, [
    {
      title: 'Not put back, as the model cannot express them:',
      parts: [
        {
          name: 'M06',
          text: 'duplicate sysfs name: it has no file for a cache, so nothing can have two of them.',
        },
      ],
    },
  ]);
});

/** CPUs and marks of the lines that are made of steps, which are given as `decision/cpu`. */
function marks(schedule: string, steps: string): string[] {
  const record = syntheticExplore({ scenarios: 1, strategies: ['pin'], violations: 1 });
  const [scenario] = record.results.scenarios;
  if (scenario === undefined) assert.fail('no scenario');
  const told = steps.split(' ').map((step) => {
    const [decision = 0, cpu = 0] = step.split('/').map(Number);
    return { decision, cpu, text: 'reads', source: 'a.ts:1', skipped: 0 };
  });
  scenario.violations = [{ ...useAfterFree(), schedule, steps: told }];
  const lines = sections(record)[1]?.trace?.lines ?? [];
  return lines.map(({ cpu, mark }) => `${cpu}${mark === undefined ? '' : ` ${mark}`}`);
}

test('a switch of the schedule stands before the first step that follows from it', () => {
  const first = '1 12:1 CPU 1 goes on';
  const second = '0 52:0 CPU 0 goes on';
  // CPU 0 was stopped at decision 12 and carries that step out when it goes on at 52.
  assert.deepEqual(marks('12:1,52:0', '3/0 13/1 47/1 12/0 53/0'), ['0', first, '1', second, '0']);
  // Stopped, but its step is not told: the next one that is.
  assert.deepEqual(marks('12:1,52:0', '3/0 13/1 53/0'), ['0', first, second]);
  assert.deepEqual(marks('1:1', '2/1 9/0'), ['1 1:1 CPU 1 goes on', '0']);
  assert.deepEqual(marks('12:1', '12/1 12/0'), [first, '0']);
  assert.deepEqual(marks('12:1,14:2', '3/0 15/2'), [
    '0',
    '2 12:1 CPU 1 goes on, 14:2 CPU 2 goes on',
  ]);
  // CPU 1 was stopped at 8, CPU 0 at 12.
  assert.deepEqual(marks('8:0,12:1,20:0', '3/1 9/0 8/1 12/0 21/0'), [
    ...['1', '0 8:0 CPU 0 goes on', first, '0 20:0 CPU 0 goes on', '0'],
  ]);
  assert.deepEqual(marks('-', '3/0 4/1'), ['0', '1']);
  assert.deepEqual(marks('40:1', '3/0'), ['0']);
});

test('a long schedule is counted in its sentence and given in full where it is used', () => {
  const record = syntheticExplore({ scenarios: 1, strategies: ['pin'], violations: 1 });
  const schedule = Array.from({ length: 40 }, (_, at) => `${10 * at + 2}:${at % 2}`).join();
  for (const violation of record.results.scenarios[0]?.violations ?? []) {
    Object.assign(violation, { schedule, preemptions: 31 });
  }
  const [, section] = sections(record);
  assert.match(
    section?.how ?? '',
    /^in alloc \+ offline under pin, a schedule of 40 switches, 31 pre/,
  );
  assert.ok(section?.notes?.[0]?.text.endsWith(`--schedule ${schedule}`));
  for (const width of [40, 80, 120]) {
    for (const line of renderTerminal(record, { width, color: false }).split('\n')) {
      assert.ok(line.length <= width, line);
    }
  }
});

test('strings of an exploration can neither steer a terminal nor break a Markdown table', () => {
  const evil = '\u001b]0;owned\u0007| `x` <b>\n# heading';
  const record = syntheticExplore({
    ...{ strategies: ['pin'], violations: 1, mutants: 1, findings: 1, notExpressible: true },
    failures: [evil],
  });
  const { scenarios, mutants, findings, notExpressible } = record.results;
  const violation = {
    ...{ invariant: evil, detail: evil, schedule: evil, preemptions: 0, threads: [evil, evil] },
    steps: [{ decision: 1, cpu: 1, text: evil, source: evil, skipped: 1 }],
    rows: [{ name: evil, state: evil }],
  };
  for (const entry of scenarios) Object.assign(entry, { name: evil, violations: [violation] });
  for (const entry of mutants) Object.assign(entry, { title: evil, shortest: evil, violation });
  for (const entry of findings)
    Object.assign(entry, { statement: evil, shortest: evil, violation });
  for (const entry of notExpressible) Object.assign(entry, { why: evil });
  const terminal = renderTerminal(record, { width: 100, color: false });
  const controls = [...terminal].filter((letter) => /\p{Cc}/u.test(letter) && letter !== '\n');
  assert.deepEqual(controls, []);
  const markdown = renderMarkdown(record);
  assert.doesNotMatch(markdown, /^# heading/m);
  assert.doesNotMatch(markdown, /(?<!\\)</);
  const blocks = markdown.split('\n\n').filter((block) => block.startsWith('|'));
  assert.ok(blocks.length >= 6);
  for (const block of blocks) {
    const widths = block.split('\n').map((line) => line.replaceAll('\\|', '').split('|').length);
    assert.equal(new Set(widths).size, 1, block);
  }
});
