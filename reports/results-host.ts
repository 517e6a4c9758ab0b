/**
 * Schema of what `host` puts under `results`: what a live machine holds. Null is unknown, and `unknown`
 * says why; it is never 0.
 */
import { z } from 'zod';
import { amount, count, name, open } from './results-parts.ts';

/** What it takes to know a figure, the least first. */
const EVIDENCE = ['anyone', 'root', 'bpf', 'trace'] as const;
const evidence = z.enum(EVIDENCE);

/** How a kernel keeps slab objects from holding a removed memory cgroup, or does not. */
const GENERATIONS = [
  'before accounting',
  'caches per cgroup',
  'reparented caches',
  'obj_cgroup',
  'obj_cgroup and LRU',
  'unknown',
] as const;

const hierarchySchema = open({
  version: z.union([z.literal(1), z.literal(2)]),
  mount: z.string(),
  /** Whether its cgroups have memory. */
  memory: z.boolean(),
  /** False in a container: then both counts are of the part that is seen. */
  whole: z.boolean(),
  /** Folders, the top among them. */
  live: count.nullable(),
  /** Live ones without children that have no task in them. */
  liveEmpty: count.nullable(),
  /** As the kernel counts them at the moment of reading. */
  dying: count.nullable(),
  /** No more than this many were dying for 5 s or longer; null with a single reading. */
  settled: count.nullable(),
  evidence,
  source: name,
});

/** What removed cgroups below a live one still hold. */
const pinSchema = open({
  cgroup: z.string(),
  /** Dying directly below it; null on version 1, which does not tell. */
  dying: count.nullable(),
  /** Page cache of files, tmpfs and shared memory, anonymous memory; bytes, null where not told. */
  file: z.number().nullable(),
  shmem: z.number().nullable(),
  anon: z.number().nullable(),
  evidence,
  source: name,
});

/** Kernel memory of an ancestor without tasks that is not its live children's. */
const inheritedSchema = open({
  cgroup: z.string(),
  bytes: amount,
  /** Live cgroups directly below it: their own structures are charged to it as well. */
  children: count.optional(),
  evidence,
  source: name,
});

const structureSchema = open({
  name,
  bytes: count,
  /** How many of it a memory cgroup has. */
  times: count,
  per: z.enum(['cgroup', 'node', 'CPU', 'CPU and node']),
  /** Where the size is from. */
  source: name,
});

const costSchema = open({
  cpus: count,
  nodes: count,
  structures: z.array(structureSchema),
  /** All of the above, and of it what every possible CPU has. */
  bytesPerCgroup: count,
  percpuBytesPerCgroup: count,
  /** Times the dying ones. */
  dyingBytes: amount.nullable(),
  evidence,
  source: name,
});

/** The look-alikes that users confuse. */
const FORMS = [
  'folders never removed',
  'dying cgroups',
  'ids run out',
  'kmem accounting of 3.x',
  'objects inherited by an ancestor',
  'slab of a live cgroup',
  'a leak in user space',
  'the cost of removal',
] as const;

const formSchema = open({
  form: z.enum(FORMS),
  /** `likely`: counted once, and not known to be dying for 5 s, or not known to grow. */
  verdict: z.enum(['yes', 'likely', 'no', 'cannot tell', 'not looked at']),
  /** The numbers that decided, in words. */
  because: z.string(),
  evidence,
});

const readingSchema = open({
  /** Seconds since the first reading. */
  t: amount,
  live: count.nullable(),
  dying: count.nullable(),
});

const growthSchema = open({
  /** Between which readings. */
  from: z.enum(['an earlier record', 'watching', 'since boot']),
  seconds: amount,
  livePerDay: z.number().nullable(),
  dyingPerDay: z.number().nullable(),
  /** Bytes, of the first of `inherited`; missing or null where there is nothing to compare with. */
  inheritedPerDay: z.number().nullable().optional(),
});

const limitSchema = open({
  what: name,
  unit: z.enum(['cgroups', 'bytes']),
  now: amount,
  most: amount,
  perDay: z.number(),
  /** Until it is reached at this rate; null when it does not grow, or by too little to tell. */
  days: amount.nullable(),
});

const slabSchema = open({
  cache: name,
  activeObjects: count,
  objects: count,
  bytes: count,
});

/** A week of this host under each strategy, simulated. */
const simulatedSchema = open({
  days: z.array(amount),
  series: z.array(open({ strategy: name, dying: z.array(amount), heldBytes: z.array(amount) })),
  /** Every value of the scenario that describes this host, and where it is from. */
  from: z.array(open({ key: name, value: z.union([z.number(), z.string()]), from: z.string() })),
});

/** A dying cgroup that BPF found, with the pages on its own LRU lists. */
const listedSchema = open({
  inode: count,
  filePages: count,
  /** Anonymous, tmpfs and shared memory. */
  swapBackedPages: count,
});

/** What a figure rests on that does not say so itself. */
const sourceSchema = open({ field: name, evidence, source: name });

/** Life and death of cgroups while a trace ran. */
const tracedSchema = open({
  seconds: amount,
  made: count,
  removed: count,
  released: count,
  /** From removal to release, ms, of those that were seen to do both. */
  releaseMs: z.array(amount),
});

/** Results of `host`. */
export const hostResults = open({
  root: name,
  kernel: z.string().nullable(),
  /** Another one: another boot, or another host. */
  bootId: z.string().nullable(),
  generation: open({
    name: z.enum(GENERATIONS),
    /** The strategy of the model that is like it; null where there is none. */
    strategy: z.string().nullable(),
    /** What may hold a removed cgroup. */
    pinnedBy: z.array(z.string()),
    from: z.string(),
  }),
  uptimeSeconds: amount.nullable(),
  hierarchies: z.array(hierarchySchema),
  pins: z.array(pinSchema),
  /** Sum over all pins, also those that are not listed; null where none could be told. */
  pinned: open({
    file: z.number().nullable(),
    shmem: z.number().nullable(),
    anon: z.number().nullable(),
  }).nullable(),
  /** Bytes; 4096 where `unknown` names it. */
  pageBytes: count,
  /** What such a sum may be off by, bytes: statistics are flushed in batches, and read one by one. */
  pinnedTolerance: amount,
  inherited: z.array(inheritedSchema),
  cost: costSchema.nullable(),
  /** /proc/meminfo and the like, bytes and counts. */
  memory: z.record(z.string(), count),
  slab: z.array(slabSchema).nullable(),
  triage: z.array(formSchema),
  growth: growthSchema.nullable(),
  limits: z.array(limitSchema),
  readings: z.array(readingSchema),
  /** When all but the counts was read, seconds after the first reading; 0 where it is missing. */
  lookedAt: amount.optional(),
  listed: z.array(listedSchema).nullable(),
  traced: tracedSchema.nullable(),
  simulated: simulatedSchema.nullable(),
  sources: z.array(sourceSchema),
  unknown: z.array(open({ what: z.string(), why: z.string() })),
  observer: open({
    files: count,
    folders: count,
    bytes: count,
    missing: count,
    denied: count,
    failed: count,
    /** Inside reading calls, of the whole command, and CPU time of the whole command. */
    readMs: amount,
    totalMs: amount,
    cpuMs: amount,
    /** Part of the time that reading took while it was watched, 0 to 1. */
    watchShare: amount.optional(),
  }),
});

/** Results of `host`. */
export type HostResults = z.infer<typeof hostResults>;
/** One hierarchy of a host. */
export type HostHierarchy = HostResults['hierarchies'][number];
/** What removed cgroups below a live one hold. */
export type HostPin = HostResults['pins'][number];
/** What a memory cgroup costs on a host. */
export type HostCost = NonNullable<HostResults['cost']>;
/** A judgement on one form of trouble. */
export type HostForm = HostResults['triage'][number];
/** How the counts change. */
export type HostGrowth = NonNullable<HostResults['growth']>;
/** One reading while watching. */
export type HostReading = HostResults['readings'][number];
/** A week of a host under each strategy. */
export type HostSimulated = NonNullable<HostResults['simulated']>;
