/**
 * `--simulate`: a week of this host under each strategy. What the host tells (CPUs, nodes, sizes, live
 * cgroups, how many are made a day) replaces the values of a scenario that comes along; what its
 * cgroups do is that scenario's, and `from` says so of every value.
 */

import { machineBytes } from '../../core/index.ts';
import { summariseLeak } from '../../reports/index.ts';
import type { HostCost, HostResults, HostSimulated } from '../../reports/results-host.ts';
import { capacitiesOf } from '../leak/capacities.ts';
import { type FleetOptions, runFleet, tasksOf } from '../leak/fleet.ts';
import { loadScenario } from '../leak/library.ts';
import type { Scenario } from '../leak/parameters.ts';
import { withValues } from '../leak/scenario.ts';
import { availableMemoryBytes } from '../memory-limit.ts';
import { mainHierarchy } from './growth.ts';
import { atLeast, parseRelease } from './text.ts';

type Facts = Pick<HostResults, 'kernel' | 'hierarchies' | 'pins' | 'cost' | 'growth' | 'traced'>;

/** A value of the scenario that the host tells, or nobody. */
interface Told {
  readonly key: string;
  readonly value: number | string;
  readonly from: string;
}

const DAY = 86_400;
const WEEK = 7;
const OPTION = '--simulate';
/** Limits of the model (bench/leak/parameters.ts). */
const MOST = { cpus: 8192, nodes: 1024, services: 10_000 };

/** Cgroups made a day, from the best source there is; null where there is none. */
export function churnOf({ growth, traced }: Facts, asked: number | null): Told | null {
  const key = 'cgroupsPerDay';
  if (asked !== null) return { key, value: asked, from: '--cgroups-per-day' };
  if (traced !== null && traced.seconds > 0) {
    const value = Math.round((traced.made * DAY) / traced.seconds);
    return { key, value, from: `${traced.made} made in ${traced.seconds} s of trace` };
  }
  if (growth === null || growth.from === 'since boot') return null;
  const grown = Math.max(0, growth.livePerDay ?? 0) + Math.max(0, growth.dyingPerDay ?? 0);
  if (grown < 1) return null;
  const from = `growth from ${growth.from}: at least, as those released in between are not seen`;
  return { key, value: Math.round(grown), from };
}

function sizesOf(cost: HostCost): Told[] {
  const sum = (per: string) =>
    cost.structures.filter((one) => one.per === per).reduce((total, one) => total + one.bytes, 0);
  const from = cost.source;
  return [
    { key: 'host.cpus', value: Math.min(MOST.cpus, cost.cpus), from: 'possible CPUs' },
    { key: 'host.nodes', value: Math.min(MOST.nodes, cost.nodes), from: 'possible nodes' },
    { key: 'host.memcgBytes', value: sum('cgroup'), from },
    { key: 'host.memcgNodeBytes', value: sum('node'), from },
    { key: 'host.memcgPercpuBytes', value: sum('CPU'), from },
    { key: 'host.lruvecPercpuBytes', value: sum('CPU and node'), from },
  ];
}

/** What the host tells, as values of a scenario. */
function toldBy(facts: Facts, churn: Told): Told[] {
  const version = parseRelease(facts.kernel ?? '');
  const live = mainHierarchy(facts.hierarchies)?.live ?? null;
  const held = version !== null && !atLeast(version, 4, 8);
  return [
    { key: 'days', value: WEEK, from: 'a week' },
    churn,
    { key: 'spread', value: 0, from: 'one host' },
    ...(facts.cost === null ? [] : sizesOf(facts.cost)),
    ...(version === null
      ? []
      : [
          {
            ...{ key: 'host.kernel', value: atLeast(version, 6, 0) ? '6.x' : '5.3' },
            from: `kernel ${version.major}.${version.minor}`,
          },
          {
            ...{ key: 'host.idsHeldUntil', value: held ? 'release' : 'offline' },
            from: `kernel ${version.major}.${version.minor}`,
          },
        ]),
    ...(live === null
      ? []
      : [{ key: 'host.services', value: Math.min(MOST.services, live), from: 'live cgroups' }]),
  ];
}

/** Pods where the host has kubelet's folders, timers otherwise. */
function baseOf({ pins }: Facts): string {
  return pins.some(({ cgroup }) => cgroup.includes('kubepods')) ? 'pods' : 'timers';
}

/** The scenario of a host. @throws UsageError when a value is beyond the model */
async function scenarioOf(
  facts: Facts,
  churn: Told,
): Promise<{ scenario: Scenario; parameters: Told[] }> {
  const base = baseOf(facts);
  const told = toldBy(facts, churn);
  const changes = told.map(({ key, value }) => ({ option: OPTION, key, value }));
  const changed = withValues(await loadScenario(base), changes);
  const fromHost = new Map(told.map(({ key, from }) => [key, from]));
  const parameters = changed.parameters.map((one) => ({
    ...one,
    from:
      fromHost.get(one.key) ??
      `not known of this host: as in scenario ${base} (${one.from ?? 'as usual'})`,
  }));
  return { scenario: changed.scenario, parameters };
}

/** Most memory of one thread: the tables at their largest. */
function bytesOf(scenario: Scenario, strategies: readonly string[]): number {
  const { config } = capacitiesOf(scenario);
  return Math.max(...strategies.map((strategy) => machineBytes({ ...config, strategy })));
}

/** How to simulate. */
export interface SimulateOptions {
  readonly strategies: readonly string[];
  readonly cgroupsPerDay: number | null;
  readonly seed: number;
  readonly fleet: FleetOptions;
}

/** What came of it, or why nothing did. */
export type Simulated = { readonly simulated: HostSimulated } | { readonly why: string };

/** A week of a host under each strategy. @throws UsageError when a value is beyond the model */
export async function simulateHost(facts: Facts, options: SimulateOptions): Promise<Simulated> {
  const { strategies, seed, fleet } = options;
  const churn = churnOf(facts, options.cgroupsPerDay);
  if (churn === null) {
    return {
      why: 'how many cgroups are made a day is not known; give --cgroups-per-day, --since or --trace',
    };
  }
  const read = await scenarioOf(facts, churn);
  const { scenario, parameters } = read;
  if (bytesOf(scenario, strategies) * fleet.workers > availableMemoryBytes()) {
    return { why: 'the model of this host does not fit in memory; give fewer --cgroups-per-day' };
  }
  const plan = { scenarios: [scenario], hosts: 1, strategies, seed, shard: null };
  const outcome = await runFleet(tasksOf(plan, []), fleet);
  if (outcome.failure !== undefined) return { why: outcome.failure.message };
  if (!outcome.complete) return { why: 'it was interrupted' };
  // The runs themselves say how often they were looked at.
  const samples = outcome.runs[0]?.dying.length ?? 0;
  const days = Array.from({ length: samples }, (_, at) => at / scenario.samplesPerDay);
  const { series } = summariseLeak(
    {
      scenario: { name: 'this host', about: scenario.about, parameters: [] },
      ...{ days, hostsWanted: 1, shard: null, strategies, published: null, sweep: null },
      ids: scenario.host.ids,
      idsHeldByDying: scenario.host.idsHeldUntil === 'release',
    },
    outcome.runs,
  );
  return {
    simulated: {
      days,
      series: series.map(({ strategy, dying, heldBytes }) => ({ strategy, dying, heldBytes })),
      from: parameters,
    },
  };
}
