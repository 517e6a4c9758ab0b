// hot path
/**
 * One line of ftrace text into an event, whatever its form: what the scanner of hot lines does not take. Slab and page
 * cache events, which are many, make no string; cgroups, tasks and markers are rare, and are read from text.
 */
import { TRACE, TRACE_NAMES, type TraceEvent } from './ftrace-events.ts';
import { LineFields } from './ftrace-fields.ts';
import { LineHead } from './ftrace-head.ts';
import { type TraceBuffer, TraceNames, type TraceTexts } from './ftrace-strings.ts';

/** What a line was. */
export const LINE = { event: 0, skipped: 1, bad: 2 } as const;

const SPACE = 0x20;
const COLON = 0x3a;
/** Longest name of an event that is counted; the kernel's are below 64. */
const EVENT_NAME_MAX = 64;
/** Different events that are skipped and counted by name. */
const SKIPPED_MAX = 1024;
const OTHERS = '(others)';
/** What is not `NAME: fields`, and still what ftrace prints: by what it is counted as. */
const UNNAMED: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^[\w.$]+(?: \[\w+\])? <-[\w.$]+/, '(function)'],
  [/^UNKNOWN TYPE \d+$/, 'UNKNOWN TYPE'],
  [/^<(?:stack|user stack) trace>$/, '<stack trace>'],
];

const CGROUP = /^root=(\d+) (?:id=(\d+) level=(\d+)|level=(\d+) id=(\d+)) path=(.*)$/s;
const ATTACH = /^dst_root=(\d+) dst_id=(\d+) dst_level=(\d+) dst_path=(.*)$/s;
const ATTACH_END = / pid=(\d+) comm=/g;
const ATTACH_RAW = /^dst_root=(\d+) dst_level=(\d+) dst_id=(\d+) pid=(\d+) dst_path=(.*)$/s;
const ATTACH_RAW_END = / comm=/g;
const FORK =
  /^(?:parent_)?comm=(.{0,15}?) (?:parent_)?pid=(\d+) child_comm=(.{0,15}) child_pid=(\d+)$/s;
const EXIT = /^comm=(.{0,15}) pid=(\d+) prio=-?\d+(?: group_dead=(?:true|false|[01]|\([01]\)))?$/s;
const PRINT = 'print';
const MARKS = ['tracing_mark_write: ', 'ip=tracing_mark_write buf='];
/** `options/fields` says numbers twice. */
const BOTH = /=0x([0-9a-f]+) \((\d+)\)(?= |$)/g;

/** Names of tasks have at most so many bytes. */
const COMM_MAX = 15;
/** Above what a PID, and the number of a hierarchy or of a level can be. */
const PIDS = 10_000_000;
const MANY = 2 ** 31;
const EVENTS = Object.entries(TRACE_NAMES).map(([name, kind]) => ({
  name: new TextEncoder().encode(name),
  kind,
}));

/** Parses lines; `event` is what the last one said. */
export class LineParser {
  readonly names = new TraceNames();
  readonly head: LineHead;
  readonly fields: LineFields;
  /** What was wrong with the last bad line: a kind of anomaly. */
  problem = '';
  private readonly event: TraceEvent;
  private readonly buffer: TraceBuffer;
  private readonly texts: TraceTexts;
  private readonly skippedNames = new TraceNames();
  private readonly skippedCounts: number[] = [];
  private readonly unnamedCounts = new Map<string, number>();

  constructor(event: TraceEvent, buffer: TraceBuffer, texts: TraceTexts) {
    this.event = event;
    this.buffer = buffer;
    this.texts = texts;
    this.head = new LineHead(buffer);
    this.fields = new LineFields(event, buffer, this.names, (text) => texts.number(text));
  }

  /** What comes may be of another kernel, or printed in another way. */
  forget(): void {
    this.fields.forget();
    this.head.forget();
  }

  /** @returns one of LINE */
  parse(start: number, end: number): number {
    this.problem = 'a line that is no event';
    const at = this.head.parse(start, end);
    if (at < 0) return LINE.bad;
    const { event, head } = this;
    event.pid = head.pid;
    event.cpu = head.cpu;
    event.time = head.time;
    event.interrupt = head.interrupt;
    return this.named(at, end);
  }

  private named(start: number, end: number): number {
    const { bytes } = this.buffer;
    let stop = start;
    const last = Math.min(end, start + EVENT_NAME_MAX);
    while (stop < last && bytes[stop] !== COLON && (bytes[stop] as number) > SPACE) stop++;
    if (stop === start || stop === end || bytes[stop] !== COLON) return this.unnamed(start, end);
    let at = stop + 1;
    if (at < end && bytes[at] !== SPACE) return LINE.bad;
    const kind = this.kindAt(start, stop);
    // trace-cmd fills up with blanks; a marker may begin with blanks of its own.
    if (kind !== TRACE.marker) while (at < end && bytes[at] === SPACE) at++;
    else if (at < end) at++;
    if (kind === 0) return this.skippedOrPrint(start, stop, at, end);
    return this.known(kind, start, stop, at, end);
  }

  private known(kind: number, start: number, stop: number, at: number, end: number): number {
    this.event.kind = kind;
    const whole =
      kind <= TRACE.filemapDelete ? this.fields.parse(kind, at, end) : this.rare(kind, at, end);
    if (whole) {
      this.head.keepForm();
      return LINE.event;
    }
    const { problem } = kind <= TRACE.filemapDelete ? this.fields : { problem: '' };
    const name = this.buffer.textOf(start, stop);
    this.problem = problem || `${name} with a field that is missing or cannot be read`;
    return LINE.bad;
  }

  private kindAt(start: number, stop: number): number {
    for (const { name, kind } of EVENTS) {
      if (name.length !== stop - start) continue;
      let same = 0;
      while (same < name.length && this.buffer.bytes[start + same] === name[same]) same++;
      if (same === name.length) return kind;
    }
    return 0;
  }

  private unnamed(start: number, end: number): number {
    const text = this.buffer.textOf(start, Math.min(end, start + 200));
    for (const [pattern, name] of UNNAMED) {
      if (!pattern.test(text)) continue;
      this.unnamedCounts.set(name, (this.unnamedCounts.get(name) ?? 0) + 1);
      return LINE.skipped;
    }
    return LINE.bad;
  }

  private skippedOrPrint(start: number, stop: number, at: number, end: number): number {
    const { buffer, skippedNames, skippedCounts } = this;
    // trace-cmd report shows markers as `print: tracing_mark_write: text`.
    if (stop - start === PRINT.length && buffer.textOf(start, stop) === PRINT) {
      for (const mark of MARKS) {
        if (at + mark.length > end || buffer.textOf(at, at + mark.length) !== mark) continue;
        this.event.kind = TRACE.marker;
        this.event.text = this.texts.number(buffer.textOf(at + mark.length, end));
        return LINE.event;
      }
    }
    const full = skippedNames.count >= SKIPPED_MAX;
    const number = full ? -1 : skippedNames.number(buffer, start, stop);
    if (number < 0) this.unnamedCounts.set(OTHERS, (this.unnamedCounts.get(OTHERS) ?? 0) + 1);
    else skippedCounts[number] = (skippedCounts[number] ?? 0) + 1;
    return LINE.skipped;
  }

  /** Events that were skipped, by name. */
  skipped(): Record<string, number> {
    const counts = new Map(this.unnamedCounts);
    // Names that are not UTF-8 may look the same.
    this.skippedCounts.forEach((count, number) => {
      const name = this.skippedNames.of(number);
      counts.set(name, (counts.get(name) ?? 0) + count);
    });
    return Object.fromEntries(counts);
  }

  private rare(kind: number, start: number, end: number): boolean {
    const text = this.buffer.textOf(start, end);
    if (kind === TRACE.marker) {
      this.event.text = this.texts.number(text);
      return true;
    }
    if (this.rareText(kind, text)) return true;
    const plain = text.replace(BOTH, (both, hex: string, decimal: string) =>
      Number.parseInt(hex, 16) === Number(decimal) ? `=${decimal}` : both,
    );
    return plain !== text && this.rareText(kind, plain);
  }

  private rareText(kind: number, text: string): boolean {
    if (kind <= TRACE.cgroupRelease) return this.cgroup(text);
    if (kind <= TRACE.cgroupTransfer) return this.attach(text);
    return kind === TRACE.fork ? this.fork(text) : this.exit(text);
  }

  private place(root: string | undefined, id: string | undefined, level: string | undefined) {
    const { event } = this;
    event.root = Number(root);
    event.cgroup = Number(id);
    event.level = Number(level);
    return event.root < MANY && event.level < MANY && Number.isSafeInteger(event.cgroup);
  }

  private cgroup(text: string): boolean {
    const found = CGROUP.exec(text);
    if (found === null) return false;
    const [, root, id, level, rawLevel, rawId, path = ''] = found;
    this.event.path = this.texts.number(path);
    return this.place(root, id ?? rawId, level ?? rawLevel);
  }

  private attach(text: string): boolean {
    const { event, texts } = this;
    const plain = ATTACH.exec(text);
    const found = plain ?? ATTACH_RAW.exec(text);
    if (found === null) return false;
    const [, root, second, third, fourth = '', fifth = ''] = found;
    const rest = plain === null ? fifth : fourth;
    // Paths and names of tasks may have anything in them, even what looks like the next field: then nobody knows.
    const ends = [...rest.matchAll(plain === null ? ATTACH_RAW_END : ATTACH_END)].filter(
      (end) => rest.length - end.index - end[0].length <= COMM_MAX,
    );
    const [end, other] = ends;
    if (end === undefined || other !== undefined) return false;
    event.targetPid = Number(plain === null ? fourth : end[1]);
    event.path = texts.number(rest.slice(0, end.index));
    event.comm = texts.number(rest.slice(end.index + end[0].length));
    const [id, level] = plain === null ? [third, second] : [second, third];
    return event.targetPid < PIDS && this.place(root, id, level);
  }

  private fork(text: string): boolean {
    const found = FORK.exec(text);
    if (found === null) return false;
    const { event, texts } = this;
    const [, comm = '', pid, childComm = '', childPid] = found;
    event.targetPid = Number(pid);
    event.childPid = Number(childPid);
    event.comm = texts.number(comm);
    event.childComm = texts.number(childComm);
    return event.targetPid < PIDS && event.childPid < PIDS;
  }

  private exit(text: string): boolean {
    const found = EXIT.exec(text);
    if (found === null) return false;
    const { event, texts } = this;
    const [, comm = '', pid] = found;
    event.targetPid = Number(pid);
    event.comm = texts.number(comm);
    return event.targetPid < PIDS;
  }
}
