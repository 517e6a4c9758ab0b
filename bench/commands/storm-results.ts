/** Makes the results of `storm` from the rounds of its CPUs: sums, distributions, comparisons, checks. */
import {
  compareRounds,
  distribution,
  median,
  type StormResults,
  type WorkerFailure,
} from '../../reports/index.ts';
import { emptyHistogram, quantileOf, sumInto, summary } from '../histogram.ts';
import type { Population } from '../input/population.ts';
import { AGAIN, type Arm } from '../measure.ts';
import type { StormOptions } from '../storm-options.ts';
import type { LegResult, StormCpuResult } from '../workers/storm.ts';
import { STALL_BIN_MS } from '../workload/storm-plan.ts';
import { BINS_BEFORE } from '../workload/storm-stalls.ts';
import type { CommandCheck } from './registry.ts';

/** All finished rounds of one arm. */
export interface StormArm {
  readonly arm: Arm;
  readonly rounds: (readonly StormCpuResult[])[];
}

/** All raw data of a storm. */
export interface StormData {
  readonly arms: readonly StormArm[];
  readonly timerNs: number;
  failure?: WorkerFailure;
}

type Round = readonly StormCpuResult[];

/** Operations per second of the CPUs together, in the legs of a kind. */
function rate(round: Round, wanted: (leg: LegResult) => boolean): number {
  let sum = 0;
  for (const { legs } of round) {
    const mine = legs.filter(wanted);
    const seconds = mine.reduce((total, leg) => total + leg.seconds, 0);
    if (seconds > 0) sum += mine.reduce((total, leg) => total + leg.operations, 0) / seconds;
  }
  return sum;
}

/** Of more values than a call takes arguments. */
const largest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), 0);
const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

const PAGE_BYTES = 4096;

function ofAllCpus(rounds: readonly Round[], value: (cpu: StormCpuResult) => number): number {
  return total(rounds.map((round) => total(round.map(value))));
}

/** The two histograms of a round, all measured CPUs together. */
function latencies(round: Round, kind: 'alloc' | 'free'): Float64Array {
  const sum = emptyHistogram();
  for (const { histograms } of round) if (histograms !== null) sumInto(sum, histograms[kind]);
  return sum;
}

const audits = (round: Round) => round.flatMap((cpu) => cpu.audits);
const churn = (round: Round) => round.flatMap((cpu) => cpu.churn ?? []);

/** Values by round under a name; nothing where a round has none. */
function byRound(
  name: 'allocP999Rounds' | 'stallRounds',
  rounds: readonly Round[],
  value: (round: Round) => number,
): Partial<StormResults['storm'][number]> {
  const values = rounds.map(value);
  return values.every((one) => one > 0) ? { [name]: values } : {};
}

function stormRow(options: StormOptions, { arm, rounds }: StormArm): StormResults['storm'][number] {
  const perSecond = rounds.map((round) => rate(round, (leg) => leg.kind === 'load'));
  const { p50, ci95 } = distribution(perSecond, options.seed);
  // How it stood when the load of the last round ended, before everything was torn down.
  const last = audits(rounds.at(-1) ?? []).at(-2);
  const counted = (leg: LegResult): boolean => leg.kind === 'load' || leg.kind === 'latency';
  const offlines = rounds.map((round) => churn(round)[0]?.offlines ?? emptyHistogram());
  const offlineNs = summary(offlines, options.seed);
  return {
    strategy: arm.label,
    cpus: options.cpus,
    operations: ofAllCpus(rounds, (cpu) =>
      total(cpu.legs.filter(counted).map((leg) => leg.operations)),
    ),
    opsPerSecond: p50,
    opsPerSecondCi95: ci95,
    rounds: perSecond,
    ...byRound('allocP999Rounds', rounds, COMPARED['alloc p99.9']),
    ...byRound('stallRounds', rounds, COMPARED.stall),
    offlines: offlineNs?.samples ?? 0,
    offlineNs,
    allocNs: summary(
      rounds.map((round) => latencies(round, 'alloc')),
      options.seed,
    ),
    freeNs: summary(
      rounds.map((round) => latencies(round, 'free')),
      options.seed,
    ),
    ratePerCpu: options.ratePerCpu,
    cgroupsCreated: ofAllCpus(rounds, (cpu) => cpu.churn?.created ?? 0),
    cgroupsRemoved: ofAllCpus(rounds, (cpu) => cpu.churn?.removed ?? 0),
    rootCachesDestroyed: ofAllCpus(rounds, (cpu) => cpu.churn?.modules ?? 0),
    dying: last?.dying ?? 0,
    dyingPages: last?.dyingPages ?? 0,
    ...(last === undefined || last.pages === 0
      ? {}
      : { slabUsed: last.objectBytes / (last.pages * PAGE_BYTES) }),
    stockDrains: ofAllCpus(rounds, (cpu) =>
      total(cpu.legs.filter(counted).map((leg) => leg.stockDrains)),
    ),
    unaccounted: ofAllCpus(rounds, (cpu) => cpu.unaccounted),
    failed: ofAllCpus(rounds, (cpu) => cpu.failed),
    violations: total(rounds.flatMap(audits).map((audit) => audit.violations.length)),
  };
}

function scaling(options: StormOptions, { arm, rounds }: StormArm): StormResults['scaling'] {
  if (options.cpus === 1) return [];
  const own = (round: Round, cpus: number): number =>
    rate(round, (leg) => leg.kind === 'own' && leg.cpus === cpus);
  const one = rounds.map((round) => own(round, 1));
  const all = rounds.map((round) => own(round, options.cpus));
  const ratios = rounds.map((_, round) => (all[round] ?? 0) / (one[round] ?? 1));
  const { p50, ci95 } = distribution(ratios, options.seed);
  const names = { strategy: arm.label, cpus: options.cpus };
  return [
    {
      ...names,
      onePerSecond: median(one),
      allPerSecond: median(all),
      ...{ ratio: p50, ci95, rounds: ratios },
    },
  ];
}

function remote(options: StormOptions, { arm, rounds }: StormArm): StormResults['remote'] {
  const frees = rounds.map((round) => round.flatMap((cpu) => cpu.frees ?? []));
  if (frees.some((cpus) => cpus.length === 0)) return [];
  const local = frees.map((cpus) => median(cpus.map((cpu) => cpu.localNs)));
  const away = frees.map((cpus) => median(cpus.map((cpu) => cpu.remoteNs)));
  const ratios = away.map((ns, round) => ns / (local[round] ?? 1));
  const { p50, ci95 } = distribution(ratios, options.seed);
  const ns = { localNs: median(local), remoteNs: median(away) };
  return [{ strategy: arm.label, ...ns, ratio: p50, ci95, rounds: ratios }];
}

function stallsOf(rounds: readonly Round[]) {
  return rounds.flatMap((round) => round.flatMap((cpu) => (cpu.cpu === 0 ? [cpu.stalls] : [])));
}

function stalls({ arm, rounds }: StormArm): StormResults['stalls'] {
  const parts = stallsOf(rounds);
  const callbacks = total(parts.map((part) => part.callbacks));
  if (callbacks === 0) return [];
  const offline = parts.flatMap((part) => part.offlineNs);
  const longest = parts.flatMap((part) => part.longestNs);
  const control = parts.flatMap((part) => part.controlNs);
  const lengths = parts.flatMap((part) => part.controlLengthNs);
  const shorter = (latencies: readonly number[], limits: readonly number[]): number =>
    latencies.filter((ns, one) => ns <= (limits[one] ?? 0)).length;
  const pictures = parts.flatMap((part) => part.pictures);
  const [first = []] = pictures;
  return [
    {
      strategy: arm.label,
      offlines: callbacks,
      offlineNs: median(offline),
      fromNs: -BINS_BEFORE * STALL_BIN_MS * 1e6,
      binNs: STALL_BIN_MS * 1e6,
      worstNs: first.map((_, bin) => median(pictures.map((picture) => picture[bin] ?? 0))),
      typicalNs: median(longest),
      longestNs: largest(longest),
      controlNs: control.length === 0 ? null : median(control),
      quietNs: largest(parts.map((part) => part.quietNs)),
      shorterThanCallback: shorter(longest, offline),
      controls: control.length,
      controlsShorter: shorter(control, lengths),
    },
  ];
}

function auditRow({ arm, rounds }: StormArm): StormResults['audits'][number] {
  const all = rounds.flatMap(audits);
  const [biggest] = [...all].sort((a, b) => b.slabs - a.slabs);
  return {
    strategy: arm.label,
    audits: all.length,
    violations: total(all.map((audit) => audit.violations.length)),
    slabs: biggest?.slabs ?? 0,
    pages: biggest?.pages ?? 0,
    objects: biggest?.objects ?? 0,
    ns: biggest?.ns ?? 0,
  };
}

/** What is compared, as ns, so that lower is better. */
const COMPARED: Record<StormResults['comparisons'][number]['what'], (round: Round) => number> = {
  throughput: (round) => 1e9 / rate(round, (leg) => leg.kind === 'load'),
  'alloc p99.9': (round) => quantileOf(latencies(round, 'alloc'), 0.999) ?? 0,
  stall: (round) => {
    const longest = stallsOf([round]).flatMap((part) => part.longestNs);
    return longest.length === 0 ? 0 : median(longest);
  },
};

function compared(
  options: StormOptions,
  baseline: StormArm,
  candidate: StormArm,
): StormResults['comparisons'] {
  return Object.entries(COMPARED).flatMap(([name, value]) => {
    // Object.entries loses the keys; they are those of COMPARED.
    const what = name as keyof typeof COMPARED;
    const values = [candidate, baseline].map((arm) => arm.rounds.map(value));
    const [ours = [], theirs = []] = values;
    if (values.some((rounds) => rounds.length === 0 || rounds.some((one) => !(one > 0)))) return [];
    const { ratio, ci95, verdict } = compareRounds(ours, theirs, { seed: options.seed });
    const names = { baseline: baseline.arm.label, candidate: candidate.arm.label, what, verdict };
    // Throughput is the inverse of the time that was compared.
    if (what !== 'throughput') return [{ ...names, ratio, ci95 }];
    return [{ ...names, ratio: 1 / ratio, ci95: [1 / ci95[1], 1 / ci95[0]] }];
  });
}

function comparisons(options: StormOptions, arms: readonly StormArm[]) {
  if (options.selfCheck) {
    return arms.flatMap((one) => {
      const again = arms.find(({ arm }) => arm.label === one.arm.label + AGAIN);
      return again === undefined ? [] : compared(options, one, again);
    });
  }
  const candidate = arms.find(({ arm }) => arm.strategy === 'splice-caches') ?? arms.at(-1);
  return arms.flatMap((one) =>
    one === candidate || candidate === undefined ? [] : compared(options, one, candidate),
  );
}

function violations({ arm, rounds }: StormArm): StormResults['violations'] {
  return rounds.flatMap((round, number) =>
    audits(round).flatMap(({ when, violations: broken }) =>
      broken.map(({ invariant, detail, history }) => ({
        strategy: arm.label,
        when: `${when}, round ${number + 1}`,
        ...{ invariant, detail, history: [...history] },
      })),
    ),
  );
}

function checks(arms: readonly StormArm[], results: StormResults, selfCheck: boolean) {
  const all = arms.map(({ arm, rounds }): CommandCheck => {
    const broken = results.violations.filter((one) => one.strategy === arm.label);
    const count = total(rounds.map((round) => audits(round).length));
    const shown = broken.slice(0, 2).map((one) => `${one.invariant}: ${one.detail} (${one.when})`);
    return {
      name: `${arm.label}: nothing lost`,
      ok: broken.length === 0,
      detail: broken.length === 0 ? `${count} audits, no invariant broken` : shown.join('; '),
    };
  });
  if (!selfCheck) return all;
  const { comparisons: pairs } = results;
  const differing = pairs.filter(({ verdict }) => verdict === 'better' || verdict === 'worse');
  const detail = `${differing.length} of ${pairs.length} equal pairs came out different, 1 allowed`;
  return [...all, { name: 'self-check', ok: differing.length <= 1, detail }];
}

/** Turns raw rounds into the record's results and checks. */
export function stormResults(
  options: StormOptions,
  population: Population,
  data: StormData,
): { results: StormResults; checks: CommandCheck[] } {
  const arms = data.arms.filter(({ rounds }) => rounds.length > 0);
  const results: StormResults = {
    mix: options.mix,
    cpus: options.cpus,
    seconds: options.seconds,
    removalsPerSecond: options.removalsPerSecond,
    population: { source: population.source, caches: population.caches.length },
    timerNs: data.timerNs,
    storm: arms.map((arm) => stormRow(options, arm)),
    scaling: arms.flatMap((arm) => scaling(options, arm)),
    remote: arms.flatMap((arm) => remote(options, arm)),
    stalls: arms.flatMap(stalls),
    audits: arms.map(auditRow),
    comparisons: comparisons(options, arms),
    violations: arms.flatMap(violations),
    ...(data.failure === undefined ? {} : { failure: data.failure }),
  };
  return { results, checks: checks(arms, results, options.selfCheck) };
}
