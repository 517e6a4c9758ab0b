/**
 * Makes a failing schedule as short as it gets: leaves out switches, many at a time first, for as long as
 * the same invariant still breaks. What follows a switch that is left out moves, so a schedule that
 * still fails is noted as it was really taken.
 */
import { TRACE } from './control.ts';
import type { Driver, Switch } from './driver.ts';
import type { Broken } from './judge.ts';

/** A schedule and what it breaks. */
export interface Shrunk {
  readonly schedule: readonly Switch[];
  readonly broken: readonly Broken[];
  readonly preemptions: number;
  readonly runs: number;
}

const RACE = 'data race';
/** Runs that shrinking may take. */
const RUNS_MAX = 2000;

/** Shrinks a schedule that breaks `invariant`; null if it does not when it is repeated. */
export function shrink(
  driver: Driver,
  schedule: readonly Switch[],
  invariant: string,
): Shrunk | null {
  let runs = 0;
  const attempt = (candidate: readonly Switch[]): Shrunk | null => {
    runs++;
    const { broken: other, failure, preemptions } = driver.run(candidate);
    // Races are seen in the log of a run, not in what it leaves.
    const race = invariant === RACE ? driver.race() : null;
    const broken = race === null ? other : [race];
    if (failure !== null || broken[0]?.invariant !== invariant) return null;
    return { schedule: driver.taken(), broken, preemptions, runs };
  };
  driver.trace(invariant === RACE ? TRACE.keep : TRACE.none);
  let best = attempt(schedule);
  if (best === null) return null;
  for (let size = Math.max(1, best.schedule.length >> 1); size >= 1; size >>= 1) {
    for (let from = best.schedule.length - size; from >= 0 && runs < RUNS_MAX; ) {
      const candidate: Switch[] = best.schedule.toSpliced(from, size);
      const shorter: Shrunk | null = attempt(candidate);
      if (shorter !== null && shorter.schedule.length < best.schedule.length) {
        best = shorter;
        from = Math.min(from, best.schedule.length - size);
      } else from -= size;
    }
  }
  return { ...best, runs };
}
