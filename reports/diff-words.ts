/** The verdict of a comparison of two records in words; every sentence is made from the record. */
import { formatCounted, formatList, formatRatio, formatShare } from './format.ts';
import type { Note } from './pages/page.ts';
import type { DiffRecord } from './record.ts';
import type { DiffComparison, DiffGroup } from './results-diff.ts';
import { median } from './statistics.ts';

/** A key as it is read: its parts apart. */
export function keyText(key: string): string {
  return key.replaceAll('/', ', ');
}

/** How far B is from A: `1.23x`, or the two words. */
export function changeText({ a, b, ratio }: DiffComparison): string {
  return ratio === null ? `${a} to ${b}` : formatRatio(ratio);
}

const NAMED = 3;

function named(names: readonly string[]): string {
  const shown = names.slice(0, NAMED);
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join('; ')}; and ${more} more` : formatList(shown);
}

function regressionNotes(record: DiffRecord): Note[] {
  const { comparisons, groups, threshold } = record.results;
  const pairs = comparisons.filter(({ regression }) => regression);
  const means = groups.filter(({ regression }) => regression);
  if (pairs.length + means.length === 0) {
    const exact = comparisons.every((one) => one.exact);
    const text = exact
      ? `No regression beyond ${formatShare(threshold)}.`
      : `No regression beyond ${formatShare(threshold)} that these records can show.`;
    return [{ text, tone: 'good' }];
  }
  const words = [
    ...means.map(
      (one: DiffGroup) => `${keyText(one.group)}, on average: ${formatRatio(one.ratio)}`,
    ),
    ...pairs.map((one) => `${keyText(one.key)}: ${changeText(one)}`),
  ];
  return [
    {
      text: `${formatCounted(words.length, 'regression')} beyond ${formatShare(threshold)}: ${named(words)}.`,
      tone: 'bad',
    },
  ];
}

/** How much "same" is worth: nobody should take a wide interval for a proof. */
function noiseNotes(record: DiffRecord): Note[] {
  const { comparisons, groups } = record.results;
  const same = (list: readonly { verdict: string; noise: number }[]): number[] =>
    list.flatMap(({ verdict, noise }) => (verdict === 'same' && noise > 0 ? [noise] : []));
  const [pairs, means] = [same(comparisons), same(groups)];
  if (pairs.length === 0) return [];
  const text = (list: readonly number[]): string =>
    `±${formatShare(Number(median(list).toPrecision(2)))}`;
  const onAverage = means.length === 0 ? '' : `, of a mean within ${text(means)}`;
  return [
    {
      text: `The same means: no difference beyond the noise. Of a timed pair that is within ${text(pairs)} in the median${onAverage}; more rounds make it less.`,
    },
  ];
}

/** The answer in words. */
export function diffWords(record: DiffRecord): Note[] {
  const { comparisons, onlyInA, onlyInB } = record.results;
  const of = (verdict: DiffComparison['verdict']): number =>
    comparisons.filter((one) => one.verdict === verdict).length;
  const counts = (['worse', 'better', 'cannot tell', 'same'] as const).flatMap((verdict) =>
    of(verdict) === 0 ? [] : [`${of(verdict)} ${verdict}`],
  );
  const alone = [
    ...(onlyInA.length === 0 ? [] : [`${onlyInA.length} only in A`]),
    ...(onlyInB.length === 0 ? [] : [`${onlyInB.length} only in B`]),
  ];
  const rest = alone.length === 0 ? '' : ` Without a pair: ${formatList(alone)}.`;
  return [
    ...regressionNotes(record),
    { text: `${formatCounted(comparisons.length, 'pair')}: ${formatList(counts)}.${rest}` },
    ...noiseNotes(record),
  ];
}
