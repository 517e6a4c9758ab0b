/** Worker of `leak`: days of one host under one strategy. */
import type { LeakRun } from '../../reports/index.ts';
import { type HostTask, simulateHost } from '../leak/host.ts';
import { rowOf } from '../leak/row.ts';

/** A host, and where in a sweep it belongs. */
export interface LeakTask extends HostTask {
  readonly cell: number;
}

/** Simulates it. */
export function host(task: LeakTask): LeakRun {
  return rowOf(simulateHost(task), task.cell);
}
