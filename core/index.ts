/** The public surface of the model. */
export { ATOMICS_KIND } from '#atomics';
export { type AuditReport, audit, type Violation } from './audit.ts';
export { bindCpu, type Cpu } from './cpu.ts';
export {
  attachMachine,
  createMachine,
  type Machine,
  type MachineConfig,
  type MachineMemory,
  machineBytes,
  touchMachine,
} from './machine.ts';
export type { CacheShape } from './memcg/kmem-caches.ts';
export { NO_LIMIT, ROOT_MEMCG } from './memcg/memcgs.ts';
export { ALL_STRATEGY_NAMES, STRATEGIES, STRATEGY_NAMES } from './reparent/registry.ts';
export type { Steps, Strategy } from './reparent/strategy.ts';
export { LimitError, ModelError } from './shared/assert.ts';
export { MAX_OBJECTS_PER_SLAB, NO_OBJECT, OBJECTS_PER_ROW } from './slub/slabs.ts';
