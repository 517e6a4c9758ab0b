/**
 * The operations that race, each as a short burst on the same few memcgs, caches and slabs. A round's
 * world is root -> parent -> C and D, C -> G and H. What the two CPUs do is data: a pair of names.
 */
import * as atomics from '#atomics';
import { type Cpu, NO_OBJECT, ROOT_MEMCG } from '../../core/index.ts';

/** Operations, in the order of the issue that asks for them, and frees in interrupts. */
export const OPERATIONS = [
  'alloc',
  'free',
  'remote free',
  'charge at limit',
  'create cache',
  'offline',
  'grandchild offline',
  'destroy root cache',
  'look-up',
  'interrupt',
] as const;

/** One of them. */
export type Operation = (typeof OPERATIONS)[number];

/** Two operations that run at the same time. */
export interface Pair {
  readonly first: Operation;
  readonly second: Operation;
}

/** Every pair, each once, an operation with itself included. */
export const PAIRS: readonly Pair[] = OPERATIONS.flatMap((first, index) =>
  OPERATIONS.slice(index).map((second) => ({ first, second })),
);

/** Objects in each batch that a CPU prepares. */
export const BATCH = 24;
/** Words of a CPU in `objects`: own, for the other one, for interrupts, and what the race allocates. */
export const OBJECTS = {
  own: 0,
  gifts: BATCH,
  interrupts: 2 * BATCH,
  made: 3 * BATCH,
  words: 5 * BATCH,
};
/** Words of `world`. */
export const WORLD = {
  ...{ parent: 0, C: 1, D: 2, G: 3, H: 4 },
  /** Modules of side 0 and 1: root caches that may be destroyed. */
  ...{ module0: 5, module1: 6, busy: 7 },
  words: 16,
} as const;
/** Root caches of a machine: 16 objects a slab; the same under RCU; one object a slab; no copies yet. */
export const ROOTS = { small: 1, typesafe: 2, single: 3, fresh: 4, lateFresh: 5 } as const;
/** Pages that C may have when somebody charges up to its limit. */
export const LIMIT = 12;

/** One side of a race. */
export interface Side {
  readonly cpu: Cpu;
  /** 0 or 1, the number of its CPU. */
  readonly side: 0 | 1;
  readonly world: Int32Array<SharedArrayBuffer>;
  readonly objects: Int32Array<SharedArrayBuffer>;
  /** The operation of the other side. */
  readonly other: Operation;
  /** A whole number from 0 to below `count`. */
  random(count: number): number;
}

const word = (words: Int32Array, index: number): number => words[index] ?? 0;

/** Takes the object out of its place; 0 if somebody else did. */
function take(objects: Int32Array, place: number): number {
  return atomics.exchange(objects, place, NO_OBJECT);
}

function make(one: Side, root: number, memcg: number, count: number): void {
  const base = one.side * OBJECTS.words + OBJECTS.made;
  for (let object = 0; object < count; object++) {
    const place = base + one.random(2 * BATCH);
    const before = take(one.objects, place);
    if (before !== NO_OBJECT) one.cpu.free(before);
    // Only a reference or a read section keeps a memcg that is being removed.
    one.cpu.readLock();
    const handle = one.cpu.allocFor(memcg, root);
    one.cpu.readUnlock();
    atomics.store(one.objects, place, handle);
  }
}

function freeBatch(one: Side, base: number): void {
  for (let place = base; place < base + BATCH; place++) {
    const handle = take(one.objects, place);
    if (handle !== NO_OBJECT) one.cpu.free(handle);
  }
}

/** Which memcg a side removes: not the one that the other side does. */
function victim(one: Side, here: Operation, [first, second]: readonly [number, number]): number {
  return word(one.world, one.other === here && one.side === 1 ? second : first);
}

/** Removes a memcg, as soon as its children are. */
function removeWhenEmpty(one: Side, memcg: number): void {
  for (let attempt = 0; ; attempt++) {
    try {
      one.cpu.rmdir(memcg);
      return;
    } catch (error) {
      const waits = error instanceof Error && /has an online child/.test(error.message);
      if (!waits || attempt > 1_000_000) throw error;
      one.cpu.poll();
    }
  }
}

function createCaches(one: Side): void {
  const memcg = word(one.world, WORLD.C);
  make(one, ROOTS.fresh, memcg, 4);
  try {
    one.cpu.createCache(memcg, ROOTS.lateFresh);
  } catch (error) {
    // Who removes a cgroup wins against who creates a cache in it.
    const refused = error instanceof Error && /not online|went offline/.test(error.message);
    if (!refused) throw error;
  }
  make(one, ROOTS.lateFresh, memcg, 4);
}

function destroy(one: Side): void {
  const module = word(one.world, one.side === 0 ? WORLD.module0 : WORLD.module1);
  const busy = one.side === 1 && word(one.world, WORLD.busy) !== NO_OBJECT;
  const gone = one.cpu.destroyRootCache(module);
  if (gone === busy) throw new Error(`root cache ${module}: destroyed ${gone}, busy ${busy}`);
}

function lookUp(one: Side): void {
  const { cpu, objects, world } = one;
  for (let time = 0; time < 60; time++) {
    const handle = atomics.load(objects, one.random(objects.length));
    const owner =
      handle === NO_OBJECT ? cpu.ownerOfRow(one.random(200)) : cpu.ownerOfObject(handle);
    const known = owner === 0 || owner === ROOT_MEMCG || world.subarray(0, 5).includes(owner);
    if (!known) throw new Error(`the owner of object ${handle} is memcg ${owner}`);
    const { descendants, dyingDescendants } = cpu.cgroupStat(ROOT_MEMCG);
    if (descendants < 0 || dyingDescendants < 0) throw new Error('fewer than no cgroups');
    cpu.memoryStat(ROOT_MEMCG);
  }
}

function interruptOther(one: Side): void {
  for (let time = 0; time < 8; time++) {
    one.cpu.interrupt(1 - one.side);
    for (let step = one.random(60); step > 0; step--) one.cpu.poll();
  }
}

const mine = (one: Side): number => one.side * OBJECTS.words;
const theirs = (one: Side): number => (1 - one.side) * OBJECTS.words;

const BODIES: Record<Operation, (one: Side) => void> = {
  alloc: (one) => {
    make(one, ROOTS.small, word(one.world, WORLD.C), 10);
    make(one, ROOTS.typesafe, word(one.world, WORLD.G), 10);
    // Every one of these charges and uncharges a page.
    make(one, ROOTS.single, word(one.world, WORLD.C), 10);
  },
  free: (one) => freeBatch(one, mine(one) + OBJECTS.own),
  'remote free': (one) => freeBatch(one, theirs(one) + OBJECTS.gifts),
  'charge at limit': (one) => make(one, ROOTS.single, word(one.world, WORLD.C), 2 * LIMIT),
  'create cache': createCaches,
  offline: (one) => removeWhenEmpty(one, victim(one, 'offline', [WORLD.C, WORLD.D])),
  'grandchild offline': (one) =>
    removeWhenEmpty(one, victim(one, 'grandchild offline', [WORLD.G, WORLD.H])),
  'destroy root cache': destroy,
  'look-up': lookUp,
  interrupt: interruptOther,
};

/** Operations that can go on until the other side's removal has run its course. */
const LASTING: readonly Operation[] = [
  'alloc',
  'charge at limit',
  'create cache',
  'look-up',
  'interrupt',
];
const REMOVALS: readonly Operation[] = ['offline', 'grandchild offline', 'destroy root cache'];
const REPEATS = 40;

/** Runs one operation on its side, again and again while what the other side began is going on. */
export function run(one: Side, operation: Operation): void {
  const { cpu, other } = one;
  BODIES[operation](one);
  if (!LASTING.includes(operation) || !REMOVALS.includes(other)) return;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    BODIES[operation](one);
    cpu.poll();
    if (repeat > 4 && cpu.deferred() === 0) return;
  }
}

/** What an interrupt does on this side: frees some objects that wait for one. */
export function onInterrupt(one: Pick<Side, 'cpu' | 'objects'>): void {
  let freed = 0;
  for (const side of [0, 1]) {
    const base = side * OBJECTS.words + OBJECTS.interrupts;
    for (let place = base; place < base + BATCH && freed < 4; place++) {
      const handle = take(one.objects, place);
      if (handle === NO_OBJECT) continue;
      one.cpu.free(handle);
      freed++;
    }
  }
}
