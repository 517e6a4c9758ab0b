/**
 * Reference counts that are per CPU until they are killed (`percpu_ref`), one per row of a table.
 *
 *   mode    0 percpu; ATOMIC, DEAD (killed), SWITCHED (the slots have been summed)
 *   count   base, plus BIAS until the slots are summed, so that it cannot read 0 before; atomic
 *   slot    what each CPU added, at `cpu * rows + row`; that CPU alone, interrupts included
 *
 * percpu: get and put add to the CPU's slot. kill: DEAD and ATOMIC are set, one extra reference is
 * taken, the base is dropped, and after a grace period (`switched`) the slots are summed into the count
 * and the extra reference dropped. Whoever drops the last reference calls `release`: process,
 * callback or interrupt.
 *
 * Protection of a get or put in percpu mode: the grace period. They must lie within one read section
 * or be one step of a CPU that is not polled between the look at `mode` and the addition.
 * Source: kernel-model a.6.
 */
import * as atomics from '#atomics';
import { ModelError } from './assert.ts';

/** Bits of `mode`. */
const REF_ATOMIC = 1;
export const REF_DEAD = 2;
export const REF_SWITCHED = 4;
/** Keeps an atomic count from reading 0 while slots are not summed. */
export const REF_BIAS = 2 ** 30;

/** The columns of one kind of reference. */
export interface RefColumns {
  readonly mode: Int32Array;
  readonly count: Int32Array;
  readonly slot: Int32Array;
  /** Rows of the table: distance between two CPUs' slots of one row. */
  readonly rows: number;
}

/** References of one kind, as one CPU sees them. */
export interface PercpuRefs {
  /** A new row: one base reference, percpu. Nobody else may know the row yet. */
  init(row: number): void;
  get(row: number, count: number): void;
  /** Takes a reference unless there is none left. */
  tryGet(row: number): boolean;
  /** Takes a reference unless the row was killed. */
  tryGetLive(row: number): boolean;
  put(row: number, count: number): void;
  /** Drops the base reference and begins the switch; `afterGracePeriod` must lead to `switched`. */
  kill(row: number, afterGracePeriod: () => void): void;
  /** Takes back a kill whose switch will not come; only to undo an operation as a whole. */
  revive(row: number): void;
  /** Sums the slots. To be called a grace period after `kill`. */
  switched(row: number): void;
  /** All references, while nothing is in flight. */
  total(row: number): number;
}

/** Binds references to a CPU. */
export function bindPercpuRefs(options: {
  readonly columns: RefColumns;
  readonly cpu: number;
  readonly cpus: number;
  readonly what: string;
  release(row: number): void;
}): PercpuRefs {
  const { add, compareExchange, or, peek, store, sub } = atomics;
  const { mode, count, slot, rows } = options.columns;
  const { cpus, what, release } = options;
  const own = options.cpu * rows;

  function put(row: number, references: number): void {
    if ((peek(mode, row) & REF_ATOMIC) === 0) {
      slot[own + row] -= references;
      return;
    }
    const before = sub(count, row, references);
    if (before === references) release(row);
    else if (before < references) {
      throw new ModelError(`${what} ${row}: put of ${references} references, ${before} were left`);
    }
  }

  function tryGetAtomic(row: number): boolean {
    for (let before = peek(count, row); before !== 0; before = peek(count, row)) {
      if (compareExchange(count, row, before, before + 1) === before) return true;
    }
    return false;
  }

  function sumSlots(row: number): number {
    let sum = 0;
    for (let cpu = 0; cpu < cpus; cpu++) sum += peek(slot, cpu * rows + row);
    return sum | 0;
  }

  return {
    init(row) {
      for (let cpu = 0; cpu < cpus; cpu++) slot[cpu * rows + row] = 0;
      count[row] = REF_BIAS + 1;
      store(mode, row, 0);
    },
    get(row, references) {
      if ((peek(mode, row) & REF_ATOMIC) === 0) slot[own + row] += references;
      else add(count, row, references);
    },
    tryGet(row) {
      if ((peek(mode, row) & REF_ATOMIC) !== 0) return tryGetAtomic(row);
      slot[own + row]++;
      return true;
    },
    tryGetLive(row) {
      const seen = peek(mode, row);
      if ((seen & REF_DEAD) !== 0) return false;
      if ((seen & REF_ATOMIC) !== 0) return tryGetAtomic(row);
      slot[own + row]++;
      return true;
    },
    put,
    kill(row, afterGracePeriod) {
      if ((or(mode, row, REF_ATOMIC | REF_DEAD) & REF_DEAD) !== 0) {
        throw new ModelError(`${what} ${row} is killed a second time`);
      }
      // The switch's own reference. The bias keeps the count from reading 0 until then.
      add(count, row, 1);
      afterGracePeriod();
      put(row, 1);
    },
    // The base reference comes back, the switch's own goes: the count stays.
    revive: (row) => store(mode, row, 0),
    switched(row) {
      const sum = sumSlots(row);
      for (let cpu = 0; cpu < cpus; cpu++) slot[cpu * rows + row] = 0;
      add(count, row, (sum - REF_BIAS) | 0);
      or(mode, row, REF_SWITCHED);
      put(row, 1);
    },
    total(row) {
      if ((peek(mode, row) & REF_SWITCHED) !== 0) return peek(count, row);
      return (peek(count, row) + sumSlots(row) - REF_BIAS) | 0;
    },
  };
}
