/** Compares two records: pairs what both hold, judges each pair, and says what has no pair. */
import type { ResultRecord } from '../record.ts';
import type { DiffComparison, DiffGroup, DiffResults } from '../results-diff.ts';
import type { Verdict } from '../verdict.ts';
import { cautionsOf, differencesOf } from './differences.ts';
import {
  capacityItems,
  claimsItems,
  exploreItems,
  geometryItems,
  leakItems,
  replayItems,
  selftestItems,
} from './exact.ts';
import type { DiffItem, ExactItem, RecordItems, StateItem, TimedItem } from './items.ts';
import { type JudgeOptions, judgeGroup, judgeTimed, middleOf } from './judge.ts';
import { compareItems, stormItems } from './timed.ts';

/** Says in one line why two records cannot be compared, and what to do. */
export class DiffError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DiffError';
  }
}

/** One of the two. */
export interface DiffSide {
  readonly file: string;
  readonly record: ResultRecord;
}

/** How to compare. */
export interface DiffOptions {
  readonly seed: number;
  /** Share beyond which a difference counts: 0.05 is 5 %. */
  readonly threshold: number;
  /** Keys that hold one of these are compared, all if it is empty. */
  readonly only: readonly string[];
}

function joined(parts: readonly RecordItems[]): RecordItems {
  return {
    items: parts.flatMap(({ items }) => items),
    leftOut: parts.flatMap(({ leftOut }) => leftOut),
  };
}

/** Everything in a record that can be compared. @throws DiffError for records that hold nothing of the kind */
function itemsOf({ file, record }: DiffSide, sameSeed: boolean): RecordItems {
  switch (record.command) {
    case 'compare':
    case 'run': {
      const { storm, leak } = record.results;
      return joined([
        compareItems(record),
        ...(storm === undefined ? [] : [stormItems(storm)]),
        ...(leak === undefined ? [] : [leakItems(leak, sameSeed)]),
      ]);
    }
    case 'storm':
      return stormItems(record.results);
    case 'leak':
      return leakItems(record.results, sameSeed);
    case 'replay':
      return replayItems(record.results);
    case 'explore':
      return exploreItems(record.results);
    case 'claims':
      return claimsItems(record.results);
    case 'selftest':
      return selftestItems(record.results);
    case 'geometry':
      return geometryItems(record.results);
    case 'capacity':
      return capacityItems(record.results);
    case 'host':
      throw new DiffError(
        `${file} is a look at a live host; to see what grew there: slabsplice host --since ${file}`,
      );
    case 'doctor':
    case 'diff':
      throw new DiffError(
        `${file} is a record of ${record.command}, which has no results to compare; give two records of run, compare, storm, leak, replay, explore, claims, selftest, geometry or capacity`,
      );
  }
}

/** What a command compares with: the comparison of `run` is that of `compare`. */
function familyOf(record: ResultRecord): string {
  return record.command === 'run' ? 'compare' : record.command;
}

function checkAlike(a: DiffSide, b: DiffSide): void {
  if (familyOf(a.record) === familyOf(b.record)) return;
  throw new DiffError(
    `${a.file} is a record of ${a.record.command} and ${b.file} one of ${b.record.command}; give two of the same command`,
  );
}

function byKey(items: readonly DiffItem[]): Map<string, DiffItem> {
  const found = new Map<string, DiffItem>();
  for (const item of items) {
    let key = item.key;
    for (let again = 2; found.has(key); again++) key = `${item.key} (${again})`;
    found.set(key, { ...item, key });
  }
  return found;
}

function matcher(only: readonly string[]): (key: string) => boolean {
  const wanted = only.map((text) => text.toLowerCase());
  return (key) => wanted.length === 0 || wanted.some((text) => key.toLowerCase().includes(text));
}

type Pair = { a: DiffItem; b: DiffItem };

const EXACT = { exact: true, rounds: [0, 0] as [number, number], noise: 0 };

function exactPair(a: ExactItem, b: ExactItem, threshold: number): DiffComparison {
  const { key, group, unit, better } = b;
  const ratio = a.value === b.value ? 1 : a.value === 0 ? null : b.value / a.value;
  const rose = b.value > a.value;
  const worse = rose === (better === 'lower');
  const verdict: Verdict = a.value === b.value ? 'same' : worse ? 'worse' : 'better';
  const beyond = ratio === null || ratio > 1 + threshold || ratio < 1 / (1 + threshold);
  return {
    ...{ key, group, ...EXACT, unit, better, a: a.value, b: b.value, ratio },
    ...{ ci95: ratio === null ? null : [ratio, ratio], verdict },
    regression: verdict === 'worse' && beyond,
  };
}

function statePair(a: StateItem, b: StateItem): DiffComparison {
  const common = {
    ...{ key: b.key, group: b.group, ...EXACT, unit: 'state' as const, better: 'higher' as const },
    ...{ a: a.value, b: b.value, ratio: null, ci95: null },
  };
  if (a.value === b.value) return { ...common, verdict: 'same', regression: false };
  if (a.rank === b.rank) {
    const advice =
      'it changed, and neither is better: look at it in both records (slabsplice report)';
    return { ...common, verdict: 'cannot tell', regression: false, advice };
  }
  const worse = b.rank < a.rank;
  return { ...common, verdict: worse ? 'worse' : 'better', regression: worse };
}

function timedPair(a: TimedItem, b: TimedItem, options: JudgeOptions): DiffComparison {
  const { key, group, unit, better } = b;
  const { ratio, ci95, noise, verdict, advice } = judgeTimed(a, b, options);
  return {
    ...{ key, group, exact: false, unit, better, a: middleOf(a), b: middleOf(b) },
    rounds: [a.rounds.length, b.rounds.length],
    ...{ ratio, ci95, noise, verdict, regression: verdict === 'worse' },
    ...(advice === undefined ? {} : { advice }),
  };
}

function comparePair({ a, b }: Pair, options: JudgeOptions): DiffComparison[] {
  if (a.kind === 'timed' && b.kind === 'timed') return [timedPair(a, b, options)];
  if (a.kind === 'exact' && b.kind === 'exact') return [exactPair(a, b, options.threshold)];
  if (a.kind === 'state' && b.kind === 'state') return [statePair(a, b)];
  return [];
}

/** Groups of timed pairs that go in one direction; one pair is no group. */
function groupsOf(comparisons: readonly DiffComparison[], options: DiffOptions): DiffGroup[] {
  const groups = new Map<string, (DiffComparison & { ratio: number; ci95: [number, number] })[]>();
  for (const one of comparisons) {
    const { ratio, ci95, exact, better } = one;
    if (exact || ratio === null || ci95 === null) continue;
    const name = `${one.group}\n${better}`;
    groups.set(name, [...(groups.get(name) ?? []), { ...one, ratio, ci95 }]);
  }
  const several = [...groups.values()].filter((members) => members.length > 1);
  return several.flatMap((members) => {
    const [first] = members;
    if (first === undefined) return [];
    const { group, better } = first;
    const judged = judgeGroup(members, better, { ...options, comparisons: several.length });
    const { ratio, ci95, noise, verdict, advice } = judged;
    if (ratio === null || ci95 === null) return [];
    const ratios = members.map((one) => one.ratio);
    return [
      {
        ...{ group, comparisons: members.length, ratio, ci95 },
        range: [Math.min(...ratios), Math.max(...ratios)],
        ...{ noise, better, verdict, regression: verdict === 'worse' },
        ...(advice === undefined ? {} : { advice }),
      },
    ];
  });
}

const ORDER: readonly Verdict[] = ['worse', 'better', 'cannot tell', 'same'];

/** How far from equal; what has no ratio is further than all that have one. */
function distance({ ratio, verdict }: { ratio: number | null; verdict: Verdict }): number {
  if (ratio === null) return verdict === 'same' ? 0 : Number.POSITIVE_INFINITY;
  return ratio === 0 ? Number.POSITIVE_INFINITY : Math.abs(Math.log(ratio));
}

function worstFirst<One extends { ratio: number | null; verdict: Verdict }>(list: One[]): One[] {
  return list.sort((left, right) => {
    const [from, to] = [distance(left), distance(right)];
    const apart = from === to ? 0 : to - from;
    return ORDER.indexOf(left.verdict) - ORDER.indexOf(right.verdict) || apart;
  });
}

function sideFacts({ file, record }: DiffSide): DiffResults['a'] {
  const { command, version, startedAt, seed, complete } = record;
  return { file, command, version, startedAt, seed, complete };
}

const KEYS_SHOWN = 3;

function refuseNothingShared(
  [a, b]: readonly [DiffSide, DiffSide],
  keys: readonly string[],
  only: readonly string[],
): never {
  const some = keys.slice(0, KEYS_SHOWN).join(', ');
  if (only.length > 0 && keys.length > 0) {
    throw new DiffError(
      `--only: no key of these records holds ${only.join(' or ')}; keys are such as ${some}`,
    );
  }
  const empty =
    keys.length === 0 ? 'neither has any results' : `one or the other alone has ${some}`;
  throw new DiffError(
    `${a.file} and ${b.file} have nothing in common: ${empty}; make both with the same options`,
  );
}

/** Whether both records drew the same hosts. */
function sameDraws(a: ResultRecord, b: ResultRecord): boolean {
  const hosts = ({ parameters }: ResultRecord): string =>
    JSON.stringify([parameters.hosts, parameters.leakHosts, parameters.shard]);
  return a.seed === b.seed && hosts(a) === hosts(b);
}

/**
 * Compares B with A.
 * @throws DiffError when they are of different commands or hold nothing in common
 */
export function diffRecords(a: DiffSide, b: DiffSide, options: DiffOptions): DiffResults {
  checkAlike(a, b);
  const sameSeed = sameDraws(a.record, b.record);
  const parts = [itemsOf(a, sameSeed), itemsOf(b, sameSeed)] as const;
  const [left, right] = [byKey(parts[0].items), byKey(parts[1].items)];
  const wanted = matcher(options.only);
  const pairs = [...right].flatMap(([key, item]): Pair[] => {
    const other = left.get(key);
    return other !== undefined && wanted(key) ? [{ a: other, b: item }] : [];
  });
  if (pairs.length === 0) {
    refuseNothingShared([a, b], [...left.keys(), ...right.keys()], options.only);
  }
  const timed = pairs.filter(({ b: item }) => item.kind === 'timed');
  const comparisons = worstFirst(
    pairs.flatMap((pair) => comparePair(pair, { ...options, comparisons: timed.length })),
  );
  const differences = differencesOf(a.record, b.record);
  const alone = (own: typeof left, other: typeof left): string[] =>
    [...own.keys()].filter((key) => !other.has(key) && wanted(key));
  const identical = JSON.stringify(a.record) === JSON.stringify(b.record);
  return {
    ...{ a: sideFacts(a), b: sideFacts(b), threshold: options.threshold, comparisons },
    groups: worstFirst(groupsOf(comparisons, options)),
    ...{ onlyInA: alone(left, right), onlyInB: alone(right, left) },
    notCompared: [...new Set(parts.flatMap(({ leftOut }) => leftOut))],
    differences,
    cautions: cautionsOf([a.record, b.record], differences, {
      ...{ timed: timed.length > 0, identical },
    }),
  };
}
