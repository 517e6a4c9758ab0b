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
 *   minPartial, cpuPartial    slabs kept on the node list when empty; slabs kept on a CPU's partial
 *                             list. Plain stores (0 at deactivation), read without a lock
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
  /** Slabs that a CPU's partial list may keep (rule since 5.16); 0 switches that list off. */
  readonly cpuPartialSlabs: number;
  /** Counted as SLAB_RECLAIMABLE; default false. */
  readonly reclaimable?: boolean;
  /** Slabs are freed after a grace period only (SLAB_TYPESAFE_BY_RCU); default false. */
  readonly typesafeByRcu?: boolean;
  /** May share a cache with others of the same geometry; default false. */
  readonly mergeable?: boolean;
}

/** The flags of a shape. */
function flagsOf(shape: CacheShape): number {
  return (
    CACHE_LIVE |
    (shape.reclaimable === true ? CACHE_RECLAIMABLE : 0) |
    (shape.typesafeByRcu === true ? CACHE_TYPESAFE : 0) |
    (shape.mergeable === true ? CACHE_MERGEABLE : 0)
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
  const least = { size: 1, pagesPerSlab: 1, minPartial: 0, cpuPartialSlabs: 0 } as const;
  for (const name of ['size', 'pagesPerSlab', 'minPartial', 'cpuPartialSlabs'] as const) {
    check(
      isWhole(shape[name], least[name]),
      `a cache with ${name} ${shape[name]}: must be a whole number from ${least[name]}`,
    );
  }
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
  columns.cpuPartial[cache] = shape.cpuPartialSlabs;
}

/** Fills in the row of a memcg's copy of a root cache; links nothing. */
export function initCopy(
  columns: Columns<typeof KMEM_CACHE_SPEC>,
  cache: number,
  root: number,
): void {
  const flags = columns.flags[root];
  initCache(columns, cache, {
    size: columns.size[root],
    objectsPerSlab: columns.objects[root],
    pagesPerSlab: columns.pages[root],
    minPartial: columns.minPartial[root],
    cpuPartialSlabs: columns.cpuPartial[root],
    reclaimable: (flags & CACHE_RECLAIMABLE) !== 0,
    typesafeByRcu: (flags & CACHE_TYPESAFE) !== 0,
  });
  columns.root[cache] = root;
}
