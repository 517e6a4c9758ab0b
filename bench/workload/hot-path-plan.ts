/** What the hot-path worker builds, known to the main thread as well. */
import { type MachineConfig, OBJECTS_PER_ROW } from '../../core/index.ts';
import type { PopulationCache } from '../input/population.ts';
import { CHURN_OBJECTS, type HotOperation } from './hot-path.ts';

/** What to build; plain data. */
export interface HotPathPlan {
  readonly strategy: string;
  readonly caches: readonly PopulationCache[];
  readonly liveObjects: number;
  readonly seed: number;
  /** Whether caches are looked up once, not at each allocation. */
  readonly lookedUp: boolean;
}

/** One round of one loop. */
export interface HotRoundPlan {
  readonly operation: HotOperation;
  readonly budgetMs: number;
}

/** Random replacement leaves slabs partly empty; this much more room was never exhausted. */
const ROOM = 1.3;
const SPARE_SLABS = 64;
const SPARE_ROWS = 4096;

/** Rows for the live objects and the churned ones, spread over all caches. */
export function hotPathConfig(plan: HotPathPlan): MachineConfig {
  const each = (plan.liveObjects + CHURN_OBJECTS) / plan.caches.length;
  let rows = 0;
  for (const { objectsPerSlab } of plan.caches) {
    const slabs = Math.ceil((ROOM * each) / objectsPerSlab) + SPARE_SLABS;
    rows += slabs * Math.ceil(objectsPerSlab / OBJECTS_PER_ROW);
  }
  const roots = plan.caches.length;
  return {
    strategy: plan.strategy,
    cpus: 1,
    slabRows: rows + CHURN_OBJECTS + SPARE_ROWS,
    kmemCaches: 2 * roots,
    rootCaches: roots,
    memcgs: 4,
    kmemIds: 4,
  };
}
