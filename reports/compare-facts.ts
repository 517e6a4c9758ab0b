/**
 * Finds things in the record of a comparison: which strategies and sizes it holds, a measurement, a
 * ratio, an exponent. Any of them may be missing, in a run of two strategies or one cut short.
 */
import type { Interval } from './bootstrap.ts';
import { formatCount } from './format.ts';
import type { CompareRecord } from './record.ts';
import type { GrowthResult, HotPathResult, LeftBehindResult, OfflineResult } from './results.ts';
import { compareRounds, type Verdict } from './verdict.ts';

/** How much is removed: base pages charged to the memcg, and the caches they belong to. */
export interface Size {
  pages: number;
  caches: number;
}

/** Under which conditions a removal was timed. */
export type Conditions = Pick<OfflineResult, 'what' | 'order' | 'temperature'>;

/** A ratio of times, candidate over baseline, with the word for it. */
export interface RatioFact {
  ratio: number;
  ci95: Interval;
  verdict: Verdict;
}

/** Contract names in the order in which a reader meets them: from no move at all to one move. */
const KNOWN_ORDER = ['pin', 'scan-pages', 'list-pages', 'splice-caches', 'objcg'];

/** Lists the strategies of a record: contract names in their usual order, then any others. */
export function strategiesOf({ results }: CompareRecord): string[] {
  const present = new Set(
    [...results.offline, ...results.hotPath, ...results.footprint, ...results.leftBehind].map(
      (entry) => entry.strategy,
    ),
  );
  const known = KNOWN_ORDER.filter((name) => present.has(name));
  return [...known, ...[...present].filter((name) => !KNOWN_ORDER.includes(name)).sort()];
}

/** Lists the sizes at which removals were measured, smallest first. */
export function sizesOf({ results }: CompareRecord): Size[] {
  const sizes = new Map<string, Size>();
  for (const { pages, caches } of results.offline) {
    sizes.set(`${pages}/${caches}`, { pages, caches });
  }
  return [...sizes.values()].sort((a, b) => a.pages - b.pages || a.caches - b.caches);
}

/** Names a size in a row label; the caches only where the record has several numbers of them. */
export function sizeLabel(size: Size, all: readonly Size[]): string {
  const pages = `${formatCount(size.pages)} pages`;
  const several = all.some((other) => other.caches !== size.caches);
  return several ? `${pages}, ${formatCount(size.caches)} caches` : pages;
}

/** Lists the conditions measured for a removal or hand-over, the most realistic first. */
export function conditionsOf(record: CompareRecord, what: Conditions['what']): Conditions[] {
  const wanted: Conditions[] = [
    { what, order: 'shuffled', temperature: 'warm' },
    { what, order: 'in-order', temperature: 'warm' },
    { what, order: 'shuffled', temperature: 'cold' },
    { what, order: 'in-order', temperature: 'cold' },
  ];
  return wanted.filter((one) => record.results.offline.some((entry) => matches(entry, one)));
}

function matches(entry: Conditions, wanted: Conditions): boolean {
  return (
    entry.what === wanted.what &&
    entry.order === wanted.order &&
    entry.temperature === wanted.temperature
  );
}

/** Returns what was measured for a strategy at a size, or undefined. */
export function findOffline(
  record: CompareRecord,
  strategy: string,
  size: Size,
  conditions: Conditions,
): OfflineResult | undefined {
  return record.results.offline.find(
    (entry) =>
      entry.strategy === strategy &&
      entry.pages === size.pages &&
      entry.caches === size.caches &&
      matches(entry, conditions),
  );
}

/** Lists the strategies with a removal or hand-over: one that hands nothing over has no hand-over. */
export function strategiesTimed(record: CompareRecord, what: Conditions['what']): string[] {
  return strategiesOf(record).filter((strategy) =>
    record.results.offline.some((entry) => entry.strategy === strategy && entry.what === what),
  );
}

/** Returns the growth exponent of a strategy, or undefined when too few sizes were measured. */
export function findGrowth(
  record: CompareRecord,
  strategy: string,
  conditions: Conditions,
): GrowthResult | undefined {
  return record.results.growth.find(
    (entry) => entry.strategy === strategy && matches(entry, conditions),
  );
}

/** Compares two lists of rounds as `verdict.ts` does; undefined when they cannot have a ratio. */
function ratioOfRounds(
  candidate: readonly number[],
  baseline: readonly number[],
  seed: number,
): RatioFact | undefined {
  const usable = (rounds: readonly number[]): boolean =>
    rounds.length > 0 && rounds.every((value) => value > 0);
  if (!usable(candidate) || !usable(baseline)) return undefined;
  return compareRounds(candidate, baseline, { seed });
}

const SWAPPED: Record<Verdict, Verdict> = {
  better: 'worse',
  worse: 'better',
  same: 'same',
  'cannot tell': 'cannot tell',
};

/**
 * Returns how long the candidate takes against the baseline: as the record has it, turned round if it
 * has the reverse, or else from the rounds. Recorded ratios do not name the number of caches, so with
 * several of those only the rounds count.
 */
export function findRatio(
  record: CompareRecord,
  candidate: OfflineResult,
  baseline: OfflineResult,
): RatioFact | undefined {
  const find = (top: OfflineResult, bottom: OfflineResult) =>
    record.results.ratios.find(
      (entry) =>
        entry.candidate === top.strategy &&
        entry.baseline === bottom.strategy &&
        entry.pages === top.pages &&
        matches(entry, top),
    );
  if (new Set(record.results.offline.map((entry) => entry.caches)).size === 1) {
    const direct = find(candidate, baseline);
    if (direct !== undefined) return direct;
    const reverse = find(baseline, candidate);
    if (reverse !== undefined && reverse.ratio > 0 && reverse.ci95[0] > 0) {
      const ci95: Interval = [1 / reverse.ci95[1], 1 / reverse.ci95[0]];
      return { ratio: 1 / reverse.ratio, ci95, verdict: SWAPPED[reverse.verdict] };
    }
  }
  return ratioOfRounds(candidate.rounds, baseline.rounds, record.seed);
}

/** Returns how an operation compares with the same one under another strategy. */
export function hotPathRatio(
  record: CompareRecord,
  candidate: HotPathResult,
  baseline: HotPathResult,
): RatioFact | undefined {
  return ratioOfRounds(candidate.rounds, baseline.rounds, record.seed);
}

/** Returns what a strategy leaves behind at a size, or at the largest size that was looked at. */
export function findLeftBehind(
  record: CompareRecord,
  strategy: string,
  pages: number,
): LeftBehindResult | undefined {
  const own = record.results.leftBehind.filter((entry) => entry.strategy === strategy);
  const largest = own.reduce<LeftBehindResult | undefined>(
    (best, entry) => (best === undefined || entry.pages > best.pages ? entry : best),
    undefined,
  );
  return own.find((entry) => entry.pages === pages) ?? largest;
}

/** Returns the size that conclusions are drawn at: the largest at which two strategies can be compared. */
export function decisiveSize(record: CompareRecord, conditions: Conditions): Size | undefined {
  const measured = sizesOf(record).map((size) => ({
    size,
    strategies: strategiesOf(record).filter(
      (strategy) => findOffline(record, strategy, size, conditions) !== undefined,
    ).length,
  }));
  const comparable = measured.filter((entry) => entry.strategies >= 2);
  const known = measured.filter((entry) => entry.strategies >= 1);
  return (comparable.at(-1) ?? known.at(-1))?.size;
}
