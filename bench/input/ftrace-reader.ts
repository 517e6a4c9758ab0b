// hot path
/**
 * A streaming reader for ftrace text: `cat trace`, `trace_pipe`, `trace-cmd report`. Constant memory, files of
 * any length; whatever is not understood is counted with its line and, under `strict`, an error.
 */
import { InputError } from '../errors.ts';
import { ANOMALY, Anomalies } from './ftrace-anomalies.ts';
import { escapeForTerminal } from './ftrace-escape.ts';
import { emptyEvent, KIND_NAMES, TRACE, type TraceEvent } from './ftrace-events.ts';
import { HotLines } from './ftrace-hot.ts';
import { LINE, LineParser } from './ftrace-line.ts';
import {
  looksBinary,
  looksLike,
  MAGIC_BYTES,
  SAMPLE_LETTERS,
  SAMPLE_LINES,
} from './ftrace-other.ts';
import { FIRST_TEXT, MAX_NAMES, TraceBuffer, TraceTexts } from './ftrace-strings.ts';
import { DID, PidFilter, type TraceFormat, type TraceSummary } from './ftrace-summary.ts';
import { TraceTimes } from './ftrace-times.ts';

export type { TraceSummary } from './ftrace-summary.ts';

/** Gets each event; the object is the same every time. */
export interface TraceHandler {
  event(event: TraceEvent): void;
}

/** How to read. */
export interface TraceOptions {
  /** How errors name the input, until `startFile` says otherwise. */
  readonly file: string;
  /** The first thing that is not as it should be is an error. */
  readonly strict: boolean;
  /** Whether an input without any event is an error that says what it looks like; false unless said. */
  readonly refuse?: boolean;
}

/** Longest line, bytes; a longer one is dropped and counted. */
const LINE_MAX = 64 * 1024;
const LONG = `a line of more than LINE_MAX (${LINE_MAX}) bytes`;
/** Bytes that are taken at a time: they stay in the cache while they are read. */
const ROOM = 4 * LINE_MAX;
const ROOM_MIN = 512;
/** Without an event or one that is skipped in so many lines, it is none. */
const HOPELESS_LINES = 2000;
const NEWLINE = 0x0a;
const HASH = 0x23;

/** Says of each kind of event what its task did. */
const DOES = new Uint8Array(16);
for (const kind of [TRACE.kmemCacheAlloc, TRACE.kmalloc, TRACE.fork]) DOES[kind] = DID.allocate;
for (const kind of [TRACE.kmemCacheFree, TRACE.kfree]) DOES[kind] = DID.free;

/** Lines of other tools around events: numbers of `grep -n`, `grep -A`, and the words of trace-cmd. */
const LOST =
  /^(?:\d+[:-])?(?:\S+: +)?CPU:\d+ \[(?:LOST (?:(\d+) )?EVENTS|(?:(\d+) )?EVENTS DROPPED)\]$/;
const REPORT =
  /^(?:\S+: +)?(?:cpus=\d+|version = \d+|CPU \d+ is empty|CPU:\d+ \[SUBBUFFER START\])$/;
const AROUND = /^(?:--| => .*)$/;
const ENTRIES = /(?:entries-in-buffer\/entries-written: |latency: .* #)(\d+)\/(\d+)/;

/** Reads a trace piece by piece. */
export class TraceReader {
  private readonly handler: TraceHandler;
  private readonly refuses: boolean;
  private readonly buffer = new TraceBuffer();
  private readonly texts = new TraceTexts();
  private readonly event = emptyEvent();
  private readonly parser: LineParser;
  private readonly hot: HotLines;
  private readonly anomalies: Anomalies;
  private readonly filter = new PidFilter();
  private readonly counts = new Float64Array(16);
  private file: string;
  /** Bytes of the buffer that are no whole line yet, and lines of this file. */
  private filled = 0;
  private room = 0;
  private dropping = false;
  private line = 0;
  private lines = 0;
  private events = 0;
  private comments = 0;
  private bad = 0;
  private skipped = 0;
  private lost = 0;
  private namesMissing = 0;
  private hashed = 0;
  private raw = 0;
  private readonly times = new TraceTimes((kind) => this.anomaly(kind));
  private hasFlags = false;
  private format: TraceFormat = 'unknown';
  private hasPrefix = false;
  private head: Uint8Array = new Uint8Array(0);
  private headIsChecked = false;
  private readonly sample: string[] = [];
  private binary = false;
  private header = false;
  private tracer = '';

  constructor(handler: TraceHandler, options: TraceOptions) {
    this.handler = handler;
    this.refuses = options.refuse ?? false;
    this.file = options.file;
    this.anomalies = new Anomalies(options.strict);
    this.parser = new LineParser(this.event, this.buffer, this.texts);
    this.hot = new HotLines(this.buffer, this.event, this.parser);
  }

  /**
   * The string that a number of an event stands for; empty for -1. Ask for texts (paths, names of tasks, markers)
   * while the event is handled: only the latest are kept. @throws RangeError for one that was forgotten
   */
  nameOf(number: number): string {
    return number >= FIRST_TEXT ? this.texts.of(number) : this.parser.names.of(number);
  }

  /** The bytes that come next are of another file: lines are counted anew. @throws InputError under strict */
  startFile(file: string): void {
    this.endFile();
    this.file = file;
    this.line = 0;
    this.times.startFile();
    this.parser.forget();
    this.hot.heads.setPrefix(0, 0);
    this.hasPrefix = false;
    this.head = new Uint8Array(0);
    this.headIsChecked = false;
  }

  /** The bytes of this file ended too early. @throws InputError under strict */
  cutFile(): void {
    this.anomaly(ANOMALY.cutFile);
  }

  private anomaly(kind: string, count = 1): void {
    this.anomalies.add(kind, this.file, this.line, count);
  }

  private badLine(kind: string): void {
    this.bad++;
    this.anomaly(kind);
  }

  /** The next bytes, cut anywhere; they are not kept. @throws InputError under strict, or if it is no trace */
  push(chunk: Uint8Array): void {
    if (!this.headIsChecked) this.checkHead(chunk);
    let at = 0;
    while (at < chunk.length) {
      if (this.dropping) {
        const end = chunk.indexOf(NEWLINE, at);
        if (end < 0) return;
        this.endDropped();
        at = end + 1;
        continue;
      }
      this.makeRoom(chunk.length - at);
      const { bytes } = this.buffer;
      const end = Math.min(chunk.length, at + this.room - this.filled);
      bytes.set(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end), this.filled);
      const filled = this.filled + end - at;
      const last = bytes.subarray(this.filled, filled).lastIndexOf(NEWLINE) + this.filled;
      at = end;
      const found = last >= this.filled;
      this.filled = filled;
      if (found) {
        this.wholeLines(last + 1);
        bytes.copyWithin(0, last + 1, filled);
        this.filled = filled - last - 1;
      }
      if (this.filled > LINE_MAX) {
        this.filled = 0;
        this.dropping = true;
      }
    }
  }

  /** Small inputs get by with little. */
  private makeRoom(needed: number): void {
    const wanted = Math.min(ROOM, this.filled + needed);
    if (wanted <= this.room) return;
    this.room = Math.min(ROOM, Math.max(ROOM_MIN, 2 ** Math.ceil(Math.log2(wanted))));
    this.buffer.reserve(this.room, this.filled);
  }

  private endDropped(): void {
    this.dropping = false;
    this.line++;
    this.lines++;
    this.badLine(LONG);
  }

  /** The lines of the buffer up to `end`. */
  private wholeLines(end: number): void {
    const { hot, handler, event, times } = this;
    let at = 0;
    while (at < end) {
      const next = hot.line(at);
      if (next < 0 || next - at > LINE_MAX) {
        at = this.otherLine(at);
        continue;
      }
      at = next;
      this.line++;
      this.lines++;
      times.check(event, hot.heads.fraction ? 6 : 0);
      this.count();
      handler.event(event);
    }
  }

  /** A line that is not hot. @returns where the next one begins */
  private otherLine(start: number): number {
    const stop = this.buffer.bytes.indexOf(NEWLINE, start);
    this.slowLine(start, stop);
    return stop + 1;
  }

  private slowLine(start: number, stop: number): void {
    const { buffer, parser } = this;
    const { bytes } = buffer;
    this.line++;
    this.lines++;
    if (stop - start > LINE_MAX) {
      this.badLine(LONG);
      return;
    }
    // A carriage return is not part of the line.
    const end = stop > start && bytes[stop - 1] === 0x0d ? stop - 1 : stop;
    if (end < stop) this.anomaly(ANOMALY.carriageReturn);
    let zero = start;
    while (zero < end && bytes[zero] !== 0) zero++;
    if (zero < end) {
      this.binary = true;
      this.keepSample(start, end);
      this.badLine(ANOMALY.binary);
      return;
    }
    if (bytes[start] === HASH || end === start) {
      this.comment(start, end);
      return;
    }
    const what = parser.parse(start, end);
    if (what === LINE.bad) this.noEvent(start, end);
    else this.understood(what, start);
  }

  private understood(what: number, start: number): void {
    const { head } = this.parser;
    if (what === LINE.skipped) this.skipped++;
    if (head.prefix > 0 && !this.hasPrefix && what === LINE.event) {
      this.hot.heads.setPrefix(start, start + head.prefix);
      this.hasPrefix = true;
    }
    if (this.format === 'unknown') {
      const latency = head.digits < 0;
      this.format = latency ? 'latency-format' : 'cat trace';
    }
    this.times.check(this.event, head.digits);
    if (what === LINE.skipped) return;
    this.count();
    this.handler.event(this.event);
  }

  /** Counts the event. */
  private count(): void {
    const { event, counts } = this;
    const { kind } = event;
    if (event.interrupt >= 0) this.hasFlags = true;
    event.line = this.line;
    this.events++;
    counts[kind] = (counts[kind] as number) + 1;
    const does = DOES[kind] as number;
    if (does === 0) return;
    this.filter.note(event.pid, does);
    if (kind === TRACE.fork) {
      this.filter.note(event.childPid, DID.born);
      return;
    }
    if (event.name < 0 && kind === TRACE.kmemCacheAlloc) this.namesMissing++;
    if (event.hashed === 0) this.raw++;
    else if (event.pointerLow !== 0) this.hashed++;
  }

  /** `# entries-in-buffer/entries-written: 712/47106` says what was lost without another word. */
  private comment(start: number, end: number): void {
    this.comments++;
    const text = this.buffer.textOf(start, Math.min(end, start + SAMPLE_LETTERS));
    const [, tracer] = /^# tracer: (\S+)/.exec(text) ?? [];
    if (tracer !== undefined) {
      this.header = true;
      this.tracer = tracer;
      // What follows may be another trace.
      this.parser.forget();
    }
    if (/^# \S+ latency trace v/.test(text)) this.format = 'latency-format';
    const [, kept, written] = ENTRIES.exec(text) ?? [];
    if (kept === undefined || written === undefined || kept === written) return;
    const overwritten = Number(written) - Number(kept);
    if (!(overwritten > 0 && overwritten < Number.MAX_SAFE_INTEGER)) return;
    this.lost += overwritten;
    this.anomaly(ANOMALY.overwritten, overwritten);
  }

  /** Lines that are no events: of trace_pipe about lost ones, of trace-cmd about CPUs. */
  private noEvent(start: number, end: number): void {
    const { problem } = this.parser;
    const text = this.buffer.textOf(start, Math.min(end, start + SAMPLE_LETTERS)).trimEnd();
    const lost = LOST.exec(text);
    if (lost !== null) {
      this.comments++;
      const [, kernel, report] = lost;
      const count = Number(kernel ?? report ?? 0);
      this.lost += count;
      if (count > 0) this.anomaly(ANOMALY.lost, count);
      else this.anomaly(ANOMALY.lostUnknown);
      return;
    }
    if (REPORT.test(text)) {
      this.comments++;
      this.format = 'trace-cmd report';
      return;
    }
    if (AROUND.test(text)) {
      this.comments++;
      return;
    }
    if (problem === 'names') throw this.tooManyNames();
    this.keepSample(start, end);
    this.badLine(problem);
    const nothing = this.events + this.skipped === 0;
    if (this.refuses && nothing && this.bad >= HOPELESS_LINES) throw this.refusal();
  }

  private tooManyNames(): InputError {
    const what = `has more than MAX_NAMES (${MAX_NAMES}) different caches and call sites`;
    return new InputError(this.file, this.line, what, 'replay a shorter part of it');
  }

  private keepSample(start: number, end: number): void {
    if (this.sample.length === SAMPLE_LINES) return;
    this.sample.push(this.buffer.textOf(start, Math.min(end, start + SAMPLE_LETTERS)));
  }

  private checkHead(chunk: Uint8Array): void {
    const head = new Uint8Array(Math.min(MAGIC_BYTES, this.head.length + chunk.length));
    head.set(this.head);
    head.set(chunk.subarray(0, head.length - this.head.length), this.head.length);
    this.head = head;
    this.headIsChecked = head.length === MAGIC_BYTES;
    const looks = this.refuses ? looksBinary(head) : null;
    if (looks !== null) throw new InputError(this.file, 0, looks.what, looks.todo);
  }

  private refusal(): InputError {
    const { lines, binary, tracer, sample, header } = this;
    const skipped = this.parser.skipped();
    const { what, todo } = looksLike({ lines, binary, tracer, sample, header, skipped });
    return new InputError(this.file, 0, escapeForTerminal(what), todo);
  }

  private endFile(): void {
    if (this.dropping) this.endDropped();
    else if (this.filled > 0) {
      const { filled, bad } = this;
      this.filled = 0;
      this.slowLine(0, filled);
      if (this.bad === bad) this.anomaly(ANOMALY.cutLine);
    }
  }

  /** The input is at its end. @throws InputError under strict, or if it is no trace and such are refused */
  end(): TraceSummary {
    this.endFile();
    if (this.refuses && this.events === 0) throw this.refusal();
    const { lines, events, comments, bad, lost, counts, times } = this;
    const kinds = KIND_NAMES.map((name, place) => [name, counts[place + 1] as number]);
    const printed = this.format === 'unknown' && events > 0 ? 'cat trace' : this.format;
    const pointers = this.raw > 0 && this.hashed > 0 ? 'mixed' : this.raw > 0 ? 'raw' : 'hashed';
    return {
      ...{ lines, events, eventsByKind: Object.fromEntries(kinds), comments, bad, lost },
      skipped: this.parser.skipped(),
      anomalies: this.anomalies.all,
      ...{ firstTime: times.first, lastTime: times.last, clock: times.kind, format: printed },
      hasFlags: this.hasFlags,
      pointers: this.raw + this.hashed === 0 ? 'none' : pointers,
      namesMissing: this.namesMissing,
      hasKmalloc: (counts[TRACE.kmalloc] as number) > 0,
      hasKfree: (counts[TRACE.kfree] as number) > 0,
      pidFiltered: this.filter.why(counts),
    };
  }
}
