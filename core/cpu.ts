/**
 * A machine as one of its CPUs sees it: allocate, free, create and remove memcgs and caches, run
 * deferred work, look things up. Bind once per thread; a second binding in the same isolate costs both
 * their speed, because V8 then no longer treats the columns as constants.
 *
 * A thread that shares the machine with others calls `enter` before it works and `idle` when it stops.
 */
import * as atomics from '#atomics';
import type { Machine } from './machine.ts';
import { type AccountedAlloc, bindAccountedAlloc } from './memcg/accounted.ts';
import { bindCaches, type Caches } from './memcg/caches.ts';
import { bindCharging } from './memcg/charge.ts';
import { bindDeferred, type Deferred, type DeferredParts } from './memcg/deferred.ts';
import type { Kernel } from './memcg/kernel.ts';
import { CACHE_SHUT, lookUpCache, slabsOf } from './memcg/kmem-caches.ts';
import { bindMemcgs, type Memcgs } from './memcg/lifecycle.ts';
import { bindListLrus, type ListLrus } from './memcg/list-lru.ts';
import { bindLookups, type Lookups } from './memcg/lookups.ts';
import { bindPageCache, type PageCache } from './memcg/page-cache.ts';
import { bindReclaim, type Reclaim } from './memcg/reclaim.ts';
import { bindRootCaches, type RootCaches } from './memcg/root-caches.ts';
import { bindSlabStats } from './memcg/stats.ts';
import { STEP_NAMES, STEP_WORDS, type Steps } from './reparent/steps.ts';
import type { BoundStrategy } from './reparent/strategy.ts';
import { check } from './shared/assert.ts';
import { bindEventRing, eventKind } from './shared/event-ring.ts';
import { bindMutex } from './shared/mutex.ts';
import { bindPercpuRefs } from './shared/percpu-ref.ts';
import { ASK, bindProcessor, LINE, type Processor } from './shared/processor.ts';
import { bindIrqSpinLock, bindSpinLock } from './shared/spinlock.ts';
import { bindPatience } from './shared/wait.ts';
import { type Allocator, bindAllocator } from './slub/allocator.ts';
import { bindRowSupply, CPU_RECORD } from './slub/row-supply.ts';
import { CACHE_SHIFT } from './slub/slabs.ts';
import { LOCK } from './tables.ts';

/** One CPU of a machine. */
export interface Cpu
  extends Pick<Allocator, 'alloc' | 'free'>,
    Pick<Processor, 'cpu' | 'enter' | 'idle' | 'poll' | 'readLock' | 'readUnlock'>,
    Pick<Caches, 'createCache' | 'shrink'>,
    Pick<Memcgs, 'createMemcg' | 'setLimit' | 'moveTask' | 'rmdir' | 'offline' | 'undoOffline'>,
    AccountedAlloc,
    RootCaches,
    Lookups,
    Reclaim,
    Deferred {
  /** Gives this CPU's cpu slab and partial list of a cache back. */
  flush(cache: number): void;
  /** Gives back this CPU's charge stock. */
  drainStock(): void;
  /** The cache that accounts objects of a root cache to a memcg: its own, or the root cache itself. */
  cacheFor(memcg: number, root: number): number;
  /** What to do when another CPU interrupts this one. */
  onInterrupt(handler: () => void): void;
  /** Interrupts another CPU: it runs its handler between two of its steps. */
  interrupt(other: number): void;
  /** What this CPU's hand-overs did so far. */
  steps(): Steps;
  /** Byte stocks of obj_cgroups that this CPU drained so far, and allocations that they could not serve. */
  byteStock(): { readonly drains: number; readonly misses: number };
  /**
   * Takes a reference on a memcg that was not removed (css_tryget_online), as whoever charges others
   * remotely does; false if it was.
   */
  holdMemcg(memcg: number): boolean;
  /** Drops one. */
  dropMemcg(memcg: number): void;
  /** All css references of a memcg, while nothing is in flight. */
  cssOf(memcg: number): number;
  /** All references of a cache, while nothing is in flight. */
  cacheRefsOf(cache: number): number;
  readonly lrus: ListLrus;
  readonly pageCache: PageCache;
  readonly strategy: BoundStrategy;
}

/** The parts that depend on no other part of the kernel. */
function bindPrimitives(machine: Machine, cpu: number) {
  const patience = bindPatience(machine.globals.patience, cpu);
  const processor = bindProcessor({
    columns: machine.processors,
    cpu,
    period: machine.rcu.word,
    patience,
  });
  const words = machine.locks.word;
  const spin = bindSpinLock(words, cpu, 'lock', patience);
  const irqLock = (row: number) => bindIrqSpinLock(spin, row * LINE, processor);
  const mutex = (row: number, name: string) =>
    bindMutex({ words, index: row * LINE, name, processor, patience });
  return {
    patience,
    processor,
    events: bindEventRing(machine.events, cpu, machine.globals.clock),
    cgroupMutex: mutex(LOCK.cgroupMutex, 'cgroup_mutex'),
    slabMutex: mutex(LOCK.slabMutex, 'slab_mutex'),
    wqLock: irqLock(LOCK.memcgKmemWqLock),
    rcuLock: irqLock(LOCK.rcuLock),
    workLock: irqLock(LOCK.workLock),
    cgroupWorkLock: irqLock(LOCK.cgroupWorkLock),
    objcgLock: irqLock(LOCK.objcgLock),
    zoneLock: bindSpinLock(words, cpu, 'zone lock', patience),
    lruLock: bindSpinLock(words, cpu, 'lru_lock', patience),
    listLock: bindSpinLock(machine.kmemCaches.listLock, cpu, 'list_lock', patience),
  };
}

function bindKernel(machine: Machine, cpu: number): { kernel: Kernel; deferred: DeferredParts } {
  const primitives = bindPrimitives(machine, cpu);
  const { processor, patience, events, wqLock } = primitives;
  const { cpus, memcgs, kmemCaches, slabRows } = machine.config;
  const deferred = bindDeferred(machine, primitives);
  const { rcu, work, cgroupWork } = deferred;
  const css = bindPercpuRefs({
    columns: {
      ...{ mode: machine.memcgs.cssMode, count: machine.memcgs.css },
      ...{ slot: machine.cpuMemcgs.css, rows: memcgs + 1 },
    },
    ...{ cpu, cpus, what: 'css of memcg' },
    release: deferred.memcgUnreferenced,
  });
  const { refcnt, refMode, root, dying, flags } = machine.kmemCaches;
  const UNREFERENCED = eventKind('cache unreferenced');
  const cacheRefs = bindPercpuRefs({
    columns: {
      ...{ mode: refMode, count: refcnt },
      ...{ slot: machine.cpuSlabs.ref, rows: kmemCaches + 1 },
    },
    ...{ cpu, cpus, what: 'reference of cache' },
    // b.9: whoever destroys the root cache deals with the cache, and is told if he gives up later.
    release(cache) {
      // Shut down with slabs that waited for a grace period.
      if ((flags[cache] & CACHE_SHUT) !== 0) return;
      wqLock.lockIrq();
      events.record(UNREFERENCED, cache, dying[root[cache]]);
      if (dying[root[cache]] === 0) deferred.cacheUnreferenced(cache);
      else dying[cache] = 1;
      wqLock.unlockIrq();
    },
  });
  const stats = bindSlabStats(machine, cpu);
  const charging = bindCharging(machine, { processor, css, events });
  processor.on(ASK.drain, charging.drain);
  const strategy = machine.strategy.bind(machine, {
    ...{ cpu, processor, patience, charging, stats, css, cacheRefs },
    ...{ rcu, events, objcgLock: primitives.objcgLock },
  });
  if (strategy.objects !== undefined) charging.withByteStocks(strategy.objects);
  const rowSupply = bindRowSupply({
    ...{ page: machine.slabs.page, record: machine.cpus.record, zone: machine.zone.head },
    ...{ lock: primitives.zoneLock, lockRow: LOCK.zoneLock * LINE, cpu, cpus },
    ...{ bump: machine.globals.slabBump, rows: slabRows + 1 },
  });
  const allocator = bindAllocator(machine, {
    ...{ cpu, processor, rcu, listLock: primitives.listLock, rowSupply, events, strategy },
  });
  const lrus = bindListLrus(machine, {
    ...{ cpu, patience },
    ownerOf: strategy.objects?.ownerOf ?? ((handle) => strategy.ownerOf(headRow(machine, handle))),
  });
  const { lruLock } = primitives;
  const pageCache = bindPageCache(machine, { charging, css, lruLock });
  const kernel: Kernel = {
    ...{
      machine,
      rcu,
      work,
      cgroupWork,
      css,
      cacheRefs,
      charging,
      stats,
      lrus,
      pageCache,
      strategy,
      allocator,
    },
    ...primitives,
  };
  return { kernel, deferred };
}

/** Head row of the slab that an object is in. */
function headRow(machine: Machine, handle: number): number {
  const row = handle >>> 6;
  const word = machine.slabs.page[row << 2];
  return word >>> CACHE_SHIFT === 0 ? row - word : row;
}

/** Allocation and free as the strategy has them: by caches of memcgs, or by owners of objects. */
function bindObjectAllocator({ machine, allocator, strategy, ...kernel }: Kernel) {
  const { alloc, free } = allocator;
  if (strategy.objects !== undefined) {
    return { ...strategy.objects.bind({ alloc, free }), unaccounted: () => 0 };
  }
  return { alloc, free, ...bindAccountedAlloc(machine, { ...kernel, alloc }) };
}

/** Binds one CPU of a machine. @throws ModelError when the machine has no such CPU */
export function bindCpu(machine: Machine, cpu: number): Cpu {
  check(
    Number.isInteger(cpu) && cpu >= 0 && cpu < machine.config.cpus,
    `CPU ${cpu}: this machine was created for CPUs 0 to ${machine.config.cpus - 1}`,
  );
  const { kernel, deferred } = bindKernel(machine, cpu);
  const { processor, allocator, strategy, charging, lrus, pageCache } = kernel;
  const caches = bindCaches(kernel);
  const memcgs = bindMemcgs(kernel, caches);
  deferred.connect(kernel, caches, memcgs);
  const arrays = { cache: machine.cacheArrays.cache, ids: machine.config.kmemIds };
  const { peek } = atomics;
  const { kmemId } = machine.memcgs;
  return {
    ...{ cpu, strategy, lrus, pageCache },
    ...bindObjectAllocator(kernel),
    ...processor,
    ...caches,
    ...memcgs,
    ...bindRootCaches(kernel, caches),
    ...bindLookups(kernel),
    ...bindReclaim(machine, kernel),
    ...deferred,
    flush: (cache) => allocator.flushCpu(slabsOf(machine, cache), cpu),
    drainStock: charging.drain,
    cacheFor(memcg, root) {
      if (machine.strategy.sharesCaches) return root;
      const id = peek(kmemId, memcg);
      return (id < 0 ? 0 : lookUpCache(arrays, root, id)) || root;
    },
    onInterrupt: (handler) => processor.on(ASK.interrupt, handler),
    interrupt: (other) => processor.ask(other, ASK.interrupt),
    steps() {
      const record = machine.cpus.steps;
      const counted = STEP_NAMES.map((name, index) => [name, record[cpu * STEP_WORDS + index]]);
      // fromEntries loses the keys; they are exactly STEP_NAMES.
      return Object.fromEntries(counted) as Steps;
    },
    byteStock() {
      const { record } = machine.cpus;
      const base = cpu * CPU_RECORD.words;
      return {
        drains: record[base + CPU_RECORD.byteStockDrains],
        misses: record[base + CPU_RECORD.byteStockMisses],
      };
    },
    holdMemcg: kernel.css.tryGetLive,
    dropMemcg: (memcg) => kernel.css.put(memcg, 1),
    cssOf: kernel.css.total,
    cacheRefsOf: kernel.cacheRefs.total,
  };
}
