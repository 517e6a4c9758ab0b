/**
 * Reads files of a host below a root folder: `/`, or a copied /proc and /sys tree. It never throws for
 * what a host may do to it (a cgroup that goes away, a file that is root's, a pipe where a file should
 * be): that is counted, and named where it leaves something unknown. What it read and how long that
 * took is counted too, as an observer must not be the load.
 *
 * Names of cgroups may be any bytes. Paths are therefore binary strings, one character a byte, all the
 * way through; `shown` makes text of them.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import type { HostResults } from '../../reports/results-host.ts';

/** Something that a report cannot say, and why. */
export type Unknown = HostResults['unknown'][number];

/** Bytes of the largest text read; the largest of a usual host is below 100 kB. */
const MAX_TEXT_BYTES = 4 * 2 ** 20;
/** First size of the buffer that files are read into. */
const BUFFER_BYTES = 64 * 1024;
/** Of a single read: the kernel allocates as much for files of /proc/sys, and refuses above some MiB. */
const READ_BYTES = 128 * 1024;
/** Sentences about single files that a report may hold. */
const MAX_UNKNOWN = 100;

type Failure = 'missing' | 'denied' | 'failed';

/** ENODEV is what kernfs says of a file whose cgroup has just been removed. */
const MISSING = new Set(['ENOENT', 'ENODEV', 'ENOTDIR', 'ESRCH']);
const DENIED = new Set(['EACCES', 'EPERM']);

const WHY: Record<Failure, string> = {
  missing: 'is not there',
  denied: 'permission denied',
  failed: 'cannot be read',
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
}

function failureOf(code: string): Failure {
  if (MISSING.has(code)) return 'missing';
  return DENIED.has(code) ? 'denied' : 'failed';
}

/** Text as a binary string, the form that paths have here. */
function binary(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Characters that could steer a terminal, or make text look like other text. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\uFFFD]/gu;
const SHOWN_LENGTH = 200;

/** A binary string as text that may be printed: what is no plain character is written as its code. */
export function shown(name: string): string {
  const text = Buffer.from(name, 'latin1').toString('utf8');
  const safe = text.replace(UNSAFE, (letter) => {
    const code = letter.codePointAt(0) ?? 0;
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
  return safe.length > SHOWN_LENGTH ? `${safe.slice(0, SHOWN_LENGTH)}...` : safe;
}

/** Reader of one host. All methods return null where nothing could be read. */
export class HostReader {
  #root: string;
  /** Shared by readers of later looks; the milliseconds are inside reading calls. */
  #counts = {
    ...{ files: 0, folders: 0, bytes: 0, missing: 0, denied: 0, failed: 0 },
    milliseconds: 0,
  };
  readonly #unknown = new Map<string, Unknown>();
  readonly #firstOf: Partial<Record<Failure, string>> = {};
  #buffer = Buffer.allocUnsafe(BUFFER_BYTES);

  /** @param root folder that stands for `/` */
  constructor(root = '/') {
    this.#root = binary(root).replace(/\/+$/, '');
  }

  /** Folder that stands for `/`, a binary string without a slash at its end. */
  get root(): string {
    return this.#root;
  }

  /** A reader for another look at the same host: what it costs is added, what is unknown begins anew. */
  again(): HostReader {
    const next = new HostReader();
    next.#root = this.#root;
    next.#counts = this.#counts;
    return next;
  }

  /**
   * The text of a file, as a binary string.
   * @param what named as unknown, with the reason, when the file cannot be read
   */
  text(path: string, what?: string): string | null {
    return this.bytes(path, MAX_TEXT_BYTES, what)?.toString('latin1') ?? null;
  }

  /** The bytes of a file. A file with more than `most` counts as unreadable: half of it would mislead. */
  bytes(path: string, most: number, what?: string): Buffer | null {
    const bytes = this.#read(path, most + 1, what);
    if (bytes === null || bytes.length <= most) return bytes;
    this.#fail('failed', path, what, `has more than ${most} bytes`);
    return null;
  }

  /** The first bytes of a file: enough to see whether it holds anything. */
  head(path: string, most: number): Buffer | null {
    return this.#read(path, most, undefined);
  }

  /** Names of the folders in a folder; links are not followed. */
  folders(path: string): { names: string[] } | { failure: Failure } {
    const started = performance.now();
    this.#counts.folders++;
    try {
      const entries = readdirSync(this.#place(path), { withFileTypes: true, encoding: 'latin1' });
      return { names: entries.filter((entry) => entry.isDirectory()).map(({ name }) => name) };
    } catch (error) {
      const failure = failureOf(codeOf(error));
      this.#fail(failure, path, undefined, codeOf(error));
      return { failure };
    } finally {
      this.#counts.milliseconds += performance.now() - started;
    }
  }

  /** Where a link points; a copied tree may hold a file with the same text instead. */
  link(path: string): string | null {
    try {
      return readlinkSync(this.#place(path), 'latin1');
    } catch {
      return this.#read(path, 256, undefined)?.toString('latin1').trim() ?? null;
    }
  }

  /** Says that something stays unknown; said once. */
  note(what: string, why: string): void {
    const key = `${what}\n${why}`;
    if (this.#unknown.size < MAX_UNKNOWN) this.#unknown.set(key, { what, why });
  }

  /** What has been noted, and what could not be read of single cgroups. */
  unknown(): Unknown[] {
    const { denied, failed } = this.#counts;
    const some = (count: number, failure: Failure): Unknown[] =>
      count === 0
        ? []
        : [
            {
              what: `${count} of ${this.#counts.files + this.#counts.folders} files and folders`,
              why: `${WHY[failure]}; the first is ${this.#firstOf[failure]}`,
            },
          ];
    return [...this.#unknown.values(), ...some(denied, 'denied'), ...some(failed, 'failed')];
  }

  /** What was read so far; `milliseconds` is the time inside reading calls. */
  cost(): { files: number; folders: number; bytes: number; missing: number } & {
    denied: number;
    failed: number;
    milliseconds: number;
  } {
    return { ...this.#counts };
  }

  #place(path: string): Buffer {
    return Buffer.from(this.#root + path, 'latin1');
  }

  #fail(failure: Failure, path: string, what: string | undefined, code: string): void {
    this.#counts[failure]++;
    this.#firstOf[failure] ??= `${shown(path)} (${code})`;
    if (what === undefined) return;
    const why = failure === 'failed' ? `${WHY.failed} (${code})` : WHY[failure];
    this.note(
      what,
      `${shown(path)} ${why}`.replace(`${shown(path)} permission`, `${shown(path)}: permission`),
    );
  }

  #read(path: string, most: number, what: string | undefined): Buffer | null {
    const started = performance.now();
    let handle: number | null = null;
    this.#counts.files++;
    try {
      // Without O_NONBLOCK a pipe in a copied tree would be waited for.
      handle = openSync(this.#place(path), constants.O_RDONLY | constants.O_NONBLOCK);
      if (!fstatSync(handle).isFile()) {
        this.#fail('failed', path, what, 'is not a file');
        return null;
      }
      const bytes = this.#readAll(handle, most);
      this.#counts.bytes += bytes.length;
      return bytes;
    } catch (error) {
      const code = codeOf(error);
      this.#fail(failureOf(code), path, what, code);
      return null;
    } finally {
      if (handle !== null) closeSync(handle);
      this.#counts.milliseconds += performance.now() - started;
    }
  }

  /** Files of /proc say that they have 0 bytes, so they are read until nothing more comes. */
  #readAll(handle: number, most: number): Buffer {
    let length = 0;
    while (length < most) {
      if (length === this.#buffer.length) {
        const larger = Buffer.allocUnsafe(Math.min(most, length * 2));
        this.#buffer.copy(larger);
        this.#buffer = larger;
      }
      const room = Math.min(this.#buffer.length - length, most - length, READ_BYTES);
      const count = readSync(handle, this.#buffer, length, room, null);
      if (count === 0) break;
      length += count;
    }
    return Buffer.from(this.#buffer.subarray(0, length));
  }
}
