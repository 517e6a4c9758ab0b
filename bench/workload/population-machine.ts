/**
 * A machine with a populated cgroup to remove: root -> parent -> child. The child has a cache of its
 * own for each cache of the population, and as many slab pages as asked, shared out over the caches
 * as on the host, each cache as full as there.
 *
 *   in-order   slabs lie in memory in the order in which they were allocated: a host just booted
 *   shuffled   an earlier cgroup had all rows and freed them in random order, so the order of
 *              allocation is not the order in memory: a host that has been up for a while
 *
 * `memmapRows` more rows belong to a sibling; under `shuffled` the child's rows lie among them.
 */
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import {
  bindCpu,
  type CacheShape,
  type Cpu,
  createMachine,
  type Machine,
  type MachineConfig,
  ModelError,
  NO_OBJECT,
  OBJECTS_PER_ROW,
  ROOT_MEMCG,
  touchMachine,
} from '../../core/index.ts';
import type { PopulationCache } from '../input/population.ts';
import type { PageOrder } from '../options.ts';
import { randomBelow, seededRandom } from './random.ts';

/** What to build; plain data, sent to a worker. */
export interface PopulationPlan {
  readonly strategy: string;
  readonly caches: readonly PopulationCache[];
  /** Base pages to charge to the child, reached to within one slab per cache. */
  readonly pages: number;
  readonly order: PageOrder;
  readonly memmapRows: number;
  readonly seed: number;
}

/** A built machine. */
export interface PopulatedMachine {
  readonly machine: Machine;
  readonly cpu: Cpu;
  readonly parent: number;
  readonly child: number;
  readonly slabs: number;
  /** Base pages charged to the child. */
  readonly pages: number;
  /** Objects the child's slabs have room for, and those in use. */
  readonly objectSlots: number;
  readonly objectsInUse: number;
}

/** Rows that batches of row allocation and tails may leave unused. */
const SPARE_ROWS = 4096;
/** Share of the 32-bit range that is below a probability. */
const RANDOM_SPAN = 2 ** 32;

/** The shape that the model needs of a cache. */
export function shapeOf(cache: PopulationCache): CacheShape {
  return {
    size: cache.size,
    objectsPerSlab: cache.objectsPerSlab,
    pagesPerSlab: cache.pagesPerSlab,
    minPartial: cache.minPartial,
    // The rule since 5.16: the limit in objects, doubled for half-full slabs, counted in slabs.
    cpuPartialSlabs: Math.ceil((2 * cache.cpuPartial) / cache.objectsPerSlab),
  };
}

/** Slabs of each cache for a number of pages; at least one each. */
function slabsPerCache(caches: readonly PopulationCache[], pages: number): number[] {
  return caches.map((cache) => Math.max(1, Math.round((pages * cache.share) / cache.pagesPerSlab)));
}

function rowsOf(cache: PopulationCache): number {
  return Math.ceil(cache.objectsPerSlab / OBJECTS_PER_ROW);
}

/** The config of the machine that a plan needs. */
export function configFor(plan: PopulationPlan): MachineConfig {
  const slabs = slabsPerCache(plan.caches, plan.pages);
  const rows = plan.caches.reduce(
    (sum, cache, index) => sum + (slabs[index] ?? 0) * rowsOf(cache),
    0,
  );
  const roots = plan.caches.length + 1;
  return {
    strategy: plan.strategy,
    cpus: 1,
    slabRows: rows + plan.memmapRows + SPARE_ROWS,
    // Root caches, the child's, the earlier cgroup's, the sibling's.
    kmemCaches: 4 * roots,
    rootCaches: roots,
    memcgs: 8,
    kmemIds: 8,
  };
}

/** The order in which the slabs of all caches are allocated: interleaved, as time-sharing would. */
function allocationOrder(slabs: readonly number[], random: RandomGenerator): Int32Array {
  const order = new Int32Array(slabs.reduce((sum, count) => sum + count, 0));
  let place = 0;
  slabs.forEach((count, cache) => {
    order.fill(cache, place, place + count);
    place += count;
  });
  shuffle(order, random);
  return order;
}

function shuffle(values: Int32Array, random: RandomGenerator): void {
  for (let place = values.length - 1; place > 0; place--) {
    const other = randomBelow(random, place + 1);
    const value = values[place] as number;
    values[place] = values[other] as number;
    values[other] = value;
  }
}

/** Allocates one whole slab; returns its head row. */
function allocSlab(cpu: Cpu, cache: number, objects: number): number {
  const first = cpu.alloc(cache);
  if (first === NO_OBJECT) throw new ModelError('the machine is out of slab rows');
  for (let object = 1; object < objects; object++) cpu.alloc(cache);
  return first >>> 6;
}

/** Fills caches slab by slab; returns the head row of each slab in order of allocation. */
function fill(
  cpu: Cpu,
  caches: readonly number[],
  population: readonly PopulationCache[],
  order: Int32Array,
): Int32Array {
  const heads = new Int32Array(order.length);
  for (let place = 0; place < order.length; place++) {
    const index = order[place] as number;
    const cache = caches[index] as number;
    heads[place] = allocSlab(cpu, cache, population[index]?.objectsPerSlab ?? 1);
  }
  return heads;
}

/** Frees each object but a slab's first with the probability that leaves the cache's utilisation. */
function thinOut(
  cpu: Cpu,
  plan: PopulationPlan,
  order: Int32Array,
  heads: Int32Array,
  random: RandomGenerator,
): number {
  const limits = plan.caches.map((cache) => Math.round((1 - cache.utilisation) * RANDOM_SPAN));
  let inUse = 0;
  for (let place = 0; place < order.length; place++) {
    const index = order[place] as number;
    const limit = limits[index] ?? 0;
    const objects = plan.caches[index]?.objectsPerSlab ?? 1;
    const first = (heads[place] as number) << 6;
    inUse += objects;
    for (let object = 1; object < objects && limit > 0; object++) {
      if (random.next() >>> 0 >= limit) continue;
      cpu.free(first + object);
      inUse--;
    }
  }
  return inUse;
}

/** Lets another cgroup use all rows and give them back in random order: what ages a host. */
function age(cpu: Cpu, parent: number, roots: readonly number[], plan: PopulationPlan): void {
  const random = seededRandom(plan.seed ^ 0x5eed);
  const slabs = [...slabsPerCache(plan.caches, plan.pages), plan.memmapRows];
  const population = [...plan.caches, ...memmapCache()];
  const order = allocationOrder(slabs, random);
  const earlier = cpu.createMemcg(parent);
  const caches = roots.map((root) => cpu.createCache(earlier, root));
  const heads = fill(cpu, caches, population, order);
  const places = Int32Array.from(order, (_, place) => place);
  shuffle(places, random);
  for (const place of places) {
    const objects = population[order[place] ?? 0]?.objectsPerSlab ?? 1;
    const first = (heads[place] as number) << 6;
    for (let object = 0; object < objects; object++) cpu.free(first + object);
  }
  cpu.rmdir(earlier);
  // Caches that all share keep an empty slab or two, which the next cgroup would fill up first.
  for (const root of roots) cpu.shrink(root);
  cpu.runDeferred();
}

/** Slabs of one object: rows of the memmap that cost one allocation each to fill. */
function memmapCache(): PopulationCache[] {
  const shape = { size: 4096, objectsPerSlab: 1, pagesPerSlab: 1, minPartial: 5, cpuPartial: 0 };
  return [{ name: 'memmap', share: 0, utilisation: 1, ...shape }];
}

/** Builds the machine. @throws LimitError, ModelError */
export function buildPopulation(plan: PopulationPlan): PopulatedMachine {
  const machine = createMachine(configFor(plan));
  touchMachine(machine);
  const cpu = bindCpu(machine, 0);
  const roots = [...plan.caches, ...memmapCache()].map((cache) =>
    cpu.createRootCache(shapeOf(cache)),
  );
  const memmapRoot = roots[roots.length - 1] as number;
  const parent = cpu.createMemcg(ROOT_MEMCG);
  if (plan.order === 'shuffled') age(cpu, parent, roots, plan);
  const child = cpu.createMemcg(parent);
  const caches = roots.slice(0, -1).map((root) => cpu.createCache(child, root));
  const random = seededRandom(plan.seed);
  const order = allocationOrder(slabsPerCache(plan.caches, plan.pages), random);
  const heads = fill(cpu, caches, plan.caches, order);
  if (plan.memmapRows > 0) {
    const sibling = cpu.createMemcg(parent);
    const cache = cpu.createCache(sibling, memmapRoot);
    for (let row = 0; row < plan.memmapRows; row++) allocSlab(cpu, cache, 1);
  }
  const objectsInUse = thinOut(cpu, plan, order, heads, random);
  let pages = 0;
  let objectSlots = 0;
  for (const index of order) {
    pages += plan.caches[index]?.pagesPerSlab ?? 0;
    objectSlots += plan.caches[index]?.objectsPerSlab ?? 0;
  }
  return { machine, cpu, parent, child, slabs: order.length, pages, objectSlots, objectsInUse };
}
