// hot path
/**
 * link-pages: reparent page by page along an intrusive list of the memcg's pages, the textbook form
 * of the design (`list_head` in each page). As quick as a scan of just those pages while the list is
 * in memory order; one dependent cache miss per page once the machine has aged. Kept beside
 * `list-pages`, which is the better of the two, so that both can be seen.
 * Memory per slab row: owner 4 + next 4 + prev 4 bytes.
 * Protection to come with more CPUs: a lock per memcg; a hand-over takes both.
 */
import { add } from '#atomics';
import type { MachineConfig } from '../machine.ts';
import { viewTable } from '../shared/layout.ts';
import { type ListColumns, listPush, listRemove, listSplice } from '../shared/list.ts';
import { bindCacheHandOver, stepIndex } from './hand-over.ts';
import { bindPageCharging } from './page-charge.ts';
import { auditOwners, bindOwnerColumn, countSlabRefs, ownerTable } from './page-owner.ts';
import type { BoundStrategy, Strategy } from './strategy.ts';
import { strategyBuffer } from './wasm.ts';

function linkTable(config: MachineConfig) {
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
  bind(machine, cpu, hooks): BoundStrategy {
    const links = viewTable(
      strategyBuffer(machine),
      machine.strategyLayout,
      linkTable(machine.config),
    );
    const { next } = links;
    const owner = bindOwnerColumn(machine);
    const { pagesHead, pagesTail, css } = machine.memcgs;
    const pages: ListColumns = { head: pagesHead, tail: pagesTail, ...links };
    const steps = machine.cpus.steps;
    const HAND_OVERS = stepIndex(cpu, 'handOvers');
    const PAGES_VISITED = stepIndex(cpu, 'pagesVisited');
    const PAGES_MOVED = stepIndex(cpu, 'pagesMoved');
    const CSS_MOVED = stepIndex(cpu, 'cssMoved');
    const LIST_OPERATIONS = stepIndex(cpu, 'listOperations');
    const charging = bindPageCharging(machine, hooks);
    const { chargeOwner, unchargeOwner } = charging;
    const handOverCaches = bindCacheHandOver(machine, cpu, hooks);
    return {
      ...charging,
      charge(cache, row, chargedPages) {
        const memcg = chargeOwner(cache, chargedPages);
        if (memcg > 0) {
          owner[row] = memcg;
          listPush(pages, memcg, row);
        }
        return memcg >= 0;
      },
      uncharge(cache, row, chargedPages) {
        const memcg = owner[row];
        if (memcg === 0) return;
        listRemove(pages, memcg, row);
        owner[row] = 0;
        unchargeOwner(cache, memcg, chargedPages);
      },
      ownerOf: (row) => owner[row],
      handOver(child, parent) {
        handOverCaches(child, parent);
        let moved = 0;
        for (let row = pagesHead[child]; row !== 0; row = next[row]) {
          owner[row] = parent;
          moved++;
        }
        listSplice(pages, child, parent);
        add(css, parent, moved);
        hooks.putMemcg(child, moved);
        steps[HAND_OVERS]++;
        steps[PAGES_VISITED] += moved;
        steps[PAGES_MOVED] += moved;
        steps[CSS_MOVED] += moved;
        steps[LIST_OPERATIONS]++;
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
