/**
 * What a reparenting design has to answer, and nothing else. A strategy is data (its tables) and a
 * function that binds it to a machine for one CPU; hot code gets closures over local columns.
 * Adding one: a file in this folder and a line in `registry.ts`.
 */

import type { Machine } from '../machine.ts';
import type { Charging } from '../memcg/charge.ts';
import type { SlabStats } from '../memcg/stats.ts';
import type { TablePlan } from '../shared/layout.ts';
import type { PercpuRefs } from '../shared/percpu-ref.ts';
import type { Processor } from '../shared/processor.ts';
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
  /** References that the design's pages hold on each memcg, added to `expected` by the audit. */
  expectedPageRefs(expected: Int32Array): void;
  /** Reports every broken invariant of the design's own tables. */
  audit(report: (invariant: string, detail: string) => void): void;
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
}

/** A reparenting design. */
export interface Strategy {
  readonly name: string;
  /** One line for tables and `--help`. */
  readonly summary: string;
  /** Whether a memcg can be freed while slabs charged to it are still alive. */
  readonly releasesEarly: boolean;
  /** The design's own tables. */
  tables(config: FullConfig): readonly TablePlan[];
  /** Whether the tables should lie in WebAssembly memory, where a SIMD kernel can reach them. */
  readonly wasmMemory: boolean;
  bind(machine: Machine, context: StrategyContext): BoundStrategy;
}
