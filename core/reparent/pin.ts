// hot path
/**
 * pin: Linux 5.2. Every slab page names its memcg and holds one css reference per base page on it,
 * so a removed memcg, and all its caches, live on as long as one object does. Nothing is handed over.
 *
 * Memory per slab row: 4 bytes (`page->mem_cgroup`). Source: kernel-model b.2, b.4, b.7 (BEFORE).
 */
import { ROOT_MEMCG } from '../memcg/memcgs.ts';
import { takenRows } from '../slub/row-supply.ts';
import { cacheOfSlab } from '../slub/slabs.ts';
import { auditOwners, bindOwnerColumn, ownerTable } from './page-owner.ts';
import { stepIndex } from './steps.ts';
import type { BoundStrategy, Strategy } from './strategy.ts';

/** Pinning, as before the patch. */
export const pin: Strategy = {
  name: 'pin',
  summary: 'leave everything with the removed cgroup (Linux 5.2)',
  releasesEarly: false,
  sharesCaches: false,
  wasmMemory: false,
  tables: (config) => [ownerTable(config)],
  bind(machine, context): BoundStrategy {
    const { charge, uncharge } = context.charging;
    const { put } = context.css;
    const { add: addStat } = context.stats;
    const { memcg: cacheMemcg, pages: pagesOf } = machine.kmemCaches;
    const { page } = machine.slabs;
    const owner = bindOwnerColumn(machine);
    const steps = machine.cpus.steps;
    const HAND_OVERS = stepIndex(context.cpu, 'handOvers');
    return {
      // A cache's memcg never changes, and whoever allocates from the cache holds it.
      charge(cache, row, pages) {
        const memcg = cacheMemcg[cache];
        if (memcg === 0) return true;
        if (!charge(memcg, pages)) return false;
        addStat(memcg, cache, pages);
        owner[row] = memcg;
        return true;
      },
      uncharge(cache, row, pages) {
        const memcg = owner[row];
        if (memcg === 0) return;
        addStat(memcg, cache, -pages);
        if (memcg !== ROOT_MEMCG) uncharge(memcg, pages);
        owner[row] = 0;
        put(memcg, pages);
      },
      ownerOf: (row) => owner[row],
      handOver() {
        steps[HAND_OVERS]++;
      },
      expectedPageRefs(expected) {
        const taken = takenRows(machine);
        for (let row = 1; row <= taken; row++) {
          const cache = cacheOfSlab(page, row);
          if (cache !== 0 && owner[row] !== 0) expected[owner[row]] += pagesOf[cache];
        }
      },
      audit: (report) => auditOwners(machine, owner, report),
    };
  },
};
