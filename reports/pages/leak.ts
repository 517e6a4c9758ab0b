/** The page of `leak`: dying cgroups over days of simulated hosts, and what they hold. */
import { formatCount, formatCounted, formatNumber, formatShare, MISSING } from '../format.ts';
import {
  type Alike,
  alike,
  alikeName,
  atEnd,
  brokenRuns,
  combinationText,
  hostNumbers,
  hostsText,
  inHours,
  inUnit,
  lastDay,
  momentText,
  parameterOf,
  seriesNamed,
  spanText,
} from '../leak-facts.ts';
import { valueAt } from '../leak-summary.ts';
import { BAND_TITLE, errorDaysText, formatMean, leakWords } from '../leak-words.ts';
import type { LeakRecord } from '../record.ts';
import type { LeakPublished, LeakResults, LeakSeries } from '../results-leak.ts';
import { environmentFacts } from './environment.ts';
import { memorySections } from './leak-memory.ts';
import { sweepSections } from './leak-sweep.ts';
import type { Cell, Page, Row, Section, Series, Table } from './page.ts';

/** Points of published numbers: what was before the patches, and after. */
const MARKS = { original: '●', patched: '○' };
/** Violations that the page shows; the record has them all. */
const SHOWN = 5;
const NOTHING: Cell = { text: MISSING, tone: 'quiet' };
const MB = 1e6;

/** What the courses are of, as a sentence on how to read them begins. */
function scopeText(results: LeakResults): string {
  const combination = combinationText(results);
  return hostsText(results) + (combination === '' ? '' : `, at ${combination}`);
}

function lineOf(results: LeakResults, group: Alike<LeakSeries>): Series {
  const { dying, dyingP10, dyingP90 } = group.first;
  const xs = results.days.map((day) => inUnit(results, day));
  const spread = Math.max(0, ...hostNumbers(results)) > 1;
  return {
    name: alikeName(group),
    color: group.color,
    points: dying.map((y, at) => ({ x: xs[at] ?? 0, y })),
    ...(spread
      ? {
          band: dying.map((y, at) => ({
            ...{ x: xs[at] ?? 0, low: dyingP10[at] ?? y, high: dyingP90[at] ?? y },
          })),
        }
      : {}),
  };
}

/** Published numbers in the colour of the strategy that they are held against. */
function publishedPoints(results: LeakResults, groups: readonly Alike<LeakSeries>[]): Series[] {
  const { published } = results;
  if (published === null) return [];
  const rows = [
    ['original', 'pin', published.original],
    ['patched', published.patchedAs, published.patched],
  ] as const;
  return rows.flatMap(([name, strategy, values]): Series[] => {
    if (values === null) return [];
    const own = groups.find(({ strategies }) => strategies.includes(strategy ?? ''));
    return [
      {
        name: `published, ${name}`,
        mark: MARKS[name],
        ...(own === undefined ? {} : { color: own.color }),
        points: published.days.map((day, at) => ({
          ...{ x: inUnit(results, day), y: values[at] ?? Number.NaN },
        })),
      },
    ];
  });
}

/** The chart of dying cgroups over time. */
export function dyingSection({ results }: LeakRecord): Section[] {
  const { series, published } = results;
  if (series.length === 0) return [];
  const groups = alike(series, ({ dying, dyingP10, dyingP90 }) => [dying, dyingP10, dyingP90]);
  const from = published === null ? '' : `; published: ${published.what}, ${published.source}`;
  return [
    {
      title: 'Dying cgroups',
      how: `removed, yet kept by what is still charged to them; ${scopeText(results)}${from}.`,
      chart: {
        series: [
          ...groups.map((group) => lineOf(results, group)),
          ...publishedPoints(results, groups),
        ],
        xTitle: inHours(results) ? 'hours' : 'days',
        formatY: formatNumber,
        xAxis: 'linear',
        yAxis: 'linear',
        bandTitle: BAND_TITLE,
        tall: true,
      },
    },
  ];
}

/** Numbers that were published, and the simulated ones beside them. */
interface Comparison {
  title: string;
  simulatedTitle: string;
  published: readonly number[];
  simulated: readonly number[];
  error: number | null;
}

function comparisonsOf(results: LeakResults, published: LeakPublished): Comparison[] {
  const { error, memDiffBytes } = results;
  const rows = [
    ['original', 'pin', published.original, error?.original],
    ['patched', published.patchedAs, published.patched, error?.patched],
  ] as const;
  const dying = rows.flatMap(([title, strategy, values, off]): Comparison[] => {
    const series = seriesNamed(results, strategy);
    if (values === null || series === undefined) return [];
    return [
      {
        ...{ title, simulatedTitle: series.strategy, published: values },
        ...{ simulated: series.dying, error: off ?? null },
      },
    ];
  });
  if (published.memDiffMb === null || memDiffBytes.length === 0) return dying;
  const simulated = memDiffBytes.map((bytes) => bytes / MB);
  const memory = { title: 'memory', simulatedTitle: 'simulated', published: published.memDiffMb };
  return [...dying, { ...memory, simulated, error: error?.memDiff ?? null }];
}

/** How far off, with its sign: `-12 %`. */
function offText(published: number, simulated: number): string {
  if (published === 0) return '';
  const percent = Math.round(((simulated - published) / published) * 100);
  return `${percent > 0 ? '+' : ''}${formatCount(percent === 0 ? 0 : percent)} %`;
}

function publishedTable(results: LeakResults, published: LeakPublished): Table {
  const comparisons = comparisonsOf(results, published);
  const rows = published.days.map((day, at): Row => {
    const cells = comparisons.flatMap(({ published: values, simulated }): Cell[] => {
      const value = values[at];
      const found = valueAt(results.days, simulated, day);
      if (value === undefined) return [NOTHING, NOTHING];
      const shown = { text: formatMean(value) };
      if (found === null) return [shown, NOTHING];
      return [shown, { text: formatMean(found), detail: offText(value, found) }];
    });
    return { label: momentText(results, day), cells };
  });
  const errors = comparisons.flatMap(({ error }): Cell[] => [
    { text: '' },
    error === null ? NOTHING : { text: formatShare(error) },
  ]);
  return {
    columns: comparisons.flatMap(({ title, simulatedTitle }) => [title, simulatedTitle]),
    rows: [...rows, { label: 'mean error', cells: errors }],
  };
}

/** Published and simulated side by side. */
function publishedSection({ results }: LeakRecord): Section[] {
  const { published, memDiffOf } = results;
  if (published === null || comparisonsOf(results, published).length === 0) return [];
  const memory =
    published.memDiffMb === null || memDiffOf === null
      ? ''
      : `; memory: by how many MB (a million bytes) slab and per-CPU memory differ, ${memDiffOf.baseline} less ${memDiffOf.candidate}`;
  return [
    {
      title: 'Published and simulated',
      how: `dying cgroups, first as published, then as simulated and how far off that is${memory}; mean error, sign aside, of ${errorDaysText(results)}.`,
      table: publishedTable(results, published),
    },
  ];
}

/** How much of some pages is objects. */
function usedCell(objects: number, pages: number): Cell {
  return pages === 0 ? NOTHING : { text: formatShare(objects / pages) };
}

/** How much of the slab pages is objects: none in records that do not say. */
function usedRows(series: readonly LeakSeries[]): Row[] {
  if (series.some(({ pageBytes }) => pageBytes.length === 0)) return [];
  const all = series.map((one) => usedCell(atEnd(one.objectBytes), atEnd(one.pageBytes)));
  const rows: Row[] = [{ label: 'slab used by objects', cells: all }];
  if (series.every(({ deadObjectBytes }) => atEnd(deadObjectBytes) === 0)) return rows;
  // Where caches are shared a removed cgroup has no slab of its own, and a slab without objects is not kept.
  const left = series.map(({ deadObjectBytes, parts }) => {
    const objects = atEnd(deadObjectBytes);
    return usedCell(objects, objects === 0 ? 0 : atEnd(parts.deadSlab));
  });
  return [...rows, { label: '  that of removed cgroups', cells: left }];
}

/** What keeps the dying, and how many structures there are. */
function keptSection({ results }: LeakRecord): Section[] {
  const { series } = results;
  if (series.length === 0) return [];
  const row = (label: string, of: (one: LeakSeries) => number): Row => ({
    label,
    cells: series.map((one) => ({ text: formatMean(of(one)) })),
  });
  const neither = (one: LeakSeries): number =>
    Math.max(0, atEnd(one.dying) - atEnd(one.keptByPages) - atEnd(one.keptBySlab));
  const ids = parameterOf(results, 'host.ids');
  const limit = typeof ids === 'number' ? ` of ${formatCount(ids)}` : '';
  return [
    {
      title: `What keeps them, ${momentText(results, lastDay(results))}`,
      how: `a dying cgroup goes once nothing is charged to it; page cache: some is, and slab perhaps as well; kmem_caches: of all cgroups; ${scopeText(results)}.`,
      table: {
        columns: series.map(({ strategy }) => strategy),
        rows: [
          row('dying cgroups', (one) => atEnd(one.dying)),
          row('kept by page cache', (one) => atEnd(one.keptByPages)),
          row('kept by slab alone', (one) => atEnd(one.keptBySlab)),
          row('kept by neither', neither),
          row('live cgroups', (one) => atEnd(one.live)),
          row('kmem_caches', (one) => atEnd(one.cacheCount)),
          ...usedRows(series),
          row(`ids in use${limit}`, (one) => atEnd(one.ids)),
        ],
        wrapLabels: true,
      },
    },
  ];
}

function brokenSection(record: LeakRecord): Section[] {
  const found = brokenRuns(record).flatMap(({ cell, host, strategy, violations }) => {
    const where = record.results.sweep === null ? '' : ` of combination ${cell}`;
    return violations.map((text) => `${strategy}, host ${host}${where}: ${text}`);
  });
  if (found.length === 0) return [];
  const hidden = found.length - SHOWN;
  const more = hidden > 0 ? [`${formatCount(hidden)} more in the record`] : [];
  return [
    {
      title: 'What broke',
      how: 'invariants of whole machines, audited at the end.',
      notes: [...found.slice(0, SHOWN), ...more].map((text) => ({ text: `${text}.`, tone: 'bad' })),
    },
  ];
}

function settingsSection({ results }: LeakRecord): Section[] {
  const { sweep, scenario } = results;
  const { name, about, parameters } = scenario;
  if (parameters.length === 0) return [];
  const settings = parameters.map(({ key, value, from }) => {
    const varied = sweep?.parameters.find((one) => one.key === key)?.values;
    if (varied === undefined) {
      return { key, value: String(value), from: from ?? '', usual: from === 'default' };
    }
    const values = `${Math.min(...varied)} to ${Math.max(...varied)}`;
    return { key, value: 'varied', from: `${values} in the sweep`, usual: false };
  });
  return [
    {
      title: 'Scenario',
      how: `"${name}". ${about} Values that were chosen, and where they come from:`,
      settings,
    },
  ];
}

/** How much was simulated: that nothing of it was measured is said here. */
export function simulationFact({ results }: LeakRecord): string {
  const { hosts, hostsWanted, scenario, sweep, shard } = results;
  const finished =
    hosts < hostsWanted
      ? `${formatCount(hosts)} of ${formatCounted(hostsWanted, 'host')}`
      : formatCounted(hosts, 'host');
  const cells = sweep?.parameters.reduce((product, { values }) => product * values.length, 1);
  const over = cells === undefined ? '' : ` over ${formatCounted(cells, 'combination')} of values`;
  const part = shard === null ? '' : `, shard ${shard.index} of ${shard.of}`;
  return `${finished} of ${scenario.name}${over}, ${spanText(results, lastDay(results))} each${part}: simulated on a virtual clock, nothing here is measured`;
}

/** Builds the page of a leak. */
export function leakPage(record: LeakRecord): Page {
  return {
    title: `slabsplice ${record.version} leak: how many dying cgroups, and how much memory, over days of a host?`,
    facts: [simulationFact(record), ...environmentFacts(record)],
    factsTitle: 'Simulated on',
    notes: [],
    warnings: record.environment.warnings,
    sections: [
      // Who sweeps wants the map; the rest is of its first combination.
      ...sweepSections(record),
      ...dyingSection(record),
      ...publishedSection(record),
      ...memorySections(record),
      ...keptSection(record),
      ...brokenSection(record),
      ...settingsSection(record),
    ],
    verdict: leakWords(record),
  };
}
