/**
 * Reading the values of options. A value is refused in one line that names the option, the value
 * and what is accepted.
 */
import { Option } from 'commander';
import { ALL_STRATEGY_NAMES, MISTAKEN_NAMES } from '../core/index.ts';
import { formatCount } from '../reports/format.ts';
import { UsageError } from './errors.ts';

/** An inclusive range of whole numbers. */
export interface CountRange {
  min: number;
  max: number;
}

/** Shows what the user wrote, on one line and not too long. */
export function quote(text: string): string {
  const shown = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return `'${shown.length > 60 ? `${shown.slice(0, 57)}...` : shown}'`;
}

const COUNT = /^\d+(?:_\d+)*$/;
const EXPONENT = /^\d+(?:\.\d+)?e\+?\d{1,2}$/i;

/** Reads a whole number: `1000`, `1_000` or `1e3`; anything else is refused. */
export function parseCount(option: string, text: string, range: CountRange): number {
  const known = COUNT.test(text) || EXPONENT.test(text);
  const value = known ? Number(text.replaceAll('_', '')) : Number.NaN;
  if (Number.isInteger(value) && value >= range.min && value <= range.max) return value;
  const accepted = `${formatCount(range.min)} to ${formatCount(range.max)}`;
  throw new UsageError(
    Number.isInteger(value)
      ? `${option}: ${quote(text)} is out of range; give a whole number from ${accepted}`
      : `${option}: ${quote(text)} is not a whole number; give one from ${accepted}, such as 2000, 2_000 or 2e3`,
  );
}

const RANGE_OF_PAGES = /^(.+?)\.\.(.+)$/;

/** Reads `1e3,1e4` or `1e3..1e6` (by decades, the end included) into ascending counts. */
export function parsePages(option: string, text: string, range: CountRange): number[] {
  const counts = new Set<number>();
  for (const item of text.split(',')) {
    const [, from, to] = RANGE_OF_PAGES.exec(item) ?? [];
    const first = parseCount(option, from ?? item, range);
    const last = to === undefined ? first : parseCount(option, to, range);
    if (last < first) {
      throw new UsageError(
        `${option}: ${quote(item)} runs backwards; put the smaller number first`,
      );
    }
    for (let size = first; size < last; size *= 10) addOnce(counts, size, option, text);
    addOnce(counts, last, option, text);
  }
  return [...counts].sort((a, b) => a - b);
}

function addOnce<T>(seen: Set<T>, value: T, option: string, text: string): void {
  if (seen.has(value)) {
    throw new UsageError(`${option}: ${quote(text)} names ${value} twice; name each once`);
  }
  seen.add(value);
}

/** Reads strategy names, each known and named once. */
export function parseStrategies(option: string, text: string): string[] {
  const known: readonly string[] = [...ALL_STRATEGY_NAMES, ...MISTAKEN_NAMES];
  const names = new Set<string>();
  for (const name of text.split(',').map((item) => item.trim())) {
    if (!known.includes(name)) {
      throw new UsageError(
        `${option}: there is no strategy ${quote(name)}; choose from ${known.join(', ')}`,
      );
    }
    addOnce(names, name, option, text);
  }
  return [...names];
}

/** Populations that need no file; `builtin` is the host whose recording comes along. */
const POPULATION_WORDS: readonly string[] = ['builtin', 'host-6.18', 'uniform'];

/** Reads where the population comes from; whether the file is any good shows when it is read. */
export function parsePopulation(option: string, text: string): string {
  if (POPULATION_WORDS.includes(text) || /^slabinfo:./s.test(text)) return text;
  throw new UsageError(
    `${option}: ${quote(text)} is not a population; give builtin, uniform, slabinfo:live or slabinfo:FILE`,
  );
}

/** Reads a name of a file or folder. */
export function parseWord(option: string, text: string, what: string): string {
  // Commander takes the next word as the value even when it is the next option.
  if (text !== '' && !text.startsWith('--')) return text;
  throw new UsageError(`${option}: ${quote(text)} is not ${what}; give one after the option`);
}

/** An option that takes a whole number. */
export function countOption(flags: string, help: string, range: CountRange): Option {
  const option = new Option(flags, help);
  return option.argParser((text: string) => parseCount(option.long ?? flags, text, range));
}

/** An option whose value is read by a function of the option's name and the text. */
export function textOption<T>(
  flags: string,
  help: string,
  parse: (name: string, text: string) => T,
) {
  const option = new Option(flags, help);
  return option.argParser((text: string) => parse(option.long ?? flags, text));
}

/** An option that may be given several times; each value is read like that of `textOption`. */
export function collectOption<T>(
  flags: string,
  help: string,
  parse: (name: string, text: string) => T,
): Option {
  const option = new Option(flags, help);
  return option.argParser((text: string, before: T[] | undefined) => [
    ...(before ?? []),
    parse(option.long ?? flags, text),
  ]);
}

/** An option that takes one word out of a few. */
export function choiceOption(flags: string, help: string, choices: readonly string[]): Option {
  return textOption(flags, help, (name, text) => {
    if (choices.includes(text)) return text;
    throw new UsageError(`${name}: ${quote(text)} is not known; choose from ${choices.join(', ')}`);
  });
}
