/** Options of `run`: those of `compare`, and a short storm and a short leak beside it. */
import { Option } from 'commander';
import { type LeakOptions, resolveLeak } from './leak-options.ts';
import {
  type CompareOptions,
  commonOptions,
  compareOptions,
  type RawOptions,
  resolveCompare,
  runDefaults,
} from './options.ts';
import { resolveStorm, STORM_CPUS, type StormOptions } from './storm-options.ts';

/** What `run` does, one after the other. */
export interface RunOptions {
  compare: CompareOptions;
  /** null when it was left out. */
  storm: StormOptions | null;
  leak: LeakOptions | null;
}

/** The short form of `storm`; with `--quick` the shortest that shows a removal and loses nothing. */
const STORM = { seconds: 0.5, rounds: 3 };
const QUICK_STORM = { seconds: 0.3, rounds: 1 };

/** Hosts of the week that is shown. */
const LEAK_HOSTS = 2;
const QUICK_LEAK_HOSTS = 1;

/** All options of `run`. */
export function runOptions(): Option[] {
  return [
    ...compareOptions(runDefaults),
    new Option('--no-storm', 'leave out the load on several CPUs'),
    new Option('--no-leak', 'leave out the week of a host'),
    ...commonOptions(STORM_CPUS),
  ];
}

/** Fills in what the user left out. Of what `compare` takes, the storm follows what it can. */
export function resolveRun(raw: RawOptions): RunOptions {
  const leak = leakOf(raw);
  if (raw.storm === false) {
    return { compare: resolveCompare('run --no-storm', raw, runDefaults), storm: null, leak };
  }
  const { cpus, ...rest } = raw;
  const compare = resolveCompare('run', rest, runDefaults);
  const { strategies, population, seed, quick, selfCheck } = compare;
  const short = quick ? QUICK_STORM : STORM;
  const same = { strategies, population, seed, color: raw.color };
  const storm = resolveStorm({ ...same, ...short, ...(cpus === undefined ? {} : { cpus }) });
  return { compare, storm: { ...storm, quick, selfCheck }, leak };
}

/** The week of the patch series, on fewer hosts. */
function leakOf({ leak, seed, strategies, quick, color }: RawOptions): LeakOptions | null {
  if (leak === false) return null;
  const same = {
    ...(seed === undefined ? {} : { seed }),
    ...(strategies === undefined ? {} : { strategies }),
  };
  return resolveLeak({ ...same, color, hosts: quick ? QUICK_LEAK_HOSTS : LEAK_HOSTS });
}
