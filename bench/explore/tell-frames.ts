/**
 * The machine after each step of a schedule that is told, for a picture that moves. A told replay sees
 * every word that is written, so its memory is followed from the beginning.
 */
import type { FullConfig } from '../../core/tables.ts';
import type { Frame, Frames, Touch } from '../../reports/results-frames.ts';
import { frameChange } from '../picture/changes.ts';
import { frameOf, type MachineWords } from '../picture/frame.ts';
import { touchedRow } from '../picture/touches.ts';
import type { Ending, Memory } from './job.ts';
import type { SeenStep } from './telling.ts';
import type { RowNames } from './world.ts';

/** Kinds of steps that change nothing. */
const LOOKS = new Set(['load', 'peek', 'plain read']);

/** A run that was told. */
interface Run {
  readonly config: FullConfig;
  readonly names: RowNames;
  readonly steps: readonly SeenStep[];
  readonly ending: Ending;
}

function machineOf(config: FullConfig, { columns }: Ending, memory: Memory): MachineWords {
  const { main, strategy } = memory;
  const found = new Map<string, Int32Array>();
  for (const { name, base, length } of columns) {
    const inMain = base < main.length;
    const start = inMain ? base : base - main.length;
    found.set(name, (inMain ? main : strategy).subarray(start, start + length));
  }
  return { config, column: (name) => found.get(name) };
}

/** Writes what a step wrote. */
function apply({ main, strategy }: Memory, { word, before, after }: SeenStep): void {
  if (before === after) return;
  if (word < main.length) main[word] = after;
  else strategy[word - main.length] = after;
}

/** The row that a step is about, if it is in the picture. */
function touchOf({ config, ending }: Run, { word, kind }: SeenStep): Touch | null {
  const column = ending.columns.find(({ base, length }) => word >= base && word < base + length);
  if (column === undefined) return null;
  const row = touchedRow(config, column.name, word - column.base, column.length);
  if (row === null || row.row === 0) return null;
  return { ...row, how: LOOKS.has(kind) ? 'read' : 'write' };
}

/**
 * The moments after the told steps, in the order of all steps. A step that was told as one of several
 * (a loop that looks again) stands for all of them.
 */
export function tellFrames(run: Run, told: readonly SeenStep[]): Frames {
  const { main, strategy } = run.ending.start;
  const memory = { main: main.slice(), strategy: strategy.slice() };
  const machine = machineOf(run.config, run.ending, memory);
  const look = (): Frame => frameOf(machine, run.names);
  const first = look();
  const moments: Frames['moments'] = [];
  const places = new Map(told.map((step, place) => [step, place]));
  let last = first;
  for (const step of [...run.steps].sort((a, b) => a.sequence - b.sequence)) {
    apply(memory, step);
    const place = places.get(step);
    if (place === undefined) continue;
    const now = look();
    const change = frameChange(last, now);
    const touched = touchOf(run, step);
    if (change !== null || touched !== null) {
      moments.push({
        step: place,
        ...(change === null ? {} : { change }),
        ...(touched === null ? {} : { touched }),
      });
    }
    last = now;
  }
  return { first, moments };
}
