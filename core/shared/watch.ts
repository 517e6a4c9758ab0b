/**
 * Watches what the core reads and writes, access by access, on a machine that a single thread drives
 * with plain loads and stores (`--conditions=solo`): for pictures of what an operation touches. A
 * machine that is not watched pays nothing, as its columns are opened as they are.
 */
import { ATOMICS_KIND } from '#atomics';
import { check } from './assert.ts';

/** Sees the columns of a machine, and every access to them. */
export interface Watcher {
  /** A column was opened, `table.column`; `words` are the plain ones, which nobody watches. */
  opened(column: string, words: Int32Array): void;
  /** A word of a column was read. */
  read(column: string, index: number): void;
  /** A word of a column was written. */
  wrote(column: string, index: number, before: number, after: number): void;
}

let watcher: Watcher | null = null;

/** Whether columns that are opened now are watched. */
export function isWatching(): boolean {
  return watcher !== null;
}

/**
 * Calls `open`; every column that it opens is watched from then on.
 * @throws ModelError unless this process, or page, has the atomics of a single thread
 */
export function watchColumns<Result>(next: Watcher, open: () => Result): Result {
  check(ATOMICS_KIND === 'solo', 'a machine can be watched under --conditions=solo only');
  watcher = next;
  try {
    return open();
  } finally {
    watcher = null;
  }
}

/** The column that the core works on: the words themselves, unless they are to be watched. */
export function watchColumn(
  words: Int32Array<SharedArrayBuffer>,
  column: string,
): Int32Array<SharedArrayBuffer> {
  if (watcher === null) return words;
  const seer = watcher;
  seer.opened(column, words);
  const methods = { fill: watchedFill(words, column, seer) };
  return new Proxy(words, {
    get(_target, key) {
      const index = typeof key === 'string' ? Number(key) : Number.NaN;
      if (index >= 0) {
        seer.read(column, index);
        return words[index];
      }
      if (key === 'fill') return methods.fill;
      const value: unknown = Reflect.get(words, key, words);
      // Methods that look for something read at once, on the words themselves.
      return typeof value === 'function' ? value.bind(words) : value;
    },
    set(_target, key, value: number) {
      const index = Number(key);
      const before = words[index];
      words[index] = value;
      seer.wrote(column, index, before, words[index]);
      return true;
    },
  });
}

function watchedFill(words: Int32Array, column: string, seer: Watcher) {
  return (value: number, start = 0, end = words.length): void => {
    for (let index = start; index < end; index++) {
      const before = words[index];
      words[index] = value;
      seer.wrote(column, index, before, value);
    }
  };
}
