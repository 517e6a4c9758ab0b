/** The page of `run`: that of `compare`, and what a short storm and a short leak say beside it. */
import { formatCount, formatCounted, formatNs, formatRatio } from '../format.ts';
import { leakWords } from '../leak-words.ts';
import type { CompareRecord, LeakRecord, StormRecord } from '../record.ts';
import { inShort } from '../run-words.ts';
import { endNotes, lossNote } from '../storm-words.ts';
import { comparePage } from './compare.ts';
import { dyingSection, simulationFact } from './leak.ts';
import type { Page, Section } from './page.ts';
import { failureSection, rowOf, stallSection, strategiesOf, throughputRow } from './storm.ts';

/** The storm in a record of `run`, as a record of its own; checks stay with the whole. */
function stormOf(record: CompareRecord): StormRecord | undefined {
  const { storm } = record.results;
  if (storm === undefined) return undefined;
  return { ...record, command: 'storm', checks: [], results: storm };
}

function underLoad(record: StormRecord): Section {
  const { storm, scaling, stalls, cpus, removalsPerSecond } = record.results;
  return {
    title: 'Under load',
    how: `${formatCounted(cpus, 'CPU')} allocate and free while up to ${formatCount(removalsPerSecond)} cgroups a second are replaced; waits are the longest of an operation during a removal, and in a window as long without one. \`storm\` has more.`,
    table: {
      columns: strategiesOf(record),
      rows: [
        throughputRow(record),
        rowOf(record, `${formatCount(cpus)} CPUs against 1`, scaling, (entry) =>
          formatRatio(entry.ratio),
        ),
        rowOf(record, 'others wait', stalls, (entry) => formatNs(entry.typicalNs)),
        rowOf(record, 'wait without it', stalls, (entry) =>
          entry.controlNs === null ? undefined : formatNs(entry.controlNs),
        ),
        rowOf(record, 'still dying', storm, (entry) => formatCount(entry.dying)),
        rowOf(record, 'broken invariants', storm, (entry) => ({
          text: formatCount(entry.violations),
          tone: entry.violations === 0 ? 'good' : 'bad',
        })),
      ],
    },
  };
}

/** The leak in a record of `run`, as a record of its own; checks, and what was cut short, stay with the whole. */
function leakOf(record: CompareRecord): LeakRecord | undefined {
  const { leak } = record.results;
  if (leak === undefined) return undefined;
  return { ...record, command: 'leak', complete: true, checks: [], results: leak };
}

/** What a storm adds. */
function withStorm(page: Page, storm: StormRecord): Page {
  const measured = storm.results.storm.length === 0 ? [] : [underLoad(storm)];
  return {
    ...page,
    sections: [...page.sections, ...measured, ...stallSection(storm), ...failureSection(storm)],
    verdict: [...page.verdict, ...lossNote(storm), ...endNotes(storm)],
  };
}

/** What simulated hosts add: the chart and the sentences. */
function withLeak(page: Page, leak: LeakRecord): Page {
  const sections = dyingSection(leak).map((section) => ({
    ...section,
    how: `${simulationFact(leak)}; ${section.how} \`leak\` has more.`,
  }));
  return {
    ...page,
    sections: [...page.sections, ...sections],
    verdict: [...page.verdict, ...leakWords(leak)],
  };
}

/** Builds the page of a run. */
export function runPage(record: CompareRecord): Page {
  const compared = comparePage(record);
  const storm = stormOf(record);
  const stormed = storm === undefined ? compared : withStorm(compared, storm);
  const leak = leakOf(record);
  const page = leak === undefined ? stormed : withLeak(stormed, leak);
  // What is incomplete, or broke, is told before anything that is concluded from it.
  const first = page.verdict.findIndex(({ tone }) => tone !== 'bad');
  const at = first < 0 ? page.verdict.length : first;
  return { ...page, verdict: page.verdict.toSpliced(at, 0, ...inShort(record)) };
}
