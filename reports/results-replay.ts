/** Schema of what `replay` puts under `results`: a trace of a real kernel under each strategy. */
import { z } from 'zod';
import { amount, count, name, open } from './results-parts.ts';

const course = z.array(amount);

const seriesSchema = open({
  strategy: name,
  /** Seconds since the first event. */
  t: course,
  dying: course,
  slabBytes: course,
});

const pinSchema = open({
  strategy: name,
  what: name,
  cgroups: count,
  /** From removal to release or to the end, of all of them. */
  seconds: z.number(),
  stillThere: count,
  /** Paths of those that waited the longest, the longest first. */
  longest: z.array(z.string()),
});

const truthSchema = open({
  sample: count,
  /** Seconds since the first event. */
  t: amount,
  phase: z.string(),
  measured: count,
  replayed: z.record(z.string(), count),
});

const objectsSchema = open({
  cache: name,
  allocs: count,
  frees: count,
  /** Allocated again without a free event. */
  reused: count,
  /** Frees of objects that the trace did not see allocated. */
  unknownFrees: count,
  live: z.int(),
  /** Some of its frees leave no event: fewer are alive. */
  incomplete: z.boolean(),
});

/** How well the replay hits what the trace says of releases, which it does not use. */
const releaseSchema = open({
  strategy: name,
  told: count,
  withinHalfASecond: count,
});

/** Results of `replay`. */
export const replayResults = open({
  files: z.array(z.string()),
  events: count,
  lines: count,
  skipped: z.record(z.string(), count),
  bad: count,
  lost: count,
  anomalies: z.record(z.string(), count),
  /** First lines of each anomaly. */
  anomalyLines: z.record(z.string(), z.array(count)),
  /** The same as FILE:LINE. */
  anomalyPlaces: z.record(z.string(), z.array(z.string())),
  seconds: amount,
  cgroups: count,
  removed: count,
  series: z.array(seriesSchema),
  pins: z.array(pinSchema),
  truth: z.array(truthSchema).nullable(),
  releases: z.array(releaseSchema),
  liveObjects: z.array(objectsSchema),
  /** Frees of objects that the trace did not see allocated, of all caches. */
  unknownFrees: count,
  /** Pages deleted that the trace did not see added; objects that stand for tmpfs pages. */
  unknownDeletes: count,
  inferredPins: count,
  /** Allocations of pages rather than objects, and those that gave nothing. */
  largeAllocations: count,
  failedAllocations: count,
  /** Allocations of which the kernel names no cache (before 6.18): they go by call site until a free names it. */
  namesMissing: count,
  /** Replayed a second, parsing included, each strategy. */
  eventsPerSecond: z.record(z.string(), amount),
});

/** Results of `replay`. */
export type ReplayResults = z.infer<typeof replayResults>;
/** A strategy over the time of a trace. */
export type ReplaySeries = z.infer<typeof seriesSchema>;
