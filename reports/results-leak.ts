/**
 * Schema of what `leak` and `merge` put under `results`. Everything here is simulated on a virtual
 * clock, nothing is a measured time; bytes unless the name says otherwise.
 */
import { z } from 'zod';
import { amount, count, name, open } from './results-parts.ts';

/** One value per sample. */
const course = z.array(amount);

const partsSchema = open({
  /** Slab pages of cgroups that are alive and of no cgroup. */
  liveSlab: course,
  /** Structures and per-CPU memory of live cgroups and their caches. */
  live: course,
  /** list_lru arrays, which have a slot for every id ever in use at once. */
  lruArrays: course,
  /** Slab pages of removed cgroups, wherever they are accounted now. */
  deadSlab: course,
  /** kmem_caches of removed cgroups: their structures and per-CPU memory. */
  deadCaches: course,
  /** struct mem_cgroup of dying cgroups with what is allocated with it, and its per-CPU memory. */
  deadMemcgs: course,
  deadPercpu: course,
  /** Page cache charged to dying cgroups. */
  deadPageCache: course,
});

const cacheUseSchema = open({ cache: name, liveBytes: amount, deadBytes: amount });

const seriesSchema = open({
  strategy: name,
  /** Dying cgroups: mean over the hosts, and the 10th and 90th percentile. */
  dying: course,
  dyingP10: course,
  dyingP90: course,
  live: course,
  /** Of the dying: those that page cache keeps, and those that only slab pages keep. */
  keptByPages: course,
  keptBySlab: course,
  /** As Slab and Percpu of /proc/meminfo would count them. */
  slabBytes: course,
  percpuBytes: course,
  /** Bytes of the objects in slab pages, and of the pages; empty in records from before 0.2. */
  objectBytes: course.default([]),
  pageBytes: course.default([]),
  /** Bytes of the objects in slabs that are a removed cgroup's own; 0 where caches are shared. */
  deadObjectBytes: course.default([]),
  cacheCount: course,
  /** Ids in use. */
  ids: course,
  /** What removed cgroups hold: all parts that begin with `dead`. */
  heldBytes: course,
  parts: partsSchema,
  /** Slab by cache at the end, mean over the hosts. */
  caches: z.array(cacheUseSchema),
  /** Cgroups created, and refused for want of an id, on all hosts; day of the first refusal. */
  created: count,
  refused: count,
  refusedAtDay: z.number().nullable(),
  /** More dying cgroups a day over the second half of the time. */
  growthPerDay: z.number(),
  /** Days until the ids are used up at that rate; null where they never are. */
  idsLastDays: amount.nullable(),
  /** Objects allocated and freed on all hosts. */
  operations: count,
});

const numbers = z.array(z.number());

const publishedSchema = open({
  source: name,
  /** What the published numbers count. */
  what: name,
  days: numbers,
  /** Compared with `pin`; null where nothing was published. */
  original: numbers.nullable(),
  /** Compared with the strategy in `patchedAs`. */
  patched: numbers.nullable(),
  patchedAs: z.string().nullable(),
  memDiffMb: numbers.nullable(),
});

/** Mean absolute relative error, 0.1 is 10 %; null where there is nothing to compare. */
const errorSchema = open({
  original: amount.nullable(),
  patched: amount.nullable(),
  memDiff: amount.nullable(),
});

const parameterSchema = open({
  key: name,
  value: z.union([z.number(), z.string()]),
  /** Where the value comes from. */
  from: z.string().nullable(),
});

const sweepSchema = open({
  parameters: z.array(open({ key: name, values: numbers })),
  cells: z.array(
    open({
      /** One per parameter. */
      values: numbers,
      strategy: name,
      /** At the end: mean over the hosts. */
      dying: amount,
      dyingP10: amount,
      dyingP90: amount,
      heldBytes: amount,
      refused: count,
    }),
  ),
});

const runSchema = open({
  /** Place in the sweep, 0 without one. */
  cell: count,
  host: count,
  strategy: name,
  dying: course,
  live: course,
  keptByPages: course,
  keptBySlab: course,
  slabBytes: course,
  percpuBytes: course,
  /** Bytes of the objects in slab pages, and of the pages; empty in records from before 0.2. */
  objectBytes: course.default([]),
  pageBytes: course.default([]),
  /** Bytes of the objects in slabs that are a removed cgroup's own; 0 where caches are shared. */
  deadObjectBytes: course.default([]),
  cacheCount: course,
  ids: course,
  parts: partsSchema,
  caches: z.array(cacheUseSchema),
  created: count,
  refused: count,
  refusedAtHours: z.number().nullable(),
  operations: count,
  violations: z.array(z.string()),
});

/** Results of `leak`. */
export const leakResults = open({
  scenario: open({ name, about: z.string(), parameters: z.array(parameterSchema) }),
  /** Times of the samples, days. */
  days: numbers,
  /** Hosts that are finished, and those that were asked for (of this shard). */
  hosts: count,
  hostsWanted: count,
  shard: open({ index: count, of: count }).nullable(),
  /** Without a sweep; with one, of its first cell. */
  series: z.array(seriesSchema),
  /** More slab and per-CPU memory under the baseline than under the candidate. */
  memDiffBytes: numbers,
  memDiffOf: open({ baseline: name, candidate: name }).nullable(),
  published: publishedSchema.nullable(),
  error: errorSchema.nullable(),
  sweep: sweepSchema.nullable(),
  /** Every host under every strategy: what the rest is computed from, and what `merge` joins. */
  runs: z.array(runSchema),
});

/** Results of `leak`. */
export type LeakResults = z.infer<typeof leakResults>;
/** A strategy over time. */
export type LeakSeries = z.infer<typeof seriesSchema>;
/** One host under one strategy. */
export type LeakRun = z.infer<typeof runSchema>;
/** Published numbers that a scenario is held against. */
export type LeakPublished = z.infer<typeof publishedSchema>;
/** The outcome of a sweep. */
export type LeakSweep = z.infer<typeof sweepSchema>;
