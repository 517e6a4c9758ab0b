/** Counts of what hand-overs did. */

/**
 * Work that a strategy did while it handed memcgs over, summed since the machine was created:
 * plain counts, to be compared with a prediction. `rowsScanned` are slab rows looked at in a pass over
 * the memmap, `pagesVisited` slabs reached through a list or vector, `pagesMoved` slabs rewritten.
 */
export const STEP_NAMES = [
  'handOvers',
  'rowsScanned',
  'pagesVisited',
  'pagesMoved',
  'cachesMoved',
  'objcgsMoved',
  'cssMoved',
  'listOperations',
] as const;

/** One of the counted kinds of step. */
export type StepName = (typeof STEP_NAMES)[number];

/** Steps by kind. */
export type Steps = Record<StepName, number>;

/** Words of a CPU's step record; a multiple of a cache line. */
export const STEP_WORDS = 16;

/** Index of a step kind in a CPU's step record. */
export function stepIndex(cpu: number, step: StepName): number {
  return cpu * STEP_WORDS + STEP_NAMES.indexOf(step);
}
