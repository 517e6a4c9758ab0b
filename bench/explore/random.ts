/**
 * Schedules by chance, for scenarios that are too large to search: uniform switches, or PCT (Burckhardt
 * and others, 2010): threads have priorities, and at a few random points the running one loses its own;
 * a bug that needs d such points in a run of k decisions by n threads is hit with a probability of at
 * least 1 / (n k^(d-1)).
 */

import type { Control } from './control.ts';
import { CTL, MODE, TRACE } from './control.ts';
import type { Chance, Driver } from './driver.ts';
import type { Broken } from './judge.ts';
import type { FoundBreak, SearchResult } from './search.ts';

/** How long, and when to stop. */
export interface RandomLimits {
  readonly mode: 'random' | 'pct';
  readonly seed: number;
  readonly maxSchedules: number;
  stopAt(broken: readonly Broken[]): boolean;
  over(): boolean;
}

/** Decisions between two switches, on average, one of these a run. */
const RATES = [2, 4, 8, 16, 32, 64, 128] as const;
/** Points at which PCT takes a priority away. */
const PCT_POINTS = 3;
const LOOK_EVERY = 64;

/** A generator of whole numbers below a count; xorshift, as in `decide.ts`. */
function generator(seed: number): (count: number) => number {
  // Small seeds begin alike, so they are spread first; zero would stay zero.
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1;
  return (count) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % count;
  };
}

/** Uniform switches: a rate and a seed a run. */
function uniform(draw: (count: number) => number): Chance {
  const seed = draw(2 ** 31 - 1) + 1;
  const rate = RATES[draw(RATES.length)] ?? 16;
  return { mode: MODE.random, seed, rate, changes: [], priorities: [] };
}

/** PCT: a shuffle of the priorities, and the points at which one is lost. */
function byPriorities(draw: (count: number) => number, threads: number, decisions: number): Chance {
  const priorities = Array.from({ length: threads }, (_, thread) => thread + 1);
  for (let last = threads - 1; last > 0; last--) {
    const other = draw(last + 1);
    [priorities[last], priorities[other]] = [priorities[other] ?? 0, priorities[last] ?? 0];
  }
  const changes = Array.from({ length: PCT_POINTS }, () => 1 + draw(Math.max(1, decisions)));
  return { mode: MODE.pct, seed: 1, rate: 1, changes, priorities };
}

/** Some runs of each kind, the same for the same seed. */
export function chances(count: number, seed: number, threads: number): Chance[] {
  const draw = generator(seed);
  return Array.from({ length: count }, (_, run) =>
    run % 2 === 0 ? uniform(draw) : byPriorities(draw, threads, 1000),
  );
}

/** Runs schedules by chance. The same seed runs the same ones. */
export function runRandom(driver: Driver, control: Control, limits: RandomLimits): SearchResult {
  const draw = generator(limits.seed);
  const found = new Map<string, FoundBreak>();
  let schedules = 0;
  let decisions = 0;
  let failure: string | null = null;
  driver.trace(TRACE.keep);
  const first = driver.run([]);
  decisions = first.decisions;
  failure = first.failure;
  const [plainly] = first.broken;
  if (plainly !== undefined) {
    found.set(plainly.invariant, { schedule: [], preemptions: 0, broken: first.broken, after: 0 });
  }
  while (failure === null && schedules < limits.maxSchedules) {
    if (schedules % LOOK_EVERY === 0 && limits.over()) break;
    const threads = control.words[CTL.threads] ?? 1;
    const chance = limits.mode === 'pct' ? byPriorities(draw, threads, decisions) : uniform(draw);
    const outcome = driver.run([], chance);
    schedules++;
    decisions = Math.max(decisions, outcome.decisions);
    failure = outcome.failure;
    if (failure !== null) break;
    const name = outcome.broken[0]?.invariant;
    if (name === undefined) continue;
    if (!found.has(name)) {
      const schedule = driver.taken();
      found.set(name, {
        schedule,
        preemptions: outcome.preemptions,
        broken: outcome.broken,
        after: schedules,
      });
    }
    if (limits.stopAt(outcome.broken)) break;
  }
  return {
    schedules,
    states: 0,
    decisions,
    exhaustive: false,
    found: [...found.values()],
    failure,
  };
}
