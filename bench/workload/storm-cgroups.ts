/**
 * The cgroups of a storm: a slice with slots, each a cgroup or a chain of them, that are replaced one
 * after the other. Replacing one: create the next, fill it, move the tasks over, free every second
 * object of the old one, remove it. What is left of it stays in use until some generations later.
 *
 * Everything that takes long is a generator that pauses after each piece of work.
 */
import * as atomics from '#atomics';
import { type Cpu, type Machine, NO_OBJECT, ROOT_MEMCG } from '../../core/index.ts';
import { randomBelow, seededRandom } from './random.ts';
import { SLOTS } from './storm-mix.ts';
import { LEFTOVERS, type StormPlan, type StormShared } from './storm-plan.ts';

/** Objects that one piece of work allocates or frees. */
const PIECE = 256;
/** Places of the order in which a new cgroup's objects are taken from the caches, per cache. */
const ORDER_PER_CACHE = 64;
/** A limited cgroup may have one page for so many of its objects; they need more. */
const OBJECTS_PER_LIMITED_PAGE = 60;

/** What happened so far. */
export interface CgroupCounts {
  created: number;
  removed: number;
  /** Objects that could not be allocated. */
  failed: number;
}

/** The cgroups of a storm, driven by one CPU. */
export interface StormCgroups {
  /** Creates the slice and fills all slots. */
  setup(): Generator<void>;
  /** Creates and removes a small cgroup with an object of each cache, so that V8 compiles that path. */
  rehearse(): Generator<void>;
  /** Replaces a random slot. */
  replace(): Generator<void>;
  /** Gives each CPU's task a slot of its own, as far as there are enough, with all caches ready. */
  spreadTasks(): void;
  /** Frees all objects and removes all cgroups. */
  teardown(): Generator<void>;
  /** Whether the machine has room for another chain: what is dying takes rows and ids. */
  hasRoom(): boolean;
  /** Leaf of a slot. */
  leaf(slot: number): number;
  readonly counts: CgroupCounts;
}

const nothing = (): Slot => ({ chain: [], objects: new Int32Array(0) });

interface Slot {
  /** From the leaf to the top of the chain. */
  chain: number[];
  objects: Int32Array;
}

/** Binds them to the CPU that creates and removes them. */
export function bindStormCgroups(
  machine: Machine,
  cpu: Cpu,
  plan: StormPlan,
  shared: StormShared,
  what: { readonly roots: Int32Array; readonly weights: readonly number[] },
): StormCgroups {
  const { store } = atomics;
  const { depth, limitedSlots } = plan.mix;
  const random = seededRandom(plan.seed ^ 0xc0de);
  const order = fillOrder(what, random);
  const slots = Array.from({ length: SLOTS }, nothing);
  const taskSlot = new Int32Array(plan.cpus).fill(-1);
  const leftovers: Int32Array[] = [];
  const counts: CgroupCounts = { created: 0, removed: 0, failed: 0 };
  let slice = ROOT_MEMCG;
  let replaced = 0;
  const slotAt = (slot: number): Slot => slots[slot] ?? nothing();
  const leaf = (slot: number): number => slotAt(slot).chain[0] ?? ROOT_MEMCG;

  /** Nobody else knows them yet. */
  function* create(slot: number): Generator<void, Slot> {
    const chain: number[] = [];
    for (let level = 0, parent = slice; level < depth; level++) {
      parent = cpu.createMemcg(parent);
      chain.unshift(parent);
      counts.created++;
    }
    if (limitedSlots > 0 && slot % limitedSlots === limitedSlots - 1) {
      const pages = Math.max(1, Math.floor(plan.fill / OBJECTS_PER_LIMITED_PAGE));
      cpu.setLimit(chain[0] ?? 0, pages);
    }
    const objects = new Int32Array(plan.fill);
    for (let place = 0; place < plan.fill; place++) {
      const root = order[(place + replaced) % order.length] ?? 0;
      const handle = cpu.allocFor(chain[place % depth] ?? 0, root);
      if (handle === NO_OBJECT) counts.failed++;
      objects[place] = handle;
      if ((place + 1) % PIECE === 0) yield;
    }
    return { chain, objects };
  }

  function publish(slot: number, next: Slot): void {
    slots[slot] = next;
    store(shared.slots, slot, leaf(slot));
  }

  function moveTask(other: number, slot: number): void {
    taskSlot[other] = slot;
    cpu.moveTask(other, leaf(slot));
  }

  function createCaches(memcg: number): void {
    for (const root of what.roots) cpu.createCache(memcg, root);
  }

  function remove(chain: readonly number[]): void {
    for (const memcg of chain) {
      cpu.rmdir(memcg);
      counts.removed++;
    }
  }

  return {
    counts,
    leaf,
    *setup() {
      slice = cpu.createMemcg(ROOT_MEMCG);
      for (let slot = 0; slot < SLOTS; slot++) publish(slot, yield* create(slot));
    },
    *rehearse() {
      const memcg = cpu.createMemcg(slice);
      createCaches(memcg);
      const objects = Int32Array.from(what.roots, (root) => cpu.allocFor(memcg, root));
      cpu.rmdir(memcg);
      yield;
      yield* freeObjects(cpu, objects, 0, 1);
    },
    *replace() {
      const slot = randomBelow(random, SLOTS);
      const before = slotAt(slot);
      publish(slot, yield* create(slot));
      for (let other = 0; other < plan.cpus; other++) {
        if (taskSlot[other] === slot) moveTask(other, slot);
      }
      moveTask(replaced % plan.cpus, randomBelow(random, SLOTS));
      yield* freeObjects(cpu, before.objects, 0, 2);
      remove(before.chain);
      leftovers.push(before.objects);
      replaced++;
      if (leftovers.length > LEFTOVERS) {
        yield* freeObjects(cpu, leftovers.shift() ?? before.objects, 1, 2);
      }
    },
    spreadTasks() {
      for (let other = 0; other < plan.cpus; other++) {
        createCaches(leaf(other % SLOTS));
        moveTask(other, other % SLOTS);
      }
    },
    *teardown() {
      for (let other = 0; other < plan.cpus; other++) cpu.moveTask(other, ROOT_MEMCG);
      for (const { chain, objects } of slots) {
        yield* freeObjects(cpu, objects, 0, 1);
        remove(chain);
      }
      for (const objects of leftovers) yield* freeObjects(cpu, objects, 0, 1);
      cpu.rmdir(slice);
    },
    hasRoom: () => hasRoom(machine, cpu, depth),
  };
}

/** Frees every `stride`-th object from `first` on. */
function* freeObjects(
  cpu: Cpu,
  objects: Int32Array,
  first: number,
  stride: number,
): Generator<void> {
  let freed = 0;
  for (let place = first; place < objects.length; place += stride) {
    const handle = objects[place] as number;
    objects[place] = 0;
    if (handle !== NO_OBJECT) cpu.free(handle);
    if (++freed % PIECE === 0) yield;
  }
}

function hasRoom(machine: Machine, cpu: Cpu, depth: number): boolean {
  const { memcgs, kmemIds } = machine.config;
  const { descendants, dyingDescendants } = cpu.cgroupStat(ROOT_MEMCG);
  if (descendants + dyingDescendants + depth + 2 > memcgs) return false;
  let free = 0;
  for (let id = 0; id < kmemIds; id++) if (machine.kmemIds.owner[id] === 0) free++;
  return free > depth;
}

/** Root caches in random order, each as often as its share of the objects, and once at least. */
function fillOrder(
  what: { readonly roots: Int32Array; readonly weights: readonly number[] },
  random: ReturnType<typeof seededRandom>,
): Int32Array {
  const places: number[] = [];
  what.weights.forEach((weight, index) => {
    const times = Math.max(1, Math.round(weight * ORDER_PER_CACHE * what.weights.length));
    for (let time = 0; time < times; time++) places.push(what.roots[index] ?? 0);
  });
  for (let place = places.length - 1; place > 0; place--) {
    const other = randomBelow(random, place + 1);
    const root = places[place] ?? 0;
    places[place] = places[other] ?? 0;
    places[other] = root;
  }
  return Int32Array.from(places);
}
