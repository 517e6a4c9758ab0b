/** What a run found, for whoever reads no more: a sentence for each design. */
import { findGrowth, findLeftBehind, strategiesOf } from './compare-facts.ts';
import { formatBytes, formatCount, formatList, formatRatio } from './format.ts';
import { hotPathBase, ratioToBase } from './hot-path-words.ts';
import { alike, atEnd, lastDay, spanText } from './leak-facts.ts';
import { formatMean } from './leak-words.ts';
import type { Note } from './pages/page.ts';
import type { CompareRecord } from './record.ts';
import type { LeakResults } from './results-leak.ts';
import { isFlat, isGrowing, MOVES_NOTHING, type Scene, sceneOf, workWords } from './words.ts';

/** What removing it takes, and whether that depends on the pages. */
function workPart({ record, conditions, entries }: Scene, strategy: string): string {
  const entry = entries.find((one) => one.strategy === strategy);
  const work = entry === undefined ? MOVES_NOTHING : workWords(entry);
  const growth = findGrowth(record, strategy, conditions);
  if (work === MOVES_NOTHING || growth === undefined) return work;
  if (isFlat(growth)) return `${work}, however many pages`;
  return isGrowing(growth) ? `${work}, growing with the pages` : work;
}

/** What stays behind of the cgroup. */
function leftPart({ record, size }: Scene, strategy: string): string {
  const left = findLeftBehind(record, strategy, size.pages);
  if (left === undefined || left.dying === 0) return '';
  return `, and the cgroup stays, dying, with ${formatBytes(left.pinnedBytes)}`;
}

/** How many of them a host has in the end. */
function hostNote(leak: LeakResults | undefined): Note[] {
  if (leak === undefined || leak.series.length === 0) return [];
  const counts = alike(leak.series, ({ dying }) => formatMean(atEnd(dying))).map(
    ({ first, strategies }) => `${formatMean(atEnd(first.dying))} under ${formatList(strategies)}`,
  );
  const days = spanText(leak, lastDay(leak));
  return [{ text: `After ${days} a simulated host has dying cgroups: ${formatList(counts)}.` }];
}

/** What it costs while nobody removes anything, if that is clear for every operation. */
function pathPart(record: CompareRecord, strategy: string): string {
  const facts = record.results.hotPath
    .filter((entry) => entry.strategy === strategy)
    .map((entry) => ratioToBase(record, entry));
  const ratios = facts.flatMap((fact) => (fact?.verdict === 'worse' ? [fact.ratio] : []));
  if (ratios.length === 0 || ratios.length < facts.length) return '';
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map(formatRatio);
  const times = least === most ? least : `${least} to ${most}`;
  return `; but every allocation and free takes ${times} as long as under ${hotPathBase(record)}`;
}

/** None where no removal was measured. */
export function inShort(record: CompareRecord): Note[] {
  const scene = sceneOf(record);
  if (scene === undefined) return [];
  const points = strategiesOf(record).map(
    (strategy) =>
      `${strategy} ${workPart(scene, strategy)}${leftPart(scene, strategy)}${pathPart(record, strategy)}.`,
  );
  const pages = formatCount(scene.size.pages);
  return [
    { text: `In short, when a cgroup with ${pages} pages goes:`, points },
    ...hostNote(record.results.leak),
  ];
}
