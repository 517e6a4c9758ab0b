// hot path
/**
 * Node partial lists: slabs with free objects that no CPU owns, one list per cache (one node).
 * Like `list.ts`, but closed over its columns: these run once per slab turnover.
 * Protection: the cache's list_lock for all of them.
 */
import type { Machine } from '../machine.ts';
import * as slab from './slabs.ts';

const NEXT = slab.NEXT;

/** The node partial lists of all caches. */
export interface PartialLists {
  /** Adds a slab at the tail, where it waits longest before it is used again. */
  addTail(cache: number, row: number): void;
  /** Adds a slab at the head, where it is used next. */
  addHead(cache: number, row: number): void;
  /** Takes a slab out. */
  remove(cache: number, row: number): void;
}

/** Binds the lists to a machine's columns. */
export function bindPartialLists(machine: Machine): PartialLists {
  const { page, prev } = machine.slabs;
  const { partialHead, partialTail, nrPartial } = machine.kmemCaches;
  return {
    addTail(cache: number, row: number): void {
      const last = partialTail[cache];
      page[(row << 2) + NEXT] = 0;
      prev[row] = last;
      if (last === 0) partialHead[cache] = row;
      else page[(last << 2) + NEXT] = row;
      partialTail[cache] = row;
      nrPartial[cache]++;
    },
    addHead(cache: number, row: number): void {
      const first = partialHead[cache];
      page[(row << 2) + NEXT] = first;
      prev[row] = 0;
      if (first === 0) partialTail[cache] = row;
      else prev[first] = row;
      partialHead[cache] = row;
      nrPartial[cache]++;
    },
    remove(cache: number, row: number): void {
      const before = prev[row];
      const after = page[(row << 2) + NEXT];
      if (before === 0) partialHead[cache] = after;
      else page[(before << 2) + NEXT] = after;
      if (after === 0) partialTail[cache] = before;
      else prev[after] = before;
      nrPartial[cache]--;
    },
  };
}
