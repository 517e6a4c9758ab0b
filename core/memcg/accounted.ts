// hot path
/**
 * Allocation on behalf of a memcg (kernel-model b.1 steps 1 to 5 and 9): find the memcg's cache without
 * any lock, keep it alive for the length of the allocation, and fall back to the root cache, not
 * accounted, while the memcg's own does not exist yet or is on its way out.
 *
 *   5.3   no reference on the memcg: its cache is found under RCU and `tryget` is done on the cache
 *   5.2   (pin) a css reference on the memcg, which keeps its caches
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import { WORK } from '../shared/deferred-kinds.ts';
import type { PercpuRefs } from '../shared/percpu-ref.ts';
import { LINE, type Processor } from '../shared/processor.ts';
import type { Workqueue } from '../shared/workqueue.ts';
import { CPU_RECORD } from '../slub/row-supply.ts';
import { reservedWork } from '../tables.ts';
import { lookUpCache } from './kmem-caches.ts';
import { ROOT_MEMCG } from './memcgs.ts';

/** Accounted allocation of one CPU. */
export interface AccountedAlloc {
  /** An object of a root cache's type for the task that runs on this CPU (see `moveTask`). */
  kmalloc(root: number): number;
  /**
   * The same for another memcg (`active_memcg`), which the caller keeps alive: by being the only one
   * that removes memcgs, by a reference, or within a read section.
   */
  allocFor(memcg: number, root: number): number;
  /** Allocations of this CPU that fell back to a root cache. */
  unaccounted(): number;
}

/** Binds it. */
export function bindAccountedAlloc(
  machine: Machine,
  bound: {
    processor: Processor;
    css: PercpuRefs;
    cacheRefs: PercpuRefs;
    work: Workqueue;
    alloc(cache: number): number;
  },
): AccountedAlloc {
  // Constants of the closure, so that V8 inlines them without a check (see allocator.ts).
  const { peek, relax } = atomics;
  const { alloc, work } = bound;
  const { readLock, readUnlock, cpu } = bound.processor;
  const { tryGetLive: tryGetMemcg, put: putMemcg } = bound.css;
  const { tryGet: tryGetCache, put: putCache } = bound.cacheRefs;
  const { kmemId } = machine.memcgs;
  const arrays = { cache: machine.cacheArrays.cache, ids: machine.config.kmemIds };
  const current = machine.processors.current;
  const TASK = cpu * LINE;
  const record = machine.cpus.record;
  const UNACCOUNTED = cpu * CPU_RECORD.words + CPU_RECORD.unaccounted;
  const spare = reservedWork(machine.config);

  /** Requests hold the memcg; one that cannot be queued gives its reference back (M12). */
  function scheduleCreation(memcg: number, root: number): void {
    if (!tryGetMemcg(memcg)) return;
    if (!work.tryQueue(WORK.createCache, memcg, root, spare)) putMemcg(memcg, 1);
  }

  /** The cache for (memcg, root) or 0; inside a read section. */
  function findCache(memcg: number, root: number): number {
    const id = peek(kmemId, memcg);
    if (id < 0) return 0;
    const cache = lookUpCache(arrays, root, id);
    if (cache === 0) scheduleCreation(memcg, root);
    return cache;
  }

  const fallBacks = (): number => record[UNACCOUNTED];

  function unaccounted(root: number): number {
    record[UNACCOUNTED]++;
    return alloc(root);
  }

  function allocSpliced(memcg: number, root: number): number {
    readLock();
    if (memcg === ROOT_MEMCG) {
      readUnlock();
      return alloc(root);
    }
    const cache = findCache(memcg, root);
    const held = cache !== 0 && tryGetCache(cache);
    readUnlock();
    if (!held) return unaccounted(root);
    const handle = alloc(cache);
    putCache(cache, 1);
    return handle;
  }

  /** Takes over the caller's reference on the memcg. */
  function allocPinned(memcg: number, root: number): number {
    readLock();
    const cache = findCache(memcg, root);
    readUnlock();
    const handle = cache === 0 ? unaccounted(root) : alloc(cache);
    putMemcg(memcg, 1);
    return handle;
  }

  if (machine.strategy.releasesEarly) {
    return {
      kmalloc: (root) => allocSpliced(peek(current, TASK), root),
      allocFor: allocSpliced,
      unaccounted: fallBacks,
    };
  }
  return {
    kmalloc(root) {
      readLock();
      let memcg = peek(current, TASK);
      // The task was moved away from a memcg that is being removed: look again.
      while (!tryGetMemcg(memcg)) {
        relax();
        memcg = peek(current, TASK);
      }
      readUnlock();
      if (memcg !== ROOT_MEMCG) return allocPinned(memcg, root);
      putMemcg(memcg, 1);
      return alloc(root);
    },
    allocFor(memcg, root) {
      if (memcg === ROOT_MEMCG) return alloc(root);
      return tryGetMemcg(memcg) ? allocPinned(memcg, root) : unaccounted(root);
    },
    unaccounted: fallBacks,
  };
}
