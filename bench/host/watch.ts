/**
 * `--watch`: counting again and again, with a chart on a terminal and a line each elsewhere. What
 * counting takes is at most 1 % of the time: the interval grows with it.
 */
import { formatCount, formatNumber } from '../../reports/format.ts';
import { readingChart } from '../../reports/pages/host-course.ts';
import type { HostReading } from '../../reports/results-host.ts';
import { renderChart } from '../../reports/terminal/chart.ts';
import { wrap } from '../../reports/terminal/text.ts';
import { countDying, type Surveyed } from './hierarchy.ts';
import { pause } from './probe.ts';
import type { HostReader } from './reader.ts';

/** Of the time, for counting. */
const SHARE = 0.01;
/** Readings kept; of more, every second one goes. */
const MAX_READINGS = 2000;
const CHART = { width: 79, height: 10 };

/** Where the course is shown. */
export interface WatchStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Tests have a clock of their own. */
export interface WatchClock {
  readonly wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** How to watch. */
export interface WatchOptions extends WatchClock {
  readonly reader: HostReader;
  readonly main: Surveyed;
  readonly signal: AbortSignal;
  /** Between readings, at least. */
  readonly seconds: number;
  /** Null: until the signal. */
  readonly readings: number | null;
  readonly stream: WatchStream;
  /** Called after each reading; what it takes counts as well. */
  readonly onReading?: (readings: readonly HostReading[]) => Promise<void>;
}

/** What came of watching. */
export interface Watched {
  readonly readings: readonly HostReading[];
  /** Part of the time that reading took, 0 to 1. */
  readonly share: number;
}

function told(value: number | null): string {
  return value === null ? 'unknown' : formatCount(value);
}

/** One line a reading, or the chart over the one before. */
class Course {
  readonly #stream: WatchStream;
  #lines = 0;

  constructor(stream: WatchStream) {
    this.#stream = stream;
  }

  show({ readings, share }: Watched): void {
    const last = readings.at(-1);
    if (last === undefined) return;
    const cost = share === 0 ? '' : `; reading took ${formatNumber(share * 100)} % of the time`;
    const line = `${last.t.toFixed(0)} s: ${told(last.dying)} dying, ${told(last.live)} live${cost}`;
    const chart = this.#stream.isTTY === true ? readingChart([...readings]) : null;
    if (chart === null) {
      this.#stream.write(`${line}\n`);
      return;
    }
    const width = Math.max(40, Math.min(CHART.width, (this.#stream.columns ?? 80) - 1));
    const words = wrap(`${line} (Ctrl-C ends)`, width);
    const drawn = [...renderChart(chart, { ...CHART, width }), ...words];
    const up = this.#lines === 0 ? '' : `\u001b[${this.#lines}A\u001b[J`;
    this.#stream.write(`${up}${drawn.join('\n')}\n`);
    this.#lines = drawn.length;
  }
}

/** Every second reading; of an odd number, as MAX_READINGS and one are, the first and the last stay. */
function thinned(readings: readonly HostReading[]): HostReading[] {
  return readings.filter((_, at) => at % 2 === 0);
}

/** Counts until the signal, or so many times. */
export async function watchHost(options: WatchOptions): Promise<Watched> {
  const { reader, main, signal, seconds, stream } = options;
  const { wait = pause, now = () => performance.now() } = options;
  const course = new Course(stream);
  const started = now();
  const { live, dying } = main.hierarchy;
  let readings: HostReading[] = [{ t: 0, live, dying }];
  let taken = 1;
  let tookMs = 0;
  let spentMs = 0;
  let share = 0;
  course.show({ readings, share });
  while (!signal.aborted && (options.readings === null || taken < options.readings)) {
    await wait(Math.max(seconds * 1000, tookMs / SHARE), signal);
    if (signal.aborted) break;
    const before = now();
    const counts = await countDying(reader, main, { signal });
    if (signal.aborted) break;
    readings.push({ t: (before - started) / 1000, ...counts });
    taken++;
    if (readings.length > MAX_READINGS) readings = thinned(readings);
    await options.onReading?.(readings);
    const after = now();
    tookMs = after - before;
    spentMs += tookMs;
    share = spentMs / Math.max(1, after - started);
    course.show({ readings, share });
  }
  return { readings, share };
}
