/**
 * Heat maps on a terminal: the darker the shade, the higher the figure, and the figure itself where a
 * cell has room for it.
 */
import type { HeatMap } from '../pages/page.ts';
import { pickEvenly } from '../pick.ts';
import type { Styles } from './styles.ts';
import { padEnd, padStart, truncate, visibleLength, wrap } from './text.ts';

/** From the lowest fifth to the highest. */
const SHADES = ['·', '░', '▒', '▓', '█'];
const NOTHING = '?';
const GAP = ' ';
/** Columns of a cell; shades beside a figure. */
const CELL_MIN = 2;
const CELL_MAX = 12;
const SHADE_WIDTH = 2;
const LABEL_WIDTH_MAX = 12;
/** Rows and columns shown of a map with more: what lies between is in the record. */
const ROWS_MAX = 24;

/** The shade of a figure on a scale from 0 to the highest. */
function shadeOf(value: number, highest: number): string {
  const fifth = highest > 0 ? Math.ceil((value / highest) * SHADES.length) - 1 : 0;
  return SHADES[Math.min(SHADES.length - 1, Math.max(0, fifth))] ?? NOTHING;
}

function cellText(value: number | null, text: string, cell: number, highest: number): string {
  const shade = value === null ? NOTHING : shadeOf(value, highest);
  const room = cell - SHADE_WIDTH - 2 * GAP.length;
  if (visibleLength(text) > room) return shade.repeat(cell);
  return `${GAP}${padStart(text, room)}${GAP}${shade.repeat(SHADE_WIDTH)}`;
}

/** What the shades stand for. */
function legendText({ format }: HeatMap, highest: number): string {
  if (highest <= 0) return '';
  return SHADES.map((shade, at) => {
    const upTo = format((highest * (at + 1)) / SHADES.length);
    return `${shade} to ${upTo}`;
  }).join('  ');
}

/** Labels of the columns, as many as fit. */
function headLine(labels: readonly string[], cell: number): string {
  let line = '';
  for (const [at, label] of labels.entries()) {
    const end = (at + 1) * cell;
    const start = end - label.length;
    if (start < line.length + (line === '' ? 0 : 1)) continue;
    line = padEnd(line, start) + label;
  }
  return line;
}

/** Lays out the maps one below the other in at most `width` columns, one string a line. */
export function renderHeatMap(map: HeatMap, width: number, styles: Styles): string[] {
  const rows = pickEvenly(map.down.values.length, ROWS_MAX);
  const labels = rows.map((row) => truncate(String(map.down.values[row]), LABEL_WIDTH_MAX));
  const label = Math.max(0, ...labels.map(visibleLength));
  const room = width - label - GAP.length;
  const columns = pickEvenly(map.across.values.length, Math.max(2, Math.floor(room / CELL_MIN)));
  const cell = Math.max(1, Math.min(CELL_MAX, Math.floor(room / Math.max(1, columns.length))));
  const figures = map.maps.flatMap(({ values }) => values.flat()).filter((one) => one !== null);
  const highest = Math.max(0, ...figures);
  const titles = columns.map((column) => String(map.across.values[column]));
  const head = `${padEnd('', label)}${GAP}${headLine(titles, cell)}`.trimEnd();
  const body = map.maps.flatMap(({ title, color, values }) => [
    styles.heading(truncate(title, width)),
    ...rows.map((row, at) => {
      const cells = columns.map((column) => {
        const value = values[row]?.[column] ?? null;
        return cellText(value, value === null ? '' : map.format(value), cell, highest);
      });
      const line = styles.line(color)(cells.join('').trimEnd());
      return `${padStart(labels[at] ?? '', label)}${GAP}${line}`;
    }),
    head,
  ]);
  const missing = map.maps.some(({ values }) => values.flat().includes(null));
  const hidden = rows.length < map.down.values.length || columns.length < map.across.values.length;
  const key = [
    `across: ${map.across.title}; down: ${map.down.title}`,
    ...(highest > 0 ? [legendText(map, highest)] : []),
    ...(missing ? [`${NOTHING} not simulated`] : []),
    ...(hidden ? ['the record has what lies between'] : []),
  ];
  return [...body, ...key.flatMap((text) => wrap(text, width))];
}
