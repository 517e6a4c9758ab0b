/** Makes the results of `compare` from raw rounds: distributions, ratios, growth, checks. */
import { STRATEGIES } from '../../core/index.ts';
import {
  type CompareResults,
  compareRounds,
  distribution,
  growthExponent,
  type OfflineResult,
} from '../../reports/index.ts';
import type { Population } from '../input/population.ts';
import { AGAIN, type Arm } from '../measure.ts';
import type { CompareOptions, PageOrder, Temperature } from '../options.ts';
import type { Aftermath, Prepared, RemovalPart } from '../workers/removal.ts';
import type { HotOperation } from '../workload/hot-path.ts';
import type { CommandCheck } from './registry.ts';

/** Everything measured about one arm at one size in one page order. */
export interface RemovalCase {
  readonly arm: Arm;
  /** Pages asked for. */
  readonly pages: number;
  readonly order: PageOrder;
  readonly temperatures: readonly Temperature[];
  readonly prepared: Prepared;
  /** Per round one value per part, ns, in the order of the round plan. */
  readonly rounds: (readonly number[])[];
  aftermath: Aftermath | null;
}

/** What disturbed one round. */
export interface RoundNote {
  readonly strategy: string;
  readonly label: string;
  readonly round: number;
  readonly cpuWaitMs: number;
  readonly involuntarySwitches: number;
  readonly wallMs: number;
}

/** All raw data of a comparison. */
export interface CompareData {
  readonly removals: RemovalCase[];
  readonly hotPath: { arm: Arm; operation: HotOperation; rounds: number[] }[];
  readonly notes: RoundNote[];
  readonly audits: { name: string; violations: Aftermath['violations'] }[];
}

const PAGE_BYTES = 4096;
/** A round that waited for a CPU longer than this share of its time is marked as disturbed. */
const WAIT_SHARE = 0.05;
/** Share of equal pairs that may come out as different before a self-check fails. */
const SELF_CHECK_SHARE = 0.05;

/** The parts of a round, in the order in which workers return them. */
export function partsOf(
  temperatures: readonly Temperature[],
): { what: RemovalPart; temperature: Temperature }[] {
  return temperatures.flatMap((temperature) =>
    (['handover', 'removal'] as const).map((what) => ({ what, temperature })),
  );
}

/** pin hands nothing over, so there is no such time to compare. */
function measured(arm: Arm, what: RemovalPart): boolean {
  return what === 'removal' || releasesEarly(arm);
}

function releasesEarly(arm: Arm): boolean {
  return STRATEGIES.find((one) => one.name === arm.strategy)?.releasesEarly === true;
}

function offline(
  options: CompareOptions,
  population: Population,
  data: CompareData,
): OfflineResult[] {
  return data.removals.flatMap((one) =>
    partsOf(one.temperatures).flatMap(({ what, temperature }, index) => {
      if (!measured(one.arm, what)) return [];
      const rounds = one.rounds.map((values) => values[index] ?? 0);
      if (rounds.length === 0) return [];
      const { slabs, rowsScanned, steps } = one.prepared;
      return [
        {
          strategy: one.arm.label,
          pages: one.pages,
          chargedPages: one.prepared.pages,
          slabs,
          caches: population.caches.length,
          rowsScanned,
          order: one.order,
          temperature,
          what,
          ns: distribution(rounds, options.seed),
          rounds,
          steps,
        },
      ];
    }),
  );
}

function sameCase(a: OfflineResult, b: OfflineResult): boolean {
  return (
    a.pages === b.pages &&
    a.order === b.order &&
    a.temperature === b.temperature &&
    a.what === b.what
  );
}

function ratios(options: CompareOptions, rows: readonly OfflineResult[]): CompareResults['ratios'] {
  const candidate = options.strategies.includes('splice-caches')
    ? 'splice-caches'
    : options.strategies.at(-1);
  const pairs = rows
    .filter((row) => row.strategy !== candidate && !row.strategy.endsWith(AGAIN))
    .flatMap((baseline) => {
      const other = rows.find((row) => row.strategy === candidate && sameCase(row, baseline));
      return other === undefined ? [] : [{ baseline, other }];
    });
  return pairs.map(({ baseline, other }) => {
    const { pages, order, temperature, what } = baseline;
    const judged = compareRounds(other.rounds, baseline.rounds, { seed: options.seed });
    const { ratio, ci95, p, verdict } = judged;
    const names = { baseline: baseline.strategy, candidate: other.strategy };
    return { ...names, pages, order, temperature, what, ratio, ci95, p, verdict };
  });
}

function growth(options: CompareOptions, rows: readonly OfflineResult[]): CompareResults['growth'] {
  if (options.pages.length < 2) return [];
  const groups = new Map<string, OfflineResult[]>();
  for (const row of rows) {
    if (row.strategy.endsWith(AGAIN)) continue;
    const key = [row.strategy, row.order, row.temperature, row.what].join();
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined || group.length < 2) return [];
    const points = group.map((row) => ({ pages: row.pages, values: row.rounds }));
    const { strategy, order, temperature, what } = first;
    const estimate = growthExponent(points, options.seed);
    if (estimate === undefined) return [];
    const { exponent, ci95 } = estimate;
    return [{ strategy, order, temperature, what, exponent, ci95 }];
  });
}

function selfCheck(
  options: CompareOptions,
  rows: readonly OfflineResult[],
): NonNullable<CompareResults['selfCheck']> {
  // All pairs are judged together: the level of 5 % is for the whole table, not for each cell.
  const comparisons = rows.filter((row) => row.strategy.endsWith(AGAIN)).length;
  return rows.flatMap((row) => {
    const again = rows.find(
      (other) => other.strategy === row.strategy + AGAIN && sameCase(row, other),
    );
    if (again === undefined) return [];
    const judged = compareRounds(again.rounds, row.rounds, { seed: options.seed, comparisons });
    const { strategy, pages, order, temperature, what } = row;
    const { ratio, ci95, verdict } = judged;
    return [{ strategy, pages, order, temperature, what, ratio, ci95, verdict }];
  });
}

function footprint(options: CompareOptions, data: CompareData): CompareResults['footprint'] {
  const largest = Math.max(...data.removals.map((one) => one.pages));
  const order = options.orders.at(-1);
  return data.removals
    .filter((one) => one.pages === largest && one.order === order && !one.arm.label.endsWith(AGAIN))
    .map(({ arm, prepared }) => ({
      strategy: arm.label,
      pages: prepared.pages + options.memmapRows,
      objects: prepared.objectSlots + options.memmapRows,
      machineBytes: prepared.machineBytes,
      bytesPerPage: prepared.machineBytes / (prepared.pages + options.memmapRows),
      bytesPerObject: prepared.machineBytes / (prepared.objectSlots + options.memmapRows),
    }));
}

function leftBehind(options: CompareOptions, data: CompareData): CompareResults['leftBehind'] {
  const order = options.orders.at(-1);
  return data.removals.flatMap(({ arm, pages, order: had, aftermath }) => {
    if (aftermath === null || had !== order || arm.label.endsWith(AGAIN)) return [];
    const { dying, pinnedPages, cachesOnParent, slabUsed } = aftermath;
    const pinnedBytes = pinnedPages * PAGE_BYTES;
    const left = { dying, pinnedPages, pinnedBytes, cachesOnParent, slabUsed };
    return [{ strategy: arm.label, pages, ...left }];
  });
}

function auditCheck(name: string, violations: Aftermath['violations']): CommandCheck {
  const shown = violations.slice(0, 3).map(({ invariant, detail }) => `${invariant}: ${detail}`);
  const detail = violations.length === 0 ? 'no invariant broken' : shown.join('; ');
  return { name, ok: violations.length === 0, detail };
}

function checks(data: CompareData, pairs: CompareResults['selfCheck'] = []): CommandCheck[] {
  const audits = data.removals.flatMap(({ arm, pages, order, aftermath }) =>
    aftermath === null
      ? []
      : [auditCheck(`audit of ${arm.label}, ${pages} pages ${order}`, aftermath.violations)],
  );
  const left = data.removals.flatMap(({ arm, pages, order, aftermath }) => {
    if (aftermath === null) return [];
    const expected = releasesEarly(arm) ? 0 : 1;
    const name = `${arm.label}, ${pages} pages ${order}: dying cgroups left`;
    return [
      {
        name,
        ok: aftermath.dying === expected,
        detail: `${aftermath.dying}, ${expected} expected`,
      },
    ];
  });
  const after = data.audits.map(({ name, violations }) => auditCheck(name, violations));
  const all = [...audits, ...left, ...after];
  if (pairs.length > 0) {
    const differing = pairs.filter(({ verdict }) => verdict === 'better' || verdict === 'worse');
    const allowed = Math.max(1, Math.floor(pairs.length * SELF_CHECK_SHARE));
    const detail = `${differing.length} of ${pairs.length} equal pairs came out different, ${allowed} allowed`;
    all.push({ name: 'self-check', ok: differing.length <= allowed, detail });
  }
  return all;
}

function populationFacts(population: Population): CompareResults['population'] {
  const { caches } = population;
  const mean = (value: (cache: (typeof caches)[number]) => number): number =>
    caches.reduce((sum, cache) => sum + cache.share * value(cache), 0);
  return {
    source: population.source,
    kernel: population.kernel,
    caches: caches.length,
    objectsPerSlabMean: mean((cache) => cache.objectsPerSlab),
    utilisation: mean((cache) => cache.utilisation),
    notes: [...population.notes],
  };
}

/** Turns raw rounds into the record's results and checks. */
export function compareResults(
  options: CompareOptions,
  population: Population,
  data: CompareData,
): { results: CompareResults; checks: CommandCheck[] } {
  const rows = offline(options, population, data);
  const pairs = options.selfCheck ? selfCheck(options, rows) : undefined;
  const results: CompareResults = {
    population: populationFacts(population),
    offline: rows,
    ratios: ratios(options, rows),
    growth: growth(options, rows),
    hotPath: data.hotPath.map(({ arm, operation, rounds }) => ({
      strategy: arm.label,
      operation,
      cpus: 1,
      nsPerOp: distribution(rounds, options.seed),
      rounds,
    })),
    footprint: footprint(options, data),
    leftBehind: leftBehind(options, data),
    interference: data.notes.map(({ wallMs, ...rest }) => ({
      ...rest,
      wallMs,
      marked: rest.cpuWaitMs > WAIT_SHARE * wallMs,
    })),
    ...(pairs === undefined ? {} : { selfCheck: pairs }),
  };
  return { results, checks: checks(data, pairs) };
}
