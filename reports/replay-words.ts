/** The verdict of a replay in words; every sentence is made from the record. */
import { highest } from './extent.ts';
import { formatCount, formatCounted, formatNumber } from './format.ts';
import type { Note } from './pages/page.ts';
import type { ReplayRecord } from './record.ts';
import type { ReplayResults } from './results-replay.ts';
import { failedChecks } from './words.ts';

function leftNotes(record: ReplayRecord): Note[] {
  return record.results.series.map(({ strategy, dying }): Note => {
    const most = Math.max(0, highest(dying));
    const end = dying.at(-1) ?? 0;
    return {
      text: `${strategy}: ${formatCounted(end, 'cgroup')} ${end === 1 ? 'is' : 'are'} dying at the end of the trace, ${formatCount(most)} at the most.`,
    };
  });
}

/** How far a strategy is from what was measured, in cgroups over all samples. */
export interface ReplayError {
  readonly strategy: string;
  readonly mean: number;
  readonly worst: number;
  /** Samples that are off by no more than ALLOWED cgroups, or by that share of what was measured. */
  readonly near: number;
  readonly samples: number;
}

/** A sample may be taken between a release and its event. */
const ALLOWED = 3;
const ALLOWED_SHARE = 0.03;

/** Errors of all strategies, in the order of the record; none without measured values. */
export function replayErrors({ truth, series }: ReplayResults): ReplayError[] {
  if (truth === null || truth.length === 0) return [];
  return series.map(({ strategy }) => {
    const off = truth.map((row) => Math.abs((row.replayed[strategy] ?? 0) - row.measured));
    const near = truth.filter(
      ({ measured }, at) => (off[at] ?? 0) <= Math.max(ALLOWED, ALLOWED_SHARE * measured),
    );
    return {
      ...{ strategy, mean: off.reduce((sum, value) => sum + value, 0) / off.length },
      ...{ worst: highest(off), near: near.length, samples: truth.length },
    };
  });
}

/** The strategy that comes nearest to what was measured, and how near. */
function truthNotes({ results }: ReplayRecord): Note[] {
  const [nearest] = replayErrors(results).sort((a, b) => a.mean - b.mean);
  if (nearest === undefined) return [];
  const { strategy, mean, worst, samples } = nearest;
  return [
    {
      text: `Nearest to what was measured is ${strategy}: off by ${formatNumber(mean)} cgroups on average over ${formatCounted(samples, 'sample')}, by ${formatCount(worst)} at the most.`,
    },
  ];
}

function releaseNotes({ results }: ReplayRecord): Note[] {
  const told = results.releases.filter((one) => one.told > 0);
  const best = told.sort((a, b) => b.withinHalfASecond - a.withinHalfASecond)[0];
  if (best === undefined) return [];
  const share = (100 * best.withinHalfASecond) / best.told;
  return [
    {
      text: `Of ${formatCounted(best.told, 'release')} that the trace tells of, ${formatNumber(share)} % come within half a second under ${best.strategy}; they were not used.`,
    },
  ];
}

/** The verdict on a replay. */
export function replayWords(record: ReplayRecord): Note[] {
  const { results } = record;
  const cut: Note[] = record.complete
    ? []
    : [{ text: 'Cut short: not every strategy was replayed.', tone: 'bad' }];
  const lost: Note[] =
    results.lost === 0
      ? []
      : [
          {
            text: `${formatCounted(results.lost, 'event')} were lost while recording: objects and pages may be missing.`,
            tone: 'warn',
          },
        ];
  const inferred: Note[] =
    results.inferredPins === 0
      ? []
      : [
          {
            text: `tmpfs pages leave no event when they are added: ${formatCounted(results.inferredPins, 'inode')} stood for them while they lived.`,
          },
        ];
  return [
    ...cut,
    ...leftNotes(record),
    ...truthNotes(record),
    ...releaseNotes(record),
    ...inferred,
    ...lost,
    ...failedChecks(record.checks),
  ];
}
