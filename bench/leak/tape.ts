/**
 * What a host does, drawn from a seed alone: when cgroups start, what each of them touches. The same
 * under every strategy, because nothing here looks at the machine.
 */
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import { seededRandom } from '../workload/random.ts';
import type { Kind } from './parameters.ts';

const SPAN = 2 ** 32;

/** A number from 0 to below 1. */
export function unit(random: RandomGenerator): number {
  return (random.next() >>> 0) / SPAN;
}

/** Mixes two numbers into a seed. */
export function mixSeed(seed: number, salt: number): number {
  let mixed = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(salt + 1, 0xc2b2ae35);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
  return mixed ^ (mixed >>> 15);
}

/** A whole number with this mean, from half of it to one and a half. */
export function around(random: RandomGenerator, mean: number): number {
  const spread = mean * (0.5 + unit(random));
  const whole = Math.floor(spread);
  return whole + (unit(random) < spread - whole ? 1 : 0);
}

/** Which file is used: the Zipf law, by inverting its distribution. */
export function bindPopularity(
  files: number,
  exponent: number,
): (random: RandomGenerator) => number {
  const cumulative = new Float64Array(files);
  let sum = 0;
  for (let rank = 0; rank < files; rank++) {
    sum += (rank + 1) ** -exponent;
    cumulative[rank] = sum;
  }
  return (random) => {
    const wanted = unit(random) * sum;
    let low = 0;
    let high = files - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((cumulative[middle] as number) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Ticks of one kind: when the next cgroup of it starts, ms after the last. */
export function bindArrivals(kind: Kind, perDay: number, seed: number): () => number {
  const random = seededRandom(seed);
  const interval = 86_400_000 / perDay;
  if (kind.schedule === 'random') {
    return () => -Math.log(1 - unit(random)) * interval;
  }
  // A timer is some per cent late, as AccuracySec and the load make it, and stays on its grid.
  let late = 0;
  return () => {
    const next = unit(random) * interval * TIMER_JITTER;
    const step = interval + next - late;
    late = next;
    return step;
  };
}

const TIMER_JITTER = 0.05;

/** What one cgroup does, in numbers. */
export interface Firing {
  readonly random: RandomGenerator;
  readonly processes: number;
  readonly filesUsed: number;
  readonly filesRead: number;
  readonly missingNames: number;
  readonly temporaryFiles: number;
  readonly layerFiles: number;
  readonly keptFiles: number;
  readonly loggedPages: number;
  readonly sockets: number;
  readonly pipes: number;
  readonly handedOver: number;
  readonly kernfsNodes: number;
  readonly lifetimeMs: number;
  readonly reused: boolean;
}

/** Draws firing number `index` of a host: no draw depends on what happened in another. */
export function drawFiring(kind: Kind, seed: number, index: number): Firing {
  const random = seededRandom(mixSeed(seed, index));
  const filesUsed = around(random, kind.filesUsed);
  return {
    random,
    processes: around(random, kind.processes),
    filesUsed,
    filesRead: Math.min(filesUsed, around(random, kind.filesRead)),
    missingNames: around(random, kind.missingNames),
    temporaryFiles: around(random, kind.temporaryFiles),
    layerFiles: kind.layerFiles === 0 ? 0 : around(random, kind.layerFiles),
    keptFiles: around(random, kind.keptFiles),
    loggedPages: around(random, kind.loggedPages),
    sockets: around(random, kind.sockets),
    pipes: around(random, kind.pipes),
    handedOver: around(random, kind.handedOver),
    kernfsNodes: around(random, kind.kernfsNodes),
    lifetimeMs: kind.lifetimeSeconds * 1000 * (0.5 + unit(random)),
    reused: unit(random) < kind.reused,
  };
}

/** Which kind a start-up unit is of: by their shares. */
export function drawKind(kinds: readonly Kind[], random: RandomGenerator): number {
  let left = unit(random) * kinds.reduce((sum, kind) => sum + kind.share, 0);
  for (let index = 0; index < kinds.length; index++) {
    left -= (kinds[index] as Kind).share;
    if (left < 0) return index;
  }
  return kinds.length - 1;
}
