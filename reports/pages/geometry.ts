/** The page of `geometry`: does the model lay out slabs as the kernel does? */
import { formatCount } from '../format.ts';
import type { GeometryRecord } from '../record.ts';
import type { GeometryCache } from '../results.ts';
import { failedChecks } from '../words.ts';
import { environmentFacts } from './environment.ts';
import type { Cell, Note, Page, Row, Section } from './page.ts';

/** Differing caches shown on the page; the record has them all. */
const DIFFERENCES_SHOWN = 20;

const FIGURES = [
  ['order', 'order'],
  ['objectsPerSlab', 'objects a slab'],
  ['size', 'size'],
  ['minPartial', 'min_partial'],
  ['cpuPartial', 'cpu_partial'],
] as const;

function figureCell(cache: GeometryCache, figure: (typeof FIGURES)[number][0]): Cell {
  const expected = cache.expected[figure];
  const computed = cache.computed[figure];
  if (expected === undefined || computed === undefined) return { text: '-', tone: 'quiet' };
  if (expected === computed) return { text: formatCount(computed) };
  return { text: `${formatCount(computed)} not ${formatCount(expected)}`, tone: 'bad' };
}

function cacheRow(cache: GeometryCache): Row {
  return { label: cache.name, cells: FIGURES.map(([figure]) => figureCell(cache, figure)) };
}

function differences({ results }: GeometryRecord): Section[] {
  const differing = results.caches.filter((cache) => !cache.ok);
  if (differing.length === 0) return [];
  const hidden = differing.length - DIFFERENCES_SHOWN;
  const notes: Note[] =
    hidden > 0 ? [{ text: `${formatCount(hidden)} more differ; the record lists them all.` }] : [];
  return [
    {
      title: 'Caches that differ',
      how: 'each figure as computed; "8 not 16" means the model has 8 where the kernel has 16.',
      table: {
        columns: FIGURES.map(([, title]) => title),
        rows: differing.slice(0, DIFFERENCES_SHOWN).map(cacheRow),
      },
      notes,
    },
  ];
}

/** How many caches use each order: a picture of the kernel's choice in one glance. */
function orders({ results }: GeometryRecord): Section[] {
  const byOrder = new Map<number, GeometryCache[]>();
  for (const cache of results.caches) {
    const order = cache.computed.order;
    if (order !== undefined) byOrder.set(order, [...(byOrder.get(order) ?? []), cache]);
  }
  if (byOrder.size === 0) return [];
  const rows = [...byOrder]
    .sort(([a], [b]) => a - b)
    .map(([order, caches]) => {
      const sizes = caches.map((cache) => cache.size);
      return {
        label: `order ${order}`,
        cells: [
          { text: formatCount(2 ** order * results.pageSize) },
          { text: formatCount(caches.length) },
          { text: formatCount(Math.min(...sizes)) },
          { text: formatCount(Math.max(...sizes)) },
          { text: formatCount(caches.filter((cache) => !cache.ok).length) },
        ],
      };
    });
  return [
    {
      title: 'Caches by slab order',
      how: 'a slab of order n is 2^n pages; the sizes are those of the objects in it, in bytes.',
      table: { columns: ['bytes a slab', 'caches', 'smallest', 'largest', 'differ'], rows },
    },
  ];
}

/** Builds the page of a geometry check. */
export function geometryPage(record: GeometryRecord): Page {
  const { results } = record;
  const total = formatCount(results.caches.length);
  const rules = `the rules of kernel ${results.kernelRules}, ${results.cpus} CPUs, pages of ${formatCount(results.pageSize)} bytes`;
  const equal: Note =
    results.mismatches === 0
      ? { text: `All ${total} caches of ${results.source} are computed as they are.`, tone: 'good' }
      : {
          text: `${formatCount(results.mismatches)} of ${total} caches of ${results.source} differ from what the model computes.`,
          tone: 'bad',
        };
  const cut: Note[] = record.complete
    ? []
    : [{ text: 'Cut short: not every cache was checked.', tone: 'bad' }];
  return {
    title: `slabsplice ${record.version} geometry: does the model lay out slabs as the kernel does?`,
    facts: [...environmentFacts(record), `Computed by ${rules}`],
    notes: results.notes,
    warnings: record.environment.warnings,
    sections: [...orders(record), ...differences(record)],
    verdict: [...cut, equal, ...failedChecks(record.checks)],
  };
}
