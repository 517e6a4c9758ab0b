/**
 * Hierarchical page counters (`struct page_counter`): a charge climbs from a memcg to the top and is
 * undone if one level is over its limit. Every word is shared and changed by atomic additions only,
 * as in the kernel; the watermark is a racy maximum there too.
 * Units: pages of the base page size.
 */
import * as atomics from '#atomics';

/** The counter columns of the memcg table. */
export interface PageCounterColumns {
  readonly usage: Int32Array;
  readonly max: Int32Array;
  readonly watermark: Int32Array;
  readonly failcnt: Int32Array;
  readonly parent: Int32Array;
}

/** Charges and uncharges every level from a memcg to the top. */
export interface PageCounter {
  /**
   * Adds `pages` at each level.
   * @returns 0, or the level that would exceed its max; nothing is changed then
   */
  tryCharge(memcg: number, pages: number): number;
  /** Subtracts `pages` at each level. */
  uncharge(memcg: number, pages: number): void;
}

/** Binds the counters. */
export function bindPageCounter(columns: PageCounterColumns): PageCounter {
  // Constants of the closure, so that V8 inlines them without a check (see allocator.ts).
  const { add, peek, poke, sub } = atomics;
  const { usage, max, watermark, failcnt, parent } = columns;

  function undo(memcg: number, failed: number, pages: number): void {
    for (let level = memcg; ; level = parent[level]) {
      sub(usage, level, pages);
      if (level === failed) return;
    }
  }

  return {
    tryCharge(memcg: number, pages: number): number {
      for (let level = memcg; level !== 0; level = parent[level]) {
        const now = add(usage, level, pages) + pages;
        if (now > peek(max, level)) {
          add(failcnt, level, 1);
          undo(memcg, level, pages);
          return level;
        }
        if (now > peek(watermark, level)) poke(watermark, level, now);
      }
      return 0;
    },
    uncharge(memcg: number, pages: number): void {
      for (let level = memcg; level !== 0; level = parent[level]) sub(usage, level, pages);
    },
  };
}
