/** `merge`: joins the records of shards into the record that one machine would have written. */
import { type LeakRecord, type LeakRun, summariseLeak } from '../../reports/index.ts';
import { UsageError } from '../errors.ts';
import { checkRuns, difference, factsOf, readLeakRecord } from '../leak/continuing.ts';
import { type Unit, unitsOf } from '../leak/fleet.ts';
import { type Progress, SILENT } from '../progress.ts';
import { violationCheck } from './leak.ts';
import type { CommandResult } from './registry.ts';

interface Part {
  readonly file: string;
  readonly record: LeakRecord;
  readonly index: number;
  readonly of: number;
}

function partOf(file: string): Part {
  const record = readLeakRecord('merge', file);
  const { shard } = record.results;
  if (shard === null) {
    throw new UsageError(`merge: ${file} is not a shard but the whole; leave it out`);
  }
  if (shard.index < 1 || shard.index > shard.of) {
    throw new UsageError(
      `merge: ${file} says that it is shard ${shard.index}/${shard.of}; run leak again to make it anew`,
    );
  }
  return { file, record, ...shard };
}

/** What must be the same in all shards: the fleet, and what it is held against. */
function plan(record: LeakRecord): ReturnType<typeof factsOf> {
  const { published } = record.results;
  return [...factsOf(record), { name: 'published numbers', value: published }];
}

/** All parts are of the same fleet, each once, and each finished. @throws UsageError */
function checkParts(parts: readonly Part[]): void {
  const [first] = parts;
  if (first === undefined) return;
  const byIndex = new Map<number, Part>();
  for (const part of parts) {
    const found =
      part.of === first.of
        ? difference(plan(part.record), plan(first.record))
        : `it is one of ${part.of} shards, not of ${first.of}`;
    if (found !== null) {
      throw new UsageError(
        `merge: ${part.file} does not belong to ${first.file}: ${found.replace(/ there and /, ' in the former and ').replace(/ here$/, ' in the latter')}; give shards of one run`,
      );
    }
    const twin = byIndex.get(part.index);
    if (twin !== undefined) {
      throw new UsageError(
        `merge: ${twin.file} and ${part.file} are both shard ${part.index}/${part.of}; give each once`,
      );
    }
    byIndex.set(part.index, part);
  }
  for (const { file, record, index, of } of parts) {
    if (record.complete) continue;
    const { hosts, hostsWanted } = record.results;
    throw new UsageError(
      `merge: ${file} is not complete: ${hosts} of ${hostsWanted} hosts of shard ${index}/${of}; finish it with leak --shard ${index}/${of} --continue ${file}`,
    );
  }
  const missing = Array.from({ length: first.of }, (_, at) => at + 1).filter(
    (index) => !byIndex.has(index),
  );
  if (missing.length > 0) {
    const names = missing.slice(0, 10).map((index) => `${index}/${first.of}`);
    const more = missing.length > names.length ? ` and ${missing.length - names.length} more` : '';
    throw new UsageError(
      `merge: ${missing.length === 1 ? 'shard' : 'shards'} ${names.join(', ')}${more} missing; run leak with --shard ${names[0]} and the same options`,
    );
  }
}

/** The hosts that a shard should have. */
function unitsOfShard({ record, index, of }: Part): Unit[] {
  const { sweep } = record.results;
  const cells = (sweep?.parameters ?? []).reduce((count, { values }) => count * values.length, 1);
  const hosts = Number(record.parameters.hosts);
  return unitsOf({ scenarios: Array.from({ length: cells }), hosts, shard: { index, of } });
}

/** The number of ids of what the series are of: with a sweep over them that of its first cell. */
function idsOf({ results }: LeakRecord): number {
  const swept = results.sweep?.parameters.find(({ key }) => key === 'host.ids')?.values[0];
  const given = results.scenario.parameters.find(({ key }) => key === 'host.ids')?.value;
  return Number(swept ?? given);
}

/** Joins shards. @throws UsageError when they do not belong together, or one is missing */
export function mergeFiles(files: readonly string[], progress: Progress = SILENT): CommandResult {
  const parts = files
    .map((file, at) => {
      progress.update(at, files.length, `reading ${file}`);
      return partOf(file);
    })
    .sort((a, b) => a.index - b.index);
  checkParts(parts);
  progress.update(files.length, files.length, 'joining them');
  for (const part of parts) {
    const units = unitsOfShard(part);
    checkRuns('merge', part.file, part.record, { units, all: true });
  }
  const { record } = parts[0] as Part;
  const { results, parameters } = record;
  const strategies = parameters.strategies as string[];
  const runs: LeakRun[] = parts.flatMap((part) => part.record.results.runs);
  const held = results.scenario.parameters.find(({ key }) => key === 'host.idsHeldUntil')?.value;
  const joined = summariseLeak(
    {
      ...{ scenario: results.scenario, days: results.days, strategies, shard: null },
      published: results.published,
      hostsWanted: parts.reduce((sum, part) => sum + part.record.results.hostsWanted, 0),
      ids: idsOf(record),
      idsHeldByDying: held === 'release',
      sweep: results.sweep === null ? null : { parameters: results.sweep.parameters },
    },
    runs,
  );
  return {
    seed: record.seed,
    results: joined,
    parameters: { ...parameters, shard: null },
    checks: [violationCheck(joined.runs)],
    complete: true,
    warnings: [...new Set(parts.flatMap((part) => part.record.environment.warnings))],
    atomics: 'solo',
  };
}
