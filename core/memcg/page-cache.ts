/**
 * Page cache as far as it pins memcgs: folios of files, each charged to the memcg that read it first
 * and on the inactive or active list of that memcg. Every base page holds a css reference, in every
 * strategy here: slab reparenting leaves page cache alone (that came with the LRU series in 7.1), so a
 * removed memcg stays as long as one folio does.
 *
 *   folioLists  base pages per list (`list = 2 * memcg + active`); lru_lock
 *   folios      next, prev, memcg, pages, flags per row; the first rows are the lists' own (circular
 *               lists, oldest first); lru_lock. A row is a run of pages of one file, so a large file
 *               needs one row, and reclaim may take a part of it.
 *
 * Left out: anonymous and mapped memory, shmem, several nodes.
 * Source: mm/swap.c and mm/vmscan.c as of 5.2 (mark_page_accessed; inactive_list_is_low; the least scan
 * of a memcg that is not online any more).
 */
import type { Machine } from '../machine.ts';
import { check, LimitError, ModelError } from '../shared/assert.ts';
import type { PercpuRefs } from '../shared/percpu-ref.ts';
import { LINE } from '../shared/processor.ts';
import type { SpinLock } from '../shared/spinlock.ts';
import { LOCK } from '../tables.ts';
import type { Charging } from './charge.ts';
import {
  FOLIO_ACTIVE,
  FOLIO_DIRTY,
  FOLIO_REFERENCED,
  folioList,
  folioListRows,
} from './folio-rows.ts';
import { MEMCG_ONLINE, ROOT_MEMCG } from './memcgs.ts';

/** Makes every list empty: its own row, linked to itself. */
export function initFolioLists(machine: Machine): void {
  const { next, prev } = machine.folios;
  for (let list = 0; list < folioListRows(machine.config); list++) {
    next[list] = list;
    prev[list] = list;
  }
}

/** Pages that a pass of reclaim takes of a removed memcg, however few it has (SWAP_CLUSTER_MAX). */
export const LEAST_SCAN = 32;

/** Told of each folio that reclaim takes pages of, after they are gone; `left` is 0 when it is gone too. */
export type Evicted = (folio: number, left: number) => void;

/** The page cache as one CPU sees it. Pages are base pages. */
export interface PageCache {
  /**
   * Charges pages that were just read in to a memcg; 0, with nothing changed, if a limit is reached.
   * @throws LimitError, with nothing changed
   */
  add(memcg: number, pages: number): number;
  /** The file was used again (mark_page_accessed): the second time the folio becomes active. */
  accessed(folio: number): void;
  /** Written to, or written back. */
  setDirty(folio: number, dirty: boolean): void;
  /** The file is gone, or cut to nothing. @throws ModelError if the folio is gone already */
  remove(folio: number): void;
  /**
   * Gives a memcg's folios to its parent, which is charged for them already: list by list, under the lru
   * lock, with a css reference a page. The kernel switches one pointer that all folios share; here each
   * folio names its memcg. ("Eliminate Dying Memory Cgroup", v6, 2026-03-05.)
   */
  reparent(child: number, parent: number): void;
  /** The memcg that it is charged to. */
  memcgOf(folio: number): number;
  /** Pages charged to a memcg itself. */
  pagesOf(memcg: number): number;
  /** Takes every folio of a memcg that is written back, active ones too (drop_caches); returns pages. */
  dropClean(memcg: number, evicted: Evicted): number;
  /**
   * One pass over a memcg's lists at a priority (12 is the default, 0 takes all); returns pages
   * reclaimed. Nothing is taken off a list shorter than 2^priority pages, but of a memcg that is not
   * online any more.
   */
  shrink(memcg: number, priority: number, evicted: Evicted): number;
}

/** Binds it to a CPU. */
export function bindPageCache(
  machine: Machine,
  bound: { charging: Charging; css: PercpuRefs; lruLock: SpinLock },
): PageCache {
  const { config, folioRows } = machine;
  const { charge, uncharge } = bound.charging;
  const { put } = bound.css;
  const { next, prev, memcg: memcgOf, pages: pagesOf, flags } = machine.folios;
  const { pages: listed } = machine.folioLists;
  const memcgFlags = machine.memcgs.flags;
  const LRU_LOCK = LOCK.lruLock * LINE;
  const lock = () => bound.lruLock.lock(LRU_LOCK);
  const unlock = () => bound.lruLock.unlock(LRU_LOCK);

  function listOf(folio: number): number {
    return folioList(memcgOf[folio], (flags[folio] & FOLIO_ACTIVE) === 0 ? 0 : 1);
  }

  function link(folio: number): void {
    const list = listOf(folio);
    const last = prev[list];
    next[folio] = list;
    prev[folio] = last;
    next[last] = folio;
    prev[list] = folio;
    listed[list] += pagesOf[folio];
  }

  function unlink(folio: number): void {
    next[prev[folio]] = next[folio];
    prev[next[folio]] = prev[folio];
    listed[listOf(folio)] -= pagesOf[folio];
  }

  /** Gives charges and references back; may be the last thing that kept the memcg. */
  function forget(memcg: number, pages: number): void {
    if (memcg !== ROOT_MEMCG) uncharge(memcg, pages);
    put(memcg, pages);
  }

  function checkFolio(folio: number): void {
    if ((memcgOf[folio] ?? 0) === 0) {
      unlock();
      throw new ModelError(`folio ${folio} is not in the page cache`);
    }
  }

  function giveRow(folio: number): void {
    memcgOf[folio] = 0;
    pagesOf[folio] = 0;
    folioRows.give(folio);
  }

  /**
   * Takes up to `budget` pages off the oldest folio of the inactive list: pages taken, its size as a
   * negative number when it is dirty and was passed by, 0 when the list is empty.
   */
  function reclaimOldest(list: number, budget: number, evicted: Evicted): number {
    lock();
    const folio = next[list];
    if (folio === list) {
      unlock();
      return 0;
    }
    const memcg = memcgOf[folio];
    unlink(folio);
    if ((flags[folio] & FOLIO_DIRTY) !== 0) {
      link(folio);
      const size = pagesOf[folio];
      unlock();
      return -size;
    }
    const taken = Math.min(budget, pagesOf[folio]);
    const left = pagesOf[folio] - taken;
    pagesOf[folio] = left;
    if (left === 0) giveRow(folio);
    else linkFirst(list, folio);
    unlock();
    forget(memcg, taken);
    evicted(folio, left);
    return taken;
  }

  /** Back to where it was: the oldest. */
  function linkFirst(list: number, folio: number): void {
    const first = next[list];
    next[folio] = first;
    prev[folio] = list;
    prev[first] = folio;
    next[list] = folio;
    listed[list] += pagesOf[folio];
  }

  function shrinkInactive(memcg: number, budget: number, evicted: Evicted): number {
    const list = folioList(memcg, 0);
    // What a pass has looked at, dirty folios included, is what it may look at.
    let scan = Math.min(budget, listed[list]);
    let reclaimed = 0;
    while (scan > 0) {
      const taken = reclaimOldest(list, scan, evicted);
      if (taken === 0) break;
      reclaimed += Math.max(0, taken);
      scan -= Math.abs(taken);
    }
    return reclaimed;
  }

  /** Moves the oldest active folios to the inactive list. */
  function shrinkActive(memcg: number, budget: number): void {
    const list = folioList(memcg, 1);
    let scan = Math.min(budget, listed[list]);
    lock();
    while (scan > 0 && next[list] !== list) {
      const folio = next[list];
      scan -= pagesOf[folio];
      unlink(folio);
      flags[folio] &= ~FOLIO_ACTIVE;
      link(folio);
    }
    unlock();
  }

  function scanOf(pages: number, memcg: number, priority: number): number {
    const scan = pages >>> priority;
    const online = (memcgFlags[memcg] & MEMCG_ONLINE) !== 0;
    return scan === 0 && !online ? Math.min(pages, LEAST_SCAN) : scan;
  }

  return {
    add(memcg, pages) {
      check(Number.isInteger(pages) && pages > 0, `a folio of ${pages} pages`);
      check(config.folios > 0, 'this machine has no page cache; give it `folios`');
      if (!charge(memcg, pages)) return 0;
      lock();
      const folio = folioRows.tryTake();
      if (folio !== 0) {
        memcgOf[folio] = memcg;
        pagesOf[folio] = pages;
        flags[folio] = 0;
        link(folio);
      }
      unlock();
      if (folio !== 0) return folio;
      forget(memcg, pages);
      throw new LimitError('folios', config.folios, "raise `folios` of the machine's config");
    },
    accessed(folio) {
      lock();
      checkFolio(folio);
      if ((flags[folio] & FOLIO_REFERENCED) === 0) flags[folio] |= FOLIO_REFERENCED;
      else if ((flags[folio] & FOLIO_ACTIVE) === 0) {
        unlink(folio);
        flags[folio] = (flags[folio] & ~FOLIO_REFERENCED) | FOLIO_ACTIVE;
        link(folio);
      }
      unlock();
    },
    setDirty(folio, dirty) {
      lock();
      checkFolio(folio);
      flags[folio] = dirty ? flags[folio] | FOLIO_DIRTY : flags[folio] & ~FOLIO_DIRTY;
      unlock();
    },
    remove(folio) {
      lock();
      checkFolio(folio);
      const memcg = memcgOf[folio];
      const pages = pagesOf[folio];
      unlink(folio);
      giveRow(folio);
      unlock();
      forget(memcg, pages);
    },
    reparent(child, parent) {
      if (config.folios === 0) return;
      let moved = 0;
      lock();
      for (const active of [0, 1]) {
        const list = folioList(child, active);
        while (next[list] !== list) {
          const folio = next[list];
          unlink(folio);
          memcgOf[folio] = parent;
          link(folio);
          moved += pagesOf[folio];
        }
      }
      unlock();
      if (moved === 0) return;
      // The parent's first: until then the child keeps it.
      bound.css.get(parent, moved);
      put(child, moved);
    },
    memcgOf: (folio) => memcgOf[folio],
    pagesOf: (memcg) =>
      config.folios === 0 ? 0 : listed[folioList(memcg, 0)] + listed[folioList(memcg, 1)],
    dropClean(memcg, evicted) {
      if (config.folios === 0) return 0;
      const all: number[] = [];
      lock();
      for (const active of [0, 1]) {
        const list = folioList(memcg, active);
        for (let folio = next[list]; folio !== list; folio = next[folio]) all.push(folio);
      }
      unlock();
      let pages = 0;
      for (const folio of all) {
        lock();
        // Dirty, or somebody else has taken it since.
        const taken = memcgOf[folio] === memcg && (flags[folio] & FOLIO_DIRTY) === 0;
        const size = pagesOf[folio];
        if (taken) {
          unlink(folio);
          giveRow(folio);
        }
        unlock();
        if (!taken) continue;
        forget(memcg, size);
        evicted(folio, 0);
        pages += size;
      }
      return pages;
    },
    shrink(memcg, priority, evicted) {
      if (config.folios === 0) return 0;
      const inactive = listed[folioList(memcg, 0)];
      const active = listed[folioList(memcg, 1)];
      const scanActive = scanOf(active, memcg, priority);
      const reclaimed = shrinkInactive(memcg, scanOf(inactive, memcg, priority), evicted);
      // Lists of less than a gigabyte are balanced one to one (inactive_list_is_low).
      if (inactive - reclaimed < active) shrinkActive(memcg, scanActive);
      return reclaimed;
    },
  };
}
