/**
 * The life of a memory cgroup (kernel-model b.5 to b.8):
 *
 *   create, online -> rmdir: dying, css killed -> grace period -> offline: caches deactivated, handed
 *   over by the strategy, kmem id and list_lrus given to the parent -> ... last css reference
 *   -> released -> grace period -> freed
 *
 * css(memcg) = 1 until rmdir + 1 from rmdir to offline + 1 until offline (private id) + 1 per child until
 * that is freed + 1 per task + 1 per creation request + pages in stock + what its caches and pages
 * hold, which depends on the strategy  [R1, R2].
 *
 * A parent goes offline after its children: `onlineCount` holds it back.
 */
import * as atomics from '#atomics';
import { check, LimitError } from '../shared/assert.ts';
import { RCU_CALLBACK, WORK } from '../shared/deferred-kinds.ts';
import { eventKind } from '../shared/event-ring.ts';
import { type ListColumns, listAppend, listRemove } from '../shared/list.ts';
import { LINE } from '../shared/processor.ts';
import type { Caches } from './caches.ts';
import type { Kernel } from './kernel.ts';
import { CACHE_KILLED } from './kmem-caches.ts';
import {
  MEMCG_DYING,
  MEMCG_LIVE,
  MEMCG_OFFLINE,
  MEMCG_ONLINE,
  MEMCG_RELEASED,
  NO_LIMIT,
  ROOT_MEMCG,
} from './memcgs.ts';

/** Creates, removes and frees memcgs. */
export interface Memcgs {
  /** A child of `parent`, online. @throws ModelError if the parent was removed, LimitError */
  createMemcg(parent: number): number;
  /** Limits the pages of a memcg and everything below it; `NO_LIMIT` for none. @throws ModelError */
  setLimit(memcg: number, pages: number): void;
  /** Moves the task of a CPU; the caller keeps `memcg` alive. @throws ModelError if it was removed */
  moveTask(cpu: number, memcg: number): void;
  /** Removes a memcg without tasks and children; the rest is deferred. @throws ModelError */
  rmdir(memcg: number): void;
  /**
   * The kernel-memory part of the offline callback (b.7 step 2) alone; `rmdir` leads to it. For
   * measurements.
   */
  offline(memcg: number): void;
  /**
   * Takes an `offline` back whose deferred work has not run, provided that the parent had no caches,
   * pages or lru items of its own. The kernel has nothing like it: it lets a benchmark remove the same
   * populated memcg again and again.
   * @param position of the RCU callbacks before the offline
   */
  undoOffline(memcg: number, position: number): void;
  /** RCU callback: the kill has been seen everywhere. */
  memcgKilled(memcg: number): void;
  /** Work item: offlines a memcg, and then each ancestor that only waited for it. */
  offlineKilled(memcg: number): void;
  /** Work item: the last css reference is gone. */
  releaseMemcg(memcg: number): void;
  /** Work item: frees a released memcg, a grace period later. */
  freeMemcg(memcg: number): void;
}

/** MEMCG_CACHES_MIN_SIZE and MEMCG_CACHES_MAX_SIZE. */
const LEAST_SLOTS = 4;
const MAX_KMEM_IDS = 65_535;

/** Binds the life cycle to a CPU. */
export function bindMemcgs(kernel: Kernel, caches: Caches): Memcgs {
  const { add, exchange, load, or, and, sub, store } = atomics;
  const { machine, events, cgroupMutex, slabMutex, rcu, cgroupWork, css, strategy } = kernel;
  const { charging, stats, lrus } = kernel;
  const { memcgs, memcgRows, kmemCaches } = machine;
  const { parent: parentOf, flags, kmemId, onlineCount } = memcgs;
  const idOwner = machine.kmemIds.owner;
  const { arraySlots } = machine.globals;
  const { kmemIds: ids, cpus, moveFolios } = machine.config;
  const { current } = machine.processors;
  const { releasesEarly: early, sharesCaches } = machine.strategy;
  const childList: ListColumns = {
    head: memcgs.childrenHead,
    tail: memcgs.childrenTail,
    next: memcgs.siblingNext,
    prev: memcgs.siblingPrev,
  };
  const CREATED = eventKind('memcg created');
  const REMOVED = eventKind('memcg removed');
  const OFFLINE = eventKind('memcg offline');
  const RELEASED = eventKind('memcg released');
  const FREED = eventKind('memcg freed');
  const MOVED = eventKind('task moved');

  /** The smallest free id, as the kernel's ida gives it. */
  function takeKmemId(memcg: number): void {
    const id = idOwner.indexOf(0);
    idOwner[id] = memcg;
    kmemId[memcg] = id;
    growArrays(id);
  }

  /** The arrays that are indexed by kmem id double when the id does not fit, and never shrink (b.5). */
  function growArrays(id: number): void {
    if (id < arraySlots[0]) return;
    arraySlots[0] = Math.min(MAX_KMEM_IDS, Math.max(LEAST_SLOTS, 2 * (id + 1)));
  }

  function countInAncestors(column: Int32Array, memcg: number, delta: number): void {
    for (let level = parentOf[memcg]; level !== 0; level = parentOf[level]) column[level] += delta;
  }

  function isRemovable(memcg: number): boolean {
    return (flags[memcg] & MEMCG_ONLINE) !== 0 && (flags[memcg] & MEMCG_DYING) === 0;
  }

  function createMemcg(parent: number): number {
    return cgroupMutex.hold(() => {
      check(isRemovable(parent), `memcg ${parent} is not online: no child under it`);
      if (!idOwner.includes(0)) {
        throw new LimitError('kmemIds', ids, "raise `kmemIds` of the machine's config");
      }
      const memcg = memcgRows.take();
      const generation = memcgs.generation[memcg] + 1;
      for (const column of Object.values(memcgs)) {
        const words = column.length / flags.length;
        column.fill(0, memcg * words, (memcg + 1) * words);
      }
      clearPerCpu(memcg);
      memcgs.generation[memcg] = generation;
      memcgs.max[memcg] = NO_LIMIT;
      parentOf[memcg] = parent;
      onlineCount[memcg] = 1;
      css.init(memcg);
      css.get(memcg, 1);
      css.get(parent, 1);
      add(onlineCount, parent, 1);
      listAppend(childList, parent, memcg);
      countInAncestors(memcgs.descendants, memcg, 1);
      takeKmemId(memcg);
      strategy.objects?.online(memcg);
      events.mark(CREATED, memcg, parent);
      store(flags, memcg, MEMCG_LIVE | MEMCG_ONLINE);
      return memcg;
    });
  }

  function clearPerCpu(memcg: number): void {
    const rows = machine.config.memcgs + 1;
    for (const column of [machine.cpuMemcgs.statBatch, machine.cpuMemcgs.statLocal]) {
      const words = column.length / (rows * cpus);
      for (let cpu = 0; cpu < cpus; cpu++) {
        const start = (cpu * rows + memcg) * words;
        column.fill(0, start, start + words);
      }
    }
  }

  function moveTask(cpu: number, memcg: number): void {
    cgroupMutex.hold(() => {
      check(cpu >= 0 && cpu < cpus, `no CPU ${cpu} to move a task on`);
      check(
        isRemovable(memcg) && css.tryGetLive(memcg),
        `memcg ${memcg} is not online: no task moves there`,
      );
      const before = exchange(current, cpu * LINE, memcg);
      events.record(MOVED, memcg, cpu);
      if (before !== ROOT_MEMCG) css.put(before, 1);
      if (memcg === ROOT_MEMCG) css.put(memcg, 1);
    });
  }

  function rmdir(memcg: number): void {
    cgroupMutex.hold(() => {
      check(isRemovable(memcg), `memcg ${memcg} is not online: it cannot be removed`);
      check(memcg !== ROOT_MEMCG, 'the root memcg cannot be removed');
      for (let child = memcgs.childrenHead[memcg]; child !== 0; child = memcgs.siblingNext[child]) {
        check((flags[child] & MEMCG_DYING) !== 0, `memcg ${memcg} has an online child, ${child}`);
      }
      for (let cpu = 0; cpu < cpus; cpu++) {
        check(
          load(current, cpu * LINE) !== memcg,
          `memcg ${memcg} is busy: the task of CPU ${cpu} is in it`,
        );
      }
      or(flags, memcg, MEMCG_DYING);
      countInAncestors(memcgs.descendants, memcg, -1);
      countInAncestors(memcgs.dying, memcg, 1);
      events.mark(REMOVED, memcg, parentOf[memcg]);
      css.get(memcg, 1);
      css.kill(memcg, () => rcu.call(RCU_CALLBACK.memcgKilled, memcg));
    });
  }

  function memcgKilled(memcg: number): void {
    css.switched(memcg);
    if (sub(onlineCount, memcg, 1) === 1) cgroupWork.queue(WORK.offline, memcg);
  }

  /** C and every descendant of it, all offline, take over an ancestor's id. */
  function renumber(memcg: number, id: number): void {
    store(kmemId, memcg, id);
    for (let child = memcgs.childrenHead[memcg]; child !== 0; child = memcgs.siblingNext[child]) {
      renumber(child, id);
    }
  }

  function offline(memcg: number): void {
    const id = kmemId[memcg];
    const parent = parentOf[memcg];
    if (sharesCaches) {
      or(flags, memcg, MEMCG_OFFLINE);
      strategy.handOver(memcg, parent);
    } else {
      slabMutex.hold(() => {
        or(flags, memcg, MEMCG_OFFLINE);
        caches.deactivateAll(id);
        strategy.handOver(memcg, parent);
      });
    }
    renumber(memcg, kmemId[parent]);
    lrus.drain(id, parent);
    idOwner[id] = 0;
  }

  function offlineOne(memcg: number): void {
    cgroupMutex.hold(() => {
      offline(memcg);
      if (moveFolios === 1) kernel.pageCache.reparent(memcg, parentOf[memcg]);
      charging.drainAll(memcg);
      events.mark(OFFLINE, memcg, parentOf[memcg]);
      and(flags, memcg, ~MEMCG_ONLINE);
    });
  }

  function offlineKilled(first: number): void {
    for (let memcg = first; ; ) {
      const parent = parentOf[memcg];
      offlineOne(memcg);
      // The private id's and the removal's own reference; the memcg may be gone after this.
      const last = sub(onlineCount, parent, 1) === 1;
      css.put(memcg, 2);
      if (!last) return;
      memcg = parent;
    }
  }

  function undoOffline(memcg: number, position: number): void {
    const parent = parentOf[memcg];
    rcu.dropSince(position);
    and(flags, memcg, ~MEMCG_OFFLINE);
    takeKmemId(memcg);
    renumber(memcg, kmemId[memcg]);
    lrus.drain(kmemId[parent], memcg);
    if (strategy.takeBack === undefined) strategy.handOver(parent, memcg);
    else strategy.takeBack(memcg, parent);
    if (sharesCaches) return;
    const cacheOf = machine.cacheArrays.cache;
    for (let cache = memcgs.cachesHead[memcg]; cache !== 0; cache = kmemCaches.next[cache]) {
      // Inherited from a dead child: it was retired before.
      if ((kmemCaches.flags[cache] & CACHE_KILLED) !== 0) continue;
      const root = kmemCaches.root[cache];
      kmemCaches.flags[cache] = kmemCaches.flags[root];
      kmemCaches.minPartial[cache] = kmemCaches.minPartial[root];
      kmemCaches.cpuPartial[cache] = kmemCaches.cpuPartial[root];
      cacheOf[root * ids + kmemId[memcg]] = cache;
      if (!early) css.put(memcg, 1);
    }
  }

  function releaseMemcg(memcg: number): void {
    cgroupMutex.hold(() => {
      or(flags, memcg, MEMCG_RELEASED);
      countInAncestors(memcgs.dying, memcg, -1);
      listRemove(childList, parentOf[memcg], memcg);
      events.mark(RELEASED, memcg, parentOf[memcg]);
    });
    rcu.call(RCU_CALLBACK.memcgReleased, memcg);
  }

  function freeMemcg(memcg: number): void {
    const parent = parentOf[memcg];
    // 5.2: the caches live as long as their memcg. 5.3: they have moved or are gone by now. 5.9: they
    // are shared, and what stands for them here goes with the memcg.
    if (!early || sharesCaches) {
      slabMutex.hold(() => {
        for (let cache = memcgs.cachesHead[memcg]; cache !== 0; cache = memcgs.cachesHead[memcg]) {
          check(caches.tryShutdown(cache), `cache ${cache} of memcg ${memcg} has slabs left (R5)`);
        }
      });
    }
    check(memcgs.cachesHead[memcg] === 0, `memcg ${memcg} is freed with caches on its list (R5)`);
    stats.flush(memcg);
    cgroupMutex.hold(() => {
      events.mark(FREED, memcg, parent);
      store(flags, memcg, 0);
      memcgRows.give(memcg);
    });
    css.put(parent, 1);
  }

  return {
    createMemcg,
    setLimit(memcg, pages) {
      check(
        Number.isInteger(pages) && pages >= 0 && pages <= NO_LIMIT,
        `limit of memcg ${memcg}: ${pages} is not a whole number of pages from 0 to ${NO_LIMIT}`,
      );
      store(memcgs.max, memcg, pages);
    },
    moveTask,
    rmdir,
    offline,
    undoOffline,
    memcgKilled,
    offlineKilled,
    releaseMemcg,
    freeMemcg,
  };
}
