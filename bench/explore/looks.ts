// hot path
/**
 * What a thread depends on while it looks for something to change: the words that it used since it last
 * waited, each with the value that counts (the first it read, or the last it saw if it wrote the word
 * first). With all of them as they were, looking again would end the same way. A word that others changed
 * while the thread looked makes the look void.
 */

/** One thread's look. */
export interface Looks {
  /** A word was read or written. */
  use(word: number, now: number, written: boolean): void;
  /** Whether every word is as it was. */
  unchanged(): boolean;
  /** The words of this look. */
  words(): readonly number[];
  /** Begins another look. */
  anew(): void;
}

/** Begins to look. `value` reads a word; there are `count` of them. */
export function createLooks(count: number, value: (word: number) => number): Looks {
  const used: number[] = [];
  const values: number[] = [];
  /** A word was seen with two values, of which the thread may have acted on either. */
  let torn = false;
  /** Per word: the look in which it was last written by this thread. */
  const ownIn = new Int32Array(count);
  /** Per word: the look in which it was used last, and its place in the lists, negative if written first. */
  const usedIn = new Int32Array(count);
  const usedAt = new Int32Array(count);
  let look = 1;
  return {
    use(word, now, written) {
      if (usedIn[word] !== look) {
        usedIn[word] = look;
        usedAt[word] = written ? -1 - used.length : used.length;
        used.push(word);
        values.push(now);
      } else {
        const first = (usedAt[word] ?? 0) >= 0;
        const at = first ? (usedAt[word] ?? 0) : -1 - (usedAt[word] ?? 0);
        const own = written || (first && ownIn[word] === look);
        if (!own && values[at] !== now) torn = true;
        if (!first) values[at] = now;
      }
      if (written) ownIn[word] = look;
    },
    unchanged() {
      if (torn) return false;
      for (let at = 0; at < used.length; at++) {
        if (value(used[at] ?? 0) !== values[at]) return false;
      }
      return true;
    },
    words: () => used,
    anew() {
      used.length = 0;
      values.length = 0;
      torn = false;
      look++;
    },
  };
}
