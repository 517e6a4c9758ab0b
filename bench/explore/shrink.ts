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

/**
 * Leaves out a stretch of switches: with the rest where it was, and then with the rest as much earlier as
 * the stretch was long, since what others did in it now comes later.
 */
function withoutStretch(
  schedule: readonly Switch[],
  from: number,
  size: number,
  attempt: (candidate: readonly Switch[]) => Shrunk | null,
): Shrunk | null {
  const start = schedule[from]?.decision ?? 0;
  const length = (schedule[from + size - 1]?.decision ?? start) - start;
  const kept = schedule.slice(0, from);
  const later = schedule.slice(from + size);
  for (const shift of new Set([0, length])) {
    const moved = later.map(({ decision, thread }) => ({ decision: decision - shift, thread }));
    const shorter = attempt([...kept, ...moved]);
    if (shorter !== null && shorter.schedule.length < schedule.length) return shorter;
  }
  return null;
}

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
  for (let before = Number.POSITIVE_INFINITY; best.schedule.length < before; ) {
    before = best.schedule.length;
    for (let size = Math.max(1, before >> 1); size >= 1; size--) {
      // Every stretch of that many: two switches there and back belong together wherever they are.
      for (let from = best.schedule.length - size; from >= 0 && runs < RUNS_MAX; from--) {
        const shorter: Shrunk | null = withoutStretch(best.schedule, from, size, attempt);
        if (shorter === null || shorter.schedule.length >= best.schedule.length) continue;
        best = shorter;
        from = Math.min(from, best.schedule.length - size + 1);
      }
      // Long schedules: halves first, single switches in the end.
      if (size > 4) size = (size >> 1) + 1;
    }
  }
  return { ...best, runs };
}
