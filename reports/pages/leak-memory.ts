/** Memory of simulated hosts: by what holds it, over time, and slab by cache at the end. */
import { formatBytes, MISSING } from '../format.ts';
import { alike, alikeName, atEnd, lastDay, momentText } from '../leak-facts.ts';
import { MEMORY_PARTS } from '../memory-parts.ts';
import { pickEvenly } from '../pick.ts';
import type { LeakRecord } from '../record.ts';
import type { LeakResults, LeakSeries } from '../results-leak.ts';
import type { Bars, Cell, Row, Section, Table } from './page.ts';

type Part = (typeof MEMORY_PARTS)[number];

/** Each part in plain words, and the letter that stands for it: a capital where removed cgroups hold it. */
const PARTS: Record<Part, { mark: string; name: string }> = {
  liveSlab: { mark: 's', name: 'slab pages, live' },
  live: { mark: 'l', name: 'structures, live' },
  lruArrays: { mark: 'a', name: 'list_lru arrays' },
  deadSlab: { mark: 'S', name: 'slab pages, removed' },
  deadCaches: { mark: 'C', name: 'kmem_caches, removed' },
  deadMemcgs: { mark: 'M', name: 'mem_cgroups, dying' },
  deadPercpu: { mark: 'P', name: 'per-CPU memory, dying' },
  deadPageCache: { mark: 'F', name: 'page cache, dying' },
};

/** Bars of all strategies together, and of each at least. */
const BARS = 16;
const BARS_MIN = 3;
/** Slab caches that are shown. */
const CACHES = 8;

/** The parts at the end. */
function tableRows(series: readonly LeakSeries[]): Row[] {
  const row = (label: string, of: (one: LeakSeries) => number): Row => ({
    label,
    cells: series.map((one) => ({ text: formatBytes(of(one)) })),
  });
  const all = (one: LeakSeries): number =>
    MEMORY_PARTS.reduce((sum, part) => sum + atEnd(one.parts[part]), 0);
  return [
    ...MEMORY_PARTS.map((part) =>
      row(`${PARTS[part].mark} ${PARTS[part].name}`, (one) => atEnd(one.parts[part])),
    ),
    row('together', all),
    row('left by removed cgroups', (one) => atEnd(one.heldBytes)),
  ];
}

function barsOf(results: LeakResults): Bars {
  const groups = alike(results.series, ({ parts }) => parts);
  const each = Math.max(BARS_MIN, Math.floor(BARS / groups.length));
  return {
    parts: MEMORY_PARTS.map((part) => ({
      ...PARTS[part],
      background: !part.startsWith('dead'),
    })),
    groups: groups.map((group) => {
      const { parts } = group.first;
      return {
        title: alikeName(group),
        bars: pickEvenly(parts.live.length, each).map((at) => ({
          label: momentText(results, results.days[at] ?? 0),
          values: MEMORY_PARTS.map((part) => parts[part][at] ?? 0),
        })),
      };
    }),
    format: formatBytes,
  };
}

function holdersSection(results: LeakResults): Section {
  const { series } = results;
  return {
    title: 'Memory by what holds it',
    how: `${momentText(results, lastDay(results))}, then over time; capitals are what removed cgroups left. Structures: what the kernel keeps per cgroup and per cache of it, its memory per CPU included; list_lru arrays: a slot per id in every list of reclaimable objects.`,
    table: {
      columns: series.map(({ strategy }) => strategy),
      rows: tableRows(series),
    },
    bars: barsOf(results),
  };
}

/** Caches of all strategies, those with the largest slab first. */
function largestCaches(series: readonly LeakSeries[]): string[] {
  const sizes = new Map<string, number>();
  for (const { caches } of series) {
    for (const { cache, liveBytes, deadBytes } of caches) {
      sizes.set(cache, Math.max(sizes.get(cache) ?? 0, liveBytes + deadBytes));
    }
  }
  return [...sizes.entries()].sort((a, b) => b[1] - a[1]).map(([name]) => name);
}

/** Live and removed in columns of their own, as there is but one strategy to show. */
function cachesOfOne({ caches }: LeakSeries, names: readonly string[]): Table {
  const rows = names.map((label): Row => {
    const use = caches.find(({ cache }) => cache === label);
    const sizes = [use?.liveBytes ?? 0, use?.deadBytes ?? 0];
    return { label, cells: sizes.map((bytes) => ({ text: formatBytes(bytes) })) };
  });
  return { columns: ['live', 'removed'], rows };
}

function cachesOfAll(series: readonly LeakSeries[], names: readonly string[]): Table {
  const rows = names.map((label): Row => {
    const cells = series.map(({ caches }): Cell => {
      const use = caches.find(({ cache }) => cache === label);
      if (use === undefined) return { text: MISSING, tone: 'quiet' };
      const left = use.deadBytes === 0 ? {} : { detail: `+ ${formatBytes(use.deadBytes)}` };
      return { text: formatBytes(use.liveBytes), ...left };
    });
    return { label, cells };
  });
  return { columns: series.map(({ strategy }) => strategy), rows };
}

/** Slab by cache: what live cgroups have, and what removed ones left. */
function cachesSection(results: LeakResults): Section[] {
  const { series } = results;
  const names = largestCaches(series);
  const [first, ...others] = alike(series, ({ caches }) => caches);
  if (names.length === 0 || first === undefined) return [];
  const shown = names.slice(0, CACHES);
  const hidden = names.length - shown.length;
  const more = hidden > 0 ? ` ${hidden} smaller ones are in the record.` : '';
  const one = others.length === 0;
  const same = one && series.length > 1 ? '; the same under all strategies' : '';
  return [
    {
      title: `Slab by cache, ${momentText(results, lastDay(results))}`,
      how: `pages of live cgroups, ${one ? 'and' : '+'} pages that removed cgroups left${same}.${more}`,
      table: one ? cachesOfOne(first.first, shown) : cachesOfAll(series, shown),
    },
  ];
}

/** What memory is held by, and which slab caches it is. */
export function memorySections({ results }: LeakRecord): Section[] {
  if (results.series.length === 0) return [];
  return [holdersSection(results), ...cachesSection(results)];
}
