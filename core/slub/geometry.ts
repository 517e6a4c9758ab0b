/**
 * SLUB geometry: what the kernel computes for a kmem_cache when it is created. Facts of
 * Linux 5.2/5.3 (`'5.3'`) and of 6.7 to 6.18 (`'6.x'`), 64-bit, no debug options; see
 * kernel-model.md f. Sizes are bytes, an order `o` is `2^o` pages.
 *
 * Two things changed between the two kernels, at different times: how many objects a cpu partial
 * list may hold (5.16), and which order is taken when much of it is wasted (6.7). A kernel in between
 * is `{ kernel: '5.3', cpuPartialKernel: '6.x' }`.
 */
import type { CacheShape } from '../memcg/kmem-caches.ts';
import { check } from '../shared/assert.ts';

/** The generation of the rules: Linux 5.2/5.3, or 6.7 and newer (checked up to 6.18). */
export type GeometryKernel = '5.3' | '6.x';

/** What the geometry of every cache of a machine depends on. */
export interface GeometryRules {
  /** Which rule chooses the order: 5.2 to 6.6 is `'5.3'`, 6.7 and newer is `'6.x'`. */
  readonly kernel: GeometryKernel;
  /** Possible CPUs on 5.2/5.3; present CPUs, or possible ones if that is 1, on newer kernels. */
  readonly cpus: number;
  /** Bytes of a page, a power of two. */
  readonly pageSize: number;
  /** Highest order taken for the sake of packing; `slub_max_order`, 3 unless set at boot. */
  readonly maxOrder?: number;
  /** Rule for the cpu partial limit where it differs from `kernel`; `'none'` means compiled out. */
  readonly cpuPartialKernel?: GeometryKernel | 'none';
  /** Bytes of a cache line, for HWCACHE_ALIGN; 64 unless said. */
  readonly cacheLine?: number;
}

/** Flags of a kmem_cache request that are public in /sys/kernel/slab, and its constructor. */
export interface CacheFlags {
  /** SLAB_HWCACHE_ALIGN: objects start at a cache line, or at a fraction of one if they are small. */
  readonly hwcacheAlign?: boolean;
  /** SLAB_RECLAIM_ACCOUNT; has no effect on the geometry. */
  readonly reclaimAccount?: boolean;
  /** SLAB_TYPESAFE_BY_RCU: a freed object may still be read, so the free pointer lies behind it. */
  readonly typesafeByRcu?: boolean;
  /** The cache has a constructor: a free object stays constructed, with the same consequence. */
  readonly ctor?: boolean;
  /** The owner of the cache named a place in the object for the free pointer (6.12 and newer). */
  readonly freePointerInside?: boolean;
}

/** What the creator of a kmem_cache asks for. */
export interface CacheRequest {
  /** Bytes of the object itself. */
  readonly objectSize: number;
  /** Alignment in bytes that the creator asks for, a power of two; 0 or absent for none. */
  readonly align?: number;
  readonly flags?: CacheFlags;
  /** Start of the region user copies may touch (bytes); has no effect on the geometry. */
  readonly useroffset?: number;
}

/** The geometry of one kmem_cache. */
export interface SlabGeometry {
  /** Bytes from one object to the next. */
  readonly size: number;
  /** Order of a slab when memory is not short. */
  readonly order: number;
  /** Objects in such a slab. */
  readonly objectsPerSlab: number;
  /** Pages of such a slab, `2^order`. */
  readonly pagesPerSlab: number;
  /** Order to fall back to when no slab of `order` can be had: the smallest that holds one object. */
  readonly minOrder: number;
  /** Objects in a slab of `minOrder`. */
  readonly fallbackObjectsPerSlab: number;
  /** Slabs kept on a node's partial list even when they are empty. */
  readonly minPartial: number;
  /** Objects that the partial slabs of one CPU may hold; what sysfs shows as cpu_partial. */
  readonly cpuPartial: number;
  /** The same limit in slabs, which 5.16 and newer enforce; null where the limit is in objects. */
  readonly cpuPartialSlabs: number | null;
}

/** An object as small as this still has room for a free pointer; bytes of a word. */
const WORD = 8;
/** Objects one slab can count, as the count is 15 bits wide in the page word. */
const MAX_OBJECTS_PER_SLAB = 32_767;
/** Highest order the page allocator serves. */
const MAX_PAGE_ORDER = 10;
/** PAGE_ALLOC_COSTLY_ORDER: up to here a free slab of pages is likely to be found. */
const DEFAULT_MAX_ORDER = 3;

/** Number of the highest bit set, counted from 1; 0 for 0. */
function fls(value: number): number {
  return 32 - Math.clz32(value);
}

function isPowerOfTwo(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0 && 2 ** Math.floor(Math.log2(value)) === value;
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

function checkRules(rules: GeometryRules): void {
  const { cpus } = rules;
  check(Number.isInteger(cpus) && cpus >= 1 && cpus < 2 ** 31, `cpus ${cpus}: at least 1`);
  check(isPowerOfTwo(rules.pageSize), `page size ${rules.pageSize}: a power of two`);
  const max = rules.maxOrder ?? DEFAULT_MAX_ORDER;
  check(
    Number.isInteger(max) && max >= 0 && max <= MAX_PAGE_ORDER,
    `maximum order ${max}: 0 to ${MAX_PAGE_ORDER}`,
  );
  check(isPowerOfTwo(rules.cacheLine ?? 64), `cache line ${rules.cacheLine}: a power of two`);
}

function checkSize(size: number, what: string): void {
  check(Number.isSafeInteger(size) && size > 0, `${what} ${size}: a positive number of bytes`);
}

/** Smallest order whose slab holds `bytes`. */
function orderOf(bytes: number, pageSize: number): number {
  let order = 0;
  while (pageSize * 2 ** order < bytes) order++;
  return order;
}

/** Objects of `size` bytes in a slab of 2^order pages; at most 32,767 (all kernels). */
function objectsIn(order: number, size: number, pageSize: number): number {
  return Math.min(MAX_OBJECTS_PER_SLAB, Math.floor((pageSize * 2 ** order) / size));
}

/**
 * Bytes to which objects of a cache are aligned (5.2 to 6.18): what the creator asked for, at least
 * a word. HWCACHE_ALIGN asks for a cache line, halved while two objects would fit in what is left.
 */
export function alignmentOf(request: CacheRequest, rules: GeometryRules): number {
  const asked = request.align ?? 0;
  check(asked === 0 || isPowerOfTwo(asked), `alignment ${asked}: a power of two, or 0`);
  let line = 0;
  if (request.flags?.hwcacheAlign === true) {
    line = rules.cacheLine ?? 64;
    while (request.objectSize <= line / 2) line /= 2;
  }
  return Math.max(asked, line, WORD);
}

/**
 * Bytes to which a kmalloc cache is aligned: a word on 5.2/5.3 (powers of two are naturally aligned
 * from 5.4 on), the largest power of two that divides the size on 6.14 and newer.
 */
export function kmallocAlignment(size: number, kernel: GeometryKernel): number {
  checkSize(size, 'kmalloc size');
  if (kernel === '5.3') return WORD;
  let align = WORD;
  while (size % (align * 2) === 0) align *= 2;
  return align;
}

/**
 * Bytes from one object to the next (5.2 to 6.18, no debug options). The free pointer normally
 * lies in the free object; it needs a word behind the object where the object must stay as it is.
 */
export function slabSize(request: CacheRequest, rules: GeometryRules): number {
  checkSize(request.objectSize, 'object size');
  checkRules(rules);
  const flags = request.flags ?? {};
  const inside = flags.freePointerInside === true;
  check(!inside || rules.kernel === '6.x', 'a free pointer inside the object needs kernel 6.x');
  const mustStay = flags.typesafeByRcu === true || flags.ctor === true;
  const words = roundUp(request.objectSize, WORD) + (mustStay && !inside ? WORD : 0);
  return roundUp(words, alignmentOf(request, rules));
}

/**
 * Objects a slab should hold at least, so that CPUs do not fight for the list lock: grows with
 * log2 of the CPUs, and is no more than what a slab of the maximum order holds (5.2 to 6.18).
 */
export function minimumObjects(size: number, rules: GeometryRules): number {
  const most = objectsIn(rules.maxOrder ?? DEFAULT_MAX_ORDER, size, rules.pageSize);
  return Math.min(4 * (fls(rules.cpus) + 1), Math.max(1, most));
}

/**
 * The first order that holds `objects` and wastes at most one part in `fraction` of the slab, or
 * -1 if there is none up to the maximum order.
 */
function orderWithin(
  size: number,
  objects: number,
  fraction: number,
  rules: GeometryRules,
): number {
  const highest = rules.maxOrder ?? DEFAULT_MAX_ORDER;
  for (let order = orderOf(objects * size, rules.pageSize); order <= highest; order++) {
    const bytes = rules.pageSize * 2 ** order;
    // The kernel divides whole numbers; pages are powers of two, so this is the same.
    if (bytes % size <= bytes / fraction) return order;
  }
  return -1;
}

/** 5.2 to 6.6: asks for fewer and fewer objects rather than accept more than a quarter of waste. */
function orderOf53(size: number, rules: GeometryRules): number {
  for (let objects = minimumObjects(size, rules); objects > 1; objects--) {
    for (const fraction of [16, 8, 4]) {
      const order = orderWithin(size, objects, fraction, rules);
      if (order >= 0) return order;
    }
  }
  return orderOf(size, rules.pageSize);
}

/** 6.7 and newer: keeps the number of objects and accepts up to half of the slab as waste. */
function orderOf6(size: number, rules: GeometryRules): number {
  const objects = minimumObjects(size, rules);
  for (const fraction of [16, 8, 4, 2]) {
    const order = orderWithin(size, objects, fraction, rules);
    if (order >= 0) return order;
  }
  // Also where an object is larger than a slab of the maximum order: its own order, say 4.
  return orderOf(size, rules.pageSize);
}

/**
 * Order of the slabs of a cache whose objects are `size` bytes apart. Above the maximum order it is
 * the order of one object. @throws ModelError if that is more than the page allocator serves
 */
export function orderFor(size: number, rules: GeometryRules): number {
  checkSize(size, 'size');
  checkRules(rules);
  const order = rules.kernel === '5.3' ? orderOf53(size, rules) : orderOf6(size, rules);
  check(order <= MAX_PAGE_ORDER, `size ${size}: one object needs more than 2^10 pages`);
  return order;
}

/** Slabs a node keeps although they may be empty (5.2 to 6.18): grows with log2 of the size. */
export function minPartialFor(size: number): number {
  checkSize(size, 'size');
  return Math.min(10, Math.max(5, Math.floor(Math.floor(Math.log2(size)) / 2)));
}

/**
 * Objects the partial slabs of one CPU may hold, by size: 5.2 to 5.15, then 5.16 to 6.18, where the
 * number is four times (large objects: three times) as high but counts objects at half a slab each.
 */
export function cpuPartialFor(size: number, rules: GeometryRules): number {
  checkSize(size, 'size');
  const kernel = rules.cpuPartialKernel ?? rules.kernel;
  if (kernel === 'none') return 0;
  const limits = kernel === '5.3' ? [2, 6, 13, 30] : [6, 24, 52, 120];
  if (size >= rules.pageSize) return limits[0];
  if (size >= 1024) return limits[1];
  return size >= 256 ? limits[2] : limits[3];
}

/** Geometry of a cache whose `size` (bytes from one object to the next) is known. */
export function geometryOfSize(size: number, rules: GeometryRules): SlabGeometry {
  const order = orderFor(size, rules);
  const objectsPerSlab = objectsIn(order, size, rules.pageSize);
  const minOrder = orderOf(size, rules.pageSize);
  const cpuPartial = cpuPartialFor(size, rules);
  const inSlabs = (rules.cpuPartialKernel ?? rules.kernel) === '6.x';
  return {
    size,
    order,
    objectsPerSlab,
    pagesPerSlab: 2 ** order,
    minOrder,
    fallbackObjectsPerSlab: objectsIn(minOrder, size, rules.pageSize),
    minPartial: minPartialFor(size),
    cpuPartial,
    cpuPartialSlabs: inSlabs ? Math.ceil((2 * cpuPartial) / objectsPerSlab) : null,
  };
}

/** Geometry of a cache as it would be created for `request`. */
export function slabGeometry(request: CacheRequest, rules: GeometryRules): SlabGeometry {
  return geometryOfSize(slabSize(request, rules), rules);
}

/** The cpu partial limit as the shape of a cache gives it: in slabs, or in objects where 5.15 counted those. */
export function partialLimitOf(
  geometry: Pick<SlabGeometry, 'cpuPartial' | 'cpuPartialSlabs'>,
): Pick<CacheShape, 'cpuPartialSlabs' | 'cpuPartialObjects'> {
  const { cpuPartial, cpuPartialSlabs } = geometry;
  return cpuPartialSlabs === null ? { cpuPartialObjects: cpuPartial } : { cpuPartialSlabs };
}
