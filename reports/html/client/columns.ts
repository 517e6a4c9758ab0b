/** Points of a chart as the columns that uPlot draws. */
import uPlot from 'uplot';
import type { Chart, Series } from '../../pages/page.ts';

/** How the axes of a chart are at present. */
export interface Axes {
  x: 'log' | 'linear';
  y: 'log' | 'linear';
}

/** The columns, and which of them belong to which series. */
export interface Columns {
  data: uPlot.AlignedData;
  /** Column of each series; those of its band before it. */
  places: { line: number; low?: number; high?: number }[];
}

type Pair = [x: number, y: number];

function drawable([x, y]: Pair, axes: Axes): boolean {
  if (!Number.isFinite(x) || !Number.isFinite(y)) return false;
  return (axes.x === 'linear' || x > 0) && (axes.y === 'linear' || y > 0);
}

/** Two columns, x ascending; of several points at one x the highest. */
function table(pairs: readonly Pair[], axes: Axes): [number[], number[]] {
  const kept = pairs.filter((pair) => drawable(pair, axes)).sort((a, b) => a[0] - b[0]);
  const xs: number[] = [];
  const ys: number[] = [];
  for (const [x, y] of kept) {
    const last = xs.length - 1;
    if (last >= 0 && xs[last] === x) ys[last] = Math.max(ys[last] ?? y, y);
    else {
      xs.push(x);
      ys.push(y);
    }
  }
  return [xs, ys];
}

function tablesOf({ points, band }: Series, axes: Axes): [number[], number[]][] {
  const edges =
    band === undefined
      ? []
      : [
          table(
            band.map(({ x, low }) => [x, low]),
            axes,
          ),
          table(
            band.map(({ x, high }) => [x, high]),
            axes,
          ),
        ];
  return [
    ...edges,
    table(
      points.map(({ x, y }) => [x, y]),
      axes,
    ),
  ];
}

/** Makes the columns; what an axis cannot show is left out. */
export function columnsOf({ series }: Chart, axes: Axes): Columns {
  const places: Columns['places'] = [];
  const tables: uPlot.AlignedData[] = [];
  for (const one of series) {
    const own = tablesOf(one, axes);
    const first = tables.length + 1;
    places.push(
      own.length === 1 ? { line: first } : { low: first, high: first + 1, line: first + 2 },
    );
    tables.push(...own);
  }
  return { data: uPlot.join(tables), places };
}
