// hot path
/**
 * The lines that a trace is made of, slab and page cache events as `cat trace` and `trace-cmd report` print them: each
 * byte is read once, four at a time where it can be, without a string or an object. A line that is in any way
 * different is left to the general parser, which alone decides whether it is bad.
 */
import { TRACE, type TraceEvent } from './ftrace-events.ts';
import { FIELD, ORDER_MAX } from './ftrace-fields.ts';
import { HotHeads } from './ftrace-hot-head.ts';
import { HotWords, word } from './ftrace-hot-words.ts';
import type { LineParser } from './ftrace-line.ts';
import type { TraceBuffer } from './ftrace-strings.ts';

const NEWLINE = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;

const KMEM = word('kmem');
const CAC = word('_cac');
const HE_A = word('he_a');
const HE_F = word('he_f');
const LLOC = word('lloc');
const REE = word('ree:');
const KFRE = word('kfre');
const KMAL = word('kmal');
const MM_F = word('mm_f');
const BYTE = word('byte');
const S_RE = word('s_re');
const S_AL = word('s_al');
const LOC_IS = word('loc=');
const GFP = word('gfp_');
const FLAGS = word('flag');
const NODE = word('node');
const ACCO = word('acco');
const UNTE = word('unte');
const TRUE = word('true');
const FALS = word('fals');
const Q_IS = word('q=');
const D_IS = word('d=');
const S_IS = word('s=');
const ZERO_X = word('0x');
const DEV = word('dev ');
const INO = word(' ino');
const PFN = word(' pfn');
const OFS = word(' ofs');
const ORDE = word(' ord');
const ER = word('er');
const LO = word('lo');
const ADD = word('ilem');
const ADD_TO = new TextEncoder().encode('ap_add_to_page_cache');
const DELETE_FROM = new TextEncoder().encode('ap_delete_from_page_cache');

/** Optional fields, of which the general parser learns whether this kernel has them. */
const NAMED = FIELD.name;
const ACCOUNTED = FIELD.accounted;
const ORDER = FIELD.order;

/** Reads hot lines. */
export class HotLines extends HotWords {
  /** Heads of lines: also says what the time was of, and takes the name of an instance. */
  readonly heads: HotHeads;
  private readonly buffer: TraceBuffer;
  private readonly event: TraceEvent;
  private readonly optional: Int32Array;
  private readonly last: Int32Array;

  /** @param parser learns what this one goes by: names, and what the kernel prints */
  constructor(buffer: TraceBuffer, event: TraceEvent, { names, head, fields }: LineParser) {
    super(names);
    this.heads = new HotHeads(buffer, event, head);
    this.buffer = buffer;
    this.event = event;
    this.optional = fields.optional;
    this.last = fields.last;
  }

  /**
   * Reads the line that begins at `start`; a line break must follow somewhere.
   * @returns where the next one begins, or -1 if this one is not hot, and the event then means nothing
   */
  line(start: number): number {
    this.b = this.buffer.bytes;
    this.v = this.buffer.view;
    const at = this.heads.read(start);
    const next = at < 0 ? -1 : this.named(at);
    if (next > 0) {
      const { kind } = this.event;
      this.last[kind] = (this.optional[kind] as number) + 1;
    }
    return next;
  }

  private allocation(kind: number, start: number): number {
    const { b, v, event } = this;
    const known = this.optional[kind] as number;
    if (known < 0) return -1;
    let at = this.callSite(start);
    if (at < 0) return -1;
    const site = this.value;
    at = this.pointer(at);
    if (at < 0 || b[at] !== SPACE) return -1;
    at++;
    let name = -1;
    if ((known & NAMED) !== 0) {
      at = this.cacheName(at);
      if (at < 0 || b[at] !== SPACE) return -1;
      name = this.value;
      at++;
    }
    if (v.getInt32(at, true) !== BYTE || v.getInt32(at + 4, true) !== S_RE) return -1;
    if (v.getInt16(at + 8, true) !== Q_IS) return -1;
    at = this.decimal(at + 10);
    if (at < 0 || b[at] !== SPACE) return -1;
    const requested = this.value;
    at++;
    if (v.getInt32(at, true) !== BYTE || v.getInt32(at + 4, true) !== S_AL) return -1;
    if (v.getInt32(at + 8, true) !== LOC_IS) return -1;
    at = this.decimal(at + 12);
    if (at < 0 || b[at] !== SPACE || this.value === 0) return -1;
    const allocated = this.value;
    at = this.accounted(at + 1, known);
    if (at < 0) return -1;
    event.accounted = this.value;
    event.callSite = site;
    event.name = name;
    event.nameCgroup = -1;
    event.bytesReq = requested;
    event.bytesAlloc = allocated;
    return this.keepPointer(at);
  }

  private keepPointer(at: number): number {
    const { event } = this;
    event.pointerHigh = this.high;
    event.pointerLow = this.low;
    event.hashed = this.high === 0 ? 1 : 0;
    return at;
  }

  /** `gfp_flags=WORD node=WORD accounted=true` and the line's end, or less of it; into `value`. */
  private accounted(start: number, known: number): number {
    const { b, v } = this;
    if (v.getInt32(start, true) !== GFP || v.getInt32(start + 4, true) !== FLAGS) return -1;
    if (v.getInt16(start + 8, true) !== S_IS) return -1;
    let at = this.wordEnd(start + 10);
    if (at === start + 10) return -1;
    if (b[at] === SPACE && v.getInt32(at + 1, true) === NODE && b[at + 5] === 0x3d) {
      const from = at + 6;
      at = this.wordEnd(from);
      if (at === from) return -1;
    }
    this.value = -1;
    if ((known & ACCOUNTED) === 0) return b[at] === NEWLINE ? at + 1 : -1;
    if (b[at] !== SPACE || v.getInt32(at + 1, true) !== ACCO) return -1;
    if (v.getInt32(at + 5, true) !== UNTE || v.getInt16(at + 9, true) !== D_IS) return -1;
    const said = v.getInt32(at + 11, true);
    if (said === TRUE && b[at + 15] === NEWLINE) {
      this.value = 1;
      return at + 16;
    }
    this.value = 0;
    return said === FALS && b[at + 15] === 0x65 && b[at + 16] === NEWLINE ? at + 17 : -1;
  }

  private freeing(kind: number, start: number): number {
    const known = this.optional[kind] as number;
    if (known < 0) return -1;
    const { b, event } = this;
    let at = this.callSite(start);
    if (at < 0) return -1;
    const site = this.value;
    at = this.pointer(at);
    if (at < 0) return -1;
    let name = -1;
    if ((known & NAMED) !== 0) {
      if (b[at] !== SPACE) return -1;
      at = this.cacheName(at + 1);
      if (at < 0) return -1;
      name = this.value;
    }
    if (b[at] !== NEWLINE) return -1;
    event.callSite = site;
    event.name = name;
    event.nameCgroup = -1;
    return this.keepPointer(at + 1);
  }

  /** `dev 254:0 ino 218043 pfn=0x1a86a4 ofs=0 order=0` and the line's end. */
  private filemap(kind: number, start: number): number {
    const { b, v, event } = this;
    if (start < 0 || this.optional[kind] !== ORDER) return -1;
    if (v.getInt32(start, true) !== DEV) return -1;
    let at = this.decimal(start + 4);
    if (at < 0 || b[at] !== COLON || this.value > 0xfff) return -1;
    const major = this.value;
    at = this.decimal(at + 1);
    if (at < 0 || this.value > 0xfffff || v.getInt32(at, true) !== INO || b[at + 4] !== SPACE)
      return -1;
    const minor = this.value;
    at = this.hexadecimal(at + 5);
    if (at < 0 || v.getInt32(at, true) !== PFN || b[at + 4] !== 0x3d) return -1;
    const inode = this.value;
    if (v.getInt16(at + 5, true) !== ZERO_X) return -1;
    at = this.hexadecimal(at + 7);
    if (at < 0 || v.getInt32(at, true) !== OFS || b[at + 4] !== 0x3d) return -1;
    const pfn = this.value;
    at = this.decimal(at + 5);
    if (at < 0 || v.getInt32(at, true) !== ORDE || v.getInt16(at + 4, true) !== ER) return -1;
    const offset = this.value;
    if (b[at + 6] !== 0x3d) return -1;
    at = this.decimal(at + 7);
    if (at < 0 || b[at] !== NEWLINE || this.value > ORDER_MAX) return -1;
    event.devMajor = major;
    event.devMinor = minor;
    event.inode = inode;
    event.inodeHigh = 0;
    event.inodeLow = inode;
    event.pfn = pfn;
    event.offset = offset;
    event.order = this.value;
    return at + 1;
  }

  /** Where the fields begin: behind a colon and blanks. */
  private fieldsAt(colon: number): number {
    const { b } = this;
    if (b[colon] !== COLON || b[colon + 1] !== SPACE) return -1;
    let at = colon + 2;
    while (b[at] === SPACE) at++;
    return at;
  }

  /** The event at `at`, to the line's end. */
  private named(at: number): number {
    const { b, v, event } = this;
    const first = v.getInt32(at, true);
    if (first === KMEM && v.getInt32(at + 4, true) === CAC) {
      const third = v.getInt32(at + 8, true);
      const fourth = v.getInt32(at + 12, true);
      if (third === HE_F && fourth === REE) {
        event.kind = TRACE.kmemCacheFree;
        return this.freeing(TRACE.kmemCacheFree, this.fieldsAt(at + 15));
      }
      if (third !== HE_A || fourth !== LLOC) return -1;
      event.kind = TRACE.kmemCacheAlloc;
      return this.allocation(TRACE.kmemCacheAlloc, this.fieldsAt(at + 16));
    }
    if (first === KFRE && b[at + 4] === 0x65) {
      event.kind = TRACE.kfree;
      return this.freeing(TRACE.kfree, this.fieldsAt(at + 5));
    }
    if (first === KMAL && v.getInt16(at + 4, true) === LO && b[at + 6] === 0x63) {
      event.kind = TRACE.kmalloc;
      return this.allocation(TRACE.kmalloc, this.fieldsAt(at + 7));
    }
    if (first !== MM_F || v.getInt32(at + 4, true) !== ADD) return -1;
    if (this.isWord(ADD_TO, at + 8)) {
      event.kind = TRACE.filemapAdd;
      return this.filemap(TRACE.filemapAdd, this.fieldsAt(at + 8 + ADD_TO.length));
    }
    if (!this.isWord(DELETE_FROM, at + 8)) return -1;
    event.kind = TRACE.filemapDelete;
    return this.filemap(TRACE.filemapDelete, this.fieldsAt(at + 8 + DELETE_FROM.length));
  }
}
