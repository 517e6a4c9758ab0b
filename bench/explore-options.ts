/** What a user may write after `explore`, and what it means when left out. */
import type { Option } from 'commander';
import { STRATEGY_NAMES } from '../core/index.ts';
import { UsageError } from './errors.ts';
import type { Switch } from './explore/driver.ts';
import { FINDINGS, type Finding } from './explore/findings.ts';
import type { Mutant } from './explore/mutant.ts';
import { MUTANTS, NOT_EXPRESSIBLE } from './explore/mutants.ts';
import { PROGRAM } from './explore/program.ts';
import { ALL_SCENARIOS, SCENARIOS, scenarioNamed, suits } from './explore/scenarios.ts';
import type { SearchPlan } from './explore/tasks.ts';
import type { Scenario } from './explore/world.ts';
import { type CountRange, choiceOption, countOption, quote, textOption } from './option-values.ts';
import { commonOptions, DEFAULT_SEED, type RawOptions } from './options.ts';
import { parseSeconds } from './storm-options.ts';

/** Everything `explore` needs, checked and with its defaults filled in. */
export interface ExploreOptions {
  readonly strategies: readonly string[];
  /** Each scenario with each strategy that it is explored under. */
  readonly pairs: readonly { readonly scenario: Scenario; readonly strategy: string }[];
  readonly mutants: readonly { readonly mutant: Mutant; readonly scenario: Scenario }[];
  readonly findings: readonly Finding[];
  readonly plan: SearchPlan;
  /** How bugs that are put back, and suspicions, are looked for. */
  readonly bugPlan: SearchPlan;
  readonly quick: boolean;
  readonly seed: number;
}

const RANGES = {
  bound: { min: 0, max: 8 },
  schedules: { min: 1, max: 1_000_000_000 },
} as const satisfies Record<string, CountRange>;

const BOUND = 2;
const SECONDS = 300;
/** `--quick`: one preemption, the two designs that release early, and where something goes away. */
const QUICK = {
  ...{ bound: 1, seconds: 5, strategies: ['splice-caches', 'objcg'] },
  names: /^(?!create|charge|.*kworker).*(offline|destroy|remov|inherited)/,
};

function parseWordy(option: string, text: string): string {
  const value = text.trim();
  if (value !== '') return value;
  throw new UsageError(`${option}: empty; give a name, part of one, or all`);
}

/** Reads `12:1,52:0`, or `-` for no switch. */
function parseSchedule(option: string, text: string): Switch[] {
  if (text.trim() === '-') return [];
  let last = 0;
  return text.split(',').map((part) => {
    const found = /^\s*(\d{1,7}):(\d)\s*$/.exec(part);
    const decision = Number(found?.[1]);
    if (found === null || decision <= last) {
      throw new UsageError(
        `${option}: ${quote(text)} is not a schedule; give it as explore prints it, such as 12:1,52:0 (before decision 12 CPU 1 goes on, before 52 CPU 0), or - for no switch`,
      );
    }
    last = decision;
    return { decision, thread: Number(found[2]) };
  });
}

/** All options of `explore`. */
export function exploreOptions(): Option[] {
  return [
    textOption('--scenario <NAME>', 'a scenario, part of its name, or all', parseWordy),
    textOption('--mutant <ID>', 'a bug to put back, such as M04, or all', parseWordy),
    textOption('--finding <ID>', 'a suspicion, such as D1, or all', parseWordy),
    countOption('--bound <N>', `preemptions, at most (default: ${BOUND})`, RANGES.bound),
    textOption('--schedule <TEXT>', 'run just this schedule, such as 12:1,52:0', parseSchedule),
    choiceOption('--search <HOW>', 'bounded, random or pct (default: bounded)', [
      'bounded',
      'random',
      'pct',
    ]),
    textOption(
      '--seconds <N>',
      `time for each scenario under each strategy (default: ${SECONDS})`,
      parseSeconds,
    ),
    countOption('--schedules <N>', 'schedules for each, at most', RANGES.schedules),
    ...commonOptions(),
  ];
}

/** Those whose name is the text, or else those whose name has it in it. @throws UsageError */
function matching<One>(
  option: string,
  text: string | undefined,
  all: readonly One[],
  nameOf: (one: One) => string,
): One[] {
  if (text === undefined) return [];
  if (text === 'all') return [...all];
  const wanted = text.toLowerCase();
  const exact = all.filter((one) => nameOf(one).toLowerCase() === wanted);
  const found =
    exact.length > 0 ? exact : all.filter((one) => nameOf(one).toLowerCase().includes(wanted));
  if (found.length > 0) return found;
  const impossible = NOT_EXPRESSIBLE.find(({ id }) => id.toLowerCase() === wanted);
  if (option === '--mutant' && impossible !== undefined) {
    throw new UsageError(
      `${option}: ${impossible.id} cannot be put back: ${impossible.why}; --mutant all puts back the others`,
    );
  }
  const some = all.slice(0, 4).map(nameOf).join(', ');
  throw new UsageError(
    `${option}: nothing is called ${quote(text)}; there are ${some} and others, which slabsplice explore --dry-run lists`,
  );
}

function howOf(raw: RawOptions): SearchPlan['how'] {
  if (raw.schedule !== undefined) {
    const idle = (['bound', 'search', 'seconds', 'schedules'] as const).find(
      (name) => raw[name] !== undefined,
    );
    if (idle === undefined) return { kind: 'replay', schedule: raw.schedule };
    throw new UsageError(`--${idle}: there is nothing to search with --schedule; leave one out`);
  }
  const kind = raw.search ?? 'bounded';
  if (kind === 'bounded') {
    return { kind, bound: raw.bound ?? (raw.quick ? QUICK.bound : BOUND) };
  }
  if (raw.bound !== undefined) {
    throw new UsageError(`--bound: a ${kind} search has none; leave one of the two out`);
  }
  return { kind, seed: raw.seed ?? DEFAULT_SEED };
}

/** Bugs and suspicions take as many preemptions as they take, unless the user says how many. */
function deepEnough(raw: RawOptions, plan: SearchPlan): SearchPlan {
  const { how } = plan;
  if (how.kind !== 'bounded' || raw.bound !== undefined) return plan;
  return { ...plan, how: { ...how, bound: BOUND }, seconds: Math.max(plan.seconds, SECONDS) };
}

/** Each scenario with each strategy that it is explored under. */
function pairsOf(
  scenarios: readonly Scenario[],
  strategies: readonly string[],
): ExploreOptions['pairs'] {
  const pairs = scenarios.flatMap((scenario) => {
    const able = strategies.filter((one) => suits(scenario, one));
    const usual = able.filter((one) => scenario.strategies?.includes(one) ?? true);
    const chosen = usual.length > 0 ? usual : able.slice(0, 1);
    return chosen.map((strategy) => ({ scenario, strategy }));
  });
  const [first] = scenarios;
  if (first === undefined || pairs.length > 0) return pairs;
  const other = STRATEGY_NAMES.find((one) => suits(first, one));
  throw new UsageError(
    `--strategies: '${first.name}' is about caches ${first.caches === 'own' ? 'that memcgs have of their own' : 'that all memcgs share'}, which none of ${strategies.join(', ')} has; give --strategies ${other}`,
  );
}

/** A schedule is of one machine. */
function requireOne(raw: RawOptions, options: ExploreOptions): void {
  if (raw.schedule === undefined) return;
  const machines = options.pairs.length + options.mutants.length + options.findings.length;
  if (machines === 1) return;
  throw new UsageError(
    '--schedule: belongs to one machine; give --scenario and --strategies, --mutant or --finding, with one name',
  );
}

/** Fills in what the user left out. */
export function resolveExplore(raw: RawOptions): ExploreOptions {
  const everything = [raw.scenario, raw.mutant, raw.finding].every((one) => one === undefined);
  const own = raw.scenario?.startsWith(PROGRAM)
    ? [scenarioNamed(raw.scenario)]
    : matching('--scenario', raw.scenario, ALL_SCENARIOS, ({ name }) => name);
  const mutants = matching('--mutant', raw.mutant, MUTANTS, ({ id }) => id);
  const [elsewhere] = own;
  if (mutants.length > 0 && raw.scenario !== undefined && own.length > 1) {
    throw new UsageError(
      `--scenario: ${quote(raw.scenario)} means ${own.length} scenarios; for a mutant give one`,
    );
  }
  const chosen = everything ? MUTANTS : mutants;
  const plan: SearchPlan = {
    how: howOf(raw),
    seconds: raw.seconds ?? (raw.quick ? QUICK.seconds : SECONDS),
    maxSchedules: raw.schedules ?? RANGES.schedules.max,
  };
  // With a mutant, --scenario says where to look for it.
  const named = mutants.length > 0 ? [] : own;
  const all = raw.quick ? SCENARIOS.filter(({ name }) => QUICK.names.test(name)) : SCENARIOS;
  const scenarios = everything || raw.scenario === 'all' ? all : named;
  const strategies = raw.strategies ?? (raw.quick ? QUICK.strategies : [...STRATEGY_NAMES]);
  const options: ExploreOptions = {
    strategies,
    pairs: pairsOf(scenarios, strategies),
    mutants: chosen.map((mutant) => {
      const usual = matching('--scenario', mutant.scenario, ALL_SCENARIOS, ({ name }) => name);
      const scenario = (mutants.length > 0 ? elsewhere : undefined) ?? usual[0];
      if (scenario === undefined) throw new UsageError(`${mutant.id} has no scenario`);
      const strategy = raw.strategies?.[0] ?? mutant.strategy;
      return { mutant: mutants.length > 0 ? { ...mutant, strategy } : mutant, scenario };
    }),
    findings: everything ? FINDINGS : matching('--finding', raw.finding, FINDINGS, ({ id }) => id),
    plan,
    bugPlan: deepEnough(raw, plan),
    quick: raw.quick ?? false,
    seed: raw.seed ?? DEFAULT_SEED,
  };
  requireOne(raw, options);
  return options;
}
