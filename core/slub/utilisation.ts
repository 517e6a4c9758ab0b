/**
 * How much of the slab pages is objects: with a cache for each memcg many slabs are nearly empty, shared
 * ones are filled by all (published: 45 to 65 % against the high nineties, R. Gushchin, 2019-09 and 2020).
 */
import type { Machine } from '../machine.ts';
import { popcount } from './retire.ts';
import { takenRows } from './row-supply.ts';
import { cacheOfSlab, INUSE_MASK } from './slabs.ts';

/** Slab pages of a machine, and the objects in them. */
export interface SlabUse {
  /** Base pages. */
  readonly pages: number;
  /** Objects handed out; those that lie free on a CPU's private list are not. */
  readonly objects: number;
  /** Their bytes, padding of each object included. */
  readonly objectBytes: number;
}

/**
 * Counts them over the whole slab table, while no operation is in flight.
 * @param isMeant which caches are counted; all, unless it says otherwise
 */
export function slabUse(
  machine: Machine,
  isMeant: (cache: number) => boolean = () => true,
): SlabUse {
  const { page } = machine.slabs;
  const { pages: pagesOf, size } = machine.kmemCaches;
  const { free } = machine.cpuSlabs;
  const end = takenRows(machine);
  let pages = 0;
  let objects = 0;
  let objectBytes = 0;
  for (let row = 1; row <= end; row++) {
    const cache = cacheOfSlab(page, row);
    if (cache === 0 || !isMeant(cache)) continue;
    const inuse = page[row << 2] & INUSE_MASK;
    pages += pagesOf[cache];
    objects += inuse;
    objectBytes += inuse * size[cache];
  }
  const perCpu = machine.config.kmemCaches + 1;
  const lastCache = machine.cacheRows.end();
  for (let first = 0; first < free.length; first += perCpu) {
    for (let cache = 1; cache < lastCache; cache++) {
      if (free[first + cache] === 0 || !isMeant(cache)) continue;
      const unused = popcount(free[first + cache]);
      objects -= unused;
      objectBytes -= unused * size[cache];
    }
  }
  return { pages, objects, objectBytes };
}
