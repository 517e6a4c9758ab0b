/**
 * A machine: CPUs, slab pages, kmem_caches and memory cgroups as columns of integers in shared
 * memory. It is described by its config alone; a worker that gets the memory attaches with
 * `attachMachine` and sees the same columns. Sizes are fixed at creation and known before anything
 * is allocated (`planMachine`).
 */
import { ATOMICS_KIND } from '#atomics';
import { CACHE_LIVE, type CacheShape, KMEM_CACHE_SPEC } from './memcg/kmem-caches.ts';
import { MEMCG_LIVE, MEMCG_ONLINE, MEMCG_SPEC, NO_LIMIT, ROOT_MEMCG } from './memcg/memcgs.ts';
import { STRATEGIES } from './reparent/registry.ts';
import { STEP_WORDS, type Strategy } from './reparent/strategy.ts';
import { createWasmMemory, strategyBuffer, type WasmMemory } from './reparent/wasm.ts';
import { check } from './shared/assert.ts';
import {
  type Columns,
  type Layout,
  planLayout,
  type TablePlan,
  viewTable,
} from './shared/layout.ts';
import { bindRowPool, ROW_POOL_SPEC, type RowPool } from './shared/rows.ts';
import { WORK_SPEC } from './shared/workqueue.ts';
import {
  CPU_RECORD,
  MAX_KMEM_CACHES,
  MAX_OBJECTS_PER_SLAB,
  MAX_SLAB_ROWS,
  OBJECTS_PER_ROW,
  SLAB_SPEC,
} from './slub/slabs.ts';

/** What a machine is made for. Every count is a capacity; reaching one is an error that names it. */
export interface MachineConfig {
  /** Name of the reparenting strategy. */
  readonly strategy: string;
  /** CPUs that may drive the machine; 1 to 64. */
  readonly cpus: number;
  /** Rows of the slab table: one per slab of up to 64 objects, more for larger slabs. */
  readonly slabRows: number;
  /** kmem_caches, root caches included. */
  readonly kmemCaches: number;
  /** Root caches among them. */
  readonly rootCaches: number;
  /** Memory cgroups, the root and dying ones included. */
  readonly memcgs: number;
  /** Memory cgroups that can be online with kernel accounting at once; the kernel's limit is 65535. */
  readonly kmemIds: number;
}

/** The memory of a machine: what a worker needs to attach. */
export interface MachineMemory {
  readonly main: SharedArrayBuffer;
  /** The strategy's tables: plain, or WebAssembly memory if the strategy has a SIMD kernel. */
  readonly strategy: SharedArrayBuffer | WasmMemory | null;
}

/** A machine in shared memory. */
export interface Machine {
  readonly config: MachineConfig;
  readonly memory: MachineMemory;
  readonly bytes: number;
  readonly strategy: Strategy;
  readonly strategyLayout: Layout;
  readonly globals: Columns<typeof GLOBALS_SPEC>;
  readonly slabs: Columns<typeof SLAB_SPEC>;
  readonly cpuSlabs: Columns<typeof CPU_SLAB_SPEC>;
  readonly kmemCaches: Columns<typeof KMEM_CACHE_SPEC>;
  readonly memcgs: Columns<typeof MEMCG_SPEC>;
  readonly cacheArrays: Columns<typeof CACHE_ARRAY_SPEC>;
  readonly kmemIds: Columns<typeof KMEM_ID_SPEC>;
  readonly cpus: Columns<typeof CPU_SPEC>;
  readonly work: Columns<typeof WORK_SPEC>;
  readonly memcgRows: RowPool;
  readonly cacheRows: RowPool;
}

/** cpu slab of each CPU and cache (`cpu * caches + cache`), owned by that CPU: plain access. */
export const CPU_SLAB_SPEC = {
  /** Bitmap word (`handle >>> 5`) that the private free objects belong to, 0 none. */
  word: 1,
  /** Private free objects of that word (the lockless freelist). */
  free: 1,
  /** Head of the CPU's partial list. */
  partial: 1,
  /** Slabs on that list. */
  partialSlabs: 1,
} as const;
const GLOBALS_SPEC = {
  /** Slab rows that some CPU has taken; alone on its line. */
  slabBump: 16,
  /** Work ring: next to run, next free place. */
  workHead: 16,
  workTail: 16,
} as const;
const CPU_SPEC = { record: CPU_RECORD.words, steps: STEP_WORDS } as const;
const CACHE_ARRAY_SPEC = { cache: 1 } as const;
const KMEM_ID_SPEC = { owner: 1 } as const;

const HEADER_WORDS = 16;
const MAGIC = 0x51_ab_5b_1c;
const VERSION = 1;
const MAX_CPUS = 64;
const CONFIG_KEYS = ['cpus', 'slabRows', 'kmemCaches', 'rootCaches', 'memcgs', 'kmemIds'] as const;

function mainTables(config: MachineConfig) {
  const caches = config.kmemCaches + 1;
  const memcgs = config.memcgs + 1;
  return {
    globals: { name: 'globals', spec: GLOBALS_SPEC, rows: 1 },
    cpus: { name: 'cpus', spec: CPU_SPEC, rows: config.cpus },
    pools: { name: 'pools', spec: ROW_POOL_SPEC, rows: 2 },
    work: { name: 'work', spec: WORK_SPEC, rows: 2 * (caches + memcgs) + 2 },
    memcgs: { name: 'memcgs', spec: MEMCG_SPEC, rows: memcgs },
    kmemCaches: { name: 'kmemCaches', spec: KMEM_CACHE_SPEC, rows: caches },
    cpuSlabs: { name: 'cpuSlabs', spec: CPU_SLAB_SPEC, rows: config.cpus * caches },
    kmemIds: { name: 'kmemIds', spec: KMEM_ID_SPEC, rows: config.kmemIds },
    cacheArrays: {
      name: 'cacheArrays',
      spec: CACHE_ARRAY_SPEC,
      rows: (config.rootCaches + 1) * config.kmemIds,
    },
    slabs: { name: 'slabs', spec: SLAB_SPEC, rows: config.slabRows + 1 },
  } as const;
}

function strategyNamed(name: string): Strategy {
  const strategy = STRATEGIES.find((candidate) => candidate.name === name);
  check(
    strategy !== undefined,
    `no strategy '${name}'; there are ${STRATEGIES.map((one) => one.name).join(', ')}`,
  );
  return strategy;
}

function checkConfig(config: MachineConfig): void {
  const limits: Record<(typeof CONFIG_KEYS)[number], number> = {
    cpus: MAX_CPUS,
    slabRows: MAX_SLAB_ROWS,
    kmemCaches: MAX_KMEM_CACHES,
    rootCaches: config.kmemCaches,
    memcgs: 2 ** 20,
    kmemIds: 65_535,
  };
  for (const key of CONFIG_KEYS) {
    const value = config[key];
    check(
      Number.isInteger(value) && value >= 1 && value <= limits[key],
      `machine config: ${key} is ${value}, must be a whole number from 1 to ${limits[key]}`,
    );
  }
}

interface MachinePlan {
  readonly strategy: Strategy;
  readonly tables: ReturnType<typeof mainTables>;
  readonly layout: Layout;
  readonly strategyTables: readonly TablePlan[];
  readonly strategyLayout: Layout;
}

function plan(config: MachineConfig): MachinePlan {
  checkConfig(config);
  const strategy = strategyNamed(config.strategy);
  const tables = mainTables(config);
  const strategyTables = strategy.tables(config);
  return {
    strategy,
    tables,
    layout: planLayout(Object.values(tables), HEADER_WORDS * Int32Array.BYTES_PER_ELEMENT),
    strategyTables,
    strategyLayout: planLayout(strategyTables, 0),
  };
}

/** Bytes that a machine of this config takes, without allocating any. @throws ModelError */
export function machineBytes(config: MachineConfig): number {
  const { layout, strategyLayout } = plan(config);
  return layout.bytes + strategyLayout.bytes;
}

/**
 * Creates a machine: an empty slab table, the root memcg, no caches. The memory is committed by the
 * system as it is touched (see `touchMachine`).
 * @throws ModelError when a capacity is out of range
 */
export function createMachine(config: MachineConfig): Machine {
  const planned = plan(config);
  const main = new SharedArrayBuffer(planned.layout.bytes);
  const strategyBytes = planned.strategyLayout.bytes;
  const strategy =
    strategyBytes === 0
      ? null
      : ((planned.strategy.wasmMemory ? createWasmMemory(strategyBytes) : null) ??
        new SharedArrayBuffer(strategyBytes));
  const header = new Int32Array(main, 0, HEADER_WORDS);
  header[0] = MAGIC;
  header[1] = VERSION;
  header[2] = STRATEGIES.indexOf(planned.strategy);
  CONFIG_KEYS.forEach((key, index) => {
    header[3 + index] = config[key];
  });
  const machine = view(config, planned, { main, strategy });
  const root = machine.memcgRows.take();
  check(root === ROOT_MEMCG, 'the first memcg is the root');
  machine.memcgs.flags[root] = MEMCG_LIVE | MEMCG_ONLINE;
  machine.memcgs.max[root] = NO_LIMIT;
  machine.memcgs.css[root] = 1;
  machine.memcgs.kmemId[root] = -1;
  // No in-use count equals it, so a row that is in no slab never looks full (see `free`).
  machine.kmemCaches.objects[0] = -1;
  return machine;
}

/**
 * Opens a machine that another thread created.
 * @throws ModelError when the memory is not a machine, is of another version, or when this process
 *   runs with `--conditions=solo`, whose operations are not safe for two threads
 */
export function attachMachine(memory: MachineMemory): Machine {
  check(ATOMICS_KIND !== 'solo', 'a second thread cannot attach under --conditions=solo');
  check(memory.main.byteLength >= HEADER_WORDS * 4, 'this buffer is too small to be a machine');
  const header = new Int32Array(memory.main, 0, HEADER_WORDS);
  check(header[0] === MAGIC, 'this buffer is not a machine (wrong magic number)');
  check(header[1] === VERSION, `machine of version ${header[1]}, expected ${VERSION}`);
  const strategy = STRATEGIES[header[2]];
  check(strategy !== undefined, `machine with unknown strategy number ${header[2]}`);
  const counts = CONFIG_KEYS.map((key, index) => [key, header[3 + index]] as const);
  // Object.fromEntries loses the keys; all of CONFIG_KEYS are there, and checkConfig looks at each.
  const config = { strategy: strategy.name, ...Object.fromEntries(counts) } as MachineConfig;
  const planned = plan(config);
  check(
    memory.main.byteLength === planned.layout.bytes,
    `machine of ${memory.main.byteLength} bytes, its header needs ${planned.layout.bytes}`,
  );
  return view(config, planned, memory);
}

function view(config: MachineConfig, planned: MachinePlan, memory: MachineMemory): Machine {
  const { tables, layout } = planned;
  const pools = viewTable(memory.main, layout, tables.pools);
  const memcgs = viewTable(memory.main, layout, tables.memcgs);
  const kmemCaches = viewTable(memory.main, layout, tables.kmemCaches);
  return {
    config,
    memory,
    bytes: layout.bytes + planned.strategyLayout.bytes,
    strategy: planned.strategy,
    strategyLayout: planned.strategyLayout,
    globals: viewTable(memory.main, layout, tables.globals),
    slabs: viewTable(memory.main, layout, tables.slabs),
    cpuSlabs: viewTable(memory.main, layout, tables.cpuSlabs),
    kmemCaches,
    memcgs,
    cacheArrays: viewTable(memory.main, layout, tables.cacheArrays),
    kmemIds: viewTable(memory.main, layout, tables.kmemIds),
    cpus: viewTable(memory.main, layout, tables.cpus),
    work: viewTable(memory.main, layout, tables.work),
    memcgRows: bindRowPool({
      state: pools.state,
      pool: 0,
      next: memcgs.siblingNext,
      rows: tables.memcgs.rows,
      limit: 'memcgs',
    }),
    cacheRows: bindRowPool({
      state: pools.state,
      pool: 1,
      next: kmemCaches.next,
      rows: tables.kmemCaches.rows,
      limit: 'kmemCaches',
    }),
  };
}

/**
 * Touches all memory of a machine, so that page faults (2 us each and more) are not timed later.
 * @returns bytes touched
 */
export function touchMachine(machine: Machine): number {
  const buffers = [machine.memory.main];
  if (machine.memory.strategy !== null) buffers.push(strategyBuffer(machine));
  for (const buffer of buffers) {
    const words = new Int32Array(buffer);
    // A store is needed: reading untouched memory maps the shared zero page only.
    for (let word = 0; word < words.length; word += 1024) words[word] |= 0;
  }
  return machine.bytes;
}

/** Fills in the row of a new cache; links nothing. @throws ModelError when the shape does not fit */
export function initCache(machine: Machine, cache: number, shape: CacheShape): void {
  const { objectsPerSlab, pagesPerSlab } = shape;
  check(
    objectsPerSlab >= 1 && objectsPerSlab <= MAX_OBJECTS_PER_SLAB,
    `a slab of ${objectsPerSlab} objects: the model has 1 to ${MAX_OBJECTS_PER_SLAB}`,
  );
  const columns = machine.kmemCaches;
  const rows = Math.ceil(objectsPerSlab / OBJECTS_PER_ROW);
  const last = objectsPerSlab - (rows - 1) * OBJECTS_PER_ROW;
  columns.flags[cache] = CACHE_LIVE;
  columns.memcg[cache] = 0;
  columns.root[cache] = 0;
  columns.refcnt[cache] = 0;
  columns.objects[cache] = objectsPerSlab;
  columns.rows[cache] = rows;
  columns.pages[cache] = pagesPerSlab;
  columns.size[cache] = shape.size;
  columns.lastMask[2 * cache] = last >= 32 ? -1 : (1 << last) - 1;
  columns.lastMask[2 * cache + 1] = last <= 32 ? 0 : last === 64 ? -1 : (1 << (last - 32)) - 1;
  columns.minPartial[cache] = shape.minPartial;
  columns.cpuPartial[cache] = shape.cpuPartialSlabs;
}
