/** Schema of what `diff` puts under `results`: two records, pair by pair. A is the older, B the newer. */
import { z } from 'zod';
import { amount, count, interval, name, open } from './results-parts.ts';
import { VERDICTS } from './verdict.ts';

const verdict = z.enum(VERDICTS);

/** What a value counts; a state is one of a few words. */
export const DIFF_UNITS = [
  'ns',
  'bytes',
  'count',
  'per second',
  'ratio',
  'share',
  'state',
] as const;

const sideSchema = open({
  /** As it was named. */
  file: name,
  command: name,
  version: z.string(),
  startedAt: z.string(),
  seed: z.int(),
  complete: z.boolean(),
});

const comparisonSchema = open({
  /** The same in both records: `removal/splice-caches/1000 pages/100 caches/shuffled/warm`. */
  key: name,
  /** Whose geometric mean it goes into: `removal/splice-caches/warm`. */
  group: name,
  /** Whether the value depends on nothing but the seed: then every difference is real. */
  exact: z.boolean(),
  /** Which way is better; of states, those further up the list of their kind are. */
  better: z.enum(['lower', 'higher']),
  unit: z.enum(DIFF_UNITS),
  /** The median of the rounds, or the value; null where there are no rounds. */
  a: z.union([z.number(), z.string()]).nullable(),
  b: z.union([z.number(), z.string()]).nullable(),
  /** Rounds on each side; 0 where the value is exact. */
  rounds: z.tuple([count, count]),
  /** B over A; null where there is none: for words, and where A is 0 and B is not. */
  ratio: z.number().nullable(),
  /** Where the true ratio lies, with what one record may differ from the next; both ends are the ratio where it is exact. */
  ci95: interval.nullable(),
  /** Share by which a ratio may differ from 1 and be the same: 0.05 is 5 %; 0 where the value is exact. */
  noise: amount,
  verdict,
  /** Worse by more than the threshold. */
  regression: z.boolean(),
  /** What to do to be able to tell; only with `cannot tell`. */
  advice: z.string().optional(),
});

const groupSchema = open({
  group: name,
  /** Pairs in it that have an interval. */
  comparisons: count,
  /** Geometric mean of their ratios. */
  ratio: z.number(),
  ci95: interval,
  /** The smallest and the largest of their ratios. */
  range: interval,
  noise: amount,
  better: z.enum(['lower', 'higher']),
  verdict,
  regression: z.boolean(),
  advice: z.string().optional(),
});

/** Results of `diff`. */
export const diffResults = open({
  a: sideSchema,
  b: sideSchema,
  /** Share beyond which a difference counts: 0.05 is 5 %. */
  threshold: amount,
  /** The most important first: worse, better, cannot tell, same. */
  comparisons: z.array(comparisonSchema),
  groups: z.array(groupSchema),
  onlyInA: z.array(name),
  onlyInB: z.array(name),
  /** What the records hold and cannot be compared, and why. */
  notCompared: z.array(z.string()),
  /** In what the two runs differed, but for what they found. */
  differences: z.array(open({ what: name, a: z.string(), b: z.string() })),
  /** What a reader has to know before anything else. */
  cautions: z.array(z.string()),
});

/** One pair. */
export type DiffComparison = z.infer<typeof comparisonSchema>;
/** Several pairs of one strategy and kind. */
export type DiffGroup = z.infer<typeof groupSchema>;
/** Results of `diff`. */
export type DiffResults = z.infer<typeof diffResults>;
