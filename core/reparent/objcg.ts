/**
 * objcg: Linux 5.9, "The new cgroup slab memory controller" (R. Gushchin, 2020). Caches are shared by all
 * memcgs; each object names its owner, an obj_cgroup, and is charged by the byte. Removal gives the
 * memcg's obj_cgroup, and those that it inherited, to the parent: one pointer each, one list joined.
 *
 * Memory per slab row: 256 bytes (objcg-tables.ts). Cost per removal: one step, and one for each
 * inherited obj_cgroup that still has objects. Source: kernel-model b.13, c, with the repairs of M26 to M29.
 *
 * The other designs here are those of 2026-05 (kernel 7.1 and what was proposed after it): an obj_cgroup
 * for each node, so that a removal takes one node's lru lock at a time. The CPUs of a machine are on
 * two nodes in turn (CPU 0 on node 0, CPU 1 on node 1, CPU 2 on node 0, ...).
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import { bindByteStocks, type StockDesign } from './byte-stock.ts';
import { auditObjcgs, inheritedBytes, ownedByObjects } from './objcg-audit.ts';
import { bindObjcgLife } from './objcg-life.ts';
import { bindObjects } from './objcg-objects.ts';
import { objcgTables, viewObjcgs } from './objcg-tables.ts';
import type { BoundStrategy, Strategy, StrategyContext } from './strategy.ts';

interface Design extends StockDesign {
  readonly name: string;
  readonly summary: string;
  readonly nodes: number;
}

function bindDesign(design: Design, machine: Machine, context: StrategyContext): BoundStrategy {
  const { peek } = atomics;
  const { nodes, slots, compare } = design;
  const columns = viewObjcgs(machine, nodes);
  const { memcg: memcgOf, chargedBytes } = columns.objcgs;
  const life = bindObjcgLife(machine, columns, context);
  const { get, put } = life.refs;
  const stocks = bindByteStocks(machine, {
    ...{ cpu: context.cpu, slots, compare, memcgOf, chargedBytes, irq: context.processor },
    get: (objcg) => get(objcg, 1),
    put: (objcg) => put(objcg, 1),
    unchargePages: life.unchargePages,
  });
  return {
    // Slabs are of shared caches: not they are charged, but their objects.
    charge: () => true,
    uncharge() {},
    ownerOf: () => 0,
    handOver: life.handOver,
    takeBack: life.takeBack,
    expectedPageRefs(expected) {
      columns.byMemcg.inherited.forEach((inherited, memcg) => {
        expected[memcg] += inherited;
      });
    },
    audit: (report) => auditObjcgs(machine, { columns, life, stocks }, report),
    objects: {
      bind: (slub) => bindObjects(machine, { columns, context, life, stocks, slub }),
      ownerOf: (handle) => peek(memcgOf, columns.owner[handle] | 0),
      online: life.online,
      gracePeriodOver: life.gracePeriodOver,
      drain: stocks.drain,
      holdsFor: (cpu, isMeant) => stocks.some(cpu, (objcg) => isMeant(peek(memcgOf, objcg))),
      owned: () => ownedByObjects(machine, columns, stocks),
      inheritedBytes: () => inheritedBytes(machine, columns),
    },
  };
}

function strategyOf(design: Design): Strategy {
  return {
    name: design.name,
    summary: design.summary,
    releasesEarly: true,
    sharesCaches: true,
    wasmMemory: false,
    tables: (config) => Object.values(objcgTables(config, design.nodes)),
    bind: (machine, context) => bindDesign(design, machine, context),
  };
}

/** One obj_cgroup a memcg, and a stock of one. */
export const objcg = strategyOf({
  name: 'objcg',
  summary: 'an owner for each object, in caches that all share (Linux 5.9)',
  ...{ nodes: 1, slots: 1, compare: 'objcg' },
});

/** One a node: threads of a memcg on two nodes drain each other's stock. */
export const objcgPerNode = strategyOf({
  name: 'objcg-per-node',
  summary: 'objcg, with an owner for each node (Linux 7.1, before its repair)',
  ...{ nodes: 2, slots: 1, compare: 'objcg' },
});

/** The first repair: bytes of one obj_cgroup serve another of the same memcg, and some are lost. */
export const objcgByMemcg = strategyOf({
  name: 'objcg-by-memcg',
  summary: 'objcg-per-node, stocks compared by memcg: loses parts of pages (2026-05, first form)',
  ...{ nodes: 2, slots: 1, compare: 'memcg' },
});

/** The second: a stock that holds five. */
export const objcgFiveSlots = strategyOf({
  name: 'objcg-five-slots',
  summary: 'objcg-per-node, stocks of five owners (2026-05, "multi objcg charge support")',
  ...{ nodes: 2, slots: 5, compare: 'objcg' },
});
