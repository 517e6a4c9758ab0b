// hot path
/**
 * What designs share that keep the pages of each memcg together (a vector, a list): the order of locks
 * and looks that makes them right while others charge, free and remove. How pages are kept is the
 * design's own (`PageBook`).
 *
 * Protection: a spin lock per memcg for its book and the owner of each page in it. A free looks for the
 * owner without a lock, takes the owner's lock and looks again. A hand-over holds the locks of child
 * and parent (a page names the parent as soon as it is rewritten, and may be freed then), but only for
 * one batch at a time. Lock order: child, parent, then the design's own.
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import { bindSpinLock } from '../shared/spinlock.ts';
import { bindCacheHandOver } from './hand-over.ts';
import { bindPageCharging } from './page-charge.ts';
import { stepIndex } from './steps.ts';
import type { BoundStrategy, StrategyContext } from './strategy.ts';

/** How a design keeps the pages of a memcg; called with that memcg's page lock held. */
export interface PageBook {
  add(memcg: number, row: number): void;
  remove(memcg: number, row: number): void;
  /** Moves and rewrites some pages, both memcgs' locks held; returns how many, 0 when none was left. */
  moveBatch(child: number, parent: number): number;
}

/** Binds the part of a strategy that follows from its book. */
export function bindLockedPages(
  machine: Machine,
  context: StrategyContext,
  owner: Int32Array<SharedArrayBuffer>,
  book: PageBook,
): Pick<BoundStrategy, 'charge' | 'uncharge' | 'ownerOf' | 'handOver'> {
  // Constants of the closure, so that V8 inlines them without a check (see allocator.ts).
  const { peek } = atomics;
  const { add, remove, moveBatch } = book;
  const { cpu, css, patience } = context;
  const { readLock, readUnlock } = context.processor;
  const steps = machine.cpus.steps;
  const HAND_OVERS = stepIndex(cpu, 'handOvers');
  const PAGES_VISITED = stepIndex(cpu, 'pagesVisited');
  const PAGES_MOVED = stepIndex(cpu, 'pagesMoved');
  const CSS_MOVED = stepIndex(cpu, 'cssMoved');
  const LIST_OPERATIONS = stepIndex(cpu, 'listOperations');
  const { chargeOwner, settleOwner, unchargeOwner } = bindPageCharging(machine, context);
  const handOverCaches = bindCacheHandOver(machine, context);
  const { lock, unlock } = bindSpinLock(machine.memcgs.pageLock, cpu, 'page lock', patience);

  /** The parent's references are taken before its lock lets anybody drop them. */
  function moveAll(child: number, parent: number): number {
    let moved = 0;
    for (let batch = -1; batch !== 0; ) {
      lock(child);
      lock(parent);
      batch = moveBatch(child, parent);
      css.get(parent, batch);
      unlock(parent);
      unlock(child);
      moved += batch;
    }
    return moved;
  }

  /** Takes a page out of its owner's book; the owner may change until its lock is held. */
  function tryTakeOut(memcg: number, row: number): boolean {
    lock(memcg);
    const mine = owner[row] === memcg;
    if (mine) {
      remove(memcg, row);
      owner[row] = 0;
    }
    unlock(memcg);
    return mine;
  }

  /** Within a read section, so that the row of the owner that was seen is not used anew meanwhile. */
  function takeOut(row: number): number {
    readLock();
    let memcg = peek(owner, row);
    while (memcg !== 0 && !tryTakeOut(memcg, row)) memcg = peek(owner, row);
    readUnlock();
    return memcg;
  }

  /** Writes the owner down; under the lock of whichever memcg that is. */
  function putIn(row: number, charged: number): void {
    let memcg = charged;
    for (;;) {
      lock(memcg);
      const settled = settleOwner(memcg);
      if (settled === memcg) break;
      unlock(memcg);
      css.put(memcg, 1);
      memcg = settled;
    }
    owner[row] = memcg;
    add(memcg, row);
    unlock(memcg);
  }

  return {
    charge(cache, row, pages) {
      const memcg = chargeOwner(cache, pages);
      if (memcg > 0) putIn(row, memcg);
      return memcg >= 0;
    },
    uncharge(cache, row, pages) {
      const memcg = takeOut(row);
      if (memcg !== 0) unchargeOwner(cache, memcg, pages);
    },
    ownerOf: (row) => peek(owner, row),
    handOver(child, parent) {
      handOverCaches(child, parent);
      const moved = moveAll(child, parent);
      css.put(child, moved);
      steps[HAND_OVERS]++;
      steps[PAGES_VISITED] += moved;
      steps[PAGES_MOVED] += moved;
      steps[CSS_MOVED] += moved;
      if (moved > 0) steps[LIST_OPERATIONS]++;
    },
  };
}
