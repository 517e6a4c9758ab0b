/**
 * The small machine that a scenario plays on, and what must be true when it is over. One thread builds
 * it and looks at it afterwards, through bindings that the explorer does not see.
 */
import type { Cpu, Machine, MachineConfig } from '../../core/index.ts';
import { MEMCG_DYING, MEMCG_ONLINE, ROOT_MEMCG } from '../../core/memcg/memcgs.ts';

/** Words of the memory that the parts of a scenario share beside the machine. */
export const WORLD = {
  ...{ parent: 0, C: 1, D: 2, G: 3 },
  /** Root caches: two objects a slab; one; slabs under RCU; one that is destroyed; one with no copy yet. */
  ...{ small: 4, single: 5, typesafe: 6, module: 7, fresh: 8 },
  /** Whatever a scenario keeps for its own check. */
  note: 12,
  /** Live objects: a slot belongs to one thread. */
  objects: 16,
  /** Items on lru lists, `items + slot` for the object in `objects + slot`. */
  items: 32,
  words: 48,
} as const;

/** The first of three words of the zone table that the model does not use: counters for the tutorial. */
export const COUNTER = 12;

/** Shared words, one step an operation; `word` is COUNTER unless it is given. */
export interface SharedWord {
  load(word?: number): number;
  store(value: number, word?: number): void;
  /** Returns what was there before. */
  add(value: number, word?: number): number;
  /** Returns what was there before. */
  compareExchange(expected: number, value: number, word?: number): number;
}

/** What a thread of a scenario works with. */
export interface Part {
  readonly cpu: Cpu;
  readonly counter: SharedWord;
  readonly world: Int32Array;
  /** Waits until something that this thread looked at has changed. */
  wait(): void;
  /** Is held up for as long as others care to run: an interrupt, a preempted reader. */
  pause(): void;
  /** The same as `wait`, for a thread that only helps: false when all others have ended. */
  rest(): boolean;
}

/** Names of rows, for the reader: `{ C: 3 }`. */
export interface RowNames {
  readonly memcgs: Record<string, number>;
  readonly caches: Record<string, number>;
}

/** What a scenario is set up on. */
export interface Builder {
  readonly machine: Machine;
  readonly cpus: readonly Cpu[];
  readonly world: Int32Array;
  readonly names: RowNames;
}

/** Takes something that is wrong at the end of a run. */
export type Complain = (invariant: string, detail: string) => void;

/** What one CPU does. */
export interface ScenarioThread {
  readonly title: string;
  body(part: Part): void;
  /** What it does when it is interrupted. */
  interrupt?(part: Part): void;
}

/** A small machine, who does what on it, and what must hold. */
export interface Scenario {
  readonly name: string;
  readonly summary: string;
  /** What each CPU does, in words and in code. */
  readonly threads: readonly ScenarioThread[];
  readonly config?: Partial<MachineConfig>;
  /** The strategies that it is explored under unless others are named; all, if left out. */
  readonly strategies?: readonly string[];
  /**
   * What it asks is about caches that memcgs have of their own, or about caches that all share; of
   * every design, if left out.
   */
  readonly caches?: 'own' | 'shared';
  /** A page counter below zero is a fault, whoever's it is. */
  readonly watchUsage?: true;
  setup(builder: Builder): void;
  /** At once after the run, deferred work pending. */
  check?(builder: Builder, complain: Complain): void;
  /** After all deferred work, before anything is freed. */
  settled?(builder: Builder, complain: Complain): void;
}

/** A machine of a scenario: as few rows as it can do with, as all of them are restored for each run. */
export function configOf(scenario: Scenario, strategy: string): MachineConfig {
  return {
    ...{ strategy, cpus: scenario.threads.length, slabRows: 48, kmemCaches: 20, rootCaches: 6 },
    ...{ memcgs: 12, kmemIds: 6, lrus: 1, lruItems: 8 },
    ...scenario.config,
  };
}

/** A word of the world; all of those that are used exist. */
export function at(world: Int32Array, index: number): number {
  return world[index] ?? 0;
}

/** Runs deferred work until nothing is left, waiting for grace periods. */
export function settle(part: Part): void {
  for (;;) {
    part.cpu.runDeferred();
    if (!part.cpu.rcu.busy() && part.cpu.deferred() === 0) return;
    part.wait();
  }
}

/** What a kworker does: deferred work, one step at a time, as long as somebody may make more. */
export function kworker(part: Part): void {
  do {
    while (part.cpu.runDeferredStep()) part.cpu.poll();
    part.cpu.poll();
  } while (part.rest());
}

/** Deferred work with every other CPU idle. */
export function settleAlone(cpu: Cpu): void {
  for (let round = 0; round < 50 && (cpu.rcu.busy() || cpu.deferred() > 0); round++) {
    cpu.runDeferred();
  }
}

/** Frees and removes everything; what is left then was leaked. */
export function tearDown(builder: Builder, complain: Complain): void {
  const { machine, cpus, world } = builder;
  const [cpu] = cpus;
  if (cpu === undefined) return;
  for (let slot = 0; slot < WORLD.items - WORLD.objects; slot++) {
    const item = at(world, WORLD.items + slot);
    if (item !== 0) cpu.lrus.del(0, item);
    const handle = at(world, WORLD.objects + slot);
    if (handle !== 0) cpu.free(handle);
  }
  for (const one of cpus) cpu.moveTask(one.cpu, ROOT_MEMCG);
  for (const place of [WORLD.G, WORLD.C, WORLD.D, WORLD.parent])
    removeIfThere(builder, at(world, place));
  for (const one of cpus) one.drainStock();
  settleAlone(cpu);
  for (let root = 1; root <= machine.config.rootCaches; root++) {
    if ((machine.kmemCaches.flags[root] ?? 0) !== 0) cpu.shrink(root);
  }
  settleAlone(cpu);
  const { descendants, dyingDescendants } = cpu.cgroupStat(ROOT_MEMCG);
  if (descendants + dyingDescendants > 0) {
    complain('leak', `${descendants} cgroups and ${dyingDescendants} dying ones are never freed`);
  }
  for (let copy = machine.config.rootCaches + 1; copy <= machine.config.kmemCaches; copy++) {
    if ((machine.kmemCaches.flags[copy] ?? 0) !== 0) {
      complain('leak', `cache ${copy} is never freed, though everything in it was`);
    }
  }
}

function removeIfThere({ machine, cpus }: Builder, memcg: number): void {
  if (
    memcg === 0 ||
    ((machine.memcgs.flags[memcg] ?? 0) & (MEMCG_ONLINE | MEMCG_DYING)) !== MEMCG_ONLINE
  )
    return;
  cpus[0]?.rmdir(memcg);
}
