/** Axes of a chart: which value falls on which row or column, and what is written beside it. */
import { highest, lowest } from '../extent.ts';
import type { Chart } from '../pages/page.ts';

/** Maps values, or their logarithms, to columns or rows. */
export interface Scale {
  low: number;
  perUnit: number;
}

/** A vertical axis of `rows` rows above the lowest; a label for each, the top one first. */
export interface RowAxis {
  scale: Scale;
  rows: number;
  labels: string[];
}

/** A mark on a horizontal axis. */
export interface Tick {
  column: number;
  label: string;
}

/** Steps between ticks of a linear axis, times a power of ten. */
const STEPS = [1, 2, 5, 10];
/** The same where each step has a row or more: halves of five fill the rows better. */
const ROW_STEPS = [1, 2, 2.5, 5];
/** Rows that a step should have, so that labels do not stand on every row. */
const ROWS_A_STEP = 2;

/** Where a value falls. */
export function place(value: number, scale: Scale): number {
  return (value - scale.low) * scale.perUnit;
}

/** Spreads whole decades over the rows, so that labels are powers of ten. */
function decadeScale(values: readonly number[], height: number): { scale: Scale; rows: number } {
  const low = Math.floor(lowest(values));
  const high = Math.max(low + 1, Math.ceil(highest(values)));
  const decades = high - low;
  const rows = Math.max(1, Math.floor(height / decades)) * decades;
  if (rows <= height) return { scale: { low, perUnit: rows / decades }, rows };
  return { scale: { low, perUnit: height / decades }, rows: height };
}

/** A vertical axis for logarithms. */
export function logRows(
  values: readonly number[],
  height: number,
  format: Chart['formatY'],
): RowAxis {
  const { scale, rows } = decadeScale(values, height);
  const labels = new Array<string>(rows + 1).fill('');
  const decades = Math.round(rows / scale.perUnit);
  for (let decade = 0; decade <= decades; decade++) {
    labels[rows - Math.round(decade * scale.perUnit)] = format(10 ** (scale.low + decade));
  }
  return { scale, rows, labels };
}

/** A step between labels, in how many steps the axis goes, and how many rows each of them has. */
interface RowStep {
  step: number;
  steps: number;
  each: number;
}

/** The round step with which the highest value comes closest to the top of the axis. */
function bestRowStep(high: number, height: number): RowStep {
  const decade = 10 ** Math.floor(Math.log10(high));
  const choices = [decade / 10, decade, decade * 10].flatMap((power) =>
    ROW_STEPS.map((one): RowStep => {
      const step = one * power;
      const steps = Math.max(1, Math.ceil(high / step - 1e-9));
      return { step, steps, each: Math.floor(height / steps) };
    }),
  );
  const used = ({ step, each }: RowStep): number => (high / step) * each;
  const fitting = choices.filter(({ each }) => each >= Math.min(ROWS_A_STEP, height));
  const [first = { step: high, steps: 1, each: height }, ...others] = fitting;
  return others.reduce((best, one) => (used(one) > used(best) + 1e-9 ? one : best), first);
}

/** A vertical axis that begins at 0, with round labels on whole rows. */
export function linearRows(
  values: readonly number[],
  height: number,
  format: Chart['formatY'],
): RowAxis {
  const { step, steps, each } = bestRowStep(highest(values) || 1, height);
  const rows = steps * each;
  const labels = new Array<string>(rows + 1).fill('');
  for (let at = 0; at <= steps; at++) {
    labels[rows - at * each] = format(Number((at * step).toPrecision(6)));
  }
  return { scale: { low: 0, perUnit: each / step }, rows, labels };
}

/** A horizontal scale from the lowest to the highest value. */
export function columnScale(values: readonly number[], columns: number): Scale {
  const low = lowest(values);
  const high = highest(values);
  // A single size has no extent: it goes to the middle of one decade.
  if (high - low < 1e-9) return { low: low - 0.5, perUnit: columns - 1 };
  return { low, perUnit: (columns - 1) / (high - low) };
}

/** Tick positions of a linear axis: round values, five or so. */
export function linearTicks(values: readonly number[], scale: Scale): Tick[] {
  const low = lowest(values);
  const high = highest(values);
  const rough = (high - low) / 5 || 1;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = decade * (STEPS.find((one) => one * decade >= rough) ?? 10);
  const marks: Tick[] = [];
  for (let tick = Math.ceil(low / step - 1e-9); tick * step <= high + 1e-9; tick++) {
    const label = String(Number((tick * step).toPrecision(3)));
    marks.push({ column: Math.round(place(tick * step, scale)), label });
  }
  return marks;
}

/** Tick positions: every decade in sight, or the ends where there is none. */
export function decadeTicks(logs: readonly number[], scale: Scale): Tick[] {
  const low = lowest(logs);
  const high = highest(logs);
  const decades: number[] = [];
  for (let decade = Math.ceil(low - 1e-9); decade <= high + 1e-9; decade++) decades.push(decade);
  const at = decades.length > 0 ? decades : [...new Set([low, high])];
  return at.map((log) => ({
    column: Math.round(place(log, scale)),
    label: Number.isInteger(log)
      ? `1e${log}`
      : Number((10 ** log).toPrecision(2))
          .toExponential()
          .replace('e+', 'e'),
  }));
}

/** Draws a horizontal axis and the labels below it. */
export function xAxis(marks: readonly Tick[], columns: number): string[] {
  const line = new Array<string>(columns).fill('─');
  const labels = new Array<string>(columns).fill(' ');
  let free = 0;
  for (const { column, label } of marks) {
    line[column] = '┴';
    const start = Math.min(Math.max(0, column - (label.length >> 1)), columns - label.length);
    if (start < free) continue;
    for (const [offset, letter] of [...label].entries()) labels[start + offset] = letter;
    free = start + label.length + 1;
  }
  return [line.join(''), labels.join('').trimEnd()];
}
