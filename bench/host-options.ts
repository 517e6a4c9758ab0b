/** What a user may write after `host`, and what it means when left out. */
import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Option } from 'commander';
import { STRATEGY_NAMES } from '../core/index.ts';
import { UsageError } from './errors.ts';
import {
  type CountRange,
  countOption,
  parseCount,
  parseWord,
  quote,
  textOption,
} from './option-values.ts';
import { commonOptions, DEFAULT_SEED, type RawOptions } from './options.ts';

/** The options of `host`, as commander hands them over. */
export interface HostRaw extends RawOptions {
  root?: string;
  since?: string;
  settle?: true;
  watch?: number | true;
  readings?: number;
  openmetrics?: string;
  simulate?: true;
  cgroupsPerDay?: number;
  trace?: number;
  bpf?: boolean;
}

/** Everything `host` needs, checked. */
export interface HostOptions {
  /** Folder that stands for `/`. */
  readonly root: string;
  /** Earlier record to compare with. */
  readonly since: string | null;
  readonly settle: boolean;
  /** Seconds from one reading to the next; null: read once. */
  readonly watch: number | null;
  /** Readings after which watching ends; null: at Ctrl-C. */
  readonly readings: number | null;
  readonly openmetrics: string | null;
  readonly simulate: boolean;
  /** Cgroups created a day, for the simulation; null: taken from growth. */
  readonly cgroupsPerDay: number | null;
  /** Seconds to trace; null: do not. */
  readonly trace: number | null;
  /** Use bpftrace where it is there. */
  readonly bpf: boolean;
  readonly strategies: readonly string[];
  readonly seed: number;
  /** Threads of the simulation. */
  readonly workers: number;
}

const WATCH_SECONDS = 10;
const RANGES = {
  watch: { min: 1, max: 86_400 },
  readings: { min: 2, max: 100_000 },
  cgroups: { min: 1, max: 100_000 },
  trace: { min: 1, max: 600 },
} as const satisfies Record<string, CountRange>;

/** All options of `host`. */
export function hostOptions(): Option[] {
  return [
    textOption('--root <DIR>', 'read a copied /proc and /sys tree (default: /)', (name, text) =>
      parseWord(name, text, 'a folder'),
    ),
    textOption('--since <RECORD>', 'growth since an earlier record', (name, text) =>
      parseWord(name, text, 'a file name'),
    ),
    new Option('--settle', 'count again after 5 s, to tell what is only on its way'),
    textOption(
      '--watch [SECONDS]',
      `count again and again, until Ctrl-C (default: every ${WATCH_SECONDS} s)`,
      (name, text) => parseCount(name, text, RANGES.watch),
    ),
    countOption('--readings <N>', 'end watching after so many', RANGES.readings),
    textOption(
      '--openmetrics <FILE>',
      'write figures for node_exporter (its textfile collector reads *.prom)',
      (name, text) => parseWord(name, text, 'a file name'),
    ),
    new Option('--simulate', 'a week of this host under each strategy'),
    countOption(
      '--cgroups-per-day <N>',
      'cgroups created a day, for --simulate (default: from growth)',
      RANGES.cgroups,
    ),
    countOption(
      '--trace <SECONDS>',
      'watch cgroups come and go in a tracefs instance of its own, removed at the end (root)',
      RANGES.trace,
    ),
    new Option('--no-bpf', 'do not list dying cgroups with bpftrace, where it is there (root)'),
    ...commonOptions(),
  ];
}

/** Fills in what the user left out. */
export function resolveHost(raw: HostRaw): HostOptions {
  const root = raw.root ?? '/';
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`--root: ${quote(root)} is no folder; give one that holds proc and sys`);
  }
  const copied = root !== '/';
  const live = { '--watch': raw.watch, '--settle': raw.settle, '--trace': raw.trace };
  for (const [option, value] of Object.entries(live)) {
    if (copied && value !== undefined) {
      throw new UsageError(
        `${option}: a copied tree does not change; leave out ${option} or --root`,
      );
    }
  }
  if (raw.readings !== undefined && raw.watch === undefined) {
    throw new UsageError('--readings: says when --watch ends; give --watch as well');
  }
  const after = raw.simulate ? '--simulate' : raw.trace === undefined ? null : '--trace';
  if (after !== null && raw.watch !== undefined && raw.readings === undefined) {
    throw new UsageError(
      `${after}: comes after --watch, which ends at Ctrl-C; give --readings as well`,
    );
  }
  if (raw.cgroupsPerDay !== undefined && !raw.simulate) {
    throw new UsageError('--cgroups-per-day: is for --simulate; give --simulate as well');
  }
  return {
    root,
    since: raw.since ?? null,
    settle: raw.settle ?? false,
    watch: raw.watch === true ? WATCH_SECONDS : (raw.watch ?? null),
    readings: raw.readings ?? null,
    openmetrics: raw.openmetrics ?? null,
    simulate: raw.simulate ?? false,
    cgroupsPerDay: raw.cgroupsPerDay ?? null,
    trace: raw.trace ?? null,
    bpf: (raw.bpf ?? true) && !copied,
    strategies: raw.strategies ?? [...STRATEGY_NAMES],
    seed: raw.seed ?? DEFAULT_SEED,
    workers: availableParallelism(),
  };
}
