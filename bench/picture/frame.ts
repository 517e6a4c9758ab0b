/**
 * A machine's state at a moment as plain rows, from nothing but its columns: of a machine that one plays
 * with in a page, and of the memory that an explored schedule went through.
 */
import { CACHE_DEACTIVATED, CACHE_KILLED, CACHE_SHUT } from '../../core/memcg/kmem-caches.ts';
import { MEMCG_DYING, MEMCG_OFFLINE, MEMCG_RELEASED } from '../../core/memcg/memcgs.ts';
import { REF_BIAS, REF_DEAD, REF_SWITCHED } from '../../core/shared/percpu-ref.ts';
import { cacheOfSlab, FREE } from '../../core/slub/slabs.ts';
import type { FullConfig } from '../../core/tables.ts';
import type {
  Frame,
  FrameCache,
  FrameMemcg,
  FrameObjcg,
  FramePage,
} from '../../reports/results-frames.ts';

/** The memory of a machine. */
export interface MachineWords {
  readonly config: FullConfig;
  /** Words of `table.column`; undefined where the machine's design has no such table. */
  column(name: string): Int32Array | undefined;
}

/** Names of rows: `{ child: 3 }`. */
export interface FrameNames {
  readonly memcgs: Readonly<Record<string, number>>;
  readonly caches: Readonly<Record<string, number>>;
}

/** One word of a column, 0 where there is none. */
type Words = (column: string) => (index: number) => number;

function wordsOf(machine: MachineWords): Words {
  return (column) => {
    const words = machine.column(column);
    return (index) => words?.[index] ?? 0;
  };
}

/** Name of a row, or its kind and number. */
export function rowName(
  names: Readonly<Record<string, number>>,
  row: number,
  kind: string,
): string {
  return Object.entries(names).find(([, one]) => one === row)?.[0] ?? `${kind} ${row}`;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

function memcgState(flags: number): FrameMemcg['state'] {
  if ((flags & MEMCG_RELEASED) !== 0) return 'released';
  if ((flags & MEMCG_OFFLINE) !== 0) return 'offline';
  return (flags & MEMCG_DYING) !== 0 ? 'dying' : 'online';
}

function memcgsOf({ config }: MachineWords, words: Words, names: FrameNames): FrameMemcg[] {
  const flags = words('memcgs.flags');
  const parent = words('memcgs.parent');
  const usage = words('memcgs.usage');
  const count = words('memcgs.css');
  const mode = words('memcgs.cssMode');
  const share = words('cpuMemcgs.css');
  const css = (row: number): number => {
    if ((mode(row) & REF_SWITCHED) !== 0) return count(row);
    const shares = range(0, config.cpus - 1).map((cpu) => share(cpu * (config.memcgs + 1) + row));
    return count(row) - REF_BIAS + shares.reduce((sum, one) => sum + one, 0);
  };
  return range(1, config.memcgs)
    .filter((row) => flags(row) !== 0)
    .map((row) => ({
      row,
      name: rowName(names.memcgs, row, 'memcg'),
      parent: parent(row),
      state: memcgState(flags(row)),
      pages: usage(row),
      css: css(row),
    }));
}

function cacheState(flags: number): FrameCache['state'] {
  if ((flags & CACHE_SHUT) !== 0) return 'shut';
  if ((flags & CACHE_KILLED) !== 0) return 'killed';
  return (flags & CACHE_DEACTIVATED) !== 0 ? 'deactivated' : 'active';
}

function cachesOf({ config }: MachineWords, words: Words, names: FrameNames): FrameCache[] {
  const flags = words('kmemCaches.flags');
  const root = words('kmemCaches.root');
  const memcg = words('kmemCaches.memcg');
  const slabs = words('kmemCaches.nrSlabs');
  return range(1, config.kmemCaches)
    .filter((row) => flags(row) !== 0)
    .map((row) => ({
      row,
      name: rowName(names.caches, row, 'cache'),
      root: root(row),
      memcg: memcg(row),
      state: cacheState(flags(row)),
      slabs: slabs(row),
    }));
}

function pagesOf(machine: MachineWords, words: Words): FramePage[] {
  const { slabRows, kmemCaches, cpus } = machine.config;
  const page = machine.column('slabs.page') ?? new Int32Array(0);
  const objects = words('kmemCaches.objects');
  const memcgOfCache = words('kmemCaches.memcg');
  const owners = machine.column('owners.owner');
  const objectOwners = machine.column('objectOwners.objcg');
  const cpuWord = words('cpuSlabs.word');
  const cpuFree = words('cpuSlabs.free');

  /** Free objects among the 32 of a bitmap word, on the page and on the CPUs' private lists. */
  function freeBits(word: number, cache: number): number {
    let free = page[((word >>> 1) << 2) + FREE + (word & 1)] ?? 0;
    for (let cpu = 0; cpu < cpus; cpu++) {
      const slab = cpu * (kmemCaches + 1) + cache;
      if (cpuWord(slab) === word) free |= cpuFree(slab);
    }
    return free;
  }

  function objectOf(handle: number, cache: number, memcg: number): number {
    if ((freeBits(handle >>> 5, cache) & (1 << handle)) !== 0) return -1;
    return objectOwners === undefined ? memcg : (objectOwners[handle] ?? 0);
  }

  return range(1, slabRows).flatMap((row) => {
    const cache = cacheOfSlab(page, row);
    if (cache === 0) return [];
    const memcg = owners === undefined ? memcgOfCache(cache) : (owners[row] ?? 0);
    const handles = range(row << 6, (row << 6) + objects(cache) - 1);
    return [{ row, cache, memcg, objects: handles.map((one) => objectOf(one, cache, memcg)) }];
  });
}

function objcgsOf(machine: MachineWords, words: Words, names: FrameNames): FrameObjcg[] {
  const memcg = machine.column('objcgs.memcg') ?? new Int32Array(0);
  const home = words('objcgs.home');
  const mode = words('objcgs.refMode');
  return range(1, memcg.length - 1)
    .filter((row) => memcg[row] !== 0)
    .map((row) => ({
      row,
      name: rowName(names.memcgs, home(row), 'memcg'),
      memcg: memcg[row] ?? 0,
      state: (mode(row) & REF_DEAD) === 0 ? 'live' : 'killed',
    }));
}

/** What a machine looks like now. */
export function frameOf(machine: MachineWords, names: FrameNames): Frame {
  const words = wordsOf(machine);
  return {
    memcgs: memcgsOf(machine, words, names),
    caches: cachesOf(machine, words, names),
    pages: pagesOf(machine, words),
    objcgs: objcgsOf(machine, words, names),
    rows: Math.min(words('globals.slabBump')(0), machine.config.slabRows),
  };
}
