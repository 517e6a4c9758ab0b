/**
 * Spin locks over shared words: 0 free, otherwise the CPU that holds it plus one. A lock that its
 * own CPU already holds is a deadlock in the kernel; here it is an error that says so. That is also
 * what an interrupt meets that takes a lock of the code it interrupted (M08), unless the lock is
 * always taken with interrupts off (`lockIrq`).
 */
import * as atomics from '#atomics';
import { ModelError } from './assert.ts';
import type { Patience } from './wait.ts';

/** Locks and unlocks words of one column on behalf of one CPU. */
export interface SpinLock {
  lock(row: number): void;
  unlock(row: number): void;
}

/** Takes and gives back the right to be interrupted. */
export interface IrqControl {
  irqSave(): void;
  irqRestore(): void;
}

/** A spin lock that interrupt handlers take too. */
export interface IrqSpinLock {
  lockIrq(): void;
  unlockIrq(): void;
}

/** Binds a column of lock words to a CPU. */
export function bindSpinLock(
  words: Int32Array<SharedArrayBuffer>,
  cpu: number,
  name: string,
  patience: Patience,
): SpinLock {
  // Constants of the closure, so that V8 inlines them without a check (see allocator.ts).
  const { SPINS, compareExchange, load, store } = atomics;
  const mine = cpu + 1;

  function tryLock(row: number): boolean {
    return load(words, row) === 0 && compareExchange(words, row, 0, mine) === 0;
  }

  function lockSlow(row: number): void {
    if (load(words, row) === mine) {
      throw new ModelError(`CPU ${cpu} already holds ${name} of row ${row}`);
    }
    for (let spin = 0; spin < SPINS; spin++) if (tryLock(row)) return;
    patience.nap({
      words,
      index: row,
      done: () => tryLock(row),
      describe: () => `${name} of row ${row}, which CPU ${load(words, row) - 1} holds`,
    });
  }

  return {
    lock(row: number): void {
      if (compareExchange(words, row, 0, mine) !== 0) lockSlow(row);
    },
    unlock(row: number): void {
      store(words, row, 0);
    },
  };
}

/** Binds one lock word that is only ever taken with interrupts off. */
export function bindIrqSpinLock(lock: SpinLock, row: number, irq: IrqControl): IrqSpinLock {
  return {
    lockIrq() {
      irq.irqSave();
      lock.lock(row);
    },
    unlockIrq() {
      lock.unlock(row);
      irq.irqRestore();
    },
  };
}
