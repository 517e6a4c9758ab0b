/** A chart that one can play with: zoom, values under the cursor, strategies switched on and off. */
import uPlot from 'uplot';
import type { Chart } from '../../pages/page.ts';
import { type Axes, type Columns, columnsOf } from './columns.ts';
import { dataTable } from './data-table.ts';
import { button, make } from './dom.ts';
import { type Look, swatch } from './palette.ts';
import { formatX, plotOptions } from './plot.ts';

const HELP =
  'Drag to zoom, double-click to see all. Keys: left and right read values, + and − zoom, Escape shows all.';
/** Narrower than this nothing can be drawn. */
const WIDTH_MIN = 240;
/** Share of what is in sight that stays in sight with one key. */
const ZOOM = 0.6;
/** Steps in which keys cross what is in sight, at the most. */
const KEY_STEPS = 200;

/** A chart in the document: its figure has a legend, the plot, controls and the points as a table. */
export class ChartView {
  readonly #chart: Chart;
  readonly #looks: readonly Look[];
  readonly #axes: Axes;
  readonly #shown: boolean[];
  readonly #box: HTMLElement;
  readonly #where = make('output', { class: 'where' });
  readonly #heard = make('p', { class: 'heard', 'aria-live': 'polite' });
  readonly #values: HTMLElement[];
  readonly #all = button('Show all', () => this.#reset(), { class: 'reset', disabled: true });
  #columns: Columns;
  #plot: uPlot;

  /** @param name says what it shows to those who do not see it */
  constructor(figure: HTMLElement, chart: Chart, looks: readonly Look[], name: string) {
    this.#chart = chart;
    this.#looks = looks;
    this.#axes = { x: chart.xAxis ?? 'log', y: chart.yAxis ?? 'log' };
    this.#shown = chart.series.map(() => true);
    this.#values = chart.series.map(() => make('span', { class: 'value' }));
    this.#box = make('div', {
      ...{ class: 'plot', tabindex: 0, role: 'group', 'aria-label': `${name}. ${HELP}` },
      keydown: (event) => this.#key(event as KeyboardEvent),
    });
    figure.replaceChildren(
      this.#legend(),
      this.#box,
      this.#heard,
      this.#tools(),
      this.#help(),
      dataTable(chart),
    );
    this.#columns = columnsOf(chart, this.#axes);
    this.#plot = this.#draw();
  }

  /** Draws again, in the colours of now. */
  recolor(): void {
    this.#plot.redraw(true, true);
  }

  /** @param width in CSS pixels; that of the page without it */
  resize(width = this.#width()): void {
    this.#plot.setSize({ width, height: this.#plot.height });
  }

  #width(): number {
    return Math.max(WIDTH_MIN, this.#box.clientWidth);
  }

  #draw(): uPlot {
    const on = { axes: this.#axes, columns: this.#columns, looks: this.#looks };
    const options = plotOptions(
      this.#chart,
      { ...on, width: this.#width() },
      { hover: (at) => this.#hover(at), zoom: () => this.#zoomed(true) },
    );
    const plot = new uPlot(options, this.#columns.data, this.#box);
    // Its own listener shows all.
    plot.over.addEventListener('dblclick', () => this.#zoomed(false));
    return plot;
  }

  /** Another kind of axis needs other columns, and a plot of its own. */
  #drawAgain(): void {
    this.#plot.destroy();
    this.#columns = columnsOf(this.#chart, this.#axes);
    this.#plot = this.#draw();
    for (const [at, shown] of this.#shown.entries()) if (!shown) this.#show(at);
    this.#zoomed(false);
  }

  #legend(): HTMLElement {
    const items = this.#chart.series.map(({ name, mark }, at) => {
      const toggle = button(name, () => {
        this.#shown[at] = !this.#shown[at];
        toggle.setAttribute('aria-pressed', String(this.#shown[at]));
        this.#show(at);
      });
      toggle.setAttribute('aria-pressed', 'true');
      const look = this.#looks[at];
      if (look !== undefined) toggle.prepend(swatch(look, mark));
      return make('li', {}, toggle, this.#values[at] ?? '');
    });
    return make('ul', { class: 'legend', 'aria-label': 'Lines, each can be hidden' }, ...items);
  }

  #tools(): HTMLElement {
    const axisSwitch = (which: 'x' | 'y', title: string): HTMLButtonElement => {
      const pressed = (): string => String(this.#axes[which] === 'log');
      const toggle = button(title, () => {
        this.#axes[which] = this.#axes[which] === 'log' ? 'linear' : 'log';
        toggle.setAttribute('aria-pressed', pressed());
        this.#drawAgain();
      });
      toggle.setAttribute('aria-pressed', pressed());
      return toggle;
    };
    const { xAxis, xTitle } = this.#chart;
    // A line that was sampled over time has nothing to show on a logarithmic axis.
    const across = xAxis === 'linear' ? [] : [axisSwitch('x', `Log ${xTitle}`)];
    const up = axisSwitch('y', 'Log values');
    return make('div', { class: 'tools' }, up, ...across, this.#all, this.#where);
  }

  #help(): HTMLElement {
    const { bandTitle } = this.#chart;
    const shaded = bandTitle === undefined ? [] : [`Shaded: ${bandTitle}. `];
    return make('p', { class: 'help' }, ...shaded, make('span', { class: 'screen' }, HELP));
  }

  #show(at: number): void {
    const { line, low, high } = this.#columns.places[at] ?? { line: 0 };
    for (const place of [low, high, line]) {
      if (place !== undefined) this.#plot.setSeries(place, { show: this.#shown[at] ?? true });
    }
  }

  #zoomed(is: boolean): void {
    this.#all.disabled = !is;
  }

  #reset(): void {
    this.#plot.setData(this.#plot.data, true);
    this.#zoomed(false);
  }

  #valueText(at: number, hovered: number): string {
    const { line, low, high } = this.#columns.places[at] ?? { line: 0 };
    const row = this.#plot.cursor.idxs?.[line] ?? hovered;
    const text = (place: number | undefined): string | undefined => {
      const value = place === undefined ? null : (this.#plot.data[place]?.[row] ?? null);
      return value === null ? undefined : this.#chart.formatY(value);
    };
    const [from, to] = [text(low), text(high)];
    const band = from === undefined || to === undefined ? '' : ` (${from} to ${to})`;
    return (text(line) ?? '') + band;
  }

  #hover(index: number | null): void {
    const x = index === null ? undefined : this.#plot.data[0][index];
    const isAt = index !== null && x !== undefined;
    this.#where.textContent = isAt ? `at ${formatX(x)} ${this.#chart.xTitle}` : '';
    for (const [at, value] of this.#values.entries()) {
      value.textContent = isAt && this.#shown[at] ? this.#valueText(at, index) : '';
    }
  }

  #key(event: KeyboardEvent): void {
    const [first, last] = this.#plot.series[0]?.idxs ?? [0, 0];
    const keys: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => this.#moveBy(-1),
      ArrowRight: () => this.#moveBy(1),
      Home: () => this.#moveTo(first),
      End: () => this.#moveTo(last),
      '+': () => this.#zoomBy(ZOOM),
      '=': () => this.#zoomBy(ZOOM),
      '-': () => this.#zoomBy(1 / ZOOM),
      Escape: () => this.#reset(),
    };
    const act = keys[event.key];
    if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }

  /** The row under the cursor, if the cursor is there. */
  #row(): number | null {
    const { left, idx } = this.#plot.cursor;
    return left === undefined || left < 0 ? null : (idx ?? null);
  }

  #moveBy(steps: number): void {
    const [first, last] = this.#plot.series[0]?.idxs ?? [0, 0];
    const stride = Math.max(1, Math.ceil((last - first) / KEY_STEPS));
    const row = this.#row();
    const next = row === null ? (steps > 0 ? first : last) : row + steps * stride;
    this.#moveTo(Math.min(last, Math.max(first, next)));
  }

  #moveTo(row: number): void {
    const plot = this.#plot;
    const x = plot.data[0][row];
    if (x === undefined) return;
    plot.setCursor({ left: plot.valToPos(x, 'x'), top: plot.over.clientHeight / 4 });
    const read = this.#chart.series.flatMap(({ name }, at) =>
      this.#shown[at] ? [`${name} ${this.#values[at]?.textContent}`] : [],
    );
    this.#heard.textContent = `${this.#where.textContent}: ${read.join('; ')}`;
  }

  /** Around the cursor, or the middle. */
  #zoomBy(factor: number): void {
    const { min, max } = this.#plot.scales.x ?? {};
    if (typeof min !== 'number' || typeof max !== 'number') return;
    const log = this.#axes.x === 'log';
    const into = (value: number): number => (log ? Math.log10(value) : value);
    const back = (value: number): number => (log ? 10 ** value : value);
    const row = this.#row();
    const at = row === null ? undefined : this.#plot.data[0][row];
    const middle = at === undefined ? (into(min) + into(max)) / 2 : into(at);
    this.#plot.setScale('x', {
      min: back(middle - (middle - into(min)) * factor),
      max: back(middle + (into(max) - middle) * factor),
    });
    this.#zoomed(true);
  }
}
