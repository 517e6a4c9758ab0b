// hot path
/**
 * Latencies in shared memory: a log-linear histogram of 64 buckets per octave, so a bucket is at most
 * 1.6 % wide, from 0 to 2^31 ns. One row per CPU and kind of operation, written by that CPU alone with
 * plain stores, read when it is done. Recording is one load and one store more than the look at the
 * clock (fio's scheme).
 */
// Not the index: each thread would load the record's schema.
import { type Distribution, distribution } from '../reports/statistics.ts';

const SUB_BITS = 6;
const SUB = 1 << SUB_BITS;
/** Octaves from 2^6 to 2^30, and the linear part below. */
const BUCKETS = (31 - SUB_BITS + 1) * SUB;
/** Words of one histogram: its buckets and the largest value. */
export const HISTOGRAM_WORDS = BUCKETS + SUB;
const LARGEST = BUCKETS;
/** Longest latency that is told apart, ns. */
const LONGEST_NS = 2 ** 31 - 1;

/** Bucket of a whole number of ns. */
function bucketOf(ns: number): number {
  if (ns < SUB) return ns;
  const octave = 31 - Math.clz32(ns);
  return ((octave - SUB_BITS + 1) << SUB_BITS) | ((ns >>> (octave - SUB_BITS)) & (SUB - 1));
}

/** Smallest value of a bucket, ns. */
function bucketStart(bucket: number): number {
  if (bucket < SUB) return bucket;
  const octave = (bucket >>> SUB_BITS) + SUB_BITS - 1;
  return (SUB | (bucket & (SUB - 1))) * 2 ** (octave - SUB_BITS);
}

/** Counts a latency in the histogram that begins at word `base`. */
export function record(words: Int32Array, base: number, ns: number): void {
  const value = ns < 0 ? 0 : ns > LONGEST_NS ? LONGEST_NS : ns | 0;
  const at = base + bucketOf(value);
  words[at] = (words[at] as number) + 1;
  if (value > (words[base + LARGEST] as number)) words[base + LARGEST] = value;
}

/** Adds the recorded histogram that begins at a word to a summed one, and returns that. */
export function addHistogram(to: Float64Array, from: Int32Array, base: number): Float64Array {
  for (let word = 0; word < BUCKETS; word++) {
    to[word] = (to[word] as number) + (from[base + word] as number);
  }
  to[LARGEST] = Math.max(to[LARGEST] as number, from[base + LARGEST] as number);
  return to;
}

/** Adds a summed histogram to another. */
export function sumInto(to: Float64Array, from: Float64Array): void {
  for (let word = 0; word < BUCKETS; word++) {
    to[word] = (to[word] as number) + (from[word] as number);
  }
  to[LARGEST] = Math.max(to[LARGEST] as number, from[LARGEST] as number);
}

/** An empty histogram to add others to. */
export function emptyHistogram(): Float64Array {
  return new Float64Array(HISTOGRAM_WORDS);
}

/** Value below which a share of the samples lies, to within a bucket; 0 without samples. */
function quantile(counts: Float64Array, samples: number, share: number): number {
  const rank = Math.min(samples, Math.max(1, Math.ceil(share * samples)));
  let seen = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    seen += counts[bucket] as number;
    if (seen >= rank) return middle(bucket);
  }
  return 0;
}

function middle(bucket: number): number {
  return bucket < SUB ? bucket : (bucketStart(bucket) + bucketStart(bucket + 1)) / 2;
}

/**
 * The distribution of all rounds together, ns, or null without samples. The interval is that of the
 * rounds' medians: samples of one round are not independent.
 */
export function summary(rounds: readonly Float64Array[], seed: number): Distribution | null {
  const all = emptyHistogram();
  const medians: number[] = [];
  for (const counts of rounds) {
    const samples = samplesOf(counts);
    if (samples === 0) continue;
    medians.push(quantile(counts, samples, 0.5));
    sumInto(all, counts);
  }
  const samples = samplesOf(all);
  if (samples === 0) return null;
  let sum = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) sum += (all[bucket] as number) * middle(bucket);
  const max = all[LARGEST] as number;
  const at = (share: number): number => Math.min(max, quantile(all, samples, share));
  return {
    samples,
    min: Math.min(max, bucketStart(all.findIndex((count) => count > 0))),
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    p999: at(0.999),
    max,
    mean: Math.min(max, sum / samples),
    ci95: distribution(medians, seed).ci95,
  };
}

/** One quantile of a histogram, ns; null without samples. */
export function quantileOf(counts: Float64Array, share: number): number | null {
  const samples = samplesOf(counts);
  return samples === 0 ? null : quantile(counts, samples, share);
}

function samplesOf(counts: Float64Array): number {
  let samples = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) samples += counts[bucket] as number;
  return samples;
}
