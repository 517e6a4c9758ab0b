// Golden values: python3 test/reports/golden/recipe.py > test/reports/golden/statistics.json
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  distribution,
  growthExponent,
  median,
  outliers,
  quantile,
  ratioOfMedians,
} from '../../reports/index.ts';
import { goldenPath } from './golden-file.ts';

interface Golden {
  quantiles: { values: number[]; p: number; expected: number }[];
  medianIntervals: { values: number[]; expected: [number, number] }[];
  ratio: {
    candidate: number[];
    baseline: number[];
    expected: number;
    ends: { lo: [number, number]; hi: [number, number] };
  };
  growth: { points: [number, number[]][]; expected: number };
  outliers: { values: number[]; expected: { mild: number; severe: number } }[];
}

const golden = JSON.parse(readFileSync(goldenPath('statistics.json'), 'utf8')) as Golden;

// A few units in the last place: both sides round, in different orders.
const ROUNDING = 1e-12;

function close(actual: number, expected: number, tolerance = ROUNDING): void {
  const error = Math.abs(actual - expected);
  assert.ok(error <= tolerance * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);
}

const times = fc.array(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 12 });
const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });

test('quantiles equal the golden values', () => {
  for (const { values, p, expected } of golden.quantiles) close(quantile(values, p), expected);
  assert.equal(median([3, 1, 2, 10]), 2.5);
});

test('median intervals equal the exact bootstrap distribution', () => {
  for (const { values, expected } of golden.medianIntervals) {
    for (const seed of [1, 2, 3]) {
      // No tolerance: the ends are observed values, and no cumulative probability is near 2.5 %.
      assert.deepEqual(distribution(values, seed).ci95, expected);
    }
  }
});

test('a ratio interval ends within the sampling error of 2,000 resamples', () => {
  const { candidate, baseline, expected, ends } = golden.ratio;
  for (const seed of [1, 2, 3]) {
    const { ratio, ci95 } = ratioOfMedians(candidate, baseline, seed);
    close(ratio, expected);
    assert.ok(ci95[0] >= ends.lo[0] && ci95[0] <= ends.lo[1], `lower end ${ci95[0]}`);
    assert.ok(ci95[1] >= ends.hi[0] && ci95[1] <= ends.hi[1], `upper end ${ci95[1]}`);
  }
});

test('the growth exponent equals the golden slope', () => {
  const points = golden.growth.points.map(([pages, values]) => ({ pages, values }));
  const growth = growthExponent(points, 1);
  assert.ok(growth !== undefined);
  close(growth.exponent, golden.growth.expected);
  assert.ok(growth.ci95[0] <= growth.exponent && growth.exponent <= growth.ci95[1]);
});

test('outliers equal the golden counts', () => {
  for (const { values, expected } of golden.outliers) assert.deepEqual(outliers(values), expected);
});

test('a distribution has exactly the fields of the contract', () => {
  const fields = ['samples', 'min', 'p50', 'p90', 'p99', 'p999', 'max', 'mean', 'ci95'];
  assert.deepEqual(Object.keys(distribution([5, 1, 3], 1)), fields);
});

test('one or two values give their own range as interval', () => {
  assert.deepEqual(distribution([7], 1).ci95, [7, 7]);
  assert.deepEqual(distribution([9, 7], 1).ci95, [7, 9]);
  assert.deepEqual(ratioOfMedians([8, 9], [2, 4, 3], 1).ci95, [2, 4.5]);
});

test('many values give an order-statistic interval without resampling', () => {
  const values = Array.from({ length: 100_001 }, (_, index) => index);
  const { ci95, p50 } = distribution(values, 1);
  assert.equal(p50, 50_000);
  // Half of 1.96 * sqrt(n) ranks to either side, rounded outwards by at most one rank.
  const reach = (1.959963984540054 * Math.sqrt(100_001)) / 2;
  assert.ok(Math.abs(ci95[0] - (50_000 - reach)) <= 1.5, `lower end ${ci95[0]}`);
  assert.ok(Math.abs(ci95[1] - (50_000 + reach)) <= 1.5, `upper end ${ci95[1]}`);
});

test('values that mean nothing are refused', () => {
  assert.throws(() => median([]), /no values/);
  assert.throws(() => distribution([1, Number.NaN], 1), /NaN is not a finite number/);
  assert.throws(() => ratioOfMedians([1], [0], 1), /not above 0.*time more work/);
  assert.equal(growthExponent([{ pages: 10, values: [1, 2] }], 1), undefined);
  assert.throws(
    () =>
      growthExponent(
        [
          { pages: 1, values: [1] },
          { pages: 2, values: [0] },
        ],
        1,
      ),
    /2 pages/,
  );
});

test('law: the same seed gives the same result, in any order of the values', () => {
  fc.assert(
    fc.property(times, seeds, (values, seed) => {
      assert.deepEqual(
        distribution(values, seed).ci95,
        distribution(values.toReversed(), seed).ci95,
      );
    }),
  );
});

test('law: order statistics and the interval stay inside the values', () => {
  fc.assert(
    fc.property(times, seeds, (values, seed) => {
      const { samples, min, p50, p90, p99, p999, max, ci95 } = distribution(values, seed);
      assert.equal(samples, values.length);
      const ordered = [min, ci95[0], ci95[1], max];
      assert.deepEqual(
        ordered,
        ordered.toSorted((a, b) => a - b),
      );
      const quantiles = [min, p50, p90, p99, p999, max];
      // Interpolating between equal values may be off by one unit in the last place.
      for (const [index, value] of quantiles.entries()) {
        assert.ok(value >= (quantiles[index - 1] ?? 0) * (1 - ROUNDING));
      }
    }),
  );
});

test('law: scaling by a power of two scales a distribution exactly', () => {
  fc.assert(
    fc.property(times, seeds, fc.integer({ min: -8, max: 8 }), (values, seed, exponent) => {
      const scale = 2 ** exponent;
      const scaled = distribution(
        values.map((value) => value * scale),
        seed,
      );
      const { samples, ci95, ...rest } = distribution(values, seed);
      const expected = Object.fromEntries(
        Object.entries(rest).map(([key, value]) => [key, value * scale]),
      );
      assert.deepEqual(scaled, { samples, ...expected, ci95: ci95.map((end) => end * scale) });
    }),
  );
});

test('law: a shift moves the median and its interval by as much', () => {
  fc.assert(
    fc.property(times, seeds, fc.integer({ min: 0, max: 1000 }), (values, seed, shift) => {
      const before = distribution(values, seed);
      const after = distribution(
        values.map((value) => value + shift),
        seed,
      );
      close(after.p50, before.p50 + shift);
      for (const end of [0, 1] as const) close(after.ci95[end], before.ci95[end] + shift);
    }),
  );
});

test('law: scaling both sides leaves a ratio alone, scaling one side scales it', () => {
  fc.assert(
    fc.property(times, times, seeds, (candidate, baseline, seed) => {
      const plain = ratioOfMedians(candidate, baseline, seed);
      const double = (values: number[]): number[] => values.map((value) => value * 2);
      assert.deepEqual(ratioOfMedians(double(candidate), double(baseline), seed), plain);
      const one = ratioOfMedians(double(candidate), baseline, seed);
      assert.deepEqual(one, { ratio: plain.ratio * 2, ci95: plain.ci95.map((end) => end * 2) });
      assert.ok(plain.ci95[0] <= plain.ci95[1]);
    }),
  );
});

test('law: times proportional to a power of the pages have that exponent, in any unit', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 200 }),
      fc.integer({ min: 1, max: 1000 }),
      (percent, scale) => {
        const power = percent / 100;
        const points = [10, 1000, 50_000].map((pages) => ({
          pages,
          values: [1, 1, 1].map((unit) => unit * scale * pages ** power),
        }));
        const growth = growthExponent(points, 1);
        // Logarithms of rounded powers: errors of some 1e-15 over a range of 8.5 in log(pages).
        close(growth?.exponent ?? Number.NaN, power, 1e-9);
      },
    ),
    { numRuns: 30 },
  );
});
