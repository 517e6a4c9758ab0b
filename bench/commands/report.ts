/** `report`: shows records again. All files are read and checked before anything is printed. */
import { readFileSync } from 'node:fs';
import { renderHtml, renderMachine, renderMarkdown, renderTerminal } from '../../reports/index.ts';
import { parseRecord, RecordError, type ResultRecord } from '../../reports/record.ts';
import { InputError, UsageError } from '../errors.ts';
import { checkPageFile, writePage } from '../output.ts';
import { pageAssets } from '../page-assets.ts';
import type { Progress } from '../progress.ts';

/** How the page is to look. */
export interface PageView {
  /** Columns of a terminal page. */
  width: number;
  color: boolean;
}

/** Reads one record; a file that is missing or damaged is refused with its name and the place. */
export function readRecord(file: string): ResultRecord {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new InputError(file, 0, `cannot be read (${code})`, 'name a record file');
  }
  try {
    return parseRecord(text, file);
  } catch (error) {
    if (error instanceof RecordError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

type Format = 'terminal' | 'markdown' | 'html';

/** What to make of the records: text of a format, or a page in a file. */
export interface ReportWish {
  format: Format | undefined;
  html: string | undefined;
  /** A page with a small machine to play with, rather than with the records' results. */
  machine: boolean;
}

function render(records: readonly ResultRecord[], format: Format, view: PageView): string {
  if (format === 'html') return renderHtml(records, pageAssets());
  const pages = records.map((record) =>
    format === 'markdown' ? renderMarkdown(record) : renderTerminal(record, view),
  );
  return `${pages.map((page) => page.trimEnd()).join('\n\n')}\n`;
}

/** The format that is meant; HTML where a page is. */
function formatOf({ format, html, machine }: ReportWish): Format {
  const page = html === undefined ? (machine ? '--machine' : undefined) : '--html';
  if (page === undefined) return format ?? 'terminal';
  if (format === undefined || format === 'html') return 'html';
  throw new UsageError(`${page}: --format is ${format}; leave one of the two out`);
}

/**
 * Renders record files, in the order given.
 * @returns what goes to standard output
 */
export function report(
  files: readonly string[],
  wish: ReportWish,
  view: PageView,
  progress: Progress,
): string {
  const format = formatOf(wish);
  if (wish.html !== undefined) checkPageFile(wish.html);
  const records = files.map((file, at) => {
    progress.update(at, files.length, `reading ${file}`);
    return readRecord(file);
  });
  const text = wish.machine ? renderMachine(records, pageAssets()) : render(records, format, view);
  if (wish.html === undefined) return text;
  writePage(wish.html, text);
  return `Page: ${wish.html}\n`;
}
