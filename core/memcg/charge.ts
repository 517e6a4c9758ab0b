// hot path
/**
 * Charging slab pages to memcgs (kernel-model b.2): the CPU's stock first, then every level of the
 * hierarchy, a batch at a time. Each charged page comes with a css reference on the memcg, those in
 * stock too, so a stock can keep a removed memcg (D4) until it is replaced or drained.
 *
 * The stock is the CPU's own (plain access). Others ask for it to be drained; for an idle CPU they do
 * it themselves.
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import type { ObjectOwners } from '../reparent/strategy.ts';
import { type EventRing, eventKind } from '../shared/event-ring.ts';
import { bindPageCounter } from '../shared/page-counter.ts';
import type { PercpuRefs } from '../shared/percpu-ref.ts';
import { ASK, LINE, type Processor } from '../shared/processor.ts';
import { CPU_RECORD } from '../slub/row-supply.ts';
import { LOCK } from '../tables.ts';
import { ROOT_MEMCG } from './memcgs.ts';

/** Charges and uncharges memcgs on behalf of one CPU. */
export interface Charging {
  /**
   * Charges `pages` to a memcg and all above; the root is never charged. Takes `pages` css references.
   * May sleep. @returns false, with nothing changed, when a limit is reached
   */
  charge(memcg: number, pages: number): boolean;
  /**
   * Charges the nearest ancestor of a cache's memcg that was not removed; the memcg with `pages` css
   * references, 0 for a root cache, -1 when a limit is reached. May sleep.
   */
  chargeOnline(cache: number, pages: number): number;
  /** Charges the root for real; takes no references. @returns false at a limit */
  chargeRoot(pages: number): boolean;
  /** Takes pages off the counters; the references are the caller's to drop. */
  uncharge(memcg: number, pages: number): void;
  /** Gives back this CPU's stock. */
  drain(): void;
  /** Has every CPU give back its stock of a memcg or of one below it; skips if somebody else drains. */
  drainAll(memcg: number): void;
  /** Stocks by the byte are drained along with those by the page from now on. */
  withByteStocks(stocks: Pick<ObjectOwners, 'drain' | 'holdsFor'>): void;
}

/** Binds charging to a CPU. */
export function bindCharging(
  machine: Machine,
  bound: { processor: Processor; css: PercpuRefs; events: EventRing },
): Charging {
  // Constants of the closure, so that V8 inlines them without a check (see allocator.ts).
  const { compareExchange, peek, store } = atomics;
  const { processor, css, events } = bound;
  const { readLock, readUnlock } = processor;
  const { get, put, tryGetLive } = css;
  const { tryCharge, uncharge } = bindPageCounter(machine.memcgs);
  const { parent } = machine.memcgs;
  const { memcg: owner } = machine.kmemCaches;
  const record = machine.cpus.record;
  const { chargeBatch, cpus } = machine.config;
  const cpu = processor.cpu;
  const MEMCG = cpu * CPU_RECORD.words + CPU_RECORD.stockMemcg;
  const PAGES = cpu * CPU_RECORD.words + CPU_RECORD.stockPages;
  const locks = machine.locks.word;
  const DRAINING = LOCK.percpuChargeMutex * LINE;
  const STOCK_DRAINED = eventKind('stock drained');
  let byteStocks: Pick<ObjectOwners, 'drain' | 'holdsFor'> | null = null;

  /** Emptied before the references go, as dropping the last one may lead back here. */
  function drainStock(other: number): void {
    const base = other * CPU_RECORD.words;
    const memcg = record[base + CPU_RECORD.stockMemcg];
    const pages = record[base + CPU_RECORD.stockPages];
    record[base + CPU_RECORD.stockMemcg] = 0;
    record[base + CPU_RECORD.stockPages] = 0;
    if (pages === 0) return;
    events.record(STOCK_DRAINED, memcg, pages);
    uncharge(memcg, pages);
    put(memcg, pages);
  }

  /** Those by the byte first, as what they give back is not put into the others. */
  function drainStocks(other: number): void {
    byteStocks?.drain(other);
    drainStock(other);
  }

  function refill(memcg: number, pages: number): void {
    if (record[MEMCG] !== memcg) {
      drainStock(cpu);
      record[MEMCG] = memcg;
    }
    record[PAGES] += pages;
    if (record[PAGES] > chargeBatch) drainStock(cpu);
  }

  function isBelow(memcg: number, top: number): boolean {
    for (let level = memcg; level !== 0; level = parent[level]) if (level === top) return true;
    return false;
  }

  function drainAll(memcg: number): void {
    const stocks = chargeBatch > 0 || byteStocks !== null;
    if (!stocks || compareExchange(locks, DRAINING, 0, cpu + 1) !== 0) return;
    readLock();
    const isMeant = (stocked: number): boolean => isBelow(stocked, memcg);
    for (let other = 0; other < cpus; other++) {
      const stocked = peek(record, other * CPU_RECORD.words + CPU_RECORD.stockMemcg);
      if (!isMeant(stocked) && byteStocks?.holdsFor(other, isMeant) !== true) continue;
      if (other === cpu) drainStocks(cpu);
      else processor.summon(other, ASK.drain, () => drainStocks(other));
    }
    readUnlock();
    store(locks, DRAINING, 0);
  }

  /** A whole batch did not fit, or there is none: exactly the pages, and once more without stocks. */
  function chargeSlow(memcg: number, pages: number): boolean {
    // The kernel reclaims here, which sleeps (M19).
    processor.sleepPoint('reclaims');
    if (chargeBatch > pages && tryCharge(memcg, pages) === 0) return true;
    if (chargeBatch === 0 && byteStocks === null) return false;
    drainAll(ROOT_MEMCG);
    return tryCharge(memcg, pages) === 0;
  }

  function charge(memcg: number, pages: number): boolean {
    if (memcg === ROOT_MEMCG) {
      get(memcg, pages);
      return true;
    }
    if (record[MEMCG] === memcg && record[PAGES] >= pages) {
      record[PAGES] -= pages;
      return true;
    }
    const batch = Math.max(chargeBatch, pages);
    if (tryCharge(memcg, batch) === 0) {
      get(memcg, batch);
      if (batch > pages) refill(memcg, batch - pages);
      return true;
    }
    if (!chargeSlow(memcg, pages)) return false;
    get(memcg, pages);
    return true;
  }

  return {
    charge,
    chargeOnline(cache, pages) {
      // A charge may sleep, so the section ends before it and a reference carries on (M19).
      readLock();
      let memcg = peek(owner, cache);
      if (memcg === 0) {
        readUnlock();
        return 0;
      }
      while (!tryGetLive(memcg)) memcg = parent[memcg];
      readUnlock();
      const charged = charge(memcg, pages);
      put(memcg, 1);
      return charged ? memcg : -1;
    },
    chargeRoot: (pages) => tryCharge(ROOT_MEMCG, pages) === 0,
    uncharge,
    drain: () => drainStocks(cpu),
    drainAll,
    withByteStocks(stocks) {
      byteStocks = stocks;
    },
  };
}
