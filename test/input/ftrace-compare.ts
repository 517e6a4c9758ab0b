/** The fast reader and the naive one on the same bytes. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import {
  createTraceReader,
  type TraceOptions,
  type TraceReader,
  type TraceSummary,
} from '../../bench/input/ftrace.ts';
import type { TraceEvent } from '../../bench/input/ftrace-events.ts';
import { naiveLine, type Seen, seenOf } from './ftrace-naive.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const FOLDER = join(ROOT, 'test', 'fixtures', 'traces', 'formats');
/** Whole recordings, which are beside the repository or nowhere. */
export const RECORDINGS = join(ROOT, '..', 'shared', 'data');
/** Pieces of recordings, one a format. */
export const FIXTURES = readdirSync(FOLDER).map((name) => name.replace(/\.gz$/, ''));
/** Those of them that cannot be replayed, and why. */
export const REFUSED: Readonly<Record<string, RegExp>> = {
  'event-formats': /^f: is the format of an event, no trace; record one as slabsplice replay /,
  'nocontext-info': /^f: .* without task, CPU and time; echo 1 > options\/context-info/,
  'overrun-stats': /^f: is the stats file of a CPU, no trace; give the trace beside it$/,
  'per-cpu-stats': /^f: is the stats file of a CPU, no trace; give the trace beside it$/,
  raw: /^f: is a raw ftrace text, which has no fields; echo 0 > options\/raw/,
};
export const READABLE = FIXTURES.filter((name) => !(name in REFUSED));
/** Bytes of a fixture, unpacked. */
export function fixture(name: string): Uint8Array {
  return gunzipSync(readFileSync(join(FOLDER, `${name}.gz`)));
}
/** Whether CPUs have no brackets in a file. */
export function isShort(name: string): boolean {
  return name.includes('latency');
}
/** What came of reading. */
export interface Read {
  readonly seen: Seen[];
  readonly lines: number[];
  readonly summary: TraceSummary;
}

/** Reads pieces with the fast reader. */
export function readPieces(
  pieces: Iterable<Uint8Array>,
  options: Partial<TraceOptions> = {},
  look: (event: TraceEvent) => void = () => {},
): Read {
  const seen: Seen[] = [];
  const lines: number[] = [];
  const reader: TraceReader = createTraceReader(
    {
      event(event) {
        seen.push(seenOf(event, (number) => reader.nameOf(number)));
        lines.push(event.line);
        look(event);
      },
    },
    { file: 'f', strict: false, ...options },
  );
  for (const piece of pieces) reader.push(piece);
  return { seen, lines, summary: reader.end() };
}
/** Reads text that may be anything. */
export function readText(text: string, options: Partial<TraceOptions> = {}): Read {
  return readPieces([Buffer.from(text)], { refuse: false, ...options });
}
/** Lost lines: of trace_pipe, or of the header. */
const AROUND = /^(?:#|$|(?:\d+:)?CPU:\d+ \[LOST \d+ EVENTS\]$|cpus=\d+$|--$)/;
/** What a file should give, by the naive reader: events with their lines, and how many lines are what. */
function expectedOf(text: string, short: boolean) {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const seen: Seen[] = [];
  const places: number[] = [];
  let skipped = 0;
  let comments = 0;
  for (const [place, line] of lines.entries()) {
    if (AROUND.test(line)) {
      comments++;
      continue;
    }
    const naive = naiveLine(line, short);
    assert.notEqual(naive, null, `line ${place + 1} is not explained: ${line}`);
    if (naive === 'skipped' || naive === null) skipped++;
    else {
      seen.push(naive);
      places.push(place + 1);
    }
  }
  return { seen, places, skipped, comments, lines: lines.length };
}
/** The two agree on every line of a file, and on their numbers. */
export function assertSame(name: string, bytes: Uint8Array): Read {
  const expected = expectedOf(Buffer.from(bytes).toString('utf8'), isShort(name));
  const read = readPieces([bytes]);
  assert.deepEqual(read.seen, expected.seen);
  assert.deepEqual(read.lines, expected.places);
  const { summary } = read;
  assert.equal(summary.bad, 0);
  assert.equal(summary.lines, expected.lines);
  assert.equal(summary.comments, expected.comments);
  assert.equal(skippedOf(summary), expected.skipped);
  return read;
}
export function skippedOf(summary: TraceSummary): number {
  return Object.values(summary.skipped).reduce((sum, count) => sum + count, 0);
}
