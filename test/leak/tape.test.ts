import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import { parseSet } from '../../bench/leak/cells.ts';
import { runFleet } from '../../bench/leak/fleet.ts';
import { simulateHost } from '../../bench/leak/host.ts';
import { loadScenario } from '../../bench/leak/library.ts';
import { rowOf } from '../../bench/leak/row.ts';
import { withValues } from '../../bench/leak/scenario.ts';
import {
  around,
  bindArrivals,
  bindPopularity,
  drawFiring,
  drawKind,
  mixSeed,
  unit,
} from '../../bench/leak/tape.ts';
import { SILENT } from '../../bench/progress.ts';
import { seededRandom } from '../../bench/workload/random.ts';
import { STRATEGY_NAMES } from '../../core/index.ts';
import { kind, scenarioOf, simulate } from './small-scenario.ts';

/** Standard deviations that a mean of many draws may be off: once in two million tests by chance. */
const SIGMAS = 5;
const DAY_MS = 86_400_000;

/** A generator whose numbers from 0 to 1 are these. */
function scripted(units: readonly number[]): RandomGenerator {
  let at = 0;
  const next = () => Math.floor((units[at++ % units.length] ?? 0) * 2 ** 32) | 0;
  return { next } as RandomGenerator;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

test('a unit is from 0 to below 1, and all of that', () => {
  assert.equal(unit(scripted([0])), 0);
  assert.equal(unit(scripted([0.5])), 0.5);
  assert.equal(unit(scripted([1 - 2 ** -32])), 1 - 2 ** -32);
});

test('around: whole, from half the mean to one and a half', () => {
  const share = fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((part) => part / 2 ** 32);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), share, share, (of, first, second) => {
      const value = around(scripted([first, second]), of);
      assert.ok(Number.isInteger(value));
      assert.ok(value >= Math.floor(of / 2) && value <= Math.ceil(1.5 * of), `${value} of ${of}`);
    }),
  );
});

test('around: the mean is the one asked for, parts of one included', () => {
  const random = seededRandom(1);
  const draws = 40_000;
  for (const wanted of [0, 0.05, 0.5, 1, 2.3, 18, 1000]) {
    const values = Array.from({ length: draws }, () => around(random, wanted));
    // Uniform over a width of the mean, and rounding, which adds a quarter at most to the variance.
    const sigma = Math.sqrt(wanted ** 2 / 12 + 0.25) / Math.sqrt(draws);
    const found = mean(values);
    assert.ok(Math.abs(found - wanted) <= SIGMAS * sigma, `${found} for ${wanted}`);
    if (wanted < 18) continue;
    // It really is spread out, not always the mean.
    assert.ok(Math.min(...values) < 0.52 * wanted && Math.max(...values) > 1.48 * wanted);
  }
});

test('popularity: the file at which the summed weights pass the draw, by looking at all', () => {
  const exponent = fc.constantFrom(0, 0.5, 1, 1.7, 3);
  const share = fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((part) => part / 2 ** 32);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), exponent, share, (files, power, drawn) => {
      const weights = Array.from({ length: files }, (_, rank) => (rank + 1) ** -power);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      let passed = 0;
      let naive = 0;
      for (; naive < files - 1; naive++) {
        passed += weights[naive] ?? 0;
        if (passed > drawn * total) break;
      }
      assert.equal(bindPopularity(files, power)(scripted([drawn])), naive);
    }),
    { numRuns: 500 },
  );
});

test('popularity: frequencies are those of the Zipf law', () => {
  const files = 40;
  const draws = 100_000;
  for (const exponent of [0, 0.7, 1, 2]) {
    const popular = bindPopularity(files, exponent);
    const random = seededRandom(3);
    const counts = new Array<number>(files).fill(0);
    for (let draw = 0; draw < draws; draw++) {
      const file = popular(random);
      counts[file] = (counts[file] ?? 0) + 1;
    }
    const total = counts.reduce((sum, _, rank) => sum + (rank + 1) ** -exponent, 0);
    counts.forEach((count, rank) => {
      const share = (rank + 1) ** -exponent / total;
      // What a share of so many independent draws is off by.
      const sigma = Math.sqrt(draws * share * (1 - share));
      const off = Math.abs(count - draws * share);
      assert.ok(off <= SIGMAS * sigma, `exponent ${exponent}, file ${rank}: ${count}`);
    });
  }
});

test('arrivals of a timer stay on its grid, a twentieth of it late at most', () => {
  const timer = scenarioOf({ kinds: [kind({ schedule: 'timer' })] }).kinds[0];
  assert.ok(timer !== undefined);
  fc.assert(
    fc.property(fc.double({ min: 0.1, max: 5000, noNaN: true }), fc.nat(), (perDay, seed) => {
      const interval = DAY_MS / perDay;
      const next = bindArrivals(timer, perDay, seed);
      const late: number[] = [];
      for (let firing = 1, now = 0; firing <= 1000; firing++) {
        now += next();
        late.push(now / interval - firing);
      }
      // Sums of a thousand steps are exact to a few thousand units in the last place.
      const exact = 1e-9;
      assert.ok(Math.min(...late) >= -exact && Math.max(...late) <= 0.05 + exact);
      assert.ok(Math.max(...late) - Math.min(...late) > 0.04, 'not all of them alike');
    }),
    { numRuns: 20 },
  );
});

test('arrivals at random: exponential, with the mean that was asked for', () => {
  const random = scenarioOf({ kinds: [kind({ schedule: 'random' })] }).kinds[0];
  assert.ok(random !== undefined);
  const draws = 40_000;
  for (const perDay of [0.5, 480, 100_000]) {
    const next = bindArrivals(random, perDay, 11);
    const steps = Array.from({ length: draws }, () => (next() * perDay) / DAY_MS);
    // Mean and standard deviation of the exponential distribution are one.
    assert.ok(Math.abs(mean(steps) - 1) <= SIGMAS / Math.sqrt(draws));
    for (const late of [0.1, 1, 3]) {
      const share = Math.exp(-late);
      const found = steps.filter((step) => step > late).length / draws;
      assert.ok(Math.abs(found - share) <= SIGMAS * Math.sqrt((share * (1 - share)) / draws));
    }
  }
});

test('a firing is drawn from the seed and its number alone, whichever was drawn before', () => {
  const [one] = scenarioOf({
    kinds: [kind({ processes: 9, filesUsed: 30, filesRead: 20, sockets: 2, reused: 0.5 })],
  }).kinds;
  assert.ok(one !== undefined);
  const drawn = (seed: number, index: number) => {
    const { random, ...firing } = drawFiring(one, seed, index);
    return { ...firing, next: [random.next(), random.next()] };
  };
  const expected = Array.from({ length: 50 }, (_, index) => drawn(5, index));
  assert.equal(new Set(expected.map(({ next }) => next[0])).size, 50, 'no two alike');
  const order = fc.shuffledSubarray(Array.from({ length: 50 }, (_, index) => index));
  fc.assert(
    fc.property(order, fc.nat(), (indexes, other) => {
      for (const index of indexes) {
        drawn(other, index + 1);
        assert.deepEqual(drawn(5, index), expected[index]);
      }
    }),
    { numRuns: 20 },
  );
});

test('a firing has the means and shares of its kind', () => {
  const numbers = { processes: 18, filesUsed: 120, missingNames: 0.3, temporaryFiles: 5 };
  const more = { keptFiles: 0.05, loggedPages: 128, sockets: 4, pipes: 3, handedOver: 0.1 };
  const given = { ...numbers, ...more, kernfsNodes: 7 };
  const [one] = scenarioOf({ kinds: [kind({ ...given, filesRead: 110, reused: 0.25 })] }).kinds;
  assert.ok(one !== undefined);
  const draws = 20_000;
  const firings = Array.from({ length: draws }, (_, index) => drawFiring(one, 1, index));
  for (const [key, wanted] of Object.entries(given)) {
    const found = mean(firings.map((firing) => firing[key as keyof typeof given]));
    const sigma = Math.sqrt((wanted ** 2 / 12 + 0.25) / draws);
    assert.ok(Math.abs(found - wanted) <= SIGMAS * sigma, `${key}: ${found} for ${wanted}`);
  }
  const reused = firings.filter((firing) => firing.reused).length / draws;
  assert.ok(Math.abs(reused - 0.25) <= SIGMAS * Math.sqrt((0.25 * 0.75) / draws));
  const lives = firings.map(({ lifetimeMs }) => lifetimeMs);
  assert.ok(Math.min(...lives) >= 30_000 && Math.max(...lives) < 90_000);
  assert.ok(Math.abs(mean(lives) - 60_000) <= (SIGMAS * 60_000) / Math.sqrt(12 * draws));
  // No more can be read than are used.
  assert.ok(firings.some(({ filesRead, filesUsed }) => filesRead === filesUsed));
  assert.ok(firings.every(({ filesRead, filesUsed }) => filesRead <= filesUsed));
});

test('seeds that are next to each other are mixed far apart', () => {
  const seeds = [0, 1, 2, 3].flatMap((seed) =>
    [-12, -3, -2, -1, 0, 1, 2, 3].map((salt) => mixSeed(seed, salt)),
  );
  assert.equal(new Set(seeds).size, seeds.length);
  // Half of the 32 bits differ on average; fewer than 4 do once in a million pairs.
  seeds.forEach((seed, at) => {
    const other = seeds[at + 1];
    if (other === undefined) return;
    const differing = (seed ^ other) >>> 0;
    assert.ok(differing.toString(2).replaceAll('0', '').length >= 4);
  });
});

test('kinds of start-up units are drawn by their shares', () => {
  const { kinds } = scenarioOf({
    kinds: [kind({ share: 0.9 }), kind({ name: 'other', share: 0.1 })],
  });
  const random = seededRandom(4);
  const draws = 20_000;
  const drawn = Array.from({ length: draws }, () => drawKind(kinds, random));
  const first = drawn.filter((index) => index === 0).length;
  assert.ok(Math.abs(first / draws - 0.9) <= SIGMAS * Math.sqrt(0.09 / draws));
});

/** A day of a host on which everything happens that a scenario can ask for, but that ids run out. */
async function busyDay(): Promise<ReturnType<typeof scenarioOf>> {
  const settings = [
    ...['days=1', 'samplesPerDay=8', 'files.count=300', 'services=5', 'hoursBeforeDay0=1'],
    ...['cgroupsPerDay=60', 'temporaryFiles=3', 'missingNames=4', 'kernfsNodes=3', 'reused=0.1'],
    ...['handedOver=2', 'keptFiles=1', 'keptHours=5', 'kinds.job.cgroups=3', 'replacedPerDay=200'],
  ];
  const read = await loadScenario('web-frontend');
  const { scenario } = withValues(
    read,
    settings.map((text) => parseSet('--set', text)),
  );
  const actions = scenarioOf({
    actions: [
      { do: 'boot', cgroups: 10, atHours: 2 },
      { do: 'dropCaches', what: 'all', atHours: 9 },
      { do: 'reclaim', cgroup: '/', pages: 500, atHours: 12, everyHours: 5 },
    ],
  }).actions;
  return { ...scenario, actions };
}

test('every strategy gets the same tape', async () => {
  const scenario = await busyDay();
  const runs = STRATEGY_NAMES.map((strategy) => simulate(scenario, strategy, { host: 3 }));
  const [first] = runs;
  assert.ok(first !== undefined && first.created > 40 && first.operations > 50_000);
  for (const run of runs) {
    assert.equal(run.created, first.created);
    // Where each object has an owner, the first ones of a cgroup are charged too, so another number of
    // inodes is reclaimed and read again.
    const more = Math.abs(run.operations / first.operations - 1);
    assert.ok(run.strategy === 'objcg' ? more < 0.01 : more === 0, `${run.strategy}: ${more}`);
    assert.deepEqual(
      run.samples.map(({ live }) => live),
      first.samples.map(({ live }) => live),
    );
  }
  // While what became of it is not the same.
  const dying = runs.map(({ samples }) => samples.at(-1)?.dying ?? 0);
  assert.ok((dying[0] ?? 0) > Math.max(...dying.slice(1)), `dying: ${dying.join(', ')}`);
  const perMemcg = runs.filter(({ strategy }) => !['pin', 'objcg'].includes(strategy));
  for (const run of perMemcg) assert.deepEqual(run.samples, perMemcg[0]?.samples);
});

test('two hosts differ, two seeds too', async () => {
  const scenario = await busyDay();
  const texts = [
    simulate(scenario, 'pin', { host: 0 }),
    simulate(scenario, 'pin', { host: 1 }),
    simulate(scenario, 'pin', { host: 0, seed: 2 }),
    simulate(scenario, 'pin', { host: 1, seed: 2 }),
  ].map(({ samples }) => JSON.stringify(samples));
  assert.equal(new Set(texts).size, 4);
});

test('a host is the same to the last byte again, after others, and in a worker', async () => {
  const scenario = await busyDay();
  const textOf = (strategy: string) =>
    JSON.stringify(rowOf(simulateHost({ scenario, seed: 9, host: 4, strategy }), 0));
  const expected = new Map(STRATEGY_NAMES.map((strategy) => [strategy, textOf(strategy)]));
  const other = scenarioOf({ cgroupsPerDay: 100, kinds: [kind({ processes: 2, filesUsed: 9 })] });
  simulate(other, 'list-pages', { seed: 77 });
  for (const [strategy, text] of expected) assert.equal(textOf(strategy), text, strategy);
  const { signal } = new AbortController();
  const progress = SILENT;
  const tasks = STRATEGY_NAMES.map((strategy) => ({
    ...{ scenario, seed: 9, host: 4, strategy, cell: 0 },
  }));
  const { runs } = await runFleet(tasks, { workers: 2, signal, progress });
  assert.equal(runs.length, tasks.length);
  for (const run of runs) assert.equal(JSON.stringify(run), expected.get(run.strategy));
});
