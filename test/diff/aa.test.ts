import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { RECORD_NOISE } from '../../reports/diff/noise.ts';
import {
  type CompareRecord,
  type DiffResults,
  diffRecords,
  parseRecord,
} from '../../reports/index.ts';
import { slowed } from '../reports/fixtures/diff-record.ts';
import { lognormal, syntheticCompare } from '../reports/fixtures/synthetic-compare.ts';

/**
 * Standard deviations of the logarithm, as in recorded runs: rounds of one worker vary by 1 % warm and by
 * 15 % cold, its isolate by RECORD_NOISE.removal* between two records (so by that over the square root of
 * 2 in each); alloc and free have a worker a round, which vary by 6 %.
 */
const ROUND = { warm: 0.01, cold: 0.15, hotPath: 0.06 };

/** A record of equal code as another run of it would write; removals have so many workers. */
function run(seed: number, isolates = 1): CompareRecord {
  const record = syntheticCompare({ sizes: [1000, 31_622], noise: 0, rounds: 7 });
  const draw = lognormal(seed, 1);
  const vary = (
    values: readonly number[],
    round: number,
    common: number,
    workers: number,
  ): number[] => {
    const all = Array.from({ length: workers }, () => draw() ** (common / Math.SQRT2));
    return values.map(
      (value, at) =>
        value * (all[Math.floor((at * workers) / values.length)] ?? 1) * draw() ** round,
    );
  };
  const { offline, hotPath } = record.results;
  return {
    ...record,
    parameters: { ...record.parameters, isolates },
    results: {
      ...record.results,
      offline: offline.map((row) => ({
        ...row,
        rounds: vary(
          row.rounds,
          ROUND[row.temperature],
          row.temperature === 'warm' ? RECORD_NOISE.removalWarm : RECORD_NOISE.removalCold,
          isolates,
        ),
      })),
      hotPath: hotPath.map((row) => ({
        ...row,
        rounds: vary(row.rounds, ROUND.hotPath, RECORD_NOISE.hotPath, 1),
      })),
    },
  };
}

function compare(a: CompareRecord, b: CompareRecord): DiffResults {
  const sides = [
    { file: 'a.json', record: a },
    { file: 'b.json', record: b },
  ] as const;
  return diffRecords(...sides, { seed: 1, threshold: 0.05, only: [] });
}

const TABLES = 40;
const tables = Array.from({ length: TABLES }, (_, at) => compare(run(2 * at + 1), run(2 * at + 2)));

const shareOfSame = (part: (one: DiffResults['comparisons'][number]) => boolean): number => {
  const pairs = tables.flatMap(({ comparisons }) =>
    comparisons.filter((one) => !one.exact && part(one)),
  );
  return pairs.filter(({ verdict }) => verdict === 'same').length / pairs.length;
};

test('A/A: 95 of 100 pairs of equal code are the same', () => {
  // A 95 % interval misses in 5 %; two standard errors of 640 pairs (40 tables of 16 warm removals of a
  // kind, of which a strategy's pairs are drawn apart) are 1.7 %.
  assert.ok(shareOfSame(({ key }) => key.endsWith('/warm')) >= 0.95 - 0.017);
  // The bootstrap of a median of 7 covers a little less than it says.
  assert.ok(shareOfSame(({ key }) => key.startsWith('alloc and free')) >= 0.92);
});

test('A/A: what varies too much for "same" cannot be told, and what to do is said', () => {
  const cold = tables.flatMap(({ comparisons }) =>
    comparisons.filter(({ key }) => key.endsWith('/cold')),
  );
  const unclear = cold.filter(({ verdict }) => verdict === 'cannot tell');
  assert.ok(unclear.length > 0);
  for (const { advice } of unclear) assert.match(advice ?? '', /more rounds|again/);
});

test('A/A: one table in twenty shows a difference where there is none', () => {
  const alarms = tables.filter(({ comparisons, groups }) =>
    [...comparisons, ...groups].some(({ verdict }) => verdict === 'worse' || verdict === 'better'),
  );
  // 5 % of 40 are 2; a binomial of that has more than 5 in 1.4 % of all cases, and the seeds are fixed.
  assert.ok(alarms.length <= 5, `${alarms.length} of ${TABLES}`);
});

test('what became twice as slow is found, and nothing else is', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const b = slowed(run(100 + seed), { 'list-pages': 2.2 });
    const { comparisons } = compare(run(seed), b);
    const worse = comparisons.filter(({ verdict }) => verdict === 'worse');
    assert.ok(worse.length >= 6, `${worse.length}`);
    for (const { key, regression } of worse) {
      assert.match(key, /list-pages/);
      assert.ok(regression);
    }
  }
});

test('with a worker for each round equal code is the same, and a slowdown shows that one worker hides', () => {
  const isolates = 7;
  const warm = (one: DiffResults): DiffResults['comparisons'] =>
    one.comparisons.filter(({ key }) => key.endsWith('/warm'));
  const pairs = Array.from({ length: TABLES / 4 }, (_, at) =>
    warm(compare(run(1000 + 2 * at, isolates), run(1001 + 2 * at, isolates))),
  ).flat();
  const same = pairs.filter(({ verdict }) => verdict === 'same').length / pairs.length;
  // As above: what a bootstrap of 7 covers, less two standard errors.
  assert.ok(same >= 0.92, `${same}`);
  assert.ok(pairs.every(({ verdict }) => verdict === 'same' || verdict === 'cannot tell'));
  const found = (workers: number): number => {
    const slower = [1, 2, 3, 4, 5].flatMap((seed) =>
      warm(compare(run(seed, workers), slowed(run(50 + seed, workers), { 'list-pages': 1.4 }))),
    );
    const own = slower.filter(({ key }) => /list-pages/.test(key));
    return own.filter(({ verdict }) => verdict === 'worse').length / own.length;
  };
  // One in ten and three in four of 40 pairs, with these seeds.
  assert.ok(found(1) < 0.2, `${found(1)}`);
  assert.ok(found(isolates) > 0.7, `${found(isolates)}`);
});

test('a mean over pairs shows what no pair shows', () => {
  const { comparisons, groups } = compare(run(1), slowed(run(1), { 'splice-caches': 1.45 }));
  const key = 'removal/splice-caches/warm';
  const pairs = comparisons.filter(({ group }) => group === key);
  assert.ok(pairs.every(({ verdict }) => verdict === 'cannot tell'));
  assert.equal(groups.find(({ group }) => group === key)?.verdict, 'worse');
});

const recorded = (name: string): CompareRecord => {
  const file = new URL(`../../../test/fixtures/records/${name}.json`, import.meta.url);
  return parseRecord(readFileSync(file, 'utf8'), name) as CompareRecord;
};

test('A/A: two real runs of one build on a busy machine show no difference', () => {
  const { comparisons, groups, cautions } = compare(
    recorded('compare-before'),
    recorded('compare-after'),
  );
  const different = [...comparisons, ...groups].filter(
    ({ verdict }) => verdict === 'better' || verdict === 'worse',
  );
  assert.deepEqual(different, []);
  const timed = comparisons.filter(({ exact }) => !exact);
  const same = timed.filter(({ verdict }) => verdict === 'same');
  // The rounds of cold removals overlap and are far apart: they are most of the others.
  assert.ok(same.length >= 0.75 * timed.length, `${same.length} of ${timed.length}`);
  assert.ok(cautions.some((text) => text.includes('the machine had other work')));
});
