/** Frames as changes, and back: most moments of a schedule change one row, or none. */
import type { Frame, FrameChange } from '../../reports/results-frames.ts';

const KINDS = ['memcgs', 'caches', 'pages', 'objcgs'] as const;

interface Row {
  readonly row: number;
}

function changedRows<One extends Row>(before: readonly One[], after: readonly One[]): One[] {
  const known = new Map(before.map((one) => [one.row, JSON.stringify(one)]));
  return after.filter((one) => known.get(one.row) !== JSON.stringify(one));
}

function goneRows(before: readonly Row[], after: readonly Row[]): number[] {
  const left = new Set(after.map(({ row }) => row));
  return before.map(({ row }) => row).filter((row) => !left.has(row));
}

/** What differs, or null. */
export function frameChange(before: Frame, after: Frame): FrameChange | null {
  const change: FrameChange = {};
  const gone: NonNullable<FrameChange['gone']> = {};
  for (const kind of KINDS) {
    const changed = changedRows<Row>(before[kind], after[kind]);
    if (changed.length > 0) Object.assign(change, { [kind]: changed });
    const left = goneRows(before[kind], after[kind]);
    if (left.length > 0) gone[kind] = left;
  }
  if (Object.keys(gone).length > 0) change.gone = gone;
  if (before.rows !== after.rows) change.rows = after.rows;
  return Object.keys(change).length === 0 ? null : change;
}

function applied<One extends Row>(
  rows: readonly One[],
  changed: readonly One[],
  gone: readonly number[],
): One[] {
  const byRow = new Map(rows.map((one) => [one.row, one]));
  for (const one of changed) byRow.set(one.row, one);
  for (const row of gone) byRow.delete(row);
  return [...byRow.values()].sort((a, b) => a.row - b.row);
}

/** The moment after a change. */
export function applyChange(frame: Frame, change: FrameChange): Frame {
  const { gone = {} } = change;
  return {
    memcgs: applied(frame.memcgs, change.memcgs ?? [], gone.memcgs ?? []),
    caches: applied(frame.caches, change.caches ?? [], gone.caches ?? []),
    pages: applied(frame.pages, change.pages ?? [], gone.pages ?? []),
    objcgs: applied(frame.objcgs, change.objcgs ?? [], gone.objcgs ?? []),
    rows: change.rows ?? frame.rows,
  };
}
