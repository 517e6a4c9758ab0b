/** What a chart shows, as a table: made when it is opened, and not more of it than one looks at. */
import type { Chart } from '../../pages/page.ts';
import { columnsOf } from './columns.ts';
import { button, make } from './dom.ts';
import { formatX } from './plot.ts';

const ROWS = 200;

/** A folded table of the points; bands stand behind their values. */
export function dataTable(chart: Chart): HTMLElement {
  const details = make('details', {}, make('summary', {}, 'The points as a table'));
  details.addEventListener('toggle', () => fill(details, chart), { once: true });
  return details;
}

function fill(details: HTMLElement, chart: Chart): void {
  const { data, places } = columnsOf(chart, { x: 'linear', y: 'linear' });
  const xs = data[0];
  const body = make('tbody', {});
  const text = (column: number | undefined, row: number): string => {
    const value = column === undefined ? null : (data[column]?.[row] ?? null);
    return value === null ? '' : chart.formatY(value);
  };
  const rowOf = (row: number): HTMLElement => {
    const cells = places.map(({ line, low, high }) => {
      const [from, to] = [text(low, row), text(high, row)];
      const band = from === '' || to === '' ? '' : ` (${from} to ${to})`;
      return make('td', {}, text(line, row) + band);
    });
    return make('tr', {}, make('th', { scope: 'row' }, formatX(xs[row] ?? 0)), ...cells);
  };
  const heads = [chart.xTitle, ...chart.series.map(({ name }) => name)];
  const head = make('tr', {}, ...heads.map((name) => make('th', { scope: 'col' }, name)));
  const table = make('table', { class: 'figures points' }, make('thead', {}, head), body);
  const more = button('', () => grow());
  const grow = (): void => {
    const from = body.rows.length;
    const to = Math.min(xs.length, from + ROWS);
    for (let row = from; row < to; row++) body.append(rowOf(row));
    more.textContent = `${Math.min(ROWS, xs.length - to)} more rows of ${xs.length}`;
    more.hidden = to >= xs.length;
  };
  grow();
  const box = make('div', { class: 'scroll', role: 'region', 'aria-label': 'Points', tabindex: 0 });
  box.append(table);
  details.append(box, more);
}
