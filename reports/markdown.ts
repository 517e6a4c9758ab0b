/** Lays a page out as GitHub Markdown: the same content as on the terminal, charts as code blocks. */
import { MISSING } from './format.ts';
import { buildPage } from './pages/build.ts';
import type {
  Bars,
  Cell,
  Chart,
  Entry,
  HeatMap,
  Note,
  Page,
  Section,
  Setting,
  Table,
  Trace,
} from './pages/page.ts';
import type { ResultRecord } from './record.ts';
import { renderBars } from './terminal/bars.ts';
import { renderChart } from './terminal/chart.ts';
import { createStyles } from './terminal/styles.ts';
import { printable } from './terminal/text.ts';
import { cpuHeading, cpusOf, skippedText } from './terminal/trace.ts';

/** GitHub shows code blocks of about this many columns without a scroll bar. */
const CHART_WIDTH = 90;
const TALL_CHART = 14;

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

/** Names may be anything: a line that would end the block gets other quotes. */
function codeBlock(lines: readonly string[]): string[] {
  const inside = lines.map((line) => printable(line).replace(/^( {0,3})`{3,}/, "$1'''"));
  return ['```text', ...inside, '```', ''];
}

function chartLines(chart: Chart): string[] {
  const height = chart.tall === true ? { height: TALL_CHART } : {};
  return codeBlock(renderChart(chart, { width: CHART_WIDTH, ...height }));
}

function barLines(bars: Bars): string[] {
  return codeBlock(renderBars(bars, CHART_WIDTH, createStyles(false)));
}

/** A table a map: figures, where a terminal has room for shades only. */
function heatMapLines({ across, down, maps, format }: HeatMap): string[] {
  return maps.flatMap(({ title, values }) => [
    `**${escaped(title)}** (across: ${escaped(across.title)}; down: ${escaped(down.title)})`,
    '',
    ...tableLines({
      columns: across.values.map(String),
      rows: down.values.map((value, row) => ({
        label: String(value),
        cells: across.values.map((_, column) => {
          const figure = values[row]?.[column] ?? null;
          return { text: figure === null ? MISSING : format(figure) };
        }),
      })),
    }),
  ]);
}

/** All of them, folded: a page that is posted somewhere must not be longer for them. */
function settingLines(settings: readonly Setting[]): string[] {
  if (settings.length === 0) return [];
  return [
    `<details><summary>All ${settings.length}</summary>`,
    '',
    '| | value | from |',
    '| --- | ---: | --- |',
    ...settings.map(
      ({ key, value, from }) => `| ${escaped(key)} | ${escaped(value)} | ${escaped(from)} |`,
    ),
    '',
    '</details>',
    '',
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
  const lines = notes.flatMap(({ text, tone, points = [] }) => {
    const mark = tone === undefined ? '' : marks[tone];
    return [`- ${mark}${escaped(text)}${mark}`, ...points.map((point) => `  - ${escaped(point)}`)];
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
  bars,
  heatMap,
  trace,
  entries = [],
  settings = [],
  notes = [],
  folded,
}: Section): string[] {
  return [
    ...(folded
      ? [`<details><summary>${escaped(title)}</summary>`, '']
      : [`## ${escaped(title)}`, '']),
    ...(how === '' ? [] : [sentence(how), '']),
    ...(table === undefined ? [] : tableLines(table)),
    ...(chart === undefined ? [] : chartLines(chart)),
    ...(bars === undefined ? [] : barLines(bars)),
    ...(heatMap === undefined ? [] : heatMapLines(heatMap)),
    ...(trace === undefined ? [] : traceLines(trace)),
    ...entryLines(entries),
    ...settingLines(settings),
    ...noteLines(notes),
    ...(folded ? ['</details>', ''] : []),
  ];
}

/** Renders a page as Markdown, ended by a newline. */
function renderMarkdownPage(page: Page): string {
  const warnings = page.warnings.map((text): Note => ({ text, tone: 'warn' }));
  const lines = [
    `# ${escaped(page.title)}`,
    '',
    ...(page.warningsFirst ? noteLines(warnings) : []),
    '## Verdict',
    '',
    ...noteLines(page.verdict),
    ...page.sections.flatMap(sectionLines),
    `## ${escaped(page.factsTitle ?? 'Measured on')}`,
    '',
    ...noteLines([
      ...[...page.facts, ...page.notes].map((text) => ({ text })),
      ...(page.warningsFirst ? [] : warnings),
    ]),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Renders the record of any command as Markdown. */
export function renderMarkdown(record: ResultRecord): string {
  return renderMarkdownPage(buildPage(record));
}
