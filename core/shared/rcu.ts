/**
 * RCU: grace periods, callbacks after them, and waiting for both. Grace periods are numbered; one
 * runs at a time. It starts by asking every running CPU and ends when each of them was seen idle or
 * outside a read section (`processor.ts`). Nothing ends by itself: whoever runs the deferred work (the
 * kworker CPU, or a waiting CPU when there is none) pushes it on with `advance`.
 *
 *   words   [started, done, wanted, callbacks queued, callbacks run, softirq runner + 1]
 *   ring    callbacks (kind, row) with the grace period that each needs; rcu lock, interrupts off
 *
 * A callback may come back in an interrupt's clothes: it must not sleep.
 * Source: kernel-model a.1, b.6, b.7, b.11.
 */
import * as atomics from '#atomics';
import { check } from './assert.ts';
import { ASK, type Processor } from './processor.ts';
import type { IrqSpinLock } from './spinlock.ts';
import type { Patience } from './wait.ts';

/** State words; alone on their cache line. */
export const RCU_SPEC = { word: 16 } as const;
/** Callbacks that wait for their grace period. */
export const RCU_RING_SPEC = { kind: 1, row: 1, need: 1 } as const;

const STARTED = 0;
const DONE = 1;
const WANTED = 2;
const QUEUED = 3;
const RUN = 4;
const RUNNER = 5;
/** Kind and period of the last batched callback. */
const BATCH = 6;

/** RCU as one CPU sees it. */
export interface Rcu {
  /** Runs (kind, row) once all read sections of now have ended. */
  call(kind: number, row: number): void;
  /** As `call`, but joins the callback of this kind that waits for the same grace period. Returns its number. */
  callBatched(kind: number): number;
  /** Whether a grace period is over. */
  isOver(period: number): boolean;
  /** Waits until all read sections of now have ended. @throws ModelError inside a section */
  synchronize(): void;
  /** Waits until all callbacks queued so far have run. */
  barrier(): void;
  /** Pushes grace periods on and runs what is due, at most so many callbacks; returns how many ran. */
  advance(most?: number): number;
  pending(): number;
  /** Whether callbacks wait, or a grace period is under way or wanted. */
  busy(): boolean;
  /** Position for `dropSince`. */
  position(): number;
  /** Forgets callbacks queued since `position`; only to undo an operation as a whole. */
  dropSince(position: number): void;
  /** Each pending callback, for the audit. */
  forEach(visit: (kind: number, row: number) => void): void;
}

/** Binds RCU. `run` executes a callback. */
export function bindRcu(options: {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly ring: { readonly kind: Int32Array; readonly row: Int32Array; readonly need: Int32Array };
  readonly cpus: number;
  readonly processor: Processor;
  readonly lock: IrqSpinLock;
  readonly patience: Patience;
  /** Whether this CPU has to push grace periods on while it waits: nobody else does. */
  mustHelp(): boolean;
  /** Tells the kworker that there is something to do. */
  kick(): void;
  run(kind: number, row: number): void;
}): Rcu {
  const { compareExchange, load, notify, store } = atomics;
  const { words, ring, cpus, processor, patience } = options;
  const { lockIrq, unlockIrq } = options.lock;
  const size = ring.kind.length;
  const mine = processor.cpu + 1;

  const isOver = (period: number): boolean => ((load(words, DONE) - period) | 0) >= 0;

  function push(kind: number, row: number): void {
    const queued = load(words, QUEUED);
    check(((queued - load(words, RUN)) | 0) < size, `RCU callback ring of ${size} places is full`);
    const place = (queued >>> 0) % size;
    ring.kind[place] = kind;
    ring.row[place] = row;
    ring.need[place] = (load(words, STARTED) + 1) | 0;
    store(words, QUEUED, queued + 1);
  }

  function call(kind: number, row: number): void {
    lockIrq();
    try {
      push(kind, row);
    } finally {
      unlockIrq();
    }
    options.kick();
  }

  function callBatched(kind: number): number {
    let need = 0;
    lockIrq();
    try {
      need = (load(words, STARTED) + 1) | 0;
      if (words[BATCH] !== kind || words[BATCH + 1] !== need) {
        push(kind, 0);
        words[BATCH] = kind;
        words[BATCH + 1] = need;
      }
    } finally {
      unlockIrq();
    }
    options.kick();
    return need;
  }

  /** Ends the running grace period if it can be ended, starts one if one is wanted. */
  function pushPeriods(): void {
    lockIrq();
    const started = load(words, STARTED);
    let running = load(words, DONE) !== started;
    if (running && allQuiescent(started)) {
      store(words, DONE, started);
      running = false;
      notify(words, DONE);
    }
    const wanted =
      load(words, QUEUED) !== load(words, RUN) || ((load(words, WANTED) - started) | 0) > 0;
    if (!running && wanted) {
      store(words, STARTED, started + 1);
      // This CPU too: it may be another one that looks whether the period can be ended.
      for (let cpu = 0; cpu < cpus; cpu++) processor.ask(cpu, ASK.quiescent);
    }
    unlockIrq();
  }

  function allQuiescent(period: number): boolean {
    for (let cpu = 0; cpu < cpus; cpu++) if (!processor.isQuiescent(cpu, period)) return false;
    return true;
  }

  /** The next callback whose grace period is over is taken off the ring when it has run. */
  function runDue(most: number): number {
    let ran = 0;
    for (let at = load(words, RUN); at !== load(words, QUEUED) && ran < most; at = (at + 1) | 0) {
      const place = (at >>> 0) % size;
      if (!isOver(ring.need[place])) break;
      const kind = ring.kind[place];
      const row = ring.row[place];
      processor.irqSave();
      try {
        options.run(kind, row);
      } finally {
        processor.irqRestore();
      }
      store(words, RUN, (at + 1) | 0);
      ran++;
    }
    if (ran > 0) notify(words, RUN);
    return ran;
  }

  /** One CPU at a time runs callbacks, in order: a barrier is then a matter of counting. */
  function advance(most = size): number {
    if (compareExchange(words, RUNNER, 0, mine) !== 0) return 0;
    let ran = 0;
    try {
      // Two periods: callbacks of now may need the one after the one that is running.
      for (let period = 0; period < 3; period++) {
        pushPeriods();
        ran += runDue(most - ran);
      }
    } finally {
      store(words, RUNNER, 0);
    }
    return ran;
  }

  function waitFor(index: number, what: string, over: () => boolean): void {
    if (over()) return;
    processor.mightSleep(`waits for ${what}`);
    if (options.mustHelp()) {
      patience.nap({
        words,
        index,
        done: () => {
          processor.poll();
          advance();
          return over();
        },
        describe: () => what,
      });
    } else {
      options.kick();
      processor.asleep(() => patience.until({ words, index, done: over, describe: () => what }));
    }
  }

  return {
    call,
    callBatched,
    isOver,
    synchronize() {
      lockIrq();
      const need = (load(words, STARTED) + 1) | 0;
      if (((need - load(words, WANTED)) | 0) > 0) store(words, WANTED, need);
      unlockIrq();
      waitFor(DONE, `grace period ${need}`, () => isOver(need));
    },
    barrier() {
      const queued = load(words, QUEUED);
      waitFor(RUN, `RCU callback ${queued}`, () => ((load(words, RUN) - queued) | 0) >= 0);
    },
    advance,
    pending: () => (load(words, QUEUED) - load(words, RUN)) | 0,
    busy: () =>
      load(words, QUEUED) !== load(words, RUN) ||
      ((load(words, WANTED) - load(words, DONE)) | 0) > 0,
    position: () => load(words, QUEUED),
    dropSince(position) {
      store(words, QUEUED, position);
      // The batch that others would join may be among the dropped.
      words[BATCH] = 0;
    },
    forEach(visit) {
      const run = load(words, RUN);
      // Bounded, as the audit looks at broken machines too.
      const count = Math.min((load(words, QUEUED) - run) | 0, size);
      for (let at = 0; at < count; at++) {
        const place = ((run + at) >>> 0) % size;
        visit(ring.kind[place], ring.row[place]);
      }
    },
  };
}
