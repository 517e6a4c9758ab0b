// Golden values: python3 test/reports/golden/recipe.py > test/reports/golden/statistics.json
// "exact" enumerates every assignment of the values, "normal" takes mean and variance over them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { hodgesLehmann, mannWhitney } from '../../reports/index.ts';
import { smallestP } from '../../reports/rank-test.ts';
import { lognormal } from './fixtures/synthetic-compare.ts';
import { goldenPath } from './golden-file.ts';

interface Case {
  a: number[];
  b: number[];
  u: number;
  p: number;
}

interface Golden {
  exact: Case[];
  normal: Case[];
  shift: { a: number[]; b: number[]; expected: number };
}

const golden = JSON.parse(readFileSync(goldenPath('statistics.json'), 'utf8')) as Golden;

for (const kind of ['exact', 'normal'] as const) {
  test(`Mann-Whitney equals the ${kind} golden values`, () => {
    for (const { a, b, u, p } of golden[kind]) {
      const found = mannWhitney(a, b);
      assert.equal(found.u, u);
      // Relative: p reaches 1e-11 here. The tail of the normal curve is good to 13 digits.
      assert.ok(Math.abs(found.p - p) <= 1e-11 * p, `${found.p} is not ${p}`);
    }
  });
}

test('the shift equals the golden value', () => {
  const { a, b, expected } = golden.shift;
  // One rounding of a difference of decimals.
  assert.ok(Math.abs(hodgesLehmann(a, b) - expected) <= 1e-12);
});

test('the smallest possible p belongs to groups that do not overlap', () => {
  for (const [n, m] of [
    [3, 3],
    [4, 4],
    [7, 7],
    [2, 9],
  ] as const) {
    const low = Array.from({ length: n }, (_, index) => index);
    const high = Array.from({ length: m }, (_, index) => index + 100);
    // Both are 2 / C(n + m, n), by a product of quotients here and by counting there.
    assert.ok(Math.abs(mannWhitney(low, high).p - smallestP(n, m)) <= 1e-15);
  }
});

test('exact and approximate p agree where one gives way to the other', () => {
  // 20 x 20 is the last exact size. With n = 20 the approximation is off by less than 0.01.
  for (let seed = 1; seed <= 20; seed++) {
    const draw = lognormal(seed, 0.5);
    const a = Array.from({ length: 20 }, draw);
    const b = Array.from({ length: 20 }, () => draw() * 1.2);
    const exact = mannWhitney(a, b).p;
    // A tie between two values of one side leaves u as it is and forces the approximation.
    const sortedB = b.toSorted((x, y) => x - y);
    const tied = mannWhitney(a, [...sortedB.slice(0, -2), 1e9, 1e9]).p;
    const untied = mannWhitney(a, [...sortedB.slice(0, -2), 1e9, 2e9]).p;
    assert.ok(Math.abs(tied - untied) < 0.01, `seed ${seed}: ${tied} and ${untied} (${exact})`);
  }
});

const values = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 15 });

test('law: swapping the groups keeps p, mirrors u and the shift', () => {
  fc.assert(
    fc.property(values, values, (a, b) => {
      const there = mannWhitney(a, b);
      const back = mannWhitney(b, a);
      assert.equal(there.u + back.u, a.length * b.length);
      // The tail is summed from the other end: the last digits may differ.
      assert.ok(Math.abs(there.p - back.p) <= 1e-12);
      assert.ok(there.p > 0 && there.p <= 1);
      assert.equal(hodgesLehmann(a, b) + hodgesLehmann(b, a), 0);
    }),
  );
});

test('law: only the order counts, so shift and scale leave the test alone', () => {
  fc.assert(
    fc.property(values, values, fc.integer({ min: -99, max: 99 }), (a, b, shift) => {
      const moved = (list: number[]): number[] => list.map((value) => 3 * value + shift);
      assert.deepEqual(mannWhitney(moved(a), moved(b)), mannWhitney(a, b));
      const shifted = a.map((value) => value + shift);
      assert.equal(hodgesLehmann(shifted, b), hodgesLehmann(a, b) + shift);
    }),
  );
});
