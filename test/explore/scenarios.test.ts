/**
 * The core as it is, under every schedule of some scenarios with at most one preemption, for every
 * strategy; all scenarios without a switch. `slabsplice explore` runs all of them, and deeper.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FINDINGS } from '../../bench/explore/findings.ts';
import { MUTANTS } from '../../bench/explore/mutants.ts';
import { ALL_SCENARIOS, SCENARIOS, suits } from '../../bench/explore/scenarios.ts';
import { ALL_STRATEGY_NAMES } from '../../core/index.ts';
import { brokenBy, orderOf, scenario, sessionOfFile } from './exploring.ts';

const session = sessionOfFile();
const BOUND = Number(process.env.SLABSPLICE_EXPLORE_BOUND ?? 1);
const SEARCHED = [
  ...['alloc + offline', 'remote free + offline', 'charge at limit + offline', 'offline + offline'],
  ...['offline + lru', 'offline + interrupt', 'merge + destroy', 'slabs under RCU + destroy'],
  ...['alloc + remote free + task', 'lru + shrinker, second removal', 'last free + kworker'],
  ...['task moved + offline', 'freed in turn + offline', 'release + removal of the parent'],
  ...['free + two removals', 'stock replaced + interrupt', 'freed on another node'],
  ...['new cgroup + offline'],
];
const suiting = (strategy: string, names: readonly string[]): string[] =>
  names.filter((name) => suits(scenario(name), strategy));

for (const strategy of ALL_STRATEGY_NAMES) {
  test(`${strategy}: nothing breaks with at most ${BOUND} preemptions`, async (t) => {
    for (const name of suiting(strategy, SEARCHED)) {
      await t.test(name, async () => {
        const work = { kind: 'bounded', bound: BOUND } as const;
        const { search } = await session.run(orderOf(name, work, { strategy }));
        assert.deepEqual([search.found, search.failure, search.exhaustive], [[], null, true]);
      });
    }
  });

  test(`${strategy}: every scenario is sound without a switch`, async () => {
    for (const { name } of SCENARIOS.filter((one) => suits(one, strategy))) {
      const work = { kind: 'replay', schedule: [] } as const;
      const answer = await session.run(orderOf(name, work, { strategy }));
      assert.deepEqual([name, brokenBy(answer), answer.search.failure], [name, [], null]);
    }
  });
}

test('names are told apart, and everything that is looked for has a scenario', () => {
  const names = ALL_SCENARIOS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { scenario } of MUTANTS) assert.ok(names.includes(scenario), scenario);
  for (const { scenario } of FINDINGS) assert.ok(names.includes(scenario.name), scenario.name);
});

test('scenarios about the caches of memcgs and about shared ones are for designs that have them', () => {
  const about = (strategy: string) => SCENARIOS.filter((one) => suits(one, strategy)).length;
  const own = SCENARIOS.filter(({ caches }) => caches === 'own').length;
  const shared = SCENARIOS.filter(({ caches }) => caches === 'shared').length;
  assert.ok(own > 0 && shared > 0);
  assert.equal(about('splice-caches'), SCENARIOS.length - shared);
  assert.equal(about('objcg'), SCENARIOS.length - own);
});

test('objcg-by-memcg loses parts of pages: the audit says so at once, and at most a byte less than a page for each node', async () => {
  const work = { kind: 'replay', schedule: [] } as const;
  const order = orderOf('freed on another node', work, { strategy: 'objcg-by-memcg' });
  const { search } = await session.run(order);
  assert.ok(search.decisions < 1000);
  const [{ invariant, detail } = { invariant: '', detail: '' }, ...others] =
    search.found[0]?.broken ?? [];
  assert.deepEqual([invariant, others], ['C-A', []]);
  const [, usage, owned] = /usage (\d+) pages, ([\d.]+) are owned/.exec(detail) ?? [];
  const lostBytes = (Number(usage) - Number(owned)) * 4096;
  // An object with its pointer, 264 bytes, by one obj_cgroup; the rest of another page by the other.
  assert.equal(lostBytes, 264 + (4096 - 264));
  assert.ok(lostBytes <= 2 * (4096 - 1));
});
