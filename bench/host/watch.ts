/**
 * `--watch`: counting again and again. What counting takes is at most 1 % of the time: the interval grows
 * with it.
 */
import type { HostReading } from '../../reports/results-host.ts';
import { countDying, type Surveyed } from './hierarchy.ts';
import { pause } from './probe.ts';
import type { HostReader } from './reader.ts';

/** Of the time, for counting. */
const SHARE = 0.01;
/** Readings kept; of more, every second one goes. */
const MAX_READINGS = 2000;

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
  /** Shows how it stands: at once, and after each reading. */
  show(watched: Watched): void;
  /** Called after each reading; what it takes counts as well. */
  readonly onReading?: (readings: readonly HostReading[]) => Promise<void>;
}

/** What came of watching. */
export interface Watched {
  readonly readings: readonly HostReading[];
  /** Part of the time that reading took, 0 to 1. */
  readonly share: number;
}

/** Every second reading; of an odd number, as MAX_READINGS and one are, the first and the last stay. */
function thinned(readings: readonly HostReading[]): HostReading[] {
  return readings.filter((_, at) => at % 2 === 0);
}

/** Counts until the signal, or so many times. */
export async function watchHost(options: WatchOptions): Promise<Watched> {
  const { reader, main, signal, seconds, show } = options;
  const { wait = pause, now = () => performance.now() } = options;
  const started = now();
  const { live, dying } = main.hierarchy;
  let readings: HostReading[] = [{ t: 0, live, dying }];
  let taken = 1;
  let tookMs = 0;
  let spentMs = 0;
  let share = 0;
  show({ readings, share });
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
    show({ readings, share });
  }
  return { readings, share };
}
