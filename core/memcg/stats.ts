// hot path
/**
 * Slab statistics of memcgs: `slab_reclaimable` and `slab_unreclaimable` of memory.stat. They count
 * pages; words of 8 bytes where each object has an owner (bytes in 5.9; words, so that 32 bits do).
 *
 *   memcgs.stat            hierarchical, without what the CPUs hold back; atomic
 *   cpuMemcgs.statBatch    held back by a CPU; spilled to the memcg and every ancestor above 32 pages
 *   cpuMemcgs.statLocal    counted at this level only, never spilled
 *
 * So for an online memcg: stat + the batches of its whole subtree, dying memcgs included, is exact.
 * A memcg that is freed spills its batches to its ancestors. Local counts are not moved when pages are
 * reparented (M17): a parent that frees what a child charged goes below zero, shown as 0.
 * Source: kernel-model a.2, b.2, b.4, T-B, T-C. The root is counted like any other (the repaired form
 * of M16), but never charged.
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import { CACHE_RECLAIMABLE } from './kmem-caches.ts';
import { STAT_ITEMS } from './memcgs.ts';

/** Pages that a CPU may hold back (MEMCG_CHARGE_BATCH of 5.3). */
const STAT_BATCH = 32;
/** Units of a page where objects are counted. */
const WORDS_PER_PAGE = 512;
/** Index of the statistics. */
export const RECLAIMABLE = 0;
export const UNRECLAIMABLE = 1;

/** Slab statistics as one CPU changes and reads them. */
export interface SlabStats {
  /** Adds units of a cache to their owner: base pages of a slab, or words of an object. */
  add(memcg: number, cache: number, units: number): void;
  /** A memcg is freed: what CPUs hold back of it goes to its ancestors. */
  flush(memcg: number): void;
  /** Hierarchical pages as memory.stat shows them; a fraction where objects are counted. */
  read(memcg: number, item: number): number;
  /** Pages counted at this level, as count_shadow_nodes reads them. */
  readLocal(memcg: number, item: number): number;
}

/** Binds the statistics to a CPU. */
export function bindSlabStats(machine: Machine, cpu: number): SlabStats {
  const { add, peek } = atomics;
  const { stat, parent } = machine.memcgs;
  const { statBatch, statLocal } = machine.cpuMemcgs;
  const { flags } = machine.kmemCaches;
  const rows = machine.config.memcgs + 1;
  const own = cpu * rows;
  const unitsPerPage = machine.strategy.sharesCaches ? WORDS_PER_PAGE : 1;
  const batch = STAT_BATCH * unitsPerPage;

  function spill(memcg: number, item: number, pages: number): void {
    for (let level = memcg; level !== 0; level = parent[level]) {
      add(stat, level * STAT_ITEMS + item, pages);
    }
  }

  function sumOver(column: Int32Array, memcg: number, item: number): number {
    let sum = 0;
    for (let other = 0; other < machine.config.cpus; other++) {
      sum += peek(column, (other * rows + memcg) * STAT_ITEMS + item);
    }
    return sum;
  }

  return {
    add(memcg, cache, units) {
      const item = (flags[cache] & CACHE_RECLAIMABLE) === 0 ? UNRECLAIMABLE : RECLAIMABLE;
      const place = (own + memcg) * STAT_ITEMS + item;
      statLocal[place] += units;
      const held = statBatch[place] + units;
      if (held > batch || held < -batch) {
        statBatch[place] = 0;
        spill(memcg, item, held);
      } else statBatch[place] = held;
    },
    flush(memcg) {
      for (let item = 0; item < STAT_ITEMS; item++) {
        const held = sumOver(statBatch, memcg, item);
        if (held !== 0) spill(parent[memcg], item, held);
      }
    },
    read: (memcg, item) => Math.max(0, peek(stat, memcg * STAT_ITEMS + item)) / unitsPerPage,
    readLocal: (memcg, item) => Math.max(0, sumOver(statLocal, memcg, item)) / unitsPerPage,
  };
}
