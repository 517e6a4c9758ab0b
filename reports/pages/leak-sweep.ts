/** How a leak depends on one parameter of the scenario, or on two. */
import { formatBytes, formatCount, formatCounted, formatNumber, MISSING } from '../format.ts';
import { alike, alikeName, lastDay, spanText } from '../leak-facts.ts';
import { BAND_TITLE, formatMean } from '../leak-words.ts';
import { pickEvenly } from '../pick.ts';
import type { LeakRecord } from '../record.ts';
import type { LeakResults, LeakSweep } from '../results-leak.ts';
import type { Cell, HeatMap, Note, Row, Section, Series } from './page.ts';

type SweepCell = LeakSweep['cells'][number];

/** Values of a parameter that a table shows. */
const ROWS_MAX = 20;
const NOTHING: Cell = { text: MISSING, tone: 'quiet' };

/** What a strategy came to in every combination. */
interface Outcome {
  strategy: string;
  cells: SweepCell[];
}

function outcomesOf({ series }: LeakResults, sweep: LeakSweep): Outcome[] {
  const found = sweep.cells.map(({ strategy }) => strategy);
  const names = new Set([...series.map(({ strategy }) => strategy), ...found]);
  return [...names].map((strategy) => ({
    strategy,
    cells: sweep.cells.filter((cell) => cell.strategy === strategy),
  }));
}

function cellAt({ cells }: Outcome, values: readonly number[]): SweepCell | undefined {
  return cells.find((cell) => values.every((value, at) => cell.values[at] === value));
}

/** Without the name of the strategy, by which alone two of them may differ. */
function figures({ cells }: Outcome): unknown {
  return cells.map(({ strategy: _, ...rest }) => rest);
}

/** Ids ran out in some combination: its figures are less than they would be. */
function refusedText({ cells }: LeakSweep): string {
  return cells.some(({ refused }) => refused > 0) ? '; ! where cgroups could not be created' : '';
}

function textOf(cell: SweepCell | undefined): Cell {
  if (cell === undefined) return NOTHING;
  const text = `${cell.refused > 0 ? '!' : ''}${formatMean(cell.dying)}`;
  return {
    ...{ text, detail: formatBytes(cell.heldBytes) },
    ...(cell.refused > 0 ? { tone: 'bad' } : {}),
  };
}

function oneParameter(results: LeakResults, sweep: LeakSweep): Section[] {
  const [parameter] = sweep.parameters;
  if (parameter === undefined) return [];
  const outcomes = outcomesOf(results, sweep);
  const series = alike(outcomes, figures).map((group): Series => {
    const { cells } = group.first;
    const at = ({ values }: SweepCell): number => values[0] ?? 0;
    const spreads = cells.some(({ dyingP10, dyingP90 }) => dyingP10 !== dyingP90);
    return {
      ...{ name: alikeName(group), color: group.color },
      points: cells.map((cell) => ({ x: at(cell), y: cell.dying })),
      ...(spreads
        ? {
            band: cells.map((cell) => ({
              ...{ x: at(cell), low: cell.dyingP10, high: cell.dyingP90 },
            })),
          }
        : {}),
    };
  });
  const shown = pickEvenly(parameter.values.length, ROWS_MAX);
  const rows = shown.map((place): Row => {
    const value = parameter.values[place] ?? 0;
    return {
      label: String(value),
      cells: outcomes.map((outcome) => textOf(cellAt(outcome, [value]))),
    };
  });
  const hidden = parameter.values.length - shown.length;
  const more = hidden > 0 ? ` ${formatCount(hidden)} values between these are in the record.` : '';
  return [
    {
      title: 'Sweep',
      how: `a row for each value of ${parameter.key}: dying cgroups after ${spanText(results, lastDay(results))}, and what removed cgroups left${refusedText(sweep)}.${more}`,
      table: { columns: outcomes.map(({ strategy }) => strategy), rows },
      chart: {
        ...{ series, xTitle: parameter.key, formatY: formatNumber },
        ...{ xAxis: 'linear', yAxis: 'linear', bandTitle: BAND_TITLE },
      },
    },
  ];
}

function twoParameters(
  results: LeakResults,
  sweep: LeakSweep,
  of: (cell: SweepCell) => number,
  format: HeatMap['format'],
): HeatMap | undefined {
  const [across, down] = sweep.parameters;
  if (across === undefined || down === undefined) return undefined;
  // The highest on top, as on any other vertical axis.
  const rows = [...down.values].sort((a, b) => b - a);
  const columns = [...across.values].sort((a, b) => a - b);
  const maps = alike(outcomesOf(results, sweep), figures).map((group) => ({
    title: alikeName(group),
    color: group.color,
    values: rows.map((row) =>
      columns.map((column) => {
        const cell = cellAt(group.first, [column, row]);
        return cell === undefined ? null : of(cell);
      }),
    ),
  }));
  return {
    across: { title: across.key, values: columns },
    down: { title: down.key, values: rows },
    ...{ maps, format },
  };
}

/** Where no id was left, in words: a heat map has no room for that. */
function refusedNotes(results: LeakResults, sweep: LeakSweep): Note[] {
  return outcomesOf(results, sweep).flatMap(({ strategy, cells }): Note[] => {
    const refused = cells.filter((cell) => cell.refused > 0);
    if (refused.length === 0) return [];
    const of = formatCounted(cells.length, 'combination');
    return [
      {
        text: `${strategy}: in ${formatCount(refused.length)} of ${of} cgroups could not be created for want of an id.`,
        tone: 'bad',
      },
    ];
  });
}

/** Figures of every combination, if the record is of a sweep. */
export function sweepSections({ results }: LeakRecord): Section[] {
  const { sweep } = results;
  if (sweep === null || sweep.cells.length === 0) return [];
  if (sweep.parameters.length < 2) return oneParameter(results, sweep);
  const names = sweep.parameters.map(({ key }) => key).join(' and ');
  const after = spanText(results, lastDay(results));
  const dying = twoParameters(results, sweep, ({ dying }) => dying, formatMean);
  const held = twoParameters(results, sweep, ({ heldBytes }) => heldBytes, formatBytes);
  if (dying === undefined || held === undefined) return [];
  return [
    {
      title: 'Sweep, dying cgroups',
      how: `over ${names}, after ${after}; one scale for all maps.`,
      heatMap: dying,
      notes: refusedNotes(results, sweep),
    },
    {
      title: 'Sweep, memory',
      how: `what removed cgroups left, over ${names}, after ${after}; one scale for all maps.`,
      heatMap: held,
    },
  ];
}
