/**
 * A fleet: hosts times strategies times cells of a sweep, over a pool of threads. What a host does is
 * drawn from the seed and its number alone, so results are the same for any number of workers, in any
 * order, on any number of machines.
 */
import { Piscina } from 'piscina';
import type { LeakRun } from '../../reports/index.ts';
import { CapacityError } from '../errors.ts';
import type { Progress } from '../progress.ts';
import type { LeakTask } from '../workers/leak.ts';
import type { Scenario } from './parameters.ts';

const WORKER = new URL('../workers/leak.js', import.meta.url);
/** Time that a pool may take to end its threads, ms. */
const CLOSE_MS = 2000;

/** Part of the work: number `index` (from 1) of `of`. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

/** What is simulated. */
export interface FleetPlan {
  /** One per cell. */
  readonly scenarios: readonly Scenario[];
  readonly hosts: number;
  readonly strategies: readonly string[];
  readonly seed: number;
  readonly shard: Shard | null;
}

/** A host in a cell: the unit that shards share out, and that counts as finished or not. */
export interface Unit {
  readonly cell: number;
  readonly host: number;
}

/** The units of a plan, or of one shard of it: each shard gets every n-th. */
export function unitsOf(plan: {
  readonly scenarios: readonly unknown[];
  readonly hosts: number;
  readonly shard: Shard | null;
}): Unit[] {
  const units = plan.scenarios.flatMap((_, cell) =>
    Array.from({ length: plan.hosts }, (__, host) => ({ cell, host })),
  );
  const { shard } = plan;
  return shard === null ? units : units.filter((_, at) => at % shard.of === shard.index - 1);
}

/** Tasks that are not done yet. */
export function tasksOf(plan: FleetPlan, done: readonly LeakRun[]): LeakTask[] {
  const finished = new Set(done.map((run) => `${run.cell}/${run.host}/${run.strategy}`));
  return unitsOf(plan).flatMap(({ cell, host }) =>
    plan.strategies
      .filter((strategy) => !finished.has(`${cell}/${host}/${strategy}`))
      .map((strategy) => ({
        ...{ cell, host, strategy, seed: plan.seed },
        scenario: plan.scenarios[cell] as Scenario,
      })),
  );
}

/** How a fleet is run. */
export interface FleetOptions {
  readonly workers: number;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Compiled worker file; tests give their own. */
  readonly worker?: URL;
}

/** What came of it: `complete` is false when it was interrupted or a host failed. */
export interface FleetOutcome {
  readonly runs: readonly LeakRun[];
  readonly complete: boolean;
  readonly failure?: CapacityError;
}

function failureOf(task: LeakTask, error: unknown): CapacityError {
  const reason = error instanceof Error ? error.message : String(error);
  return new CapacityError(
    `host ${task.host} under ${task.strategy}: ${reason}; repeat with --strategies ${task.strategy} --seed ${task.seed}`,
    { cause: error },
  );
}

/** Runs tasks over a pool; finished hosts are kept whatever happens. */
export async function runFleet(
  tasks: readonly LeakTask[],
  options: FleetOptions,
): Promise<FleetOutcome> {
  const { signal, progress } = options;
  const threads = Math.max(1, Math.min(options.workers, tasks.length));
  const pool = new Piscina({
    filename: (options.worker ?? WORKER).href,
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: 1,
    recordTiming: false,
    closeTimeout: CLOSE_MS,
    execArgv: ['--conditions=solo'],
  });
  // Without a listener a pool that fails to close would take the process down.
  pool.on('error', () => {});
  const runs: LeakRun[] = [];
  let next = 0;
  let failure: CapacityError | undefined;

  async function serve(): Promise<void> {
    while (next < tasks.length && failure === undefined && !signal.aborted) {
      const task = tasks[next++] as LeakTask;
      const { host, strategy } = task;
      progress.update(runs.length, tasks.length, `host ${host} under ${strategy}`);
      try {
        // The worker file's export of that name says what it returns.
        runs.push((await pool.run(task, { name: 'host', signal })) as LeakRun);
      } catch (error) {
        if (!signal.aborted) failure ??= failureOf(task, error);
      }
    }
  }

  try {
    await progress.alive(Promise.all(Array.from({ length: threads }, serve)));
  } finally {
    await pool.destroy();
  }
  const complete = runs.length === tasks.length;
  return { runs, complete, ...(failure === undefined ? {} : { failure }) };
}
