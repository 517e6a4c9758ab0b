/** What a user may write after `storm`, and what it means when left out. */
import type { Option } from 'commander';
import { STRATEGY_NAMES } from '../core/index.ts';
import { formatCount } from '../reports/format.ts';
import { UsageError } from './errors.ts';
import {
  type CountRange,
  choiceOption,
  countOption,
  parsePopulation,
  quote,
  textOption,
} from './option-values.ts';
import { commonOptions, DEFAULT_SEED, type RawOptions } from './options.ts';
import { mixNamed, STORM_MIXES } from './workload/storm-mix.ts';

/** Everything `storm` needs, checked and with its defaults filled in. */
export interface StormOptions {
  strategies: string[];
  cpus: number;
  /** Name of a mix. */
  mix: string;
  /** Mixed load per round, seconds. */
  seconds: number;
  rounds: number;
  removalsPerSecond: number;
  /** Objects that each cgroup is filled with. */
  fill: number;
  /** Operations due per second on a CPU while latencies are taken. */
  ratePerCpu: number;
  caches: number;
  population: string;
  seed: number;
  quick: boolean;
  selfCheck: boolean;
  /** Milliseconds after which a CPU that stands still is given up. */
  deadlineMs: number;
}

type StormPreset = Pick<
  StormOptions,
  'cpus' | 'seconds' | 'rounds' | 'caches' | 'ratePerCpu' | 'deadlineMs'
>;

const DEFAULTS: StormPreset = {
  cpus: 2,
  seconds: 1.5,
  rounds: 5,
  caches: 24,
  ratePerCpu: 100_000,
  deadlineMs: 30_000,
};
/** `--quick`: under 20 s with all strategies. */
const QUICK: StormPreset = { ...DEFAULTS, seconds: 0.5, rounds: 3 };

const RANGES = {
  // The machine's own limit.
  cpus: { min: 1, max: 64 },
  caches: { min: 1, max: 256 },
  rounds: { min: 1, max: 1000 },
  removals: { min: 1, max: 10_000 },
  fill: { min: 0, max: 10_000_000 },
  rate: { min: 100, max: 10_000_000 },
  deadline: { min: 1, max: 86_400 },
} as const satisfies Record<string, CountRange>;
const SECONDS = { min: 0.1, max: 1_000_000 };

/** What `--cpus` may be. */
export const STORM_CPUS = { standard: DEFAULTS.cpus, range: RANGES.cpus };

/** Reads seconds: `90`, `0.5`. */
export function parseSeconds(option: string, text: string): number {
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= SECONDS.min && value <= SECONDS.max) return value;
  const accepted = `${SECONDS.min} to ${formatCount(SECONDS.max)}`;
  throw new UsageError(`${option}: ${quote(text)} is not a number of seconds from ${accepted}`);
}

/** All options of `storm`. */
export function stormOptions(): Option[] {
  const mixes = STORM_MIXES.map((mix) => mix.name);
  const [first] = mixes;
  return [
    choiceOption('--mix <NAME>', `${mixes.join(', ')} (default: ${first})`, mixes),
    textOption(
      '--seconds <N>',
      `mixed load per strategy and round (default: ${DEFAULTS.seconds})`,
      parseSeconds,
    ),
    countOption('--rounds <N>', `rounds (default: ${DEFAULTS.rounds})`, RANGES.rounds),
    countOption(
      '--removals <N>',
      'cgroups removed a second (default: of the mix)',
      RANGES.removals,
    ),
    countOption(
      '--fill <N>',
      'objects that each cgroup is filled with (default: of the mix)',
      RANGES.fill,
    ),
    countOption(
      '--rate <N>',
      `operations due a second on each CPU for latencies (default: ${formatCount(DEFAULTS.ratePerCpu)})`,
      RANGES.rate,
    ),
    countOption(
      '--caches <N>',
      `caches that cgroups use (default: ${DEFAULTS.caches})`,
      RANGES.caches,
    ),
    textOption(
      '--population <SPEC>',
      'builtin, uniform, slabinfo:live or slabinfo:FILE (default: builtin)',
      parsePopulation,
    ),
    countOption(
      '--deadline <N>',
      `seconds after which a CPU that stands still is given up (default: ${DEFAULTS.deadlineMs / 1e3})`,
      RANGES.deadline,
    ),
    ...commonOptions(STORM_CPUS),
  ];
}

/** Fills in what the user left out. */
export function resolveStorm(raw: RawOptions): StormOptions {
  const preset = raw.quick ? QUICK : DEFAULTS;
  const mix = mixNamed(raw.mix ?? STORM_MIXES[0]?.name ?? '');
  return {
    strategies: raw.strategies ?? [...STRATEGY_NAMES],
    cpus: raw.cpus ?? preset.cpus,
    mix: mix.name,
    seconds: raw.seconds ?? preset.seconds,
    rounds: raw.rounds ?? preset.rounds,
    removalsPerSecond: raw.removals ?? mix.removalsPerSecond,
    fill: raw.fill ?? mix.fill,
    ratePerCpu: raw.rate ?? preset.ratePerCpu,
    caches: raw.caches ?? preset.caches,
    population: raw.population ?? 'builtin',
    seed: raw.seed ?? DEFAULT_SEED,
    quick: raw.quick ?? false,
    selfCheck: raw.selfCheck ?? false,
    deadlineMs: raw.deadline === undefined ? preset.deadlineMs : raw.deadline * 1e3,
  };
}
