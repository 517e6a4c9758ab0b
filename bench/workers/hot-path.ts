/**
 * Worker of the hot-path benchmark: one strategy, one CPU, and the three loops. As with removals, a
 * worker serves one strategy for all rounds.
 */
import { Bench } from 'tinybench';
import {
  ATOMICS_KIND,
  audit,
  bindCpu,
  type Cpu,
  createMachine,
  type Machine,
  ROOT_MEMCG,
  touchMachine,
} from '../../core/index.ts';
import { interferenceSince, schedulerStamp } from '../interference.ts';
import { bindHotPath, type HotOperation, type HotPath } from '../workload/hot-path.ts';
import { type HotPathPlan, type HotRoundPlan, hotPathConfig } from '../workload/hot-path-plan.ts';
import { shapeOf } from '../workload/population-machine.ts';
import type { Aftermath, RoundResult } from './removal.ts';

const PAIRS_PER_CALL = 8192;
const REPLACEMENTS_PER_CALL = 4096;
const WARM_UP_CALLS = 60;

let cpu: Cpu | undefined;
let machine: Machine | undefined;
let loops: HotPath | undefined;

/** Builds the machine (root -> a -> b, caches on b) and warms the loops that need no live set. */
export function prepare(plan: HotPathPlan): { atomics: typeof ATOMICS_KIND } {
  machine = createMachine(hotPathConfig(plan));
  touchMachine(machine);
  const bound = bindCpu(machine, 0);
  cpu = bound;
  const roots = plan.caches.map((cache) => bound.createRootCache(shapeOf(cache)));
  const memcg = bound.createMemcg(bound.createMemcg(ROOT_MEMCG));
  const target = { memcg, roots: Int32Array.from(roots), lookedUp: plan.lookedUp };
  loops = bindHotPath(bound, target, plan.liveObjects, plan.seed);
  for (let call = 0; call < WARM_UP_CALLS; call++) {
    loops.pair(PAIRS_PER_CALL);
    loops.churn();
  }
  return { atomics: ATOMICS_KIND };
}

/** Allocates the live set of the random loop and warms that loop. */
export function populate(): void {
  loops?.populate();
  for (let call = 0; call < WARM_UP_CALLS; call++) loops?.random(REPLACEMENTS_PER_CALL);
}

function call(operation: HotOperation, bound: HotPath): number {
  if (operation === 'pair') return bound.pair(PAIRS_PER_CALL);
  return operation === 'churn' ? bound.churn() : bound.random(REPLACEMENTS_PER_CALL);
}

/** One round of one loop: the median over calls of some ten thousand operations, ns per operation. */
export async function round(plan: HotRoundPlan): Promise<RoundResult> {
  const bound = loops;
  if (bound === undefined) throw new Error('round before prepare');
  const stamp = schedulerStamp();
  const begin = performance.now();
  const bench = new Bench({ time: plan.budgetMs, iterations: 5, warmup: false, throws: true });
  bench.add(
    plan.operation,
    () => {
      const start = performance.now();
      const operations = call(plan.operation, bound);
      const ms = performance.now() - start;
      return { overriddenDuration: ms / operations, overriddenIterationCost: ms };
    },
    { async: false },
  );
  const [task] = await bench.run();
  const result = task?.result;
  if (result === undefined || !('latency' in result)) throw new Error('no statistics');
  const disturbed = interferenceSince(stamp);
  return {
    ns: [result.latency.p50 * 1e6],
    cpuWaitMs: disturbed?.cpuWaitMs ?? 0,
    involuntarySwitches: disturbed?.involuntarySwitches ?? 0,
    wallMs: performance.now() - begin,
  };
}

/** Audits the machine with all its live objects. */
export function finish(): Pick<Aftermath, 'violations'> {
  if (machine === undefined || cpu === undefined) throw new Error('finish before prepare');
  return { violations: audit(machine, cpu).violations };
}
