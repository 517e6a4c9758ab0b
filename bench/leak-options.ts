/** What a user may write after `leak`, and what it means when left out. */
import { availableParallelism } from 'node:os';
import { Option } from 'commander';
import { STRATEGY_NAMES } from '../core/index.ts';
import { UsageError } from './errors.ts';
import { parseSet, parseVary, type Vary } from './leak/cells.ts';
import type { Shard } from './leak/fleet.ts';
import type { Change } from './leak/scenario.ts';
import {
  type CountRange,
  collectOption,
  countOption,
  parseCount,
  parseWord,
  quote,
  textOption,
} from './option-values.ts';
import { commonOptions, DEFAULT_SEED, type RawOptions } from './options.ts';

/** Everything `leak` needs, checked as far as that goes without the scenario. */
export interface LeakOptions {
  /** A scenario that comes along, or a file. */
  readonly scenario: string;
  readonly hosts: number;
  readonly strategies: readonly string[];
  readonly set: readonly Change[];
  readonly vary: readonly Vary[];
  readonly workers: number;
  readonly shard: Shard | null;
  /** Record of an interrupted fleet to go on with. */
  readonly goOn: string | null;
  readonly seed: number;
  readonly quick: boolean;
  readonly selfCheck: boolean;
}

/** The scenario of the patch series. */
const SCENARIO = 'web-frontend';
const HOSTS = 20;
/** Hosts of each cell of a sweep: the map is to be seen soon. */
const SWEEP_HOSTS = 4;
const QUICK_HOSTS = 2;

const RANGES = {
  hosts: { min: 1, max: 100_000 },
  days: { min: 1, max: 3650 },
  workers: { min: 1, max: 1024 },
  shards: { min: 1, max: 100_000 },
} as const satisfies Record<string, CountRange>;

/** Reads `2/8`. */
function parseShard(option: string, text: string): Shard {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (index === undefined || of === undefined) {
    throw new UsageError(`${option}: ${quote(text)} is not a shard; give I/N, such as 2/8`);
  }
  const shards = parseCount(option, of, RANGES.shards);
  return { index: parseCount(option, index, { min: 1, max: shards }), of: shards };
}

/** All options of `leak`. */
export function leakOptions(): Option[] {
  return [
    textOption(
      '--scenario <NAME>',
      `a scenario that comes along, or a file (default: ${SCENARIO})`,
      (name, text) => parseWord(name, text, 'a name or a file'),
    ),
    countOption(
      '--hosts <N>',
      `hosts (default: ${HOSTS}; ${SWEEP_HOSTS} with --vary)`,
      RANGES.hosts,
    ),
    countOption('--days <N>', 'the same as --set days=N', RANGES.days),
    collectOption('--set <KEY=VALUE>', 'change a parameter of the scenario; repeatable', parseSet),
    collectOption(
      '--vary <KEY=A:B:STEP>',
      'sweep over a parameter, or two; also KEY=A,B,C',
      parseVary,
    ),
    countOption('--workers <N>', 'threads (default: one for each core)', RANGES.workers),
    textOption('--shard <I/N>', 'only part I of N; join them with merge', parseShard),
    textOption('--continue <FILE>', 'go on with an interrupted record', (name, text) =>
      parseWord(name, text, 'a file name'),
    ),
    new Option('--list-scenarios', 'print the scenarios that come along'),
    textOption('--print-scenario <NAME>', 'print one, to begin your own with', (name, text) =>
      parseWord(name, text, 'a name'),
    ),
    ...commonOptions(),
  ];
}

/** Fills in what the user left out. */
export function resolveLeak(raw: RawOptions): LeakOptions {
  const vary = raw.vary ?? [];
  if (vary.length > 2) {
    throw new UsageError(`--vary: ${vary.length} parameters; a map has two sides, give one or two`);
  }
  const few = vary.length > 0 ? SWEEP_HOSTS : HOSTS;
  const days = raw.days === undefined ? [] : [{ option: '--days', key: 'days', value: raw.days }];
  return {
    scenario: raw.scenario ?? SCENARIO,
    hosts: raw.hosts ?? (raw.quick ? QUICK_HOSTS : few),
    strategies: raw.strategies ?? [...STRATEGY_NAMES],
    set: [...days, ...(raw.set ?? [])],
    vary,
    workers: raw.workers ?? availableParallelism(),
    shard: raw.shard ?? null,
    goOn: raw.continue ?? null,
    seed: raw.seed ?? DEFAULT_SEED,
    quick: raw.quick ?? false,
    selfCheck: raw.selfCheck ?? false,
  };
}
