/** Lays a page out for a terminal: no line longer than the width, nothing said by colour alone. */

import { renderKtap } from '../ktap.ts';
import { buildPage } from '../pages/build.ts';
import type { Chart, Entry, Note, Page, Section, Table } from '../pages/page.ts';
import type { ResultRecord } from '../record.ts';
import { renderBars } from './bars.ts';
import { renderChart } from './chart.ts';
import { renderHeatMap } from './heat-map.ts';
import { renderSettings } from './settings.ts';
import { createStyles, type Paint, type Styles } from './styles.ts';
import { renderTable } from './table.ts';
import { padEnd, printableDeep, visibleLength, wrap } from './text.ts';
import { renderTrace } from './trace.ts';

/** How to show a page: `width` in columns (80 or more reads best), `color` on or off. */
export interface TerminalOptions {
  width: number;
  color: boolean;
}

/** Narrower than this nothing can be laid out; lines are then longer than the terminal. */
const WIDTH_MIN = 40;

/** From this width on there is room for taller charts and for every note. */
const ROOMY = 110;

/** Rows that a tall chart has more than others. */
const TALLER = 6;

/** Rows that are shown of a table that is folded in Markdown. */
const FOLDED_ROWS = 8;

/** Columns before a part of something, and after its name. */
const PART_GAP = 2;

function paragraph(text: string, width: number, paint: Paint, mark = ''): string[] {
  const indent = ' '.repeat(mark.length);
  return wrap(mark + text, width, indent).map(paint);
}

const NOTE_MARKS = { good: '+ ', bad: '! ', warn: '! ', quiet: '- ' };

function noteLines(notes: readonly Note[], width: number, styles: Styles): string[] {
  return notes.flatMap(({ text, tone, points = [] }) => [
    ...paragraph(text, width, styles.tone(tone), tone === undefined ? '- ' : NOTE_MARKS[tone]),
    ...points.flatMap((point) =>
      wrap(point, width - PART_GAP, ' '.repeat(PART_GAP)).map((line) =>
        styles.tone(tone)(' '.repeat(PART_GAP) + line),
      ),
    ),
  ]);
}

/** Titles to the left, below them the parts with their names in a column of their own. */
function entryLines(entries: readonly Entry[], width: number, styles: Styles): string[] {
  const names = entries.flatMap(({ parts }) => parts.map(({ name }) => visibleLength(name)));
  const indent = PART_GAP + Math.max(0, ...names) + PART_GAP;
  return entries.flatMap(({ title, parts }) => [
    ...wrap(title, width, ' '.repeat(PART_GAP)).map(styles.heading),
    ...parts.flatMap(({ name, text, tone }) =>
      wrap(text, width - indent).map((line, at) => {
        const start = at === 0 ? ' '.repeat(PART_GAP) + name : '';
        return padEnd(start, indent) + styles.tone(tone)(line);
      }),
    ),
  ]);
}

/** A heading and the sentence on how to read what follows share a line: pages stay short. */
function headingLines(title: string, how: string, width: number, styles: Styles): string[] {
  const heading = title.toUpperCase();
  const [first = '', ...others] = wrap(how === '' ? heading : `${heading}: ${how}`, width);
  const start = first.startsWith(heading) ? heading.length : first.length;
  return [
    styles.heading(first.slice(0, start)) + styles.quiet(first.slice(start)),
    ...others.map(styles.quiet),
  ];
}

function heightOf({ tall }: Chart, width: number): number {
  const rows = width < ROOMY ? 8 : 14;
  return tall === true ? rows + TALLER : rows;
}

/** A table, or the first rows of one that few will want to read. */
function tableLines(table: Table, folded: boolean, width: number, styles: Styles): string[] {
  const rows = folded ? table.rows.slice(0, FOLDED_ROWS) : table.rows;
  const hidden = table.rows.length - rows.length;
  const more = hidden > 0 ? [`${hidden} more in the record and in Markdown.`] : [];
  return [...renderTable({ ...table, rows }, width, styles), ...more];
}

function sectionLines(section: Section, width: number, styles: Styles): string[] {
  const { title, how, table, chart, bars, heatMap, trace } = section;
  const { entries = [], settings = [], notes = [] } = section;
  const paint = (text: string, index: number): string => styles.line(index)(text);
  return [
    '',
    ...headingLines(title, how, width, styles),
    ...(table === undefined ? [] : tableLines(table, section.folded === true, width, styles)),
    ...(chart === undefined
      ? []
      : renderChart(chart, { width, height: heightOf(chart, width), paint })),
    ...(bars === undefined ? [] : renderBars(bars, width, styles)),
    ...(heatMap === undefined ? [] : renderHeatMap(heatMap, width, styles)),
    ...(trace === undefined ? [] : renderTrace(trace, width, styles)),
    ...entryLines(entries, width, styles),
    ...(settings.length === 0 ? [] : renderSettings(settings, width, styles)),
    ...noteLines(notes, width, styles),
  ];
}

/** Facts and notes as one paragraph. A small terminal gets the first note; the record has them all. */
function introduction({ facts, notes }: Page, width: number): string {
  const shown = width < ROOMY ? notes.slice(0, 1) : notes;
  const hidden = notes.length - shown.length;
  const more = hidden > 0 ? [`${hidden} more note${hidden === 1 ? '' : 's'} in the record`] : [];
  return [...facts, ...shown, ...more].map((fact) => `${fact}.`).join(' ');
}

/** Renders a page as lines of text, ended by a newline. */
function renderPage(page: Page, options: TerminalOptions): string {
  const width = Math.max(WIDTH_MIN, Math.floor(options.width));
  const styles = createStyles(options.color);
  const lines = [
    ...paragraph(page.title, width, styles.title),
    ...paragraph(introduction(page, width), width, styles.quiet),
    ...noteLines(
      page.warnings.map((text): Note => ({ text, tone: 'warn' })),
      width,
      styles,
    ),
    ...page.sections.flatMap((section) => sectionLines(section, width, styles)),
    '',
    ...headingLines('Verdict', '', width, styles),
    ...noteLines(page.verdict, width, styles),
  ];
  return `${lines.join('\n')}\n`;
}

/** Renders the record of any command for a terminal. */
export function renderTerminal(record: ResultRecord, options: TerminalOptions): string {
  const harmless = printableDeep(record);
  if (harmless.command === 'selftest') return renderKtap(harmless, options);
  return renderPage(buildPage(harmless), options);
}
