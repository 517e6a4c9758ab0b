// hot path
/**
 * How slabs leave a CPU and how they go away: deactivation of a cpu slab, draining of a CPU's partial
 * list, shrinking of the node list, and discard (kernel-model b.4 steps 4 to 7, b.7 "shrink").
 * The functions that take a CPU's slabs away may run on that CPU, or on another one while it is idle.
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import { CACHE_TYPESAFE } from '../memcg/kmem-caches.ts';
import { RCU_CALLBACK } from '../shared/deferred-kinds.ts';
import { eventKind } from '../shared/event-ring.ts';
import type { SlubContext } from './context.ts';
import { bindPartialLists } from './partial.ts';
import { CPU_RECORD } from './row-supply.ts';
import * as slab from './slabs.ts';

// Unexported copies, which V8 folds into the code.
const SHIFT = slab.CACHE_SHIFT;
const FROZEN = slab.FROZEN;
const INUSE = slab.INUSE_MASK;
const FREE = slab.FREE;
const NEXT = slab.NEXT;

/** Takes slabs away from CPUs, lists and the machine. */
export interface Retire {
  /** unfreeze_partials: a CPU's partial slabs go to the node list; surplus empty ones go away. */
  unfreezePartials(cache: number, cpuSlab: number): void;
  /** Discards a slab that is empty and on no list. */
  discard(cache: number, head: number): void;
  /** Gives a CPU's cpu slab and partial list of a cache back (flush_slab). */
  flushCpu(cache: number, owner: number): void;
  /** Discards the empty slabs of the node list and sorts the rest by fill. */
  shrinkNode(cache: number): void;
  /** RCU callback: frees the slabs whose grace period is over. */
  freeDeferred(): void;
}

/** Bits that are set. */
export function popcount(bits: number): number {
  let sum = bits - ((bits >>> 1) & 0x55555555);
  sum = (sum & 0x33333333) + ((sum >>> 2) & 0x33333333);
  return Math.imul((sum + (sum >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Head row of the slab that a bitmap word belongs to. */
export function headOfWord(page: Int32Array, word: number): number {
  const row = word >>> 1;
  const state = page[row << 2];
  return state >>> SHIFT === 0 ? row - state : row;
}

/** Fullest first: SLUB's bound on the fill classes it sorts by when it shrinks. */
const SHRINK_CLASSES = 32;

/** Binds it for one CPU. */
export function bindRetire(machine: Machine, context: SlubContext): Retire {
  const { page, prev } = machine.slabs;
  const {
    word: cpuWord,
    free: cpuFree,
    partial: cpuPartialHead,
    partialCount: cpuPartialCount,
  } = machine.cpuSlabs;
  const caches = machine.kmemCaches;
  const { objects, rows: rowsOf, pages: pagesOf, minPartial, flags } = caches;
  const { partialHead, nrPartial, nrSlabs } = caches;
  const record = machine.cpus.record;
  const recordBase = context.cpu * CPU_RECORD.words;
  const NODE_PAGES = recordBase + CPU_RECORD.nodePages;
  const DISCARDED = recordBase + CPU_RECORD.slabsDiscarded;
  const rcuSlabs = machine.globals.rcuSlabs;
  const perCpu = machine.config.kmemCaches + 1;
  // Constants of the closure, so that V8 inlines them without a check (see allocator.ts).
  const { add, compareExchange, exchange, or, peek } = atomics;
  const { uncharge } = context.strategy;
  const { lock, unlock } = context.listLock;
  const { give: giveRows } = context.rowSupply;
  const { record: recordEvent } = context.events;
  const { callBatched, isOver } = context.rcu;
  const { irqSave, irqRestore } = context.processor;
  const { addHead, addTail, remove } = bindPartialLists(machine);
  const SLAB_DISCARDED = eventKind('slab discarded');

  /**
   * discard_slab: nobody can reach the slab any more, except readers of a cache that promises them
   * its slabs for the length of a read section; those wait for a grace period.
   */
  function discard(cache: number, head: number): void {
    add(nrSlabs, cache, -1);
    if ((flags[cache] & CACHE_TYPESAFE) !== 0) deferSlab(head);
    else freeSlab(cache, head);
  }

  /** __free_slab; uncharge comes last (b.4 7'), as it may be what the cache still lived for. */
  function freeSlab(cache: number, head: number): void {
    const rows = rowsOf[cache];
    const pages = pagesOf[cache];
    record[NODE_PAGES] -= pages;
    record[DISCARDED]++;
    recordEvent(SLAB_DISCARDED, head, cache);
    for (let row = head; row < head + rows; row++) page[row << 2] = 0;
    uncharge(cache, head, pages);
    giveRows(head, rows);
  }

  /** Puts the slab on the stack of those that wait; `prev` is free to hold the grace period. */
  function deferSlab(head: number): void {
    irqSave();
    prev[head] = callBatched(RCU_CALLBACK.freeSlabs);
    pushDeferred(head);
    irqRestore();
  }

  function pushDeferred(head: number): void {
    for (;;) {
      const first = peek(rcuSlabs, 0);
      page[(head << 2) + NEXT] = first;
      if (compareExchange(rcuSlabs, 0, first, head) === first) return;
    }
  }

  /** The callback: frees what has waited long enough, puts the rest back. */
  function freeDeferred(): void {
    let head = exchange(rcuSlabs, 0, 0);
    while (head !== 0) {
      const after = page[(head << 2) + NEXT];
      if (isOver(prev[head])) freeSlab(page[head << 2] >>> SHIFT, head);
      else pushDeferred(head);
      head = after;
    }
  }

  function unfreezePartials(cache: number, cpuSlab: number): void {
    let head = cpuPartialHead[cpuSlab];
    if (head === 0) return;
    cpuPartialHead[cpuSlab] = 0;
    cpuPartialCount[cpuSlab] = 0;
    let discards = 0;
    lock(cache);
    while (head !== 0) {
      const after = page[(head << 2) + NEXT];
      let before = peek(page, head << 2);
      while (compareExchange(page, head << 2, before, before & ~FROZEN) !== before) {
        before = peek(page, head << 2);
      }
      if ((before & INUSE) === 0 && nrPartial[cache] >= minPartial[cache]) {
        page[(head << 2) + NEXT] = discards;
        discards = head;
      } else addTail(cache, head);
      head = after;
    }
    unlock(cache);
    while (discards !== 0) {
      const after = page[(discards << 2) + NEXT];
      discard(cache, discards);
      discards = after;
    }
  }

  /**
   * deactivate_slab: the private objects go back to the page, and the page to its list: to the head,
   * unless others freed objects of it meanwhile.
   */
  function deactivateCpuSlab(cache: number, cpuSlab: number): void {
    const word = cpuWord[cpuSlab];
    if (word === 0) return;
    const head = headOfWord(page, word);
    const bits = cpuFree[cpuSlab];
    if (bits !== 0) or(page, (word << 1) - (word & 1) + FREE, bits);
    cpuFree[cpuSlab] = 0;
    cpuWord[cpuSlab] = 0;
    const freed = popcount(bits);
    lock(cache);
    let before = peek(page, head << 2);
    while (compareExchange(page, head << 2, before, (before - freed) & ~FROZEN) !== before) {
      before = peek(page, head << 2);
    }
    const inuse = (before & INUSE) - freed;
    const surplus = inuse === 0 && nrPartial[cache] >= minPartial[cache];
    if (!surplus && inuse < objects[cache]) {
      if ((before & INUSE) === objects[cache]) addHead(cache, head);
      else addTail(cache, head);
    }
    unlock(cache);
    if (surplus) discard(cache, head);
  }

  function shrinkNode(cache: number): void {
    const classes = new Int32Array(SHRINK_CLASSES);
    const empty: number[] = [];
    lock(cache);
    let rest = 0;
    let last = 0;
    for (let head = partialHead[cache]; head !== 0; head = partialHead[cache]) {
      remove(cache, head);
      const inuse = peek(page, head << 2) & INUSE;
      const freeObjects = objects[cache] - inuse;
      if (inuse === 0) empty.push(head);
      else if (freeObjects <= SHRINK_CLASSES) {
        page[(head << 2) + NEXT] = classes[freeObjects - 1];
        classes[freeObjects - 1] = head;
      } else {
        // These stay in the order in which they are.
        page[(head << 2) + NEXT] = 0;
        if (last === 0) rest = head;
        else page[(last << 2) + NEXT] = head;
        last = head;
      }
    }
    for (let freeObjects = 1; freeObjects <= SHRINK_CLASSES + 1; freeObjects++) {
      let head = freeObjects > SHRINK_CLASSES ? rest : classes[freeObjects - 1];
      while (head !== 0) {
        const after = page[(head << 2) + NEXT];
        addTail(cache, head);
        head = after;
      }
    }
    unlock(cache);
    for (const head of empty) discard(cache, head);
  }

  function flushCpu(cache: number, owner: number): void {
    deactivateCpuSlab(cache, owner * perCpu + cache);
    unfreezePartials(cache, owner * perCpu + cache);
  }

  return { unfreezePartials, discard, flushCpu, shrinkNode, freeDeferred };
}
