/** What follows from the seed in records: simulations, replays, searches and verdicts. */
import { replayErrors } from '../replay-words.ts';
import type { CapacityResults, GeometryResults } from '../results.ts';
import type { ClaimsResults } from '../results-claims.ts';
import type { ExploreResults } from '../results-explore.ts';
import type { LeakResults, LeakRun } from '../results-leak.ts';
import type { ReplayResults } from '../results-replay.ts';
import type { SelftestResults } from '../results-selftest.ts';
import { verdictOf } from '../selftest-facts.ts';
import { type DiffItem, exactItem, type RecordItems, stateItem } from './items.ts';

const all = (items: readonly DiffItem[]): RecordItems => ({ items, leftOut: [] });

/** Ranks of a state that is, or is not, what is expected of it. */
const AS_EXPECTED = 2;
const UNDECIDED = 1;
const NOT_EXPECTED = 0;

function rankOf(value: string, expected: string): number {
  if (value === expected) return AS_EXPECTED;
  return value === 'cannot tell' ? UNDECIDED : NOT_EXPECTED;
}

/** A figure at a time, over the hosts: one number with one seed, a sample of hosts with several. */
function overHosts(
  names: { group: string; what: string; unit: 'count' | 'bytes' },
  values: readonly number[],
  sameSeed: boolean,
): DiffItem {
  const { group, what, unit } = names;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (sameSeed) return exactItem([group, what], unit, mean);
  const key = `${group}/${what}`;
  return { kind: 'timed', key, group, unit, better: 'lower', rounds: values, noise: 0 };
}

function heldAt({ parts }: LeakRun, at: number): number {
  const dead = [parts.deadSlab, parts.deadCaches, parts.deadMemcgs, parts.deadPercpu];
  return [...dead, parts.deadPageCache].reduce((sum, part) => sum + (part[at] ?? 0), 0);
}

/**
 * Items of `leak`, and of that part of `run`.
 * @param sameSeed whether the other record has the same hosts, drawn with the same seed
 */
export function leakItems(results: LeakResults, sameSeed: boolean): RecordItems {
  const { days, series, runs, sweep, error } = results;
  const last = days.length - 1;
  const shown = [...days.keys()].filter(
    (at) => (days[at] ?? 0) > 0 && (Number.isInteger(days[at]) || at === last),
  );
  const courses = series.flatMap(({ strategy, refused }) => {
    const own = runs.filter((run) => run.strategy === strategy && run.cell === 0);
    const group = `leak/${strategy}`;
    if (own.length === 0) return [];
    return [
      ...shown.map((at) =>
        overHosts(
          { group, what: `day ${days[at]}/dying cgroups`, unit: 'count' },
          own.map(({ dying }) => dying[at] ?? 0),
          sameSeed,
        ),
      ),
      overHosts(
        { group, what: `day ${days[last]}/held by dying cgroups`, unit: 'bytes' },
        own.map((run) => heldAt(run, last)),
        sameSeed,
      ),
      exactItem([group, 'refused for want of an id'], 'count', refused),
    ];
  });
  const cells = (sweep?.cells ?? []).map(({ values, strategy, dying }) => {
    const at = values.map((value, index) => `${sweep?.parameters[index]?.key} ${value}`);
    return exactItem([`leak/${strategy}`, ...at, 'dying cgroups'], 'count', dying);
  });
  const errors = Object.entries(error ?? {}).flatMap(([name, value]) =>
    typeof value === 'number' ? [exactItem(['leak/off from published', name], 'share', value)] : [],
  );
  return all([...courses, ...cells, ...errors]);
}

/** Items of `replay`. */
export function replayItems(results: ReplayResults): RecordItems {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const courses = results.series.flatMap(({ strategy, dying, slabBytes }) => {
    const group = `replay/${strategy}`;
    return [
      exactItem([group, 'dying cgroups at the end'], 'count', dying.at(-1) ?? 0),
      exactItem([group, 'dying cgroups on average'], 'count', mean(dying)),
      exactItem([group, 'slab at the end'], 'bytes', slabBytes.at(-1) ?? 0),
    ];
  });
  const errors = replayErrors(results).map((error) =>
    exactItem([`replay/${error.strategy}`, 'off from what was measured'], 'count', error.mean),
  );
  const releases = results.releases.map(({ strategy, withinHalfASecond }) =>
    exactItem(
      [`replay/${strategy}`, 'releases within half a second'],
      'count',
      withinHalfASecond,
      'higher',
    ),
  );
  const anomalies = Object.entries(results.anomalies).map(([kind, value]) =>
    exactItem(['replay/anomalies', kind], 'count', value),
  );
  return {
    items: [...courses, ...errors, ...releases, ...anomalies],
    leftOut: ['replay: events a second, timed once and so without noise to compare with'],
  };
}

/** Items of `explore`. */
export function exploreItems({ scenarios, mutants, findings }: ExploreResults): RecordItems {
  return all([
    ...scenarios.flatMap(({ strategy, name, violations, exhaustive, preemptionBound }) => [
      exactItem([`explore/${strategy}`, name, 'broken invariants'], 'count', violations.length),
      stateItem(
        [`explore/${strategy}`, name, 'schedules'],
        exhaustive ? `all within ${preemptionBound}` : 'some',
        // More preemptions are a wider search; one that was cut short says least.
        exhaustive ? 1 + preemptionBound : 0,
      ),
    ]),
    ...mutants.map(({ id, strategy, found }) =>
      stateItem([`explore/bugs put back`, id, strategy], found ? 'found' : 'not found', +found),
    ),
    ...findings.map(({ id, strategy, verdict, expected }) =>
      stateItem([`explore/suspicions`, id, strategy], verdict, rankOf(verdict, expected)),
    ),
  ]);
}

/** Items of `claims`. */
export function claimsItems({ claims }: ClaimsResults): RecordItems {
  return all(
    claims.map(({ id, strategy, verdict, expected }) =>
      stateItem([`claims/${strategy}`, id], verdict, rankOf(verdict, expected)),
    ),
  );
}

/** Items of `selftest`. */
export function selftestItems({ tests }: SelftestResults): RecordItems {
  return all(
    tests.map((test) =>
      stateItem(
        [`selftest/${test.strategy}`, test.name],
        verdictOf(test),
        test.asExpected ? AS_EXPECTED : NOT_EXPECTED,
      ),
    ),
  );
}

/** Items of `geometry`. */
export function geometryItems({ caches }: GeometryResults): RecordItems {
  return all(
    caches.map(({ name, ok, differs }) =>
      stateItem(['geometry', name], ok ? 'as computed' : `differs: ${differs.join(', ')}`, +ok),
    ),
  );
}

/** Items of `capacity`. */
export function capacityItems(results: CapacityResults): RecordItems {
  const { objects, machineBytes, bytesPerObject, violations } = results;
  const group = `capacity/${objects} objects`;
  return {
    items: [
      exactItem([group, 'machine'], 'bytes', machineBytes),
      exactItem([group, 'an object'], 'bytes', bytesPerObject),
      exactItem([group, 'broken invariants'], 'count', violations),
    ],
    leftOut: [
      'capacity: the times of its phases, each taken once and so without noise to compare with',
    ],
  };
}
