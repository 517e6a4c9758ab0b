/** Courses on the page of `host`: readings while watching, and the simulated week. */
import { formatBytes, formatCount, formatCounted, formatNumber } from '../format.ts';
import type { HostResults } from '../results-host.ts';
import type { Chart, Section } from './page.ts';

/** How the origin of a value begins that the host does not tell (bench/host/simulate.ts). */
const NOT_KNOWN = 'not known of this host';

/** The chart of readings; null with fewer than two. */
export function readingChart(readings: HostResults['readings']): Chart | null {
  const series = (['dying', 'live'] as const).map((name) => ({
    name,
    points: readings.flatMap((one) => {
      const y = one[name];
      return y === null ? [] : [{ x: one.t, y }];
    }),
  }));
  const drawn = series.filter(({ points }) => points.length > 1);
  if (drawn.length === 0) return null;
  return {
    series: drawn,
    xTitle: 'seconds',
    formatY: formatNumber,
    xAxis: 'linear',
    yAxis: 'linear',
  };
}

/** Dying and live cgroups over the time that was watched. */
export function courseSection({ readings }: HostResults): Section[] {
  const chart = readingChart(readings);
  if (chart === null) return [];
  return [
    {
      title: 'While it was watched',
      how: `${formatCount(readings.length)} readings.`,
      chart,
    },
  ];
}

/** The week under each strategy, and what it was made from. */
export function simulatedSection({ simulated }: HostResults): Section[] {
  if (simulated === null) return [];
  const { days, series, from } = simulated;
  const borrowed = from.filter((one) => one.from.startsWith(NOT_KNOWN)).length;
  return [
    {
      title: 'A simulated week of this host',
      how: `dying cgroups under each strategy, from its boot on; not measured, and no better than what it is made from: ${formatCount(borrowed)} of the ${formatCounted(from.length, 'value')} behind it are not known of this host, and taken from a scenario that comes along.`,
      table: {
        columns: series.map(({ strategy }) => strategy),
        rows: [
          {
            label: `dying after ${formatNumber(days.at(-1) ?? 0)} days`,
            cells: series.map(({ dying }) => ({ text: formatCount(dying.at(-1) ?? 0) })),
          },
          {
            label: 'memory they hold',
            cells: series.map(({ heldBytes }) => ({ text: formatBytes(heldBytes.at(-1) ?? 0) })),
          },
        ],
      },
      chart: {
        series: series.map(({ strategy, dying }) => ({
          name: strategy,
          points: dying.map((y, at) => ({ x: days[at] ?? at, y })),
        })),
        xTitle: 'days',
        formatY: formatNumber,
        xAxis: 'linear',
        yAxis: 'linear',
      },
      settings: from.map(({ key, value, from: source }) => ({
        key,
        value: String(value),
        from: source,
        usual: source.startsWith(NOT_KNOWN),
      })),
    },
  ];
}
