/**
 * Memory cgroups (`struct mem_cgroup` with its css). Row 1 is the root.
 *
 *   usage, max, watermark, failcnt   page counter, pages; atomic
 *   parent                           hierarchy; immutable while the row lives
 *   css, cssMode                     percpu reference that keeps the row alive (shared/percpu-ref.ts)
 *   onlineCount                      1 until the kill is confirmed + children not offline yet; atomic
 *   stat                             slab pages in the subtree, reclaimable and not, batched; atomic
 *   shrinkerBits                     per list_lru: it may have objects of this memcg; atomic
 *   pageLock                         list-pages, link-pages: spin lock of the memcg's pages
 *   flags                            cgroup_mutex; read without a lock by look-ups
 *   kmemId                           index into the cache arrays, -1 none; cgroup_mutex
 *   cachesHead, cachesTail, caches   list of the kmem_caches it owns and how many; slab_mutex
 *   childrenHead..siblingPrev        list of children, dying ones included; cgroup_mutex
 *   descendants, dying               as in cgroup.stat; cgroup_mutex
 *   chunkHead                        list-pages: newest chunk of page ids; the memcg's page lock
 *   pagesHead, pagesTail             link-pages: list of pages; the memcg's page lock
 *   generation                       counts the lives of this row
 *
 * Source: kernel-model a.2 (Linux 5.2, 5.3).
 */

/** Statistics per memcg: reclaimable and unreclaimable slab pages. */
export const STAT_ITEMS = 2;

/** Columns of the memcg table. */
export const MEMCG_SPEC = {
  usage: 1,
  max: 1,
  watermark: 1,
  failcnt: 1,
  parent: 1,
  css: 1,
  cssMode: 1,
  onlineCount: 1,
  stat: STAT_ITEMS,
  shrinkerBits: 1,
  pageLock: 1,
  flags: 1,
  kmemId: 1,
  cachesHead: 1,
  cachesTail: 1,
  caches: 1,
  childrenHead: 1,
  childrenTail: 1,
  siblingNext: 1,
  siblingPrev: 1,
  descendants: 1,
  dying: 1,
  chunkHead: 1,
  pagesHead: 1,
  pagesTail: 1,
  generation: 1,
} as const;

/** The root memcg's row. */
export const ROOT_MEMCG = 1;
/** Row is in use. */
export const MEMCG_LIVE = 1;
/** From creation until the offline callback is done (CSS_ONLINE): what look-ups climb to. */
export const MEMCG_ONLINE = 2;
/** Offline callback began: its kmem id is gone and its caches were handed over (or not, by strategy). */
export const MEMCG_OFFLINE = 4;
/** rmdir has happened: no new tasks, children or caches. */
export const MEMCG_DYING = 8;
/** The last css reference is gone: unlinked from the tree, waits for a grace period. */
export const MEMCG_RELEASED = 16;
/** "No limit": the largest value the counter can hold. */
export const NO_LIMIT = 2 ** 31 - 1;
