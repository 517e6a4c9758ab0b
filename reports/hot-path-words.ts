/**
 * What the strategies cost on the allocation path, in words: a strategy that is quick to remove may
 * have paid for it at every allocation.
 */
import { hotPathRatio, type RatioFact, strategiesOf } from './compare-facts.ts';
import { formatList, formatRatio } from './format.ts';
import type { Note } from './pages/page.ts';
import type { CompareRecord } from './record.ts';
import type { HotPathResult } from './results.ts';

/** Returns the strategy the others' allocation path is held against: the one that does least. */
export function hotPathBase(record: CompareRecord): string | undefined {
  return strategiesOf(record).find((strategy) =>
    record.results.hotPath.some((entry) => entry.strategy === strategy),
  );
}

/** Returns how an entry compares with the base strategy's; undefined for the base itself. */
export function ratioToBase(record: CompareRecord, entry: HotPathResult): RatioFact | undefined {
  const base = hotPathBase(record);
  if (entry.strategy === base) return undefined;
  const own = record.results.hotPath.find(
    (one) => one.strategy === base && one.operation === entry.operation && one.cpus === entry.cpus,
  );
  return own === undefined ? undefined : hotPathRatio(record, entry, own);
}

/** Names an operation, with the number of CPUs where it ran on more than one. */
export function operationLabel({ operation, cpus }: HotPathResult): string {
  return cpus > 1 ? `${operation}, ${cpus} CPUs` : operation;
}

/** Writes one note on the allocation path, or none when there is nothing to compare. */
export function hotPathWords(record: CompareRecord): Note[] {
  const different: string[] = [];
  let same = 0;
  let unclear = 0;
  for (const strategy of strategiesOf(record)) {
    for (const entry of record.results.hotPath.filter((one) => one.strategy === strategy)) {
      const fact = ratioToBase(record, entry);
      if (fact?.verdict === 'same') same++;
      else if (fact?.verdict === 'cannot tell') unclear++;
      else if (fact !== undefined) {
        different.push(`${strategy} ${formatRatio(fact.ratio)} for ${operationLabel(entry)}`);
      }
    }
  }
  const total = different.length + same + unclear;
  if (total === 0) return [];
  const parts = [
    ...(different.length > 0 ? [formatList(different)] : []),
    ...(same > 0 ? [`the same within noise for ${same} of ${total}`] : []),
    ...(unclear > 0 ? [`cannot tell for ${unclear} of ${total}`] : []),
  ];
  return [{ text: `Allocating, against ${hotPathBase(record)}: ${parts.join('; ')}.` }];
}
