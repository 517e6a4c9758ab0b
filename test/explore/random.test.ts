/** Schedules by chance: repeatable, replayable, and made short. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MUTANTS } from '../../bench/explore/mutants.ts';
import { patchedCore } from '../../bench/explore/patched-core.ts';
import { brokenBy, orderOf, sessionOfFile } from './exploring.ts';

const session = sessionOfFile();

for (const kind of ['random', 'pct'] as const) {
  test(`${kind}: the same seed runs the same schedules, another one others`, async () => {
    const run = async (seed: number) => {
      const work = { kind, seed, maxSchedules: 200, stopAt: null };
      const { search } = await session.run(orderOf('lost update', work));
      return search;
    };
    const [one, again, other] = [await run(7), await run(7), await run(8)];
    assert.deepEqual(one, again);
    assert.notDeepEqual(one, other);
    assert.deepEqual(one.found[0]?.broken[0]?.invariant, 'lost update');
  });

  test(`${kind}: what was found is repeated by its schedule, which is as short as it gets`, async () => {
    const mutant = MUTANTS.find(({ id }) => id === 'M22');
    assert.ok(mutant);
    const core = patchedCore(mutant.patches);
    try {
      const work = { kind, seed: 1, maxSchedules: 5000, stopAt: ['S6'] };
      const { search } = await session.run(orderOf(mutant.scenario, work, { core }));
      const [found] = search.found;
      assert.equal(found?.broken[0]?.invariant, 'S6');
      assert.ok(found.schedule.length <= 3, `${found.schedule.length} switches`);
      const replay = { kind: 'replay', schedule: found.schedule } as const;
      const answer = await session.run(orderOf(mutant.scenario, replay, { core }));
      assert.deepEqual(brokenBy(answer), ['S6']);
    } finally {
      core.remove();
    }
  });
}

test('schedules by chance are made as short as they get', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const work = { kind: 'random', seed, maxSchedules: 200, stopAt: ['lost update'] } as const;
    const { search } = await session.run(orderOf('lost update', work));
    // CPU 0 or CPU 1 first, a switch after its load, and back by itself.
    assert.ok((search.found[0]?.schedule.length ?? 99) <= 2, `seed ${seed}`);
  }
});

test('the core as it is survives a thousand schedules by chance on three CPUs', async () => {
  for (const kind of ['random', 'pct'] as const) {
    const work = { kind, seed: 3, maxSchedules: 600 };
    const { search } = await session.run(orderOf('alloc + offline + kworker', work));
    assert.deepEqual([search.found, search.failure, search.schedules], [[], null, 600]);
  }
});
