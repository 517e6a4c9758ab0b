/** Worker of `selftest`: one strategy taken through the suite. */
import type { SelftestTest } from '../../reports/index.ts';
import { runSuite, type SuiteTask } from '../selftest/suite.ts';

/** Runs the suite, or the tests that were chosen. */
export function suite(
  task: SuiteTask & {
    readonly only: readonly string[] | null;
    /** Shared: tests that are over. A plain number will do, as nobody decides by it. */
    readonly tested: Int32Array<SharedArrayBuffer>;
  },
): SelftestTest[] {
  return runSuite(task, task.only, (done) => {
    task.tested[0] = done;
  });
}
