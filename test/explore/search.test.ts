/** The bounded search against a naive oracle that runs every interleaving of small programs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { brokenBy, orderOf, sessionOfFile } from './exploring.ts';

const session = sessionOfFile();
const RUNS = Number(process.env.SLABSPLICE_EXPLORE_RUNS ?? 40);

/** A step of a program: what it is called, and what it does to words and its register. */
interface Step {
  readonly text: string;
  run(words: number[], register: number): number;
}

const word = fc.constantFrom(0, 1);
const value = fc.integer({ min: 0, max: 2 });
const nameOf = (index: number): string => 'xyz'.charAt(index);

const step: fc.Arbitrary<Step> = fc.oneof(
  word.map((w) => ({
    text: `load ${nameOf(w)}`,
    run: (words: number[]) => words[w] ?? 0,
  })),
  fc.tuple(word, value).map(([w, v]) => ({
    text: `store ${nameOf(w)} ${v}`,
    run(words: number[], register: number) {
      words[w] = v;
      return register;
    },
  })),
  fc.tuple(word, value).map(([w, v]) => ({
    text: `store ${nameOf(w)}+${v}`,
    run(words: number[], register: number) {
      words[w] = register + v;
      return register;
    },
  })),
  fc.tuple(word, value).map(([w, v]) => ({
    text: `add ${nameOf(w)} ${v}`,
    run(words: number[]) {
      const before = words[w] ?? 0;
      words[w] = before + v;
      return before;
    },
  })),
  fc.tuple(word, value, value).map(([w, a, b]) => ({
    text: `cas ${nameOf(w)} ${a} ${b}`,
    run(words: number[]) {
      const before = words[w] ?? 0;
      if (before === a) words[w] = b;
      return before;
    },
  })),
);

const program = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), {
  minLength: 2,
  maxLength: 3,
});

/** Every outcome, by brute force: words, then registers; with at most `bound` preemptions. */
function outcomes(threads: readonly (readonly Step[])[], bound: number): Set<string> {
  const found = new Set<string>();
  function go(at: number[], words: number[], registers: number[], last: number, left: number) {
    if (at.every((place, thread) => place === threads[thread]?.length)) {
      found.add(`outcome ${[...words, ...registers].join(' ')}`);
      return;
    }
    threads.forEach((steps, thread) => {
      const next = steps[at[thread] ?? 0];
      if (next === undefined) return;
      const lastSteps = threads[last];
      const preempts = last >= 0 && last !== thread && (at[last] ?? 0) < (lastSteps?.length ?? 0);
      if (preempts && left === 0) return;
      const after = [...words];
      const register = next.run(after, registers[thread] ?? 0);
      go(
        at.with(thread, (at[thread] ?? 0) + 1),
        after,
        registers.with(thread, register),
        thread,
        preempts ? left - 1 : left,
      );
    });
  }
  go(
    threads.map(() => 0),
    [0, 0, 0],
    threads.map(() => 0),
    -1,
    bound,
  );
  return found;
}

const nameFor = (threads: readonly (readonly Step[])[]): string =>
  `program:${threads.map((steps) => steps.map(({ text }) => text).join('; ')).join(' | ')}`;

test('a search finds exactly the outcomes that brute force finds, at any bound', async () => {
  await fc.assert(
    fc.asyncProperty(program, fc.integer({ min: 0, max: 8 }), async (threads, bound) => {
      const answer = await session.run(orderOf(nameFor(threads), { kind: 'bounded', bound }));
      assert.equal(answer.search.failure, null);
      assert.equal(answer.search.exhaustive, true);
      // Leaving a CPU before its first or after its last step of the program is a preemption of the
      // machine, which enters and leaves it, but not of the program: so the bounded sets may differ there.
      const found = new Set(brokenBy(answer));
      if (bound >= 8) assert.deepEqual(found, outcomes(threads, 99));
      for (const outcome of outcomes(threads, bound)) assert.ok(found.has(outcome), outcome);
      for (const outcome of found) assert.ok(outcomes(threads, 99).has(outcome), outcome);
    }),
    { numRuns: RUNS, seed: 20_261_125 },
  );
});

test('a lost update takes one preemption, and compare-exchange loses none', async () => {
  for (const bound of [0, 1, 8]) {
    const answer = await session.run(orderOf('lost update', { kind: 'bounded', bound }));
    assert.deepEqual([brokenBy(answer), answer.search.exhaustive], [['lost update'], true]);
    // Without a preemption there is none; the schedules by chance, which come first, met it all the same.
    assert.equal(answer.search.found[0]?.preemptions, 1);
  }
  const alone = await session.run(orderOf('lost update', { kind: 'replay', schedule: [] }));
  assert.deepEqual(brokenBy(alone), []);
  const twin = await session.run(orderOf('no lost update', { kind: 'bounded', bound: 8 }));
  assert.deepEqual([brokenBy(twin), twin.search.exhaustive], [[], true]);
});

test('steps on different words are not reordered', async () => {
  const apart = await session.run(
    orderOf('program:add x 1; add x 1; add x 1 | add y 1; add y 1; add y 1', { kind: 'bounded' }),
  );
  const together = await session.run(
    orderOf('program:add x 1; add x 1; add x 1 | add x 1; add x 1; add x 1', { kind: 'bounded' }),
  );
  assert.deepEqual(brokenBy(apart), ['outcome 3 3 0 2 2']);
  assert.ok(apart.search.states * 3 < together.search.states, `${apart.search.states} states`);
});

test('who waits for what nobody does is a deadlock, and says where', async () => {
  const answer = await session.run(
    orderOf('program:until x 1; store y 1 | until y 1; store x 1', { kind: 'bounded' }),
  );
  assert.deepEqual(brokenBy(answer), ['deadlock']);
  const detail = answer.search.found[0]?.broken[0]?.detail ?? '';
  assert.match(detail, /CPU 0 waits/);
  assert.match(detail, /CPU 1 waits/);
});

test('who waits goes on as soon as the word has changed, and only then', async () => {
  const answer = await session.run(
    orderOf('program:until x 2; load y | store y 1; store x 1; store y 2; store x 2', {
      kind: 'bounded',
      bound: 8,
    }),
  );
  assert.deepEqual(brokenBy(answer), ['outcome 2 2 0 2 0']);
});

test('a search can be cut short, and says so', async () => {
  const answer = await session.run(
    orderOf('alloc + offline', { kind: 'bounded', maxSchedules: 300 }),
  );
  assert.deepEqual([answer.search.schedules, answer.search.exhaustive], [300, false]);
});

test('two searches of the same scenario run the same schedules', async () => {
  const order = orderOf('remote free + destroy root cache', { kind: 'bounded', bound: 1 });
  const { seconds: _first, ...one } = await session.run(order);
  const { seconds: _second, ...two } = await session.run(order);
  assert.deepEqual(one, two);
});
