// hot path
/**
 * splice-caches: Linux 5.3, "mm: reparent slab memory on cgroup removal" (v7, 2019-06-11).
 *
 * A slab has no owner of its own: it is its cache's memcg. A cache holds one css reference on its
 * memcg; slabs hold references on the cache (one per base page). Removal swaps the memcg of each
 * cache. refcnt(cache) = base (1 until killed) + base pages of its live slabs  [R3].
 *
 * Memory per slab: none. Cost per removal: one step per cache.
 */
import * as atomics from '#atomics';
import { ROOT_MEMCG } from '../memcg/memcgs.ts';
import { cacheOfSlab } from '../slub/slabs.ts';
import { bindCacheHandOver } from './hand-over.ts';
import { stepIndex } from './steps.ts';
import type { BoundStrategy, Strategy } from './strategy.ts';

/** The splice of Linux 5.3. */
export const spliceCaches: Strategy = {
  name: 'splice-caches',
  summary: 'hand over the kmem_caches, not their pages (Linux 5.3)',
  releasesEarly: true,
  sharesCaches: false,
  wasmMemory: false,
  tables: () => [],
  bind(machine, context): BoundStrategy {
    // Constants of the closure, so that V8 inlines them without a check (see allocator.ts).
    const { peek } = atomics;
    const { chargeOnline, uncharge } = context.charging;
    const { put } = context.css;
    const { get: getCache, put: putCache } = context.cacheRefs;
    const { add: addStat } = context.stats;
    const { readLock, readUnlock } = context.processor;
    const { page } = machine.slabs;
    const { memcg: owner } = machine.kmemCaches;
    const steps = machine.cpus.steps;
    const HAND_OVERS = stepIndex(context.cpu, 'handOvers');
    const handOverCaches = bindCacheHandOver(machine, context);
    return {
      // The references of the pages pass from the memcg that was charged to the cache.
      charge(cache, _row, pages) {
        const memcg = chargeOnline(cache, pages);
        if (memcg === 0) return true;
        if (memcg < 0) return false;
        addStat(memcg, cache, pages);
        getCache(cache, pages);
        put(memcg, pages);
        return true;
      },
      uncharge(cache, _row, pages) {
        readLock();
        const memcg = peek(owner, cache);
        if (memcg !== 0) {
          addStat(memcg, cache, -pages);
          if (memcg !== ROOT_MEMCG) uncharge(memcg, pages);
        }
        readUnlock();
        // Last, as it may be the end of the cache.
        if (memcg !== 0) putCache(cache, pages);
      },
      ownerOf: (row) => peek(owner, cacheOfSlab(page, row)),
      handOver(child, parent) {
        steps[HAND_OVERS]++;
        handOverCaches(child, parent);
      },
      expectedPageRefs() {},
      audit() {},
    };
  },
};
