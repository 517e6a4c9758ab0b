/** The options of uPlot for a chart of a page: looks, axes, markers. */
import uPlot from 'uplot';
import type { Chart } from '../../pages/page.ts';
import type { Axes, Columns } from './columns.ts';
import { CIRCLE, colorOf, HOLLOW, type Look, type Shape } from './palette.ts';
import { logFilter, logSplits } from './ticks.ts';

/** What a plot says while one plays with it. */
export interface PlotEvents {
  /** The place in the columns under the cursor, or null. */
  hover(at: number | null): void;
  zoom(): void;
}

/** Pixels that a point should have to itself, or points are not marked. */
const ROOM = 14;
const MARKER = 4;
const POWERS_OF_TWO = Array.from({ length: 60 }, (_, at) => 2 ** at);
const FONT = '13px system-ui, sans-serif';
const HEIGHT = { usual: 300, tall: 380 };
/** Room on both sides of the first and the last point, as a share of the width. */
const MARGIN = 0.02;

const numbers = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 6 });

/** Shows a value of the horizontal axis, with as many digits as it has. */
export function formatX(value: number): string {
  return numbers.format(value);
}

/** A label that is the same as the one before says nothing: steps may be finer than the format. */
function labels(format: (value: number) => string) {
  return (_: uPlot, splits: (number | null)[]): string[] => {
    let before = '';
    return splits.map((value) => {
      if (value === null) return '';
      const text = format(value);
      if (text === before) return '';
      before = text;
      return text;
    });
  };
}

function addMarker(path: Path2D, x: number, y: number, radius: number, shape: Shape): void {
  if (shape.length === 0) {
    path.moveTo(x + radius, y);
    path.arc(x, y, radius, 0, 2 * Math.PI);
    return;
  }
  for (const [at, [dx, dy]] of shape.entries()) {
    const corner = [x + dx * radius, y + dy * radius] as const;
    if (at === 0) path.moveTo(...corner);
    else path.lineTo(...corner);
  }
  path.closePath();
}

/** Draws the markers of a series, those in sight. */
function markers(shape: Shape, size: number): uPlot.Series.Points.PathBuilder {
  return (plot, place, from, to) => {
    const path = new Path2D();
    const xs = plot.data[0];
    const ys = plot.data[place] ?? [];
    for (let at = from; at <= to; at++) {
      const x = xs[at];
      const y = ys[at];
      if (x === undefined || y === undefined || y === null) continue;
      const left = plot.valToPos(x, 'x', true);
      addMarker(path, left, plot.valToPos(y, 'y', true), size * MARKER * uPlot.pxRatio, shape);
    }
    return { stroke: path, fill: path, clip: null, flags: 3 };
  };
}

/** The nearest place with a value: lines need not have points at the same x. */
function nearest(plot: uPlot, place: number, hovered: number, x: number): number | null {
  const values = plot.data[place] ?? [];
  if (values[hovered] !== null && values[hovered] !== undefined) return hovered;
  const xs = plot.data[0];
  let before = hovered;
  let after = hovered;
  while (before >= 0 && (values[before] ?? null) === null) before--;
  while (after < values.length && (values[after] ?? null) === null) after++;
  if (before < 0 && after >= values.length) return null;
  if (before < 0) return after;
  if (after >= values.length) return before;
  return Math.abs((xs[after] ?? 0) - x) < Math.abs(x - (xs[before] ?? 0)) ? after : before;
}

function seriesOptions(chart: Chart, { places }: Columns, looks: readonly Look[]): uPlot.Series[] {
  return chart.series.flatMap((series, at): uPlot.Series[] => {
    const look = looks[at] ?? { slot: 0, dash: [], shape: [] };
    const stroke = () => colorOf(`--line-${look.slot}`);
    const alone = series.mark !== undefined;
    const hollow = series.mark === HOLLOW;
    const edge: uPlot.Series = {
      scale: 'y',
      width: 0,
      stroke: 'transparent',
      points: { show: false },
    };
    const line: uPlot.Series = {
      ...{ label: series.name, scale: 'y', width: 2, dash: look.dash, stroke },
      ...(alone ? { paths: () => null } : {}),
      points: {
        show: (plot, _, from, to) =>
          alone || (to - from + 1) * ROOM < plot.bbox.width / uPlot.pxRatio,
        ...{ paths: markers(alone ? CIRCLE : look.shape, alone ? 1.2 : 1) },
        ...{ width: alone ? 2 : 1, size: 2 * MARKER, stroke },
        fill: () => (hollow ? colorOf('--page') : stroke()),
      },
    };
    return places[at]?.low === undefined ? [line] : [edge, edge, line];
  });
}

function bandOptions({ places }: Columns, looks: readonly Look[]): uPlot.Band[] {
  return places.flatMap(({ low, high }, at): uPlot.Band[] => {
    if (low === undefined || high === undefined) return [];
    const fill = () => colorOf(`--band-${looks[at]?.slot ?? 0}`);
    return [{ series: [high, low], fill }];
  });
}

function xRange(log: boolean): uPlot.Range.Function {
  return (plot, from, to) => {
    const xs = plot.data[0];
    const whole = from === xs[0] && to === xs.at(-1);
    if (!whole) return [from, to];
    if (log) {
      const factor = from === to ? 10 : (to / from) ** MARGIN;
      return [from / factor, to * factor];
    }
    const margin = from === to ? 1 : (to - from) * MARGIN;
    return [from - margin, to + margin];
  };
}

/** A linear axis begins at 0. */
function linearY(_: uPlot, from: number | null, to: number | null): uPlot.Range.MinMax {
  const low = Math.min(0, from ?? 0);
  const high = Math.max(0, to ?? 1);
  return [low * 1.05, high === low ? low + 1 : high * 1.05];
}

function axisLook(log: boolean): uPlot.Axis {
  const line = { stroke: () => colorOf('--grid'), width: 1 };
  const marks = log ? { splits: logSplits, filter: logFilter } : {};
  return {
    ...{ stroke: () => colorOf('--text'), font: FONT, labelFont: FONT, ...marks },
    grid: { ...line, ...(log ? { filter: logFilter } : {}) },
    ticks: { ...line, size: 5 },
  };
}

function axisOptions({ xTitle, formatY }: Chart, axes: Axes): uPlot.Axis[] {
  const widest = (texts: string[] | null): number =>
    (texts ?? []).reduce((most, text) => Math.max(most, text.length), 0);
  const x = { label: xTitle, labelSize: 22, size: 28, values: labels(formatX), space: 70 };
  return [
    { ...axisLook(axes.x === 'log'), ...x },
    {
      ...axisLook(axes.y === 'log'),
      // Bytes are shown in powers of 1024, so their marks go by those.
      ...(formatY(1024).endsWith('KiB') ? { incrs: POWERS_OF_TWO } : {}),
      values: labels(formatY),
      size: (_, texts) => Math.max(36, widest(texts) * 7.5 + 16),
    },
  ];
}

/** Options of a chart for a width in CSS pixels. */
export function plotOptions(
  chart: Chart,
  on: { axes: Axes; columns: Columns; looks: readonly Look[]; width: number },
  events: PlotEvents,
): uPlot.Options {
  const { axes, columns, looks, width } = on;
  const height = chart.tall ? HEIGHT.tall : HEIGHT.usual;
  const log: uPlot.Scale = { distr: 3, log: 10 };
  return {
    ...{ width, height, legend: { show: false } },
    scales: {
      x: { ...(axes.x === 'log' ? log : {}), time: false, range: xRange(axes.x === 'log') },
      y: axes.y === 'log' ? log : { range: linearY },
    },
    series: [{}, ...seriesOptions(chart, columns, looks)],
    bands: bandOptions(columns, looks),
    axes: axisOptions(chart, axes),
    cursor: {
      drag: { x: true, y: true, uni: 40 },
      dataIdx: nearest,
      points: { size: 9, width: 2, show: true },
    },
    hooks: {
      setCursor: [(plot) => events.hover(plot.cursor.idx ?? null)],
      setSelect: [() => events.zoom()],
    },
  };
}
