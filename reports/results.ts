/**
 * Schemas of what each command puts under `results`. Known fields are checked; unknown ones pass, for
 * the contract lets later versions add fields and old readers must still open their records.
 */
import { z } from 'zod';
import { leakResults } from './results-leak.ts';
import { amount, count, distributionSchema, interval, name, open } from './results-parts.ts';
import { stormResults } from './results-storm.ts';
import { VERDICTS } from './verdict.ts';

const rounds = z.array(z.number());

const conditions = {
  order: z.enum(['in-order', 'shuffled']),
  temperature: z.enum(['warm', 'cold']),
  what: z.enum(['removal', 'handover']),
};

const verdict = z.enum(VERDICTS);

const stepsSchema = open({
  pagesVisited: amount,
  pagesMoved: amount,
  cachesMoved: amount,
  /** Since 0.2: not in older records. */
  objcgsMoved: amount.optional(),
  cssMoved: amount,
  listOperations: amount,
  rowsScanned: amount,
});

const offlineSchema = open({
  strategy: name,
  pages: count,
  slabs: count,
  caches: count,
  rowsScanned: count,
  ...conditions,
  ns: distributionSchema,
  rounds,
  steps: stepsSchema,
});

const ratioSchema = open({
  baseline: name,
  candidate: name,
  pages: count,
  ...conditions,
  ratio: z.number(),
  ci95: interval,
  p: z.number().min(0).max(1),
  verdict,
});

const growthSchema = open({
  strategy: name,
  ...conditions,
  exponent: z.number(),
  ci95: interval,
});

const hotPathSchema = open({
  strategy: name,
  operation: z.enum(['pair', 'churn', 'random']),
  cpus: count,
  nsPerOp: distributionSchema,
  rounds,
});

const footprintSchema = open({
  strategy: name,
  bytesPerPage: amount,
  bytesPerObject: amount,
  pages: count,
  objects: count,
  machineBytes: amount,
});

const leftBehindSchema = open({
  strategy: name,
  pages: count,
  dying: amount,
  pinnedPages: amount,
  pinnedBytes: amount,
  cachesOnParent: amount,
  /** Share of the slab pages that was objects before the removal; missing in records from before 0.2. */
  slabUsed: amount.optional(),
});

const interferenceSchema = open({
  strategy: name,
  round: count,
  label: z.string(),
  cpuWaitMs: amount,
  involuntarySwitches: count,
  marked: z.boolean(),
});

const selfCheckSchema = open({
  strategy: name,
  pages: count,
  ...conditions,
  ratio: z.number(),
  ci95: interval,
  verdict,
});

/** Results of `compare` and `run`: times in ns, sizes in bytes. */
export const compareResults = open({
  population: open({
    source: name,
    kernel: z.string(),
    caches: count,
    objectsPerSlabMean: amount,
    utilisation: amount,
    notes: z.array(z.string()),
  }),
  offline: z.array(offlineSchema),
  ratios: z.array(ratioSchema),
  growth: z.array(growthSchema),
  hotPath: z.array(hotPathSchema),
  footprint: z.array(footprintSchema),
  leftBehind: z.array(leftBehindSchema),
  interference: z.array(interferenceSchema),
  selfCheck: z.array(selfCheckSchema).optional(),
  /** `run`: a short storm after the comparison. */
  storm: stormResults.optional(),
  /** `run`: a few simulated hosts after that. */
  leak: leakResults.optional(),
});

const geometryFigures = open({
  size: count.optional(),
  order: count.optional(),
  objectsPerSlab: count.optional(),
  pagesPerSlab: count.optional(),
  minPartial: count.optional(),
  cpuPartial: count.optional(),
});

const geometryCacheSchema = open({
  name,
  objectSize: count,
  size: count,
  expected: geometryFigures,
  computed: geometryFigures,
  ok: z.boolean(),
  differs: z.array(z.string()),
});

const geometryMergingSchema = open({
  /** Names of users, the caches they share, and the caches that nobody may share. */
  names: count,
  shared: count,
  own: count,
  /** Of these, those of which no file says why. */
  unexplained: z.array(name),
  mismatches: z.array(z.string()),
});

/** Results of `geometry`: sizes in bytes. */
export const geometryResults = open({
  kernelRules: z.enum(['5.3', '6.x']),
  cpus: count,
  pageSize: count,
  source: name,
  caches: z.array(geometryCacheSchema),
  mismatches: count,
  /** Absent where the source says nothing of it. */
  merging: geometryMergingSchema.optional(),
  notes: z.array(z.string()),
});

const findingSchema = open({
  id: name,
  severity: z.enum(['ok', 'note', 'warning']),
  what: z.string(),
  advice: z.string(),
});

/** Results of `doctor`. */
export const doctorResults = open({ findings: z.array(findingSchema) });

/** Results of `capacity`: sizes in bytes, phases in ms as their name says. */
export const capacityResults = open({
  objects: count,
  objectsPerSlab: count,
  slabs: count,
  machineBytes: amount,
  rssBytes: amount,
  bytesPerObject: amount,
  phases: z.array(
    open({
      name: z.enum(['create', 'fill', 'audit', 'teardown']),
      ms: amount,
      nsPerObject: amount,
    }),
  ),
  violations: count,
});

/** One removal measurement: a strategy at one size under one set of conditions, in ns. */
export type OfflineResult = z.infer<typeof offlineSchema>;
/** Counted steps of a strategy, per removal. */
export type StepCounts = z.infer<typeof stepsSchema>;
/** Ratio of two strategies' removal times, without unit. */
export type RatioResult = z.infer<typeof ratioSchema>;
/** Growth exponent of a strategy over pages. */
export type GrowthResult = z.infer<typeof growthSchema>;
/** Cost of one operation on the allocation path, in ns. */
export type HotPathResult = z.infer<typeof hotPathSchema>;
/** Memory that a machine needs, in bytes. */
export type FootprintResult = z.infer<typeof footprintSchema>;
/** What stays behind once a memcg is removed and deferred work has run. */
export type LeftBehindResult = z.infer<typeof leftBehindSchema>;
/** What else used the CPU during one round: wait in ms and switches. */
export type InterferenceResult = z.infer<typeof interferenceSchema>;
/** Comparison of a strategy with itself, which must not differ. */
export type SelfCheckResult = z.infer<typeof selfCheckSchema>;
/** Results of `compare` and `run`. */
export type CompareResults = z.infer<typeof compareResults>;
/** One cache, as the kernel lays it out and as the model computes it. */
export type GeometryCache = z.infer<typeof geometryCacheSchema>;
/** Slab geometry of one cache; sizes in bytes. */
export type GeometryFigures = z.infer<typeof geometryFigures>;
/** Which caches of a host are shared, and whether the rules say so. */
export type GeometryMerging = z.infer<typeof geometryMergingSchema>;
/** Results of `geometry`. */
export type GeometryResults = z.infer<typeof geometryResults>;
/** One thing that `doctor` looked at. */
export type Finding = z.infer<typeof findingSchema>;
/** Results of `doctor`. */
export type DoctorResults = z.infer<typeof doctorResults>;
/** Results of `capacity`. */
export type CapacityResults = z.infer<typeof capacityResults>;
