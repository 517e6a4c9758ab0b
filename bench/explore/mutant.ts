/** What a mutant is: data beside the explorer, of which the core knows nothing. */
import type { Patch } from './patched-core.ts';

/** A bug that can be put back. */
export interface Mutant {
  readonly id: string;
  readonly title: string;
  /** Where it is known from. */
  readonly source: string;
  readonly patches: readonly Patch[];
  /** What the kernel of that time did differently beside the bug; right by itself. */
  readonly control?: readonly Patch[];
  readonly scenario: string;
  readonly strategy: string;
  /** Invariants of which the first break must name one. */
  readonly breaks: readonly string[];
}

/** A bug that the model cannot express. */
export interface NotExpressible {
  readonly id: string;
  readonly title: string;
  readonly why: string;
}
