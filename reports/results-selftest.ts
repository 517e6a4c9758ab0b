/** Schema of what `selftest` puts under `results`: tests of the kernel, and more, on the model. */
import { z } from 'zod';
import { count, name, open } from './results-parts.ts';

const testSchema = open({
  /** As the kernel calls it, without `test_`; `.strict` is the same with zero error after draining. */
  name,
  strategy: name,
  threshold: z.enum(['kernel', 'strict']),
  /** Whether the test passed; false for one that was skipped. */
  ok: z.boolean(),
  outcome: z.enum(['pass', 'fail', 'skip', 'error']),
  /** What the kernel of this strategy does. */
  expected: z.enum(['pass', 'fail', 'skip']),
  /** Conditions that do not hold: those that are known, and those that were found. */
  expectedFailures: z.array(z.string()),
  failures: z.array(z.string()),
  /** Whether it came out as expected, to the condition. */
  asExpected: z.boolean(),
  /** The figures that decided it; why, for a test that was skipped. */
  detail: z.string(),
  /** Why a failure is expected, and who says so; empty otherwise. */
  reason: z.string(),
  reasonSource: z.string(),
  /** Where the test comes from, what it does, what stands for what. */
  source: z.string(),
  about: z.string(),
  standsFor: z.string(),
});

const kernelSchema = open({
  strategy: name,
  /** The kernel that it stands for; null for a design that none had. */
  release: z.string().nullable(),
});

/** Results of `selftest`. */
export const selftestResults = open({
  /** CPUs of the machines under test. */
  cpus: count,
  strategies: z.array(kernelSchema),
  tests: z.array(testSchema),
});

/** Results of `selftest`. */
export type SelftestResults = z.infer<typeof selftestResults>;
/** One test under one strategy. */
export type SelftestTest = z.infer<typeof testSchema>;
