/** The public surface of the model: what makes and drives a machine, then the types and tables it refers to. */
export { ATOMICS_KIND, type AtomicsKind } from '#atomics';
export { type AuditReport, audit, type Violation } from './audit.ts';
export { bindCpu, type Cpu } from './cpu.ts';
export {
  attachMachine,
  createMachine,
  type Machine,
  type MachineMemory,
  machineBytes,
  touchMachine,
} from './machine.ts';
export type { Charging } from './memcg/charge.ts';
export { FOLIO_LIST_SPEC, FOLIO_SPEC } from './memcg/folio-rows.ts';
export { type CacheShape, KMEM_CACHE_SPEC } from './memcg/kmem-caches.ts';
export type { ListLrus } from './memcg/list-lru.ts';
export { LRU_LINK_SPEC, LRU_LIST_SPEC } from './memcg/list-lru-rows.ts';
export type { CgroupStat, MemoryStat } from './memcg/lookups.ts';
export { MEMCG_SPEC, NO_LIMIT, ROOT_MEMCG } from './memcg/memcgs.ts';
export { type Evicted, LEAST_SCAN, type PageCache } from './memcg/page-cache.ts';
export { DEFAULT_PRIORITY, type Shrinker, scanTarget } from './memcg/reclaim.ts';
export type { SlabStats } from './memcg/stats.ts';
export {
  ALL_STRATEGY_NAMES,
  MISTAKEN_NAMES,
  SHARING_NAMES,
  STRATEGIES,
  STRATEGY_NAMES,
} from './reparent/registry.ts';
export { STEP_NAMES, type StepName, type Steps } from './reparent/steps.ts';
export type {
  BoundStrategy,
  ObjectAllocator,
  ObjectOwners,
  OwnedSlab,
  Strategy,
  StrategyContext,
} from './reparent/strategy.ts';
export type { WasmMemory } from './reparent/wasm.ts';
export { LimitError, ModelError } from './shared/assert.ts';
export { WORK } from './shared/deferred-kinds.ts';
export {
  describeEvent,
  EVENT_SPEC,
  type EventColumns,
  type EventRing,
  lastEvents,
  type RecordedEvent,
} from './shared/event-ring.ts';
export type { Columns, Layout, TablePlan, TableSpec } from './shared/layout.ts';
export { LOCK_SPEC } from './shared/mutex.ts';
export type { PercpuRefs } from './shared/percpu-ref.ts';
export { PROCESSOR_SPEC, type Processor } from './shared/processor.ts';
export { RCU_RING_SPEC, RCU_SPEC, type Rcu } from './shared/rcu.ts';
export type { RowPool } from './shared/rows.ts';
export type { IrqSpinLock } from './shared/spinlock.ts';
export { AbortedError, DeadlineError, PATIENCE, type Patience, type Wait } from './shared/wait.ts';
export { type RunWork, WORK_RING_SPEC, WORK_SPEC, type Workqueue } from './shared/workqueue.ts';
export { ZONE_SPEC } from './slub/row-supply.ts';
export { MAX_OBJECTS_PER_SLAB, NO_OBJECT, OBJECTS_PER_ROW, SLAB_SPEC } from './slub/slabs.ts';
export { type SlabUse, slabUse } from './slub/utilisation.ts';
export {
  CACHE_ARRAY_SPEC,
  CPU_MEMCG_SPEC,
  CPU_SLAB_SPEC,
  CPU_SPEC,
  type FullConfig,
  GLOBALS_SPEC,
  KMEM_ID_SPEC,
  type MachineConfig,
} from './tables.ts';
