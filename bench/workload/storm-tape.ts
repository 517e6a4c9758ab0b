/**
 * The seeded tape of a CPU: what it allocates and what becomes of it, entry by entry. A CPU goes round
 * and round its tape, so that the loop draws nothing itself.
 *
 *   bits 0-7    index of the root cache
 *   bits 8-10   what becomes of the object (`FATE`)
 *   bit 11      charged to the cgroup of a random slot instead of the task's
 *   bits 12-31  random, for places and slots
 */
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import { seededRandom } from './random.ts';
import type { StormMix } from './storm-mix.ts';

/** Entries of a tape; a power of two. */
export const TAPE_ENTRIES = 65_536;
/** Caches that an entry can name. */
export const TAPE_CACHES_MAX = 256;

/** What becomes of an object. */
export const FATE = { short: 0, long: 1, shared: 2, remote: 3, interrupt: 4 } as const;
export const FATE_SHIFT = 8;
export const FATE_MASK = 7;
export const FOREIGN = 1 << 11;
export const RANDOM_SHIFT = 12;

const SPAN = 2 ** 32;

/** A number from 0 to below 1. */
function draw(random: RandomGenerator): number {
  return (random.next() >>> 0) / SPAN;
}

/** Index of the interval that a number from 0 to 1 falls in; `ends` ascend. */
function pick(ends: readonly number[], value: number): number {
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value < (ends[middle] ?? 1)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Ascending ends of intervals of the given lengths; the last one is what is left to 1. */
function endsOf(lengths: readonly number[]): number[] {
  let sum = 0;
  return lengths.map((length) => {
    sum += length;
    return sum;
  });
}

/** Makes the tape of one CPU. `weights` are the shares of all objects by cache. */
export function makeTape(options: {
  readonly mix: StormMix;
  readonly weights: readonly number[];
  readonly seed: number;
  readonly cpu: number;
}): Int32Array {
  const { mix, weights, seed, cpu } = options;
  const random = seededRandom(Math.imul(seed, 0x9e37_79b1) + cpu);
  const caches = endsOf(weights);
  const { longShare, sharedShare, remoteShare, interruptShare } = mix;
  // In the order of FATE without `short`, which is the rest.
  const fates = [...endsOf([longShare, sharedShare, remoteShare, interruptShare]), 1];
  const tape = new Int32Array(TAPE_ENTRIES);
  for (let entry = 0; entry < TAPE_ENTRIES; entry++) {
    const fate = (pick(fates, draw(random)) + 1) % fates.length;
    const foreign = draw(random) < mix.foreignShare ? FOREIGN : 0;
    const bits = (random.next() & (2 ** 20 - 1)) << RANDOM_SHIFT;
    tape[entry] = pick(caches, draw(random)) | (fate << FATE_SHIFT) | foreign | bits;
  }
  return tape;
}
