/**
 * Errors that a search could overlook, put into the core: rows that others free under a step that nobody
 * else takes part in, and plain accesses that nothing orders.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Patch, patchedCore } from '../../bench/explore/patched-core.ts';
import { SessionError, startSession } from '../../bench/explore/session.ts';
import { brokenBy, orderOf, sessionOfFile } from './exploring.ts';

const session = sessionOfFile();

async function searched(scenario: string, patches: readonly Patch[], bound = 2) {
  const core = patchedCore(patches);
  try {
    return await session.run(orderOf(scenario, { kind: 'bounded', bound }, { core }));
  } finally {
    core.remove();
  }
}

test('a freed row is seen to be touched, though no other CPU uses the word', async () => {
  // The size of a cache is written once and read by nobody else.
  const answer = await searched('last free + kworker', [
    {
      file: 'reparent/splice-caches.ts',
      find: 'if (memcg !== 0) putCache(cache, pages);',
      put: 'if (memcg !== 0) { putCache(cache, pages); peek(machine.kmemCaches.size, cache); }',
    },
  ]);
  assert.deepEqual(brokenBy(answer), ['use after free']);
  assert.ok((answer.search.found[0]?.schedule.length ?? 9) <= 2);
  // The first schedule and those by chance, which may meet it, too: found by the search is found later.
  assert.ok((answer.search.found[0]?.after ?? 0) > 61);
});

test('a lock that is left out is a data race', async () => {
  const patches: Patch[] = [
    {
      file: 'memcg/list-lru.ts',
      find: 'poolLock.lock(POOL); try { return lruRows.take(); } finally { poolLock.unlock(POOL); }',
      put: 'return lruRows.take();',
    },
    {
      file: 'memcg/list-lru.ts',
      find: 'poolLock.lock(POOL); handleOf[item] = 0; lruRows.give(item); poolLock.unlock(POOL);',
      put: 'handleOf[item] = 0; lruRows.give(item);',
    },
  ];
  assert.deepEqual(brokenBy(await searched('lru + lru', patches)), ['data race']);
});

test('a lock that is let go too early is a data race, told with the switches that show it', async () => {
  const patches: Patch[] = [
    {
      file: 'memcg/list-lru.ts',
      find: 'unlink(item); items[lruList(config, lru, kmemIdOf(handleOf[item]))]--; unlock(lockOf(lru));',
      put: 'unlock(lockOf(lru)); unlink(item); items[lruList(config, lru, kmemIdOf(handleOf[item]))]--;',
    },
  ];
  const answer = await searched('lru + lru', patches);
  assert.deepEqual(brokenBy(answer), ['data race']);
  const [found] = answer.search.found;
  assert.match(
    found?.broken[0]?.detail ?? '',
    /^CPU \d .*plainly, and nothing orders that with CPU \d$/,
  );
  assert.ok((found?.schedule.length ?? 9) <= 2, 'made short');
});

test('what the explorer cannot do is its own failure, not a finding', async () => {
  const find = 'check(tryShutdown(cache), ';
  const put = `caches.flags.slice(0, 1); ${find}`;
  const answer = await searched('remove an empty cgroup', [{ file: 'memcg/caches.ts', find, put }]);
  assert.deepEqual(brokenBy(answer), []);
  assert.match(answer.search.failure ?? '', /TypeError: .*does not know the method slice/);
});

test('an audit that does not end is reported, too', async () => {
  const core = patchedCore([
    { file: 'audit.ts', find: 'checkLocks(machine, report);', put: 'for (;;);' },
  ]);
  const other = startSession(null, { deadlineMs: 1000 });
  try {
    const order = orderOf('remove an empty cgroup', { kind: 'bounded' }, { core });
    await assert.rejects(other.run(order), (error: Error) => {
      assert.ok(error instanceof SessionError);
      assert.match(error.message, /the look at a run that is over is stuck/);
      return true;
    });
  } finally {
    other.close();
    core.remove();
  }
});
