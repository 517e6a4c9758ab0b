/**
 * Descriptive statistics of round values. Feed these functions one value per round: samples from one
 * isolate are not independent, and equal code compared on them came out different in 59 of 60 tries.
 * All quantiles are type 7 (linear between the closest ranks), as in NumPy and R by default.
 */
import { linearRegression, mean, quantileSorted } from 'simple-statistics';
import {
  bootstrapInterval,
  type Interval,
  medianResampler,
  seededIndexes,
  sorted,
} from './bootstrap.ts';

/** Summary of values in their own unit; `ci95` is an interval for the median (`p50`). */
export interface Distribution {
  samples: number;
  min: number;
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  max: number;
  mean: number;
  ci95: Interval;
}

/** Estimate of a ratio without unit, with its 95 % interval. */
export interface RatioEstimate {
  ratio: number;
  ci95: Interval;
}

/** Exponent k of "time grows as pages to the power k", with its 95 % interval. */
export interface GrowthEstimate {
  exponent: number;
  ci95: Interval;
}

/** The values measured at one size, each in nanoseconds. */
export interface GrowthPoint {
  pages: number;
  values: readonly number[];
}

/** Numbers of values outside Tukey's fences: beyond 1.5 (mild) and 3 (severe) quartile ranges. */
export interface OutlierCounts {
  mild: number;
  severe: number;
}

/**
 * Above this many values the bootstrap is replaced by what it converges to, the interval between two
 * order statistics: 2,000 resamples of a million values would take half a minute.
 */
const BOOTSTRAP_VALUES_MAX = 5000;

/** Standard normal quantile of 97.5 %. */
const Z_975 = 1.959963984540054;

/** Throws a RangeError unless there is at least one value and all of them are finite. */
export function requireFinite(values: readonly number[], name: string): void {
  if (values.length === 0) throw new RangeError(`${name}: no values; give at least one`);
  const bad = values.find((value) => !Number.isFinite(value));
  if (bad !== undefined) throw new RangeError(`${name}: ${bad} is not a finite number`);
}

function requirePositive(values: readonly number[], name: string): void {
  requireFinite(values, name);
  const bad = values.find((value) => value <= 0);
  if (bad !== undefined) {
    throw new RangeError(
      `${name}: ${bad} is not above 0, so it has no ratio; time more work at once`,
    );
  }
}

/** Returns the quantile of order `p` (0 to 1), in the unit of the values. */
export function quantile(values: readonly number[], p: number): number {
  requireFinite(values, 'quantile');
  return quantileSorted(sorted(values), p);
}

/** Returns the middle value, in the unit of the values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function medianInterval(ordered: readonly number[], seed: number): Interval {
  const size = ordered.length;
  const at = (position: number): number => ordered[position] ?? Number.NaN;
  // One or two rounds say nothing about spread beyond their own range.
  if (size < 3) return [at(0), at(size - 1)];
  if (size <= BOOTSTRAP_VALUES_MAX) {
    return bootstrapInterval(medianResampler(ordered, seededIndexes(seed)));
  }
  const reach = (Z_975 * Math.sqrt(size)) / 2;
  return [at(Math.floor(size / 2 - reach)), at(Math.ceil(size / 2 + reach))];
}

/** Summarises values; `seed` is an integer and makes the interval repeatable. */
export function distribution(values: readonly number[], seed: number): Distribution {
  requireFinite(values, 'distribution');
  const ordered = sorted(values);
  const at = (p: number): number => quantileSorted(ordered, p);
  return {
    samples: ordered.length,
    min: at(0),
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    p999: at(0.999),
    max: at(1),
    mean: mean(ordered),
    ci95: medianInterval(ordered, seed),
  };
}

/**
 * Returns median(candidate) / median(baseline), with an interval from resampling both sides. All
 * values must be above 0. With fewer than three values on a side the interval spans the most extreme
 * ratios of single values.
 */
export function ratioOfMedians(
  candidate: readonly number[],
  baseline: readonly number[],
  seed: number,
): RatioEstimate {
  requirePositive(candidate, 'candidate');
  requirePositive(baseline, 'baseline');
  const ratio = median(candidate) / median(baseline);
  if (Math.min(candidate.length, baseline.length) < 3) {
    const lo = Math.min(...candidate) / Math.max(...baseline);
    return { ratio, ci95: [lo, Math.max(...candidate) / Math.min(...baseline)] };
  }
  const indexes = seededIndexes(seed);
  const top = medianResampler(candidate, indexes);
  const bottom = medianResampler(baseline, indexes);
  return { ratio, ci95: bootstrapInterval(() => top() / bottom()) };
}

function logLogSlope(pages: readonly number[], medians: readonly number[]): number {
  const points = pages.map((count, index) => [Math.log(count), Math.log(medians[index] ?? 0)]);
  return linearRegression(points).m;
}

/**
 * Fits log(median ns) against log(pages) by least squares; 0 means that the time does not depend on
 * the pages, 1 that it grows in proportion. Resamples rounds within each size. Returns undefined when
 * there are fewer than two different sizes.
 */
export function growthExponent(
  points: readonly GrowthPoint[],
  seed: number,
): GrowthEstimate | undefined {
  const pages = points.map((point) => point.pages);
  if (new Set(pages).size < 2) return undefined;
  requirePositive(pages, 'pages');
  for (const point of points) requirePositive(point.values, `times at ${point.pages} pages`);
  const indexes = seededIndexes(seed);
  const resamplers = points.map((point) => medianResampler(point.values, indexes));
  const medians = points.map((point) => median(point.values));
  return {
    exponent: logLogSlope(pages, medians),
    ci95: bootstrapInterval(() => {
      return logLogSlope(
        pages,
        resamplers.map((resample) => resample()),
      );
    }),
  };
}

/** Counts values outside Tukey's fences; they are shown to the reader, never dropped. */
export function outliers(values: readonly number[]): OutlierCounts {
  requireFinite(values, 'outliers');
  const ordered = sorted(values);
  const lower = quantileSorted(ordered, 0.25);
  const upper = quantileSorted(ordered, 0.75);
  const range = upper - lower;
  const beyond = (fences: number): number =>
    ordered.filter((value) => value < lower - fences * range || value > upper + fences * range)
      .length;
  const severe = beyond(3);
  return { mild: beyond(1.5) - severe, severe };
}
