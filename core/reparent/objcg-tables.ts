/**
 * Tables of the designs with an owner per object (`struct obj_cgroup`, Linux 5.9; kernel-model b.13).
 *
 *   objcgs     memcg        owner: one store under objcg_lock; read inside a read section
 *              refcnt, refMode   percpu reference: 1 until its memcg goes offline + one per object + one
 *                           per byte stock that has it + one while a charge for it is under way
 *              chargedBytes bytes of charged pages that are in no stock; atomic
 *              home         memcg that it was made for; immutable while the row lives
 *              next, prev   list of what a memcg inherited; objcg_lock
 *   byMemcg    live         a memcg's own obj_cgroup, one a node; 0 once it is offline. Stored under
 *                           objcg_lock, read inside a read section
 *              head, tail, inherited   list of the obj_cgroups handed over to it, and how many; objcg_lock
 *   refs       slot         each CPU's share of an obj_cgroup's references; that CPU alone
 *   vectors    objcg        owner of each object, by handle. Written by whoever has the object: the CPU
 *                           that allocates it, then the one that frees it; plain access
 *   pool       state        rows of objcgs; objcg_lock
 *
 * Memory: 256 bytes per slab row, as a row describes up to 64 objects. The kernel allocates 8 bytes per
 * object a slab has, when the first of them is accounted, and charges them along with it.
 */
import type { Machine } from '../machine.ts';
import { type Columns, viewTable } from '../shared/layout.ts';
import { bindRowPool, ROW_POOL_SPEC, type RowPool } from '../shared/rows.ts';
import { OBJECTS_PER_ROW } from '../slub/slabs.ts';
import type { FullConfig } from '../tables.ts';
import { strategyBuffer } from './wasm.ts';

const OBJCG_SPEC = {
  memcg: 1,
  refcnt: 1,
  refMode: 1,
  chargedBytes: 1,
  home: 1,
  next: 1,
  prev: 1,
} as const;
const LIST_SPEC = { head: 1, tail: 1, inherited: 1 } as const;
const LIVE_SPEC = { live: 1 } as const;
const SLOT_SPEC = { slot: 1 } as const;
const VECTOR_SPEC = { objcg: OBJECTS_PER_ROW } as const;

/** obj_cgroups of a machine unless `objcgs` says otherwise: each memcg's own, and as many left behind. */
function objcgsOf(config: FullConfig, nodes: number): number {
  return config.objcgs === 0 ? 2 * nodes * config.memcgs : config.objcgs;
}

/** The tables, for so many obj_cgroups a memcg. */
export function objcgTables(config: FullConfig, nodes: number) {
  const rows = objcgsOf(config, nodes) + 1;
  return {
    objcgs: { name: 'objcgs', spec: OBJCG_SPEC, rows },
    byMemcg: { name: 'objcgLists', spec: LIST_SPEC, rows: config.memcgs + 1 },
    live: { name: 'liveObjcgs', spec: LIVE_SPEC, rows: nodes * (config.memcgs + 1) },
    refs: { name: 'objcgRefs', spec: SLOT_SPEC, rows: config.cpus * rows },
    vectors: { name: 'objectOwners', spec: VECTOR_SPEC, rows: config.slabRows + 1 },
    pool: { name: 'objcgPool', spec: ROW_POOL_SPEC, rows: 1 },
  } as const;
}

/** The tables of a machine, opened. */
export interface ObjcgColumns {
  readonly nodes: number;
  readonly objcgs: Columns<typeof OBJCG_SPEC>;
  readonly byMemcg: Columns<typeof LIST_SPEC>;
  readonly live: Int32Array;
  readonly slot: Int32Array;
  readonly owner: Int32Array;
  readonly rows: RowPool;
}

/** Opens them. */
export function viewObjcgs(machine: Machine, nodes: number): ObjcgColumns {
  const tables = objcgTables(machine.config, nodes);
  const buffer = strategyBuffer(machine);
  const view = <Table extends (typeof tables)[keyof typeof tables]>(table: Table) =>
    viewTable<Table['spec']>(buffer, machine.strategyLayout, table);
  const objcgs = view(tables.objcgs);
  return {
    nodes,
    objcgs,
    byMemcg: view(tables.byMemcg),
    live: view(tables.live).live,
    slot: view(tables.refs).slot,
    owner: view(tables.vectors).objcg,
    rows: bindRowPool({
      ...{ state: view(tables.pool).state, pool: 0, next: objcgs.next },
      ...{ first: 1, end: tables.objcgs.rows, limit: 'objcgs' },
    }),
  };
}
