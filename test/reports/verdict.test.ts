import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Comparison, compareRounds, type Verdict } from '../../reports/index.ts';
import { lognormal } from './fixtures/synthetic-compare.ts';

interface Series {
  rounds: number;
  /** Standard deviation of the logarithm of a round. */
  sigma: number;
  /** How many times as long the candidate takes. */
  factor: number;
  tries: number;
  comparisons?: number;
}

/** Share of seeded comparisons that come out better or worse. */
function shareDifferent({ rounds, sigma, factor, tries, comparisons = 1 }: Series): number {
  let different = 0;
  for (let seed = 1; seed <= tries; seed++) {
    const draw = lognormal(seed, sigma);
    const baseline = Array.from({ length: rounds }, draw);
    const candidate = Array.from({ length: rounds }, () => draw() * factor);
    const { verdict } = compareRounds(candidate, baseline, { seed, comparisons });
    if (verdict === 'better' || verdict === 'worse') different++;
  }
  return different / tries;
}

test('A/A: equal rounds of a skewed distribution hardly ever differ', () => {
  // The exact test on 7 against 7 rejects at p <= 0.0379, so 3.8 % of equal pairs at most; four
  // standard errors of 1,000 tries, 4 * sqrt(0.038 * 0.962 / 1000) = 2.4 %, make it 6.2 %.
  assert.ok(shareDifferent({ rounds: 7, sigma: 0.5, factor: 1, tries: 1000 }) <= 0.062);
});

test('A/A: three rounds never differ below a factor of 2', () => {
  // The groups would have to lie a factor of 2 apart, 14 standard deviations of their noise.
  assert.equal(shareDifferent({ rounds: 3, sigma: 0.05, factor: 1, tries: 300 }), 0);
});

test('A/A: a table of 20 equal pairs rarely shows a difference', () => {
  // 5 % for the table is 0.25 % a pair; four standard errors of 500 tries, 0.9 %, make it 1.15 %.
  const share = shareDifferent({ rounds: 7, sigma: 0.5, factor: 1, tries: 500, comparisons: 20 });
  assert.ok(share <= 0.0115, `${share}`);
});

test('power: a true factor of 1.5 is found', () => {
  // With 10 % noise the medians lie some seven standard errors apart: misses are of order 1e-4.
  assert.ok(shareDifferent({ rounds: 7, sigma: 0.1, factor: 1.5, tries: 200 }) >= 0.99);
  assert.ok(shareDifferent({ rounds: 5, sigma: 0.05, factor: 1.5, tries: 200 }) >= 0.99);
  assert.ok(shareDifferent({ rounds: 7, sigma: 0.05, factor: 1 / 1.5, tries: 200 }) >= 0.99);
});

const compare = (candidate: number[], baseline: number[], threshold = 0.02): Comparison =>
  compareRounds(candidate, baseline, { seed: 1, threshold });

test('the four words', () => {
  const baseline = [100, 101, 99, 100.5, 99.5, 100.2, 99.8];
  const times = (factor: number): number[] => baseline.map((value) => value * factor);
  assert.equal(compare(times(0.5), baseline).verdict, 'better');
  assert.equal(compare(times(2), baseline).verdict, 'worse');
  assert.equal(compare(times(1.001), baseline).verdict, 'same');
  const unclear = compare([60, 150, 90, 130, 70, 140, 100], baseline);
  assert.equal(unclear.verdict, 'cannot tell');
  assert.match(unclear.advice ?? '', /more rounds.*doctor/);
});

test('a difference inside the threshold is the same, however sure', () => {
  const baseline = [100, 100.1, 99.9, 100.2, 99.8, 100.05, 99.95];
  const candidate = baseline.map((value) => value * 1.01);
  const result = compare(candidate, baseline);
  assert.ok(result.p < 0.05);
  assert.equal(result.verdict, 'same');
  assert.equal(result.advice, undefined);
  assert.equal(compare(candidate, baseline, 0.001).verdict, 'worse');
});

test('few rounds decide only across a gap of a factor of 2, and say how many would do', () => {
  assert.equal(compare([100, 110, 105], [1, 1.1, 1.05]).verdict, 'worse');
  assert.equal(compare([1, 1.1, 1.05], [100, 110, 105]).verdict, 'better');
  const close = compare([15, 16, 17], [10, 11, 12]);
  assert.equal(close.verdict, 'cannot tell');
  assert.equal(close.advice, '3 rounds a side are too few to tell: take at least 4 rounds');
  // The medians are a factor of 3 apart, the closest values only 1.5.
  assert.equal(compare([15, 30, 33], [9, 10, 10]).verdict, 'cannot tell');
  assert.equal(compare([15, 16, 17, 18], [10, 11, 12, 13]).verdict, 'worse');
  const two = compare([1000, 1001], [1, 1.1]);
  assert.equal(two.verdict, 'cannot tell');
  assert.match(two.advice ?? '', /^2 rounds a side are too few/);
  assert.match(compare([1], [1]).advice ?? '', /^1 round a side is too few/);
});

test('many comparisons together need more rounds', () => {
  const options = { seed: 1, comparisons: 20 };
  const { verdict, advice } = compareRounds([15, 16, 17, 18], [10, 11, 12, 13], options);
  assert.equal(verdict, 'cannot tell');
  // 2 / C(12, 6) = 0.0022 is the first below 0.05 / 20.
  assert.match(advice ?? '', /at least 6 rounds/);
});

test('options that mean nothing are refused', () => {
  assert.throws(() => compareRounds([1], [1], { seed: 1, threshold: -1 }), /threshold/);
  assert.throws(() => compareRounds([1], [1], { seed: 1, comparisons: 0 }), /comparisons/);
  assert.throws(() => compareRounds([], [1], { seed: 1 }), /no values/);
});

const SWAPPED: Record<Verdict, Verdict> = {
  better: 'worse',
  worse: 'better',
  same: 'same',
  'cannot tell': 'cannot tell',
};

test('law: swapping the sides swaps the words', () => {
  const rounds = fc.array(fc.integer({ min: 1000, max: 1300 }), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(rounds, rounds, fc.constantFrom(1, 2, 5), (a, b, factor) => {
      const candidate = a.map((value) => value * factor);
      const there = compare(candidate, b);
      const back = compare(b, candidate);
      // Resampling draws other indexes after the swap. An interval that ends within its sampling
      // error of the band may then fall on the other side, so such pairs are not held to the law.
      const edges = [1 / 1.02, 1.02];
      const nearEdge = there.ci95.some((end) =>
        edges.some((edge) => Math.abs(end / edge - 1) < 0.02),
      );
      fc.pre(!nearEdge);
      assert.equal(back.verdict, SWAPPED[there.verdict]);
    }),
  );
});

test('law: scaling both sides changes nothing', () => {
  const rounds = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(rounds, rounds, (a, b) => {
      const scaled = compare(
        a.map((value) => value * 8),
        b.map((value) => value * 8),
      );
      assert.deepEqual(scaled, compare(a, b));
    }),
  );
});
