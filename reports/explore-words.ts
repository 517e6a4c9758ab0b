/**
 * The verdict of an exploration in words. "Every schedule" is only said of searches that left nothing
 * out within their bound; the others are called what they are: cut short, or a sample.
 */
import { formatCount, formatCounted, formatList } from './format.ts';
import type { Note } from './pages/page.ts';
import type { ExploreRecord } from './record.ts';
import type { ExploreFinding, ExploreMutant, ExploreScenario } from './results-explore.ts';
import { failedChecks } from './words.ts';

/** How schedules were chosen. */
export type Search = ExploreScenario['search'];

/** Names in a sentence, at most; the rest is counted. */
const NAMED_MAX = 6;

/** Each value once, in the order of appearance. */
export function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}

/** Adds up what `of` says of each. */
export function sumOf<Entry>(entries: readonly Entry[], of: (entry: Entry) => number): number {
  return entries.reduce((sum, entry) => sum + of(entry), 0);
}

/** Ends a sentence that does not end yet. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Switches that a schedule asks for: `12:1,52:0` has two, `-` has none. */
export function switchesIn(schedule: string): number {
  return schedule === '-' || schedule === '' ? 0 : schedule.split(',').length;
}

/** A number of switches, in words. */
export function switchWords(switches: number): string {
  return switches === 1 ? '1 switch' : `${formatCount(switches)} switches`;
}

/** How far a bounded search goes: `with at most 2 preemptions`. */
export function boundWords(entries: readonly Pick<ExploreScenario, 'preemptionBound'>[]): string {
  const bounds = entries.map((entry) => entry.preemptionBound);
  const low = Math.min(...bounds);
  const high = Math.max(...bounds);
  if (high === 0) return 'without a preemption';
  if (low === high) return `with at most ${formatCounted(high, 'preemption')}`;
  return `with at most ${formatCount(low)} to ${formatCount(high)} preemptions`;
}

function strategyWords(strategies: readonly string[]): string {
  return strategies.length === 1
    ? (strategies[0] ?? '')
    : `${formatCount(strategies.length)} strategies`;
}

/** What was explored: `66 scenarios x 4 strategies`; where not every pair was, it says how many. */
export function scopeWords(entries: readonly ExploreScenario[]): string {
  const names = distinct(entries.map((entry) => entry.name));
  const strategies = distinct(entries.map((entry) => entry.strategy));
  const pairs = distinct(entries.map((entry) => `${entry.name} under ${entry.strategy}`));
  const scenarios = names.length === 1 ? names[0] : formatCounted(names.length, 'scenario');
  if (pairs.length < names.length * strategies.length) {
    return `${formatCounted(pairs.length, 'pair')} of ${scenarios} and ${strategyWords(strategies)}`;
  }
  const times = names.length === 1 || strategies.length === 1 ? 'under' : 'x';
  return `${scenarios} ${times} ${strategyWords(strategies)}`;
}

/** Whether a search was ended before it had been through everything that it was to go through. */
function isCutShort(entry: ExploreScenario): boolean {
  return entry.search === 'bounded' && !entry.exhaustive && entry.violations.length === 0;
}

function someOf(words: readonly string[]): string {
  const hidden = words.length - NAMED_MAX;
  if (hidden <= 1) return formatList(words);
  return formatList([...words.slice(0, NAMED_MAX), `${formatCount(hidden)} more`]);
}

function pairWords({ name, strategy }: { name: string; strategy: string }): string {
  return `${name} under ${strategy}`;
}

function effortWords(entries: readonly ExploreScenario[]): string {
  const schedules = sumOf(entries, (entry) => entry.schedules);
  const states = sumOf(entries, (entry) => entry.states);
  const run = formatCounted(schedules, 'schedule');
  return states === 0 ? run : `${run}, ${formatCounted(states, 'state')}`;
}

function brokenNotes(entries: readonly ExploreScenario[]): Note[] {
  const broken = entries.filter((entry) => entry.violations.length > 0);
  if (broken.length === 0) return [];
  const words = broken.map((entry) => {
    const invariants = distinct(entry.violations.map((violation) => violation.invariant));
    return `${pairWords(entry)} (${invariants.join(', ')})`;
  });
  return [{ text: `Broken: ${someOf(words)}.`, tone: 'bad' }];
}

function boundedNotes(entries: readonly ExploreScenario[]): Note[] {
  const through = entries.filter((entry) => entry.exhaustive && entry.violations.length === 0);
  const cut = entries.filter(isCutShort);
  const notes = brokenNotes(entries);
  if (through.length > 0) {
    notes.push({
      text: `Clean: no schedule ${boundWords(through)} breaks an invariant in ${scopeWords(through)} (${effortWords(through)}).`,
      tone: 'good',
    });
  }
  if (cut.length > 0) {
    notes.push({
      text: `Cut short: ${someOf(cut.map(pairWords))}. No invariant broken so far (${effortWords(cut)}), but not every schedule ${boundWords(cut)} was run.`,
      tone: 'warn',
    });
  }
  return notes;
}

function sampledNotes(entries: readonly ExploreScenario[], how: string): Note[] {
  const clean = entries.filter((entry) => entry.violations.length === 0);
  if (clean.length === 0) return brokenNotes(entries);
  const schedules = sumOf(clean, (entry) => entry.schedules);
  const words = `${formatCount(schedules)} ${how}${schedules === 1 ? '' : 's'}`;
  return [
    ...brokenNotes(entries),
    {
      text: `No invariant broken by ${words} of ${scopeWords(clean)}: a sample, not every schedule.`,
      tone: 'good',
    },
  ];
}

function replayNotes(entries: readonly ExploreScenario[]): Note[] {
  const clean = entries.filter((entry) => entry.violations.length === 0);
  if (clean.length === 0) return brokenNotes(entries);
  const text = `The replayed schedule breaks no invariant: ${someOf(clean.map(pairWords))}.`;
  return [...brokenNotes(entries), { text, tone: 'good' }];
}

function scenarioNotes({ results }: ExploreRecord): Note[] {
  const of = (search: Search) => results.scenarios.filter((entry) => entry.search === search);
  return [
    ...boundedNotes(of('bounded')),
    ...sampledNotes(of('random'), 'random schedule'),
    ...sampledNotes(of('pct'), 'PCT schedule'),
    ...replayNotes(of('replay')),
  ];
}

/** The mutant that took most schedules, if there was one that took more than another. */
function slowest(found: readonly ExploreMutant[]): string {
  const [first, ...others] = found;
  if (first === undefined) return '';
  const most = others.reduce((a, b) => (b.schedules > a.schedules ? b : a), first);
  const after = `after ${formatCounted(most.schedules, 'schedule')}`;
  return found.length === 1 ? ` ${after}` : `, the slowest (${most.id}) ${after}`;
}

function mutantNotes({ results }: ExploreRecord): Note[] {
  const { mutants } = results;
  if (mutants.length === 0) return [];
  const found = mutants.filter((mutant) => mutant.found);
  const escaped = mutants.filter((mutant) => !mutant.found);
  const notes: Note[] = [];
  const [first] = mutants;
  if (mutants.length === 1 && first?.found) {
    const text = `The bug that was put back, ${first.id}, was found${slowest(found)}.`;
    notes.push({ text, tone: 'good' });
  } else if (escaped.length === 0) {
    const all = formatCount(mutants.length);
    const text = `All ${all} bugs that were put back were found${slowest(found)}.`;
    notes.push({ text, tone: 'good' });
  } else {
    const words = escaped.map(
      (mutant) =>
        `${mutant.id} (${formatCounted(mutant.schedules, 'schedule')} of ${mutant.scenario} under ${mutant.strategy})`,
    );
    const of = `${formatCount(escaped.length)} of ${formatCounted(mutants.length, 'bug')}`;
    const text = `Escaped: ${of} put back: ${someOf(words)}.`;
    notes.push({ text, tone: 'bad' });
    if (found.length > 0) {
      const others = found.length === 1 ? 'The other one was' : 'The others were';
      notes.push({ text: `${others} found${slowest(found)}.` });
    }
  }
  const astray = found.filter(({ expected, invariant }) => !expected.includes(invariant));
  return [
    ...notes,
    ...astray.map(({ id, expected, invariant }): Note => {
      const wanted = expected.length === 0 ? 'nothing' : expected.join(' or ');
      return { text: `${id} breaks ${invariant}, where ${wanted} was expected.`, tone: 'warn' };
    }),
  ];
}

function verdictWords({ verdict }: ExploreFinding): string {
  return verdict === 'cannot tell' ? 'undecided' : verdict;
}

function findingNotes({ results }: ExploreRecord): Note[] {
  const { findings } = results;
  if (findings.length === 0) return [];
  const of = (verdict: ExploreFinding['verdict']) =>
    findings.filter((finding) => finding.verdict === verdict).map((finding) => finding.id);
  const said = [
    ['shown by a schedule', of('shown')] as const,
    ['refuted, as no schedule within the bound shows it', of('refuted')] as const,
  ]
    .filter(([, ids]) => ids.length > 0)
    .map(([verdict, ids]) => `${formatList(ids)} ${ids.length === 1 ? 'is' : 'are'} ${verdict}`);
  const unclear = of('cannot tell');
  if (unclear.length > 0) said.push(`cannot tell for ${formatList(unclear)}`);
  return [
    { text: `Suspected of the kernel's own rules: ${said.join('; ')}.` },
    ...findings
      .filter((finding) => finding.verdict !== finding.expected)
      .map(
        (finding): Note => ({
          text: `${finding.id} is ${verdictWords(finding)}, though it was expected to be ${finding.expected}.`,
          tone: finding.verdict === 'cannot tell' ? 'warn' : 'bad',
        }),
      ),
  ];
}

function endNotes({ results, complete }: ExploreRecord): Note[] {
  const { scenarios, mutants, findings, failures } = results;
  const notes: Note[] = [];
  if (scenarios.length + mutants.length + findings.length === 0) {
    notes.push({ text: 'Nothing was explored: there is no verdict.' });
  }
  if (failures.length > 0) {
    const times = failures.length === 1 ? 'once' : `${formatCount(failures.length)} times`;
    notes.push({
      text: `The explorer itself failed ${times}: what it was at is not judged.`,
      tone: 'bad',
    });
  }
  if (!complete) {
    notes.push({ text: 'Ended early: not everything was explored.', tone: 'bad' });
  }
  return notes;
}

/** The verdict on an exploration. */
export function exploreWords(record: ExploreRecord): Note[] {
  return [
    ...scenarioNotes(record),
    ...mutantNotes(record),
    ...findingNotes(record),
    ...endNotes(record),
    ...failedChecks(record.checks),
  ];
}
