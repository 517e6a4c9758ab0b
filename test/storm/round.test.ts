import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InterruptedError } from '../../bench/measure.ts';
import { StormFailure, stormRound } from '../../bench/storm-round.ts';
import type { StormCpuResult } from '../../bench/workers/storm.ts';
import { STRATEGY_NAMES } from '../../core/index.ts';
import { CULPRIT, WAYS } from './failing-worker.ts';
import { smallPlan } from './small-plan.ts';

const signal = new AbortController().signal;
const FAILING = new URL('./failing-worker.js', import.meta.url);

function violationsOf(round: readonly StormCpuResult[]) {
  return round.flatMap(({ audits }) =>
    audits.flatMap(({ when, violations }) => violations.map((broken) => ({ when, ...broken }))),
  );
}

for (const strategy of STRATEGY_NAMES) {
  for (const [cpus, mix] of [
    [1, 'services'],
    [2, 'shared'],
    [3, 'pods'],
    // More CPUs than the machines that run this have cores.
    [6, 'remote'],
  ] as const) {
    test(`${strategy}: ${mix} on ${cpus} CPUs lose nothing`, async () => {
      const plan = await smallPlan({ strategy, cpus, mix });
      const round = await stormRound(plan, { signal, label: strategy });
      assert.deepEqual(violationsOf(round), []);
      const [first] = round;
      const last = round.at(-1);
      const audits = first?.audits.map((audit) => audit.when) ?? [];
      assert.deepEqual(audits, ['after mixed load', 'after latencies', 'after teardown']);
      // The load was there: objects alive at the audits, cgroups that came and went.
      assert.ok((first?.audits[0]?.objects ?? 0) > 1000);
      assert.ok((last?.churn?.removed ?? 0) > 0);
      assert.equal(first?.audits.at(-1)?.slabs, 0);
      for (const one of round) {
        for (const leg of one.legs.filter((done) => done.kind === 'load')) {
          assert.ok(leg.operations > 0, `CPU ${one.cpu} did nothing`);
        }
      }
      assert.equal(round.filter((one) => one.frees !== null).length, cpus === 1 ? 0 : cpus);
    });
  }
}

async function failureOf(way: keyof typeof WAYS, deadlineMs: number): Promise<StormFailure> {
  const plan = await smallPlan({ seed: WAYS[way], deadlineMs });
  try {
    await stormRound(plan, { signal, label: 'splice-caches', worker: FAILING });
  } catch (error) {
    assert.ok(error instanceof StormFailure, String(error));
    return error;
  }
  assert.fail(`a CPU that ${way} went unnoticed`);
}

test('a CPU that throws ends the round and says what, which CPU, its last operations, the seed', async () => {
  const error = await failureOf('throws', 30_000);
  assert.equal(error.exitCode, 3);
  assert.match(error.message, /splice-caches: CPU 1: .*on fire; repeat with .* --seed 101/);
  const { failure } = error;
  assert.equal(failure.cpu, CULPRIT);
  assert.equal(failure.progress.length, 2);
  assert.ok(failure.lastOperations.length > 0);
  for (const line of failure.lastOperations) assert.match(line, /^CPU 1: \w/);
});

test('a CPU whose thread ends is a failure, not a hang', async () => {
  const error = await failureOf('exits', 30_000);
  assert.equal(error.failure.cpu, CULPRIT);
  assert.match(error.message, /CPU 1: /);
});

test('a CPU that hangs is found by its silence, however long the others wait for it', async () => {
  // Long enough to start threads on a busy machine; the loop itself never ends.
  const error = await failureOf('hangs', 2000);
  assert.equal(error.failure.cpu, CULPRIT);
  assert.match(error.message, /CPU 1: stood still for 2 s \(mixed load\)/);
});

test('an interruption ends a round at once and is told apart from a failure', async () => {
  const controller = new AbortController();
  const plan = await smallPlan({ seconds: 1000 });
  const round = stormRound(plan, {
    signal: controller.signal,
    label: 'splice-caches',
    onProgress: (_, operations) => {
      if (operations > 0) controller.abort();
    },
  });
  await assert.rejects(round, InterruptedError);
});
