/** Where each word of a machine lies: its column, its row, and what is to be watched there. */
import type { Machine } from '../../core/index.ts';
import type { TrackedColumn } from '../../core/shared/atomics-explore.ts';
import { LINE } from '../../core/shared/processor.ts';
import { LOCK } from '../../core/tables.ts';

/** Where the words of a machine lie, and which rows they belong to. */
export interface MemoryMap {
  readonly main: Int32Array;
  readonly strategy: Int32Array;
  readonly columns: readonly TrackedColumn[];
  /** Per word: row of a small table, as an index into `Control.rows`; 0 where rows do not count. */
  readonly rowOf: Uint16Array;
  /** Words of columns that a walker may read of any row while it holds the mutex at `mutex`. */
  readonly walked: { readonly first: number; readonly end: number; readonly mutex: number };
  /** Words that must not go below zero. */
  readonly unsigned: { readonly first: number; readonly end: number };
  /** A word in words, such as `kmemCaches.memcg of row 5`. */
  describe(word: number): string;
}

/** First index in `Control.rows` of the rows of memcgs, of caches, and of obj_cgroups. */
const ROW_BASE = { memcgs: 0, kmemCaches: 1024, objcgs: 2048 } as const;
type RowKind = keyof typeof ROW_BASE;

/** Tables whose rows are poisoned while they are not in use, and the rows that they go by. */
const POISONED: Readonly<Record<string, { readonly rows: RowKind; readonly perCpu: boolean }>> = {
  memcgs: { rows: 'memcgs', perCpu: false },
  cpuMemcgs: { rows: 'memcgs', perCpu: true },
  objcgLists: { rows: 'memcgs', perCpu: false },
  liveObjcgs: { rows: 'memcgs', perCpu: false },
  kmemCaches: { rows: 'kmemCaches', perCpu: false },
  cpuSlabs: { rows: 'kmemCaches', perCpu: true },
  objcgs: { rows: 'objcgs', perCpu: false },
  objcgRefs: { rows: 'objcgs', perCpu: true },
};

/** The column that a word lies in. */
export function columnOf<Column extends { base: number; raw: { length: number } }>(
  columns: readonly Column[],
  word: number,
): Column | undefined {
  return columns.find(({ base, raw }) => word >= base && word < base + raw.length);
}

/** Rows of each kind that a machine has, row 0 included; obj_cgroups only where a design has them. */
function rowCounts(
  { config }: Machine,
  columns: readonly TrackedColumn[],
): Readonly<Record<RowKind, number>> {
  const objcgs = columns.find(({ name }) => name === 'objcgs.memcg');
  return {
    memcgs: config.memcgs + 1,
    kmemCaches: config.kmemCaches + 1,
    objcgs: objcgs?.raw.length ?? 1,
  };
}

function rowsOf(machine: Machine, columns: readonly TrackedColumn[], words: number): Uint16Array {
  const rowOf = new Uint16Array(words);
  const counts = rowCounts(machine, columns);
  for (const { name, base, raw } of columns) {
    const poisoned = POISONED[name.slice(0, name.indexOf('.'))];
    if (poisoned === undefined) continue;
    const rows = counts[poisoned.rows];
    const width = raw.length / (rows * (poisoned.perCpu ? machine.config.cpus : 1));
    for (let index = 0; index < raw.length; index++) {
      const row = Math.floor(index / width) % rows;
      // Row 0 means "none" and is looked at on purpose.
      if (row > 0) rowOf[base + index] = ROW_BASE[poisoned.rows] + row;
    }
  }
  return rowOf;
}

/** Says where each word lies, from the columns that were opened. */
export function mapMemory(
  machine: Machine,
  opened: readonly TrackedColumn[],
  strategyBuffer: SharedArrayBuffer | null,
  watchUsage: boolean,
): MemoryMap {
  const main = new Int32Array(machine.memory.main);
  const strategy = new Int32Array(strategyBuffer ?? new SharedArrayBuffer(0));
  const columns = [...opened].sort((a, b) => a.base - b.base);
  const rowOf = rowsOf(machine, columns, main.length + strategy.length);
  const range = (wanted: string): { first: number; end: number } => {
    const column = columns.find(({ name }) => name === wanted);
    return { first: column?.base ?? 0, end: (column?.base ?? 0) + (column?.raw.length ?? 0) };
  };
  const mutex = range('locks.word').first + LOCK.slabMutex * LINE;
  return {
    ...{ main, strategy, columns, rowOf },
    // Whoever holds slab_mutex walks over all rows and looks which are in use.
    walked: { ...range('kmemCaches.flags'), mutex },
    unsigned: watchUsage ? range('memcgs.usage') : { first: 0, end: 0 },
    describe(word) {
      const column = columnOf(columns, word);
      if (column === undefined) return `word ${word}`;
      const row = rowOf[word] ?? 0;
      const place = word - column.base;
      return row === 0 ? `${column.name} at ${place}` : `${column.name} of row ${row % 1024}`;
    },
  };
}
