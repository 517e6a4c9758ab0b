import assert from 'node:assert/strict';
import { test } from 'node:test';
import { costOf, timesDying } from '../../bench/host/cost.ts';
import {
  IDS,
  limitsOf,
  settledOf,
  sinceBoot,
  sinceRecord,
  whileWatching,
} from '../../bench/host/growth.ts';
import { conclude } from '../../bench/host/probe.ts';
import type { HostResults } from '../../reports/results-host.ts';
import { steadyLook } from './support.ts';

const DAY_MS = 86_400_000;
const NOW = new Date('2026-11-25T00:00:00Z');
const BOOT = 'a8f5f167-f44f-4964-a6c9-98a1b5c3e1d0';

function withCounts(results: HostResults, live: number | null, dying: number | null): HostResults {
  const hierarchies = results.hierarchies.map((one) => ({ ...one, live, dying }));
  return { ...results, hierarchies };
}

test('the published example: 96 CPUs, 2 nodes, 2424 B and 656 B are 350.25 kB, 208 of them 72,852 kB', () => {
  const { percpuBytesPerCgroup } = costOf({ cpus: 96, nodes: 2 }, new Map());
  assert.equal(percpuBytesPerCgroup, 350.25 * 1024);
  assert.equal(208 * percpuBytesPerCgroup, 72_852 * 1024);
});

test('cost: sizes of this kernel or the published ones, never both', () => {
  const sizes = new Map([
    ['mem_cgroup', 2000],
    ['mem_cgroup_stat_cpu', 100],
    ['lruvec_stat', 10],
  ]);
  const cost = timesDying(costOf({ cpus: 4, nodes: 2 }, sizes), 3);
  assert.equal(cost.percpuBytesPerCgroup, 4 * 100 + 8 * 10);
  assert.equal(cost.bytesPerCgroup, 2000 + 480);
  assert.equal(cost.dyingBytes, 3 * 2480);
  assert.equal(timesDying(cost, null).dyingBytes, null);
});

test('after the last reading its counts are the figures, and cost follows', async () => {
  const results = await steadyLook('v2-6.12');
  const readings = [
    { t: 0, live: 5, dying: 140 },
    { t: 60, live: 7, dying: 200 },
  ];
  const { hierarchies, cost, limits } = conclude(results, null, readings);
  const [main] = hierarchies;
  assert.deepEqual([main?.live, main?.dying, main?.settled], [7, 200, 140]);
  assert.ok(cost);
  assert.equal(cost.dyingBytes, 200 * cost.bytesPerCgroup);
  assert.equal(limits.find(({ unit }) => unit === 'bytes')?.perDay, 86_400 * cost.bytesPerCgroup);
});

test('nothing is called dying that was counted once', async () => {
  const results = await steadyLook('v2-6.12');
  const verdict = (readings: { t: number; live: number; dying: number }[]) => {
    const { triage } = conclude({ ...results, pinned: null }, null, readings);
    return triage.find(({ form }) => form === 'dying cgroups')?.verdict;
  };
  const burst = { t: 0, live: 5, dying: 140 };
  assert.equal(verdict([]), 'likely');
  assert.equal(verdict([burst, { t: 3, live: 5, dying: 140 }]), 'likely');
  assert.equal(verdict([burst, { t: 5, live: 5, dying: 140 }]), 'yes');
  // A burst of removals that were only on their way.
  assert.equal(verdict([burst, { t: 5, live: 5, dying: 2 }]), 'no');
});

test('growth since an earlier record', async () => {
  const results = await steadyLook('folders-leak');
  const [hierarchy] = results.hierarchies;
  const earlier = {
    startedAt: new Date(NOW.getTime() - DAY_MS / 2),
    results: withCounts(results, 10, 4),
  };
  const compared = sinceRecord(
    { startedAt: NOW, bootId: null, uptimeSeconds: 864_000, hierarchy, inherited: [] },
    earlier,
  );
  assert.ok('growth' in compared);
  assert.deepEqual([compared.growth.livePerDay, compared.growth.dyingPerDay], [64, -8]);
  assert.equal(compared.settled, 0);
  const found = conclude({ ...results, growth: compared.growth }, null, []);
  assert.equal(found.triage.find(({ form }) => form === 'folders never removed')?.verdict, 'yes');
  const [ids] = found.limits;
  assert.deepEqual([ids?.what, ids?.now, ids?.most], ['memory cgroup ids', 42, IDS]);
  assert.equal(ids?.days, (IDS - 42) / 64);
});

test('growth is refused with a reason', async () => {
  const results = await steadyLook('v2-6.12');
  const [hierarchy] = results.hierarchies;
  const at = (ms: number, other = results) =>
    sinceRecord(
      { startedAt: NOW, bootId: BOOT, uptimeSeconds: 3600, hierarchy, inherited: [] },
      { startedAt: new Date(NOW.getTime() - ms), results: other },
    );
  const whys = [
    [at(10_000), /10 s old/],
    [at(-10_000), /a minute is needed/],
    [at(DAY_MS), /was booted since/],
    [at(600_000, { ...results, bootId: BOOT.replace('a', 'b') }), /another host/],
    [at(600_000, { ...results, hierarchies: [] }), /another hierarchy/],
    [at(600_000, await steadyLook('container-v2')), /only part/],
  ] as const;
  for (const [compared, why] of whys) {
    assert.ok('why' in compared);
    assert.match(compared.why, why);
  }
  const unknown = at(600_000, withCounts(results, null, null));
  assert.ok('growth' in unknown);
  assert.deepEqual([unknown.growth.livePerDay, unknown.growth.dyingPerDay], [null, null]);
});

test('growth while watching, and what is settled', () => {
  const readings = [0, 30, 60, 90].map((t) => ({ t, live: 10, dying: t / 10 }));
  assert.equal(whileWatching(readings)?.livePerDay, 0);
  assert.ok(Math.abs((whileWatching(readings)?.dyingPerDay ?? 0) - 8640) < 1e-6);
  assert.equal(whileWatching(readings.slice(0, 2)), null);
  assert.equal(settledOf(readings), 6);
  assert.equal(
    settledOf([
      { t: 0, live: 1, dying: 9 },
      { t: 5, live: 1, dying: 3 },
    ]),
    3,
  );
  assert.equal(
    settledOf([
      { t: 0, live: 1, dying: 9 },
      { t: 4, live: 1, dying: 3 },
    ]),
    null,
  );
  assert.equal(
    settledOf([
      { t: 0, live: 1, dying: null },
      { t: 9, live: 1, dying: 3 },
    ]),
    null,
  );
  assert.equal(settledOf([]), null);
});

test('since boot: not in the first hour, and no limit on ids from it', async () => {
  const [hierarchy] = (await steadyLook('v2-6.12')).hierarchies;
  assert.equal(sinceBoot(100, hierarchy), null);
  assert.equal(sinceBoot(null, hierarchy), null);
  const growth = sinceBoot(864_000, hierarchy);
  assert.equal(growth?.dyingPerDay, 14);
  const limits = limitsOf({
    ...{ hierarchy, growth, dyingHoldIds: false, availableBytes: 1e9, bytesPerCgroup: 1000 },
  });
  assert.deepEqual(
    limits.map(({ what, days }) => [what.split(' ')[0], days]),
    [['memory', 1e9 / 14_000]],
  );
});

test('half of a thousand live cgroups empty: nobody removes them; without figures nobody can tell', async () => {
  const results = await steadyLook('folders-leak');
  const judged = (live: number | null, liveEmpty: number | null) => {
    const hierarchies = results.hierarchies.map((one) => ({ ...one, live, liveEmpty }));
    const { triage } = conclude({ ...results, hierarchies, growth: null }, null, []);
    return triage.find(({ form }) => form === 'folders never removed')?.verdict;
  };
  assert.equal(judged(2000, 1000), 'yes');
  assert.equal(judged(2000, 900), 'cannot tell');
  assert.equal(judged(2000, null), 'cannot tell');
  assert.equal(judged(null, null), 'cannot tell');
  assert.equal(judged(200, 100), 'likely');
  assert.equal(judged(200, 90), 'no');
  assert.equal(judged(90, 90), 'no');
});
