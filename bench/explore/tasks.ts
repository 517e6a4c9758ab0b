/** What a session is asked for each scenario, mutant and finding, and what is made of its answers. */
import type {
  ExploreFinding,
  ExploreMutant,
  ExploreScenario,
  ExploreViolation,
} from '../../reports/results-explore.ts';
import { UsageError } from '../errors.ts';
import type { Switch } from './driver.ts';
import type { Finding } from './findings.ts';
import type { Work } from './job.ts';
import type { Broken } from './judge.ts';
import type { Mutant } from './mutant.ts';
import { type CoreFolder, patchedCore, unpatchedCore } from './patched-core.ts';
import type { FoundBreak, SearchResult } from './search.ts';
import { type Answer, type Session, SessionError } from './session.ts';
import { tellViolation } from './tell.ts';
import type { Scenario } from './world.ts';

/** How to look. */
export type Searching =
  | { readonly kind: 'bounded'; readonly bound: number }
  | { readonly kind: 'random' | 'pct'; readonly seed: number }
  | { readonly kind: 'replay'; readonly schedule: readonly Switch[] };

/** How, and how long. */
export interface SearchPlan {
  readonly how: Searching;
  /** Most seconds and schedules for one scenario. */
  readonly seconds: number;
  readonly maxSchedules: number;
}

/** Which machine is explored. */
export interface Where {
  readonly core: CoreFolder;
  readonly scenario: Scenario;
  readonly strategy: string;
}

function workOf(plan: SearchPlan, stopAt: readonly string[] | null): Work {
  const { how, seconds, maxSchedules } = plan;
  return how.kind === 'replay'
    ? { ...how, tell: false }
    : { ...how, seconds, maxSchedules, stopAt };
}

async function ask(session: Session, where: Where, work: Work): Promise<Answer> {
  const { core, scenario, strategy } = where;
  const order = { coreFolder: core.url, scenario: scenario.name, strategy, work };
  const answer = await session.run(order);
  const { failure } = answer.search;
  if (failure !== null) throw new SessionError(`${scenario.name} under ${strategy}: ${failure}`);
  if (answer.search.diverged === true && !(work.kind === 'replay' && work.tell)) {
    throw new UsageError(
      `--schedule: does not fit ${scenario.name} under ${strategy}: it names a CPU that could not go on, or a decision that is never made (there are ${answer.search.decisions}); give one that explore printed for this scenario and strategy`,
    );
  }
  return answer;
}

/** Repeats a schedule and tells it. */
async function tell(session: Session, where: Where, found: FoundBreak): Promise<ExploreViolation> {
  const { schedule, preemptions, broken } = found;
  const answer = await ask(session, where, { kind: 'replay', schedule, tell: true });
  const { ending, config, names, steps, search } = answer;
  const again: readonly Broken[] = search.found[0]?.broken ?? broken;
  if (ending === null) throw new SessionError(`${where.scenario.name}: a replay without an ending`);
  const { scenario } = where;
  return tellViolation({
    ...{ scenario, config, names, schedule, preemptions, broken: again, steps, ending },
  });
}

function boundOf({ how }: SearchPlan): number {
  return how.kind === 'bounded' ? how.bound : 0;
}

/** What a search was, for its row. */
function searchFields(plan: SearchPlan, result: SearchResult) {
  return {
    exhaustive: result.exhaustive,
    preemptionBound: boundOf(plan),
    search: plan.how.kind,
  };
}

/** Explores a scenario of the core as it is; each kind of violation is told. */
export async function exploreScenario(
  session: Session,
  scenario: Scenario,
  strategy: string,
  plan: SearchPlan,
): Promise<ExploreScenario> {
  const where = { core: unpatchedCore, scenario, strategy };
  const { search, seconds } = await ask(session, where, workOf(plan, []));
  const violations: ExploreViolation[] = [];
  for (const found of search.found) violations.push(await tell(session, where, found));
  const { name, summary, threads } = scenario;
  const { schedules, states, decisions } = search;
  return {
    ...{ name, summary, strategy, threads: threads.length, schedules, states, decisions, seconds },
    ...{ ...searchFields(plan, search), violations },
  };
}

/** The break that was looked for, or else the first one. */
function wanted(search: SearchResult, invariants: readonly string[]): FoundBreak | undefined {
  const fits = ({ broken }: FoundBreak) =>
    broken.some(({ invariant }) => invariants.includes(invariant));
  return search.found.find(fits);
}

/** What a search for a break came to. */
export interface Looked {
  readonly search: SearchResult;
  readonly seconds: number;
  readonly violation: ExploreViolation | null;
  /** Schedules that were run until the break, or at all. */
  readonly schedules: number;
}

/** Looks for the first break of one of some invariants, of any if null, and tells it. */
export async function lookFor(
  session: Session,
  where: Where,
  plan: SearchPlan,
  invariants: readonly string[] | null,
): Promise<Looked> {
  const { search, seconds } = await ask(session, where, workOf(plan, invariants));
  const found = invariants === null ? search.found[0] : wanted(search, invariants);
  const violation = found === undefined ? null : await tell(session, where, found);
  return { search, seconds, violation, schedules: found?.after ?? search.schedules };
}

/** Puts a bug back and looks for it. @throws PatchError */
export async function exploreMutant(
  session: Session,
  mutant: Mutant,
  scenario: Scenario,
  plan: SearchPlan,
): Promise<ExploreMutant> {
  const core = patchedCore([...(mutant.control ?? []), ...mutant.patches]);
  try {
    const where = { core, scenario, strategy: mutant.strategy };
    const { search, seconds, violation, schedules } = await lookFor(
      session,
      where,
      plan,
      mutant.breaks,
    );
    return {
      ...{ id: mutant.id, title: mutant.title, scenario: scenario.name, strategy: mutant.strategy },
      ...{ found: violation !== null, schedules, seconds },
      ...{ ...searchFields(plan, search), expected: [...mutant.breaks] },
      invariant: violation?.invariant ?? search.found[0]?.broken[0]?.invariant ?? '',
      shortest: violation?.schedule ?? '',
      violation,
    };
  } finally {
    core.remove();
  }
}

/** Looks whether a suspicion about the faithful rules is real. */
export async function exploreFinding(
  session: Session,
  finding: Finding,
  plan: SearchPlan,
): Promise<ExploreFinding> {
  const core = finding.patches === undefined ? unpatchedCore : patchedCore(finding.patches);
  try {
    return await askFinding(session, finding, plan, core);
  } finally {
    core.remove();
  }
}

async function askFinding(
  session: Session,
  finding: Finding,
  plan: SearchPlan,
  core: CoreFolder,
): Promise<ExploreFinding> {
  const where = { core, scenario: finding.scenario, strategy: finding.strategy };
  const looked = await lookFor(session, where, plan, [finding.invariant]);
  const { search, seconds, violation, schedules } = looked;
  const { id, statement, kernels, strategy, expected, consequence, remedy } = finding;
  const nothing = search.exhaustive && search.found.length === 0;
  return {
    ...{ id, statement, kernels, scenario: finding.scenario.name, strategy, expected },
    verdict: violation !== null ? 'shown' : nothing ? 'refuted' : 'cannot tell',
    ...{ schedules, seconds, ...searchFields(plan, search) },
    ...{ shortest: violation?.schedule ?? '', consequence, remedy, violation },
  };
}
