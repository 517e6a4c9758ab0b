// hot path
/**
 * Which states were reached before: a hash table in shared memory, as every thread looks while it runs
 * and the driver adds. Keys are 64 bits, so among twenty million states two that differ are taken for one
 * with a probability of 1 in 90,000.
 */

/** Places of the table; memory is committed as it is touched. */
const PLACES_LOG2 = 25;
const PLACES = 2 ** PLACES_LOG2;
/** States that it takes: beyond, probing gets slow. */
export const SEEN_MAX = Math.floor(PLACES * 0.8);

/** States of one search, at most: an eighth may be those of earlier ones. */
export const STATES_MAX = Math.floor((SEEN_MAX * 7) / 8);

/** Words of the table: two a place. */
export const SEEN_WORDS = 2 * PLACES;

/** A set of keys of two words. */
export interface SeenStates {
  has(low: number, high: number): boolean;
  /** False if it was there. */
  add(low: number, high: number): boolean;
}

/** Binds the set to its words. */
export function bindSeen(words: Int32Array): SeenStates {
  const mask = words.length / 2 - 1;

  /** Place of a key, or of the gap where it belongs, negative then. */
  function find(low: number, high: number): number {
    let place = (low ^ (high >>> 7)) & mask;
    for (;;) {
      const first = words[2 * place] ?? 0;
      const second = words[2 * place + 1] ?? 0;
      if (first === 0 && second === 0) return -1 - place;
      if (first === low && second === high) return place;
      place = (place + 1) & mask;
    }
  }

  // A gap is two zeros, so no key is.
  const odd = (low: number, high: number): number => (low === 0 && high === 0 ? 1 : low);

  return {
    has: (low, high) => find(odd(low, high), high) >= 0,
    add(low, high) {
      const first = odd(low, high);
      const at = find(first, high);
      if (at >= 0) return false;
      words[2 * (-1 - at)] = first;
      words[2 * (-1 - at) + 1] = high;
      return true;
    },
  };
}
