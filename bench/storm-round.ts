/**
 * One round of a storm, seen from the main thread: creates the machine, gives each CPU to a thread of
 * a pool of its own, watches that all of them move, and says who did not.
 */
import { Piscina } from 'piscina';
import {
  bindCpu,
  createMachine,
  describeEvent,
  lastEvents,
  type Machine,
  PATIENCE,
  touchMachine,
} from '../core/index.ts';
import type { WorkerFailure } from '../reports/index.ts';
import { CapacityError } from './errors.ts';
import { InterruptedError } from './measure.ts';
import { clockOrigin } from './shared-clock.ts';
import type { StormCpuResult, StormTask } from './workers/storm.ts';
import { callOff } from './workload/rendezvous.ts';
import {
  createShared,
  type Leg,
  legsOf,
  PROGRESS,
  type StormPlan,
  type StormShared,
  stormConfig,
  stormShape,
} from './workload/storm-plan.ts';

const STORM_WORKER = new URL('./workers/storm.js', import.meta.url);
/** How often the main thread looks at the CPUs' progress, ms. */
const WATCH_MS = 250;
/** Time that CPUs get to end after the round was called off, ms. */
const CALL_OFF_MS = 1000;
/** Same for the pool. */
const CLOSE_MS = 2000;
/** Operations that a failure is told with. */
const LAST_OPERATIONS = 8;

/** How a round is run. */
export interface RoundOptions {
  readonly signal: AbortSignal;
  /** Name of the strategy in this run. */
  readonly label: string;
  /** Told now and then: leg that the slowest CPU is in, operations so far, and the share of the round that is over. */
  onProgress?(leg: string, operations: number, share: number): void;
  /** Compiled worker file; tests give their own. */
  readonly worker?: URL;
}

/** A CPU threw, ended or stood still. */
export class StormFailure extends CapacityError {
  readonly failure: WorkerFailure;
  constructor(failure: WorkerFailure, seed: number, cause: unknown) {
    super(
      `${failure.strategy}: CPU ${failure.cpu}: ${failure.message}; repeat with --strategies ` +
        `${failure.strategy.replace(/ .*/, '')} --seed ${seed}`,
      { cause },
    );
    this.failure = failure;
  }
}

interface Round {
  readonly plan: StormPlan;
  readonly machine: Machine;
  readonly shared: StormShared;
  readonly options: RoundOptions;
}

/** Errors of CPUs that only noticed that others had failed. */
function isEcho(error: unknown): boolean {
  const name = error instanceof Error ? error.name : '';
  return name === 'AbortedError' || (error instanceof Error && /called off/.test(error.message));
}

function operationsOf({ shared, plan }: Round): number[] {
  return Array.from({ length: plan.cpus }, (_, cpu) => {
    const word = (column: number) => shared.progress[cpu * PROGRESS.words + column] as number;
    return word(PROGRESS.operationsHigh) * 2 ** 32 + (word(PROGRESS.operations) >>> 0);
  });
}

/** Time of a leg that lasts as long as its work does, ms: as measured with the default load. */
const UNTIMED_MS = 100;

/** Share of a round's time that goes before a leg. */
export function shareBefore(legs: readonly Leg[], leg: number): number {
  const times = legs.map((one) => ('ms' in one ? one.ms : UNTIMED_MS));
  const sum = (list: readonly number[]) => list.reduce((total, ms) => total + ms, 0);
  return sum(times.slice(0, leg)) / sum(times);
}

/** Rejects when a CPU has stood still for longer than the deadline. */
function watch(round: Round, stop: AbortSignal): Promise<never> {
  const { plan, shared, machine, options } = round;
  const legs = legsOf(plan);
  const seen = new Int32Array(plan.cpus).fill(-1);
  const since = new Float64Array(plan.cpus);
  return new Promise((_, reject) => {
    const timer = setInterval(() => {
      const now = performance.now();
      let first = legs.length - 1;
      for (let cpu = 0; cpu < plan.cpus; cpu++) {
        const at = cpu * PROGRESS.words;
        const leg = shared.progress[at + PROGRESS.leg] as number;
        const written = machine.events.written[cpu * 16] ?? 0;
        const state = ((shared.progress[at] as number) ^ (leg << 24) ^ written) | 0;
        const waits = (shared.progress[at + PROGRESS.waiting] as number) !== 0;
        if (state !== seen[cpu] || waits) since[cpu] = now;
        seen[cpu] = state;
        first = Math.min(first, leg);
      }
      const stillest = since.indexOf(Math.min(...since));
      if (now - (since[stillest] as number) > plan.deadlineMs) {
        const leg = legs[first]?.name ?? 'start';
        const seconds = Math.round(plan.deadlineMs / 1e3);
        reject(new StillError(stillest, `stood still for ${seconds} s (${leg})`));
      }
      const operations = operationsOf(round).reduce((sum, count) => sum + count, 0);
      options.onProgress?.(legs[first]?.name ?? '', operations, shareBefore(legs, first));
    }, WATCH_MS);
    since.fill(performance.now());
    stop.addEventListener('abort', () => clearInterval(timer), { once: true });
  });
}

/** A CPU that makes no progress. */
class StillError extends Error {
  readonly cpu: number;
  constructor(cpu: number, message: string) {
    super(message);
    this.cpu = cpu;
  }
}

/** Puts a failure together from what the CPU left behind in shared memory. */
function failureOf(round: Round, cpu: number, error: unknown): StormFailure {
  const { machine, plan, options } = round;
  const last = lastEvents(machine.events, LAST_OPERATIONS, (event) => event.cpu === cpu);
  const message = error instanceof Error ? error.message : String(error);
  const failure = {
    strategy: options.label,
    cpu,
    message: message.replace(/\s+/g, ' '),
    progress: operationsOf(round),
    lastOperations: last.map(describeEvent),
  };
  return new StormFailure(failure, plan.seed, error);
}

/** Makes every wait of every CPU end. */
function callOffRound({ machine, shared }: Round): void {
  machine.globals.patience[PATIENCE.aborted] = 1;
  callOff(shared.rendezvous);
}

function buildRound(plan: StormPlan, options: RoundOptions): { round: Round; roots: Int32Array } {
  const machine = createMachine(stormConfig(plan));
  touchMachine(machine);
  // The watch speaks first: it knows who stood still, a wait only who waited.
  machine.globals.patience[PATIENCE.deadlineMs] = 2 * plan.deadlineMs;
  const cpu = bindCpu(machine, 0);
  const roots = Int32Array.from(plan.caches, (cache) => cpu.createRootCache(stormShape(cache)));
  return { round: { plan, machine, shared: createShared(plan.cpus), options }, roots };
}

/**
 * Runs one round. @throws StormFailure when a CPU throws, ends or stands still, InterruptedError,
 * ModelError when the machine cannot be built
 */
export async function stormRound(
  plan: StormPlan,
  options: RoundOptions,
): Promise<readonly StormCpuResult[]> {
  const { round, roots } = buildRound(plan, options);
  const pool = new Piscina({
    filename: (options.worker ?? STORM_WORKER).href,
    minThreads: plan.cpus,
    maxThreads: plan.cpus,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: 1,
    recordTiming: false,
    closeTimeout: CLOSE_MS,
  });
  // Without a listener a pool that fails to close would take the process down.
  pool.on('error', () => {});
  const stop = new AbortController();
  try {
    const origin = clockOrigin();
    const { memory } = round.machine;
    const runs = Array.from({ length: plan.cpus }, (_, cpu): Promise<StormCpuResult> => {
      const { shared } = round;
      const task: StormTask = { plan, cpu, machine: memory, shared, roots, origin };
      return pool.run(task, { name: 'storm' });
    });
    return await finished(round, runs, stop.signal);
  } finally {
    stop.abort();
    callOffRound(round);
    await pool.destroy();
  }
}

/** All CPUs' results, or the first failure that is not the echo of another. */
async function finished(
  round: Round,
  runs: readonly Promise<StormCpuResult>[],
  stop: AbortSignal,
): Promise<readonly StormCpuResult[]> {
  const failures: { cpu: number; error: unknown }[] = [];
  const settled = Promise.all(
    runs.map((run, cpu) =>
      run.catch((error: unknown) => {
        failures.push({ cpu, error });
        callOffRound(round);
        throw error;
      }),
    ),
  );
  const interrupted = new Promise<never>((_, reject) => {
    const { signal } = round.options;
    const onAbort = () => reject(new InterruptedError('interrupted'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    stop.addEventListener('abort', () => signal.removeEventListener('abort', onAbort));
  });
  try {
    return await Promise.race([settled, interrupted, watch(round, stop)]);
  } catch (error) {
    if (error instanceof InterruptedError || round.options.signal.aborted) {
      throw new InterruptedError('interrupted');
    }
    if (error instanceof StillError) throw failureOf(round, error.cpu, error);
    // The others come to an end too, so that the one that began it is known.
    const ended = Promise.allSettled(runs);
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, CALL_OFF_MS))]);
    const first = failures.find((failure) => !isEcho(failure.error)) ?? failures[0];
    throw failureOf(round, first?.cpu ?? 0, first?.error ?? error);
  }
}
