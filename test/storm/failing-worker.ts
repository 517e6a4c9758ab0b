/** A CPU that goes wrong in the middle of a storm, in the way that the seed says. */
import {
  storm as run,
  type Sabotage,
  type StormCpuResult,
  type StormTask,
} from '../../bench/workers/storm.ts';

/** Seeds and what they do. */
export const WAYS = { throws: 101, exits: 102, hangs: 103 } as const;
/** The CPU that does. */
export const CULPRIT = 1;

export function storm(task: StormTask): StormCpuResult {
  const sabotage: Sabotage = (cpu, leg) => {
    if (cpu !== CULPRIT || leg.name !== 'mixed load') return;
    if (task.plan.seed === WAYS.throws) throw new RangeError('the machine is on fire');
    if (task.plan.seed === WAYS.exits) process.exit(7);
    for (;;);
  };
  return run(task, sabotage);
}
