/** How much memory may be used, asked before anything large is allocated. */
import os from 'node:os';
import { formatCount } from '../reports/format.ts';
import { cgroupFolders, type ReadText, readText } from './environment.ts';
import { CapacityError } from './errors.ts';

/** A file with one number in bytes; null when absent, unlimited or not a number. */
function readBytes(read: ReadText, path: string): number | null {
  const text = read(path)?.trim();
  if (text === undefined || !/^\d+$/.test(text)) return null;
  return Number(text);
}

/** What the kernel would take back at once: file pages nobody used lately, in bytes. */
function reclaimable(read: ReadText, folder: string): number {
  const stat = read(`${folder}/memory.stat`) ?? '';
  const found = /^total_inactive_file (\d+)/m.exec(stat) ?? /^inactive_file (\d+)/m.exec(stat);
  return Number(found?.[1] ?? 0);
}

/**
 * Bytes that can be allocated without swapping or hitting a limit: what the kernel says is
 * available, or what the tightest cgroup leaves (its limit less its use, where file cache that is
 * taken back on demand does not count as used).
 */
export function availableMemoryBytes(read: ReadText = readText): number {
  const available = /^MemAvailable:\s+(\d+) kB/m.exec(read('/proc/meminfo') ?? '')?.[1];
  let bytes = available === undefined ? os.freemem() : Number(available) * 1024;
  for (const folder of cgroupFolders('memory', read)) {
    const limit =
      readBytes(read, `${folder}/memory.max`) ?? readBytes(read, `${folder}/memory.limit_in_bytes`);
    const used =
      readBytes(read, `${folder}/memory.current`) ??
      readBytes(read, `${folder}/memory.usage_in_bytes`);
    if (limit === null || used === null) continue;
    bytes = Math.min(bytes, Math.max(0, limit - used + reclaimable(read, folder)));
  }
  return bytes;
}

/**
 * Refuses what does not fit, before anything is allocated.
 * @param what the command or machine, as the subject of the sentence
 * @param needed bytes it would take
 * @param todo what to do instead
 */
export function assertFits(
  what: string,
  needed: number,
  todo: string,
  available: number = availableMemoryBytes(),
): void {
  if (needed <= available) return;
  throw new CapacityError(
    `${what} needs ${formatCount(needed)} bytes of memory and ${formatCount(available)} are available; ${todo}`,
  );
}
