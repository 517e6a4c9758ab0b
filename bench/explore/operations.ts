/**
 * The operations whose meetings are explored, each as short as it can be: what it needs before, and what
 * its CPU does. A world is root -> parent -> C (and D; C -> G, where somebody removes them).
 *
 * Whoever allocates for C holds a reference on it, as those do who charge remotely; a task is moved away
 * before its cgroup is removed.
 */
import type { CacheShape } from '../../core/index.ts';
import { ROOT_MEMCG } from '../../core/memcg/memcgs.ts';
import { at, type Builder, type Part, type ScenarioThread, settle, WORLD } from './world.ts';

/** One operation. */
export interface Operation {
  readonly name: string;
  /** What it does, for the head of its column. */
  readonly title: string;
  /** See `Scenario`. */
  readonly caches?: 'own';
  /** What it removes, so that others leave it alone. */
  readonly removes?: 'G';
  /** Prepares what CPU `cpu` needs for it. */
  prepare?(builder: Builder, cpu: number): void;
  body(part: Part): void;
  /** What it makes the other CPU do in an interrupt. */
  interrupt?(part: Part): void;
}

/** Two objects a slab; empty slabs are not kept by the node. */
export const SHAPE: CacheShape = {
  ...{ size: 256, objectsPerSlab: 2, pagesPerSlab: 1, minPartial: 0, cpuPartialSlabs: 1 },
};
/**
 * One object a slab: every allocation charges a page, every free gives one back. With the pointer to its
 * owner it is a page, too.
 */
const SINGLE: CacheShape = { ...SHAPE, size: 4088, objectsPerSlab: 1, cpuPartialSlabs: 0 };

/** What went wrong in a part, for the check at the end; words of `WORLD.note`. */
const NOTE = { failed: 1, wrongOwner: 2, notDestroyed: 4 } as const;

/** Objects of a CPU: four slots. */
const slot = (cpu: number, number: number): number => WORLD.objects + 4 * cpu + number;

/** Root -> parent -> C with a copy of `small`. */
export function buildWorld(builder: Builder): void {
  const { cpus, world, names } = builder;
  const [cpu] = cpus;
  if (cpu === undefined) return;
  world[WORLD.small] = cpu.createRootCache(SHAPE);
  world[WORLD.parent] = cpu.createMemcg(ROOT_MEMCG);
  world[WORLD.C] = cpu.createMemcg(at(world, WORLD.parent));
  Object.assign(names.memcgs, {
    root: ROOT_MEMCG,
    P: at(world, WORLD.parent),
    C: at(world, WORLD.C),
  });
  names.caches.RC = at(world, WORLD.small);
  names.caches.KC = cpu.createCache(at(world, WORLD.C), at(world, WORLD.small));
}

/** A further root cache, and C's copy of it unless `copied` says no. */
export function addCache(
  builder: Builder,
  place: 'single' | 'typesafe' | 'module' | 'fresh',
  shape: CacheShape,
  copied = true,
): void {
  const { cpus, world, names } = builder;
  const [cpu] = cpus;
  if (cpu === undefined || at(world, WORLD[place]) !== 0) return;
  world[WORLD[place]] = cpu.createRootCache(shape);
  names.caches[`RC ${place}`] = at(world, WORLD[place]);
  if (!copied) return;
  names.caches[`KC ${place}`] = cpu.createCache(at(world, WORLD.C), at(world, WORLD[place]));
}

/** Adds the cache of one object a slab. */
export function addSingle(builder: Builder): void {
  addCache(builder, 'single', SINGLE);
}

function touchCache({ cpus, world }: Builder, root: number): void {
  const [cpu] = cpus;
  if (cpu !== undefined) cpu.free(cpu.allocFor(at(world, WORLD.C), at(world, root)));
}

/** Adds a cache that somebody destroys, with an empty slab in C's copy. */
export function addModule(builder: Builder): void {
  addCache(builder, 'module', SHAPE);
  touchCache(builder, WORLD.module);
}

/** The same with slabs that are freed after a grace period. */
export function addTypesafe(builder: Builder): void {
  addCache(builder, 'typesafe', { ...SHAPE, typesafeByRcu: true });
  touchCache(builder, WORLD.typesafe);
}

/** Destroys a root cache that has no objects, and remembers if it was kept. */
export function destroy({ cpu, world }: Part, root: number): void {
  const gone = cpu.destroyRootCache(at(world, root));
  if (!gone) world[WORLD.note] = at(world, WORLD.note) | NOTE.notDestroyed;
}

/** A child G of C with a copy of `small` and an object that outlives it, in a slot of `cpu`. */
export function addGrandchild({ cpus, world, names }: Builder, cpu: number): void {
  const one = cpus[cpu];
  if (one === undefined || at(world, WORLD.G) !== 0) return;
  world[WORLD.G] = one.createMemcg(at(world, WORLD.C));
  names.memcgs.G = at(world, WORLD.G);
  names.caches['KC of G'] = one.createCache(at(world, WORLD.G), at(world, WORLD.small));
  world[slot(cpu, 3)] = one.allocFor(at(world, WORLD.G), at(world, WORLD.small));
}

/** Allocates for C into a slot, and remembers if that failed. */
export function allocate({ cpu, world }: Part, root: number, number: number): void {
  const handle = cpu.allocFor(at(world, WORLD.C), at(world, root));
  world[slot(cpu.cpu, number)] = handle;
  if (handle === 0) world[WORLD.note] = at(world, WORLD.note) | NOTE.failed;
}

/** Frees what is in a slot. */
export function release({ cpu, world }: Part, number: number): void {
  const handle = at(world, slot(cpu.cpu, number));
  world[slot(cpu.cpu, number)] = 0;
  if (handle !== 0) cpu.free(handle);
}

/** Holds C for a CPU that allocates for it; it drops the reference itself. */
export function hold({ cpus, world }: Builder, cpu: number): void {
  cpus[cpu]?.holdMemcg(at(world, WORLD.C));
}

/** Drops what `hold` took. */
export function drop({ cpu, world }: Part): void {
  cpu.dropMemcg(at(world, WORLD.C));
}

/** Removes a memcg, as soon as its children and tasks are gone. */
export function remove(part: Part, memcg: number): void {
  for (;;) {
    try {
      part.cpu.rmdir(memcg);
      return;
    } catch (error) {
      const waits = error instanceof Error && /has an online child|is busy/.test(error.message);
      if (!waits) throw error;
    }
    part.wait();
  }
}

function prepareObject({ cpus, world }: Builder, cpu: number, number: number): void {
  world[slot(cpu, number)] = cpus[cpu]?.allocFor(at(world, WORLD.C), at(world, WORLD.small)) ?? 0;
}

/** Two slabs of one object each, allocated by another CPU, in the slots of this one. */
function prepareRemote(builder: Builder, cpu: number): void {
  addSingle(builder);
  const { cpus, world } = builder;
  const other = cpus[(cpu + 1) % cpus.length];
  for (const number of [0, 1]) {
    world[slot(cpu, number)] = other?.allocFor(at(world, WORLD.C), at(world, WORLD.single)) ?? 0;
  }
}

/** Every operation that meets every other. */
export const OPERATIONS: readonly Operation[] = [
  {
    name: 'alloc',
    title: 'allocates for C',
    prepare: hold,
    body(part) {
      allocate(part, WORLD.small, 0);
      drop(part);
    },
  },
  {
    name: 'task',
    title: 'task in C allocates and moves to P',
    prepare: ({ cpus, world }, cpu) => cpus[cpu]?.moveTask(cpu, at(world, WORLD.C)),
    body(part) {
      const { cpu, world } = part;
      world[slot(cpu.cpu, 0)] = cpu.kmalloc(at(world, WORLD.small));
      cpu.moveTask(cpu.cpu, at(world, WORLD.parent));
      release(part, 0);
    },
  },
  {
    name: 'free',
    title: 'frees an object of C of its own',
    prepare: (builder, cpu) => prepareObject(builder, cpu, 0),
    body: (part) => release(part, 0),
  },
  {
    name: 'remote free',
    title: "frees two of another CPU's objects of C",
    prepare: prepareRemote,
    body(part) {
      release(part, 0);
      release(part, 1);
    },
  },
  {
    name: 'charge at limit',
    title: 'allocates pages for C up to its limit',
    prepare(builder, cpu) {
      addSingle(builder);
      hold(builder, cpu);
      const { cpus, world } = builder;
      cpus[cpu]?.setLimit(at(world, WORLD.C), 1);
    },
    body(part) {
      for (const number of [0, 1]) allocate(part, WORLD.single, number);
      drop(part);
    },
  },
  {
    name: 'create cache',
    title: 'allocates for C where its cache is still to be created',
    caches: 'own',
    prepare(builder, cpu) {
      addCache(builder, 'fresh', SHAPE, false);
      hold(builder, cpu);
    },
    body(part) {
      allocate(part, WORLD.fresh, 0);
      part.cpu.runDeferred();
      allocate(part, WORLD.fresh, 1);
      drop(part);
    },
  },
  {
    name: 'offline',
    title: 'removes C',
    body(part) {
      remove(part, at(part.world, WORLD.C));
      settle(part);
    },
  },
  {
    name: 'grandchild offline',
    title: 'removes G, a child of C',
    removes: 'G',
    prepare: addGrandchild,
    body(part) {
      remove(part, at(part.world, WORLD.G));
      settle(part);
    },
  },
  {
    name: 'destroy root cache',
    title: 'destroys a root cache',
    prepare: (builder) => addModule(builder),
    body: (part) => destroy(part, WORLD.module),
  },
  {
    name: 'look-up',
    title: 'looks up the owner of a live object of C',
    prepare: (builder, cpu) => prepareObject(builder, cpu, 2),
    body({ cpu, world }) {
      const owner = cpu.ownerOfObject(at(world, slot(cpu.cpu, 2)));
      const known = [ROOT_MEMCG, at(world, WORLD.parent), at(world, WORLD.C)].includes(owner);
      if (!known) world[WORLD.note] = at(world, WORLD.note) | NOTE.wrongOwner;
      cpu.memoryStat(at(world, WORLD.parent));
      cpu.cgroupStat(at(world, WORLD.parent));
    },
  },
  {
    name: 'lru',
    title: 'takes an object of C off its lru list and puts another on',
    prepare(builder, cpu) {
      prepareObject(builder, cpu, 0);
      prepareObject(builder, cpu, 1);
      const { cpus, world } = builder;
      world[WORLD.items + 4 * cpu] = cpus[cpu]?.lrus.add(0, at(world, slot(cpu, 0))) ?? 0;
    },
    body(part) {
      const { cpu, world } = part;
      const item = WORLD.items + 4 * cpu.cpu;
      cpu.lrus.del(0, at(world, item));
      world[item] = 0;
      release(part, 0);
      world[item + 1] = cpu.lrus.add(0, at(world, slot(cpu.cpu, 1)));
    },
  },
  {
    name: 'shrinker',
    title: 'shrinks the lru lists of C and P as far as it finds something',
    prepare: hold,
    body(part) {
      for (const memcg of [WORLD.C, WORLD.parent]) {
        const row = at(part.world, memcg);
        if (part.cpu.lrus.count(0, row) === 0) part.cpu.lrus.clearBit(0, row);
      }
      drop(part);
    },
  },
  {
    name: 'interrupt',
    title: 'interrupts the other CPU, which frees an object of C',
    prepare(builder, cpu) {
      addSingle(builder);
      const { cpus, world } = builder;
      for (const number of [2, 3]) {
        world[slot(cpu, number)] =
          cpus[cpu]?.allocFor(at(world, WORLD.C), at(world, WORLD.single)) ?? 0;
      }
    },
    body({ cpu }) {
      cpu.interrupt(1 - cpu.cpu);
    },
    interrupt({ cpu, world }) {
      const place = slot(1 - cpu.cpu, 2);
      const handle = at(world, place);
      world[place] = 0;
      if (handle !== 0) cpu.free(handle);
    },
  },
];

/** The operation of a name. */
export function operation(name: string): Operation {
  const found = OPERATIONS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no operation ${name}`);
  return found;
}

/** A thread that does one operation. */
export function threadOf(one: Operation, other?: Operation): ScenarioThread {
  const thread = { title: one.title, body: one.body };
  return other?.interrupt === undefined ? thread : { ...thread, interrupt: other.interrupt };
}

/** What `note` tells of the parts, unless a limit was meant to be met. */
export function checkNotes(
  world: Int32Array,
  limited: boolean,
  complain: (invariant: string, detail: string) => void,
): void {
  const note = at(world, WORLD.note);
  if ((note & NOTE.failed) !== 0 && !limited) {
    complain('C-D', 'an allocation failed, though no limit was near');
  }
  if ((note & NOTE.wrongOwner) !== 0) {
    complain('look-up', 'the owner of a live object is none that it ever had');
  }
  if ((note & NOTE.notDestroyed) !== 0) complain('b.11', 'a root cache without objects was kept');
}
