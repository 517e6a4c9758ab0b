/**
 * list_lru: lists of reclaimable objects, one per memcg and one for objects of nobody, in several
 * structures (dentries, inodes, shadow nodes, …). Which list an object is on is never stored: it is
 * computed, at each add and del, from the owner of the object's page.
 *
 *   lruLists   [nr_items] per list (`list = 1 + lru * (ids + 1) + kmem id + 1`); the lru's lock
 *   lruLinks   next, prev, handle per row; the first rows are the lists' own (circular lists), the
 *              rest are items; the lru's lock
 *
 * `del` only unlinks: it need not know the list, but it takes one off the counter of the list that it
 * computed. Between the moment a memcg's kmem id is rewritten and the drain of its lists, a single
 * counter may be wrong, even negative (S5).
 * The lock of an lru is the first word of its global list's row (one node).
 * Source: kernel-model a.5, b.7 step 2.6, b.12; the shrinker bit is set whenever something was moved
 * (repaired form of M22), and of the memcg whose list it is (the kernel sets that of the object's memcg,
 * which may be going offline: finding D8 of `explore`).
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import { check, ModelError } from '../shared/assert.ts';
import { bindSpinLock } from '../shared/spinlock.ts';
import type { Patience } from '../shared/wait.ts';
import { listCount, lruList } from './list-lru-rows.ts';
import { ROOT_MEMCG } from './memcgs.ts';

/** Makes every list empty: its own row, linked to itself. */
export function initLruLists(machine: Machine): void {
  const { next, prev } = machine.lruLinks;
  for (let list = 1; list <= listCount(machine.config); list++) {
    next[list] = list;
    prev[list] = list;
  }
}

/** The list_lru structures of a machine, as one CPU sees them. */
export interface ListLrus {
  /** Puts an object at the end of its owner's list; returns its item. @throws LimitError, ModelError */
  add(lru: number, handle: number): number;
  /** Takes an item off its list; to be called before its object is freed. @throws ModelError */
  del(lru: number, item: number): void;
  /** Takes the oldest item of a memcg's list off; returns its object, 0 if there is none. */
  isolate(lru: number, memcg: number): number;
  /**
   * Looks at up to `count` of the oldest items of a memcg's list (list_lru_walk): `keep` is called under
   * the lru's lock, and moves an item to the end by true, takes it off by false. Returns items taken off.
   */
  walk(
    lru: number,
    memcg: number,
    count: number,
    keep: (item: number, handle: number) => boolean,
  ): number;
  /** Items on a memcg's list, as the shrinker counts them: never negative. */
  count(lru: number, memcg: number): number;
  /** Whether a shrinker should look at a memcg. */
  hasBit(lru: number, memcg: number): boolean;
  /** A shrinker found nothing: clears the bit, and sets it again if something came in between. */
  clearBit(lru: number, memcg: number): void;
  /** Moves the lists of kmem id `from` to those of memcg `parent` (offline). */
  drain(from: number, parent: number): void;
}

/** Binds them. `ownerOf` gives the memcg that a live object's slab is accounted to. */
export function bindListLrus(
  machine: Machine,
  bound: { cpu: number; patience: Patience; ownerOf(handle: number): number },
): ListLrus {
  const { and, or, peek } = atomics;
  const { config, lruRows } = machine;
  const { next, prev, handle: handleOf } = machine.lruLinks;
  const { items, lock: locks } = machine.lruLists;
  const { kmemId, shrinkerBits } = machine.memcgs;
  const idOwner = machine.kmemIds.owner;
  const { lock, unlock } = bindSpinLock(locks, bound.cpu, 'nlru->lock', bound.patience);
  // Rows of items are shared by all lrus; the lock of the first one guards the pool, taken last.
  const poolLock = bindSpinLock(locks, bound.cpu, 'lru item pool', bound.patience);
  const POOL = 0;

  function checkLru(lru: number): void {
    check(lru >= 0 && lru < config.lrus, `lru ${lru}: this machine has ${config.lrus}`);
  }

  const lockOf = (lru: number): number => lruList(config, lru, -1);

  function unlink(item: number): void {
    next[prev[item]] = next[item];
    prev[next[item]] = prev[item];
  }

  function link(list: number, item: number): void {
    const last = prev[list];
    next[item] = list;
    prev[item] = last;
    next[last] = item;
    prev[list] = item;
  }

  function takeItem(): number {
    poolLock.lock(POOL);
    try {
      return lruRows.take();
    } finally {
      poolLock.unlock(POOL);
    }
  }

  function giveItem(item: number): void {
    poolLock.lock(POOL);
    handleOf[item] = 0;
    lruRows.give(item);
    poolLock.unlock(POOL);
  }

  function kmemIdOf(handle: number): number {
    const memcg = bound.ownerOf(handle);
    return memcg === 0 ? -1 : peek(kmemId, memcg);
  }

  function setBit(lru: number, memcg: number): void {
    if ((peek(shrinkerBits, memcg) & (1 << lru)) === 0) or(shrinkerBits, memcg, 1 << lru);
  }

  function count(lru: number, memcg: number): number {
    return Math.max(0, peek(items, lruList(config, lru, peek(kmemId, memcg))));
  }

  return {
    add(lru, handle) {
      checkLru(lru);
      const item = takeItem();
      handleOf[item] = handle;
      lock(lockOf(lru));
      const id = kmemIdOf(handle);
      const list = lruList(config, lru, id);
      link(list, item);
      items[list]++;
      // Set with the first item, under the lock, so that a drain sees both or neither. Of the memcg whose
      // list it is: the object's own may be going offline, and carry its parent's id already.
      if (items[list] === 1) setBit(lru, id < 0 ? ROOT_MEMCG : peek(idOwner, id));
      unlock(lockOf(lru));
      return item;
    },
    del(lru, item) {
      checkLru(lru);
      lock(lockOf(lru));
      if (handleOf[item] === 0) {
        unlock(lockOf(lru));
        throw new ModelError(`lru item ${item} is on no list`);
      }
      unlink(item);
      items[lruList(config, lru, kmemIdOf(handleOf[item]))]--;
      unlock(lockOf(lru));
      giveItem(item);
    },
    isolate(lru, memcg) {
      checkLru(lru);
      lock(lockOf(lru));
      const list = lruList(config, lru, peek(kmemId, memcg));
      const item = next[list];
      const found = item !== list;
      if (found) {
        unlink(item);
        items[list]--;
      }
      unlock(lockOf(lru));
      if (!found) return 0;
      const handle = handleOf[item];
      giveItem(item);
      return handle;
    },
    walk(lru, memcg, objects, keep) {
      checkLru(lru);
      lock(lockOf(lru));
      const list = lruList(config, lru, peek(kmemId, memcg));
      let removed = 0;
      for (let left = Math.min(objects, items[list]); left > 0 && next[list] !== list; left--) {
        const item = next[list];
        unlink(item);
        if (keep(item, handleOf[item])) link(list, item);
        else {
          items[list]--;
          removed++;
          giveItem(item);
        }
      }
      unlock(lockOf(lru));
      return removed;
    },
    count,
    hasBit: (lru, memcg) => (peek(shrinkerBits, memcg) & (1 << lru)) !== 0,
    clearBit(lru, memcg) {
      and(shrinkerBits, memcg, ~(1 << lru));
      if (count(lru, memcg) > 0) setBit(lru, memcg);
    },
    drain(from, parent) {
      for (let lru = 0; lru < config.lrus; lru++) {
        const source = lruList(config, lru, from);
        const target = lruList(config, lru, peek(kmemId, parent));
        lock(lockOf(lru));
        const first = next[source];
        if (first !== source) {
          const last = prev[source];
          const end = prev[target];
          next[end] = first;
          prev[first] = end;
          next[last] = target;
          prev[target] = last;
          next[source] = source;
          prev[source] = source;
        }
        if (items[source] !== 0) {
          items[target] += items[source];
          items[source] = 0;
          setBit(lru, parent);
        }
        unlock(lockOf(lru));
      }
    },
  };
}
