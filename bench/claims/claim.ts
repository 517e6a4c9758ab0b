/** What a claim is: a sentence of the patch mails, and the experiment that decides it. */
import type { ClaimFigure, ClaimSearch, ClaimVerdict, ClaimWitness } from '../../reports/index.ts';
import type { ClaimContext } from './context.ts';

/** Where a sentence stands. */
export type ClaimGroup = 'cover letter' | 'patch text' | 'open question' | 'May 2026';

/** What an experiment found; every field of it was measured in this run. */
export interface Finding {
  readonly verdict: ClaimVerdict;
  /** Sentences with the figures in them. */
  readonly evidence: string;
  readonly figures: readonly ClaimFigure[];
  readonly searches: readonly ClaimSearch[];
  /** The smallest states or schedules that show where it fails. */
  readonly witnesses: readonly ClaimWitness[];
}

/** A sentence, in our own words, and how it is put to the model. */
export interface Claim {
  readonly id: string;
  readonly group: ClaimGroup;
  readonly statement: string;
  /** Mail or commit, its date, and its number where that is known. */
  readonly source: string;
  /** What is run. */
  readonly experiment: string;
  /** How it must come out under the rules of 5.3, and who says so. */
  readonly expected: { readonly verdict: ClaimVerdict; readonly source: string };
  /** What the series did about it, of open questions. */
  readonly resolution?: string;
  check(context: ClaimContext): Promise<Finding>;
}

/** The verdict of what held everywhere, somewhere, or not. */
export function verdictOf(holds: boolean, everywhere: boolean): ClaimVerdict {
  if (!holds) return 'fails';
  return everywhere ? 'holds' : 'holds with limits';
}

/** A finding without searches. */
export function measured(
  verdict: ClaimVerdict,
  evidence: string,
  figures: readonly ClaimFigure[],
  witnesses: readonly ClaimWitness[] = [],
): Finding {
  return { verdict, evidence, figures, searches: [], witnesses };
}

/** The first of some sizes, in ascending order, that shows something; none if no size does. */
export function smallest(
  sizes: readonly number[],
  shows: (size: number) => boolean,
  text: (size: number) => string,
): ClaimWitness[] {
  const found = sizes.find(shows);
  return found === undefined ? [] : [stateWitness(text(found))];
}

/** A state that shows something, and needs no schedule. */
export function stateWitness(what: string): ClaimWitness {
  return { what, schedule: '', command: '', violation: null };
}
