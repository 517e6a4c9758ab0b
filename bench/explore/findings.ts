/**
 * Suspicions about the faithful rules that nobody is known to have reported (kernel-model e.3, D1 to D6),
 * one that a soak met (D7), one that this explorer met (D8), one that was argued away (M17), and those about
 * the designs with an owner per object (findings-objects.ts). Each has a scenario of its own, in which the
 * rules of the kernel either show it, or every schedule within the bound refutes it.
 */
import { OBJECT_FINDINGS } from './findings-objects.ts';
import {
  BIT_OF_CHILD,
  BIT_PATCHES,
  EMPTY_SLAB,
  GROWTH,
  LOCAL_COUNTS,
  NEGATIVE,
  PAGE_LOOK_UP,
  REMOTE_REUSE,
  STOCK,
  TASK_REUSE,
} from './findings-scenarios.ts';
import type { Patch } from './patched-core.ts';
import type { Scenario } from './world.ts';

/** A suspicion, and what the exploration is expected to say. */
export interface Finding {
  readonly id: string;
  readonly statement: string;
  readonly kernels: string;
  readonly scenario: Scenario;
  readonly strategy: string;
  /** The kernel's own rule, where the core has a repaired one. */
  readonly patches?: readonly Patch[];
  /** Invariant that breaks if it is real. */
  readonly invariant: string;
  readonly expected: 'shown' | 'refuted';
  readonly consequence: string;
  readonly remedy: string;
}

/** All of them. */
export const FINDINGS: readonly Finding[] = [
  {
    id: 'D1',
    statement: 'the page counter of a removed cgroup goes below zero',
    kernels: '5.3 to 5.8',
    ...{ scenario: NEGATIVE, strategy: 'splice-caches', invariant: 'C-C', expected: 'shown' },
    consequence:
      'a one-time kernel warning (page_counter underflow). The charge itself is right: the parent was charged and is uncharged. Local statistics of parent and child keep the error.',
    remedy:
      'uncharge the memcg that was charged: let charge return it, and have a page that was charged to an ancestor say so; or hold the removal back until allocations that found the cache are through.',
  },
  {
    id: 'D2',
    statement: 'a look-up of a page’s owner reads a kmem_cache that was freed',
    kernels: '5.3 to 5.8',
    ...{ scenario: PAGE_LOOK_UP, strategy: 'splice-caches', invariant: 'use after free' },
    expected: 'shown',
    consequence:
      'reading /proc/kpagecgroup (root), or a report of the page allocator, dereferences a stale pointer: garbage in the report, in the worst case a fault.',
    remedy:
      'free the kmem_cache after a grace period (v5 of the series had one, v6 took it out): the read section that the look-up holds already would then do.',
  },
  {
    id: 'D3',
    statement: 'an object is charged to a cgroup that got the kmem id of the one it was meant for',
    kernels: '5.3 to 5.8, remote charging only',
    ...{ scenario: REMOTE_REUSE, strategy: 'splice-caches', invariant: 'wrong owner' },
    expected: 'shown',
    consequence:
      'an object of somebody who charges remotely (fsnotify, loop) is charged to an unrelated new cgroup. References balance; nothing leaks.',
    remedy:
      'compare the owner of the cache that was found with the memcg, as the id is only a hint; or free the id after a grace period.',
  },
  {
    id: 'D3 by a task',
    statement: 'the same for a task that allocates while it is moved away',
    kernels: '5.3 to 5.8',
    ...{ scenario: TASK_REUSE, strategy: 'splice-caches', invariant: 'wrong owner' },
    expected: 'refuted',
    consequence: 'none.',
    remedy:
      'not needed: a section in which a task still saw the old cgroup began before the task was moved, so before the cgroup was killed; and the id is not free before a grace period after that.',
  },
  {
    id: 'D4',
    statement: 'a removed cgroup is kept by nothing but a charge stock',
    kernels: '5.3 and later (any with per-CPU stocks)',
    ...{ scenario: STOCK, strategy: 'splice-caches', invariant: 'still dying', expected: 'shown' },
    consequence:
      'the cgroup stays dying until that CPU charges for another cgroup or its stock is drained, on an idle CPU for as long as it is idle. At most one cgroup per CPU.',
    remedy: 'do not put what is left of a batch in stock if the cgroup was removed meanwhile.',
  },
  {
    id: 'D6',
    statement: 'a parent collects a cache for each child that died with an object left',
    kernels: '5.3 to 5.8',
    ...{ scenario: GROWTH, strategy: 'splice-caches', invariant: 'zombie caches' },
    expected: 'shown',
    consequence:
      'memory grows with the children that ever left an object behind, a kmem_cache and at least a page each, and every further removal of an ancestor has to hand them all over.',
    remedy:
      'shared caches with an owner per object (5.9). Within the design: free or migrate the last objects of zombie caches under pressure.',
  },
  {
    id: 'D7',
    statement:
      'an empty slab, and with it a cache and a reference on the parent, is never given back',
    kernels: '5.2 to 5.8',
    ...{ scenario: EMPTY_SLAB, strategy: 'splice-caches', invariant: 'empty slab kept' },
    expected: 'shown',
    consequence:
      'a zombie kmem_cache with one empty slab on a CPU’s list until somebody shrinks the root cache. Under pin the cgroup itself stays dying for it.',
    remedy:
      'let whoever drops the last in-flight reference of a deactivated cache flush its CPU’s slab, or shrink once more when the base reference goes.',
  },
  {
    id: 'D8',
    statement: 'the shrinker bit for an object goes to its dying cgroup, its parent gets none',
    kernels: '4.19 to 5.8 at least',
    ...{ scenario: BIT_OF_CHILD, strategy: 'splice-caches', invariant: 'S6', expected: 'shown' },
    patches: BIT_PATCHES,
    consequence:
      'list_lru_add reads the owner, the removal gives the parent’s kmem id to it, list_lru_add reads that id: the object is on the parent’s list, and the bit is set in the child’s map. As the list is not empty any more, no later add sets it: the parent’s objects there are not shrunk until another removal hands items over to that list (the symptom of M22). Under the rules of 4.19 to 5.2 it takes no race: whoever puts an object of a removed cgroup on a list meets it.',
    remedy:
      'set the bit of the memcg whose list it is, under the lru’s lock, as the core here does. The repair of M22 (a bit with every drain that moves something) does not help: nothing was left to move.',
  },
  {
    id: 'M17',
    statement: 'local slab statistics of the parent do not count what it owns',
    kernels: '5.3 to 6.14 at least',
    ...{ scenario: LOCAL_COUNTS, strategy: 'splice-caches', invariant: 'T-C', expected: 'shown' },
    consequence:
      'count_shadow_nodes sees too few pages at the parent and lets too many shadow nodes be reclaimed. The claim that local counters were always zero there holds only for parents without pages of their own.',
    remedy: 'move the local counters with the pages, as the LRU series does since its v3.',
  },
  ...OBJECT_FINDINGS,
];
