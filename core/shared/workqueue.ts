/**
 * Deferred work as a ring of (kind, row) in shared memory: what the kernel does in RCU callbacks and
 * on workqueues. Nothing runs by itself; whoever drives the machine runs the queue when asked, and
 * everything before that point has seen its grace period end. One item per row and kind can be
 * pending, so the ring of 2 * (caches + memcgs) places cannot overflow.
 */
import { check } from './assert.ts';

/** Columns of the work ring. */
export const WORK_SPEC = { kind: 1, row: 1 } as const;

/** Kinds of deferred work. */
export const WORK = {
  /** Offline a memcg whose removal was confirmed on all CPUs. */
  offline: 1,
  /** Shrink a deactivated cache, then drop its base reference. */
  shrinkCache: 2,
  /** Shut a cache down: nothing refers to it any more. */
  shutdownCache: 3,
  /** Release and free a memcg: its last css reference is gone. */
  releaseMemcg: 4,
} as const;

/** A queue of deferred work. */
export interface Workqueue {
  queue(kind: number, row: number): void;
  /** Runs one item; false when there is none. */
  runOne(run: (kind: number, row: number) => void): boolean;
  pending(): number;
  /** Position for `dropSince`. */
  position(): number;
  /** Forgets what was queued since `position`; only to undo an operation as a whole. */
  dropSince(position: number): void;
}

/** Binds the ring; `head[0]` and `tail[0]` are positions modulo its size. Lock: none yet, one CPU. */
export function bindWorkqueue(options: {
  readonly kind: Int32Array;
  readonly row: Int32Array;
  readonly head: Int32Array;
  readonly tail: Int32Array;
}): Workqueue {
  const { kind, row, head, tail } = options;
  const size = kind.length;
  return {
    queue(workKind: number, workRow: number): void {
      const place = tail[0];
      const after = place + 1 === size ? 0 : place + 1;
      check(after !== head[0], `work ring of ${size} places is full`);
      kind[place] = workKind;
      row[place] = workRow;
      tail[0] = after;
    },
    runOne(run: (workKind: number, workRow: number) => void): boolean {
      const place = head[0];
      if (place === tail[0]) return false;
      head[0] = place + 1 === size ? 0 : place + 1;
      run(kind[place], row[place]);
      return true;
    },
    pending: () => (tail[0] - head[0] + size) % size,
    position: () => tail[0],
    dropSince(position: number): void {
      tail[0] = position;
    },
  };
}
