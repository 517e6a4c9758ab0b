/** One piece of exploring: a scenario on a machine under one strategy, and what is done with it. */
import type { MachineMemory } from '../../core/index.ts';
import { type Control, TRACE } from './control.ts';
import type { Driver, Switch } from './driver.ts';
import type { Broken } from './judge.ts';
import type { MemoryMap } from './memory-map.ts';
import { runRandom } from './random.ts';
import { type SearchResult, search } from './search.ts';
import { shrink } from './shrink.ts';
import type { SeenStep } from './telling.ts';
import type { RowNames } from './world.ts';

/** What a thread of a session is started with. */
export interface WorkerTask {
  readonly thread: number;
  readonly coreFolder: string;
  /** Looks at its turn before a thread sleeps; 0 where all threads share one core. */
  readonly spins: number;
}

interface Searching {
  readonly maxSchedules: number;
  readonly seconds: number;
  /** Invariants that end it when one of them breaks; null for any, [] for none. */
  readonly stopAt: readonly string[] | null;
}

/** What to do. */
export type Work =
  | (Searching & { readonly kind: 'bounded'; readonly bound: number })
  | (Searching & { readonly kind: 'random' | 'pct'; readonly seed: number })
  | { readonly kind: 'replay'; readonly schedule: readonly Switch[]; readonly tell: boolean };

/** A job, as each thread gets it. */
export interface Job {
  readonly scenario: string;
  readonly memory: MachineMemory;
  readonly control: Control;
  readonly world: Int32Array<SharedArrayBuffer>;
  readonly work: Work;
}

/** To a thread. */
export type ToThread = { readonly kind: 'job'; readonly job: Job } | { readonly kind: 'go' };

/** A column by its name, its first word and its words. */
export interface NamedColumn {
  readonly name: string;
  readonly base: number;
  readonly length: number;
}

/** All words of a machine. */
export interface Memory {
  readonly main: Int32Array;
  readonly strategy: Int32Array;
}

/** What a run left, for the words about it. */
export interface Ending extends Memory {
  /** What it began with. */
  readonly start: Memory;
  readonly columns: readonly NamedColumn[];
}

/** How a job ended. */
export interface JobResult {
  readonly search: SearchResult;
  readonly seconds: number;
  /** Of a replay that is told. */
  readonly ending: Ending | null;
}

/** From a thread. */
export type FromThread =
  | { readonly kind: 'loaded' }
  | {
      readonly kind: 'ready';
      readonly names: RowNames | null;
      readonly columns: readonly NamedColumn[];
    }
  | { readonly kind: 'result'; readonly result: JobResult }
  /** All threads say so when a job is over. */
  | { readonly kind: 'steps'; readonly steps: readonly SeenStep[] }
  | { readonly kind: 'failed'; readonly text: string };

/** The columns of a machine, to be sent to another thread. */
export function columnsOf(map: MemoryMap): NamedColumn[] {
  return map.columns.map(({ name, base, raw }) => ({ name, base, length: raw.length }));
}

/** Races are seen in the log of a run, which takes another one; a run that is told is told once. */
function raceIn(driver: Driver, work: Work & { kind: 'replay' }): Broken[] {
  if (work.tell) return [];
  driver.trace(TRACE.keep);
  driver.run(work.schedule);
  const race = driver.race();
  return race === null ? [] : [race];
}

function replay(driver: Driver, work: Work & { kind: 'replay' }): SearchResult {
  driver.trace(TRACE.none);
  const outcome = driver.run(work.schedule);
  const { failure, decisions, diverged, preemptions } = outcome;
  const schedule = driver.taken();
  const clean = outcome.broken.length === 0 && failure === null;
  const broken = clean ? raceIn(driver, work) : outcome.broken;
  const found = broken.length === 0 ? [] : [{ schedule, preemptions, broken, after: 1 }];
  const result = { schedules: 1, states: 0, decisions, exhaustive: false, found, failure };
  return { ...result, diverged };
}

/** Each schedule that broke something, as short as it gets. */
function shortened(driver: Driver, result: SearchResult): SearchResult {
  const found = result.found.map((one) => {
    const invariant = one.broken[0]?.invariant ?? '';
    const { schedule, broken, preemptions } = shrink(driver, one.schedule, invariant) ?? one;
    return { ...one, schedule, broken, preemptions };
  });
  return { ...result, found };
}

/** Does the work of a job, on the driving thread. */
export function runJob(driver: Driver, job: Job, map: MemoryMap): JobResult {
  const { work, control } = job;
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  if (work.kind === 'replay') {
    const result = replay(driver, work);
    const ending = work.tell
      ? { ...driver.ending(), start: driver.beginning(), columns: columnsOf(map) }
      : null;
    return { search: result, seconds: seconds(), ending };
  }
  const { stopAt, maxSchedules } = work;
  const limits = {
    maxSchedules,
    stopAt: (broken: readonly Broken[]): boolean =>
      stopAt === null || broken.some(({ invariant }) => stopAt.includes(invariant)),
    over: () => seconds() > work.seconds,
  };
  const result =
    work.kind === 'bounded'
      ? search(driver, control, { ...limits, bound: work.bound })
      : runRandom(driver, control, { ...limits, mode: work.kind, seed: work.seed });
  const took = seconds();
  return { search: shortened(driver, result), seconds: took, ending: null };
}
