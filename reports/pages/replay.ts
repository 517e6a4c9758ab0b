/** The page of `replay`: a trace of a real kernel under each strategy, beside what was measured. */
import { formatBytes, formatCount, formatCounted, formatNumber, MISSING } from '../format.ts';
import type { ReplayRecord } from '../record.ts';
import { replayWords } from '../replay-words.ts';
import type { ReplayResults } from '../results-replay.ts';
import { environmentFacts } from './environment.ts';
import type { Cell, Page, Row, Section, Series } from './page.ts';

/** Pins of a strategy, and caches, that the page shows; the record has them all. */
const PINS = 8;
const CACHES = 12;

function strategiesOf(results: ReplayResults): string[] {
  return results.series.map(({ strategy }) => strategy);
}

/** The time of a sample is where the first strategy's course says that it was. */
function measuredPoints(results: ReplayResults): Series[] {
  const { truth } = results;
  if (truth === null || truth.length === 0) return [];
  const points = truth.map(({ t, measured }) => ({ x: t, y: measured }));
  return [{ name: 'measured', points, mark: '●' }];
}

function courseSection(results: ReplayResults): Section[] {
  if (results.series.every(({ t }) => t.length === 0)) return [];
  return [
    {
      title: 'Dying cgroups',
      how: 'cgroups of the trace that are removed and not released, as replayed under each strategy; what the trace says of releases is not used.',
      chart: {
        series: [
          ...results.series.map(({ strategy, t, dying }) => ({
            name: strategy,
            points: t.map((x, at) => ({ x, y: dying[at] ?? 0 })),
          })),
          ...measuredPoints(results),
        ],
        xTitle: 'seconds of the trace',
        xAxis: 'linear',
        yAxis: 'linear',
        formatY: (value) => formatNumber(value),
      },
    },
  ];
}

/** The last sample of each phase: what stood when the phase was over. */
function lastOfPhases(truth: NonNullable<ReplayResults['truth']>) {
  const last = new Map(truth.map((row) => [row.phase, row]));
  return [...last.values()];
}

function truthSection(results: ReplayResults): Section[] {
  const { truth } = results;
  if (truth === null || truth.length === 0) return [];
  const strategies = strategiesOf(results);
  const rows = lastOfPhases(truth).map(
    (row): Row => ({
      label: `${row.phase} (sample ${row.sample})`,
      cells: [
        { text: formatCount(row.measured) },
        ...strategies.map((strategy) => ({ text: formatCount(row.replayed[strategy] ?? 0) })),
      ],
    }),
  );
  return [
    {
      title: 'Measured and replayed',
      how: 'dying cgroups at the last sample of each phase of the workload; every sample is in the record.',
      table: { columns: ['measured', ...strategies], rows },
    },
  ];
}

function memorySection(results: ReplayResults): Section[] {
  const rows: Row[] = [
    {
      label: 'slab at the most',
      cells: results.series.map(({ slabBytes }) => ({
        text: formatBytes(Math.max(0, ...slabBytes)),
      })),
    },
    {
      label: 'slab at the end',
      cells: results.series.map(({ slabBytes }) => ({ text: formatBytes(slabBytes.at(-1) ?? 0) })),
    },
    {
      label: 'dying at the end',
      cells: results.series.map(({ dying }) => ({ text: formatCount(dying.at(-1) ?? 0) })),
    },
  ];
  return [
    {
      title: 'Slab',
      how: 'pages of the objects that the trace tells of; the traced machine had others.',
      table: { columns: strategiesOf(results), rows },
    },
  ];
}

function pinSection(results: ReplayResults): Section[] {
  return strategiesOf(results).flatMap((strategy): Section[] => {
    const pins = results.pins.filter((pin) => pin.strategy === strategy);
    if (pins.length === 0) return [];
    const rows = pins.slice(0, PINS).map(
      (pin): Row => ({
        label: pin.what,
        cells: [
          { text: formatCount(pin.cgroups) },
          { text: formatNumber(pin.seconds / pin.cgroups) },
          pin.stillThere === 0
            ? { text: MISSING, tone: 'quiet' }
            : { text: formatCount(pin.stillThere) },
        ],
      }),
    );
    const more = pins.length > PINS ? ` ${pins.length - PINS} more are in the record.` : '';
    return [
      {
        title: `What kept them, ${strategy}`,
        how: `what went last before a removed cgroup did, by the time that they waited for it.${more}`,
        table: {
          columns: ['cgroups', 'seconds each', 'still there'],
          rows,
          wrapLabels: true,
        },
      },
    ];
  });
}

function objectSection(results: ReplayResults): Section[] {
  const { liveObjects } = results;
  const rows = liveObjects.slice(0, CACHES).map(
    (one): Row => ({
      label: one.cache,
      cells: [one.allocs, one.frees, one.reused, one.unknownFrees, one.live].map(
        (value): Cell => ({ text: formatCount(value) }),
      ),
    }),
  );
  const rest = liveObjects.length - rows.length;
  return [
    {
      title: 'Objects still there',
      how: `by cache, at the end: allocations less frees. Reused: the pointer was allocated again without a free event (bulk and RCU-batched frees leave none). Unknown: freed, but allocated before the trace.${rest > 0 ? ` ${formatCount(rest)} smaller ones are in the record.` : ''}`,
      table: { columns: ['allocated', 'freed', 'reused', 'unknown', 'live'], rows },
    },
  ];
}

function readingSection(results: ReplayResults): Section[] {
  const skipped = Object.entries(results.skipped).map(
    ([name, count]) => `${formatCount(count)} ${name}`,
  );
  const anomalies = Object.entries(results.anomalies).map(([kind, count]) => ({
    text: `${kind}: ${formatCount(count)} (lines ${(results.anomalyLines[kind] ?? []).join(', ')})`,
    tone: 'warn' as const,
  }));
  const notes = [
    ...(skipped.length === 0
      ? []
      : [{ text: `Events that are not looked at: ${skipped.join(', ')}.` }]),
    ...anomalies,
  ];
  if (notes.length === 0) return [];
  return [{ title: 'Reading', how: 'what was in the trace beside the events used.', notes }];
}

/** Builds the page of a replayed trace. */
export function replayPage(record: ReplayRecord): Page {
  const { results } = record;
  return {
    title: `slabsplice ${record.version} replay: what would this trace have left behind?`,
    facts: [
      `${formatCounted(results.events, 'event')} in ${formatNumber(results.seconds)} s of ${results.files.join(', ')}: ${formatCounted(results.cgroups, 'cgroup')} made, ${formatCount(results.removed)} removed`,
      ...environmentFacts(record),
    ],
    notes: [],
    warnings: record.environment.warnings,
    sections: [
      ...courseSection(results),
      ...truthSection(results),
      ...memorySection(results),
      ...pinSection(results),
      ...objectSection(results),
      ...readingSection(results),
    ],
    verdict: replayWords(record),
  };
}
