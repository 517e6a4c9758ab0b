/** Traces of a few lines and the beginning of a real one: what stays dying under which strategy, and why. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { CapacityError } from '../../bench/errors.ts';
import { TraceReader } from '../../bench/input/ftrace.ts';
import { Replayer } from '../../bench/replay/replayer.ts';
import { readTruth } from '../../bench/replay/truth.ts';
import type { Machine } from '../../core/index.ts';

const FOLDER = fileURLToPath(new URL('../../../test/fixtures/traces/', import.meta.url));

/** One machine for the file: each takes some hundred megabytes of addresses. */
function replay(text: string, strategy: string, movePages = false, hierarchy = -1): Replayer {
  const replayer: Replayer = new Replayer({
    ...{ strategy, movePages, geometry: null, hierarchy },
    rules: { kernel: '6.x', cpus: 2, pageSize: 4096 },
    nameOf: (id) => reader.nameOf(id),
  });
  const reader = new TraceReader(replayer, { file: 'f', strict: true });
  reader.push(Buffer.from(text));
  reader.end();
  assert.deepEqual(replayer.finish(), [], 'the machine passes its audit');
  return replayer;
}

/**
 * Lines at a second each, of task 9 unless an event says `TASK FLAGS| `. Two more end it, as a release is seen
 * only when something happens after it.
 */
function trace(...events: readonly string[]): string {
  return [...events, LATER, LATER]
    .map((event, at) => {
      const [head, what] = event.includes('| ') ? event.split('| ') : ['9', event];
      const [task, flags = '.....'] = (head ?? '').split(' ');
      return `a-${task} [000] ${flags} ${10 + at}.000000: ${what}\n`;
    })
    .join('');
}

const MAKE = 'cgroup_mkdir: root=4 id=77 level=1 path=/job';
const JOIN = 'cgroup_attach_task: dst_root=4 dst_id=77 dst_level=1 dst_path=/job pid=9 comm=a';
const GO = '1| cgroup_rmdir: root=4 id=77 level=1 path=/job';
const LATER = '1| sched_process_exit: comm=a pid=1 prio=120';
function alloc(pointer: string, name = 'dentry', accounted = true): string {
  return `kmem_cache_alloc: call_site=f ptr=${pointer.padStart(16, '0')} name=${name} bytes_req=192 bytes_alloc=192 gfp_flags=X node=-1 accounted=${accounted}`;
}
function free(pointer: string, name = 'dentry'): string {
  return `kmem_cache_free: call_site=f ptr=${pointer.padStart(16, '0')} name=${name}`;
}
const PAGE = 'dev 254:0 ino a7 pfn=0x1 ofs=8192 order=0';
const ADD = `mm_filemap_add_to_page_cache: ${PAGE}`;
const DELETE = `1| mm_filemap_delete_from_page_cache: ${PAGE}`;

/** The course at its end. */
function dyingOf(replayer: Replayer): number {
  return replayer.timeline.course.at(-1)?.dying ?? Number.NaN;
}

test('a slab object keeps a removed cgroup under pin alone, until it is freed', () => {
  // The first object of a cache is not accounted: the cgroup has no cache of it yet.
  const objects = [MAKE, JOIN, alloc('a1'), alloc('a2'), GO];
  assert.equal(dyingOf(replay(trace(...objects), 'pin')), 1);
  assert.equal(dyingOf(replay(trace(...objects), 'splice-caches')), 0);
  assert.equal(dyingOf(replay(trace(...objects, `5| ${free('a2')}`), 'pin')), 0);
});

test('page cache keeps it under both, until it is deleted or where it moves', () => {
  const read = [MAKE, JOIN, ADD, GO];
  for (const strategy of ['pin', 'splice-caches']) {
    assert.equal(dyingOf(replay(trace(...read), strategy)), 1);
    assert.equal(dyingOf(replay(trace(...read, DELETE), strategy)), 0);
    assert.equal(dyingOf(replay(trace(...read), strategy, true)), 0);
  }
});

test('what happens in an interrupt, unaccounted or elsewhere is not the cgroup’s', () => {
  const pairs = [
    [`9 ..s1.| ${alloc('a1')}`, `9 ..s1.| ${alloc('a2')}`],
    [alloc('a1', 'dentry', false), alloc('a2', 'dentry', false)],
    [`8| ${alloc('a1')}`, `8| ${alloc('a2')}`],
    [`9 ..s1.| ${ADD}`, LATER],
  ];
  for (const pair of pairs) {
    assert.equal(dyingOf(replay(trace(MAKE, JOIN, ...pair, GO), 'pin')), 0, pair[0]);
  }
});

test('a child is where its parent was, and a number is used again', () => {
  const fork = 'sched_process_fork: comm=a pid=9 child_comm=b child_pid=12';
  const child = [`12| ${alloc('a1')}`, `12| ${alloc('a2')}`];
  assert.equal(dyingOf(replay(trace(MAKE, JOIN, fork, ...child, GO), 'pin')), 1);
  const exit = '12| sched_process_exit: comm=b pid=12 prio=120';
  assert.equal(dyingOf(replay(trace(MAKE, JOIN, fork, exit, ...child, GO), 'pin')), 0);
});

test('tmpfs pages leave no event: their inode stands for them', () => {
  const file = alloc('b1', 'shmem_inode_cache');
  const left = replay(trace(MAKE, JOIN, file, GO), 'splice-caches');
  assert.deepEqual([dyingOf(left), left.inferredPins], [1, 1]);
  const gone = [MAKE, JOIN, file, GO, `3| ${free('b1', 'shmem_inode_cache')}`];
  assert.equal(dyingOf(replay(trace(...gone), 'splice-caches')), 0);
});

test('a pointer that is allocated again stands for a new object', () => {
  const { objects, caches } = replay(
    trace(alloc('a1'), alloc('a1'), free('a1'), free('a1'), alloc('c1', 'filp')),
    'splice-caches',
  );
  const [dentry, filp] = caches.names.map((_, number) => objects.count(number));
  assert.deepEqual(dentry, { allocs: 2, frees: 1, reused: 1, unknownFrees: 1 });
  assert.deepEqual([filp?.allocs, filp?.frees, objects.live], [1, 0, 1]);
  assert.deepEqual(objects.liveByCache(), [0, 1]);
});

test('a hierarchy is followed, the others are counted', () => {
  const other = MAKE.replace('root=4', 'root=1').replace('id=77', 'id=78');
  const first = replay(trace(MAKE, other), 'pin');
  assert.deepEqual([first.cgroups.all.length, [...first.cgroups.others]], [1, [[1, 1]]]);
  const second = replay(trace(MAKE, other), 'pin', false, 1);
  assert.deepEqual([second.cgroups.all[0]?.id, [...second.cgroups.others]], [78, [[4, 1]]]);
});

test('nested cgroups: a dying child keeps the parent, and is inside it', () => {
  const inner = 'cgroup_mkdir: root=4 id=78 level=2 path=/job/a';
  const join = JOIN.replace('dst_id=77', 'dst_id=78').replace('/job', '/job/a');
  const inside = GO.replace('id=77', 'id=78').replace('/job', '/job/a');
  const events = [MAKE, inner, join, ADD, inside, GO];
  assert.equal(dyingOf(replay(trace(...events), 'splice-caches')), 2);
  assert.equal(dyingOf(replay(trace(...events, DELETE), 'splice-caches')), 0);
});

test('the beginning of a real trace: dying cgroups are those that the kernel counted', async () => {
  const text = gunzipSync(readFileSync(`${FOLDER}small-12.txt.gz`)).toString('utf8');
  const replayer = replay(text, 'splice-caches');
  const truth = new Map(
    (await readTruth(`${FOLDER}small-12.truth.tsv`)).map((row) => [row.sample, row.dying]),
  );
  const { markers } = replayer.timeline;
  assert.ok(markers.length > 10);
  for (const { sample, dying, phase } of markers) {
    const measured = truth.get(sample) ?? Number.NaN;
    // Issue 6 asks for 3; a release and a marker a few milliseconds apart may come in either order.
    assert.ok(
      Math.abs(dying - measured) <= 3,
      `sample ${sample} (${phase}): ${dying}, not ${measured}`,
    );
  }
  const told = replayer.cgroups.all.filter((one) => !Number.isNaN(one.kernelReleased));
  const right = told.filter((one) => Math.abs(one.released - one.kernelReleased) <= 500_000);
  assert.ok(
    told.length > 0 && right.length >= 0.95 * told.length,
    `${right.length} of ${told.length}`,
  );
});

test('more cgroups than there are ids for end it with the line, not with a bug', () => {
  const line = (id: number) =>
    `a-9 [000] ..... 1.000000: cgroup_mkdir: root=4 id=${id} level=1 path=/${id}\n`;
  const many = Array.from({ length: 16_385 }, (_, id) => line(id + 1)).join('');
  assert.throws(
    () => replay(many, 'splice-caches'),
    (error) =>
      error instanceof CapacityError &&
      error.message === 'kmemIds (16384) reached at line 16385; replay a shorter part of the trace',
  );
});

test('a page that is read in again, its deletion unseen, is no longer the first one’s', () => {
  const other = [
    MAKE.replace('id=77', 'id=78').replace('/job', '/other'),
    JOIN.replace('dst_id=77', 'dst_id=78').replace('/job', '/other').replace('pid=9', 'pid=8'),
  ];
  const events = [MAKE, JOIN, ...other, ADD, `8| ${ADD}`, GO];
  assert.equal(dyingOf(replay(trace(...events), 'splice-caches')), 0);
});

test('a broken machine is told at the end', () => {
  const replayer = replay(trace(MAKE, JOIN, alloc('a1'), alloc('a2')), 'splice-caches');
  const machine = Reflect.get(replayer, 'machine') as Machine;
  machine.memcgs.usage[replayer.cgroups.all[0]?.memcg ?? 0] = 99;
  assert.match(replayer.finish().join(), /C-A: memcg \d+: usage 99 pages/);
});
