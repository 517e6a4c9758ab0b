/** Every command that may take longer than two seconds says how far it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { resolveClaims } from '../../bench/claims-options.ts';
import { runCapacity } from '../../bench/commands/capacity.ts';
import { runClaims } from '../../bench/commands/claims.ts';
import type { CommandContext } from '../../bench/commands/command.ts';
import { runExplore } from '../../bench/commands/explore.ts';
import { byTime, runHost } from '../../bench/commands/host.ts';
import { runReplay } from '../../bench/commands/replay.ts';
import { report } from '../../bench/commands/report.ts';
import { runSelftest } from '../../bench/commands/selftest.ts';
import { resolveExplore } from '../../bench/explore-options.ts';
import { resolveHost } from '../../bench/host-options.ts';
import { resolveReplay } from '../../bench/replay-options.ts';
import { resolveSelftest } from '../../bench/selftest-options.ts';
import { shareBefore } from '../../bench/storm-round.ts';
import { type ListeningProgress, listeningProgress } from '../support/listening-progress.ts';

const fixture = (path: string): string =>
  fileURLToPath(new URL(`../../../test/fixtures/${path}`, import.meta.url));
const TRACE = fixture('traces/small-12.txt.gz');

function context(progress: ListeningProgress): CommandContext {
  return { signal: new AbortController().signal, progress, startedAt: new Date(0), seed: 1 };
}

/** Shares of the whole go from 0 forward, and never beyond the end. */
function goesForward({ standings }: ListeningProgress): number[] {
  const shares = standings.flatMap(({ done, total }) => (total > 0 ? [done / total] : []));
  assert.deepEqual(
    shares,
    [...shares].sort((a, b) => a - b),
  );
  assert.ok(shares.every((share) => share >= 0 && share <= 1));
  for (const { what } of standings) assert.notEqual(what, '');
  return shares;
}

test('replay counts the bytes of its files, through all strategies', async () => {
  const progress = listeningProgress();
  const raw = { color: false, strategies: ['pin', 'splice-caches'], pageCache: 'pins' } as const;
  const options = resolveReplay({ ...raw, strategies: [...raw.strategies] }, [TRACE]);
  await runReplay(options, context(progress));
  assert.equal(progress.watched(), 2);
  // Told when a strategy begins, and asked when it is over: by then all of the file was read.
  assert.deepEqual(goesForward(progress), [0, 0.5, 0.5, 1]);
  assert.match(progress.standings[1]?.what ?? '', /^pin: (\S+ \S+) of \1 read$/);
});

test('a trace that is replayed several times over is as long', async () => {
  const progress = listeningProgress();
  const raw = { color: false, strategies: ['pin'], pageCache: 'pins', scale: 2 } as const;
  await runReplay(resolveReplay({ ...raw, strategies: ['pin'] }, [TRACE]), context(progress));
  assert.deepEqual(goesForward(progress), [0, 1]);
});

test('selftest counts tests, which its worker does in shared memory', async () => {
  const progress = listeningProgress();
  const only = ['kmem_dead_cgroups', 'kmem_basic'];
  const strategies = ['pin', 'splice-caches'];
  const options = { ...resolveSelftest({ color: false, quick: true, strategies }), only };
  await runSelftest(options, context(progress));
  assert.deepEqual(goesForward(progress), [0, 0.5, 0.5, 1]);
  assert.equal(progress.watched(), 2);
});

test('capacity weighs its phases, and is alive in each', async () => {
  const progress = listeningProgress();
  const options = { objects: 100_000, objectsPerSlab: 64, seed: 1 };
  await runCapacity(options, context(progress));
  const shares = goesForward(progress);
  assert.equal(shares.length, 4);
  assert.equal(progress.watched(), 4);
  assert.ok((shares[3] ?? 0) - (shares[2] ?? 0) < (shares[2] ?? 0) - (shares[1] ?? 0));
});

test('explore weighs a search by its CPUs, and is alive all the time', async () => {
  const progress = listeningProgress();
  const options = resolveExplore({ color: false, quick: true });
  const [two] = options.pairs.filter(({ scenario }) => scenario.threads.length === 2);
  const [three] = options.pairs.filter(({ scenario }) => scenario.threads.length === 3);
  assert.ok(two && three);
  const pairs = [two, three];
  await runExplore({ ...options, pairs, mutants: [], findings: [] }, context(progress));
  assert.ok(goesForward(progress).every((share) => share < 1));
  // A search of three CPUs counts seven times one of two: 0.07 s with one preemption.
  for (const { total } of progress.standings) assert.ok(Math.abs(total - 8 * 0.07) < 1e-9);
  assert.equal(progress.watched(), 1);
});

test('claims are alive from the start, before the first is decided', async () => {
  const progress = listeningProgress();
  const options = resolveClaims({ color: false, quick: true });
  const claims = options.claims.filter(({ id }) => id === 'local-statistics');
  await runClaims({ ...options, claims }, context(progress));
  assert.deepEqual(goesForward(progress), [0, 1]);
  assert.equal(progress.watched(), 1);
});

test('host is alive while it reads', async () => {
  const progress = listeningProgress();
  const options = resolveHost({ color: false, root: fixture('hosts/v2-6.12') });
  await runHost(options, context(progress));
  assert.ok(progress.watched() >= 1);
  assert.equal(progress.standings[0]?.what, 'reading the host');
});

test('what takes a known time is measured by the clock', () => {
  let now = 1000;
  const look = byTime(5, 'counting again', () => now);
  now += 2000;
  assert.deepEqual(look(), { done: 2, total: 5, what: 'counting again' });
  now += 9000;
  assert.equal(look().done, 5);
});

test('report tells of each file before it is read', () => {
  const progress = listeningProgress();
  const file = fixture('records/compare-before.json');
  const wish = { format: 'markdown', html: undefined, machine: false } as const;
  report([file, file], wish, { width: 80, color: false }, progress);
  assert.deepEqual(goesForward(progress), [0, 0.5]);
});

test('a round of a storm is as far as the time of its legs', () => {
  const legs = [
    { kind: 'setup', name: 'setup' },
    { kind: 'load', name: 'load', ms: 700, counted: true },
    { kind: 'latency', name: 'latencies', ms: 100, counted: true },
    { kind: 'teardown', name: 'teardown' },
  ] as const;
  assert.deepEqual(
    [0, 1, 2, 3].map((leg) => Math.round(1000 * shareBefore(legs, leg))),
    [0, 100, 800, 900],
  );
});
