/** A sweep: every combination of the values of one or two parameters is a cell of its own. */
import { cellValues } from '../../reports/leak-summary.ts';
import type { LeakSweep } from '../../reports/results-leak.ts';
import { UsageError } from '../errors.ts';
import { quote } from '../option-values.ts';
import type { Scenario } from './parameters.ts';
import { type Change, findParameter, type ReadScenario, withValues } from './scenario.ts';

/** A parameter and the values that it takes, as the command line gives them. */
export interface Vary {
  readonly key: string;
  readonly values: readonly number[];
}

/** Values of all parameters multiplied, at most. */
const CELLS_MAX = 400;
/** Samples would not line up. */
const FIXED = ['days', 'samplesPerDay'];
/** Digits after which steps of a range are no longer told apart. */
const DIGITS = 12;

const ASSIGNMENT = /^([A-Za-z][\w.-]*)=(.+)$/s;

function numberIn(option: string, text: string, whole: string): number {
  const value = /^-?\d+(?:\.\d+)?(?:e[+-]?\d{1,2})?$/i.test(text.trim())
    ? Number(text)
    : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw new UsageError(`${option}: ${quote(text)} in ${quote(whole)} is not a number; give one`);
}

/** Reads `cgroupsPerDay=50:800:50` or `cpus=8,32,96`. */
export function parseVary(option: string, text: string): Vary {
  const [, key, list] = ASSIGNMENT.exec(text) ?? [];
  if (key === undefined || list === undefined) {
    throw new UsageError(
      `${option}: ${quote(text)} is not a sweep; give KEY=FROM:TO:STEP or KEY=A,B,C`,
    );
  }
  const numbers = (parts: string[]) => parts.map((part) => numberIn(option, part, text));
  if (!list.includes(':')) {
    const values = numbers(list.split(','));
    if (new Set(values).size < values.length) {
      throw new UsageError(`${option}: ${quote(text)} names a value twice; name each once`);
    }
    return { key, values };
  }
  const [from = 0, to = 0, step = 0, ...more] = numbers(list.split(':'));
  if (more.length > 0 || !(step > 0) || to < from) {
    throw new UsageError(
      `${option}: ${quote(text)} is not a range; give FROM:TO:STEP, FROM not above TO and STEP above 0`,
    );
  }
  const count = Math.floor((to - from) / step + 1e-9) + 1;
  if (count > CELLS_MAX) tooMany(option, count);
  // Rounded by the largest number of the range: near zero hardly a digit of a sum is right.
  const largest = Math.max(Math.abs(from), Math.abs(to), step);
  const places = Math.min(100, Math.max(0, DIGITS - Math.ceil(Math.log10(largest))));
  const values = Array.from(
    { length: count },
    (_, at) => Number((from + at * step).toFixed(places)) + 0,
  );
  return { key, values };
}

function tooMany(option: string, count: number): never {
  throw new UsageError(
    `${option}: ${count} combinations; there are at most ${CELLS_MAX}, give a larger step`,
  );
}

/** Reads `cpus=96` or `kernel=6.x`. */
export function parseSet(option: string, text: string): Change {
  const [, key, given] = ASSIGNMENT.exec(text) ?? [];
  if (key === undefined || given === undefined) {
    throw new UsageError(`${option}: ${quote(text)} sets nothing; give KEY=VALUE`);
  }
  return { option: `${option} ${key}`, key, value: given };
}

/** A scenario, and its copies for each cell of a sweep. */
export interface Cells {
  readonly base: ReadScenario;
  readonly scenarios: readonly Scenario[];
  readonly sweep: { readonly parameters: LeakSweep['parameters'] } | null;
}

/** Makes the cells. @throws UsageError */
export function makeCells(base: ReadScenario, vary: readonly Vary[]): Cells {
  if (vary.length === 0) return { base, scenarios: [base.scenario], sweep: null };
  const parameters = vary.map(({ key: wanted, values }) => {
    const { key, parameter } = findParameter(base.scenario, '--vary', wanted);
    if (FIXED.includes(key) || parameter.type === 'choice' || parameter.type === 'name') {
      throw new UsageError(`--vary: ${key} cannot be varied; run once for each value with --set`);
    }
    return { key, values: [...values] };
  });
  const [first, second] = parameters;
  if (first?.key === second?.key && second !== undefined) {
    throw new UsageError(`--vary: ${second.key} is varied twice; give all its values at once`);
  }
  const count = parameters.reduce((product, { values }) => product * values.length, 1);
  if (count > CELLS_MAX) tooMany('--vary', count);
  const scenarios = Array.from({ length: count }, (_, cell) => {
    const values = cellValues(parameters, cell);
    const changes = parameters.map(({ key }, at) => ({
      ...{ option: '--vary', key, value: values[at] ?? 0 },
    }));
    return withValues(base, changes).scenario;
  });
  return { base, scenarios, sweep: { parameters } };
}
