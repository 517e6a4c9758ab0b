/** Storms that are small enough for a test. */
import { chooseCaches, loadPopulation } from '../../bench/input/population.ts';
import { mixNamed } from '../../bench/workload/storm-mix.ts';
import type { StormPlan } from '../../bench/workload/storm-plan.ts';

/** A plan with few caches and small cgroups, changed as the test needs it. */
export async function smallPlan(
  change: Partial<Omit<StormPlan, 'mix'>> & { readonly mix?: string } = {},
): Promise<StormPlan> {
  const population = await loadPopulation('builtin', { cpuPartialKernel: '6.x' });
  const { mix = 'services', ...rest } = change;
  return {
    strategy: 'splice-caches',
    cpus: 2,
    caches: chooseCaches(population, 8).caches,
    removalsPerSecond: 100,
    fill: 2000,
    ratePerCpu: 20_000,
    seconds: 0.2,
    seed: 1,
    deadlineMs: 30_000,
    ...rest,
    mix: mixNamed(mix),
  };
}
