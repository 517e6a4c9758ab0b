/** A worker of `leak` that goes wrong on one host, in the way that the seed says. */
import { type LeakTask, host as simulate } from '../../bench/workers/leak.ts';
import type { LeakRun } from '../../reports/index.ts';

/** Seeds and what they do. */
export const WAYS = { throws: 101, exits: 102, fills: 103 } as const;
/** The host on which it happens. */
export const CULPRIT = 3;

export function host(task: LeakTask): LeakRun {
  if (task.host !== CULPRIT) return simulate(task);
  if (task.seed === WAYS.throws) throw new RangeError('the host is on fire');
  if (task.seed === WAYS.exits) process.exit(7);
  // A machine that is too small: more services than ids.
  const { scenario } = task;
  const host = { ...scenario.host, ids: 8, services: 9 };
  return simulate({ ...task, scenario: { ...scenario, host } });
}
