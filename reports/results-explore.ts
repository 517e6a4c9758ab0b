/**
 * Schemas of what `explore` puts under `results`. A schedule is text: `12:1,52:0` means that before
 * decision 12 CPU 1 goes on and before decision 52 CPU 0; `-` that nobody is made to switch. A decision
 * is counted whenever a CPU arrives at a shared step, waits or ends.
 */
import { z } from 'zod';
import { framesSchema } from './results-frames.ts';
import { amount, count, name, open } from './results-parts.ts';

/**
 * One line of a schedule that is told: what a CPU did. In the order in which the steps were taken;
 * `decision` is the one at which the CPU arrived there, so it may be smaller than that of the line before.
 */
const stepSchema = open({
  decision: count,
  cpu: count,
  text: z.string(),
  /** File and line in the model's source. */
  source: z.string(),
  /** Steps of that CPU before this one that are left out: no other CPU could notice them, or they are far from any switch. */
  skipped: count,
});

/** A row at the end of a run, in words. */
const rowSchema = open({ name, state: z.string() });

/** An invariant that broke, and the schedule that broke it. */
export const violationSchema = open({
  invariant: name,
  detail: z.string(),
  schedule: name,
  preemptions: count,
  /** What each CPU does. */
  threads: z.array(z.string()),
  steps: z.array(stepSchema),
  rows: z.array(rowSchema),
  /** The machine at each told step, for a picture of it; older records have none. */
  frames: framesSchema.optional(),
});

/** How schedules were chosen. */
const searched = {
  /** Nothing within the bound is left; false if it was cut short, ended at a find, or has no bound. */
  exhaustive: z.boolean(),
  /** Most preemptions; only a bounded search has any. */
  preemptionBound: count,
  search: z.enum(['bounded', 'random', 'pct', 'replay']),
};

const scenarioSchema = open({
  name,
  summary: z.string(),
  strategy: name,
  threads: count,
  schedules: count,
  states: count,
  /** Decisions of the longest schedule. */
  decisions: count,
  ...searched,
  seconds: amount,
  violations: z.array(violationSchema),
});

const mutantSchema = open({
  id: name,
  title: name,
  scenario: name,
  strategy: name,
  found: z.boolean(),
  /** Schedules that were run until it was found. */
  schedules: count,
  seconds: amount,
  ...searched,
  /** Invariants of which it must break one, and the one that broke. */
  expected: z.array(z.string()),
  invariant: z.string(),
  /** The schedule with the fewest switches that shows it; empty if it was not found. */
  shortest: z.string(),
  violation: violationSchema.nullable(),
});

const findingSchema = open({
  id: name,
  statement: name,
  kernels: name,
  scenario: name,
  strategy: name,
  expected: z.enum(['shown', 'refuted']),
  verdict: z.enum(['shown', 'refuted', 'cannot tell']),
  schedules: count,
  seconds: amount,
  ...searched,
  shortest: z.string(),
  consequence: z.string(),
  remedy: z.string(),
  violation: violationSchema.nullable(),
});

/** Results of `explore`. */
export const exploreResults = open({
  scenarios: z.array(scenarioSchema),
  mutants: z.array(mutantSchema),
  /** Mutants that the model cannot express, and why. */
  notExpressible: z.array(open({ id: name, title: name, why: z.string() })),
  /** Behaviour of the faithful rules that nobody reported: shown or refuted. */
  findings: z.array(findingSchema),
  /** The explorer's own failures. */
  failures: z.array(z.string()),
});

/** One line of a schedule that is told. */
export type ExploreStep = z.infer<typeof stepSchema>;
/** An invariant that broke, and how. */
export type ExploreViolation = z.infer<typeof violationSchema>;
/** A scenario under one strategy. */
export type ExploreScenario = z.infer<typeof scenarioSchema>;
/** A historical bug put back. */
export type ExploreMutant = z.infer<typeof mutantSchema>;
/** A suspected bug of the faithful rules. */
export type ExploreFinding = z.infer<typeof findingSchema>;
/** Results of `explore`. */
export type ExploreResults = z.infer<typeof exploreResults>;
