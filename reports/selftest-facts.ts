/** What the views of a selftest have in common: how a test came out, in the words of kselftest. */
import type { SelftestTest } from './results-selftest.ts';

/** What kselftest counts. */
export type Verdict = 'pass' | 'fail' | 'xfail' | 'xpass' | 'skip' | 'error';

/** All of them, in the order of its line of totals. */
export const VERDICTS: readonly Verdict[] = ['pass', 'fail', 'xfail', 'xpass', 'skip', 'error'];

/** How a test came out, against what is expected. */
export function verdictOf({ outcome, expected, asExpected }: SelftestTest): Verdict {
  if (outcome === 'skip' || outcome === 'error') return outcome;
  if (outcome === 'pass') return expected === 'pass' ? 'pass' : 'xpass';
  return asExpected ? 'xfail' : 'fail';
}

/** As the last line of a kselftest has them. */
export function totalsText(verdicts: readonly Verdict[]): string {
  const counts = VERDICTS.map(
    (verdict) => `${verdict}:${verdicts.filter((one) => one === verdict).length}`,
  );
  return `Totals: ${counts.join(' ')}`;
}
