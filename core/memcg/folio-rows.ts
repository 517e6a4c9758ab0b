/** Rows of the page cache's tables; see page-cache.ts. */
import type { FullConfig } from '../tables.ts';

/** A row per list: base pages on it. */
export const FOLIO_LIST_SPEC = { pages: 1 } as const;
/** A row per list, then one per folio. */
export const FOLIO_SPEC = { next: 1, prev: 1, memcg: 1, pages: 1, flags: 1 } as const;

/** Used once since it was read in, or since it became active. */
export const FOLIO_REFERENCED = 1;
/** On the active list. */
export const FOLIO_ACTIVE = 2;
/** Not written back yet: reclaim passes it by. */
export const FOLIO_DIRTY = 4;

/** Rows of lists: two per memcg row, the unused rows of memcg 0 included; none without a page cache. */
export function folioListRows(config: FullConfig): number {
  return config.folios === 0 ? 1 : 2 * (config.memcgs + 1);
}

/** Rows of the folio table. */
export function folioRows(config: FullConfig): number {
  return folioListRows(config) + config.folios;
}

/** Row of a memcg's inactive (0) or active (1) list. */
export function folioList(memcg: number, active: number): number {
  return 2 * memcg + active;
}
