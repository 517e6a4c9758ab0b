/** Schemas of what `claims` puts under `results`. Nothing in them is timed: a seed gives the same results. */
import { z } from 'zod';
import { violationSchema } from './results-explore.ts';
import { count, name, open } from './results-parts.ts';

/**
 * `cannot tell`: a search was cut short, or a bug that it should have found was not; `not modelled`: nothing
 * was run.
 */
const verdict = z.enum(['holds', 'fails', 'holds with limits', 'cannot tell', 'not modelled']);

const figureSchema = open({ name, value: z.number() });

/** A search of the explorer that the verdict rests on. */
const searchSchema = open({
  scenario: name,
  strategy: name,
  /** What was put back or left as the kernel had it (`M08`, `D1`); empty for the core as it is. */
  variant: z.string(),
  /** Invariant that broke; empty if none did. */
  broke: z.string(),
  schedules: count,
  preemptionBound: count,
  exhaustive: z.boolean(),
});

/** The smallest state or schedule that shows something. */
const witnessSchema = open({
  what: name,
  /** As `explore` writes it; empty where a state shows it without one. */
  schedule: z.string(),
  /** Shows the schedule again, step by step; empty likewise. */
  command: z.string(),
  violation: violationSchema.nullable(),
});

const claimSchema = open({
  id: name,
  group: z.enum(['cover letter', 'patch text', 'open question', 'May 2026']),
  statement: name,
  source: name,
  verdict,
  evidence: name,
  expected: verdict,
  /** Who says what to expect. */
  expectedSource: name,
  experiment: name,
  /** What the series did about it; empty but for open questions. */
  resolution: z.string(),
  strategy: name,
  figures: z.array(figureSchema),
  searches: z.array(searchSchema),
  witnesses: z.array(witnessSchema),
  /** Repeats this row. */
  command: name,
});

/** Results of `claims`. */
export const claimsResults = open({
  claims: z.array(claimSchema),
  /** What failed in the experiments themselves. */
  failures: z.array(z.string()),
});

/** How a claim came out. */
export type ClaimVerdict = z.infer<typeof verdict>;
/** A number that was measured. */
export type ClaimFigure = z.infer<typeof figureSchema>;
/** A search that a verdict rests on. */
export type ClaimSearch = z.infer<typeof searchSchema>;
/** The smallest state or schedule that shows something. */
export type ClaimWitness = z.infer<typeof witnessSchema>;
/** A claim and how it came out. */
export type ClaimResult = z.infer<typeof claimSchema>;
/** Results of `claims`. */
export type ClaimsResults = z.infer<typeof claimsResults>;
