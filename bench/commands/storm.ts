/**
 * `storm`: what does removing cgroups do to everybody else? CPUs allocate and free while cgroups are
 * created, filled and removed. A round is one strategy on a fresh machine in fresh threads.
 */
import { availableParallelism } from 'node:os';
import { ModelError, machineBytes } from '../../core/index.ts';
import { formatCount, formatCounted } from '../../reports/index.ts';
import { CapacityError, UsageError } from '../errors.ts';
import { chooseCaches, loadPopulation, type Population } from '../input/population.ts';
import { type Arm, armsOf, InterruptedError, shuffled } from '../measure.ts';
import { assertFits } from '../memory-limit.ts';
import { timerNs } from '../shared-clock.ts';
import type { StormOptions } from '../storm-options.ts';
import { StormFailure, stormRound } from '../storm-round.ts';
import { seededRandom } from '../workload/random.ts';
import { mixNamed } from '../workload/storm-mix.ts';
import { type StormPlan, sharedBytes, stormConfig } from '../workload/storm-plan.ts';
import type { CommandContext, CommandResult, Plan } from './registry.ts';
import { type StormArm, type StormData, stormResults } from './storm-results.ts';

/** Memory of a thread beside the machine. */
const THREAD_BYTES = 40 * 2 ** 20;

async function populationFor(options: StormOptions): Promise<Population> {
  const deps = { cpuPartialKernel: '6.x', uniformCaches: options.caches } as const;
  return chooseCaches(await loadPopulation(options.population, deps), options.caches);
}

function planOf(options: StormOptions, population: Population, strategy: string): StormPlan {
  const { cpus, removalsPerSecond, fill, ratePerCpu, seconds, seed, deadlineMs } = options;
  return {
    ...{ strategy, cpus, removalsPerSecond, fill, ratePerCpu, seconds, seed, deadlineMs },
    mix: mixNamed(options.mix),
    caches: population.caches,
  };
}

function bytesOf(plan: StormPlan): number {
  try {
    const threads = plan.cpus * THREAD_BYTES;
    return machineBytes(stormConfig(plan)) + sharedBytes(plan.cpus) + threads;
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new UsageError(`--fill: ${error.message}; give a smaller --fill`, { cause: error });
  }
}

const REMEDY = 'give a smaller --fill or fewer --cpus';

/** What would be run and how much memory it takes; allocates nothing. @throws InputError, UsageError */
export async function planStorm(options: StormOptions): Promise<Plan> {
  const population = await populationFor(options);
  const arms = armsOf(options);
  const bytes = Math.max(...arms.map((arm) => bytesOf(planOf(options, population, arm.strategy))));
  const { cpus, rounds, seconds, mix, removalsPerSecond, fill } = options;
  const each = `${formatCounted(rounds, 'round')} of ${seconds} s under mixed load`;
  return {
    lines: [
      `storm ${arms.map((arm) => arm.label).join(', ')}: ${formatCounted(cpus, 'CPU')}, ${each}`,
      `mix ${mix}: ${removalsPerSecond} removals a second, each cgroup filled with ${formatCount(fill)} objects`,
      `population ${population.source}: ${population.caches.length} caches`,
    ],
    bytes,
    remedy: REMEDY,
  };
}

async function runRounds(
  options: StormOptions,
  population: Population,
  context: CommandContext,
  arms: readonly StormArm[],
): Promise<void> {
  const random = seededRandom(options.seed);
  const total = options.rounds * arms.length;
  let done = 0;
  for (let round = 0; round < options.rounds; round++) {
    for (const { arm, rounds } of shuffled(arms, random)) {
      const where = `round ${round + 1}, ${arm.label}`;
      context.progress.update(done, total, where);
      // Each round has a tape of its own; all strategies have the same one.
      const plan = planOf({ ...options, seed: options.seed + round }, population, arm.strategy);
      rounds.push(
        await stormRound(plan, {
          signal: context.signal,
          label: arm.label,
          onProgress: (leg, operations, share) =>
            context.progress.update(
              done + share,
              total,
              `${where}: ${leg}, ${formatCount(operations)} operations`,
            ),
        }),
      );
      done++;
    }
  }
}

function warningsOf(options: StormOptions, cores: number): string[] {
  if (options.cpus <= cores) return [];
  return [
    `${options.cpus} CPUs on ${cores} cores: latencies and throughput include waiting for a core; correctness does not suffer`,
  ];
}

/** Runs the storm. What is finished when it is interrupted or a CPU fails is kept. */
export async function runStorm(
  options: StormOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const population = await populationFor(options);
  const { bytes } = await planStorm(options);
  assertFits('storm', bytes, REMEDY);
  const arms = armsOf(options).map((arm: Arm): StormArm => ({ arm, rounds: [] }));
  const data: StormData = { arms, timerNs: timerNs() };
  let failure: CapacityError | undefined;
  let complete = false;
  try {
    await runRounds(options, population, context, arms);
    complete = true;
  } catch (error) {
    if (error instanceof CapacityError) failure = error;
    else if (!(error instanceof InterruptedError)) throw error;
    if (error instanceof StormFailure) data.failure = error.failure;
  }
  const { results, checks } = stormResults(options, population, data);
  return {
    results,
    parameters: { ...options },
    checks,
    complete,
    warnings: warningsOf(options, availableParallelism()),
    atomics: 'real',
    ...(failure === undefined ? {} : { failure }),
  };
}
