/**
 * Mutexes over shared words, as futexes: 0 free, otherwise the CPU that holds it plus one. A CPU that
 * waits is idle, so grace periods and flushes need not wait for it. One row of the lock table per
 * mutex: [holder, waiters].
 */
import * as atomics from '#atomics';
import { ModelError } from './assert.ts';
import type { Processor } from './processor.ts';
import type { Patience } from './wait.ts';

/** A row per lock; a cache line each. */
export const LOCK_SPEC = { word: 16 } as const;
const WAITERS = 1;

/** A mutex, as one CPU sees it. */
export interface Mutex {
  /** Sleeps until the mutex is free. @throws DeadlineError, AbortedError, ModelError if it is its own */
  lock(): void;
  /** Takes the mutex if it is free. */
  tryLock(): boolean;
  unlock(): void;
  /** Runs `body` with the mutex held. */
  hold<Result>(body: () => Result): Result;
}

/** Binds a mutex, which is the line of `words` that begins at `index`. */
export function bindMutex(options: {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly index: number;
  readonly name: string;
  readonly processor: Processor;
  readonly patience: Patience;
}): Mutex {
  const { add, compareExchange, load, notify, store, sub } = atomics;
  const { words, index, name, processor, patience } = options;
  const mine = processor.cpu + 1;

  const tryLock = (): boolean => compareExchange(words, index, 0, mine) === 0;

  function lockSlow(): void {
    if (load(words, index) === mine) {
      throw new ModelError(`CPU ${processor.cpu} already holds ${name}`);
    }
    add(words, index + WAITERS, 1);
    try {
      processor.asleep(() =>
        patience.until({
          words,
          index,
          done: tryLock,
          describe: () => `${name}, which CPU ${load(words, index) - 1} holds`,
        }),
      );
    } finally {
      sub(words, index + WAITERS, 1);
    }
  }

  function lock(): void {
    processor.mightSleep(`takes ${name}`);
    if (!tryLock()) lockSlow();
  }

  function unlock(): void {
    if (load(words, index) !== mine) {
      throw new ModelError(`CPU ${processor.cpu} releases ${name}, which it does not hold`);
    }
    store(words, index, 0);
    if (load(words, index + WAITERS) !== 0) notify(words, index);
  }

  return {
    lock,
    tryLock,
    unlock,
    hold(body) {
      lock();
      try {
        return body();
      } finally {
        unlock();
      }
    },
  };
}
