/** What a user may write after `replay`, and what it means when left out. */
import { Option } from 'commander';
import { UsageError } from './errors.ts';
import { choiceOption, countOption, parseWord, textOption } from './option-values.ts';
import { commonOptions, DEFAULT_SEED, type RawOptions } from './options.ts';

/** Everything `replay` needs, checked. */
export interface ReplayOptions {
  readonly files: readonly string[];
  readonly strategies: readonly string[];
  /** Whether page cache pins as it did before 7.1, moves, or both are shown. */
  readonly pageCache: 'pins' | 'moves' | 'both';
  readonly truth: string | null;
  readonly geometry: string | null;
  readonly hierarchy: number;
  /** CPUs that the slab geometry is computed for. */
  readonly cpus: number;
  readonly strict: boolean;
  /** Times that the trace is replayed. */
  readonly scale: number;
  readonly seed: number;
  readonly quick: boolean;
}

const STRATEGIES = ['pin', 'splice-caches', 'objcg'];
const HIERARCHY = { min: 0, max: 1000 };
const SCALE = { min: 1, max: 255 };
const CPUS = { standard: 2, range: { min: 1, max: 4096 } };

/** All options of `replay`. */
export function replayOptions(): Option[] {
  return [
    textOption('--truth <FILE>', 'measured values at the sample markers (TSV)', (name, text) =>
      parseWord(name, text, 'a file name'),
    ),
    textOption('--geometry <FILE>', 'slab geometry of the traced kernel', (name, text) =>
      parseWord(name, text, 'a file name'),
    ),
    choiceOption('--page-cache <HOW>', 'pins, moves (7.1) or both (default: both)', [
      'pins',
      'moves',
      'both',
    ]),
    countOption('--hierarchy <N>', 'hierarchy to follow (default: the first seen)', HIERARCHY),
    countOption('--scale <N>', 'replay it so many times, to see days from minutes', SCALE),
    new Option('--strict', 'the first line that is not understood is an error'),
    new Option('--how-to-record', 'print the commands that record a suitable trace'),
    ...commonOptions(CPUS),
  ];
}

/** Fills in what the user left out. */
export function resolveReplay(raw: RawOptions, files: readonly string[]): ReplayOptions {
  if (files.length === 0) {
    throw new UsageError(
      'replay: no FILE given; name a trace, - for standard input, or see replay --how-to-record',
    );
  }
  return {
    files,
    strategies: raw.strategies ?? STRATEGIES,
    pageCache: raw.pageCache ?? 'both',
    truth: raw.truth ?? null,
    geometry: raw.geometry ?? null,
    hierarchy: raw.hierarchy ?? -1,
    cpus: raw.cpus ?? CPUS.standard,
    strict: raw.strict ?? false,
    scale: raw.scale ?? 1,
    seed: raw.seed ?? DEFAULT_SEED,
    quick: raw.quick ?? false,
  };
}
