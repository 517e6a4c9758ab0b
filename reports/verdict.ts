/**
 * Turns two groups of round times into one of four words. A wrong "better" costs a reader more than a
 * "cannot tell", so a difference needs two witnesses: an interval of the ratio that stays clear of
 * the noise band, and a rank test.
 *
 * Few rounds. With 3 against 3 the exact test cannot go below p = 0.1, however large the effect. Such
 * a pair is decided only when the closest two values of the groups are still a factor of 2 apart:
 * noise on a shared machine reaches such factors now and then, but not in every round of one side and
 * in none of the other, interleaved. Anything closer is "cannot tell", with the number of rounds that
 * would do. One or two rounds never decide.
 */
import type { Interval } from './bootstrap.ts';
import { mannWhitney, smallestP } from './rank-test.ts';
import { ratioOfMedians } from './statistics.ts';

/** All verdicts; lower times are better. */
export const VERDICTS = ['better', 'worse', 'same', 'cannot tell'] as const;

/** What a comparison came out as. */
export type Verdict = (typeof VERDICTS)[number];

/** How to compare; only the seed has no default. */
export interface CompareOptions {
  /** Integer that makes the interval repeatable. */
  seed: number;
  /** Ratios closer to 1 than this count as equal; default 0.02, which is 2 %. */
  threshold?: number;
  /**
   * How many comparisons are judged together (default 1). The level of 5 % is divided by it, so that
   * a whole table of equal pairs, not each cell, has a chance of 5 % to show a difference.
   */
  comparisons?: number;
}

/** Outcome of a comparison: ratio = median(candidate) / median(baseline), without unit. */
export interface Comparison {
  verdict: Verdict;
  ratio: number;
  ci95: Interval;
  /** Two-sided p of the rank test. */
  p: number;
  /** What to do to get a clear answer; only with "cannot tell". */
  advice?: string;
}

const LEVEL = 0.05;
const DECISIVE_FACTOR = 2;
const ROUNDS_MIN = 3;

function roundsNeeded(level: number): number {
  let rounds = ROUNDS_MIN;
  while (smallestP(rounds, rounds) >= level) rounds++;
  return rounds;
}

/** Factor between the closest values of two groups, or 1 when the groups overlap. */
function gapFactor(candidate: readonly number[], baseline: readonly number[]): number {
  const above = Math.min(...candidate) / Math.max(...baseline);
  const below = Math.min(...baseline) / Math.max(...candidate);
  return Math.max(1, above, below);
}

/** Compares two groups of round times in the same unit; every value must be above 0. */
export function compareRounds(
  candidate: readonly number[],
  baseline: readonly number[],
  options: CompareOptions,
): Comparison {
  const { seed, threshold = 0.02, comparisons = 1 } = options;
  if (!(threshold >= 0)) throw new RangeError(`threshold: ${threshold} must be at least 0`);
  if (!(comparisons >= 1)) throw new RangeError(`comparisons: ${comparisons} must be at least 1`);
  const { ratio, ci95 } = ratioOfMedians(candidate, baseline, seed);
  const { p } = mannWhitney(candidate, baseline);
  const measured = { ratio, ci95, p };
  const level = LEVEL / comparisons;
  const [lo, hi] = ci95;
  const fewest = Math.min(candidate.length, baseline.length);
  const tooFew = smallestP(candidate.length, baseline.length) >= level;
  const certain = tooFew ? gapFactor(candidate, baseline) >= DECISIVE_FACTOR : p < level;

  if (fewest < ROUNDS_MIN) {
    return { verdict: 'cannot tell', ...measured, advice: fewRoundsAdvice(fewest, level) };
  }
  // 1 / (1 + threshold) instead of 1 - threshold: swapping the sides must only swap the words.
  if (certain && hi < 1 / (1 + threshold)) return { verdict: 'better', ...measured };
  if (certain && lo > 1 + threshold) return { verdict: 'worse', ...measured };
  if (lo >= 1 / (1 + threshold) && hi <= 1 + threshold) return { verdict: 'same', ...measured };
  const advice = tooFew
    ? fewRoundsAdvice(fewest, level)
    : 'the rounds vary more than the two sides differ: take more rounds, or quieten the machine (see doctor)';
  return { verdict: 'cannot tell', ...measured, advice };
}

function fewRoundsAdvice(rounds: number, level: number): string {
  const had = rounds === 1 ? '1 round a side is' : `${rounds} rounds a side are`;
  return `${had} too few to tell: take at least ${roundsNeeded(level)} rounds`;
}
