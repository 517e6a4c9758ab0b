import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HostResults, hostResults } from '../../reports/results-host.ts';
import { fixture, look, madeHost } from './support.ts';

const NAMES = [
  ...['v1-6.18', 'v2-6.12', 'v1-3.10-ids', 'mixed', 'container-v1', 'container-v2'],
  ...['folders-leak', 'inherited', 'malformed', 'empty'],
];

function verdicts({ triage }: HostResults, verdict: string): string[] {
  return triage.filter((one) => one.verdict === verdict).map(({ form }) => form);
}

function main({ hierarchies }: HostResults) {
  const [only] = hierarchies.filter(({ memory }) => memory);
  assert.ok(only);
  return only;
}

for (const name of NAMES) {
  test(`${name}: the record is a valid one, and says of every figure what it rests on`, async () => {
    const results = hostResults.parse(await look(fixture(name)));
    const sources = new Set(results.sources.map(({ field }) => field));
    const own = ['hierarchies', 'pins', 'inherited', 'cost', 'triage', 'simulated'];
    const none = ['root', 'pinnedTolerance', 'sources', 'unknown', 'observer'];
    for (const [field, value] of Object.entries(results)) {
      const known = Array.isArray(value) ? value.length > 0 : value !== null;
      if (own.includes(field) || none.includes(field)) continue;
      assert.equal(sources.has(field), known, field);
    }
  });
}

test('version 1, 6.18: dying by difference, held bytes by subtraction', async () => {
  const host = await look(fixture('v1-6.18'));
  const { live, dying, settled, whole } = main(host);
  assert.deepEqual(
    { live, dying, settled, whole },
    { live: 8, dying: 9, settled: null, whole: true },
  );
  assert.equal(host.generation.name, 'obj_cgroup');
  const [pin] = host.pins;
  assert.equal(pin?.cgroup, '/batch');
  // From the files of the fixture, by hand: total_cache - cache - the children's total_cache.
  assert.equal(pin.file, 5_894_144);
  assert.equal(pin.dying, null);
  assert.equal(host.slab?.length, 12);
});

test('version 2, 6.12: cgroup.stat is exact, also where only some subtrees can be told', async () => {
  const host = await look(fixture('v2-6.12'));
  assert.equal(main(host).dying, 140);
  const [slice, user] = host.pins;
  assert.deepEqual(
    [slice?.cgroup, slice?.dying, slice?.file, slice?.shmem, slice?.anon],
    ['/system.slice', 140, 340 * 2 ** 20, 60 * 2 ** 20, 20 * 2 ** 20],
  );
  // Its parent has tasks: what the two hold is unknown, not 0.
  assert.deepEqual([user?.dying, user?.file, user?.shmem], [2, null, null]);
  assert.ok(host.unknown.some(({ what }) => what.includes('2 dying cgroups below /user.slice')));
  assert.ok(verdicts(host, 'likely').includes('dying cgroups'));
});

test('version 1, 3.10: dying ones hold ids, tmpfs is not told apart', async () => {
  const host = await look(fixture('v1-3.10-ids'));
  assert.equal(main(host).dying, 62_037);
  assert.deepEqual(verdicts(host, 'likely'), ['dying cgroups']);
  assert.deepEqual(verdicts(host, 'yes'), ['ids run out', 'kmem accounting of 3.x']);
  // Until 3.19 a removal moved the pages to the parent, so nothing but slab is left to hold them.
  assert.deepEqual(host.pinned, { file: 0, shmem: null, anon: 0 });
  assert.deepEqual(host.generation.pinnedBy, ['slab objects']);
  assert.equal(host.generation.strategy, 'pin');
});

test('mixed: the memory is on version 1, and version 2 says nothing about it', async () => {
  const host = await look(fixture('mixed'));
  assert.deepEqual(
    host.hierarchies.map(({ version, memory, dying }) => [version, memory, dying]),
    [
      [2, false, null],
      [1, true, 6],
    ],
  );
  assert.equal(host.generation.name, 'reparented caches');
  assert.equal(host.cost?.nodes, 2);
});

test('a container of version 1: the count of dying ones is refused', async () => {
  const host = await look(fixture('container-v1'));
  assert.deepEqual([main(host).whole, main(host).dying], [false, null]);
  assert.ok(host.unknown.some(({ why }) => why.includes('a difference would be a guess')));
  assert.ok(verdicts(host, 'cannot tell').includes('dying cgroups'));
});

test('a container of version 2: its own part is counted, the host is not', async () => {
  const host = await look(fixture('container-v2'));
  assert.deepEqual([main(host).whole, main(host).dying], [false, 3]);
  assert.ok(host.unknown.some(({ what }) => what === 'dying cgroups of the whole host'));
  assert.ok(verdicts(host, 'cannot tell').includes('ids run out'));
  assert.match(host.triage[0]?.because ?? '', /live in the part that is seen/);
});

test('folders that nobody removes are no dying cgroups', async () => {
  const host = await look(fixture('folders-leak'));
  assert.deepEqual([main(host).live, main(host).liveEmpty, main(host).dying], [42, 40, 0]);
  assert.deepEqual(host.pins, []);
  // None is dying: that nothing is held is known.
  assert.deepEqual(host.pinned, { file: 0, shmem: 0, anon: 0 });
});

test('an ancestor that inherited slab, with nothing dying', async () => {
  const host = await look(fixture('inherited'));
  assert.equal(main(host).dying, 0);
  assert.deepEqual(verdicts(host, 'yes'), []);
  assert.deepEqual(verdicts(host, 'likely'), ['objects inherited by an ancestor']);
  assert.equal(host.inherited[0]?.bytes, 1400 * 2 ** 20);
});

test('broken files leave things unknown, and nothing 0', async () => {
  const host = await look(fixture('malformed'));
  assert.equal(main(host).dying, null);
  assert.equal(host.cost, null);
  assert.equal(host.slab, null);
  assert.deepEqual(host.memory, {});
  assert.equal(host.uptimeSeconds, null);
  assert.equal(host.generation.name, 'unknown');
  assert.ok(host.pins.some(({ cgroup, dying }) => cgroup === '/evil' && dying === 5));
});

test('an empty tree: everything is unknown, with a reason', async () => {
  const host = await look(fixture('empty'));
  assert.deepEqual(host.hierarchies, []);
  assert.deepEqual(verdicts(host, 'no'), []);
  assert.deepEqual(verdicts(host, 'yes'), []);
  assert.ok(host.unknown.length >= 5);
  // Not read is not the same as not mounted.
  const why = (one: HostResults) => one.unknown.find(({ what }) => what === 'memory cgroups')?.why;
  assert.match(why(host) ?? '', /^which hierarchies are mounted is not known/);
  const bare = await look(
    madeHost({ 'proc/self/mountinfo': '20 1 0:5 / /proc rw - proc proc rw\n' }),
  );
  assert.match(why(bare) ?? '', /^no hierarchy for them is mounted/);
});
