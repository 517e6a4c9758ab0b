// hot path
/**
 * link-pages: reparent page by page along an intrusive list of the memcg's pages, the textbook form
 * of the design (`list_head` in each page). As quick as a scan of just those pages while the list is
 * in memory order; one dependent cache miss per page once the machine has aged. Kept beside
 * `list-pages`, which is the better of the two, so that both can be seen.
 * Memory per slab row: owner 4 + next 4 + prev 4 bytes.
 *
 * Protection: the page lock of the memcg (locked-pages.ts), for 128 pages at a time in a hand-over.
 */
import { viewTable } from '../shared/layout.ts';
import { type ListColumns, listPush, listRemove } from '../shared/list.ts';
import type { FullConfig } from '../tables.ts';
import { bindLockedPages } from './locked-pages.ts';
import { auditOwners, bindOwnerColumn, countSlabRefs, ownerTable } from './page-owner.ts';
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
  sharesCaches: false,
  wasmMemory: false,
  tables: (config) => [ownerTable(config), linkTable(config)],
  bind(machine, context): BoundStrategy {
    const links = viewTable(
      strategyBuffer(machine),
      machine.strategyLayout,
      linkTable(machine.config),
    );
    const { next, prev } = links;
    const owner = bindOwnerColumn(machine);
    const { pagesHead, pagesTail } = machine.memcgs;
    const pages: ListColumns = { head: pagesHead, tail: pagesTail, ...links };

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

    return {
      ...bindLockedPages(machine, context, owner, {
        add: (memcg, row) => listPush(pages, memcg, row),
        remove: (memcg, row) => listRemove(pages, memcg, row),
        moveBatch,
      }),
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
