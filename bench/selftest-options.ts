/** What a user may write after `selftest`, and what it means when left out. */
import type { Option } from 'commander';
import { STRATEGY_NAMES } from '../core/index.ts';
import { UsageError } from './errors.ts';
import { quote, textOption } from './option-values.ts';
import { commonOptions, DEFAULT_SEED, type RawOptions } from './options.ts';
import { SUITE } from './selftest/suite.ts';

/** The options of `selftest`, as commander hands them over. */
interface SelftestRaw extends RawOptions {
  only?: string[];
}

/** Everything `selftest` needs, checked. */
export interface SelftestOptions {
  readonly strategies: readonly string[];
  /** Tests to run; null for all. */
  readonly only: readonly string[] | null;
  /** CPUs of the machines under test. */
  readonly cpus: number;
  readonly seed: number;
  readonly quick: boolean;
}

/** Two nodes need two CPUs. */
const CPUS = { standard: 4, range: { min: 2, max: 64 } };

function parseTests(option: string, text: string): string[] {
  const names = new Set<string>();
  for (const name of text.split(',').map((item) => item.trim())) {
    if (!SUITE.some((one) => one.name === name)) {
      throw new UsageError(
        `${option}: there is no test ${quote(name)}; choose from ${SUITE.map((one) => one.name).join(', ')}`,
      );
    }
    names.add(name);
  }
  return [...names];
}

/** All options of `selftest`. */
export function selftestOptions(): Option[] {
  return [
    textOption('--only <a,b>', 'tests to run, by name (default: all)', parseTests),
    ...commonOptions(CPUS),
  ];
}

/** Fills in what the user left out. */
export function resolveSelftest(raw: SelftestRaw): SelftestOptions {
  return {
    strategies: raw.strategies ?? [...STRATEGY_NAMES],
    only: raw.only ?? null,
    cpus: raw.cpus ?? CPUS.standard,
    seed: raw.seed ?? DEFAULT_SEED,
    quick: raw.quick ?? false,
  };
}
