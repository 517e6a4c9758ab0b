/**
 * /proc/slabinfo, version 2.x (Linux 2.6 to 6.18), as text. The parser takes chunks of any size,
 * keeps one line in memory, and refuses what it does not understand with file and line.
 */
import { InputError } from '../errors.ts';
import { inputChunks, refuseGzip } from './read-input.ts';

/** One line of slabinfo. */
export interface SlabinfoCache {
  readonly name: string;
  /** Objects in use; free objects of slabs that belong to a CPU count as in use (upper bound). */
  readonly activeObjects: number;
  /** Objects there is room for. */
  readonly objects: number;
  /** The `objsize` column: bytes from one object to the next (SLUB). */
  readonly objectSize: number;
  readonly objectsPerSlab: number;
  readonly pagesPerSlab: number;
  readonly activeSlabs: number;
  readonly slabs: number;
  /** 1-based line of the file. */
  readonly line: number;
}

/** A whole slabinfo. */
export interface Slabinfo {
  /** As in the first line, e.g. `2.1`. */
  readonly version: string;
  /** SLAB (gone in 6.8) has tunables, SLUB prints zeros. */
  readonly allocator: 'SLUB' | 'SLAB';
  readonly caches: SlabinfoCache[];
}

/** What the parser cannot find in the file. */
export interface SlabinfoOptions {
  /** Bytes of a page on the machine that wrote the file; 4096 unless said. */
  readonly pageSize?: number;
}

/** Characters of the longest line; the kernel's are below 250. */
const MAX_LINE_LENGTH = 4096;

/** Pages of the largest slab: the largest block of the page allocator, order 10. */
const MAX_PAGES_PER_SLAB = 1024;

const RECORD_IT = 'record it again with: sudo cat /proc/slabinfo > slabinfo.txt';
const NOT_SLABINFO = 'give the output of: sudo cat /proc/slabinfo';
/** Columns in the order of the line, after the name; the two words between them are left out. */
const COLUMNS = [
  'active_objs',
  'num_objs',
  'objsize',
  'objperslab',
  'pagesperslab',
  'limit',
  'batchcount',
  'sharedfactor',
  'active_slabs',
  'num_slabs',
  'sharedavail',
] as const;
type Column = (typeof COLUMNS)[number];
/** Words of a line with a name of one word: name, 11 numbers, `: tunables`, `: slabdata`. */
const WORDS_PER_LINE = 16;

/** Control characters other than tab: a listing has none. */
function looksBinary(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if ((code < 32 && code !== 9) || code === 127) return true;
  }
  return false;
}

/**
 * Takes a slabinfo in pieces: `push` any number of times, then `end`.
 * @throws InputError from either, naming file and line
 */
export class SlabinfoParser {
  readonly #file: string;
  readonly #pageSize: number;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  readonly #lineOf = new Map<string, number>();
  readonly #caches: SlabinfoCache[] = [];
  #rest = '';
  #line = 0;
  #version: string | null = null;
  #hasColumns = false;
  #hasTunables = false;
  #head = new Uint8Array(0);
  #headIsChecked = false;

  constructor(file: string, options: SlabinfoOptions = {}) {
    this.#file = file;
    this.#pageSize = options.pageSize ?? 4096;
  }

  push(chunk: Uint8Array): void {
    this.#checkHead(chunk, false);
    this.#take(this.#decode(chunk, true));
  }

  end(): Slabinfo {
    this.#checkHead(new Uint8Array(0), true);
    this.#take(this.#decode(new Uint8Array(0), false));
    const empty = this.#line === 0 && this.#rest === '';
    if (empty) this.#refuse(0, 'is empty', `/proc/slabinfo is root's; ${RECORD_IT}`);
    // The kernel ends every line; a last line without its end may still be whole.
    if (this.#rest !== '') this.#parseLine(this.#rest, true);
    this.#rest = '';
    if (this.#version === null) this.#refuse(1, 'has no slabinfo header', NOT_SLABINFO);
    if (!this.#hasColumns) this.#refuse(this.#line + 1, 'the column line is missing', RECORD_IT);
    if (this.#caches.length === 0) this.#refuse(this.#line, 'no caches', RECORD_IT);
    const allocator = this.#hasTunables ? 'SLAB' : 'SLUB';
    return { version: this.#version, allocator, caches: this.#caches };
  }

  /** A chunk may be a single byte, so the first bytes are gathered before they are judged. */
  #checkHead(chunk: Uint8Array, last: boolean): void {
    if (this.#headIsChecked) return;
    this.#head = Uint8Array.of(...this.#head, ...chunk.subarray(0, 2));
    if (!last && this.#head.length < 2) return;
    refuseGzip(this.#file, this.#head);
    this.#headIsChecked = true;
  }

  #decode(chunk: Uint8Array, stream: boolean): string {
    try {
      return this.#decoder.decode(chunk, { stream });
    } catch {
      return this.#refuse(this.#line + 1, 'is binary (not UTF-8 text)', NOT_SLABINFO);
    }
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#parseLine(line, false);
    if (this.#rest.length > MAX_LINE_LENGTH) this.#refuseLongLine(this.#line + 1);
  }

  #parseLine(raw: string, isLast: boolean): void {
    this.#line++;
    if (raw.length > MAX_LINE_LENGTH) this.#refuseLongLine(this.#line);
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (looksBinary(line)) this.#refuse(this.#line, 'is binary (control bytes)', NOT_SLABINFO);
    if (line.trim() === '') return;
    if (this.#version === null) this.#parseVersion(line);
    else if (!this.#hasColumns) this.#parseColumns(line);
    else this.#parseCache(line, isLast);
  }

  #parseVersion(line: string): void {
    const match = /^slabinfo - version: (\S+)(?: \(statistics\))?\s*$/.exec(line);
    const version = match?.[1];
    if (version === undefined) {
      this.#refuse(this.#line, 'header missing: "slabinfo - version: 2.1" expected', NOT_SLABINFO);
    }
    if (!/^2\.\d{1,3}$/.test(version)) {
      const what = `slabinfo version ${version.slice(0, 20)} is not known`;
      this.#refuse(this.#line, what, 'version 2.x (Linux 2.6 and newer) can be read');
    }
    this.#version = version;
  }

  #parseColumns(line: string): void {
    if (!/^# name\s+<active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>/.test(line)) {
      this.#refuse(this.#line, 'header missing: the line "# name <active_objs> ..."', RECORD_IT);
    }
    this.#hasColumns = true;
  }

  #parseCache(line: string, isLast: boolean): void {
    if (line.startsWith('slabinfo - version')) {
      this.#refuse(this.#line, 'a second listing begins', 'give one listing at a time');
    }
    const { name, words } = this.#split(line, isLast);
    const first = this.#lineOf.get(name);
    if (first !== undefined) {
      this.#refuse(this.#line, `cache "${name}" was on line ${first} already`, RECORD_IT);
    }
    this.#lineOf.set(name, this.#line);
    const values = words.map((word, index) => this.#number(word, COLUMNS[index] ?? 'active_objs'));
    const value = (column: Column): number => values[COLUMNS.indexOf(column)] ?? 0;
    if (value('limit') > 0) this.#hasTunables = true;
    const cache: SlabinfoCache = {
      name,
      activeObjects: value('active_objs'),
      objects: value('num_objs'),
      objectSize: value('objsize'),
      objectsPerSlab: value('objperslab'),
      pagesPerSlab: value('pagesperslab'),
      activeSlabs: value('active_slabs'),
      slabs: value('num_slabs'),
      line: this.#line,
    };
    this.#checkCache(cache);
    this.#caches.push(cache);
  }

  /** Name (which may hold blanks) and the 11 numbers; found from `: tunables`, which a name lacks. */
  #split(line: string, isLast: boolean): { name: string; words: string[] } {
    const words = line.trim().split(/\s+/);
    const at = words.findIndex((word, index) => word === ':' && words[index + 1] === 'tunables');
    const after = words.slice(at + 2);
    const isWhole = at >= 6 && after.length === 8 && after[3] === ':' && after[4] === 'slabdata';
    if (!isWhole) {
      const cut = words.length < WORDS_PER_LINE;
      const found = `${words.length} of ${WORDS_PER_LINE} words`;
      const what = cut
        ? `${isLast ? 'the last line' : 'the line'} is cut short (${found})`
        : 'is not a line of slabinfo ("name 5 numbers : tunables 3 numbers : slabdata 3 numbers")';
      this.#refuse(this.#line, what, RECORD_IT);
    }
    const numbers = [...words.slice(at - 5, at), ...after.slice(0, 3), ...after.slice(5)];
    return { name: words.slice(0, at - 5).join(' '), words: numbers };
  }

  #number(word: string, column: Column): number {
    if (/^\d+$/.test(word)) {
      const value = Number(word);
      if (Number.isSafeInteger(value)) return value;
      const long = `${word.slice(0, 30)}${word.length > 30 ? '...' : ''}`;
      return this.#refuse(this.#line, `${column} ${long} is above 2^53 - 1`, RECORD_IT);
    }
    const shown = JSON.stringify(word.slice(0, 30));
    const what = /^-\d/.test(word) ? `${shown} is negative` : `${shown} is not a whole number`;
    return this.#refuse(this.#line, `${column} ${what}`, RECORD_IT);
  }

  #checkCache(cache: SlabinfoCache): void {
    const { objectSize, objectsPerSlab, pagesPerSlab } = cache;
    const refuse = (what: string, todo = RECORD_IT): never => this.#refuse(cache.line, what, todo);
    if (objectsPerSlab === 0) refuse('objperslab is 0');
    if (objectSize === 0) refuse('objsize is 0');
    if (pagesPerSlab === 0) refuse('pagesperslab is 0');
    if (pagesPerSlab > MAX_PAGES_PER_SLAB) {
      refuse(`pagesperslab ${pagesPerSlab} is above ${MAX_PAGES_PER_SLAB}, the largest there is`);
    }
    const bytes = pagesPerSlab * this.#pageSize;
    if (objectsPerSlab * objectSize > bytes) {
      const need = `${objectsPerSlab} objects of ${objectSize} bytes`;
      refuse(
        `${need} do not fit in ${pagesPerSlab} pages of ${this.#pageSize} bytes`,
        'if the machine has larger pages, say so; otherwise record it again',
      );
    }
    if (cache.activeObjects > cache.objects) refuse('active_objs is above num_objs');
    if (cache.activeSlabs > cache.slabs) refuse('active_slabs is above num_slabs');
  }

  #refuseLongLine(line: number): never {
    this.#refuse(line, `a line is longer than ${MAX_LINE_LENGTH} characters`, NOT_SLABINFO);
  }

  #refuse(line: number, what: string, todo: string): never {
    throw new InputError(this.#file, line, what, todo);
  }
}

/** Parses a whole slabinfo. @param file how errors name it. @throws InputError */
export function parseSlabinfo(
  text: string | Uint8Array,
  file: string,
  options: SlabinfoOptions = {},
): Slabinfo {
  const parser = new SlabinfoParser(file, options);
  parser.push(typeof text === 'string' ? new TextEncoder().encode(text) : text);
  return parser.end();
}

/** Reads a slabinfo file, one piece at a time. @throws InputError */
export async function readSlabinfo(file: string, options: SlabinfoOptions = {}): Promise<Slabinfo> {
  const parser = new SlabinfoParser(file, options);
  for await (const chunk of inputChunks(file)) parser.push(chunk);
  return parser.end();
}
