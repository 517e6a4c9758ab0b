/** Small machines that claims are measured on, driven by one thread, and what is counted on them. */
import type { CacheShape, Cpu, Machine, MachineConfig } from '../../core/index.ts';
import { STAT_ITEMS } from '../../core/memcg/memcgs.ts';
import { UNRECLAIMABLE } from '../../core/memcg/stats.ts';
import { cacheOfSlab } from '../../core/slub/slabs.ts';
import type { TestedCore } from './context.ts';

/** One object a slab, one page a slab: objects and pages are the same number. */
export const PAGE_EACH: CacheShape = {
  ...{ size: 4096, objectsPerSlab: 1, pagesPerSlab: 1, minPartial: 0, cpuPartialSlabs: 0 },
};
/** Sixteen objects a slab. */
export const SMALL: CacheShape = { ...PAGE_EACH, size: 256, objectsPerSlab: 16 };

/** A machine, and CPU 0 of it. */
export interface World {
  readonly machine: Machine;
  readonly cpu: Cpu;
  /** All CPUs; one thread drives them. */
  readonly cpus: readonly Cpu[];
  readonly root: number;
}

/** Makes a machine with room for what claims do on it. */
export function makeWorld(
  core: TestedCore,
  strategy: string,
  config: Partial<MachineConfig> = {},
): World {
  const machine = core.createMachine({
    ...{ strategy, cpus: 1, slabRows: 2048, kmemCaches: 600, rootCaches: 110, memcgs: 64 },
    ...{ kmemIds: 64, lrus: 1, lruItems: 128, ...config },
  });
  const cpus = Array.from({ length: machine.config.cpus }, (_, cpu) => core.bindCpu(machine, cpu));
  const [cpu] = cpus;
  if (cpu === undefined) throw new Error('a machine without CPUs');
  return { machine, cpu, cpus, root: core.ROOT_MEMCG };
}

/** Runs deferred work, grace periods and what they bring, until nothing is left. */
export function settle({ cpu }: World): void {
  for (let round = 0; round < 50 && (cpu.rcu.busy() || cpu.deferred() > 0); round++) {
    cpu.runDeferred();
  }
}

/** Removes a memcg, to the end. */
export function remove(world: World, memcg: number): void {
  world.cpu.rmdir(memcg);
  settle(world);
}

/** Objects of a root cache for a memcg. */
export function allocate({ cpu }: World, memcg: number, root: number, count: number): number[] {
  cpu.createCache(memcg, root);
  return Array.from({ length: count }, () => cpu.allocFor(memcg, root));
}

/** Frees them. */
export function release({ cpu }: World, handles: readonly number[]): void {
  for (const handle of handles) cpu.free(handle);
}

/** Pages of slabs that a memcg itself owns at this moment, recounted from the slabs. */
export function ownedPages({ machine, cpu }: World, memcg: number): number {
  const { page } = machine.slabs;
  let pages = 0;
  for (let row = 1; row <= machine.config.slabRows; row++) {
    const cache = cacheOfSlab(page, row);
    if (cache !== 0 && cpu.strategy.ownerOf(row) === memcg) {
      pages += machine.kmemCaches.pages[cache] ?? 0;
    }
  }
  return pages;
}

/** The local counter of slab pages, before a reader makes 0 of what is below it. */
export function localCounter({ machine }: World, memcg: number): number {
  const { statLocal } = machine.cpuMemcgs;
  const rows = machine.config.memcgs + 1;
  let sum = 0;
  for (let cpu = 0; cpu < machine.config.cpus; cpu++) {
    sum += statLocal[(cpu * rows + memcg) * STAT_ITEMS + UNRECLAIMABLE] ?? 0;
  }
  return sum;
}

/** The page counter of a memcg. */
export function usageOf({ machine }: World, memcg: number): number {
  return machine.memcgs.usage[memcg] ?? 0;
}

/** What the audit complains of, as text. */
export function complaints(core: TestedCore, { machine, cpu }: World): string[] {
  return core
    .audit(machine, cpu)
    .violations.map(({ invariant, detail }) => `${invariant}: ${detail}`);
}
