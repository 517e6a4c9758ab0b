// hot path
/**
 * Byte stocks of the designs with an owner per object (kernel-model b.13): a CPU keeps bytes of pages
 * that it charged for an obj_cgroup, and serves the next objects from them.
 *
 *   slots     obj_cgroups that a stock can hold at once: 1 (5.9), 5 (NR_OBJ_STOCK, "memcg: multi objcg
 *             charge support", S. Butt, 2026-05). Full, the slots are drained in turn.
 *   compare   what makes an allocation find its slot: the obj_cgroup itself, or its memcg ("memcg: cache
 *             obj_stock by memcg, not by objcg pointer", 2026-05, first form), which leaves bytes of one
 *             obj_cgroup with another: a mistake that the audit sees (kernel-model C-A)
 *
 * Each slot in use holds one reference on its obj_cgroup. Draining gives whole pages back to the
 * memcg that owns it now, and the rest to `chargedBytes`.
 * Protection: the CPU that owns the stock, plain access, with interrupts off where something in between
 * may poll: an interrupt frees objects, and would find a slot half emptied. Others ask the CPU, or act
 * for it while it is idle.
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import type { IrqControl } from '../shared/spinlock.ts';
import { CPU_RECORD } from '../slub/row-supply.ts';
import { PAGE_BYTES } from '../slub/slabs.ts';

/** How stocks of a design work. */
export interface StockDesign {
  readonly slots: number;
  readonly compare: 'objcg' | 'memcg';
}

/** Most slots of any design: what a CPU's record has room for. */
export const STOCK_SLOTS_MAX = 5;

/** The byte stocks, as one CPU uses them. */
export interface ByteStocks {
  /** Words of this CPU's first slot in `cpus.record`: its obj_cgroup, and its bytes. */
  readonly first: { readonly objcg: number; readonly bytes: number };
  /** Takes bytes out of this CPU's stock; false, with nothing changed, if it does not have them. */
  consume(objcg: number, bytes: number): boolean;
  /** Puts bytes into this CPU's stock; may drain another obj_cgroup's, and this one's above a page. */
  refill(objcg: number, bytes: number): void;
  /** Gives back what a CPU holds; that CPU must be this one or idle. */
  drain(cpu: number): void;
  /** Whether a CPU's stock has an obj_cgroup for which `is` holds. */
  some(cpu: number, is: (objcg: number) => boolean): boolean;
  /** Each slot in use of each CPU, for the audit. */
  forEach(visit: (objcg: number, bytes: number) => void): void;
}

/** Binds them to a CPU. */
export function bindByteStocks(
  machine: Machine,
  bound: StockDesign & {
    readonly cpu: number;
    readonly memcgOf: Int32Array;
    readonly chargedBytes: Int32Array;
    readonly irq: IrqControl;
    get(objcg: number): void;
    put(objcg: number): void;
    /** Takes pages off the counters of an obj_cgroup's memcg. */
    unchargePages(objcg: number, pages: number): void;
  },
): ByteStocks {
  const { add, exchange, peek } = atomics;
  const { cpu, slots, memcgOf, chargedBytes, get, put, unchargePages } = bound;
  const { irqSave, irqRestore } = bound.irq;
  const byMemcg = bound.compare === 'memcg';
  const { record } = machine.cpus;
  const OWN = cpu * CPU_RECORD.words + CPU_RECORD.byteStock;
  const BYTES = STOCK_SLOTS_MAX;
  const base = cpu * CPU_RECORD.words;
  const DRAINS = base + CPU_RECORD.byteStockDrains;
  const MISSES = base + CPU_RECORD.byteStockMisses;
  const VICTIM = base + CPU_RECORD.byteStockVictim;

  function isSame(cached: number, objcg: number): boolean {
    if (cached === objcg) return true;
    return byMemcg && cached !== 0 && peek(memcgOf, cached) === peek(memcgOf, objcg);
  }

  /** Emptied before the reference goes, as dropping the last one may lead back here. */
  function drainSlot(slot: number): void {
    const objcg = record[slot];
    const bytes = record[slot + BYTES];
    record[slot] = 0;
    record[slot + BYTES] = 0;
    if (objcg === 0) return;
    record[DRAINS]++;
    const pages = Math.trunc(bytes / PAGE_BYTES);
    if (pages > 0) unchargePages(objcg, pages);
    const rest = bytes - pages * PAGE_BYTES;
    if (rest !== 0) add(chargedBytes, objcg, rest);
    put(objcg);
  }

  /** The slot of an obj_cgroup, or one that was made free for it. */
  function slotFor(objcg: number): number {
    let free = -1;
    for (let slot = OWN; slot < OWN + slots; slot++) {
      if (isSame(record[slot], objcg)) return slot;
      if (free < 0 && record[slot] === 0) free = slot;
    }
    if (free < 0) {
      free = OWN + record[VICTIM];
      record[VICTIM] = (record[VICTIM] + 1) % slots;
      drainSlot(free);
    }
    get(objcg);
    record[free] = objcg;
    record[free + BYTES] = exchange(chargedBytes, objcg, 0);
    return free;
  }

  function consume(objcg: number, bytes: number): boolean {
    for (let slot = OWN; slot < OWN + slots; slot++) {
      if (record[slot] !== 0 && isSame(record[slot], objcg) && record[slot + BYTES] >= bytes) {
        record[slot + BYTES] -= bytes;
        return true;
      }
    }
    record[MISSES]++;
    return false;
  }

  return {
    first: { objcg: OWN, bytes: OWN + BYTES },
    consume,
    refill(objcg, bytes) {
      irqSave();
      const slot = record[OWN] === objcg ? OWN : slotFor(objcg);
      record[slot + BYTES] += bytes;
      if (record[slot + BYTES] > PAGE_BYTES) drainSlot(slot);
      irqRestore();
    },
    drain(other) {
      const first = other * CPU_RECORD.words + CPU_RECORD.byteStock;
      irqSave();
      for (let slot = first; slot < first + slots; slot++) drainSlot(slot);
      irqRestore();
    },
    some(other, is) {
      const first = other * CPU_RECORD.words + CPU_RECORD.byteStock;
      for (let slot = first; slot < first + slots; slot++) {
        const objcg = peek(record, slot);
        if (objcg !== 0 && is(objcg)) return true;
      }
      return false;
    },
    forEach(visit) {
      for (let other = 0; other < machine.config.cpus; other++) {
        const first = other * CPU_RECORD.words + CPU_RECORD.byteStock;
        for (let slot = first; slot < first + slots; slot++) {
          if (record[slot] !== 0) visit(record[slot], record[slot + BYTES]);
        }
      }
    },
  };
}
