/**
 * A machine: CPUs, slab pages, kmem_caches and memory cgroups as columns of integers in shared
 * memory. It is described by its config alone; a worker that gets the memory attaches with
 * `attachMachine` and sees the same columns. Sizes are fixed at creation and known before anything
 * is allocated (`planMachine`).
 */
import { ATOMICS_KIND } from '#atomics';
import { type FOLIO_LIST_SPEC, type FOLIO_SPEC, folioListRows } from './memcg/folio-rows.ts';
import type { KMEM_CACHE_SPEC } from './memcg/kmem-caches.ts';
import { initLruLists } from './memcg/list-lru.ts';
import { firstLruItem, type LRU_LINK_SPEC, type LRU_LIST_SPEC } from './memcg/list-lru-rows.ts';
import { MEMCG_LIVE, MEMCG_ONLINE, type MEMCG_SPEC, NO_LIMIT, ROOT_MEMCG } from './memcg/memcgs.ts';
import { initFolioLists } from './memcg/page-cache.ts';
import { DESIGNS } from './reparent/registry.ts';
import type { Strategy } from './reparent/strategy.ts';
import { createWasmMemory, strategyBuffer, type WasmMemory } from './reparent/wasm.ts';
import { check } from './shared/assert.ts';
import type { EVENT_SPEC } from './shared/event-ring.ts';
import {
  type Columns,
  type Layout,
  planLayout,
  type TablePlan,
  viewTable,
} from './shared/layout.ts';
import type { LOCK_SPEC } from './shared/mutex.ts';
import { REF_BIAS } from './shared/percpu-ref.ts';
import { LINE, type PROCESSOR_SPEC } from './shared/processor.ts';
import type { RCU_RING_SPEC, RCU_SPEC } from './shared/rcu.ts';
import { bindRowPool, type RowPool } from './shared/rows.ts';
import { DEADLINE_MS, PATIENCE } from './shared/wait.ts';
import type { WORK_RING_SPEC, WORK_SPEC } from './shared/workqueue.ts';
import type { ZONE_SPEC } from './slub/row-supply.ts';
import { MAX_KMEM_CACHES, MAX_SLAB_ROWS, type SLAB_SPEC } from './slub/slabs.ts';
import {
  type CACHE_ARRAY_SPEC,
  type CPU_MEMCG_SPEC,
  type CPU_SLAB_SPEC,
  type CPU_SPEC,
  type FullConfig,
  type GLOBALS_SPEC,
  type KMEM_ID_SPEC,
  type MachineConfig,
  mainTables,
} from './tables.ts';

/** The memory of a machine: what a worker needs to attach. */
export interface MachineMemory {
  readonly main: SharedArrayBuffer;
  /** The strategy's tables: plain, or WebAssembly memory if the strategy has a SIMD kernel. */
  readonly strategy: SharedArrayBuffer | WasmMemory | null;
}

/** A machine in shared memory. */
export interface Machine {
  readonly config: FullConfig;
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
  readonly cpuMemcgs: Columns<typeof CPU_MEMCG_SPEC>;
  readonly processors: Columns<typeof PROCESSOR_SPEC>;
  readonly locks: Columns<typeof LOCK_SPEC>;
  readonly rcu: Columns<typeof RCU_SPEC>;
  readonly rcuRing: Columns<typeof RCU_RING_SPEC>;
  readonly work: Columns<typeof WORK_SPEC>;
  readonly workRing: Columns<typeof WORK_RING_SPEC>;
  readonly cgroupWork: Columns<typeof WORK_SPEC>;
  readonly cgroupWorkRing: Columns<typeof WORK_RING_SPEC>;
  readonly zone: Columns<typeof ZONE_SPEC>;
  readonly events: Columns<typeof EVENT_SPEC>;
  readonly lruLists: Columns<typeof LRU_LIST_SPEC>;
  readonly lruLinks: Columns<typeof LRU_LINK_SPEC>;
  readonly folioLists: Columns<typeof FOLIO_LIST_SPEC>;
  readonly folios: Columns<typeof FOLIO_SPEC>;
  readonly memcgRows: RowPool;
  /** Rows 1 to `rootCaches`. */
  readonly rootRows: RowPool;
  /** The rows of memcgs' caches, after those of root caches. */
  readonly cacheRows: RowPool;
  readonly lruRows: RowPool;
  readonly folioRows: RowPool;
}

const HEADER_WORDS = 32;
const MAGIC = 0x51_ab_5b_1c;
const VERSION = 6;
const MAX_CPUS = 64;
const CONFIG_KEYS = [
  ...(['cpus', 'slabRows', 'kmemCaches', 'rootCaches', 'memcgs', 'kmemIds'] as const),
  ...(['chargeBatch', 'lrus', 'lruItems', 'folios', 'moveFolios', 'objcgs'] as const),
] as const;
/** These may be 0: the machine then does without. */
const OPTIONAL_KEYS: readonly string[] = [
  'chargeBatch',
  'lrus',
  'lruItems',
  'folios',
  'moveFolios',
  'objcgs',
];
function completed(config: MachineConfig): FullConfig {
  return {
    ...{ chargeBatch: 0, lrus: 0, lruItems: 0, folios: 0, moveFolios: 0, objcgs: 0 },
    ...config,
  };
}

function strategyNamed(name: string): Strategy {
  const strategy = DESIGNS.find((candidate) => candidate.name === name);
  check(
    strategy !== undefined,
    `no strategy '${name}'; there are ${DESIGNS.map((one) => one.name).join(', ')}`,
  );
  return strategy;
}

function checkConfig(config: FullConfig): void {
  const limits: Record<(typeof CONFIG_KEYS)[number], number> = {
    cpus: MAX_CPUS,
    slabRows: MAX_SLAB_ROWS,
    kmemCaches: MAX_KMEM_CACHES,
    rootCaches: config.kmemCaches,
    memcgs: 2 ** 20,
    kmemIds: 65_535,
    chargeBatch: 1024,
    lrus: 31,
    lruItems: 2 ** 28,
    folios: 2 ** 28,
    moveFolios: 1,
    objcgs: 2 ** 22,
  };
  for (const key of CONFIG_KEYS) {
    const value = config[key];
    const least = OPTIONAL_KEYS.includes(key) ? 0 : 1;
    check(
      Number.isInteger(value) && value >= least && value <= limits[key],
      `machine config: ${key} is ${value}, must be a whole number from ${least} to ${limits[key]}`,
    );
  }
}

interface MachinePlan {
  readonly config: FullConfig;
  readonly strategy: Strategy;
  readonly tables: ReturnType<typeof mainTables>;
  readonly layout: Layout;
  readonly strategyTables: readonly TablePlan[];
  readonly strategyLayout: Layout;
}

function plan(given: MachineConfig): MachinePlan {
  const config = completed(given);
  checkConfig(config);
  const strategy = strategyNamed(config.strategy);
  const tables = mainTables(config);
  const strategyTables = strategy.tables(config);
  return {
    config,
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
  header[2] = DESIGNS.indexOf(planned.strategy);
  CONFIG_KEYS.forEach((key, index) => {
    header[3 + index] = planned.config[key];
  });
  const machine = view(planned, { main, strategy });
  const root = machine.memcgRows.take();
  check(root === ROOT_MEMCG, 'the first memcg is the root');
  machine.memcgs.flags[root] = MEMCG_LIVE | MEMCG_ONLINE;
  machine.memcgs.max[root] = NO_LIMIT;
  machine.memcgs.css[root] = REF_BIAS + 1;
  machine.memcgs.onlineCount[root] = 1;
  machine.memcgs.kmemId[root] = -1;
  // No in-use count equals it, so a row that is in no slab never looks full (see `free`).
  machine.kmemCaches.objects[0] = -1;
  // No object lies in this word, so none looks as if it belonged to the cpu slab of "no cache".
  for (let cpu = 0; cpu < config.cpus; cpu++) {
    machine.cpuSlabs.word[cpu * (config.kmemCaches + 1)] = -1;
    machine.processors.current[cpu * LINE] = root;
  }
  machine.globals.patience[PATIENCE.deadlineMs] = DEADLINE_MS;
  initLruLists(machine);
  initFolioLists(machine);
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
  const strategy = DESIGNS[header[2]];
  check(strategy !== undefined, `machine with unknown strategy number ${header[2]}`);
  const counts = CONFIG_KEYS.map((key, index) => [key, header[3 + index]] as const);
  // Object.fromEntries loses the keys; all of CONFIG_KEYS are there, and checkConfig looks at each.
  const config = { strategy: strategy.name, ...Object.fromEntries(counts) } as MachineConfig;
  const planned = plan(config);
  check(
    memory.main.byteLength === planned.layout.bytes,
    `machine of ${memory.main.byteLength} bytes, its header needs ${planned.layout.bytes}`,
  );
  return view(planned, memory);
}

function view(planned: MachinePlan, memory: MachineMemory): Machine {
  const { config, tables, layout } = planned;
  const pools = viewTable(memory.main, layout, tables.pools);
  const memcgs = viewTable(memory.main, layout, tables.memcgs);
  const kmemCaches = viewTable(memory.main, layout, tables.kmemCaches);
  const lruLinks = viewTable(memory.main, layout, tables.lruLinks);
  const folios = viewTable(memory.main, layout, tables.folios);
  const pool = (number: number, limit: string, next: Int32Array, first: number, end: number) =>
    bindRowPool({ state: pools.state, pool: number, next, first, end, limit });
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
    cpuMemcgs: viewTable(memory.main, layout, tables.cpuMemcgs),
    processors: viewTable(memory.main, layout, tables.processors),
    locks: viewTable(memory.main, layout, tables.locks),
    rcu: viewTable(memory.main, layout, tables.rcu),
    rcuRing: viewTable(memory.main, layout, tables.rcuRing),
    work: viewTable(memory.main, layout, tables.work),
    workRing: viewTable(memory.main, layout, tables.workRing),
    cgroupWork: viewTable(memory.main, layout, tables.cgroupWork),
    cgroupWorkRing: viewTable(memory.main, layout, tables.cgroupWorkRing),
    zone: viewTable(memory.main, layout, tables.zone),
    events: viewTable(memory.main, layout, tables.events),
    lruLists: viewTable(memory.main, layout, tables.lruLists),
    lruLinks,
    folioLists: viewTable(memory.main, layout, tables.folioLists),
    folios,
    memcgRows: pool(0, 'memcgs', memcgs.siblingNext, 1, tables.memcgs.rows),
    rootRows: pool(1, 'rootCaches', kmemCaches.next, 1, config.rootCaches + 1),
    cacheRows: pool(
      2,
      'kmemCaches',
      kmemCaches.next,
      config.rootCaches + 1,
      tables.kmemCaches.rows,
    ),
    lruRows: pool(3, 'lruItems', lruLinks.next, firstLruItem(config), tables.lruLinks.rows),
    folioRows: pool(4, 'folios', folios.next, folioListRows(config), tables.folios.rows),
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
