/** Kinds of deferred work; the row is that of the memcg or cache they are for. */

/** RCU callbacks: run after a grace period, must not sleep. */
export const RCU_CALLBACK = {
  /** The kill of a memcg's css has been seen everywhere: sum its references, queue its offlining. */
  memcgKilled: 1,
  /** A cache was deactivated a grace period ago: queue its shrinking. */
  cacheDeactivated: 2,
  /** The kill of a cache's reference has been seen everywhere: sum its references. */
  cacheKilled: 3,
  /** Nobody looks at a released memcg any more: queue its freeing. */
  memcgReleased: 4,
  /** Free slabs of caches that promise their readers a grace period. */
  freeSlabs: 5,
  /** The kill of an obj_cgroup's reference has been seen everywhere: sum its references. */
  objcgKilled: 6,
  /** Nobody looks at a released obj_cgroup any more: free its row. */
  objcgReleased: 7,
} as const;

/** Work items: run in process context, may sleep. Those of memcgs have a queue of their own. */
export const WORK = {
  /** Offline a memcg (b.7). */
  offline: 1,
  /** Shrink a deactivated cache, then drop its base reference (b.7). */
  shrinkCache: 2,
  /** Shut a cache down: nothing refers to it any more (b.10). */
  shutdownCache: 3,
  /** Release a memcg: its last css reference is gone (b.8). */
  releaseMemcg: 4,
  /** Free a released memcg, a grace period later (b.8). */
  freeMemcg: 5,
  /** Create a memcg's cache; the argument is the root cache (b.3). */
  createCache: 6,
  /** Free caches that were shut down but have slabs under RCU (b.10 step 3). */
  freeTypesafeCache: 7,
} as const;
