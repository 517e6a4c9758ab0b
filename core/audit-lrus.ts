/** The part of the audit about list_lrus: S5 and S6. */
import type { Report } from './audit-slabs.ts';
import type { Cpu } from './cpu.ts';
import type { Machine } from './machine.ts';
import { lruList } from './memcg/list-lru-rows.ts';
import { ROOT_MEMCG } from './memcg/memcgs.ts';
import { cacheOfSlab, stateOf } from './slub/slabs.ts';

/** Items of one list are linked both ways, as many as counted, and belong there by their owner. */
function checkList(
  machine: Machine,
  cpu: Cpu,
  at: { lru: number; id: number },
  report: Report,
): void {
  const { next, prev, handle } = machine.lruLinks;
  const { kmemId, shrinkerBits } = machine.memcgs;
  const { page } = machine.slabs;
  const list = lruList(machine.config, at.lru, at.id);
  const items = machine.lruLists.items[list];
  let length = 0;
  if (prev[next[list]] !== list) {
    report('S5', `lru ${at.lru}, kmem id ${at.id}: the oldest item is linked wrongly`);
  }
  for (let item = next[list]; item !== list && length <= next.length; item = next[item]) {
    length++;
    const row = handle[item] >>> 6;
    const head = cacheOfSlab(page, row) === 0 ? row - stateOf(page, row) : row;
    const { objects } = cpu.strategy;
    const owner = objects?.ownerOf(handle[item]) ?? cpu.strategy.ownerOf(head);
    if ((owner === 0 ? -1 : kmemId[owner]) !== at.id || prev[next[item]] !== item) {
      report('S5', `lru ${at.lru}, kmem id ${at.id}: item ${item} of memcg ${owner} is on it`, {
        memcg: owner,
        slab: head,
      });
    }
  }
  const memcg = at.id < 0 ? ROOT_MEMCG : machine.kmemIds.owner[at.id];
  if (length !== items) {
    report('S5', `lru ${at.lru}, kmem id ${at.id}: ${length} linked, nr_items ${items}`, { memcg });
  }
  if (length > 0 && (shrinkerBits[memcg] & (1 << at.lru)) === 0) {
    report('S6', `lru ${at.lru}: memcg ${memcg} has ${length} items and no shrinker bit`, {
      memcg,
    });
  }
}

/** Audits all list_lrus. */
export function auditLrus(machine: Machine, cpu: Cpu, report: Report): void {
  for (let lru = 0; lru < machine.config.lrus; lru++) {
    for (let id = -1; id < machine.config.kmemIds; id++)
      checkList(machine, cpu, { lru, id }, report);
  }
}
