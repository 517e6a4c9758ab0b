/** The page of `compare` and `run`: strategies are columns throughout, so the eye stays in one place. */
import {
  type Conditions,
  conditionsOf,
  decisiveSize,
  findGrowth,
  findLeftBehind,
  findOffline,
  type Size,
  sizeLabel,
  sizesOf,
  strategiesOf,
  strategiesTimed,
} from '../compare-facts.ts';
import {
  formatBytes,
  formatCount,
  formatExponent,
  formatNs,
  formatNsRange,
  formatNumber,
  formatShare,
  MISSING,
} from '../format.ts';
import type { CompareRecord } from '../record.ts';
import type { OfflineResult, StepCounts } from '../results.ts';
import { compareWords, temperatureWords } from '../words.ts';
import { environmentFacts } from './environment.ts';
import { hotPathSection } from './hot-path.ts';
import type { Cell, Note, Page, Row, Section, Series } from './page.ts';

const NOT_MEASURED: Cell = { text: MISSING, tone: 'quiet' };

function timeCell(entry: OfflineResult | undefined): Cell {
  if (entry === undefined) return NOT_MEASURED;
  return { text: formatNs(entry.ns.p50), detail: formatNsRange(entry.ns.ci95, entry.ns.p50) };
}

function timeRow(record: CompareRecord, label: string, size: Size, conditions: Conditions): Row {
  const cells = strategiesTimed(record, conditions.what).map((strategy) =>
    timeCell(findOffline(record, strategy, size, conditions)),
  );
  return { label, cells };
}

function growthRow(record: CompareRecord, conditions: Conditions): Row[] {
  const cells = strategiesTimed(record, conditions.what).map((strategy): Cell => {
    const growth = findGrowth(record, strategy, conditions);
    if (growth === undefined) return NOT_MEASURED;
    const { exponent, ci95 } = growth;
    const reach = Math.max(ci95[1] - exponent, exponent - ci95[0]);
    return { text: `${formatExponent(exponent)} ±${formatExponent(reach)}` };
  });
  return cells.every((cell) => cell === NOT_MEASURED) ? [] : [{ label: 'growth exponent', cells }];
}

/** Names in which way conditions differ from the main ones: `in-order`, `cold`, or both. */
function differenceWords(one: Conditions, main: Conditions): string {
  const order = one.order === main.order ? [] : [one.order];
  const temperature = one.temperature === main.temperature ? [] : [one.temperature];
  return [...order, ...temperature].join(', ');
}

/** Rows of the largest size with either the order or the temperature changed. */
function otherRows(record: CompareRecord, main: Conditions): Row[] {
  const largest = decisiveSize(record, main);
  if (largest === undefined) return [];
  return conditionsOf(record, main.what)
    .filter((one) => (one.order === main.order) !== (one.temperature === main.temperature))
    .map((one): Row => {
      const label = `${formatCount(largest.pages)} ${differenceWords(one, main)}`;
      return { ...timeRow(record, label, largest, one), brief: true };
    });
}

function sizeRows(record: CompareRecord, main: Conditions): Row[] {
  const sizes = sizesOf(record);
  return sizes.map((size) => timeRow(record, sizeLabel(size, sizes), size, main));
}

function roundsWords(record: CompareRecord): string {
  const counts = record.results.offline.map((entry) => entry.rounds.length);
  const fewest = Math.min(...counts);
  const most = Math.max(...counts);
  return fewest === most ? `${fewest} rounds` : `${fewest} to ${most} rounds`;
}

function removalSection(record: CompareRecord): Section[] {
  const main = conditionsOf(record, 'removal')[0];
  if (main === undefined) return [];
  return [
    {
      title: 'Removing a cgroup',
      how: `median of ${roundsWords(record)}, 95 % interval, ${temperatureWords(main)}. Growth exponent: 0 the same at every size, 1 in proportion to pages.`,
      table: {
        columns: strategiesTimed(record, main.what),
        rows: [...sizeRows(record, main), ...growthRow(record, main), ...otherRows(record, main)],
      },
    },
  ];
}

const STEPS: { label: string; of: (steps: StepCounts) => number }[] = [
  // A scan may count its rows as visited too.
  { label: 'rows looked at', of: (steps) => Math.max(steps.rowsScanned, steps.pagesVisited) },
  { label: 'caches moved', of: (steps) => steps.cachesMoved },
  { label: 'obj_cgroups moved', of: (steps) => steps.objcgsMoved ?? 0 },
  { label: 'list operations', of: (steps) => steps.listOperations },
  { label: 'css refs moved', of: (steps) => steps.cssMoved },
];

/** Rows of what a strategy counted in one removal; a kind of step that none took is left out. */
function stepRows(record: CompareRecord, main: Conditions): Row[] {
  const size = decisiveSize(record, main);
  if (size === undefined) return [];
  const entries = strategiesTimed(record, main.what).map((strategy) =>
    findOffline(record, strategy, size, main),
  );
  const taken = STEPS.filter(({ of }) => entries.some((entry) => entry && of(entry.steps) > 0));
  return taken.map(({ label, of }) => ({
    label,
    cells: entries.map((entry) =>
      entry === undefined ? NOT_MEASURED : { text: formatCount(of(entry.steps)) },
    ),
  }));
}

/** Pages charged against rows there are: the scan pays for the machine, not for the cgroup. */
function mapWords(record: CompareRecord, main: Conditions): string {
  const size = decisiveSize(record, main);
  const entry = record.results.offline.find((one) => one.pages === size?.pages);
  if (entry === undefined) return '';
  return ` ${formatCount(entry.pages)} pages are ${formatCount(entry.slabs)} of the machine's ${formatCount(entry.rowsScanned)} slab rows.`;
}

function handoverSection(record: CompareRecord): Section[] {
  const main = conditionsOf(record, 'handover')[0];
  if (main === undefined) return [];
  const whole = conditionsOf(record, 'removal')[0];
  const alike = whole?.order === main.order && whole.temperature === main.temperature;
  const conditions = alike ? 'timed as above' : temperatureWords(main);
  const rows = [
    ...sizeRows(record, main).map((row): Row => ({ ...row, brief: true })),
    ...growthRow(record, main),
    ...otherRows(record, main),
    ...stepRows(record, main),
  ];
  return [
    {
      title: 'The hand-over in it',
      how: `the step in which strategies differ, ${conditions}; then its work.${mapWords(record, main)}`,
      table: { columns: strategiesTimed(record, main.what), rows },
    },
  ];
}

function chartSection(record: CompareRecord): Section[] {
  const conditions = conditionsOf(record, 'handover')[0] ?? conditionsOf(record, 'removal')[0];
  if (conditions === undefined) return [];
  const series = strategiesTimed(record, conditions.what).map((strategy): Series => {
    const entries = record.results.offline.filter(
      (entry) =>
        entry.strategy === strategy &&
        entry.what === conditions.what &&
        entry.order === conditions.order &&
        entry.temperature === conditions.temperature,
    );
    return {
      name: strategy,
      points: entries.map(({ pages, ns }) => ({ x: pages, y: ns.p50 })),
      band: entries.map(({ pages, ns: { ci95 } }) => ({ x: pages, low: ci95[0], high: ci95[1] })),
    };
  });
  return [
    {
      title: `${conditions.what === 'handover' ? 'Hand-over' : 'Removal'} time by pages`,
      how: `${temperatureWords(conditions)}, both axes logarithmic.`,
      chart: {
        ...{ series, xTitle: 'pages charged', formatY: formatNs },
        bandTitle: '95 % intervals',
      },
    },
  ];
}

function memorySection(record: CompareRecord): Section[] {
  const { footprint, leftBehind } = record.results;
  if (footprint.length === 0 && leftBehind.length === 0) return [];
  const strategies = strategiesOf(record);
  const pages = Math.max(0, ...leftBehind.map((entry) => entry.pages));
  const row = (label: string, show: (strategy: string) => string | undefined): Row => ({
    label,
    cells: strategies.map((strategy) => {
      const text = show(strategy);
      return text === undefined ? NOT_MEASURED : { text };
    }),
  });
  const size = (strategy: string) =>
    footprint.filter((entry) => entry.strategy === strategy).sort((a, b) => b.pages - a.pages)[0];
  const left = (strategy: string) => findLeftBehind(record, strategy, pages);
  const optional = (value: number | undefined, show: (value: number) => string) =>
    value === undefined ? undefined : show(value);
  return [
    {
      title: 'Memory, and what is left',
      how: `bookkeeping; then what removing ${formatCount(pages)} pages left.`,
      table: {
        columns: strategies,
        rows: [
          row('bytes per page', (name) => optional(size(name)?.bytesPerPage, formatNumber)),
          row('bytes per object', (name) => optional(size(name)?.bytesPerObject, formatNumber)),
          ...(leftBehind.some(({ slabUsed }) => slabUsed !== undefined)
            ? [row('slab used by objects', (name) => optional(left(name)?.slabUsed, formatShare))]
            : []),
          row('dying cgroups', (name) => optional(left(name)?.dying, formatCount)),
          row('memory they pin', (name) => optional(left(name)?.pinnedBytes, formatBytes)),
        ],
      },
    },
  ];
}

function interferenceNote({ results }: CompareRecord): Note[] {
  const total = results.interference.length;
  if (total === 0) return [];
  const marked = results.interference.filter((round) => round.marked);
  if (marked.length === 0) {
    return [{ text: `None of ${formatCount(total)} rounds was disturbed by other work.` }];
  }
  const wait = formatNumber(Math.max(...marked.map((round) => round.cpuWaitMs)));
  const were = marked.length === 1 ? 'was' : 'were';
  return [
    {
      text: `${formatCount(marked.length)} of ${formatCount(total)} rounds ${were} disturbed by other work (${wait} ms off CPU); they count all the same.`,
      tone: 'warn',
    },
  ];
}

function populationFact({ results }: CompareRecord): string {
  const { source, kernel, caches, objectsPerSlabMean, utilisation } = results.population;
  const from = source.includes(kernel) ? source : `${source} (kernel ${kernel})`;
  return `${formatCount(caches)} slab caches from ${from}, ${formatNumber(objectsPerSlabMean)} objects a slab, ${formatShare(utilisation)} used`;
}

/** Builds the page of a comparison. */
export function comparePage(record: CompareRecord): Page {
  return {
    title: `slabsplice ${record.version} ${record.command}: what does removing a memory cgroup cost?`,
    facts: [...environmentFacts(record), populationFact(record)],
    notes: record.results.population.notes,
    warnings: record.environment.warnings,
    sections: [
      ...removalSection(record),
      ...handoverSection(record),
      ...chartSection(record),
      ...hotPathSection(record),
      ...memorySection(record),
    ],
    verdict: [...compareWords(record), ...interferenceNote(record)],
  };
}
