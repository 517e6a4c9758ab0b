import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planLeak, runLeak } from '../../bench/commands/leak.ts';
import { CapacityError } from '../../bench/errors.ts';
import { type FleetPlan, runFleet, tasksOf, unitsOf } from '../../bench/leak/fleet.ts';
import { simulateHost } from '../../bench/leak/host.ts';
import { rowOf } from '../../bench/leak/row.ts';
import { SILENT } from '../../bench/progress.ts';
import type { LeakResults, LeakRun } from '../../reports/index.ts';
import { CULPRIT, WAYS } from './failing-worker.ts';
import { essence, fleet, optionsOf, put, recordOf, tinyScenario } from './small-fleet.ts';
import { bareRun, readWritten } from './small-scenario.ts';

const FAILING = new URL('./failing-worker.js', import.meta.url);
const signal = new AbortController().signal;
const progress = SILENT;
/** The whole fleet that others are compared with. */
const whole = recordOf(await fleet({ workers: 1 }));
const runsOf = (result: Awaited<ReturnType<typeof fleet>>) => (result.results as LeakResults).runs;

function planOf(change: Partial<FleetPlan> = {}): FleetPlan {
  const { scenario } = readWritten(tinyScenario());
  return {
    ...{ scenarios: [scenario], hosts: 5, strategies: ['pin', 'splice-caches'] },
    ...{ seed: 1, shard: null, ...change },
  };
}

const plan = fc.record({
  cells: fc.integer({ min: 1, max: 6 }),
  hosts: fc.integer({ min: 1, max: 40 }),
  shards: fc.integer({ min: 1, max: 60 }),
});

test('shards take every unit once, and share them evenly', () => {
  const [any] = planOf().scenarios;
  assert.ok(any !== undefined);
  fc.assert(
    fc.property(plan, ({ cells, hosts, shards }) => {
      const all = planOf({ scenarios: new Array(cells).fill(any), hosts });
      const units = unitsOf(all);
      assert.equal(units.length, cells * hosts);
      assert.equal(new Set(units.map((unit) => JSON.stringify(unit))).size, units.length);
      for (const { cell, host } of units) assert.ok(cell < cells && host < hosts);
      const parts = Array.from({ length: shards }, (_, at) =>
        unitsOf({ ...all, shard: { index: at + 1, of: shards } }),
      );
      const texts = parts.flat().map((unit) => JSON.stringify(unit));
      assert.deepEqual(texts.sort(), units.map((unit) => JSON.stringify(unit)).sort());
      const sizes = parts.map((part) => part.length);
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, sizes.join(' '));
    }),
  );
});

test('what is left to do is everything but what is done', () => {
  const strategies = ['pin', 'list-pages', 'splice-caches'];
  const [any] = planOf().scenarios;
  assert.ok(any !== undefined);
  fc.assert(
    fc.property(plan, fc.array(fc.nat()), ({ cells, hosts, shards }, picks) => {
      const shard = { index: 1, of: shards };
      const part = planOf({ scenarios: new Array(cells).fill(any), hosts, shard, strategies });
      const all = tasksOf(part, []);
      assert.equal(all.length, unitsOf(part).length * 3);
      const done = new Set(picks.map((pick) => pick % all.length));
      const runs = all
        .filter((_, at) => done.has(at))
        .map(({ cell, host, strategy }) => bareRun({ dying: [0], cell, host, strategy }));
      assert.deepEqual(
        tasksOf(part, runs),
        all.filter((_, at) => !done.has(at)),
      );
    }),
  );
});

test('results are the same for any number of workers, or without any', async () => {
  assert.equal(whole.complete, true);
  assert.deepEqual([whole.results.hosts, whole.results.hostsWanted], [5, 5]);
  assert.ok((whole.results.series[0]?.dying.at(-1) ?? 0) > 0, 'something stays');
  for (const workers of [2, 3]) {
    assert.equal(essence(recordOf(await fleet({ workers }))), essence(whole));
  }
  const { scenario } = readWritten(tinyScenario());
  for (const run of whole.results.runs) {
    const { host, strategy } = run;
    assert.equal(
      JSON.stringify(run),
      JSON.stringify(rowOf(simulateHost({ scenario, seed: 1, host, strategy }), 0)),
    );
  }
});

test('a fleet of fewer hosts is the beginning of it', async () => {
  assert.deepEqual(runsOf(await fleet({ hosts: 2 })), whole.results.runs.slice(0, 4));
});

test('cells of a sweep are fleets of their own, with the same hosts', async () => {
  const vary = [{ key: 'cgroupsPerDay', values: [20, 60] }];
  const swept = recordOf(await fleet({ vary, hosts: 2 })).results;
  assert.deepEqual([swept.hosts, swept.hostsWanted], [4, 4]);
  assert.deepEqual(
    swept.sweep?.cells.map(({ values, strategy }) => [values[0], strategy]),
    [
      [20, 'pin'],
      [20, 'splice-caches'],
      [60, 'pin'],
      [60, 'splice-caches'],
    ],
  );
  // The second cell is the scenario as it stands.
  const alone = whole.results.runs.slice(0, 4);
  assert.deepEqual(
    swept.runs.filter(({ cell }) => cell === 1),
    alone.map((run) => ({ ...run, cell: 1 })),
  );
  const ends = alone.filter(({ strategy }) => strategy === 'pin').map(({ dying }) => dying.at(-1));
  assert.equal(swept.sweep?.cells[2]?.dying, ((ends[0] ?? 0) + (ends[1] ?? 0)) / 2);
});

test('an interrupted fleet keeps the finished hosts, and goes on to exactly the whole', async () => {
  const interrupted = await fleet({ workers: 2 }, 5);
  assert.equal(interrupted.complete, false);
  const record = recordOf(interrupted);
  const { runs, hosts, hostsWanted } = record.results;
  assert.ok(runs.length >= 5 && runs.length < 10, `${runs.length} runs`);
  const finished = [0, 1, 2, 3, 4].filter(
    (host) => runs.filter((run) => run.host === host).length === 2,
  );
  assert.deepEqual([hosts, hostsWanted], [finished.length, 5]);
  for (const run of runs) {
    const { host, strategy } = run;
    const there = whole.results.runs.find((one) => one.host === host && one.strategy === strategy);
    assert.deepEqual(run, there);
  }
  const goOn = put('interrupted.json', record);
  const { length } = runs;
  let left = 0;
  const options = optionsOf({ goOn });
  const result = await runLeak(options, {
    ...{ signal, startedAt: new Date(0), seed: 1 },
    progress: {
      update: (_, total) => {
        left = total;
      },
      clear() {},
      alive: SILENT.alive,
    },
  });
  assert.equal(left, 10 - length, 'what was finished is not done again');
  assert.equal(essence(recordOf(result)), essence(whole));
});

test('a fleet that is interrupted before anything is finished has a record, too', async () => {
  const record = recordOf(await fleet({}, 0));
  assert.equal(record.complete, false);
  assert.deepEqual([record.results.runs, record.results.series], [[], []]);
  const goOn = put('nothing.json', record);
  assert.equal(essence(recordOf(await fleet({ goOn }))), essence(whole));
});

test('a fleet that was finished has nothing left to do', async () => {
  const again = recordOf(await fleet({ goOn: put('whole.json', whole) }));
  assert.equal(essence(again), essence(whole));
});

test('an interrupted shard goes on as a shard', async () => {
  const shard = { index: 2, of: 2 };
  const goOn = put('shard.json', recordOf(await fleet({ shard, workers: 1 }, 1)));
  const finished = recordOf(await fleet({ shard, goOn })).results;
  assert.deepEqual([finished.hosts, finished.hostsWanted, finished.shard], [2, 2, shard]);
  assert.deepEqual(
    finished.runs,
    whole.results.runs.filter(({ host }) => host % 2 === 1),
  );
  await assert.rejects(fleet({ goOn }), {
    name: 'UsageError',
    message:
      /shard\.json is of another fleet: shard is {"index":2,"of":2} there and null here; give/,
  });
});

test('to go on with another fleet is refused with what differs', async () => {
  const stopped = recordOf(await fleet({ workers: 1 }, 1));
  const goOn = put('other.json', stopped);
  const other = put('tiny-too.json', tinyScenario({ cgroupsPerDay: 61 }));
  const set = [{ option: '--set cpus', key: 'cpus', value: 3 }];
  const cases: readonly [change: Parameters<typeof fleet>[0], says: RegExp][] = [
    [{ seed: 2 }, /seed is 1 there and 2 here/],
    [{ hosts: 6 }, /hosts is 5 there and 6 here/],
    [{ strategies: ['pin'] }, /strategies is \["pin","splice-caches"\] there and \["pin"\] here/],
    [{ scenario: other }, /cgroupsPerDay is 60 there and 61 here/],
    [{ set }, /set is \[\] there and \["cpus=3"\] here/],
    [{ vary: [{ key: 'cpus', values: [2, 3] }] }, /vary is \[\] there and \["cpus=2,3"\] here/],
  ];
  for (const [change, says] of cases) {
    await assert.rejects(fleet({ goOn, ...change }), (error: Error) => {
      assert.equal(error.name, 'UsageError');
      assert.match(
        error.message,
        /^--continue: .*other\.json is of another fleet: .*; give the opt/,
      );
      assert.match(error.message, says);
      return true;
    });
  }
  // A file of the same name, but what is in it has changed.
  const { scenario } = optionsOf();
  for (const [edit, says] of [
    [{ cgroupsPerDay: 61 }, /of another fleet: cgroupsPerDay is 60 there and 61 here/],
    [{ samplesPerDay: 8 }, /of another fleet: samplesPerDay is 4 there and 8 here/],
  ] as const) {
    put('tiny.json', tinyScenario(edit));
    await assert.rejects(fleet({ goOn, scenario }), says);
  }
  put('tiny.json', tinyScenario());
  const older = put('older.json', { ...stopped, version: '0.0.9' });
  await assert.rejects(fleet({ goOn: older }), /another fleet: version is "0\.0\.9" there and/);
  const storm = put('foreign.json', { ...stopped, command: 'storm' });
  await assert.rejects(fleet({ goOn: storm }), /foreign\.json: results\./);
  await assert.rejects(fleet({ goOn: `${goOn}.no` }), /other\.json\.no: cannot be read \(ENOENT\)/);
});

async function failureOf(way: keyof typeof WAYS) {
  const tasks = tasksOf(planOf({ seed: WAYS[way] }), []);
  const outcome = await runFleet(tasks, { workers: 2, signal, progress, worker: FAILING });
  assert.equal(outcome.complete, false);
  const { failure, runs } = outcome;
  assert.ok(failure instanceof CapacityError);
  assert.equal(failure.exitCode, 3);
  assert.match(
    failure.message,
    new RegExp(`^host ${CULPRIT} under (pin|splice-caches): `),
    'says which host',
  );
  assert.match(failure.message, new RegExp(`; repeat with --strategies \\S+ --seed ${WAYS[way]}$`));
  // Tasks are started in order, so that hosts before it are finished.
  const kept = (host: number) => runs.filter((run: LeakRun) => run.host === host).length;
  assert.deepEqual([0, 1, 2].map(kept), [2, 2, 2]);
  assert.equal(kept(CULPRIT), 0);
  return failure;
}

test('a host that throws ends the fleet, is named, and the finished ones are kept', async () => {
  assert.match((await failureOf('throws')).message, /: the host is on fire; repeat/);
});

test('a host whose thread ends is a failure, not a hang', async () => {
  await failureOf('exits');
});

test('a host that fills its machine says which limit was reached', async () => {
  assert.match((await failureOf('fills')).message, /: (memcgs|kmemIds) \(8\) reached; /);
});

test('a shard that has nothing to do is refused', async () => {
  await assert.rejects(planLeak(optionsOf({ shard: { index: 6, of: 7 } })), {
    name: 'UsageError',
    message: /^--shard: 6\/7 has nothing to do; there are only 5 hosts$/,
  });
});

test('a record that nobody could read back is refused before it is made', async () => {
  const change = { hosts: 100_000, set: [{ option: '--set', key: 'samplesPerDay', value: 24 }] };
  await assert.rejects(planLeak(optionsOf(change)), {
    name: 'UsageError',
    message:
      /^--hosts: the record would hold [\d,]+ numbers, .*RECORD_NUMBERS_MAX.*; give fewer host/,
  });
});

test('the plan says what is run and how much memory it takes, and grows with days and workers', async () => {
  const { lines, bytes } = await planLeak(optionsOf());
  assert.match(
    lines[0] ?? '',
    /^leak pin, splice-caches: 5 hosts of quiet for 1 days?, on 2 threads$/,
  );
  const one = await planLeak(optionsOf({ workers: 1 }));
  assert.equal(bytes, 2 * one.bytes);
  const set = [{ option: '--set', key: 'days', value: 1000 }];
  assert.ok((await planLeak(optionsOf({ set }))).bytes > 2 * bytes);
  const shard = await planLeak(optionsOf({ shard: { index: 1, of: 3 } }));
  assert.match(shard.lines[0] ?? '', /: 2 hosts of quiet .*, shard 1\/3$/);
  const swept = await planLeak(optionsOf({ vary: [{ key: 'cpus', values: [2, 3] }] }));
  assert.match(swept.lines.join('\n'), /^sweep over host\.cpus \(2 values\)$/m);
});

test('a scenario of nothing still makes a record', async () => {
  const none = { ...tinyScenario(), cgroupsPerDay: 0, kinds: [] };
  const record = recordOf(await fleet({ scenario: put('none.json', none), hosts: 1 }));
  assert.deepEqual(record.results.series[0]?.dying, [0, 0, 0, 0, 0]);
});
