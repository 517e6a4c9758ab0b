// hot path
/** Strings of a trace by number: a string is made the first time that its bytes come up, and never again. */
export class TraceStrings {
  private readonly strings: string[] = [];
  private readonly bytes: Uint8Array[] = [];
  private table = new Int32Array(1 << 10);
  private mask = (1 << 10) - 1;
  private readonly decoder = new TextDecoder('utf-8');

  /** Number of the bytes from `start` to before `end`. */
  number(buffer: Uint8Array, start: number, end: number): number {
    let hash = 0x811c9dc5;
    for (let at = start; at < end; at++)
      hash = Math.imul(hash ^ (buffer[at] as number), 0x01000193);
    let place = (hash ^ (hash >>> 15)) & this.mask;
    for (;;) {
      const known = this.table[place] as number;
      if (known === 0) break;
      if (same(this.bytes[known - 1] as Uint8Array, buffer, start, end)) return known - 1;
      place = (place + 1) & this.mask;
    }
    return this.add(buffer.slice(start, end), place);
  }

  private add(bytes: Uint8Array, place: number): number {
    this.strings.push(this.decoder.decode(bytes));
    this.bytes.push(bytes);
    this.table[place] = this.strings.length;
    if (this.strings.length * 2 > this.mask) this.grow();
    return this.strings.length - 1;
  }

  private grow(): void {
    this.mask = this.mask * 2 + 1;
    this.table = new Int32Array(this.mask + 1);
    this.bytes.forEach((bytes, index) => {
      let hash = 0x811c9dc5;
      for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
      let place = (hash ^ (hash >>> 15)) & this.mask;
      while (this.table[place] !== 0) place = (place + 1) & this.mask;
      this.table[place] = index + 1;
    });
  }

  /** The string of a number; empty for -1. */
  of(number: number): string {
    return this.strings[number] ?? '';
  }
}

function same(bytes: Uint8Array, buffer: Uint8Array, start: number, end: number): boolean {
  if (bytes.length !== end - start) return false;
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== buffer[start + at]) return false;
  return true;
}
