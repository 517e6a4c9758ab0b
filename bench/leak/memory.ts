/**
 * What a host's memory is held by, read off the machine: slab pages by the state of their owner, and the
 * structures that a memcg and its caches consist of, from documented sizes. Nothing is counted beside
 * the machine's own tables.
 */
import type { Cpu, Machine } from '../../core/index.ts';
import { ROOT_MEMCG, slabUse } from '../../core/index.ts';
import { CACHE_DEACTIVATED, CACHE_LIVE, CACHE_RECLAIMABLE } from '../../core/memcg/kmem-caches.ts';
import { MEMCG_DYING, MEMCG_LIVE, MEMCG_RELEASED } from '../../core/memcg/memcgs.ts';
import type { LeakRun } from '../../reports/index.ts';
import type { Scenario } from './parameters.ts';

const PAGE = 4096;
/** A pointer in an array by kmem id, and the list that it points to (struct list_lru_one). */
const LRU_POINTER = 8;
const LRU_LIST = 32;
/** A pointer to the owner of an object. */
const OWNER_POINTER = 8;

/** Bytes by what holds them. */
export type Parts = Record<keyof LeakRun['parts'], number>;

/** A host at one moment. */
export interface Sample {
  readonly dying: number;
  readonly live: number;
  /** Removed cgroups that page cache keeps, and those that only slab pages keep. */
  readonly keptByPages: number;
  readonly keptBySlab: number;
  /** As Slab and Percpu of /proc/meminfo would count them. */
  readonly slabBytes: number;
  readonly percpuBytes: number;
  /** Bytes of the objects in slab pages. */
  readonly objectBytes: number;
  /** Bytes of the slab pages. */
  readonly pageBytes: number;
  /** Bytes of the objects in slabs that are a removed cgroup's own; 0 where caches are shared. */
  readonly deadObjectBytes: number;
  /** Caches of memcgs. */
  readonly cacheCount: number;
  /** Ids that are in use. */
  readonly ids: number;
  readonly parts: Parts;
}

/** Per-CPU bytes of one memcg: check 96 CPUs, 2 nodes, 2,424 B and 656 B give 350.25 KiB. */
export function memcgPercpu(host: Scenario['host']): number {
  return host.cpus * (host.memcgPercpuBytes + host.nodes * host.lruvecPercpuBytes);
}

/** Other bytes of one memcg. */
export function memcgStructs(host: Scenario['host']): number {
  return host.memcgBytes + host.nodes * host.memcgNodeBytes;
}

function cacheStructs(host: Scenario['host']): number {
  return host.cacheBytes + host.nodes * host.cacheNodeBytes + host.cacheSysfsBytes;
}

function cachePercpu(host: Scenario['host']): number {
  return host.cpus * host.cachePercpuBytes;
}

interface CacheTotals {
  liveSlab: number;
  deadSlab: number;
  live: number;
  dead: number;
}

/**
 * Bytes of a cache's slabs by whose they are. Where each object has an owner, those of the dead lie among
 * those of the living, and a slab comes with a vector of pointers, which is slab memory as well.
 */
function slabBytesOf(machine: Machine, cpu: Cpu) {
  const { flags, pages, nrSlabs, objects } = machine.kmemCaches;
  const left = cpu.strategy.objects?.inheritedBytes();
  return (cache: number): { liveBytes: number; deadBytes: number } => {
    const slabs = nrSlabs[cache] as number;
    const pageBytes = slabs * (pages[cache] as number) * PAGE;
    if (left === undefined) {
      const dead = ((flags[cache] as number) & CACHE_DEACTIVATED) !== 0;
      return { liveBytes: dead ? 0 : pageBytes, deadBytes: dead ? pageBytes : 0 };
    }
    const deadBytes = left[cache] as number;
    const all = pageBytes + slabs * OWNER_POINTER * (objects[cache] as number);
    return { liveBytes: all - deadBytes, deadBytes };
  };
}

/** Slab bytes and numbers of memcgs' caches; a deactivated one is of a removed cgroup. */
function countCaches(machine: Machine, cpu: Cpu): CacheTotals {
  const { flags, root } = machine.kmemCaches;
  const { sharesCaches } = machine.strategy;
  const bytesOf = slabBytesOf(machine, cpu);
  const totals = { liveSlab: 0, deadSlab: 0, live: 0, dead: 0 };
  const end = machine.cacheRows.end();
  for (let cache = 1; cache < end; cache++) {
    const state = flags[cache] as number;
    if ((state & CACHE_LIVE) === 0) continue;
    const dead = (state & CACHE_DEACTIVATED) !== 0;
    const { liveBytes, deadBytes } = bytesOf(cache);
    totals.liveSlab += liveBytes;
    totals.deadSlab += deadBytes;
    if (root[cache] !== 0 && !sharesCaches) totals[dead ? 'dead' : 'live']++;
  }
  return totals;
}

interface MemcgTotals {
  live: number;
  dying: number;
  keptByPages: number;
  keptBySlab: number;
  deadPages: number;
}

function hasSlabs(machine: Machine, memcg: number): boolean {
  const { cachesHead } = machine.memcgs;
  const { next, nrSlabs } = machine.kmemCaches;
  for (let cache = cachesHead[memcg] as number; cache !== 0; cache = next[cache] as number) {
    if (nrSlabs[cache] !== 0) return true;
  }
  return false;
}

function countMemcgs(machine: Machine, cpu: Cpu): MemcgTotals {
  const { flags } = machine.memcgs;
  const totals = { live: 0, dying: 0, keptByPages: 0, keptBySlab: 0, deadPages: 0 };
  const end = machine.memcgRows.end();
  for (let memcg = ROOT_MEMCG + 1; memcg < end; memcg++) {
    const state = flags[memcg] as number;
    if ((state & (MEMCG_LIVE | MEMCG_RELEASED)) !== MEMCG_LIVE) continue;
    if ((state & MEMCG_DYING) === 0) {
      totals.live++;
      continue;
    }
    totals.dying++;
    const pages = cpu.pageCache.pagesOf(memcg);
    totals.deadPages += pages;
    if (pages > 0) totals.keptByPages++;
    else if (hasSlabs(machine, memcg)) totals.keptBySlab++;
  }
  return totals;
}

/** Looks at a machine with no deferred work left. */
export function sampleHost(machine: Machine, cpu: Cpu, host: Scenario['host']): Sample {
  const caches = countCaches(machine, cpu);
  const memcgs = countMemcgs(machine, cpu);
  const slots = machine.globals.arraySlots[0] as number;
  const lruArrays = host.listLrus * host.nodes * slots * (LRU_POINTER + LRU_LIST);
  const parts: Parts = {
    liveSlab: caches.liveSlab,
    live:
      memcgs.live * (memcgStructs(host) + memcgPercpu(host)) +
      caches.live * (cacheStructs(host) + cachePercpu(host)),
    lruArrays,
    deadSlab: caches.deadSlab,
    deadCaches: caches.dead * (cacheStructs(host) + cachePercpu(host)),
    deadMemcgs: memcgs.dying * memcgStructs(host),
    deadPercpu: memcgs.dying * memcgPercpu(host),
    deadPageCache: memcgs.deadPages * PAGE,
  };
  const all = memcgs.live + memcgs.dying;
  const cacheCount = caches.live + caches.dead;
  const use = slabUse(machine);
  const { flags } = machine.kmemCaches;
  const isDead = (cache: number) => ((flags[cache] as number) & CACHE_DEACTIVATED) !== 0;
  return {
    dying: memcgs.dying,
    live: memcgs.live,
    keptByPages: memcgs.keptByPages,
    keptBySlab: memcgs.keptBySlab,
    slabBytes:
      caches.liveSlab +
      caches.deadSlab +
      all * memcgStructs(host) +
      cacheCount * cacheStructs(host) +
      lruArrays,
    objectBytes: use.objectBytes,
    pageBytes: use.pages * PAGE,
    deadObjectBytes: machine.strategy.sharesCaches ? 0 : slabUse(machine, isDead).objectBytes,
    percpuBytes: all * memcgPercpu(host) + cacheCount * cachePercpu(host),
    cacheCount,
    ids: host.idsHeldUntil === 'release' ? all : memcgs.live,
    parts,
  };
}

/** Slab pages and objects of one cache, its copies included. */
export interface CacheUse {
  readonly cache: string;
  readonly liveBytes: number;
  readonly deadBytes: number;
  readonly reclaimable: boolean;
}

/** Slab by cache, largest first. */
export function slabByCache(
  machine: Machine,
  cpu: Cpu,
  roots: Int32Array,
  names: readonly string[],
): CacheUse[] {
  const { flags, root } = machine.kmemCaches;
  const bytesOf = slabBytesOf(machine, cpu);
  const bytes = names.map(() => [0, 0] as [number, number]);
  for (let cache = 1; cache < machine.cacheRows.end(); cache++) {
    if (((flags[cache] as number) & CACHE_LIVE) === 0) continue;
    const place = roots.indexOf((root[cache] as number) || cache);
    const sums = bytes[place];
    const { liveBytes, deadBytes } = bytesOf(cache);
    if (sums === undefined) continue;
    sums[0] += liveBytes;
    sums[1] += deadBytes;
  }
  const uses = names.map((name, place) => {
    const [liveBytes, deadBytes] = bytes[place] as [number, number];
    const reclaimable = ((flags[roots[place] as number] as number) & CACHE_RECLAIMABLE) !== 0;
    return { cache: name, liveBytes, deadBytes, reclaimable };
  });
  return uses
    .filter((use) => use.liveBytes + use.deadBytes > 0)
    .sort((a, b) => b.liveBytes + b.deadBytes - (a.liveBytes + a.deadBytes));
}
