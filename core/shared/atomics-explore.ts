/**
 * The `#atomics` of a machine whose schedules are explored (`--conditions=explore`): the same
 * functions, each of which stops before the shared step and asks an explorer who goes next. What the
 * explorer does is not known here (`bench/explore/engine.ts`).
 *
 * Columns that are opened between `beginTracking` and `endTracking` are seen by the explorer: atomic
 * operations as steps, plain reads and writes of the core as part of the step before them. All others
 * (the auditor's own view of the same machine, words of the harness) behave as in production.
 *
 * A row of a small table that is given back is never handed out again, so that whoever still uses it
 * is seen; the explorer keeps which rows are in use.
 */
/** Which version this is. */
export const ATOMICS_KIND: AtomicsKind = 'explore' as AtomicsKind;

type AtomicsKind = 'real' | 'solo' | 'explore';

/** A thread that finds a lock held waits at once: nothing changes while it looks. */
export const SPINS = 0;

/** What a step does to its word. */
export type StepKind =
  | 'load'
  | 'peek'
  | 'store'
  | 'poke'
  | 'add'
  | 'or'
  | 'and'
  | 'exchange'
  | 'cas';

/** A column under the eyes of an explorer. Words are numbered through all buffers of a machine. */
export interface TrackedColumn {
  /** `table.column`. */
  readonly name: string;
  /** Number of its first word. */
  readonly base: number;
  readonly raw: Int32Array<SharedArrayBuffer>;
}

/** Decides who takes the next step, and sees what each step reads and writes. */
export interface Explorer {
  /** A thread arrives at a shared step; returns when it may take it. */
  step(kind: StepKind, word: number): void;
  /** A word was read, in a step or plainly. */
  read(word: number, value: number): void;
  /** A word was written, in a step or plainly. */
  wrote(word: number, before: number, after: number): void;
  /** Returns when something has changed that this thread read since it was here last. */
  park(): void;
  /** This thread sleeps: whoever the explorer likes goes on, and that is no preemption. */
  doze(): void;
  /** A row of the table that `word` belongs to comes into use or goes out of use. */
  row(word: number, inUse: boolean): void;
}

/** Columns that nothing depends on: statistics of the model itself, and bounds that never change. */
const INVISIBLE = new Set([
  ...['globals.clock', 'globals.patience', 'events.ring', 'events.written', 'cpus.steps'],
]);

let explorer: Explorer | null = null;
const tracked = new Map<Int32Array, TrackedColumn>();
/** Columns by their own view, for hooks that code on untracked views calls too. */
const known = new Map<Int32Array, TrackedColumn>();
const bufferBases = new Map<SharedArrayBuffer, number>();
let openTracked = false;

/** From now on columns are opened under the eyes of `next`; forgets those of before. */
export function beginTracking(next: Explorer): void {
  explorer = next;
  tracked.clear();
  known.clear();
  bufferBases.clear();
  openTracked = true;
}

/** Columns opened from now on are plain views. @returns the tracked ones */
export function endTracking(): readonly TrackedColumn[] {
  openTracked = false;
  return [...tracked.values()];
}

/** Number of the first word of a buffer; main memory first, as it is opened first. */
function baseOf(buffer: SharedArrayBuffer): number {
  const base = bufferBases.get(buffer);
  if (base !== undefined) return base;
  let next = 0;
  for (const [other, start] of bufferBases) next = Math.max(next, start + other.byteLength / 4);
  bufferBases.set(buffer, next);
  return next;
}

/** Opens a column of a table: the view that the core works on. */
export function openColumn(
  words: Int32Array<SharedArrayBuffer>,
  name: string,
): Int32Array<SharedArrayBuffer> {
  if (explorer === null || INVISIBLE.has(name)) return words;
  const column = { name, raw: words, base: baseOf(words.buffer) + words.byteOffset / 4 };
  known.set(words, column);
  if (!openTracked) return words;
  // The proxy of an array is of the array's type.
  const proxy = new Proxy(words, plainAccess(column, explorer)) as typeof words;
  tracked.set(proxy, column);
  known.set(proxy, column);
  return proxy;
}

/** Plain reads and writes of a column, and the few array methods that the core uses on one. */
function plainAccess(column: TrackedColumn, seer: Explorer): ProxyHandler<Int32Array> {
  const { raw, base } = column;
  const readAll = () => {
    for (let index = 0; index < raw.length; index++) seer.read(base + index, raw[index]);
  };
  const methods: Record<string, unknown> = {
    fill(value: number, start = 0, end = raw.length) {
      for (let index = start; index < end; index++) {
        const before = raw[index];
        raw[index] = value;
        seer.wrote(base + index, before, value);
      }
    },
    indexOf(value: number) {
      readAll();
      return raw.indexOf(value);
    },
    includes(value: number) {
      readAll();
      return raw.includes(value);
    },
  };
  return {
    get(_target, key) {
      const index = typeof key === 'string' ? Number(key) : Number.NaN;
      if (index >= 0) {
        const value = raw[index];
        // An index beyond the column is the core's own error, which it looks for.
        if (value !== undefined) seer.read(base + index, value);
        return value;
      }
      if (typeof key === 'string' && Object.hasOwn(methods, key)) return methods[key];
      const value: unknown = Reflect.get(raw, key, raw);
      if (typeof value === 'function') {
        // Not the model's fault, so no ModelError.
        throw new TypeError(`${column.name}: the explorer does not know the method ${String(key)}`);
      }
      return value;
    },
    set(_target, key, value: number) {
      const index = Number(key);
      const before = raw[index];
      raw[index] = value;
      seer.wrote(base + index, before, raw[index]);
      return true;
    },
  };
}

function look(kind: StepKind, column: TrackedColumn, index: number): number {
  const word = column.base + index;
  explorer?.step(kind, word);
  const value = column.raw[index];
  explorer?.read(word, value);
  return value;
}

/** Reads a shared word, ordered. */
export function load(words: Int32Array, index: number): number {
  const column = tracked.get(words);
  return column === undefined ? Atomics.load(words, index) : look('load', column, index);
}

/** Reads a shared word without ordering; a step like any other here. */
export function peek(words: Int32Array, index: number): number {
  const column = tracked.get(words);
  return column === undefined ? words[index] : look('peek', column, index);
}

/** Takes one step that changes a word from what it holds to `next(that)`; returns what it held. */
function change(
  kind: StepKind,
  column: TrackedColumn,
  index: number,
  next: (before: number) => number,
): number {
  const word = column.base + index;
  explorer?.step(kind, word);
  const before = column.raw[index];
  explorer?.read(word, before);
  column.raw[index] = next(before);
  explorer?.wrote(word, before, column.raw[index]);
  return before;
}

/** Writes a shared word in one step, without a look at what it held. */
function overwrite(kind: StepKind, column: TrackedColumn, index: number, value: number): void {
  const word = column.base + index;
  explorer?.step(kind, word);
  const before = column.raw[index];
  column.raw[index] = value;
  explorer?.wrote(word, before, column.raw[index]);
}

/** Writes a shared word without ordering. */
export function poke(words: Int32Array, index: number, value: number): void {
  const column = tracked.get(words);
  if (column === undefined) words[index] = value;
  else overwrite('poke', column, index, value);
}

/** Writes a shared word, ordered. */
export function store(words: Int32Array, index: number, value: number): void {
  const column = tracked.get(words);
  if (column === undefined) Atomics.store(words, index, value);
  else overwrite('store', column, index, value);
}

/** Adds to a shared word; returns what was there before. */
export function add(words: Int32Array, index: number, delta: number): number {
  const column = tracked.get(words);
  if (column === undefined) return Atomics.add(words, index, delta);
  return change('add', column, index, (before) => before + delta);
}

/** Subtracts from a shared word; returns what was there before. */
export function sub(words: Int32Array, index: number, delta: number): number {
  const column = tracked.get(words);
  if (column === undefined) return Atomics.sub(words, index, delta);
  return change('add', column, index, (before) => before - delta);
}

/** Sets bits in a shared word; returns what was there before. */
export function or(words: Int32Array, index: number, bits: number): number {
  const column = tracked.get(words);
  if (column === undefined) return Atomics.or(words, index, bits);
  return change('or', column, index, (before) => before | bits);
}

/** Keeps only the given bits of a shared word; returns what was there before. */
export function and(words: Int32Array, index: number, bits: number): number {
  const column = tracked.get(words);
  if (column === undefined) return Atomics.and(words, index, bits);
  return change('and', column, index, (before) => before & bits);
}

/** Replaces a shared word; returns what was there before. */
export function exchange(words: Int32Array, index: number, value: number): number {
  const column = tracked.get(words);
  if (column === undefined) return Atomics.exchange(words, index, value);
  return change('exchange', column, index, () => value);
}

/** Replaces a shared word if it holds `expected`; returns what was there before. */
export function compareExchange(
  words: Int32Array,
  index: number,
  expected: number,
  value: number,
): number {
  const column = tracked.get(words);
  if (column === undefined) return Atomics.compareExchange(words, index, expected, value);
  return change('cas', column, index, (before) => (before === expected ? value : before));
}

/**
 * Sleeps until something has changed that this thread looked at; the time does not run out.
 * On words of the harness it is a real wait.
 */
export function wait(
  words: Int32Array<SharedArrayBuffer>,
  index: number,
  expected: number,
  timeoutMs: number,
): boolean {
  if (!tracked.has(words)) {
    return Atomics.wait(words, index, expected, timeoutMs) !== 'timed-out';
  }
  explorer?.park();
  return true;
}

/** Wakes all that sleep on a word of the harness; the explorer sees for itself what changed. */
export function notify(words: Int32Array<SharedArrayBuffer>, index: number): void {
  if (!tracked.has(words)) Atomics.notify(words, index);
}

/** Between two looks at something that another CPU is about to change. */
export function relax(): void {
  explorer?.park();
}

/** A CPU that may sleep gives the others a chance. */
export const DOZES = true;

/** Sleeps for as long as the explorer likes. */
export function doze(): void {
  explorer?.doze();
}

/** A row of a small table comes into use; `links` is the column of its pool. */
export function useRow(links: Int32Array, row: number): void {
  const column = known.get(links);
  if (column !== undefined) explorer?.row(column.base + row, true);
}

/** A row is given back, and never handed out again. */
export function retireRow(links: Int32Array, row: number): boolean {
  const column = known.get(links);
  if (column === undefined) return true;
  explorer?.row(column.base + row, false);
  return false;
}
