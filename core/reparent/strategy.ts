/**
 * What a reparenting design has to answer, and nothing else. A strategy is data (its tables) and a
 * function that binds it to a machine for one CPU; hot code gets closures over local columns.
 * Adding one: a file in this folder and a line in `registry.ts`.
 */

import type { Machine, MachineConfig } from '../machine.ts';
import type { TablePlan } from '../shared/layout.ts';

/**
 * Work that a strategy did while it handed memcgs over, summed since the machine was created:
 * plain counts, to be compared with a prediction. `rowsScanned` are slab rows looked at in a pass over
 * the memmap, `pagesVisited` slabs reached through a list or vector, `pagesMoved` slabs rewritten.
 */
export const STEP_NAMES = [
  'handOvers',
  'rowsScanned',
  'pagesVisited',
  'pagesMoved',
  'cachesMoved',
  'cssMoved',
  'listOperations',
] as const;

/** One of the counted kinds of step. */
export type StepName = (typeof STEP_NAMES)[number];

/** Steps by kind. */
export type Steps = Record<StepName, number>;

/** Words of a CPU's step record; a multiple of a cache line. */
export const STEP_WORDS = 16;

/** A strategy, bound to a machine for one CPU. */
export interface BoundStrategy {
  /**
   * Charges a new slab to the memcg that owns its cache, and remembers the owner if the design keeps
   * one per page. `row` is the slab's head, `pages` its base pages.
   * @returns false, with nothing changed, when a limit is reached
   */
  charge(cache: number, row: number, pages: number): boolean;
  /** Undoes `charge` when the slab goes; may be the last thing that kept a cache or memcg alive. */
  uncharge(cache: number, row: number, pages: number): void;
  /** The memcg a slab is accounted to; 0 for slabs of root caches. */
  ownerOf(row: number): number;
  /** A memcg's cache was created (under slab_mutex). */
  cacheCreated(cache: number, memcg: number): void;
  /** A memcg's cache was deactivated because the memcg goes offline (under slab_mutex). */
  cacheDeactivated(cache: number): void;
  /** A deactivated cache was shrunk, a grace period after its deactivation. */
  cacheShrunk(cache: number): void;
  /** A cache is gone; drops what the cache held. */
  cacheReleased(cache: number): void;
  /** Makes `parent` the owner of everything `child` owns, as far as the design does that. */
  handOver(child: number, parent: number): void;
  /** References that the design's pages hold on each memcg, added to `expected` by the audit. */
  expectedPageRefs(expected: Int32Array): void;
  /** Reports every broken invariant of the design's own tables. */
  audit(report: (invariant: string, detail: string) => void): void;
}

/** What deferred work a strategy can ask for. */
export interface StrategyHooks {
  /** The last reference of a cache was dropped: queue its shutdown. */
  cacheUnreferenced(cache: number): void;
  /** Drops `count` css references; queues the release of the memcg when none is left. */
  putMemcg(memcg: number, count: number): void;
  /** Charges to `memcg` and all levels above; root is never charged itself. */
  tryCharge(memcg: number, pages: number): boolean;
  /** Uncharges from `memcg` and all levels above. */
  unchargeMemcg(memcg: number, pages: number): void;
}

/** A reparenting design. */
export interface Strategy {
  readonly name: string;
  /** One line for tables and `--help`. */
  readonly summary: string;
  /** Whether a memcg can be freed while slabs charged to it are still alive. */
  readonly releasesEarly: boolean;
  /** The design's own tables. */
  tables(config: MachineConfig): readonly TablePlan[];
  /** Whether the tables should lie in WebAssembly memory, where a SIMD kernel can reach them. */
  readonly wasmMemory: boolean;
  bind(machine: Machine, cpu: number, hooks: StrategyHooks): BoundStrategy;
}
