/** `replay` as a user starts it: a recorded trace, its page and record, and what is refused. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import {
  type ReplayRecord,
  renderMarkdown,
  renderTerminal,
  validateRecord,
} from '../../reports/index.ts';
import { matchesFile } from '../reports/golden-file.ts';
import { refuse, runCli, startCli, temporaryFolder } from './run-cli.ts';

const TRACE = fileURLToPath(
  new URL('../../../test/fixtures/traces/small-12.txt.gz', import.meta.url),
);
const TRUTH = TRACE.replace('.txt.gz', '.truth.tsv');

/** What does not depend on the machine and the moment. */
function timeless(record: ReplayRecord): ReplayRecord {
  return {
    ...record,
    ...{ startedAt: '2026-11-25T00:00:00.000Z', version: '0.1.0' },
    environment: {
      ...{ node: 'v20', v8: '11', os: 'Linux', cpuModel: 'a CPU', cpus: 2, memoryBytes: 2 ** 33 },
      ...{ loadAverage: 0, warnings: [] },
    },
    results: { ...record.results, files: ['small.trace.gz'], eventsPerSecond: {} },
  };
}

test('a trace is replayed under each strategy, beside what was measured', async (t) => {
  const cwd = temporaryFolder(t);
  const { code, stdout, stderr } = await runCli(
    ['replay', TRACE, '--truth', TRUTH, '--json', 'r.json'],
    cwd,
  );
  assert.equal(code, 0, stderr);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  const record = validateRecord(JSON.parse(readFileSync(join(cwd, 'r.json'), 'utf8')), 'r.json');
  assert.ok(record.command === 'replay');
  const { results } = record;
  assert.deepEqual(
    results.series.map(({ strategy }) => strategy),
    ['pin', 'splice-caches', 'objcg', 'objcg+7.1'],
  );
  assert.deepEqual([results.bad, results.lost, results.anomalies], [0, 0, {}]);
  for (const row of results.truth ?? []) {
    const replayed = row.replayed['splice-caches'] ?? Number.NaN;
    assert.ok(Math.abs(replayed - row.measured) <= 3, JSON.stringify(row));
  }
  assert.ok((results.truth ?? []).length > 10);
  for (const { allocs, frees, reused, live } of results.liveObjects) {
    assert.equal(live, allocs - frees - reused);
  }
  const still = timeless(record);
  for (const width of [80, 120]) {
    matchesFile(
      `test/reports/golden/replay-${width}.txt`,
      `${renderTerminal(still, { width, color: false })}\n`,
    );
  }
  matchesFile('test/reports/golden/replay.md.txt', renderMarkdown(still));
});

test('a trace may come from a pipe, and page cache may be chosen', async (t) => {
  const cwd = temporaryFolder(t);
  const args = [
    'replay',
    '-',
    '--strategies',
    'splice-caches',
    '--page-cache',
    'pins',
    '--json',
    '-',
  ];
  const child = startCli(args, cwd);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  child.stdin.end(gunzipSync(readFileSync(TRACE)));
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.equal(code, 0);
  const record = validateRecord(JSON.parse(text), 'stdout');
  assert.ok(record.command === 'replay');
  assert.deepEqual(
    record.results.series.map(({ strategy }) => strategy),
    ['splice-caches'],
  );
  assert.ok(record.results.cgroups > 5);
});

test('--scale is the trace again, with cgroups, tasks, objects and files of its own', async (t) => {
  const cwd = temporaryFolder(t);
  const results: ReplayRecord['results'][] = [];
  for (const scale of ['1', '3']) {
    const args = ['replay', TRACE, '--strategies', 'splice-caches', '--page-cache', 'pins'];
    const { stdout } = await runCli([...args, '--scale', scale, '--json', '-'], cwd);
    const record = validateRecord(JSON.parse(stdout), 'stdout');
    assert.ok(record.command === 'replay');
    results.push(record.results);
  }
  const [once, thrice] = results;
  assert.ok(once !== undefined && thrice !== undefined);
  assert.deepEqual(
    [thrice.cgroups, thrice.removed, thrice.events],
    [3 * once.cgroups, 3 * once.removed, 3 * once.events],
  );
  const end = (one: ReplayRecord['results']) => one.series[0]?.dying.at(-1);
  assert.equal(end(thrice), 3 * (end(once) ?? Number.NaN), 'what stays of one turn stays of each');
  const before = new Map(once.liveObjects.map((one) => [one.cache, one]));
  for (const one of thrice.liveObjects) {
    const single = before.get(one.cache);
    assert.equal(one.allocs, 3 * (single?.allocs ?? 0), one.cache);
    assert.equal(
      one.reused,
      3 * (single?.reused ?? 0),
      `${one.cache}: pointers of a turn are its own`,
    );
  }
});

test('what one turn leaves is not taken up by the next', async (t) => {
  const cwd = temporaryFolder(t);
  const line = (what: string) =>
    `a-9 [000] ..... 1.000001: cgroup_${what}: root=4 id=7 level=1 path=/7\n`;
  writeFileSync(join(cwd, 'f'), line('rmdir') + line('mkdir'));
  const args = ['replay', 'f', '--strategies', 'pin', '--scale', '3', '--json', '-'];
  const record = validateRecord(JSON.parse((await runCli(args, cwd)).stdout), 'stdout');
  assert.ok(record.command === 'replay');
  assert.deepEqual([record.results.cgroups, record.results.removed], [3, 0]);
});

test('a trace that was recorded for some tasks alone is recognised', async (t) => {
  const cwd = temporaryFolder(t);
  const filtered = fileURLToPath(
    new URL('../../../test/fixtures/traces/formats/small-pidfilter-9000.gz', import.meta.url),
  );
  for (const [file, warned] of [
    [filtered, true],
    [TRACE, false],
  ] as const) {
    const { stdout } = await runCli(['replay', file, '--strategies', 'pin', '--json', '-'], cwd);
    const record = validateRecord(JSON.parse(stdout), 'stdout');
    const found = record.environment.warnings.some((one) => one.includes('set_event_pid'));
    assert.equal(found, warned);
  }
});

test('--how-to-record prints commands', async (t) => {
  const { code, stdout } = await runCli(['replay', '--how-to-record'], temporaryFolder(t));
  assert.equal(code, 0);
  assert.match(stdout, /^mkdir -p instances\/slabsplice/m);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 110, line);
});

const GOOD = 'a-9 [000] ..... 1.000001: kmem_cache_free: call_site=f ptr=00000000ff1a8273 name=x\n';
const REFUSED: readonly [what: string, text: string | null, args: string[], says: RegExp][] = [
  ['no file', null, [], /^slabsplice: replay: no FILE given; name a trace/m],
  ['a file that is not there', null, ['nowhere'], /nowhere: no such file; check the path/],
  ['a folder', null, ['.'], /\.: is a directory; name a file in it/],
  ['an empty file', '', ['f'], /f: is empty; record one as slabsplice replay --how-to-record says/],
  ['text', 'hello\nworld\n', ['f'], /f: has no line that is an event of ftrace text; record one/],
  [
    'another kind of trace',
    'a-9 [000] ..... 1.000001: sched_switch: x\n',
    ['f'],
    /but sched_switch\); rec/,
  ],
  [
    'a bad line under --strict',
    `${GOOD}oops\n`,
    ['f', '--strict'],
    /f:2: a line that is no event; leave out/,
  ],
  [
    'a truth that is none',
    GOOD,
    ['f', '--truth', 'f'],
    /f:1: is not a table of measured values; give/,
  ],
];

for (const [what, text, args, says] of REFUSED) {
  test(`refused: ${what}`, async (t) => {
    const cwd = temporaryFolder(t);
    if (text !== null) writeFileSync(join(cwd, 'f'), text);
    const { code, stdout, stderr } = await refuse(['replay', ...args], cwd);
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, says);
  });
}
