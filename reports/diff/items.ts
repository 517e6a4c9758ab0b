/** What a record holds that another record of its kind may hold as well, each under a key of its own. */
import type { DIFF_UNITS } from '../results-diff.ts';

interface Named {
  /** Parts joined by `/`; the same in every record that holds it. */
  readonly key: string;
  /** Whose geometric mean it goes into. */
  readonly group: string;
}

/** Values that were timed, one a round, above 0. */
export interface TimedItem extends Named {
  readonly kind: 'timed';
  readonly unit: (typeof DIFF_UNITS)[number];
  readonly better: 'lower' | 'higher';
  readonly rounds: readonly number[];
  /**
   * Standard deviation of the logarithm of the ratio of two records of the same code, beside what their
   * rounds show: what all rounds of a record have in common (see noise.ts).
   */
  readonly noise: number;
}

/** A number that follows from the seed. */
export interface ExactItem extends Named {
  readonly kind: 'exact';
  readonly unit: (typeof DIFF_UNITS)[number];
  readonly better: 'lower' | 'higher';
  readonly value: number;
}

/** A word that follows from the seed. */
export interface StateItem extends Named {
  readonly kind: 'state';
  readonly value: string;
  /** Of two states the one with the higher rank is better; equal ranks are told and not judged. */
  readonly rank: number;
}

/** Anything that is compared. */
export type DiffItem = TimedItem | ExactItem | StateItem;

/** What one record gives to compare. */
export interface RecordItems {
  readonly items: readonly DiffItem[];
  /** What it holds beside that and why it is left out. */
  readonly leftOut: readonly string[];
}

/** A number that follows from the seed; smaller is better. */
export function exactItem(
  [group, ...more]: readonly [string, ...string[]],
  unit: ExactItem['unit'],
  value: number,
  better: ExactItem['better'] = 'lower',
): ExactItem {
  return { kind: 'exact', key: [group, ...more].join('/'), group, unit, better, value };
}

/** A word that follows from the seed. */
export function stateItem(
  [group, ...more]: readonly [string, ...string[]],
  value: string,
  rank: number,
): StateItem {
  return { kind: 'state', key: [group, ...more].join('/'), group, value, rank };
}
