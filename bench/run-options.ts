/** Options of `run`: those of `compare`, and a short storm beside it. */
import { Option } from 'commander';
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
}

/** The short form of `storm`; with `--quick` the shortest that shows a removal and loses nothing. */
const STORM = { seconds: 0.6, rounds: 3 };
const QUICK_STORM = { seconds: 0.3, rounds: 1 };

/** All options of `run`. */
export function runOptions(): Option[] {
  return [
    ...compareOptions(runDefaults),
    new Option('--no-storm', 'leave out the load on several CPUs'),
    ...commonOptions(STORM_CPUS),
  ];
}

/** Fills in what the user left out. Of what `compare` takes, the storm follows what it can. */
export function resolveRun(raw: RawOptions): RunOptions {
  if (raw.storm === false) {
    return { compare: resolveCompare('run --no-storm', raw, runDefaults), storm: null };
  }
  const { cpus, ...rest } = raw;
  const compare = resolveCompare('run', rest, runDefaults);
  const { strategies, population, seed, quick, selfCheck } = compare;
  const short = quick ? QUICK_STORM : STORM;
  const same = { strategies, population, seed, color: raw.color };
  const storm = resolveStorm({ ...same, ...short, ...(cpus === undefined ? {} : { cpus }) });
  return { compare, storm: { ...storm, quick, selfCheck } };
}
