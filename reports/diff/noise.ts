/**
 * By how much two records of the same code differ although the rounds of each agree. All rounds of a
 * record have something in common that the next record has not: the state of the machine, and above
 * all, for removals, the one worker that all of them ran in. V8 compiles the same loop differently from
 * one worker to the next, so equal code came out up to 1.45 times as fast while rounds varied by 1 %.
 *
 * Each number is a standard deviation of the logarithm of the ratio, from pairs of runs of one build on
 * a busy virtual machine of two cores, which is on the safe side for others. docs/diff.md has the
 * commands that measure it anew.
 */
export const RECORD_NOISE = {
  /** For each worker that the rounds of a strategy and size are spread over (`compare --isolates`). */
  removalWarm: 0.13,
  removalCold: 0.2,
  /** Workers of their own for each round, so rounds show most of it. */
  hotPath: 0.03,
  /** A machine and threads of its own for each round. */
  storm: 0.05,
  /** Common to everything in a record: the machine was busier, or slower, than the other time. */
  machine: 0.03,
} as const;
