/** Pieces that the worlds of several scenarios are built from. */
import { ROOT_MEMCG } from '../../core/memcg/memcgs.ts';
import {
  addSingle,
  allocate,
  buildWorld,
  checkNotes,
  drop,
  hold,
  release,
  remove,
  SHAPE,
} from './operations.ts';
import {
  at,
  type Builder,
  type Complain,
  type Part,
  type ScenarioThread,
  settle,
  settleAlone,
  WORLD,
} from './world.ts';

/** The check of parts that note what went wrong. */
export const noted = ({ world }: Builder, complain: Complain) => checkNotes(world, false, complain);

/** An object of C's copy of a root cache in a slot, allocated by CPU 0; others if `by` says so. */
export function objectOf(
  { cpus, world }: Builder,
  root: number,
  slot: number,
  by: { readonly cpu?: number; readonly memcg?: number } = {},
): void {
  const memcg = at(world, by.memcg ?? WORLD.C);
  world[WORLD.objects + slot] = cpus[by.cpu ?? 0]?.allocFor(memcg, at(world, root)) ?? 0;
}

/** Removes a memcg before the scenario begins. */
export function removed({ cpus, world }: Builder, place: number): void {
  const [cpu] = cpus;
  if (cpu === undefined) return;
  cpu.rmdir(at(world, place));
  settleAlone(cpu);
}

/** Removes C and runs the deferred work. */
export function removeC(part: Part): void {
  remove(part, at(part.world, WORLD.C));
  settle(part);
}

/** As `buildWorld`, with C directly below the root. */
export function buildTopLevel(builder: Builder): void {
  const { cpus, world, names } = builder;
  const [cpu] = cpus;
  if (cpu === undefined) return;
  world[WORLD.small] = cpu.createRootCache(SHAPE);
  world[WORLD.C] = cpu.createMemcg(ROOT_MEMCG);
  Object.assign(names.memcgs, { root: ROOT_MEMCG, C: at(world, WORLD.C) });
  names.caches.RC = at(world, WORLD.small);
  names.caches.KC = cpu.createCache(at(world, WORLD.C), at(world, WORLD.small));
}

/** Allocates a page for C, which it holds. */
export const ALLOCATES_A_PAGE_FOR_C: ScenarioThread = {
  title: 'allocates a page for C',
  body(part) {
    allocate(part, WORLD.single, 0);
    drop(part);
  },
};

/** A cache of one object a slab, and CPU 0 holds C. */
export function buildForPages(builder: Builder): void {
  buildWorld(builder);
  addSingle(builder);
  hold(builder, 0);
}

/** Allocates for C, which it holds. */
export const ALLOCATES_FOR_C: ScenarioThread = {
  title: 'allocates for C',
  body(part) {
    allocate(part, WORLD.small, 0);
    drop(part);
  },
};

/** Removes C, to the end. */
export const REMOVES_C: ScenarioThread = { title: 'removes C', body: removeC };

/** Removes C, and frees its object when it is somebody else's. */
export const REMOVES_C_THEN_FREES: ScenarioThread = {
  title: 'removes C, frees its object',
  body(part) {
    removeC(part);
    release(part, 0);
    settle(part);
  },
};
