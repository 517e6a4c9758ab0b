/**
 * Spin locks over shared words: 0 free, otherwise the CPU that holds it plus one. A lock that its
 * own CPU already holds is a deadlock in the kernel; here it is an error that says so.
 */
import * as atomics from '#atomics';
import { ModelError } from './assert.ts';

/** Locks and unlocks words of one column on behalf of one CPU. */
export interface SpinLock {
  lock(row: number): void;
  unlock(row: number): void;
}

/** Binds a column of lock words to a CPU. */
export function bindSpinLock(words: Int32Array, cpu: number, name: string): SpinLock {
  // Constants of the closure, so that V8 inlines them without a check (see allocator.ts).
  const { compareExchange, peek, store } = atomics;
  const mine = cpu + 1;
  return {
    lock(row: number): void {
      let holder = compareExchange(words, row, 0, mine);
      if (holder === 0) return;
      if (holder === mine) throw new ModelError(`CPU ${cpu} already holds ${name} of row ${row}`);
      do {
        while (peek(words, row) !== 0);
        holder = compareExchange(words, row, 0, mine);
      } while (holder !== 0);
    },
    unlock(row: number): void {
      store(words, row, 0);
    },
  };
}
