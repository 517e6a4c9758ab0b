/**
 * The audit of designs with an owner per object: it recounts bytes and references from the vectors of
 * the slabs and the stocks, and trusts no counter.
 */
import type { Machine } from '../machine.ts';
import { CACHE_RECLAIMABLE } from '../memcg/kmem-caches.ts';
import { MEMCG_OFFLINE, ROOT_MEMCG, STAT_ITEMS } from '../memcg/memcgs.ts';
import { RECLAIMABLE, UNRECLAIMABLE } from '../memcg/stats.ts';
import { REF_DEAD, REF_SWITCHED } from '../shared/percpu-ref.ts';
import { takenRows } from '../slub/row-supply.ts';
import {
  cacheOfSlab,
  FREE,
  MAX_ROWS_PER_SLAB,
  OBJECTS_PER_ROW,
  PAGE_BYTES,
} from '../slub/slabs.ts';
import type { ByteStocks } from './byte-stock.ts';
import type { ObjcgLife } from './objcg-life.ts';
import { objectBytes, STAT_BYTES } from './objcg-objects.ts';
import type { ObjcgColumns } from './objcg-tables.ts';
import type { OwnedSlab } from './strategy.ts';

/** What the vectors and stocks say. */
interface Count {
  /** By obj_cgroup. */
  readonly bytes: Float64Array;
  readonly references: Int32Array;
  /** Bytes of objects by (obj_cgroup, statistic). */
  readonly objectBytes: Float64Array;
}

/** Calls back for each object that has an owner. */
function forEachOwned(
  machine: Machine,
  owner: Int32Array,
  visit: (objcg: number, cache: number, handle: number) => void,
): void {
  const { page } = machine.slabs;
  const taken = takenRows(machine);
  for (let head = 1; head <= taken; head++) {
    const cache = cacheOfSlab(page, head);
    if (cache === 0) continue;
    // The table may be broken: no slab is larger than the largest.
    const rows = Math.min(machine.kmemCaches.rows[cache], MAX_ROWS_PER_SLAB);
    const end = Math.min(owner.length, (head + rows) * OBJECTS_PER_ROW);
    for (let handle = head * OBJECTS_PER_ROW; handle < end; handle++) {
      if (owner[handle] !== 0) visit(owner[handle], cache, handle);
    }
  }
}

function countAll(machine: Machine, columns: ObjcgColumns, stocks: ByteStocks): Count {
  const { owner, objcgs } = columns;
  const { flags, size } = machine.kmemCaches;
  const rows = objcgs.memcg.length;
  const count = {
    bytes: Float64Array.from(objcgs.chargedBytes, (bytes, row) =>
      objcgs.memcg[row] === 0 ? 0 : bytes,
    ),
    references: new Int32Array(rows),
    objectBytes: new Float64Array(rows * STAT_ITEMS),
  };
  forEachOwned(machine, owner, (objcg, cache) => {
    const item = (flags[cache] & CACHE_RECLAIMABLE) === 0 ? UNRECLAIMABLE : RECLAIMABLE;
    const bytes = objectBytes(size[cache]);
    count.bytes[objcg] += bytes;
    count.objectBytes[objcg * STAT_ITEMS + item] += bytes;
    count.references[objcg]++;
  });
  stocks.forEach((objcg, bytes) => {
    count.bytes[objcg] += bytes;
    count.references[objcg]++;
  });
  return count;
}

/** What memcgs own, for the audit of counters and statistics. */
export function ownedByObjects(
  machine: Machine,
  columns: ObjcgColumns,
  stocks: ByteStocks,
): OwnedSlab {
  const count = countAll(machine, columns, stocks);
  const memcgs = machine.memcgs.flags.length;
  const pages = new Float64Array(memcgs);
  const units = new Float64Array(memcgs * STAT_ITEMS);
  columns.objcgs.memcg.forEach((memcg, objcg) => {
    if (memcg === 0) return;
    pages[memcg] += count.bytes[objcg] / PAGE_BYTES;
    for (let item = 0; item < STAT_ITEMS; item++) {
      units[memcg * STAT_ITEMS + item] += count.objectBytes[objcg * STAT_ITEMS + item] / STAT_BYTES;
    }
  });
  return { pages, units };
}

/** Bytes of objects whose obj_cgroup was handed over, by cache. */
export function inheritedBytes(machine: Machine, { owner, objcgs }: ObjcgColumns): Float64Array {
  const { size } = machine.kmemCaches;
  const bytes = new Float64Array(size.length);
  forEachOwned(machine, owner, (objcg, cache) => {
    if ((objcgs.refMode[objcg] & REF_DEAD) !== 0) bytes[cache] += objectBytes(size[cache]);
  });
  return bytes;
}

type Report = (invariant: string, detail: string) => void;

/** Every obj_cgroup is its memcg's own, or on the list of the one that inherited it. */
function auditLists(machine: Machine, columns: ObjcgColumns, report: Report): void {
  const { objcgs, byMemcg, live, nodes } = columns;
  const { flags } = machine.memcgs;
  const seen = new Uint8Array(objcgs.memcg.length);
  for (let memcg = ROOT_MEMCG; memcg < flags.length; memcg++) {
    if (flags[memcg] === 0) continue;
    for (let node = 0; node < nodes; node++) {
      const objcg = live[memcg * nodes + node];
      const wanted = memcg !== ROOT_MEMCG && (flags[memcg] & MEMCG_OFFLINE) === 0;
      if ((objcg !== 0) !== wanted || (wanted && objcgs.memcg[objcg] !== memcg)) {
        report('S1', `memcg ${memcg}: its own obj_cgroup of node ${node} is ${objcg}`);
      }
      seen[objcg] = 1;
    }
    let length = 0;
    let before = 0;
    for (let objcg = byMemcg.head[memcg]; objcg !== 0; objcg = objcgs.next[objcg]) {
      if (objcgs.memcg[objcg] !== memcg || objcgs.prev[objcg] !== before || seen[objcg] === 1) {
        report(
          'S1',
          `obj_cgroup ${objcg} is on the list of memcg ${memcg}, names ${objcgs.memcg[objcg]}`,
        );
        break;
      }
      if ((flags[memcg] & MEMCG_OFFLINE) !== 0) {
        report('left behind', `obj_cgroup ${objcg} is with memcg ${memcg}, which was handed over`);
      }
      seen[objcg] = 1;
      before = objcg;
      length++;
    }
    if (length !== byMemcg.inherited[memcg] || byMemcg.tail[memcg] !== before) {
      report(
        'S1',
        `memcg ${memcg}: ${length} obj_cgroups listed, ${byMemcg.inherited[memcg]} counted`,
      );
    }
  }
}

/** R3: references of obj_cgroups: base or switch, objects, stocks. */
function auditReferences(
  machine: Machine,
  columns: ObjcgColumns,
  life: ObjcgLife,
  stocks: ByteStocks,
  report: Report,
): void {
  const { memcg, refMode } = columns.objcgs;
  const count = countAll(machine, columns, stocks);
  for (let objcg = 1; objcg < memcg.length; objcg++) {
    const released = (refMode[objcg] & REF_SWITCHED) !== 0 && life.refs.total(objcg) === 0;
    if (memcg[objcg] === 0 || released) {
      if (count.references[objcg] === 0) continue;
      report('R4', `obj_cgroup ${objcg}, which is gone, owns objects or is in a stock`);
      continue;
    }
    const dead = (refMode[objcg] & REF_DEAD) !== 0;
    const base = dead && (refMode[objcg] & REF_SWITCHED) !== 0 ? 0 : 1;
    const references = life.refs.total(objcg);
    if (references === base + count.references[objcg]) continue;
    report(
      'R3',
      `obj_cgroup ${objcg}: refcnt ${references}, base ${base} + ${count.references[objcg]} objects and stocks`,
    );
  }
}

/** No free object has an owner, and no owner is unknown. */
function auditVectors(machine: Machine, columns: ObjcgColumns, report: Report): void {
  const { page } = machine.slabs;
  const { word, free } = machine.cpuSlabs;
  const caches = machine.config.kmemCaches + 1;
  const isPrivate = (handle: number, cache: number): boolean => {
    for (let cpu = 0; cpu < machine.config.cpus; cpu++) {
      const place = cpu * caches + cache;
      if (word[place] === handle >>> 5 && (free[place] & (1 << handle)) !== 0) return true;
    }
    return false;
  };
  forEachOwned(machine, columns.owner, (objcg, cache, handle) => {
    const bits = page[((handle >>> 6) << 2) + FREE + ((handle >>> 5) & 1)];
    const isFree = (bits & (1 << handle)) !== 0 || isPrivate(handle, cache);
    if (!isFree && objcg < columns.objcgs.memcg.length && columns.objcgs.memcg[objcg] !== 0) return;
    report('owner', `object ${handle & 63} of row ${handle >>> 6} is owned by obj_cgroup ${objcg}`);
  });
}

/** Audits the design's own tables. */
export function auditObjcgs(
  machine: Machine,
  bound: { columns: ObjcgColumns; life: ObjcgLife; stocks: ByteStocks },
  report: Report,
): void {
  const { columns, life, stocks } = bound;
  auditLists(machine, columns, report);
  auditReferences(machine, columns, life, stocks, report);
  auditVectors(machine, columns, report);
}
