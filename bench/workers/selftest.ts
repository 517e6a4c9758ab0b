/** Worker of `selftest`: one strategy taken through the suite. */
import type { SelftestTest } from '../../reports/index.ts';
import { runSuite, type SuiteTask } from '../selftest/suite.ts';

/** Runs the suite, or the tests that were chosen. */
export function suite(
  task: SuiteTask & { readonly only: readonly string[] | null },
): SelftestTest[] {
  return runSuite(task, task.only);
}
