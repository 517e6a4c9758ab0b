/**
 * The slab half of the audit: every row is found exactly where its state says, bitmaps and counts add
 * up, and no row is lost. Needs two bits per slab row.
 */
import type { Machine } from './machine.ts';
import { CACHE_BY_OBJECTS, CACHE_LIVE } from './memcg/kmem-caches.ts';
import { popcount } from './slub/retire.ts';
import { CPU_RECORD, takenRows } from './slub/row-supply.ts';
import {
  CACHE_SHIFT,
  cacheOfSlab,
  FREE,
  FROZEN,
  INUSE_MASK,
  MAX_ROWS_PER_SLAB,
  NEXT,
  stateOf,
} from './slub/slabs.ts';

/** Which rows a broken invariant is about, for the operations that led there. */
export interface About {
  readonly slab?: number;
  readonly cache?: number;
  readonly memcg?: number;
}

/** Takes a broken invariant: its name, where, and which rows. */
export type Report = (invariant: string, detail: string, about?: About) => void;

/** Where a row was found; 0 is nowhere. */
const [ON_NODE, CPU_OWNS, ELSEWHERE] = [1, 2, 3] as const;

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

function mark(marks: Marks, row: number, as: number, report: Report): boolean {
  if (row <= 0 || row >= marks.rows || marks.get(row) !== 0) {
    report('lists', `row ${row} is out of range or found a second time`, { slab: row });
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
        report('partial list', `cache ${cache}: row ${row} is linked wrongly or of another cache`, {
          slab: row,
          cache,
        });
      }
      before = row;
      length++;
    }
    if (length !== nrPartial[cache] || partialTail[cache] !== before) {
      report('partial list', `cache ${cache}: ${length} slabs, nr_partial ${nrPartial[cache]}`, {
        cache,
      });
    }
    if (listLock[cache] !== 0) report('locks', `list_lock of cache ${cache} is held`);
  }
}

/** Returns how many objects lie on private lists. */
function markCpuSlabs(machine: Machine, marks: Marks, report: Report): number {
  const { page, prev } = machine.slabs;
  const { word: cpuWord, free: cpuFree, partial, partialCount } = machine.cpuSlabs;
  const { flags } = machine.kmemCaches;
  const perCpu = machine.config.kmemCaches + 1;
  let privateObjects = 0;
  for (let cpuSlab = 0; cpuSlab < cpuWord.length; cpuSlab++) {
    const cache = cpuSlab % perCpu;
    if (cache === 0) continue;
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
    const byObjects = (flags[cache] & CACHE_BY_OBJECTS) !== 0;
    let counted = 0;
    for (let head = partial[cpuSlab]; head !== 0; head = page[(head << 2) + NEXT]) {
      if (!mark(marks, head, CPU_OWNS, report)) break;
      if (cacheOfSlab(page, head) !== cache) {
        report('cpu partial', `row ${head} is on the list of cache ${cache}`);
      }
      counted += byObjects ? 1 + prev[head] : 1;
    }
    if (counted !== partialCount[cpuSlab]) {
      const what = byObjects ? 'objects' : 'slabs';
      report('cpu partial', `cache ${cache}: ${counted} ${what}, count ${partialCount[cpuSlab]}`);
    }
  }
  return privateObjects;
}

/** Slabs of caches that promise their readers a grace period; returns how many of each cache. */
function markDeferred(machine: Machine, marks: Marks, report: Report): Int32Array {
  const { page } = machine.slabs;
  const waiting = new Int32Array(machine.kmemCaches.flags.length);
  const { rcuSlabs } = machine.globals;
  for (let row = rcuSlabs[0]; row !== 0; row = page[(row << 2) + NEXT]) {
    if (!mark(marks, row, ELSEWHERE, report)) break;
    waiting[cacheOfSlab(page, row)]++;
  }
  return waiting;
}

/** Marks the runs of one list; returns how many rows they have. */
function markRuns(
  machine: Machine,
  marks: Marks,
  list: { first: number; length: number },
  report: Report,
): number {
  const { page } = machine.slabs;
  let rows = 0;
  for (let row = list.first; row !== 0; row = page[(row << 2) + NEXT]) {
    for (let part = row; part < row + list.length; part++) {
      if (!mark(marks, part, ELSEWHERE, report)) return rows;
      if (stateOf(page, part) !== 0) {
        report('free rows', `row ${part} is free but has word ${stateOf(page, part)}`, {
          slab: part,
        });
      }
    }
    rows += list.length;
  }
  return rows;
}

function markFreeRows(machine: Machine, marks: Marks, report: Report): void {
  const { page } = machine.slabs;
  const { record } = machine.cpus;
  let rows = 0;
  for (let length = 1; length <= MAX_ROWS_PER_SLAB; length++) {
    rows += markRuns(machine, marks, { first: machine.zone.head[length], length }, report);
    for (let cpu = 0; cpu < machine.config.cpus; cpu++) {
      const first = record[cpu * CPU_RECORD.words + CPU_RECORD.pcp + length];
      rows += markRuns(machine, marks, { first, length }, report);
    }
  }
  for (let cpu = 0; cpu < machine.config.cpus; cpu++) {
    const base = cpu * CPU_RECORD.words;
    rows += record[base + CPU_RECORD.bumpEnd] - record[base + CPU_RECORD.bump];
  }
  // Over all rows: whoever writes to one that nobody took is found here.
  let used = 0;
  for (let row = 1; row <= machine.config.slabRows; row++) if (stateOf(page, row) !== 0) used++;
  const taken = takenRows(machine);
  if (rows + used !== taken) {
    report('free rows', `${used} rows in slabs + ${rows} free, but ${taken} were ever taken`);
  }
}

/** What the slab table holds; `objects` are those handed out, private free ones not counted. */
export interface SlabTotals {
  readonly slabs: number;
  readonly pages: number;
  readonly objects: number;
}

/** Bitmaps, counts and the state of each slab; slabs per cache. */
function checkSlabs(
  machine: Machine,
  marks: Marks,
  waiting: Int32Array,
  report: Report,
): SlabTotals {
  const { page } = machine.slabs;
  const caches = machine.kmemCaches;
  const { objects: objectsOf, rows: rowsOf, lastMask } = caches;
  const slabsOf = new Int32Array(caches.flags.length);
  let slabs = 0;
  let pages = 0;
  let total = 0;
  const taken = takenRows(machine);
  for (let row = 1; row <= taken; row++) {
    const bits = page[row << 2];
    const cache = bits >>> CACHE_SHIFT;
    if (cache === 0) continue;
    if (cache >= slabsOf.length || (caches.flags[cache] & CACHE_LIVE) === 0) {
      report('R4', `row ${row} belongs to cache ${cache}, which is freed`, { slab: row, cache });
      continue;
    }
    const objects = objectsOf[cache];
    const last = row + Math.min(rowsOf[cache], MAX_ROWS_PER_SLAB) - 1;
    let freeOnPage = 0;
    for (let part = row; part <= last; part++) {
      const low = page[(part << 2) + FREE];
      const high = page[(part << 2) + FREE + 1];
      freeOnPage += popcount(low) + popcount(high);
      const outside =
        part === last && ((low & ~lastMask[2 * cache]) | (high & ~lastMask[2 * cache + 1])) !== 0;
      if (outside || (part > row && page[part << 2] !== part - row)) {
        report('slabs', `row ${part}: bits beyond the last object, or a broken tail`, {
          slab: row,
          cache,
        });
      }
    }
    const inuse = bits & INUSE_MASK;
    if (inuse + freeOnPage !== objects) {
      report('slabs', `row ${row}: ${inuse} in use + ${freeOnPage} free, of ${objects} objects`, {
        slab: row,
        cache,
      });
    }
    const found = marks.get(row);
    const frozen = (bits & FROZEN) !== 0;
    const listed = found === ON_NODE || found === ELSEWHERE;
    if (frozen !== (found === CPU_OWNS) || listed !== (!frozen && inuse < objects)) {
      report('slabs', `row ${row}: frozen ${frozen}, in use ${inuse}/${objects}, found ${found}`, {
        slab: row,
        cache,
      });
    }
    slabsOf[cache]++;
    slabs++;
    pages += caches.pages[cache];
    total += inuse;
  }
  for (let cache = 1; cache < slabsOf.length; cache++) {
    const counted = slabsOf[cache] - waiting[cache];
    if (caches.flags[cache] !== 0 && caches.nrSlabs[cache] !== counted) {
      report('nr_slabs', `cache ${cache}: ${caches.nrSlabs[cache]}, counted ${counted}`, { cache });
    }
  }
  return { slabs, pages, objects: total };
}

/** Audits slabs, lists and rows. */
export function auditSlabs(machine: Machine, report: Report): SlabTotals {
  const marks = new Marks(machine.config.slabRows + 1);
  markNodeLists(machine, marks, report);
  const privateObjects = markCpuSlabs(machine, marks, report);
  const waiting = markDeferred(machine, marks, report);
  markFreeRows(machine, marks, report);
  const totals = checkSlabs(machine, marks, waiting, report);
  return { ...totals, objects: totals.objects - privateObjects };
}
