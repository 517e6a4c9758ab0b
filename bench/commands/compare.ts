/**
 * `compare` and `run`: what does removing a cgroup cost, and what does each strategy cost on alloc
 * and free? Collects raw rounds; `compare-results.ts` makes statistics of them.
 */
import {
  MAX_OBJECTS_PER_SLAB,
  type MachineConfig,
  ModelError,
  machineBytes,
} from '../../core/index.ts';
import { formatBytes, formatCount } from '../../reports/index.ts';
import { evictionBytes } from '../cpu-cache.ts';
import { CapacityError, UsageError } from '../errors.ts';
import { chooseCaches, loadPopulation, type Population } from '../input/population.ts';
import {
  type Arm,
  armsOf,
  InterruptedError,
  shuffledRounds,
  type WorkerOptions,
  withWorkers,
} from '../measure.ts';
import { assertFits } from '../memory-limit.ts';
import type { CompareOptions, PageOrder, Temperature } from '../options.ts';
import type { Aftermath, Prepared, RoundPlan, RoundResult } from '../workers/removal.ts';
import { HOT_OPERATIONS, type HotOperation } from '../workload/hot-path.ts';
import { type HotPathPlan, type HotRoundPlan, hotPathConfig } from '../workload/hot-path-plan.ts';
import { configFor, type PopulationPlan } from '../workload/population-machine.ts';
import {
  type CompareData,
  compareResults,
  partsOf,
  type RemovalCase,
  type RoundNote,
} from './compare-results.ts';
import type { CommandContext, CommandResult, Plan } from './registry.ts';

/** Memory of a worker beside its machine: its heap, and the buffer that evicts the CPU caches. */
const WORKER_BYTES = evictionBytes() + 48 * 2 ** 20;
/** A removal worker's build may take this long per page, ms, beside the fixed deadline. */
const BUILD_MS_PER_PAGE = 0.05;

const REMOVAL_WORKER = new URL('../workers/removal.js', import.meta.url);
const HOT_PATH_WORKER = new URL('../workers/hot-path.js', import.meta.url);

async function populationFor(options: CompareOptions): Promise<Population> {
  // The model counts partial slabs of a CPU as kernels do since 5.16.
  const deps = { cpuPartialKernel: '6.x', uniformCaches: options.caches } as const;
  return chooseCaches(await loadPopulation(options.population, deps), options.caches);
}

/** Bytes of a machine; a capacity that the model does not have is the option's fault. */
function bytesOf(option: string, config: MachineConfig): number {
  try {
    return machineBytes(config);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new UsageError(`${option}: ${error.message}; give a smaller ${option}`, { cause: error });
  }
}

function caseBytes(options: CompareOptions, population: Population, pages: number): number {
  return armsOf(options).reduce((sum, { strategy }) => {
    const plan = populationPlan(options, population, { strategy, pages, order: 'shuffled' });
    return sum + bytesOf('--pages', configFor(plan)) + WORKER_BYTES;
  }, 0);
}

function hotPathBytes(options: CompareOptions, population: Population): number {
  return armsOf(options).reduce((sum, { strategy }) => {
    const handles = 4 * options.liveObjects;
    return (
      sum +
      bytesOf('--live', hotPathConfig(hotPathPlan(options, population, strategy))) +
      handles +
      WORKER_BYTES
    );
  }, 0);
}

function populationPlan(
  options: CompareOptions,
  population: Population,
  what: { strategy: string; pages: number; order: PageOrder },
): PopulationPlan {
  const { memmapRows, seed } = options;
  return { ...what, caches: population.caches, memmapRows, seed };
}

function hotPathPlan(
  options: CompareOptions,
  population: Population,
  strategy: string,
): HotPathPlan {
  const { liveObjects, seed, lookedUp } = options;
  return { strategy, caches: population.caches, liveObjects, seed, lookedUp };
}

const REMEDY = 'give fewer --pages or --strategies, or a smaller --live';

/** What would be run and how much memory it takes; allocates nothing. @throws InputError, UsageError */
export async function planCompare(options: CompareOptions): Promise<Plan> {
  const population = await populationFor(options);
  const settings = settingsOf(options);
  const lines = [
    `compare ${armsOf(options)
      .map((arm) => arm.label)
      .join(', ')}: ${settings.length} cases of ${options.rounds} rounds`,
    `population ${population.source}: ${population.caches.length} caches of at most ${MAX_OBJECTS_PER_SLAB} objects per slab`,
  ];
  let bytes = 0;
  for (const { pages, order, temperatures } of settings) {
    const needed = caseBytes(options, population, pages);
    bytes = Math.max(bytes, needed);
    lines.push(
      `  ${formatCount(pages)} pages, ${order}, ${temperatures.join(' and ')}: ${formatBytes(needed)}`,
    );
  }
  if (options.hotPath) {
    const needed = hotPathBytes(options, population);
    bytes = Math.max(bytes, needed);
    lines.push(
      `  alloc and free (${HOT_OPERATIONS.join(', ')}), ${formatCount(options.liveObjects)} objects alive: ${formatBytes(needed)}`,
    );
  }
  return { lines, bytes, remedy: REMEDY };
}

/** How long the samples of a round last: short where a page within a minute is the point. */
function budget(options: CompareOptions): { budgetMs: number; coldSamples: number } {
  if (options.quick) return { budgetMs: 10, coldSamples: 2 };
  return options.rounds > 5 ? { budgetMs: 40, coldSamples: 5 } : { budgetMs: 20, coldSamples: 3 };
}

/** A machine to remove a cgroup from, and how. */
interface Setting {
  readonly pages: number;
  readonly order: PageOrder;
  readonly temperatures: readonly Temperature[];
}

/** All settings, small ones first. */
function settingsOf(options: CompareOptions): Setting[] {
  const { pages: sizes, orders, temperatures, cornersOnly } = options;
  return sizes.flatMap((pages) =>
    cornersOnly && pages !== sizes.at(-1)
      ? orders.slice(-1).map((order) => ({ pages, order, temperatures: temperatures.slice(0, 1) }))
      : orders.map((order) => ({ pages, order, temperatures })),
  );
}

function note(arm: Arm, label: string, round: number, result: RoundResult): RoundNote {
  const { cpuWaitMs, involuntarySwitches, wallMs } = result;
  return { strategy: arm.label, label, round, cpuWaitMs, involuntarySwitches, wallMs };
}

/** Seconds that steps take on two cores, as measured; the audit at the end grows with the pages, rounds do not. */
const SECONDS = {
  ...{ fill: 0.25, fillPerPage: 1.5e-7, round: 0.05, finishPerPage: 1.2e-6 },
  ...{ warmUp: 3.5, hot: 0.15 },
};

interface Run {
  readonly options: CompareOptions;
  readonly population: Population;
  readonly context: CommandContext;
  readonly data: CompareData;
  done: number;
  /** Weight of the step that is under way. */
  under: number;
  readonly total: number;
}

/** Tells of a step that begins; it counts once the next one begins. */
function step(run: Run, what: string, weight: number): void {
  run.done += run.under;
  run.under = weight;
  run.context.progress.update(run.done, run.total, what);
}

/** Removals of one setting: its rounds are spread over as many fresh workers of each strategy as asked for. */
async function removalCase(run: Run, setting: Setting): Promise<void> {
  const { rounds, isolates } = run.options;
  const cases: RemovalCases = new Map();
  try {
    for (let isolate = 0; isolate < isolates; isolate++) {
      const from = Math.floor((isolate * rounds) / isolates);
      const to = Math.floor(((isolate + 1) * rounds) / isolates);
      await removalRounds(run, setting, { cases, from, to });
    }
  } finally {
    // An interruption leaves what is finished.
    const all = armsOf(run.options).map(({ label }) => cases.get(label));
    run.data.removals.push(
      ...all.filter((one) => one !== undefined).filter(({ aftermath }) => aftermath !== null),
    );
  }
}

/** By the label of the arm. */
type RemovalCases = Map<string, RemovalCase>;

async function removalRounds(
  run: Run,
  setting: Setting,
  { cases, from, to }: { cases: RemovalCases; from: number; to: number },
): Promise<void> {
  const { pages, order, temperatures } = setting;
  const { options, population, context, data } = run;
  const workerOptions: WorkerOptions = {
    file: REMOVAL_WORKER,
    atomics: options.atomics,
    signal: context.signal,
    deadlineMs: options.deadlineMs + pages * BUILD_MS_PER_PAGE,
  };
  const label = `${formatCount(pages)} pages, ${order}`;
  await withWorkers(armsOf(options), workerOptions, async (workers) => {
    // Nothing is timed while the machines are filled, so that may use all CPUs.
    const filled = Promise.all(
      workers.map(async (worker) => {
        const { strategy } = worker.arm;
        const plan = populationPlan(options, population, { strategy, pages, order });
        const prepared = await worker.call<Prepared>('prepare', plan);
        const { rounds = [] } = cases.get(worker.arm.label) ?? {};
        const one = { arm: worker.arm, ...setting, prepared, rounds, aftermath: null };
        cases.set(worker.arm.label, one);
        step(run, `${label}: machines are filled`, fillWeight(pages));
      }),
    );
    context.progress.update(run.done, run.total, `${label}: machines are filled`);
    await context.progress.alive(filled);
    const plan: RoundPlan = { parts: partsOf(temperatures), ...budget(options) };
    // The first round of a fresh worker is up to twice as slow; it is run and thrown away.
    await shuffledRounds(workers, { rounds: 1, seed: options.seed }, async (worker) => {
      context.progress.update(run.done, run.total, `${label}: ${worker.arm.label} warms up`);
      await worker.call('round', { ...plan, coldSamples: 1 });
    });
    const seed = options.seed + pages + from;
    await shuffledRounds(workers, { rounds: to - from, seed }, async (worker, at) => {
      const round = from + at;
      step(run, `${label}: round ${round + 1}, ${worker.arm.label}`, roundWeight(setting));
      const result = await worker.call<RoundResult>('round', plan);
      cases.get(worker.arm.label)?.rounds.push(result.ns);
      data.notes.push(note(worker.arm, label, round, result));
    });
    if (to < options.rounds) return;
    for (const worker of workers) {
      const one = cases.get(worker.arm.label);
      if (one === undefined) continue;
      const { progress } = context;
      step(run, `${label}: what ${worker.arm.label} leaves behind`, finishWeight(pages));
      one.aftermath = await progress.alive(worker.call<Aftermath>('finish'));
    }
  });
}

/**
 * One round of the hot path, in workers of its own: V8 compiles the same loop differently from one
 * isolate to the next, by up to 1.4 times, which rounds within one worker would never show.
 */
async function hotPathRound(
  run: Run,
  round: number,
  options: WorkerOptions,
): Promise<{ arm: Arm; operation: HotOperation; ns: number }[]> {
  const { options: given, population, data } = run;
  const values: { arm: Arm; operation: HotOperation; ns: number }[] = [];
  await withWorkers(armsOf(given), options, async (workers) => {
    const inEach = (name: string, argumentFor: (arm: Arm) => unknown) =>
      Promise.all(workers.map((worker) => worker.call(name, argumentFor(worker.arm))));
    step(run, `alloc and free: round ${round + 1}, warming up`, SECONDS.warmUp);
    const { alive } = run.context.progress;
    await alive(inEach('prepare', ({ strategy }) => hotPathPlan(given, population, strategy)));
    for (const operation of HOT_OPERATIONS) {
      if (operation === 'random') await alive(inEach('populate', () => null));
      const plan: HotRoundPlan = { operation, budgetMs: 2 * budget(given).budgetMs };
      const once = { rounds: 1, seed: given.seed + round };
      await shuffledRounds(workers, once, async (worker) => {
        const where = `alloc and free: round ${round + 1}, ${operation}, ${worker.arm.label}`;
        step(run, where, SECONDS.hot);
        const result = await worker.call<RoundResult>('round', plan);
        values.push({ arm: worker.arm, operation, ns: result.ns[0] ?? 0 });
        data.notes.push(note(worker.arm, operation, round, result));
      });
    }
    for (const { arm, call } of workers) {
      const { violations } = await alive(call<Pick<Aftermath, 'violations'>>('finish'));
      const name = `audit of ${arm.label} after alloc and free, round ${round + 1}`;
      data.audits.push({ name, violations });
    }
  });
  return values;
}

async function hotPath(run: Run): Promise<void> {
  const { options, context, data } = run;
  const workerOptions: WorkerOptions = {
    file: HOT_PATH_WORKER,
    atomics: options.atomics,
    signal: context.signal,
    deadlineMs: options.deadlineMs + options.liveObjects * BUILD_MS_PER_PAGE,
  };
  for (let round = 0; round < options.rounds; round++) {
    for (const { arm, operation, ns } of await hotPathRound(run, round, workerOptions)) {
      const same = data.hotPath.find(
        (one) => one.arm.label === arm.label && one.operation === operation,
      );
      if (same === undefined) data.hotPath.push({ arm, operation, rounds: [ns] });
      else same.rounds.push(ns);
    }
  }
}

const fillWeight = (pages: number): number => SECONDS.fill + pages * SECONDS.fillPerPage;

const finishWeight = (pages: number): number => pages * SECONDS.finishPerPage;

function roundWeight({ temperatures }: Setting): number {
  return temperatures.length * SECONDS.round;
}

/** The weights of all steps: building and rounds. */
function totalWeight(options: CompareOptions): number {
  const arms = armsOf(options).length;
  const removal = settingsOf(options).reduce(
    (sum, setting) =>
      sum +
      arms *
        (options.isolates * fillWeight(setting.pages) +
          options.rounds * roundWeight(setting) +
          finishWeight(setting.pages)),
    0,
  );
  const hot = options.rounds * (SECONDS.warmUp + HOT_OPERATIONS.length * arms * SECONDS.hot);
  return removal + (options.hotPath ? hot : 0);
}

/** Runs the comparison. What is finished when it is interrupted or a worker fails is kept. */
export async function runCompare(
  options: CompareOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const population = await populationFor(options);
  const { bytes } = await planCompare(options);
  assertFits('compare', bytes, REMEDY);
  const data: CompareData = { removals: [], hotPath: [], notes: [], audits: [] };
  const counts = { done: 0, under: 0, total: totalWeight(options) };
  const run: Run = { options, population, context, data, ...counts };
  let failure: CapacityError | undefined;
  let complete = false;
  try {
    for (const setting of settingsOf(options)) await removalCase(run, setting);
    if (options.hotPath) await hotPath(run);
    complete = true;
  } catch (error) {
    if (error instanceof CapacityError) failure = error;
    else if (!(error instanceof InterruptedError)) throw error;
  }
  const { results, checks } = compareResults(options, population, data);
  return {
    results,
    parameters: { ...options },
    checks,
    complete,
    warnings: [],
    atomics: options.atomics,
    ...(failure === undefined ? {} : { failure }),
  };
}
