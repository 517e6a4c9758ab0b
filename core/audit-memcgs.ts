/** The part of the audit about memcgs and caches: tree, lists, ids and references. */
import { folioPages } from './audit-folios.ts';
import type { Report } from './audit-slabs.ts';
import type { Cpu } from './cpu.ts';
import type { Machine } from './machine.ts';
import { CACHE_DEACTIVATED, CACHE_KILLED, CACHE_LIVE, CACHE_SHUT } from './memcg/kmem-caches.ts';
import {
  MEMCG_DYING,
  MEMCG_LIVE,
  MEMCG_OFFLINE,
  MEMCG_ONLINE,
  MEMCG_RELEASED,
  ROOT_MEMCG,
} from './memcg/memcgs.ts';
import { RCU_CALLBACK, WORK } from './shared/deferred-kinds.ts';
import { REF_DEAD, REF_SWITCHED } from './shared/percpu-ref.ts';
import { LINE } from './shared/processor.ts';
import { CPU_RECORD, takenRows } from './slub/row-supply.ts';
import { cacheOfSlab } from './slub/slabs.ts';

/** Each memcg reaches the root by its parents, and the root is online: every climb ends there. */
export function checkTree(machine: Machine, report: Report): boolean {
  const { flags, parent } = machine.memcgs;
  if ((flags[ROOT_MEMCG] & (MEMCG_LIVE | MEMCG_OFFLINE)) !== MEMCG_LIVE) {
    report('tree', `the root memcg has flags ${flags[ROOT_MEMCG]}`, { memcg: ROOT_MEMCG });
    return false;
  }
  for (let memcg = 1; memcg < flags.length; memcg++) {
    if (flags[memcg] === 0) continue;
    let level = memcg;
    for (let depth = 0; level !== ROOT_MEMCG && depth < flags.length; depth++) {
      level = parent[level] ?? 0;
    }
    if (level !== ROOT_MEMCG || parent[ROOT_MEMCG] !== 0) {
      report('tree', `memcg ${memcg}: its parents do not lead to the root`, { memcg });
      return false;
    }
  }
  return true;
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
        report('S1', `cache ${cache} is on the list of memcg ${memcg}, names ${ownerOf[cache]}`, {
          cache,
          memcg,
        });
      }
      seen[cache] = 1;
      before = cache;
      length++;
    }
    if (length !== caches[memcg] || cachesTail[memcg] !== before) {
      report('S1', `memcg ${memcg}: ${length} caches listed, ${caches[memcg]} counted`, { memcg });
    }
  }
  for (let cache = 1; cache < flags.length; cache++) {
    if ((flags[cache] & CACHE_LIVE) === 0 || ownerOf[cache] === 0) continue;
    const gone = (flags[cache] & CACHE_SHUT) !== 0;
    if ((seen[cache] === 0) !== gone) report('S1', `cache ${cache} is on no list`, { cache });
    // 5.2: a cache that was shut down with its memcg is freed after it and holds nothing on it.
    if (memcgFlags[ownerOf[cache]] === 0 && (machine.strategy.releasesEarly || !gone)) {
      report('R5', `cache ${cache}: its memcg is freed`, { cache, memcg: ownerOf[cache] });
    }
  }
}

/** S2 and S4: array entries and ids. */
function checkIds(machine: Machine, report: Report): void {
  const { cache: cacheOf } = machine.cacheArrays;
  const { owner } = machine.kmemIds;
  const { flags, kmemId, parent } = machine.memcgs;
  const { memcg: memcgOf, root, flags: cacheFlags } = machine.kmemCaches;
  const ids = machine.config.kmemIds;
  for (let place = 0; place < cacheOf.length; place++) {
    const cache = cacheOf[place];
    if (cache === 0) continue;
    const memcg = owner[place % ids];
    const wrong = memcgOf[cache] !== memcg || root[cache] !== Math.floor(place / ids);
    if (wrong || memcg === 0 || (cacheFlags[cache] & CACHE_DEACTIVATED) !== 0) {
      report('S2', `entry (${Math.floor(place / ids)}, id ${place % ids}) names cache ${cache}`, {
        cache,
        memcg,
      });
    }
  }
  for (let id = 0; id < ids; id++) {
    const memcg = owner[id];
    if (memcg === 0) continue;
    const online = (flags[memcg] & (MEMCG_LIVE | MEMCG_OFFLINE)) === MEMCG_LIVE;
    if (!online || kmemId[memcg] !== id) {
      report('S4', `kmem id ${id} is in use by memcg ${memcg}, which does not have it`, { memcg });
    }
  }
  for (let memcg = ROOT_MEMCG + 1; memcg < flags.length; memcg++) {
    if (flags[memcg] === 0 || (flags[memcg] & MEMCG_RELEASED) !== 0) continue;
    let holder = memcg;
    while ((flags[holder] & MEMCG_OFFLINE) !== 0) holder = parent[holder];
    const id = kmemId[holder];
    if (kmemId[memcg] !== id || (id >= 0 && owner[id] !== holder)) {
      report('S4', `memcg ${memcg}: kmem id ${kmemId[memcg]}, its online ancestor has ${id}`, {
        memcg,
      });
    }
  }
}

/** Callbacks that are about neither a cache nor a memcg. */
const OTHERS: readonly number[] = [
  ...[RCU_CALLBACK.freeSlabs, RCU_CALLBACK.objcgKilled, RCU_CALLBACK.objcgReleased],
];

/** R4 and R5: what waits to be run is about caches and memcgs that still exist. */
function checkDeferred(machine: Machine, cpu: Cpu, report: Report): void {
  const { flags: cacheFlags } = machine.kmemCaches;
  const { flags: memcgFlags } = machine.memcgs;
  const ofCache = (cache: number, what: string) => {
    if (cacheFlags[cache] === 0)
      report('R4', `${what} of cache ${cache}, which is freed`, { cache });
  };
  const ofMemcg = (memcg: number, what: string) => {
    if (memcgFlags[memcg] === 0)
      report('R5', `${what} of memcg ${memcg}, which is freed`, { memcg });
  };
  cpu.rcu.forEach((kind, row) => {
    const memcg = kind === RCU_CALLBACK.memcgKilled || kind === RCU_CALLBACK.memcgReleased;
    if (!OTHERS.includes(kind)) (memcg ? ofMemcg : ofCache)(row, `callback ${kind}`);
  });
  const cacheWork: readonly number[] = [
    ...[WORK.shrinkCache, WORK.shutdownCache, WORK.freeTypesafeCache],
  ];
  cpu.cgroupWork.forEach((kind, row) => {
    ofMemcg(row, `work item ${kind}`);
  });
  cpu.work.forEach((kind, row) => {
    (cacheWork.includes(kind) ? ofCache : ofMemcg)(row, `work item ${kind}`);
  });
}

/** References that deferred work, stocks and tasks hold on memcgs. */
function countHolders(machine: Machine, cpu: Cpu, expected: Int32Array): void {
  const { memcg: memcgOf } = machine.kmemCaches;
  const early = machine.strategy.releasesEarly;
  cpu.rcu.forEach((kind, row) => {
    if (!early && kind === RCU_CALLBACK.cacheDeactivated) expected[memcgOf[row]]++;
  });
  cpu.work.forEach((kind, row) => {
    if (kind === WORK.createCache) expected[row]++;
    if (!early && kind === WORK.shrinkCache) expected[memcgOf[row]]++;
  });
  for (let other = 0; other < machine.config.cpus; other++) {
    const base = other * CPU_RECORD.words;
    const stocked = machine.cpus.record[base + CPU_RECORD.stockMemcg];
    expected[stocked] += machine.cpus.record[base + CPU_RECORD.stockPages];
    const task = machine.processors.current[other * LINE];
    if (task !== ROOT_MEMCG) expected[task]++;
  }
}

/** What the life cycle itself holds on a memcg. */
function ownReferences(machine: Machine, memcg: number): number {
  const flags = machine.memcgs.flags[memcg];
  const mode = machine.memcgs.cssMode[memcg];
  const base = (mode & REF_DEAD) === 0 ? 1 : 0;
  const switching = (mode & (REF_DEAD | REF_SWITCHED)) === REF_DEAD ? 1 : 0;
  if (memcg === ROOT_MEMCG || (flags & MEMCG_ONLINE) === 0) return base + switching;
  // Until the offline callback is done: the private id, and the removal.
  return base + switching + 1 + ((flags & MEMCG_DYING) === 0 ? 0 : 1);
}

/** R1/R2: css references, from everything that should hold one; cgroup.stat. */
function checkReferences(machine: Machine, cpu: Cpu, report: Report): void {
  const { flags, parent, descendants, dying } = machine.memcgs;
  const caches = machine.kmemCaches;
  const early = machine.strategy.releasesEarly;
  const expected = new Int32Array(flags.length);
  const online = new Int32Array(flags.length);
  const dead = new Int32Array(flags.length);
  for (let memcg = 1; memcg < flags.length; memcg++) {
    if (flags[memcg] === 0) continue;
    expected[memcg] += ownReferences(machine, memcg);
    if (parent[memcg] !== 0) expected[parent[memcg]]++;
    if ((flags[memcg] & MEMCG_RELEASED) !== 0) continue;
    for (let level = parent[memcg]; level !== 0; level = parent[level]) {
      if ((flags[memcg] & MEMCG_DYING) === 0) online[level]++;
      else dead[level]++;
    }
  }
  const holdMemcgs = early && !machine.strategy.sharesCaches;
  for (let cache = 1; cache < caches.flags.length && holdMemcgs; cache++) {
    if (caches.flags[cache] !== 0) expected[caches.memcg[cache]]++;
  }
  folioPages(machine).forEach((pages, memcg) => {
    expected[memcg] += pages;
  });
  countHolders(machine, cpu, expected);
  cpu.strategy.expectedPageRefs(expected);
  for (let memcg = 1; memcg < flags.length; memcg++) {
    if (flags[memcg] === 0) continue;
    const css = cpu.cssOf(memcg);
    if (css !== expected[memcg]) {
      report(early ? 'R2' : 'R1', `memcg ${memcg}: css ${css}, ${expected[memcg]} expected`, {
        memcg,
      });
    }
    if (descendants[memcg] !== online[memcg] || dying[memcg] !== dead[memcg]) {
      report(
        'cgroup.stat',
        `memcg ${memcg}: ${descendants[memcg]} descendants, ${dying[memcg]} dying`,
        { memcg },
      );
    }
  }
}

/** R3: references on memcgs' caches: base, a switch under way, and the pages of their slabs. */
function checkCacheReferences(machine: Machine, cpu: Cpu, report: Report): void {
  if (!machine.strategy.releasesEarly || machine.strategy.sharesCaches) return;
  const { page } = machine.slabs;
  const { flags, root, refMode, pages: pagesOf } = machine.kmemCaches;
  const pages = new Int32Array(flags.length);
  const taken = takenRows(machine);
  for (let row = 1; row <= taken; row++) {
    const cache = cacheOfSlab(page, row);
    if (cache !== 0) pages[cache] += pagesOf[cache];
  }
  for (let cache = 1; cache < flags.length; cache++) {
    if (flags[cache] === 0 || root[cache] === 0) continue;
    const base = (flags[cache] & CACHE_KILLED) === 0 ? 1 : 0;
    const switching = base === 0 && (refMode[cache] & REF_SWITCHED) === 0 ? 1 : 0;
    const references = cpu.cacheRefsOf(cache);
    if (references !== base + switching + pages[cache]) {
      report(
        'R3',
        `cache ${cache}: refcnt ${references}, base ${base} + switch ${switching} + ${pages[cache]} pages`,
        { cache },
      );
    }
  }
}

/** Audits memcgs and caches. */
export function auditMemcgs(machine: Machine, cpu: Cpu, report: Report): void {
  checkCaches(machine, report);
  checkIds(machine, report);
  checkDeferred(machine, cpu, report);
  checkReferences(machine, cpu, report);
  checkCacheReferences(machine, cpu, report);
}
