/**
 * `explore`: runs the core under every schedule within a bound, and puts the bugs of the past back to see
 * that they are found. Scenarios, mutants and findings are tasks; sessions, one a core, take them in turn.
 */
import { availableParallelism } from 'node:os';
import type { ExploreResults } from '../../reports/results-explore.ts';
import { CapacityError } from '../errors.ts';
import { NOT_EXPRESSIBLE } from '../explore/mutants.ts';
import { PatchError } from '../explore/patched-core.ts';
import { allowedCores, type Session, SessionError, startSession } from '../explore/session.ts';
import { exploreFinding, exploreMutant, exploreScenario } from '../explore/tasks.ts';
import { scheduleText } from '../explore/tell.ts';
import type { Scenario } from '../explore/world.ts';
import type { ExploreOptions } from '../explore-options.ts';
import type { CommandCheck, CommandContext, CommandResult, Plan } from './registry.ts';

/** Bytes of a session: the table of states that a search may fill, schedules to come, and Node itself. */
const SESSION_BYTES = 2 ** 30;
const SESSIONS_MAX = 8;

/** One thing to explore; its result goes into its place. */
interface Task {
  readonly name: string;
  /** Time that it takes against others: about seconds. */
  readonly weight: number;
  run(session: Session): Promise<void>;
}

const counted = (count: number, one: string, more: string): string =>
  `${count} ${count === 1 ? one : more}`;

function sessionsFor(tasks: number): number {
  const cores = allowedCores().length || availableParallelism();
  return Math.max(1, Math.min(cores, tasks, SESSIONS_MAX));
}

function taskCount({ pairs, mutants, findings }: ExploreOptions): number {
  return pairs.length + mutants.length + findings.length;
}

function howText({ plan }: ExploreOptions): string {
  const { how } = plan;
  if (how.kind === 'bounded')
    return `every schedule with at most ${counted(how.bound, 'preemption', 'preemptions')}`;
  if (how.kind === 'replay') return `the schedule ${scheduleText(how.schedule)}`;
  return how.kind === 'pct' ? 'schedules by random priorities (PCT)' : 'random schedules';
}

/** Of which designs a scenario asks something, unless of all. */
function aboutText({ caches }: Scenario): string {
  if (caches === undefined) return '';
  return caches === 'own' ? ' (caches of memcgs)' : ' (shared caches)';
}

/** `9 scenarios x 4 strategies, 27 bugs put back`, as far as there are any. */
function scopeText({ pairs, mutants, findings }: ExploreOptions): string {
  const scenarios = new Set(pairs.map(({ scenario }) => scenario.name)).size;
  const strategies = new Set(pairs.map(({ strategy }) => strategy)).size;
  const parts = [
    ...(pairs.length === 0
      ? []
      : [
          pairs.length === scenarios * strategies
            ? `${counted(scenarios, 'scenario', 'scenarios')} x ${counted(strategies, 'strategy', 'strategies')}`
            : `${pairs.length} pairs of ${counted(scenarios, 'scenario', 'scenarios')} and ${counted(strategies, 'strategy', 'strategies')}`,
        ]),
    ...(mutants.length === 0 ? [] : [`${counted(mutants.length, 'bug', 'bugs')} put back`]),
    ...(findings.length === 0 ? [] : [counted(findings.length, 'suspicion', 'suspicions')]),
  ];
  return parts.join(', ');
}

/** What would be explored. */
export function planExplore(options: ExploreOptions): Plan {
  const { pairs, mutants, findings } = options;
  const lines = [`explore: ${howText(options)}; ${scopeText(options)}`];
  const strategies = [...new Set(pairs.map(({ strategy }) => strategy))];
  if (pairs.length > 0) lines.push(`strategies: ${strategies.join(', ')}`);
  for (const scenario of new Set(pairs.map((pair) => pair.scenario))) {
    lines.push(`scenario ${scenario.name}: ${scenario.summary}${aboutText(scenario)}`);
  }
  for (const { mutant } of mutants) lines.push(`bug ${mutant.id}: ${mutant.title}`);
  for (const { id, statement } of findings) lines.push(`suspicion ${id}: ${statement}`);
  return {
    lines,
    bytes: sessionsFor(taskCount(options)) * SESSION_BYTES,
    remedy: 'leave other programs less, or explore one scenario at a time (--scenario)',
  };
}

/** A list whose places are filled in any order. */
function places<One>(): { put(place: number, one: One): void; all(): One[] } {
  const found: (One | undefined)[] = [];
  return {
    put(place, one) {
      found[place] = one;
    },
    all: () => found.flatMap((one) => (one === undefined ? [] : [one])),
  };
}

/**
 * Seconds, as measured: of a search of two CPUs with one preemption; how many times as long one more preemption
 * makes it, and a third CPU (7 times with one preemption, 18 times with two); of a search that ends at a find.
 */
const PAIR_SECONDS = 0.07;
const ONE_MORE_PREEMPTION = 11;
const THIRD_CPU = 7;
const THIRD_CPU_PREEMPTED = 2.5;
const BUG_SECONDS = 0.33;

/** Searches by chance have a time or a number of schedules, whatever they search. */
function weightOf({ threads }: Scenario, { how }: ExploreOptions['plan']): number {
  if (how.kind !== 'bounded') return 1;
  const more = how.bound - 1;
  const thirdCpu = THIRD_CPU * THIRD_CPU_PREEMPTED ** more;
  return PAIR_SECONDS * ONE_MORE_PREEMPTION ** more * thirdCpu ** (threads.length - 2);
}

function tasksOf(options: ExploreOptions) {
  const { plan, bugPlan } = options;
  const scenarios = places<ExploreResults['scenarios'][number]>();
  const mutants = places<ExploreResults['mutants'][number]>();
  const findings = places<ExploreResults['findings'][number]>();
  const tasks: Task[] = [
    ...options.pairs.map(({ scenario, strategy }, place) => ({
      name: `${scenario.name} under ${strategy}`,
      weight: weightOf(scenario, plan),
      run: async (session: Session) =>
        scenarios.put(place, await exploreScenario(session, scenario, strategy, plan)),
    })),
    ...options.mutants.map(({ mutant, scenario }, place) => ({
      name: `bug ${mutant.id}`,
      weight: BUG_SECONDS,
      run: async (session: Session) =>
        mutants.put(place, await exploreMutant(session, mutant, scenario, bugPlan)),
    })),
    ...options.findings.map((finding, place) => ({
      name: `suspicion ${finding.id}`,
      weight: BUG_SECONDS,
      run: async (session: Session) =>
        findings.put(place, await exploreFinding(session, finding, bugPlan)),
    })),
  ];
  const results = (failures: string[]): ExploreResults => ({
    scenarios: scenarios.all(),
    mutants: mutants.all(),
    notExpressible: options.mutants.length > 1 ? [...NOT_EXPRESSIBLE] : [],
    findings: findings.all(),
    failures,
  });
  return { tasks, results };
}

/** Runs tasks on sessions until none is left, or the signal comes; texts of what failed. */
async function runTasks(tasks: readonly Task[], context: CommandContext): Promise<string[]> {
  const { signal, progress } = context;
  const cores = allowedCores();
  const failures: string[] = [];
  let next = 0;
  let done = 0;
  const total = tasks.reduce((sum, { weight }) => sum + weight, 0);

  async function work(place: number): Promise<void> {
    const open = () => startSession(cores[place] ?? null);
    let session = open();
    // Whatever was not finished is left out of the record.
    const stop = () => session.close();
    signal.addEventListener('abort', stop);
    for (let task = tasks[next++]; task !== undefined && !signal.aborted; task = tasks[next++]) {
      progress.update(done, total, task.name);
      try {
        await task.run(session);
      } catch (error) {
        if (signal.aborted) break;
        const ours = error instanceof SessionError || error instanceof PatchError;
        if (!ours) throw error;
        failures.push(`${task.name}: ${error.message}`);
        session.close();
        session = open();
      }
      done += task.weight;
    }
    signal.removeEventListener('abort', stop);
    session.close();
  }

  const sessions = Array.from({ length: sessionsFor(tasks.length) }, (_, place) => work(place));
  await progress.alive(Promise.all(sessions));
  return failures;
}

function checksOf({ scenarios, mutants, findings }: ExploreResults): CommandCheck[] {
  const checks: CommandCheck[] = [];
  if (scenarios.length > 0) {
    const broken = scenarios.filter(({ violations }) => violations.length > 0);
    const names = broken.map(({ name, strategy }) => `${name} under ${strategy}`);
    checks.push({
      name: 'no schedule breaks an invariant',
      ok: broken.length === 0,
      detail:
        broken.length === 0 ? counted(scenarios.length, 'search', 'searches') : names.join('; '),
    });
  }
  if (mutants.length > 0) {
    const escaped = mutants.filter(({ found }) => !found).map(({ id }) => id);
    checks.push({
      name: 'every bug that is put back is found',
      ok: escaped.length === 0,
      detail:
        escaped.length === 0 ? counted(mutants.length, 'bug', 'bugs') : `not ${escaped.join(', ')}`,
    });
  }
  if (findings.length > 0) {
    const others = findings.filter(({ verdict, expected }) => verdict !== expected);
    const texts = others.map(({ id, verdict, expected }) => `${id}: ${verdict}, not ${expected}`);
    checks.push({
      name: 'suspicions turn out as docs/findings.md has them',
      ok: others.length === 0,
      detail:
        others.length === 0
          ? counted(findings.length, 'suspicion', 'suspicions')
          : texts.join('; '),
    });
  }
  return checks;
}

function parametersOf(options: ExploreOptions): Record<string, unknown> {
  const { plan, strategies, quick, seed } = options;
  return {
    strategies,
    scenarios: [...new Set(options.pairs.map(({ scenario }) => scenario.name))],
    mutants: options.mutants.map(({ mutant }) => mutant.id),
    findings: options.findings.map(({ id }) => id),
    ...{ search: plan.how.kind, seconds: plan.seconds, schedules: plan.maxSchedules },
    bound: plan.how.kind === 'bounded' ? plan.how.bound : null,
    schedule: plan.how.kind === 'replay' ? scheduleText(plan.how.schedule) : null,
    ...{ quick, seed },
  };
}

/** Explores. */
export async function runExplore(
  options: ExploreOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const { tasks, results } = tasksOf(options);
  const failures = await runTasks(tasks, context);
  const found = results(failures);
  const [first] = failures;
  return {
    results: found,
    parameters: parametersOf(options),
    checks: checksOf(found),
    complete: failures.length === 0 && !context.signal.aborted,
    warnings: [],
    atomics: 'explore',
    ...(first === undefined
      ? {}
      : { failure: new CapacityError(`the explorer itself failed: ${first.split('\n')[0]}`) }),
  };
}
