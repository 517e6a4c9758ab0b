import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CapacityError } from '../../bench/errors.ts';
import {
  type ArmWorker,
  InterruptedError,
  shuffledRounds,
  type WorkerOptions,
  withWorkers,
} from '../../bench/measure.ts';

const arm = { label: 'some-arm', strategy: 'pin' };

function options(change: Partial<WorkerOptions> = {}): WorkerOptions {
  const file = new URL('./failing-worker.js', import.meta.url);
  const signal = new AbortController().signal;
  return { file, atomics: 'solo', signal, deadlineMs: 30_000, ...change };
}

async function failureOf(name: string, change: Partial<WorkerOptions> = {}): Promise<unknown> {
  try {
    await withWorkers([arm], options(change), async ([worker]) => worker?.call(name));
  } catch (error) {
    return error;
  }
  return null;
}

test('a worker answers, and its pool is gone afterwards', async () => {
  const value = await withWorkers([arm], options(), async ([worker]) => worker?.call('fine', 41));
  assert.equal(value, 42);
});

test('a worker that throws ends the run and says whose it was and why', async () => {
  const error = await failureOf('throws');
  assert.ok(error instanceof CapacityError);
  assert.match(error.message, /worker of some-arm: throws failed: the machine is on fire/);
  assert.equal(error.exitCode, 3);
});

test('a worker that exits is an error, not a hang', async () => {
  const error = await failureOf('exits');
  assert.ok(error instanceof CapacityError, String(error));
  assert.match(error.message, /worker of some-arm: exits failed/);
});

test('a worker that hangs is ended at its deadline', async () => {
  // Long enough to start the thread on a busy machine; the loop itself never ends.
  const error = await failureOf('hangs', { deadlineMs: 1500 });
  assert.ok(error instanceof CapacityError);
  assert.match(error.message, /hangs failed: took longer than 1500 ms/);
});

test('an interruption ends a busy worker and is told apart from a failure', async () => {
  const controller = new AbortController();
  const failing = failureOf('hangs', { signal: controller.signal });
  controller.abort();
  assert.ok((await failing) instanceof InterruptedError);
});

test('each round visits every worker once, in an order that the seed decides', async () => {
  const workers: ArmWorker[] = ['a', 'b', 'c', 'd'].map((label) => ({
    arm: { label, strategy: 'pin' },
    call: async () => Promise.reject(new Error('not called')),
  }));
  const visit = async (seed: number): Promise<string[]> => {
    const rounds: string[] = [];
    await shuffledRounds(workers, { rounds: 20, seed }, async (worker, round) => {
      rounds[round] = (rounds[round] ?? '') + worker.arm.label;
    });
    return rounds;
  };
  const first = await visit(1);
  assert.equal(first.length, 20);
  for (const round of first) assert.equal([...round].sort().join(''), 'abcd');
  assert.ok(new Set(first).size > 5, `orders differ: ${first.join(' ')}`);
  assert.deepEqual(await visit(1), first);
  assert.notDeepEqual(await visit(2), first);
});
