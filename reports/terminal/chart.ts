/**
 * The one place that draws with asciichart. It knows neither logarithms nor an x axis, throws on NaN,
 * draws null as 0, and makes a row too many or too few for some inputs. So: points are filtered, taken
 * to logarithms and interpolated to one value a column; values are scaled to whole rows beforehand
 * (min 0, max = height, hence exactly height + 1 rows); each series is drawn alone and the layers are
 * put together here, with a letter at every measured point, as a later series would hide an earlier.
 * Bands lie behind all lines, points that stand alone over them.
 */
import { plot } from 'asciichart';
import type { Chart, Series } from '../pages/page.ts';
import {
  columnScale,
  decadeTicks,
  linearRows,
  linearTicks,
  logRows,
  place,
  type RowAxis,
  type Scale,
  xAxis,
} from './chart-axes.ts';
import { padStart, visibleLength, wrap } from './text.ts';

/** How to draw; the width counts all columns, labels included. */
export interface ChartOptions {
  width: number;
  /** Rows between the lowest and the highest label; default 10. */
  height?: number;
  /** Colours the n-th series; the drawing can be read without. */
  paint?: Paint;
}

type Paint = (text: string, index: number) => string;

interface Point {
  x: number;
  y: number;
}

/** One character of the drawing and its colour, or -1 for none. */
interface Mark {
  text: string;
  color: number;
}

/** A series on the grid: columns are whole, rows are not. */
interface Placed {
  letter: string;
  color: number;
  points: Point[];
  low: Point[];
  high: Point[];
  alone: boolean;
}

/** Shown where the points of several series fall on one spot. */
const SEVERAL = '*';
const BAND = '░';
/** Rows that a band must have to be shown: what is narrower is hidden by its line. */
const BAND_MIN = 0.5;
const WIDTH_MIN = 30;
/** Columns between two letters of a densely sampled line. */
const LETTER_EVERY = 15;

/** Values as the axes show them; what an axis cannot show is left out. */
function drawable(points: readonly Point[], { xAxis, yAxis }: Chart): Point[] {
  const linearX = xAxis === 'linear';
  const linearY = yAxis === 'linear';
  return points
    .filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))
    .filter(({ x, y }) => (linearX || x > 0) && (linearY ? y >= 0 : y > 0))
    .map(({ x, y }) => ({ x: linearX ? x : Math.log10(x), y: linearY ? y : Math.log10(y) }))
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

function put(grid: Mark[][], row: number, column: number, mark: Mark): void {
  const cells = grid[row];
  if (cells !== undefined && column >= 0 && column < cells.length) cells[column] = mark;
}

/** Shades the columns between two lines. */
function layBand(grid: Mark[][], { low, high, color }: Placed): void {
  const tops = interpolate(high);
  for (const [offset, bottom] of interpolate(low).entries()) {
    const column = (low[0]?.x ?? 0) + offset;
    const top = tops[offset] ?? bottom;
    if (top - bottom < BAND_MIN) continue;
    for (let row = Math.round(bottom); row <= Math.round(top); row++) {
      put(grid, grid.length - 1 - row, column, { text: BAND, color });
    }
  }
}

function layLine(grid: Mark[][], { points, color }: Placed): void {
  const start = points[0]?.x ?? 0;
  for (const [row, line] of drawLine(interpolate(points), grid.length - 1).entries()) {
    for (const [column, text] of [...line].entries()) {
      if (text !== ' ') put(grid, row, start + column, { text, color });
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
    const spot = `${row}/${x}`;
    put(grid, row, x, taken.has(spot) ? { text: SEVERAL, color: -1 } : mark);
    taken.add(spot);
  }
}

/** Where a line on a linear axis shows its letter: now and then, each series in columns of its own. */
function letterSpots(points: readonly Point[], series: number): Point[] {
  const start = points[0]?.x ?? 0;
  const spots = interpolate(points)
    .map((y, offset) => ({ x: start + offset, y }))
    .filter(({ x }) => x % LETTER_EVERY === (series * 3) % LETTER_EVERY);
  return spots.length > 0 ? spots : points.slice(0, 1);
}

/** Bands behind lines, lines behind letters, and points that stand alone over all of them. */
function layAll(grid: Mark[][], placed: readonly Placed[], linear: boolean): void {
  const lines = placed.filter(({ alone, points }) => !alone && points.length > 0);
  for (const one of lines) layBand(grid, one);
  for (const one of lines) layLine(grid, one);
  const taken = new Set<string>();
  for (const one of lines) {
    const shown = linear ? letterSpots(one.points, placed.indexOf(one)) : one.points;
    layLetters(grid, shown, { text: one.letter, color: one.color }, taken);
  }
  const marked = new Set<string>();
  for (const { alone, points, letter, color } of placed) {
    if (alone) layLetters(grid, points, { text: letter, color }, marked);
  }
}

/** Colours neighbours of one colour together: a sequence per character would triple the output. */
function paintRuns(cells: readonly Mark[], paint: Paint): string {
  let line = '';
  for (let start = 0; start < cells.length; ) {
    const color = cells[start]?.color ?? -1;
    let end = start;
    let text = '';
    while (end < cells.length && cells[end]?.color === color) text += cells[end++]?.text ?? '';
    line += color < 0 ? text : paint(text, color);
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

/** Letters of lines; a series of points that stand alone has its mark. */
function symbolsFor(series: readonly Series[]): string[] {
  const letters = lettersFor(
    series.filter(({ mark }) => mark === undefined).map(({ name }) => name),
  );
  return series.map(({ mark }) => mark ?? letters.shift() ?? '+');
}

/** Puts a series on the grid. */
function placeSeries(
  series: Series,
  chart: Chart,
  on: { across: Scale; up: Scale; letter: string; color: number },
): Placed {
  const spots = (points: readonly Point[]): Point[] =>
    drawable(points, chart).map(({ x, y }) => ({
      x: Math.round(place(x, on.across)),
      y: place(y, on.up),
    }));
  const points = spots(series.points);
  const band = series.band ?? [];
  return {
    ...{ letter: on.letter, color: series.color ?? on.color, alone: series.mark !== undefined },
    points: chart.xAxis === 'linear' && series.mark === undefined ? peaks(points) : points,
    low: spots(band.map(({ x, low }) => ({ x, y: low }))),
    high: spots(band.map(({ x, high }) => ({ x, y: high }))),
  };
}

/** What is drawn for what; a name that is too long goes on below. */
function legendOf(
  chart: Chart,
  placed: readonly Placed[],
  grid: readonly Mark[][],
  options: { width: number; paint: Paint },
): string[] {
  const { width, paint } = options;
  const shown = (symbol: string) => grid.some((cells) => cells.some(({ text }) => text === symbol));
  const named = placed.flatMap(({ letter, color }, at): string[] => {
    const [first = '', ...more] = wrap(`${letter} ${chart.series[at]?.name ?? ''}`, width, '  ');
    return [paint(letter, color) + first.slice(letter.length), ...more];
  });
  return [
    ...named,
    ...(shown(BAND) ? wrap(`${BAND} ${chart.bandTitle ?? ''}`, width, '  ') : []),
    ...(shown(SEVERAL) ? [`${SEVERAL} several`] : []),
    `across: ${chart.xTitle}`,
  ];
}

function bodyLines(grid: readonly Mark[][], { labels }: RowAxis, paint: Paint): string[] {
  const labelWidth = Math.max(...labels.map(visibleLength));
  return grid.map((cells, row) => {
    const label = labels[row] ?? '';
    const line = paintRuns(cells, paint);
    return `${padStart(label, labelWidth)} ${label === '' ? '│' : '┤'}${line}`.trimEnd();
  });
}

/**
 * Draws a chart, one string a line, none longer than the width. Without a single point that can be
 * drawn it returns one line that says so.
 */
export function renderChart(chart: Chart, options: ChartOptions): string[] {
  const { height = 10, paint = (text: string) => text } = options;
  const width = Math.max(WIDTH_MIN, options.width);
  const all = chart.series.flatMap(({ points, band = [] }) => [
    ...drawable(points, chart),
    ...drawable(
      band.flatMap(({ x, low, high }) => [low, high].map((y) => ({ x, y }))),
      chart,
    ),
  ]);
  if (all.length === 0) return ['(nothing to draw: no measured point)'];

  const rowsFor = chart.yAxis === 'linear' ? linearRows : logRows;
  const ys = all.map((point) => point.y);
  const axis = rowsFor(ys, height, chart.formatY);
  const labelWidth = Math.max(...axis.labels.map(visibleLength));
  const columns = width - labelWidth - 2;
  const xs = all.map((point) => point.x);
  const across = columnScale(xs, columns);

  const letters = symbolsFor(chart.series);
  const placed = chart.series.map((series, color) =>
    placeSeries(series, chart, { across, up: axis.scale, letter: letters[color] ?? '+', color }),
  );
  const grid = Array.from({ length: axis.rows + 1 }, () =>
    Array.from({ length: columns }, (): Mark => ({ text: ' ', color: -1 })),
  );
  const linear = chart.xAxis === 'linear';
  layAll(grid, placed, linear);

  const indent = ' '.repeat(labelWidth + 1);
  const ticks = linear ? linearTicks(xs, across) : decadeTicks(xs, across);
  const [line = '', tickLabels = ''] = xAxis(ticks, columns);
  return [
    ...bodyLines(grid, axis, paint),
    `${indent}└${line}`,
    `${indent} ${tickLabels}`,
    ...legendLines(legendOf(chart, placed, grid, { width, paint }), width),
  ];
}
