/** `diff`: are two records different, beyond noise? */
import { DiffError, type DiffGroup, diffRecords } from '../../reports/index.ts';
import type { DiffOptions } from '../diff-options.ts';
import { UsageError } from '../errors.ts';
import type { CommandCheck, CommandResult } from './command.ts';
import { readRecord } from './report.ts';

const NAMED = 3;

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

/** No pair, and no mean of a group, is worse by more than the threshold. */
function regressionCheck({ comparisons, groups, threshold }: ReturnType<typeof diffRecords>) {
  const times = (ratio: number | null): string =>
    ratio === null ? '' : ` ${Number(ratio.toPrecision(3))}x`;
  const found = [
    ...comparisons.filter((one) => one.regression).map(({ key, ratio }) => key + times(ratio)),
    ...groups
      .filter((one) => one.regression)
      .map(({ group, ratio }: DiffGroup) => `${group} on average${times(ratio)}`),
  ];
  const more = found.length > NAMED ? ` and ${found.length - NAMED} more` : '';
  const check: CommandCheck = {
    name: `no regression beyond ${percent(threshold)}`,
    ok: found.length === 0,
    detail:
      found.length === 0
        ? `${comparisons.length} pairs compared`
        : `${found.slice(0, NAMED).join('; ')}${more}`,
  };
  return check;
}

/** Compares two record files. @throws UsageError when one cannot be read, or they do not go together */
export function runDiff(options: DiffOptions): CommandResult {
  const { a, b, seed, threshold, only } = options;
  const sides = [a, b].map((file) => ({ file, record: readRecord(file) }));
  const [left, right] = sides as [(typeof sides)[number], (typeof sides)[number]];
  try {
    const results = diffRecords(left, right, { seed, threshold, only });
    return {
      results,
      parameters: { ...options },
      checks: [regressionCheck(results)],
      complete: true,
      warnings: [],
    };
  } catch (error) {
    if (error instanceof DiffError)
      throw new UsageError(`diff: ${error.message}`, { cause: error });
    throw error;
  }
}
