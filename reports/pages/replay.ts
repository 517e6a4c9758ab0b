/** The page of `replay`: a trace of a real kernel under each strategy, beside what was measured. */
import { highest } from '../extent.ts';
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatNumber,
  formatShare,
  MISSING,
} from '../format.ts';
import type { ReplayRecord } from '../record.ts';
import { replayErrors, replayWords } from '../replay-words.ts';
import type { ReplayResults } from '../results-replay.ts';
import { environmentFacts } from './environment.ts';
import type { Cell, Chart, Note, Page, Row, Section, Series } from './page.ts';

/** Pins of a strategy, files of a device among them, and caches, that the page shows; the record has them all. */
const PINS = 10;
const FILES = 3;
const CACHES = 12;
/** Pins that the page names a cgroup of. */
const NAMED = 3;
/** What keeps every cgroup, and is no pin. */
const GRACE_PERIOD = 'nothing but a grace period';
/** What a strategy is called whose page cache moves. */
const MOVED = '+7.1';

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

function movedWords(results: ReplayResults): string {
  const moves = strategiesOf(results).some((strategy) => strategy.endsWith(MOVED));
  return moves ? ` ${MOVED}: page cache goes to the parent with the removal, as in Linux 7.1.` : '';
}

function courseSection(results: ReplayResults): Section[] {
  if (results.series.every(({ t }) => t.length === 0)) return [];
  return [
    {
      title: 'Dying cgroups',
      how: `cgroups of the trace that are removed and not released, as replayed under each strategy; what the trace says of releases is not used.${movedWords(results)}`,
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

/** How far each sample is off, sign aside. */
function errorChart(truth: NonNullable<ReplayResults['truth']>, strategies: string[]): Chart {
  const series = strategies.map((name) => ({
    name,
    points: truth.map(({ t, measured, replayed }) => ({
      ...{ x: t, y: Math.abs((replayed[name] ?? 0) - measured) },
    })),
  }));
  return {
    ...{ series, xTitle: 'seconds of the trace', formatY: formatNumber },
    ...{ xAxis: 'linear', yAxis: 'linear' },
  };
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
  const errors = replayErrors(results);
  const errorRow = (label: string, cell: (error: (typeof errors)[number]) => string): Row => ({
    label,
    cells: [{ text: MISSING, tone: 'quiet' }, ...errors.map((one) => ({ text: cell(one) }))],
  });
  rows.push(
    errorRow('off on average', ({ mean }) => formatNumber(mean)),
    errorRow('off at the most', ({ worst }) => formatCount(worst)),
    errorRow('within 3 or 3 %', ({ near, samples }) =>
      near === samples ? 'all' : `${formatCount(near)} of ${formatCount(samples)}`,
    ),
  );
  return [
    {
      title: 'Measured and replayed',
      how: `dying cgroups at the last sample of each phase of the workload, and how far all ${formatCount(truth.length)} samples are off, in cgroups, then each of them over time.`,
      table: { columns: ['measured', ...strategies], rows, wrapLabels: true },
      chart: errorChart(truth, strategies),
    },
  ];
}

/** How much of the slab pages was objects when there were most of them; none where a record does not say. */
function usedRow(series: ReplayRecord['results']['series']): Row[] {
  if (series.some(({ objectBytes }) => objectBytes.length === 0)) return [];
  const cells = series.map(({ slabBytes, objectBytes }) => {
    const most = slabBytes.indexOf(highest(slabBytes));
    const pages = slabBytes[most] ?? 0;
    return { text: pages === 0 ? MISSING : formatShare((objectBytes[most] ?? 0) / pages) };
  });
  return [{ label: 'used by objects then', cells }];
}

function memorySection(results: ReplayResults): Section[] {
  if (results.series.every(({ t }) => t.length === 0)) return [];
  const rows: Row[] = [
    {
      label: 'slab at the most',
      cells: results.series.map(({ slabBytes }) => ({
        text: formatBytes(Math.max(0, highest(slabBytes))),
      })),
    },
    ...usedRow(results.series),
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
      how: 'bytes of the slab pages of the objects that the trace tells of; the traced machine had others.',
      chart: {
        series: results.series.map(({ strategy, t, slabBytes }) => ({
          name: strategy,
          points: t.map((x, at) => ({ x, y: slabBytes[at] ?? 0 })),
        })),
        xTitle: 'seconds of the trace',
        xAxis: 'linear',
        yAxis: 'linear',
        formatY: (value) => formatBytes(value),
      },
      table: { columns: strategiesOf(results), rows },
    },
  ];
}

type Pin = Omit<ReplayResults['pins'][number], 'strategy'>;

/** Files beyond the first few of each device as one. */
function withoutManyFiles(pins: readonly Pin[]): Pin[] {
  const files = new Map<string, Pin[]>();
  const kept = pins.filter((pin) => {
    const [, device] = /^file: dev (\S+) inode/.exec(pin.what) ?? [];
    if (device === undefined) return true;
    const all = files.get(device) ?? [];
    files.set(device, [...all, pin]);
    return all.length < FILES;
  });
  const others = [...files].flatMap(([device, all]): Pin[] => {
    const rest = all.slice(FILES);
    const sum = (of: (pin: Pin) => number) => rest.reduce((total, pin) => total + of(pin), 0);
    if (rest.length === 0) return [];
    return [
      {
        what: `${formatCount(rest.length)} other ${rest.length === 1 ? 'file' : 'files'} of dev ${device}`,
        ...{ cgroups: sum((pin) => pin.cgroups), seconds: sum((pin) => pin.seconds) },
        ...{ stillThere: sum((pin) => pin.stillThere), longest: [] },
      },
    ];
  });
  return [...kept, ...others].sort((a, b) => b.seconds - a.seconds);
}

function pinSection(results: ReplayResults): Section[] {
  return strategiesOf(results).flatMap((strategy): Section[] => {
    const pins = withoutManyFiles(results.pins.filter((pin) => pin.strategy === strategy));
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
    const isOfFiles = pins.some(({ what }) => what.startsWith('file: '));
    const findWords = isOfFiles ? ' The name of a file: find MOUNT -xdev -inum INODE.' : '';
    const more = pins.length > PINS ? ` ${pins.length - PINS} more are in the record.` : '';
    const notes = pins
      .filter(({ what }) => what !== GRACE_PERIOD)
      .slice(0, NAMED)
      .flatMap(({ what, longest: [path] }): Note[] =>
        path === undefined ? [] : [{ text: `Kept the longest by ${what}: ${path}.` }],
      );
    return [
      {
        title: `What kept them, ${strategy}`,
        how: `what went last before a removed cgroup did, by the time that they waited for it.${findWords}${more}`,
        table: {
          columns: ['cgroups', 'seconds each', 'still there'],
          rows,
          wrapLabels: true,
        },
        notes,
      },
    ];
  });
}

/** Caches whose live objects are fewer than it seems. */
function incompleteNotes({ liveObjects }: ReplayResults): Note[] {
  const names = liveObjects.filter(({ incomplete }) => incomplete).map(({ cache }) => cache);
  if (names.length === 0) return [];
  const more = names.length > CACHES ? ` and ${formatCount(names.length - CACHES)} more` : '';
  return [
    {
      text: `Not all frees of these leave an event (bulk and RCU-batched ones do not), so fewer are alive: ${names.slice(0, CACHES).join(', ')}${more}.`,
      tone: 'warn',
    },
  ];
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
  if (rows.length === 0) return [];
  return [
    {
      title: 'Objects still there',
      how: `by cache, at the end: allocations less frees. Reused: the pointer was allocated again without a free event. Unknown: freed, but allocated before the trace.${rest > 0 ? ` ${formatCount(rest)} smaller ones are in the record.` : ''}`,
      table: {
        columns: ['allocated', 'freed', 'reused', 'unknown', 'live'],
        rows,
        wrapLabels: true,
      },
      notes: incompleteNotes(results),
    },
  ];
}

function readingSection(results: ReplayResults): Section[] {
  const skipped = Object.entries(results.skipped).map(
    ([name, count]) => `${formatCount(count)} ${name}`,
  );
  const anomalies = Object.entries(results.anomalies).map(([kind, count]) => ({
    text: `${kind}: ${formatCount(count)} (${(results.anomalyPlaces[kind] ?? []).join(', ')})`,
    tone: 'warn' as const,
  }));
  const counted = (count: number, what: string, text: string): Note[] =>
    count === 0 ? [] : [{ text: `${formatCounted(count, what)} ${text}` }];
  const notes = [
    ...(skipped.length === 0
      ? []
      : [{ text: `Events that are not looked at: ${skipped.join(', ')}.` }]),
    ...counted(
      results.namesMissing,
      'allocation',
      'without the name of a cache (kernels before 6.18): it goes by what its frees say, or else by call site and size.',
    ),
    ...counted(results.unknownFrees, 'free', 'of objects that were allocated before the trace.'),
    ...counted(
      results.unknownDeletes,
      'deletion',
      'of page cache that was added before the trace, or that is tmpfs, which has no event for it.',
    ),
    ...counted(
      results.largeAllocations,
      'allocation',
      'of pages rather than slab objects (large kmalloc).',
    ),
    ...counted(results.failedAllocations, 'allocation', 'that failed (a null pointer).'),
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
