// hot path
/**
 * A hash table from keys of a few 32-bit words to one value, in typed arrays: a Map ends at 2^24 entries and
 * makes an object of every key. Linear probing; a removal moves what follows back, so there are no
 * tombstones and the table stays as fast as it was.
 */

/** Load at which it doubles. */
const FULL = 0.6;

/** A table of keys of `words` words. */
export class KeyTable {
  private readonly words: number;
  private keys: Int32Array;
  private values: Int32Array;
  private mask: number;
  /** Entries. */
  size = 0;

  constructor(words: number, capacity = 1 << 12) {
    this.words = words;
    this.keys = new Int32Array(capacity * words);
    this.values = new Int32Array(capacity);
    this.mask = capacity - 1;
  }

  private hash(a: number, b: number, c: number, d: number): number {
    let mixed = Math.imul(a ^ 0x2545f491, 0x9e3779b1) ^ Math.imul(b ^ 0x68e31da4, 0x85ebca6b);
    mixed ^= Math.imul(c ^ 0xb5297a4d, 0xc2b2ae35) ^ Math.imul(d ^ 0x1b56c4e9, 0x27d4eb2f);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
    return mixed ^ (mixed >>> 13);
  }

  private matches(place: number, a: number, b: number, c: number, d: number): boolean {
    const { keys, words } = this;
    const at = place * words;
    if (keys[at] !== a || keys[at + 1] !== b) return false;
    return words === 2 || (keys[at + 2] === c && keys[at + 3] === d);
  }

  /** Place of a key, or of the free place where it belongs. Values are never 0, which marks a free place. */
  private find(a: number, b: number, c: number, d: number): number {
    let place = this.hash(a, b, c, d) & this.mask;
    while (this.values[place] !== 0 && !this.matches(place, a, b, c, d)) {
      place = (place + 1) & this.mask;
    }
    return place;
  }

  /** The value of a key, 0 if there is none. */
  get(a: number, b: number, c = 0, d = 0): number {
    return this.values[this.find(a, b, c, d)] as number;
  }

  /** Sets a key's value, which must not be 0; returns the one before, or 0. */
  set(value: number, a: number, b: number, c = 0, d = 0): number {
    const place = this.find(a, b, c, d);
    const before = this.values[place] as number;
    this.values[place] = value;
    if (before !== 0) return before;
    const at = place * this.words;
    this.keys[at] = a;
    this.keys[at + 1] = b;
    if (this.words === 4) {
      this.keys[at + 2] = c;
      this.keys[at + 3] = d;
    }
    this.size++;
    if (this.size > (this.mask + 1) * FULL) this.grow();
    return 0;
  }

  /** Removes a key; returns its value, 0 if there was none. */
  delete(a: number, b: number, c = 0, d = 0): number {
    let hole = this.find(a, b, c, d);
    const value = this.values[hole] as number;
    if (value === 0) return 0;
    this.size--;
    const { keys, values, mask, words } = this;
    for (let place = (hole + 1) & mask; values[place] !== 0; place = (place + 1) & mask) {
      const at = place * words;
      const home =
        this.hash(
          keys[at] as number,
          keys[at + 1] as number,
          words === 4 ? (keys[at + 2] as number) : 0,
          words === 4 ? (keys[at + 3] as number) : 0,
        ) & mask;
      // It may fill the hole unless its home lies after the hole.
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      keys.copyWithin(hole * words, at, at + words);
      values[hole] = values[place] as number;
      hole = place;
    }
    values[hole] = 0;
    return value;
  }

  /** Shows every entry; of keys of two words, the others are 0. */
  forEach(show: (value: number, a: number, b: number, c: number, d: number) => void): void {
    const { keys, values, words } = this;
    for (let place = 0; place < values.length; place++) {
      const value = values[place] as number;
      const word = (index: number) => (index < words ? (keys[place * words + index] as number) : 0);
      if (value !== 0) show(value, word(0), word(1), word(2), word(3));
    }
  }

  private grow(): void {
    const { keys, values, words } = this;
    const capacity = (this.mask + 1) * 2;
    this.keys = new Int32Array(capacity * words);
    this.values = new Int32Array(capacity);
    this.mask = capacity - 1;
    for (let place = 0; place < values.length; place++) {
      if (values[place] === 0) continue;
      const at = place * words;
      const [a, b] = [keys[at] as number, keys[at + 1] as number];
      const c = words === 4 ? (keys[at + 2] as number) : 0;
      const d = words === 4 ? (keys[at + 3] as number) : 0;
      const free = this.find(a, b, c, d);
      this.keys.set(keys.subarray(at, at + words), free * words);
      this.values[free] = values[place] as number;
    }
  }
}
