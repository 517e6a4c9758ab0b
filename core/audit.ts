/**
 * Every invariant of kernel-model (d) that exists so far, over the whole machine, while nothing is in
 * flight. It recomputes from the slab table what the counters and lists claim; it trusts none of them.
 * Needs two bits per slab row for its marks.
 */
import { bindCpu, type Cpu } from './cpu.ts';
import type { Machine } from './machine.ts';
import { CACHE_DEACTIVATED, CACHE_LIVE } from './memcg/kmem-caches.ts';
import { MEMCG_LIVE, MEMCG_OFFLINE, MEMCG_ONLINE, ROOT_MEMCG } from './memcg/memcgs.ts';
import { WORK } from './shared/workqueue.ts';
import {
  CPU_RECORD,
  cacheOfSlab,
  FREE,
  FROZEN,
  INUSE_MASK,
  MAX_ROWS_PER_SLAB,
  NEXT,
  stateOf,
} from './slub/slabs.ts';

/** A broken invariant: its name in kernel-model (d) or of the table, and where. */
export interface Violation {
  readonly invariant: string;
  readonly detail: string;
}

/** What an audit saw. */
export interface AuditReport {
  readonly violations: readonly Violation[];
  /** Slabs, their base pages, and objects handed out (private free ones not counted). */
  readonly slabs: number;
  readonly pages: number;
  readonly objects: number;
  /** Removed memcgs that are not freed yet. */
  readonly dying: number;
}

/** More than this many violations are counted, not described. */
const DETAILS_MAX = 100;
/** Where a row was found; 0 is nowhere. */
const [ON_NODE, CPU_OWNS, IS_FREE] = [1, 2, 3] as const;

/** Two bits per slab row, as a machine of a billion objects has 16 million rows. */
class Marks {
  readonly rows: number;
  readonly #bits: Uint32Array;

  constructor(rows: number) {
    this.rows = rows;
    this.#bits = new Uint32Array((rows >>> 4) + 1);
  }

  get(row: number): number {
    return (this.#bits[row >>> 4] >>> (2 * (row & 15))) & 3;
  }

  /** Rows are marked once, so the two bits are 0 before. */
  set(row: number, as: number): void {
    this.#bits[row >>> 4] |= as << (2 * (row & 15));
  }
}

type Report = (invariant: string, detail: string) => void;

function popcount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** Audits a machine at a quiescent point. Pass the driving CPU if there is one already. */
export function audit(machine: Machine, cpu: Cpu = bindCpu(machine, 0)): AuditReport {
  const violations: Violation[] = [];
  let suppressed = 0;
  const report: Report = (invariant, detail) => {
    if (violations.length < DETAILS_MAX) violations.push({ invariant, detail });
    else suppressed++;
  };
  const marks = new Marks(machine.config.slabRows + 1);
  markNodeLists(machine, marks, report);
  const privateObjects = markCpuSlabs(machine, marks, report);
  markFreeRows(machine, marks, report);
  const totals = checkSlabs(machine, marks, report);
  checkUsage(machine, cpu, report);
  checkCaches(machine, report);
  checkIds(machine, report);
  checkReferences(machine, cpu, report);
  checkNodePages(machine, totals.pages, report);
  cpu.strategy.audit(report);
  if (suppressed > 0) report('more', `${suppressed} further violations`);
  const { flags } = machine.memcgs;
  let dying = 0;
  for (let memcg = 1; memcg < flags.length; memcg++) {
    if ((flags[memcg] & MEMCG_LIVE) !== 0 && (flags[memcg] & MEMCG_ONLINE) === 0) dying++;
  }
  return { violations, ...totals, objects: totals.objects - privateObjects, dying };
}

function mark(marks: Marks, row: number, as: number, report: Report): boolean {
  if (row <= 0 || row >= marks.rows || marks.get(row) !== 0) {
    report('lists', `row ${row} is out of range or found a second time`);
    return false;
  }
  marks.set(row, as);
  return true;
}

function markNodeLists(machine: Machine, marks: Marks, report: Report): void {
  const { page, prev } = machine.slabs;
  const { partialHead, partialTail, nrPartial, listLock, flags } = machine.kmemCaches;
  for (let cache = 1; cache < flags.length; cache++) {
    let length = 0;
    let before = 0;
    for (let row = partialHead[cache]; row !== 0; row = page[(row << 2) + NEXT]) {
      if (!mark(marks, row, ON_NODE, report)) break;
      if (prev[row] !== before || cacheOfSlab(page, row) !== cache) {
        report('partial list', `cache ${cache}: row ${row} is linked wrongly or of another cache`);
      }
      before = row;
      length++;
    }
    if (length !== nrPartial[cache] || partialTail[cache] !== before) {
      report('partial list', `cache ${cache}: ${length} slabs, nr_partial ${nrPartial[cache]}`);
    }
    if (listLock[cache] !== 0) report('locks', `list_lock of cache ${cache} is held`);
  }
}

/** Returns how many objects lie on private lists. */
function markCpuSlabs(machine: Machine, marks: Marks, report: Report): number {
  const { page } = machine.slabs;
  const { word: cpuWord, free: cpuFree, partial, partialSlabs } = machine.cpuSlabs;
  const perCpu = machine.config.kmemCaches + 1;
  let privateObjects = 0;
  for (let cpuSlab = 0; cpuSlab < cpuWord.length; cpuSlab++) {
    const cache = cpuSlab % perCpu;
    const word = cpuWord[cpuSlab];
    const bits = cpuFree[cpuSlab];
    privateObjects += popcount(bits);
    if (word !== 0) {
      const row = word >>> 1;
      const head = cacheOfSlab(page, row) === 0 ? row - stateOf(page, row) : row;
      mark(marks, head, CPU_OWNS, report);
      if (cacheOfSlab(page, head) !== cache) {
        report('cpu slab', `row ${row} serves cache ${cache} but belongs to another`);
      }
      if ((bits & page[(row << 2) + FREE + (word & 1)]) !== 0) {
        report('cpu slab', `row ${row}: an object is free privately and on the page`);
      }
    } else if (bits !== 0) report('cpu slab', `cache ${cache}: free objects of no slab`);
    let listed = 0;
    for (let head = partial[cpuSlab]; head !== 0; head = page[(head << 2) + NEXT]) {
      if (!mark(marks, head, CPU_OWNS, report)) break;
      if (cacheOfSlab(page, head) !== cache) {
        report('cpu partial', `row ${head} is on the list of cache ${cache}`);
      }
      listed++;
    }
    if (listed !== partialSlabs[cpuSlab]) {
      report('cpu partial', `cache ${cache}: ${listed} slabs, ${partialSlabs[cpuSlab]} counted`);
    }
  }
  return privateObjects;
}

function markFreeRows(machine: Machine, marks: Marks, report: Report): void {
  const { page } = machine.slabs;
  const { record } = machine.cpus;
  let rows = 0;
  for (let cpu = 0; cpu < machine.config.cpus; cpu++) {
    const base = cpu * CPU_RECORD.words;
    for (let length = 1; length <= MAX_ROWS_PER_SLAB; length++) {
      for (
        let row = record[base + CPU_RECORD.pcp + length];
        row !== 0;
        row = page[(row << 2) + NEXT]
      ) {
        for (let part = row; part < row + length; part++) {
          if (!mark(marks, part, IS_FREE, report)) return;
          if (stateOf(page, part) !== 0)
            report('free rows', `row ${part} is free but has word ${stateOf(page, part)}`);
        }
        rows += length;
      }
    }
    rows += record[base + CPU_RECORD.bumpEnd] - record[base + CPU_RECORD.bump];
  }
  let used = 0;
  for (let row = 1; row <= machine.config.slabRows; row++) if (stateOf(page, row) !== 0) used++;
  const taken = Math.min(machine.globals.slabBump[0], machine.config.slabRows);
  if (rows + used !== taken) {
    report('free rows', `${used} rows in slabs + ${rows} free, but ${taken} were ever taken`);
  }
}

interface SlabTotals {
  readonly slabs: number;
  readonly pages: number;
  readonly objects: number;
}

/** Bitmaps, counts and the state of each slab; slabs per cache. */
function checkSlabs(machine: Machine, marks: Marks, report: Report): SlabTotals {
  const { page } = machine.slabs;
  const caches = machine.kmemCaches;
  const slabsOf = new Int32Array(caches.flags.length);
  let slabs = 0;
  let pages = 0;
  let total = 0;
  for (let row = 1; row <= machine.config.slabRows; row++) {
    const bits = stateOf(page, row);
    const cache = cacheOfSlab(page, row);
    if (cache === 0) continue;
    if (cache >= slabsOf.length || (caches.flags[cache] & CACHE_LIVE) === 0) {
      report('R4', `row ${row} belongs to cache ${cache}, which is freed`);
      continue;
    }
    const objects = caches.objects[cache];
    const last = row + caches.rows[cache] - 1;
    let freeOnPage = 0;
    for (let part = row; part <= last; part++) {
      const low = page[(part << 2) + FREE];
      const high = page[(part << 2) + FREE + 1];
      freeOnPage += popcount(low) + popcount(high);
      const outside =
        part === last &&
        ((low & ~caches.lastMask[2 * cache]) | (high & ~caches.lastMask[2 * cache + 1])) !== 0;
      if (outside || (part > row && stateOf(page, part) !== part - row)) {
        report('slabs', `row ${part}: bits beyond the last object, or a broken tail`);
      }
    }
    const inuse = bits & INUSE_MASK;
    const frozen = (bits & FROZEN) !== 0;
    if (inuse + freeOnPage !== objects) {
      report('slabs', `row ${row}: ${inuse} in use + ${freeOnPage} free, of ${objects} objects`);
    }
    const found = marks.get(row);
    const owned = found === CPU_OWNS;
    const listed = found === ON_NODE;
    if (frozen !== owned || listed !== (!frozen && inuse < objects)) {
      report('slabs', `row ${row}: frozen ${frozen}, in use ${inuse}/${objects}, found ${found}`);
    }
    slabsOf[cache]++;
    slabs++;
    pages += caches.pages[cache];
    total += inuse;
  }
  for (let cache = 1; cache < slabsOf.length; cache++) {
    if (caches.flags[cache] !== 0 && caches.nrSlabs[cache] !== slabsOf[cache]) {
      report('nr_slabs', `cache ${cache}: ${caches.nrSlabs[cache]}, counted ${slabsOf[cache]}`);
    }
  }
  return { slabs, pages, objects: total };
}

/** C-A and C-C: the counter of every online memcg is exactly the pages owned below it. */
function checkUsage(machine: Machine, cpu: Cpu, report: Report): void {
  const { page } = machine.slabs;
  const { pages: pagesOf } = machine.kmemCaches;
  const { usage, parent, flags } = machine.memcgs;
  const owned = new Int32Array(flags.length);
  for (let row = 1; row <= machine.config.slabRows; row++) {
    const cache = cacheOfSlab(page, row);
    if (cache !== 0) owned[cpu.strategy.ownerOf(row)] += pagesOf[cache];
  }
  const exact = new Int32Array(flags.length);
  for (let memcg = 1; memcg < flags.length; memcg++) {
    if (owned[memcg] !== 0 && flags[memcg] === 0) report('R5', `freed memcg ${memcg} owns pages`);
    for (let level = memcg; level !== 0 && owned[memcg] !== 0; level = parent[level]) {
      exact[level] += owned[memcg];
    }
  }
  for (let memcg = ROOT_MEMCG + 1; memcg < flags.length; memcg++) {
    if ((flags[memcg] & MEMCG_ONLINE) === 0) continue;
    if (usage[memcg] !== exact[memcg]) {
      report(
        'C-A',
        `memcg ${memcg}: usage ${usage[memcg]} pages, ${exact[memcg]} are owned below it`,
      );
    }
    if (usage[memcg] < 0) report('C-C', `memcg ${memcg}: usage ${usage[memcg]} pages`);
  }
}

/** S1: each memcg cache is on exactly the list of the memcg it names. R4, R5 for caches. */
function checkCaches(machine: Machine, report: Report): void {
  const { flags, memcg: ownerOf, next, prev } = machine.kmemCaches;
  const { cachesHead, cachesTail, caches, flags: memcgFlags } = machine.memcgs;
  const seen = new Uint8Array(flags.length);
  for (let memcg = 1; memcg < memcgFlags.length; memcg++) {
    if (memcgFlags[memcg] === 0) continue;
    let length = 0;
    let before = 0;
    for (
      let cache = cachesHead[memcg];
      cache !== 0 && length <= flags.length;
      cache = next[cache]
    ) {
      if (ownerOf[cache] !== memcg || prev[cache] !== before || seen[cache] !== 0) {
        report('S1', `cache ${cache} is on the list of memcg ${memcg}, names ${ownerOf[cache]}`);
      }
      seen[cache] = 1;
      before = cache;
      length++;
    }
    if (length !== caches[memcg] || cachesTail[memcg] !== before) {
      report('S1', `memcg ${memcg}: ${length} caches listed, ${caches[memcg]} counted`);
    }
  }
  for (let cache = 1; cache < flags.length; cache++) {
    if ((flags[cache] & CACHE_LIVE) === 0 || ownerOf[cache] === 0) continue;
    if (seen[cache] === 0) report('S1', `cache ${cache} is on no list`);
    if (memcgFlags[ownerOf[cache]] === 0) report('R5', `cache ${cache}: its memcg is freed`);
  }
}

/** S2 and S4: array entries and ids. */
function checkIds(machine: Machine, report: Report): void {
  const { cache: cacheOf } = machine.cacheArrays;
  const { owner } = machine.kmemIds;
  const { flags, kmemId, parent } = machine.memcgs;
  const ids = machine.config.kmemIds;
  for (let place = 0; place < cacheOf.length; place++) {
    const cache = cacheOf[place];
    if (cache === 0) continue;
    const memcg = owner[place % ids];
    const { memcg: memcgOf, root, flags: cacheFlags } = machine.kmemCaches;
    const wrong = memcgOf[cache] !== memcg || root[cache] !== Math.floor(place / ids);
    if (wrong || memcg === 0 || (cacheFlags[cache] & CACHE_DEACTIVATED) !== 0) {
      report('S2', `entry (${Math.floor(place / ids)}, id ${place % ids}) names cache ${cache}`);
    }
  }
  for (let memcg = ROOT_MEMCG + 1; memcg < flags.length; memcg++) {
    if (flags[memcg] === 0) continue;
    let holder = memcg;
    while ((flags[holder] & MEMCG_OFFLINE) !== 0) holder = parent[holder];
    const id = kmemId[holder];
    if (kmemId[memcg] !== id || (id >= 0 && owner[id] !== holder)) {
      report('S4', `memcg ${memcg}: kmem id ${kmemId[memcg]}, its online ancestor has ${id}`);
    }
  }
}

/** R1/R2: css references, from everything that should hold one. */
function checkReferences(machine: Machine, cpu: Cpu, report: Report): void {
  const { flags, css, parent, descendants, dying } = machine.memcgs;
  const caches = machine.kmemCaches;
  const early = machine.strategy.releasesEarly;
  const expected = new Int32Array(flags.length);
  const online = new Int32Array(flags.length);
  const dead = new Int32Array(flags.length);
  for (let memcg = 1; memcg < flags.length; memcg++) {
    if (flags[memcg] === 0) continue;
    // One for being online, which rmdir passes on to the offline work.
    if ((flags[memcg] & MEMCG_OFFLINE) === 0) expected[memcg]++;
    if (parent[memcg] !== 0) expected[parent[memcg]]++;
    for (let level = parent[memcg]; level !== 0; level = parent[level]) {
      if ((flags[memcg] & MEMCG_ONLINE) !== 0) online[level]++;
      else dead[level]++;
    }
  }
  for (let cache = 1; cache < caches.flags.length && early; cache++) {
    if (caches.flags[cache] !== 0) expected[caches.memcg[cache]]++;
  }
  if (!early) countPendingShrinks(machine, expected);
  cpu.strategy.expectedPageRefs(expected);
  for (let memcg = 1; memcg < flags.length; memcg++) {
    if (flags[memcg] === 0) continue;
    if (css[memcg] !== expected[memcg]) {
      report(early ? 'R2' : 'R1', `memcg ${memcg}: css ${css[memcg]}, ${expected[memcg]} expected`);
    }
    if (descendants[memcg] !== online[memcg] || dying[memcg] !== dead[memcg]) {
      report(
        'cgroup.stat',
        `memcg ${memcg}: ${descendants[memcg]} descendants, ${dying[memcg]} dying`,
      );
    }
  }
}

/** 5.2: a queued deactivation holds its memcg. */
function countPendingShrinks(machine: Machine, expected: Int32Array): void {
  const { kind, row } = machine.work;
  const { workHead, workTail } = machine.globals;
  for (let at = workHead[0]; at !== workTail[0]; at = at + 1 === kind.length ? 0 : at + 1) {
    if (kind[at] === WORK.shrinkCache) expected[machine.kmemCaches.memcg[row[at]]]++;
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
