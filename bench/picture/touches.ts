/** Which row of the model a word belongs to, for a picture of what an operation touches. */
import { OBJECTS_PER_ROW, SLAB_SPEC } from '../../core/slub/slabs.ts';
import type { FullConfig } from '../../core/tables.ts';
import type { Touch } from '../../reports/results-frames.ts';

type TouchedKind = Touch['kind'];

/** Columns of a slab row, and how many words a row has. */
const PAGE_COLUMNS: Readonly<Record<string, number>> = {
  'slabs.page': SLAB_SPEC.page,
  'slabs.prev': SLAB_SPEC.prev,
  'owners.owner': 1,
  'slots.slot': 1,
  'objectOwners.objcg': OBJECTS_PER_ROW,
};

/** The row that a word belongs to; null for words of the model's own primitives. */
export function touchedRow(
  { memcgs, kmemCaches, cpus }: FullConfig,
  column: string,
  index: number,
  words: number,
): { kind: TouchedKind; row: number } | null {
  const width = PAGE_COLUMNS[column];
  if (width !== undefined) return { kind: 'page', row: Math.floor(index / width) };
  const table = column.slice(0, column.indexOf('.'));
  switch (table) {
    case 'kmemCaches':
      return { kind: 'cache', row: Math.floor((index * (kmemCaches + 1)) / words) };
    case 'cpuSlabs':
      return { kind: 'cache', row: index % (kmemCaches + 1) };
    case 'memcgs': {
      const kind = column === 'memcgs.css' || column === 'memcgs.cssMode' ? 'css' : 'memcg';
      return { kind, row: Math.floor((index * (memcgs + 1)) / words) };
    }
    case 'cpuMemcgs': {
      const row = Math.floor((index * (memcgs + 1) * cpus) / words) % (memcgs + 1);
      return { kind: column === 'cpuMemcgs.css' ? 'css' : 'memcg', row };
    }
    case 'objcgs':
      return { kind: 'objcg', row: index };
    case 'objcgRefs':
      return { kind: 'objcg', row: index % (words / cpus) };
    case 'objcgLists':
    case 'liveObjcgs':
      return { kind: 'memcg', row: Math.floor((index * (memcgs + 1)) / words) };
    default:
      return null;
  }
}

/** Collects touches: each row once, written if it was ever written. Row 0 stands for none. */
export function createTouches() {
  const seen = new Map<string, Touch>();
  return {
    add(kind: TouchedKind, row: number, how: Touch['how']): void {
      const key = `${kind}:${row}`;
      if (row === 0 || seen.get(key)?.how === 'write') return;
      seen.set(key, { kind, row, how });
    },
    /** All of them. */
    list: (): Touch[] => [...seen.values()],
    clear: () => seen.clear(),
  };
}
