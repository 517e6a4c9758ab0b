// hot path
/**
 * What stands before the event on a line of ftrace text:
 *
 *     COMM-PID [(TGID)] [CPU] [FLAGS] SECONDS.MICROS:     cat trace, trace_pipe, trace-cmd report
 *     COMM-PID CPU FLAGS MICROSus :                       options/latency-format, trace-cmd report -l
 *
 * COMM is up to 15 bytes of anything, right-aligned to 16, so its end is the `-` in column 16 if a head follows from
 * there, and else the first `-` that one follows from. `trace-cmd report` puts `INSTANCE: ` before it.
 */
import type { TraceBuffer } from './ftrace-strings.ts';

const SPACE = 0x20;
const DASH = 0x2d;
const DOT = 0x2e;
const COLON = 0x3a;
const ZERO = 0x30;
/** Columns of COMM, right-aligned. */
export const COMM_WIDTH = 16;
const SHORT_COMM_WIDTH = 8;
const COMM_MAX = 15;
/** Bytes that the name of an instance, which is one of a folder, can have. */
const INSTANCE_MAX = 256;
/** Digits of a PID, a CPU, and a time before its fraction. */
const PID_DIGITS = 7;
const CPU_DIGITS = 4;
const TIME_DIGITS = 19;

/** Behind `us`: how long it took since the event before. */
const DELAY_MARKS = [...' +!#*@$'].map((letter) => letter.charCodeAt(0));

/** Of a byte in FLAGS: 1 anywhere, 2 in the third place only, where it says that this is an interrupt. */
export const FLAG = new Uint8Array(256);
for (const letter of '.0123456789abcdefgijklmnopqrtuvwxyABCDEFGIJKLMNOPQRSTUVWXY#') {
  FLAG[letter.charCodeAt(0)] = 1;
}
for (const letter of 'shHzZ') FLAG[letter.charCodeAt(0)] = 2;

/** Whether three to six bytes can be FLAGS: 1 in an interrupt, 0 not, -1 if they are none. */
function interruptOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 3 || end - start > 6) return -1;
  for (let at = start; at < end; at++) {
    const flag = FLAG[bytes[at] as number] as number;
    if (flag === 0 || (flag === 2 && at !== start + 2)) return -1;
  }
  return FLAG[bytes[start + 2] as number] === 2 ? 1 : 0;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

/** Reads heads; the fields are what the last one said. */
export class LineHead {
  pid = 0;
  cpu = 0;
  interrupt = -1;
  /** Microseconds, or what a clock counted. */
  time = 0;
  /** Digits of the time's fraction: 6 or 9, 0 of a clock that counts, -1 of one that counts from the first event. */
  digits = 6;
  /** Bytes before COMM's 16 columns; 0 unless `trace-cmd report` shows an instance. */
  prefix = 0;
  private readonly buffer: TraceBuffer;
  private bytes: Uint8Array = new Uint8Array(0);
  private end = 0;
  private start = 0;
  /** Whether the CPU had no brackets. */
  private latency = false;
  /** What the trace has: 1 with brackets, 2 without, 0 not known yet. A line of the other form is none. */
  private form = 0;
  /** Digits of seconds' fractions in this trace, 0 if not known yet. A line with others is none. */
  fraction = 0;

  constructor(buffer: TraceBuffer) {
    this.buffer = buffer;
  }

  /** @returns where the event's name begins, -1 if there is no head */
  parse(start: number, end: number): number {
    this.bytes = this.buffer.bytes;
    this.end = end;
    this.prefix = 0;
    const plain = this.from(start);
    if (plain >= 0) return plain;
    const instance = this.instanceEnd(start);
    if (instance > start) {
      this.prefix = instance - start;
      return this.from(instance);
    }
    // `grep -n` puts `12:` or `12-` before a line.
    const numbered = this.number(start, PID_DIGITS);
    const marked = numbered > 0 && (this.is(numbered, COLON) || this.is(numbered, DASH));
    return marked ? this.from(numbered + 1) : -1;
  }

  /** Behind `NAME: ` at the line's beginning. */
  private instanceEnd(start: number): number {
    const { bytes } = this;
    let at = start;
    const last = Math.min(this.end, start + INSTANCE_MAX);
    while (at < last && (bytes[at] as number) > SPACE) at++;
    return at > start + 1 && bytes[at - 1] === COLON && this.is(at, SPACE) ? at + 1 : -1;
  }

  /** A head whose COMM begins at `start`, or after blanks. */
  private from(start: number): number {
    this.start = start;
    const aligned = start + COMM_WIDTH;
    const event = this.after(aligned);
    if (event >= 0) return event;
    let comm = start;
    while (this.is(comm, SPACE)) comm++;
    for (let dash = comm + 1; dash <= comm + COMM_MAX; dash++) {
      const found = dash === aligned ? -1 : this.after(dash);
      if (found >= 0) return found;
    }
    return -1;
  }

  private is(at: number, byte: number): boolean {
    return at < this.end && this.bytes[at] === byte;
  }

  /** What follows if COMM ends at a dash. */
  private after(dash: number): number {
    const cpu = this.task(dash, this.end);
    return cpu < 0 ? -1 : this.flagsAndTime(cpu);
  }

  /**
   * PID and CPU of a COMM that ends at `dash`, from lines that end before `end`.
   * @returns the place behind them: of a bracket and a blank, or of a CPU without brackets; -1 if they are none
   */
  task(dash: number, end: number): number {
    this.end = end;
    const { bytes } = this.buffer;
    this.bytes = bytes;
    if (dash >= end || bytes[dash] !== DASH) return -1;
    let at = this.number(dash + 1, PID_DIGITS);
    if (at < 0 || !this.is(at, SPACE)) return -1;
    this.pid = this.value;
    while (this.is(at, SPACE)) at++;
    // The thread group, with options/record-tgid: a number or dashes, right-aligned.
    if (this.is(at, 0x28)) {
      at = this.threadGroup(at);
      if (at < 0) return -1;
    }
    this.latency = !this.is(at, 0x5b);
    if (this.latency && !this.isShort(dash)) return -1;
    if (this.form !== 0 && this.latency !== (this.form === 2)) return -1;
    at = this.number(this.latency ? at : at + 1, CPU_DIGITS);
    if (at < 0) return -1;
    this.cpu = this.value;
    if (this.latency) return at;
    return this.is(at, 0x5d) && this.is(at + 1, SPACE) ? at + 2 : -1;
  }

  /** Whether COMM ends where its eight columns do: those of a CPU without brackets. */
  private isShort(dash: number): boolean {
    return dash - SHORT_COMM_WIDTH === this.start;
  }

  /** The line was an event: those that follow have the same form. */
  keepForm(): void {
    this.form = this.latency ? 2 : 1;
    if (this.digits > 0) this.fraction = this.digits;
  }

  /** What comes may have another form. */
  forget(): void {
    this.form = 0;
    this.fraction = 0;
  }

  private threadGroup(open: number): number {
    let at = open + 1;
    while (this.is(at, SPACE)) at++;
    if (this.is(at, DASH)) while (this.is(at, DASH)) at++;
    else at = this.number(at, PID_DIGITS);
    if (at < 0 || !this.is(at, 0x29)) return -1;
    at++;
    while (this.is(at, SPACE)) at++;
    return at;
  }

  private value = 0;

  /** A decimal number of so many digits at most into `value`. @returns the place behind it, or -1 */
  private number(from: number, most: number): number {
    const { bytes, end } = this;
    let value = 0;
    let at = from;
    for (const last = Math.min(end, from + most); at < last; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    this.value = value;
    return at === from ? -1 : at;
  }

  private flagsAndTime(from: number): number {
    const { bytes, end } = this;
    let at = from;
    // FLAGS follow a CPU without brackets at once.
    if (!this.latency) while (this.is(at, SPACE)) at++;
    if (at === end) return -1;
    this.interrupt = -1;
    if (!isDigit(bytes[at] as number)) {
      const first = at;
      while (at < end && bytes[at] !== SPACE) at++;
      this.interrupt = interruptOf(bytes, first, at);
      if (this.interrupt < 0 || (this.latency && at - first < 4)) return -1;
      while (this.is(at, SPACE)) at++;
    } else if (this.latency) return -1;
    return this.clock(at);
  }

  /** `3064.815331:`, `395509:` or `19324us :`, and the blanks behind it. */
  private clock(from: number): number {
    const { bytes, end } = this;
    let at = this.count(from);
    if (at < 0) return -1;
    this.digits = 0;
    if (this.is(at, DOT)) {
      const whole = this.time;
      const stop = this.number(at + 1, 9);
      this.digits = stop - at - 1;
      if (stop < 0 || (this.digits !== 6 && this.digits !== 9)) return -1;
      if (this.fraction !== 0 && this.fraction !== this.digits) return -1;
      this.time = whole * 1e6 + (this.digits === 6 ? this.value : this.value / 1000);
      at = stop;
    } else if (this.is(at, 0x75) && this.is(at + 1, 0x73)) {
      this.digits = -1;
      at += 2;
      if (at < end && DELAY_MARKS.includes(bytes[at] as number)) at++;
    }
    if (!this.is(at, COLON) || !this.is(at + 1, SPACE)) return -1;
    at++;
    while (at < end && bytes[at] === SPACE) at++;
    return at < end ? at : -1;
  }

  /** A count into `time`: rounded once, as `Number` does, though it may have 19 digits. */
  private count(from: number): number {
    let at = from;
    while (at < this.end && isDigit(this.bytes[at] as number)) at++;
    const digits = at - from;
    if (digits === 0 || digits > TIME_DIGITS) return -1;
    // Of a number below 2^62, the part before the last nine digits times 1e9 is exact.
    const low = Math.min(digits, 9);
    this.number(from, digits - low);
    const high = digits > low ? this.value : 0;
    this.number(at - low, low);
    this.time = high * 1e9 + this.value;
    return at;
  }
}
