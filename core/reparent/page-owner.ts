/**
 * What the designs with an owner per page share: the column itself (`page->mem_cgroup`, 4 bytes per
 * slab row, kept at the head row) and its audit. The page-by-page designs hold one css reference per
 * slab on its owner.
 * Protection: written by whoever charges, uncharges or reparents the slab, under a lock of the design
 * (pin needs none: nobody reparents). Read without one by look-ups, inside an RCU read section.
 */
import type { Machine } from '../machine.ts';
import { MEMCG_OFFLINE } from '../memcg/memcgs.ts';
import { viewTable } from '../shared/layout.ts';
import { takenRows } from '../slub/row-supply.ts';
import { cacheOfSlab } from '../slub/slabs.ts';
import type { FullConfig } from '../tables.ts';
import { strategyBuffer } from './wasm.ts';

const OWNER_SPEC = { owner: 1 } as const;

/** The owner table of a machine. */
export function ownerTable(config: FullConfig) {
  return { name: 'owners', spec: OWNER_SPEC, rows: config.slabRows + 1 } as const;
}

/** The owner column: memcg of each slab's head row, 0 for none. */
export function bindOwnerColumn(machine: Machine): Int32Array<SharedArrayBuffer> {
  const table = ownerTable(machine.config);
  return viewTable(strategyBuffer(machine), machine.strategyLayout, table).owner;
}

/** Adds one reference per slab to its owner. */
export function countSlabRefs(machine: Machine, owner: Int32Array, expected: Int32Array): void {
  const { page } = machine.slabs;
  const taken = takenRows(machine);
  for (let row = 1; row <= taken; row++) {
    if (cacheOfSlab(page, row) !== 0 && owner[row] !== 0) expected[owner[row]]++;
  }
}

/** Each slab of an accounted cache has a living owner, and no other row has one (R5). */
export function auditOwners(
  machine: Machine,
  owner: Int32Array,
  report: (invariant: string, detail: string) => void,
): void {
  const { page } = machine.slabs;
  const { memcg } = machine.kmemCaches;
  const { flags } = machine.memcgs;
  const isOffline = (one: number) => (flags[one] & MEMCG_OFFLINE) !== 0;
  for (let row = 1; row <= machine.config.slabRows; row++) {
    const cache = cacheOfSlab(page, row);
    const accounted = cache !== 0 && memcg[cache] !== 0;
    if (accounted !== (owner[row] !== 0)) {
      report('owner', `row ${row} of cache ${cache} is owned by memcg ${owner[row]}`);
    } else if (accounted && machine.strategy.releasesEarly && isOffline(owner[row])) {
      report('left behind', `row ${row} is owned by memcg ${owner[row]}, which was handed over`);
    } else if (accounted && flags[owner[row]] === 0) {
      report('R5', `row ${row} is owned by memcg ${owner[row]}, which is freed`);
    }
  }
}
