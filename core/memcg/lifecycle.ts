/**
 * The life of memory cgroups and of their caches (kernel-model b.3, b.5 to b.10; Linux 5.2 and 5.3):
 *
 *   create -> online -> rmdir (dying) -> offline: caches deactivated, handed over by the strategy
 *          -> caches shrunk -> killed -> shut down when empty -> css references 0 -> released, freed
 *
 * Everything after rmdir is deferred work; `runDeferred` runs it, each item after its grace period.
 * One CPU drives the machine: the mutexes of the kernel (cgroup_mutex, slab_mutex) are held by being
 * that CPU, and creation of a memcg's cache is not asynchronous yet.
 *
 * css(memcg) = 1 until rmdir + 1 until offline is done + 1 per child + what its caches and pages
 * hold, which depends on the strategy  [R1, R2].
 */
import { add, peek, sub } from '#atomics';
import { initCache, type Machine } from '../machine.ts';
import type { BoundStrategy, StrategyHooks } from '../reparent/strategy.ts';
import { check } from '../shared/assert.ts';
import { type ListColumns, listAppend, listRemove } from '../shared/list.ts';
import { bindPageCounter } from '../shared/page-counter.ts';
import { bindWorkqueue, WORK, type Workqueue } from '../shared/workqueue.ts';
import type { Allocator } from '../slub/allocator.ts';
import { CACHE_DEACTIVATED, CACHE_LIVE, type CacheShape } from './kmem-caches.ts';
import { MEMCG_LIVE, MEMCG_OFFLINE, MEMCG_ONLINE, NO_LIMIT, ROOT_MEMCG } from './memcgs.ts';

/** Creates and removes memcgs and caches. */
export interface Lifecycle {
  /** A cache that serves everyone and is not accounted. @throws LimitError, ModelError */
  createRootCache(shape: CacheShape): number;
  /** A child of `parent`, online. @throws ModelError if the parent is not online, LimitError */
  createMemcg(parent: number): number;
  /** The memcg's own copy of a root cache; an existing one is returned. @throws LimitError */
  createCache(memcg: number, root: number): number;
  /** Limits the pages of a memcg and everything below it. */
  setLimit(memcg: number, pages: number): void;
  /** Removes an online memcg without online children; the rest is deferred. @throws ModelError */
  rmdir(memcg: number): void;
  /** Runs deferred work until there is none; returns how many items ran. */
  runDeferred(): number;
  /** The offline callback (b.7) alone; `rmdir` queues it. For measurements. */
  offline(memcg: number): void;
  /**
   * Takes an `offline` back whose deferred work has not run, provided that the parent had no caches
   * or pages of its own. The kernel has nothing like it: it lets a benchmark remove the same
   * populated memcg again and again.
   */
  undoOffline(memcg: number, workPosition: number): void;
  readonly work: Workqueue;
}

/** What the strategy needs from the machine; the same code serves every strategy. */
export function bindHooks(machine: Machine, work: Workqueue): StrategyHooks {
  const { css } = machine.memcgs;
  const drop = sub;
  const counter = bindPageCounter(machine.memcgs);
  return {
    cacheUnreferenced: (cache) => work.queue(WORK.shutdownCache, cache),
    putMemcg(memcg, count) {
      if (count !== 0 && drop(css, memcg, count) === count) work.queue(WORK.releaseMemcg, memcg);
    },
    tryCharge: counter.tryCharge,
    unchargeMemcg: counter.uncharge,
  };
}

/** Binds the work ring of a machine. */
export function bindMachineWork(machine: Machine): Workqueue {
  return bindWorkqueue({
    ...machine.work,
    head: machine.globals.workHead,
    tail: machine.globals.workTail,
  });
}

/** Binds the life cycle for the CPU that drives the machine. */
export function bindLifecycle(
  machine: Machine,
  bound: { work: Workqueue; hooks: StrategyHooks; strategy: BoundStrategy; allocator: Allocator },
): Lifecycle {
  const { work, hooks, strategy, allocator } = bound;
  const { memcgs, kmemCaches: caches, memcgRows, cacheRows } = machine;
  const { parent: parentOf, flags, css, kmemId } = memcgs;
  const idOwner = machine.kmemIds.owner;
  const ids = machine.config.kmemIds;
  const cacheOf = machine.cacheArrays.cache;
  const rootCaches: number[] = [];
  for (let cache = 1; cache <= cacheRows.used(); cache++) {
    if ((caches.flags[cache] & CACHE_LIVE) !== 0 && caches.memcg[cache] === 0)
      rootCaches.push(cache);
  }
  const cacheList: ListColumns = {
    head: memcgs.cachesHead,
    tail: memcgs.cachesTail,
    next: caches.next,
    prev: caches.prev,
  };
  const childList: ListColumns = {
    head: memcgs.childrenHead,
    tail: memcgs.childrenTail,
    next: memcgs.siblingNext,
    prev: memcgs.siblingPrev,
  };

  /** The smallest free id, as the kernel's ida gives it. */
  function takeKmemId(memcg: number): void {
    const id = idOwner.indexOf(0);
    check(id >= 0, `kmemIds (${ids}) reached: as many memcgs are online with kernel accounting`);
    idOwner[id] = memcg;
    kmemId[memcg] = id;
  }

  function countInAncestors(column: Int32Array, memcg: number, delta: number): void {
    for (let level = parentOf[memcg]; level !== 0; level = parentOf[level]) column[level] += delta;
  }

  function createMemcg(parent: number): number {
    check((flags[parent] & MEMCG_ONLINE) !== 0, `memcg ${parent} is not online: no child under it`);
    check(
      idOwner.includes(0),
      `kmemIds (${ids}) reached; raise \`kmemIds\` of the machine's config`,
    );
    const memcg = memcgRows.take();
    const generation = memcgs.generation[memcg] + 1;
    for (const column of Object.values(memcgs)) column[memcg] = 0;
    memcgs.generation[memcg] = generation;
    flags[memcg] = MEMCG_LIVE | MEMCG_ONLINE;
    memcgs.max[memcg] = NO_LIMIT;
    css[memcg] = 1;
    parentOf[memcg] = parent;
    add(css, parent, 1);
    listAppend(childList, parent, memcg);
    countInAncestors(memcgs.descendants, memcg, 1);
    takeKmemId(memcg);
    return memcg;
  }

  function createRootCache(shape: CacheShape): number {
    check(
      rootCaches.length < machine.config.rootCaches,
      `rootCaches (${machine.config.rootCaches}) reached; raise it in the machine's config`,
    );
    const cache = cacheRows.take();
    check(cache <= machine.config.rootCaches, 'root caches are created before any memcg cache');
    initCache(machine, cache, shape);
    rootCaches.push(cache);
    return cache;
  }

  function createCache(memcg: number, root: number): number {
    check((flags[memcg] & MEMCG_ONLINE) !== 0, `memcg ${memcg} is not online: no cache for it`);
    check(memcg !== ROOT_MEMCG, 'the root memcg uses the root caches');
    check(rootCaches.includes(root), `cache ${root} is not a root cache`);
    const place = root * ids + kmemId[memcg];
    if (cacheOf[place] !== 0) return cacheOf[place];
    const cache = cacheRows.take();
    initCache(machine, cache, {
      size: caches.size[root],
      objectsPerSlab: caches.objects[root],
      pagesPerSlab: caches.pages[root],
      minPartial: caches.minPartial[root],
      cpuPartialSlabs: caches.cpuPartial[root],
    });
    caches.root[cache] = root;
    caches.memcg[cache] = memcg;
    listAppend(cacheList, memcg, cache);
    memcgs.caches[memcg]++;
    strategy.cacheCreated(cache, memcg);
    cacheOf[place] = cache;
    return cache;
  }

  function rmdir(memcg: number): void {
    check(
      (flags[memcg] & MEMCG_ONLINE) !== 0,
      `memcg ${memcg} is not online: it cannot be removed`,
    );
    check(memcg !== ROOT_MEMCG, 'the root memcg cannot be removed');
    for (let child = memcgs.childrenHead[memcg]; child !== 0; child = memcgs.siblingNext[child]) {
      check((flags[child] & MEMCG_ONLINE) === 0, `memcg ${memcg} has an online child, ${child}`);
    }
    flags[memcg] &= ~MEMCG_ONLINE;
    countInAncestors(memcgs.descendants, memcg, -1);
    countInAncestors(memcgs.dying, memcg, 1);
    // The offline path holds the reference that the kill of the base would have dropped.
    work.queue(WORK.offline, memcg);
  }

  function deactivateCaches(id: number): void {
    for (const root of rootCaches) {
      const cache = peek(cacheOf, root * ids + id);
      if (cache === 0) continue;
      caches.cpuPartial[cache] = 0;
      caches.minPartial[cache] = 0;
      caches.flags[cache] |= CACHE_DEACTIVATED;
      strategy.cacheDeactivated(cache);
      work.queue(WORK.shrinkCache, cache);
      cacheOf[root * ids + id] = 0;
    }
  }

  /** C and every descendant of it, all offline, take over an ancestor's id. */
  function renumber(memcg: number, id: number): void {
    kmemId[memcg] = id;
    for (let child = memcgs.childrenHead[memcg]; child !== 0; child = memcgs.siblingNext[child]) {
      renumber(child, id);
    }
  }

  function offline(memcg: number): void {
    const id = kmemId[memcg];
    const parent = parentOf[memcg];
    flags[memcg] = MEMCG_LIVE | MEMCG_OFFLINE;
    deactivateCaches(id);
    strategy.handOver(memcg, parent);
    renumber(memcg, kmemId[parent]);
    idOwner[id] = 0;
  }

  function undoOffline(memcg: number, workPosition: number): void {
    const parent = parentOf[memcg];
    work.dropSince(workPosition);
    flags[memcg] = MEMCG_LIVE | MEMCG_ONLINE;
    takeKmemId(memcg);
    strategy.handOver(parent, memcg);
    for (let cache = memcgs.cachesHead[memcg]; cache !== 0; cache = caches.next[cache]) {
      const root = caches.root[cache];
      caches.flags[cache] &= ~CACHE_DEACTIVATED;
      caches.minPartial[cache] = caches.minPartial[root];
      caches.cpuPartial[cache] = caches.cpuPartial[root];
      cacheOf[root * ids + kmemId[memcg]] = cache;
      if (!machine.strategy.releasesEarly) sub(css, memcg, 1);
    }
  }

  function shutdownCache(cache: number): void {
    allocator.flush(cache);
    check(caches.nrSlabs[cache] === 0, `cache ${cache} is shut down with slabs left (b.10)`);
    const memcg = caches.memcg[cache];
    listRemove(cacheList, memcg, cache);
    memcgs.caches[memcg]--;
    strategy.cacheReleased(cache);
    caches.flags[cache] = 0;
    cacheRows.give(cache);
  }

  function releaseMemcg(memcg: number): void {
    const parent = parentOf[memcg];
    // 5.2: the caches live as long as their memcg. 5.3: they have moved or are gone by now.
    if (!machine.strategy.releasesEarly) {
      for (let cache = memcgs.cachesHead[memcg]; cache !== 0; cache = memcgs.cachesHead[memcg]) {
        shutdownCache(cache);
      }
    }
    check(memcgs.cachesHead[memcg] === 0, `memcg ${memcg} is freed with caches on its list (R5)`);
    countInAncestors(memcgs.dying, memcg, -1);
    listRemove(childList, parent, memcg);
    flags[memcg] = 0;
    memcgRows.give(memcg);
    hooks.putMemcg(parent, 1);
  }

  function run(kind: number, row: number): void {
    switch (kind) {
      case WORK.offline:
        offline(row);
        hooks.putMemcg(row, 1);
        break;
      case WORK.shrinkCache:
        allocator.shrink(row);
        strategy.cacheShrunk(row);
        break;
      case WORK.shutdownCache:
        shutdownCache(row);
        break;
      default:
        releaseMemcg(row);
    }
  }

  return {
    createRootCache,
    createMemcg,
    createCache,
    setLimit(memcg, pages) {
      memcgs.max[memcg] = pages;
    },
    rmdir,
    runDeferred() {
      let items = 0;
      while (work.runOne(run)) items++;
      return items;
    },
    offline,
    undoOffline,
    work,
  };
}
