/** The bytes of traces: plain or gzip, several files in order, standard input. */
import { createReadStream } from 'node:fs';
import { createGunzip, type Gunzip } from 'node:zlib';
import { InputError } from '../errors.ts';
import { asInputError } from './read-input.ts';

/** Is told what `openTrace` finds. */
export interface TraceWatch {
  /** How errors name files that are kept elsewhere. */
  readonly called?: Readonly<Record<string, string>>;
  /** The bytes that come next are of this file. Without it, a line break is put between files that lack one. */
  begin?(file: string): void;
  /** So many bytes more were read, as they are in the file. */
  read?(bytes: number): void;
  /** The compressed file ended too early; what came until then was all of it. Without it, an InputError. */
  cut?(file: string): void;
}

const GZIP_MAGIC = [0x1f, 0x8b];
const NEWLINE = 0x0a;
const READ_BYTES = 1 << 18;
const UNPACKED_BYTES = 1 << 18;
/** Pieces that may wait for the reader. */
const WAITING_MAX = 4;

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** The bytes of traces one after the other, unpacked; `-` is standard input. @throws InputError */
export async function* openTrace(
  files: readonly string[],
  watch: TraceWatch = {},
): AsyncGenerator<Uint8Array> {
  for (const [place, file] of files.entries()) {
    watch.begin?.(file);
    let last = NEWLINE;
    try {
      for await (const piece of openFile(file, watch)) {
        last = piece[piece.length - 1] ?? last;
        yield piece;
      }
    } catch (error) {
      throw asInputError(watch.called?.[file] ?? file, error);
    }
    const glued = last !== NEWLINE && place < files.length - 1 && watch.begin === undefined;
    if (glued) yield Uint8Array.of(NEWLINE);
  }
}

async function* openFile(file: string, watch: TraceWatch): AsyncGenerator<Uint8Array> {
  const stream =
    file === '-' ? process.stdin : createReadStream(file, { highWaterMark: READ_BYTES });
  const pieces = counted(stream as AsyncIterable<Uint8Array>, watch);
  try {
    // A pipe may give a single byte: two tell whether it is compressed.
    let head: Uint8Array = new Uint8Array(0);
    while (head.length < GZIP_MAGIC.length) {
      const { value, done } = await pieces.next();
      if (done === true) break;
      head = head.length === 0 ? value : Buffer.concat([head, value]);
    }
    const packed = GZIP_MAGIC.every((byte, index) => head[index] === byte);
    const all = startingWith(head, pieces);
    if (packed) yield* unpacked(file, all, watch);
    else yield* all;
  } finally {
    if (file !== '-') stream.destroy();
  }
}

async function* counted(
  pieces: AsyncIterable<Uint8Array>,
  watch: TraceWatch,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    watch.read?.(piece.length);
    yield piece;
  }
}

async function* startingWith(
  head: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  for (;;) {
    const { value, done } = await rest.next();
    if (done === true) return;
    yield value;
  }
}

/** Hands over what a gunzip gives, while it goes on with the next: piping would drop the last of a cut file. */
class Unpacker {
  private readonly gunzip: Gunzip = createGunzip({ chunkSize: UNPACKED_BYTES });
  private readonly ready: Uint8Array[] = [];
  private failure: unknown = null;
  private ended = false;
  private wake: () => void = () => {};

  constructor() {
    this.gunzip.on('data', (piece: Uint8Array) => {
      this.ready.push(piece);
      if (this.ready.length >= WAITING_MAX) this.gunzip.pause();
      this.wake();
    });
    this.gunzip.on('error', (error) => {
      this.failure = error;
      this.wake();
    });
    this.gunzip.on('end', () => {
      this.ended = true;
      this.wake();
    });
  }

  /** Gives it compressed bytes; `written` is called when all that they hold was handed over or waits here. */
  write(piece: Uint8Array, written: () => void): void {
    this.gunzip.write(piece, () => {
      written();
      this.wake();
    });
  }

  end(): void {
    this.gunzip.end();
  }

  destroy(): void {
    this.gunzip.destroy();
  }

  /** What is there; null if nothing is. @throws what was wrong with the bytes, once all before it was taken */
  take(): Uint8Array | null {
    const piece = this.ready.shift();
    if (this.ready.length < WAITING_MAX) this.gunzip.resume();
    if (piece !== undefined) return piece;
    if (this.failure !== null) throw this.failure;
    return null;
  }

  /** Nothing waits here or in the gunzip. */
  get isEmpty(): boolean {
    return this.ready.length === 0 && this.gunzip.readableLength === 0;
  }

  get isEnded(): boolean {
    return this.ended && this.ready.length === 0;
  }

  /** Until something came. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}

/** What comes until there is no more of it. */
async function* drained(unpacker: Unpacker, isDone: () => boolean): AsyncGenerator<Uint8Array> {
  for (;;) {
    const change = unpacker.change();
    const out = unpacker.take();
    if (out !== null) yield out;
    else if (isDone()) return;
    else await change;
  }
}

async function* unpacked(
  file: string,
  packed: AsyncGenerator<Uint8Array>,
  watch: TraceWatch,
): AsyncGenerator<Uint8Array> {
  const unpacker = new Unpacker();
  try {
    for await (const piece of packed) {
      let written = false;
      unpacker.write(piece, () => {
        written = true;
      });
      yield* drained(unpacker, () => written);
    }
    yield* drained(unpacker, () => unpacker.isEmpty);
    unpacker.end();
    yield* drained(unpacker, () => unpacker.isEnded);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'Z_BUF_ERROR' && watch.cut !== undefined) watch.cut(file);
    else if (code.startsWith('Z_')) {
      const what = code === 'Z_BUF_ERROR' ? 'is cut short (gzip)' : `is damaged (gzip: ${code})`;
      throw new InputError(
        watch.called?.[file] ?? file,
        0,
        what,
        'copy it again, or give what can be unpacked of it',
      );
    } else throw error;
  } finally {
    unpacker.destroy();
  }
}
