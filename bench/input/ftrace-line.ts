// hot path
/**
 * One line of an ftrace text, from its bytes, into an event: `TASK-PID [CPU] FLAGS SECONDS.MICROS: EVENT: fields`.
 * No string is made of what comes up again and again. Fields are looked for by name; one that is missing or no
 * number makes the line a bad one, never a wrong one.
 */
import { emptyEvent, TRACE, type TraceEvent } from './ftrace-events.ts';
import { EVENTS, FALSE, hexDigit, KEY, MARK, PRINT, TRUE } from './ftrace-keys.ts';
import { TraceStrings } from './ftrace-strings.ts';

/** What a line was. */
export const LINE = { event: 0, skipped: 1, bad: 2 } as const;

const SPACE = 0x20;
const DASH = 0x2d;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const COLON = 0x3a;
const DOT = 0x2e;
const PAREN = 0x28;
const SHUT = 0x29;
/** Longest name of a task, and what a buffer's name may put before it. */
const COMM_MAX = 16;
const MICROS = 6;

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** Parses lines; `event` is what the last one said. */
export class LineParser {
  readonly event: TraceEvent = emptyEvent();
  readonly strings = new TraceStrings();
  /** Events that are not looked at, by the number of their name. */
  readonly skipped = new Map<number, number>();
  /** Whether the last time had a fraction: seconds, not a count. */
  seconds = true;
  private buffer: Uint8Array = new Uint8Array(0);
  private at = 0;
  private end = 0;
  /** Where the fields begin. */
  private begin = 0;

  /** @returns one of LINE */
  parse(buffer: Uint8Array, start: number, end: number): number {
    this.buffer = buffer;
    this.end = end;
    if (!this.head(start)) return LINE.bad;
    const kind = this.eventKind();
    if (kind < 0) return LINE.bad;
    if (kind === 0) return LINE.skipped;
    this.event.kind = kind;
    this.begin = this.at;
    return this.fields(kind) ? LINE.event : LINE.bad;
  }

  /** Task, CPU, flags and time; leaves `at` behind them. */
  private head(start: number): boolean {
    const { buffer, end, event } = this;
    let first = start;
    while (first < end && buffer[first] === SPACE) first++;
    const last = Math.min(end, first + 2 * COMM_MAX + 32);
    for (let at = first + 1; at < last; at++) {
      if (buffer[at] !== DASH || !isDigit(buffer[at + 1])) continue;
      let pid = 0;
      let place = at + 1;
      while (isDigit(buffer[place])) pid = pid * 10 + (buffer[place++] as number) - 0x30;
      if (buffer[place] !== SPACE) continue;
      while (buffer[place] === SPACE) place++;
      if (buffer[place] === PAREN) {
        // The thread group, with options/record-tgid.
        while (place < last && buffer[place] !== SHUT) place++;
        place++;
        while (buffer[place] === SPACE) place++;
      }
      if (buffer[place] !== OPEN || !isDigit(buffer[place + 1])) continue;
      let cpu = 0;
      place++;
      while (isDigit(buffer[place])) cpu = cpu * 10 + (buffer[place++] as number) - 0x30;
      if (buffer[place] !== CLOSE || buffer[place + 1] !== SPACE) continue;
      event.pid = pid;
      event.cpu = cpu;
      return this.flagsAndTime(place + 1);
    }
    return false;
  }

  private flagsAndTime(from: number): boolean {
    const { buffer, end, event } = this;
    let place = from;
    while (place < end && buffer[place] === SPACE) place++;
    event.interrupt = -1;
    if (!this.time(place)) {
      let interrupt = 0;
      while (place < end && buffer[place] !== SPACE) {
        const flag = buffer[place++] as number;
        // h, H, s, z, Z: in a hard or soft interrupt, or an NMI.
        if (flag === 0x73 || flag === 0x68 || flag === 0x48 || flag === 0x7a || flag === 0x5a) {
          interrupt = 1;
        }
      }
      event.interrupt = interrupt;
      while (place < end && buffer[place] === SPACE) place++;
      return this.time(place);
    }
    return true;
  }

  /** `3064.815331:` or a bare count; leaves `at` behind it, false if it is none. */
  private time(from: number): boolean {
    const { buffer, end, event } = this;
    let place = from;
    let whole = 0;
    if (!isDigit(buffer[place])) return false;
    while (isDigit(buffer[place])) whole = whole * 10 + (buffer[place++] as number) - 0x30;
    this.seconds = buffer[place] === DOT;
    if (this.seconds) {
      let micros = 0;
      const fraction = ++place;
      while (isDigit(buffer[place])) micros = micros * 10 + (buffer[place++] as number) - 0x30;
      if (place - fraction !== MICROS) return false;
      whole = whole * 1e6 + micros;
    }
    if (buffer[place] !== COLON) return false;
    place++;
    while (place < end && buffer[place] === SPACE) place++;
    event.time = whole;
    this.at = place;
    return true;
  }

  /** Kind of the event, 0 for one that is not looked at, -1 if there is none; `at` is behind it. */
  private eventKind(): number {
    const { buffer, end } = this;
    const start = this.at;
    let stop = start;
    while (stop < end && buffer[stop] !== COLON && buffer[stop] !== SPACE) stop++;
    if (stop === start || stop === end || buffer[stop] !== COLON) return -1;
    let next = stop + 1;
    while (next < end && buffer[next] === SPACE) next++;
    this.at = next;
    for (const { name, kind } of EVENTS) {
      if (name.length === stop - start && this.isAt(start, name)) {
        // trace-cmd's kmem plugin puts `(symbol+0x1d)` before the fields.
        if (buffer[next] === PAREN) this.skipPlugin();
        return kind;
      }
    }
    // trace-cmd report shows markers as `print: tracing_mark_write: text`.
    if (this.isAt(start, PRINT) && this.isAt(next, MARK)) {
      this.at = next + MARK.length;
      return TRACE.marker;
    }
    const number = this.strings.number(buffer, start, stop);
    this.skipped.set(number, (this.skipped.get(number) ?? 0) + 1);
    return 0;
  }

  private skipPlugin(): void {
    const { buffer, end } = this;
    let place = this.at;
    while (place < end && buffer[place] !== SPACE) place++;
    while (place < end && buffer[place] === SPACE) place++;
    this.at = place;
  }

  private isAt(place: number, text: Uint8Array): boolean {
    const { buffer } = this;
    if (place + text.length > this.end) return false;
    for (let at = 0; at < text.length; at++) if (buffer[place + at] !== text[at]) return false;
    return true;
  }

  /** Place behind a key that stands at `at` or after a space further on; -1 if there is none. */
  private find(key: Uint8Array): number {
    const { buffer, end } = this;
    const first = key[0] as number;
    for (let place = this.at; place < end; place++) {
      if (buffer[place] !== first) continue;
      if (place !== this.begin && buffer[place - 1] !== SPACE) continue;
      if (this.isAt(place, key)) {
        this.at = place + key.length;
        return this.at;
      }
    }
    return -1;
  }

  /** The same, from the end of the line: what comes before may have any text in it. */
  private findLast(key: Uint8Array): number {
    const { buffer } = this;
    for (let place = this.end - key.length; place >= this.at; place--) {
      if (place !== this.begin && buffer[place - 1] !== SPACE) continue;
      if (this.isAt(place, key)) return place + key.length;
    }
    return -1;
  }

  /** A decimal number at a place that ends at a space, the line's end or `until`; NaN otherwise. */
  private decimal(from: number, until = SPACE): number {
    const { buffer, end } = this;
    if (from < 0) return Number.NaN;
    let value = 0;
    let place = from;
    while (place < end && isDigit(buffer[place])) {
      value = value * 10 + (buffer[place++] as number) - 0x30;
    }
    const ends = place === end || buffer[place] === SPACE || buffer[place] === until;
    return place > from && ends ? value : Number.NaN;
  }

  private hexadecimal(from: number): number {
    const { buffer, end } = this;
    if (from < 0) return Number.NaN;
    let value = 0;
    let place = from;
    for (; place < end && buffer[place] !== SPACE; place++) {
      const digit = hexDigit(buffer[place] as number);
      if (digit < 0) return Number.NaN;
      value = value * 16 + digit;
    }
    return place > from ? value : Number.NaN;
  }

  private wordEnd(from: number): number {
    const { buffer, end } = this;
    let place = from;
    while (place < end && buffer[place] !== SPACE) place++;
    return place;
  }

  private fields(kind: number): boolean {
    switch (kind) {
      case TRACE.kmemCacheAlloc:
      case TRACE.kmalloc:
        return this.allocation(kind);
      case TRACE.kmemCacheFree:
      case TRACE.kfree:
        return this.freeing(kind);
      case TRACE.filemapAdd:
      case TRACE.filemapDelete:
        return this.filemap();
      case TRACE.cgroupMkdir:
      case TRACE.cgroupRmdir:
      case TRACE.cgroupRelease:
        return this.cgroup(KEY.root, KEY.id, KEY.level) && this.pathToEnd(KEY.path, this.end);
      case TRACE.cgroupAttach:
      case TRACE.cgroupTransfer:
        return this.attach();
      case TRACE.fork:
        this.event.childPid = this.decimal(this.findLast(KEY.childPid));
        return !Number.isNaN(this.event.childPid);
      case TRACE.marker:
        this.event.text = this.strings.number(this.buffer, this.at, this.end);
        return true;
      default:
        return true;
    }
  }

  /** `ptr=ffff888100dbd490`, `ptr=0xffff...` or hashed; false for anything else. */
  private pointer(): boolean {
    const { buffer, event } = this;
    let place = this.find(KEY.ptr);
    if (place < 0) return false;
    if (buffer[place] === 0x30 && buffer[place + 1] === 0x78) place += 2;
    const stop = this.wordEnd(place);
    if (stop - place !== 16) return false;
    let high = 0;
    let low = 0;
    for (let at = 0; at < 16; at++) {
      const digit = hexDigit(buffer[place + at] as number);
      if (digit < 0) return false;
      if (at < 8) high = (high << 4) | digit;
      else low = (low << 4) | digit;
    }
    event.pointerHigh = high;
    event.pointerLow = low;
    this.at = stop;
    return true;
  }

  private allocation(kind: number): boolean {
    const { event, buffer } = this;
    const site = this.find(KEY.callSite);
    if (site < 0 || !this.pointer()) return false;
    event.name = -1;
    event.callSite = -1;
    if (kind === TRACE.kmemCacheAlloc) {
      const name = this.find(KEY.name);
      if (name >= 0) event.name = this.cacheName(name);
      else event.callSite = this.strings.number(buffer, site, this.wordEnd(site));
    }
    event.bytesReq = this.decimal(this.find(KEY.bytesReq));
    event.bytesAlloc = this.decimal(this.find(KEY.bytesAlloc));
    if (Number.isNaN(event.bytesReq) || !(event.bytesAlloc > 0)) return false;
    const accounted = this.find(KEY.accounted);
    if (accounted < 0) event.accounted = -1;
    else if (this.isAt(accounted, TRUE) && accounted + TRUE.length === this.end)
      event.accounted = 1;
    else if (this.isAt(accounted, FALSE) && accounted + FALSE.length === this.end)
      event.accounted = 0;
    else return false;
    return true;
  }

  /** Kernels before 5.9 name a memcg's cache `dentry(123:foo.service)`. */
  private cacheName(from: number): number {
    const { buffer } = this;
    let stop = this.wordEnd(from);
    for (let place = from + 1; place < stop; place++) if (buffer[place] === PAREN) stop = place;
    return this.strings.number(buffer, from, stop);
  }

  private freeing(kind: number): boolean {
    const { event } = this;
    if (!this.pointer()) return false;
    event.name = -1;
    if (kind === TRACE.kfree) return true;
    const name = this.find(KEY.name);
    if (name >= 0) event.name = this.cacheName(name);
    return true;
  }

  private filemap(): boolean {
    const { event, buffer } = this;
    const dev = this.find(KEY.dev);
    event.devMajor = this.decimal(dev, COLON);
    let place = Math.max(0, dev);
    while (isDigit(buffer[place])) place++;
    event.devMinor = buffer[place] === COLON ? this.decimal(place + 1) : Number.NaN;
    event.inode = this.hexadecimal(this.find(KEY.ino));
    event.offset = this.decimal(this.find(KEY.ofs));
    const order = this.find(KEY.order);
    // Kernels before folios were larger than a page do not say.
    event.order = order < 0 ? 0 : this.decimal(order);
    return event.devMajor + event.devMinor + event.inode + event.offset + event.order >= 0;
  }

  private cgroup(root: Uint8Array, id: Uint8Array, level: Uint8Array): boolean {
    const { event } = this;
    event.root = this.decimal(this.find(root));
    event.cgroup = this.decimal(this.find(id));
    event.level = this.decimal(this.find(level));
    return event.root + event.cgroup + event.level >= 0;
  }

  private pathToEnd(key: Uint8Array, end: number): boolean {
    const path = this.find(key);
    if (path < 0 || path >= end) return false;
    this.event.path = this.strings.number(this.buffer, path, end);
    return true;
  }

  private attach(): boolean {
    if (!this.cgroup(KEY.dstRoot, KEY.dstId, KEY.dstLevel)) return false;
    const pid = this.findLast(KEY.pid);
    const comm = this.findLast(KEY.comm);
    if (pid < 0 || comm < pid) return false;
    this.event.targetPid = this.decimal(pid);
    if (Number.isNaN(this.event.targetPid)) return false;
    return this.pathToEnd(KEY.dstPath, pid - KEY.pid.length - 1);
  }
}
