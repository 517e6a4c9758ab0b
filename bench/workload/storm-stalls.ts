/**
 * What removals do to everybody else: the longest latencies in small bins of time, laid over each
 * other so that every offline callback begins at 0.
 */
import { STALL_BIN_MS, type StormShared, stallBase, TIMELINE } from './storm-plan.ts';

/** Bins of the picture before and after the start of a callback. */
export const BINS_BEFORE = 20;
const BINS_AFTER = 80;
/** A soak of hours has more callbacks than a picture needs. */
const PICTURES_MAX = 1000;
/** How far back an operation can have been due that is still waiting when a callback begins. */
const LOOK_BACK = 40;
/** A moment is quiet when no callback ran so many bins before it. */
const SETTLING = 20;

/** What the callbacks of some legs did; plain data. */
export interface Stalls {
  /** Longest latency in each bin, ns, for each callback; of the first `PICTURES_MAX` ones. */
  readonly pictures: number[][];
  callbacks: number;
  /** Duration of each callback, ns. */
  readonly offlineNs: number[];
  /** Longest latency that overlapped each callback, ns. */
  readonly longestNs: number[];
  /** The same for windows of equal length in which no callback ran, and those lengths. */
  readonly controlNs: number[];
  readonly controlLengthNs: number[];
  quietNs: number;
}

/** No callbacks yet. */
export function emptyStalls(): Stalls {
  return {
    pictures: [],
    callbacks: 0,
    offlineNs: [],
    longestNs: [],
    controlNs: [],
    controlLengthNs: [],
    quietNs: 0,
  };
}

/** The longest latency of each bin over all measured CPUs. */
function worstOf(shared: StormShared, cpus: readonly number[], bins: number): Int32Array {
  const worst = new Int32Array(bins);
  for (const cpu of cpus) {
    const base = stallBase(cpu);
    for (let bin = 0; bin < bins; bin++) {
      worst[bin] = Math.max(worst[bin] as number, shared.worst[base + bin] as number);
    }
  }
  return worst;
}

/** Longest latency of an operation that was due before `end` and not done at `begin`; ms of the leg. */
function longestDuring(worst: Int32Array, begin: number, end: number): number {
  const first = Math.max(0, Math.floor(begin / STALL_BIN_MS) - LOOK_BACK);
  const last = Math.min(worst.length - 1, Math.floor(end / STALL_BIN_MS));
  let longest = 0;
  for (let bin = first; bin <= last; bin++) {
    const ns = worst[bin] as number;
    // Due somewhere in its bin; the end of the bin is the latest that it can have been.
    if ((bin + 1) * STALL_BIN_MS + ns / 1e6 > begin) longest = Math.max(longest, ns);
  }
  return longest;
}

/** Adds what one leg of `ms` shows. `cpus` are those whose latencies were taken. */
export function addStalls(
  stalls: Stalls,
  shared: StormShared,
  cpus: readonly number[],
  ms: number,
): void {
  const { timeline } = shared;
  const bins = Math.ceil(ms / STALL_BIN_MS);
  const worst = worstOf(shared, cpus, bins);
  const count = timeline[TIMELINE.offlines] as number;
  const start = timeline[TIMELINE.start] as number;
  const busy = new Uint8Array(bins + LOOK_BACK);
  const callbacks: { begin: number; end: number; ns: number }[] = [];
  for (let one = 0; one < count; one++) {
    const begin = (timeline[TIMELINE.first + 2 * one] as number) - start;
    const duration = timeline[TIMELINE.first + 2 * one + 1] as number;
    callbacks.push({ begin, end: begin + duration, ns: duration * 1e6 });
    const from = Math.max(0, Math.floor(begin / STALL_BIN_MS) - 1);
    busy.fill(1, from, Math.floor((begin + duration) / STALL_BIN_MS) + SETTLING);
  }
  for (const { begin, end, ns } of callbacks) {
    const bin = Math.floor(begin / STALL_BIN_MS);
    // A callback too close to the end of the leg has no whole picture.
    if (bin < BINS_BEFORE || bin + BINS_AFTER > bins || end > ms) continue;
    stalls.callbacks++;
    if (stalls.pictures.length < PICTURES_MAX) {
      stalls.pictures.push([...worst.subarray(bin - BINS_BEFORE, bin + BINS_AFTER)]);
    }
    stalls.offlineNs.push(ns);
    stalls.longestNs.push(longestDuring(worst, begin, end));
    const control = begin - (BINS_BEFORE / 2) * STALL_BIN_MS;
    const controlEnd = control + (end - begin);
    if (controlEnd < begin && busy[Math.floor(control / STALL_BIN_MS)] === 0) {
      stalls.controlNs.push(longestDuring(worst, control, controlEnd));
      stalls.controlLengthNs.push(ns);
    }
  }
  for (let bin = 0; bin < bins; bin++) {
    if (busy[bin] === 0) stalls.quietNs = Math.max(stalls.quietNs, worst[bin] as number);
  }
}
