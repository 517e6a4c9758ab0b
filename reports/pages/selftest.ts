/** The page of `selftest`, as Markdown shows it: tests by strategies. A terminal shows KTAP (ktap.ts). */
import { formatCounted } from '../format.ts';
import type { SelftestRecord } from '../record.ts';
import type { SelftestResults, SelftestTest } from '../results-selftest.ts';
import { VERDICTS, type Verdict, verdictOf } from '../selftest-facts.ts';
import { environmentFacts } from './environment.ts';
import type { Cell, Entry, Note, Page, Row, Section } from './page.ts';

const CELLS: Readonly<Record<Verdict, Cell>> = {
  pass: { text: 'ok', tone: 'good' },
  fail: { text: 'FAILS', tone: 'bad' },
  xfail: { text: 'fails, as it must', tone: 'warn' },
  xpass: { text: 'PASSES, must fail', tone: 'bad' },
  skip: { text: 'skipped', tone: 'quiet' },
  error: { text: 'ERROR', tone: 'bad' },
};

/** Tests by name, in the order of the suite. */
function byName(results: SelftestResults): Map<string, SelftestTest[]> {
  const found = new Map<string, SelftestTest[]>();
  for (const test of results.tests) {
    found.set(test.name, [...(found.get(test.name) ?? []), test]);
  }
  return found;
}

function matrix(results: SelftestResults): Section {
  const columns = results.strategies.map(({ strategy, release }) =>
    release === null ? strategy : `${strategy} (${release})`,
  );
  const rows = [...byName(results)].map(
    ([name, tests]): Row => ({
      label: name,
      cells: results.strategies.map(({ strategy }) => {
        const test = tests.find((one) => one.strategy === strategy);
        return test === undefined ? { text: '' } : CELLS[verdictOf(test)];
      }),
    }),
  );
  return {
    title: 'Tests',
    how: "a row by the kernel's thresholds, and one, .strict, with zero error once everything is drained.",
    table: { columns, rows },
  };
}

/** Tests that came out alike under several strategies are told once. */
function told(
  tests: readonly SelftestTest[],
  parts: (test: SelftestTest) => Entry['parts'],
): Entry[] {
  const entries = new Map<string, { name: string; parts: Entry['parts']; strategies: string[] }>();
  for (const test of tests) {
    const content = parts(test);
    const key = JSON.stringify([test.name, content]);
    const entry = entries.get(key) ?? { name: test.name, parts: content, strategies: [] };
    entry.strategies.push(test.strategy);
    entries.set(key, entry);
  }
  return [...entries.values()].map(({ name, parts: content, strategies }) => ({
    title: `${name}: ${strategies.join(', ')}`,
    parts: content,
  }));
}

function surprises(tests: readonly SelftestTest[]): Section[] {
  const wrong = tests.filter((test) => !test.asExpected);
  if (wrong.length === 0) return [];
  return [
    {
      title: 'Not as expected',
      how: '',
      entries: told(wrong, ({ detail, reason, expectedFailures }) => [
        { name: 'found', text: detail, tone: 'bad' },
        {
          name: 'expected',
          text:
            expectedFailures.length === 0
              ? 'to pass'
              : `to fail (${expectedFailures.join(', ')}): ${reason}`,
        },
      ]),
    },
  ];
}

function expectedFailures(tests: readonly SelftestTest[]): Section[] {
  const failed = tests.filter((test) => verdictOf(test) === 'xfail' && test.threshold === 'kernel');
  const strictAlone = tests.filter(
    (test) =>
      verdictOf(test) === 'xfail' &&
      test.threshold === 'strict' &&
      !failed.some((one) => one.strategy === test.strategy && `${one.name}.strict` === test.name),
  );
  const shown = [...failed, ...strictAlone];
  if (shown.length === 0) return [];
  return [
    {
      title: 'Expected failures',
      how: 'as the kernel of the strategy fails; a pass here would be an error. Strict rows that fail for the reason of their kernel row are left out.',
      entries: told(shown, ({ detail, reason, reasonSource }) => [
        { name: 'found', text: detail },
        { name: 'why', text: reason },
        { name: 'source', text: reasonSource },
      ]),
    },
  ];
}

function skipped(tests: readonly SelftestTest[]): Section[] {
  const rows = new Map(
    tests
      .filter(({ outcome }) => outcome === 'skip')
      .map(({ name, detail }): [string, Note] => [name, { text: `${name}: ${detail}` }]),
  );
  if (rows.size === 0) return [];
  return [
    {
      title: 'Skipped',
      how: 'tests, and parts of them, about something that the model has not.',
      notes: [...rows.values()],
    },
  ];
}

function verdict(record: SelftestRecord): Note[] {
  const { tests, strategies } = record.results;
  const counts = VERDICTS.map(
    (one) => [one, tests.filter((test) => verdictOf(test) === one).length] as const,
  );
  const of = (wanted: Verdict): number => counts.find(([one]) => one === wanted)?.[1] ?? 0;
  const wrong = tests.filter((test) => !test.asExpected).length;
  return [
    wrong === 0
      ? {
          text: `All ${formatCounted(tests.length, 'result')} under ${strategies.length === 1 ? 'one strategy' : `${strategies.length} strategies`} are as expected: ${of('pass')} passes, ${of('xfail')} failures that the kernel has too, ${of('skip')} skipped.`,
          tone: 'good',
        }
      : {
          text: `${formatCounted(wrong, 'result')} of ${tests.length} not as expected.`,
          tone: 'bad',
        },
    ...(record.complete
      ? []
      : [{ text: 'Cut short: not every strategy was tested.', tone: 'warn' } as const]),
  ];
}

/** Builds the page of the selftests. */
export function selftestPage(record: SelftestRecord): Page {
  const { results, parameters } = record;
  return {
    title: `slabsplice ${record.version} selftest: the kernel's tests on the model`,
    facts: [
      `machines of ${formatCounted(results.cpus, 'CPU')}, ${parameters.quick === true ? 'small sizes' : "the kernel's sizes"}`,
      ...environmentFacts(record),
    ],
    factsTitle: 'Run on',
    notes: [],
    warnings: record.environment.warnings,
    sections: [
      ...surprises(results.tests),
      matrix(results),
      ...expectedFailures(results.tests),
      ...skipped(results.tests),
    ],
    verdict: verdict(record),
  };
}
