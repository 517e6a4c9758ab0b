/**
 * The only door to memory that several CPUs share: production version.
 *
 * Every shared column is an `Int32Array`, so that each call site stays monomorphic. JavaScript
 * atomics are sequentially consistent. `Atomics.*` is a builtin call that V8 does not inline
 * (8 to 15 ns each), which is why code that one CPU owns does not come here.
 *
 * The module is imported as `#atomics`. `--conditions=solo` picks `atomics-solo.ts` instead: the
 * same functions as plain loads and stores, for machines that one thread drives alone;
 * `--conditions=explore` picks `atomics-explore.ts`, which stops before each shared step.
 */

/** Which version this is; goes into every record, as it changes what a figure means. */
export const ATOMICS_KIND: AtomicsKind = 'real' as AtomicsKind;

/** The versions there are: `explore` lets a scheduler decide who takes the next shared step. */
export type AtomicsKind = 'real' | 'solo' | 'explore';

/** Looks at a spin lock before its CPU assumes that the holder has lost its core, and sleeps. */
export const SPINS = 500;

/** Reads a shared word, ordered. */
export function load(words: Int32Array, index: number): number {
  return Atomics.load(words, index);
}

/** Reads a shared word without ordering: a hint that a later atomic step confirms. */
export function peek(words: Int32Array, index: number): number {
  return words[index];
}

/** Writes a shared word without ordering: one store that is never torn. */
export function poke(words: Int32Array, index: number, value: number): void {
  words[index] = value;
}

/** Writes a shared word, ordered. */
export function store(words: Int32Array, index: number, value: number): void {
  Atomics.store(words, index, value);
}

/** Adds to a shared word; returns what was there before. */
export function add(words: Int32Array, index: number, delta: number): number {
  return Atomics.add(words, index, delta);
}

/** Subtracts from a shared word; returns what was there before. */
export function sub(words: Int32Array, index: number, delta: number): number {
  return Atomics.sub(words, index, delta);
}

/** Sets bits in a shared word; returns what was there before. */
export function or(words: Int32Array, index: number, bits: number): number {
  return Atomics.or(words, index, bits);
}

/** Replaces a shared word; returns what was there before. */
export function exchange(words: Int32Array, index: number, value: number): number {
  return Atomics.exchange(words, index, value);
}

/** Replaces a shared word if it holds `expected`; returns what was there before. */
export function compareExchange(
  words: Int32Array,
  index: number,
  expected: number,
  value: number,
): number {
  return Atomics.compareExchange(words, index, expected, value);
}

/** Keeps only the given bits of a shared word; returns what was there before. */
export function and(words: Int32Array, index: number, bits: number): number {
  return Atomics.and(words, index, bits);
}

/**
 * Sleeps while a shared word holds `expected`, at most `timeoutMs`.
 * @returns false when the time ran out
 */
export function wait(
  words: Int32Array<SharedArrayBuffer>,
  index: number,
  expected: number,
  timeoutMs: number,
): boolean {
  return Atomics.wait(words, index, expected, timeoutMs) !== 'timed-out';
}

/** Wakes all that sleep on a shared word. */
export function notify(words: Int32Array<SharedArrayBuffer>, index: number): void {
  Atomics.notify(words, index);
}

/** Between two looks at something that another CPU is about to change (cpu_relax). */
export function relax(): void {}

/** Whether a CPU that may sleep here lets others run meanwhile; otherwise it only polls. */
export const DOZES = false;

/** Sleeps for as long as others care to run. */
export function doze(): void {}

/** Opens a column of a table: the view that the core works on. */
export function openColumn(
  words: Int32Array<SharedArrayBuffer>,
  _name: string,
): Int32Array<SharedArrayBuffer> {
  return words;
}

/** A row of a small table comes into use; `links` is the column of its pool. For checkers of memory. */
export function useRow(_links: Int32Array, _row: number): void {}

/** A row is given back; false if it must not be handed out again, so that late users are seen. */
export function retireRow(_links: Int32Array, _row: number): boolean {
  return true;
}
