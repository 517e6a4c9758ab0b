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
import { CACHE_KILLED } from '../memcg/kmem-caches.ts';
import { MEMCG_ONLINE, ROOT_MEMCG } from '../memcg/memcgs.ts';
import { cacheOfSlab } from '../slub/slabs.ts';
import { bindCacheHandOver, stepIndex } from './hand-over.ts';
import type { BoundStrategy, Strategy } from './strategy.ts';

/** The splice of Linux 5.3. */
export const spliceCaches: Strategy = {
  name: 'splice-caches',
  summary: 'hand over the kmem_caches, not their pages (Linux 5.3)',
  releasesEarly: true,
  wasmMemory: false,
  tables: () => [],
  bind(machine, cpu, hooks): BoundStrategy {
    // Constants of the closure, so that V8 inlines them without a check (see allocator.ts).
    const { add, load, peek, sub } = atomics;
    const { tryCharge, unchargeMemcg, cacheUnreferenced } = hooks;
    const { page } = machine.slabs;
    const { memcg: owner, refcnt, flags } = machine.kmemCaches;
    const { parent, flags: memcgFlags, css } = machine.memcgs;
    const steps = machine.cpus.steps;
    const HAND_OVERS = stepIndex(cpu, 'handOvers');
    const handOverCaches = bindCacheHandOver(machine, cpu, hooks);

    function putCache(cache: number, count: number): void {
      if (sub(refcnt, cache, count) === count) cacheUnreferenced(cache);
    }

    return {
      charge(cache, _row, pages) {
        let memcg = peek(owner, cache);
        if (memcg === 0) return true;
        while ((peek(memcgFlags, memcg) & MEMCG_ONLINE) === 0) memcg = parent[memcg];
        if (memcg !== ROOT_MEMCG && !tryCharge(memcg, pages)) return false;
        add(refcnt, cache, pages);
        return true;
      },
      uncharge(cache, _row, pages) {
        const memcg = peek(owner, cache);
        if (memcg === 0) return;
        if (memcg !== ROOT_MEMCG) unchargeMemcg(memcg, pages);
        putCache(cache, pages);
      },
      ownerOf: (row) => peek(owner, cacheOfSlab(page, row)),
      cacheCreated(cache, memcg) {
        add(refcnt, cache, 1);
        add(css, memcg, 1);
      },
      cacheDeactivated() {},
      cacheShrunk(cache) {
        flags[cache] |= CACHE_KILLED;
        putCache(cache, 1);
      },
      cacheReleased(cache) {
        hooks.putMemcg(load(owner, cache), 1);
      },
      handOver(child, newOwner) {
        steps[HAND_OVERS]++;
        handOverCaches(child, newOwner);
      },
      expectedPageRefs() {},
      audit(report) {
        const pages = new Int32Array(flags.length);
        for (let row = 1; row <= machine.config.slabRows; row++) {
          const cache = cacheOfSlab(page, row);
          if (cache !== 0) pages[cache] += machine.kmemCaches.pages[cache];
        }
        for (let cache = 1; cache < flags.length; cache++) {
          if (flags[cache] === 0 || owner[cache] === 0) continue;
          const base = (flags[cache] & CACHE_KILLED) === 0 ? 1 : 0;
          if (refcnt[cache] !== base + pages[cache]) {
            report(
              'R3',
              `cache ${cache}: refcnt ${refcnt[cache]}, base ${base} + ${pages[cache]} pages`,
            );
          }
        }
      },
    };
  },
};
