// hot path
/**
 * Charge and uncharge for the page-by-page designs: the owner is found once, at charge, and kept per
 * slab, with one css reference per slab on it. The cache is held by its pages as in the splice, so it
 * can outlive its memcg.
 *
 * A charge may sleep between the choice of the owner and the moment it is written down; the owner may
 * be removed and handed over meanwhile. So whoever writes it down does that under the lock that the
 * hand-over takes for this page, and looks once more whether the owner is offline (`settleOwner`): the
 * hand-over marked it before it took its first lock.
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import { MEMCG_OFFLINE, ROOT_MEMCG } from '../memcg/memcgs.ts';
import type { StrategyContext } from './strategy.ts';

/** The part of a strategy that all page-by-page designs share. */
export interface PageCharging {
  /** Charges the nearest ancestor that was not removed; it with one css reference, 0 root cache, -1 limit. */
  chargeOwner(cache: number, pages: number): number;
  /**
   * The owner to write down, under the page's lock, with one reference. If it is another one than
   * `memcg`, the caller drops the reference on `memcg` when it has released the lock.
   */
  settleOwner(memcg: number): number;
  /** Uncharges the owner, after it was erased under the page's lock; may release the cache or memcg. */
  unchargeOwner(cache: number, memcg: number, pages: number): void;
}

/** Binds charging for a page-by-page design. */
export function bindPageCharging(machine: Machine, context: StrategyContext): PageCharging {
  // Constants of the closure, so that V8 inlines them without a check (see allocator.ts).
  const { load, peek } = atomics;
  const { chargeOnline, uncharge } = context.charging;
  const { get, put } = context.css;
  const { get: getCache, put: putCache } = context.cacheRefs;
  const { add: addStat } = context.stats;
  const { parent, flags } = machine.memcgs;

  function onlineAncestor(memcg: number): number {
    let owner = memcg;
    while ((peek(flags, owner) & MEMCG_OFFLINE) !== 0) owner = parent[owner];
    get(owner, 1);
    return owner;
  }

  return {
    chargeOwner(cache, pages) {
      const memcg = chargeOnline(cache, pages);
      if (memcg <= 0) return memcg;
      addStat(memcg, cache, pages);
      getCache(cache, pages);
      if (pages > 1) put(memcg, pages - 1);
      return memcg;
    },
    settleOwner: (memcg) =>
      (load(flags, memcg) & MEMCG_OFFLINE) === 0 ? memcg : onlineAncestor(memcg),
    unchargeOwner(cache, memcg, pages) {
      addStat(memcg, cache, -pages);
      if (memcg !== ROOT_MEMCG) uncharge(memcg, pages);
      put(memcg, 1);
      putCache(cache, pages);
    },
  };
}
