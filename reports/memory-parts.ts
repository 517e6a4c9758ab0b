/** The parts of a host's memory; apart from the schema, so that a page can show them without it. */

/** What holds memory, in the order in which a chart stacks it. */
export const MEMORY_PARTS = [
  ...(['liveSlab', 'live', 'lruArrays', 'deadSlab', 'deadCaches'] as const),
  ...(['deadMemcgs', 'deadPercpu', 'deadPageCache'] as const),
] as const;
