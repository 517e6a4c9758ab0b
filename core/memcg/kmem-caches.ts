/**
 * kmem_caches: root caches (one per object type) and, for each memcg that uses a type, a copy of its
 * own whose slabs hold only that memcg's objects.
 *
 *   memcg                     owner, 0 for a root cache. Written under slab_mutex by one store; read
 *                             under RCU, or by whoever keeps the memcg alive. 5.2: constant.
 *   root                      the root cache, 0 for a root cache itself; immutable
 *   next, prev                `memcg->kmem_caches` list; slab_mutex
 *   flags                     slab_mutex
 *   refcnt                    splice-caches: base + one per charged base page; atomic
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

/** Columns of the kmem_cache table. */
export const KMEM_CACHE_SPEC = {
  memcg: 1,
  root: 1,
  next: 1,
  prev: 1,
  flags: 1,
  refcnt: 1,
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
}
