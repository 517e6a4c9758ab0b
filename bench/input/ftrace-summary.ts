/** What a reader of traces says when it is done, and what follows from what it counted. */
import type { TraceAnomaly } from './ftrace-anomalies.ts';
import { TRACE } from './ftrace-events.ts';

/** Time stamps: seconds since boot, seconds since 1970, a count, microseconds since the first event. */
export type TraceClock = 'seconds' | 'epoch' | 'count' | 'relative' | 'mixed' | 'none';
/** How lines were printed. */
export type TraceFormat = 'cat trace' | 'trace-cmd report' | 'latency-format' | 'unknown';
export type TracePointers = 'hashed' | 'raw' | 'mixed' | 'none';

/** What was read. */
export interface TraceSummary {
  /** lines = events + skipped + comments + bad. */
  readonly lines: number;
  readonly events: number;
  /** By the name that ftrace prints; kinds that did not occur are 0. */
  readonly eventsByKind: Readonly<Record<string, number>>;
  readonly comments: number;
  /** Events that are not looked at, by name. */
  readonly skipped: Readonly<Record<string, number>>;
  readonly bad: number;
  /** Events that the kernel says it lost or overwrote. */
  readonly lost: number;
  readonly anomalies: readonly TraceAnomaly[];
  readonly firstTime: number;
  readonly lastTime: number;
  readonly clock: TraceClock;
  readonly format: TraceFormat;
  /** Whether lines say in which context they ran: without, interrupts cannot be told from tasks. */
  readonly hasFlags: boolean;
  readonly pointers: TracePointers;
  /** Allocations from a cache that is not named (kernels before 6.18): carry the name back from the free. */
  readonly namesMissing: number;
  readonly hasKmalloc: boolean;
  readonly hasKfree: boolean;
  /** Why the trace seems to be of some tasks only, so that most frees are missing; null if it does not. */
  readonly pidFiltered: string | null;
}

/** What a PID did, as bits. */
export const DID = { allocate: 1, free: 2, born: 4 } as const;
/** Above what the kernel gives (PID_MAX_LIMIT, 4 Mi). */
const PIDS = 2 ** 22;
/** So few removals may be released after the trace's end. */
const REMOVALS_MIN = 3;
/** So few frees may all be of the tasks that allocated. */
const FREES_MIN = 100;
const FREES_ALONE_MIN = 1000;

/**
 * Tells a trace of some tasks (set_event_pid) from one of all. RCU and interrupts free on whatever runs, so in a trace
 * of all tasks some frees run where the trace saw no task that is born, forks, or allocates: on the idle task above
 * all. And `cgroup_release` comes from a kworker, which nobody filters for. A trace seems filtered if there is no
 * such free, and no release though cgroups were removed; where no removals are recorded, frees alone must be many.
 */
export class PidFilter {
  private did = new Uint8Array(1 << 8);

  /** Notes what a PID did. */
  note(pid: number, what: number): void {
    if (pid >= this.did.length) {
      if (pid >= PIDS) return;
      const larger = new Uint8Array(2 ** Math.ceil(Math.log2(pid + 1)));
      larger.set(this.did);
      this.did = larger;
    }
    this.did[pid] = (this.did[pid] as number) | what;
  }

  private freesElsewhere(): boolean {
    const { did } = this;
    if (((did[0] as number) & DID.free) !== 0) return true;
    return did.includes(DID.free);
  }

  /** @param counts events by kind @returns why, or null */
  why(counts: ArrayLike<number>): string | null {
    const count = (kind: number) => counts[kind] as number;
    const frees = count(TRACE.kmemCacheFree) + count(TRACE.kfree);
    const removals = count(TRACE.cgroupRmdir);
    if (count(TRACE.cgroupRelease) > 0 || this.freesElsewhere()) return null;
    if (frees < (removals >= REMOVALS_MIN ? FREES_MIN : FREES_ALONE_MIN)) return null;
    const all = `all ${frees} frees ran in tasks that allocate themselves or were forked here, none in an idle task or elsewhere`;
    if (removals < REMOVALS_MIN) return all;
    return `${removals} cgroups were removed and no release was seen, and ${all}`;
  }
}
