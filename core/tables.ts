/**
 * What a machine is made for, and the tables that follow from it: the one place that names them all.
 */

import { FOLIO_LIST_SPEC, FOLIO_SPEC, folioListRows, folioRows } from './memcg/folio-rows.ts';
import { KMEM_CACHE_SPEC } from './memcg/kmem-caches.ts';
import { LRU_LINK_SPEC, LRU_LIST_SPEC, lruLinkRows } from './memcg/list-lru-rows.ts';
import { MEMCG_SPEC, STAT_ITEMS } from './memcg/memcgs.ts';
import { STEP_WORDS } from './reparent/steps.ts';
import { EVENT_SPEC } from './shared/event-ring.ts';
import { LOCK_SPEC } from './shared/mutex.ts';
import { PROCESSOR_SPEC } from './shared/processor.ts';
import { RCU_RING_SPEC, RCU_SPEC } from './shared/rcu.ts';
import { ROW_POOL_SPEC } from './shared/rows.ts';
import { WORK_RING_SPEC, WORK_SPEC } from './shared/workqueue.ts';
import { CPU_RECORD, ZONE_SPEC } from './slub/row-supply.ts';
import { SLAB_SPEC } from './slub/slabs.ts';

/** What a machine is made for. Every count is a capacity; reaching one is an error that names it. */
export interface MachineConfig {
  /** Name of the reparenting strategy. */
  readonly strategy: string;
  /** CPUs that may drive the machine; 1 to 64. */
  readonly cpus: number;
  /** Rows of the slab table: one per slab of up to 64 objects, more for larger slabs. */
  readonly slabRows: number;
  /** kmem_caches, root caches included. */
  readonly kmemCaches: number;
  /** Root caches among them. */
  readonly rootCaches: number;
  /** Memory cgroups, the root and dying ones included. */
  readonly memcgs: number;
  /** Memory cgroups that can be online with kernel accounting at once; the kernel's limit is 65535. */
  readonly kmemIds: number;
  /**
   * Pages that a CPU charges at once and keeps in stock for the next slabs; the kernel's value is 32.
   * 0, the default, charges each slab exactly.
   */
  readonly chargeBatch?: number;
  /** list_lru structures, each with a list per memcg; at most 31. Default 0. */
  readonly lrus?: number;
  /** Objects that can be on lru lists at once. Default 0. */
  readonly lruItems?: number;
  /** Runs of page-cache pages that can be there at once; 0, the default, is a machine without. */
  readonly folios?: number;
  /** 1: a removed memcg's page cache goes to its parent (the LRU series, 7.1); 0, the default: it pins. */
  readonly moveFolios?: number;
  /**
   * obj_cgroups, of removed memcgs too; designs with an owner per object have them. 0, the default: two
   * for each memcg (and node).
   */
  readonly objcgs?: number;
}

/** A config with every capacity given. */
export type FullConfig = Required<MachineConfig>;

/** cpu slab of each CPU and cache (`cpu * caches + cache`), owned by that CPU: plain access. */
export const CPU_SLAB_SPEC = {
  /** Bitmap word (`handle >>> 5`) that the private free objects belong to, 0 none. */
  word: 1,
  /** Private free objects of that word (the lockless freelist). */
  free: 1,
  /** Head of the CPU's partial list. */
  partial: 1,
  /** Slabs on that list; objects free on them when they were put there, under the rule of 5.2 to 5.15. */
  partialCount: 1,
  /** This CPU's share of the cache's references. */
  ref: 1,
} as const;
/** Each CPU's share of a memcg (`cpu * memcgs + memcg`), owned by that CPU: plain access. */
export const CPU_MEMCG_SPEC = {
  /** References on the css. */
  css: 1,
  /** Slab pages, reclaimable and not, that are not in the memcg's counters yet; spilled upward. */
  statBatch: STAT_ITEMS,
  /** Slab pages counted at this level, hierarchy left out. */
  statLocal: STAT_ITEMS,
} as const;
/** Single words of the machine, a cache line each. */
export const GLOBALS_SPEC = {
  /** Slab rows that some CPU has taken; alone on its line. */
  slabBump: 16,
  /** Stack of slabs that wait for a grace period. */
  rcuSlabs: 16,
  /** [cache that is being flushed, CPUs that have not done it yet]; slab_mutex. */
  flush: 16,
  /** [CPU + 1 that runs deferred work, whether it sleeps, kicks]. */
  kworker: 16,
  /** Bounds of every wait, see wait.ts. */
  patience: 16,
  /** Clock of the event rings. */
  clock: 16,
  /** Objects that shrinkers were asked for and have not scanned (`nr_deferred`); atomic. */
  deferredScan: 16,
  /** Slots of the arrays indexed by kmem id (`memcg_nr_cache_ids`): they only grow; cgroup_mutex. */
  arraySlots: 16,
} as const;
/** What a CPU keeps for itself: plain access. */
export const CPU_SPEC = { record: CPU_RECORD.words, steps: STEP_WORDS } as const;
/** Rows of the lock table. */
export const LOCK = {
  cgroupMutex: 0,
  slabMutex: 1,
  percpuChargeMutex: 2,
  memcgKmemWqLock: 3,
  rcuLock: 4,
  workLock: 5,
  zoneLock: 6,
  chunkLock: 7,
  cgroupWorkLock: 8,
  lruLock: 9,
  objcgLock: 10,
  rows: 11,
} as const;
/** A memcg's cache by (root cache, kmem id). */
export const CACHE_ARRAY_SPEC = { cache: 1 } as const;
/** Memcg that has a kmem id, 0 none; cgroup_mutex, read under the lru's lock, which a drain takes before it is cleared. */
export const KMEM_ID_SPEC = { owner: 1 } as const;

/** Two for each of two nodes, see reparent/objcg-tables.ts. */
const OBJCGS_PER_MEMCG_MAX = 4;
/** Requests to create a cache that can wait at once; more are dropped, as a failed allocation would be. */
const CREATION_REQUESTS = 256;

function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(least));
}

/** Places of the work ring that creation requests leave to the rest: each row needs at most so many. */
export function reservedWork(config: FullConfig): number {
  return 3 * (config.kmemCaches + config.memcgs) + 8;
}

/** RCU callbacks that can wait at once: those of work, and one for each obj_cgroup. */
function reservedCallbacks(config: FullConfig): number {
  const objcgs = config.objcgs === 0 ? OBJCGS_PER_MEMCG_MAX * config.memcgs : config.objcgs;
  return reservedWork(config) + objcgs;
}

/** Every table but the strategy's own. */
export function mainTables(config: FullConfig) {
  const caches = config.kmemCaches + 1;
  const memcgs = config.memcgs + 1;
  return {
    globals: { name: 'globals', spec: GLOBALS_SPEC, rows: 1 },
    cpus: { name: 'cpus', spec: CPU_SPEC, rows: config.cpus },
    processors: { name: 'processors', spec: PROCESSOR_SPEC, rows: config.cpus },
    locks: { name: 'locks', spec: LOCK_SPEC, rows: LOCK.rows },
    pools: { name: 'pools', spec: ROW_POOL_SPEC, rows: 5 },
    rcu: { name: 'rcu', spec: RCU_SPEC, rows: 1 },
    rcuRing: { name: 'rcuRing', spec: RCU_RING_SPEC, rows: powerOfTwo(reservedCallbacks(config)) },
    work: { name: 'work', spec: WORK_SPEC, rows: 1 },
    workRing: {
      name: 'workRing',
      spec: WORK_RING_SPEC,
      rows: powerOfTwo(reservedWork(config) + CREATION_REQUESTS),
    },
    cgroupWork: { name: 'cgroupWork', spec: WORK_SPEC, rows: 1 },
    cgroupWorkRing: {
      name: 'cgroupWorkRing',
      spec: WORK_RING_SPEC,
      rows: powerOfTwo(reservedWork(config)),
    },
    zone: { name: 'zone', spec: ZONE_SPEC, rows: 1 },
    events: { name: 'events', spec: EVENT_SPEC, rows: config.cpus },
    cpuMemcgs: { name: 'cpuMemcgs', spec: CPU_MEMCG_SPEC, rows: config.cpus * memcgs },
    memcgs: { name: 'memcgs', spec: MEMCG_SPEC, rows: memcgs },
    kmemCaches: { name: 'kmemCaches', spec: KMEM_CACHE_SPEC, rows: caches },
    cpuSlabs: { name: 'cpuSlabs', spec: CPU_SLAB_SPEC, rows: config.cpus * caches },
    kmemIds: { name: 'kmemIds', spec: KMEM_ID_SPEC, rows: config.kmemIds },
    cacheArrays: {
      name: 'cacheArrays',
      spec: CACHE_ARRAY_SPEC,
      rows: (config.rootCaches + 1) * config.kmemIds,
    },
    lruLists: {
      name: 'lruLists',
      spec: LRU_LIST_SPEC,
      rows: config.lrus * (config.kmemIds + 1) + 1,
    },
    lruLinks: { name: 'lruLinks', spec: LRU_LINK_SPEC, rows: lruLinkRows(config) },
    folioLists: { name: 'folioLists', spec: FOLIO_LIST_SPEC, rows: folioListRows(config) },
    folios: { name: 'folios', spec: FOLIO_SPEC, rows: folioRows(config) },
    slabs: { name: 'slabs', spec: SLAB_SPEC, rows: config.slabRows + 1 },
  } as const;
}
