/**
 * Populations: the kmem_caches of a host with their real sizes and their shares of all slab pages,
 * from a slabinfo, and the choice of those that one cgroup of such a host would have.
 */
import { release } from 'node:os';
import {
  cpuPartialFor,
  type GeometryKernel,
  type GeometryRules,
  minPartialFor,
} from '../../core/slub/geometry.ts';
import { InputError, UsageError } from '../errors.ts';
import { BUILT_IN_HOST, BUILT_IN_KERNEL, builtInFile } from './built-in.ts';
import { hostPageSize } from './kernel-rules.ts';
import { isReadable } from './read-input.ts';
import { readSlabinfo, type Slabinfo } from './slabinfo.ts';

/** One kmem_cache of a population. */
export interface PopulationCache {
  readonly name: string;
  /** Bytes from one object to the next. */
  readonly size: number;
  readonly objectsPerSlab: number;
  readonly pagesPerSlab: number;
  /** Part of the pages of all slabs; 0 for a cache without slabs. Sums to 1. */
  readonly share: number;
  /** Objects in use of those there is room for, 0 to 1; an upper bound, see slabinfo. */
  readonly utilisation: number;
  /** Slabs that a node keeps although they are empty. */
  readonly minPartial: number;
  /** Objects that the partial slabs of a CPU may hold. */
  readonly cpuPartial: number;
}

/** The caches of one host. */
export interface Population {
  /** What it was read from. */
  readonly source: string;
  /** Release of the kernel that was recorded; `unknown` for a file, `model` for `uniform`. */
  readonly kernel: string;
  /** What a reader has to know to judge figures that are based on it. */
  readonly notes: readonly string[];
  readonly caches: readonly PopulationCache[];
}

/** What a population depends on beside its source; all of it has a default. */
export interface PopulationDeps {
  /** In place of /proc/slabinfo (tests). */
  readonly liveFile?: string;
  /** Bytes of a page of the machine that wrote the slabinfo; 4096 for files, this host's for live. */
  readonly pageSize?: number;
  /** Whose cpu_partial to use: 5.3's unless said, as the model's limit counts objects as 5.3 does. */
  readonly cpuPartialKernel?: GeometryKernel;
  /** Caches of `uniform`; 100 unless said. */
  readonly uniformCaches?: number;
}

/** What may be written for a population. */
const POPULATION_CHOICES =
  'slabinfo:FILE, slabinfo:live (root), host-6.18 or builtin (recorded), uniform (synthetic)';

/** Objects per slab that the model's bitmaps can hold; caches above it are left out. */
const MAX_MODEL_OBJECTS_PER_SLAB = 512;

/**
 * Reads a population. @param spec `slabinfo:FILE`, `slabinfo:live`, `host-6.18`, `uniform`; `builtin` is another word for the
 * recorded one. @throws UsageError for another spec, InputError for a file that is not a slabinfo
 */
export async function loadPopulation(spec: string, deps: PopulationDeps = {}): Promise<Population> {
  if (spec === BUILT_IN_HOST || spec === 'builtin') return builtIn([], deps);
  if (spec === 'uniform') return uniform(deps);
  if (spec === 'slabinfo:live') return live(deps);
  const file = /^slabinfo:(.+)$/s.exec(spec)?.[1];
  if (file === undefined) {
    throw new UsageError(`population "${spec.slice(0, 80)}" is not known: ${POPULATION_CHOICES}`);
  }
  const pageSize = deps.pageSize ?? 4096;
  const slabinfo = await readSlabinfo(file, { pageSize });
  return fromSlabinfo(slabinfo, { source: file, kernel: 'unknown', pageSize, notes: [] }, deps);
}

async function builtIn(notes: readonly string[], deps: PopulationDeps): Promise<Population> {
  const slabinfo = await readSlabinfo(builtInFile('slabinfo.txt'));
  const recorded = `Caches of a recorded host: Linux ${BUILT_IN_KERNEL}, x86-64, 2 CPUs, 24 GiB`;
  const origin = { source: BUILT_IN_HOST, kernel: BUILT_IN_KERNEL, pageSize: 4096 };
  return fromSlabinfo(slabinfo, { ...origin, notes: [...notes, recorded] }, deps);
}

async function live(deps: PopulationDeps): Promise<Population> {
  const file = deps.liveFile ?? '/proc/slabinfo';
  if (!(await isReadable(file))) {
    const note = `${file} is not readable (root only): the built-in population is used instead`;
    return builtIn([note], deps);
  }
  const pageSize = deps.pageSize ?? (await hostPageSize());
  const slabinfo = await readSlabinfo(file, { pageSize });
  const origin = { source: file, kernel: release(), pageSize, notes: [] };
  return fromSlabinfo(slabinfo, origin, deps);
}

interface Origin {
  readonly source: string;
  readonly kernel: string;
  readonly pageSize: number;
  readonly notes: readonly string[];
}

/** Slabs one node keeps and objects one CPU keeps, as the model's kernel would compute them. */
function partialLimits(size: number, pageSize: number, deps: PopulationDeps) {
  const kernel = deps.cpuPartialKernel ?? '5.3';
  // Neither limit depends on the number of CPUs.
  const rules: GeometryRules = { kernel, cpus: 1, pageSize };
  return { minPartial: minPartialFor(size), cpuPartial: cpuPartialFor(size, rules) };
}

function fromSlabinfo(slabinfo: Slabinfo, origin: Origin, deps: PopulationDeps): Population {
  const { source, kernel, pageSize } = origin;
  const pagesOf = (cache: Slabinfo['caches'][number]): number => cache.slabs * cache.pagesPerSlab;
  const total = slabinfo.caches.reduce((sum, cache) => sum + pagesOf(cache), 0);
  if (total === 0) {
    throw new InputError(source, 0, 'no cache has a slab', 'record a host that is in use');
  }
  const notes = [
    ...origin.notes,
    'Utilisation is an upper bound: slabinfo counts free objects of CPU slabs as in use',
    `The limit cpu_partial follows the rules of kernel ${deps.cpuPartialKernel ?? '5.3'}`,
  ];
  if (slabinfo.allocator === 'SLAB') {
    notes.push('Recorded under the SLAB allocator: slabs are laid out as SLAB did');
  }
  const caches = slabinfo.caches.map((cache) => ({
    name: cache.name,
    size: cache.objectSize,
    objectsPerSlab: cache.objectsPerSlab,
    pagesPerSlab: cache.pagesPerSlab,
    share: pagesOf(cache) / total,
    utilisation: cache.objects === 0 ? 0 : cache.activeObjects / cache.objects,
    ...partialLimits(cache.objectSize, pageSize, deps),
  }));
  return { source, kernel, notes, caches };
}

/** Objects per slab of the native yardstick's caches, in turn; all slabs are one page. */
const UNIFORM_OBJECTS = [64, 42, 32, 21, 64, 16, 51, 32] as const;

function uniform(deps: PopulationDeps): Population {
  const count = checkCount(deps.uniformCaches ?? 100);
  const caches = Array.from({ length: count }, (_, index): PopulationCache => {
    const objectsPerSlab = UNIFORM_OBJECTS[index % UNIFORM_OBJECTS.length] ?? 64;
    const size = Math.floor(4096 / objectsPerSlab / 8) * 8;
    return {
      name: `uniform-${index}`,
      size,
      objectsPerSlab,
      pagesPerSlab: 1,
      share: 1 / count,
      utilisation: 1,
      ...partialLimits(size, 4096, deps),
    };
  });
  const notes = [
    `Synthetic: ${count} caches of equal share, slabs of one page, as the native yardstick has`,
  ];
  return { source: 'uniform', kernel: 'model', notes, caches };
}

/** Most caches one cgroup may be given. */
const MAX_CACHES = 65_535;

function checkCount(count: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= MAX_CACHES) return count;
  throw new UsageError(`caches ${count}: a whole number from 1 to ${MAX_CACHES}`);
}

/** By share, the largest first; equal ones by name, so that the choice never changes. */
function byShare(a: PopulationCache, b: PopulationCache): number {
  return b.share - a.share || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

function names(caches: readonly PopulationCache[]): string {
  const shown = caches.slice(0, 8).map((cache) => cache.name);
  const hidden = caches.length - shown.length;
  return shown.join(', ') + (hidden > 0 ? ` and ${hidden} more` : '');
}

/**
 * The caches that one cgroup would have: those with most pages, as slabinfo does not say which ones
 * are accounted. Where a host has too few, caches without slabs fill up with a tiny share, then
 * copies (`name#2`). Shares sum to 1 again. @throws UsageError if no cache is left
 */
export function chooseCaches(population: Population, count = 100): Population {
  checkCount(count);
  const fits = (cache: PopulationCache): boolean =>
    cache.objectsPerSlab <= MAX_MODEL_OBJECTS_PER_SLAB;
  const usable = population.caches.filter(fits);
  const tooDense = population.caches.filter((cache) => !fits(cache));
  const inUse = usable.filter((cache) => cache.share > 0).sort(byShare);
  if (inUse.length === 0) {
    throw new UsageError(
      `population ${population.source}: no cache in use with at most ` +
        `MAX_MODEL_OBJECTS_PER_SLAB (${MAX_MODEL_OBJECTS_PER_SLAB}) objects per slab; choose another`,
    );
  }
  const notes = [...population.notes];
  if (tooDense.length > 0) {
    const limit = `more than ${MAX_MODEL_OBJECTS_PER_SLAB} objects per slab (limit of the model)`;
    notes.push(`Left out, ${limit}: ${names(tooDense)}`);
  }
  const caches = filled(inUse, usable, count, notes);
  if (count < inUse.length) {
    notes.push(
      `The ${count} caches with most pages of ${inUse.length} in use: ` +
        'slabinfo does not say which are accounted to cgroups',
    );
  }
  const total = caches.reduce((sum, cache) => sum + cache.share, 0);
  return {
    ...population,
    notes,
    caches: caches.map((cache) => ({ ...cache, share: cache.share / total })),
  };
}

/** Exactly `count` caches: those in use first, then empty ones, then copies. */
function filled(
  inUse: readonly PopulationCache[],
  usable: readonly PopulationCache[],
  count: number,
  notes: string[],
): PopulationCache[] {
  const chosen = inUse.slice(0, count);
  const empty = usable.filter((cache) => cache.share === 0).sort(byShare);
  const added = empty.slice(0, count - chosen.length);
  if (added.length > 0) {
    // Smaller than any real share, so that they change nothing but the number of caches.
    const share = Math.min(...inUse.map((cache) => cache.share)) / 2;
    const weight = inUse.reduce((sum, cache) => sum + cache.share, 0);
    const used = inUse.reduce((sum, cache) => sum + cache.share * cache.utilisation, 0);
    chosen.push(...added.map((cache) => ({ ...cache, share, utilisation: used / weight })));
    notes.push(
      `Only ${inUse.length} caches are in use: ${added.length} empty ones were added with a tiny share`,
    );
  }
  const originals = chosen.length;
  for (let index = originals; index < count; index++) {
    const copied = chosen[index % originals];
    const copy = Math.floor(index / originals) + 1;
    if (copied !== undefined) chosen.push({ ...copied, name: `${copied.name}#${copy}` });
  }
  if (originals < count) {
    notes.push(`Only ${originals} caches to choose from: ${count - originals} are copies (name#2)`);
  }
  return chosen;
}
