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

/** How schedules were chosen, and whether all of them were run. */
type Searched = Pick<ExploreScenario, 'search' | 'exhaustive' | 'preemptionBound'>;
/** A search that did not show what was looked for. */
type Unshown = Searched & Pick<ExploreMutant, 'schedules'>;

/** Stands before a number of schedules where there are more that were not run. */
export const MORE_MARK = '>';
/** What it means. */
export const MORE_WORDS = `${MORE_MARK} where there are more that were not run`;

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

/** Whether schedules within the bound are left: those of a search that broke something, too. */
export function isPartial({ search, exhaustive }: Searched): boolean {
  return search === 'bounded' && !exhaustive;
}

/** Whether a search was ended before it had been through everything that it was to go through. */
function isCutShort(entry: ExploreScenario): boolean {
  return isPartial(entry) && entry.violations.length === 0;
}

/** Says of a search that did not show what was looked for how far it went. */
export function unshownWords({ search, exhaustive, preemptionBound, schedules }: Unshown): string {
  const run = formatCounted(schedules, 'schedule');
  const ran = schedules === 1 ? '1 was run' : `${formatCount(schedules)} were run`;
  const bound = boundWords([{ preemptionBound }]);
  switch (search) {
    case 'bounded':
      return exhaustive
        ? `no schedule ${bound} shows it, ${ran}`
        : `cut short: ${run} did not show it, but not every one ${bound} was run`;
    case 'random':
      return `a sample of ${formatCounted(schedules, 'random schedule')} did not show it`;
    case 'pct':
      return `a sample of ${formatCounted(schedules, 'PCT schedule')} did not show it`;
    case 'replay':
      return 'the replayed schedule does not show it';
  }
}

/** Names of scenarios have commas in them, so lists of them have semicolons. */
function someOf(words: readonly string[]): string {
  const hidden = words.length - NAMED_MAX;
  if (hidden <= 1) return words.join('; ');
  return `${words.slice(0, NAMED_MAX).join('; ')}; and ${formatCount(hidden)} more`;
}

/** `Broken under pin: a; b`, or where strategies differ `Broken: a under pin and objcg; b under objcg`. */
function pairsWords(
  what: string,
  entries: readonly ExploreScenario[],
  more: (ofOne: readonly ExploreScenario[]) => string = () => '',
): string {
  const strategies = distinct(entries.map((entry) => entry.strategy));
  const names = distinct(entries.map((entry) => entry.name));
  const once = strategies.length === 1 && names.length > 1;
  const words = names.map((name) => {
    const ofOne = entries.filter((entry) => entry.name === name);
    const under = once ? '' : ` under ${formatList(ofOne.map((entry) => entry.strategy))}`;
    return name + under + more(ofOne);
  });
  return `${once ? `${what} under ${strategies.join()}` : what}: ${someOf(words)}`;
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
  const words = pairsWords('Broken', broken, (ofOne) => {
    const all = ofOne.flatMap(({ violations }) => violations.map(({ invariant }) => invariant));
    return ` (${distinct(all).join(', ')})`;
  });
  return [{ text: `${words}.`, tone: 'bad' }];
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
      text: `${pairsWords('Cut short', cut)}. No invariant broken so far (${effortWords(cut)}), but not every schedule ${boundWords(cut)} was run.`,
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
  const words = pairsWords('The replayed schedule breaks no invariant', clean);
  return [...brokenNotes(entries), { text: `${words}.`, tone: 'good' }];
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

/** Where a mutant was looked for, how far, and what broke instead. */
function escapeWords(mutant: ExploreMutant): string {
  const { id, scenario, strategy, invariant } = mutant;
  const instead = invariant === '' ? '' : `, though ${invariant} broke`;
  return `${id} in ${scenario} under ${strategy} (${unshownWords(mutant)}${instead})`;
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
    const of = `${formatCount(escaped.length)} of ${formatCounted(mutants.length, 'bug')}`;
    const text = `Escaped: ${of} put back: ${someOf(escaped.map(escapeWords))}.`;
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
    findings.filter((finding) => finding.verdict === verdict);
  const isOrAre = (some: readonly ExploreFinding[]): string =>
    `${formatList(some.map(({ id }) => id))} ${some.length === 1 ? 'is' : 'are'}`;
  const [shown, refuted, unclear] = [of('shown'), of('refuted'), of('cannot tell')];
  const said: string[] = [];
  if (shown.length > 0) said.push(`${isOrAre(shown)} shown by a schedule`);
  if (refuted.length > 0) {
    const what = refuted.length === 1 ? 'it' : 'them';
    said.push(`${isOrAre(refuted)} refuted: no schedule ${boundWords(refuted)} shows ${what}`);
  }
  if (unclear.length > 0) said.push(`cannot tell for ${formatList(unclear.map(({ id }) => id))}`);
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
