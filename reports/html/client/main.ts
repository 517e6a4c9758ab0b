/** Runs in an HTML report: draws the charts of the records that the page carries. */
import { buildPage } from '../../pages/build.ts';
import type { Page, Section } from '../../pages/page.ts';
import type { ResultRecord } from '../../record.ts';
import { printableDeep } from '../../terminal/text.ts';
import { chartName } from '../text.ts';
import { mountBars } from './bars.ts';
import { ChartView } from './chart.ts';
import { button } from './dom.ts';
import { forgetColors, looksFor } from './palette.ts';
import { mountTheme } from './theme.ts';
import { mountTrace } from './trace.ts';

/** Width of a chart on paper, in CSS pixels: that of a narrow page between its margins. */
const PAPER_WIDTH = 640;

interface Part {
  article: HTMLElement;
  record: ResultRecord;
  page: Page;
}

/** The records were checked when the page was written, and nothing else writes them. */
function readParts(): Part[] {
  return [...document.querySelectorAll<HTMLElement>('article[data-record]')].map((article) => {
    const text = document.getElementById(`${article.id}-json`)?.textContent ?? '';
    const record = JSON.parse(text) as ResultRecord;
    return { article, record, page: buildPage(printableDeep(record)) };
  });
}

function strategiesOf({ record }: Part): string[] {
  const { strategies } = record.parameters;
  return Array.isArray(strategies) ? strategies.map(String) : [];
}

function sectionsOf({ article, page }: Part): [element: HTMLElement, section: Section][] {
  return page.sections.flatMap((section, at) => {
    const element = document.getElementById(`${article.id}s${at}`);
    return element === null ? [] : [[element, section]];
  });
}

function mountSection(
  element: HTMLElement,
  { title, chart, bars, trace }: Section,
  looks: ReturnType<typeof looksFor>,
): ChartView[] {
  const figure = element.querySelector<HTMLElement>('[data-chart]');
  const stacked = element.querySelector<HTMLElement>('[data-bars]');
  const steps = element.querySelector<HTMLElement>('[data-trace]');
  if (bars !== undefined && stacked !== null) mountBars(stacked, bars);
  if (trace !== undefined && steps !== null) mountTrace(steps, trace);
  if (chart === undefined || figure === null) return [];
  const own = chart.series.map((_, at) => looks(chart, at));
  return [new ChartView(figure, chart, own, chartName(title, chart))];
}

function download({ record }: Part, name: string): void {
  const text = `${JSON.stringify(record, null, 2)}\n`;
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

function mountDownloads(part: Part): void {
  for (const host of part.article.querySelectorAll<HTMLElement>('[data-download]')) {
    const name = host.dataset.download ?? 'record.json';
    host.append(button('Download the record', () => download(part, name)));
  }
}

/** A box that scrolls must be reached with the keyboard. */
function watchBoxes(): void {
  const watch = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const box = target as HTMLElement;
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    }
  });
  for (const box of document.querySelectorAll('.scroll')) watch.observe(box);
}

/**
 * Charts are as wide as the page. On paper they are as wide as that, in the colours that the style sheet
 * has for it, whatever happens to the window meanwhile.
 */
function watchWidth(charts: readonly ChartView[]): void {
  const paper = matchMedia('print');
  const fit = (): void => {
    for (const chart of charts) chart.resize(paper.matches ? PAPER_WIDTH : undefined);
  };
  paper.addEventListener('change', () => {
    recolor(charts);
    fit();
  });
  addEventListener('resize', fit);
}

function recolor(charts: readonly ChartView[]): void {
  forgetColors();
  for (const chart of charts) chart.recolor();
}

function main(): void {
  const parts = readParts();
  const looks = looksFor(
    parts.flatMap(strategiesOf),
    parts.map(({ page }) => page),
  );
  const charts = parts.flatMap((part) =>
    sectionsOf(part).flatMap(([element, section]) => mountSection(element, section, looks)),
  );
  for (const part of parts) mountDownloads(part);
  const tools = document.querySelector('[data-tools]');
  if (tools !== null) mountTheme(tools, () => recolor(charts));
  watchWidth(charts);
  watchBoxes();
  document.documentElement.dataset.charts = 'ready';
  requestAnimationFrame(() => performance.mark('slabsplice-drawn'));
}

main();
