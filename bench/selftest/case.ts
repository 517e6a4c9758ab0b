/**
 * What a selftest is: conditions that hold or not, written once for all strategies, and beside them, as
 * data, where the kernel of a strategy is known to break them.
 */
import type { World } from './world.ts';

/** One condition of a test. */
export interface Check {
  /** A word that expectations name it by. */
  readonly what: string;
  readonly ok: boolean;
  /** The figures that decided it. */
  readonly detail: string;
}

/** What a run found: by the kernel's thresholds, and what must be exact besides. */
export interface Findings {
  readonly kernel: readonly Check[];
  /** Conditions of the strict row, which has those of the kernel's row too. */
  readonly strict: readonly Check[];
}

/** By which thresholds: the kernel's own, or zero error once everything is drained. */
export type Threshold = 'kernel' | 'strict';

/** A strategy that does not pass, why, and who says so. */
export interface ExpectedFailure {
  readonly strategies: readonly string[];
  /** The rows that fail. */
  readonly thresholds: readonly Threshold[];
  /** Exactly these conditions do not hold; any other that fails is not expected. */
  readonly fails: readonly string[];
  readonly reason: string;
  readonly source: string;
}

/** A test that can be run. */
export interface RunnableCase {
  readonly name: string;
  /** Where the test comes from. */
  readonly source: string;
  /** What it does and what it shows, in a sentence. */
  readonly about: string;
  /** Where it differs from the kernel's own in what stands for what; empty for nowhere. */
  readonly standsFor: string;
  run(world: World): Findings;
  /** Everything else is expected to pass. */
  readonly expected: readonly ExpectedFailure[];
}

/** A test, or a part of one, about something that the model has not. */
export interface SkippedCase {
  readonly name: string;
  readonly source: string;
  readonly about: string;
  readonly skipped: string;
}

/** A test of the suite. */
export type SelftestCase = RunnableCase | SkippedCase;

/** A condition, and the figures that decided it. */
export function check(what: string, ok: boolean, detail: string): Check {
  return { what, ok, detail };
}

/** Holds when a figure is exactly another; `unit` says of what. */
export function same(what: string, found: number, wanted: number, unit: string): Check {
  const ok = found === wanted;
  return check(what, ok, `${found} ${unit}${ok ? '' : `, not ${wanted}`}`);
}
