/** Reading files that a user names: every failure becomes one line that says what to do instead. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { InputError } from '../errors.ts';

/** Bytes of the largest file read as a whole. */
const MAX_INPUT_BYTES = 64 * 1024 * 1024;

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Whether an error of `fs` means that the caller may not read, or that there is nothing to read. */
export function isUnreadable(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR'].includes(codeOf(error));
}

/** Turns an error of `fs` on `file` into an `InputError`; any other error is passed on. */
export function asInputError(file: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new InputError(file, 0, 'no such file', 'check the path');
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const todo = `files of /proc and /sys about slabs are root's: run as root, or copy it once with sudo cat ${file}`;
    return new InputError(file, 0, 'not readable', todo);
  }
  if (code === 'EISDIR') {
    return new InputError(file, 0, 'is a directory', 'name a file in it');
  }
  if (code !== '' && error instanceof Error) {
    return new InputError(file, 0, `cannot be read (${code})`, 'copy it to a local file first');
  }
  return error;
}

/** The first bytes of a gzip stream. */
const GZIP_MAGIC = [0x1f, 0x8b];

/** Refuses compressed input with the command that unpacks it. @param head the first bytes */
export function refuseGzip(file: string, head: Uint8Array): void {
  if (GZIP_MAGIC.every((byte, index) => head[index] === byte)) {
    throw new InputError(file, 0, 'is compressed (gzip)', 'unpack it first with gunzip');
  }
}

/** Reads a text file as UTF-8, whole. @throws InputError if it is no text or above the limit */
export async function readInputText(file: string): Promise<string> {
  const bytes = await readWhole(file);
  refuseGzip(file, bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new InputError(file, 0, 'is binary (not UTF-8 text)', 'give the text it was made from');
  }
}

async function readWhole(file: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of inputChunks(file)) {
    total += chunk.length;
    if (total > MAX_INPUT_BYTES) {
      const limit = `MAX_INPUT_BYTES (${MAX_INPUT_BYTES})`;
      throw new InputError(file, 0, `is larger than ${limit}`, 'check that it is the right file');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The file's bytes as they come, so that a file that never ends can be refused early. */
export async function* inputChunks(file: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(file)) yield chunk as Uint8Array;
  } catch (error) {
    throw asInputError(file, error);
  }
}

/** The first `length` bytes of a file, to tell formats apart. */
export async function readHead(file: string, length: number): Promise<Uint8Array> {
  try {
    const handle = await open(file, 'r');
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, null);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw asInputError(file, error);
  }
}

/** Whether this process can really read a file; permission bits alone do not tell under /proc. */
export async function isReadable(file: string): Promise<boolean> {
  return readHead(file, 1).then(
    () => true,
    () => false,
  );
}
