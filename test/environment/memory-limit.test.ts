import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReadText } from '../../bench/environment.ts';
import { CapacityError } from '../../bench/errors.ts';
import { assertFits, availableMemoryBytes } from '../../bench/memory-limit.ts';

const MEMINFO = { '/proc/meminfo': 'MemTotal: 9000 kB\nMemAvailable:    8000 kB\n' };
const UNLIMITED = '9223372036854771712\n';

function available(contents: Record<string, string>): number {
  const read: ReadText = (path) => contents[path] ?? null;
  return availableMemoryBytes(read);
}

test('this machine has memory available', () => {
  assert.ok(availableMemoryBytes() > 0);
  assert.ok(available({}) > 0, 'without /proc');
});

test('without a limit the kernel figure counts', () => {
  assert.equal(available(MEMINFO), 8000 * 1024);
  assert.equal(
    available({
      ...MEMINFO,
      '/proc/self/cgroup': '0::/a\n',
      '/sys/fs/cgroup/a/memory.max': 'max\n',
      '/sys/fs/cgroup/a/memory.current': '5\n',
    }),
    8000 * 1024,
  );
});

test('a version 2 limit leaves itself less its use, the tightest level counts', () => {
  const limits = {
    ...MEMINFO,
    '/proc/self/cgroup': '0::/a/b\n',
    '/sys/fs/cgroup/a/b/memory.max': '4000000\n',
    '/sys/fs/cgroup/a/b/memory.current': '1000000\n',
    '/sys/fs/cgroup/a/memory.max': '5000000\n',
    '/sys/fs/cgroup/a/memory.current': '4500000\n',
  };
  assert.equal(available(limits), 500_000);
  assert.equal(
    available({ ...limits, '/sys/fs/cgroup/a/memory.stat': 'anon 1\ninactive_file 700000\n' }),
    1_200_000,
    'file cache that is taken back on demand is not in use',
  );
  assert.equal(available({ ...limits, '/sys/fs/cgroup/a/memory.current': '6000000\n' }), 0);
});

test('a version 1 limit is found at the mount when the own folder is not visible', () => {
  const folder = '/sys/fs/cgroup/memory';
  const limits = {
    ...MEMINFO,
    '/proc/self/cgroup': '4:memory:/docker/abc\n0::/\n',
    [`${folder}/memory.limit_in_bytes`]: '3000000\n',
    [`${folder}/memory.usage_in_bytes`]: '2000000\n',
    [`${folder}/memory.stat`]: 'inactive_file 1\ntotal_inactive_file 500000\n',
  };
  assert.equal(available(limits), 1_500_000);
  assert.equal(
    available({ ...limits, [`${folder}/memory.limit_in_bytes`]: UNLIMITED }),
    8000 * 1024,
  );
});

test('what does not fit is refused with what it needs and what there is', () => {
  assertFits('compare', 1000, 'less', 1000);
  assert.throws(
    () => assertFits('compare', 1_234_567, 'ask for less', 1000),
    (error) =>
      error instanceof CapacityError &&
      error.exitCode === 3 &&
      /1,234,567 bytes .* 1,000 are available; ask for less/.test(error.message),
  );
});
