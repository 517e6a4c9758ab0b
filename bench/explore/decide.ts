// hot path
/** Who goes on at a decision: by the schedule, by chance, by priority, or whoever usually would. */
import { type Control, CTL, DRIVER, MODE, STATUS } from './control.ts';

/** Decides for every thread alike, from what is in shared memory alone. */
export interface Decisions {
  /**
   * The thread that goes on after a decision of `thread`, out of the mask `enabled`; `usual` if nobody
   * says otherwise. A switch is noted in `taken`.
   */
  decide(decision: number, thread: number, enabled: number, usual: number): number;
  /** The threads that can go on. */
  enabledMask(): number;
  /** Nobody can: the driver at the end, one of those that rest once all others ended, -1 in a deadlock. */
  whenNobody(): number;
  /** When everybody is to leave: the next that has not ended, or the driver. */
  nextToLeave(): number;
  /** The thread in `mask` that comes after `thread`, in a circle; -1 if there is none. */
  following(thread: number, mask: number): number;
}

/** Binds decisions to the shared memory of an exploration. */
export function bindDecisions(control: Control): Decisions {
  const { words: ctl, forced, status, taken } = control;

  /** Xorshift: one seed, one schedule. */
  function draw(count: number): number {
    let state = ctl[CTL.random] ?? 1;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    ctl[CTL.random] = state;
    return (state >>> 0) % count;
  }

  function following(thread: number, mask: number): number {
    const threads = ctl[CTL.threads] ?? 1;
    for (let step = 1; step <= threads; step++) {
      const next = (thread + step) % threads;
      if ((mask & (1 << next)) !== 0) return next;
    }
    return -1;
  }

  /** PCT: the highest priority that can run; at a change point the running thread's falls below all. */
  function byPriority(decision: number, thread: number, mask: number): number {
    const points = ctl[CTL.changePoints] ?? 0;
    for (let point = 0; point < points; point++) {
      if (ctl[CTL.changes + point] !== decision || thread < 0) continue;
      ctl[CTL.lowered] = (ctl[CTL.lowered] ?? 0) - 1;
      ctl[CTL.priority + thread] = ctl[CTL.lowered] ?? 0;
    }
    let best = -1;
    for (let one = 0; one < (ctl[CTL.threads] ?? 0); one++) {
      if ((mask & (1 << one)) === 0) continue;
      if (best < 0 || (ctl[CTL.priority + one] ?? 0) > (ctl[CTL.priority + best] ?? 0)) best = one;
    }
    return best;
  }

  function bySchedule(enabled: number, usual: number): number {
    const at = ctl[CTL.forcedAt] ?? 0;
    const wanted = forced[2 * at + 1] ?? 0;
    ctl[CTL.forcedAt] = at + 1;
    ctl[CTL.nextForced] = at + 1 < (ctl[CTL.forcedCount] ?? 0) ? (forced[2 * at + 2] ?? 0) : -1;
    if ((enabled & (1 << wanted)) !== 0) return wanted;
    ctl[CTL.diverged] = 1;
    return usual;
  }

  function byChance(enabled: number, usual: number): number {
    const others = enabled & ~(1 << usual);
    if (others === 0 || draw(ctl[CTL.rate] ?? 1) !== 0) return usual;
    return following(draw(ctl[CTL.threads] ?? 1), others);
  }

  function note(decision: number, target: number): void {
    const at = ctl[CTL.switches] ?? 0;
    taken[2 * at] = decision;
    taken[2 * at + 1] = target;
    ctl[CTL.switches] = at + 1;
  }

  function enabledMask(): number {
    let mask = 0;
    const threads = ctl[CTL.threads] ?? 0;
    for (let thread = 0; thread < threads; thread++) {
      if (status[thread] === STATUS.ready) mask |= 1 << thread;
    }
    return mask;
  }
  /** Nobody can go on: the end, the end of those that rest, or a deadlock. Returns who goes on. */
  function whenNobody(): number {
    const threads = ctl[CTL.threads] ?? 0;
    let resting = -1;
    for (let thread = threads - 1; thread >= 0; thread--) {
      if (status[thread] === STATUS.parked) return -1;
      if (status[thread] === STATUS.resting) resting = thread;
    }
    if (resting < 0) return DRIVER;
    ctl[CTL.stopping] = 1;
    for (let thread = 0; thread < threads; thread++) {
      if (status[thread] === STATUS.resting) status[thread] = STATUS.ready;
    }
    return resting;
  }
  /** Tells everybody to leave; the next that has not ended, or the driver. */
  function nextToLeave(): number {
    for (let thread = 0; thread < (ctl[CTL.threads] ?? 0); thread++) {
      if (status[thread] !== STATUS.done) return thread;
    }
    return DRIVER;
  }
  return {
    ...{ following, enabledMask, whenNobody, nextToLeave },
    decide(decision, thread, enabled, usual) {
      let target = usual;
      if (decision === ctl[CTL.nextForced]) target = bySchedule(enabled, usual);
      else if (ctl[CTL.mode] === MODE.random) target = byChance(enabled, usual);
      else if (ctl[CTL.mode] === MODE.pct) target = byPriority(decision, thread, enabled);
      if (target !== usual) note(decision, target);
      if (target !== usual && usual === thread) {
        ctl[CTL.preemptions] = (ctl[CTL.preemptions] ?? 0) + 1;
      }
      return target;
    },
  };
}
