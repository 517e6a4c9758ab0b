/**
 * Judges pairs. A timed pair is better or worse if an interval that allows for all pairs of the table
 * lies beyond the threshold and a rank test agrees; so a whole table of equal code shows a difference in
 * about one comparison of records in twenty. It is the same if its 95 % interval lies within the noise:
 * twice what this pair can resolve, at least the threshold, at most a factor of 2. Equal code then comes
 * out as the same in about 95 of 100 pairs; the noise is shown beside each, for it says how much "same"
 * is worth.
 */
import { probit } from 'simple-statistics';
import type { Interval } from '../bootstrap.ts';
import { formatNumber, formatShare } from '../format.ts';
import { mannWhitney, smallestP } from '../rank-test.ts';
import { median, ratioOfMedians } from '../statistics.ts';
import type { Verdict } from '../verdict.ts';
import type { TimedItem } from './items.ts';
import { RECORD_NOISE } from './noise.ts';

/** How to judge. */
export interface JudgeOptions {
  /** Integer that makes the intervals repeatable. */
  readonly seed: number;
  /** Share beyond which a difference counts: 0.05 is 5 %. */
  readonly threshold: number;
  /** How many are judged together: timed pairs of the table, or groups. */
  readonly comparisons: number;
}

/** How a timed pair came out; the ratio is B over A. */
export interface Judgement {
  readonly ratio: number | null;
  readonly ci95: Interval | null;
  /** Share by which the ratio may differ from 1 and be the same. */
  readonly noise: number;
  readonly verdict: Verdict;
  readonly advice?: string;
}

const TOO_WIDE =
  'the values vary too much to say anything: take more rounds, and quieten the machine (see doctor)';
const LEVEL = 0.05;
const Z_95 = probit(1 - LEVEL / 2);
const ROUNDS_MIN = 3;
/** Noise beyond this says nothing. */
const NOISE_MAX = Math.log(2);
/** Where so few rounds cannot pass a rank test: the closest values of the two must lie this far apart. */
const GAP_MIN = 2;

/** An estimate on a logarithmic scale: its reach downwards and upwards at 95 %. */
interface Estimate {
  readonly log: number;
  readonly down: number;
  readonly up: number;
}

/** The quantile that stands for 95 % of a single pair when all pairs are to hold together. */
function familyQuantile(comparisons: number): number {
  return probit(1 - LEVEL / (2 * Math.max(1, comparisons)));
}

function intervalOf({ log, down, up }: Estimate, quantile: number): Interval {
  const scale = quantile / Z_95;
  return [Math.exp(log - down * scale), Math.exp(log + up * scale)];
}

function fewestRounds(): number {
  let rounds = ROUNDS_MIN;
  while (smallestP(rounds, rounds) >= LEVEL) rounds++;
  return rounds;
}

/** Which side of the threshold a sure interval lies on; lower times and higher rates are better. */
function sideOf([lo, hi]: Interval, better: 'lower' | 'higher', threshold: number): Verdict | null {
  if (lo > 1 + threshold) return better === 'lower' ? 'worse' : 'better';
  if (hi < 1 / (1 + threshold)) return better === 'lower' ? 'better' : 'worse';
  return null;
}

function noiseOf({ down, up }: Estimate, threshold: number): number {
  return Math.min(NOISE_MAX, Math.max(Math.log1p(threshold), down + up));
}

/** The words for an estimate, once it is known whether the ranks agree. */
function settle(
  estimate: Estimate,
  better: 'lower' | 'higher',
  options: JudgeOptions,
  rankAdvice: string | null,
): Judgement {
  const ci95 = intervalOf(estimate, Z_95);
  const band = noiseOf(estimate, options.threshold);
  const found = { ratio: Math.exp(estimate.log), ci95, noise: Math.expm1(band) };
  const sure = intervalOf(estimate, familyQuantile(options.comparisons));
  const side = sideOf(sure, better, options.threshold);
  if (side !== null && rankAdvice === null) return { ...found, verdict: side };
  const within = estimate.log - estimate.down >= -band && estimate.log + estimate.up <= band;
  if (side === null && within) return { ...found, verdict: 'same' };
  const advice =
    estimate.down + estimate.up > 2 * band
      ? TOO_WIDE
      : (rankAdvice ?? adviceFor(estimate, better, options));
  return { ...found, verdict: 'cannot tell', advice };
}

function adviceFor(
  estimate: Estimate,
  better: 'lower' | 'higher',
  { threshold, comparisons }: JudgeOptions,
): string {
  const one = sideOf(intervalOf(estimate, Z_95), better, threshold);
  if (one === null) {
    return `close to the threshold of ${formatShare(threshold)}, or to the end of the noise: take more rounds`;
  }
  return comparisons > 1
    ? `perhaps ${one}: as one of ${formatNumber(comparisons)} comparisons it may be chance; make both records again and look at this one with --only`
    : `perhaps ${one}: make both records again, with more rounds`;
}

/** Null where the ranks agree that the groups differ; else what would be needed. */
function rankAdvice(candidate: readonly number[], baseline: readonly number[]): string | null {
  const fewest = Math.min(candidate.length, baseline.length);
  if (smallestP(candidate.length, baseline.length) < LEVEL) {
    const { p } = mannWhitney(candidate, baseline);
    return p < LEVEL ? null : 'the rounds of the two overlap: take more rounds';
  }
  const gap = Math.max(
    Math.min(...candidate) / Math.max(...baseline),
    Math.min(...baseline) / Math.max(...candidate),
  );
  if (fewest >= ROUNDS_MIN && gap >= GAP_MIN) return null;
  return `${fewest === 1 ? '1 round is' : `${fewest} rounds are`} too few: take at least ${fewestRounds()}`;
}

function cannotTell(advice: string): Judgement {
  return { ratio: null, ci95: null, noise: 0, verdict: 'cannot tell', advice };
}

/** Estimate of the ratio of two items, from their rounds and from what records differ by beside them. */
function estimateOf(a: TimedItem, b: TimedItem, seed: number): Estimate {
  const { ratio, ci95 } = ratioOfMedians(b.rounds, a.rounds, seed);
  const beside = Z_95 * Math.max(a.noise, b.noise);
  const log = Math.log(ratio);
  return {
    log,
    down: Math.hypot(log - Math.log(ci95[0]), beside),
    up: Math.hypot(Math.log(ci95[1]) - log, beside),
  };
}

/** Judges the rounds of B against those of A. */
export function judgeTimed(a: TimedItem, b: TimedItem, options: JudgeOptions): Judgement {
  const values = [...a.rounds, ...b.rounds];
  if (a.rounds.length === 0 || b.rounds.length === 0) {
    return cannotTell('one side has no rounds: run it to the end');
  }
  if (values.every((value) => value === values[0])) {
    return { ratio: 1, ci95: [1, 1], noise: options.threshold, verdict: 'same' };
  }
  if (values.some((value) => !(value > 0))) {
    return cannotTell('some rounds have the value 0, which has no ratio: look at the records');
  }
  const estimate = estimateOf(a, b, options.seed);
  const judged = settle(estimate, b.better, options, rankAdvice(b.rounds, a.rounds));
  if (judged.verdict !== 'same') return judged;
  const fewest = Math.min(a.rounds.length, b.rounds.length);
  if (fewest >= ROUNDS_MIN) return judged;
  return {
    ...judged,
    verdict: 'cannot tell',
    advice: `fewer than ${ROUNDS_MIN} rounds: take more`,
  };
}

/** The median of an item's rounds; null where there are none. */
export function middleOf({ rounds }: TimedItem): number | null {
  return rounds.length === 0 ? null : median(rounds);
}

/** A pair of a group. */
export interface GroupMember {
  readonly ratio: number;
  readonly ci95: Interval;
  readonly verdict: Verdict;
}

/**
 * Judges the geometric mean of the ratios of a group. Its pairs come from workers of their own, so their
 * noise averages out; that of the machine does not. Pairs that go both ways are not summed up.
 */
export function judgeGroup(
  members: readonly GroupMember[],
  better: 'lower' | 'higher',
  options: JudgeOptions,
): Judgement {
  const logs = members.map(({ ratio }) => Math.log(ratio));
  const reach = (of: (member: GroupMember) => number): number =>
    Math.hypot(Z_95 * RECORD_NOISE.machine, Math.hypot(...members.map(of)) / members.length);
  const estimate = {
    log: logs.reduce((sum, log) => sum + log, 0) / members.length,
    down: reach(({ ratio, ci95 }) => Math.log(ratio / ci95[0])),
    up: reach(({ ratio, ci95 }) => Math.log(ci95[1] / ratio)),
  };
  const verdicts = new Set(members.map(({ verdict }) => verdict));
  const bothWays = verdicts.has('better') && verdicts.has('worse');
  const advice = bothWays ? 'its pairs go both ways: look at each of them' : null;
  const judged = settle(estimate, better, options, advice);
  return bothWays ? { ...judged, verdict: 'cannot tell', advice: advice ?? '' } : judged;
}
