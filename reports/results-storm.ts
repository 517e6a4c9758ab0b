/** Schema of what `storm` puts under `results`; times in ns unless the name says otherwise. */
import { z } from 'zod';
import { amount, count, distributionSchema, interval, name, open } from './results-parts.ts';
import { VERDICTS } from './verdict.ts';

const rounds = z.array(z.number());

/** One strategy under the mixed load: throughput from closed loops, latency from a fixed rate. */
const stormSchema = open({
  strategy: name,
  cpus: count,
  /** Allocations and frees of the mixed legs, all rounds and CPUs. */
  operations: count,
  /** Median over rounds. */
  opsPerSecond: amount,
  opsPerSecondCi95: interval,
  rounds,
  /**
   * By round, ns: the 99.9th percentile of an allocation, and the longest latency during a callback, the
   * median over the callbacks; missing in older records, and where a round has none.
   */
  allocP999Rounds: rounds.optional(),
  stallRounds: rounds.optional(),
  /** Cgroups whose offline callback ran. */
  offlines: count,
  /** Duration of the offline callback. */
  offlineNs: distributionSchema.nullable(),
  /** From the moment an operation was due to its end, at the rate below, kworker CPU left out. */
  allocNs: distributionSchema.nullable(),
  freeNs: distributionSchema.nullable(),
  /** Rate at which a CPU had operations due, per second. */
  ratePerCpu: amount,
  cgroupsCreated: count,
  cgroupsRemoved: count,
  /** Root caches destroyed while their memcgs used them (a module unloaded). */
  rootCachesDestroyed: count,
  /** Cgroups that were still dying, and pages they pinned, when the load ended. */
  dying: count,
  dyingPages: count,
  /** Share of the slab pages that is objects, when the load ended; missing in records from before 0.2. */
  slabUsed: amount.optional(),
  /** Byte stocks of obj_cgroups that were drained, on all CPUs. */
  stockDrains: count.optional(),
  /** Allocations that went to a root cache as the cgroup's own was not ready or on its way out. */
  unaccounted: count,
  /** Allocations that failed because a limit or the end of the machine was reached. */
  failed: count,
  violations: count,
});

/** All CPUs on objects of their own against one CPU. */
const scalingSchema = open({
  strategy: name,
  cpus: count,
  onePerSecond: amount,
  allPerSecond: amount,
  /** All CPUs over one CPU. */
  ratio: z.number(),
  ci95: interval,
  rounds,
});

/** A free of an object that another CPU allocated against one that this CPU did. */
const remoteSchema = open({
  strategy: name,
  localNs: amount,
  remoteNs: amount,
  ratio: z.number(),
  ci95: interval,
  rounds,
});

/** How long operations of the other CPUs took around an offline callback. */
const stallSchema = open({
  strategy: name,
  /** Offline callbacks that this is about. */
  offlines: count,
  /** Median duration of those. */
  offlineNs: amount,
  /** Longest latency in each bin, median over the callbacks; bins begin at `fromNs`, 0 is its start. */
  fromNs: z.number(),
  binNs: amount,
  worstNs: z.array(amount),
  /** Longest latency that overlapped a callback: the median over the callbacks, and the longest. */
  typicalNs: amount,
  longestNs: amount,
  /** The median of the same over windows of equal length in which no callback ran. */
  controlNs: amount.nullable(),
  /** The longest while no callback ran: what the machine does to any operation. */
  quietNs: amount,
  /** Callbacks during which no latency was longer than the callback itself. */
  shorterThanCallback: count,
  /** Windows without a callback that were looked at for comparison, and the same of them. */
  controls: count,
  controlsShorter: count,
});

const auditSchema = open({
  strategy: name,
  audits: count,
  violations: count,
  /** Sizes of the largest machine audited, and the time that took. */
  slabs: count,
  pages: count,
  objects: count,
  ns: amount,
});

const violationSchema = open({
  strategy: name,
  /** When: `after mixed load, round 2`. */
  when: z.string(),
  invariant: name,
  detail: z.string(),
  /** The last operations on the rows concerned, oldest first. */
  history: z.array(z.string()),
});

const comparisonSchema = open({
  baseline: name,
  candidate: name,
  /**
   * What is compared, one value per round; higher is better for throughput, lower for the others. A
   * stall is the longest latency during a callback, the median over the callbacks of the round.
   */
  what: z.enum(['throughput', 'alloc p99.9', 'stall']),
  ratio: z.number(),
  ci95: interval,
  verdict: z.enum(VERDICTS),
});

const workerFailureSchema = open({
  strategy: name,
  cpu: count,
  message: z.string(),
  /** Operations that each CPU had done, to see who stood still. */
  progress: z.array(count),
  lastOperations: z.array(z.string()),
});

/** Results of `storm`. */
export const stormResults = open({
  mix: name,
  cpus: count,
  seconds: amount,
  removalsPerSecond: amount,
  population: open({ source: name, caches: count }),
  /** Cost of one reading of the clock, which is inside every latency. */
  timerNs: amount,
  storm: z.array(stormSchema),
  scaling: z.array(scalingSchema),
  remote: z.array(remoteSchema),
  stalls: z.array(stallSchema),
  audits: z.array(auditSchema),
  comparisons: z.array(comparisonSchema),
  violations: z.array(violationSchema),
  failure: workerFailureSchema.optional(),
});

/** One strategy under the mixed load. */
export type StormResult = z.infer<typeof stormSchema>;
/** All CPUs against one. */
export type ScalingResult = z.infer<typeof scalingSchema>;
/** Remote frees against local ones. */
export type RemoteResult = z.infer<typeof remoteSchema>;
/** Latency around an offline callback. */
export type StallResult = z.infer<typeof stallSchema>;
/** Audits of one strategy's machines. */
export type StormAudit = z.infer<typeof auditSchema>;
/** A broken invariant. */
export type StormViolation = z.infer<typeof violationSchema>;
/** Two strategies compared. */
export type StormComparison = z.infer<typeof comparisonSchema>;
/** A worker that threw, ended or hung. */
export type WorkerFailure = z.infer<typeof workerFailureSchema>;
/** Results of `storm`. */
export type StormResults = z.infer<typeof stormResults>;
