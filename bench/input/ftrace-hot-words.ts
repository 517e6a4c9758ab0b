// hot path
/** The words that hot lines are made of, read four bytes at a time. */
import { hashBytes, mixWord, NAME_BYTES_MAX, type TraceNames } from './ftrace-strings.ts';

const SPACE = 0x20;
const OPEN = 0x28;
const SHUT = 0x29;
const ZERO = 0x30;

/** Four letters as the word that a view reads. */
export function word(text: string): number {
  return [...text].reduceRight((sum, letter) => (sum << 8) | letter.charCodeAt(0), 0);
}

/** The high bit of each byte of a word. */
export const HIGH = 0x80808080 | 0;
/** 1 in each byte. */
const LOW = 0x01010101;

/** Four hexadecimal digits; above 0xffff if they are none. */
function fourHex(four: number): number {
  const letters = (four >>> 6) & LOW;
  const values = (four & 0x0f0f0f0f) + letters * 9;
  // Digits are 0x30 to 0x39, letters 0x61 to 0x66; nothing else may pass.
  const wrong =
    ((four & 0xf0f0f0f0) ^ (0x30303030 + letters * 0x30)) |
    (values & 0x10101010) |
    (((values + 0x06060606) & 0x10101010) ^ (letters << 4));
  if (wrong !== 0) return 0x10000;
  const pairs = (values << 4) | (values >>> 8);
  return ((pairs & 0xff) << 8) | ((pairs >>> 16) & 0xff);
}

const CALL = word('call');
const SITE = word('_sit');
const PTR = word('ptr=');
const NAME = word('name');
const FOUR_ZEROS = word('0000');
const E_IS = word('e=');
const ZERO_X = word('0x');
/** 0x21 in each byte of a word. */
const PRINTED = 0x21212121;

/** Reads words of the lines in `b` and `v`; what it read is in the fields, and where it ends is returned. */
export class HotWords {
  protected b = new Uint8Array(0);
  protected v = new DataView(this.b.buffer);
  protected hash = 0;
  protected high = 0;
  protected low = 0;
  protected value = 0;
  private readonly names: TraceNames;

  constructor(names: TraceNames) {
    this.names = names;
  }

  /** End of the word at `start`: its first byte that is a blank or a control character. */
  protected wordEnd(start: number): number {
    const { v } = this;
    for (let at = start; ; at += 4) {
      const four = v.getInt32(at, true);
      const found = (four - PRINTED) & ~four & HIGH;
      if (found !== 0) return at + ((31 - Math.clz32(found & -found)) >> 3);
    }
  }

  /** The same, and its hash. */
  protected hashedEnd(start: number): number {
    const { v } = this;
    let state = 0;
    for (let at = start; ; at += 4) {
      const four = v.getInt32(at, true);
      const found = (four - PRINTED) & ~four & HIGH;
      if (found === 0) {
        state = mixWord(state, four);
        continue;
      }
      const first = found & -found;
      this.hash = mixWord(state, four & ((first >>> 7) - 1));
      return at + ((31 - Math.clz32(first)) >> 3);
    }
  }

  /** A decimal number of up to nine digits into `value`; the place behind it, -1 if there is none. */
  protected decimal(start: number): number {
    const { b } = this;
    let sum = 0;
    let at = start;
    for (let digit = (b[at] as number) - ZERO; digit >= 0 && digit <= 9; ) {
      sum = sum * 10 + digit;
      digit = (b[++at] as number) - ZERO;
    }
    this.value = sum;
    return at === start || at - start > 9 ? -1 : at;
  }

  /** `ptr=` and 16 digits into `high` and `low`; the place behind them, or -1. */
  protected pointer(start: number): number {
    const { v } = this;
    if (v.getInt32(start, true) !== PTR) return -1;
    let at = start + 4;
    if (v.getInt16(at, true) === ZERO_X) at += 2;
    const first = v.getInt32(at, true);
    const second = v.getInt32(at + 4, true);
    if (first === FOUR_ZEROS && second === FOUR_ZEROS) this.high = 0;
    else {
      const one = fourHex(first);
      const two = fourHex(second);
      if ((one | two) > 0xffff) return -1;
      this.high = (one << 16) | two;
    }
    const three = fourHex(v.getInt32(at + 8, true));
    const four = fourHex(v.getInt32(at + 12, true));
    if ((three | four) > 0xffff) return -1;
    this.low = (three << 16) | four;
    return at + 16;
  }

  /** `call_site=SYMBOL ` or `call_site=SYMBOL [MODULE] `; the place behind it, or -1. */
  protected callSite(start: number): number {
    const { b, v } = this;
    if (start < 0) return -1;
    let site = start;
    if (b[start] === OPEN) {
      // What trace-cmd's kmem plugin puts before the fields.
      const end = this.wordEnd(start);
      if (b[end] !== SPACE || b[end - 1] !== SHUT || end - start < 3) return -1;
      site = end + 1;
    }
    if (v.getInt32(site, true) !== CALL || v.getInt32(site + 4, true) !== SITE) return -1;
    if (v.getInt16(site + 8, true) !== E_IS) return -1;
    const from = site + 10;
    let end = this.hashedEnd(from);
    if (end - from > NAME_BYTES_MAX) return -1;
    if (b[end] === SPACE && b[end + 1] === 0x5b) {
      end = this.wordEnd(end + 1);
      if (end - from > NAME_BYTES_MAX) return -1;
      this.hash = hashBytes(v, from, end);
    }
    if (b[end] !== SPACE) return -1;
    // One that is new, or strange, is added by the general parser.
    this.value = this.names.find(v, from, end, this.hash);
    return this.value < 0 ? -1 : end + 1;
  }

  /** `name=NAME`; the place behind it, or -1. */
  protected cacheName(start: number): number {
    const { b, v } = this;
    if (v.getInt32(start, true) !== NAME || b[start + 4] !== 0x3d) return -1;
    const from = start + 5;
    const end = this.hashedEnd(from);
    if (end === from || end - from > NAME_BYTES_MAX) return -1;
    this.value = this.names.find(v, from, end, this.hash);
    return this.value < 0 ? -1 : end;
  }

  /** Up to seven hexadecimal digits into `value`; the place behind them, or -1. */
  protected hexadecimal(start: number): number {
    const { b } = this;
    let sum = 0;
    let at = start;
    for (; at - start < 7; at++) {
      const byte = b[at] as number;
      if (byte >= ZERO && byte <= ZERO + 9) sum = (sum << 4) | (byte - ZERO);
      else if (byte >= 0x61 && byte <= 0x66) sum = (sum << 4) | (byte - 0x57);
      else break;
    }
    this.value = sum;
    return at === start ? -1 : at;
  }

  protected isWord(letters: Uint8Array, at: number): boolean {
    const { b } = this;
    for (let index = 0; index < letters.length; index++) {
      if (b[at + index] !== letters[index]) return false;
    }
    return true;
  }
}
