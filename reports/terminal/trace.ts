/**
 * Traces on a terminal: a lane a CPU, each step wrapped within its lane. The source of a step stands to
 * the right of all lanes where that leaves them room, else below the step; where even lanes would be too
 * narrow to read, all steps share one column and each says which CPU it is of.
 */
import { formatCounted, MISSING } from '../format.ts';
import type { Trace, TraceLine } from '../pages/page.ts';
import type { Paint, Styles } from './styles.ts';
import { padEnd, truncate, visibleLength, wrap } from './text.ts';

/** Narrower than this, a step is a pillar of single words. */
const LANE_MIN = 24;
/** Lanes keep at least this much beside a column of sources. */
const LANE_ROOMY = 32;
const SEPARATOR_WIDTH = 3;
const GAP = '  ';
const NAME_WIDTH_MAX = 20;

/** A piece of text and how it is shown. */
interface Piece {
  text: string;
  paint: Paint;
}

interface Layout {
  cpus: number[];
  /** Width of each CPU's lane. */
  lanes: number[];
  sourceBeside: boolean;
}

/** The CPUs of a trace, lowest first: those with a heading, and those of which there is a step. */
export function cpusOf(trace: Trace): number[] {
  const all = new Set([...trace.cpus.keys(), ...trace.lines.map(({ cpu }) => cpu)]);
  return [...all].sort((a, b) => a - b);
}

/** What stands above the steps of a CPU. */
export function cpuHeading(trace: Trace, cpu: number): string {
  const title = trace.cpus[cpu] ?? '';
  return title === '' ? `CPU ${cpu}` : `CPU ${cpu}: ${title}`;
}

/** Says that steps are left out. */
export function skippedText(skipped: number): string {
  return `… ${formatCounted(skipped, 'step')} unnoticed by others`;
}

/** A step without words still is a step, and has a source. */
function textOf({ text }: TraceLine): string {
  return text.trim() === '' ? MISSING : text;
}

function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, visibleLength(text)), 0);
}

/** Gives each what it wants; where there is not enough, the widest share what the others leave. */
function share(wanted: readonly number[], total: number): number[] {
  const widths = wanted.map(() => 0);
  const narrowFirst = [...wanted.keys()].sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  let left = total;
  for (const [done, index] of narrowFirst.entries()) {
    const width = Math.min(wanted[index] ?? 0, Math.floor(left / (wanted.length - done)));
    widths[index] = width;
    left -= width;
  }
  return widths;
}

/** Lanes for a width, or null where they would be too narrow. */
function layoutFor(trace: Trace, width: number): Layout | null {
  const cpus = cpusOf(trace);
  const sources = widest(trace.lines.map(({ source }) => source));
  const wantedBy = (more: (line: TraceLine) => string[]): number[] =>
    cpus.map((cpu) => {
      const own = trace.lines.filter((line) => line.cpu === cpu);
      return Math.max(widest([cpuHeading(trace, cpu)]), widest(own.flatMap(more)));
    });
  const told = ({ text, skipped }: TraceLine): string[] =>
    skipped === 0 ? [text] : [text, skippedText(skipped)];

  const room = width - SEPARATOR_WIDTH * (cpus.length - 1);
  const beside = sources === 0 ? room : room - GAP.length - sources;
  const wanted = wantedBy(told);
  const all = wanted.reduce((sum, one) => sum + one, 0);
  if (all <= beside || beside >= LANE_ROOMY * cpus.length) {
    return { cpus, lanes: share(wanted, beside), sourceBeside: true };
  }
  if (room < LANE_MIN * cpus.length) return null;
  const below = wantedBy((line) => [...told(line), GAP + line.source]);
  return { cpus, lanes: share(below, room), sourceBeside: false };
}

/** A path that is too long loses folders from the left: the file and the line are what counts. */
function shortened(source: string, width: number): string {
  let short = source;
  while (visibleLength(short) > width && short.includes('/')) {
    short = short.slice(short.indexOf('/') + 1);
  }
  return short;
}

/** Lays one piece of text in each lane beside another, and a source to the right of them. */
function rowOf(layout: Layout, cells: readonly Piece[], source: string, styles: Styles): string {
  const shown = cells.map(({ text, paint }, lane) =>
    padEnd(text === '' ? '' : paint(text), layout.lanes[lane] ?? 0),
  );
  const lanes = shown.join(` ${styles.quiet('│')} `);
  return (source === '' ? lanes : lanes + GAP + styles.quiet(source)).trimEnd();
}

function headingRows(trace: Trace, layout: Layout, styles: Styles): string[] {
  const wrapped = layout.cpus.map((cpu, lane) =>
    wrap(cpuHeading(trace, cpu), layout.lanes[lane] ?? 1),
  );
  const height = Math.max(0, ...wrapped.map((lines) => lines.length));
  const rows = Array.from({ length: height }, (_, line) => {
    const cells = wrapped.map((lines) => ({ text: lines[line] ?? '', paint: styles.heading }));
    return rowOf(layout, cells, '', styles);
  });
  return [...rows, styles.quiet(layout.lanes.map((lane) => '─'.repeat(lane)).join('─┼─'))];
}

/** A rule with a text in it, as long as the lanes are wide, or longer if the text is. */
function ruleRow(text: string, lanes: number, width: number, styles: Styles): string {
  const start = truncate(`── ${text} ──`, width);
  return styles.quiet(start + '─'.repeat(Math.max(0, lanes - visibleLength(start))));
}

/** A step and what stands above and below it, all in the lane of its CPU. */
function stepRows(line: TraceLine, layout: Layout, width: number, styles: Styles): string[] {
  const { source, skipped, mark } = line;
  const at = layout.cpus.indexOf(line.cpu);
  const own = layout.lanes[at] ?? 1;
  const inLane = (pieces: readonly string[], paint: Paint, beside = ''): string[] =>
    pieces.map((piece, index) => {
      const cells = layout.cpus.map((_, lane) => ({ text: lane === at ? piece : '', paint }));
      return rowOf(layout, cells, index === 0 ? beside : '', styles);
    });
  const all = layout.lanes.reduce((sum, lane) => sum + lane + SEPARATOR_WIDTH, -SEPARATOR_WIDTH);
  const below = layout.sourceBeside
    ? []
    : wrap(shortened(source, own - GAP.length), own - GAP.length);
  return [
    ...(mark === undefined ? [] : [ruleRow(mark, all, width, styles)]),
    ...(skipped === 0 ? [] : inLane(wrap(skippedText(skipped), own), styles.quiet)),
    ...inLane(wrap(textOf(line), own), styles.line(at), layout.sourceBeside ? source : ''),
    ...inLane(
      below.map((piece) => GAP + piece),
      styles.quiet,
    ),
  ];
}

/** All steps one below the other, each with its CPU to the left. */
function listRows(trace: Trace, width: number, styles: Styles): string[] {
  const cpus = cpusOf(trace);
  const label = Math.max(...cpus.map((cpu) => `CPU ${cpu}`.length)) + GAP.length;
  const indent = ' '.repeat(label);
  const block = (text: string, paint: Paint, first = indent): string[] =>
    wrap(text, width - label).map((piece, at) => (at === 0 ? first : indent) + paint(piece));
  const steps = trace.lines.flatMap((line) => {
    const { cpu, source, skipped, mark } = line;
    const paint = styles.line(cpus.indexOf(cpu));
    const name = padEnd(`CPU ${cpu}`, label);
    return [
      ...(mark === undefined ? [] : [ruleRow(mark, width, width, styles)]),
      ...(skipped === 0 ? [] : block(skippedText(skipped), styles.quiet, styles.quiet(name))),
      ...block(textOf(line), paint, paint(name)),
      ...block(shortened(source, width - label), styles.quiet),
    ];
  });
  const headings = cpus.flatMap((cpu) => wrap(cpuHeading(trace, cpu), width, GAP));
  return [...headings.map(styles.heading), ...steps];
}

function endRows({ ends }: Trace, width: number, styles: Styles): string[] {
  if (ends.length === 0) return [];
  const label = Math.min(NAME_WIDTH_MAX, widest(ends.map(({ name }) => name)));
  const rows = ends.flatMap(({ name, state }) => {
    const [first = '', ...others] = wrap(state, width - label - 2 * GAP.length);
    return [
      GAP + padEnd(truncate(name, label), label) + GAP + first,
      ...others.map((piece) => ' '.repeat(label + 2 * GAP.length) + piece),
    ];
  });
  return [styles.heading('At the end:'), ...rows].map((line) => line.trimEnd());
}

/** Lays out a trace in at most `width` columns, one string a line. */
export function renderTrace(trace: Trace, width: number, styles: Styles): string[] {
  const ends = endRows(trace, width, styles);
  if (trace.lines.length === 0) return ends;
  const layout = layoutFor(trace, width);
  if (layout === null) return [...listRows(trace, width, styles), ...ends];
  const steps = trace.lines.flatMap((line) => stepRows(line, layout, width, styles));
  return [...headingRows(trace, layout, styles), ...steps, ...ends];
}
