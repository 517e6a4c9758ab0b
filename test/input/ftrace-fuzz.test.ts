/**
 * Mutated real lines: each is what the naive reader says, or counted as bad; none is lost, nothing but an InputError is
 * thrown, and memory stays what it was. `SLABSPLICE_TRACE_CASES=5000000` soaks.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import { InputError } from '../../bench/errors.ts';
import { createTraceReader, type TraceReader } from '../../bench/input/ftrace.ts';
import { randomBelow, seededRandom } from '../../bench/workload/random.ts';
import { fixture, isShort, READABLE, readPieces, skippedOf } from './ftrace-compare.ts';
import { naiveLine, type Seen, seenOf } from './ftrace-naive.ts';

const CASES = Number(process.env.SLABSPLICE_TRACE_CASES ?? 100_000);
/** Cases that one reader gets: what it learns from good lines is there for bad ones. */
const BATCH = 500;
const ALPHABET = ' -[]:=.()0123456789abcdefxsuN/\u0000\r\t#\u001b\u00e9,+_';
interface Source {
  readonly name: string;
  readonly lines: readonly string[];
}

const SOURCES: readonly Source[] = READABLE.map((name) => ({
  name,
  lines: Buffer.from(fixture(name))
    .toString('utf8')
    .split('\n')
    .slice(0, 600)
    .filter((line) => {
      const naive = naiveLine(line, isShort(name));
      return naive !== null && naive !== 'skipped';
    }),
}));
function pick<Value>(random: RandomGenerator, values: ArrayLike<Value>): Value {
  return values[randomBelow(random, values.length)] as Value;
}
/** One change of a line. */
function mutate(random: RandomGenerator, line: string, other: string): string {
  const at = randomBelow(random, line.length + 1);
  const letter = pick(random, ALPHABET);
  switch (randomBelow(random, 7)) {
    case 0:
      return line.slice(0, at) + letter + line.slice(at);
    case 1:
      return line.slice(0, at) + letter + line.slice(at + 1);
    case 2:
      return line.slice(0, at) + line.slice(at + 1 + randomBelow(random, 8));
    case 3:
      return line.slice(0, at);
    case 4:
      return line.slice(0, at) + other.slice(randomBelow(random, other.length + 1));
    case 5: {
      // Two words change places.
      const words = line.split(' ');
      const [a, b] = [randomBelow(random, words.length), randomBelow(random, words.length)];
      [words[a], words[b]] = [words[b] as string, words[a] as string];
      return words.join(' ');
    }
    default: {
      const words = line.split(' ');
      words.splice(randomBelow(random, words.length), 0, pick(random, words));
      return words.join(' ');
    }
  }
}
/** What a batch came to. */
interface Tally {
  events: number;
  /** Lines that the naive reader would have taken. */
  strict: number;
}

/** Good lines and changed ones in turn, through one reader. */
function fuzzBatch(random: RandomGenerator, { name, lines }: Source, cases: number, tally: Tally) {
  const short = isShort(name);
  let seen: Seen[] = [];
  const reader: TraceReader = createTraceReader(
    { event: (event) => seen.push(seenOf(event, (number) => reader.nameOf(number))) },
    { file: 'f', strict: false, refuse: false },
  );
  let expected = 0;
  for (let turn = 0; turn < cases; turn++) {
    const good = pick(random, lines);
    let line = good;
    for (let times = pick(random, [1, 1, 1, 2, 3]); times > 0; times--) {
      line = mutate(random, line, pick(random, lines));
    }
    seen = [];
    reader.push(Buffer.from(`${good}\n`));
    assert.deepEqual(seen, [naiveLine(good, short)], JSON.stringify(good));
    reader.push(Buffer.from(`${line}\n`));
    expected += 2;
    const naive = naiveLine(line.replace(/\r$/, ''), short);
    const [, one, more] = seen;
    assert.equal(more, undefined);
    if (one === undefined) {
      if (naive !== null && naive !== 'skipped') tally.strict++;
      continue;
    }
    tally.events++;
    assert.deepEqual(one, naive, JSON.stringify({ name, line }));
  }
  const summary = reader.end();
  assert.equal(summary.lines, expected);
  assert.equal(summary.events + skippedOf(summary) + summary.bad + summary.comments, expected);
}
test(`${CASES} mutated lines: each is what the naive reader says, or counted`, () => {
  const random = seededRandom(6);
  const tally: Tally = { events: 0, strict: 0 };
  const before = process.memoryUsage();
  for (let done = 0; done < CASES; done += BATCH) {
    fuzzBatch(random, pick(random, SOURCES), Math.min(BATCH, CASES - done), tally);
  }
  const after = process.memoryUsage();
  assert.ok(after.heapUsed + after.external < before.heapUsed + before.external + 2 ** 28);
  assert.ok(tally.events > CASES / 6, `${tally.events} were still events`);
  // Stricter than the naive reader, where a word more or less could be a line that was cut.
  assert.ok(tally.strict < CASES / 25, `${tally.strict} were refused`);
});
test('bytes of any kind: nothing but an InputError, no line lost, in strict and not', () => {
  const random = seededRandom(7);
  for (let turn = 0; turn < 2000; turn++) {
    const source = fixtureBytes(random);
    for (let times = 1 + randomBelow(random, 20); times > 0; times--) {
      source[randomBelow(random, source.length)] = randomBelow(random, 256);
    }
    const lines = source.filter((byte) => byte === 10).length;
    const unended = source.at(-1) === 10 ? 0 : 1;
    const { summary } = readPieces([source], { refuse: false });
    assert.equal(summary.lines, lines + unended);
    assert.equal(
      summary.events + skippedOf(summary) + summary.bad + summary.comments,
      summary.lines,
    );
    try {
      readPieces([source], { strict: true });
    } catch (error) {
      assert.ok(error instanceof InputError, String(error));
    }
  }
});
const WHOLE = SOURCES.map(({ name }) => fixture(name));
/** Some bytes of some trace. */
function fixtureBytes(random: RandomGenerator): Uint8Array {
  const bytes = pick(random, WHOLE);
  const start = randomBelow(random, bytes.length - 100);
  return bytes.slice(start, start + 100 + randomBelow(random, 3000));
}
