// hot path
/**
 * link-pages: reparent page by page along an intrusive list of the memcg's pages, the textbook form
 * of the design (`list_head` in each page). As quick as a scan of just those pages while the list is
 * in memory order; one dependent cache miss per page once the machine has aged. Kept beside
 * `list-pages`, which is the better of the two, so that both can be seen.
 * Memory per slab row: owner 4 + next 4 + prev 4 bytes.
 *
 * Protection: a spin lock per memcg for its list and the owner of each page on it, as in list-pages. A
 * hand-over holds the locks of child and parent for 128 pages at a time.
 */
import * as atomics from '#atomics';
import { viewTable } from '../shared/layout.ts';
import { type ListColumns, listPush, listRemove } from '../shared/list.ts';
import { bindSpinLock } from '../shared/spinlock.ts';
import type { FullConfig } from '../tables.ts';
import { bindCacheHandOver } from './hand-over.ts';
import { bindPageCharging } from './page-charge.ts';
import { auditOwners, bindOwnerColumn, countSlabRefs, ownerTable } from './page-owner.ts';
import { stepIndex } from './steps.ts';
import type { BoundStrategy, Strategy } from './strategy.ts';
import { strategyBuffer } from './wasm.ts';

/** Pages that a hand-over moves under one hold of its locks. */
const BATCH = 128;

function linkTable(config: FullConfig) {
  const spec = { next: 1, prev: 1 } as const;
  return { name: 'links', spec, rows: config.slabRows + 1 } as const;
}

/** An intrusive list of pages per memcg. */
export const linkPages: Strategy = {
  name: 'link-pages',
  summary: 'reparent page by page along an intrusive list of pages',
  releasesEarly: true,
  wasmMemory: false,
  tables: (config) => [ownerTable(config), linkTable(config)],
  bind(machine, context): BoundStrategy {
    // Constants of the closure, so that V8 inlines them without a check (see allocator.ts).
    const { peek } = atomics;
    const links = viewTable(
      strategyBuffer(machine),
      machine.strategyLayout,
      linkTable(machine.config),
    );
    const { next, prev } = links;
    const owner = bindOwnerColumn(machine);
    const { cpu, css } = context;
    const { readLock, readUnlock } = context.processor;
    const { pagesHead, pagesTail, pageLock } = machine.memcgs;
    const pages: ListColumns = { head: pagesHead, tail: pagesTail, ...links };
    const steps = machine.cpus.steps;
    const HAND_OVERS = stepIndex(cpu, 'handOvers');
    const PAGES_VISITED = stepIndex(cpu, 'pagesVisited');
    const PAGES_MOVED = stepIndex(cpu, 'pagesMoved');
    const CSS_MOVED = stepIndex(cpu, 'cssMoved');
    const LIST_OPERATIONS = stepIndex(cpu, 'listOperations');
    const { chargeOwner, settleOwner, unchargeOwner } = bindPageCharging(machine, context);
    const handOverCaches = bindCacheHandOver(machine, context);
    const { lock, unlock } = bindSpinLock(pageLock, cpu, 'page lock', context.patience);

    /** The first pages of the child's list become the first of the parent's, under both locks. */
    function moveBatch(child: number, parent: number): number {
      const first = pagesHead[child];
      if (first === 0) return 0;
      let moved = 0;
      let last = first;
      for (let row = first; row !== 0 && moved < BATCH; row = next[row]) {
        owner[row] = parent;
        last = row;
        moved++;
      }
      const rest = next[last];
      pagesHead[child] = rest;
      if (rest === 0) pagesTail[child] = 0;
      else prev[rest] = 0;
      const after = pagesHead[parent];
      next[last] = after;
      if (after === 0) pagesTail[parent] = last;
      else prev[after] = last;
      pagesHead[parent] = first;
      return moved;
    }

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

    /** Takes a page off its owner's list; the owner may change until its lock is held. */
    function tryTakeOut(memcg: number, row: number): boolean {
      lock(memcg);
      const mine = owner[row] === memcg;
      if (mine) {
        listRemove(pages, memcg, row);
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
      listPush(pages, memcg, row);
      unlock(memcg);
    }

    return {
      charge(cache, row, chargedPages) {
        const memcg = chargeOwner(cache, chargedPages);
        if (memcg > 0) putIn(row, memcg);
        return memcg >= 0;
      },
      uncharge(cache, row, chargedPages) {
        const memcg = takeOut(row);
        if (memcg !== 0) unchargeOwner(cache, memcg, chargedPages);
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
      expectedPageRefs: (expected) => countSlabRefs(machine, owner, expected),
      audit(report) {
        auditOwners(machine, owner, report);
        let listed = 0;
        for (let memcg = 1; memcg < pagesHead.length; memcg++) {
          let before = 0;
          for (let row = pagesHead[memcg]; row !== 0 && listed <= owner.length; row = next[row]) {
            if (owner[row] !== memcg || links.prev[row] !== before) {
              report('page list', `memcg ${memcg}: row ${row} is linked wrongly`);
            }
            before = row;
            listed++;
          }
        }
        const owned = owner.reduce((sum, memcg) => sum + (memcg === 0 ? 0 : 1), 0);
        if (owned !== listed) report('page list', `${owned} owned slabs, ${listed} on lists`);
      },
    };
  },
};
