/**
 * Slab pages (`struct slab`, `struct page` before 5.17), one row for each 64 objects.
 *
 * A slab of up to 64 objects is one row; one of up to 512 (kmalloc-8) is up to 8 consecutive rows, a
 * head and tails, like a compound page. A handle of an object is `row << 6 | bit`, so the mask
 * in its bitmap word is `1 << handle`: no division, no geometry.
 *
 *   page   record of 4 words, so that a free touches one cache line:
 *          word   head: cache << 11 | frozen << 10 | inuse    (cache >= 1)
 *                 tail: distance to the head, 1..7            (cache field 0)
 *                 row that belongs to no slab: 0
 *          free   64 bits, one per object that is free *on the page* (SLUB's shared freelist)
 *          next   node partial list, cpu partial list, or list of free rows
 *   prev   node partial list; grace period of a slab that waits for one; of a slab of a CPU, under the
 *          rule of 5.2 to 5.15, its objects in the CPU's count less one
 *
 * Equation, always: inuse + popcount(free over all rows) = objects of the slab. As in SLUB, objects
 * that lie free on a CPU's private list count as in use.
 *
 * States: frozen = a CPU owns it (cpu slab or cpu partial). Not frozen: on the node partial list if
 * 0 < free, on no list at all when full. That is why there is no list of charged pages to walk.
 *
 * Protection: `word` and `free` change by atomic operations only (any CPU may free into any slab);
 * one compare-exchange of `word` decides who sees "was full" and "became empty", as cmpxchg_double
 * does in SLUB. Taking a page's free objects takes a whole word at once, so there is no ABA.
 * `next`/`prev`: list_lock of the cache on the node list; the owning CPU otherwise.
 * Source: kernel-model b.1, b.4 (Linux 5.2 and 5.3, mm/slub.c).
 */
/** Columns of the slab table; 20 bytes a row. */
export const SLAB_SPEC = { page: 4, prev: 1 } as const;

/** Offsets in a `page` record, which starts at `row << 2`: the state word is at 0. */
export const FREE = 1;
/** Next row of the list that the slab is on. */
export const NEXT = 3;

/** State word of a row, for cold code. */
export function stateOf(page: Int32Array, row: number): number {
  return page[row << 2];
}

/** Cache that the slab with this head row belongs to, 0 for tails and free rows. */
export function cacheOfSlab(page: Int32Array, row: number): number {
  return page[row << 2] >>> CACHE_SHIFT;
}

/** Bits of `word` below the cache: frozen and inuse. */
export const CACHE_SHIFT = 11;
/** Set while a CPU owns the slab. */
export const FROZEN = 1 << 10;
/** Mask of the in-use count. */
export const INUSE_MASK = FROZEN - 1;
/** Objects that one row describes. */
export const OBJECTS_PER_ROW = 64;
/** Most objects a slab of the model can have: kmalloc-8 on a 4 KiB page. */
export const MAX_OBJECTS_PER_SLAB = 512;
/** Most rows of one slab. */
export const MAX_ROWS_PER_SLAB = MAX_OBJECTS_PER_SLAB / OBJECTS_PER_ROW;
/** Handles are 32 bits: 26 bits of row, 6 bits of object. */
export const MAX_SLAB_ROWS = 2 ** 26 - 1;
/** Caches fit in the bits of `word` above CACHE_SHIFT. */
export const MAX_KMEM_CACHES = 2 ** (32 - CACHE_SHIFT) - 2;
/** Bytes of a base page. */
export const PAGE_BYTES = 4096;
/** What an allocation returns when it fails: a limit was reached or no rows are left. */
export const NO_OBJECT = 0;
