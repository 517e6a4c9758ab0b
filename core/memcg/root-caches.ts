/**
 * Root caches: creation, sharing between users of the same geometry, and destruction (kernel-model
 * b.11 with the repairs of M04 to M07):
 *
 *   destroy: users - 1, stop if some are left; `dying` set; unlocked: rcu_barrier (callbacks that were
 *   queued have queued their work), flush (the work has run), and both once more for the grace periods
 *   that the work itself began; locked: shut down every copy, then the root cache
 */
import * as atomics from '#atomics';
import { check, LimitError } from '../shared/assert.ts';
import { WORK } from '../shared/deferred-kinds.ts';
import { eventKind } from '../shared/event-ring.ts';
import type { Caches } from './caches.ts';
import type { Kernel } from './kernel.ts';
import {
  CACHE_ACCOUNT,
  CACHE_DEACTIVATED,
  CACHE_KILLED,
  CACHE_LIVE,
  CACHE_MERGEABLE,
  CACHE_RECLAIMABLE,
  CACHE_TYPESAFE,
  type CacheShape,
  checkShape,
  initCache,
} from './kmem-caches.ts';

/** Creates and destroys root caches. */
export interface RootCaches {
  /**
   * A cache that serves everyone and is not accounted. A mergeable shape may get an existing cache of
   * the same geometry. @throws LimitError, ModelError
   */
  createRootCache(shape: CacheShape): number;
  /**
   * Gives up one use of a root cache; with the last one the cache and all its copies go. The caller
   * guarantees that nobody allocates from it any more.
   * @returns false if objects are left: the cache stays, in use once
   */
  destroyRootCache(root: number): boolean;
}

/** Binds them to a CPU. */
export function bindRootCaches(kernel: Kernel, caches: Caches): RootCaches {
  const { load, store } = atomics;
  const { machine, events, slabMutex, wqLock, rcu, work, allocator } = kernel;
  const columns = machine.kmemCaches;
  const { rootRows } = machine;
  const cacheOf = machine.cacheArrays.cache;
  const ids = machine.config.kmemIds;
  const CREATED = eventKind('root cache created');
  const DYING = eventKind('root cache dying');
  const DESTROYED = eventKind('root cache destroyed');

  /** find_mergeable: not one that is being destroyed (M07). */
  function findMergeable(shape: CacheShape): number {
    // SLAB_NEVER_MERGE: who relies on RCU shares its cache with nobody.
    if (shape.mergeable !== true || shape.typesafeByRcu === true) return 0;
    for (let root = 1; root < rootRows.end(); root++) {
      const flags = columns.flags[root];
      if ((flags & CACHE_LIVE) === 0 || (flags & CACHE_MERGEABLE) === 0) continue;
      if (columns.dying[root] !== 0 || (flags & CACHE_TYPESAFE) !== 0) continue;
      const alike =
        columns.size[root] === shape.size &&
        columns.objects[root] === shape.objectsPerSlab &&
        columns.pages[root] === shape.pagesPerSlab &&
        // SLAB_MERGE_SAME: or the pages of one would be counted as those of the other.
        ((flags & CACHE_RECLAIMABLE) !== 0) === (shape.reclaimable === true) &&
        ((flags & CACHE_ACCOUNT) !== 0) === (shape.account === true);
      if (alike) return root;
    }
    return 0;
  }

  function createRootCache(shape: CacheShape): number {
    checkShape(shape);
    return slabMutex.hold(() => {
      const shared = findMergeable(shape);
      if (shared !== 0) {
        columns.aliases[shared]++;
        return shared;
      }
      const root = rootRows.tryTake();
      if (root === 0) {
        const limit = machine.config.rootCaches;
        throw new LimitError('rootCaches', limit, "raise it in the machine's config");
      }
      initCache(columns, root, shape);
      columns.memcg[root] = 0;
      columns.root[root] = 0;
      events.mark(CREATED, root, shape.size);
      return root;
    });
  }

  /** All copies, then the root cache; false if one of them has objects left. */
  function shutdownAll(root: number): boolean {
    for (const copy of caches.copiesOf(root))
      if (caches.tryShutdown(copy)) clearEntries(root, copy);
    caches.flushAll(root);
    allocator.shrinkNode(root);
    return caches.copiesOf(root).length === 0 && load(columns.nrSlabs, root) === 0;
  }

  /** Destruction failed: in use again, and what was left undone because of `dying` is made up for. */
  function revive(root: number): void {
    columns.aliases[root] = 1;
    const copies = caches.copiesOf(root);
    wqLock.lockIrq();
    columns.dying[root] = 0;
    // These lost their last reference after the look at them, and nobody else knows.
    for (const copy of copies) {
      if (columns.dying[copy] !== 0) work.queue(WORK.shutdownCache, copy);
      columns.dying[copy] = 0;
    }
    wqLock.unlockIrq();
    for (const copy of copies) {
      const flags = columns.flags[copy];
      if ((flags & CACHE_DEACTIVATED) !== 0 && (flags & CACHE_KILLED) === 0)
        caches.retireLater(copy);
    }
  }

  function clearEntries(root: number, copy: number): void {
    for (let place = root * ids; place < (root + 1) * ids; place++) {
      if (cacheOf[place] === copy) store(cacheOf, place, 0);
    }
  }

  function destroyRootCache(root: number): boolean {
    const last = slabMutex.hold(() => {
      check(
        root > 0 && root < rootRows.end() && (columns.flags[root] & CACHE_LIVE) !== 0,
        `cache ${root} is not a root cache`,
      );
      check(columns.dying[root] === 0, `root cache ${root} is already being destroyed`);
      columns.aliases[root]--;
      if (columns.aliases[root] > 0) return false;
      wqLock.lockIrq();
      columns.dying[root] = 1;
      wqLock.unlockIrq();
      events.mark(DYING, root, 0);
      return true;
    });
    if (!last) return true;
    for (let round = 0; round < 2; round++) {
      rcu.barrier();
      work.flush();
    }
    const gone = slabMutex.hold(() => {
      const done = shutdownAll(root);
      if (!done) revive(root);
      return done;
    });
    if (!gone) return false;
    // Slabs under RCU name the cache until their grace period is over, and so do its copies.
    rcu.barrier();
    work.flush();
    slabMutex.hold(() => {
      events.mark(DESTROYED, root, 0);
      columns.flags[root] = 0;
      columns.dying[root] = 0;
      rootRows.give(root);
    });
    return true;
  }

  return { createRootCache, destroyRootCache };
}
