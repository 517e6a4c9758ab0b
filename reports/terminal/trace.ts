/**
 * Traces on a terminal: a lane a CPU, each step wrapped within its lane. The source of a step stands to
 * the right of all lanes where that leaves them room, else beside or below the step in its own lane;
 * where even lanes would be too narrow to read, all steps share one column and each says which CPU it is of.
 */
import { formatCounted, MISSING } from '../format.ts';
import type { Trace, TraceLine } from '../pages/page.ts';
import type { Paint, Styles } from './styles.ts';
import { padEnd, padStart, truncate, visibleLength, wrap } from './text.ts';

/** Narrower than this, most steps take several lines. */
const LANE_MIN = 28;
/** Lanes keep at least this much beside a column of sources. */
const LANE_ROOMY = 32;
const SEPARATOR_WIDTH = 3;
const GAP = '  ';
const NAME_WIDTH_MAX = 20;
/** Between what something was and what it is now. */
const BECOMES = ' -> ';

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
  return `… ${formatCounted(skipped, 'step')}`;
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

/** Breaks what a step says where it is read most easily: before what a value became, or the value. */
function wrapStep(text: string, width: number): string[] {
  if (visibleLength(text) <= width) return wrap(text, width);
  const becomes = text.lastIndexOf(BECOMES);
  const value = text.indexOf(': ');
  const rest = width - GAP.length;
  const indented = (piece: string): string[] => wrap(piece, rest).map((line) => GAP + line);
  if (becomes > 0) {
    return [...wrapStep(text.slice(0, becomes), width), ...indented(text.slice(becomes))];
  }
  if (value > 0 && value < width && visibleLength(text.slice(value + 2)) <= rest) {
    return [text.slice(0, value + 1), ...indented(text.slice(value + 2))];
  }
  return wrap(text, width, GAP);
}

/** A step and its source: at the right edge of its last line if the file's name fits there, else below. */
function withSource(line: TraceLine, width: number, paint: Paint, styles: Styles): string[] {
  const pieces = wrapStep(textOf(line), width);
  const last = pieces.at(-1) ?? '';
  const painted = pieces.map(paint);
  if (line.source === '') return painted;
  const room = width - visibleLength(last);
  const beside = shortened(line.source, room - GAP.length);
  if (visibleLength(beside) + GAP.length <= room) {
    return [...painted.slice(0, -1), paint(last) + styles.quiet(padStart(beside, room))];
  }
  const below = wrap(shortened(line.source, width - GAP.length), width - GAP.length);
  return [...painted, ...below.map((piece) => GAP + styles.quiet(piece))];
}

/** Lays painted text in each lane beside another, and a source to the right of them. */
function rowOf(layout: Layout, cells: readonly string[], source: string, styles: Styles): string {
  const shown = cells.map((text, lane) => padEnd(text, layout.lanes[lane] ?? 0));
  const lanes = shown.join(` ${styles.quiet('│')} `);
  return (source === '' ? lanes : lanes + GAP + styles.quiet(source)).trimEnd();
}

function headingRows(trace: Trace, layout: Layout, styles: Styles): string[] {
  const wrapped = layout.cpus.map((cpu, lane) =>
    wrap(cpuHeading(trace, cpu), layout.lanes[lane] ?? 1),
  );
  const height = Math.max(0, ...wrapped.map((lines) => lines.length));
  const rows = Array.from({ length: height }, (_, line) => {
    const cells = wrapped.map((lines) => styles.heading(lines[line] ?? ''));
    return rowOf(layout, cells, '', styles);
  });
  return [...rows, styles.quiet(layout.lanes.map((lane) => '─'.repeat(lane)).join('─┼─'))];
}

/** A rule with a text in it, as long as the lanes are wide, or longer if the text is. */
function ruleRow(text: string, lanes: number, width: number, styles: Styles): string {
  const start = truncate(`── ${text} ──`, width);
  return styles.quiet(start + '─'.repeat(Math.max(0, lanes - visibleLength(start))));
}

/** A step and what stands above it, all in the lane of its CPU. */
function stepRows(line: TraceLine, layout: Layout, width: number, styles: Styles): string[] {
  const { source, skipped, mark } = line;
  const at = layout.cpus.indexOf(line.cpu);
  const own = layout.lanes[at] ?? 1;
  const paint = styles.line(at);
  const inLane = (pieces: readonly string[], beside = ''): string[] =>
    pieces.map((piece, index) => {
      const cells = layout.cpus.map((_, lane) => (lane === at ? piece : ''));
      return rowOf(layout, cells, index === 0 ? beside : '', styles);
    });
  const all = layout.lanes.reduce((sum, lane) => sum + lane + SEPARATOR_WIDTH, -SEPARATOR_WIDTH);
  return [
    ...(mark === undefined ? [] : [ruleRow(mark, all, width, styles)]),
    ...(skipped === 0 ? [] : inLane(wrap(skippedText(skipped), own).map(styles.quiet))),
    ...(layout.sourceBeside
      ? inLane(wrapStep(textOf(line), own).map(paint), source)
      : inLane(withSource(line, own, paint, styles))),
  ];
}

/** All steps one below the other, each with its CPU to the left. */
function listRows(trace: Trace, width: number, styles: Styles): string[] {
  const cpus = cpusOf(trace);
  const label = Math.max(...cpus.map((cpu) => `CPU ${cpu}`.length)) + GAP.length;
  const block = (lines: readonly string[], first: string): string[] =>
    lines.map((line, at) => padEnd(at === 0 ? first : '', label) + line);
  const steps = trace.lines.flatMap((line) => {
    const { cpu, skipped, mark } = line;
    const paint = styles.line(cpus.indexOf(cpu));
    const name = `CPU ${cpu}`;
    const left = wrap(skippedText(skipped), width - label).map(styles.quiet);
    return [
      ...(mark === undefined ? [] : [ruleRow(mark, width, width, styles)]),
      ...(skipped === 0 ? [] : block(left, styles.quiet(name))),
      ...block(withSource(line, width - label, paint, styles), paint(name)),
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
