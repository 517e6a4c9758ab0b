// hot path
/**
 * The fields of slab and page cache events, in any order and in every form that a kernel or trace-cmd prints: as
 * `print fmt` says, raw (`trace-cmd report -R`), and both ways (`options/fields`: `bytes_req=0x100 (256)`). Strict:
 * a field that is missing, there twice, or no number makes the line a bad one, never a wrong one.
 */
import { TRACE, type TraceEvent } from './ftrace-events.ts';
import { LineNumbers } from './ftrace-numbers.ts';
import { NAME_BYTES_MAX, type TraceBuffer, type TraceNames } from './ftrace-strings.ts';

const SPACE = 0x20;
const EQUALS = 0x3d;
const OPEN = 0x28;
const SHUT = 0x29;
const DASH = 0x2d;
const COLON = 0x3a;
/** Pages are counted in these where the trace gives their number only; larger ones are not told of. */
const PAGE_BYTES = 4096;
const POINTER_DIGITS = 16;
/** Folios of 16 GiB: the largest huge pages that there are. */
export const ORDER_MAX = 22;

/** Fields that are looked at, as bits of what was seen. */
export const FIELD = {
  ...{ call_site: 1, ptr: 2, name: 4, bytes_req: 8, bytes_alloc: 16, accounted: 32 },
  ...{ dev: 64, ino: 128, ofs: 256, order: 512, pfn: 1024, i_ino: 2048, index: 4096, s_dev: 8192 },
} as const;
/** Fields that are known and say nothing here. */
const OTHERS = ['gfp_flags', 'node', 'page'];
const OTHER = 1 << 20;
const ALLOCATION = FIELD.call_site | FIELD.ptr | FIELD.bytes_req | FIELD.bytes_alloc;
const FREEING = FIELD.call_site | FIELD.ptr;
const FORMATTED = FIELD.dev | FIELD.ino | FIELD.ofs;
const RAW = FIELD.i_ino | FIELD.index | FIELD.s_dev;
/** Numbers that may be above 2^53. */
const WIDE = FIELD.ofs | FIELD.i_ino | FIELD.pfn;
const DECIMAL = FIELD.bytes_req | FIELD.bytes_alloc | FIELD.ofs | FIELD.order;
/** Fields that a kernel has or has not, of each kind of event. */
const OPTIONAL = new Int32Array(16);
OPTIONAL[TRACE.kmemCacheAlloc] = FIELD.name | FIELD.accounted;
OPTIONAL[TRACE.kmemCacheFree] = FIELD.name;
OPTIONAL[TRACE.kmalloc] = FIELD.accounted;
OPTIONAL[TRACE.filemapAdd] = FIELD.order;
OPTIONAL[TRACE.filemapDelete] = FIELD.order;
const CUT = 'a field that other lines have is missing';

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const FIELDS = [
  ...Object.entries(FIELD),
  ...OTHERS.map((name): [string, number] => [name, OTHER]),
].map(([name, field]) => ({ name: bytesOf(name), field }));
const YES = ['true', '1', '(1)'].map(bytesOf);
const NO = ['false', '0', '(0)'].map(bytesOf);

/** Reads fields into an event; `problem` says what was wrong with the last that had to be refused. */
export class LineFields {
  problem = '';
  private readonly event: TraceEvent;
  private readonly buffer: TraceBuffer;
  private readonly names: TraceNames;
  private readonly text: (text: string) => number;
  private bytes: Uint8Array = new Uint8Array(0);
  private end = 0;
  private seen = 0;
  private readonly numbers = new LineNumbers();
  /** Of each kind of event, the optional fields that it has on this kernel; -1 if that is not known yet. */
  readonly optional = new Int32Array(16).fill(-1);
  /** Those of the last event of each kind, plus 1. */
  readonly last = new Int32Array(16);

  /** @param text gives the number of a text */
  constructor(
    event: TraceEvent,
    buffer: TraceBuffer,
    names: TraceNames,
    text: (text: string) => number,
  ) {
    this.event = event;
    this.buffer = buffer;
    this.names = names;
    this.text = text;
  }

  /** Fields of an event of slab or page cache, from `start` to before `end`. @returns whether they are whole */
  parse(kind: number, start: number, end: number): boolean {
    this.bytes = this.buffer.bytes;
    this.end = end;
    this.numbers.set(this.bytes, end);
    this.seen = 0;
    this.problem = '';
    let at = start;
    // The kmem plugin of trace-cmd puts `(symbol+0x1d)` before the fields.
    if (kind <= TRACE.kfree && this.bytes[at] === OPEN) {
      at = this.wordEnd(at) + 1;
      const whole = at > start + 3 && this.bytes[at - 2] === SHUT && this.bytes[at - 1] === SPACE;
      if (!whole) return false;
    }
    while (at < end) {
      at = this.field(at);
      if (at < 0) return false;
      if (at < end && this.bytes[at] !== SPACE) return false;
      at++;
    }
    // A blank at the end would be a field without a name; there is none, as the last round would have met it.
    return at === end + 1 && this.isWhole(kind);
  }

  private isWhole(kind: number): boolean {
    const { event, seen } = this;
    if (!this.has(FIELD.name)) event.name = event.nameCgroup = -1;
    if (!this.has(FIELD.accounted)) event.accounted = -1;
    if (!this.has(FIELD.order)) event.order = 0;
    if (!this.has(FIELD.pfn)) event.pfn = Number.NaN;
    if (!this.hasRequired(kind)) return false;
    if (this.isLikeOthers(kind, seen & (OPTIONAL[kind] as number))) return true;
    this.problem = CUT;
    return false;
  }

  private has(fields: number): boolean {
    return (this.seen & fields) === fields;
  }

  private hasRequired(kind: number): boolean {
    const { event, seen } = this;
    if (kind === TRACE.kmemCacheAlloc || kind === TRACE.kmalloc) {
      return this.has(ALLOCATION) && event.bytesAlloc > 0;
    }
    if (kind <= TRACE.kfree) return this.has(FREEING);
    const both = (seen & FORMATTED) !== 0 && (seen & RAW) !== 0;
    return !both && (this.has(FORMATTED) || this.has(RAW)) && event.order <= ORDER_MAX;
  }

  /**
   * Whether a line has the optional fields that others of its kind have; if not, it was cut. Two that agree in a row
   * tell what this kernel prints: one that is broken must not decide what comes after it.
   */
  private isLikeOthers(kind: number, fields: number): boolean {
    const others = this.optional[kind] as number;
    const likeLast = this.last[kind] === fields + 1;
    this.last[kind] = fields + 1;
    if (likeLast || others < 0) this.optional[kind] = fields;
    return likeLast || others < 0 || (fields & others) === others;
  }

  /** What comes is of another kernel, perhaps. */
  forget(): void {
    this.optional.fill(-1);
    this.last.fill(0);
  }

  private wordEnd(from: number): number {
    const { bytes, end } = this;
    let at = from;
    while (at < end && (bytes[at] as number) > SPACE) at++;
    return at;
  }

  /** One field. @returns the place behind it, or -1 */
  private field(start: number): number {
    const { bytes, end } = this;
    let at = start;
    while (at < end && bytes[at] !== EQUALS && (bytes[at] as number) > SPACE) at++;
    if (at === start || at === end) return -1;
    const known = this.known(start, at);
    const pair = known === FIELD.dev || known === FIELD.ino;
    if (bytes[at] !== (pair ? SPACE : EQUALS)) return -1;
    at++;
    if (known === 0 || known === OTHER) return this.skip(at);
    if ((this.seen & known) !== 0) return -1;
    this.seen |= known;
    return this.value(known, at);
  }

  private known(start: number, end: number): number {
    for (const { name, field } of FIELDS) if (this.isWord(name, start, end)) return field;
    return 0;
  }

  /** A value of one word and what `options/fields` puts behind it in brackets. */
  private skip(start: number): number {
    const stop = this.wordEnd(start);
    return stop === start ? -1 : this.brackets(stop, -1);
  }

  /** ` (256)` behind a value, which must be the same; -1 as `value` takes any. */
  private brackets(start: number, value: number): number {
    const { bytes, end } = this;
    if (start + 2 >= end || bytes[start] !== SPACE || bytes[start + 1] !== OPEN) return start;
    let at = start + 2;
    const negative = bytes[at] === DASH;
    if (negative) at++;
    // libtraceevent puts the address behind a symbol.
    const stop =
      value < 0 && this.numbers.isHex(at)
        ? this.numbers.hexadecimal(at + 2)
        : this.numbers.decimal(at);
    if (stop < 0 || bytes[stop] !== SHUT || stop >= end) return -1;
    if (value >= 0 && (negative || this.numbers.number() !== value)) return -1;
    return stop + 1;
  }

  private value(field: number, at: number): number {
    switch (field) {
      case FIELD.call_site:
        return this.callSite(at);
      case FIELD.ptr:
        return this.pointer(at);
      case FIELD.name:
        return this.name(at);
      case FIELD.accounted:
        return this.accounted(at);
      case FIELD.dev:
        return this.device(at);
      case FIELD.ino: {
        const stop = this.numbers.hexadecimal(at);
        this.keep(field, this.numbers.number());
        return stop;
      }
      default:
        return this.count(field, at);
    }
  }

  private count(field: number, at: number): number {
    const stop = this.numbers.either(at);
    if (stop < 0) return -1;
    const value = this.numbers.number();
    // Only 64-bit numbers that are not counted with may be above what is exact.
    if (value >= 2 ** 53 && (field & WIDE) === 0) return -1;
    this.keep(field, value);
    if (!this.numbers.isHex(at)) return stop;
    const after = this.brackets(stop, value < 2 ** 53 ? value : -1);
    // options/fields alone prints these in hexadecimal, and says them again.
    return after === stop && (field & DECIMAL) !== 0 ? -1 : after;
  }

  private keep(field: number, value: number): void {
    const { event } = this;
    if (field === FIELD.bytes_req) event.bytesReq = value;
    else if (field === FIELD.bytes_alloc) event.bytesAlloc = value;
    else if (field === FIELD.ofs) event.offset = value;
    else if (field === FIELD.index) event.offset = value * PAGE_BYTES;
    else if (field === FIELD.order) event.order = value;
    else if (field === FIELD.pfn) event.pfn = value;
    else if (field === FIELD.s_dev) {
      event.devMajor = Math.floor(value / 2 ** 20);
      event.devMinor = value % 2 ** 20;
    } else {
      const hex = this.numbers.decimals === 0;
      event.inode = value;
      event.inodeHigh = hex ? this.numbers.high : Math.floor(value / 2 ** 32) | 0;
      event.inodeLow = hex ? this.numbers.low : value | 0;
    }
  }

  /** `symbol+0x1/0x2`, and the module in brackets where it is in one. */
  private callSite(start: number): number {
    const { bytes, end } = this;
    let stop = this.wordEnd(start);
    if (stop + 1 < end && bytes[stop] === SPACE && bytes[stop + 1] === 0x5b) {
      stop = this.wordEnd(stop + 1);
    }
    if (stop === start || stop - start > NAME_BYTES_MAX || this.bracket(start, stop) < stop)
      return -1;
    this.event.callSite = this.names.number(this.buffer, start, stop);
    return this.event.callSite < 0 ? this.tooMany() : this.brackets(stop, -1);
  }

  private bracket(start: number, end: number): number {
    let at = start;
    while (at < end && this.bytes[at] !== OPEN) at++;
    return at;
  }

  private tooMany(): number {
    this.problem = 'names';
    return -1;
  }

  /** Kernels before 5.9 name a memcg's cache `dentry(123:foo.service)`. */
  private name(start: number): number {
    const { bytes, event, buffer } = this;
    const stop = this.wordEnd(start);
    const base = this.bracket(start, stop);
    if (base === start || base - start > NAME_BYTES_MAX) return -1;
    event.nameCgroup = -1;
    if (base < stop) {
      if (bytes[stop - 1] !== SHUT) return -1;
      event.nameCgroup = this.text(buffer.textOf(base + 1, stop - 1));
    }
    event.name = this.names.number(buffer, start, base);
    return event.name < 0 ? this.tooMany() : stop;
  }

  /** `true`, `false`, `1`, `0`, `(1)`, `(0)`. */
  private accounted(start: number): number {
    const stop = this.wordEnd(start);
    const yes = this.isOneOf(YES, start, stop);
    if (!yes && !this.isOneOf(NO, start, stop)) return -1;
    this.event.accounted = yes ? 1 : 0;
    return stop;
  }

  private isOneOf(words: readonly Uint8Array[], start: number, end: number): boolean {
    for (const word of words) if (this.isWord(word, start, end)) return true;
    return false;
  }

  private isWord(word: Uint8Array, start: number, end: number): boolean {
    if (word.length !== end - start) return false;
    for (let at = 0; at < word.length; at++) {
      if (this.bytes[start + at] !== word[at]) return false;
    }
    return true;
  }

  /** `ptr=ffff888100dbd490`, `ptr=0xffff...`, hashed, null. */
  private pointer(start: number): number {
    const { bytes, end, event } = this;
    if (bytes[start] === OPEN) return this.wordPointer(start);
    const hex = this.numbers.isHex(start) ? start + 2 : start;
    const stop = this.numbers.hexadecimal(hex);
    if (stop < 0) return -1;
    event.pointerHigh = this.numbers.high;
    event.pointerLow = this.numbers.low;
    event.hashed = this.numbers.high === 0 ? 1 : 0;
    if (stop - hex === POINTER_DIGITS) return this.brackets(stop, -1);
    if (stop - hex === 8 && hex === start && this.wordEnd(stop) === stop)
      this.problem = 'a pointer of 8 digits (a 32-bit kernel)';
    const both = stop + 1 < end && bytes[stop] === SPACE && bytes[stop + 1] === OPEN;
    return hex > start && both ? this.brackets(stop, -1) : -1;
  }

  /** `(null)` is how the kernel prints null, `(nil)` trace-cmd; another word says that there is none to be had. */
  private wordPointer(start: number): number {
    const stop = this.wordEnd(start);
    const word = this.buffer.textOf(start, Math.min(stop, start + 20));
    const { event } = this;
    if (word === '(nil)' || word === '(null)') {
      event.pointerHigh = event.pointerLow = 0;
      event.hashed = 1;
      return stop;
    }
    if (word === '(____ptrval____)') this.problem = `a pointer printed as ${word}`;
    return -1;
  }

  private device(start: number): number {
    const major = this.numbers.decimal(start);
    if (major < 0 || this.bytes[major] !== COLON) return -1;
    this.event.devMajor = this.numbers.number();
    const stop = this.numbers.decimal(major + 1);
    this.event.devMinor = this.numbers.number();
    return this.event.devMajor < 2 ** 12 && this.event.devMinor < 2 ** 20 ? stop : -1;
  }
}
