/** The explorer's own failures are told apart from what it finds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Patch, PatchError, patchedCore } from '../../bench/explore/patched-core.ts';
import { SessionError, startSession } from '../../bench/explore/session.ts';
import { brokenBy, orderOf } from './exploring.ts';

const SHUTDOWN = 'check(tryShutdown(cache), ';

/** Runs a scenario on a core in which the shutdown of a cache does something else first. */
async function withShutdown(put: string, deadlineMs: number) {
  const patch: Patch = { file: 'memcg/caches.ts', find: SHUTDOWN, put: `${put} ${SHUTDOWN}` };
  const core = patchedCore([patch]);
  const session = startSession(null, { deadlineMs });
  try {
    return await session.run(orderOf('remove an empty cgroup', { kind: 'bounded' }, { core }));
  } finally {
    session.close();
    core.remove();
  }
}

test('a crash of the code is no finding', async () => {
  const answer = await withShutdown('null.nothing;', 60_000);
  assert.deepEqual(brokenBy(answer), []);
  assert.match(answer.search.failure ?? '', /TypeError.*null/);
  assert.equal(answer.search.exhaustive, false);
});

test('an error of the model is one', async () => {
  const answer = await withShutdown("check(false, 'on purpose');", 60_000);
  assert.deepEqual([brokenBy(answer), answer.search.failure], [['assertion'], null]);
});

test('a loop without a shared step is a livelock, found by its plain accesses', async () => {
  const answer = await withShutdown('for (;;) caches.flags[cache] |= 0;', 60_000);
  assert.deepEqual([brokenBy(answer), answer.search.failure], [['livelock'], null]);
});

test('a thread that is stuck is reported with its position, and ends the session', async () => {
  // Short, as the thread never comes back; the others' silence counts from its last step.
  const stuck = withShutdown('for (;;);', 1000);
  await assert.rejects(stuck, (error: Error) => {
    assert.ok(error instanceof SessionError);
    assert.match(error.message, /CPU 0 is stuck: .* after decision \d+, the last one on [\w.]+\[/);
    return true;
  });
});

test('a process that dies fails what it was asked for, and everything later', async () => {
  const session = startSession(null);
  const running = session.run(orderOf('alloc + offline', { kind: 'bounded' }));
  session.close();
  await assert.rejects(running, SessionError);
  await assert.rejects(session.run(orderOf('lost update', { kind: 'bounded' })), SessionError);
});

test('a patch that does not fit names its file and what to do', () => {
  const patch: Patch = { file: 'memcg/caches.ts', find: 'no such line', put: '' };
  assert.throws(
    () => patchedCore([patch]),
    (error: Error) => {
      assert.ok(error instanceof PatchError);
      assert.match(
        error.message,
        /core\/memcg\/caches\.ts: .* occurs 0 times instead of once; write/,
      );
      return true;
    },
  );
});
