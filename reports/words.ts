/**
 * The verdict of a comparison in words. Every sentence is made from the record: which strategy is
 * quick, which grows and which leaves a dying cgroup is read there, never assumed. What cannot be told
 * is said to be so.
 */
import {
  type Conditions,
  conditionsOf,
  decisiveSize,
  findGrowth,
  findLeftBehind,
  findOffline,
  findRatio,
  type RatioFact,
  type Size,
  sizesOf,
  strategiesOf,
} from './compare-facts.ts';
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatExponent,
  formatInterval,
  formatList,
  formatNs,
  formatRatio,
} from './format.ts';
import { hotPathWords } from './hot-path-words.ts';
import type { Note } from './pages/page.ts';
import type { CompareRecord } from './record.ts';
import type { GrowthResult, OfflineResult } from './results.ts';

/** Exponents this close to 0 mean "the same at every size": 0.05 doubles the time in six decades. */
const FLAT_EXPONENT = 0.05;

/** What is said of a strategy that hands nothing over. */
export const MOVES_NOTHING = 'moves nothing';

/** Says what a strategy does to remove a cgroup, from the steps it counted. */
export function workWords({ steps, pages, slabs }: OfflineResult): string {
  // Who walks pages may move caches too; the walk is what it is about.
  const visited = formatCount(steps.pagesVisited);
  if (steps.rowsScanned > 0) return `scans ${formatCount(steps.rowsScanned)} slab rows`;
  if (steps.pagesVisited > 0 && steps.pagesVisited === pages) return `visits all ${visited} pages`;
  if (steps.pagesVisited > 0 && steps.pagesVisited === slabs) return `visits all ${visited} slabs`;
  if (steps.pagesVisited > 0) return `visits ${visited} pages`;
  if (steps.cachesMoved > 0) return `hands over ${formatCount(steps.cachesMoved)} caches`;
  const owners = steps.objcgsMoved ?? 0;
  if (owners > 0)
    return owners === 1
      ? 'hands over one obj_cgroup'
      : `hands over ${formatCount(owners)} obj_cgroups`;
  return MOVES_NOTHING;
}

/** Whether the time is the same at every size, beyond doubt. */
export function isFlat({ ci95: [lo, hi] }: GrowthResult): boolean {
  return lo >= -FLAT_EXPONENT && hi <= FLAT_EXPONENT;
}

/** Whether the time grows with the pages charged, beyond doubt. */
export function isGrowing({ ci95: [lo] }: GrowthResult): boolean {
  return lo > FLAT_EXPONENT;
}

/** Says how a strategy's time depends on the pages charged, to go on after a comma. */
function growthWords(growth: GrowthResult): string {
  const shown = `exponent ${formatExponent(growth.exponent)}`;
  if (isGrowing(growth)) return `growing with the pages (${shown})`;
  if (growth.ci95[1] < -FLAT_EXPONENT) return `falling with the pages (${shown})`;
  if (isFlat(growth)) return `the same at every size (${shown})`;
  const interval = formatInterval(growth.ci95, formatExponent);
  return `perhaps changing with the pages (exponent ${interval})`;
}

/** Says how long a candidate takes against a baseline, to go on after a comma. */
function ratioWords({ ratio, ci95, verdict }: RatioFact): string {
  const shown = formatRatio(ratio);
  const interval = `(95 %: ${formatInterval(ci95, formatRatio)})`;
  if (verdict === 'worse') return `${shown} as long ${interval}`;
  if (verdict === 'better') return `quicker, ${shown} of that ${interval}`;
  if (verdict === 'same') return `the same within noise, ${shown} ${interval}`;
  return `cannot tell if longer or shorter, ${shown} ${interval}: take more rounds or quieten the machine`;
}

/** Where conclusions are drawn, and what was measured there. */
export interface Scene {
  record: CompareRecord;
  conditions: Conditions;
  size: Size;
  /** What was measured at `size`, one entry a strategy. */
  entries: OfflineResult[];
  /** The quickest that leaves no dying cgroup behind: what the others are held against. */
  reference: OfflineResult | undefined;
}

function leavesDying(record: CompareRecord, entry: OfflineResult): boolean {
  return (findLeftBehind(record, entry.strategy, entry.pages)?.dying ?? 0) > 0;
}

/** Finds where conclusions are drawn: at the largest size, on the step in which strategies differ. */
export function sceneOf(record: CompareRecord): Scene | undefined {
  const conditions = conditionsOf(record, 'handover')[0] ?? conditionsOf(record, 'removal')[0];
  if (conditions === undefined) return undefined;
  const size = decisiveSize(record, conditions);
  if (size === undefined) return undefined;
  const entries = strategiesOf(record)
    .map((strategy) => findOffline(record, strategy, size, conditions))
    .filter((entry) => entry !== undefined);
  const reference = entries
    .filter((entry) => !leavesDying(record, entry))
    .sort((a, b) => a.ns.p50 - b.ns.p50)[0];
  return { record, conditions, size, entries, reference };
}

/** Says under which conditions removals were timed, for a reader who has not seen the tables. */
function conditionWords(conditions: Conditions): string {
  const step = conditions.what === 'handover' ? 'hand-over alone' : 'whole removal';
  return `${step}, ${temperatureWords(conditions)}`;
}

/** Says in which state CPU caches and pages were when removals were timed. */
export function temperatureWords({ order, temperature }: Conditions): string {
  const pages = order === 'shuffled' ? 'pages shuffled' : 'pages in memory order';
  return `CPU caches ${temperature}, ${pages}`;
}

function removalSentences({ record, conditions, size, entries, reference }: Scene): Note {
  const sentences = [
    `Removing a cgroup with ${formatCount(size.pages)} slab pages (${conditionWords(conditions)}):`,
  ];
  if (reference !== undefined) {
    const growth = findGrowth(record, reference.strategy, conditions);
    const grows = growth === undefined ? '' : `, ${growthWords(growth)}`;
    sentences.push(
      `${reference.strategy} ${workWords(reference)} in ${formatNs(reference.ns.p50)}${grows}.`,
    );
  }
  for (const entry of entries) {
    if (entry === reference || leavesDying(record, entry)) continue;
    sentences.push(rivalSentence(record, conditions, entry, reference));
  }
  if (entries.length < 2) sentences.push('No other strategy was measured to compare it with.');
  return { text: sentences.join(' ') };
}

function rivalSentence(
  record: CompareRecord,
  conditions: Conditions,
  entry: OfflineResult,
  reference: OfflineResult | undefined,
): string {
  const ratio = reference === undefined ? undefined : findRatio(record, entry, reference);
  const growth = findGrowth(record, entry.strategy, conditions);
  const compared = ratio === undefined ? '' : `, ${ratioWords(ratio)}`;
  const grows = growth === undefined ? '' : `, ${growthWords(growth)}`;
  return `${entry.strategy} ${workWords(entry)}: ${formatNs(entry.ns.p50)}${compared}${grows}.`;
}

/** Names every strategy that leaves a dying cgroup, with the time for which it does so. */
function dyingSentences(record: CompareRecord, pages: number): Note[] {
  return strategiesOf(record).flatMap((strategy): Note[] => {
    const left = findLeftBehind(record, strategy, pages);
    if (left === undefined || left.dying === 0) return [];
    const cgroups = formatCounted(left.dying, 'dying cgroup');
    const held = `leaves ${cgroups}, ${formatBytes(left.pinnedBytes)} pinned`;
    const main = conditionsOf(record, 'removal')[0];
    const whole = record.results.offline.find(
      (entry) =>
        entry.strategy === strategy &&
        entry.pages === left.pages &&
        entry.what === main?.what &&
        entry.order === main.order &&
        entry.temperature === main.temperature,
    );
    const time = whole === undefined ? '' : ` takes ${formatNs(whole.ns.p50)} and`;
    return [{ text: `${strategy}${time} ${held}.`, tone: 'warn' }];
  });
}

/** Lists times beside the reference's, under conditions that the headline is not about. */
function besideReference(
  record: CompareRecord,
  reference: OfflineResult,
  size: Size,
  conditions: Conditions,
): string | undefined {
  const base = findOffline(record, reference.strategy, size, conditions);
  if (base === undefined) return undefined;
  const others = strategiesOf(record).flatMap((strategy) => {
    const entry = findOffline(record, strategy, size, conditions);
    if (entry === undefined || strategy === base.strategy || leavesDying(record, entry)) return [];
    const ratio = findRatio(record, entry, base);
    if (ratio === undefined) return [];
    const doubt = { better: '', worse: '', same: ', the same', 'cannot tell': ', cannot tell' };
    const shown = `${formatRatio(ratio.ratio)}${doubt[ratio.verdict]}`;
    return [`${strategy} ${formatNs(entry.ns.p50)} (${shown})`];
  });
  if (others.length === 0) return undefined;
  return [`${base.strategy} ${formatNs(base.ns.p50)}`, ...others].join(', ');
}

/** The figures that put the headline in proportion: the smallest size, and the removal around it. */
function proportionSentences({ record, conditions, size, reference }: Scene): Note[] {
  const smallest = sizesOf(record)[0];
  if (smallest === undefined || reference === undefined) return [];
  const sentences: string[] = [];
  if (smallest.pages !== size.pages) {
    const small = besideReference(record, reference, smallest, conditions);
    const pages = formatCount(smallest.pages);
    if (small !== undefined) sentences.push(`At ${pages} pages: ${small}.`);
  }
  if (conditions.what === 'handover') {
    const whole = besideReference(record, reference, size, { ...conditions, what: 'removal' });
    const pages = formatCount(size.pages);
    if (whole !== undefined) sentences.push(`Whole removal of ${pages}: ${whole}.`);
  }
  return sentences.length === 0 ? [] : [{ text: sentences.join(' ') }];
}

/** Differing self-checks named in the sentence; the record has them all. */
const SELF_CHECKS_NAMED = 3;

function selfCheckSentence({ results }: CompareRecord): Note[] {
  const checks = results.selfCheck ?? [];
  if (checks.length === 0) return [];
  const differ = checks.filter((one) => one.verdict === 'better' || one.verdict === 'worse');
  const total = `${formatCount(checks.length)} comparisons of a strategy with itself`;
  if (differ.length === 0) {
    const text = `Self-check: none of ${total} came out different, as it must be.`;
    return [{ text, tone: 'good' }];
  }
  const named = differ
    .slice(0, SELF_CHECKS_NAMED)
    .map((one) => `${one.strategy} ${formatRatio(one.ratio)} at ${formatCount(one.pages)} pages`);
  return [
    {
      text: `Self-check: ${formatCount(differ.length)} of ${total} came out different (${formatList(named)}). Do not trust the differences above; take more rounds on a quieter machine (see doctor).`,
      tone: 'bad',
    },
  ];
}

/** Says which checks failed, for a record of any command. */
export function failedChecks(
  checks: readonly { name: string; ok: boolean; detail: string }[],
): Note[] {
  return checks
    .filter((check) => !check.ok)
    .map((check) => ({ text: `Check failed: ${check.name}: ${check.detail}`, tone: 'bad' }));
}

function cutShortSentence(record: CompareRecord): Note[] {
  if (record.complete) return [];
  const strategies = strategiesOf(record);
  const sizes = sizesOf(record).map((size) => formatCount(size.pages));
  const done =
    sizes.length === 0
      ? 'no removal was measured'
      : `it has removals at ${formatList(sizes)} pages, and ${formatList(strategies)}`;
  return [
    { text: `Cut short: this run did not finish; ${done}. What follows is of that.`, tone: 'bad' },
  ];
}

/** Writes the verdict of a comparison, one note a paragraph, the most important first. */
export function compareWords(record: CompareRecord): Note[] {
  const scene = sceneOf(record);
  const removal =
    scene === undefined
      ? [{ text: 'No removal was measured, so there is no verdict on it.' }]
      : [removalSentences(scene), ...proportionSentences(scene)];
  return [
    ...cutShortSentence(record),
    ...removal,
    ...dyingSentences(record, scene?.size.pages ?? 0),
    ...hotPathWords(record),
    ...selfCheckSentence(record),
    ...failedChecks(record.checks),
  ];
}
