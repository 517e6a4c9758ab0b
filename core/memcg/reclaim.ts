/**
 * Reclaim: what memory pressure does to memcgs, live and dying (5.2: shrink_node, shrink_slab and
 * do_shrink_slab in mm/vmscan.c).
 *
 * The arithmetic matters more here than anything else: a shrinker is asked for
 * `freeable >> priority * 4 / seeks` objects, so at the default priority (12) a list of fewer than 4096
 * gets no pressure at all, and what is asked for is only done once it adds up to a batch. That is why
 * leftovers of removed cgroups stay (kernel-model c; "mm: slowly shrink slabs with a relatively small
 * number of objects", 2018-09-04, reverted).
 *
 * Protection: `deferredScan` is shared by all CPUs and atomic.
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import type { ListLrus } from './list-lru.ts';
import { MEMCG_LIVE, MEMCG_ONLINE, MEMCG_RELEASED, ROOT_MEMCG } from './memcgs.ts';
import type { Evicted, PageCache } from './page-cache.ts';

/** Priority at which reclaim begins (DEF_PRIORITY); it counts down to 0 when that is not enough. */
export const DEFAULT_PRIORITY = 12;
/** Objects that a file system's shrinker scans at once (`s_shrink.batch`). */
const BATCH = 1024;
/** DEFAULT_SEEKS: what it costs to make such an object again, in disk seeks. */
const SEEKS = 2;

/**
 * The shrinker of a file system: it owns a few list_lrus and frees objects of them.
 * @param scan objects of an lru to look at on a memcg's list; returns how many were freed
 */
export interface Shrinker {
  /** Its list_lrus, in the order in which they are scanned. */
  readonly lrus: readonly number[];
  scan(lru: number, memcg: number, objects: number): number;
}

/** Reclaim as one CPU does it. */
export interface Reclaim {
  /** Objects freed by one pass of a shrinker over a memcg's lists at a priority (shrink_slab). */
  shrinkSlab(memcg: number, priority: number, shrinker: Shrinker): number;
  /**
   * One pass over a memcg and all below it, dying ones too (shrink_node): page cache, then slab.
   * @returns pages of page cache and objects that are gone
   */
  shrinkNode(
    top: number,
    priority: number,
    hooks: { evicted: Evicted; shrinker: Shrinker },
  ): { pages: number; objects: number };
  /** All memcgs of a subtree in preorder, dying ones included. */
  subtree(top: number): number[];
}

/** Objects that one pass is to look at, before what was deferred is added (do_shrink_slab). */
export function scanTarget(freeable: number, priority: number): number {
  return Math.floor((Math.floor(freeable / 2 ** priority) * 4) / SEEKS);
}

/** Binds reclaim to a CPU. */
export function bindReclaim(
  machine: Machine,
  bound: { lrus: ListLrus; pageCache: PageCache },
): Reclaim {
  const { add, exchange } = atomics;
  const { lrus, pageCache } = bound;
  const { flags, childrenHead, siblingNext } = machine.memcgs;
  const { deferredScan } = machine.globals;

  /** Scans `objects` over the lists in proportion to their length. */
  function scanLists(memcg: number, objects: number, shrinker: Shrinker): number {
    const counts = shrinker.lrus.map((lru) => lrus.count(lru, memcg));
    // One too many, as super_cache_scan has it, so that it is never 0.
    const total = counts.reduce((sum, count) => sum + count, 1);
    let freed = 0;
    shrinker.lrus.forEach((lru, index) => {
      const share = Math.floor((objects * (counts[index] as number)) / total);
      // And one more, so that a short list is not passed over for ever.
      freed += shrinker.scan(lru, memcg, share + 1);
    });
    return freed;
  }

  function shrinkSlab(memcg: number, priority: number, shrinker: Shrinker): number {
    // Once the offline callback is done its lists are its parent's (mem_cgroup_online).
    if ((flags[memcg] & MEMCG_ONLINE) === 0) return 0;
    // The root's bits are not kept: its lists are always looked at.
    const marked = memcg === ROOT_MEMCG || shrinker.lrus.some((lru) => lrus.hasBit(lru, memcg));
    if (!marked) return 0;
    const freeable = shrinker.lrus.reduce((sum, lru) => sum + lrus.count(lru, memcg), 0);
    if (freeable === 0) {
      for (const lru of shrinker.lrus) lrus.clearBit(lru, memcg);
      return 0;
    }
    const deferred = exchange(deferredScan, 0, 0);
    const target = scanTarget(freeable, priority);
    let total = deferred + target;
    const wanted = total;
    if (target < Math.floor(freeable / 4)) total = Math.min(total, Math.floor(freeable / 2));
    total = Math.min(total, freeable * 2);
    let freed = 0;
    let scanned = 0;
    while (total >= BATCH || total >= freeable) {
      const part = Math.min(BATCH, total);
      freed += scanLists(memcg, part, shrinker);
      total -= part;
      scanned += part;
      if (part === 0) break;
    }
    if (wanted > scanned) add(deferredScan, 0, wanted - scanned);
    return freed;
  }

  function subtree(top: number): number[] {
    const found: number[] = [];
    const visit = (memcg: number): void => {
      found.push(memcg);
      for (let child = childrenHead[memcg]; child !== 0; child = siblingNext[child]) visit(child);
    };
    visit(top);
    return found;
  }

  return {
    shrinkSlab,
    subtree,
    shrinkNode(top, priority, hooks) {
      let pages = 0;
      let objects = 0;
      for (const memcg of subtree(top)) {
        // Gone in the meantime: the last page of it was reclaimed on this walk.
        if ((flags[memcg] & (MEMCG_LIVE | MEMCG_RELEASED)) !== MEMCG_LIVE) continue;
        pages += pageCache.shrink(memcg, priority, hooks.evicted);
        objects += shrinkSlab(memcg, priority, hooks.shrinker);
      }
      return { pages, objects };
    },
  };
}
