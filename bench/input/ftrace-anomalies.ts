/** What was not as it should be in an input: counted by kind, with the first places of each. */
import { InputError } from '../errors.ts';

/** Something that was not as it should be: how often, and the first lines of it. */
export interface TraceAnomaly {
  readonly kind: string;
  count: number;
  readonly lines: number[];
  /** The same with the file: `FILE:LINE`. */
  readonly places: string[];
}

/** Lines of an anomaly that are named. */
const NAMED = 5;

/** Kinds that several parts of the reader count. */
export const ANOMALY = {
  noEvent: 'a line that is no event',
  binary: 'a line with NUL bytes',
  carriageReturn: 'a line that ends as on Windows (CRLF)',
  lost: 'lost events',
  lostUnknown: 'lost events, of which is not said how many',
  overwritten: 'events overwritten in the buffer',
  clock: 'another clock than before',
  backwards: 'time runs backwards on a CPU',
  order: 'a file that begins before the one before it ends: files must be in the order of time',
  cutLine: 'a last line without a line break: it may be cut short',
  cutFile: 'a compressed file that is cut short: what was there was read',
} as const;

/** Counts anomalies; under `strict` the first is an error. */
export class Anomalies {
  readonly all: TraceAnomaly[] = [];
  private readonly byKind = new Map<string, TraceAnomaly>();
  private readonly strict: boolean;

  constructor(strict: boolean) {
    this.strict = strict;
  }

  /** @throws InputError under strict */
  add(kind: string, file: string, line: number, count = 1): void {
    let entry = this.byKind.get(kind);
    if (entry === undefined) {
      entry = { kind, count: 0, lines: [], places: [] };
      this.byKind.set(kind, entry);
      this.all.push(entry);
    }
    entry.count += count;
    if (entry.lines.length < NAMED) {
      entry.lines.push(line);
      entry.places.push(`${file}:${line}`);
    }
    if (this.strict) {
      throw new InputError(file, line, kind, 'leave out --strict to count such lines and go on');
    }
  }
}
