/** The page of `diff`: what changed from one record to the other, the worst first. */
import { changeText, diffWords, keyText } from '../diff-words.ts';
import {
  formatBytes,
  formatCounted,
  formatInterval,
  formatNs,
  formatNumber,
  formatRatio,
  formatShare,
  MISSING,
} from '../format.ts';
import type { DiffRecord } from '../record.ts';
import type { DiffComparison, DiffGroup, DiffResults } from '../results-diff.ts';
import type { Cell, Note, Page, Row, Section, Table, Tone } from './page.ts';

type Verdict = DiffComparison['verdict'];

const TONES: Partial<Record<Verdict, Tone>> = {
  worse: 'bad',
  better: 'good',
  'cannot tell': 'warn',
};

function valueText(value: number | string | null, unit: DiffComparison['unit']): string {
  if (value === null) return MISSING;
  if (typeof value === 'string') return value;
  switch (unit) {
    case 'ns':
      return formatNs(value);
    case 'bytes':
      return formatBytes(value);
    case 'per second':
      return `${formatNumber(value / 1e6)} M/s`;
    case 'share':
      return formatShare(value);
    default:
      return formatNumber(value);
  }
}

function verdictCell({ verdict }: { verdict: Verdict }): Cell {
  const tone = TONES[verdict];
  return tone === undefined ? { text: verdict } : { text: verdict, tone };
}

function ratioCell(one: DiffComparison): Cell {
  if (one.ratio === null) return { text: MISSING };
  if (one.exact || one.ci95 === null) return { text: changeText(one), detail: 'exact' };
  return { text: changeText(one), detail: formatInterval(one.ci95, formatNumber) };
}

function noiseCell(noise: number): Cell {
  return { text: noise === 0 ? MISSING : `±${formatShare(Number(noise.toPrecision(2)))}` };
}

function pairTable(comparisons: readonly DiffComparison[], verdicts: boolean): Table {
  return {
    columns: ['A', 'B', 'B / A', ...(verdicts ? ['verdict'] : ['noise'])],
    rows: comparisons.map(
      (one): Row => ({
        label: keyText(one.key),
        cells: [
          { text: valueText(one.a, one.unit) },
          { text: valueText(one.b, one.unit) },
          ratioCell(one),
          verdicts ? verdictCell(one) : noiseCell(one.noise),
        ],
      }),
    ),
    wrapLabels: true,
  };
}

function of({ comparisons }: DiffResults, ...verdicts: Verdict[]): DiffComparison[] {
  return comparisons.filter(({ verdict }) => verdicts.includes(verdict));
}

/** Rows that a reader of a pull request gets to see; the others are folded. */
const ROWS = 15;

function changedSections(results: DiffResults): Section[] {
  const changed = of(results, 'worse', 'better');
  const [shown, rest] = [changed.slice(0, ROWS), changed.slice(ROWS)];
  if (shown.length === 0) return [];
  return [
    {
      title: `Changed (${changed.length})`,
      how: 'the worst first. Ratios are B over A with their 95 % interval; operations, scaling and releases are better if higher, everything else if lower.',
      table: pairTable(shown, true),
    },
    ...(rest.length === 0
      ? []
      : [
          {
            title: `The rest of what changed (${rest.length})`,
            how: '',
            table: pairTable(rest, true),
            folded: true,
          } as const,
        ]),
  ];
}

function groupTable(groups: readonly DiffGroup[]): Table {
  return {
    columns: ['pairs', 'ratios', 'mean B / A', 'verdict'],
    rows: groups.map(
      (one): Row => ({
        label: keyText(one.group),
        cells: [
          { text: String(one.comparisons) },
          { text: formatInterval(one.range, formatNumber) },
          { text: formatRatio(one.ratio), detail: formatInterval(one.ci95, formatNumber) },
          verdictCell(one),
        ],
      }),
    ),
    wrapLabels: true,
  };
}

function groupSections({ groups }: DiffResults): Section[] {
  const changed = groups.filter(({ verdict }) => verdict === 'worse' || verdict === 'better');
  const others = groups.filter((one) => !changed.includes(one));
  const how =
    'geometric means of the ratios of one strategy. Noise of single pairs averages out, so smaller differences show; where pairs go both ways a mean says nothing.';
  const shown: Section = {
    ...{ title: `On average (${changed.length})`, how, table: groupTable(changed) },
  };
  const rest: Section = {
    title: `${changed.length === 0 ? 'On average' : 'Other means'} (${others.length})`,
    ...{ how: changed.length === 0 ? how : '', table: groupTable(others) },
    folded: true,
  };
  return [...(changed.length === 0 ? [] : [shown]), ...(others.length === 0 ? [] : [rest])];
}

/** What to do, said once for all pairs that it is about. */
function adviceNotes(comparisons: readonly DiffComparison[]): Note[] {
  const counts = new Map<string, number>();
  for (const { advice } of comparisons) {
    if (advice !== undefined) counts.set(advice, (counts.get(advice) ?? 0) + 1);
  }
  return [...counts].map(([advice, count]) => ({
    text: `${formatCounted(count, 'pair')}: ${advice}.`,
  }));
}

function unclearSection(results: DiffResults): Section[] {
  const unclear = of(results, 'cannot tell');
  if (unclear.length === 0) return [];
  return [
    {
      title: `Cannot tell (${unclear.length})`,
      how: 'neither a difference nor its absence is shown.',
      table: pairTable(unclear, false),
      notes: adviceNotes(unclear),
      folded: true,
    },
  ];
}

function sameSection(results: DiffResults): Section[] {
  const same = of(results, 'same');
  if (same.length === 0) return [];
  return [
    {
      title: `Same (${same.length})`,
      how: 'exactly, or the interval lies within the noise: what two records of the same code may differ by here.',
      table: pairTable(same, false),
      folded: true,
    },
  ];
}

/** Keys that a page names; the record has them all. */
const ALONE = 8;

function aloneSection({ onlyInA, onlyInB, notCompared }: DiffResults): Section[] {
  const part = (name: string, keys: readonly string[]): Note[] => {
    if (keys.length === 0) return [];
    const more = keys.length > ALONE ? `; and ${keys.length - ALONE} more` : '';
    const text = keys.slice(0, ALONE).map(keyText).join('; ');
    return [{ text: `${name} (${keys.length}): ${text}${more}` }];
  };
  const notes = [
    ...part('Only in A', onlyInA),
    ...part('Only in B', onlyInB),
    ...notCompared.map((text) => ({ text })),
  ];
  if (notes.length === 0) return [];
  return [{ title: 'Not compared', how: '', notes, folded: true }];
}

function sideText(letter: string, { file, version, startedAt, seed }: DiffResults['a']): string {
  return `${letter}: ${file}, version ${version}, ${startedAt.replace(/\.\d+Z$/, 'Z')}, seed ${seed}`;
}

/** Builds the page of two records. */
export function diffPage(record: DiffRecord): Page {
  const { results, version } = record;
  const { a, b } = results;
  return {
    title: `slabsplice ${version} diff: are two records of ${b.command} different?`,
    facts: [sideText('A', a), sideText('B', b)],
    factsTitle: 'The two records',
    notes: [],
    warnings: results.cautions,
    warningsFirst: true,
    sections: [
      ...changedSections(results),
      ...groupSections(results),
      ...unclearSection(results),
      ...sameSection(results),
      ...aloneSection(results),
    ],
    verdict: diffWords(record),
  };
}
