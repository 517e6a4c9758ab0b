/**
 * Rank statistics for two small groups of rounds: Mann-Whitney's test and the shift that goes with
 * it. They use only the order of the values, so one wild round cannot decide a comparison.
 */
import { sorted } from './bootstrap.ts';
import { median, requireFinite } from './statistics.ts';

/** Result of a two-sided rank-sum test: how often a beats b among all pairs, and how surprising. */
export interface RankTest {
  /** Pairs in which the value of `a` is the larger one; a tie counts a half. */
  u: number;
  /** Probability of a `u` at least this far from the middle if both groups came from one source. */
  p: number;
}

/** Up to this many pairs the exact distribution is used: its counts stay exact in a double. */
const EXACT_PAIRS_MAX = 400;

interface Ranking {
  rankSum: number;
  /** Sum of t^3 - t over groups of t equal values; 0 when there are no ties. */
  tieTerm: number;
}

function rankAmong(a: readonly number[], b: readonly number[]): Ranking {
  const pooled = [
    ...a.map((value) => ({ value, own: 1 })),
    ...b.map((value) => ({ value, own: 0 })),
  ].sort((left, right) => left.value - right.value);
  let rankSum = 0;
  let tieTerm = 0;
  let start = 0;
  while (start < pooled.length) {
    let end = start;
    let own = 0;
    while (end < pooled.length && pooled[end]?.value === pooled[start]?.value) {
      own += pooled[end]?.own ?? 0;
      end++;
    }
    const equal = end - start;
    rankSum += own * ((start + 1 + end) / 2);
    tieTerm += equal ** 3 - equal;
    start = end;
  }
  return { rankSum, tieTerm };
}

/**
 * Counts the orders of n and m distinct values that give each u from 0 to n*m: the coefficients of
 * the Gaussian binomial, built as a product of (1 - q^(m+i)) / (1 - q^i).
 */
function orderCounts(n: number, m: number): number[] {
  const counts: number[] = new Array(n * m + 1).fill(0);
  counts[0] = 1;
  const at = (u: number): number => counts[u] ?? 0;
  for (let i = 1; i <= n; i++) {
    for (let u = n * m; u >= m + i; u--) counts[u] = at(u) - at(u - m - i);
    for (let u = i; u <= n * m; u++) counts[u] = at(u) + at(u - i);
  }
  return counts;
}

/** Returns the smallest two-sided p that n and m distinct values can give at all. */
export function smallestP(n: number, m: number): number {
  let orders = 1;
  for (let i = 1; i <= n; i++) orders *= (m + i) / i;
  return Math.min(1, 2 / orders);
}

function exactP(u: number, n: number, m: number): number {
  const counts = orderCounts(n, m);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const tail = counts.slice(0, Math.min(u, n * m - u) + 1).reduce((sum, count) => sum + count, 0);
  return Math.min(1, (2 * tail) / total);
}

/** Probability that a standard normal value exceeds `z`, for z of at least 0. */
function upperTail(z: number): number {
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (z >= 3) {
    // The series below would lose digits by cancellation; the continued fraction converges fast here.
    let fraction = z;
    for (let k = 60; k >= 1; k--) fraction = z + k / fraction;
    return density / fraction;
  }
  let term = z;
  let sum = z;
  for (let k = 3; term > sum * Number.EPSILON; k += 2) {
    term *= (z * z) / k;
    sum += term;
  }
  return 0.5 - sum * density;
}

function normalP(u: number, n: number, m: number, tieTerm: number): number {
  const size = n + m;
  const variance = ((n * m) / 12) * (size + 1 - tieTerm / (size * (size - 1)));
  if (variance <= 0) return 1;
  // Half a step towards the middle: u moves in whole steps, the normal curve does not.
  const distance = Math.max(0, Math.abs(u - (n * m) / 2) - 0.5);
  return Math.min(1, 2 * upperTail(distance / Math.sqrt(variance)));
}

/**
 * Tests whether two groups come from one source, two-sided. Exact for up to 400 pairs without ties;
 * beyond, the normal approximation with correction for ties and continuity.
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): RankTest {
  requireFinite(a, 'first group');
  requireFinite(b, 'second group');
  const { rankSum, tieTerm } = rankAmong(a, b);
  const n = a.length;
  const m = b.length;
  const u = rankSum - (n * (n + 1)) / 2;
  const exact = tieTerm === 0 && n * m <= EXACT_PAIRS_MAX;
  return { u, p: exact ? exactP(u, n, m) : normalP(u, n, m, tieTerm) };
}

/** Returns the typical shift from b to a: the median of all differences, in the values' unit. */
export function hodgesLehmann(a: readonly number[], b: readonly number[]): number {
  requireFinite(a, 'first group');
  requireFinite(b, 'second group');
  return median(sorted(a.flatMap((left) => b.map((right) => left - right))));
}
