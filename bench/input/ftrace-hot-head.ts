// hot path
/**
 * The heads of hot lines. Most lines repeat a task on a CPU that came up before: its bytes are compared with what was
 * read then, and only the flags and the time are read.
 */
import type { TraceEvent } from './ftrace-events.ts';
import { COMM_WIDTH, FLAG, type LineHead } from './ftrace-head.ts';
import { HIGH, word } from './ftrace-hot-words.ts';
import type { TraceBuffer } from './ftrace-strings.ts';

const NEWLINE = 0x0a;
const SPACE = 0x20;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;

const MIX = 0x9e3779b1;
const NO_FLAGS = word('....');

/** Tasks whose heads are remembered, at a place that follows from their bytes. */
const HEADS = 256;
/** So many at first, for inputs of a few lines. */
const FEW_HEADS = 4;
/** Of a row: length, PID, CPU, and the bytes. */
const HEAD_ROW = 20;
const HEAD_BYTES_MAX = 64;
const HEAD_BYTES_MIN = COMM_WIDTH + 8;

/** Reads heads of hot lines. */
export class HotHeads {
  /** Whether the time of the last one had a fraction: seconds, not a count. */
  fraction = false;
  private heads = new Int32Array(FEW_HEADS * HEAD_ROW);
  private mask = FEW_HEADS - 1;
  private learned = 0;
  private readonly buffer: TraceBuffer;
  private readonly event: TraceEvent;
  private readonly head: LineHead;
  private prefix = new Uint8Array(0);
  private b = new Uint8Array(0);
  private v = new DataView(this.b.buffer);
  private whole = 0;

  /** @param head reads those that are new */
  constructor(buffer: TraceBuffer, event: TraceEvent, head: LineHead) {
    this.buffer = buffer;
    this.event = event;
    this.head = head;
  }

  /** Lines begin with these bytes of the buffer, the name of an instance; none if `start` is `end`. */
  setPrefix(start: number, end: number): void {
    this.prefix = this.buffer.bytes.slice(start, end);
    this.heads.fill(0);
  }

  /** Reads the head of the line at `start` into the event. @returns where the event's name begins, or -1 */
  read(start: number): number {
    const { bytes: b, view: v } = this.buffer;
    if (this.learned > FEW_HEADS && this.mask < HEADS - 1) this.grow();
    const { heads, event, prefix } = this;
    this.b = b;
    this.v = v;
    if (prefix.length > 0 && !this.isPrefix(start)) return -1;
    const first = start + prefix.length;
    const row = this.rowOf(first);
    if ((heads[row] === 0 || !this.isHead(row, first)) && !this.learn(row, first)) return -1;
    event.pid = heads[row + 1] as number;
    event.cpu = heads[row + 2] as number;
    let at = first + (heads[row] as number);
    while (b[at] === SPACE) at++;
    const next = (b[at] as number) - ZERO;
    if (next >= 0 && next <= 9) event.interrupt = -1;
    else {
      at = this.flags(at);
      if (at < 0) return -1;
      while (b[at] === SPACE) at++;
    }
    return this.clock(at);
  }

  /** A decimal number of up to ten digits into `whole`; the place behind it, -1 if there is none. */
  private decimal(start: number): number {
    const { b } = this;
    let sum = 0;
    let at = start;
    for (let digit = (b[at] as number) - ZERO; digit >= 0 && digit <= 9; ) {
      sum = sum * 10 + digit;
      digit = (b[++at] as number) - ZERO;
    }
    this.whole = sum;
    return at === start || at - start > 10 ? -1 : at;
  }

  /** FLAGS; where the time begins, or -1. */
  private flags(at: number): number {
    const { b, v, event } = this;
    const four = v.getInt32(at, true);
    const fifth = b[at + 4] as number;
    event.interrupt = 0;
    if (four === NO_FLAGS && fifth === DOT && b[at + 5] === SPACE) return at + 6;
    const third = FLAG[(four >>> 16) & 0xff] as number;
    const others =
      FLAG[four & 0xff] === 1 && FLAG[(four >>> 8) & 0xff] === 1 && FLAG[four >>> 24] === 1;
    if (!others || third === 0) return -1;
    if (third === 2) event.interrupt = 1;
    if (fifth === SPACE) return at + 5;
    return FLAG[fifth] === 1 && b[at + 5] === SPACE ? at + 6 : -1;
  }

  /** `3064.815331: ` or `395509: `; where the event's name begins, or -1. */
  private clock(start: number): number {
    const { b, v, event } = this;
    let at = this.decimal(start);
    if (at < 0) return -1;
    let time = this.whole;
    this.fraction = b[at] === DOT;
    if (this.fraction) {
      if (this.head.fraction === 9) return -1;
      at++;
      const four = v.getInt32(at, true) - 0x30303030;
      const fifth = (b[at + 4] as number) - ZERO;
      const sixth = (b[at + 5] as number) - ZERO;
      if ((((four + 0x76767676) | four) & HIGH) !== 0) return -1;
      if (fifth < 0 || fifth > 9 || sixth < 0 || sixth > 9) return -1;
      const pairs = Math.imul(four, 10) + (four >>> 8);
      const upper = (pairs & 0xff) * 100 + ((pairs >>> 16) & 0xff);
      time = this.whole * 1e6 + (upper * 100 + fifth * 10 + sixth);
      at += 6;
    }
    if (b[at] !== COLON || b[at + 1] !== SPACE) return -1;
    at += 2;
    while (b[at] === SPACE) at++;
    event.time = time;
    return at;
  }

  /** Whether a row of `heads` is at `at`. */
  private isHead(row: number, at: number): boolean {
    const { v, heads } = this;
    const last = at + (heads[row] as number) - 4;
    let place = row + 3;
    let from = at;
    for (; from < last; from += 4) if (v.getInt32(from, true) !== heads[place++]) return false;
    return v.getInt32(last, true) === heads[place];
  }

  /** Reads a head anew and keeps it in a row. */
  private learn(row: number, at: number): boolean {
    const { b, v, heads } = this;
    this.learned++;
    heads[row] = 0;
    for (let comm = 0; comm < COMM_WIDTH; comm++) {
      const byte = b[at + comm];
      if (byte === NEWLINE || byte === 0) return false;
    }
    const end = b.indexOf(NEWLINE, at);
    const stop = this.head.task(at + COMM_WIDTH, end);
    const length = stop - at;
    if (stop < 0 || length < HEAD_BYTES_MIN || length > HEAD_BYTES_MAX) return false;
    // A CPU without brackets: another format.
    if (b[stop - 1] !== SPACE) return false;
    heads[row] = length;
    heads[row + 1] = this.head.pid;
    heads[row + 2] = this.head.cpu;
    let place = row + 3;
    for (let from = at; from < stop - 4; from += 4) heads[place++] = v.getInt32(from, true);
    heads[place] = v.getInt32(stop - 4, true);
    return true;
  }

  private grow(): void {
    this.heads = new Int32Array(HEADS * HEAD_ROW);
    this.mask = HEADS - 1;
  }

  private isPrefix(at: number): boolean {
    const { b } = this;
    for (let index = 0; index < this.prefix.length; index++) {
      if (b[at + index] !== this.prefix[index]) return false;
    }
    return true;
  }

  /** The row that a head at `at` has, if it has one. */
  private rowOf(at: number): number {
    const { v } = this;
    const task = v.getInt32(at + 12, true) ^ Math.imul(v.getInt32(at + 17, true), MIX);
    const cpu = v.getInt32(at + 20, true) ^ Math.imul(v.getInt32(at + 25, true), MIX);
    const place = Math.imul(task, MIX) ^ cpu;
    return ((place ^ (place >>> 15) ^ (place >>> 24)) & this.mask) * HEAD_ROW;
  }
}
