/**
 * Waiting for another CPU, with an end: the wait is over when its condition holds, when the run is
 * aborted, or at the machine's deadline. The model has no clock; the deadline is counted in slices of
 * sleep, so it is a lower bound.
 */
import * as atomics from '#atomics';
import { ModelError } from './assert.ts';

/** Another CPU did not do what this one waited for. */
export class DeadlineError extends ModelError {
  override readonly name: string = 'DeadlineError';
}

/** The harness called the run off; the machine is left as it is. */
export class AbortedError extends ModelError {
  override readonly name: string = 'AbortedError';
}

/** Words of a machine that bound every wait: [aborted, deadline in ms]. */
export const PATIENCE = { aborted: 0, deadlineMs: 1 } as const;

/** Default deadline of a wait, ms. */
export const DEADLINE_MS = 30_000;
const SLICE_MS = 20;
/** A lock holder that lost its core is back within some of these. */
const NAP_MS = 0.05;

/** One wait: where to sleep, what ends it, and what to say when it does not end. */
export interface Wait {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly index: number;
  /** Looked at before each sleep; may change things (take the lock). */
  done(): boolean;
  /** What this CPU waits for, for the error message. */
  describe(): string;
}

/** Waits of one CPU. */
export interface Patience {
  /** Sleeps until `done`. @throws DeadlineError, AbortedError */
  until(wait: Wait): void;
  /** Same, for something that takes microseconds: naps instead of sleeping until woken. */
  nap(wait: Wait): void;
}

/** Binds waiting to a machine's patience words. */
export function bindPatience(patience: Int32Array<SharedArrayBuffer>, cpu: number): Patience {
  const { load, wait } = atomics;

  function sleep(order: Wait, sliceMs: number): void {
    const slices = Math.ceil(load(patience, PATIENCE.deadlineMs) / sliceMs);
    for (let slice = 0; slice <= slices; ) {
      const seen = load(order.words, order.index);
      if (order.done()) return;
      if (load(patience, PATIENCE.aborted) !== 0) {
        throw new AbortedError(`CPU ${cpu}: called off while waiting for ${order.describe()}`);
      }
      if (!wait(order.words, order.index, seen, sliceMs)) slice++;
    }
    throw new DeadlineError(
      `CPU ${cpu} waited ${load(patience, PATIENCE.deadlineMs)} ms for ${order.describe()}`,
    );
  }

  return {
    until: (order) => sleep(order, SLICE_MS),
    nap: (order) => sleep(order, NAP_MS),
  };
}
