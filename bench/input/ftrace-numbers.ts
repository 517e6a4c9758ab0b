// hot path
/** Numbers in the bytes of a line, as a kernel prints them. */

const ZERO = 0x30;
const OPEN = 0x28;
const SHUT = 0x29;
/** Digits that a number of 64 bits may have. */
const DECIMALS = 19;
const HEX_DIGITS = 16;

/** Value of a hexadecimal digit as the kernel prints it, -1 if it is none. */
function hexDigit(byte: number): number {
  if (byte >= ZERO && byte <= ZERO + 9) return byte - ZERO;
  return byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1;
}

/** Reads numbers of one line; the fields are what the last one was. */
export class LineNumbers {
  /** Halves of a hexadecimal number, int32; of a decimal one, `low` has the last nine digits. */
  high = 0;
  low = 0;
  /** How many digits a decimal number had; 0 of a hexadecimal one. */
  decimals = 0;
  private above = 0;
  private bytes: Uint8Array = new Uint8Array(0);
  private end = 0;

  /** Numbers are read from these bytes, before `end`. */
  set(bytes: Uint8Array, end: number): void {
    this.bytes = bytes;
    this.end = end;
  }

  /** Whether `0x` is there. */
  isHex(at: number): boolean {
    return this.bytes[at] === ZERO && this.bytes[at + 1] === 0x78;
  }

  /** `0x` and hexadecimal digits, a decimal number, or one in brackets. */
  either(start: number): number {
    const { bytes } = this;
    if (this.isHex(start)) return this.hexadecimal(start + 2);
    if (bytes[start] !== OPEN) return this.decimal(start);
    const stop = this.decimal(start + 1);
    return stop >= 0 && stop < this.end && bytes[stop] === SHUT ? stop + 1 : -1;
  }

  /** The number that was read last. */
  number(): number {
    return this.decimals > 0
      ? this.above * 1e9 + this.low
      : (this.high >>> 0) * 2 ** 32 + (this.low >>> 0);
  }

  /** A decimal number; above 2^53 it is rounded once, as `Number` does. @returns the place behind it, or -1 */
  decimal(start: number): number {
    const { bytes, end } = this;
    let stop = start;
    while (stop < end && ((bytes[stop] as number) - ZERO) >>> 0 < 10) stop++;
    const digits = stop - start;
    if (digits === 0 || digits > DECIMALS) return -1;
    this.decimals = digits;
    this.above = this.digits(start, stop - Math.min(9, digits));
    this.low = this.digits(stop - Math.min(9, digits), stop);
    return stop;
  }

  digits(start: number, end: number): number {
    let value = 0;
    for (let at = start; at < end; at++) value = value * 10 + (this.bytes[at] as number) - ZERO;
    return value;
  }

  /** Up to 16 hexadecimal digits into `high` and `low`. @returns the place behind them, or -1 */
  hexadecimal(start: number): number {
    const { bytes, end } = this;
    this.decimals = 0;
    let high = 0;
    let low = 0;
    let at = start;
    for (; at < end; at++) {
      const digit = hexDigit(bytes[at] as number);
      if (digit < 0) break;
      if (at - start === HEX_DIGITS) return -1;
      high = (high << 4) | (low >>> 28);
      low = (low << 4) | digit;
    }
    this.high = high;
    this.low = low;
    return at === start ? -1 : at;
  }
}
