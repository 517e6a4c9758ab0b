/**
 * `leak`: how many dying cgroups, and how much memory, over days of a host or a fleet? Hosts are
 * simulated on a virtual clock; the record is a function of the seed and the scenario.
 */
import { ModelError, machineBytes } from '../../core/index.ts';
import {
  formatCount,
  formatCounted,
  type LeakRun,
  sortRuns,
  summariseLeak,
} from '../../reports/index.ts';
import type { LeakFrame } from '../../reports/leak-summary.ts';
import { CapacityError, UsageError } from '../errors.ts';
import { capacitiesOf, machineConfig } from '../leak/capacities.ts';
import { type Cells, makeCells } from '../leak/cells.ts';
import { checkSamePlan } from '../leak/continuing.ts';
import { type FleetPlan, runFleet, tasksOf, unitsOf } from '../leak/fleet.ts';
import { loadScenario, publishedFor, scenarioNames } from '../leak/library.ts';
import type { Scenario } from '../leak/parameters.ts';
import { sampleDays } from '../leak/samples.ts';
import { withValues } from '../leak/scenario.ts';
import type { LeakOptions } from '../leak-options.ts';
import { assertFits } from '../memory-limit.ts';
import type { CommandCheck, CommandContext, CommandResult, Plan } from './registry.ts';

/** Memory of a thread beside the machine: files, queue, and V8. */
const THREAD_BYTES = 60 * 2 ** 20;
/** Bytes per row of the host's own tables: files, and which file a row of the core belongs to. */
const FILE_BYTES = 45;
const REMEDY = 'give fewer --workers, fewer days or fewer cgroups';
/** Numbers that a record may hold: what it takes to read it back. */
const RECORD_NUMBERS_MAX = 20_000_000;
/** Courses that a host has in a record. */
const COURSES = 16;

interface Prepared {
  readonly cells: Cells;
  readonly fleet: FleetPlan;
  readonly frame: LeakFrame;
}

async function prepare(options: LeakOptions): Promise<Prepared> {
  const { hosts, strategies, seed, shard } = options;
  const base = withValues(await loadScenario(options.scenario), options.set);
  const cells = makeCells(base, options.vary);
  const fleet = {
    scenarios: cells.scenarios,
    hosts,
    strategies,
    seed,
    shard,
  };
  const { scenario, parameters } = base;
  const ownName = scenarioNames().includes(options.scenario);
  const frame: LeakFrame = {
    scenario: { name: scenario.name, about: scenario.about, parameters: [...parameters] },
    days: sampleDays(scenario),
    hostsWanted: unitsOf(fleet).length,
    shard,
    strategies,
    // A sweep is of other values than those that the numbers were published about.
    published: ownName && cells.sweep === null ? publishedFor(options.scenario) : null,
    // Of what the series are of: with a sweep its first cell.
    ids: (cells.scenarios[0] as Scenario).host.ids,
    idsHeldByDying: scenario.host.idsHeldUntil === 'release',
    sweep: cells.sweep,
  };
  if (frame.hostsWanted === 0) {
    throw new UsageError(
      `--shard: ${shard?.index}/${shard?.of} has nothing to do; there are only ${hosts * cells.scenarios.length} hosts`,
    );
  }
  const numbers = frame.hostsWanted * strategies.length * frame.days.length * COURSES;
  if (numbers > RECORD_NUMBERS_MAX) {
    throw new UsageError(
      `--hosts: the record would hold ${formatCount(numbers)} numbers, there is room for RECORD_NUMBERS_MAX (${formatCount(RECORD_NUMBERS_MAX)}); give fewer hosts, a --shard, or --set samplesPerDay=1`,
    );
  }
  return { cells, fleet, frame };
}

/** Memory of one host: what its tables can grow to. */
function hostBytes(scenario: Scenario, strategies: readonly string[]): number {
  const capacities = capacitiesOf(scenario);
  const machines = strategies.map((strategy) => {
    try {
      return machineBytes(machineConfig(capacities, strategy));
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      throw new CapacityError(`under ${strategy} ${error.message}; ${REMEDY}`, { cause: error });
    }
  });
  return (
    Math.max(...machines) + FILE_BYTES * (scenario.files.count + capacities.names) + THREAD_BYTES
  );
}

/** What would be run and how much memory it takes; allocates nothing. @throws InputError, UsageError */
export async function planLeak(options: LeakOptions): Promise<Plan> {
  const { cells, fleet, frame } = await prepare(options);
  const { scenario } = cells.base;
  const tasks = tasksOf(fleet, []);
  const bytes = Math.max(...cells.scenarios.map((one) => hostBytes(one, options.strategies)));
  const workers = Math.min(options.workers, tasks.length);
  const sweep = cells.sweep?.parameters.map(
    ({ key, values }) => `${key} (${values.length} values)`,
  );
  const shard = options.shard === null ? '' : `, shard ${options.shard.index}/${options.shard.of}`;
  return {
    lines: [
      `leak ${options.strategies.join(', ')}: ${formatCounted(frame.hostsWanted, 'host')} of ${scenario.name} for ${scenario.days} days, on ${formatCounted(workers, 'thread')}${shard}`,
      ...(sweep === undefined ? [] : [`sweep over ${sweep.join(' and ')}`]),
      `${formatCount(scenario.cgroupsPerDay)} cgroups a day of ${formatCounted(scenario.kinds.length, 'kind')}; memory is the most that tables can grow to`,
    ],
    bytes: bytes * workers,
    remedy: REMEDY,
  };
}

/** The one check of a fleet: that no machine was broken when its days were over. */
export function violationCheck(runs: readonly LeakRun[]): CommandCheck {
  const broken = runs.filter((run) => run.violations.length > 0);
  const [first] = broken;
  return {
    name: 'every machine passes its audit at the end',
    ok: first === undefined,
    detail:
      first === undefined
        ? `${formatCounted(runs.length, 'machine')} audited, none broken`
        : `${broken.length} of ${runs.length}; host ${first.host} under ${first.strategy}: ${first.violations[0]}`,
  };
}

/** `--self-check`: the first host of each strategy again must give the very same numbers. */
async function repeatCheck(
  prepared: Prepared,
  runs: readonly LeakRun[],
  options: { workers: number; context: CommandContext },
): Promise<CommandCheck[]> {
  const [first] = unitsOf(prepared.fleet);
  const { signal, progress } = options.context;
  const tasks = tasksOf(prepared.fleet, []).filter(
    ({ cell, host }) => cell === first?.cell && host === first.host,
  );
  const again = await runFleet(tasks, { workers: options.workers, signal, progress });
  return sortRuns(again.runs, prepared.fleet.strategies).map((run) => {
    const before = runs.find(
      (one) => one.cell === run.cell && one.host === run.host && one.strategy === run.strategy,
    );
    const ok = JSON.stringify(before) === JSON.stringify(run);
    return {
      name: `self-check: ${run.strategy} twice`,
      ok,
      detail: ok ? 'the same to the last byte' : `host ${run.host} came out differently`,
    };
  });
}

/** Simulates the fleet. What is finished when it is interrupted or a host fails is kept. */
export async function runLeak(
  options: LeakOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const prepared = await prepare(options);
  const { fleet, frame } = prepared;
  const { bytes } = await planLeak(options);
  assertFits('leak', bytes, REMEDY);
  const parameters = parametersOf(options);
  const before = options.goOn === null ? [] : checkSamePlan(options.goOn, frame, parameters, fleet);
  const { workers } = options;
  const { signal, progress } = context;
  const outcome = await runFleet(tasksOf(fleet, before), { workers, signal, progress });
  const runs = sortRuns([...before, ...outcome.runs], options.strategies);
  const repeated =
    options.selfCheck && outcome.complete
      ? await repeatCheck(prepared, runs, { workers, context })
      : [];
  return {
    results: summariseLeak(frame, runs),
    parameters,
    checks: [violationCheck(runs), ...repeated],
    complete: outcome.complete,
    warnings: [],
    atomics: 'solo',
    ...(outcome.failure === undefined ? {} : { failure: outcome.failure }),
  };
}

/** The options that decide about the result; how many threads is not one of them. */
function parametersOf(options: LeakOptions): Record<string, unknown> {
  const { goOn: _, workers: __, set, vary, ...rest } = options;
  return {
    ...rest,
    set: set.map(({ key, value }) => `${key}=${value}`),
    vary: vary.map(({ key, values }) => `${key}=${values.join(',')}`),
  };
}
