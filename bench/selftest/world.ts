/**
 * What a test gets: a strategy, sizes, and machines to boot. A machine is driven by one thread, which
 * is each of its CPUs in turn; deferred work runs where the kernel would have had time for it.
 */
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import {
  audit,
  bindCpu,
  type CacheShape,
  type Cpu,
  createMachine,
  type Machine,
  type MachineConfig,
  NO_OBJECT,
  ROOT_MEMCG,
} from '../../core/index.ts';
import { geometryOfSize, partialLimitOf } from '../../core/slub/geometry.ts';
import { randomBelow, seededRandom } from '../workload/random.ts';
import { kernelOf } from './kernels.ts';

/** Bytes of a page. */
export const PAGE = 4096;
/** MEMCG_CHARGE_BATCH as the kernel's test has it: pages a CPU may hold back (64 since 6.0). */
const TOLERATED_PAGES = 64;
/** What a CPU charges ahead in the kernels of 2019 and 2020. */
const CHARGE_BATCH = 32;
/** Polls that the kernel's test waits for dying cgroups, 100 ms each. */
const DEAD_POLLS = 80;
/** What a pointer to its owner is charged beside an object, since 5.9. */
const POINTER = 8;

/** Object types: bytes from one object to the next. */
const TYPES = {
  dentry: { size: 192, reclaimable: true },
  /** kmalloc-rcl-128: a name of some 110 characters, which does not fit into its dentry. */
  name: { size: 128, reclaimable: true },
  inode: { size: 616, reclaimable: true },
  /** A kernel stack where it is an accounted object. */
  stack: { size: 16_384, reclaimable: false },
} as const;

/** An object type. */
export type ObjectType = keyof typeof TYPES;
/** All of them. */
const TYPE_NAMES = Object.keys(TYPES) as readonly ObjectType[];

/** How large a machine a test needs. */
export interface Capacities {
  /** Memcgs that are there at once, dying ones included. */
  readonly memcgs: number;
  /** Objects at once. */
  readonly objects: number;
  /** Runs of page cache at once. */
  readonly folios?: number;
  readonly kmemIds?: number;
  /** Page cache moves with a removal, whatever the strategy's kernel did. */
  readonly moveFolios?: boolean;
  /** False for tests that need exact charges at a limit. */
  readonly stocks?: boolean;
}

/** A test's view of the run. */
export interface World {
  readonly strategy: string;
  readonly cpus: number;
  /** The kernel's size, or a smaller one that shows the same. */
  size(full: number, quick: number): number;
  boot(capacities: Capacities): TestMachine;
}

/** Makes the world of one test; the same seed gives the same course. */
export function makeWorld(task: {
  readonly strategy: string;
  readonly cpus: number;
  readonly quick: boolean;
  readonly seed: number;
}): World {
  const { strategy, cpus, quick, seed } = task;
  return {
    strategy,
    cpus,
    size: (full, small) => (quick ? small : full),
    boot: (capacities) => new TestMachine(task, capacities, seededRandom(seed)),
  };
}

/** Rows for slabs: full ones, and one that each CPU may have of each cache. */
function slabRowsFor({ objects, memcgs }: Capacities, cpus: number, groups: number): number {
  return 256 + Math.ceil(objects / 4) + (groups + memcgs / 8) * TYPE_NAMES.length * (cpus + 1);
}

function configFor(
  task: { readonly strategy: string; readonly cpus: number },
  capacities: Capacities,
): MachineConfig {
  const { memcgs, objects } = capacities;
  const moves = capacities.moveFolios ?? kernelOf(task.strategy).movesPageCache;
  // Those that allocate have caches; of very many memcgs only few do.
  const groups = Math.min(memcgs, objects);
  return {
    strategy: task.strategy,
    cpus: task.cpus,
    slabRows: Math.ceil(slabRowsFor(capacities, task.cpus, groups)),
    kmemCaches: (groups + 2) * TYPE_NAMES.length,
    rootCaches: TYPE_NAMES.length,
    memcgs: memcgs + 2,
    kmemIds: capacities.kmemIds ?? memcgs + 2,
    chargeBatch: capacities.stocks === false ? 0 : CHARGE_BATCH,
    ...{ lrus: 1, lruItems: objects, folios: capacities.folios ?? 0 },
    moveFolios: moves ? 1 : 0,
  };
}

function shapeOf(type: ObjectType, cpus: number, kernel: '5.3' | '6.x'): CacheShape {
  const { size, reclaimable } = TYPES[type];
  const geometry = geometryOfSize(size, { kernel, cpus, pageSize: PAGE });
  const { objectsPerSlab, pagesPerSlab, minPartial } = geometry;
  const partial = partialLimitOf(geometry);
  return { size, reclaimable, objectsPerSlab, pagesPerSlab, minPartial, ...partial };
}

/** A machine under test. Sizes are bytes unless they say pages. */
export class TestMachine {
  readonly machine: Machine;
  readonly cpus: readonly Cpu[];
  /** The CPU that makes and removes memcgs. */
  readonly cpu: Cpu;
  readonly random: RandomGenerator;
  private readonly roots: Readonly<Record<ObjectType, number>>;

  constructor(
    task: { readonly strategy: string; readonly cpus: number },
    capacities: Capacities,
    random: RandomGenerator,
  ) {
    this.random = random;
    this.machine = createMachine(configFor(task, capacities));
    this.cpu = bindCpu(this.machine, 0);
    const others = Array.from({ length: task.cpus - 1 }, (_, at) => bindCpu(this.machine, at + 1));
    this.cpus = [this.cpu, ...others];
    const { geometry } = kernelOf(task.strategy);
    const rows = TYPE_NAMES.map((type) => [
      type,
      this.cpu.createRootCache(shapeOf(type, task.cpus, geometry)),
    ]);
    // fromEntries loses the keys; they are exactly TYPE_NAMES.
    this.roots = Object.fromEntries(rows) as Record<ObjectType, number>;
  }

  mkdir(parent: number = ROOT_MEMCG): number {
    return this.cpu.createMemcg(parent);
  }

  /**
   * Moves the task of a CPU. The caches of a memcg are made by a work item that its first allocation
   * queues, and until then objects are not accounted: it has run when this returns.
   */
  enter(
    memcg: number,
    cpu: Cpu = this.cpu,
    types: readonly ObjectType[] = ['dentry', 'name'],
  ): void {
    this.cpu.moveTask(cpu.cpu, memcg);
    if (memcg === ROOT_MEMCG) return;
    for (const type of types) cpu.free(cpu.kmalloc(this.roots[type]));
    this.cpu.runDeferred();
  }

  leave(cpu: Cpu = this.cpu): void {
    this.cpu.moveTask(cpu.cpu, ROOT_MEMCG);
  }

  /** An object for the task of a CPU; 0 at a limit. */
  tryAlloc(type: ObjectType, cpu: Cpu = this.cpu): number {
    return cpu.kmalloc(this.roots[type]);
  }

  /** The same where there is no limit. @throws Error when it fails all the same */
  alloc(type: ObjectType, cpu: Cpu = this.cpu): number {
    const handle = this.tryAlloc(type, cpu);
    if (handle === NO_OBJECT) throw new Error(`no ${type}: a limit that the test did not set`);
    return handle;
  }

  /** Removes a memcg; what follows from it has happened when `settle` has run. */
  rmdir(memcg: number): void {
    this.cpu.rmdir(memcg);
  }

  /** Grace periods and queued work, until there is none. */
  settle(): void {
    this.cpu.runDeferred();
  }

  /** memory.current. */
  current(memcg: number): number {
    return PAGE * (this.machine.memcgs.usage[memcg] ?? 0);
  }

  /** memory.peak. */
  peak(memcg: number): number {
    return PAGE * (this.machine.memcgs.watermark[memcg] ?? 0);
  }

  /** Charges that met the limit of a memcg (`max` of memory.events, as far as the counter knows). */
  limitHits(memcg: number): number {
    return this.machine.memcgs.failcnt[memcg] ?? 0;
  }

  /** `slab` of memory.stat. */
  slab(memcg: number): number {
    const { slabReclaimable, slabUnreclaimable } = this.cpu.memoryStat(memcg);
    return PAGE * (slabReclaimable + slabUnreclaimable);
  }

  /** The same of this level alone, which no CPU holds back. */
  localSlab(memcg: number): number {
    const { slabReclaimable, slabUnreclaimable } = this.cpu.localMemoryStat(memcg);
    return PAGE * (slabReclaimable + slabUnreclaimable);
  }

  dying(memcg: number): number {
    return this.cpu.cgroupStat(memcg).dyingDescendants;
  }

  /** Waits as long as the kernel's test does for dying cgroups to go; how many are left. */
  pollDying(memcg: number): number {
    for (let poll = 0; poll < DEAD_POLLS && this.dying(memcg) > 0; poll++) this.settle();
    return this.dying(memcg);
  }

  /** What the kernel's tests tolerate between a counter and a statistic. */
  tolerance(): number {
    return PAGE * TOLERATED_PAGES * this.cpus.length;
  }

  /** Gives back what CPUs keep: stocks, cpu slabs, empty slabs. */
  drain(): void {
    for (const root of Object.values(this.roots)) this.cpu.shrink(root);
    for (const cpu of this.cpus) cpu.drainStock();
    this.settle();
  }

  /** Broken invariants; the first one, or '' for none. */
  broken(): string {
    const [first] = audit(this.machine, this.cpu).violations;
    return first === undefined ? '' : `${first.invariant}: ${first.detail}`;
  }

  /** Any CPU, by the seed. */
  anyCpu(): Cpu {
    return this.cpus[this.below(this.cpus.length)] ?? this.cpu;
  }

  /** What so many objects are charged: pages of slabs, or each object with its pointer. */
  chargeOf(type: ObjectType, objects: number): number {
    const { kmemCaches, strategy } = this.machine;
    const root = this.roots[type];
    if (strategy.sharesCaches) return objects * (TYPES[type].size + POINTER);
    const slabs = Math.ceil(objects / (kmemCaches.objects[root] ?? 1));
    return slabs * (kmemCaches.pages[root] ?? 0) * PAGE;
  }

  /** The memcg that an object's page, cache or obj_cgroup names, whatever state that is in. */
  namedOwner(handle: number): number {
    const { strategy } = this.cpu;
    // Objects of the tests' types lie on the first row of their slab.
    return strategy.objects?.ownerOf(handle) ?? strategy.ownerOf(handle >>> 6);
  }

  /** A whole number from 0 to below `count`. */
  below(count: number): number {
    return randomBelow(this.random, count);
  }
}
