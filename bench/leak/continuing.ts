/** Records of fleets that belong together: an interrupted one and its continuation, the shards of one. */
import type { LeakRecord, LeakRun } from '../../reports/index.ts';
import type { LeakFrame } from '../../reports/leak-summary.ts';
import { readRecord } from '../commands/report.ts';
import { UsageError } from '../errors.ts';
import { packageVersion } from '../output.ts';
import { type FleetPlan, type Unit, unitsOf } from './fleet.ts';

/** Reads a record of `leak`. @throws UsageError when it is one of another command */
export function readLeakRecord(option: string, file: string): LeakRecord {
  const record = readRecord(file);
  if (record.command === 'leak') return record;
  throw new UsageError(`${option}: ${file} is a record of ${record.command}; give one of leak`);
}

/** How two plans are not the same, in words; null when they are. Both lists have the same facts in order. */
export function difference(
  one: readonly { readonly name: string; readonly value: unknown }[],
  other: readonly { readonly name: string; readonly value: unknown }[],
): string | null {
  const has = (list: typeof one, name: string) => list.some((fact) => fact.name === name);
  const more = one.find(({ name }) => !has(other, name));
  if (more !== undefined) {
    return `${more.name} is ${shown(JSON.stringify(more.value))} there and not given here`;
  }
  const less = other.find(({ name }) => !has(one, name));
  if (less !== undefined) {
    return `${less.name} is not given there and ${shown(JSON.stringify(less.value))} here`;
  }
  for (const [at, fact] of one.entries()) {
    const here = other[at];
    // What is drawn for a kind depends on its place.
    if (here?.name !== fact.name) return `${fact.name} is at another place there than here`;
    const [a, b] = [JSON.stringify(fact.value), JSON.stringify(here.value)];
    if (a !== b) return `${fact.name} is ${shown(a)} there and ${shown(b)} here`;
  }
  return null;
}

function shown(text: string | undefined): string {
  const known = text ?? 'not given';
  return known.length > 60 ? `${known.slice(0, 57)}...` : known;
}

/** Everything that decides about the hosts of a record; which of them it holds left out. */
export function planFacts(record: {
  readonly version: string;
  readonly seed: unknown;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly scenario: LeakFrame['scenario'];
  readonly days: readonly number[];
}): { name: string; value: unknown }[] {
  // Where the file lies is nobody's business; what it says is compared value by value.
  const { shard: _, scenario: __, ...parameters } = record.parameters;
  return [
    { name: 'version', value: record.version },
    { name: 'seed', value: record.seed },
    ...Object.entries(parameters).map(([name, value]) => ({ name, value })),
    ...record.scenario.parameters.map(({ key, value }) => ({ name: key, value })),
    { name: 'days of samples', value: record.days },
  ];
}

/** The facts of a record. */
export function factsOf(record: LeakRecord): ReturnType<typeof planFacts> {
  const { version, seed, parameters, results } = record;
  const { scenario, days } = results;
  return planFacts({ version, seed, parameters, scenario, days });
}

/** The hosts of a record that is to be continued. @throws UsageError when it is of another fleet */
export function checkSamePlan(
  file: string,
  frame: LeakFrame,
  parameters: Record<string, unknown>,
  fleet: FleetPlan,
): readonly LeakRun[] {
  const record = readLeakRecord('--continue', file);
  const { scenario, days } = frame;
  const now = planFacts({
    ...{ version: packageVersion(), seed: parameters.seed, parameters, scenario, days },
  });
  const found =
    difference(factsOf(record), now) ??
    difference(
      [{ name: 'shard', value: record.results.shard }],
      [{ name: 'shard', value: frame.shard }],
    );
  if (found !== null) {
    throw new UsageError(
      `--continue: ${file} is of another fleet: ${found}; give the options it was made with`,
    );
  }
  checkRuns('--continue', file, record, { units: unitsOf(fleet), all: false });
  return record.results.runs;
}

/** Every run of a record is one of its fleet's, there once, and whole. @throws UsageError */
export function checkRuns(
  option: string,
  file: string,
  { results, parameters }: LeakRecord,
  fleet: { readonly units: readonly Unit[]; readonly all: boolean },
): void {
  const strategies = parameters.strategies as readonly string[];
  const nameOf = (run: { cell: number; host: number; strategy: string }) =>
    `host ${run.host} under ${run.strategy}${results.sweep === null ? '' : ` in cell ${run.cell}`}`;
  const wanted = new Set(
    fleet.units.flatMap((unit) => strategies.map((strategy) => nameOf({ ...unit, strategy }))),
  );
  const refuse = (what: string) => {
    throw new UsageError(`${option}: ${file} ${what}; run leak again to make it anew`);
  };
  for (const run of results.runs) {
    const name = nameOf(run);
    if (!wanted.delete(name)) refuse(`has ${name}, which is not of it or there twice`);
    if (run.dying.length !== results.days.length) refuse(`has not every sample of ${name}`);
  }
  const [missing] = wanted;
  if (fleet.all && missing !== undefined) refuse(`lacks ${missing}`);
}
