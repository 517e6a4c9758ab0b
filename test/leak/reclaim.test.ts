/** What memory pressure and drop_caches take, and what they leave: on hosts of a cgroup or two. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CACHE_NAMES, createRootCaches } from '../../bench/leak/caches.ts';
import { FILE_LRUS, Files } from '../../bench/leak/files.ts';
import {
  audit,
  bindCpu,
  createMachine,
  DEFAULT_PRIORITY,
  ROOT_MEMCG,
  STRATEGY_NAMES,
  scanTarget,
} from '../../core/index.ts';
import { kind, oneCgroup, sampleAt, scenarioOf, simulate, type Written } from './small-scenario.ts';

const FOR_EVER = { days: 10, samplesPerDay: 24 };

test('a list of fewer than 4096 objects gets no pressure at the default priority', () => {
  assert.equal(DEFAULT_PRIORITY, 12);
  assert.equal(scanTarget(4095, 12), 0);
  assert.equal(scanTarget(4096, 12), 2);
});

for (const [temporary, named] of [
  [{ temporaryFiles: 60, pagesPerFile: 0 }, 'names of temporary files'],
  [{ missingNames: 60 }, 'names that were looked up and not found'],
] as const) {
  describe(named, () => {
    const dying = (pressure: Written, hours: number, strategy = 'pin') => {
      const scenario = oneCgroup(temporary, { ...FOR_EVER, pressure });
      return sampleAt(simulate(scenario, strategy), scenario, hours).dying;
    };

    test('pin a cgroup for ever where there is no pressure', () => {
      assert.equal(dying({}, 240), 1);
    });

    test('and however many passes at the default priority there are', () => {
      assert.equal(dying({ passesPerHour: 600 }, 240), 1);
    });

    test('until pressure is high enough', () => {
      assert.equal(dying({ passesPerHour: 1, priority: 0 }, 2), 0);
    });

    test('and under no other strategy', () => {
      for (const strategy of STRATEGY_NAMES.slice(1)) assert.equal(dying({}, 240, strategy), 0);
    });
  });
}

/** Bytes of dentries at the end, 21 of them to a page. */
function dentryBytes(run: ReturnType<typeof simulate>): number {
  const use = run.caches.find(({ cache }) => cache === 'dentry');
  return (use?.liveBytes ?? 0) + (use?.deadBytes ?? 0);
}

test('of a long list, passes at the default priority take a batch once they add up to one', () => {
  for (const strategy of ['pin', 'splice-caches']) {
    const names = { missingNames: 8000, lifetimeSeconds: 1 };
    /** Names that are left after half a day less half an hour; slabs are whole pages of 21. */
    const left = (passesPerHour: number) => {
      const pressure = { passesPerHour };
      return (
        (dentryBytes(simulate(oneCgroup(names, { samplesPerDay: 4, pressure }), strategy)) / 4096) *
        21
      );
    };
    const all = left(0);
    assert.ok(all >= 4096 + 1024 + 21, `${all} names are enough`);
    // A pass asks for two objects: 460 passes do not make a batch of 1024, 690 make one.
    assert.equal(left(40), all);
    const once = all - left(60);
    assert.ok(Math.abs(once - 1024) < 21, `${once} names gone`);
    // And so on, until there are fewer than 4096.
    const few = left(3600);
    assert.ok(few < 4096 + 21 && few > 4096 - 1024 - 21, `${few} are left of ${all}`);
  }
});

describe('drop_caches', () => {
  /** Dying cgroups, dead page cache and dentries before and after, with a cgroup that left that behind. */
  function dropped(what: string, does: Written, strategy: string) {
    const scenario = oneCgroup(does, { actions: [{ do: 'dropCaches', what, atHours: 2 }] });
    const run = simulate(scenario, strategy);
    const at = (hours: number) => {
      const { dying, parts } = sampleAt(run, scenario, hours);
      return { dying, pages: parts.deadPageCache / 4096, slab: parts.deadSlab };
    };
    return { before: at(1.75), after: at(2.25), run };
  }

  const CASES: readonly [what: string, pagesGo: boolean, slabGoes: boolean][] = [
    ['pages', true, false],
    ['slab', false, true],
    ['all', true, true],
  ];
  for (const [what, pagesGo, slabGoes] of CASES) {
    test(`${what}: page cache ${pagesGo ? 'goes' : 'stays'}`, () => {
      for (const strategy of STRATEGY_NAMES) {
        const { before, after } = dropped(what, { loggedPages: 1000 }, strategy);
        assert.ok(before.dying === 1 && before.pages >= 500, strategy);
        const left = pagesGo ? 0 : before.pages;
        assert.deepEqual([after.dying, after.pages], [pagesGo ? 0 : 1, left], strategy);
      }
    });

    test(`${what}: names ${slabGoes ? 'go' : 'stay'}, however few they are`, () => {
      const { before, after } = dropped(what, { missingNames: 60 }, 'pin');
      assert.deepEqual([before.dying, after.dying], [1, slabGoes ? 0 : 1]);
      const spliced = dropped(what, { missingNames: 60 }, 'splice-caches');
      assert.ok(spliced.before.slab > 0);
      assert.equal(spliced.after.slab > 0, !slabGoes);
    });
  }

  test('active pages go as well', () => {
    // Each file is read many times, which makes its page cache active.
    const does = { filesUsed: 100, filesRead: 100 };
    const scenario = oneCgroup(does, {
      files: { pages: 4 },
      actions: [{ do: 'dropCaches', what: 'pages', atHours: 2 }],
    });
    const run = simulate(scenario, 'splice-caches');
    const pages = [1.75, 2.25].map((hours) => sampleAt(run, scenario, hours).parts.deadPageCache);
    assert.deepEqual(pages, [3 * 4 * 4096, 0]);
  });

  test('dentries that were used go with slab, as it goes round until hardly anything is freed', () => {
    const scenario = oneCgroup(
      { filesUsed: 1000, filesRead: 0 },
      { files: { count: 40 }, actions: [{ do: 'dropCaches', what: 'slab', atHours: 2 }] },
    );
    const run = simulate(scenario, 'pin');
    // The first round only takes their mark (kept once more), and frees nothing: drop_slab ends there.
    assert.equal(sampleAt(run, scenario, 2.25).dying, 1);
    const twice = oneCgroup(
      { filesUsed: 1000, filesRead: 0 },
      {
        files: { count: 40 },
        actions: [{ do: 'dropCaches', what: 'slab', atHours: 2, everyHours: 2 }],
      },
    );
    assert.equal(sampleAt(simulate(twice, 'pin'), twice, 4.25).dying, 0, 'the second time they go');
  });

  test('dirty pages younger than 30 s stay', () => {
    const scenario = scenarioOf({
      ...{ days: 0.05, samplesPerDay: 1440 },
      kinds: [kind({ loggedPages: 100, lifetimeSeconds: 1 })],
      actions: [
        { do: 'boot', cgroups: 1, atHours: 0.5 },
        { do: 'dropCaches', what: 'all', atHours: 0.5 + 20 / 3600 },
        { do: 'dropCaches', what: 'all', atHours: 0.5 + 90 / 3600 },
      ],
    });
    const run = simulate(scenario, 'splice-caches');
    assert.deepEqual(
      [31, 32].map((minute) => sampleAt(run, scenario, minute / 60).dying),
      [1, 0],
    );
  });
});

test('of a file that reclaim has taken a part of, the rest is still cached', () => {
  const machine = createMachine({
    ...{ strategy: 'splice-caches', cpus: 1, slabRows: 1000, kmemCaches: 100, memcgs: 8 },
    ...{ rootCaches: CACHE_NAMES.length, kmemIds: 8, lrus: FILE_LRUS, lruItems: 8, folios: 8 },
  });
  const cpu = bindCpu(machine, 0);
  const roots = createRootCaches(cpu, { kernel: '5.3', cpus: 2, pageSize: 4096 });
  const files = new Files(machine, cpu, { shared: 1, names: 1, roots, accounted: true });
  const [first, second] = [cpu.createMemcg(ROOT_MEMCG), cpu.createMemcg(ROOT_MEMCG)];
  const pages = () => [first, second].map((memcg) => cpu.pageCache.pagesOf(memcg));
  files.read(first, 0, 100);
  cpu.rmdir(first);
  cpu.runDeferred();
  const pass = () => {
    cpu.shrinkNode(ROOT_MEMCG, DEFAULT_PRIORITY, {
      ...{ evicted: files.evicted, shrinker: files.shrinker },
    });
    cpu.runDeferred();
  };
  pass();
  assert.deepEqual(pages(), [68, 0]);
  files.read(second, 0, 100);
  assert.deepEqual(pages(), [68, 0], 'found in the page cache, charged as it was');
  // Used twice it is active: a pass makes it inactive, three take it.
  for (let passes = 0; passes < 4; passes++) pass();
  assert.deepEqual(pages(), [0, 0]);
  files.read(second, 0, 100);
  assert.deepEqual(pages(), [0, 100], 'read again, by the one that pays');
  assert.deepEqual(audit(machine, cpu).violations, []);
});

describe('memory.reclaim', () => {
  /** Pages of a dead cgroup before and after a reclaim of it. */
  function reclaimed(action: Written, strategy = 'splice-caches') {
    const scenario = oneCgroup(
      { loggedPages: 400, parent: 'one.slice' },
      { actions: [{ do: 'reclaim', atHours: 2, ...action }] },
    );
    const run = simulate(scenario, strategy);
    return [1.75, 2.25].map(
      (hours) => sampleAt(run, scenario, hours).parts.deadPageCache / 4096,
    ) as [number, number];
  }

  test('takes 32 pages of a removed cgroup a pass, until it has what it was asked for', () => {
    for (const strategy of STRATEGY_NAMES) {
      for (const [pages, passes] of [
        [1, 1],
        [32, 1],
        [33, 2],
        [96, 3],
      ] as const) {
        const [before, after] = reclaimed({ pages }, strategy);
        assert.ok(before >= 200);
        assert.equal(before - after, 32 * passes, `${pages} pages under ${strategy}`);
      }
    }
  });

  test('asked for nothing, takes nothing; asked for more than there is, takes all', () => {
    const [before, untouched] = reclaimed({ pages: 0 });
    assert.equal(untouched, before);
    assert.equal(reclaimed({ pages: 2 ** 30 })[1], 0);
  });

  test('takes from the cgroup that is named and below it, from nobody else', () => {
    assert.equal(reclaimed({ pages: 2 ** 30, cgroup: 'one.slice' })[1], 0);
    const [before, after] = reclaimed({ pages: 2 ** 30, cgroup: 'system.slice' });
    assert.equal(after, before);
  });

  test('comes again as often as that is asked for', () => {
    const scenario = oneCgroup(
      { loggedPages: 400 },
      { actions: [{ do: 'reclaim', pages: 1, atHours: 2, everyHours: 3 }] },
    );
    const run = simulate(scenario, 'pin');
    const [first, ...rest] = [1, 3, 6, 9].map(
      (hours) => sampleAt(run, scenario, hours).parts.deadPageCache / 4096,
    ) as [number, number, number, number];
    assert.deepEqual(
      rest.map((pages) => first - pages),
      [32, 64, 96],
    );
  });
});
