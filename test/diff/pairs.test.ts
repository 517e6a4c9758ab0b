import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ClaimsRecord,
  type DiffResults,
  diffRecords,
  type ResultRecord,
  type StormRecord,
} from '../../reports/index.ts';
import { claimsRecord } from '../reports/fixtures/claims-record.ts';
import { diffRecord, slowed } from '../reports/fixtures/diff-record.ts';
import { leakRecord } from '../reports/fixtures/leak-record.ts';
import { smallRecords } from '../reports/fixtures/small-records.ts';
import { syntheticCompare } from '../reports/fixtures/synthetic-compare.ts';
import { syntheticExplore } from '../reports/fixtures/synthetic-explore.ts';
import { syntheticSelftest } from '../reports/fixtures/synthetic-selftest.ts';
import { syntheticStorm } from '../reports/fixtures/synthetic-storm.ts';

function diff(
  a: ResultRecord,
  b: ResultRecord,
  options: { threshold?: number; only?: string[] } = {},
): DiffResults {
  const { threshold = 0.05, only = [] } = options;
  const sides = [
    { file: 'a.json', record: a },
    { file: 'b.json', record: b },
  ] as const;
  return diffRecords(...sides, { seed: 1, threshold, only });
}

type Pair = DiffResults['comparisons'][number];

function pair(results: DiffResults, key: string): Pair {
  const found = results.comparisons.find((one) => one.key === key);
  assert.ok(found, `${key} is not among ${results.comparisons.map((one) => one.key).join('\n')}`);
  return found;
}

const small = syntheticCompare({ sizes: [1000], strategies: ['pin', 'splice-caches'] });
const HOT = 'alloc and free/pin/pair';

test('a record against itself is the same in every pair, and that is said', () => {
  const records: ResultRecord[] = [
    small,
    syntheticStorm(),
    leakRecord(),
    claimsRecord(),
    syntheticSelftest(),
    syntheticExplore({ mutants: 3, findings: 2 }),
    ...smallRecords().filter(({ command }) => command === 'geometry' || command === 'capacity'),
  ];
  for (const record of records) {
    const results = diff(record, record);
    const unlike = results.comparisons.filter(({ verdict }) => verdict !== 'same');
    // Rounds of a stall or of cold removals are far apart: of themselves, too, they say nothing.
    assert.deepEqual(
      unlike.filter(({ verdict }) => verdict !== 'cannot tell').map(({ key }) => key),
      [],
      record.command,
    );
    assert.match(results.cautions[0] ?? '', /same record/);
    assert.deepEqual([results.onlyInA, results.onlyInB, results.differences], [[], [], []]);
  }
});

test('a pair has its key, its ratio with an interval, and the rounds behind it', () => {
  const one = pair(diff(small, slowed(small, { pin: 3 })), HOT);
  assert.equal(one.verdict, 'worse');
  assert.ok(one.regression);
  assert.ok(Math.abs((one.ratio ?? 0) - 3) < 1e-9);
  assert.ok(one.ci95 !== null && one.ci95[0] < 3 && one.ci95[1] > 3 && one.ci95[0] > 2);
  assert.deepEqual(one.rounds, [7, 7]);
  const key = 'removal/splice-caches/1000 pages/100 caches/shuffled/cold';
  assert.ok(pair(diff(small, small), key));
});

test('operations a second are better if there are more of them', () => {
  const storm = syntheticStorm();
  const faster: StormRecord = structuredClone(storm);
  for (const row of faster.results.storm) row.rounds = row.rounds.map((value) => value * 3);
  const key = 'storm/splice-caches/operations';
  assert.equal(pair(diff(storm, faster), key).verdict, 'better');
  const back = pair(diff(faster, storm), key);
  assert.equal(back.verdict, 'worse');
  assert.ok(back.regression);
});

test('the threshold decides what counts', () => {
  const b = slowed(small, { pin: 1.5 });
  assert.equal(pair(diff(small, b), HOT).verdict, 'worse');
  const wide = pair(diff(small, b, { threshold: 1 }), HOT);
  assert.equal(wide.verdict, 'same');
  assert.equal(wide.regression, false);
});

test('what is exact has no interval: every change is told, beyond the threshold it counts', () => {
  const pin = (dying: number): ResultRecord => {
    const record = structuredClone(small);
    for (const row of record.results.leftBehind) if (row.strategy === 'pin') row.dying = dying;
    return record;
  };
  const key = 'left behind/pin/1000 pages/dying cgroups';
  const rose = pair(diff(pin(100), pin(101)), key);
  assert.deepEqual(
    [rose.verdict, rose.regression, rose.ratio, rose.ci95, rose.noise],
    ['worse', false, 1.01, [1.01, 1.01], 0],
  );
  assert.ok(pair(diff(pin(100), pin(110)), key).regression);
  assert.equal(pair(diff(pin(100), pin(99)), key).verdict, 'better');
  const fromZero = pair(diff(pin(0), pin(1)), key);
  assert.deepEqual(
    [fromZero.verdict, fromZero.regression, fromZero.ratio, fromZero.ci95],
    ['worse', true, null, null],
  );
});

test('a verdict that is no longer as expected is a regression', () => {
  const claims = claimsRecord();
  const changed: ClaimsRecord = structuredClone(claims);
  const claim = changed.results.claims.find(({ verdict, expected }) => verdict === expected);
  assert.ok(claim);
  claim.verdict = claim.expected === 'holds' ? 'fails' : 'holds';
  const key = `claims/${claim.strategy}/${claim.id}`;
  const there = pair(diff(claims, changed), key);
  assert.deepEqual([there.verdict, there.regression, there.b], ['worse', true, claim.verdict]);
  assert.equal(pair(diff(changed, claims), key).verdict, 'better');
  const other: ClaimsRecord = structuredClone(changed);
  const again = other.results.claims.find(({ id }) => id === claim.id);
  if (again) again.verdict = 'not modelled';
  const neither = pair(diff(changed, other), key);
  assert.equal(neither.verdict, 'cannot tell');
  assert.match(neither.advice ?? '', /look at it/);
});

test('a bug that is no longer found, and a test that fails, are regressions', () => {
  const before = syntheticExplore({ mutants: 3 });
  const after = structuredClone(before);
  const [mutant] = after.results.mutants;
  assert.ok(mutant);
  mutant.found = !mutant.found;
  const one = pair(diff(before, after), `explore/bugs put back/${mutant.id}/${mutant.strategy}`);
  assert.equal(one.regression, !mutant.found);
  const tests = syntheticSelftest();
  const failing = structuredClone(tests);
  const passed = failing.results.tests.find(
    ({ outcome, asExpected }) => asExpected && outcome === 'pass',
  );
  assert.ok(passed);
  Object.assign(passed, { ok: false, outcome: 'fail', asExpected: false });
  assert.ok(pair(diff(tests, failing), `selftest/${passed.strategy}/${passed.name}`).regression);
});

test('a simulation is exact with one seed, and a sample of hosts with two', () => {
  const leak = leakRecord();
  const key = 'leak/pin/day 7/dying cgroups';
  assert.ok(pair(diff(leak, leakRecord()), key).exact);
  const other = pair(diff(leak, { ...leakRecord(), seed: 2 }), key);
  assert.equal(other.exact, false);
  assert.deepEqual(other.rounds, [3, 3]);
});

test('what one of the two has not is listed', () => {
  const more = syntheticCompare({ sizes: [1000], strategies: ['pin', 'splice-caches', 'objcg'] });
  const results = diff(small, more);
  assert.deepEqual(results.onlyInA, []);
  assert.ok(results.onlyInB.includes('alloc and free/objcg/pair'));
  assert.ok(results.onlyInB.every((key) => key.includes('objcg')));
  assert.deepEqual(diff(more, small).onlyInA, results.onlyInB);
});

test('different machines, options, versions and seeds are said first', () => {
  const other: ResultRecord = {
    ...small,
    ...{ version: '0.2.0', seed: 7, complete: false },
    environment: { ...small.environment, cpuModel: 'Other CPU', cpus: 64, node: '22.0.0' },
    parameters: { ...small.parameters, rounds: 9 },
  };
  const text = diff(small, other).cautions.join('\n');
  assert.match(text, /^B was cut short/);
  assert.match(
    text,
    /different machines: CPU Synthetic CPU.* in A, Other CPU in B; CPUs 2 in A, 64/,
  );
  assert.match(text, /Node 20\.20\.2 in A, 22\.0\.0 in B/);
  assert.match(text, /different options: rounds 7 in A, 9 in B/);
  assert.match(text, /different version and seed/);
  const busy: ResultRecord = { ...small, environment: { ...small.environment, loadAverage: 5 } };
  assert.match(diff(small, busy).cautions.join('\n'), /load 0\.31 before A and 5 before B/);
});

test('the comparison in run goes with compare; nothing else goes together', () => {
  const run: ResultRecord = { ...small, command: 'run' };
  assert.match(diff(small, run).cautions.join('\n'), /A is of compare, B of run/);
  assert.throws(() => diff(small, claimsRecord()), /a\.json is a record of compare and b\.json/);
  const doctor = smallRecords().find(({ command }) => command === 'doctor');
  assert.ok(doctor);
  assert.throws(() => diff(doctor, doctor), /no results to compare; give two records of run/);
  const made = diffRecord(small, small);
  assert.throws(() => diff(made, made), /no results to compare/);
});

test('records with nothing in common are refused, with what to do', () => {
  const other = syntheticCompare({ sizes: [5], strategies: ['objcg'] });
  assert.throws(() => diff(small, other), /nothing in common.*make both with the same options/);
  const empty = syntheticCompare({ sizes: [], strategies: [] });
  assert.throws(() => diff(empty, empty), /neither has any results/);
});

test('--only takes some pairs, and judges them by themselves', () => {
  const results = diff(small, slowed(small, { pin: 3 }), { only: ['FREE/pin'] });
  assert.deepEqual(
    results.comparisons.map(({ key }) => key).sort(),
    ['churn', 'pair', 'random'].map((operation) => `alloc and free/pin/${operation}`),
  );
  assert.throws(() => diff(small, small, { only: ['nope'] }), /--only: no key.*nope.*such as/);
});

test('few rounds, no rounds and rounds of 0 are said, not judged', () => {
  const withRounds = (rounds: number[]): ResultRecord => {
    const record = structuredClone(small);
    for (const row of record.results.hotPath) row.rounds = rounds;
    return record;
  };
  const advice = (rounds: number[]): string => {
    const one = pair(diff(small, withRounds(rounds)), HOT);
    assert.equal(one.verdict, 'cannot tell');
    return one.advice ?? '';
  };
  assert.match(advice([]), /no rounds/);
  assert.match(advice([5.6, 0, 5.6]), /value 0/);
  assert.match(advice([5.6, 5.7]), /too few|fewer than 3/);
  const far = pair(diff(withRounds([1, 1.1, 1.05]), withRounds([9, 9.1, 9.2])), HOT);
  assert.equal(far.verdict, 'worse', 'three rounds decide across a wide gap');
});

test('medians far apart do not decide where the ranks of the rounds disagree', () => {
  const withRounds = (rounds: number[]): ResultRecord => {
    const record = structuredClone(small);
    for (const row of record.results.hotPath) row.rounds = rounds;
    return record;
  };
  const a = withRounds([1, 1.1, 1, 1.05, 1, 1, 9]);
  const b = withRounds([3, 3.1, 3, 3.2, 3, 3.1, 0.9]);
  const one = pair(diff(a, b, { only: [HOT] }), HOT);
  assert.ok(one.ci95 !== null && one.ci95[0] > 1.5);
  assert.equal(one.verdict, 'cannot tell');
  assert.match(one.advice ?? '', /overlap/);
});

test('more releases that a replay has right are better, more dying cgroups worse', () => {
  const replay = (withinHalfASecond: number, dying: number): ResultRecord => ({
    ...small,
    command: 'replay',
    results: {
      ...{ files: ['t'], events: 9, lines: 9, skipped: {}, bad: 0, lost: 0, anomalies: {} },
      ...{ anomalyLines: {}, anomalyPlaces: {}, seconds: 1, cgroups: 9, removed: 9, pins: [] },
      series: [
        { strategy: 'pin', t: [0, 1], dying: [0, dying], slabBytes: [1, 1], objectBytes: [] },
      ],
      ...{ truth: null, releases: [{ strategy: 'pin', told: 9, withinHalfASecond }] },
      ...{ liveObjects: [], unknownFrees: 0, unknownDeletes: 0, inferredPins: 0 },
      ...{ largeAllocations: 0, failedAllocations: 0, namesMissing: 0, eventsPerSecond: {} },
    },
  });
  const results = diff(replay(5, 4), replay(8, 8));
  const verdictOf = (key: string) => pair(results, `replay/pin/${key}`).verdict;
  assert.equal(verdictOf('releases within half a second'), 'better');
  assert.equal(verdictOf('dying cgroups at the end'), 'worse');
  assert.equal(verdictOf('slab at the end'), 'same');
  assert.match(results.notCompared.join(), /events a second/);
});

test('the same key twice in a record keeps both', () => {
  const twice = structuredClone(small);
  twice.results.hotPath.push(...structuredClone(twice.results.hotPath.slice(0, 1)));
  const results = diff(twice, twice);
  assert.equal(results.comparisons.filter(({ key }) => key.startsWith(HOT)).length, 2);
});

test('the worst comes first', () => {
  const three = syntheticCompare({ sizes: [1000], strategies: ['pin', 'list-pages', 'objcg'] });
  const { comparisons } = diff(three, slowed(three, { pin: 2.5, 'list-pages': 4, objcg: 0.1 }));
  const order = ['worse', 'better', 'cannot tell', 'same'];
  const places = comparisons.map(({ verdict }) => order.indexOf(verdict));
  assert.deepEqual(places, [...places].sort());
  assert.match(comparisons[0]?.key ?? '', /list-pages/);
});

test('pairs that go both ways are not summed up', () => {
  const a = syntheticCompare({ sizes: [1000], strategies: ['pin'] });
  const b = structuredClone(a);
  for (const row of b.results.hotPath) {
    const factor = row.operation === 'pair' ? 5 : 0.2;
    row.rounds = row.rounds.map((value) => value * factor);
  }
  const group = diff(a, b).groups.find((one) => one.group === 'alloc and free/pin');
  assert.equal(group?.verdict, 'cannot tell');
  assert.match(group?.advice ?? '', /both ways/);
  assert.equal(group?.comparisons, 3);
});
