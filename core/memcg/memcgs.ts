/**
 * Memory cgroups (`struct mem_cgroup` with its css). Row 1 is the root.
 *
 *   usage, max, watermark, failcnt   page counter, pages; atomic
 *   parent                           hierarchy; immutable while the row lives
 *   css                              references that keep the row alive; atomic
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

/** Columns of the memcg table. */
export const MEMCG_SPEC = {
  usage: 1,
  max: 1,
  watermark: 1,
  failcnt: 1,
  parent: 1,
  css: 1,
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
/** rmdir has not happened: `tryget_online` works. */
export const MEMCG_ONLINE = 2;
/** Offline callback ran: its kmem id is gone and its caches were handed over (or not, by strategy). */
export const MEMCG_OFFLINE = 4;
/** "No limit": the largest value the counter can hold. */
export const NO_LIMIT = 2 ** 31 - 1;
