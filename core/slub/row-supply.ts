/**
 * Where slabs get their rows from: the page allocator of the model. Each CPU keeps lists of free runs
 * of 1 to 8 rows (the kernel's per-CPU page lists) and a range of rows that nobody used yet; what a
 * CPU has too much of goes to the zone's lists, where the others find it.
 *
 * Protection: a CPU's own lists, that CPU alone, plain access; the zone's lists, the zone lock; the
 * start of the rows that no CPU has taken, one atomic addition.
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import { check } from '../shared/assert.ts';
import type { SpinLock } from '../shared/spinlock.ts';
import { MAX_ROWS_PER_SLAB, MAX_SLAB_ROWS, NEXT } from './slabs.ts';

/** Words of a CPU's record (table `cpus`), owned by that CPU alone. */
export const CPU_RECORD = {
  /** Heads of the lists of free runs of 1..8 rows, at PCP + length. */
  pcp: 0,
  bump: 9,
  bumpEnd: 10,
  /** Slab pages (base pages) created minus discarded by this CPU; the sum over CPUs is exact (T-A). */
  nodePages: 11,
  slabsCreated: 12,
  slabsDiscarded: 13,
  /** Allocations that failed because no row was left. */
  outOfRows: 14,
  /** Runs on the list of each length, at PCP_COUNT + length. */
  pcpCount: 15,
  /** Allocations that were not accounted, as the memcg's cache was not there yet or on its way out. */
  unaccounted: 24,
  /** Caches that could not be created, as no row was free. */
  cacheCreationFailed: 25,
  /** Charge stock: memcg, pages, whether a drain is on its way (pages of that memcg only). */
  stockMemcg: 26,
  stockPages: 27,
  /** Designs with an owner per object: obj_cgroup of each slot of the byte stock, then bytes of each. */
  byteStock: 32,
  /** Next slot to be drained when all are in use. */
  byteStockVictim: 42,
  /** Slots drained, and allocations that the stock could not serve, so far. */
  byteStockDrains: 43,
  byteStockMisses: 44,
  words: 64,
} as const;

/** The zone's free runs by length (a table of one row). */
export const ZONE_SPEC = { head: 16 } as const;

/** Takes and returns runs of consecutive rows for one CPU. */
export interface RowSupply {
  /** First row of a run of `length` rows, or 0 when the machine has none left. */
  take(length: number): number;
  /** Returns a run. */
  give(row: number, length: number): void;
}

/**
 * The last row that any CPU ever took; those after it are as they were made. Looking at them would cost
 * more than all else in a large machine of which little is used: their memory is not there yet.
 */
export function takenRows({ globals, config }: Pick<Machine, 'globals' | 'config'>): number {
  return Math.min(globals.slabBump[0], config.slabRows);
}

const BATCH_ROWS_MAX = 1024;
/** Runs of one length that a CPU keeps, and how many of them it gives away at once. */
const KEPT_RUNS = 128;
const MOVED_RUNS = 64;

/** Binds the row supply of one CPU. `bump[0]` is the number of rows that CPUs have taken. */
export function bindRowSupply(options: {
  readonly page: Int32Array;
  readonly record: Int32Array;
  readonly zone: Int32Array;
  readonly lock: SpinLock;
  readonly lockRow: number;
  readonly cpu: number;
  readonly cpus: number;
  readonly bump: Int32Array;
  readonly rows: number;
}): RowSupply {
  const { add, peek } = atomics;
  const { page, record, zone, bump, rows, lockRow } = options;
  const { lock, unlock } = options.lock;
  const base = options.cpu * CPU_RECORD.words;
  const pcp = base + CPU_RECORD.pcp;
  const pcpCount = base + CPU_RECORD.pcpCount;
  const own = base + CPU_RECORD.bump;
  const ownEnd = base + CPU_RECORD.bumpEnd;
  const shared = options.cpus > 1;
  const batch = Math.min(BATCH_ROWS_MAX, Math.max(8, rows >>> (2 + options.cpus)));
  check(rows <= MAX_SLAB_ROWS + 1, `slabRows: at most ${MAX_SLAB_ROWS}`);

  function give(row: number, length: number): void {
    page[(row << 2) + NEXT] = record[pcp + length];
    record[pcp + length] = row;
    record[pcpCount + length]++;
    if (shared && record[pcpCount + length] > KEPT_RUNS) moveToZone(length);
  }

  function pop(length: number): number {
    const row = record[pcp + length];
    if (row === 0) return 0;
    record[pcp + length] = page[(row << 2) + NEXT];
    record[pcpCount + length]--;
    return row;
  }

  /** The runs that were freed longest ago would be at the end of the list; the newest are at hand. */
  function moveToZone(length: number): void {
    const first = record[pcp + length];
    let last = first;
    for (let run = 1; run < MOVED_RUNS; run++) last = page[(last << 2) + NEXT];
    record[pcp + length] = page[(last << 2) + NEXT];
    record[pcpCount + length] -= MOVED_RUNS;
    lock(lockRow);
    page[(last << 2) + NEXT] = zone[length];
    zone[length] = first;
    unlock(lockRow);
  }

  /** Up to as many runs as `moveToZone` gives. */
  function takeFromZone(length: number): number {
    if (peek(zone, length) === 0) return 0;
    lock(lockRow);
    for (let run = 0; run < MOVED_RUNS && zone[length] !== 0; run++) {
      const row = zone[length];
      zone[length] = page[(row << 2) + NEXT];
      page[(row << 2) + NEXT] = record[pcp + length];
      record[pcp + length] = row;
      record[pcpCount + length]++;
    }
    unlock(lockRow);
    return pop(length);
  }

  /** Makes room in this CPU's own range; false when the machine has no fresh rows left. */
  function refill(): boolean {
    for (let left = record[ownEnd] - record[own]; left > 0; left = record[ownEnd] - record[own]) {
      const length = Math.min(left, MAX_ROWS_PER_SLAB);
      give(record[own], length);
      record[own] += length;
    }
    const start = add(bump, 0, batch) + 1;
    if (start >= rows) {
      add(bump, 0, -batch);
      return false;
    }
    record[own] = start;
    record[ownEnd] = Math.min(start + batch, rows);
    return true;
  }

  /** Splits the shortest longer run that there is. */
  function split(length: number): number {
    for (let longer = length + 1; longer <= MAX_ROWS_PER_SLAB; longer++) {
      const row = pop(longer) || takeFromZone(longer);
      if (row === 0) continue;
      give(row + length, longer - length);
      return row;
    }
    record[base + CPU_RECORD.outOfRows]++;
    return 0;
  }

  /** Cold: nothing of this length at hand. */
  function takeFresh(length: number): number {
    const found = takeFromZone(length);
    if (found !== 0) return found;
    while (record[ownEnd] - record[own] < length) {
      if (!refill()) return split(length);
    }
    const fresh = record[own];
    record[own] = fresh + length;
    return fresh;
  }

  return {
    take: (length) => pop(length) || takeFresh(length),
    give,
  };
}
