/**
 * Tables on a terminal: labels to the left, figures to the right. A detail stands beside its figure
 * where the width allows, else on a line below (or is dropped, if its row is brief). Columns that do
 * not fit at all go into further blocks below, each with the labels again.
 */
import type { Cell, Table } from '../pages/page.ts';
import type { Styles } from './styles.ts';
import { padEnd, padStart, truncate, visibleLength, wrap } from './text.ts';

const GAP = '  ';
const LABEL_WIDTH_MAX = 28;
/** Phrases give way to figures, but not beyond this. */
const PHRASE_WIDTH_MIN = 16;

type DetailPlace = 'beside' | 'below';

interface Layout {
  place: DetailPlace;
  labelWidth: number;
  /** Width of each column's figures and, with details beside, of its details. */
  columns: { figure: number; detail: number }[];
}

function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, visibleLength(text)), 0);
}

function columnWidth({ figure, detail }: { figure: number; detail: number }): number {
  return figure + (detail > 0 ? 1 + detail : 0);
}

function layoutFor(table: Table, place: DetailPlace, labelMax: number): Layout {
  const columns = table.columns.map((title, index) => {
    const cells = table.rows.map((row) => row.cells[index]);
    const shown = table.rows.filter((row) => place === 'beside' || row.brief !== true);
    const details = widest(shown.map((row) => row.cells[index]?.detail ?? ''));
    const figure = widest(cells.map((cell) => cell?.text ?? ''));
    const detail = place === 'beside' ? details : 0;
    const below = place === 'below' ? details : 0;
    const missing = visibleLength(title) - columnWidth({ figure, detail });
    return { figure: Math.max(figure, below, figure + missing), detail };
  });
  return {
    place,
    labelWidth: Math.min(labelMax, widest(table.rows.map((row) => row.label))),
    columns,
  };
}

function totalWidth({ labelWidth, columns }: Layout): number {
  return columns.reduce((sum, column) => sum + GAP.length + columnWidth(column), labelWidth);
}

/** Groups column indexes into blocks that fit; a column too wide even alone gets its own block. */
function blocksOf(layout: Layout, width: number): number[][] {
  const blocks: number[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const [index, column] of layout.columns.entries()) {
    const needed = GAP.length + columnWidth(column);
    if (used + needed > width) {
      blocks.push([]);
      used = layout.labelWidth;
    }
    blocks.at(-1)?.push(index);
    used += needed;
  }
  return blocks;
}

function besideText(cell: Cell, { figure, detail }: { figure: number; detail: number }): string {
  const text = padStart(cell.text, figure);
  return detail > 0 ? `${text} ${padEnd(cell.detail ?? '', detail)}` : text;
}

function labelPieces({ wrapLabels }: Table, label: string, width: number): string[] {
  return wrapLabels === true && visibleLength(label) > width ? wrap(label, width, '  ') : [label];
}

function blockLines(table: Table, layout: Layout, block: number[], styles: Styles): string[] {
  const none = { figure: 0, detail: 0 };
  const line = (
    label: string,
    show: (index: number, column: Layout['columns'][number]) => string,
  ) =>
    [
      padEnd(truncate(label, layout.labelWidth), layout.labelWidth),
      ...block.map((index) => show(index, layout.columns[index] ?? none)),
    ].join(GAP);

  const head = line('', (index, column) =>
    padStart(styles.heading(table.columns[index] ?? ''), columnWidth(column)),
  );
  const lines = [head];
  for (const row of table.rows) {
    const [label = '', ...more] = labelPieces(table, row.label, layout.labelWidth);
    const figures = line(label, (index, column) => {
      const cell = row.cells[index] ?? { text: '' };
      return styles.tone(cell.tone)(besideText(cell, column));
    });
    lines.push(figures);
    const details = block.map((index) => row.cells[index]?.detail ?? '');
    if (layout.place === 'below' && row.brief !== true && details.some((detail) => detail !== '')) {
      const below = line('', (index, column) =>
        styles.quiet(padStart(row.cells[index]?.detail ?? '', columnWidth(column))),
      );
      lines.push(below);
    }
    lines.push(...more);
  }
  return lines.map((text) => text.trimEnd());
}

/** How a table is laid out with details beside or below, and whether it fits that way. */
function layoutWithin(
  table: Table,
  place: DetailPlace,
  width: number,
): { layout: Layout; fits: boolean } {
  // A third of the width keeps room for figures even when labels are long file names.
  const usual = Math.min(LABEL_WIDTH_MAX, Math.max(8, Math.floor(width / 3)));
  if (table.wrapLabels !== true) {
    const layout = layoutFor(table, place, usual);
    return { layout, fits: totalWidth(layout) <= width };
  }
  const left = width - totalWidth(layoutFor(table, place, 0));
  const layout = layoutFor(table, place, Math.max(left, Math.min(usual, PHRASE_WIDTH_MIN)));
  // Phrases of many short lines are worse than no details.
  return { layout, fits: left >= Math.min(usual, widest(table.rows.map((row) => row.label))) };
}

/** Lays out a table in at most `width` columns, one string a line. */
export function renderTable(table: Table, width: number, styles: Styles): string[] {
  const beside = layoutWithin(table, 'beside', width);
  const { layout } = beside.fits ? beside : layoutWithin(table, 'below', width);
  return blocksOf(layout, width).flatMap((block) => blockLines(table, layout, block, styles));
}
