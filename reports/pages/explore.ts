/** The page of `explore`: what was run under which schedules, what broke, and which bugs were found. */
import {
  boundWords,
  distinct,
  exploreWords,
  type Search,
  sentence,
  sumOf,
  switchesIn,
  switchWords,
} from '../explore-words.ts';
import { formatCount, formatNs, MISSING } from '../format.ts';
import type { ExploreRecord } from '../record.ts';
import type { ExploreFinding, ExploreMutant, ExploreScenario } from '../results-explore.ts';
import { environmentFacts } from './environment.ts';
import { brokenSections } from './explore-broken.ts';
import type { Cell, Note, Page, Row, Section, Tone } from './page.ts';

const NOTHING: Cell = { text: MISSING, tone: 'quiet' };
/** Longer schedules do not fit into a column. */
const SCHEDULE_MAX = 24;

/** Stands before a number of schedules where there are more that were not run. */
const MORE = '>';
/** Stands before a number of schedules one of which broke an invariant: colour alone says nothing. */
const BROKEN = '!';

/** Searches in the order in which they are shown, and what their schedules are called. */
const SEARCHES: readonly [search: Search, title: string][] = [
  ['bounded', 'Scenarios'],
  ['random', 'Random schedules'],
  ['pct', 'PCT schedules'],
  ['replay', 'Replay'],
];

function titleOf(search: Search, names: readonly string[]): string {
  const [, title] = SEARCHES.find(([one]) => one === search) ?? [search, search];
  if (names.length !== 1) return title;
  return search === 'bounded' ? `Scenario ${names.join()}` : `${title} of ${names.join()}`;
}

function seconds(value: number): string {
  return formatNs(value * 1e9);
}

/** What the schedules of a search are. */
function searchWords(search: Search, entries: readonly ExploreScenario[]): string {
  switch (search) {
    case 'bounded':
      return `schedules that were run; they stand for every one ${boundWords(entries)}`;
    case 'random':
      return 'schedules that were run, each switch by chance: a sample';
    case 'pct':
      return 'schedules that were run, by random priorities that fall at random steps: a sample';
    case 'replay':
      return 'the one schedule that was asked for';
  }
}

/** Whether schedules within the bound are left: those of a search that broke something, too. */
function isPartial(entry: ExploreScenario): boolean {
  return entry.search === 'bounded' && !entry.exhaustive;
}

function isBroken(entry: ExploreScenario): boolean {
  return entry.violations.length > 0;
}

function gridCell(entries: readonly ExploreScenario[]): Cell {
  if (entries.length === 0) return NOTHING;
  const count = formatCount(sumOf(entries, (entry) => entry.schedules));
  const detail = seconds(sumOf(entries, (entry) => entry.seconds));
  if (entries.some(isBroken)) return { text: BROKEN + count, detail, tone: 'bad' };
  if (entries.some(isPartial)) return { text: MORE + count, detail, tone: 'warn' };
  return { text: count, detail, tone: 'good' };
}

function moreWords(entries: readonly ExploreScenario[]): string {
  return entries.some(isPartial) ? `; ${MORE} where there are more that were not run` : '';
}

/** What the marks mean, of those that there are. */
function marksWords(entries: readonly ExploreScenario[]): string {
  const broken = entries.some(isBroken) ? `; ${BROKEN} where one broke an invariant` : '';
  return broken + moreWords(entries.filter((entry) => !isBroken(entry)));
}

/** A row a scenario, a column a strategy. */
function gridSection(search: Search, entries: readonly ExploreScenario[]): Section {
  const strategies = distinct(entries.map((entry) => entry.strategy));
  const names = distinct(entries.map((entry) => entry.name));
  const of = (strategy: string) => entries.filter((entry) => entry.strategy === strategy);
  const rows = names.map((label): Row => {
    const cells = strategies.map((strategy) =>
      gridCell(of(strategy).filter((entry) => entry.name === label)),
    );
    return { label, cells, brief: true };
  });
  const total = (label: string, show: (of: readonly ExploreScenario[]) => string): Row => ({
    label,
    cells: strategies.map((strategy) => ({ text: show(of(strategy)) })),
  });
  return {
    title: titleOf(search, names),
    how: `${searchWords(search, entries)}${marksWords(entries)}.`,
    table: {
      columns: strategies,
      rows: [
        ...rows,
        total('all', (all) => formatCount(sumOf(all, (entry) => entry.schedules))),
        total('time', (all) => seconds(sumOf(all, (entry) => entry.seconds))),
      ],
    },
  };
}

/** A figure of each entry, and of all of them together. */
interface Column {
  title: string;
  one: (entry: ExploreScenario) => Cell;
  all: string;
}

function detailColumns(search: Search, entries: readonly ExploreScenario[]): Column[] {
  const counted = (title: string, of: (entry: ExploreScenario) => number): Column => ({
    title,
    one: (entry) => ({ text: formatCount(of(entry)) }),
    all: formatCount(sumOf(entries, of)),
  });
  const bounds = new Set(entries.map((entry) => entry.preemptionBound));
  const states = counted('states', (entry) => entry.states);
  return [
    { ...counted('CPUs', (entry) => entry.threads), all: '' },
    {
      ...counted('schedules', (entry) => entry.schedules),
      one: (entry) => {
        const mark = isPartial(entry) ? MORE : '';
        return { text: mark + formatCount(entry.schedules) };
      },
    },
    ...(states.all === '0' ? [] : [states]),
    {
      ...counted('longest', (entry) => entry.decisions),
      all: formatCount(Math.max(...entries.map((entry) => entry.decisions))),
    },
    ...(search === 'bounded' && bounds.size > 1
      ? [{ ...counted('bound', (entry) => entry.preemptionBound), all: '' }]
      : []),
    {
      title: 'time',
      one: (entry) => ({ text: seconds(entry.seconds) }),
      all: seconds(sumOf(entries, (entry) => entry.seconds)),
    },
    {
      ...counted('broken', (entry) => entry.violations.length),
      one: ({ violations }) => ({
        text: formatCount(violations.length),
        tone: violations.length === 0 ? 'good' : 'bad',
      }),
    },
  ];
}

/** A row an entry: all of one strategy, or all of one scenario. */
function detailSection(search: Search, entries: readonly ExploreScenario[]): Section {
  const columns = detailColumns(search, entries);
  const strategies = distinct(entries.map((entry) => entry.strategy));
  const names = distinct(entries.map((entry) => entry.name));
  const rows = entries.map(
    (entry): Row => ({
      label: strategies.length > 1 ? entry.strategy : entry.name,
      cells: columns.map(({ one }) => one(entry)),
    }),
  );
  const all: Row = { label: 'all', cells: columns.map((column) => ({ text: column.all })) };
  const summary = names.length === 1 ? (entries[0]?.summary ?? '') : '';
  const what = searchWords(search, entries);
  const how = `${what}${moreWords(entries)}. Longest: decisions in one schedule.`;
  return {
    title: [titleOf(search, names), ...(strategies.length === 1 ? strategies : [])].join(' under '),
    how: summary === '' ? how : `${sentence(summary)} Below: ${how}`,
    table: {
      columns: columns.map((column) => column.title),
      rows: rows.length > 1 ? [...rows, all] : rows,
    },
  };
}

function scenarioSections({ results }: ExploreRecord): Section[] {
  return SEARCHES.flatMap(([search]) => {
    const entries = results.scenarios.filter((entry) => entry.search === search);
    if (entries.length === 0) return [];
    const names = distinct(entries.map((entry) => entry.name));
    const strategies = distinct(entries.map((entry) => entry.strategy));
    const grid = names.length > 1 && strategies.length > 1;
    return [(grid ? gridSection : detailSection)(search, entries)];
  });
}

function mutantRow(mutant: ExploreMutant): Row {
  const { id, title, found, schedules, invariant, shortest } = mutant;
  return {
    label: `${id} ${title}`,
    cells: [
      found ? { text: 'yes', tone: 'good' } : { text: 'NO', tone: 'bad' },
      { text: formatCount(schedules) },
      invariant === '' ? NOTHING : { text: invariant },
      found ? { text: formatCount(switchesIn(shortest)) } : NOTHING,
      { text: seconds(mutant.seconds) },
    ],
  };
}

function mutantSection({ results }: ExploreRecord): Section[] {
  const { mutants, notExpressible } = results;
  const notes = notExpressible.map(
    ({ id, title, why }): Note => ({
      text: sentence(`${id} ${title}: not put back, as the model cannot express it: ${why}`),
      tone: 'quiet',
    }),
  );
  if (mutants.length === 0 && notes.length === 0) return [];
  const section = { title: 'Bugs put back', notes };
  if (mutants.length === 0) return [{ ...section, how: 'those that the model cannot express.' }];
  return [
    {
      ...section,
      how: 'bugs that the kernel had, each put back alone: whether one of the invariants that it must break was seen to break, after how many schedules, and how few switches it takes.',
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
  const { id, kernels, verdict, schedules, shortest } = finding;
  // `-` would read as if there were none.
  const fits = shortest !== '-' && shortest.length <= SCHEDULE_MAX;
  const schedule = fits ? shortest : switchWords(switchesIn(shortest));
  return {
    label: id,
    cells: [
      { text: kernels },
      { text: verdict, tone: VERDICT_TONES[verdict] },
      { text: formatCount(schedules) },
      shortest === '' ? NOTHING : { text: schedule },
      { text: seconds(finding.seconds) },
    ],
  };
}

function findingSection({ results }: ExploreRecord): Section[] {
  const { findings } = results;
  if (findings.length === 0) return [];
  const notes = findings.map((finding): Note => {
    const { id, statement, consequence, remedy, shortest } = finding;
    const more = [
      ...(consequence === '' ? [] : [`Consequence: ${consequence}`]),
      ...(remedy === '' ? [] : [`Remedy: ${remedy}`]),
      ...(shortest.length > SCHEDULE_MAX ? [`Schedule: ${shortest}`] : []),
    ];
    return { text: [`${id}: ${statement}`, ...more].map(sentence).join(' ') };
  });
  return [
    {
      title: 'Findings',
      how: 'what kernels really did, their rules as they were and no bug put back: is there a schedule that shows it? Refuted: none within the bound.',
      table: {
        columns: ['kernels', 'verdict', 'schedules', 'schedule', 'time'],
        rows: findings.map(findingRow),
      },
      notes,
    },
  ];
}

function failureSection({ results }: ExploreRecord): Section[] {
  if (results.failures.length === 0) return [];
  return [
    {
      title: 'The explorer failed',
      how: 'neither a finding nor a clean run.',
      notes: results.failures.map((text) => ({ text, tone: 'bad' })),
    },
  ];
}

/** Builds the page of an exploration. */
export function explorePage(record: ExploreRecord): Page {
  return {
    title: `slabsplice ${record.version} explore: is it right under every interleaving?`,
    facts: environmentFacts(record),
    notes: [],
    warnings: record.environment.warnings,
    sections: [
      ...scenarioSections(record),
      ...mutantSection(record),
      ...findingSection(record),
      ...brokenSections(record),
      ...failureSection(record),
    ],
    verdict: exploreWords(record),
  };
}
