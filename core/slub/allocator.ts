// hot path
/**
 * SLUB for one CPU: allocation and free of objects, creation and discard of slabs (kernel-model b.1
 * steps 6 to 8, b.4; Linux 5.3).
 *
 *   alloc  private free objects of the cpu slab -> its page's free objects -> the CPU's partial list
 *          -> the node's partial list -> a new slab, which is charged to the cache's memcg
 *   free   into the cpu slab: private, plain stores. Anywhere else: set the object's bit, then one
 *          compare-exchange of the slab's word, whose old value tells "was full" or "became empty"
 *
 * Departure from SLUB: a CPU takes the free objects of one bitmap word (32) at a time rather than
 * those of the whole slab, so that the fast path is one word without a branch on its half.
 * `test/core/slub-rules.test.ts` holds lists and counts against a naive copy of the rules.
 *
 * Measured (Zen 1 VM, Node 20, against the native yardstick in one run): see the README's table and
 * `npm run yardstick`.
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import { CACHE_BY_OBJECTS } from '../memcg/kmem-caches.ts';
import { ModelError } from '../shared/assert.ts';
import { eventKind } from '../shared/event-ring.ts';
import type { SlubContext } from './context.ts';
import { bindPartialLists } from './partial.ts';
import { bindRetire, headOfWord, popcount, type Retire } from './retire.ts';
import { CPU_RECORD } from './row-supply.ts';
import * as slab from './slabs.ts';

// Unexported copies, which V8 folds into the code.
const SHIFT = slab.CACHE_SHIFT;
const FROZEN = slab.FROZEN;
const INUSE = slab.INUSE_MASK;
const NO_OBJECT = slab.NO_OBJECT;
const FREE = slab.FREE;
const NEXT = slab.NEXT;
const BY_OBJECTS = CACHE_BY_OBJECTS;

/** Allocates and frees objects on behalf of one CPU; only that CPU's thread may call it. */
export interface Allocator {
  /** An object of the cache, as a handle; `NO_OBJECT` when a limit or the machine's end is reached. */
  alloc(cache: number): number;
  /** Frees an object, whichever CPU allocated it. @throws ModelError on a double or wild free */
  free(handle: number): void;
  /** Gives a CPU's cpu slab and partial list of a cache back (flush_slab); that CPU must be this one or idle. */
  flushCpu(cache: number, owner: number): void;
  /** Discards the empty slabs of the node list and sorts the rest by fill. */
  shrinkNode(cache: number): void;
  readonly retire: Retire;
}

/** Binds an allocator. One per isolate and CPU, or V8 no longer treats the columns as constants. */
export function bindAllocator(machine: Machine, context: SlubContext): Allocator {
  const { page, prev } = machine.slabs;
  const {
    word: cpuWord,
    free: cpuFree,
    partial: cpuPartialHead,
    partialCount: cpuPartialCount,
  } = machine.cpuSlabs;
  const caches = machine.kmemCaches;
  const { objects, rows: rowsOf, pages: pagesOf, lastMask, minPartial, cpuPartial } = caches;
  const { partialHead, nrPartial, nrSlabs, flags } = caches;
  const record = machine.cpus.record;
  const recordBase = context.cpu * CPU_RECORD.words;
  const NODE_PAGES = recordBase + CPU_RECORD.nodePages;
  const CREATED = recordBase + CPU_RECORD.slabsCreated;
  const base = context.cpu * (machine.config.kmemCaches + 1);
  // As constants of this closure the operations are inlined without a check; as imports each call
  // would load and compare its function first (seven instructions).
  const { DOZES, add, compareExchange, exchange, or, peek, relax } = atomics;
  const { charge } = context.strategy;
  const { poll, sleepPoint } = context.processor;
  const { lock, unlock } = context.listLock;
  const { take: takeRows, give: giveRows } = context.rowSupply;
  const { record: recordEvent } = context.events;
  const { remove } = bindPartialLists(machine);
  const retire = bindRetire(machine, context);
  const { discard, unfreezePartials } = retire;
  const SLAB_CREATED = eventKind('slab created');

  function alloc(cache: number): number {
    const cpuSlab = base + cache;
    const bits = cpuFree[cpuSlab];
    if (bits === 0) return allocSlow(cache, cpuSlab);
    cpuFree[cpuSlab] = bits & (bits - 1);
    return (cpuWord[cpuSlab] << 5) | (31 - Math.clz32(bits & -bits));
  }

  function free(handle: number): void {
    const row = handle >>> 6;
    const at = row << 2;
    const before = page[at];
    const cache = before >>> SHIFT;
    const bit = 1 << handle;
    if (cpuWord[base + cache] === handle >>> 5) {
      const bits = cpuFree[base + cache];
      if ((bits & bit) !== 0) doubleFree(handle);
      cpuFree[base + cache] = bits | bit;
      return;
    }
    const half = (handle >>> 5) & 1;
    // Neither first nor last free object of the slab: no list changes. Short and inline, so that the
    // cache misses of several frees overlap (52 -> 24 ns per random free when this was split off).
    const inuse = before & INUSE;
    if (cache !== 0 && inuse !== 1 && inuse !== objects[cache]) {
      if ((or(page, at + FREE + half, bit) & bit) !== 0) doubleFree(handle);
      if (compareExchange(page, at, before, before - 1) !== before) settle(cache, row);
      return;
    }
    if (inuse === objects[cache] && (before & FROZEN) === 0) {
      // It was full, so on no list, and nobody else has a reason to touch it: freeze it.
      if ((or(page, at + FREE + half, bit) & bit) !== 0) doubleFree(handle);
      if (compareExchange(page, at, before, (before - 1) | FROZEN) === before) {
        putCpuPartial(cache, base + cache, row);
      } else settle(cache, row);
      return;
    }
    freeSlow(handle, row);
  }

  function doubleFree(handle: number): never {
    throw new ModelError(`double free of object ${handle & 63} in slab row ${handle >>> 6}`);
  }

  /** __slab_free: tails of large slabs, and frees that may move the slab to another list. */
  function freeSlow(handle: number, row: number): void {
    let head = row;
    let cache = page[row << 2] >>> SHIFT;
    const half = (handle >>> 5) & 1;
    const bit = 1 << handle;
    if (cache === 0) {
      // Nothing at all beyond the table, so not "equal to 0".
      if (!(page[row << 2] > 0))
        throw new ModelError(`free of ${handle}: row ${row} is in no slab`);
      head = row - page[row << 2];
      cache = page[head << 2] >>> SHIFT;
      if (cpuWord[base + cache] === handle >>> 5) {
        if ((cpuFree[base + cache] & bit) !== 0) doubleFree(handle);
        cpuFree[base + cache] |= bit;
        return;
      }
    }
    if ((or(page, (row << 2) + FREE + half, bit) & bit) !== 0) doubleFree(handle);
    settle(cache, head);
  }

  /** Takes an object, whose bit is set, off the count, and does what that means for the lists. */
  function settle(cache: number, head: number): void {
    for (;;) {
      const before = peek(page, head << 2);
      const inuse = before & INUSE;
      if ((before & FROZEN) !== 0 || (inuse !== objects[cache] && inuse !== 1)) {
        if (compareExchange(page, head << 2, before, before - 1) === before) return;
      } else if (inuse === objects[cache]) {
        // It was full, so on no list, and nobody else has a reason to touch it: freeze it.
        if (compareExchange(page, head << 2, before, (before - 1) | FROZEN) === before) {
          putCpuPartial(cache, base + cache, head);
          return;
        }
      } else if (freeLast(cache, head, before)) return;
    }
  }

  /** Frees the last object of a slab on the node list; the list_lock is taken before it is empty. */
  function freeLast(cache: number, head: number, before: number): boolean {
    lock(cache);
    const done = compareExchange(page, head << 2, before, before - 1) === before;
    const surplus = done && peek(nrPartial, cache) >= minPartial[cache];
    if (surplus) remove(cache, head);
    unlock(cache);
    if (surplus) discard(cache, head);
    return done;
  }

  /**
   * put_cpu_partial: drains the list first if it is full; keeps nothing if it may hold nothing. The slab
   * was full, so it counts as one by either rule.
   */
  function putCpuPartial(cache: number, cpuSlab: number, head: number): void {
    if (cpuPartialCount[cpuSlab] >= cpuPartial[cache]) unfreezePartials(cache, cpuSlab);
    pushCpuPartial(cpuSlab, head);
    if (cpuPartial[cache] === 0) unfreezePartials(cache, cpuSlab);
  }

  function pushCpuPartial(cpuSlab: number, head: number): void {
    page[(head << 2) + NEXT] = cpuPartialHead[cpuSlab];
    cpuPartialHead[cpuSlab] = head;
    cpuPartialCount[cpuSlab]++;
  }

  /**
   * Takes all free objects of one word of a slab that this CPU owns, and hands out the first of
   * them; NO_OBJECT if the slab has none.
   */
  function takeWord(cache: number, cpuSlab: number, head: number): number {
    const end = (head + rowsOf[cache]) << 1;
    for (let word = head << 1; word < end; word++) {
      const at = (word << 1) - (word & 1) + FREE;
      if (peek(page, at) === 0) continue;
      const bits = exchange(page, at, 0);
      const rest = bits & (bits - 1);
      add(page, head << 2, rest === 0 ? 1 : popcount(bits));
      cpuWord[cpuSlab] = word;
      cpuFree[cpuSlab] = rest;
      return (word << 5) | (31 - Math.clz32(bits & -bits));
    }
    return NO_OBJECT;
  }

  function allocSlow(cache: number, cpuSlab: number): number {
    return (
      takeOwn(cache, cpuSlab) || takeFromNode(cache, cpuSlab) || takeFromNewSlab(cache, cpuSlab)
    );
  }

  /**
   * get_freelist, then the CPU's partial list: takes what is free on the cpu slab's page; a cpu slab
   * without free objects is full and is forgotten, and the next partial slab takes its place.
   */
  function takeOwn(cache: number, cpuSlab: number): number {
    const full = objects[cache];
    let head = cpuWord[cpuSlab] === 0 ? 0 : headOfWord(page, cpuWord[cpuSlab]);
    for (;;) {
      if (head !== 0) {
        const handle = takeWord(cache, cpuSlab, head);
        if (handle !== NO_OBJECT) return handle;
        const before = peek(page, head << 2);
        // Below the full count a bit is set or about to be: bits are set before the count falls.
        if ((before & INUSE) !== full) {
          relax();
          continue;
        }
        if (compareExchange(page, head << 2, before, before & ~FROZEN) !== before) continue;
      }
      head = cpuPartialHead[cpuSlab];
      if (head === 0) break;
      cpuPartialHead[cpuSlab] = page[(head << 2) + NEXT];
      cpuPartialCount[cpuSlab]--;
      if ((flags[cache] & BY_OBJECTS) !== 0) forgetObjects(cpuSlab, head);
    }
    cpuWord[cpuSlab] = 0;
    return NO_OBJECT;
  }

  /**
   * Rule of 5.2 to 5.15: a slab from the node counts with what was free on it when it was taken. `prev`
   * of a slab on a CPU's list is that less one.
   */
  function countObjects(cpuSlab: number, head: number, available: number): void {
    prev[head] = available - 1;
    cpuPartialCount[cpuSlab] += available - 1;
  }

  function forgetObjects(cpuSlab: number, head: number): void {
    cpuPartialCount[cpuSlab] -= prev[head];
    prev[head] = 0;
  }

  /**
   * get_partial_node: a slab to allocate from, and more for the CPU's list until it is more than half
   * full. Until 5.15 that is half of the objects, the first slab's included; since then of the slabs.
   */
  function takeFromNode(cache: number, cpuSlab: number): number {
    if (peek(nrPartial, cache) === 0) return NO_OBJECT;
    const byObjects = (flags[cache] & BY_OBJECTS) !== 0;
    const limit = cpuPartial[cache];
    const enough = (byObjects ? limit - 1 : limit) >> 1;
    let gathered = byObjects ? 0 : -1;
    let first = 0;
    lock(cache);
    for (let head = partialHead[cache]; head !== 0; head = partialHead[cache]) {
      remove(cache, head);
      let before = peek(page, head << 2);
      while (compareExchange(page, head << 2, before, before | FROZEN) !== before) {
        before = peek(page, head << 2);
      }
      const available = objects[cache] - (before & INUSE);
      gathered += byObjects ? available : 1;
      // The first on a list has no `prev`, so it stands for nothing on the CPU's list.
      if (first === 0) first = head;
      else {
        pushCpuPartial(cpuSlab, head);
        if (byObjects) countObjects(cpuSlab, head, available);
      }
      if (gathered > enough || limit === 0) break;
    }
    unlock(cache);
    if (first === 0) return NO_OBJECT;
    cpuWord[cpuSlab] = first << 1;
    return takeOwn(cache, cpuSlab);
  }

  function takeFromNewSlab(cache: number, cpuSlab: number): number {
    const rows = rowsOf[cache];
    const head = takeRows(rows);
    if (head === 0) return NO_OBJECT;
    // The page allocator and the charge may sleep, so interrupts are on here and a grace period may end.
    // Looked at here, so that in production this is the inlined poll and nothing else.
    if (DOZES) sleepPoint('allocates pages');
    else poll();
    if (!charge(cache, head, pagesOf[cache])) {
      giveRows(head, rows);
      return NO_OBJECT;
    }
    poll();
    // An interrupt may have given this CPU a cpu slab meanwhile.
    if (cpuWord[cpuSlab] !== 0) retire.flushCpu(cache, context.cpu);
    const last = head + rows - 1;
    for (let row = head; row <= last; row++) {
      page[(row << 2) + FREE] = row === last ? lastMask[2 * cache] : -1;
      page[(row << 2) + FREE + 1] = row === last ? lastMask[2 * cache + 1] : -1;
      page[row << 2] = row - head;
    }
    page[head << 2] = (cache << SHIFT) | FROZEN;
    if ((flags[cache] & BY_OBJECTS) !== 0) prev[head] = 0;
    add(nrSlabs, cache, 1);
    record[NODE_PAGES] += pagesOf[cache];
    record[CREATED]++;
    recordEvent(SLAB_CREATED, head, cache);
    return takeWord(cache, cpuSlab, head);
  }

  return { alloc, free, flushCpu: retire.flushCpu, shrinkNode: retire.shrinkNode, retire };
}
