/**
 * kmem_caches: root caches (one per object type) and, for each memcg that uses a type, a copy of its
 * own whose slabs hold only that memcg's objects.
 *
 *   memcg                     owner, 0 for a root cache. Written under slab_mutex by one store; read
 *                             under RCU, or by whoever keeps the memcg alive. 5.2: constant.
 *   root                      the root cache, 0 for a root cache itself; immutable
 *   next, prev                `memcg->kmem_caches` list; slab_mutex
 *   flags                     slab_mutex
 *   refcnt, refMode           percpu reference: base + allocations in flight + one per base page of
 *                             its slabs; not used by pin, whose memcgs live as long as their pages
 *   aliases                   root caches: users that share it; slab_mutex
 *   dying                     root caches: being destroyed; copies: the last reference went meanwhile;
 *                             memcg_kmem_wq_lock
 *   objects, rows, pages      geometry of a slab: objects, rows of the slab table, base pages
 *   size                      bytes of an object with its padding; immutable
 *   lastMask                  bitmap of the objects that exist in a slab's last row
 *   minPartial                slabs kept on the node list when empty
 *   cpuPartial                count at which a CPU's partial list is drained before another slab comes:
 *                             the limit in slabs, or 1 more than that in objects (CACHE_BY_OBJECTS);
 *                             0: it keeps nothing. Both: plain stores (0 at deactivation), read without
 *                             a lock
 *   listLock                  spin lock of the node partial list
 *   partialHead/Tail, nrPartial  node partial list and its length; listLock
 *   nrSlabs                   slabs that exist; atomic
 *
 * Source: kernel-model a.3 (Linux 5.2, 5.3). One node (no NUMA).
 */
import { peek } from '#atomics';
import { check } from '../shared/assert.ts';
import type { Columns } from '../shared/layout.ts';
import { MAX_OBJECTS_PER_SLAB, OBJECTS_PER_ROW } from '../slub/slabs.ts';

/** Columns of the kmem_cache table. */
export const KMEM_CACHE_SPEC = {
  memcg: 1,
  root: 1,
  next: 1,
  prev: 1,
  flags: 1,
  refcnt: 1,
  refMode: 1,
  aliases: 1,
  dying: 1,
  objects: 1,
  rows: 1,
  pages: 1,
  size: 1,
  lastMask: 2,
  minPartial: 1,
  cpuPartial: 1,
  listLock: 1,
  partialHead: 1,
  partialTail: 1,
  nrPartial: 1,
  nrSlabs: 1,
} as const;

/** Row is in use. */
export const CACHE_LIVE = 1;
/** Offlining of its memcg began: no new allocations, nothing cached when empty. */
export const CACHE_DEACTIVATED = 2;
/** Base reference dropped: the cache goes as soon as its last slab does. */
export const CACHE_KILLED = 4;
/** Its slabs are counted as reclaimable (dentries, inodes). */
export const CACHE_RECLAIMABLE = 8;
/** Its slabs are freed after a grace period (SLAB_TYPESAFE_BY_RCU). */
export const CACHE_TYPESAFE = 16;
/** May serve a new user with objects of the same size (slab merging). */
export const CACHE_MERGEABLE = 32;
/** Shut down, waits for its slabs' grace period. */
export const CACHE_SHUT = 64;
/** All its objects are accounted (SLAB_ACCOUNT); decides only with whom it may share a cache. */
export const CACHE_ACCOUNT = 256;
/** Its cpu partial lists are bounded by the objects that were free, not by slabs (5.2 to 5.15). */
export const CACHE_BY_OBJECTS = 128;

/** A memcg's caches by root cache (`memcg_caches` arrays): read under RCU, written under slab_mutex. */
export interface CacheArrays {
  readonly cache: Int32Array;
  readonly ids: number;
}

/** The cache that serves objects of a root cache for a kmem id, or 0. */
export function lookUpCache(arrays: CacheArrays, root: number, kmemId: number): number {
  return peek(arrays.cache, root * arrays.ids + kmemId);
}

/** What a cache's slabs look like; `core/slub/geometry.ts` computes it from an object size. */
export interface CacheShape {
  /** Bytes of one object with its padding. */
  readonly size: number;
  readonly objectsPerSlab: number;
  readonly pagesPerSlab: number;
  /** Empty slabs that the node list may keep. */
  readonly minPartial: number;
  /**
   * Slabs that a CPU's partial list may keep (rule since 5.16); 0 switches that list off. Exactly one of
   * this and `cpuPartialObjects` is given.
   */
  readonly cpuPartialSlabs?: number;
  /**
   * Free objects that the slabs of a CPU's partial list may have, each slab counted as it was when it was
   * put there (rule of 5.2 to 5.15: the list is drained once the count is above); 0 switches it off.
   */
  readonly cpuPartialObjects?: number;
  /** Counted as SLAB_RECLAIMABLE; default false. */
  readonly reclaimable?: boolean;
  /** Slabs are freed after a grace period only (SLAB_TYPESAFE_BY_RCU); default false. */
  readonly typesafeByRcu?: boolean;
  /** SLAB_ACCOUNT: shares a cache only with others that have it; default false. */
  readonly account?: boolean;
  /** May share a cache with others of the same geometry: `mergeBar` finds nothing against it; default false. */
  readonly mergeable?: boolean;
}

/** The flags of a shape. */
function flagsOf(shape: CacheShape): number {
  return (
    CACHE_LIVE |
    (shape.reclaimable === true ? CACHE_RECLAIMABLE : 0) |
    (shape.typesafeByRcu === true ? CACHE_TYPESAFE : 0) |
    (shape.mergeable === true ? CACHE_MERGEABLE : 0) |
    (shape.account === true ? CACHE_ACCOUNT : 0) |
    (shape.cpuPartialObjects === undefined ? 0 : CACHE_BY_OBJECTS)
  );
}

/** A whole number that a column can hold. */
function isWhole(value: number, least: number): boolean {
  return Number.isInteger(value) && value >= least && value <= 2 ** 31 - 1;
}

/** Throws unless the model can have slabs of this shape. @throws ModelError */
export function checkShape(shape: CacheShape): void {
  check(
    isWhole(shape.objectsPerSlab, 1) && shape.objectsPerSlab <= MAX_OBJECTS_PER_SLAB,
    `a slab of ${shape.objectsPerSlab} objects: the model has 1 to ${MAX_OBJECTS_PER_SLAB}`,
  );
  const { size, pagesPerSlab, minPartial, cpuPartialSlabs, cpuPartialObjects } = shape;
  const numbers = { size, pagesPerSlab, minPartial, cpuPartialSlabs, cpuPartialObjects };
  for (const [name, value] of Object.entries(numbers)) {
    if (value === undefined) continue;
    const least = name === 'size' || name === 'pagesPerSlab' ? 1 : 0;
    check(
      isWhole(value, least),
      `a cache with ${name} ${value}: must be a whole number from ${least}`,
    );
  }
  check(
    (cpuPartialSlabs === undefined) !== (cpuPartialObjects === undefined),
    'a cache needs a limit of its cpu partial lists: either cpuPartialSlabs or cpuPartialObjects',
  );
}

/** What `cpuPartial` holds: the old rule drains above its limit, the new one at it. */
function drainCount({ cpuPartialSlabs = 0, cpuPartialObjects = 0 }: CacheShape): number {
  return cpuPartialObjects > 0 ? cpuPartialObjects + 1 : cpuPartialSlabs;
}

/** The cache that has the slabs: the root cache of one that only stands for it (see `sharesCaches`). */
export function slabsOf(
  machine: { strategy: { sharesCaches: boolean }; kmemCaches: { root: Int32Array } },
  cache: number,
): number {
  return machine.strategy.sharesCaches ? machine.kmemCaches.root[cache] || cache : cache;
}

/** Fills in the row of a new cache of a checked shape; links nothing. */
export function initCache(
  columns: Columns<typeof KMEM_CACHE_SPEC>,
  cache: number,
  shape: CacheShape,
): void {
  const { objectsPerSlab, pagesPerSlab } = shape;
  const rows = Math.ceil(objectsPerSlab / OBJECTS_PER_ROW);
  const last = objectsPerSlab - (rows - 1) * OBJECTS_PER_ROW;
  columns.flags[cache] = flagsOf(shape);
  columns.aliases[cache] = 1;
  columns.dying[cache] = 0;
  columns.refMode[cache] = 0;
  columns.memcg[cache] = 0;
  columns.root[cache] = 0;
  columns.refcnt[cache] = 0;
  columns.objects[cache] = objectsPerSlab;
  columns.rows[cache] = rows;
  columns.pages[cache] = pagesPerSlab;
  columns.size[cache] = shape.size;
  columns.lastMask[2 * cache] = last >= 32 ? -1 : (1 << last) - 1;
  columns.lastMask[2 * cache + 1] = last <= 32 ? 0 : last === 64 ? -1 : (1 << (last - 32)) - 1;
  columns.minPartial[cache] = shape.minPartial;
  columns.cpuPartial[cache] = drainCount(shape);
}

/** Fills in the row of a memcg's copy of a root cache; links nothing. */
export function initCopy(
  columns: Columns<typeof KMEM_CACHE_SPEC>,
  cache: number,
  root: number,
): void {
  const flags = columns.flags[root];
  const limit = columns.cpuPartial[root];
  const byObjects = (flags & CACHE_BY_OBJECTS) !== 0;
  initCache(columns, cache, {
    size: columns.size[root],
    objectsPerSlab: columns.objects[root],
    pagesPerSlab: columns.pages[root],
    minPartial: columns.minPartial[root],
    ...(byObjects ? { cpuPartialObjects: Math.max(0, limit - 1) } : { cpuPartialSlabs: limit }),
    reclaimable: (flags & CACHE_RECLAIMABLE) !== 0,
    typesafeByRcu: (flags & CACHE_TYPESAFE) !== 0,
  });
  columns.root[cache] = root;
}
