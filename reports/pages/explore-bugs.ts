/** Sections of an exploration that looked for something: bugs put back, and suspicions. */
import {
  isPartial,
  MORE_MARK,
  MORE_WORDS,
  sentence,
  switchesIn,
  switchWords,
  unshownWords,
} from '../explore-words.ts';
import { formatCount, formatNs, MISSING } from '../format.ts';
import type { ExploreRecord } from '../record.ts';
import type { ExploreFinding, ExploreMutant } from '../results-explore.ts';
import type { Cell, Entry, Row, Section, Tone } from './page.ts';

const NOTHING: Cell = { text: MISSING, tone: 'quiet' };
/** Longer schedules do not fit into a column. */
const SCHEDULE_MAX = 24;

function seconds(value: number): Cell {
  return { text: formatNs(value * 1e9) };
}

/** A search that ended at a find left schedules out on purpose. */
function schedulesCell(one: ExploreMutant | ExploreFinding, found: boolean): Cell {
  const mark = !found && isPartial(one) ? MORE_MARK : '';
  return { text: mark + formatCount(one.schedules) };
}

function mutantRow(mutant: ExploreMutant): Row {
  const { id, title, found, invariant, shortest } = mutant;
  return {
    label: `${id} ${title}`,
    cells: [
      found ? { text: 'yes', tone: 'good' } : { text: 'NO', tone: 'bad' },
      schedulesCell(mutant, found),
      invariant === '' ? NOTHING : { text: invariant },
      found ? { text: formatCount(switchesIn(shortest)) } : NOTHING,
      seconds(mutant.seconds),
    ],
  };
}

/** Bugs that were put back, and those that cannot be. */
export function mutantSection({ results }: ExploreRecord): Section[] {
  const { mutants, notExpressible } = results;
  if (mutants.length === 0 && notExpressible.length === 0) return [];
  const parts = notExpressible.map(({ id, title, why }) => ({
    name: id,
    text: sentence(`${title}: ${why}`),
  }));
  const left = { title: 'Not put back, as the model cannot express them:', parts };
  const section = { title: 'Bugs put back', entries: parts.length === 0 ? [] : [left] };
  if (mutants.length === 0) return [{ ...section, how: 'none.' }];
  const more = mutants.some((one) => !one.found && isPartial(one)) ? `; ${MORE_WORDS}` : '';
  return [
    {
      ...section,
      how: `bugs that the kernel or this model had or could have had, each put back alone: whether one of the invariants that it must break was seen to break, after how many schedules, and how few switches it takes${more}.`,
      table: {
        columns: ['found', 'schedules', 'breaks', 'switches', 'time'],
        rows: mutants.map(mutantRow),
        wrapLabels: true,
      },
    },
  ];
}

const VERDICT_TONES: Record<ExploreFinding['verdict'], Tone> = {
  shown: 'warn',
  refuted: 'good',
  'cannot tell': 'quiet',
};

function findingRow(finding: ExploreFinding): Row {
  const { id, verdict, shortest } = finding;
  // `-` would read as if there were none.
  const fits = shortest !== '-' && shortest.length <= SCHEDULE_MAX;
  const schedule = fits ? shortest : switchWords(switchesIn(shortest));
  return {
    label: id,
    cells: [
      { text: verdict, tone: VERDICT_TONES[verdict] },
      schedulesCell(finding, verdict === 'shown'),
      shortest === '' ? NOTHING : { text: schedule },
      seconds(finding.seconds),
    ],
  };
}

/** Why a suspicion is not called shown; nothing of one that is. */
function verdictPart(finding: ExploreFinding): Entry['parts'] {
  const { verdict, exhaustive } = finding;
  if (verdict === 'shown') return [];
  const tone = VERDICT_TONES[verdict];
  const text = unshownWords(finding);
  if (verdict === 'refuted') return [{ name: 'Refuted', text, tone }];
  // Everything was run, so the reason is not how much was.
  const but = exhaustive ? ', but another invariant broke' : '';
  return [{ name: 'Cannot tell', text: text + but, tone }];
}

function findingEntry(finding: ExploreFinding): Entry {
  const { id, statement, kernels, consequence, remedy, shortest } = finding;
  const part = (name: string, text: string): Entry['parts'] =>
    text === '' ? [] : [{ name, text }];
  const parts = [
    ...part('Kernels', kernels),
    ...verdictPart(finding),
    ...part('Consequence', consequence),
    ...part('Remedy', remedy),
    ...part('Schedule', shortest.length > SCHEDULE_MAX ? shortest : ''),
  ];
  return {
    title: sentence(`${id}: ${statement}`),
    parts: parts.map((one) => ({ ...one, text: sentence(one.text) })),
  };
}

/** Suspicions about the kernels' own rules. */
export function findingSection({ results }: ExploreRecord): Section[] {
  const { findings } = results;
  if (findings.length === 0) return [];
  const more = findings.some((one) => one.verdict !== 'shown' && isPartial(one));
  const marks = more ? ` Schedules: ${MORE_WORDS}.` : '';
  return [
    {
      title: 'Findings',
      how: `suspicions about what kernels really did, with their rules as they were and no bug put back: is there a schedule that shows it?${marks}`,
      table: {
        columns: ['verdict', 'schedules', 'schedule', 'time'],
        rows: findings.map(findingRow),
        wrapLabels: true,
      },
      entries: findings.map(findingEntry),
    },
  ];
}
