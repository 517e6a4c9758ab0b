// hot path
/**
 * Charge and uncharge for the page-by-page designs: the owner is found once, at charge, and kept per
 * slab; one css reference per slab. The life of a removed memcg's cache ends with its last slab,
 * which the slab counter tells, so these designs pay no reference count per page on the cache.
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import { CACHE_KILLED } from '../memcg/kmem-caches.ts';
import { MEMCG_ONLINE, ROOT_MEMCG } from '../memcg/memcgs.ts';
import type { BoundStrategy, StrategyHooks } from './strategy.ts';

/** The part of a strategy that all page-by-page designs share. */
export type PageCharging = Pick<
  BoundStrategy,
  'cacheCreated' | 'cacheDeactivated' | 'cacheShrunk' | 'cacheReleased'
> & {
  /** Charges the nearest online ancestor of the cache's memcg and returns it; 0 root cache, -1 limit. */
  chargeOwner(cache: number, pages: number): number;
  /** Uncharges the owner; may release the cache or the memcg. */
  unchargeOwner(cache: number, memcg: number, pages: number): void;
};

/** Binds charging for a page-by-page design. */
export function bindPageCharging(machine: Machine, hooks: StrategyHooks): PageCharging {
  // Constants of the closure, so that V8 inlines them without a check (see allocator.ts).
  const { add, peek } = atomics;
  const { tryCharge, unchargeMemcg, putMemcg, cacheUnreferenced } = hooks;
  const { memcg: cacheMemcg, flags: cacheFlags, nrSlabs } = machine.kmemCaches;
  const { parent, flags, css } = machine.memcgs;
  return {
    chargeOwner(cache, pages) {
      let memcg = peek(cacheMemcg, cache);
      if (memcg === 0) return 0;
      while ((peek(flags, memcg) & MEMCG_ONLINE) === 0) memcg = parent[memcg];
      if (memcg !== ROOT_MEMCG && !tryCharge(memcg, pages)) return -1;
      add(css, memcg, 1);
      return memcg;
    },
    unchargeOwner(cache, memcg, pages) {
      if (memcg !== ROOT_MEMCG) unchargeMemcg(memcg, pages);
      putMemcg(memcg, 1);
      if ((peek(cacheFlags, cache) & CACHE_KILLED) !== 0 && peek(nrSlabs, cache) === 0) {
        cacheUnreferenced(cache);
      }
    },
    cacheCreated(_cache, memcg) {
      add(css, memcg, 1);
    },
    cacheDeactivated() {},
    cacheShrunk(cache) {
      cacheFlags[cache] |= CACHE_KILLED;
      if (peek(nrSlabs, cache) === 0) cacheUnreferenced(cache);
    },
    cacheReleased(cache) {
      putMemcg(cacheMemcg[cache], 1);
    },
  };
}
