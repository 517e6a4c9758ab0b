// hot path
/**
 * Strings of a trace by number. Names (caches, call sites) are few and come up all the time: a string is made the
 * first time that its bytes come up, and never again. Texts (paths, markers, names of tasks) are rare and never
 * end: only the latest are kept, so that memory stays constant.
 */

/** Bytes of a name; a longer one is no name of a kernel. */
export const NAME_BYTES_MAX = 512;
/** Different names, of caches and call sites together. */
export const MAX_NAMES = 65_536;
/** Texts that are kept, and their letters together. */
const TEXTS_MAX = 65_536;
const TEXT_LETTERS_MAX = 2 ** 22;
/** Numbers of texts begin here: names end far below. */
export const FIRST_TEXT = 2 ** 24;

/** What holds the lines; replaced when it has to grow, so look it up at each line. */
export class TraceBuffer {
  bytes = new Uint8Array(0);
  view = new DataView(this.bytes.buffer);

  /** The bytes from `start` to before `end` as text. */
  textOf(start: number, end: number): string {
    return DECODER.decode(this.bytes.subarray(start, end));
  }

  /** Room for `size` bytes, and for words that are read beyond their end; keeps the first `kept`. */
  reserve(size: number, kept: number): void {
    const larger = new Uint8Array(size + SLACK);
    larger.set(this.bytes.subarray(0, kept));
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

/** Bytes that may be read beyond the last line. */
const SLACK = 256;
const MULTIPLIER = 0x9e3779b1;
/** Whole texts only: it keeps nothing in between, and is slow to make. */
const DECODER = new TextDecoder('utf-8', { ignoreBOM: true });

/** Next state of a hash. The scanner has the same inline: both must give the same. */
export function mixWord(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, MULTIPLIER);
  return (mixed << 13) | (mixed >>> 19);
}

/** Mask of the first `count` bytes of a word. */
function maskOf(count: number): number {
  return (1 << (8 * count)) - 1;
}

/** Hash of the bytes from `start` to before `end`, four at a time. */
export function hashBytes(view: DataView, start: number, end: number): number {
  let hash = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) hash = mixWord(hash, view.getInt32(at, true));
  return mixWord(hash, view.getInt32(at, true) & maskOf(end - at));
}

/** Names by number, from 0. */
export class TraceNames {
  private readonly strings: string[] = [];
  private words = new Int32Array(256);
  private used = 0;
  private begins = new Int32Array(64);
  private lengths = new Int32Array(64);
  private hashes = new Int32Array(64);
  private table = new Int32Array(128);

  get count(): number {
    return this.strings.length;
  }

  /** Number of a name that came up before, -1 if it did not. `hash` is `hashBytes` of it. */
  find(view: DataView, start: number, end: number, hash: number): number {
    const { table, hashes, lengths } = this;
    const mask = table.length - 1;
    const length = end - start;
    for (let place = (hash ^ (hash >>> 15)) & mask; ; place = (place + 1) & mask) {
      const row = (table[place] as number) - 1;
      if (row < 0) return -1;
      if (hashes[row] === hash && lengths[row] === length && this.isAt(row, view, start)) {
        return row;
      }
    }
  }

  private isAt(row: number, view: DataView, start: number): boolean {
    const { words } = this;
    const length = this.lengths[row] as number;
    let word = this.begins[row] as number;
    let at = start;
    for (const last = start + length - 4; at <= last; at += 4) {
      if (words[word++] !== view.getInt32(at, true)) return false;
    }
    return words[word] === (view.getInt32(at, true) & maskOf(start + length - at));
  }

  /** Number of the bytes from `start` to before `end`; -1 if there are MAX_NAMES already. */
  number(buffer: TraceBuffer, start: number, end: number): number {
    const hash = hashBytes(buffer.view, start, end);
    const known = this.find(buffer.view, start, end, hash);
    if (known >= 0 || this.count === MAX_NAMES) return known;
    return this.add(buffer, start, end, hash);
  }

  private add({ bytes, view }: TraceBuffer, start: number, end: number, hash: number): number {
    const row = this.strings.length;
    if (row === this.begins.length) this.growRows();
    if (this.used + NAME_BYTES_MAX / 4 + 1 > this.words.length) {
      this.words = grown(this.words, 2 * this.words.length + NAME_BYTES_MAX);
    }
    this.begins[row] = this.used;
    this.lengths[row] = end - start;
    this.hashes[row] = hash;
    let at = start;
    for (; at + 4 <= end; at += 4) this.words[this.used++] = view.getInt32(at, true);
    this.words[this.used++] = view.getInt32(at, true) & maskOf(end - at);
    this.strings.push(DECODER.decode(bytes.subarray(start, end)));
    this.enter(row);
    return row;
  }

  private enter(row: number): void {
    const hash = this.hashes[row] as number;
    const mask = this.table.length - 1;
    let place = (hash ^ (hash >>> 15)) & mask;
    while (this.table[place] !== 0) place = (place + 1) & mask;
    this.table[place] = row + 1;
  }

  private growRows(): void {
    const size = 2 * this.begins.length;
    this.begins = grown(this.begins, size);
    this.lengths = grown(this.lengths, size);
    this.hashes = grown(this.hashes, size);
    this.table = new Int32Array(2 * size);
    for (let row = 0; row < this.count; row++) this.enter(row);
  }

  /** The string of a number; empty for -1. */
  of(number: number): string {
    return this.strings[number] ?? '';
  }
}

function grown(array: Int32Array, size: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(size);
  larger.set(array);
  return larger;
}

/** Texts by number, from FIRST_TEXT; the latest only. A number never means another text. */
export class TraceTexts {
  private readonly numbers = new Map<string, number>();
  private strings: string[] = [];
  private forgotten = 0;
  private letters = 0;

  /** Number of a text. */
  number(text: string): number {
    const known = this.numbers.get(text);
    if (known !== undefined) return known;
    if (this.strings.length === TEXTS_MAX || this.letters > TEXT_LETTERS_MAX) this.forget();
    const number = FIRST_TEXT + this.forgotten + this.strings.length;
    this.numbers.set(text, number);
    this.strings.push(text);
    this.letters += text.length;
    return number;
  }

  private forget(): void {
    this.forgotten += this.strings.length;
    this.strings = [];
    this.numbers.clear();
    this.letters = 0;
  }

  /** The text of a number. @throws RangeError if it is so old that it was forgotten */
  of(number: number): string {
    const text = this.strings[number - FIRST_TEXT - this.forgotten];
    if (text === undefined) {
      throw new RangeError(
        `text ${number} of the trace is forgotten: ask while its event is handled`,
      );
    }
    return text;
  }
}
