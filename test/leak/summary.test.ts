import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type LeakFrame,
  type LeakResults,
  type LeakRun,
  sortRuns,
  summariseLeak,
} from '../../reports/index.ts';
import { relativeError, valueAt } from '../../reports/leak-summary.ts';
import { MEMORY_PARTS } from '../../reports/memory-parts.ts';
import { bareRun } from './small-scenario.ts';

const STRATEGIES = ['pin', 'list-pages', 'splice-caches'];

function frameOf(change: Partial<LeakFrame> = {}): LeakFrame {
  return {
    scenario: { name: 'test', about: '', parameters: [] },
    ...{ days: [0, 1, 2, 3, 4], hostsWanted: 9, shard: null, strategies: STRATEGIES },
    ...{ published: null, ids: 1000, idsHeldByDying: false, sweep: null, ...change },
  };
}

/** A sum of floating-point numbers in another order is off in the last digits. */
function near(found: number | undefined, wanted: number, what = ''): void {
  assert.ok(found !== undefined);
  const allowed = 1e-9 * Math.max(1, Math.abs(wanted));
  assert.ok(Math.abs(found - wanted) <= allowed, `${what}: ${found} for ${wanted}`);
}

function nearAll(found: readonly number[] | undefined, wanted: readonly number[], what = ''): void {
  assert.equal(found?.length, wanted.length, what);
  wanted.forEach((value, at) => {
    near(found?.[at], value, `${what}[${at}]`);
  });
}

const average = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * The textbook's percentile (type 7 of Hyndman and Fan, the default of R and NumPy): of the line through
 * the sorted values, from the least at 0 to the largest at 1. In whole tenths, so that ranks are exact.
 */
function percentile(values: readonly number[], tenths: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = tenths * (sorted.length - 1);
  const below = sorted[Math.floor(rank / 10)] ?? Number.NaN;
  const above = sorted[Math.ceil(rank / 10)] ?? Number.NaN;
  return below + ((above - below) * (rank % 10)) / 10;
}

const SAMPLES = 5;
const course = (max: number) =>
  fc.array(fc.integer({ min: 0, max }), { minLength: SAMPLES, maxLength: SAMPLES });

/** Rows of a few hosts under all strategies, with whole numbers of a size as they have. */
const fleetOf = fc.integer({ min: 1, max: 12 }).chain((hosts) =>
  fc.tuple(
    ...STRATEGIES.flatMap((strategy) =>
      Array.from({ length: hosts }, (_, host) =>
        fc
          .record({
            ...{ dying: course(3000), live: course(100), keptByPages: course(9) },
            ...{ keptBySlab: course(9), slabBytes: course(2 ** 31), percpuBytes: course(2 ** 31) },
            ...{ cacheCount: course(9999), ids: course(2000) },
            ...{ objectBytes: course(2 ** 30), pageBytes: course(2 ** 31) },
            deadObjectBytes: course(2 ** 29),
            parts: fc.record(
              Object.fromEntries(MEMORY_PARTS.map((part) => [part, course(2 ** 30)])),
            ) as unknown as fc.Arbitrary<LeakRun['parts']>,
            caches: fc.subarray(['dentry', 'filp', 'pid']).chain((names) =>
              fc.tuple(
                ...names.map((cache) =>
                  fc.record({
                    cache: fc.constant(cache),
                    liveBytes: fc.nat(),
                    deadBytes: fc.nat(),
                  }),
                ),
              ),
            ),
            ...{ created: fc.nat(), refused: fc.nat({ max: 9 }), operations: fc.nat() },
            refusedAtHours: fc.option(fc.integer({ min: -50, max: 96 })),
          })
          .map((values) => bareRun({ ...values, caches: [...values.caches], host, strategy })),
      ),
    ),
  ),
);

const COURSES = [
  ...(['dying', 'live', 'keptByPages', 'keptBySlab'] as const),
  ...(['slabBytes', 'percpuBytes', 'cacheCount', 'ids'] as const),
  ...(['objectBytes', 'pageBytes', 'deadObjectBytes'] as const),
];

test('a summary is what adding up by hand gives, in whatever order hosts finished', () => {
  const frame = frameOf({ idsHeldByDying: true });
  const shuffled = fleetOf.chain((runs) =>
    fc.tuple(fc.constant(runs), fc.shuffledSubarray(runs, { minLength: runs.length })),
  );
  fc.assert(
    fc.property(shuffled, ([runs, order]) => {
      const results = summariseLeak(frame, order);
      assert.equal(JSON.stringify(results), JSON.stringify(summariseLeak(frame, runs)));
      assert.equal(results.hosts, runs.length / STRATEGIES.length);
      assert.deepEqual(
        results.series.map(({ strategy }) => strategy),
        STRATEGIES,
      );
      for (const series of results.series) {
        const here = runs.filter((run) => run.strategy === series.strategy);
        const at = (of: (run: LeakRun) => readonly number[], sample: number) =>
          here.map((run) => of(run)[sample] ?? Number.NaN);
        const samples = [...Array(SAMPLES).keys()];
        for (const name of COURSES) {
          const wanted = samples.map((sample) => average(at((run) => run[name], sample)));
          nearAll(series[name], wanted, name);
        }
        for (const part of MEMORY_PARTS) {
          const wanted = samples.map((sample) => average(at((run) => run.parts[part], sample)));
          nearAll(series.parts[part], wanted, part);
        }
        const dying = (sample: number) => at((run) => run.dying, sample);
        nearAll(
          series.dyingP10,
          samples.map((sample) => percentile(dying(sample), 1)),
          'P10',
        );
        nearAll(
          series.dyingP90,
          samples.map((sample) => percentile(dying(sample), 9)),
          'P90',
        );
        const dead = [
          'deadSlab',
          'deadCaches',
          'deadMemcgs',
          'deadPercpu',
          'deadPageCache',
        ] as const;
        nearAll(
          series.heldBytes,
          samples.map((sample) =>
            dead.reduce((sum, part) => sum + average(at((run) => run.parts[part], sample)), 0),
          ),
          'held',
        );
        for (const name of ['created', 'refused', 'operations'] as const) {
          assert.equal(
            series[name],
            here.reduce((sum, run) => sum + run[name], 0),
          );
        }
        const hours = here.flatMap(({ refusedAtHours }) => refusedAtHours ?? []);
        assert.equal(series.refusedAtDay, hours.length === 0 ? null : Math.min(...hours) / 24);
        for (const { cache, liveBytes, deadBytes } of series.caches) {
          const uses = here.map((run) => run.caches.find((use) => use.cache === cache));
          near(liveBytes, average(uses.map((use) => use?.liveBytes ?? 0)));
          near(deadBytes, average(uses.map((use) => use?.deadBytes ?? 0)));
        }
        const named = new Set(here.flatMap(({ caches }) => caches.map(({ cache }) => cache)));
        assert.equal(series.caches.length, named.size);
        const mean = (sample: number) => average(dying(sample));
        const growth = (mean(4) - mean(2)) / 2;
        near(series.growthPerDay, growth, 'growth over the second half');
        const left = Math.max(0, 1000 - average(at((run) => run.ids, 4)));
        if (growth <= 0) assert.equal(series.idsLastDays, null);
        else near(series.idsLastDays ?? Number.NaN, left / growth, 'ids');
      }
      const bytes = (strategy: string, sample: number) =>
        average(
          runs
            .filter((run) => run.strategy === strategy)
            .map((run) => (run.slabBytes[sample] ?? 0) + (run.percpuBytes[sample] ?? 0)),
        );
      nearAll(
        results.memDiffBytes,
        [0, 1, 2, 3, 4].map((sample) => bytes('pin', sample) - bytes('splice-caches', sample)),
        'memory difference',
      );
    }),
    { numRuns: 60 },
  );
});

test('percentiles are read off the line through the hosts', () => {
  const only = frameOf({ days: [0], strategies: ['pin'] });
  const bandOf = (...dying: number[]) => {
    const runs = dying.map((value, host) => bareRun({ dying: [value], host }));
    const { dyingP10, dyingP90 } = summariseLeak(only, runs).series[0] ?? assert.fail();
    return [...dyingP10, ...dyingP90];
  };
  assert.deepEqual(bandOf(7), [7, 7]);
  assert.deepEqual(bandOf(20, 10), [11, 19]);
  assert.deepEqual(bandOf(100, 0, 90, 10, 80, 20, 70, 30, 60, 40, 50), [10, 90]);
});

test('runs are in the order of cells, hosts and strategies as they were given', () => {
  const rows = [
    bareRun({ dying: [0], cell: 1, host: 0, strategy: 'pin' }),
    bareRun({ dying: [0], cell: 0, host: 10, strategy: 'pin' }),
    bareRun({ dying: [0], cell: 0, host: 9, strategy: 'pin' }),
    bareRun({ dying: [0], cell: 0, host: 9, strategy: 'splice-caches' }),
  ];
  const sorted = sortRuns(rows, ['splice-caches', 'pin']);
  assert.deepEqual(
    sorted.map(({ cell, host, strategy }) => `${cell} ${host} ${strategy}`),
    ['0 9 splice-caches', '0 9 pin', '0 10 pin', '1 0 pin'],
  );
});

test('a host counts as finished when every strategy is, and nothing is taken of the others', () => {
  fc.assert(
    fc.property(fleetOf, fc.array(fc.nat(), { maxLength: 4 }), (runs, picks) => {
      const lost = new Set(picks.map((pick) => pick % runs.length));
      const kept = runs.filter((_, at) => !lost.has(at));
      const whole = new Set(runs.map(({ host }) => host));
      for (const at of lost) whole.delete(runs[at]?.host ?? -1);
      const { runs: all, ...results } = summariseLeak(frameOf(), kept);
      assert.equal(results.hosts, whole.size);
      // The runs themselves are kept, to go on with.
      assert.equal(all.length, kept.length);
      const { runs: _, ...finished } = summariseLeak(
        frameOf(),
        runs.filter(({ host }) => whole.has(host)),
      );
      assert.deepEqual(results, finished);
    }),
    { numRuns: 40 },
  );
  const none = summariseLeak(frameOf(), []);
  assert.deepEqual([none.hosts, none.series, none.memDiffBytes, none.memDiffOf], [0, [], [], null]);
});

test('the memory difference is that of pinning and the splice, or of what there is', () => {
  const pairOf = (strategies: readonly string[]) => {
    const rows = strategies.map((strategy, at) =>
      bareRun({ dying: [0], strategy, slabBytes: [100 * (at + 1)], percpuBytes: [at] }),
    );
    const { memDiffOf, memDiffBytes } = summariseLeak(frameOf({ strategies }), rows);
    return [memDiffOf?.baseline, memDiffOf?.candidate, ...memDiffBytes];
  };
  assert.deepEqual(pairOf(STRATEGIES), ['pin', 'splice-caches', -202]);
  assert.deepEqual(pairOf(['splice-caches', 'pin']), ['pin', 'splice-caches', 101]);
  assert.deepEqual(pairOf(['list-pages', 'pin', 'scan-pages']), ['pin', 'scan-pages', -101]);
  assert.deepEqual(pairOf(['scan-pages', 'list-pages']), ['scan-pages', 'list-pages', -101]);
  assert.deepEqual(pairOf(['pin']), [undefined, undefined]);
});

test('growth is over the second half, and nothing of a single sample', () => {
  const growthOf = (days: readonly number[], dying: number[]) =>
    summariseLeak(frameOf({ days, strategies: ['pin'] }), [bareRun({ dying })]).series[0]
      ?.growthPerDay;
  assert.equal(growthOf([0, 1, 2, 3, 4], [0, 500, 100, 130, 160]), 30);
  assert.equal(growthOf([0, 1, 2, 3], [0, 100, 130, 160]), 30);
  assert.equal(growthOf([0, 0.25, 0.5], [0, 10, 15]), 20);
  assert.equal(growthOf([0, 1], [40, 30]), -10);
  assert.equal(growthOf([0], [7]), 0);
});

test('ids last as long as they grow, where dying cgroups hold them', () => {
  const lastOf = (dying: number[], ids: number[], change: Partial<LeakFrame> = {}) =>
    summariseLeak(
      frameOf({ days: [0, 1, 2], strategies: ['pin'], idsHeldByDying: true, ...change }),
      [bareRun({ dying, ids })],
    ).series[0]?.idsLastDays;
  assert.equal(lastOf([0, 100, 200], [10, 110, 210]), 7.9);
  assert.equal(lastOf([0, 100, 100], [10, 110, 110]), null);
  assert.equal(lastOf([0, 900, 1000], [10, 950, 1050]), 0, 'used up');
  assert.equal(lastOf([0, 100, 200], [10, 10, 10], { idsHeldByDying: false }), null);
});

test('between two samples a value is on the straight line, outside there is none', () => {
  assert.equal(valueAt([0, 2, 4], [10, 20, 0], 2), 20);
  assert.equal(valueAt([0, 2, 4], [10, 20, 0], 0), 10);
  assert.equal(valueAt([0, 2, 4], [10, 20, 0], 4), 0);
  assert.equal(valueAt([0, 2, 4], [10, 20, 0], 1), 15);
  assert.equal(valueAt([0, 2, 4], [10, 20, 0], 3.5), 5);
  assert.equal(valueAt([0, 2, 4], [10, 20, 0], 4.5), null);
  assert.equal(valueAt([1, 2], [10, 20], 0), null);
  assert.equal(valueAt([], [], 0), null);
  const days = fc.uniqueArray(fc.integer({ min: 0, max: 100 }), { minLength: 2, maxLength: 9 });
  fc.assert(
    fc.property(
      days,
      fc.double({ min: -9, max: 9, noNaN: true }),
      fc.nat({ max: 1000 }),
      (list, slope, at) => {
        const sorted = list.toSorted((a, b) => a - b);
        const [first = 0, last = 0] = [sorted[0], sorted.at(-1)];
        const day = first + ((last - first) * at) / 1000;
        // What lies on one line is on it between samples, too.
        near(
          valueAt(
            sorted,
            sorted.map((one) => 3 + slope * one),
            day,
          ) ?? Number.NaN,
          3 + slope * day,
        );
      },
    ),
  );
});

test('the error is the mean of relative errors over days 1 and later', () => {
  const simulated = { days: [0, 1, 2, 3], values: [500, 110, 180, 300] };
  const error = (days: number[], values: number[]) => relativeError({ days, values }, simulated);
  // Day 0 is not counted, far off as it is.
  near(error([0, 1, 2, 3], [1, 100, 200, 300]) ?? Number.NaN, (0.1 + 0.1 + 0) / 3);
  near(error([1, 2.5], [100, 300]) ?? Number.NaN, (0.1 + 0.2) / 2);
  // Where nothing but day 0 was published, it is all there is.
  assert.equal(error([0], [250]), 1);
  assert.equal(error([0, 0.5], [500, 305]), 0);
  // Days that were not simulated, and zeros, cannot be compared.
  assert.equal(error([2, 3, 4], [200, 300, 1000]), 0.05);
  assert.equal(error([1, 2], [0, 200]), 0.1);
  assert.equal(error([9], [10]), null);
  assert.equal(error([], []), null);
});

test('a record says how far it is from what was published, each row against its strategy', () => {
  const published = {
    ...{ source: 'a letter', what: 'dying cgroups', days: [0, 1, 2] },
    ...{ original: [1, 100, 200], patched: [1, 10, 20], patchedAs: 'splice-caches' },
    memDiffMb: [1, 50, 100],
  };
  const rows = [
    bareRun({ dying: [9, 110, 180], slabBytes: [9e6, 90e6, 180e6], percpuBytes: [0, 10e6, 20e6] }),
    bareRun({ dying: [9, 12, 20], strategy: 'list-pages' }),
    bareRun({ dying: [9, 10, 10], strategy: 'splice-caches', slabBytes: [0, 50e6, 80e6] }),
  ];
  const errorOf = (change: Partial<typeof published> | null, strategies = STRATEGIES) =>
    summariseLeak(
      frameOf({
        ...{ days: [0, 1, 2], strategies },
        published: change === null ? null : ({ ...published, ...change } as LeakFrame['published']),
      }),
      rows.filter(({ strategy }) => strategies.includes(strategy)),
    ).error as NonNullable<LeakResults['error']>;
  const full = errorOf({});
  near(full.original ?? Number.NaN, 0.1);
  near(full.patched ?? Number.NaN, 0.25);
  // 100 - 50 and 200 - 80 million bytes.
  near(full.memDiff ?? Number.NaN, (0 + 0.2) / 2);
  near(errorOf({ patchedAs: 'list-pages' }).patched ?? Number.NaN, 0.1);
  const unpublished = { original: null, patched: null, memDiffMb: null } as never;
  assert.deepEqual(errorOf(unpublished), { original: null, patched: null, memDiff: null });
  assert.deepEqual(errorOf({}, ['list-pages']), { original: null, patched: null, memDiff: null });
  assert.equal(errorOf(null), null);
});

test('a sweep has the ends of each cell, and series of the first', () => {
  const parameters = [
    { key: 'a', values: [1, 2] },
    { key: 'b', values: [10, 20, 30] },
  ];
  const rows = [0, 1, 2, 3, 4, 5].flatMap((cell) =>
    [0, 1, 2].map((host) =>
      bareRun({ ...{ cell, host, refused: host }, dying: [0, 100 * cell + 10 * host] }),
    ),
  );
  const strategies = ['pin'];
  const { sweep, series } = summariseLeak(frameOf({ strategies, sweep: { parameters } }), rows);
  assert.deepEqual(series[0]?.dying, [0, 10]);
  assert.deepEqual(
    sweep?.cells.map(({ values, dying, dyingP10, dyingP90, refused }) => [
      ...values,
      ...[dying, dyingP10, dyingP90, refused],
    ]),
    [
      [1, 10, 10, 2, 18, 3],
      [1, 20, 110, 102, 118, 3],
      [1, 30, 210, 202, 218, 3],
      [2, 10, 310, 302, 318, 3],
      [2, 20, 410, 402, 418, 3],
      [2, 30, 510, 502, 518, 3],
    ],
  );
  // Of an interrupted sweep the cells that have a host.
  const part = summariseLeak(frameOf({ strategies, sweep: { parameters } }), rows.slice(3, 7));
  assert.deepEqual(
    part.sweep?.cells.map(({ values }) => values),
    [
      [1, 20],
      [1, 30],
    ],
  );
});
