/** Whole recordings, where they are: every line against the naive reader, counts as known, and what is recognised. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { createTraceReader, readTrace, type TraceReader } from '../../bench/input/ftrace.ts';
import { assertSame, fixture, RECORDINGS, readPieces } from './ftrace-compare.ts';
import { naiveLine, type Seen, seenOf } from './ftrace-naive.ts';

const skip = existsSync(RECORDINGS) ? false : `the recordings are not at ${RECORDINGS}`;

function unpacked(name: string): Uint8Array {
  return gunzipSync(readFileSync(join(RECORDINGS, name)));
}

/** Events of the recordings by kind, in the order of TRACE. */
const COUNTS: readonly (readonly [file: string, lines: number, counts: readonly number[]])[] = [
  [
    'traces/small.trace.gz',
    127_424,
    [41_332, 47_570, 0, 0, 3130, 34_858, 51, 50, 50, 51, 0, 126, 126, 68],
  ],
  [
    'traces/small-pidfilter.trace.gz',
    104_072,
    [38_708, 25_372, 0, 0, 3231, 36_277, 51, 50, 0, 51, 0, 126, 126, 68],
  ],
  [
    'traces/medium.trace.gz',
    997_652,
    [
      ...[348_991, 330_599, 108_972, 170_696, 14_389, 18_682, 601, 600, 600, 601, 0, 1381, 1381],
      147,
    ],
  ],
  ['trace-cmd/report.txt.gz', 10_689, [6247, 4362, 0, 0, 0, 0, 9, 8, 2, 9, 0, 19, 20, 12]],
  ['trace-cmd/same-events.trace.gz', 10_700, [6247, 4362, 0, 0, 0, 0, 9, 8, 2, 9, 0, 19, 20, 12]],
];

for (const [file, lines, counts] of COUNTS) {
  test(`${file}: counts by kind, no line unexplained`, { skip }, async () => {
    const summary = await readTrace([join(RECORDINGS, file)], { event() {} }, { strict: true });
    assert.deepEqual(Object.values(summary.eventsByKind), counts);
    assert.deepEqual([summary.lines, summary.bad, summary.anomalies.length], [lines, 0, 0]);
    assert.deepEqual(summary.skipped, {});
    assert.equal(summary.pidFiltered === null, !file.includes('pidfilter'));
  });
}

for (const file of COUNTS.map(([name]) => name).filter((name) => !name.includes('medium'))) {
  test(`${file}: every event is what the naive reader says`, { skip }, () => {
    assertSame(file, unpacked(file));
  });
}

test('traces/medium.trace.gz: every tenth block of events is what the naive reader says', {
  skip,
}, () => {
  const bytes = unpacked('traces/medium.trace.gz');
  let seen: Seen[] | null = null;
  const reader: TraceReader = createTraceReader(
    { event: (event) => seen?.push(seenOf(event, (number) => reader.nameOf(number))) },
    { file: 'f', strict: true },
  );
  let compared = 0;
  for (let at = 0, block = 0; at < bytes.length; block++) {
    const end = bytes.indexOf(10, Math.min(bytes.length - 1, at + 200_000)) + 1;
    const piece = bytes.subarray(at, end);
    seen = block % 10 === 1 ? [] : null;
    reader.push(piece);
    if (seen !== null) {
      const lines = Buffer.from(piece).toString('utf8').split('\n').slice(0, -1);
      assert.deepEqual(
        seen,
        lines.map((line) => naiveLine(line)),
      );
      compared += seen.length;
    }
    at = end;
  }
  assert.ok(reader.end().events === 997_640 && compared > 90_000);
});

test('trace-cmd report and cat trace of the same events say the same', { skip }, () => {
  const { seen: report } = readPieces([unpacked('trace-cmd/report.txt.gz')]);
  const { seen: cat } = readPieces([unpacked('trace-cmd/same-events.trace.gz')]);
  // Hashed pointers, flags, sizes of functions and spellings of time differ; nothing else does.
  const alike = (one: Seen) => ({
    ...{ ...one, pointer: 0, interrupt: 0, callSite: String(one.callSite).replace(/\/.*/, '') },
    time: 0,
  });
  assert.deepEqual(report.map(alike), cat.map(alike));
  report.forEach((one, at) => {
    assert.ok(Math.abs(Number(one.time) - Number(cat[at]?.time)) <= 1);
  });
});

test('a trace of some tasks is recognised from its beginning, one of all is not', () => {
  const filtered = readPieces([fixture('small-pidfilter-9000')]).summary;
  assert.match(filtered.pidFiltered ?? '', /^all 2359 frees ran in tasks that allocate themselves/);
  assert.equal(readPieces([fixture('medium-4000')]).summary.pidFiltered, null);
});

test('by what a trace of some tasks is recognised', () => {
  const head = (pid: number, flags = '.....') =>
    `${'probe'.padStart(16)}-${String(pid).padEnd(7)} [000] ${flags}  1.000001: `;
  const alloc = 'kmalloc: call_site=f ptr=00000000ff1a8273 bytes_req=8 bytes_alloc=8 gfp_flags=X';
  const free = 'kfree: call_site=f ptr=00000000ff1a8273';
  const cgroup = (what: string) => `cgroup_${what}: root=4 id=1 level=1 path=/a`;
  const fork = 'sched_process_fork: comm=a pid=9 child_comm=a child_pid=10';
  const own = [head(9) + alloc, head(9) + fork, head(10) + free];
  const frees = (count: number) => Array.from({ length: count }, () => head(9) + free);
  const gone = Array.from({ length: 3 }, () => head(9) + cgroup('rmdir'));
  const why = (lines: readonly string[]) =>
    readPieces([Buffer.from(`${lines.join('\n')}\n`)]).summary.pidFiltered;
  assert.match(why([...own, ...frees(100), ...gone]) ?? '', /^3 cgroups were removed/);
  assert.equal(why([...own, ...frees(98), ...gone]), null, 'too few frees');
  assert.equal(why([...own, ...frees(100), ...gone.slice(1)]), null, 'too few removals');
  assert.match(why([...own, ...frees(1000)]) ?? '', /^all 1001 frees ran in tasks/);
  assert.equal(why([...own, ...frees(100), ...gone, head(7) + cgroup('release')]), null);
  assert.equal(why([...own, ...frees(100), ...gone, head(7) + free]), null, 'a stranger frees');
  assert.equal(why([...own, ...frees(100), ...gone, head(0, '..s1.') + free]), null, 'idle frees');
  assert.equal(why([...own, ...frees(100), ...gone, head(0) + alloc, head(0) + free]), null);
  assert.notEqual(why([...own, ...frees(100), ...gone, head(4_194_300) + alloc]), null);
});
