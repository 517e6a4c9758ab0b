/**
 * The `#atomics` of a machine that a single thread drives (`--conditions=solo`): plain loads and
 * stores, which V8 inlines. Wrong as soon as a second thread attaches; nothing here can notice
 * that, so `attachMachine` refuses under this version.
 */

import { ModelError } from './assert.ts';

/** Which version this is; goes into every record, as it changes what a figure means. */
export const ATOMICS_KIND: AtomicsKind = 'solo' as AtomicsKind;

type AtomicsKind = 'real' | 'solo' | 'explore';

/** Nobody else can hold a lock. */
export const SPINS = 0;

/** Reads a shared word. */
export function load(words: Int32Array, index: number): number {
  return words[index];
}

/** Reads a shared word; the same as `load` here. */
export function peek(words: Int32Array, index: number): number {
  return words[index];
}

/** Writes a shared word; the same as `store` here. */
export function poke(words: Int32Array, index: number, value: number): void {
  words[index] = value;
}

/** Writes a shared word. */
export function store(words: Int32Array, index: number, value: number): void {
  words[index] = value;
}

/** Adds to a shared word; returns what was there before. */
export function add(words: Int32Array, index: number, delta: number): number {
  const before = words[index];
  words[index] = before + delta;
  return before;
}

/** Subtracts from a shared word; returns what was there before. */
export function sub(words: Int32Array, index: number, delta: number): number {
  const before = words[index];
  words[index] = before - delta;
  return before;
}

/** Sets bits in a shared word; returns what was there before. */
export function or(words: Int32Array, index: number, bits: number): number {
  const before = words[index];
  words[index] = before | bits;
  return before;
}

/** Replaces a shared word; returns what was there before. */
export function exchange(words: Int32Array, index: number, value: number): number {
  const before = words[index];
  words[index] = value;
  return before;
}

/** Replaces a shared word if it holds `expected`; returns what was there before. */
export function compareExchange(
  words: Int32Array,
  index: number,
  expected: number,
  value: number,
): number {
  const before = words[index];
  if (before === expected) words[index] = value;
  return before;
}

/** Keeps only the given bits of a shared word; returns what was there before. */
export function and(words: Int32Array, index: number, bits: number): number {
  const before = words[index];
  words[index] = before & bits;
  return before;
}

/** One thread cannot wait for itself. @throws ModelError always */
export function wait(
  _words: Int32Array<SharedArrayBuffer>,
  _index: number,
  _expected: number,
  _timeoutMs: number,
): boolean {
  throw new ModelError('this wait would never end: one thread drives this machine');
}

/** Nobody sleeps on a machine of one thread. */
export function notify(_words: Int32Array<SharedArrayBuffer>, _index: number): void {}

/** Nobody else is about to change anything. @throws ModelError always */
export function relax(): void {
  throw new ModelError('this wait would never end: one thread drives this machine');
}

/** Nobody else could run meanwhile. */
export const DOZES = false;

/** Nobody else could run meanwhile. */
export function doze(): void {}

/** Opens a column of a table: the view that the core works on. */
export function openColumn(
  words: Int32Array<SharedArrayBuffer>,
  _name: string,
): Int32Array<SharedArrayBuffer> {
  return words;
}

/** A row of a small table comes into use. */
export function useRow(_links: Int32Array, _row: number): void {}

/** A row is given back; it may be handed out again. */
export function retireRow(_links: Int32Array, _row: number): boolean {
  return true;
}
