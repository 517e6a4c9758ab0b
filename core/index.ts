/** The public surface of the model. */
export { ATOMICS_KIND } from '#atomics';
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
export type { CacheShape } from './memcg/kmem-caches.ts';
export { NO_LIMIT, ROOT_MEMCG } from './memcg/memcgs.ts';
export { LEAST_SCAN } from './memcg/page-cache.ts';
export { DEFAULT_PRIORITY, type Shrinker, scanTarget } from './memcg/reclaim.ts';
export {
  ALL_STRATEGY_NAMES,
  MISTAKEN_NAMES,
  SHARING_NAMES,
  STRATEGIES,
  STRATEGY_NAMES,
} from './reparent/registry.ts';
export type { Steps } from './reparent/steps.ts';
export type { Strategy } from './reparent/strategy.ts';
export { LimitError, ModelError } from './shared/assert.ts';
export { WORK } from './shared/deferred-kinds.ts';
export { describeEvent, lastEvents, type RecordedEvent } from './shared/event-ring.ts';
export { AbortedError, DeadlineError, PATIENCE } from './shared/wait.ts';
export { MAX_OBJECTS_PER_SLAB, NO_OBJECT, OBJECTS_PER_ROW } from './slub/slabs.ts';
export { type SlabUse, slabUse } from './slub/utilisation.ts';
export type { FullConfig, MachineConfig } from './tables.ts';
