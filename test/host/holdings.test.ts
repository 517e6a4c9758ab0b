import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mainHierarchy, sinceRecord } from '../../bench/host/growth.ts';
import type { HostResults } from '../../reports/results-host.ts';
import { look, madeHost, steadyLook } from './support.ts';

const MIB = 2 ** 20;
const V2 = '25 1 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n';
const V1 = '30 1 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n';

/** A cgroup of version 2. */
function v2(path: string, dying: number, mib: number, tasks = ''): Record<string, string> {
  const folder = `sys/fs/cgroup${path}`;
  const stat = `anon 0\nfile ${mib * MIB}\nshmem 0\nslab ${mib * MIB}\n`;
  return {
    [`${folder}/cgroup.stat`]: `nr_descendants 0\nnr_dying_descendants ${dying}\n`,
    [`${folder}/memory.stat`]: stat,
    [`${folder}/cgroup.procs`]: tasks,
    ...(path === '' ? {} : { [`${folder}/cgroup.type`]: 'domain\n' }),
  };
}

function hostOfV2(cgroups: Record<string, string>): string {
  return madeHost({
    'proc/self/mountinfo': V2,
    'proc/sys/kernel/osrelease': '6.12.0\n',
    'sys/fs/cgroup/cgroup.controllers': 'cpu memory\n',
    ...cgroups,
  });
}

test('version 2: what is directly below the top is not told, even without tasks in the top', async () => {
  const host = await look(hostOfV2({ ...v2('', 3, 100), ...v2('/a', 1, 40) }));
  assert.deepEqual(
    host.pins.map(({ cgroup, dying, file }) => [cgroup, dying, file]),
    [
      ['/a', 1, 40 * MIB],
      ['/', 2, null],
    ],
  );
  // Nor is it the top that inherited: its figure is the machine's.
  assert.deepEqual(
    host.inherited.map(({ cgroup, bytes, children }) => [cgroup, bytes, children]),
    [['/a', 40 * MIB, 0]],
  );
});

test('a record lists so many, the sum is over all, and a parent that does not tell is no 0', async () => {
  const many = Array.from({ length: 60 }, (_, at) => v2(`/p${at}`, 1, at + 1));
  const host = await look(hostOfV2(Object.assign({}, v2('', 60, 2000), ...many)));
  assert.equal(host.pins.length, 50);
  assert.equal(host.inherited.length, 50);
  assert.equal(host.pins[0]?.file, 60 * MIB);
  assert.equal(host.pinned?.file, ((60 * 61) / 2) * MIB);
});

test('slab of a live cgroup: the largest of those with tasks', async () => {
  const host = await look(
    hostOfV2({ ...v2('', 0, 900), ...v2('/a', 0, 10, '7\n'), ...v2('/b', 0, 80, '8\n') }),
  );
  const form = host.triage.find((one) => one.form === 'slab of a live cgroup');
  assert.match(form?.because ?? '', /^most has \/b: 80 MiB of slab/);
  const none = host.triage.find((one) => one.form === 'objects inherited by an ancestor');
  assert.equal(none?.verdict, 'cannot tell');
});

test('version 1 without use_hierarchy: totals are of no children, so nothing is told', async () => {
  const folder = 'sys/fs/cgroup/memory';
  const stat = (mib: number) =>
    `cache 0\nrss 0\nshmem 0\ntotal_cache ${mib * MIB}\ntotal_rss 0\ntotal_shmem 0\n`;
  const host = (flag: string) =>
    look(
      madeHost({
        'proc/self/mountinfo': V1,
        'proc/cgroups': 'memory\t4\t3\t1\n',
        'proc/sys/kernel/osrelease': '4.9.0\n',
        [`${folder}/release_agent`]: '',
        [`${folder}/memory.use_hierarchy`]: flag,
        [`${folder}/memory.stat`]: stat(50),
        [`${folder}/cgroup.procs`]: '1\n',
        [`${folder}/a/memory.stat`]: stat(30),
        [`${folder}/a/cgroup.procs`]: '',
      }),
    );
  const usual = await host('1\n');
  assert.deepEqual([usual.hierarchies[0]?.dying, usual.pinned?.file], [1, 50 * MIB]);
  const flat = await host('0\n');
  assert.deepEqual([flat.hierarchies[0]?.dying, flat.pinned, flat.pins], [1, null, []]);
  assert.ok(flat.unknown.some(({ why }) => why.includes('use_hierarchy is 0')));
});

test('of two hierarchies with memory the one with more cgroups is meant', async () => {
  const [one] = (await steadyLook('v2-6.12')).hierarchies;
  assert.ok(one);
  const two = [
    { ...one, mount: '/few', live: 2 },
    { ...one, mount: '/many', live: 9 },
    { ...one, mount: '/other', live: 99, memory: false },
  ];
  assert.equal(mainHierarchy(two)?.mount, '/many');
});

test('growth of inherited slab is that of one cgroup, or unknown', async () => {
  const results = await steadyLook('inherited');
  const [hierarchy] = results.hierarchies;
  const [first] = results.inherited;
  assert.ok(first);
  const startedAt = new Date('2026-11-25T00:00:00Z');
  const since = (inherited: HostResults['inherited']) => {
    const earlier = {
      startedAt: new Date('2026-11-24T12:00:00Z'),
      results: { ...results, inherited },
    };
    const now = { startedAt, bootId: null, uptimeSeconds: null, hierarchy };
    const compared = sinceRecord({ ...now, inherited: results.inherited }, earlier);
    assert.ok('growth' in compared);
    return compared.growth.inheritedPerDay;
  };
  const other = { ...first, cgroup: '/other', bytes: 1 };
  assert.equal(since([other, { ...first, bytes: first.bytes - 3 * MIB }]), 6 * MIB);
  assert.equal(since([other]), null);
  assert.equal(since([]), null);
});
