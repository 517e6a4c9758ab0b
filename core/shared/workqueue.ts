/**
 * A workqueue: items (kind, row, argument) in a ring in shared memory, run one at a time and in order
 * by whoever runs the deferred work, in process context: an item may sleep and take mutexes. The
 * kernel's queue for kmem_caches has `max_active` 1 as well.
 *
 *   words   [queued, done, runner + 1]
 *   ring    queue lock, interrupts off: an item can be queued from an RCU callback or an interrupt
 */
import * as atomics from '#atomics';
import { check } from './assert.ts';
import type { Processor } from './processor.ts';
import type { IrqSpinLock } from './spinlock.ts';
import type { Patience } from './wait.ts';

/** State words; alone on their cache line. */
export const WORK_SPEC = { word: 16 } as const;
/** Items that wait to be run. */
export const WORK_RING_SPEC = { kind: 1, row: 1, argument: 1 } as const;

const QUEUED = 0;
const DONE = 1;
const RUNNER = 2;

/** Runs one item. */
export type RunWork = (kind: number, row: number, argument: number) => void;

/** A queue of deferred work, as one CPU sees it. */
export interface Workqueue {
  /** Queues an item. @throws ModelError when the ring is full */
  queue(kind: number, row: number, argument?: number): void;
  /** Queues an item unless fewer than `spare` places are left, as an allocation that may fail. */
  tryQueue(kind: number, row: number, argument: number, spare: number): boolean;
  /** Runs one item; false when there is none, or another CPU is running one. */
  runOne(): boolean;
  /** Waits until everything queued so far has run. */
  flush(): void;
  pending(): number;
  /** Kind of the item that would run next, 0 if there is none. */
  next(): number;
  /** Position for `dropSince`. */
  position(): number;
  /** Forgets what was queued since `position`; only to undo an operation as a whole. */
  dropSince(position: number): void;
  /** Each pending item, for the audit. */
  forEach(visit: RunWork): void;
}

/** Binds the queue. */
export function bindWorkqueue(options: {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly ring: {
    readonly kind: Int32Array;
    readonly row: Int32Array;
    readonly argument: Int32Array;
  };
  readonly processor: Processor;
  readonly lock: IrqSpinLock;
  readonly patience: Patience;
  /** Whether this CPU has to run the queue while it waits for it: nobody else does. */
  mustHelp(): boolean;
  /** Tells the kworker that there is something to do. */
  kick(): void;
  /** Pushes RCU on, as items may come out of its callbacks. */
  advance(): void;
  run: RunWork;
}): Workqueue {
  const { compareExchange, load, notify, store } = atomics;
  const { words, ring, processor, patience, run } = options;
  const { lockIrq, unlockIrq } = options.lock;
  const size = ring.kind.length;
  const mine = processor.cpu + 1;

  const pending = (): number => (load(words, QUEUED) - load(words, DONE)) | 0;

  function tryQueue(kind: number, row: number, argument: number, spare: number): boolean {
    lockIrq();
    const queued = load(words, QUEUED);
    const fits = ((queued - load(words, DONE)) | 0) + spare < size;
    if (fits) {
      const place = (queued >>> 0) % size;
      ring.kind[place] = kind;
      ring.row[place] = row;
      ring.argument[place] = argument;
      store(words, QUEUED, (queued + 1) | 0);
    }
    unlockIrq();
    if (fits) options.kick();
    return fits;
  }

  /** An item leaves the ring when it has run, so a flush is a matter of counting. */
  function runOne(): boolean {
    if (pending() === 0 || compareExchange(words, RUNNER, 0, mine) !== 0) return false;
    try {
      const done = load(words, DONE);
      if (done === load(words, QUEUED)) return false;
      const place = (done >>> 0) % size;
      run(ring.kind[place], ring.row[place], ring.argument[place]);
      store(words, DONE, (done + 1) | 0);
      notify(words, DONE);
      return true;
    } finally {
      store(words, RUNNER, 0);
    }
  }

  function flush(): void {
    const queued = load(words, QUEUED);
    const over = () => ((load(words, DONE) - queued) | 0) >= 0;
    if (over()) return;
    processor.mightSleep('flushes the workqueue');
    check(load(words, RUNNER) !== mine, 'a work item flushes the queue that it is on');
    const what = { words, index: DONE, describe: () => `work item ${queued}` };
    if (options.mustHelp()) {
      patience.nap({
        ...what,
        done: () => {
          processor.poll();
          options.advance();
          runOne();
          return over();
        },
      });
    } else {
      options.kick();
      processor.asleep(() => patience.until({ ...what, done: over }));
    }
  }

  return {
    queue(kind, row, argument = 0) {
      check(tryQueue(kind, row, argument, 0), `work ring of ${size} places is full`);
    },
    tryQueue,
    runOne,
    flush,
    pending,
    next: () => (pending() === 0 ? 0 : ring.kind[(load(words, DONE) >>> 0) % size]),
    position: () => load(words, QUEUED),
    dropSince(position) {
      store(words, QUEUED, position);
    },
    forEach(visit) {
      const done = load(words, DONE);
      // Bounded, as the audit looks at broken machines too.
      const count = Math.min(pending(), size);
      for (let at = 0; at < count; at++) {
        const place = ((done + at) >>> 0) % size;
        visit(ring.kind[place], ring.row[place], ring.argument[place]);
      }
    },
  };
}
