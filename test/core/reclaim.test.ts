/** Reclaim: how much a shrinker is asked for, when it is asked at all, and the walk over memcgs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  audit,
  bindCpu,
  createMachine,
  DEFAULT_PRIORITY,
  ROOT_MEMCG,
  type Shrinker,
  STRATEGY_NAMES,
  scanTarget,
} from '../../core/index.ts';

const SHAPE = { size: 64, objectsPerSlab: 8, pagesPerSlab: 1, minPartial: 0, cpuPartialSlabs: 0 };
const BATCH = 1024;

type Asked = [lru: number, memcg: number, objects: number];

function world(strategy = 'splice-caches') {
  const machine = createMachine({
    ...{ strategy, cpus: 2, slabRows: 50, kmemCaches: 12, rootCaches: 1, memcgs: 10, kmemIds: 10 },
    ...{ lrus: 2, lruItems: 6000, folios: 20 },
  });
  const cpu = bindCpu(machine, 0);
  const other = bindCpu(machine, 1);
  const root = cpu.createRootCache(SHAPE);
  const deferred = () => machine.globals.deferredScan[0];
  const sound = () => {
    const report = audit(machine, cpu);
    assert.deepEqual(report.violations, []);
    return report;
  };
  /** Puts an object of a memcg on a list so many times; returns the object. */
  const fill = (lru: number, memcg: number, items: number): number => {
    const handle = cpu.alloc(memcg === ROOT_MEMCG ? root : cpu.createCache(memcg, root));
    for (let item = 0; item < items; item++) cpu.lrus.add(lru, handle);
    return handle;
  };
  const asked: Asked[] = [];
  /** Frees nothing: all that it looks at is in use. */
  const idle: Shrinker = {
    lrus: [0, 1],
    scan(lru, memcg, objects) {
      asked.push([lru, memcg, objects]);
      return 0;
    },
  };
  /** Takes what it is asked for off the list. */
  const eager: Shrinker = {
    lrus: [0, 1],
    scan(lru, memcg, objects) {
      asked.push([lru, memcg, objects]);
      let freed = 0;
      while (freed < objects && cpu.lrus.isolate(lru, memcg) !== 0) freed++;
      return freed;
    },
  };
  return { machine, cpu, other, root, deferred, sound, fill, asked, idle, eager };
}

test('what one pass is to look at: nothing below 2^priority objects, two for each of them above', () => {
  assert.equal(DEFAULT_PRIORITY, 12);
  const targets = [
    [0, 12, 0],
    [4095, 12, 0],
    [4096, 12, 2],
    [8191, 12, 2],
    [8192, 12, 4],
    [16_384, 12, 8],
    [1_000_000, 12, 488],
    [4095, 11, 2],
    [7, 1, 6],
    [1000, 1, 1000],
    [1000, 0, 2000],
  ] as const;
  for (const [freeable, priority, objects] of targets) {
    assert.equal(scanTarget(freeable, priority), objects, `${freeable} at ${priority}`);
  }
});

test('nothing is scanned until a batch is due; what was not scanned is carried over', () => {
  const { cpu, fill, asked, idle, deferred, sound } = world();
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  fill(0, memcg, 5000);
  for (let pass = 1; pass < BATCH / 2; pass++) {
    assert.equal(cpu.shrinkSlab(memcg, 12, idle), 0);
    assert.deepEqual([asked.length, deferred()], [0, 2 * pass]);
  }
  cpu.shrinkSlab(memcg, 12, idle);
  // Each list is asked for its share and one more.
  assert.deepEqual(asked, [
    [0, memcg, BATCH],
    [1, memcg, 1],
  ]);
  assert.equal(deferred(), 0);
  sound();
});

test('what is carried over is shared by all memcgs and CPUs', () => {
  const { cpu, other, fill, asked, idle, deferred } = world();
  const [large = 0, small = 0] = [0, 1].map(() => cpu.createMemcg(ROOT_MEMCG));
  fill(0, large, 4096);
  fill(1, small, 100);
  for (let pass = 0; pass < 500; pass++) other.shrinkSlab(large, 12, idle);
  assert.equal(deferred(), 1000);
  // 12 objects are due here, and at most half of the list while that is less than a quarter of it.
  cpu.shrinkSlab(small, 4, idle);
  assert.deepEqual([asked, deferred()], [[], 1012]);
  // Four at a time: 1024 with the third.
  for (let pass = 0; pass < 3; pass++) cpu.shrinkSlab(large, 11, idle);
  assert.deepEqual(asked, [
    [0, large, BATCH],
    [1, large, 1],
  ]);
  assert.equal(deferred(), 0);
});

test('a little is due: half of the list at most; a lot: twice the list at most; the rest waits', () => {
  const { machine, cpu, fill, asked, idle, deferred } = world();
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  const { deferredScan } = machine.globals;
  fill(0, memcg, 3000);
  deferredScan[0] = 1_000_000;
  cpu.shrinkSlab(memcg, 12, idle);
  assert.equal(asked.length, 2, '1500: one batch, and 476 are too few for another');
  assert.equal(deferred(), 1_000_000 - BATCH);
  asked.length = 0;
  cpu.shrinkSlab(memcg, 0, idle);
  assert.equal(asked.length, 2 * 5, '6000: five batches, and 880 are left');
  assert.equal(deferred(), 1_000_000 - BATCH + 6000 - 5 * BATCH);
  // A quarter is counted in whole objects: 2 of 9 are a quarter, so 18 may be scanned.
  const tiny = cpu.createMemcg(ROOT_MEMCG);
  fill(0, tiny, 9);
  asked.length = 0;
  deferredScan[0] = 500;
  cpu.shrinkSlab(tiny, 3, idle);
  assert.deepEqual(asked[0], [0, tiny, Math.floor((18 * 9) / 10) + 1]);
  assert.equal(deferred(), 500 + 2 - 18);
});

test('a batch is shared out among the lists by their length', () => {
  const { cpu, fill, asked, idle } = world();
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  fill(0, memcg, 300);
  fill(1, memcg, 99);
  cpu.shrinkSlab(memcg, 0, idle);
  // 798 of 399 objects, over 400 as super_cache_scan divides.
  assert.deepEqual(asked, [
    [0, memcg, Math.floor((798 * 300) / 400) + 1],
    [1, memcg, Math.floor((798 * 99) / 400) + 1],
  ]);
});

for (const items of [1, 100, BATCH, 3000]) {
  test(`priority 0 takes all of ${items}; then the bits of empty lists are cleared`, () => {
    const { cpu, fill, asked, eager, deferred, sound } = world();
    const memcg = cpu.createMemcg(ROOT_MEMCG);
    fill(0, memcg, items);
    fill(1, memcg, 1);
    assert.equal(cpu.shrinkSlab(memcg, 0, eager), items + 1);
    assert.deepEqual([cpu.lrus.count(0, memcg), cpu.lrus.count(1, memcg)], [0, 0]);
    assert.deepEqual([cpu.lrus.hasBit(0, memcg), cpu.lrus.hasBit(1, memcg)], [true, true]);
    const [before, calls] = [deferred(), asked.length];
    assert.equal(cpu.shrinkSlab(memcg, 0, eager), 0);
    assert.deepEqual([cpu.lrus.hasBit(0, memcg), cpu.lrus.hasBit(1, memcg)], [false, false]);
    assert.deepEqual([asked.length, deferred()], [calls, before], 'nobody was asked');
    sound();
    fill(1, memcg, 1);
    assert.deepEqual([cpu.lrus.hasBit(0, memcg), cpu.lrus.hasBit(1, memcg)], [false, true]);
    assert.equal(cpu.shrinkSlab(memcg, 0, eager), 1);
  });
}

test('a bit stays while a list of the shrinker has objects; without one nobody looks, but at the root', () => {
  const { machine, cpu, fill, asked, idle } = world();
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  const handle = fill(0, memcg, 1);
  fill(1, memcg, 4);
  assert.equal(cpu.lrus.isolate(0, memcg), handle);
  cpu.shrinkSlab(memcg, 12, idle);
  assert.deepEqual([cpu.lrus.hasBit(0, memcg), cpu.lrus.hasBit(1, memcg)], [true, true]);
  cpu.shrinkSlab(memcg, 0, idle);
  assert.equal(asked.length, 2);
  // As a lost bit leaves it (M22).
  fill(0, ROOT_MEMCG, 4);
  for (const one of [memcg, ROOT_MEMCG]) machine.memcgs.shrinkerBits[one] = 0;
  asked.length = 0;
  cpu.shrinkSlab(memcg, 0, idle);
  assert.equal(asked.length, 0);
  cpu.shrinkSlab(ROOT_MEMCG, 0, idle);
  assert.deepEqual(
    asked.map(([, one]) => one),
    [ROOT_MEMCG, ROOT_MEMCG],
  );
});

/** A tree with an online, a removed and a removed one below that; each has pages and objects. */
function tree(strategy: string) {
  const it = world(strategy);
  const { cpu } = it;
  const top = cpu.createMemcg(ROOT_MEMCG);
  const first = cpu.createMemcg(top);
  const below = cpu.createMemcg(first);
  const second = cpu.createMemcg(top);
  const beside = cpu.createMemcg(ROOT_MEMCG);
  const all = [top, first, below, second, beside];
  const folios = all.map((memcg) => cpu.pageCache.add(memcg, 40));
  for (const memcg of all) it.fill(0, memcg, 4);
  return { ...it, top, first, below, second, beside, folios };
}

for (const strategy of STRATEGY_NAMES) {
  test(`${strategy}: a pass goes over all below in preorder; of removed ones it takes page cache alone`, () => {
    const it = tree(strategy);
    const { cpu, top, first, below, second, beside, folios, asked } = it;
    assert.deepEqual(cpu.subtree(top), [top, first, below, second]);
    assert.deepEqual(cpu.subtree(ROOT_MEMCG), [ROOT_MEMCG, top, first, below, second, beside]);
    cpu.rmdir(below);
    cpu.rmdir(first);
    cpu.runDeferred();
    assert.equal(it.sound().dying, 2);
    assert.deepEqual(cpu.subtree(top), [top, first, below, second], 'dying ones too');
    const told: unknown[] = [];
    const shrinker: Shrinker = {
      lrus: [0, 1],
      scan(lru, memcg, objects) {
        if (lru === 0) told.push(['slab', memcg]);
        return it.eager.scan(lru, memcg, objects);
      },
    };
    const evicted = (folio: number, left: number) => told.push(['folio', folio, left]);
    const done = cpu.shrinkNode(top, 1, { evicted, shrinker });
    assert.deepEqual(told, [
      ['folio', folios[0], 20],
      ['slab', top],
      ['folio', folios[1], 20],
      ['folio', folios[2], 20],
      ['folio', folios[3], 20],
      ['slab', second],
    ]);
    // The objects of both removed ones are on the list of the top one by now.
    assert.deepEqual(done, { pages: 80, objects: 12 + 4 });
    it.sound();
    told.length = 0;
    // At the default priority only the removed ones give anything: the least scan.
    assert.deepEqual(cpu.shrinkNode(top, DEFAULT_PRIORITY, { evicted, shrinker }), {
      pages: 40,
      objects: 0,
    });
    assert.deepEqual(told, [
      ['folio', folios[1], 0],
      ['folio', folios[2], 0],
    ]);
    asked.length = 0;
    assert.equal(cpu.shrinkNode(beside, 0, { evicted, shrinker }).pages, 40);
    assert.deepEqual(
      asked.map(([lru, memcg]) => [lru, memcg]),
      [
        [0, beside],
        [1, beside],
      ],
      'and nobody beside',
    );
    it.sound();
  });
}

test('a memcg that was removed, but is not offline, is still looked at; offline, it has no lists', () => {
  const { cpu, fill, asked, eager, sound } = world();
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  cpu.pageCache.setDirty(cpu.pageCache.add(memcg, 1), true);
  fill(0, memcg, 4);
  cpu.rmdir(memcg);
  const hooks = { evicted: () => {}, shrinker: eager };
  assert.equal(cpu.shrinkNode(memcg, 0, hooks).objects, 4);
  sound();
  fill(0, ROOT_MEMCG, 2);
  asked.length = 0;
  cpu.runDeferred();
  assert.deepEqual([sound().dying, cpu.lrus.hasBit(0, memcg)], [1, true]);
  // It is counted by its parent's id now, but what is there is for the parent's turn.
  assert.deepEqual([cpu.lrus.count(0, memcg), cpu.shrinkNode(memcg, 0, hooks).objects], [2, 0]);
  assert.equal(asked.length, 0);
});

test('memcgs that are freed on the walk do no harm', () => {
  for (const strategy of STRATEGY_NAMES) {
    const { machine, cpu, sound, eager, asked } = world(strategy);
    const top = cpu.createMemcg(ROOT_MEMCG);
    const [first = 0, second = 0] = [0, 1].map(() => cpu.createMemcg(top));
    const folio = cpu.pageCache.add(first, 10);
    const later = cpu.pageCache.add(second, 10);
    for (const memcg of [first, second]) cpu.rmdir(memcg);
    cpu.runDeferred();
    assert.equal(sound().dying, 2);
    const told: number[] = [];
    const evicted = (gone: number, left: number) => {
      told.push(gone, left);
      // The file of the other one is deleted, and a kworker runs meanwhile.
      cpu.pageCache.remove(later);
      cpu.runDeferred();
    };
    assert.deepEqual(cpu.shrinkNode(ROOT_MEMCG, 12, { evicted, shrinker: eager }), {
      pages: 10,
      objects: 0,
    });
    assert.deepEqual([told, asked], [[folio, 0], []]);
    assert.deepEqual([sound().dying, cpu.subtree(top)], [0, [top]]);
    assert.deepEqual([machine.memcgs.flags[first], machine.memcgs.flags[second]], [0, 0]);
  }
});
