/**
 * A machine as one of its CPUs sees it: allocate, free, and (for the CPU that drives the machine)
 * create and remove memcgs. Bind once per thread; a second binding in the same isolate costs both
 * their speed, because V8 then no longer treats the columns as constants.
 */

import type { Machine } from './machine.ts';
import { lookUpCache } from './memcg/kmem-caches.ts';
import { bindHooks, bindLifecycle, bindMachineWork, type Lifecycle } from './memcg/lifecycle.ts';
import { MEMCG_ONLINE } from './memcg/memcgs.ts';
import { type BoundStrategy, STEP_NAMES, STEP_WORDS, type Steps } from './reparent/strategy.ts';
import { check } from './shared/assert.ts';
import { type Allocator, bindAllocator } from './slub/allocator.ts';
import { cacheOfSlab, stateOf } from './slub/slabs.ts';

/** One CPU of a machine. */
export interface Cpu extends Allocator, Lifecycle {
  /** The cache that accounts objects of a root cache to a memcg: its own, or the root cache itself. */
  cacheFor(memcg: number, root: number): number;
  /** The nearest online memcg that an object is accounted to (as /proc/kpagecgroup), 0 for none. */
  ownerOfObject(handle: number): number;
  /** What this CPU's hand-overs did so far. */
  steps(): Steps;
  readonly strategy: BoundStrategy;
}

/** Binds one CPU of a machine. @throws ModelError when the machine has no such CPU */
export function bindCpu(machine: Machine, cpu: number): Cpu {
  check(
    Number.isInteger(cpu) && cpu >= 0 && cpu < machine.config.cpus,
    `CPU ${cpu}: this machine was created for CPUs 0 to ${machine.config.cpus - 1}`,
  );
  const work = bindMachineWork(machine);
  const hooks = bindHooks(machine, work);
  const strategy = machine.strategy.bind(machine, cpu, hooks);
  const allocator = bindAllocator(machine, cpu, strategy);
  const lifecycle = bindLifecycle(machine, { work, hooks, strategy, allocator });
  const arrays = { cache: machine.cacheArrays.cache, ids: machine.config.kmemIds };
  const { flags, parent, kmemId } = machine.memcgs;
  const { page } = machine.slabs;
  return {
    ...allocator,
    ...lifecycle,
    strategy,
    cacheFor(memcg, root) {
      const id = kmemId[memcg];
      return (id < 0 ? 0 : lookUpCache(arrays, root, id)) || root;
    },
    ownerOfObject(handle) {
      const row = handle >>> 6;
      const head = cacheOfSlab(page, row) === 0 ? row - stateOf(page, row) : row;
      let memcg = strategy.ownerOf(head);
      while (memcg !== 0 && (flags[memcg] & MEMCG_ONLINE) === 0) memcg = parent[memcg];
      return memcg;
    },
    steps() {
      const record = machine.cpus.steps;
      const counted = STEP_NAMES.map((name, index) => [name, record[cpu * STEP_WORDS + index]]);
      // fromEntries loses the keys; they are exactly STEP_NAMES.
      return Object.fromEntries(counted) as Steps;
    },
  };
}
