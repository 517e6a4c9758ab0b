/** One section of a page as HTML. Charts are drawn by scripts in the page; without them a text chart stands there. */
import type { Chart, Entry, Note, Section } from '../pages/page.ts';
import { renderChart } from '../terminal/chart.ts';
import { barsHtml } from './bars.ts';
import { heatMapHtml, settingsHtml, tableHtml } from './table.ts';
import { chartName, escaped, prose, sentence, toneMark } from './text.ts';
import { traceHtml } from './trace.ts';

const TEXT_CHART = { width: 90, height: 14 };

/** Notes, each with a mark of its tone. */
export function notesHtml(notes: readonly Note[]): string {
  if (notes.length === 0) return '';
  const items = notes.map(({ text, tone, points = [] }) => {
    const listed = points.map((point) => `<li>${prose(point)}</li>`);
    const list = listed.length === 0 ? '' : `<ul>${listed.join('')}</ul>`;
    return `<li class="${tone ?? 'plain'}">${toneMark(tone)}${prose(text)}${list}</li>`;
  });
  return `<ul class="notes">\n${items.join('\n')}\n</ul>`;
}

function entriesHtml(entries: readonly Entry[]): string {
  return entries
    .map(({ title, parts }) => {
      const rows = parts.map(
        ({ name, text, tone }) =>
          `<dt>${escaped(name)}</dt><dd class="${tone ?? 'plain'}">${prose(text)}</dd>`,
      );
      return `<div class="entry"><h4>${prose(title)}</h4><dl>${rows.join('')}</dl></div>`;
    })
    .join('\n');
}

function chartHtml(title: string, chart: Chart): string {
  if (chart.series.every(({ points }) => points.length === 0)) return '';
  const text = renderChart(chart, TEXT_CHART).map(escaped).join('\n');
  return `<figure class="chart" data-chart aria-label="${escaped(chartName(title, chart))}"><noscript><pre>${text}</pre></noscript></figure>`;
}

/**
 * A section with its heading.
 * @param id unique in the document; the scripts find the section by it
 */
export function sectionHtml(section: Section, id: string): string {
  const { title, how, table, chart, bars, heatMap, trace } = section;
  const { entries = [], settings = [], notes = [] } = section;
  return [
    `<section id="${id}" aria-labelledby="${id}-title">`,
    `<h3 id="${id}-title">${escaped(title)}</h3>`,
    how === '' ? '' : `<p class="how">${sentence(how)}</p>`,
    table === undefined ? '' : tableHtml(`Table: ${title}`, table),
    chart === undefined ? '' : chartHtml(title, chart),
    bars === undefined ? '' : barsHtml(bars),
    heatMap === undefined ? '' : heatMapHtml(title, heatMap),
    trace === undefined ? '' : traceHtml(title, trace),
    entriesHtml(entries),
    settings.length === 0 ? '' : settingsHtml(title, settings),
    notesHtml(notes),
    '</section>',
  ]
    .filter((part) => part !== '')
    .join('\n');
}
