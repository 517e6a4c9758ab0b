/** The part of the audit about charges and statistics: what the counters say against what is there. */
import { folioPages } from './audit-folios.ts';
import type { Report } from './audit-slabs.ts';
import type { Cpu } from './cpu.ts';
import type { Machine } from './machine.ts';
import { CACHE_RECLAIMABLE } from './memcg/kmem-caches.ts';
import { MEMCG_DYING, ROOT_MEMCG, STAT_ITEMS } from './memcg/memcgs.ts';
import type { OwnedSlab } from './reparent/strategy.ts';
import { CPU_RECORD, takenRows } from './slub/row-supply.ts';
import { cacheOfSlab } from './slub/slabs.ts';

/** Base pages by owner and by (owner, statistic), as the slab table has them. */
function ownedPages(machine: Machine, cpu: Cpu): OwnedSlab {
  const { page } = machine.slabs;
  const { pages: pagesOf, flags } = machine.kmemCaches;
  const { ownerOf } = cpu.strategy;
  const rows = machine.memcgs.flags.length;
  const owned = new Float64Array(rows);
  const byItem = new Float64Array(rows * STAT_ITEMS);
  const taken = takenRows(machine);
  for (let row = 1; row <= taken; row++) {
    const cache = cacheOfSlab(page, row);
    if (cache === 0) continue;
    const owner = ownerOf(row);
    owned[owner] += pagesOf[cache];
    byItem[owner * STAT_ITEMS + ((flags[cache] & CACHE_RECLAIMABLE) === 0 ? 1 : 0)] +=
      pagesOf[cache];
  }
  return { pages: owned, units: byItem };
}

/** Adds each memcg's value to all above it. */
function sumUpward(machine: Machine, own: Float64Array, words: number): Float64Array {
  const { parent, flags } = machine.memcgs;
  const sums = new Float64Array(own.length);
  for (let memcg = 1; memcg < flags.length; memcg++) {
    if (flags[memcg] === 0) continue;
    for (let word = 0; word < words; word++) {
      const value = own[memcg * words + word];
      if (value === 0) continue;
      for (let level = memcg; level !== 0; level = parent[level])
        sums[level * words + word] += value;
    }
  }
  return sums;
}

/** C-A and C-C: a memcg's counter is exactly the pages owned below it and what is in stock for them. */
function checkUsage(machine: Machine, owned: Float64Array, report: Report): void {
  const { usage, flags } = machine.memcgs;
  const charged = owned.slice();
  folioPages(machine).forEach((pages, memcg) => {
    charged[memcg] += pages;
  });
  for (let cpu = 0; cpu < machine.config.cpus; cpu++) {
    const base = cpu * CPU_RECORD.words;
    const { record } = machine.cpus;
    charged[record[base + CPU_RECORD.stockMemcg]] += record[base + CPU_RECORD.stockPages];
  }
  for (let memcg = 1; memcg < flags.length; memcg++) {
    if (charged[memcg] !== 0 && flags[memcg] === 0) {
      report('R5', `freed memcg ${memcg} owns pages`, { memcg });
    }
  }
  // The root is left too high by what was charged below it and freed as its own, never too low (M02).
  if (usage[ROOT_MEMCG] < 0) {
    report('C-C', `the root memcg: usage ${usage[ROOT_MEMCG]} pages`, { memcg: ROOT_MEMCG });
  }
  const exact = sumUpward(machine, charged, 1);
  for (let memcg = ROOT_MEMCG + 1; memcg < flags.length; memcg++) {
    if (flags[memcg] === 0 || (flags[memcg] & MEMCG_DYING) !== 0) continue;
    if (usage[memcg] !== exact[memcg]) {
      report(
        'C-A',
        `memcg ${memcg}: usage ${usage[memcg]} pages, ${exact[memcg]} are owned or in stock below it`,
        { memcg },
      );
    }
    if (usage[memcg] < 0) report('C-C', `memcg ${memcg}: usage ${usage[memcg]} pages`, { memcg });
  }
}

/** T-B, exactly: a memcg's statistic and what CPUs hold back of its subtree is what it owns. */
function checkStats(machine: Machine, byItem: Float64Array, report: Report): void {
  const { stat, flags } = machine.memcgs;
  const { statBatch } = machine.cpuMemcgs;
  const rows = flags.length;
  const held = new Float64Array(rows * STAT_ITEMS);
  for (let place = 0; place < statBatch.length; place++) {
    held[place % held.length] += statBatch[place];
  }
  const heldBelow = sumUpward(machine, held, STAT_ITEMS);
  const exact = sumUpward(machine, byItem, STAT_ITEMS);
  for (let memcg = ROOT_MEMCG; memcg < rows; memcg++) {
    if (flags[memcg] === 0 || (flags[memcg] & MEMCG_DYING) !== 0) continue;
    for (let item = 0; item < STAT_ITEMS; item++) {
      const place = memcg * STAT_ITEMS + item;
      if (stat[place] + heldBelow[place] === exact[place]) continue;
      report(
        'T-B',
        `memcg ${memcg}, ${item === 0 ? 'reclaimable' : 'unreclaimable'}: ${stat[place]} pages + ${heldBelow[place]} held back, ${exact[place]} are owned below it`,
        { memcg },
      );
    }
  }
}

/** T-A: the node's slab statistic is exact. */
function checkNodePages(machine: Machine, pages: number, report: Report): void {
  let counted = 0;
  for (let cpu = 0; cpu < machine.config.cpus; cpu++) {
    counted += machine.cpus.record[cpu * CPU_RECORD.words + CPU_RECORD.nodePages];
  }
  if (counted !== pages) report('T-A', `node counter ${counted} pages, ${pages} exist`);
}

/** Audits charges and statistics. */
export function auditAccounts(machine: Machine, cpu: Cpu, pages: number, report: Report): void {
  const owned = cpu.strategy.objects?.owned() ?? ownedPages(machine, cpu);
  checkUsage(machine, owned.pages, report);
  checkStats(machine, owned.units, report);
  checkNodePages(machine, pages, report);
}
