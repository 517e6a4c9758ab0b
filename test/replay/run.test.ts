/** Traces of a few lines from files to what a record says of them: pins, caches, turns, time. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { type Pin, type ReplayRun, type ReplayTask, replayTrace } from '../../bench/replay/run.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'slabsplice-replay-'));
after(() => rmSync(FOLDER, { recursive: true }));
const SMALL = fileURLToPath(
  new URL('../../../test/fixtures/traces/small-12.txt.gz', import.meta.url),
);

async function replay(text: string, options: Partial<ReplayTask> = {}): Promise<ReplayRun> {
  const file = join(FOLDER, 'trace');
  writeFileSync(file, text);
  const task: ReplayTask = {
    ...{ files: [file], called: {}, strategy: 'splice-caches', movePages: false, scale: 1 },
    ...{ rules: { kernel: '6.x', cpus: 2, pageSize: 4096 }, geometry: null, hierarchy: -1 },
    strict: false,
    ...options,
  };
  const run = await replayTrace(task, () => 0);
  assert.deepEqual(run.violations, []);
  return run;
}

/** Lines at a second each of task 9, or of `TASK| `. */
function trace(...events: readonly string[]): string {
  return [...events, LATER, LATER]
    .map((event, at) => {
      const [, task = '9', what = ''] = /^(?:(\d+)\| )?(.*)$/.exec(event) ?? [];
      return `a-${task} [000] ..... ${10 + at}.000000: ${what}\n`;
    })
    .join('');
}

const LATER = '1| sched_process_exit: comm=a pid=1 prio=120';
function made(id: number, path: string, pid = 9): string[] {
  return [
    `1| cgroup_mkdir: root=4 id=${id} level=1 path=${path}`,
    `cgroup_attach_task: dst_root=4 dst_id=${id} dst_level=1 dst_path=${path} pid=${pid} comm=a`,
  ];
}
function gone(id: number, path: string): string {
  return `1| cgroup_rmdir: root=4 id=${id} level=1 path=${path}`;
}
const JOB = made(77, '/job');
const GO = gone(77, '/job');
function page(what: 'add' | 'delete', file: string, offset = 0, order = 0): string {
  const to = what === 'add' ? 'add_to' : 'delete_from';
  return `mm_filemap_${to}_page_cache: ${file} pfn=0x1 ofs=${offset} order=${order}`;
}
function alloc(pointer: string, rest = 'name=dentry', site = 'f+0x1/0x2', size = 192): string {
  const name = rest === '' ? '' : ` ${rest}`;
  return `kmem_cache_alloc: call_site=${site} ptr=${pointer.padStart(16, '0')}${name} bytes_req=${size} bytes_alloc=${size} gfp_flags=X node=-1 accounted=true`;
}
function free(pointer: string, name = 'dentry'): string {
  return `kmem_cache_free: call_site=g ptr=${pointer.padStart(16, '0')} name=${name}`;
}
/** What is said of each cgroup's pin, with those that are still there. */
function pinsOf({ pins }: ReplayRun): Record<string, [cgroups: number, stillThere: number]> {
  return Object.fromEntries(pins.map((one) => [one.what, [one.cgroups, one.stillThere]]));
}
function dyingOf(run: ReplayRun): number {
  return run.course.at(-1)?.dying ?? Number.NaN;
}

const A7 = 'dev 254:0 ino a7';

test('pages that keep a cgroup are named by the file that has the most of them', async () => {
  const pages = [
    page('add', 'dev 254:0 ino 11'),
    page('add', A7),
    page('add', A7, 4096),
    page('add', 'dev 254:0 ino 12', 0, 0),
  ];
  assert.deepEqual(pinsOf(await replay(trace(...JOB, ...pages, GO))), {
    'file: dev 254:0 inode 167': [1, 1],
  });
  // One folio of four pages is more than three of one.
  const large = page('add', 'dev 254:0 ino 13', 0, 2);
  assert.deepEqual(pinsOf(await replay(trace(...JOB, ...pages, large, GO))), {
    'file: dev 254:0 inode 19': [1, 1],
  });
});

test('a page that is gone names its file as what kept the cgroup, and its path', async () => {
  const run = await replay(trace(...JOB, page('add', A7), GO, `1| ${page('delete', A7)}`));
  const [pin] = run.pins;
  const expected: Partial<Pin> = { what: 'file: dev 254:0 inode 167', cgroups: 1, stillThere: 0 };
  assert.deepEqual({ ...expected, ...pin }, pin);
  assert.deepEqual(pin?.longest, ['/job']);
  // A second until the page goes, a millisecond until a kworker looks, and 16 that the kernel takes after it.
  assert.equal(pin?.seconds, 1.017);
});

test('a block device is told by files on it', async () => {
  const device = page('add', 'dev 0:3 ino fe00000');
  const file = page('add', A7);
  const there = 'dev 0:3 inode 266338304';
  assert.deepEqual(pinsOf(await replay(trace(`8| ${file}`, ...JOB, device, GO))), {
    [`block device 254:0 (${there})`]: [1, 1],
  });
  assert.deepEqual(pinsOf(await replay(trace(...JOB, device, GO))), {
    [`file: ${there}`]: [1, 1],
  });
});

test('inodes of 64 bits are told apart, and printed exactly', async () => {
  const one = page('add', 'dev 0:40 ino 8000000000000001');
  const other = page('delete', 'dev 0:40 ino 9000000000000001');
  assert.deepEqual(pinsOf(await replay(trace(...JOB, one, GO, `1| ${other}`))), {
    'file: dev 0:40 inode 9223372036854775809': [1, 1],
  });
});

test('a cgroup waits for one inside it, whatever went before', async () => {
  const inner = made(78, '/job/in');
  const events = [...JOB, ...inner, page('add', A7), gone(78, '/job/in'), GO];
  const still = await replay(trace(...events));
  assert.deepEqual(pinsOf(still), {
    'file: dev 254:0 inode 167': [1, 1],
    'a cgroup inside it': [1, 1],
  });
  assert.deepEqual(pinsOf(await replay(trace(...events, `1| ${page('delete', A7)}`))), {
    'file: dev 254:0 inode 167': [1, 0],
    'a cgroup inside it': [1, 0],
  });
});

test('slab that keeps a cgroup under pin is named by its cache, tmpfs as what is inferred', async () => {
  const objects = [alloc('a1'), alloc('a2'), alloc('a3'), alloc('b1', 'name=filp')];
  const text = trace(...JOB, ...objects, alloc('b2', 'name=filp'), GO);
  assert.deepEqual(pinsOf(await replay(text, { strategy: 'pin' })), { 'slab: dentry': [1, 1] });
  const freed = [`5| ${free('a2')}`, `5| ${free('a3')}`, `5| ${free('b2', 'filp')}`];
  const after = trace(...JOB, ...objects, alloc('b2', 'name=filp'), GO, ...freed);
  assert.deepEqual(pinsOf(await replay(after, { strategy: 'pin' })), { 'slab: filp': [1, 0] });
  const file = alloc('c1', 'name=shmem_inode_cache');
  const inferred = { 'tmpfs (inferred)': [1, 1] };
  assert.deepEqual(pinsOf(await replay(trace(...JOB, file, GO))), inferred);
  const left = trace(...JOB, file, GO, `3| ${free('c1', 'shmem_inode_cache')}`);
  assert.deepEqual(pinsOf(await replay(left)), { 'tmpfs (inferred)': [1, 0] });
  const nothing = await replay(trace(...JOB, GO));
  assert.deepEqual(pinsOf(nothing), { 'nothing but a grace period': [1, 0] });
  assert.equal(nothing.pins[0]?.seconds, 0.05);
});

test('before 6.18 caches go by call site and size, until their frees name them', async () => {
  const text = trace(
    ...[alloc('a1', '', 'd_alloc+0x1/0x2'), free('a1'), alloc('a2', '', 'd_alloc+0x1/0x2')],
    ...[alloc('b1', '', 'other+0x1/0x2'), free('b1')],
    // Two caches of one size at one place: nobody knows whose its objects are.
    ...[alloc('c1', '', 'pool+0x1/0x2'), free('c1', 'bio'), alloc('c2', '', 'pool+0x1/0x2')],
    ...[free('c2', 'biovec'), alloc('c3', '', 'pool+0x1/0x2')],
    ...[alloc('d1', '', 'pool+0x1/0x2', 64), free('d1', 'small')],
  );
  const { objects, summary } = await replay(text);
  const seen = objects.map(({ cache, allocs, frees, live }) => [cache, allocs, frees, live]);
  assert.deepEqual(seen, [
    ['dentry', 3, 2, 1],
    ['pool+0x1/0x2 (192 B)', 3, 2, 1],
    ['small', 1, 1, 0],
  ]);
  assert.equal(summary.namesMissing, 7);
});

test('inodes of tmpfs are known by where they are allocated, too', async () => {
  const file = alloc('c1', '', 'shmem_alloc_inode+0x1d/0x40', 752);
  const run = await replay(trace(...JOB, file, GO));
  assert.deepEqual([dyingOf(run), run.inferredPins], [1, 1]);
});

test('before 5.9 the caches of all cgroups are one', async () => {
  const text = trace(
    ...[alloc('a1', ''), alloc('a2', ''), free('a1', 'dentry(123:foo.service)')],
    free('a2', 'dentry(7:bar.service)'),
  );
  const { objects } = await replay(text);
  assert.deepEqual(
    objects.map(({ cache, frees }) => [cache, frees]),
    [['dentry', 2]],
  );
});

test('null is no object: an allocation that failed, and kfree of nothing', async () => {
  const nothing = '1| kfree: call_site=g ptr=0000000000000000';
  const run = await replay(trace(alloc('0'), alloc('0'), nothing, alloc('a1')));
  const [dentry] = run.objects;
  assert.deepEqual([dentry?.allocs, dentry?.frees, dentry?.reused, dentry?.live], [1, 0, 0, 1]);
  assert.deepEqual([run.failedAllocations, run.unknownFrees], [2, 0]);
});

test('caches whose frees are not all in the trace are marked', async () => {
  const many = Array.from({ length: 100 }, (_, at) => alloc(`b${at}`, 'name=vmap_area'));
  const text = trace(alloc('a1', 'name=reused'), alloc('a1', 'name=x'), free('a1', 'x'), ...many);
  const { objects } = await replay(text);
  const marked = objects.filter(({ incomplete }) => incomplete).map(({ cache }) => cache);
  assert.deepEqual(marked, ['vmap_area', 'reused']);
  const fewer = await replay(trace(...many.slice(1)));
  assert.deepEqual(
    fewer.objects.filter(({ incomplete }) => incomplete),
    [],
  );
});

test('kmalloc and kmem_cache_alloc have one address space; large kmalloc has no slab', async () => {
  const kmalloc = (pointer: string, size: number) =>
    `kmalloc: call_site=f ptr=${pointer.padStart(16, '0')} bytes_req=${size} bytes_alloc=${size} gfp_flags=X node=-1 accounted=false`;
  const kfree = (pointer: string) => `kfree: call_site=g ptr=${pointer.padStart(16, '0')}`;
  const run = await replay(
    trace(alloc('a1'), kfree('a1'), kmalloc('b1', 8192), kmalloc('c1', 16384), kfree('c1')),
  );
  assert.deepEqual(
    run.objects.map(({ cache, allocs, frees }) => [cache, allocs, frees]),
    [
      ['kmalloc-8192', 1, 0],
      ['dentry', 1, 1],
    ],
  );
  assert.deepEqual([run.largeAllocations, run.unknownFrees], [1, 1]);
});

test('who is attached to a cgroup from before the trace leaves the one it was in', async () => {
  const elsewhere = JOB[1]?.replace('dst_id=77', 'dst_id=5') ?? '';
  assert.equal(dyingOf(await replay(trace(...JOB, elsewhere, page('add', A7), GO))), 0);
});

test('a number that a task of nobody gives to its child is no longer in a cgroup', async () => {
  const fork = (task: number) =>
    `${task}| sched_process_fork: comm=a pid=${task} child_comm=a child_pid=12`;
  const child = `12| ${page('add', A7)}`;
  assert.equal(dyingOf(await replay(trace(...JOB, fork(9), child, GO))), 1);
  assert.equal(dyingOf(await replay(trace(...JOB, fork(9), fork(8), child, GO))), 0);
});

test('nothing is charged to a cgroup that was removed', async () => {
  const run = await replay(trace(...JOB, GO, page('add', A7), alloc('a1'), alloc('a2')), {
    strategy: 'pin',
  });
  assert.deepEqual(pinsOf(run), { 'nothing but a grace period': [1, 0] });
});

test('page cache that goes without having been added is counted', async () => {
  const run = await replay(trace(...JOB, page('add', A7), page('delete', A7), page('delete', A7)));
  assert.equal(run.unknownDeletes, 1);
});

test('more page cache than a machine counts is refused, with the line', async () => {
  const huge = Array.from({ length: 257 }, (_, at) => page('add', A7, at * 2 ** 35, 22));
  await assert.rejects(
    replay(trace(...JOB, ...huge)),
    /^CapacityError: pages of page cache \(1073741824\) reached at line 259; replay a shorter part/,
  );
});

test('geometry is that of the recording, under any of its names', async () => {
  const cache = {
    ...{ name: 'big', objectSize: 192, size: 192, align: 8, order: 3, objectsPerSlab: 170 },
    ...{ minPartial: 5, cpuPartial: 30, hwcacheAlign: false, reclaimAccount: false },
    ...{ typesafeByRcu: false, ctor: false, debug: false, cacheDma: false },
    ...{ usersize: 0, sheafCapacity: 0, aliases: 1 },
  };
  const geometry = {
    ...{ source: 'g', kernel: '6.18', cpus: 2, pageSize: 4096, caches: [cache] },
    aliases: new Map([['dentry', 'big']]),
  };
  const bytes = async (name: string) =>
    (await replay(trace(alloc('a1', `name=${name}`)), { geometry })).course.at(-1)?.slabBytes;
  assert.deepEqual([await bytes('big'), await bytes('dentry')], [32_768, 32_768]);
  assert.equal(await bytes('other'), 4096);
});

test('a release is right within half a second of the kernel’s', async () => {
  const release = '1| cgroup_release: root=4 id=77 level=1 path=/job';
  const late = await replay(trace(...JOB, GO, release));
  assert.deepEqual([late.releases, late.releasesRight], [1, 0]);
  const text = trace(...JOB, GO, release).replace('13.000000', '12.540000');
  const soon = await replay(text);
  assert.deepEqual([soon.releases, soon.releasesRight], [1, 1]);
});

test('the course of a long trace has few moments, and its last one', async () => {
  const run = await replay(trace(...JOB, ...Array.from({ length: 2000 }, () => LATER)));
  assert.ok(run.course.length > 100 && run.course.length <= 402, String(run.course.length));
  assert.equal(run.course.at(-1)?.time, run.ended);
});

test('where time stands still the last moment counts', async () => {
  const text = trace(...JOB, page('add', A7), GO).replace(/ \d+\.000000:/g, ' 10.000000:');
  const run = await replay(text);
  assert.deepEqual(
    run.course.map(({ time, dying }) => [time, dying]),
    [[10_000_000, 1]],
  );
});

test('tasks of a turn are its own', async () => {
  const file = (pointer: string) => alloc(pointer, 'name=shmem_inode_cache');
  // The first is nobody’s, though task 9 is in a cgroup at the end of the turn before.
  const first = await replay(trace(file('c1'), ...JOB), { scale: 2 });
  assert.equal(first.inferredPins, 0);
  const fork = 'sched_process_fork: comm=a pid=9 child_comm=a child_pid=12';
  const child = await replay(trace(...JOB, fork, `12| ${file('c1')}`), { scale: 2 });
  assert.equal(child.inferredPins, 2);
});

test('what is not said to be accounted is taken to be, and counted', async () => {
  const unsaid = (pointer: string) => alloc(pointer).replace(/ node=.*/, '');
  const run = await replay(trace(...JOB, unsaid('a1'), unsaid('a2'), `8| ${unsaid('a3')}`, GO), {
    strategy: 'pin',
  });
  assert.deepEqual([dyingOf(run), run.accountedUnsaid], [1, 2]);
});

test('time goes on where stamps jump, and stands still where they are not in order', async () => {
  const events: readonly (readonly [time: string, event: string])[] = [
    ...JOB.map((one): [string, string] => ['101.000000', one]),
    ['103.000000', page('add', A7)],
    ['102.500000', GO],
    ['1.000000', `1| ${page('delete', A7)}`],
    ['3.000000', LATER],
    ['1700000000.000000', LATER],
    ['1700000001.000000', LATER],
  ];
  const text = events.map(([time, event]) => {
    const [, task = '9', what = ''] = /^(?:(\d+)\| )?(.*)$/.exec(event) ?? [];
    return `a-${task} [000] ..... ${time}: ${what}\n`;
  });
  const run = await replay(text.join(''));
  assert.equal(dyingOf(run), 0);
  assert.equal((run.ended - run.started) / 1e6, 2 + 2 + 1);
  assert.equal(run.summary.clock, 'mixed');
});

test('the turns of --scale have files of their own, with the names that they have', async () => {
  const text = trace(...JOB, page('add', A7), GO);
  const run = await replay(text, { scale: 3 });
  assert.deepEqual(pinsOf(run), { 'file: dev 254:0 inode 167': [3, 3] });
  assert.deepEqual([run.cgroups, run.events], [3, 18]);
  // Five seconds a turn, and one between two.
  assert.equal((run.ended - run.started) / 1e6, 3 * 5 + 2);
});

test('releases that the trace tells of are no input', async () => {
  const whole = gunzipSync(readFileSync(SMALL)).toString('utf8');
  const without = whole.replace(/^.*: cgroup_release: .*\n/gm, '');
  const [one, other] = [await replay(whole), await replay(without)];
  assert.ok(one.releases > 0);
  assert.equal(other.releases, 0);
  assert.deepEqual(other.markers, one.markers);
  assert.deepEqual(other.pins, one.pins);
});

test('a name that stands for a file is what errors and anomalies call it', async () => {
  const file = join(FOLDER, 'trace');
  const called = { [file]: '(standard input)' };
  const run = await replay(`${trace(LATER)}oops\n`, { called });
  assert.deepEqual(run.summary.anomalies[0]?.places, ['(standard input):4']);
  await assert.rejects(
    replay('hello\n', { called }),
    /^InputError: \(standard input\): has no line/,
  );
  const missing = { files: [`${file}.no`], called: { [`${file}.no`]: 'X' } };
  await assert.rejects(replay('', missing), /^InputError: X: no such file/);
});
