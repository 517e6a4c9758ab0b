/**
 * The terminal view of `selftest`: KTAP version 1 (Documentation/dev-tools/ktap.rst), a test for each
 * strategy with the tests as its subtests. Expected failures are written as kselftest.h does, `ok` with the
 * directive XFAIL, so that whoever does not know the directive falls back to the right result; a pass that
 * is not expected is `not ok`, as ksft_finished() has it.
 */
import type { SelftestRecord } from './record.ts';
import type { SelftestTest } from './results-selftest.ts';
import { totalsText, type Verdict, verdictOf } from './selftest-facts.ts';
import { createStyles, type Styles } from './terminal/styles.ts';
import { wrap } from './terminal/text.ts';

/** One level of nesting. */
const INDENT = '  ';
/** Narrower than this nothing can be laid out. */
const WIDTH_MIN = 40;

const DIRECTIVES: Readonly<Record<Verdict, string>> = {
  ...{ pass: '', fail: '', xfail: 'XFAIL', xpass: 'XPASS', skip: 'SKIP', error: 'ERROR' },
};
const BAD: readonly Verdict[] = ['fail', 'xpass', 'error'];

/** Diagnostic lines, as wide as the view allows. */
function diagnostics(text: string, width: number, indent = ''): string[] {
  const mark = `${indent}# `;
  return wrap(text, width - mark.length).map((line) => mark + line);
}

/** Text behind the directive: a number sign would begin another one. */
function dataOf(test: SelftestTest, verdict: Verdict): string {
  const data = verdict === 'xfail' ? test.reason : test.detail;
  return data.replaceAll('#', '');
}

/** What must be told in lines of its own, as it does not fit behind the result. */
function storyOf(
  test: SelftestTest,
  verdict: Verdict,
  told: boolean,
  before: SelftestTest | undefined,
): string[] {
  const { name, detail, reason, reasonSource, expectedFailures } = test;
  if (verdict === 'pass') return [];
  // The strict row of a test that fails the same way.
  if (before?.asExpected && before.detail === detail && before.reason === reason) return [];
  if (verdict === 'skip') return told ? [] : [`${name}: ${detail}`];
  if (verdict === 'xfail') {
    return [
      `${name}: ${detail}`,
      ...(told ? [] : [`expected: ${reason}`]),
      `source: ${reasonSource}`,
    ];
  }
  const expected =
    expectedFailures.length === 0
      ? 'expected to pass'
      : `expected to fail (${expectedFailures.join(', ')}): ${reason}; ${reasonSource}`;
  return [...(told ? [] : [`${name}: ${detail}`]), expected];
}

function resultLines(
  test: SelftestTest,
  number: number,
  width: number,
  before: SelftestTest | undefined,
): string[] {
  const verdict = verdictOf(test);
  const bare = `${INDENT}${BAD.includes(verdict) ? 'not ok' : 'ok'} ${number} ${test.name}`;
  const directive = DIRECTIVES[verdict];
  const data = [directive, dataOf(test, verdict)].filter((part) => part !== '').join(' ');
  const whole = `${bare} # ${data}`;
  const told = whole.length <= width;
  const short = directive === '' ? bare : `${bare} # ${directive}`;
  return [
    ...storyOf(test, verdict, told, before).flatMap((text) => diagnostics(text, width, INDENT)),
    told ? whole : short,
  ];
}

function strategyLines(
  strategy: SelftestRecord['results']['strategies'][number],
  tests: readonly SelftestTest[],
  number: number,
  width: number,
): string[] {
  const verdicts = tests.map(verdictOf);
  const result = verdicts.some((verdict) => BAD.includes(verdict)) ? 'not ok' : 'ok';
  const { release } = strategy;
  const about = release === null ? 'a design that no release had' : `stands for ${release}`;
  return [
    `${INDENT}KTAP version 1`,
    `${INDENT}1..${tests.length}`,
    ...diagnostics(`${strategy.strategy}: ${about}`, width, INDENT),
    ...tests.flatMap((test, at) => resultLines(test, at + 1, width, tests[at - 1])),
    ...diagnostics(totalsText(verdicts), width, INDENT),
    `${result} ${number} ${strategy.strategy}`,
  ];
}

function painted(line: string, styles: Styles): string {
  const text = line.trimStart();
  if (text.startsWith('#')) return styles.quiet(line);
  if (text.startsWith('not ok')) return styles.tone('bad')(line);
  if (text.includes(' # SKIP')) return styles.quiet(line);
  if (text.includes(' # XFAIL')) return styles.tone('warn')(line);
  return text.startsWith('ok') ? styles.tone('good')(line) : line;
}

/** Renders the record as KTAP; no line is longer than the width, but for results with a long name. */
export function renderKtap(
  record: SelftestRecord,
  options: { readonly width: number; readonly color: boolean },
): string {
  const width = Math.max(WIDTH_MIN, Math.floor(options.width));
  const { results, parameters } = record;
  const done = results.strategies
    .map((strategy) => ({
      strategy,
      tests: results.tests.filter((test) => test.strategy === strategy.strategy),
    }))
    .filter(({ tests }) => tests.length > 0);
  const size = parameters.quick === true ? 'small sizes' : "the kernel's sizes";
  const lines = [
    'KTAP version 1',
    `1..${results.strategies.length}`,
    ...diagnostics(
      `slabsplice ${record.version} selftest: machines of ${results.cpus} CPUs, ${size}, seed ${record.seed}`,
      width,
    ),
    ...done.flatMap(({ strategy, tests }, at) => strategyLines(strategy, tests, at + 1, width)),
    ...(record.complete ? [] : diagnostics('cut short: not every strategy was tested', width)),
    ...diagnostics(totalsText(results.tests.map(verdictOf)), width),
  ];
  const styles = createStyles(options.color);
  return `${lines.map((line) => painted(line, styles)).join('\n')}\n`;
}
