/** The suite, and one strategy taken through it. */
import type { SelftestTest } from '../../reports/results-selftest.ts';
import { ACCOUNT_CASES } from './accounts.ts';
import type {
  Check,
  ExpectedFailure,
  Findings,
  RunnableCase,
  SelftestCase,
  Threshold,
} from './case.ts';
import { KEEPER_CASES } from './keepers.ts';
import { KMEM_CASES } from './kmem.ts';
import { LIMIT_CASES } from './limits.ts';
import { MEMCONTROL_CASES } from './memcontrol.ts';
import { KMEM_SKIPPED, MEMCONTROL_SKIPPED } from './not-modelled.ts';
import { OWNER_CASES } from './owners.ts';
import { makeWorld } from './world.ts';

/** All tests, in the order in which they run. */
export const SUITE: readonly SelftestCase[] = [
  ...[...KMEM_CASES, ...KMEM_SKIPPED],
  ...[...MEMCONTROL_CASES, ...MEMCONTROL_SKIPPED],
  ...[...KEEPER_CASES, ...OWNER_CASES, ...ACCOUNT_CASES, ...LIMIT_CASES],
];

/** One strategy, and how large. */
export interface SuiteTask {
  readonly strategy: string;
  readonly cpus: number;
  readonly quick: boolean;
  readonly seed: number;
}

const NONE: Pick<SelftestTest, 'reason' | 'reasonSource'> = { reason: '', reasonSource: '' };

function nameOf(test: SelftestCase, threshold: Threshold): string {
  return threshold === 'kernel' ? test.name : `${test.name}.strict`;
}

function expectedOf(
  test: RunnableCase,
  strategy: string,
  threshold: Threshold,
): ExpectedFailure | undefined {
  return test.expected.find(
    (one) => one.strategies.includes(strategy) && one.thresholds.includes(threshold),
  );
}

/** What failed if anything did, otherwise the figures of all conditions. */
function detailOf(checks: readonly Check[]): string {
  const failed = checks.filter(({ ok }) => !ok);
  return (failed.length === 0 ? checks : failed).map(({ detail }) => detail).join('; ');
}

/** A row from what was found. */
function rowOf(
  test: RunnableCase,
  strategy: string,
  threshold: Threshold,
  checks: readonly Check[],
): SelftestTest {
  const failed = checks.filter(({ ok }) => !ok).map(({ what }) => what);
  const known = expectedOf(test, strategy, threshold);
  const ok = failed.length === 0;
  return {
    ...{ name: nameOf(test, threshold), strategy, threshold, ok, outcome: ok ? 'pass' : 'fail' },
    expected: known === undefined ? 'pass' : 'fail',
    expectedFailures: [...(known?.fails ?? [])],
    failures: failed,
    asExpected: sameWords(failed, known?.fails ?? []),
    detail: detailOf(checks),
    ...(known === undefined ? NONE : { reason: known.reason, reasonSource: known.source }),
    ...{ source: test.source, about: test.about, standsFor: test.standsFor },
  };
}

function sameWords(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word) => b.includes(word));
}

/** A test that ended in an exception is wrong under every expectation. */
function errorRow(
  test: RunnableCase,
  strategy: string,
  threshold: Threshold,
  error: Error,
): SelftestTest {
  const said = `${error.name}: ${error.message}`;
  return {
    ...rowOf(test, strategy, threshold, []),
    ...{ ok: false, outcome: 'error', asExpected: false, detail: said },
  };
}

/** What was found, or thrown, against what is expected of a strategy: a row for each threshold. */
export function judge(
  test: RunnableCase,
  strategy: string,
  found: Findings | Error,
): [kernel: SelftestTest, strict: SelftestTest] {
  if (found instanceof Error) {
    return [errorRow(test, strategy, 'kernel', found), errorRow(test, strategy, 'strict', found)];
  }
  const { kernel, strict } = found;
  return [
    rowOf(test, strategy, 'kernel', kernel),
    rowOf(test, strategy, 'strict', [...kernel, ...strict]),
  ];
}

function findingsOf(test: RunnableCase, task: SuiteTask): Findings | Error {
  try {
    return test.run(makeWorld(task));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Takes a strategy through one test: a row for each threshold. */
function runCase(test: SelftestCase, task: SuiteTask): SelftestTest[] {
  if (!('skipped' in test)) return judge(test, task.strategy, findingsOf(test, task));
  const { name, source, about, skipped } = test;
  return [
    {
      ...{ name, strategy: task.strategy, threshold: 'kernel', ok: false, outcome: 'skip' },
      ...{ expected: 'skip', expectedFailures: [], failures: [], asExpected: true },
      ...{ detail: skipped, ...NONE, source, about, standsFor: '' },
    },
  ];
}

/** Takes a strategy through all tests, or those of some names; tells after each how many are over. */
export function runSuite(
  task: SuiteTask,
  only: readonly string[] | null,
  onTest: (done: number) => void = () => {},
): SelftestTest[] {
  const chosen = SUITE.filter(({ name }) => only === null || only.includes(name));
  return chosen.flatMap((test, at) => {
    const rows = runCase(test, task);
    onTest(at + 1);
    return rows;
  });
}
