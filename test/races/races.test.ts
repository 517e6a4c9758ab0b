/**
 * Every pair of operations on two CPUs at the same time, for every strategy, with a kworker on a third
 * thread. SLABSPLICE_RACE_ROUNDS and SLABSPLICE_SEED make it a soak.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { callOff, RENDEZVOUS_WORDS } from '../../bench/workload/rendezvous.ts';
import { ALL_STRATEGY_NAMES, bindCpu, createMachine, PATIENCE } from '../../core/index.ts';
import { OBJECTS, PAIRS, WORLD } from './operations.ts';
import type { RaceMessage, RaceTask } from './race-worker.ts';

const ROUNDS = Number(process.env.SLABSPLICE_RACE_ROUNDS ?? 16);
const SEED = Number(process.env.SLABSPLICE_SEED ?? 1);
/** Time that CPUs get to end once one of them failed. */
const LAST_WORDS_MS = 5000;
const WORKER = new URL('./race-worker.js', import.meta.url);

function words(count: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4 * count));
}

function createRaceMachine(strategy: string) {
  const machine = createMachine({
    ...{ strategy, cpus: 3, slabRows: 4096, kmemCaches: 128, rootCaches: 8 },
    ...{ memcgs: 32, kmemIds: 32, chargeBatch: 4 },
  });
  const cpu = bindCpu(machine, 0);
  const shape = {
    size: 256,
    objectsPerSlab: 16,
    pagesPerSlab: 1,
    minPartial: 1,
    cpuPartialSlabs: 2,
  };
  cpu.createRootCache({ ...shape, reclaimable: true });
  cpu.createRootCache({ ...shape, typesafeByRcu: true });
  cpu.createRootCache({ ...shape, size: 4096, objectsPerSlab: 1, minPartial: 0 });
  cpu.createRootCache(shape);
  cpu.createRootCache(shape);
  return machine;
}

/** Runs all pairs of a strategy; the broken invariants of each pair. */
async function runRaces(strategy: string): Promise<Map<string, readonly string[]>> {
  const machine = createRaceMachine(strategy);
  const task: Omit<RaceTask, 'cpu'> = {
    machine: machine.memory,
    ...{ pairs: PAIRS, rounds: ROUNDS, seed: SEED },
    world: words(WORLD.words),
    objects: words(2 * OBJECTS.words),
    start: words(16),
    rendezvous: words(RENDEZVOUS_WORDS),
  };
  const found = new Map<string, readonly string[]>();
  const errors: string[] = [];
  const workers = [0, 1, 2].map((cpu) => new Worker(WORKER, { workerData: { ...task, cpu } }));
  const ended = workers.map(
    (worker, cpu) =>
      new Promise<void>((resolve) => {
        const fail = (text: string) => {
          errors.push(`CPU ${cpu}: ${text}`);
          // One that neither waits nor ends would keep the test from ending.
          setTimeout(() => workers.map((one) => one.terminate()), LAST_WORDS_MS).unref();
          // The others need not wait for their deadlines.
          machine.globals.patience[PATIENCE.aborted] = 1;
          callOff(task.rendezvous);
        };
        worker.on('message', (message: RaceMessage) => {
          if (message.kind === 'error') fail(message.text);
          else found.set(`${message.pair.first}, ${message.pair.second}`, message.broken);
        });
        worker.on('error', (error) => fail(String(error)));
        worker.on('exit', () => resolve());
      }),
  );
  await Promise.all(ended);
  const first = errors.find((text) => !/called off/.test(text)) ?? errors[0];
  assert.equal(first, undefined, `${strategy}: ${first}`);
  return found;
}

for (const strategy of ALL_STRATEGY_NAMES) {
  test(`races under ${strategy}`, async (t) => {
    const found = await runRaces(strategy);
    for (const { first, second } of PAIRS) {
      await t.test(`${first} against ${second}`, () => {
        assert.deepEqual(found.get(`${first}, ${second}`), []);
      });
    }
  });
}
