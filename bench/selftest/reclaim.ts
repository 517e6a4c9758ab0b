/**
 * Reclaim on behalf of a memcg, as whoever writes to memory.high or memory.reclaim, or is over a limit,
 * does it: passes of rising priority. The model has the passes and their arithmetic; when they happen is
 * decided here (mm/memcontrol.c and mm/vmscan.c of 5.2: try_to_free_mem_cgroup_pages).
 */
import { DEFAULT_PRIORITY, type Shrinker } from '../../core/index.ts';
import { PAGE, type TestMachine } from './world.ts';

/** MAX_RECLAIM_RETRIES: attempts in a row that free nothing. */
const RETRIES = 16;
/** Shrinker of a machine without objects on lists. */
export const NOTHING_TO_SHRINK: Shrinker = { lrus: [], scan: () => 0 };

/** Passes from the default priority to 0, until so many pages are gone; how many are. */
export function tryToFree(
  host: TestMachine,
  memcg: number,
  pages: number,
  shrinker: Shrinker,
): number {
  const before = host.current(memcg);
  const freed = (): number => Math.max(0, before - host.current(memcg)) / PAGE;
  for (let priority = DEFAULT_PRIORITY; priority >= 0 && freed() < pages; priority--) {
    host.cpu.shrinkNode(memcg, priority, { evicted: () => {}, shrinker });
  }
  return freed();
}

/** Reclaims until a memcg is at a size; false when it gives up before. Stocks are given back first. */
export function reclaimTo(
  host: TestMachine,
  memcg: number,
  bytes: number,
  shrinker: Shrinker,
): boolean {
  for (const cpu of host.cpus) cpu.drainStock();
  for (let retries = RETRIES; host.current(memcg) > bytes; ) {
    const wanted = Math.ceil((host.current(memcg) - bytes) / PAGE);
    if (tryToFree(host, memcg, wanted, shrinker) === 0 && retries-- === 0) return false;
  }
  return true;
}

/**
 * Reads a file: charges its pages, some at a time. At a limit it reclaims and tries again, as a charge
 * does. @returns false if that did not help
 */
export function readFile(host: TestMachine, memcg: number, pages: number): boolean {
  /** A read-ahead of 128 KiB. */
  const window = 32;
  for (let read = 0; read < pages; read += window) {
    const wanted = Math.min(window, pages - read);
    let retries = RETRIES;
    while (host.cpu.pageCache.add(memcg, wanted) === 0) {
      const freed = tryToFree(host, memcg, wanted, NOTHING_TO_SHRINK);
      if (freed === 0 && retries-- === 0) return false;
    }
  }
  return true;
}
