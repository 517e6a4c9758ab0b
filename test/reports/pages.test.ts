import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type CompareRecord,
  type ResultRecord,
  renderMarkdown,
  renderTerminal,
  validateRecord,
} from '../../reports/index.ts';
import { stripStyle, visibleLength } from '../../reports/terminal/text.ts';
import { claimsRecord } from './fixtures/claims-record.ts';
import { changedCompare, diffRecord } from './fixtures/diff-record.ts';
import { type LeakLook, leakRecord } from './fixtures/leak-record.ts';
import { smallRecords } from './fixtures/small-records.ts';
import { syntheticCompare } from './fixtures/synthetic-compare.ts';
import { syntheticExplore } from './fixtures/synthetic-explore.ts';
import { syntheticStorm } from './fixtures/synthetic-storm.ts';
import { matchesFile } from './golden-file.ts';

const compare = syntheticCompare();
const cutShort: CompareRecord = {
  ...syntheticCompare({ sizes: [1000], strategies: ['pin', 'list-pages'], rounds: 2 }),
  complete: false,
};
const run: CompareRecord = {
  ...compare,
  command: 'run',
  results: { ...compare.results, storm: syntheticStorm().results },
};
const withLeak: CompareRecord = {
  ...run,
  results: { ...run.results, leak: leakRecord({ hostsWanted: 4 }).results },
};
const perDay = { key: 'cgroupsPerDay', values: [100, 200, 400, 800] };
const leaks: Record<string, LeakLook> = {
  'leak-two-parameters': {
    ...{ published: false, hosts: 2, cellsMissing: 2, idsRunOut: true },
    sweep: [perDay, { key: 'files.count', values: [500, 1000, 2000] }],
  },
  'leak-one-parameter': { published: false, sweep: [perDay] },
  'leak-ids': { published: false, idsRunOut: true, idsHeldByDying: true },
  'leak-cut-short': { published: false, hosts: 1, hostsWanted: 5 },
  'leak-shard': { shard: { index: 2, of: 4 }, strategies: ['pin', 'splice-caches'] },
  'leak-broken': { violations: 7, changed: { cgroupsPerDay: 600 } },
  'leak-empty': { hosts: 0, hostsWanted: 5 },
};
const broken = syntheticExplore({ strategies: ['splice-caches'], violations: 5 });
const replayed = syntheticExplore({
  ...{ strategies: ['splice-caches'], scenarios: 1, search: 'replay', violations: 1 },
});
const records: [name: string, record: ResultRecord][] = [
  ['compare', compare],
  ['cut-short', cutShort],
  ...smallRecords().map((record): [string, ResultRecord] => [record.command, record]),
  ['storm', syntheticStorm()],
  ['storm-broken', syntheticStorm({ violations: 7 })],
  ['storm-failed', syntheticStorm({ strategies: ['pin'], failure: true, complete: false })],
  ['storm-one-cpu', syntheticStorm({ strategies: ['splice-caches'], rounds: 1, cpus: 1 })],
  ['storm-empty', syntheticStorm({ rounds: 0, complete: false })],
  ['run', run],
  ['run-leak', withLeak],
  ['leak', leakRecord()],
  ...Object.entries(leaks).map(([name, look]): [string, ResultRecord] => [name, leakRecord(look)]),
  ['explore', syntheticExplore({ mutants: 7, notExpressible: true, findings: 3 })],
  ['explore-broken', broken],
  ['explore-one-scenario', syntheticExplore({ scenarios: 1, mutants: 1, violations: 0 })],
  [
    'explore-escaped',
    syntheticExplore({
      ...{ cutShort: 3, violations: 1, mutants: 7, escaped: 2, escapedCutShort: 1, findings: 4 },
      complete: false,
      failures: ['lru + offline under pin: CPU 1 does not come to its next shared step'],
    }),
  ],
  ['explore-random', syntheticExplore({ search: 'random', strategies: ['objcg'] })],
  ['explore-replay', replayed],
  ['explore-finding', syntheticExplore({ scenarios: 0, findings: 1 })],
  ['claims', claimsRecord()],
  ['claims-alone', claimsRecord({ alone: true })],
  ['claims-cut-short', claimsRecord({ cutShort: true })],
  ['diff', changedCompare()],
  ['diff-same', diffRecord(claimsRecord(), claimsRecord())],
  ['explore-empty', syntheticExplore({ scenarios: 0, complete: false })],
];

for (const [name, record] of records) {
  test(`${name}: the page at 80 columns`, () => {
    matchesFile(
      `test/reports/golden/${name}-80.txt`,
      renderTerminal(record, { width: 80, color: false }),
    );
  });

  test(`${name}: the Markdown page`, () => {
    matchesFile(`test/reports/golden/${name}.md.txt`, renderMarkdown(record));
  });

  test(`${name}: no line is longer than the width, colour adds only colour`, () => {
    for (const width of [40, 60, 79, 80, 81, 100, 120, 200]) {
      const plain = renderTerminal(record, { width, color: false });
      for (const line of plain.split('\n')) {
        assert.ok(visibleLength(line) <= width, `${visibleLength(line)} > ${width}: ${line}`);
        assert.equal(line, line.trimEnd());
      }
      const colored = renderTerminal(record, { width, color: true });
      assert.notEqual(colored, plain);
      const stripped = stripStyle(colored).replace(/ +$/gm, '');
      assert.equal(stripped, plain);
    }
  });
}

test('compare: the page at 120 columns', () => {
  matchesFile(
    'test/reports/golden/compare-120.txt',
    renderTerminal(compare, { width: 120, color: false }),
  );
});

test('diff: the page at 120 columns, and in colour', () => {
  for (const [name, width, color] of [
    ['diff-120', 120, false],
    ['diff-80-color', 80, true],
  ] as const) {
    matchesFile(
      `test/reports/golden/${name}.txt`,
      renderTerminal(changedCompare(), { width, color }),
    );
  }
});

test('claims: the page at 120 columns', () => {
  matchesFile(
    'test/reports/golden/claims-120.txt',
    renderTerminal(claimsRecord(), { width: 120, color: false }),
  );
});

test('storm: the page at 120 columns', () => {
  matchesFile(
    'test/reports/golden/storm-120.txt',
    renderTerminal(syntheticStorm(), { width: 120, color: false }),
  );
});

test('leak: the page at 120 columns', () => {
  matchesFile(
    'test/reports/golden/leak-120.txt',
    renderTerminal(leakRecord(), { width: 120, color: false }),
  );
});

test('leak: a sweep over two parameters in colour', () => {
  matchesFile(
    'test/reports/golden/leak-two-parameters-80-color.txt',
    renderTerminal(leakRecord(leaks['leak-two-parameters']), { width: 80, color: true }),
  );
});

test('explore: a schedule step by step at 120 columns, sources to the right', () => {
  matchesFile(
    'test/reports/golden/explore-broken-120.txt',
    renderTerminal(broken, { width: 120, color: false }),
  );
});

test('explore: a schedule step by step in colour', () => {
  matchesFile(
    'test/reports/golden/explore-replay-80-color.txt',
    renderTerminal(replayed, { width: 80, color: true }),
  );
});

test('storm: broken invariants in colour', () => {
  matchesFile(
    'test/reports/golden/storm-broken-80-color.txt',
    renderTerminal(syntheticStorm({ violations: 7 }), { width: 80, color: true }),
  );
});

test('every synthetic record is a valid one', () => {
  for (const [name, record] of records) validateRecord(structuredClone(record), name);
});

test('compare: the page in colour', () => {
  matchesFile(
    'test/reports/golden/compare-80-color.txt',
    renderTerminal(compare, { width: 80, color: true }),
  );
});

test('compare: three sizes fit in a screen and a half', () => {
  const lines = renderTerminal(compare, { width: 80, color: false }).trimEnd().split('\n');
  assert.ok(lines.length <= 75, `${lines.length} lines`);
});

test('run without a storm shows what compare shows, and all of it in a few lines before', () => {
  const alone = renderTerminal({ ...compare, command: 'run' }, { width: 80, color: false });
  const same = renderTerminal(compare, { width: 80, color: false });
  const [paragraph = ''] = /- In short,[\s\S]*?\n(?=[-+!] )/.exec(alone) ?? [];
  assert.notEqual(paragraph, '');
  assert.equal(alone.replace(paragraph, '').replace('0.1.0 run', '0.1.0 compare'), same);
});

test('strings of a record can neither steer a terminal nor break a Markdown table', () => {
  const evil = '\u001b]0;owned\u0007| `x` <b>\n# heading';
  const record = structuredClone(compare);
  record.environment.cpuModel = evil;
  record.environment.warnings = [evil];
  record.results.population.notes = [evil];
  for (const entry of record.results.offline) if (entry.strategy === 'pin') entry.strategy = evil;
  const terminal = renderTerminal(record, { width: 80, color: false });
  const controls = [...terminal].filter((letter) => /\p{Cc}/u.test(letter) && letter !== '\n');
  assert.deepEqual(controls, []);
  const markdown = renderMarkdown(record);
  assert.doesNotMatch(markdown, /^# heading/m);
  const rows = markdown.split('\n').filter((line) => line.startsWith('|'));
  const widths = new Set(rows.map((row) => row.replaceAll('\\|', '').split('|').length));
  // A label and four or five strategies: "pin" is still there under its name on the hot path.
  assert.deepEqual([...widths].sort(), [7, 8]);
});

test('a record with nothing measured still gives a page', () => {
  const empty = syntheticCompare({ sizes: [], strategies: [] });
  const page = renderTerminal({ ...empty, complete: false }, { width: 80, color: false });
  assert.match(page, /Cut short: .*no removal was measured/);
  assert.match(page, /there is no verdict/);
  assert.doesNotMatch(page, /NaN|Infinity|undefined/);
});

test('missing figures are shown as missing, never as NaN', () => {
  const record = structuredClone(compare);
  record.results.offline = record.results.offline.filter(
    (entry) => entry.strategy !== 'list-pages' || entry.pages !== 1_000_000,
  );
  record.results.growth = [];
  record.results.hotPath = record.results.hotPath.filter((entry) => entry.strategy !== 'pin');
  record.results.footprint = record.results.footprint.slice(1);
  record.results.leftBehind = [];
  for (const width of [80, 120]) {
    const page = renderTerminal(record, { width, color: false });
    assert.doesNotMatch(page, /NaN|Infinity|undefined|growth exponent +\d/);
    assert.match(page, /1,000,000 pages .* - /);
  }
});

test('several numbers of caches and several CPUs are told apart', () => {
  const record = structuredClone(compare);
  const more = structuredClone(record.results.offline).map((entry) => ({ ...entry, caches: 2000 }));
  record.results.offline.push(...more);
  record.results.hotPath.push(...record.results.hotPath.map((entry) => ({ ...entry, cpus: 4 })));
  const page = renderTerminal(record, { width: 120, color: false });
  assert.match(page, /1,000 pages, 100 caches/);
  assert.match(page, /1,000 pages, 2,000 caches/);
  assert.match(page, /churn, 4 CPUs/);
});
