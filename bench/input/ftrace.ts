/**
 * A streaming reader for ftrace text: `cat trace`, `trace_pipe`, `trace-cmd report`. Constant memory, files of
 * any length; whatever is not understood is counted with its line and, under `strict`, an error.
 */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { InputError } from '../errors.ts';
import type { TraceEvent } from './ftrace-events.ts';
import { LINE, LineParser } from './ftrace-line.ts';
import { asInputError, readHead } from './read-input.ts';

/** Gets each event; the object is the same every time. */
export interface TraceHandler {
  event(event: TraceEvent): void;
}

/** How to read. */
export interface TraceOptions {
  readonly file: string;
  /** The first thing that is not as it should be is an error. */
  readonly strict: boolean;
}

/** Something that was not as it should be: how often, and the first lines of it. */
export interface TraceAnomaly {
  readonly kind: string;
  count: number;
  readonly lines: number[];
}

/** What was read. */
export interface TraceSummary {
  readonly lines: number;
  readonly events: number;
  readonly comments: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly bad: number;
  readonly lost: number;
  /** Whether times are seconds, not a count of something. */
  readonly seconds: boolean;
  readonly anomalies: readonly TraceAnomaly[];
  readonly firstTime: number;
  readonly lastTime: number;
}

/** Longest line, bytes; a longer one is dropped and counted. */
const LINE_MAX = 64 * 1024;
/** Lines of an anomaly that are named. */
const NAMED = 5;
const GZIP_MAGIC = [0x1f, 0x8b];
const NEWLINE = 0x0a;
const HASH = 0x23;

/** The bytes of traces one after the other, unpacked; `-` is standard input. @throws InputError */
export async function* openTrace(files: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const file of files) {
    try {
      if (file === '-') yield* process.stdin as AsyncIterable<Uint8Array>;
      else {
        const head = await readHead(file, GZIP_MAGIC.length);
        const bytes = createReadStream(file, { highWaterMark: 1 << 20 });
        const packed = GZIP_MAGIC.every((byte, index) => head[index] === byte);
        if (!packed) yield* bytes as AsyncIterable<Uint8Array>;
        else yield* bytes.pipe(createGunzip({ chunkSize: 1 << 20 })) as AsyncIterable<Uint8Array>;
      }
    } catch (error) {
      throw asInputError(file, error);
    }
  }
}

/** Reads a trace piece by piece. */
export class TraceReader {
  private readonly handler: TraceHandler;
  private readonly options: TraceOptions;
  private readonly parser = new LineParser();
  private rest = new Uint8Array(0);
  private dropping = false;
  private lines = 0;
  private events = 0;
  private comments = 0;
  private bad = 0;
  private lost = 0;
  private overrun = 0;
  private firstTime = Number.NaN;
  private lastTime = Number.NaN;
  private readonly cpuTimes = new Float64Array(8192);
  private clock: boolean | null = null;
  private readonly anomalies = new Map<string, TraceAnomaly>();

  constructor(handler: TraceHandler, options: TraceOptions) {
    this.handler = handler;
    this.options = options;
  }

  /** The string that a number of an event stands for. */
  nameOf(number: number): string {
    return this.parser.strings.of(number);
  }

  private anomaly(kind: string, count = 1): void {
    const known = this.anomalies.get(kind);
    const entry = known ?? { kind, count: 0, lines: [] };
    entry.count += count;
    if (entry.lines.length < NAMED) entry.lines.push(this.lines);
    if (known === undefined) this.anomalies.set(kind, entry);
    if (!this.options.strict) return;
    throw new InputError(
      this.options.file,
      this.lines,
      kind,
      'leave out --strict to count such lines and go on',
    );
  }

  /** The next bytes, cut anywhere. @throws InputError under strict */
  push(chunk: Uint8Array): void {
    let start = 0;
    if (this.rest.length > 0 || this.dropping) {
      const end = chunk.indexOf(NEWLINE);
      if (end < 0) {
        this.keep(chunk);
        return;
      }
      if (this.dropping) this.endDropped();
      else {
        const line = new Uint8Array(this.rest.length + end);
        line.set(this.rest);
        line.set(chunk.subarray(0, end), this.rest.length);
        this.rest = new Uint8Array(0);
        this.line(line, 0, line.length);
      }
      start = end + 1;
    }
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end < 0) break;
      this.line(chunk, start, end);
      start = end + 1;
    }
    if (start < chunk.length) this.keep(chunk.subarray(start));
  }

  /** Keeps the beginning of a line, as long as it may become one. */
  private keep(bytes: Uint8Array): void {
    if (this.dropping) return;
    if (this.rest.length + bytes.length > LINE_MAX) {
      this.rest = new Uint8Array(0);
      this.dropping = true;
      return;
    }
    const longer = new Uint8Array(this.rest.length + bytes.length);
    longer.set(this.rest);
    longer.set(bytes, this.rest.length);
    this.rest = longer;
  }

  private endDropped(): void {
    this.dropping = false;
    this.lines++;
    this.bad++;
    this.anomaly(`a line of more than LINE_MAX (${LINE_MAX}) bytes`);
  }

  private line(buffer: Uint8Array, start: number, stop: number): void {
    this.lines++;
    // A carriage return is not part of the line.
    const end = stop > start && buffer[stop - 1] === 0x0d ? stop - 1 : stop;
    if (end - start > LINE_MAX) {
      this.bad++;
      this.anomaly(`a line of more than LINE_MAX (${LINE_MAX}) bytes`);
      return;
    }
    if (buffer[start] === HASH || end === start) {
      this.comment(buffer, start, end);
      return;
    }
    const { parser } = this;
    const what = parser.parse(buffer, start, end);
    if (what === LINE.bad) this.otherLine(buffer, start, end);
    else {
      this.checkTime();
      if (what !== LINE.event) return;
      this.events++;
      parser.event.line = this.lines;
      this.handler.event(parser.event);
    }
  }

  private checkTime(): void {
    const { time, cpu } = this.parser.event;
    if (Number.isNaN(this.firstTime)) this.firstTime = time;
    this.lastTime = time;
    if (this.clock === null) this.clock = this.parser.seconds;
    else if (this.clock !== this.parser.seconds) {
      this.clock = this.parser.seconds;
      this.anomaly('another clock than before');
    }
    if (cpu >= this.cpuTimes.length) return;
    if (time < (this.cpuTimes[cpu] as number)) this.anomaly('time runs backwards on a CPU');
    this.cpuTimes[cpu] = time;
  }

  /** `# entries-in-buffer/entries-written: 712/47106` says what was lost without another word. */
  private comment(buffer: Uint8Array, start: number, end: number): void {
    this.comments++;
    if (end - start < 20) return;
    const text = new TextDecoder().decode(buffer.subarray(start, Math.min(end, start + 200)));
    const [, kept, written] = /entries-in-buffer\/entries-written: (\d+)\/(\d+)/.exec(text) ?? [];
    if (kept === undefined || written === undefined || kept === written) return;
    this.overrun = Number(written) - Number(kept);
    this.anomaly('events overwritten in the buffer', this.overrun);
  }

  /** Lines that are no events: of trace_pipe about lost ones, of trace-cmd about CPUs. */
  private otherLine(buffer: Uint8Array, start: number, end: number): void {
    const text = new TextDecoder()
      .decode(buffer.subarray(start, Math.min(end, start + 200)))
      .trim();
    const lost = /^CPU:\d+ \[LOST (\d+) EVENTS\]/.exec(text)?.[1];
    if (lost !== undefined) {
      this.comments++;
      this.lost += Number(lost);
      this.anomaly('lost events', Number(lost));
      return;
    }
    if (/^(cpus=\d+|CPU \d+ is empty|\S+:\s+cpus=\d+)$/.test(text)) {
      this.comments++;
      return;
    }
    this.bad++;
    this.anomaly('a line that is no event');
  }

  /** The input is at its end. */
  end(): TraceSummary {
    if (this.dropping) this.endDropped();
    else if (this.rest.length > 0) {
      const { rest } = this;
      this.rest = new Uint8Array(0);
      this.line(rest, 0, rest.length);
    }
    const skipped = [...this.parser.skipped].map(([number, count]) => [this.nameOf(number), count]);
    return {
      ...{ lines: this.lines, events: this.events, comments: this.comments, bad: this.bad },
      skipped: Object.fromEntries(skipped),
      lost: this.lost + this.overrun,
      seconds: this.clock ?? true,
      anomalies: [...this.anomalies.values()],
      ...{ firstTime: this.firstTime, lastTime: this.lastTime },
    };
  }
}
