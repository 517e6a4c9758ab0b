/**
 * The verdict of a storm in words. Every sentence is made from the record; a difference is only
 * claimed where the comparison of rounds decided it.
 */
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatInterval,
  formatList,
  formatNs,
  formatRatio,
} from './format.ts';
import type { Note } from './pages/page.ts';
import type { StormRecord } from './record.ts';
import type { StallResult, StormComparison } from './results-storm.ts';
import { failedChecks } from './words.ts';

const PAGE_BYTES = 4096;

/** What is compared, as it reads in a sentence. */
const MEASURES: Record<StormComparison['what'], string> = {
  throughput: 'Throughput',
  'alloc p99.9': 'The slowest allocations (p99.9)',
  stall: 'The longest wait during a removal',
};

function comparisonWords(one: StormComparison): string {
  const as = one.what === 'throughput' ? 'as much' : 'as long';
  const interval = `${formatRatio(one.ratio)} ${as}, 95 %: ${formatInterval(one.ci95, formatRatio)}`;
  return `${one.baseline} (${interval})`;
}

/** One sentence a measure: against whom the candidate is better, worse, the same, or undecided. */
function comparisonNotes(record: StormRecord): Note[] {
  const { comparisons } = record.results;
  return Object.entries(MEASURES).flatMap(([what, words]): Note[] => {
    const rows = comparisons.filter((one) => one.what === what);
    const [first] = rows;
    if (first === undefined) return [];
    const of = (verdict: StormComparison['verdict']) =>
      rows.filter((one) => one.verdict === verdict);
    const parts = [
      ['better than', of('better')],
      ['worse than', of('worse')],
      ['the same as', of('same')],
    ] as const;
    const said = parts
      .filter(([, found]) => found.length > 0)
      .map(([verdict, found]) => `${verdict} ${formatList(found.map(comparisonWords))}`);
    const unclear = of('cannot tell').map((one) => one.baseline);
    if (unclear.length > 0) {
      said.push(`cannot tell for ${formatList(unclear)}: the rounds vary more than they differ`);
    }
    return [{ text: `${words}, ${first.candidate}: ${said.join('; ')}.` }];
  });
}

/** How often something outlasted a callback, and how often it did in a window without one. */
function outlastedWords(stall: StallResult): string {
  const longer = stall.offlines - stall.shorterThanCallback;
  const during = `${formatCount(longer)} of ${formatCounted(stall.offlines, 'time')}`;
  if (stall.controls === 0) return during;
  const quiet = formatCount(stall.controls - stall.controlsShorter);
  return `${during} (${quiet} of ${formatCount(stall.controls)} in windows as long without a removal)`;
}

function stallNotes(record: StormRecord): Note[] {
  return record.results.stalls.map((stall) => ({
    text:
      `While ${stall.strategy} took a cgroup offline (${formatNs(stall.offlineNs)}), the longest operation of the ` +
      `other CPUs took ${formatNs(stall.typicalNs)}; one took longer than the removal ${outlastedWords(stall)}.`,
  }));
}

function dyingNotes(record: StormRecord): Note[] {
  return record.results.storm
    .filter((entry) => entry.dying > 0)
    .map((entry) => ({
      text:
        `${entry.strategy} left ${formatCounted(entry.dying, 'dying cgroup')}, ` +
        `${formatBytes(entry.dyingPages * PAGE_BYTES)} pinned.`,
      tone: 'warn',
    }));
}

/** Whether anything was lost, and how much was looked at. */
export function lossNote(record: StormRecord): Note[] {
  const { storm, audits } = record.results;
  if (storm.length === 0) return [];
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const operations = formatCounted(sum(storm.map((entry) => entry.operations)), 'operation');
  const removed = formatCounted(sum(storm.map((entry) => entry.cgroupsRemoved)), 'cgroup');
  const looked = formatCounted(sum(audits.map((entry) => entry.audits)), 'audit');
  const violations = sum(storm.map((entry) => entry.violations));
  const load = `${operations}, ${removed} removed, ${looked}`;
  if (violations === 0) {
    return [{ text: `Nothing is lost: ${load}, no invariant broken.`, tone: 'good' }];
  }
  return [
    { text: `${load}: ${formatCounted(violations, 'violation')}, listed above.`, tone: 'bad' },
  ];
}

/** Whether it ended early, and why. */
export function endNotes(record: StormRecord): Note[] {
  const { failure } = record.results;
  if (failure !== undefined) {
    const where = `CPU ${failure.cpu} of ${failure.strategy}`;
    return [{ text: `Ended early: ${where}: ${failure.message}.`, tone: 'bad' }];
  }
  return record.complete ? [] : [{ text: 'Cut short: not every round ran.', tone: 'bad' }];
}

/** The verdict on a storm. */
export function stormWords(record: StormRecord): Note[] {
  return [
    ...comparisonNotes(record),
    ...stallNotes(record),
    ...dyingNotes(record),
    ...lossNote(record),
    ...endNotes(record),
    ...failedChecks(record.checks),
  ];
}
