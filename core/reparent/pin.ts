// hot path
/**
 * pin: Linux 5.2. Every slab page names its memcg and holds one css reference per base page on it,
 * so a removed memcg, and all its caches, live on as long as one object does. Nothing is handed over.
 *
 * Memory per slab row: 4 bytes (`page->mem_cgroup`). Source: kernel-model b.2, b.4, b.7 (BEFORE).
 */
import * as atomics from '#atomics';
import { ROOT_MEMCG } from '../memcg/memcgs.ts';
import { cacheOfSlab } from '../slub/slabs.ts';
import { stepIndex } from './hand-over.ts';
import { auditOwners, bindOwnerColumn, ownerTable } from './page-owner.ts';
import type { BoundStrategy, Strategy } from './strategy.ts';

/** Pinning, as before the patch. */
export const pin: Strategy = {
  name: 'pin',
  summary: 'leave everything with the removed cgroup (Linux 5.2)',
  releasesEarly: false,
  wasmMemory: false,
  tables: (config) => [ownerTable(config)],
  bind(machine, cpu, hooks): BoundStrategy {
    // Constants of the closure, so that V8 inlines them without a check (see allocator.ts).
    const { add } = atomics;
    const { tryCharge, unchargeMemcg, putMemcg } = hooks;
    const { memcg: cacheMemcg, pages: pagesOf } = machine.kmemCaches;
    const { css } = machine.memcgs;
    const { page } = machine.slabs;
    const owner = bindOwnerColumn(machine);
    const steps = machine.cpus.steps;
    const HAND_OVERS = stepIndex(cpu, 'handOvers');
    return {
      charge(cache, row, pages) {
        const memcg = cacheMemcg[cache];
        if (memcg === 0) return true;
        if (memcg !== ROOT_MEMCG && !tryCharge(memcg, pages)) return false;
        add(css, memcg, pages);
        owner[row] = memcg;
        return true;
      },
      uncharge(_cache, row, pages) {
        const memcg = owner[row];
        if (memcg === 0) return;
        if (memcg !== ROOT_MEMCG) unchargeMemcg(memcg, pages);
        owner[row] = 0;
        putMemcg(memcg, pages);
      },
      ownerOf: (row) => owner[row],
      cacheCreated() {},
      // 5.2 holds the memcg until the deferred shrink of each of its caches is done.
      cacheDeactivated(cache) {
        add(css, cacheMemcg[cache], 1);
      },
      cacheShrunk(cache) {
        putMemcg(cacheMemcg[cache], 1);
      },
      cacheReleased() {},
      handOver() {
        steps[HAND_OVERS]++;
      },
      expectedPageRefs(expected) {
        for (let row = 1; row <= machine.config.slabRows; row++) {
          const cache = cacheOfSlab(page, row);
          if (cache !== 0 && owner[row] !== 0) expected[owner[row]] += pagesOf[cache];
        }
      },
      audit: (report) => auditOwners(machine, owner, report),
    };
  },
};
