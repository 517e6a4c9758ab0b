/**
 * What can be read about memcgs and pages while they come and go (kernel-model b.12), each inside a
 * read section: the values of one moment, and old the next.
 */
import * as atomics from '#atomics';
import { cacheOfSlab, stateOf } from '../slub/slabs.ts';
import type { Kernel } from './kernel.ts';
import { MEMCG_ONLINE } from './memcgs.ts';
import { RECLAIMABLE, UNRECLAIMABLE } from './stats.ts';

/** `slab_reclaimable` and `slab_unreclaimable` of memory.stat, in base pages. */
export interface MemoryStat {
  readonly slabReclaimable: number;
  readonly slabUnreclaimable: number;
}

/** cgroup.stat. */
export interface CgroupStat {
  readonly descendants: number;
  readonly dyingDescendants: number;
}

/** Look-ups of one CPU. */
export interface Lookups {
  /** The nearest online memcg that an object is accounted to (as /proc/kpagecgroup), 0 for none. */
  ownerOfObject(handle: number): number;
  /** The same for any row (none where each object has an owner: its page has not) of the slab table, whatever it is used for at the moment (D2). */
  ownerOfRow(row: number): number;
  /** Hierarchical, and only to the grain of the batches that CPUs hold back. */
  memoryStat(memcg: number): MemoryStat;
  /** The same for this level alone: exact, but not moved when pages are reparented (M17). */
  localMemoryStat(memcg: number): MemoryStat;
  cgroupStat(memcg: number): CgroupStat;
  /** count_shadow_nodes: how many shadow nodes of an lru a memcg has beyond one in eight pages. */
  shadowNodes(memcg: number, lru: number): number;
}

/** Binds look-ups to a CPU. */
export function bindLookups(kernel: Kernel): Lookups {
  const { peek } = atomics;
  const { machine, strategy, stats, lrus } = kernel;
  const { readLock, readUnlock } = kernel.processor;
  const { flags, parent, descendants, dying } = machine.memcgs;
  const { page } = machine.slabs;

  function onlineAncestor(owner: number): number {
    let memcg = owner;
    while (memcg !== 0 && (peek(flags, memcg) & MEMCG_ONLINE) === 0) memcg = peek(parent, memcg);
    return memcg;
  }

  function ownerOfRow(row: number): number {
    readLock();
    const head = cacheOfSlab(page, row) === 0 ? row - stateOf(page, row) : row;
    const owner = head <= 0 || cacheOfSlab(page, head) === 0 ? 0 : strategy.ownerOf(head);
    const memcg = onlineAncestor(owner);
    readUnlock();
    return memcg;
  }

  function ownerOfObject(handle: number): number {
    const { objects } = strategy;
    if (objects === undefined) return ownerOfRow(handle >>> 6);
    readLock();
    const memcg = onlineAncestor(objects.ownerOf(handle));
    readUnlock();
    return memcg;
  }

  return {
    ownerOfObject,
    ownerOfRow,
    memoryStat: (memcg) => ({
      slabReclaimable: stats.read(memcg, RECLAIMABLE),
      slabUnreclaimable: stats.read(memcg, UNRECLAIMABLE),
    }),
    localMemoryStat: (memcg) => ({
      slabReclaimable: stats.readLocal(memcg, RECLAIMABLE),
      slabUnreclaimable: stats.readLocal(memcg, UNRECLAIMABLE),
    }),
    cgroupStat: (memcg) => ({
      descendants: peek(descendants, memcg),
      dyingDescendants: peek(dying, memcg),
    }),
    shadowNodes(memcg, lru) {
      const nodes = lrus.count(lru, memcg);
      const pages = stats.readLocal(memcg, RECLAIMABLE) + stats.readLocal(memcg, UNRECLAIMABLE);
      return Math.max(0, nodes - (pages >> 3));
    },
  };
}
