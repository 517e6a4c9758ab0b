/**
 * The one place that draws with asciichart. It knows neither logarithms nor an x axis, throws on NaN,
 * draws null as 0, and makes a row too many or too few for some inputs. So: points are filtered, taken
 * to logarithms and interpolated to one value a column; values are scaled to whole rows beforehand
 * (min 0, max = height, hence exactly height + 1 rows); each series is drawn alone and the layers are
 * put together here, with a letter at every measured point, as a later series would hide an earlier.
 */
import { plot } from 'asciichart';
import type { Chart, Series } from '../pages/page.ts';
import { padStart, visibleLength } from './text.ts';

/** How to draw; the width counts all columns, labels included. */
export interface ChartOptions {
  width: number;
  /** Rows between the lowest and the highest label; default 10. */
  height?: number;
  /** Colours the n-th series; the drawing can be read without. */
  paint?: (text: string, index: number) => string;
}

interface Point {
  x: number;
  y: number;
}

/** Maps logarithms to columns and rows. */
interface Scale {
  low: number;
  perUnit: number;
}

/** One character of the drawing and the series it belongs to, or -1 for several. */
interface Mark {
  text: string;
  series: number;
}

/** Shown where the points of several series fall on one spot. */
const SEVERAL = '*';
const WIDTH_MIN = 30;
/** Columns between two letters of a densely sampled line. */
const LETTER_EVERY = 15;

function drawablePoints(series: Series, linear: boolean): Point[] {
  return series.points
    .filter(({ x, y }) => (linear || x > 0) && y > 0 && Number.isFinite(x) && Number.isFinite(y))
    .map(({ x, y }) => ({ x: linear ? x : Math.log10(x), y: Math.log10(y) }))
    .sort((a, b) => a.x - b.x);
}

/** One point a column, the highest: a peak between two columns must not get lost. */
function peaks(points: readonly Point[]): Point[] {
  const kept: Point[] = [];
  for (const point of points) {
    const last = kept.at(-1);
    if (last?.x === point.x) last.y = Math.max(last.y, point.y);
    else kept.push({ ...point });
  }
  return kept;
}

function place(value: number, scale: Scale): number {
  return (value - scale.low) * scale.perUnit;
}

/** Spreads whole decades over the rows, so that labels are powers of ten. */
function rowScale(values: readonly number[], height: number): { scale: Scale; rows: number } {
  const low = Math.floor(Math.min(...values));
  const high = Math.max(low + 1, Math.ceil(Math.max(...values)));
  const decades = high - low;
  const rows = Math.max(1, Math.floor(height / decades)) * decades;
  if (rows <= height) return { scale: { low, perUnit: rows / decades }, rows };
  return { scale: { low, perUnit: height / decades }, rows: height };
}

function columnScale(values: readonly number[], columns: number): Scale {
  const low = Math.min(...values);
  const high = Math.max(...values);
  // A single size has no extent: it goes to the middle of one decade.
  if (high - low < 1e-9) return { low: low - 0.5, perUnit: columns - 1 };
  return { low, perUnit: (columns - 1) / (high - low) };
}

/** Returns the row of each column from the first point's to the last point's, by straight lines. */
function interpolate(points: readonly Point[]): number[] {
  const first = points[0]?.x ?? 0;
  const last = points.at(-1)?.x ?? first;
  const rows: number[] = [];
  let next = 1;
  for (let column = first; column <= last; column++) {
    while (next < points.length - 1 && (points[next]?.x ?? 0) < column) next++;
    const left = points[next - 1];
    const right = points[next] ?? left;
    if (left === undefined || right === undefined) break;
    const span = right.x - left.x;
    const share = span > 0 ? Math.min(1, Math.max(0, (column - left.x) / span)) : 1;
    rows.push(left.y + share * (right.y - left.y));
  }
  return rows;
}

/** Draws one series with asciichart and returns its characters, top row first, without the axis. */
function drawLine(rows: readonly number[], height: number): string[] {
  // The last value twice: asciichart draws the way to the next column, and the last has none.
  const values = [...rows, rows.at(-1) ?? 0];
  // The label is one blank: an empty one would land in the first column and shift the whole row.
  const drawn = plot(values, { height, min: 0, max: height, offset: 1, format: () => ' ' });
  return drawn.split('\n').map((line) => [...line].slice(1).join(''));
}

function layLine(grid: Mark[][], points: readonly Point[], series: number): void {
  const start = points[0]?.x ?? 0;
  for (const [row, line] of drawLine(interpolate(points), grid.length - 1).entries()) {
    for (const [column, text] of [...line].entries()) {
      const cells = grid[row];
      if (text !== ' ' && cells !== undefined && start + column < cells.length) {
        cells[start + column] = { text, series };
      }
    }
  }
}

function layLetters(
  grid: Mark[][],
  points: readonly Point[],
  mark: Mark,
  taken: Set<string>,
): void {
  for (const { x, y } of points) {
    const row = grid.length - 1 - Math.round(y);
    const cells = grid[row];
    if (cells === undefined) continue;
    const spot = `${row}/${x}`;
    cells[x] = taken.has(spot) ? { text: SEVERAL, series: -1 } : mark;
    taken.add(spot);
  }
}

/** Colours neighbours of one series together: a sequence per character would triple the output. */
function paintRuns(cells: readonly Mark[], paint: (text: string, index: number) => string): string {
  let line = '';
  for (let start = 0; start < cells.length; ) {
    const series = cells[start]?.series ?? -1;
    let end = start;
    let text = '';
    while (end < cells.length && cells[end]?.series === series) text += cells[end++]?.text ?? '';
    line += series < 0 ? text : paint(text, series);
    start = end;
  }
  return line;
}

/** Picks a letter for each name: an initial of one of its words, else any letter not yet taken. */
export function lettersFor(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const initials = name.split(/[^\p{L}\p{N}]+/u).map((word) => [...word][0] ?? '');
    const candidates = [...initials, ...name, ...'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789']
      .map((letter) => letter.toUpperCase())
      .filter((letter) => /^[\p{L}\p{N}]$/u.test(letter));
    const letter = candidates.find((one) => !taken.has(one)) ?? '+';
    taken.add(letter);
    return letter;
  });
}

/** Steps between ticks of a linear axis, times a power of ten. */
const STEPS = [1, 2, 5, 10];

/** Tick positions of a linear axis: round values, five or so. */
function linearTicks(values: readonly number[], scale: Scale): { column: number; label: string }[] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const rough = (high - low) / 5 || 1;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = decade * (STEPS.find((one) => one * decade >= rough) ?? 10);
  const marks: { column: number; label: string }[] = [];
  for (let tick = Math.ceil(low / step - 1e-9); tick * step <= high + 1e-9; tick++) {
    const label = String(Number((tick * step).toPrecision(3)));
    marks.push({ column: Math.round(place(tick * step, scale)), label });
  }
  return marks;
}

/** Tick positions: every decade in sight, or the ends where there is none. */
function ticks(logs: readonly number[], scale: Scale): { column: number; label: string }[] {
  const low = Math.min(...logs);
  const high = Math.max(...logs);
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

function xAxis(marks: readonly { column: number; label: string }[], columns: number): string[] {
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

function rowLabels(scale: Scale, rows: number, format: Chart['formatY']): string[] {
  const labels = new Array<string>(rows + 1).fill('');
  const decades = Math.round(rows / scale.perUnit);
  for (let decade = 0; decade <= decades; decade++) {
    labels[rows - Math.round(decade * scale.perUnit)] = format(10 ** (scale.low + decade));
  }
  return labels;
}

/** Puts as many legend entries on a line as fit. */
function legendLines(entries: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const entry of entries) {
    const longer = `${lines.at(-1)}   ${entry}`;
    if (lines.length > 0 && visibleLength(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(entry);
  }
  return lines;
}

/**
 * Draws a chart, one string a line, none longer than the width. Without a single point that can be
 * drawn it returns one line that says so.
 */
export function renderChart(chart: Chart, options: ChartOptions): string[] {
  const { height = 10, paint = (text: string) => text } = options;
  const width = Math.max(WIDTH_MIN, options.width);
  const linear = chart.xAxis === 'linear';
  const drawable = chart.series.map((series) => ({
    name: series.name,
    points: drawablePoints(series, linear),
  }));
  const all = drawable.flatMap((series) => series.points);
  if (all.length === 0) return ['(nothing to draw: no measured point)'];

  const { scale, rows } = rowScale(
    all.map((point) => point.y),
    height,
  );
  const labels = rowLabels(scale, rows, chart.formatY);
  const labelWidth = Math.max(...labels.map(visibleLength));
  const columns = width - labelWidth - 2;
  const xs = all.map((point) => point.x);
  const across = columnScale(xs, columns);

  const grid = Array.from({ length: rows + 1 }, () =>
    Array.from({ length: columns }, (): Mark => ({ text: ' ', series: -1 })),
  );
  const placed = drawable.map(({ points }) => {
    const spots = points.map(({ x, y }) => ({
      x: Math.round(place(x, across)),
      y: place(y, scale),
    }));
    return linear ? peaks(spots) : spots;
  });
  const letters = lettersFor(drawable.map((series) => series.name));
  const taken = new Set<string>();
  for (const [series, points] of placed.entries())
    if (points.length > 0) layLine(grid, points, series);
  for (const [series, points] of placed.entries()) {
    // A densely sampled line shows its letter now and then, each series in columns of its own.
    const shown = linear
      ? points.filter(({ x }) => x % LETTER_EVERY === (series * 3) % LETTER_EVERY)
      : points;
    layLetters(grid, shown, { text: letters[series] ?? '+', series }, taken);
  }

  const body = grid.map((cells, row) => {
    const label = labels[row] ?? '';
    const line = paintRuns(cells, paint);
    return `${padStart(label, labelWidth)} ${label === '' ? '│' : '┤'}${line}`.trimEnd();
  });
  const indent = ' '.repeat(labelWidth + 1);
  const [axis = '', tickLabels = ''] = xAxis(
    linear ? linearTicks(xs, across) : ticks(xs, across),
    columns,
  );
  const legend = drawable.map(
    ({ name }, series) => `${paint(letters[series] ?? '+', series)} ${name}`,
  );
  const several = grid.some((cells) => cells.some((cell) => cell.text === SEVERAL));
  return [
    ...body,
    `${indent}└${axis}`,
    `${indent} ${tickLabels}`,
    ...legendLines(
      [...legend, ...(several ? [`${SEVERAL} several`] : []), `across: ${chart.xTitle}`],
      width,
    ),
  ];
}
