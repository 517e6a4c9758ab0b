import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Holdings } from '../../bench/host/holdings.ts';
import { conclude } from '../../bench/host/probe.ts';
import type { HostForm, HostGrowth, HostResults } from '../../reports/results-host.ts';
import { steadyLook } from './support.ts';

const MIB = 2 ** 20;
const DAY = 86_400;
const base = { ...(await steadyLook('v2-6.12')), pins: [] };

interface Given {
  counts?: Partial<HostResults['hierarchies'][number]>;
  results?: Partial<HostResults>;
  holdings?: Partial<Holdings>;
}

const NONE: Holdings = {
  ...{ pins: [], pinned: null, drift: 0, inherited: [], largest: null },
  ...{ liveEmpty: 0, tellable: 1, kmem: 0 },
};

/** What is said of one form on a host like `base`. */
function judge(form: HostForm['form'], given: Given): HostForm {
  const hierarchies = base.hierarchies.map((one) => ({ ...one, ...given.counts }));
  const results = { ...base, growth: null, hierarchies, ...given.results };
  const { triage } = conclude(results, { ...NONE, ...given.holdings }, results.readings);
  const found = triage.find((one) => one.form === form);
  assert.ok(found);
  return found;
}

function growth(seconds: number, live: number, dying: number, more = {}): HostGrowth {
  const perDay = (change: number) => (change * DAY) / seconds;
  return {
    ...{ from: 'an earlier record', seconds },
    ...{ livePerDay: perDay(live), dyingPerDay: perDay(dying), ...more },
  };
}

const cases: [name: string, form: HostForm['form'], verdict: string, says: RegExp, given: Given][] =
  [
    [
      'a few dying that hold little: no, and from where on it would be trouble',
      ...(['dying cgroups', 'no', /hold 3 MiB.*trouble from 100 on, from 256 MiB/] as const),
      {
        counts: { dying: 9, settled: 9 },
        results: { pinned: { file: 3 * MIB, shmem: 0, anon: 0 } },
      },
    ],
    [
      'a few dying that hold much',
      ...(['dying cgroups', 'yes', /9 dying.*hold 300 MiB/] as const),
      {
        counts: { dying: 9, settled: 9 },
        results: { pinned: { file: 100 * MIB, shmem: 200 * MIB, anon: null } },
      },
    ],
    [
      'much is held, or the host changed meanwhile',
      ...(['dying cgroups', 'no', /hold 300 MiB/] as const),
      {
        counts: { dying: 9, settled: 9 },
        results: { pinned: { file: 300 * MIB, shmem: 0, anon: 0 }, pinnedTolerance: 100 * MIB },
      },
    ],
    [
      'much is held, but by those that were only on their way',
      ...(['dying cgroups', 'no', /at most 0 of them/] as const),
      {
        counts: { dying: 9, settled: 0 },
        results: { pinned: { file: 300 * MIB, shmem: 0, anon: 0 } },
      },
    ],
    [
      'a parent that does not tell what its dying ones hold',
      ...(['dying cgroups', 'no', /hold at least 3 MiB/] as const),
      {
        counts: { dying: 9, settled: 9 },
        results: {
          pinned: { file: 3 * MIB, shmem: 0, anon: 0 },
          pins: (await steadyLook('v2-6.12')).pins,
        },
      },
    ],
    [
      'what they hold is not known',
      ...(['dying cgroups', 'no', /what they hold is not known/] as const),
      { counts: { dying: 9, settled: 9 }, results: { pinned: null } },
    ],
    [
      'one more dying in a minute is no 1,440 a day',
      ...(['dying cgroups', 'no', /1,440 a day/] as const),
      { counts: { dying: 30, settled: 30 }, results: { pinned: null, growth: growth(60, 0, 1) } },
    ],
    [
      '25 more dying in an hour are growth',
      ...(['dying cgroups', 'yes', /600 a day/] as const),
      {
        counts: { dying: 30, settled: 30 },
        results: { pinned: null, growth: growth(3600, 0, 25) },
      },
    ],
    [
      'an average since boot may be what the start of services left',
      ...(['dying cgroups', 'likely', /since boot/] as const),
      {
        counts: { dying: 30, settled: 30 },
        results: { pinned: null, growth: growth(3600, 30, 30, { from: 'since boot' }) },
      },
    ],
    [
      'none dying',
      ...(['dying cgroups', 'no', /none is dying/] as const),
      { counts: { dying: 0, settled: null } },
    ],
    [
      'more folders, with tasks in them: the host got busier',
      ...(['folders never removed', 'no', /400 live, 3 of them/] as const),
      { counts: { live: 400, liveEmpty: 3 }, results: { growth: growth(DAY, 300, 0) } },
    ],
    [
      'more folders without tasks',
      ...(['folders never removed', 'yes', /300 a day/] as const),
      { counts: { live: 400, liveEmpty: 190 }, results: { growth: growth(DAY, 300, 0) } },
    ],
    [
      'more folders while watching, whose tasks nobody looked at',
      ...(['folders never removed', 'likely', /3 at the last look/] as const),
      {
        counts: { live: 100, liveEmpty: 3 },
        results: {
          readings: [0, 60, 120].map((t) => ({ t, live: 100 + t, dying: 0 })),
        },
      },
    ],
    [
      'two more folders in a minute are chance',
      ...(['folders never removed', 'no', /2,880 a day/] as const),
      { counts: { live: 90, liveEmpty: 80 }, results: { growth: growth(60, 2, 0) } },
    ],
    [
      'most of some hundreds are empty, and growth is not known',
      ...(['folders never removed', 'likely', /growth is not known/] as const),
      { counts: { live: 900, liveEmpty: 700 } },
    ],
    [
      'before 4.8 dying ones hold ids',
      ...(['ids run out', 'yes', /60,005 of 65,535/] as const),
      { counts: { dying: 60_000 }, results: { kernel: '4.4.0' } },
    ],
    [
      'since 4.8 they do not, with no swap',
      ...(['ids run out', 'no', /5 of 65,535/] as const),
      {
        counts: { dying: 60_000 },
        results: { memory: { SwapTotal: MIB, SwapFree: MIB } },
      },
    ],
    [
      'since 4.8 those with pages in swap hold them, which nobody counts',
      ...(['ids run out', 'cannot tell', /up to 60,005/] as const),
      { counts: { dying: 60_000 }, results: { memory: { SwapTotal: MIB, SwapFree: 0 } } },
    ],
    [
      '3.x whose cgroups tell nothing',
      ...(['kmem accounting of 3.x', 'cannot tell', /no cgroup tells/] as const),
      { results: { kernel: '3.10.0' }, holdings: { kmem: null } },
    ],
    [
      '3.x without kernel memory',
      ...(['kmem accounting of 3.x', 'no', /in 0 live/] as const),
      { results: { kernel: '3.10.0' } },
    ],
    ...inheritedCases(),
    ...liveCases(),
  ];

function inherited(mib: number, children = 0): HostResults['inherited'][number] {
  return {
    ...{ cgroup: '/a', bytes: mib * MIB, children },
    ...{ evidence: 'anyone', source: 'memory.stat' },
  };
}

function inheritedCases(): typeof cases {
  const form = 'objects inherited by an ancestor';
  const one = (
    mib: number,
    slab: number,
    more: Partial<HostResults> = {},
    children = 0,
  ): Given => ({
    results: { memory: { Slab: slab * MIB }, ...more },
    holdings: { inherited: [inherited(mib, children)] },
  });
  const grown = (inheritedPerDay: number) => ({
    growth: growth(DAY, 0, 0, { inheritedPerDay }),
  });
  return [
    [
      'most of all slab inherited, and growth not known',
      ...([form, 'likely', /\/a has no task, and 141 MiB of slab \(all.*: 185 MiB\)/] as const),
      one(141, 185),
    ],
    ['a large part that grows', form, 'yes', /\+2 MiB a day/, one(141, 185, grown(2 * MIB))],
    ['a large part that shrinks', form, 'no', /-2 MiB a day/, one(141, 185, grown(-2 * MIB))],
    ['a small part', form, 'no', /trouble from 256 MiB on, or 64 MiB that/, one(141, 900)],
    ['most of next to nothing', form, 'no', /trouble from/, one(40, 50)],
    ['much of a large host', form, 'likely', /300 MiB/, one(300, 9000)],
    [
      'the structures of thousands of live children',
      ...([form, 'no', /are the structures of 10,000 live/] as const),
      one(300, 9000, {}, 10_000),
    ],
    [
      'which are charged to the parent since 5.9 only',
      ...([form, 'likely', /300 MiB/] as const),
      one(300, 9000, { generation: { ...base.generation, name: 'reparented caches' } }, 10_000),
    ],
    [
      'nobody without tasks: nothing tells',
      ...([form, 'cannot tell', /the top inherited/] as const),
      { results: { memory: { Slab: 900 * MIB } }, holdings: { tellable: 0 } },
    ],
    [
      'nobody without tasks, and hardly any slab',
      ...([form, 'no', /all slab of the host is 30 MiB/] as const),
      { results: { memory: { Slab: 30 * MIB } }, holdings: { tellable: 0 } },
    ],
    [
      'those without tasks have nothing',
      ...([form, 'no', /^2 live cgroups without tasks/] as const),
      { results: { memory: { Slab: 900 * MIB } }, holdings: { tellable: 2 } },
    ],
    [
      'slab was not handed on before 5.3',
      ...([form, 'no', /since 5.3 only/] as const),
      one(300, 900, { generation: { ...base.generation, name: 'caches per cgroup' } }),
    ],
  ];
}

function liveCases(): typeof cases {
  const form = 'slab of a live cgroup';
  const one = (mib: number, memory: HostResults['memory']): Given => ({
    results: { memory },
    holdings: { largest: { cgroup: '/b', bytes: mib * MIB } },
  });
  return [
    ['most of all slab', form, 'yes', /\/b: 141 MiB of slab/, one(141, { Slab: 185 * MIB })],
    ['much, but a small part', form, 'no', /trouble from 64 MiB/, one(300, { Slab: 9000 * MIB })],
    ['most of next to nothing', form, 'no', /trouble from/, one(40, { Slab: 50 * MIB })],
    ['much of who knows how much', form, 'cannot tell', /: unknown/, one(300, {})],
  ];
}

for (const [name, form, verdict, says, given] of cases) {
  test(`${form}: ${name}`, () => {
    const found = judge(form, given);
    assert.equal(found.verdict, verdict, found.because);
    assert.match(found.because, says);
  });
}

test('version 1 counts all kernel memory, and it is called so', () => {
  const found = judge('slab of a live cgroup', {
    counts: { version: 1 },
    holdings: { largest: { cgroup: '/b', bytes: MIB } },
  });
  assert.match(found.because, /1 MiB of kernel memory \(all slab/);
});
