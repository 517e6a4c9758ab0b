/** `report`: shows records again. All files are read and checked before anything is printed. */
import { readFileSync } from 'node:fs';
import { renderMarkdown, renderTerminal } from '../../reports/index.ts';
import { parseRecord, RecordError, type ResultRecord } from '../../reports/record.ts';
import { InputError, UsageError } from '../errors.ts';
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

/** Renders record files one after the other, in the order given. */
export function renderFiles(
  files: readonly string[],
  format: 'terminal' | 'markdown',
  view: PageView,
  progress: Progress,
): string {
  const pages = files
    .map((file, at) => {
      progress.update(at, files.length, `reading ${file}`);
      return readRecord(file);
    })
    .map((record) =>
      format === 'markdown' ? renderMarkdown(record) : renderTerminal(record, view),
    );
  return `${pages.map((page) => page.trimEnd()).join('\n\n')}\n`;
}
