/**
 * One HTML document from records: all text and tables as they stand, the records inside as data, and
 * scripts that draw the charts from them.
 */
import { formatBytes, formatCounted } from '../format.ts';
import { buildPage } from '../pages/build.ts';
import { shellWord } from '../pages/explore-broken.ts';
import type { Page } from '../pages/page.ts';
import type { ResultRecord } from '../record.ts';
import { printableDeep } from '../terminal/text.ts';
import { documentHtml, type PageAssets, recordBlock } from './document.ts';
import { machineSection } from './machine.ts';
import { notesHtml, sectionHtml } from './section.ts';
import { pairsHtml, tableHtml } from './table.ts';
import { escaped, prose } from './text.ts';

/** A record, the page built from it, and where in the document it is. */
interface Part {
  record: ResultRecord;
  page: Page;
  id: string;
}

/** `slabsplice 0.1.0 run: what does …?` as the name of the program and the question. */
function titleOf({ title }: Page): [from: string, question: string] {
  const at = title.indexOf(': ');
  if (at < 0) return ['', title];
  const question = title.slice(at + 2);
  return [title.slice(0, at), `${question.slice(0, 1).toUpperCase()}${question.slice(1)}`];
}

function navigationHtml(parts: readonly Part[], assets: PageAssets): string {
  const items = parts.map(({ page, id, record }) => {
    const [from, question] = titleOf(page);
    const sections = page.sections.map(
      ({ title }, at) => `<li><a href="#${id}s${at}">${escaped(title)}</a></li>`,
    );
    const name =
      parts.length > 1 ? `${record.command}, ${record.startedAt.slice(0, 10)}` : record.command;
    return `<li><a class="record" href="#${id}" title="${escaped(`${from}: ${question}`)}">${escaped(name)}</a><ul>${sections.join('')}<li><a href="#${id}-record">The record</a></li></ul></li>`;
  });
  const machine =
    assets.machine === undefined ? '' : '<li><a href="#machine">Play with it</a></li>';
  return `<nav aria-label="Contents"><ul>${items.join('')}${machine}</ul></nav>`;
}

function commandHtml({ environment }: ResultRecord): string {
  const words = environment.commandLine;
  if (words === undefined) return '<p>The record does not say how it was started.</p>';
  const line = ['slabsplice', ...words].map(shellWord).join(' ');
  return `<p>To run it again:</p><pre class="command">${escaped(line)}</pre>`;
}

function checksHtml({ checks }: ResultRecord, id: string): string {
  if (checks.length === 0) return '';
  const failed = checks.filter(({ ok }) => !ok);
  const rows = [...failed, ...checks.filter(({ ok }) => ok)].map(({ name, ok, detail }) => ({
    label: name,
    cells: [
      ok ? { text: 'held', tone: 'good' as const } : { text: 'FAILED', tone: 'bad' as const },
      { text: detail },
    ],
  }));
  const outcome = failed.length === 0 ? 'all held' : `${failed.length} of them FAILED`;
  const table = tableHtml(`Checks ${id}`, { columns: ['', 'found'], rows, wrapLabels: true });
  return `<details${failed.length > 0 ? ' open' : ''}><summary>${formatCounted(checks.length, 'check')}: ${outcome}</summary>${table}</details>`;
}

function recordHtml({ record, id }: Part): string {
  const { parameters, startedAt, command } = record;
  const name = `${command}-${startedAt.replace(/[^\w.]/g, '')}.json`;
  const pairs = Object.entries(parameters).map(
    ([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)] as const,
  );
  return [
    `<section id="${id}-record" class="about" aria-labelledby="${id}-record-title">`,
    `<h3 id="${id}-record-title">The record</h3>`,
    `<p>Everything on this page comes from a record of ${formatBytes(JSON.stringify(record).length)} that the page carries; <code>slabsplice report</code> reads it.</p>`,
    `<p class="tools" data-download="${escaped(name)}"></p>`,
    commandHtml(record),
    checksHtml(record, id),
    ...(pairs.length === 0
      ? []
      : [
          `<details><summary>${formatCounted(pairs.length, 'parameter')}</summary>${pairsHtml(`Parameters ${id}`, pairs)}</details>`,
        ]),
    '</section>',
    recordBlock(record, id),
  ].join('\n');
}

function aboutHtml({ facts, factsTitle, notes }: Page): string {
  const items = [...facts, ...notes].map((text) => `<li>${prose(text)}</li>`);
  return `<div class="facts"><h4>${escaped(factsTitle ?? 'Measured on')}</h4><ul>${items.join('')}</ul></div>`;
}

function warningsHtml(warnings: readonly string[]): string {
  if (warnings.length === 0) return '';
  const notes = warnings.map((text) => ({ text, tone: 'warn' as const }));
  return `<div class="warnings"><h4>Warnings</h4>${notesHtml(notes)}</div>`;
}

function partHtml(part: Part): string {
  const { record, page, id } = part;
  const [from, question] = titleOf(page);
  const cut = record.complete
    ? ''
    : '<p class="cut">This run was cut short: what is here is right, and not everything is here.</p>';
  return [
    `<article id="${id}" data-record="${id}" aria-labelledby="${id}-title">`,
    `<header><p class="from">${escaped(from)} · ${escaped(record.startedAt.replace(/\.\d+Z$/, 'Z').replace('T', ' '))}</p>`,
    `<h2 id="${id}-title">${escaped(question)}</h2></header>`,
    cut,
    `<section id="${id}-verdict" class="verdict" aria-labelledby="${id}-verdict-title"><h3 id="${id}-verdict-title">Verdict</h3>${notesHtml(page.verdict)}</section>`,
    warningsHtml(page.warnings),
    aboutHtml(page),
    ...page.sections.map((section, at) => sectionHtml(section, `${id}s${at}`)),
    recordHtml(part),
    '</article>',
  ]
    .filter((text) => text !== '')
    .join('\n');
}

const HEADING = '<h2 id="machine-title">Play with it</h2>';

/**
 * Renders records as one HTML document.
 * @param records one or more, a part each, in this order
 */
export function renderHtml(records: readonly ResultRecord[], assets: PageAssets): string {
  const parts = records.map((record, at): Part => {
    // Built from what is printable, as the scripts do it: both must come to the same page.
    return { record, page: buildPage(printableDeep(record)), id: `r${at}` };
  });
  const [first] = parts;
  const title =
    parts.length === 1 && first
      ? first.page.title
      : `slabsplice: ${formatCounted(parts.length, 'record')}`;
  const { style, charts, machine } = assets;
  return documentHtml({
    title,
    styles: [style, ...(machine === undefined ? [] : [machine.style])],
    scripts: [charts, ...(machine === undefined ? [] : [machine.script])],
    body: [
      '<a class="skip" href="#content">To the content</a>',
      '<header class="page"><h1>slabsplice report</h1><p class="tools" data-tools></p></header>',
      '<div class="columns">',
      navigationHtml(parts, assets),
      '<main id="content">',
      ...parts.map(partHtml),
      ...(machine === undefined ? [] : [machineSection(HEADING)]),
      '</main>',
      '</div>',
    ],
  });
}
