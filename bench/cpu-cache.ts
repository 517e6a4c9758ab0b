/** How much memory has to be walked until nothing else is left in the CPU's caches. */
import { type ReadText, readText } from './environment.ts';

const MEBIBYTE = 2 ** 20;
/** Walked where the size is not known: more than the caches of most servers' cores. */
const UNKNOWN_BYTES = 64 * MEBIBYTE;
const MIN_BYTES = 16 * MEBIBYTE;
const MAX_BYTES = 256 * MEBIBYTE;
const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: MEBIBYTE, G: 2 ** 30 };

/** Twice the largest cache that the kernel reports for CPU 0, in bytes. */
export function evictionBytes(read: ReadText = readText): number {
  let largest = 0;
  for (let index = 0; index < 5; index++) {
    const text = read(`/sys/devices/system/cpu/cpu0/cache/index${index}/size`) ?? '';
    const [, digits, unit] = /^(\d+)([KMG])/.exec(text) ?? [];
    if (digits !== undefined && unit !== undefined) {
      largest = Math.max(largest, Number(digits) * (UNITS[unit] ?? 1));
    }
  }
  if (largest === 0) return UNKNOWN_BYTES;
  return Math.min(MAX_BYTES, Math.max(MIN_BYTES, 2 * largest));
}
