/**
 * Where a record, and its page, go. A place that cannot be written is refused before any work is started, and
 * nothing is created until there is a record to write. A reader never sees half a record: it is
 * written beside its final name and then renamed.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { CommandResult } from './commands/registry.ts';
import type { Environment } from './environment.ts';
import { CapacityError, UsageError } from './errors.ts';
import { quote } from './option-values.ts';

/** Folder for records when `--out` is not given. */
const DEFAULT_OUT = 'results';

/** What the user asked for. */
export interface OutputOptions {
  command: string;
  startedAt: Date;
  /** A file, `-` or true for standard output. */
  json?: string | true | undefined;
  out?: string | undefined;
  /** A file for the page. */
  html?: string | undefined;
}

/** Where a record will be written. */
export interface OutputPlan {
  /** Standard output carries the record and nothing else. */
  readonly jsonOnly: boolean;
  /** Files to write, most wanted first; empty when standard output is enough. */
  readonly files: string[];
  /** Where the HTML page goes; null if nobody asked for one. */
  readonly html: string | null;
}

/** The version of this package. */
export function packageVersion(): string {
  // Two levels up, both from dist/bench and in an installed package.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}

/** Decides where the record goes and makes sure that it can be written there. */
export function planOutput(options: OutputOptions): OutputPlan {
  const jsonOnly = options.json === true || options.json === '-';
  const files: string[] = [];
  if (typeof options.json === 'string' && !jsonOnly) {
    checkFile('--json', options.json, RECORD);
    files.push(options.json);
  }
  // A named destination replaces the default folder; an explicit --out is served too.
  if (options.out !== undefined || options.json === undefined) {
    const folder = options.out ?? DEFAULT_OUT;
    checkFolder('--out', folder);
    files.push(join(folder, recordName(options.command, options.startedAt)));
  }
  if (options.html !== undefined) {
    checkPageFile(options.html);
    const page = resolve(options.html);
    if (files.some((file) => resolve(file) === page)) {
      throw new UsageError(
        `--html: ${quote(options.html)} is where the record goes; give another name`,
      );
    }
  }
  return { jsonOnly, files, html: options.html ?? null };
}

/** `compare-20261122T234500.123Z.json`: sorts by time and is legal everywhere. */
export function recordName(command: string, startedAt: Date): string {
  return `${command}-${startedAt.toISOString().replace(/[-:]/g, '')}.json`;
}

/** What is written to a file, and by what a file of that kind is known. */
interface Kind {
  name: string;
  sign: RegExp;
  /** What to do instead of naming a folder. */
  folder: string;
}

const RECORD: Kind = {
  ...{ name: 'record', sign: /"schema"\s*:\s*"slabsplice\// },
  folder: ', or use --out for a folder',
};
const PAGE: Kind = { name: 'page', sign: /content="slabsplice report"/, folder: '' };

function statOrNull(path: string): Stats | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null;
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  return code ?? (error instanceof Error ? error.message : String(error));
}

/** Tries to create a file in the nearest folder that exists; leaves nothing behind. */
function checkFolder(option: string, folder: string): void {
  const todo = 'give a folder that can be written';
  try {
    let at = resolve(folder);
    while (statOrNull(at) === null && dirname(at) !== at) at = dirname(at);
    if (!statOrNull(at)?.isDirectory()) {
      throw new UsageError(`${option}: ${quote(at)} is not a folder; ${todo}`);
    }
    const probe = join(at, `.slabsplice-${process.pid}.probe`);
    closeSync(openSync(probe, 'wx'));
    rmSync(probe);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${option}: cannot write in ${quote(folder)} (${reason(error)}); ${todo}`);
  }
}

/** Makes sure that an HTML page can be written there. */
export function checkPageFile(file: string): void {
  if (file === '-') {
    throw new UsageError(
      "--html: '-' is not a file name; give one, or print a page with report --format html",
    );
  }
  checkFile('--html', file, PAGE);
}

function checkFile(option: string, file: string, kind: Kind): void {
  let stats: Stats | null;
  try {
    stats = statOrNull(file);
  } catch (error) {
    throw new UsageError(
      `${option}: cannot write ${quote(file)} (${reason(error)}); give another name`,
    );
  }
  if (stats?.isDirectory()) {
    throw new UsageError(`${option}: ${quote(file)} is a folder; give a file name${kind.folder}`);
  }
  if (stats !== null && !stats.isFile()) return; // a device or a pipe, as in >(jq .)
  if (statOrNull(dirname(resolve(file))) === null) {
    throw new UsageError(`${option}: the folder of ${quote(file)} does not exist; create it first`);
  }
  // `geometry --json FILE` reads as if FILE were the input: never overwrite a foreign file.
  if (stats !== null && stats.size > 0 && !kind.sign.test(headOf(file))) {
    throw new UsageError(
      `${option}: ${quote(file)} exists and is no slabsplice ${kind.name}; give another name`,
    );
  }
  checkFolder(option, dirname(resolve(file)));
}

/** The beginning of a file, in which it says what it is. */
function headOf(file: string): string {
  const handle = openSync(file, 'r');
  try {
    const head = Buffer.alloc(256);
    return head.toString('utf8', 0, readSync(handle, head, 0, head.length, 0));
  } finally {
    closeSync(handle);
  }
}

/** What the envelope says beside the result. */
export interface Envelope {
  command: string;
  startedAt: Date;
  seed: number;
  environment: Environment;
}

/** Puts a result into the envelope of the contract. Not validated yet. */
export function buildRecord(envelope: Envelope, result: CommandResult): Record<string, unknown> {
  const { environment } = envelope;
  return {
    schema: 'slabsplice/1',
    command: envelope.command,
    complete: result.complete,
    version: packageVersion(),
    startedAt: envelope.startedAt.toISOString(),
    seed: result.seed ?? envelope.seed,
    environment: {
      ...environment,
      ...(result.atomics === undefined ? {} : { atomics: result.atomics }),
      warnings: [...new Set([...environment.warnings, ...result.warnings])],
    },
    parameters: result.parameters,
    checks: result.checks,
    results: result.results,
  };
}

/**
 * Writes the text of a record to every planned file.
 * @returns the names, as the user gave them
 */
export function writeRecord(plan: OutputPlan, text: string): string[] {
  for (const file of plan.files) writeOutput('record', file, text);
  return plan.files;
}

/** Writes an HTML page. */
export function writePage(file: string, text: string): void {
  writeOutput('page', file, text);
}

function writeOutput(what: string, file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeWhole(file, text);
  } catch (error) {
    throw new CapacityError(
      `the ${what} could not be written to ${quote(file)} (${reason(error)}); make room and run again`,
      { cause: error },
    );
  }
}

function writeWhole(file: string, text: string): void {
  const stats = statOrNull(file);
  if (stats !== null && !stats.isFile()) {
    writeFileSync(file, text);
    return;
  }
  // Through a link the file behind it is replaced, not the link.
  const target = existsSync(file) ? realpathSync(file) : file;
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  try {
    const handle = openSync(temporary, 'w');
    try {
      writeFileSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Columns of the page: COLUMNS, the terminal or 80; from 80 to 140. */
export function pageWidth(
  stream: { isTTY?: boolean; columns?: number },
  env: Record<string, string | undefined>,
): number {
  const asked = /^\d{1,5}$/.test(env.COLUMNS ?? '') ? Number(env.COLUMNS) : undefined;
  const columns = asked ?? (stream.isTTY ? stream.columns : undefined) ?? 80;
  return Math.min(140, Math.max(80, columns));
}

/** Colour only on a terminal that has it, and only if nobody said no. */
export function pageColor(
  allowed: boolean,
  stream: { isTTY?: boolean },
  env: Record<string, string | undefined>,
): boolean {
  return allowed && stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
}
