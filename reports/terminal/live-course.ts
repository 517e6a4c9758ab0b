/** Readings of a live host while they come: a chart that is drawn again and again, or lines. */
import { formatCount, formatNumber } from '../format.ts';
import { readingChart } from '../pages/host-course.ts';
import type { HostReading } from '../results-host.ts';
import { renderChart } from './chart.ts';
import { wrap } from './text.ts';

const CHART = { width: 79, height: 10 };

/** Where the course is shown. */
export interface CourseStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

function told(value: number | null): string {
  return value === null ? 'unknown' : formatCount(value);
}

/** One line a reading, or on a terminal the chart over the one before. */
export class LiveCourse {
  readonly #stream: CourseStream;
  #lines = 0;

  constructor(stream: CourseStream) {
    this.#stream = stream;
  }

  /** @param share part of the time that reading took, 0 to 1 */
  show({ readings, share }: { readings: readonly HostReading[]; share: number }): void {
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
