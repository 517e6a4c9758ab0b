/** Putting a claim to the explorer: what must be clean, what must be shown, and what came of both. */
import type { ClaimSearch, ClaimWitness } from '../../reports/index.ts';
import { FINDINGS } from '../explore/findings.ts';
import { MUTANTS } from '../explore/mutants.ts';
import { scenarioNamed } from '../explore/scenarios.ts';
import type { Answered, ClaimContext, Question } from './context.ts';

/** A search, in the record's words and in the explorer's. */
export interface Searched {
  readonly row: ClaimSearch;
  readonly answer: Answered;
  /** Nothing broke, and nothing within the bound is left. */
  readonly clean: boolean;
  /** Something broke. */
  readonly broken: boolean;
}

/** Preemptions that bugs and suspicions are looked for with. */
const DEEP = 2;

async function ask(context: ClaimContext, question: Question, variant: string): Promise<Searched> {
  const answer = await context.explore(question);
  const { search, violation, schedules } = answer;
  const row = {
    ...{ scenario: question.scenario.name, strategy: context.strategy, variant },
    ...{ broke: violation?.invariant ?? '', schedules },
    ...{ preemptionBound: question.bound, exhaustive: search.exhaustive },
  };
  const broken = violation !== null;
  return { row, answer, clean: search.exhaustive && search.found.length === 0, broken };
}

/**
 * Every schedule of a scenario of the core under test.
 * @param bound preemptions; with `--quick` one at most
 */
export function everySchedule(
  context: ClaimContext,
  scenario: string,
  bound = DEEP,
): Promise<Searched> {
  const least = context.quick ? Math.min(1, bound) : bound;
  const question = { scenario: scenarioNamed(scenario), invariants: null, bound: least };
  return ask(context, question, '');
}

/** A bug put back into the core under test. */
export function putBack(context: ClaimContext, id: string): Promise<Searched> {
  const mutant = MUTANTS.find((one) => one.id === id);
  if (mutant === undefined) throw new Error(`no mutant ${id}`);
  const { control = [], patches, scenario, breaks } = mutant;
  const question = {
    ...{ scenario: scenarioNamed(scenario), patches: [...control, ...patches] },
    ...{ invariants: breaks, bound: DEEP },
  };
  return ask(context, question, id);
}

/** A suspicion about the kernel's own rules. */
export function suspect(context: ClaimContext, id: string): Promise<Searched> {
  const finding = FINDINGS.find((one) => one.id === id);
  if (finding === undefined) throw new Error(`no finding ${id}`);
  const { scenario, patches = [], invariant } = finding;
  return ask(context, { scenario, patches, invariants: [invariant], bound: DEEP }, id);
}

/** Something that a scenario of the claims themselves complains of. */
export function lookOut(
  context: ClaimContext,
  scenario: string,
  invariant: string,
): Promise<Searched> {
  const question = { scenario: scenarioNamed(scenario), invariants: [invariant], bound: DEEP };
  return ask(context, question, '');
}

/** Options of `explore` that show a schedule again. */
function againOptions({ row, answer }: Searched): string {
  const { scenario, strategy, variant } = row;
  const schedule = answer.violation?.schedule ?? '';
  const at = `--strategies ${strategy} --schedule ${schedule}`;
  if (FINDINGS.some(({ id }) => id === variant))
    return `--finding "${variant}" --schedule ${schedule}`;
  const what = `--scenario "${scenario}" ${at}`;
  return variant === '' ? what : `--mutant ${variant} ${what}`;
}

/** The schedules of those that broke, and how to see each again. */
export function witnessesOf(searches: readonly Searched[]): ClaimWitness[] {
  return searches.flatMap((searched) => {
    const { violation } = searched.answer;
    if (violation === null) return [];
    const { scenario, variant } = searched.row;
    const where = variant === '' || variant === scenario ? scenario : `${variant} in ${scenario}`;
    return [
      {
        what: `${where}: ${violation.invariant}: ${violation.detail}`,
        ...{ schedule: violation.schedule, violation },
        command: `slabsplice explore ${againOptions(searched)}`,
      },
    ];
  });
}

/** `7,054 schedules of alloc + offline (2 preemptions)`, for each. */
export function coverage(searches: readonly Searched[]): string {
  return searches
    .map(({ row }) => `${row.scenario} (${row.schedules}, bound ${row.preemptionBound})`)
    .join(', ');
}

/** The rows of the record. */
export function rowsOf(searches: readonly Searched[]): ClaimSearch[] {
  return searches.map(({ row }) => row);
}
