/**
 * What a report page consists of, whatever it is shown on. A page is built once from a record
 * (`pages/build.ts`); the terminal and Markdown views only lay it out.
 */

/** How a piece of text is meant; views may colour it, none may rely on the colour. */
export type Tone = 'good' | 'bad' | 'warn' | 'quiet';

/** One figure; `detail` is its interval or relation, shown beside or below it. */
export interface Cell {
  text: string;
  detail?: string;
  tone?: Tone;
}

/** One line of a table. */
export interface Row {
  label: string;
  cells: Cell[];
  /** Set where the details may be left out when they do not fit beside their figures. */
  brief?: true;
}

/** A table with a label column. Figures of one column belong to one strategy, cache or the like. */
export interface Table {
  columns: string[];
  rows: Row[];
  /** Set where labels are phrases: one that is too long goes on below, rather than be cut. */
  wrapLabels?: true;
}

/** A named line of a chart; points with a missing value, or one that its axis cannot show, are left out. */
export interface Series {
  name: string;
  points: { x: number; y: number }[];
  /** Between which values most of what the line is the middle of lies: shaded behind it. */
  band?: { x: number; low: number; high: number }[];
  /** Set where the points stand alone, each as this character, over the lines of the others. */
  mark?: string;
  /** Which colour it has; that of its place among the series where it is not set. */
  color?: number;
}

/** A line chart. */
export interface Chart {
  series: Series[];
  xTitle: string;
  formatY: (value: number) => string;
  /** Default `log`. On a linear axis a line is densely sampled, and what falls on one spot is its peak. */
  xAxis?: 'log' | 'linear';
  /** Default `log`; a linear one begins at 0. */
  yAxis?: 'log' | 'linear';
  /** What the bands are; needed where a series has one. */
  bandTitle?: string;
  /** Set where the shape is what the page is about: it gets more rows. */
  tall?: true;
}

/** What something is made of at several times, a bar each. The table beside it explains the marks. */
export interface Bars {
  /** Each part is drawn with a mark of its own; those in the background are quiet. */
  parts: { name: string; mark: string; background: boolean }[];
  groups: { title: string; bars: { label: string; values: number[] }[] }[];
  format: (value: number) => string;
}

/** A figure over two parameters, once for each of several strategies, all to one scale. */
export interface HeatMap {
  across: { title: string; values: number[] };
  down: { title: string; values: number[] };
  /** `values[row][column]`; null where there is none. */
  maps: { title: string; color: number; values: (number | null)[][] }[];
  format: (value: number) => string;
}

/** A value that was chosen, and why. */
export interface Setting {
  key: string;
  value: string;
  from: string;
  /** Nobody chose it: it is what it usually is. */
  usual: boolean;
}

/** A sentence that stands on its own. */
export interface Note {
  text: string;
  tone?: Tone;
  /** What it lists, a line each. */
  points?: readonly string[];
}

/** Something that is told in several parts, each with a name. */
export interface Entry {
  title: string;
  parts: { name: string; text: string; tone?: Tone }[];
}

/** One step of a trace. */
export interface TraceLine {
  cpu: number;
  text: string;
  /** File and line; empty where there is none. */
  source: string;
  /** Steps of this CPU just before that are left out. */
  skipped: number;
  /** Stands above the line and is no step of any CPU: a switch that the schedule asks for. */
  mark?: string;
}

/** What several CPUs did, each in a column of its own, in the order in which it happened. */
export interface Trace {
  /** What each CPU is there for, CPU 0 first. */
  cpus: string[];
  lines: TraceLine[];
  /** How things stood when it was over. */
  ends: { name: string; state: string }[];
}

/** One question answered: a heading, a sentence on how to read it, and the answer. */
export interface Section {
  title: string;
  how: string;
  table?: Table;
  chart?: Chart;
  bars?: Bars;
  heatMap?: HeatMap;
  settings?: Setting[];
  trace?: Trace;
  entries?: Entry[];
  notes?: Note[];
  /** Set where few will want to read it: Markdown folds it, under its title. */
  folded?: true;
}

/** A whole report. */
export interface Page {
  title: string;
  /** Where, when and on what: one line each. */
  facts: string[];
  /** What the facts are about; default `Measured on`. */
  factsTitle?: string;
  /** What else to know about the input, the most important first. */
  notes: string[];
  warnings: string[];
  /** Set where the warnings must be read before anything else, in Markdown as well. */
  warningsFirst?: true;
  sections: Section[];
  /** The answer in words, one paragraph each. */
  verdict: Note[];
}
