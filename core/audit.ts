/**
 * Every invariant of kernel-model (d) that exists so far, over the whole machine, while nothing is in
 * flight. It recomputes from the slab table what the counters and lists claim; it trusts none of them.
 * Needs two bits per slab row for its marks.
 */
import { auditSlabs, type Report } from './audit-slabs.ts';
import { bindCpu, type Cpu } from './cpu.ts';
import type { Machine } from './machine.ts';
import { CACHE_DEACTIVATED, CACHE_LIVE } from './memcg/kmem-caches.ts';
import { MEMCG_LIVE, MEMCG_OFFLINE, MEMCG_ONLINE, ROOT_MEMCG } from './memcg/memcgs.ts';
import { WORK } from './shared/workqueue.ts';
import { CPU_RECORD, cacheOfSlab } from './slub/slabs.ts';

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
/** Audits a machine at a quiescent point. Pass the driving CPU if there is one already. */
export function audit(machine: Machine, cpu: Cpu = bindCpu(machine, 0)): AuditReport {
  const violations: Violation[] = [];
  let suppressed = 0;
  const report: Report = (invariant, detail) => {
    if (violations.length < DETAILS_MAX) violations.push({ invariant, detail });
    else suppressed++;
  };
  // Everything below climbs to the root; without a tree it would not come to an end.
  if (!checkTree(machine, report)) {
    return { violations, slabs: 0, pages: 0, objects: 0, dying: 0 };
  }
  const totals = auditSlabs(machine, report);
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
  return { violations, ...totals, dying };
}

/** Each memcg reaches the root by its parents. */
function checkTree(machine: Machine, report: Report): boolean {
  const { flags, parent } = machine.memcgs;
  for (let memcg = 1; memcg < flags.length; memcg++) {
    if (flags[memcg] === 0) continue;
    let level = memcg;
    for (let depth = 0; level !== ROOT_MEMCG && depth < flags.length; depth++) {
      level = parent[level] ?? 0;
    }
    if (level !== ROOT_MEMCG || parent[ROOT_MEMCG] !== 0) {
      report('tree', `memcg ${memcg}: its parents do not lead to the root`);
      return false;
    }
  }
  return true;
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
