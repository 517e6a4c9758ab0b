/** Lays a page out as GitHub Markdown: the same content as on the terminal, charts as code blocks. */
import { buildPage } from './pages/build.ts';
import type { Cell, Entry, Note, Page, Section, Table, Trace } from './pages/page.ts';
import type { ResultRecord } from './record.ts';
import { renderChart } from './terminal/chart.ts';
import { printable } from './terminal/text.ts';
import { cpuHeading, cpusOf, skippedText } from './terminal/trace.ts';

/** GitHub shows code blocks of about this many columns without a scroll bar. */
const CHART_WIDTH = 90;

/** Text of a record may hold anything; here it must stay text and inside its table cell. */
function escaped(text: string): string {
  return printable(text).replace(/[\\`*_{}[\]<>|#~]/g, '\\$&');
}

function cellText({ text, detail }: Cell): string {
  const shown = detail === undefined ? text : `${text} (${detail})`;
  return escaped(shown);
}

function tableLines({ columns, rows }: Table): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(['', ...columns.map(escaped)]),
    line(['---', ...columns.map(() => '---:')]),
    ...rows.map((row) => line([escaped(row.label), ...row.cells.map(cellText)])),
    '',
  ];
}

/** A column a CPU and one for the source; what is no step of a CPU is in italics. */
function traceLines(trace: Trace): string[] {
  const cpus = cpusOf(trace);
  const row = (cpu: number, text: string, source = ''): string =>
    `| ${[...cpus.map((one) => (one === cpu ? text : '')), source].join(' | ')} |`;
  const steps = trace.lines.flatMap(({ cpu, text, source, skipped, mark }) => [
    ...(mark === undefined ? [] : [row(cpu, `*${escaped(mark)}*`)]),
    ...(skipped === 0 ? [] : [row(cpu, `*${escaped(skippedText(skipped))}*`)]),
    row(cpu, escaped(text), escaped(source)),
  ]);
  const headings = cpus.map((cpu) => escaped(cpuHeading(trace, cpu)));
  const ends = trace.ends.map(({ name, state }) => `| ${escaped(name)} | ${escaped(state)} |`);
  return [
    ...(steps.length === 0
      ? []
      : [
          `| ${[...headings, 'source'].join(' | ')} |`,
          `| ${[...cpus, ''].map(() => '---').join(' | ')} |`,
          ...steps,
          '',
        ]),
    ...(ends.length === 0 ? [] : ['| at the end |  |', '| --- | --- |', ...ends, '']),
  ];
}

function entryLines(entries: readonly Entry[]): string[] {
  const lines = entries.flatMap(({ title, parts }) => [
    `- ${escaped(title)}`,
    ...parts.map(({ name, text }) => `  - *${escaped(name)}:* ${escaped(text)}`),
  ]);
  return lines.length === 0 ? [] : [...lines, ''];
}

function noteLines(notes: readonly Note[]): string[] {
  const marks = { good: '', bad: '**', warn: '**', quiet: '' };
  const lines = notes.map(({ text, tone }) => {
    const mark = tone === undefined ? '' : marks[tone];
    return `- ${mark}${escaped(text)}${mark}`;
  });
  return lines.length === 0 ? [] : [...lines, ''];
}

/** On the terminal this text continues the heading's line; here it stands alone. */
function sentence(how: string): string {
  return escaped(`${how.slice(0, 1).toUpperCase()}${how.slice(1)}`);
}

function sectionLines({
  title,
  how,
  table,
  chart,
  trace,
  entries = [],
  notes = [],
}: Section): string[] {
  return [
    `## ${escaped(title)}`,
    '',
    ...(how === '' ? [] : [sentence(how), '']),
    ...(table === undefined ? [] : tableLines(table)),
    ...(chart === undefined
      ? []
      : ['```text', ...renderChart(chart, { width: CHART_WIDTH }).map(printable), '```', '']),
    ...(trace === undefined ? [] : traceLines(trace)),
    ...entryLines(entries),
    ...noteLines(notes),
  ];
}

/** Renders a page as Markdown, ended by a newline. */
function renderMarkdownPage(page: Page): string {
  const warnings = page.warnings.map((text): Note => ({ text, tone: 'warn' }));
  const lines = [
    `# ${escaped(page.title)}`,
    '',
    '## Verdict',
    '',
    ...noteLines(page.verdict),
    ...page.sections.flatMap(sectionLines),
    '## Measured on',
    '',
    ...noteLines([...[...page.facts, ...page.notes].map((text) => ({ text })), ...warnings]),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Renders the record of any command as Markdown. */
export function renderMarkdown(record: ResultRecord): string {
  return renderMarkdownPage(buildPage(record));
}
