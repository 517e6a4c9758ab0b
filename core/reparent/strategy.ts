/**
 * What a reparenting design has to answer, and nothing else. A strategy is data (its tables) and a
 * function that binds it to a machine for one CPU; hot code gets closures over local columns.
 * Adding one: a file in this folder and a line in `registry.ts`.
 */

import type { Machine } from '../machine.ts';
import type { Charging } from '../memcg/charge.ts';
import type { SlabStats } from '../memcg/stats.ts';
import type { EventRing } from '../shared/event-ring.ts';
import type { TablePlan } from '../shared/layout.ts';
import type { PercpuRefs } from '../shared/percpu-ref.ts';
import type { Processor } from '../shared/processor.ts';
import type { Rcu } from '../shared/rcu.ts';
import type { IrqSpinLock } from '../shared/spinlock.ts';
import type { Patience } from '../shared/wait.ts';
import type { FullConfig } from '../tables.ts';

/** A strategy, bound to a machine for one CPU. */
export interface BoundStrategy {
  /**
   * Charges a new slab to the memcg that owns its cache, and remembers the owner if the design keeps
   * one per page. `row` is the slab's head, `pages` its base pages.
   * May sleep. @returns false, with nothing changed, when a limit is reached
   */
  charge(cache: number, row: number, pages: number): boolean;
  /** Undoes `charge` when the slab goes; may be the last thing that kept a cache or memcg alive. */
  uncharge(cache: number, row: number, pages: number): void;
  /** The memcg a slab is accounted to; 0 for slabs of root caches. */
  ownerOf(row: number): number;
  /**
   * Makes `parent` the owner of everything `child` owns, as far as the design does that. slab_mutex is
   * held and `child` is marked offline; other CPUs allocate, free and look up meanwhile.
   */
  handOver(child: number, parent: number): void;
  /** Undoes a hand-over as a whole, for `undoOffline`; without it, handing over the other way does. */
  takeBack?(child: number, parent: number): void;
  /** References that the design's pages hold on each memcg, added to `expected` by the audit. */
  expectedPageRefs(expected: Int32Array): void;
  /** Reports every broken invariant of the design's own tables. */
  audit(report: (invariant: string, detail: string) => void): void;
  /** Designs with an owner per object, whose caches are shared. */
  readonly objects?: ObjectOwners;
}

/** Allocates and frees objects on behalf of one CPU. */
export interface ObjectAllocator {
  /** See `Cpu`. */
  alloc(cache: number): number;
  free(handle: number): void;
  allocFor(memcg: number, root: number): number;
  kmalloc(root: number): number;
}

/** What memcgs own, recounted. */
export interface OwnedSlab {
  /** Base pages by memcg; a fraction where something is wrong. */
  readonly pages: Float64Array;
  /** Statistics by (memcg, item), in the units that `SlabStats` counts in. */
  readonly units: Float64Array;
}

/** What a design with an owner per object has to answer besides. */
export interface ObjectOwners {
  /** Accounts objects on top of a plain allocator of the same CPU. */
  bind(slub: Pick<ObjectAllocator, 'alloc' | 'free'>): ObjectAllocator;
  /** The memcg that owns an object; 0 for none. */
  ownerOf(handle: number): number;
  /** A memcg was made; nobody else knows it yet. cgroup_mutex is held. @throws LimitError */
  online(memcg: number): void;
  /** An RCU callback of the design's own kinds is due. */
  gracePeriodOver(kind: number, row: number): void;
  /** Gives back what a CPU has in stock by the byte; it must be this one or idle. */
  drain(cpu: number): void;
  /** Whether a CPU has such a stock for a memcg that is meant; inside a read section. */
  holdsFor(cpu: number, isMeant: (memcg: number) => boolean): boolean;
  /** Recounts what memcgs own, for the audit. */
  owned(): OwnedSlab;
  /** Bytes of objects, their pointers included, that removed memcgs left behind; by cache. */
  inheritedBytes(): Float64Array;
}

/** What a strategy builds on; bound to the same CPU. */
export interface StrategyContext {
  readonly cpu: number;
  readonly processor: Processor;
  readonly patience: Patience;
  readonly charging: Charging;
  readonly stats: SlabStats;
  /** References on memcgs. */
  readonly css: PercpuRefs;
  /** References on caches; a cache is shut down when its last one goes. */
  readonly cacheRefs: PercpuRefs;
  readonly rcu: Pick<Rcu, 'call'>;
  readonly events: EventRing;
  /** objcg_lock, for designs with an owner per object. */
  readonly objcgLock: IrqSpinLock;
}

/** A reparenting design. */
export interface Strategy {
  readonly name: string;
  /** One line for tables and `--help`. */
  readonly summary: string;
  /** Whether a memcg can be freed while slabs charged to it are still alive. */
  readonly releasesEarly: boolean;
  /**
   * Whether all memcgs share the root caches, each object having an owner of its own. What `createCache`
   * gives then has no slabs: it stands for objects of a root cache that are charged to a memcg.
   */
  readonly sharesCaches: boolean;
  /** The design's own tables. */
  tables(config: FullConfig): readonly TablePlan[];
  /** Whether the tables should lie in WebAssembly memory, where a SIMD kernel can reach them. */
  readonly wasmMemory: boolean;
  bind(machine: Machine, context: StrategyContext): BoundStrategy;
}
