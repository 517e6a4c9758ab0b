/**
 * The life of a memcg's kmem_cache (kernel-model b.3, b.7, b.9, b.10; Linux 5.2 for pin, 5.3 with the
 * repairs of 5.4 and 5.5 otherwise):
 *
 *   create -> deactivate -> grace period -> shrink -> kill -> grace period -> last reference
 *          -> shut down -> (slabs under RCU: rcu_barrier) -> free
 *
 * pin: no kill; the cache goes with its memcg.
 */
import * as atomics from '#atomics';
import { check } from '../shared/assert.ts';
import { RCU_CALLBACK, WORK } from '../shared/deferred-kinds.ts';
import { eventKind } from '../shared/event-ring.ts';
import { type ListColumns, listAppend, listRemove } from '../shared/list.ts';
import { ASK, LINE } from '../shared/processor.ts';
import { CPU_RECORD } from '../slub/row-supply.ts';
import type { Kernel } from './kernel.ts';
import {
  CACHE_DEACTIVATED,
  CACHE_KILLED,
  CACHE_LIVE,
  CACHE_SHUT,
  CACHE_TYPESAFE,
  initCopy,
  slabsOf,
} from './kmem-caches.ts';
import { MEMCG_DYING, MEMCG_OFFLINE, MEMCG_ONLINE, ROOT_MEMCG } from './memcgs.ts';

/** Steps in the life of memcgs' caches. */
export interface Caches {
  /** The memcg's own copy of a root cache, at once; an existing one is returned. @throws LimitError, ModelError */
  createCache(memcg: number, root: number): number;
  /** The work item of an asynchronous creation; drops the request's reference. */
  createRequested(memcg: number, root: number): void;
  /** All active caches of a memcg that goes offline (slab_mutex is held). */
  deactivateAll(kmemId: number): void;
  /** Queues the shrinking of a deactivated cache for after a grace period. */
  retireLater(cache: number): void;
  /** Gives back what every CPU holds of a cache (slab_mutex is held). */
  flushAll(cache: number): void;
  /**
   * Flushes a cache and discards its empty slabs; of a root cache, those of all its copies, too, as a
   * write to its `shrink` file does since 5.4 ("extend slab/shrink to shrink all memcg caches",
   * 2019-07-23).
   */
  shrink(cache: number): void;
  /** The copies of a root cache that are not shut down, retired ones included (slab_mutex is held). */
  copiesOf(root: number): number[];
  /** Work item: shrinks a deactivated cache and drops its base reference. */
  shrinkDeactivated(cache: number): void;
  /** Work item: the last reference of a cache is gone. */
  shutdown(cache: number): void;
  /** Shuts a cache down (slab_mutex is held); false, with nothing changed, if it has slabs left. */
  tryShutdown(cache: number): boolean;
  /** Work item: frees a cache whose slabs were under RCU. */
  freeTypesafe(cache: number): void;
}

/** Binds them to a CPU. */
export function bindCaches(kernel: Kernel): Caches {
  const { add, load, notify, peek, poke, store, sub } = atomics;
  const { machine, processor, events, slabMutex, wqLock, rcu, work, css, cacheRefs } = kernel;
  const { allocator } = kernel;
  const { memcgs, kmemCaches: caches, cacheRows, rootRows } = machine;
  const { flags: memcgFlags, kmemId } = memcgs;
  const cacheOf = machine.cacheArrays.cache;
  const { kmemIds: ids, cpus } = machine.config;
  const { word: cpuWord, partial: cpuPartial } = machine.cpuSlabs;
  const perCpu = machine.config.kmemCaches + 1;
  const { flush } = machine.globals;
  const { attention } = machine.processors;
  const { releasesEarly: early, sharesCaches } = machine.strategy;
  /** 5.3: the one reference that a cache holds on its memcg. 5.2: none, its pages hold theirs. */
  const holdsMemcg = early && !sharesCaches;
  const cacheList: ListColumns = {
    head: memcgs.cachesHead,
    tail: memcgs.cachesTail,
    next: caches.next,
    prev: caches.prev,
  };
  const FAILED = processor.cpu * CPU_RECORD.words + CPU_RECORD.cacheCreationFailed;
  const CREATED = eventKind('cache created');
  const DEACTIVATED = eventKind('cache deactivated');
  const SHRUNK = eventKind('cache shrunk');
  const KILLED = eventKind('cache killed');
  const SHUT = eventKind('cache shut down');
  const FREED = eventKind('cache freed');
  const FLUSHED = eventKind('cpu slab flushed');

  /** Links a new copy; the array entry comes last, as readers follow it without a lock. */
  function create(memcg: number, root: number, cache: number): void {
    initCopy(caches, cache, root);
    cacheRefs.init(cache);
    caches.memcg[cache] = memcg;
    listAppend(cacheList, memcg, cache);
    memcgs.caches[memcg]++;
    if (holdsMemcg) css.get(memcg, 1);
    events.mark(CREATED, cache, memcg);
    if (!sharesCaches) store(cacheOf, root * ids + kmemId[memcg], cache);
  }

  function existingCopy(memcg: number, root: number): number {
    if (!sharesCaches) return cacheOf[root * ids + kmemId[memcg]];
    let cache = memcgs.cachesHead[memcg];
    while (cache !== 0 && caches.root[cache] !== root) cache = caches.next[cache];
    return cache;
  }

  function createCache(memcg: number, root: number): number {
    check(memcg !== ROOT_MEMCG, 'the root memcg uses the root caches');
    check(
      root > 0 && root < rootRows.end() && (caches.flags[root] & CACHE_LIVE) !== 0,
      `cache ${root} is not a root cache`,
    );
    // Held while this waits for the mutex: the memcg may be removed, and freed, in the meantime.
    check(
      (memcgFlags[memcg] & (MEMCG_ONLINE | MEMCG_DYING)) === MEMCG_ONLINE && css.tryGetLive(memcg),
      `memcg ${memcg} is not online: no cache for it`,
    );
    try {
      return slabMutex.hold(() => {
        check((memcgFlags[memcg] & MEMCG_OFFLINE) === 0, `memcg ${memcg} went offline`);
        const existing = existingCopy(memcg, root);
        if (existing !== 0) return existing;
        const cache = cacheRows.take();
        create(memcg, root, cache);
        return cache;
      });
    } finally {
      css.put(memcg, 1);
    }
  }

  function createRequested(memcg: number, root: number): void {
    slabMutex.hold(() => {
      if ((peek(memcgFlags, memcg) & MEMCG_OFFLINE) !== 0) return;
      // 5.3 needs no look at `dying`: whoever destroys a root cache has flushed this queue.
      if (!early && caches.dying[root] !== 0) return;
      if ((caches.flags[root] & CACHE_LIVE) === 0) return;
      if (cacheOf[root * ids + kmemId[memcg]] !== 0) return;
      const cache = cacheRows.tryTake();
      if (cache === 0) machine.cpus.record[FAILED]++;
      else create(memcg, root, cache);
    });
    css.put(memcg, 1);
  }

  function deactivate(root: number, cache: number): void {
    poke(caches.cpuPartial, cache, 0);
    poke(caches.minPartial, cache, 0);
    caches.flags[cache] |= CACHE_DEACTIVATED;
    events.mark(DEACTIVATED, cache, root);
    wqLock.lockIrq();
    if (caches.dying[root] === 0) retireLater(cache);
    wqLock.unlockIrq();
  }

  function retireLater(cache: number): void {
    // 5.2 holds the memcg until the deferred shrink is done.
    if (!early) css.get(caches.memcg[cache], 1);
    rcu.call(RCU_CALLBACK.cacheDeactivated, cache);
  }

  function deactivateAll(id: number): void {
    const end = rootRows.end();
    for (let root = 1; root < end; root++) {
      const place = root * ids + id;
      const cache = peek(cacheOf, place);
      if (cache === 0) continue;
      deactivate(root, cache);
      store(cacheOf, place, 0);
    }
  }

  function hasSlabs(cpu: number, cache: number): boolean {
    const cpuSlab = cpu * perCpu + cache;
    return peek(cpuWord, cpuSlab) !== 0 || peek(cpuPartial, cpuSlab) !== 0;
  }

  function flushDone(): void {
    sub(flush, 1, 1);
    notify(flush, 1);
  }

  processor.on(ASK.flush, () => {
    const cache = load(flush, 0);
    allocator.flushCpu(cache, processor.cpu);
    events.record(FLUSHED, cache, processor.cpu);
    flushDone();
  });

  function flushAll(cache: number): void {
    store(flush, 0, cache);
    for (let other = 0; other < cpus; other++) {
      if (!hasSlabs(other, cache)) continue;
      if (other === processor.cpu) allocator.flushCpu(cache, other);
      else {
        add(flush, 1, 1);
        const flushed = processor.summon(other, ASK.flush, () => allocator.flushCpu(cache, other));
        if (flushed) sub(flush, 1, 1);
      }
    }
    if (load(flush, 1) === 0) return;
    kernel.patience.nap({
      words: flush,
      index: 1,
      done: () => {
        processor.poll();
        return load(flush, 1) === 0;
      },
      describe: () => `${load(flush, 1)} CPUs to flush cache ${cache}: ${unflushed()}`,
    });
  }

  function unflushed(): string {
    const names: string[] = [];
    for (let cpu = 0; cpu < cpus; cpu++) {
      if ((load(attention, cpu * LINE) & ASK.flush) !== 0) names.push(`CPU ${cpu}`);
    }
    return names.join(', ');
  }

  function copiesOf(root: number): number[] {
    const copies: number[] = [];
    for (let copy = machine.config.rootCaches + 1; copy < cacheRows.end(); copy++) {
      const live = (caches.flags[copy] & (CACHE_LIVE | CACHE_SHUT)) === CACHE_LIVE;
      if (live && caches.root[copy] === root) copies.push(copy);
    }
    return copies;
  }

  function shrinkDeactivated(cache: number): void {
    slabMutex.hold(() => {
      flushAll(cache);
      allocator.shrinkNode(cache);
      events.mark(SHRUNK, cache, caches.nrSlabs[cache]);
      if (!early) return;
      caches.flags[cache] |= CACHE_KILLED;
      events.mark(KILLED, cache, caches.memcg[cache]);
      cacheRefs.kill(cache, () => rcu.call(RCU_CALLBACK.cacheKilled, cache));
    });
    if (!early) css.put(caches.memcg[cache], 1);
  }

  /** Step 4: nothing points here any more; the owner may go now, not before (repaired form of M03). */
  function free(cache: number): void {
    const memcg = caches.memcg[cache];
    events.mark(FREED, cache, memcg);
    caches.memcg[cache] = 0;
    caches.flags[cache] = 0;
    cacheRows.give(cache);
    if (holdsMemcg && memcg !== 0) css.put(memcg, 1);
  }

  function tryShutdown(cache: number): boolean {
    flushAll(cache);
    allocator.shrinkNode(cache);
    if (load(caches.nrSlabs, cache) !== 0) return false;
    const memcg = caches.memcg[cache];
    events.mark(SHUT, cache, memcg);
    listRemove(cacheList, memcg, cache);
    memcgs.caches[memcg]--;
    if ((caches.flags[cache] & CACHE_TYPESAFE) !== 0 && !sharesCaches) {
      caches.flags[cache] |= CACHE_SHUT;
      work.queue(WORK.freeTypesafeCache, cache);
    } else free(cache);
    return true;
  }

  function shutdown(cache: number): void {
    slabMutex.hold(() => {
      check(tryShutdown(cache), `cache ${cache} is shut down with slabs left (b.10)`);
    });
  }

  return {
    createCache,
    createRequested,
    deactivateAll,
    retireLater,
    flushAll,
    shrink(cache) {
      slabMutex.hold(() => {
        const shared = slabsOf(machine, cache);
        for (const one of [shared, ...copiesOf(shared)]) {
          flushAll(one);
          allocator.shrinkNode(one);
        }
      });
    },
    copiesOf,
    shrinkDeactivated,
    shutdown,
    tryShutdown,
    freeTypesafe(cache) {
      rcu.barrier();
      slabMutex.hold(() => free(cache));
    },
  };
}
