/** What the pages and sentences about a leak look up in its record. */
import { formatCount, formatList, formatNumber } from './format.ts';
import type { LeakRecord } from './record.ts';
import type { LeakResults, LeakRun, LeakSeries } from './results-leak.ts';

/** Below this span times are told in hours. */
const DAYS_IN_HOURS = 2;

/** Strategies of which something is the same, and their place among all, which is their colour. */
export interface Alike<Entry> {
  strategies: string[];
  first: Entry;
  color: number;
}

/** Puts together those that are the same in what matters here, in the order of the first of each. */
export function alike<Entry extends { strategy: string }>(
  entries: readonly Entry[],
  whatMatters: (entry: Entry) => unknown,
): Alike<Entry>[] {
  const groups = new Map<string, Alike<Entry>>();
  for (const [color, entry] of entries.entries()) {
    const key = JSON.stringify(whatMatters(entry));
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, { strategies: [entry.strategy], first: entry, color });
    } else group.strategies.push(entry.strategy);
  }
  return [...groups.values()];
}

/** Names of strategies that share a line. */
export function alikeName({ strategies }: { strategies: readonly string[] }): string {
  const same = strategies.length === 2 ? ', both the same' : ', all the same';
  return formatList(strategies) + (strategies.length > 1 ? same : '');
}

/** The value at the end; 0 where there is none. */
export function atEnd(values: readonly number[]): number {
  return values.at(-1) ?? 0;
}

/** The day of the last sample. */
export function lastDay({ days }: LeakResults): number {
  return atEnd(days);
}

/** Whether times are told in hours, as days would be fractions. */
export function inHours(results: LeakResults): boolean {
  return lastDay(results) < DAYS_IN_HOURS;
}

/** A time in the unit of the record. */
export function inUnit(results: LeakResults, day: number): number {
  return inHours(results) ? day * 24 : day;
}

/** A moment: `day 7`, `hour 12`. */
export function momentText(results: LeakResults, day: number): string {
  return `${inHours(results) ? 'hour' : 'day'} ${formatNumber(inUnit(results, day))}`;
}

/** A length of time: `7 days`, `1 hour`. */
export function spanText(results: LeakResults, days: number): string {
  const value = inUnit(results, days);
  return `${formatNumber(value)} ${inHours(results) ? 'hour' : 'day'}${value === 1 ? '' : 's'}`;
}

/** Value of a parameter of the scenario. */
export function parameterOf({ scenario }: LeakResults, key: string): number | string | undefined {
  return scenario.parameters.find((one) => one.key === key)?.value;
}

/** Hosts of the first combination of parameters that a strategy is finished for. */
export function runsOf({ runs }: LeakResults, strategy: string): LeakRun[] {
  return runs.filter((run) => run.cell === 0 && run.strategy === strategy);
}

/** More dying cgroups a day over the second half of the time, on each host. */
export function growthsOf(results: LeakResults, strategy: string): number[] {
  const { days } = results;
  return runsOf(results, strategy).map(({ dying }) => {
    const last = dying.length - 1;
    const first = Math.floor(last / 2);
    const span = (days[last] ?? 0) - (days[first] ?? 0);
    return span > 0 ? (atEnd(dying) - (dying[first] ?? 0)) / span : 0;
  });
}

/** How many hosts the means are of; several numbers where strategies differ in that. */
export function hostNumbers(results: LeakResults): number[] {
  return [...new Set(results.series.map(({ strategy }) => runsOf(results, strategy).length))];
}

/** How many hosts the means are of, in words. */
export function hostsText(results: LeakResults): string {
  const numbers = hostNumbers(results);
  if (numbers.length === 1 && numbers[0] === 1) return 'of one host';
  return `mean of ${numbers.map(formatCount).join(' or ')} hosts`;
}

/** The same hosts under two strategies: the only ones that may be compared. */
export function pairsOf(
  results: LeakResults,
  baseline: string,
  candidate: string,
): [baseline: LeakRun, candidate: LeakRun][] {
  const others = runsOf(results, candidate);
  return runsOf(results, baseline).flatMap((run): [LeakRun, LeakRun][] => {
    const other = others.find(({ host }) => host === run.host);
    return other === undefined ? [] : [[run, other]];
  });
}

/** The strategy that the others are held against. */
export function baselineOf({ memDiffOf, series }: LeakResults): string | undefined {
  return memDiffOf?.baseline ?? series[0]?.strategy;
}

/** Which combination of a sweep the courses over time are of; empty without a sweep. */
export function combinationText({ sweep }: LeakResults): string {
  if (sweep === null) return '';
  const values = sweep.parameters.map(({ key, values }) => `${key} = ${values[0]}`);
  return `${formatList(values)}, the first of the sweep`;
}

/** A strategy over time, by its name. */
export function seriesNamed({ series }: LeakResults, strategy: string | null) {
  return series.find((one: LeakSeries) => one.strategy === strategy);
}

/** Machines whose audit found something. */
export function brokenRuns({ results }: LeakRecord): LeakRun[] {
  return results.runs.filter(({ violations }) => violations.length > 0);
}
