/**
 * What a round of a storm is made of: the machine, the memory that its CPUs share beside it, and the
 * legs that they go through together. Plain data, made by the main thread, sent to each CPU.
 */
import { type CacheShape, type MachineConfig, OBJECTS_PER_ROW } from '../../core/index.ts';
import { HISTOGRAM_WORDS } from '../histogram.ts';
import type { PopulationCache } from '../input/population.ts';
import { MAILBOX_WORDS } from './mailbox.ts';
import { shapeOf } from './population-machine.ts';
import { RENDEZVOUS_WORDS } from './rendezvous.ts';
import { SLOTS, type StormMix } from './storm-mix.ts';

/** What decides how a round goes. */
export interface StormPlan {
  readonly strategy: string;
  readonly cpus: number;
  readonly mix: StormMix;
  readonly caches: readonly PopulationCache[];
  readonly removalsPerSecond: number;
  /** Objects that a cgroup is filled with beside what its tasks allocate. */
  readonly fill: number;
  /** Operations due per second on each CPU while latencies are taken. */
  readonly ratePerCpu: number;
  /** Mixed load of one round, seconds; half of it closed loop, half open. */
  readonly seconds: number;
  readonly seed: number;
  /** Longest time that CPUs wait for each other, ms. */
  readonly deadlineMs: number;
}

/** Removed generations whose remaining objects are still in use. */
export const LEFTOVERS = 8;
/** Places of objects that all CPUs share. */
export const SHARED_PLACES = 1024;
/** Places of long-lived and of short-lived objects of each CPU; powers of two. */
export const LONG_PLACES = 4096;
export const SHORT_PLACES = 16;
/** LRU lists that shared objects are on, in turn. */
export const LRUS = 2;
/** Pages that a CPU charges at once, as the kernel does. */
const CHARGE_BATCH = 32;
/** Removed cgroups that the machine has room for while something pins them. */
const DYING_ROOM = 1024;
const SPARE_ROWS = 16_384;

/** Bins of the picture of stalls, and the longest leg that has one. */
export const STALL_BIN_MS = 0.05;
const SLICE_SECONDS = 5;
const STALL_BINS = Math.ceil((SLICE_SECONDS * 1e3) / STALL_BIN_MS) + 1;
/** From the opening of a picture to its start: all CPUs must have left the meeting point, ms. */
export const OPENING_MS = 2;
/** Offline callbacks that one leg can log. */
export const OFFLINE_LOG = 16_384;

/** Objects that slabs of caches under RCU or with pressure on them hold, by the names in slabinfo. */
const RECLAIMABLE = /^(dentry|.*inode.*cache|radix_tree_node|buffer_head|kernfs_node_cache)$/;
const TYPESAFE = /^(anon_vma|sighand_cache|filp|TCP|TCPv6|UDP|UDPv6|UNIX)$/;

/** Shape of a cache with the flags that its name is known for. */
export function stormShape(cache: PopulationCache): CacheShape {
  return {
    ...shapeOf(cache),
    reclaimable: RECLAIMABLE.test(cache.name),
    typesafeByRcu: TYPESAFE.test(cache.name),
  };
}

/** Objects alive at one time, at most, private free ones left out. */
function liveObjects(plan: StormPlan): number {
  const filled = (SLOTS + 1 + LEFTOVERS) * plan.fill;
  return filled + plan.cpus * (LONG_PLACES + SHORT_PLACES + 2 * MAILBOX_WORDS) + SHARED_PLACES;
}

/** The machine of a round. */
export function stormConfig(plan: StormPlan): MachineConfig {
  const roots = plan.caches.length + 1;
  const online = (SLOTS + 2) * plan.mix.depth + 2;
  const memcgs = online + DYING_ROOM * plan.mix.depth + 64;
  // Objects are spread over private caches: each has some slabs that are far from full.
  const owners = (SLOTS + 1 + 2 * LEFTOVERS) * plan.mix.depth;
  const weights = objectWeights(plan.caches);
  let rows = SPARE_ROWS;
  plan.caches.forEach((cache, index) => {
    const rowsPerSlab = Math.ceil(cache.objectsPerSlab / OBJECTS_PER_ROW);
    const full = (liveObjects(plan) * (weights[index] ?? 0)) / cache.objectsPerSlab;
    rows += Math.ceil(2 * full + owners * (plan.cpus + 2)) * rowsPerSlab;
  });
  return {
    strategy: plan.strategy,
    cpus: plan.cpus,
    slabRows: rows,
    kmemCaches: roots + Math.min(memcgs * roots, 32_768),
    rootCaches: roots + 1,
    memcgs,
    kmemIds: 4 * online,
    chargeBatch: CHARGE_BATCH,
    lrus: LRUS,
    lruItems: SHARED_PLACES + 64 * plan.cpus,
  };
}

/** Share of all objects that each cache has; sums to 1. */
export function objectWeights(caches: readonly PopulationCache[]): number[] {
  const weights = caches.map(
    (cache) => (cache.share * cache.objectsPerSlab * cache.utilisation) / cache.pagesPerSlab,
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Something that all CPUs do together, between two meetings. */
export type Leg =
  | { readonly kind: 'setup' | 'remote' | 'settle' | 'audit' | 'teardown'; readonly name: string }
  | {
      readonly kind: 'load' | 'latency';
      readonly name: string;
      readonly ms: number;
      /** False for the first ones, in which V8 compiles the loops. */
      readonly counted: boolean;
    }
  | {
      readonly kind: 'own';
      readonly name: string;
      readonly ms: number;
      /** CPUs 0 to this one take part. */
      readonly cpus: number;
    };

/** Parts of the mixed load's time: each warm-up, and each turn of the loop on own objects; ms at most. */
const WARM_UP = { share: 0.2, most: 200 };
const OWN = { share: 0.08, most: 60 };
/** One CPU and all CPUs alternate, so that a slow moment hits both. */
const OWN_TURNS = 3;

/** The legs of a round. */
export function legsOf(plan: StormPlan): Leg[] {
  const part = ({ share, most }: typeof OWN): number => Math.min(most, share * plan.seconds * 1e3);
  const [warmUp, own] = [part(WARM_UP), part(OWN)];
  const legs: Leg[] = [
    { kind: 'setup', name: 'setup' },
    { kind: 'load', name: 'warm-up', ms: warmUp, counted: false },
    { kind: 'latency', name: 'warm-up of latencies', ms: warmUp, counted: false },
  ];
  for (let turn = 0; turn < OWN_TURNS; turn++) {
    legs.push({ kind: 'own', name: 'own objects, one CPU', ms: own, cpus: 1 });
    if (plan.cpus > 1) {
      legs.push({ kind: 'own', name: 'own objects, all CPUs', ms: own, cpus: plan.cpus });
    }
  }
  if (plan.cpus > 1) legs.push({ kind: 'remote', name: 'remote frees' });
  const slices = Math.ceil(plan.seconds / 2 / SLICE_SECONDS);
  const ms = (plan.seconds * 1e3) / 2 / slices;
  for (let slice = 1; slice <= slices; slice++) {
    const which = slices === 1 ? '' : ` ${slice}`;
    legs.push({ kind: 'load', name: `mixed load${which}`, ms, counted: true });
    legs.push({ kind: 'audit', name: `after mixed load${which}` });
    legs.push({ kind: 'latency', name: `latencies${which}`, ms, counted: true });
    // Whatever is dying after this is held by something, not only waiting for its turn.
    legs.push({ kind: 'settle', name: 'deferred work' });
    legs.push({ kind: 'audit', name: `after latencies${which}` });
  }
  legs.push({ kind: 'teardown', name: 'teardown' });
  return legs;
}

/** Kinds of operations whose latency is taken. */
export const ALLOC = 0;
export const FREE = 1;
/** Words of a CPU's line in `progress`: operations, number of the leg, whether it waits for the others. */
export const PROGRESS = {
  words: 16,
  operations: 0,
  operationsHigh: 1,
  leg: 2,
  waiting: 3,
} as const;

/** Memory that the CPUs share beside the machine. */
export interface StormShared {
  readonly rendezvous: Int32Array<SharedArrayBuffer>;
  readonly progress: Int32Array<SharedArrayBuffer>;
  /** Leaf memcg of each slot; written by the churner, read inside read sections. */
  readonly slots: Int32Array<SharedArrayBuffer>;
  /** LRU items of shared objects; whoever exchanges one owns it. */
  readonly places: Int32Array<SharedArrayBuffer>;
  /** To each CPU a ring for frees and one for frees in interrupts. */
  readonly mailboxes: Int32Array<SharedArrayBuffer>;
  /** Objects that CPUs hand each other in the remote leg: a batch each. */
  readonly batches: Int32Array<SharedArrayBuffer>;
  /** Two histograms a CPU, alloc and free. */
  readonly histograms: Int32Array<SharedArrayBuffer>;
  /** Longest latency of each bin of the current leg, ns, per CPU. */
  readonly worst: Int32Array<SharedArrayBuffer>;
  /** [start of the leg in ms, offline callbacks so far, then begin and duration of each in ms]. */
  readonly timeline: Float64Array<SharedArrayBuffer>;
}

/** Objects of a batch of the remote leg. */
export const BATCH = 4096;
/** Where a CPU's columns begin. */
export const stallBase = (cpu: number): number => cpu * STALL_BINS;
export const histogramBase = (cpu: number, kind: number): number =>
  (2 * cpu + kind) * HISTOGRAM_WORDS;
export const TIMELINE = { start: 0, offlines: 1, first: 2 } as const;

function sizes(cpus: number): Record<Exclude<keyof StormShared, 'timeline'>, number> {
  return {
    rendezvous: RENDEZVOUS_WORDS,
    progress: cpus * PROGRESS.words,
    slots: SLOTS,
    places: SHARED_PLACES,
    mailboxes: 2 * cpus * MAILBOX_WORDS,
    batches: cpus * BATCH,
    histograms: 2 * cpus * HISTOGRAM_WORDS,
    worst: cpus * STALL_BINS,
  };
}

/** Bytes of the shared memory of a round. */
export function sharedBytes(cpus: number): number {
  const words = Object.values(sizes(cpus)).reduce((sum, count) => sum + count, 0);
  return 4 * words + 8 * (TIMELINE.first + 2 * OFFLINE_LOG);
}

/** Creates the shared memory of a round. */
export function createShared(cpus: number): StormShared {
  const counts = sizes(cpus);
  const words = (count: number) => new Int32Array(new SharedArrayBuffer(4 * count));
  return {
    rendezvous: words(counts.rendezvous),
    progress: words(counts.progress),
    slots: words(counts.slots),
    places: words(counts.places),
    mailboxes: words(counts.mailboxes),
    batches: words(counts.batches),
    histograms: words(counts.histograms),
    worst: words(counts.worst),
    timeline: new Float64Array(new SharedArrayBuffer(8 * (TIMELINE.first + 2 * OFFLINE_LOG))),
  };
}
