import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { addUp, readListing } from '../../bench/host/bpf.ts';
import { HostReader } from '../../bench/host/reader.ts';
import { churnOf, simulateHost } from '../../bench/host/simulate.ts';
import { readTrace, traceCgroups } from '../../bench/host/trace.ts';
import { SILENT } from '../../bench/progress.ts';
import { steadyLook } from './support.ts';

const TRACE = `# tracer: nop
     bash-1  [000] ...1.  10.000100: cgroup_mkdir: root=4 id=7 level=2 path=/a b/x
     bash-1  [001] d..2.  11.000000: cgroup_rmdir: root=4 id=7 level=2 path=/a b/x
     bash-1  [001] d..2.  11.500000: cgroup_rmdir: root=9 id=7 level=2 path=/x
kworker/0:1-9 [000] ...1.  11.080500: cgroup_release: root=4 id=7 level=2 path=/a b/x
kworker/0:1-9 [000] ...1.  12.000000: cgroup_release: root=4 id=5 level=2 path=/c
`;

test('a trace: of one hierarchy, with the time from removal to release', () => {
  assert.deepEqual(readTrace(TRACE, 4), { made: 1, removed: 1, released: 2, releaseMs: [80.5] });
  // An id that is released once more was removed by then, but nobody saw when.
  const again = `${TRACE}kworker/0:1-9 [000] ...1.  19.000000: cgroup_release: root=4 id=7 level=2 path=/x\n`;
  assert.deepEqual(readTrace(again, 4).releaseMs, [80.5]);
  assert.deepEqual(readTrace(TRACE, 9), { made: 0, removed: 1, released: 0, releaseMs: [] });
});

test('a trace of a 32-bit kernel: ids are numbers of 64 bits', () => {
  const text = TRACE.replaceAll('id=7 ', 'id=18446744073709551615 ');
  assert.deepEqual(readTrace(text, 4), { made: 1, removed: 1, released: 2, releaseMs: [80.5] });
});

test('tracing where tracefs is not mounted, or not for all: nothing is mounted, and why is said', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'host-tracefs-'));
  after(() => rmSync(root, { recursive: true }));
  const traced = async () => {
    const reader = new HostReader(root);
    const signal = AbortSignal.abort();
    assert.equal(await traceCgroups({ reader, seconds: 9, hierarchy: 0, signal }), null);
    return reader.unknown().find(({ what }) => what.includes('--trace'))?.why ?? '';
  };
  const place = join(root, 'sys/kernel/tracing');
  mkdirSync(place, { recursive: true });
  assert.match(await traced(), /^no tracefs is mounted; as root: mount -t tracefs/);
  assert.deepEqual(readdirSync(place), []);
  chmodSync(place, 0);
  chmodSync(root, 0o755);
  if (process.geteuid?.() === 0) {
    if (process.seteuid === undefined) return t.skip('cannot stop being root here');
    process.seteuid(65_534);
  }
  try {
    assert.equal(await traced(), '/sys/kernel/tracing: permission denied; it takes root');
  } finally {
    if (process.getuid?.() === 0) process.seteuid?.(0);
    chmodSync(place, 0o755);
  }
});

test('a listing: whole lines only, and whether it came to the end', () => {
  const listed = [{ inode: 68, filePages: 436, swapBackedPages: 23 }];
  assert.deepEqual(readListing('Attaching\ndying 68 436 23\ndying 9 1\nsteps 30 of 2000\n'), {
    ...{ listed, cut: false },
  });
  assert.equal(readListing('dying 68 436 23\nsteps 2000 of 2000\n').cut, true);
  assert.equal(readListing('dying 68 436 23\n').cut, true);
  assert.equal(readListing('steps 30 of 2000\nLost 3 events\n').cut, true);
});

test('a listing of several nodes: pages are added up, most of them first', () => {
  const one = (inode: number, filePages: number, swapBackedPages = 0) => ({
    ...{ inode, filePages, swapBackedPages },
  });
  assert.deepEqual(addUp([[one(5, 1), one(6, 2, 7)], [one(5, 30)]]), [one(5, 31), one(6, 2, 7)]);
  assert.deepEqual(addUp([]), []);
});

test('no trace and no listing is too broken', () => {
  const change = fc.tuple(fc.nat(TRACE.length), fc.constantFrom('\0', '\n', ' ', '9', ':', '-'));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      const letters = [...TRACE];
      for (const [at, letter] of changes) letters[at] = letter;
      const { made, removed, released, releaseMs } = readTrace(letters.join(''), 4);
      assert.ok(made <= 1 && removed <= 2 && released <= 2);
      assert.ok(releaseMs.every((one) => one >= 0));
      readListing(letters.join('').replaceAll('cgroup_', '\ndying '));
    }),
    { seed: 6, numRuns: 2000 },
  );
});

test('cgroups a day: asked, traced, grown, or unknown', async () => {
  const facts = await steadyLook('v2-6.12');
  const growth = { from: 'watching', seconds: 90, livePerDay: -5, dyingPerDay: 30 } as const;
  const traced = { seconds: 10, made: 2, removed: 0, released: 0, releaseMs: [] };
  assert.equal(churnOf({ ...facts, growth, traced }, 7)?.value, 7);
  assert.equal(churnOf({ ...facts, growth, traced }, null)?.value, 17_280);
  assert.equal(churnOf({ ...facts, growth }, null)?.value, 30);
  assert.match(churnOf({ ...facts, growth }, null)?.from ?? '', /at least/);
  // Since boot would count every cgroup that lives as made today.
  assert.equal(churnOf(facts, null), null);
});

test('what a week is simulated from: pods where there are pods, ids as the kernel holds them', async () => {
  const base = await steadyLook('v2-6.12');
  const progress = SILENT;
  const { signal } = new AbortController();
  const from = async (facts: typeof base) => {
    const options = { strategies: ['splice-caches'], cgroupsPerDay: 2, seed: 1 };
    const outcome = await simulateHost(facts, {
      ...options,
      fleet: { workers: 1, signal, progress },
    });
    assert.ok('simulated' in outcome);
    return new Map(outcome.simulated.from.map((one) => [one.key, one]));
  };
  const timers = await from(base);
  assert.match(timers.get('files.count')?.from ?? '', /as in scenario timers/);
  assert.equal(timers.get('host.idsHeldUntil')?.value, 'offline');
  const pins = base.pins.map((one) => ({ ...one, cgroup: '/kubepods.slice' }));
  const pods = await from({ ...base, pins, kernel: '4.4.0' });
  assert.match(pods.get('files.count')?.from ?? '', /as in scenario pods/);
  assert.equal(pods.get('host.idsHeldUntil')?.value, 'release');
});
