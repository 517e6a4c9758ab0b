/**
 * Tables of integers in shared memory, described once.
 *
 * A table is a spec `{ column: words }`: how many 32-bit words a row has in each column. The spec is
 * the only source for offsets, sizes and bytes per row. All columns are `Int32Array`, so that every
 * call site of `#atomics` sees one kind of array (megamorphic stores cost 50 ns and more).
 *
 * Row 0 is never used and means "none" in every column that names a row: memory that was just
 * created is zero, so a machine of gigabytes needs no filling to be empty.
 *
 * Columns start on a cache line, each 448 bytes further modulo 4096 than the one before: columns at
 * equal offsets modulo 4 KiB block each other's loads (a walk was 3 times slower in the prototype).
 */
import { openColumn } from '#atomics';
import { check } from './assert.ts';
import { watchColumn } from './watch.ts';

/** Words (int32) per row of each column. */
export type TableSpec = Readonly<Record<string, number>>;

/** The columns of one table, as views on the machine's memory. */
export type Columns<Spec extends TableSpec> = {
  readonly [Name in keyof Spec]: Int32Array<SharedArrayBuffer>;
};

/** A table to be laid out: its spec and how many rows it has, row 0 included. */
export interface TablePlan {
  readonly name: string;
  readonly spec: TableSpec;
  readonly rows: number;
}

/** Where each column of each table lies, in bytes. */
export interface Layout {
  readonly bytes: number;
  readonly offsets: ReadonlyMap<string, number>;
}

const LINE_BYTES = 64;
const ALIAS_BYTES = 4096;
/** An odd number of lines, so that 64 columns take 64 different places modulo 4 KiB. */
const STAGGER_BYTES = 448;
/** Indexes beyond int32 made loops 2 to 3 times slower, so no column gets there. */
const COLUMN_WORDS_MAX = 2 ** 31 - 1;

/** Computes where every column lies, from byte `start` on; allocates nothing. */
export function planLayout(tables: readonly TablePlan[], start: number): Layout {
  const offsets = new Map<string, number>();
  let cursor = start;
  let column = 0;
  for (const table of tables) {
    check(Number.isSafeInteger(table.rows) && table.rows > 0, `table ${table.name}: bad row count`);
    for (const [name, words] of Object.entries(table.spec)) {
      check(
        table.rows * words <= COLUMN_WORDS_MAX,
        `column ${table.name}.${name} would hold ${table.rows * words} words, the limit is ${COLUMN_WORDS_MAX}`,
      );
      const wanted = (column * STAGGER_BYTES) % ALIAS_BYTES;
      const aligned = Math.ceil(cursor / LINE_BYTES) * LINE_BYTES;
      cursor = aligned + ((wanted - (aligned % ALIAS_BYTES) + ALIAS_BYTES) % ALIAS_BYTES);
      offsets.set(`${table.name}.${name}`, cursor);
      cursor += table.rows * words * Int32Array.BYTES_PER_ELEMENT;
      column++;
    }
  }
  return { bytes: Math.ceil(cursor / LINE_BYTES) * LINE_BYTES, offsets };
}

/** Views of one table's columns on a buffer that has the given layout. */
export function viewTable<Spec extends TableSpec>(
  buffer: SharedArrayBuffer,
  layout: Layout,
  table: { readonly name: string; readonly spec: Spec; readonly rows: number },
): Columns<Spec> {
  const columns: Record<string, Int32Array<SharedArrayBuffer>> = {};
  for (const [name, words] of Object.entries(table.spec)) {
    const offset = layout.offsets.get(`${table.name}.${name}`);
    check(offset !== undefined, `no column ${table.name}.${name} in this layout`);
    const view = new Int32Array(buffer, offset, table.rows * words);
    const column = `${table.name}.${name}`;
    columns[name] = watchColumn(openColumn(view, column), column);
  }
  // The loop above made exactly the spec's columns, which a mapped type cannot see.
  return columns as Columns<Spec>;
}
