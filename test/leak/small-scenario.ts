/** Scenarios of a few lines: a host on which nothing happens but what a test adds. */
import assert from 'node:assert/strict';
import type { HostRun } from '../../bench/leak/host.ts';
import { simulateHost } from '../../bench/leak/host.ts';
import type { Scenario } from '../../bench/leak/parameters.ts';
import { type ReadScenario, readScenario } from '../../bench/leak/scenario.ts';
import type { LeakRun } from '../../reports/index.ts';

/** A scenario as its file has it. */
export type Written = Record<string, unknown>;

/** Sections whose keys are added to those of the quiet host, not put in their place. */
interface Changes {
  readonly host?: Written;
  readonly files?: Written;
  readonly pressure?: Written;
  readonly kinds?: readonly Written[];
  readonly actions?: readonly Written[];
  readonly [key: string]: unknown;
}

/** A kind of cgroup that does nothing for a minute, and what it does instead. */
export function kind(change: Written = {}): Written {
  return {
    ...{ name: 'job', share: 1, lifetimeSeconds: 60 },
    ...{ processes: 0, filesUsed: 0, filesRead: 0 },
    ...change,
  };
}

/** A host with two CPUs and three files without pages, on which no cgroup is made. */
export function quiet(change: Changes = {}): Written {
  const { host, files, kinds, ...rest } = change;
  return {
    ...{ name: 'quiet', days: 1, samplesPerDay: 24, cgroupsPerDay: 0 },
    host: { cpus: 2, memcgBytes: 4096, memcgPercpuBytes: 1000, ...host },
    files: { count: 3, popularity: 0, pages: 0, cachedAtBoot: 0, ...files },
    kinds: kinds ?? [kind()],
    ...rest,
  };
}

/** Reads it as a file would be read. */
export function readWritten(written: Written, file = 'test.json'): ReadScenario {
  return readScenario(JSON.stringify(written, null, 1), file);
}

/** Reads a quiet host with changes. */
export function scenarioOf(change: Changes = {}): Scenario {
  return readWritten(quiet(change)).scenario;
}

/** One cgroup of a kind, made half an hour after boot; looked at every quarter of an hour. */
export function oneCgroup(does: Written, change: Changes = {}): Scenario {
  return scenarioOf({
    ...{ samplesPerDay: 96, days: 0.5, kinds: [kind(does)] },
    ...change,
    actions: [{ do: 'boot', cgroups: 1, atHours: 0.5 }, ...(change.actions ?? [])],
  });
}

/** Simulates a host; its machine must pass the audit. */
export function simulate(
  scenario: Scenario,
  strategy: string,
  { seed = 1, host = 0 }: { readonly seed?: number; readonly host?: number } = {},
): HostRun {
  const run = simulateHost({ scenario, seed, host, strategy });
  assert.deepEqual(run.violations, [], `${strategy} broke its machine`);
  return run;
}

/** The sample at an hour after day 0. */
export function sampleAt(run: HostRun, scenario: Scenario, hours: number) {
  const sample = run.samples[Math.round((hours / 24) * scenario.samplesPerDay)];
  assert.ok(sample !== undefined, `no sample at hour ${hours}`);
  return sample;
}

/** A row of a record with the dying cgroups given, and nothing else in it. */
export function bareRun(change: Partial<LeakRun> & { readonly dying: number[] }): LeakRun {
  const none = change.dying.map(() => 0);
  return {
    ...{ cell: 0, host: 0, strategy: 'pin', live: none, keptByPages: none, keptBySlab: none },
    ...{
      slabBytes: none,
      percpuBytes: none,
      objectBytes: none,
      pageBytes: none,
      deadObjectBytes: none,
      cacheCount: none,
      ids: none,
      caches: [],
    },
    parts: {
      ...{ liveSlab: none, live: none, lruArrays: none, deadSlab: none },
      ...{ deadCaches: none, deadMemcgs: none, deadPercpu: none, deadPageCache: none },
    },
    ...{ created: 0, refused: 0, refusedAtHours: null, operations: 0, violations: [] },
    ...change,
  };
}
