/**
 * Which rows of a small table (memcgs, kmem_caches) are in use: a free list through one of the
 * table's own columns, then rows that were never used. Protected by the mutex of the table
 * (cgroup_mutex, slab_mutex); the pool itself takes no lock.
 *
 * `pool` is a table of one row per pool with two words: head of the free list, rows ever used.
 */
import { LimitError } from './assert.ts';

/** One row per pool: [head of the free list, rows ever used]. */
export const ROW_POOL_SPEC = { state: 2 } as const;

/** Takes and returns rows of one table; row 0 is never handed out. */
export interface RowPool {
  /** A row that is not in use. @throws LimitError when the table is full */
  take(): number;
  /** Gives a row back. */
  give(row: number): void;
  /** Highest row ever used; a walk over the table need not go further. */
  used(): number;
}

/** Binds a pool to its state words and to the column that links its free rows. */
export function bindRowPool(options: {
  readonly state: Int32Array;
  readonly pool: number;
  readonly next: Int32Array;
  readonly rows: number;
  readonly limit: string;
}): RowPool {
  const { state, next, rows, limit } = options;
  const head = options.pool * 2;
  const ever = head + 1;
  return {
    take(): number {
      const row = state[head];
      if (row !== 0) {
        state[head] = next[row];
        next[row] = 0;
        return row;
      }
      if (state[ever] + 1 >= rows) {
        throw new LimitError(limit, rows - 1, `raise \`${limit}\` of the machine's config`);
      }
      state[ever]++;
      return state[ever];
    },
    give(row: number): void {
      next[row] = state[head];
      state[head] = row;
    },
    used: () => state[ever],
  };
}
