/**
 * From single hosts to what a record says: means and percentiles over hosts, differences, the error
 * against published numbers. A function of the runs alone, so the result is the same for any number of
 * workers and shards.
 */
import { mean, quantileSorted } from 'simple-statistics';
import { MEMORY_PARTS } from './memory-parts.ts';
import type { LeakPublished, LeakResults, LeakRun, LeakSeries, LeakSweep } from './results-leak.ts';

/** What the runs do not say. */
export interface LeakFrame {
  readonly scenario: LeakResults['scenario'];
  readonly days: readonly number[];
  readonly hostsWanted: number;
  readonly shard: LeakResults['shard'];
  readonly strategies: readonly string[];
  readonly published: LeakPublished | null;
  /** Ids that a host has, and whether a dying cgroup keeps its own. */
  readonly ids: number;
  readonly idsHeldByDying: boolean;
  readonly sweep: { readonly parameters: LeakSweep['parameters'] } | null;
}

/** Parts that removed cgroups hold. */
const DEAD_PARTS = MEMORY_PARTS.filter((part) => part.startsWith('dead'));

/** A mean that always comes out the same: values in the order of the hosts. */
function meanCourse(runs: readonly LeakRun[], of: (run: LeakRun) => readonly number[]): number[] {
  const samples = Math.min(...runs.map((run) => of(run).length));
  return Array.from({ length: samples }, (_, at) => mean(runs.map((run) => of(run)[at] ?? 0)));
}

function percentileCourse(runs: readonly LeakRun[], share: number): number[] {
  const samples = Math.min(...runs.map((run) => run.dying.length));
  return Array.from({ length: samples }, (_, at) => {
    const values = runs.map((run) => run.dying[at] ?? 0).sort((a, b) => a - b);
    return quantileSorted(values, share);
  });
}

function held(run: LeakRun): number[] {
  return run.dying.map((_, at) =>
    DEAD_PARTS.reduce((sum, part) => sum + (run.parts[part][at] ?? 0), 0),
  );
}

function total(runs: readonly LeakRun[], of: (run: LeakRun) => number): number {
  return runs.reduce((sum, run) => sum + of(run), 0);
}

/** Growth a day over the second half of the time. */
function growthPerDay(days: readonly number[], values: readonly number[]): number {
  const last = values.length - 1;
  const first = Math.floor(last / 2);
  const span = (days[last] ?? 0) - (days[first] ?? 0);
  return span > 0 ? ((values[last] ?? 0) - (values[first] ?? 0)) / span : 0;
}

function cachesOf(runs: readonly LeakRun[]): LeakSeries['caches'] {
  const sums = new Map<string, { live: number; dead: number }>();
  for (const { caches } of runs) {
    for (const { cache, liveBytes, deadBytes } of caches) {
      const sum = sums.get(cache) ?? { live: 0, dead: 0 };
      sums.set(cache, { live: sum.live + liveBytes, dead: sum.dead + deadBytes });
    }
  }
  return [...sums]
    .map(([cache, { live, dead }]) => ({
      cache,
      liveBytes: live / runs.length,
      deadBytes: dead / runs.length,
    }))
    .sort((a, b) => b.deadBytes - a.deadBytes || b.liveBytes - a.liveBytes);
}

function seriesOf(frame: LeakFrame, strategy: string, runs: readonly LeakRun[]): LeakSeries {
  const course = (of: (run: LeakRun) => readonly number[]) => meanCourse(runs, of);
  const dying = course((run) => run.dying);
  const ids = course((run) => run.ids);
  const growth = growthPerDay(frame.days, dying);
  const idGrowth = frame.idsHeldByDying ? growth : 0;
  const refusals = runs.flatMap((run) => (run.refusedAtHours === null ? [] : [run.refusedAtHours]));
  const parts = Object.fromEntries(
    MEMORY_PARTS.map((part) => [part, course((run) => run.parts[part])]),
  );
  return {
    strategy,
    dying,
    dyingP10: percentileCourse(runs, 0.1),
    dyingP90: percentileCourse(runs, 0.9),
    live: course((run) => run.live),
    keptByPages: course((run) => run.keptByPages),
    keptBySlab: course((run) => run.keptBySlab),
    slabBytes: course((run) => run.slabBytes),
    percpuBytes: course((run) => run.percpuBytes),
    objectBytes: course((run) => run.objectBytes),
    pageBytes: course((run) => run.pageBytes),
    deadObjectBytes: course((run) => run.deadObjectBytes),
    cacheCount: course((run) => run.cacheCount),
    ids,
    heldBytes: course(held),
    // Made from exactly MEMORY_PARTS, which fromEntries cannot say.
    parts: parts as LeakSeries['parts'],
    caches: cachesOf(runs),
    created: total(runs, (run) => run.created),
    refused: total(runs, (run) => run.refused),
    refusedAtDay: refusals.length === 0 ? null : Math.min(...refusals) / 24,
    growthPerDay: growth,
    idsLastDays: idGrowth > 0 ? Math.max(0, frame.ids - (ids.at(-1) ?? 0)) / idGrowth : null,
    operations: total(runs, (run) => run.operations),
  };
}

/** The value at a day, on the straight line between two samples; null outside. */
export function valueAt(
  days: readonly number[],
  values: readonly number[],
  day: number,
): number | null {
  for (let at = 0; at < values.length; at++) {
    const here = days[at] ?? 0;
    if (Math.abs(here - day) < 1e-9) return values[at] ?? null;
    if (here < day) continue;
    if (at === 0) return null;
    const before = days[at - 1] ?? 0;
    const share = (day - before) / (here - before);
    return (values[at - 1] ?? 0) * (1 - share) + (values[at] ?? 0) * share;
  }
  return null;
}

/** Mean absolute relative error over the published days from 1 on; over all, if none is. */
export function relativeError(
  published: { readonly days: readonly number[]; readonly values: readonly number[] },
  simulated: { readonly days: readonly number[]; readonly values: readonly number[] },
): number | null {
  const all = published.days.map((day, at) => ({ day, value: published.values[at] ?? 0 }));
  const points = all.some(({ day }) => day >= 1) ? all.filter(({ day }) => day >= 1) : all;
  const errors = points.flatMap(({ day, value }) => {
    const found = valueAt(simulated.days, simulated.values, day);
    return found === null || value === 0 ? [] : [Math.abs(found - value) / value];
  });
  return errors.length === 0 ? null : mean(errors);
}

function errorOf(
  frame: LeakFrame,
  series: readonly LeakSeries[],
  memDiffBytes: readonly number[],
): LeakResults['error'] {
  const { published, days } = frame;
  if (published === null) return null;
  const against = (strategy: string | null, values: readonly number[] | null) => {
    const found = series.find((one) => one.strategy === strategy);
    if (found === undefined || values === null) return null;
    return relativeError({ days: published.days, values }, { days, values: found.dying });
  };
  const diff = memDiffBytes.map((bytes) => bytes / 1e6);
  return {
    original: against('pin', published.original),
    patched: against(published.patchedAs, published.patched),
    memDiff:
      published.memDiffMb === null || diff.length === 0
        ? null
        : relativeError(
            { days: published.days, values: published.memDiffMb },
            { days, values: diff },
          ),
  };
}

/** Under which strategies the memory difference is taken: pinning against the splice, or what there is. */
function memDiffPair(strategies: readonly string[]): LeakResults['memDiffOf'] {
  const [first] = strategies;
  const baseline = strategies.includes('pin') ? 'pin' : first;
  const candidate = strategies.includes('splice-caches')
    ? 'splice-caches'
    : strategies.filter((name) => name !== baseline).at(-1);
  if (baseline === undefined || candidate === undefined || candidate === baseline) return null;
  return { baseline, candidate };
}

function memDiff(series: readonly LeakSeries[], pair: LeakResults['memDiffOf']): number[] {
  const [baseline, candidate] = [pair?.baseline, pair?.candidate].map((name) =>
    series.find((one) => one.strategy === name),
  );
  if (baseline === undefined || candidate === undefined) return [];
  const bytes = (one: LeakSeries, at: number) =>
    (one.slabBytes[at] ?? 0) + (one.percpuBytes[at] ?? 0);
  const samples = Math.min(baseline.slabBytes.length, candidate.slabBytes.length);
  return Array.from({ length: samples }, (_, at) => bytes(baseline, at) - bytes(candidate, at));
}

/** Values of each parameter of a cell; cells are numbered with the last parameter running fastest. */
export function cellValues(parameters: LeakSweep['parameters'], cell: number): number[] {
  let rest = cell;
  const values: number[] = [];
  for (const { values: choices } of [...parameters].reverse()) {
    values.unshift(choices[rest % choices.length] ?? 0);
    rest = Math.floor(rest / choices.length);
  }
  return values;
}

function sweepOf(frame: LeakFrame, runs: readonly LeakRun[]): LeakSweep | null {
  if (frame.sweep === null) return null;
  const { parameters } = frame.sweep;
  const count = parameters.reduce((product, { values }) => product * values.length, 1);
  const cells = Array.from({ length: count }, (_, cell) =>
    frame.strategies.flatMap((strategy) => {
      const here = runs.filter((run) => run.cell === cell && run.strategy === strategy);
      if (here.length === 0) return [];
      const ends = here.map((run) => run.dying.at(-1) ?? 0).sort((a, b) => a - b);
      return {
        values: cellValues(parameters, cell),
        strategy,
        dying: mean(ends),
        dyingP10: quantileSorted(ends, 0.1),
        dyingP90: quantileSorted(ends, 0.9),
        heldBytes: mean(here.map((run) => held(run).at(-1) ?? 0)),
        refused: total(here, (run) => run.refused),
      };
    }),
  ).flat();
  return { parameters, cells };
}

/** Runs in the one order that results have, whoever finished first. */
export function sortRuns(runs: readonly LeakRun[], strategies: readonly string[]): LeakRun[] {
  const place = (run: LeakRun) => strategies.indexOf(run.strategy);
  return [...runs].sort((a, b) => a.cell - b.cell || a.host - b.host || place(a) - place(b));
}

/**
 * Runs of hosts (of a cell each) that every strategy is finished for: means over different hosts would
 * compare hosts, not strategies.
 */
function finishedRuns(runs: readonly LeakRun[], strategies: readonly string[]): LeakRun[] {
  const done = new Map<string, number>();
  for (const run of runs) {
    const unit = `${run.cell}/${run.host}`;
    done.set(unit, (done.get(unit) ?? 0) + 1);
  }
  return runs.filter((run) => done.get(`${run.cell}/${run.host}`) === strategies.length);
}

/** The results of a set of runs. */
export function summariseLeak(frame: LeakFrame, unsorted: readonly LeakRun[]): LeakResults {
  const runs = sortRuns(unsorted, frame.strategies);
  const finished = finishedRuns(runs, frame.strategies);
  const series = frame.strategies.flatMap((strategy) => {
    const here = finished.filter((run) => run.cell === 0 && run.strategy === strategy);
    return here.length === 0 ? [] : [seriesOf(frame, strategy, here)];
  });
  const memDiffOf = memDiffPair(series.map((one) => one.strategy));
  const memDiffBytes = memDiff(series, memDiffOf);
  return {
    scenario: frame.scenario,
    days: [...frame.days],
    hosts: finished.length / frame.strategies.length,
    hostsWanted: frame.hostsWanted,
    shard: frame.shard,
    series,
    memDiffBytes,
    memDiffOf,
    published: frame.published,
    error: errorOf(frame, series, memDiffBytes),
    sweep: sweepOf(frame, finished),
    runs,
  };
}
