/**
 * Evidence that somebody else had the CPU: how long this thread was ready but waited, and how
 * often it was taken off. Read by the worker itself before and after a round.
 */
import { type ReadText, readText } from './environment.ts';

/** The kernel's running totals for one thread. */
export interface SchedulerStamp {
  /** Time spent ready to run and waiting for a CPU, in ns. */
  waitNs: number;
  /** Times the thread was taken off its CPU while it wanted to go on. */
  involuntarySwitches: number;
}

/** What happened to a thread between two stamps. */
export interface Interference {
  cpuWaitMs: number;
  involuntarySwitches: number;
}

/** Totals of the calling thread; null where the kernel does not tell (not Linux, no schedstat). */
export function schedulerStamp(read: ReadText = readText): SchedulerStamp | null {
  const wait = /^\d+ (\d+) \d+/.exec(read('/proc/thread-self/schedstat') ?? '')?.[1];
  const status = read('/proc/thread-self/status') ?? '';
  const switches = /^nonvoluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1];
  if (wait === undefined || switches === undefined) return null;
  return { waitNs: Number(wait), involuntarySwitches: Number(switches) };
}

/** The difference to an earlier stamp of the same thread; null when either is missing. */
export function interferenceSince(
  before: SchedulerStamp | null,
  read: ReadText = readText,
): Interference | null {
  const after = schedulerStamp(read);
  if (before === null || after === null) return null;
  return {
    cpuWaitMs: (after.waitNs - before.waitNs) / 1e6,
    involuntarySwitches: after.involuntarySwitches - before.involuntarySwitches,
  };
}
