/** Lays a page out as GitHub Markdown: the same content as on the terminal, charts as code blocks. */
import { buildPage } from './pages/build.ts';
import type { Cell, Note, Page, Section, Table } from './pages/page.ts';
import type { ResultRecord } from './record.ts';
import { renderChart } from './terminal/chart.ts';
import { printable } from './terminal/text.ts';

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

function sectionLines({ title, how, table, chart, notes = [] }: Section): string[] {
  return [
    `## ${escaped(title)}`,
    '',
    ...(how === '' ? [] : [sentence(how), '']),
    ...(table === undefined ? [] : tableLines(table)),
    ...(chart === undefined
      ? []
      : ['```text', ...renderChart(chart, { width: CHART_WIDTH }).map(printable), '```', '']),
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
