/** Rows of the list_lru tables; see list-lru.ts. */
import type { FullConfig } from '../tables.ts';

/** A row per list. */
export const LRU_LIST_SPEC = { items: 1, lock: 1 } as const;
/** A row per list, then one per item. */
export const LRU_LINK_SPEC = { next: 1, prev: 1, handle: 1 } as const;

/** Lists of all lrus. */
export function listCount(config: FullConfig): number {
  return config.lrus * (config.kmemIds + 1);
}

/** Rows of the link table. */
export function lruLinkRows(config: FullConfig): number {
  return 1 + listCount(config) + config.lruItems;
}

/** First row of the link table that is an item. */
export function firstLruItem(config: FullConfig): number {
  return 1 + listCount(config);
}

/** Row of a list; kmem id -1 is the global one. */
export function lruList(config: FullConfig, lru: number, kmemId: number): number {
  return 1 + lru * (config.kmemIds + 1) + kmemId + 1;
}
