/**
 * Which rows of a small table (memcgs, kmem_caches) are in use: a free list through one of the
 * table's own columns, then rows that were never used. Protected by the mutex of the table
 * (cgroup_mutex, slab_mutex); the pool itself takes no lock.
 *
 * `pool` is a table of one row per pool with two words: head of the free list, rows ever used.
 */
import { retireRow, useRow } from '#atomics';
import { LimitError } from './assert.ts';

/** One row per pool: [head of the free list, rows ever used]. */
export const ROW_POOL_SPEC = { state: 2 } as const;

/** Takes and returns rows of one table; row 0 is never handed out. */
export interface RowPool {
  /** A row that is not in use. @throws LimitError when the table is full */
  take(): number;
  /** Gives a row back. */
  give(row: number): void;
  /** A row that is not in use, or 0 when the table is full. */
  tryTake(): number;
  /** Row after the highest ever used; a walk over the table need not go further. */
  end(): number;
}

/** Binds a pool to its state words and to the column that links its free rows. */
export function bindRowPool(options: {
  readonly state: Int32Array;
  readonly pool: number;
  readonly next: Int32Array;
  /** First row of the pool. */
  readonly first: number;
  /** Row after its last. */
  readonly end: number;
  readonly limit: string;
}): RowPool {
  const { state, next, first, end, limit } = options;
  const head = options.pool * 2;
  const ever = head + 1;

  function tryTake(): number {
    const row = state[head];
    if (row !== 0) {
      useRow(next, row);
      state[head] = next[row];
      next[row] = 0;
      return row;
    }
    const fresh = first + state[ever];
    if (fresh >= end) return 0;
    state[ever]++;
    useRow(next, fresh);
    return fresh;
  }

  return {
    tryTake,
    take(): number {
      const row = tryTake();
      if (row === 0) {
        throw new LimitError(limit, end - first, `raise \`${limit}\` of the machine's config`);
      }
      return row;
    },
    give(row: number): void {
      if (!retireRow(next, row)) return;
      next[row] = state[head];
      state[head] = row;
    },
    end: () => first + state[ever],
  };
}
