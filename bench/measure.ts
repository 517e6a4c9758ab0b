/**
 * Workers and rounds. Each arm (a strategy, or the second copy of one under `--self-check`) has a
 * pool of one thread of its own, so that no two strategies ever share an isolate. A case opens its
 * pools, lets every arm prepare, then runs rounds with the arms in shuffled order, and closes them.
 */

import { Piscina } from 'piscina';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import { CapacityError, UserError } from './errors.ts';
import type { AtomicsKind } from './options.ts';
import { randomBelow, seededRandom } from './workload/random.ts';

/** A strategy under the name it has in this run. */
export interface Arm {
  readonly label: string;
  readonly strategy: string;
}

/** What the second copy of a strategy is called under `--self-check`. */
export const AGAIN = ' (again)';

/** The arms of a run: each strategy, twice under `--self-check`. */
export function armsOf(options: {
  readonly strategies: readonly string[];
  readonly selfCheck: boolean;
}): Arm[] {
  const arms = options.strategies.map((strategy) => ({ label: strategy, strategy }));
  if (!options.selfCheck) return arms;
  return arms.flatMap((arm) => [arm, { ...arm, label: arm.strategy + AGAIN }]);
}

/** A worker that serves one arm. */
export interface ArmWorker {
  readonly arm: Arm;
  /** Calls a named export of the worker file. @throws CapacityError when it fails or takes too long */
  call<Result>(name: string, argument?: unknown): Promise<Result>;
}

/** How workers are started and when they are given up. */
export interface WorkerOptions {
  /** Compiled worker file. */
  readonly file: URL;
  readonly atomics: AtomicsKind;
  readonly signal: AbortSignal;
  /** Longest time one call may take, ms. */
  readonly deadlineMs: number;
}

/** Time that a pool may take to end its idle thread, ms. */
const CLOSE_MS = 2000;

/** The command was interrupted; what is finished is still right. */
export class InterruptedError extends Error {}

async function callWorker(
  pool: Piscina,
  arm: Arm,
  options: WorkerOptions,
  call: { name: string; argument: unknown },
): Promise<unknown> {
  const deadline = AbortSignal.timeout(Math.ceil(options.deadlineMs));
  try {
    return await pool.run(call.argument, {
      name: call.name,
      signal: AbortSignal.any([deadline, options.signal]),
    });
  } catch (error) {
    if (options.signal.aborted) throw new InterruptedError('interrupted');
    if (error instanceof UserError) throw error;
    const why = deadline.aborted
      ? `took longer than ${options.deadlineMs} ms`
      : error instanceof Error
        ? error.message
        : String(error);
    throw new CapacityError(`worker of ${arm.label}: ${call.name} failed: ${why}`, {
      cause: error,
    });
  }
}

/** Opens a worker for each arm, hands them to `body`, and ends them whatever happens. */
export async function withWorkers<Result>(
  arms: readonly Arm[],
  options: WorkerOptions,
  body: (workers: readonly ArmWorker[]) => Promise<Result>,
): Promise<Result> {
  const pools: Piscina[] = [];
  const failures: unknown[] = [];
  try {
    const workers = arms.map((arm): ArmWorker => {
      const pool = new Piscina({
        filename: options.file.href,
        minThreads: 1,
        maxThreads: 1,
        idleTimeout: Number.POSITIVE_INFINITY,
        concurrentTasksPerWorker: 1,
        recordTiming: false,
        closeTimeout: CLOSE_MS,
        execArgv: options.atomics === 'solo' ? ['--conditions=solo'] : [],
      });
      // Without a listener a pool that fails to close would take the process down.
      pool.on('error', (error) => failures.push(error));
      pools.push(pool);
      return {
        arm,
        call: async <Value>(name: string, argument: unknown = null) =>
          // The worker file's export of that name says what it returns.
          (await callWorker(pool, arm, options, { name, argument })) as Value,
      };
    });
    return await body(workers);
  } finally {
    await Promise.all(pools.map((pool) => pool.destroy()));
  }
}

/** The items in a new random order. */
export function shuffled<Item>(items: readonly Item[], random: RandomGenerator): Item[] {
  const order = [...items];
  for (let place = order.length - 1; place > 0; place--) {
    const other = randomBelow(random, place + 1);
    const [a, b] = [order[place], order[other]];
    if (a === undefined || b === undefined) continue;
    order[place] = b;
    order[other] = a;
  }
  return order;
}

/** Runs `rounds` rounds, the workers in a new seeded order each time; one at a time. */
export async function shuffledRounds(
  workers: readonly ArmWorker[],
  plan: { rounds: number; seed: number },
  body: (worker: ArmWorker, round: number) => Promise<void>,
): Promise<void> {
  const random = seededRandom(plan.seed);
  for (let round = 0; round < plan.rounds; round++) {
    for (const worker of shuffled(workers, random)) await body(worker, round);
  }
}
