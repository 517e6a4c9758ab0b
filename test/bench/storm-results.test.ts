/** From the raw rounds of CPUs to the results: figures that can be computed by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type StormArm, stormResults } from '../../bench/commands/storm-results.ts';
import { addHistogram, emptyHistogram, HISTOGRAM_WORDS, record } from '../../bench/histogram.ts';
import { loadPopulation } from '../../bench/input/population.ts';
import { AGAIN } from '../../bench/measure.ts';
import { resolveStorm } from '../../bench/storm-options.ts';
import type { LegResult, StormCpuResult } from '../../bench/workers/storm.ts';
import { emptyStalls, type Stalls } from '../../bench/workload/storm-stalls.ts';

const OPTIONS = resolveStorm({ color: true });
const POPULATION = await loadPopulation('uniform', { cpuPartialKernel: '6.x', uniformCaches: 4 });

function histogramOf(values: readonly number[]): Float64Array {
  const words = new Int32Array(HISTOGRAM_WORDS);
  for (const value of values) record(words, 0, value);
  return addHistogram(emptyHistogram(), words, 0);
}

function leg(kind: LegResult['kind'], operations: number, seconds: number, cpus = 2): LegResult {
  return { kind, name: kind, cpus, operations, seconds, stockDrains: 10 * seconds };
}

const QUIET: Stalls = {
  ...emptyStalls(),
  pictures: [[1, 2, 3]],
  ...{ callbacks: 1, offlineNs: [100], longestNs: [80], controlNs: [50], controlLengthNs: [100] },
  quietNs: 60,
};

/** Two CPUs: the first one is measured and audits, the second one is the kworker. */
function round(change: Partial<StormCpuResult> = {}, scale = 1): StormCpuResult[] {
  const audit = (when: string, dying: number) => ({
    ...{ when, violations: [], slabs: 10, pages: 20, objects: 300, dying, dyingPages: 4 * dying },
    ...{ objectBytes: 4096 * 13, ns: 5000 },
  });
  const first: StormCpuResult = {
    cpu: 0,
    legs: [
      leg('load', 4000 * scale, 2),
      leg('latency', 500, 1),
      leg('own', 900, 1, 1),
      leg('own', 800, 1),
    ],
    frees: { localNs: 10, remoteNs: 20 },
    failed: 3,
    audits: [audit('after mixed load', 9), audit('after latencies', 2), audit('after teardown', 0)],
    stalls: QUIET,
    histograms: { alloc: histogramOf([40, 40, 40, 1000]), free: histogramOf([30]) },
    unaccounted: 5,
    churn: null,
    ...change,
  };
  const kworker: StormCpuResult = {
    ...first,
    ...{
      cpu: 1,
      legs: [leg('load', 1000 * scale, 1), leg('own', 700, 1)],
      audits: [],
      histograms: null,
    },
    ...{ frees: { localNs: 30, remoteNs: 50 }, stalls: emptyStalls(), failed: 0, unaccounted: 7 },
    churn: { created: 11, removed: 10, modules: 1, failed: 0, offlines: histogramOf([200, 300]) },
  };
  return [first, kworker];
}

function arm(strategy: string, rounds: StormCpuResult[][], label = strategy): StormArm {
  return { arm: { strategy, label }, rounds };
}

const resultsOf = (arms: StormArm[], options = OPTIONS) =>
  stormResults(options, POPULATION, { arms, timerNs: 40 });

test('operations and rates of the CPUs are added up, the kworker included', () => {
  const { results } = resultsOf([arm('pin', [round(), round(), round({}, 3)])]);
  const [row] = results.storm;
  // 4000 in 2 s and 1000 in 1 s are 3000 a second; three times that in the last round.
  assert.deepEqual(row?.rounds, [3000, 3000, 9000]);
  // The longest latency during the one callback of each round; one allocation in four took 1000 ns.
  assert.deepEqual(row?.stallRounds, [80, 80, 80]);
  assert.equal(row?.allocP999Rounds?.length, 3);
  for (const ns of row?.allocP999Rounds ?? []) assert.ok(ns >= 1000 && ns < 1016, `${ns}`);
  assert.equal(row?.opsPerSecond, 3000);
  assert.equal(row?.operations, 2 * 5500 + 15_500);
  assert.equal(row?.failed, 9);
  assert.equal(row?.unaccounted, 36);
  assert.deepEqual(
    [row?.cgroupsCreated, row?.cgroupsRemoved, row?.rootCachesDestroyed],
    [33, 30, 3],
  );
  assert.equal(row?.offlines, 6);
  assert.equal(row?.allocNs?.samples, 12);
  assert.equal(row?.allocNs?.max, 1000);
  assert.equal(row?.freeNs?.p50, 30);
});

test('what is dying is told from before the teardown', () => {
  const { results } = resultsOf([arm('pin', [round()])]);
  assert.deepEqual([results.storm[0]?.dying, results.storm[0]?.dyingPages], [2, 8]);
});

test('two CPUs against one, and remote frees against local ones, are ratios of one round', () => {
  const { results } = resultsOf([arm('pin', [round()])]);
  const [scaling] = results.scaling;
  assert.deepEqual([scaling?.onePerSecond, scaling?.allPerSecond], [900, 1500]);
  assert.equal(scaling?.ratio, 1500 / 900);
  const [remote] = results.remote;
  assert.deepEqual([remote?.localNs, remote?.remoteNs, remote?.ratio], [20, 35, 1.75]);
  const one = resultsOf([arm('pin', [round({ frees: null }).slice(0, 1)])], {
    ...OPTIONS,
    cpus: 1,
  });
  assert.deepEqual([one.results.scaling, one.results.remote], [[], []]);
});

test('stalls count the callbacks that nothing outlasted, and the windows without one', () => {
  const long: Stalls = {
    ...QUIET,
    ...{ pictures: [[3, 2, 9]], longestNs: [500], quietNs: 400, controlNs: [101] },
  };
  const { results } = resultsOf([arm('pin', [round(), round({ stalls: long })])]);
  const [row] = results.stalls;
  assert.deepEqual(row?.worstNs, [2, 2, 6]);
  assert.deepEqual([row?.offlines, row?.shorterThanCallback], [2, 1]);
  assert.deepEqual([row?.controls, row?.controlsShorter], [2, 1]);
  assert.deepEqual(
    [row?.typicalNs, row?.longestNs, row?.controlNs, row?.quietNs],
    [290, 500, 75.5, 400],
  );
  assert.deepEqual(resultsOf([arm('pin', [round({ stalls: emptyStalls() })])]).results.stalls, []);
});

test('a soak has more callbacks than a call takes arguments', () => {
  const many = new Array<number>(300_000).fill(70);
  const stalls: Stalls = { ...QUIET, callbacks: 300_000, longestNs: many, offlineNs: many };
  const [row] = resultsOf([arm('pin', [round({ stalls })])]).results.stalls;
  assert.deepEqual([row?.longestNs, row?.shorterThanCallback], [70, 300_000]);
});

test('more throughput is better, a longer stall is worse', () => {
  const rounds = (scale: number, longest: number) =>
    Array.from({ length: 6 }, (_, index) =>
      round({ stalls: { ...QUIET, longestNs: [longest + index] } }, scale + index / 100),
    );
  const arms = [arm('pin', rounds(1, 1000)), arm('splice-caches', rounds(2, 4000))];
  const { comparisons } = resultsOf(arms).results;
  const of = (what: string) => comparisons.find((one) => one.what === what);
  assert.equal(of('throughput')?.verdict, 'better');
  assert.ok(Math.abs((of('throughput')?.ratio ?? 0) - 2) < 0.1);
  const [low, high] = of('throughput')?.ci95 ?? [0, 0];
  assert.ok(low <= high && low > 1.8 && high < 2.2, `${low} to ${high}`);
  assert.equal(of('stall')?.verdict, 'worse');
  for (const one of comparisons)
    assert.deepEqual([one.baseline, one.candidate], ['pin', 'splice-caches']);
});

test('a violation names its round and fails the check of its strategy alone', () => {
  const broken = { invariant: 'C-A', detail: 'memcg 3 is charged 5, holds 4', history: ['a', 'b'] };
  const [first] = round()[0]?.audits ?? [];
  assert.ok(first !== undefined);
  const bad = round({ audits: [{ ...first, violations: [broken] }] });
  const { results, checks } = resultsOf([arm('pin', [round()]), arm('list-pages', [round(), bad])]);
  assert.deepEqual(results.violations, [
    { strategy: 'list-pages', when: 'after mixed load, round 2', ...broken },
  ]);
  assert.deepEqual(
    checks.map(({ name, ok }) => [name, ok]),
    [
      ['pin: nothing lost', true],
      ['list-pages: nothing lost', false],
    ],
  );
  assert.equal(results.storm[1]?.violations, 1);
  assert.deepEqual(
    results.audits.map((one) => [one.audits, one.violations]),
    [
      [3, 0],
      [4, 1],
    ],
  );
});

test('a strategy without a finished round is left out', () => {
  const { results, checks } = resultsOf([arm('pin', []), arm('splice-caches', [round()])]);
  assert.deepEqual(
    results.storm.map((one) => one.strategy),
    ['splice-caches'],
  );
  assert.equal(checks.length, 1);
  assert.deepEqual(results.comparisons, []);
});

test('a self-check compares a strategy with itself and allows one chance difference', () => {
  const rounds = (scale: number) =>
    Array.from({ length: 6 }, (_, index) => round({}, scale + index / 100));
  const options = { ...OPTIONS, selfCheck: true };
  const pair = (scale: number) => [arm('pin', rounds(1)), arm('pin', rounds(scale), `pin${AGAIN}`)];
  const same = resultsOf(pair(1), options);
  assert.deepEqual(same.checks.at(-1)?.ok, true);
  assert.equal(same.results.comparisons[0]?.candidate, `pin${AGAIN}`);
  const others = ['list-pages', 'scan-pages'].flatMap((name) => [
    arm(name, rounds(1)),
    arm(name, rounds(2), name + AGAIN),
  ]);
  assert.equal(resultsOf(others, options).checks.at(-1)?.ok, false);
});
