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

/** A named line of a chart; points with a missing or non-positive value are left out. */
export interface Series {
  name: string;
  points: { x: number; y: number }[];
}

/** A line chart, the y axis logarithmic. */
export interface Chart {
  series: Series[];
  xTitle: string;
  formatY: (value: number) => string;
  /** Default `log`. On a linear axis a line is densely sampled, and what falls on one spot is its peak. */
  xAxis?: 'log' | 'linear';
}

/** A sentence that stands on its own. */
export interface Note {
  text: string;
  tone?: Tone;
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
  trace?: Trace;
  entries?: Entry[];
  notes?: Note[];
}

/** A whole report. */
export interface Page {
  title: string;
  /** Where, when and on what: one line each. */
  facts: string[];
  /** What else to know about the input, the most important first. */
  notes: string[];
  warnings: string[];
  sections: Section[];
  /** The answer in words, one paragraph each. */
  verdict: Note[];
}
