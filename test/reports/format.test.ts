import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatBytes,
  formatCount,
  formatExponent,
  formatInterval,
  formatNs,
  formatNsRange,
  formatRatio,
  formatShare,
} from '../../reports/index.ts';

test('times have three digits and the unit that suits them', () => {
  const cases: [number, string][] = [
    [0, '0 ns'],
    [5.6, '5.6 ns'],
    [45.23, '45.2 ns'],
    [99.96, '0.1 us'],
    [410, '0.41 us'],
    [999.6, '1 us'],
    [12_345, '12.3 us'],
    [999_600, '1 ms'],
    [12e6, '12 ms'],
    [1.5e9, '1.5 s'],
    [2.345e12, '2,350 s'],
    [-250, '-0.25 us'],
    [Number.NaN, '-'],
    [Number.POSITIVE_INFINITY, '-'],
  ];
  for (const [ns, shown] of cases) assert.equal(formatNs(ns), shown);
});

test('bytes go by powers of 1024 and never show more than four digits', () => {
  const cases: [number, string][] = [
    [20, '20 B'],
    [1000, '1,000 B'],
    [1023.7, '1 KiB'],
    [1024, '1 KiB'],
    [1023.6 * 1024, '1 MiB'],
    [3.9 * 2 ** 30, '3.9 GiB'],
    [5 * 2 ** 50, '5,120 TiB'],
  ];
  for (const [bytes, shown] of cases) assert.equal(formatBytes(bytes), shown);
});

test('counts, ratios, shares, exponents and intervals', () => {
  assert.equal(formatCount(1_234_567), '1,234,567');
  assert.equal(formatCount(Number.NaN), '-');
  assert.equal(formatRatio(2140.4), '2,140x');
  assert.equal(formatRatio(1.3), '1.3x');
  assert.equal(formatRatio(0.0000421), '0.0000421x');
  assert.equal(formatShare(0.784), '78.4 %');
  assert.equal(formatExponent(1.018), '1.02');
  assert.equal(formatExponent(-0.001), '0.00');
  assert.equal(formatInterval([0.9, 1.25], formatRatio), '0.9x to 1.25x');
});

test('a range keeps the unit of the figure that it stands beside', () => {
  assert.equal(formatNsRange([95, 123], 101), '0.095-0.123');
  assert.equal(formatNsRange([9.41e6, 9.9e6], 9.6e6), '9.41-9.9');
});

test('law: what is shown is within half of the third digit', () => {
  const sizes: Record<string, number> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };
  fc.assert(
    fc.property(fc.double({ min: 0.001, max: 1e15, noNaN: true }), (ns) => {
      const [number = '', unit = ''] = formatNs(ns).split(' ');
      const shown = Number(number.replaceAll(',', '')) * (sizes[unit] ?? Number.NaN);
      // Three significant digits are off by at most half of 1/100 of the leading digit.
      assert.ok(Math.abs(shown - ns) <= 0.00501 * ns, `${ns} shown as ${formatNs(ns)}`);
    }),
  );
});
