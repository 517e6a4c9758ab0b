/**
 * The SIMD kernel of `scan-pages`, assembled here byte by byte: a tool chain at install time is worth
 * more trouble than thirty instructions. It compares 16 words at a time with `from` and stores only
 * where one matched, so a pass with few hits reads the column and writes next to nothing.
 *
 *   scan(first: byte address, end: byte address, from, to) -> hits
 *   for (p = first; p != end; p += 64) {
 *     m0..m3 = four words at p == from
 *     if (any of m0..m3) { store select(m, to, word); counts -= m }     // a match is -1
 *   }
 */
import type { Machine } from '../machine.ts';
import { instantiateWasm, strategyBuffer } from './wasm.ts';

/** Rewrites `from` to `to` in words [first, end) of the owner column; returns how many. */
export type ScanKernel = (first: number, end: number, from: number, to: number) => number;

const I32 = 0x7f;
const V128 = 0x7b;
const [FIRST, END, FROM, TO, VFROM, VTO, COUNTS, M0] = [0, 1, 2, 3, 4, 5, 6, 7];
const GROUPS = [0, 1, 2, 3];
const GROUP_BYTES = 16;
const BLOCK_BYTES = GROUPS.length * GROUP_BYTES;
const BLOCK_WORDS = BLOCK_BYTES / 4;

/** Unsigned LEB128. */
function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const more = rest > 0x7f;
    bytes.push((rest & 0x7f) | (more ? 0x80 : 0));
    rest >>>= 7;
  } while (rest !== 0);
  return bytes;
}

const get = (local: number): number[] => [0x20, local];
const set = (local: number): number[] => [0x21, local];
const simd = (opcode: number): number[] => [0xfd, ...leb(opcode)];
const load128 = (offset: number): number[] => [...simd(0x00), 4, ...leb(offset)];
const store128 = (offset: number): number[] => [...simd(0x0b), 4, ...leb(offset)];
const SPLAT = simd(0x11);
const EQUAL = simd(0x37);
const SELECT = simd(0x52);
const OR = simd(0x50);
const ANY = simd(0x53);
const SUBTRACT = simd(0xb1);
const lane = (index: number): number[] => [...simd(0x1b), index];
const ADD32 = [0x6a];
const BLOCK = [0x02, 0x40];
const LOOP = [0x03, 0x40];
const IF = [0x04, 0x40];
const DONE = [0x0b];

function section(id: number, body: readonly number[]): number[] {
  return [id, ...leb(body.length), ...body];
}

function name(text: string): number[] {
  return [text.length, ...Array.from(text, (char) => char.charCodeAt(0))];
}

function code(): number[] {
  const compare = GROUPS.flatMap((group) => [
    ...get(FIRST),
    ...load128(group * GROUP_BYTES),
    ...get(VFROM),
    ...EQUAL,
    0x22, // local.tee
    M0 + group,
    ...(group === 0 ? [] : OR),
  ]);
  const rewrite = GROUPS.flatMap((group) => [
    ...[...get(FIRST), ...get(VTO), ...get(FIRST), ...load128(group * GROUP_BYTES)],
    ...[...get(M0 + group), ...SELECT, ...store128(group * GROUP_BYTES)],
    ...[...get(COUNTS), ...get(M0 + group), ...SUBTRACT, ...set(COUNTS)],
  ]);
  const leaveAtEnd = [...get(FIRST), ...get(END), 0x46, 0x0d, 1];
  // The constant is signed LEB128, in which 64 needs a second byte.
  const advance = [...get(FIRST), 0x41, BLOCK_BYTES | 0x80, 0, ...ADD32, ...set(FIRST), 0x0c, 0];
  const body = [
    ...[1, 3 + GROUPS.length, V128], // locals: VFROM, VTO, COUNTS, M0..M3
    ...[...get(FROM), ...SPLAT, ...set(VFROM), ...get(TO), ...SPLAT, ...set(VTO)],
    ...[...BLOCK, ...LOOP, ...leaveAtEnd],
    ...[...compare, ...ANY, ...IF, ...rewrite, ...DONE],
    ...[...advance, ...DONE, ...DONE],
    ...[...get(COUNTS), ...lane(0), ...get(COUNTS), ...lane(1), ...ADD32],
    ...[...get(COUNTS), ...lane(2), ...ADD32, ...get(COUNTS), ...lane(3), ...ADD32],
    ...DONE,
  ];
  return [1, ...leb(body.length), ...body];
}

/** The module: type, imported memory, one exported function. */
export function scanModule(): Uint8Array {
  const sharedMemory = [...name('env'), ...name('memory'), 0x02, 0x03, ...leb(1), ...leb(65_536)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 4, I32, I32, I32, I32, 1, I32]),
    ...section(2, [1, ...sharedMemory]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name('scan'), 0x00, 0]),
    ...section(10, code()),
  ]);
}

/** Binds the kernel to the owner column; null where the engine or the memory does not allow it. */
export function bindScanKernel(machine: Machine, owner: Int32Array): ScanKernel | null {
  const memory = machine.memory.strategy;
  if (memory === null || memory instanceof SharedArrayBuffer) return null;
  const exports = instantiateWasm(scanModule(), memory);
  if (exports === null || owner.buffer !== strategyBuffer(machine)) return null;
  const scan = exports.scan as ScanKernel;
  const base = owner.byteOffset;
  return (first, end, from, to) => {
    const start = Math.min(Math.ceil(first / BLOCK_WORDS) * BLOCK_WORDS, end);
    const stop = start + Math.floor((end - start) / BLOCK_WORDS) * BLOCK_WORDS;
    let hits = 0;
    for (let row = first; row < start; row++) hits += rewriteOne(owner, row, from, to);
    for (let row = stop; row < end; row++) hits += rewriteOne(owner, row, from, to);
    // Addresses above 2 GiB arrive as negative i32, which WebAssembly reads as unsigned.
    return hits + scan(base + start * 4, base + stop * 4, from, to);
  };
}

function rewriteOne(owner: Int32Array, row: number, from: number, to: number): number {
  if (owner[row] !== from) return 0;
  owner[row] = to;
  return 1;
}
