/**
 * The verdict of a leak in words. Every sentence is made from the record, and strategies are only
 * compared on hosts that were simulated under both.
 */
import {
  formatBytes,
  formatCount,
  formatCounted,
  formatList,
  formatNumber,
  formatShare,
} from './format.ts';
import {
  alike,
  atEnd,
  baselineOf,
  brokenRuns,
  combinationText,
  growthsOf,
  hostNumbers,
  lastDay,
  momentText,
  pairsOf,
  parameterOf,
  runsOf,
  spanText,
} from './leak-facts.ts';
import type { Note } from './pages/page.ts';
import type { LeakRecord } from './record.ts';
import type { LeakResults, LeakRun, LeakSeries } from './results-leak.ts';
import { failedChecks } from './words.ts';

/** What the shade behind a line of means is. */
export const BAND_TITLE = 'hosts, less the lowest and the highest tenth';
/** Changes a day below this are called none: no host gains a cgroup in three weeks. */
const NO_GROWTH = 0.05;

/** A mean number of cgroups: whole, unless that would hide what it is. */
export function formatMean(value: number): string {
  return value < 10 ? formatNumber(value) : formatCount(value);
}

/** Whether the number of dying cgroups went one way on every host: else a mean of it says nothing. */
function isSteady(growths: readonly number[]): boolean {
  return growths.every((one) => one > 0) || growths.every((one) => one < 0);
}

function changeText(perDay: number): string {
  if (Math.abs(perDay) < NO_GROWTH) return 'as many';
  return `${formatMean(Math.abs(perDay))} ${perDay > 0 ? 'more' : 'fewer'}`;
}

function growthText(results: LeakResults, { strategy, growthPerDay }: LeakSeries): string {
  const growths = growthsOf(results, strategy);
  const [least, most] = [Math.min(...growths), Math.max(...growths)];
  if (Math.abs(least) < NO_GROWTH && Math.abs(most) < NO_GROWTH) return 'no more from day to day';
  if (isSteady(growths)) return `${changeText(growthPerDay)} a day in the second half`;
  return `with no steady growth (hosts: from ${changeText(least)} to ${changeText(most)} a day)`;
}

function idsWords(results: LeakResults): string {
  const swept = results.sweep?.parameters.find(({ key }) => key === 'host.ids')?.values[0];
  const ids = swept ?? parameterOf(results, 'host.ids');
  return typeof ids === 'number' ? `the ${formatCount(ids)} ids` : 'the ids';
}

/** A removed cgroup gives its id back before it is gone, so that dying ones need none. */
function givesIdsBack(results: LeakResults): boolean {
  return parameterOf(results, 'host.idsHeldUntil') !== 'release';
}

/** When an id was missing for the first time; hosts run for some hours before day 0. */
function refusedWhen(results: LeakResults, day: number): string {
  return ` for the first time ${day < 0 ? 'before day 0' : `after ${spanText(results, day)}`}`;
}

/** What becomes of the ids under one strategy; empty where one sentence says it for all. */
function idsText(results: LeakResults, series: LeakSeries): string {
  const { refused, refusedAtDay, created, idsLastDays } = series;
  if (refused > 0) {
    const when = refusedAtDay === null ? '' : refusedWhen(results, refusedAtDay);
    const counts = `${formatCount(refused)} refused, ${formatCount(created)} created, on all hosts`;
    return ` Creation failed${when}, "no space left on device": ${idsWords(results)} were in use (${counts}).`;
  }
  if (givesIdsBack(results)) return '';
  // Where numbers go up and down nothing can be said of what comes.
  const half = series.dying.slice(Math.floor((series.dying.length - 1) / 2));
  const climbs = half.some((value, at) => value > (half[at - 1] ?? Number.POSITIVE_INFINITY));
  if (!climbs) return ` Like this ${idsWords(results)} are never used up.`;
  if (idsLastDays === null || !isSteady(growthsOf(results, series.strategy))) return '';
  const left = `${formatCounted(Math.floor(idsLastDays), 'more day')}`;
  return ` At this rate ${idsWords(results)} last ${left}.`;
}

function strategyText(results: LeakResults, series: LeakSeries): string {
  const dying = atEnd(series.dying);
  const after = `after ${spanText(results, lastDay(results))}`;
  const are = formatMean(dying) === '1' ? 'cgroup is' : 'cgroups are';
  const held = formatBytes(atEnd(series.heldBytes));
  return (
    `${after} ${formatMean(dying)} ${are} dying, ${growthText(results, series)}; ` +
    `what removed cgroups left takes ${held}.${idsText(results, series)}`
  );
}

/** A sentence per strategy, or per group of strategies of which it is the same. */
function strategyNotes({ results }: LeakRecord): Note[] {
  const groups = alike(results.series, (series) => strategyText(results, series));
  return groups.map(({ strategies, first }) => ({
    text: `${formatList(strategies)}: ${strategyText(results, first)}`,
    ...(first.refused > 0 ? { tone: 'bad' as const } : {}),
  }));
}

function idsNote({ results }: LeakRecord): Note[] {
  const refused = results.series.some((series) => series.refused > 0);
  if (results.series.length === 0 || refused || !givesIdsBack(results)) return [];
  const words = idsWords(results);
  return [
    {
      text: `${words[0]?.toUpperCase()}${words.slice(1)} last for ever: a removed cgroup gives its id back at once.`,
    },
  ];
}

/** On how many of the hosts something is so. */
function onHosts(so: number, hosts: number): string {
  if (hosts === 1) return 'on the one host';
  return so === hosts ? `on each of ${hosts} hosts` : `on ${so} of ${hosts} hosts`;
}

/** One strategy against the baseline. */
interface Against {
  strategy: string;
  hosts: number;
  fewer: number;
  dying: number;
  baselineDying: number;
  byPages: number;
  slabOnly: number;
  baselineSlabOnly: number;
}

function meanOf(runs: readonly LeakRun[], of: (run: LeakRun) => readonly number[]): number {
  return runs.reduce((sum, run) => sum + atEnd(of(run)), 0) / Math.max(1, runs.length);
}

function against(results: LeakResults, baseline: string, strategy: string): Against {
  const pairs = pairsOf(results, baseline, strategy);
  const [before, after] = [pairs.map(([one]) => one), pairs.map(([, other]) => other)];
  return {
    strategy,
    hosts: pairs.length,
    fewer: pairs.filter(([one, other]) => atEnd(other.dying) < atEnd(one.dying)).length,
    dying: meanOf(after, (run) => run.dying),
    baselineDying: meanOf(before, (run) => run.dying),
    byPages: meanOf(after, (run) => run.keptByPages),
    slabOnly: meanOf(after, (run) => run.keptBySlab),
    baselineSlabOnly: meanOf(before, (run) => run.keptBySlab),
  };
}

function againstText(baseline: string, one: Against): { text: string; ends: boolean } {
  const ends = one.slabOnly === 0 && one.baselineSlabOnly > 0;
  const counts = `${formatMean(one.dying)} instead of ${formatMean(one.baselineDying)}`;
  const dying =
    one.fewer === 0
      ? `no host has fewer dying cgroups than under ${baseline} (${formatMean(one.dying)} against ${formatMean(one.baselineDying)}).`
      : `${onHosts(one.fewer, one.hosts)} fewer cgroups are dying than under ${baseline}: ${counts}.`;
  if (!ends) return { text: dying, ends };
  const left =
    one.byPages === 0
      ? ''
      : ` Page cache, which no strategy moves, keeps ${one.byPages === one.dying ? 'all' : formatMean(one.byPages)} of these.`;
  const slab = `no cgroup is kept by slab pages alone; ${formatMean(one.baselineSlabOnly)} are under ${baseline}.`;
  return { text: `${slab} ${dying[0]?.toUpperCase()}${dying.slice(1)}${left}`, ends };
}

/** Which strategies end it. */
function endsNotes({ results }: LeakRecord): Note[] {
  const baseline = baselineOf(results);
  if (baseline === undefined) return [];
  const others = results.series
    .filter(({ strategy }) => strategy !== baseline)
    .map(({ strategy }) => against(results, baseline, strategy))
    .filter(({ hosts }) => hosts > 0);
  return alike(others, ({ strategy: _, ...rest }) => rest).map(({ strategies, first }) => {
    const { text, ends } = againstText(baseline, first);
    const verb = strategies.length === 1 ? 'ends it' : 'end it';
    return ends
      ? { text: `${formatList(strategies)} ${verb}: ${text}`, tone: 'good' }
      : { text: `${formatList(strategies)}: ${text}` };
  });
}

function runBytes(run: LeakRun): number {
  return atEnd(run.slabBytes) + atEnd(run.percpuBytes);
}

/** Difference in memory, on the same hosts. */
function memoryNote({ results }: LeakRecord): Note[] {
  const { memDiffOf } = results;
  if (memDiffOf === null) return [];
  const { baseline, candidate } = memDiffOf;
  const differences = pairsOf(results, baseline, candidate).map(
    ([one, other]) => runBytes(one) - runBytes(other),
  );
  if (differences.length === 0) return [];
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
  const what = `Slab and per-CPU memory after ${spanText(results, lastDay(results))}`;
  if (mean === 0) return [{ text: `${what}: the same under ${baseline} and ${candidate}.` }];
  const so = differences.filter((value) => value * mean > 0).length;
  const more = mean > 0 ? 'more' : 'less';
  const where = onHosts(so, differences.length);
  return [
    {
      text: `${what}: ${formatBytes(Math.abs(mean))} ${more} under ${baseline} than under ${candidate} (${where}).`,
    },
  ];
}

/** Over which published days the errors are taken, as the summary does: from day 1 on where there are. */
function errorDays(days: readonly number[]): number[] {
  const later = days.filter((day) => day >= 1);
  return later.length > 0 ? later : [...days];
}

/** Those days in words. */
export function errorDaysText(results: LeakResults): string {
  // What lies behind the last sample was not compared.
  const published = results.published?.days ?? [];
  const days = errorDays(published.filter((day) => day <= lastDay(results)));
  const [first = 0, last = first] = [days[0], days.at(-1)];
  if (first === last) return momentText(results, first);
  const whole = Number.isInteger(first) && Number.isInteger(last);
  return whole
    ? `days ${first} to ${last}`
    : `${momentText(results, first)} to ${momentText(results, last)}`;
}

function errorNote({ results }: LeakRecord): Note[] {
  const { error, published, memDiffOf } = results;
  if (error === null || published === null) return [];
  const parts = [
    ['original', 'pin', error.original],
    ['patched', published.patchedAs ?? '', error.patched],
    ['memory', formatList([memDiffOf?.baseline ?? '', memDiffOf?.candidate ?? '']), error.memDiff],
  ] as const;
  const said = parts.flatMap(([name, strategy, value]) =>
    value === null ? [] : [`${name} (${strategy}) by ${formatShare(value)}`],
  );
  if (said.length === 0) return [];
  return [
    {
      text: `Mean distance from what was published, ${errorDaysText(results)}: ${formatList(said)}.`,
    },
  ];
}

/** What was changed in the scenario: then published numbers may be of something else. */
function changedNote({ results }: LeakRecord): Note[] {
  const changed = results.scenario.parameters.filter(({ from }) =>
    from?.endsWith('on the command line'),
  );
  if (changed.length === 0 || results.published === null) return [];
  const values = changed.map(({ key, value }) => `${key} = ${value}`);
  return [
    {
      text: `Changed on the command line: ${formatList(values)}; the published numbers are of the scenario without that.`,
      tone: 'warn',
    },
  ];
}

function sweepNotes({ results }: LeakRecord): Note[] {
  const { sweep } = results;
  if (sweep === null) return [];
  const entries = results.series.map(({ strategy }) => ({
    strategy,
    cells: sweep.cells.filter((cell) => cell.strategy === strategy),
  }));
  return alike(entries, ({ cells }) => cells.map(({ strategy: _, ...rest }) => rest)).flatMap(
    ({ strategies, first: { cells } }): Note[] => {
      const ordered = [...cells].sort((a, b) => a.dying - b.dying);
      const [low, high] = [ordered[0], ordered.at(-1)];
      if (low === undefined || high === undefined) return [];
      const told = ({ dying, values, heldBytes }: typeof low): string => {
        const at = sweep.parameters.map(({ key }, place) => `${key} = ${values[place]}`);
        return `${formatMean(dying)} dying (${formatBytes(heldBytes)}) at ${formatList(at)}`;
      };
      const range = low === high ? told(low) : `from ${told(low)} to ${told(high)}`;
      return [{ text: `Over the sweep, ${formatList(strategies)}: ${range}.` }];
    },
  );
}

/** Hosts that are missing, and what that means for the figures. */
function endNotes(record: LeakRecord): Note[] {
  const { results, complete } = record;
  const { hosts, hostsWanted, shard } = results;
  const notes: Note[] = [];
  if (hosts < hostsWanted) {
    const kept = hosts === 0 ? '' : '; all figures are of what is finished';
    const rest = complete ? '' : ' `leak --continue` simulates the others.';
    notes.push({
      text: `Cut short: ${formatCount(hosts)} of ${formatCounted(hostsWanted, 'simulated host')} finished${kept}.${rest}`,
      tone: 'bad',
    });
  } else if (!complete) {
    notes.push({ text: 'Ended early, though every host is finished.', tone: 'bad' });
  }
  if (hostNumbers(results).length > 1) {
    const each = results.series.map(
      ({ strategy }) => `${strategy} ${formatCount(runsOf(results, strategy).length)}`,
    );
    notes.push({
      text: `The strategies have finished different numbers of hosts (${formatList(each)}): their means are not of the same ones.`,
      tone: 'warn',
    });
  }
  if (shard !== null) {
    notes.push({
      text: `Shard ${shard.index} of ${shard.of}: figures are of its hosts alone; \`merge\` joins all shards.`,
      tone: 'warn',
    });
  }
  return notes;
}

/** Whether the machines were sound at the end. */
function auditNote(record: LeakRecord): Note[] {
  const { runs } = record.results;
  if (runs.length === 0) return [];
  const broken = brokenRuns(record);
  const operations = runs.reduce((sum, run) => sum + run.operations, 0);
  const load = `${formatCounted(runs.length, 'machine')} audited at the end, after ${formatCount(operations)} object operations`;
  if (broken.length === 0) return [{ text: `${load}: no invariant broken.`, tone: 'good' }];
  const found = broken.reduce((sum, run) => sum + run.violations.length, 0);
  return [
    {
      text: `${load}: ${formatCounted(found, 'violation')} on ${formatCount(broken.length)} of them.`,
      tone: 'bad',
    },
  ];
}

/** The scenario in which the sentences that follow hold. */
function frameNote({ results }: LeakRecord): Note[] {
  const combination = combinationText(results);
  return combination === '' || results.series.length === 0
    ? []
    : [{ text: `What follows is of ${combination}.` }];
}

/** The verdict on a leak. */
export function leakWords(record: LeakRecord): Note[] {
  return [
    ...endNotes(record),
    ...sweepNotes(record),
    ...frameNote(record),
    ...strategyNotes(record),
    ...idsNote(record),
    ...endsNotes(record),
    ...memoryNote(record),
    ...errorNote(record),
    ...changedNote(record),
    ...auditNote(record),
    ...failedChecks(record.checks),
  ];
}
