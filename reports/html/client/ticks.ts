/** Where the marks of an axis are: uPlot expects logarithmic axes to begin at a power of ten. */
import type uPlot from 'uplot';

/** Below this many decades a logarithmic axis is as good as linear. */
const SHORT = 0.6;
/** Up to this many, the marks between powers of ten have labels. */
const MIDDLE = 2;
/** Steps on a linear piece. */
const STEPS = 5;

function roundStep(rough: number): number {
  const decade = 10 ** Math.floor(Math.log10(rough));
  return decade * ([1, 2, 5].find((one) => one * decade >= rough) ?? 10);
}

function linear(min: number, max: number): number[] {
  const step = roundStep((max - min) / STEPS);
  const first = Math.ceil(min / step);
  const count = Math.max(0, Math.floor(max / step) - first + 1);
  return Array.from({ length: count }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

/** Marks of a logarithmic axis: each digit of each decade in sight. */
export function logSplits(_: uPlot, __: number, min: number, max: number): number[] {
  if (!(min > 0 && max > min)) return [];
  if (Math.log10(max / min) < SHORT) return linear(min, max);
  const splits: number[] = [];
  for (let decade = Math.floor(Math.log10(min)); decade <= Math.log10(max); decade++) {
    for (let digit = 1; digit <= 9; digit++) {
      const value = Number((digit * 10 ** decade).toPrecision(1));
      if (value >= min && value <= max) splits.push(value);
    }
  }
  return splits;
}

/** Which of them have a label and a line: all where there are few, else powers of ten. */
export function logFilter(_: uPlot, splits: number[]): (number | null)[] {
  const decades = Math.log10((splits.at(-1) ?? 1) / (splits[0] ?? 1));
  if (decades < SHORT) return splits;
  const digits = decades <= MIDDLE ? [1, 2, 5] : [1];
  return splits.map((value) => {
    const digit = Math.round(value / 10 ** Math.floor(Math.log10(value) + 1e-9));
    return digits.includes(digit) ? value : null;
  });
}
