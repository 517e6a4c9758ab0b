import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planCapacity, runCapacity } from '../../bench/commands/capacity.ts';
import { planCompare, runCompare } from '../../bench/commands/compare.ts';
import type { CommandContext } from '../../bench/commands/registry.ts';
import { CapacityError, UsageError } from '../../bench/errors.ts';
import { type CompareOptions, quickDefaults } from '../../bench/options.ts';
import { SILENT } from '../../bench/progress.ts';
import { STRATEGY_NAMES } from '../../core/index.ts';
import type { CapacityResults, CompareResults } from '../../reports/index.ts';

function options(change: Partial<CompareOptions> = {}): CompareOptions {
  return {
    ...quickDefaults,
    ...{ strategies: [...STRATEGY_NAMES], pages: [200, 1000], caches: 20, rounds: 2 },
    isolates: 1,
    ...{ orders: ['shuffled'], temperatures: ['warm', 'cold'], cornersOnly: false },
    ...{ liveObjects: 2000 },
    ...{ population: 'builtin', memmapRows: 0, atomics: 'solo', hotPath: true, lookedUp: false },
    ...{ seed: 1, quick: true, selfCheck: false },
    ...change,
  };
}

function context(signal = new AbortController().signal): CommandContext & { shares: number[] } {
  const shares: number[] = [];
  const progress = {
    update: (done: number, total: number) => {
      assert.ok(done <= total, `${done} of ${total}`);
      shares.push(done / total);
    },
    clear: () => {},
    alive: SILENT.alive,
  };
  return { signal, progress, startedAt: new Date(0), seed: 1, shares };
}

test('every strategy is measured at every size, and what it leaves behind is as designed', async () => {
  const shell = context();
  const { results, checks, complete } = await runCompare(options(), shell);
  const found = results as CompareResults;
  assert.equal(complete, true);
  assert.deepEqual(
    checks.filter((check) => !check.ok),
    [],
  );
  // 2 sizes x (5 removals + 4 hand-overs: pin has none) x warm and cold.
  assert.equal(found.offline.length, 2 * 9 * 2);
  for (const row of found.offline) {
    assert.equal(row.rounds.length, 2);
    assert.ok(
      row.rounds.every((ns) => ns > 0),
      `${row.strategy} ${row.what}: ${row.rounds}`,
    );
  }
  const steps = (strategy: string) =>
    found.offline.find((row) => row.strategy === strategy && row.pages === 1000)?.steps;
  const slabs = found.offline.find((row) => row.pages === 1000)?.slabs ?? 0;
  assert.equal(steps('splice-caches')?.cachesMoved, 20);
  assert.equal(steps('splice-caches')?.cssMoved, 20);
  assert.equal(steps('splice-caches')?.pagesMoved, 0);
  assert.deepEqual(
    [steps('objcg')?.objcgsMoved, steps('objcg')?.cachesMoved, steps('objcg')?.pagesMoved],
    [1, 0, 0],
  );
  assert.equal(steps('list-pages')?.pagesMoved, slabs);
  assert.equal(steps('scan-pages')?.pagesMoved, slabs);
  const left = new Map(found.leftBehind.map((row) => [`${row.strategy} ${row.pages}`, row]));
  assert.equal(left.get('pin 1000')?.dying, 1);
  assert.ok((left.get('pin 1000')?.pinnedPages ?? 0) > 900);
  assert.equal(left.get('splice-caches 1000')?.dying, 0);
  assert.equal(left.get('splice-caches 1000')?.cachesOnParent, 20);
  assert.equal(found.hotPath.length, 5 * 3);
  assert.equal(found.ratios.length, 2 * 2 * 7, 'four rivals for removals, three for hand-overs');
  const { shares } = shell;
  assert.deepEqual(
    shares,
    [...shares].sort((a, b) => a - b),
    'progress goes forward',
  );
  assert.equal(shares[0], 0);
  // The last step, one operation of one strategy, is a few percent of so small a run.
  assert.ok((shares.at(-1) ?? 0) > 0.95 && (shares.at(-1) ?? 0) < 1, `ends at ${shares.at(-1)}`);
});

test('rounds are spread over workers of their own, and all of them are kept', async () => {
  const change = { rounds: 5, isolates: 3, pages: [200], hotPath: false } as const;
  const shell = context();
  const { results, parameters, complete } = await runCompare(
    options({ ...change, pages: [200], strategies: ['pin', 'splice-caches'] }),
    shell,
  );
  assert.ok(complete);
  assert.equal(parameters.isolates, 3);
  const { offline, leftBehind, interference } = results as CompareResults;
  for (const { rounds } of offline) assert.equal(rounds.length, 5);
  assert.deepEqual(
    leftBehind.map(({ strategy, dying }) => [strategy, dying]),
    [
      ['pin', 1],
      ['splice-caches', 0],
    ],
  );
  const numbers = interference
    .filter(({ strategy }) => strategy === 'pin')
    .map(({ round }) => round);
  assert.deepEqual(numbers, [0, 1, 2, 3, 4]);
});

test('a short run has other orders and temperatures at the largest size alone', async () => {
  const change: Partial<CompareOptions> = {
    ...{ cornersOnly: true, orders: ['in-order', 'shuffled'], strategies: ['splice-caches'] },
    ...{ hotPath: false },
  };
  const { results } = await runCompare(options(change), context());
  const { offline, growth, leftBehind } = results as CompareResults;
  const cases = offline
    .filter((row) => row.what === 'removal')
    .map(({ pages, order, temperature }) => `${pages} ${order} ${temperature}`);
  assert.deepEqual(cases, [
    '200 shuffled warm',
    '1000 in-order warm',
    '1000 in-order cold',
    '1000 shuffled warm',
    '1000 shuffled cold',
  ]);
  assert.deepEqual(
    growth.map(({ order, temperature }) => [order, temperature]),
    [
      ['shuffled', 'warm'],
      ['shuffled', 'warm'],
    ],
  );
  assert.deepEqual(
    leftBehind.map((row) => row.pages),
    [200, 1000],
  );
});

test('--self-check compares each strategy with itself', async () => {
  const change = { selfCheck: true, strategies: ['splice-caches'], hotPath: false };
  const { results, checks } = await runCompare(options(change), context());
  const { selfCheck } = results as CompareResults;
  assert.equal(selfCheck?.length, 2 * 2 * 2, 'two sizes, two parts, warm and cold');
  assert.ok(checks.some((check) => check.name === 'self-check'));
});

test('an interruption keeps what is finished and marks it', async () => {
  const controller = new AbortController();
  const shell = context(controller.signal);
  const { update } = shell.progress;
  // The first size has a line for the start, 5 machines that are filled, 5 that warm up, 2 rounds of 5, and
  // 5 that are looked at afterwards.
  let updates = 0;
  shell.progress.update = (done, total, what) => {
    update(done, total, what);
    if (++updates === 28) controller.abort();
  };
  const { results, complete } = await runCompare(options({ hotPath: false }), shell);
  const found = results as CompareResults;
  assert.equal(complete, false);
  assert.deepEqual([...new Set(found.offline.map((row) => row.pages))], [200]);
});

test('a plan names its memory, and one that does not fit is refused before it starts', async () => {
  const plan = await planCompare(options());
  assert.ok(plan.bytes > 2 ** 20);
  assert.match(plan.remedy, /fewer --pages/);
  const beyond = options({ pages: [2 ** 26], population: 'uniform' });
  await assert.rejects(planCompare(beyond), (error) => {
    assert.ok(error instanceof UsageError);
    assert.match(
      error.message,
      /^--pages: machine config: slabRows is \d+, must be .* smaller --pages$/,
    );
    return true;
  });
  // 20,000 machines of 50 million pages: terabytes, more than any test machine has.
  const strategies = Array.from({ length: 20_000 }, () => 'list-pages');
  await assert.rejects(runCompare(options({ pages: [5e7], strategies }), context()), (error) => {
    assert.ok(error instanceof CapacityError);
    assert.match(
      error.message,
      /^compare needs [\d,]+ bytes of memory and [\d,]+ are available; give/,
    );
    return true;
  });
});

test('capacity creates, fills, audits and tears down', async () => {
  for (const objectsPerSlab of [64, 21, 512]) {
    const given = { objects: 100_003, objectsPerSlab, seed: 1 };
    const { results, checks, complete } = await runCapacity(given, context());
    const found = results as CapacityResults;
    assert.equal(complete, true);
    assert.equal(found.violations, 0, JSON.stringify(checks));
    assert.equal(found.slabs, Math.ceil(100_003 / objectsPerSlab));
    assert.deepEqual(
      found.phases.map((phase) => phase.name),
      ['create', 'fill', 'audit', 'teardown'],
    );
  }
  assert.throws(
    () => planCapacity({ objects: 4_294_967_295, objectsPerSlab: 1, seed: 1 }),
    /--objects 4294967295: machine config: slabRows/,
  );
});
