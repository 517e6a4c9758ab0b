/** Fleets of tiny hosts, run as the command line runs them, and the records that it would write. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { runLeak } from '../../bench/commands/leak.ts';
import type { CommandResult } from '../../bench/commands/registry.ts';
import { captureEnvironment } from '../../bench/environment.ts';
import { type LeakOptions, resolveLeak } from '../../bench/leak-options.ts';
import { buildRecord } from '../../bench/output.ts';
import { SILENT } from '../../bench/progress.ts';
import { type LeakRecord, validateRecord } from '../../reports/index.ts';
import { kind, quiet, type Written } from './small-scenario.ts';

/** A folder that goes away with the test file. */
const folder = mkdtempSync(join(tmpdir(), 'fleet-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A scenario on which cgroups stay and go; about 10 ms a host. */
export function tinyScenario(change: Written = {}): Written {
  return quiet({
    ...{ samplesPerDay: 4, cgroupsPerDay: 60, spread: 0.3, about: 'a test' },
    ...{ files: { count: 50, pages: 2, replacedPerDay: 20 }, pressure: { passesPerHour: 1 } },
    kinds: [kind({ processes: 1, filesUsed: 5, filesRead: 3, loggedPages: 20 })],
    ...change,
  });
}

/** Writes a file into the folder; its path. */
export function put(name: string, value: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value, null, 1));
  return file;
}

const TINY = put('tiny.json', tinyScenario());

/** Options of a fleet of five hosts under two strategies. */
export function optionsOf(change: Partial<LeakOptions> = {}): LeakOptions {
  return {
    ...resolveLeak({ color: false }),
    ...{ scenario: TINY, hosts: 5, workers: 2 },
    strategies: ['pin', 'splice-caches'],
    ...change,
  };
}

/** Runs a fleet; `stopAt` interrupts it when so many runs are finished. */
export async function fleet(
  change: Partial<LeakOptions> = {},
  stopAt = Number.POSITIVE_INFINITY,
): Promise<CommandResult> {
  const controller = new AbortController();
  const options = optionsOf(change);
  return runLeak(options, {
    ...{ signal: controller.signal, startedAt: new Date(0), seed: options.seed },
    progress: {
      update: (done) => {
        if (done >= stopAt) controller.abort();
      },
      clear() {},
      alive: SILENT.alive,
    },
  });
}

/** The record of a result, as it is read back from its file. */
export function recordOf(result: CommandResult, change: Partial<LeakRecord> = {}): LeakRecord {
  const built = buildRecord(
    {
      ...{ command: 'leak', startedAt: new Date(0) },
      seed: Number(result.parameters.seed),
      environment: captureEnvironment(),
    },
    result,
  );
  const record = validateRecord(JSON.parse(JSON.stringify({ ...built, ...change })));
  assert.ok(record.command === 'leak');
  return record;
}

/** What must be the same of two records of one fleet. */
export function essence({ seed, parameters, results, checks, complete }: LeakRecord): string {
  const { shard: _, ...rest } = parameters;
  return JSON.stringify({ seed, parameters: rest, results, checks, complete });
}
