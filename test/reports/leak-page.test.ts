import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type CompareRecord,
  type LeakRecord,
  MEMORY_PARTS,
  renderMarkdown,
  renderTerminal,
  validateRecord,
} from '../../reports/index.ts';
import { leakPage } from '../../reports/pages/leak.ts';
import { leakRecord } from './fixtures/leak-record.ts';
import { HANDING_OVER, row, section, titles } from './fixtures/leak-sections.ts';
import { syntheticCompare } from './fixtures/synthetic-compare.ts';

/** The record with one series changed. */
function changed(record: LeakRecord, strategy: string, change: (dying: number[]) => number[]) {
  const { results } = record;
  const series = results.series.map((one) =>
    one.strategy === strategy ? { ...one, dying: change(one.dying) } : one,
  );
  return { ...record, results: { ...results, series } };
}

test('the page answers in the order in which the questions are asked', () => {
  assert.deepEqual(titles(leakRecord()), [
    'Dying cgroups',
    'Published and simulated',
    'Memory by what holds it',
    'Slab by cache, day 7',
    'What keeps them, day 7',
    'Scenario',
  ]);
  const sweep = [{ key: 'files.count', values: [500, 1000] }];
  assert.deepEqual(titles(leakRecord({ sweep, published: false, violations: 1 })), [
    'Sweep',
    'Dying cgroups',
    'Memory by what holds it',
    'Slab by cache, day 7',
    'What keeps them, day 7',
    'What broke',
    'Scenario',
  ]);
  assert.deepEqual(titles(leakRecord({ hosts: 0, hostsWanted: 5 })), ['Scenario']);
});

test('strategies that come to the same share a line, and keep their colour', () => {
  const chart = (record: LeakRecord) => section(record, 'Dying').chart?.series ?? [];
  const lines = (record: LeakRecord) => chart(record).filter(({ mark }) => mark === undefined);
  const record = leakRecord();
  assert.deepEqual(
    lines(record).map(({ name, color }) => [name, color]),
    [
      ['pin', 0],
      [HANDING_OVER, 1],
    ],
  );
  const apart = changed(record, 'list-pages', (dying) => dying.map((value) => value + 1));
  assert.deepEqual(
    lines(apart).map(({ name, color }) => [name, color]),
    [
      ['pin', 0],
      ['scan-pages and splice-caches, both the same', 1],
      ['list-pages', 2],
    ],
  );
  for (const [at, value] of apart.results.series.entries()) {
    if (at < 2) Object.assign(value, { dying: [1], dyingP10: [1], dyingP90: [1] });
  }
  assert.deepEqual(
    lines(apart).map(({ name, color }) => [name, color]),
    [
      ['pin and scan-pages, both the same', 0],
      ['list-pages', 2],
      ['splice-caches', 3],
    ],
  );
});

test('published points have a mark each, and the colour of what they are held against', () => {
  const record = leakRecord();
  const points = (one: LeakRecord) =>
    (section(one, 'Dying').chart?.series ?? []).filter(({ mark }) => mark !== undefined);
  const shown = points(record).map(({ name, mark, color }) => [name, mark, color]);
  assert.deepEqual(shown, [
    ['published, original', '●', 0],
    ['published, patched', '○', 1],
  ]);
  assert.deepEqual(points(record)[0]?.points.at(-1), { x: 7, y: 1560 });
  assert.deepEqual(points(leakRecord({ published: false })), []);
  const { published } = record.results;
  assert.ok(published !== null);
  const half = {
    ...record,
    results: { ...record.results, published: { ...published, original: null } },
  };
  assert.deepEqual(
    points(half).map(({ name }) => name),
    ['published, patched'],
  );
  assert.deepEqual(section(half, 'Published').table?.columns.slice(0, 2), [
    'patched',
    'splice-caches',
  ]);
});

test('the band is that of the hosts, and there is none of a single one', () => {
  const [pin] = section(leakRecord(), 'Dying').chart?.series ?? [];
  const { series } = leakRecord().results;
  assert.deepEqual(pin?.band?.at(-1), {
    x: 7,
    low: series[0]?.dyingP10[7],
    high: series[0]?.dyingP90[7],
  });
  const one = leakRecord({ hosts: 1 });
  assert.ok(section(one, 'Dying').chart?.series.every(({ band }) => band === undefined));
  assert.match(section(one, 'Dying').how, /of one host/);
  assert.match(section(leakRecord(), 'Dying').how, /mean of 3 hosts/);
});

test('times are told in days, and in hours where it is less than two of them', () => {
  const quarter = [0, 1, 2, 3, 4, 5, 6, 7].map((day) => day / 4);
  const short = leakRecord({ days: quarter, published: false });
  assert.equal(section(short, 'Dying').chart?.xTitle, 'hours');
  assert.equal(section(short, 'Dying').chart?.series[0]?.points.at(-1)?.x, 42);
  assert.ok(titles(short).includes('Slab by cache, hour 42'));
  assert.match(leakPage(short).facts[0] ?? '', /42 hours each/);
  assert.equal(section(leakRecord(), 'Dying').chart?.xTitle, 'days');
  assert.match(leakPage(leakRecord()).facts[0] ?? '', /7 days each/);
});

test('published and simulated stand side by side with the error of the record', () => {
  const record = leakRecord();
  const [pin, , , splice] = record.results.series;
  const table = section(record, 'Published');
  const at = (values: readonly number[] | undefined) => values?.at(-1) ?? 0;
  const off = (simulated: number, published: number) =>
    `${Math.round(simulated).toLocaleString('en-US')} ${Math.round((simulated / published - 1) * 100)} %`;
  assert.deepEqual(row(table, 'day 7'), [
    '1,560',
    off(at(pin?.dying), 1560),
    '69',
    off(at(splice?.dying), 69),
    '241',
    off(at(record.results.memDiffBytes) / 1e6, 241),
  ]);
  assert.equal(row(table, 'day 7')[1], '1,479 -5 %');
  assert.equal(row(table, 'day 1')[3], '58 +26 %');
  assert.equal(row(table, 'day 2')[1], '630 0 %');
  assert.deepEqual(row(table, 'mean error'), ['', '4.47 %', '', '8.92 %', '', '12.4 %']);
  assert.ok(!titles(leakRecord({ published: false })).includes('Published and simulated'));
});

test('a published day that was not simulated has no error', () => {
  const record = leakRecord();
  const { published } = record.results;
  assert.ok(published !== null);
  published.days = [0, 1, 2, 3, 4, 5, 6, 9];
  assert.deepEqual(row(section(record, 'Published'), 'day 9').slice(0, 2), ['1,560', '-']);
  // Between two samples the value on the line between them is taken.
  published.days = [0.5, 1, 2, 3, 4, 5, 6, 7];
  assert.match(row(section(record, 'Published'), 'day 0.5')[1] ?? '', /^202 /);
});

test('memory is told by part, and the parts make up the whole', () => {
  const record = leakRecord();
  const one = section(record, 'Memory');
  const [pin] = record.results.series;
  assert.equal(one.table?.rows.length, MEMORY_PARTS.length + 2);
  const parts = MEMORY_PARTS.map((part) => pin?.parts[part].at(-1) ?? 0);
  const mib = (bytes: number) => `${Number((bytes / 2 ** 20).toPrecision(3))} MiB`;
  const sum = parts.reduce((total, bytes) => total + bytes, 0);
  assert.equal(row(one, 'together')[0], mib(sum));
  assert.equal(row(one, 'left by removed cgroups')[0], mib(pin?.heldBytes.at(-1) ?? 0));
  const labels = one.table?.rows.map(({ label }) => label[0]) ?? [];
  const { bars } = one;
  assert.ok(bars !== undefined);
  assert.deepEqual(
    bars.parts.map(({ mark }) => mark),
    labels.slice(0, MEMORY_PARTS.length),
  );
  // Capitals, and not in the background, are exactly what removed cgroups hold.
  const capitals = bars.parts.map(({ mark }) => /[A-Z]/.test(mark));
  const dead = MEMORY_PARTS.map((part) => part.startsWith('dead'));
  assert.deepEqual(capitals, dead);
  assert.deepEqual(
    bars.parts.map(({ background }) => !background),
    dead,
  );
  assert.equal(new Set(labels.slice(0, MEMORY_PARTS.length)).size, MEMORY_PARTS.length);
  assert.deepEqual(
    bars.groups.map(({ title }) => title),
    ['pin', HANDING_OVER],
  );
  assert.deepEqual(bars.groups[0]?.bars.at(-1), { label: 'day 7', values: parts });
});

test('with many different strategies there are three bars of each: beginning, middle, end', () => {
  const record = leakRecord();
  for (const [at, { parts }] of record.results.series.entries()) parts.live[0] = 1000 + at;
  const groups = section(record, 'Memory').bars?.groups ?? [];
  assert.equal(groups.length, 4);
  record.results.series.push(
    ...['e', 'f'].map((strategy, at) => {
      const copy = structuredClone(record.results.series[0]);
      assert.ok(copy !== undefined);
      copy.parts.live[0] = 2000 + at;
      return { ...copy, strategy };
    }),
  );
  const bars = section(record, 'Memory').bars?.groups[5]?.bars ?? [];
  assert.deepEqual(
    bars.map(({ label }) => label),
    ['day 0', 'day 4', 'day 7'],
  );
});

test('the largest caches are shown, live and removed, together if they do not differ', () => {
  const record = leakRecord();
  const same = section(record, 'Slab by cache');
  assert.deepEqual(same.table?.columns, ['live', 'removed']);
  assert.equal(same.table?.rows.length, 8);
  assert.match(same.how, /the same under all strategies\. 13 smaller ones/);
  const { caches } = record.results.series[0] ?? { caches: [] };
  const sizes = [...caches].sort((a, b) => b.liveBytes + b.deadBytes - a.liveBytes - a.deadBytes);
  assert.deepEqual(
    same.table?.rows.map(({ label }) => label),
    sizes.slice(0, 8).map(({ cache }) => cache),
  );
  const [largest] = sizes;
  assert.ok(largest !== undefined);
  largest.deadBytes = 3 * 2 ** 30;
  const apart = section(record, 'Slab by cache');
  assert.deepEqual(apart.table?.columns, ['pin', 'scan-pages', 'list-pages', 'splice-caches']);
  assert.equal(row(apart, largest.cache)[0], '656 KiB + 3 GiB');
  // Nothing is added where nothing was left.
  assert.equal(row(apart, 'task_struct')[0], '32 KiB');
});

test('what keeps the dying adds up', () => {
  const record = leakRecord();
  const [pin] = record.results.series;
  assert.ok(pin !== undefined);
  const kept = () => section(record, 'What keeps');
  assert.deepEqual(row(kept(), 'kept by slab alone'), ['1,411', '0', '0', '0']);
  assert.deepEqual(row(kept(), 'kept by page cache'), ['68', '68', '68', '68']);
  pin.keptBySlab[7] = (pin.keptBySlab[7] ?? 0) - 11;
  assert.equal(row(kept(), 'kept by neither')[0], '11');
  assert.equal(row(kept(), 'ids in use of 65,535').length, 4);
});

test('violations are named with their host, five of them', () => {
  const notes = section(leakRecord({ violations: 7 }), 'What broke').notes ?? [];
  assert.equal(notes.length, 6);
  assert.match(notes[0]?.text ?? '', /^splice-caches, host 2: C-A: memcg 3 is charged/);
  assert.match(notes[5]?.text ?? '', /^2 more in the record/);
});

test('parameters: the terminal has those that were chosen, Markdown all of them, folded', () => {
  const record = leakRecord();
  const page = renderTerminal(record, { width: 100, color: false });
  assert.match(page, /^host\.cpus +64 {2}not published; two sockets/m);
  assert.doesNotMatch(page, /^host\.idsHeldUntil/m);
  assert.match(page, /Not shown: 9 that are as usual/);
  const markdown = renderMarkdown(record);
  assert.match(markdown, /<details><summary>All 48<\/summary>\n\n\| \| value \| from \|/);
  assert.match(markdown, /^\| host\.idsHeldUntil \| offline \| default \|$/m);
  assert.match(markdown, /\n\n<\/details>\n/);
});

test('strings of a leak can neither steer a terminal nor break a Markdown table', () => {
  const evil = '\u001b]0;owned\u0007| `x` </details><b>\n# heading';
  const record = structuredClone(leakRecord({ violations: 1 }));
  const { scenario, published, series, runs } = record.results;
  assert.ok(published !== null);
  Object.assign(scenario, { name: evil, about: evil });
  scenario.parameters[0] = { key: evil, value: evil, from: evil };
  Object.assign(published, { source: evil, what: evil });
  for (const one of [...series, ...runs]) if (one.strategy === 'pin') one.strategy = evil;
  for (const { caches } of series) if (caches[0] !== undefined) caches[0].cache = evil;
  runs.at(-1)?.violations.push(evil);
  validateRecord(structuredClone(record));
  const terminal = renderTerminal(record, { width: 80, color: false });
  const controls = [...terminal].filter((letter) => /\p{Cc}/u.test(letter) && letter !== '\n');
  assert.deepEqual(controls, []);
  const markdown = renderMarkdown(record);
  assert.doesNotMatch(markdown, /^# heading/m);
  // Between the marks of a code block nothing needs to be escaped.
  const text = markdown.replace(/^```text\n[\s\S]*?^```$/gm, '');
  assert.equal(text.match(/<\/details>/g)?.length, 1);
  const fence = leakRecord();
  for (const one of fence.results.series) if (one.strategy === 'pin') one.strategy = '```';
  assert.equal(renderMarkdown(fence).match(/^```$/gm)?.length, 2);
});

test('nothing is shown as NaN, undefined or infinite, whatever is missing', () => {
  const looks = [
    { hosts: 0, hostsWanted: 5 },
    { strategies: ['splice-caches'] },
    { days: [0, 0, 0, 0, 0, 0, 0, 0] },
    { hosts: 1, strategies: ['pin'], published: false },
  ];
  for (const look of looks) {
    const record = leakRecord(look);
    for (const text of [
      renderTerminal(record, { width: 80, color: false }),
      renderMarkdown(record),
    ]) {
      assert.doesNotMatch(text, /NaN|undefined|Infinity|null/);
    }
  }
});

test('nothing on the page is called measured', () => {
  const record = leakRecord();
  assert.match(
    leakPage(record).facts[0] ?? '',
    /simulated on a virtual clock, nothing here is mea/,
  );
  assert.match(renderMarkdown(record), /^## Simulated on$/m);
  assert.doesNotMatch(renderMarkdown(record), /^## Measured on$/m);
});

test('run shows the chart and the sentences, and only counts hosts as missing that are', () => {
  const compare = syntheticCompare({ sizes: [1000] });
  const leak = leakRecord();
  const run: CompareRecord = {
    ...{ ...compare, command: 'run' },
    results: { ...compare.results, leak: leak.results },
  };
  const page = renderTerminal({ ...run, complete: false }, { width: 100, color: false });
  assert.match(page, /^DYING CGROUPS: 3 hosts of web-frontend.*simulated on a virtual clock/m);
  assert.match(page, /^- pin: after 7 days 1,479 cgroups are dying/m);
  assert.doesNotMatch(page, /MEMORY BY WHAT|SCENARIO|Ended early|leak --continue/);
  const before = renderTerminal({ ...compare, command: 'run' }, { width: 100, color: false });
  assert.doesNotMatch(before, /DYING CGROUPS/);
});

test('how much of slab is objects: of removed cgroups apart, where they have slabs of their own', () => {
  const record = leakRecord();
  const used = (of: LeakRecord) => {
    const kept = section(of, 'What keeps them');
    return [row(kept, 'slab used by objects'), row(kept, '  that of removed cgroups')];
  };
  const withDead = (dead: (strategy: string, deadSlab: number[]) => number[]): LeakRecord => {
    const series = record.results.series.map((one) => ({
      ...one,
      deadObjectBytes: dead(one.strategy, one.parts.deadSlab),
    }));
    return { ...record, results: { ...record.results, series } };
  };
  const half = (strategy: string, slab: number[]) =>
    slab.map((bytes) => (strategy === 'pin' ? bytes / 2 : 0));
  assert.deepEqual(used(withDead(half))[1], ['50 %', '-', '-', '-']);
  assert.deepEqual(used(withDead(() => [])), [['55 %', '55 %', '55 %', '55 %'], []]);
});
