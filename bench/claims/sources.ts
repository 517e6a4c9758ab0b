/** Mails that several claims stand in. Patches have numbers where we know them for that version. */

/** The cover letter. */
export const COVER = '"[PATCH v5 0/7] mm: reparent slab memory on cgroup removal", 2019-05-21';
/** The patch that hands the caches over. */
export const TEXT =
  '"mm: reparent slab memory on cgroup removal", text of the patch, v5 (2019-05-21) to v7 (2019-06-11)';
/** The patch that gives caches a reference counter. */
export const LIFE_CYCLE =
  '"[PATCH v7 08/10] mm: rework non-root kmem_cache lifecycle management", 2019-06-11';
/** An obj_cgroup a node, and what it cost. */
export const PER_NODE =
  'report of a -67.7 % regression (202605121641.b6a60cb0-lkp@intel.com) and its thread, 2026-05';
/** The first mend. */
export const STOCK_BY_MEMCG =
  '"memcg: cache obj_stock by memcg, not by objcg pointer", first form, 2026-05';
/** The one that stayed. */
export const FIVE_SLOTS = 'S. Butt, "memcg: multi objcg charge support", 2026-05';
