/** The page of `explore`: what was run under which schedules, what broke, and which bugs were found. */
import {
  boundWords,
  distinct,
  exploreWords,
  isPartial,
  MORE_MARK,
  MORE_WORDS,
  type Search,
  sentence,
  sumOf,
} from '../explore-words.ts';
import { formatCount, formatNs, MISSING } from '../format.ts';
import type { ExploreRecord } from '../record.ts';
import type { ExploreScenario } from '../results-explore.ts';
import { environmentFacts } from './environment.ts';
import { brokenSections } from './explore-broken.ts';
import { findingSection, mutantSection } from './explore-bugs.ts';
import type { Cell, Page, Row, Section } from './page.ts';

const NOTHING: Cell = { text: MISSING, tone: 'quiet' };
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

function isBroken(entry: ExploreScenario): boolean {
  return entry.violations.length > 0;
}

/** A number of schedules with the marks of what there is to know about them. */
function schedulesCell(entries: readonly ExploreScenario[]): Cell {
  const broken = entries.some(isBroken);
  const partial = entries.some(isPartial);
  const marks = (broken ? BROKEN : '') + (partial ? MORE_MARK : '');
  return {
    text: marks + formatCount(sumOf(entries, (entry) => entry.schedules)),
    tone: broken ? 'bad' : partial ? 'warn' : 'good',
  };
}

function gridCell(entries: readonly ExploreScenario[]): Cell {
  if (entries.length === 0) return NOTHING;
  const detail = seconds(sumOf(entries, (entry) => entry.seconds));
  return { ...schedulesCell(entries), detail };
}

/** What the marks mean, of those that there are. */
function marksWords(entries: readonly ExploreScenario[]): string {
  const broken = entries.some(isBroken) ? `; ${BROKEN} where one broke an invariant` : '';
  return broken + (entries.some(isPartial) ? `; ${MORE_WORDS}` : '');
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
      wrapLabels: true,
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
      one: (entry) => schedulesCell([entry]),
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
  const how = `${what}${marksWords(entries)}. Longest: decisions in one schedule.`;
  return {
    title: [titleOf(search, names), ...(strategies.length === 1 ? strategies : [])].join(' under '),
    how: summary === '' ? how : `${sentence(summary)} Below: ${how}`,
    table: {
      columns: columns.map((column) => column.title),
      rows: rows.length > 1 ? [...rows, all] : rows,
      wrapLabels: true,
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
