/** The page of `storm`: throughput, latency, stalls and correctness while CPUs allocate and free. */
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatNs,
  formatNsRange,
  formatNumber,
  formatRatio,
  formatShare,
  MISSING,
} from '../format.ts';
import type { StormRecord } from '../record.ts';
import type { StormResult } from '../results-storm.ts';
import type { Distribution } from '../statistics.ts';
import { stormWords } from '../storm-words.ts';
import { environmentFacts } from './environment.ts';
import type { Cell, Note, Page, Row, Section } from './page.ts';

const PAGE_BYTES = 4096;
const NOT_MEASURED: Cell = { text: MISSING, tone: 'quiet' };
/** Violations that the page shows; the record has them all. */
const SHOWN = 5;

/** Strategies that finished a round. */
export function strategiesOf(record: StormRecord): string[] {
  return record.results.storm.map((entry) => entry.strategy);
}

/** A row with a cell a strategy, from whatever list has an entry for it. */
export function rowOf<Entry extends { strategy: string }>(
  record: StormRecord,
  label: string,
  entries: readonly Entry[],
  show: (entry: Entry) => Cell | string | undefined,
): Row {
  const cells = strategiesOf(record).map((strategy): Cell => {
    const entry = entries.find((one) => one.strategy === strategy);
    const cell = entry === undefined ? undefined : show(entry);
    if (cell === undefined) return NOT_MEASURED;
    return typeof cell === 'string' ? { text: cell } : cell;
  });
  return { label, cells };
}

/** Leaves out rows in which no strategy has anything. */
function filled(rows: readonly Row[]): Row[] {
  return rows.filter((row) => row.cells.some((cell) => cell !== NOT_MEASURED));
}

/** Operations per second in millions, as wide a table has no room for more digits. */
function millions(perSecond: number): string {
  return `${formatNumber(perSecond / 1e6)} M/s`;
}

/** Operations per second with their interval. */
export function throughputRow(record: StormRecord): Row {
  const { storm } = record.results;
  return rowOf(record, 'operations', storm, ({ opsPerSecond, opsPerSecondCi95: [low, high] }) => ({
    text: millions(opsPerSecond),
    detail: `${formatNumber(low / 1e6)}-${formatNumber(high / 1e6)}`,
  }));
}

function throughputSection(record: StormRecord): Section {
  const { storm, cpus, removalsPerSecond } = record.results;
  const counted = (value: (entry: StormResult) => number) => (entry: StormResult) =>
    formatCount(value(entry));
  return {
    title: 'Throughput',
    how: `allocations and frees of ${formatCounted(cpus, 'CPU')}, median of ${formatCounted(storm[0]?.rounds.length ?? 0, 'round')}, while up to ${formatCount(removalsPerSecond)} cgroups a second are replaced.`,
    table: {
      columns: strategiesOf(record),
      rows: [
        throughputRow(record),
        rowOf(
          record,
          'cgroups removed',
          storm,
          counted((entry) => entry.cgroupsRemoved),
        ),
        rowOf(
          record,
          'dying at the end',
          storm,
          counted((entry) => entry.dying),
        ),
        rowOf(record, 'memory they pin', storm, (entry) =>
          formatBytes(entry.dyingPages * PAGE_BYTES),
        ),
        ...filled([
          rowOf(record, 'slab used by objects', storm, ({ slabUsed }) =>
            slabUsed === undefined ? undefined : formatShare(slabUsed),
          ),
          // Per operation, as a faster strategy has more of both.
          ...(storm.some(({ stockDrains }) => (stockDrains ?? 0) > 0)
            ? [
                rowOf(record, 'stock drains per 1,000', storm, ({ stockDrains, operations }) =>
                  stockDrains === undefined || operations === 0
                    ? undefined
                    : formatNumber((1000 * stockDrains) / operations),
                ),
              ]
            : []),
        ]),
        rowOf(
          record,
          'not accounted',
          storm,
          counted((entry) => entry.unaccounted),
        ),
        rowOf(
          record,
          'failed at a limit',
          storm,
          counted((entry) => entry.failed),
        ),
      ],
    },
  };
}

const QUANTILES: readonly [name: string, of: (one: Distribution) => number][] = [
  ['p50', (one) => one.p50],
  ['p99', (one) => one.p99],
  ['p99.9', (one) => one.p999],
  ['longest', (one) => one.max],
];

function latencySection(record: StormRecord): Section[] {
  const { storm, timerNs } = record.results;
  const rows = (['alloc', 'free'] as const).flatMap((kind) =>
    QUANTILES.map(([name, of]) =>
      rowOf(record, `${kind} ${name}`, storm, (entry) => {
        const latencies = kind === 'alloc' ? entry.allocNs : entry.freeNs;
        return latencies === null ? undefined : formatNs(of(latencies));
      }),
    ),
  );
  if (filled(rows).length === 0) return [];
  const rate = formatCount(storm[0]?.ratePerCpu ?? 0);
  return [
    {
      title: 'Latency',
      how: `from the moment an operation was due to its end, ${rate} due a second on each CPU but the kworker's: one that is held up is charged to all that queue behind it. Includes a look at the clock, ${formatNs(timerNs)}.`,
      table: { columns: strategiesOf(record), rows: filled(rows) },
    },
  ];
}

function removalSection(record: StormRecord): Section[] {
  const { storm, stalls } = record.results;
  const rows = filled([
    rowOf(record, 'going offline p50', storm, ({ offlineNs }) =>
      offlineNs === null
        ? undefined
        : { text: formatNs(offlineNs.p50), detail: formatNsRange(offlineNs.ci95, offlineNs.p50) },
    ),
    rowOf(record, 'going offline p99', storm, ({ offlineNs }) =>
      offlineNs === null ? undefined : formatNs(offlineNs.p99),
    ),
    rowOf(record, 'watched', stalls, (entry) => formatCount(entry.offlines)),
    rowOf(record, 'they took', stalls, (entry) => formatNs(entry.offlineNs)),
    rowOf(record, 'others waited', stalls, (entry) => formatNs(entry.typicalNs)),
    rowOf(record, 'wait without it', stalls, (entry) =>
      entry.controlNs === null ? undefined : formatNs(entry.controlNs),
    ),
    rowOf(record, 'outlasted', stalls, (entry) =>
      formatCount(entry.offlines - entry.shorterThanCallback),
    ),
  ]);
  if (rows.length === 0) return [];
  return [
    {
      title: 'A removal and the others',
      how: 'all offline callbacks; then those watched while latencies were taken, of a kworker that slept before: how long they took (median), the longest operation of the other CPUs during one (median), the same in windows as long without one, and how many were outlasted by an operation.',
      table: { columns: strategiesOf(record), rows },
    },
  ];
}

/** The chart of what others wait around a removal. */
export function stallSection(record: StormRecord): Section[] {
  const { stalls } = record.results;
  if (stalls.length === 0) return [];
  const series = stalls.map((entry) => ({
    name: entry.strategy,
    points: entry.worstNs.map((ns, bin) => ({
      x: (entry.fromNs + bin * entry.binNs) / 1e6,
      // A bin without any operation has no latency.
      y: ns,
    })),
  }));
  return [
    {
      title: 'Stalls around a removal',
      how: `the longest latency in each ${formatNs(stalls[0]?.binNs ?? 0)}, median over removals; the callback begins at 0.`,
      chart: { series, xTitle: 'ms from its start', formatY: formatNs, xAxis: 'linear' },
    },
  ];
}

function cpusSection(record: StormRecord): Section[] {
  const { scaling, remote, cpus } = record.results;
  const rows = filled([
    rowOf(record, '1 CPU', scaling, (entry) => millions(entry.onePerSecond)),
    rowOf(record, `${formatCount(cpus)} CPUs`, scaling, (entry) => millions(entry.allPerSecond)),
    rowOf(record, 'that is', scaling, ({ ratio, ci95: [low, high] }) => ({
      text: formatRatio(ratio),
      detail: `${formatNumber(low)}-${formatNumber(high)}`,
    })),
    rowOf(record, 'local free', remote, (entry) => formatNs(entry.localNs)),
    rowOf(record, 'remote free', remote, (entry) => formatNs(entry.remoteNs)),
    rowOf(record, 'remote/local', remote, ({ ratio, ci95: [low, high] }) => ({
      text: formatRatio(ratio),
      detail: `${formatNumber(low)}-${formatNumber(high)}`,
    })),
  ]);
  if (rows.length === 0) return [];
  return [
    {
      title: 'More CPUs',
      how: 'alloc and free of own objects; then frees of objects that this CPU or another one allocated.',
      table: { columns: strategiesOf(record), rows },
    },
  ];
}

function correctnessSection(record: StormRecord): Section {
  const { audits, storm, violations } = record.results;
  const shown = violations.slice(0, SHOWN).map((one): Note => {
    const history = one.history.length === 0 ? '' : ` Before that: ${one.history.join('; ')}.`;
    return {
      text: `${one.strategy}, ${one.when}: ${one.invariant}: ${one.detail}.${history}`,
      tone: 'bad',
    };
  });
  const hidden = violations.length - shown.length;
  const more: Note[] =
    hidden > 0 ? [{ text: `${formatCount(hidden)} more in the record.`, tone: 'bad' }] : [];
  return {
    title: 'What is lost',
    how: 'every invariant of the whole machine, checked between legs and after everything was freed and removed.',
    table: {
      columns: strategiesOf(record),
      rows: [
        rowOf(record, 'operations', storm, (entry) => formatCount(entry.operations)),
        rowOf(record, 'audits', audits, (entry) => formatCount(entry.audits)),
        rowOf(record, 'violations', audits, (entry) => ({
          text: formatCount(entry.violations),
          tone: entry.violations === 0 ? 'good' : 'bad',
        })),
        rowOf(record, 'objects, at most', audits, (entry) => formatCount(entry.objects)),
        rowOf(record, 'time to audit them', audits, (entry) => formatNs(entry.ns)),
      ],
    },
    notes: [...shown, ...more],
  };
}

/** Which CPU ended the run, and what it did last. */
export function failureSection(record: StormRecord): Section[] {
  const { failure } = record.results;
  if (failure === undefined) return [];
  const progress = failure.progress.map(
    (operations, cpu) => `CPU ${cpu}: ${formatCount(operations)}`,
  );
  return [
    {
      title: 'What failed',
      how: `CPU ${failure.cpu} under ${failure.strategy}: ${failure.message}.`,
      notes: [
        { text: `Operations until then: ${progress.join(', ')}.` },
        ...failure.lastOperations.map((text): Note => ({ text, tone: 'quiet' })),
      ],
    },
  ];
}

function workloadFact({ results }: StormRecord): string {
  const { mix, seconds, population } = results;
  return `Mix ${mix}, ${formatNumber(seconds)} s a round; ${formatCount(population.caches)} slab caches from ${population.source}`;
}

/** Builds the page of a storm. */
export function stormPage(record: StormRecord): Page {
  const measured =
    record.results.storm.length === 0
      ? []
      : [
          throughputSection(record),
          ...latencySection(record),
          ...removalSection(record),
          ...stallSection(record),
          ...cpusSection(record),
          correctnessSection(record),
        ];
  return {
    title: `slabsplice ${record.version} storm: what does removing cgroups do to everybody else?`,
    facts: [...environmentFacts(record), workloadFact(record)],
    notes: [],
    warnings: record.environment.warnings,
    sections: [...measured, ...failureSection(record)],
    verdict: stormWords(record),
  };
}
