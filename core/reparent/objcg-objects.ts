// hot path
/**
 * Accounted objects of the designs with an owner per object (kernel-model b.13): the bytes of an object
 * and of the pointer to its owner come from the CPU's byte stock, the owner goes into the slab's
 * vector, and everything is undone at free.
 *
 * The first slot of the stock is looked at here, and what is rare is kept out of line: more is inlined
 * so (four runs in turn, Node 20: a pair took 3 to 24 % less than with a call to the stock). With all of
 * it inlined (--max-inlined-bytecode-size-cumulative=3000) it would be a third less again.
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import { ROOT_MEMCG } from '../memcg/memcgs.ts';
import { LINE } from '../shared/processor.ts';
import { CACHE_SHIFT, NO_OBJECT, PAGE_BYTES } from '../slub/slabs.ts';
import type { ByteStocks } from './byte-stock.ts';
import type { ObjcgLife } from './objcg-life.ts';
import type { ObjcgColumns } from './objcg-tables.ts';
import type { ObjectAllocator, StrategyContext } from './strategy.ts';

/** What a pointer in a vector costs; charged with the object. */
const POINTER_BYTES = 8;
/** Statistics of these designs count words of so many bytes: a page of them is 512. */
export const STAT_BYTES = 8;

// Unexported copies, which V8 folds into the code.
const SHIFT = CACHE_SHIFT;
const PAGE = PAGE_BYTES;
const WORD_SHIFT = 3;

/** Bytes that an object of a size is charged: whole words, and its pointer. */
export function objectBytes(size: number): number {
  return ((size + STAT_BYTES - 1) & -STAT_BYTES) + POINTER_BYTES;
}

/** Binds allocation and free for one CPU. */
export function bindObjects(
  machine: Machine,
  bound: {
    readonly columns: ObjcgColumns;
    readonly context: StrategyContext;
    readonly life: ObjcgLife;
    readonly stocks: ByteStocks;
    readonly slub: Pick<ObjectAllocator, 'alloc' | 'free'>;
  },
): ObjectAllocator {
  // Constants of the closure, so that V8 inlines them without a check (see allocator.ts).
  const { peek } = atomics;
  const { alloc: allocObject, free: freeObject } = bound.slub;
  const { consume, refill, first } = bound.stocks;
  const { objcg: STOCK, bytes: STOCKED } = first;
  const { record } = machine.cpus;
  const { chargePages } = bound.life;
  const { tryGet, put } = bound.life.refs;
  const { add: addStat } = bound.context.stats;
  const { readLock, readUnlock } = bound.context.processor;
  const { owner, live, nodes } = bound.columns;
  const { memcg: memcgOf } = bound.columns.objcgs;
  const { memcg: memcgOfView, root: rootOf, size } = machine.kmemCaches;
  const { parent } = machine.memcgs;
  const { page } = machine.slabs;
  const { current } = machine.processors;
  const TASK = bound.context.cpu * LINE;
  const NODE = bound.context.cpu % nodes;

  /** Not in the first slot. */
  function chargeSlow(objcg: number, bytes: number): boolean {
    if (consume(objcg, bytes)) return true;
    const pages = Math.ceil(bytes / PAGE);
    if (!chargePages(objcg, pages)) return false;
    if (pages * PAGE > bytes) refill(objcg, pages * PAGE - bytes);
    return true;
  }

  function count(objcg: number, cache: number, words: number): void {
    readLock();
    addStat(peek(memcgOf, objcg), cache, words);
    readUnlock();
  }

  /** No slab to be had: what was charged goes back. */
  function giveUp(objcg: number, bytes: number): number {
    if (bytes > 0) refill(objcg, bytes);
    put(objcg, 1);
    return NO_OBJECT;
  }

  /** Takes over the caller's reference on the obj_cgroup, which becomes the object's. */
  function allocOwned(objcg: number, root: number): number {
    const bytes = objectBytes(size[root]);
    if (record[STOCK] === objcg && record[STOCKED] >= bytes) record[STOCKED] -= bytes;
    else if (!chargeSlow(objcg, bytes)) return giveUp(objcg, 0);
    const handle = allocObject(root);
    if (handle === NO_OBJECT) return giveUp(objcg, bytes);
    owner[handle] = objcg;
    count(objcg, root, bytes >>> WORD_SHIFT);
    return handle;
  }

  /** The obj_cgroup of the nearest memcg that is not offline, with a reference; 0 at the root. */
  function find(memcg: number): number {
    for (let level = memcg; level !== ROOT_MEMCG; level = parent[level]) {
      const objcg = peek(live, level * nodes + NODE);
      if (objcg !== 0 && tryGet(objcg)) return objcg;
    }
    return 0;
  }

  function allocFor(memcg: number, root: number): number {
    readLock();
    const objcg = find(memcg);
    readUnlock();
    return objcg === 0 ? allocObject(root) : allocOwned(objcg, root);
  }

  /** Cache of the slab that an object is in. */
  function cacheOf(handle: number): number {
    const row = handle >>> 6;
    const word = page[row << 2];
    return word >>> SHIFT === 0 ? page[(row - word) << 2] >>> SHIFT : word >>> SHIFT;
  }

  function disown(handle: number, objcg: number): void {
    owner[handle] = 0;
    const cache = cacheOf(handle);
    const bytes = objectBytes(size[cache]);
    // Nothing polls in between, so interrupts need not be off.
    if (record[STOCK] === objcg && record[STOCKED] + bytes <= PAGE) record[STOCKED] += bytes;
    else refill(objcg, bytes);
    count(objcg, cache, -(bytes >>> WORD_SHIFT));
    put(objcg, 1);
  }

  return {
    alloc(cache) {
      const root = rootOf[cache];
      return root === 0 ? allocObject(cache) : allocFor(memcgOfView[cache], root);
    },
    free(handle) {
      // Nothing at all beyond the table, so not "equal to 0".
      const objcg = owner[handle] | 0;
      if (objcg !== 0) disown(handle, objcg);
      freeObject(handle);
    },
    allocFor,
    kmalloc(root) {
      readLock();
      const objcg = find(peek(current, TASK));
      readUnlock();
      return objcg === 0 ? allocObject(root) : allocOwned(objcg, root);
    },
  };
}
