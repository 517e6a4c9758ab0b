/** The reader of ftrace text: every format against the naive reader, cuts anywhere, and what it says at the end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../../bench/errors.ts';
import { createTraceReader, type TraceReader } from '../../bench/input/ftrace.ts';
import {
  assertSame,
  FIXTURES,
  fixture,
  READABLE,
  REFUSED,
  readPieces,
  readText,
} from './ftrace-compare.ts';

for (const name of READABLE) {
  test(`${name}: every line is what the naive reader says`, () => {
    const { seen } = assertSame(name, fixture(name));
    assert.ok(seen.length > 0);
  });
}
for (const name of Object.keys(REFUSED)) {
  test(`${name}: refused with what to do instead`, () => {
    const says = REFUSED[name] as RegExp;
    assert.throws(
      () => readPieces([fixture(name)]),
      (error) => error instanceof InputError && says.test(error.message),
    );
  });
}
test('every format of the recordings is here', () => {
  assert.ok(FIXTURES.length >= 32);
});
/** What the reader finds out about each format: clock, format, flags, pointers, names missing, lost. */
const FOUND: Readonly<Record<string, readonly [string, string, boolean, string, number, number]>> =
  {
    'clock-boot': ['seconds', 'cat trace', true, 'hashed', 0, 0],
    'clock-counter': ['count', 'cat trace', true, 'hashed', 0, 0],
    'clock-tai': ['epoch', 'cat trace', true, 'hashed', 0, 0],
    'clock-uptime': ['count', 'cat trace', true, 'hashed', 0, 0],
    'clock-x86-tsc': ['count', 'cat trace', true, 'hashed', 0, 0],
    fields: ['seconds', 'cat trace', true, 'raw', 0, 0],
    'kernel-6.1-trace': ['seconds', 'cat trace', true, 'hashed', 4, 0],
    'latency-format': ['relative', 'latency-format', true, 'hashed', 0, 0],
    'nohash-ptr': ['seconds', 'cat trace', true, 'raw', 0, 0],
    'noirq-info': ['seconds', 'cat trace', false, 'hashed', 0, 0],
    'overrun-trace': ['seconds', 'cat trace', true, 'hashed', 0, 46_394],
    trace_pipe: ['seconds', 'cat trace', true, 'hashed', 0, 7844],
    'trace_pipe-lost': ['seconds', 'cat trace', true, 'hashed', 0, 9431],
    'trace-cmd-report': ['seconds', 'trace-cmd report', false, 'raw', 0, 0],
    'trace-cmd-report-fullts': ['seconds', 'trace-cmd report', false, 'raw', 0, 0],
    'trace-cmd-report-latency': ['seconds', 'trace-cmd report', true, 'raw', 0, 0],
    'trace-cmd-report-noplugins': ['seconds', 'trace-cmd report', false, 'raw', 0, 0],
    'trace-cmd-report-toplevel-6.12': ['seconds', 'trace-cmd report', false, 'raw', 3, 0],
    'medium-middle': ['seconds', 'cat trace', true, 'raw', 0, 0],
  };
for (const [name, found] of Object.entries(FOUND)) {
  test(`${name}: clock, format and the rest are recognised`, () => {
    const { clock, format, hasFlags, pointers, namesMissing, lost } = readPieces([
      fixture(name),
    ]).summary;
    assert.deepEqual([clock, format, hasFlags, pointers, namesMissing, lost], found);
  });
}
test('the summary adds up', () => {
  const { summary } = readPieces([fixture('medium-4000')]);
  const { eventsByKind } = summary;
  assert.equal(Object.keys(eventsByKind).length, 14);
  assert.equal(
    Object.values(eventsByKind).reduce((sum, count) => sum + count, 0),
    summary.events,
  );
  assert.deepEqual([summary.hasKmalloc, summary.hasKfree], [true, true]);
  const none = readPieces([fixture('kernel-6.1-trace')]).summary;
  assert.deepEqual([none.hasKmalloc, none.hasKfree], [false, false]);
  const counted = readPieces([fixture('clock-counter')]).summary;
  assert.ok(counted.firstTime === 3 && counted.lastTime > 2000);
  assert.equal(readPieces([fixture('default')]).summary.firstTime, 3_948_323_419);
});
test('lines may be cut anywhere: in two at every byte, in single bytes, at random', () => {
  for (const name of ['default', 'trace-cmd-report-raw', 'fields', 'medium-middle']) {
    const bytes = fixture(name).subarray(0, 6000);
    const whole = readPieces([bytes]);
    assert.ok(whole.seen.length > 10);
    const same = (pieces: readonly Uint8Array[]) => assert.deepEqual(readPieces(pieces), whole);
    for (let at = 0; at <= bytes.length; at += name === 'default' ? 1 : 37) {
      same([bytes.subarray(0, at), bytes.subarray(at)]);
    }
    same([...bytes].map((byte) => Uint8Array.of(byte)));
    fc.assert(
      fc.property(fc.array(fc.nat({ max: bytes.length }), { maxLength: 12 }), (cuts) => {
        const ends = [...new Set([...cuts, bytes.length])].sort((a, b) => a - b);
        same(ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end)));
      }),
      { numRuns: 50 },
    );
  }
});
test('a piece larger than what is taken at a time, and the same once more', () => {
  const once = fixture('medium-middle');
  const many = Buffer.concat(Array.from({ length: 3 }, () => once));
  assert.ok(many.length > 1_000_000);
  const single = readPieces([once]);
  const { seen, summary } = readPieces([many]);
  assert.deepEqual(seen, [...single.seen, ...single.seen, ...single.seen]);
  assert.equal(summary.lines, 3 * single.summary.lines);
  assert.ok(summary.anomalies.some(({ kind }) => kind === 'time runs backwards on a CPU'));
});
test('what comes after an event does not change it: heads, names and instances are bytes compared', () => {
  // The same tasks, then names and heads that begin alike, and an instance that comes and goes.
  const event = 'kmem_cache_free: call_site=f+0x1/0x2 ptr=00000000ff1a8273 name=';
  const head = (comm: string, pid: string, cpu = '000') =>
    `${comm.padStart(16)}-${pid.padEnd(7)} [${cpu}] .....  1600.088396: ${event}`;
  const lines = ['x', 'xy', 'dentry', 'dentry2', 'dentrz'].flatMap((name) =>
    [
      head('probe-gen', '9072'),
      head('probe-gen', '9073'),
      head('probe-gen', '9072', '001'),
      head('qrobe-gen', '9072'),
      `probe_tc: ${head('probe-gen', '9072')}`,
      `probe_td: ${head('probe-gen', '9072')}`,
      head('probe-gen', '90721'),
      head('probe-gen', '907'),
    ].map((start) => start + name),
  );
  const text = `${[...lines, ...lines].join('\n')}\n`;
  assertSame('heads', Buffer.from(text));
  const { seen } = readText(text);
  assert.deepEqual(
    seen.slice(0, 8).map(({ pid, cpu }) => [pid, cpu]),
    [
      [9072, 0],
      [9073, 0],
      [9072, 1],
      [9072, 0],
      [9072, 0],
      [9072, 0],
      [90_721, 0],
      [907, 0],
    ],
  );
});
test('events are handed over in one object, without a string made for the hot ones', () => {
  const objects = new Set<object>();
  const reader = createTraceReader(
    { event: (event) => objects.add(event) },
    { file: 'f', strict: false },
  );
  reader.push(fixture('medium-4000'));
  reader.end();
  assert.equal(objects.size, 1);
});
test('constant memory: texts that never end are forgotten, and say so', () => {
  const mark = (text: string) =>
    `             a-9       [000] .....  1600.088396: tracing_mark_write: ${text}\n`;
  let first = -1;
  let forgotten = 0;
  const reader: TraceReader = createTraceReader(
    {
      event({ text, line }) {
        if (first < 0) first = text;
        assert.equal(reader.nameOf(text), `number ${line - 1}`);
        if (line % 1000 !== 0) return;
        try {
          assert.equal(reader.nameOf(first), 'number 0');
        } catch (error) {
          assert.ok(error instanceof RangeError && /forgotten/.test(error.message));
          forgotten++;
        }
      },
    },
    { file: 'f', strict: true },
  );
  for (let at = 0; at < 100_000; at++) reader.push(Buffer.from(mark(`number ${at}`)));
  assert.equal(reader.end().events, 100_000);
  assert.ok(forgotten > 10, 'the first is forgotten');
});
