/** Page cache: lists, references and charges of folios, and what reclaim takes of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ALL_STRATEGY_NAMES,
  audit,
  bindCpu,
  createMachine,
  LEAST_SCAN,
  LimitError,
  type MachineConfig,
  ModelError,
  NO_LIMIT,
  ROOT_MEMCG,
} from '../../core/index.ts';
import { folioList } from '../../core/memcg/folio-rows.ts';
import { bindPageCache, type Evicted } from '../../core/memcg/page-cache.ts';
import { bindPercpuRefs } from '../../core/shared/percpu-ref.ts';

const SHAPE = { size: 64, objectsPerSlab: 8, pagesPerSlab: 2, minPartial: 0, cpuPartialSlabs: 0 };
const ignore = (): void => {};

function world(strategy = 'splice-caches', config: Partial<MachineConfig> = {}) {
  const machine = createMachine({
    ...{ strategy, cpus: 2, slabRows: 50, kmemCaches: 6, rootCaches: 1, memcgs: 8, kmemIds: 8 },
    ...{ folios: 20, ...config },
  });
  const cpu = bindCpu(machine, 0);
  const other = bindCpu(machine, 1);
  const sound = () => {
    const report = audit(machine, cpu);
    assert.deepEqual(report.violations, []);
    return report;
  };
  /** Folios of a memcg's list, oldest first, as the links say. */
  const walk = (memcg: number, active: 0 | 1): number[] => {
    const list = folioList(memcg, active);
    const folios: number[] = [];
    const { next } = machine.folios;
    for (let folio = next[list] ?? 0; folio !== list; folio = next[folio] ?? 0) folios.push(folio);
    return folios;
  };
  const usage = (memcg: number) => machine.memcgs.usage[memcg];
  const remove = (memcg: number) => {
    cpu.rmdir(memcg);
    cpu.runDeferred();
  };
  return { machine, cpu, other, sound, walk, usage, remove, cache: cpu.pageCache };
}

/** Records what it is told. */
function recorder(): { told: [folio: number, left: number][]; evicted: Evicted } {
  const told: [number, number][] = [];
  return { told, evicted: (folio, left) => told.push([folio, left]) };
}

test('pages that are read in are charged up to the root, hold the css each, and are inactive', () => {
  const { cpu, other, cache, walk, usage, sound } = world();
  const parent = cpu.createMemcg(ROOT_MEMCG);
  const memcg = cpu.createMemcg(parent);
  const before = cpu.cssOf(memcg);
  const first = cache.add(memcg, 5);
  const second = other.pageCache.add(memcg, 7);
  assert.notEqual(first, second);
  assert.deepEqual([walk(memcg, 0), walk(memcg, 1)], [[first, second], []]);
  assert.deepEqual([usage(memcg), usage(parent), usage(ROOT_MEMCG)], [12, 12, 12]);
  assert.deepEqual([cache.pagesOf(memcg), cache.pagesOf(parent)], [12, 0]);
  assert.deepEqual([cpu.cssOf(memcg), cache.memcgOf(second)], [before + 12, memcg]);
  sound();
  cache.remove(first);
  assert.deepEqual([walk(memcg, 0), usage(parent), cache.pagesOf(memcg)], [[second], 7, 7]);
  assert.equal(cpu.cssOf(memcg), before + 7);
  assert.equal(cache.memcgOf(first), 0);
  sound();
});

test('the root is not charged, but held', () => {
  const { cpu, cache, walk, usage, sound } = world();
  const before = cpu.cssOf(ROOT_MEMCG);
  const folio = cache.add(ROOT_MEMCG, 9);
  assert.deepEqual([walk(ROOT_MEMCG, 0), usage(ROOT_MEMCG)], [[folio], 0]);
  assert.equal(cpu.cssOf(ROOT_MEMCG), before + 9);
  assert.equal(cache.shrink(ROOT_MEMCG, 0, ignore), 9);
  assert.deepEqual([usage(ROOT_MEMCG), cpu.cssOf(ROOT_MEMCG)], [0, before]);
  sound();
});

test('a folio that is used twice is active; what is active and used twice stays where it is', () => {
  const { cpu, cache, walk, sound } = world();
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  const [one = 0, two = 0, three = 0] = [1, 2, 3].map((pages) => cache.add(memcg, pages));
  cache.accessed(two);
  assert.deepEqual([walk(memcg, 0), walk(memcg, 1)], [[one, two, three], []], 'marked only');
  cache.accessed(two);
  cache.accessed(one);
  cache.accessed(one);
  assert.deepEqual([walk(memcg, 0), walk(memcg, 1)], [[three], [two, one]]);
  assert.equal(cache.pagesOf(memcg), 6);
  for (let time = 0; time < 3; time++) cache.accessed(two);
  assert.deepEqual(walk(memcg, 1), [two, one]);
  sound();
  cache.remove(two);
  assert.deepEqual([walk(memcg, 1), cache.pagesOf(memcg)], [[one], 4]);
  sound();
});

test('the mark does not outlast activation: once deactivated, a folio must be used twice again', () => {
  const { cpu, cache, walk } = world();
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  const folio = cache.add(memcg, 4);
  cache.accessed(folio);
  cache.accessed(folio);
  assert.equal(cache.shrink(memcg, 0, ignore), 0, 'deactivated, not taken');
  assert.deepEqual([walk(memcg, 0), walk(memcg, 1)], [[folio], []]);
  cache.accessed(folio);
  assert.deepEqual(walk(memcg, 1), []);
  cache.accessed(folio);
  assert.deepEqual(walk(memcg, 1), [folio]);
});

test('reclaim takes the oldest first, and a part of a folio where that is enough', () => {
  const { cpu, cache, walk, usage, sound } = world();
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  const [one = 0, two = 0] = [30, 70].map((pages) => cache.add(memcg, pages));
  const before = cpu.cssOf(memcg);
  const { told, evicted } = recorder();
  assert.equal(cache.shrink(memcg, 1, evicted), 50);
  assert.deepEqual(told, [
    [one, 0],
    [two, 50],
  ]);
  assert.deepEqual([walk(memcg, 0), usage(memcg), cache.pagesOf(memcg)], [[two], 50, 50]);
  assert.equal(cpu.cssOf(memcg), before - 50);
  sound();
  // What was cut is still the oldest.
  const three = cache.add(memcg, 50);
  assert.equal(cache.shrink(memcg, 2, evicted), 25);
  assert.deepEqual(told.at(-1), [two, 25]);
  assert.deepEqual(walk(memcg, 0), [two, three]);
  sound();
  cache.remove(two);
  assert.deepEqual([walk(memcg, 0), usage(memcg), cache.memcgOf(two)], [[three], 50, 0]);
  assert.equal(cache.shrink(memcg, 0, evicted), 50, 'priority 0 takes all');
  assert.deepEqual([walk(memcg, 0), usage(memcg)], [[], 0]);
  sound();
});

test('dirty folios are passed by and count as looked at; written back, they go', () => {
  const { cpu, cache, walk, sound } = world();
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  const [one = 0, two = 0] = [24, 40].map((pages) => cache.add(memcg, pages));
  cache.setDirty(one, true);
  const { told, evicted } = recorder();
  assert.equal(cache.shrink(memcg, 1, evicted), 8, '32 were due, 24 are dirty');
  assert.deepEqual([told, walk(memcg, 0)], [[[two, 32]], [two, one]]);
  assert.equal(cache.shrink(memcg, 0, evicted), 32);
  assert.equal(cache.shrink(memcg, 0, evicted), 0, 'only the dirty one is left');
  assert.deepEqual(walk(memcg, 0), [one]);
  sound();
  cache.setDirty(one, false);
  assert.equal(cache.shrink(memcg, 0, evicted), 24);
  sound();
});

test('a short list of an online memcg is left alone; of a removed one 32 pages are taken', () => {
  const { cpu, cache, sound } = world();
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  cache.add(memcg, 4095);
  assert.equal(cache.shrink(memcg, 12, ignore), 0);
  cpu.rmdir(memcg);
  assert.equal(cache.shrink(memcg, 12, ignore), 0, 'removed, not offline yet');
  cpu.runDeferred();
  assert.equal(LEAST_SCAN, 32);
  assert.equal(cache.shrink(memcg, 12, ignore), LEAST_SCAN);
  assert.equal(cache.shrink(memcg, 10, ignore), 4063 >> 10, 'as much as of any list otherwise');
  assert.equal(cache.pagesOf(memcg), 4060);
  sound();
  // Of a longer list than 2^priority, as of any other.
  const online = cpu.createMemcg(ROOT_MEMCG);
  cache.add(online, 4096);
  assert.equal(cache.shrink(online, 12, ignore), 1);
});

test('the least scan of active folios of a removed memcg deactivates, then takes them', () => {
  const { cpu, cache, walk, remove, sound } = world();
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  const [one = 0, two = 0] = [20, 20].map((pages) => cache.add(memcg, pages));
  for (const folio of [one, two, one, two]) cache.accessed(folio);
  remove(memcg);
  assert.equal(cache.shrink(memcg, 12, ignore), 0);
  assert.deepEqual([walk(memcg, 0), walk(memcg, 1)], [[one, two], []], '32 pages are two folios');
  assert.equal(cache.shrink(memcg, 12, ignore), 32);
  assert.equal(sound().dying, 1);
  assert.equal(cache.shrink(memcg, 12, ignore), 8);
  cpu.runDeferred();
  assert.equal(sound().dying, 0);
});

test('active folios are deactivated, oldest first, while they are more pages than inactive ones', () => {
  const { cpu, cache, walk, sound } = world();
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  const [one = 0, two = 0, three = 0] = [16, 16, 64].map((pages) => cache.add(memcg, pages));
  for (const folio of [one, two, one, two]) cache.accessed(folio);
  // 64 inactive, 32 active: 16 go, 48 are left, as many as needed.
  assert.equal(cache.shrink(memcg, 2, ignore), 16);
  assert.deepEqual([walk(memcg, 0), walk(memcg, 1)], [[three], [one, two]]);
  assert.equal(cache.shrink(memcg, 1, ignore), 24);
  assert.deepEqual(
    [walk(memcg, 0), walk(memcg, 1)],
    [[three, one], [two]],
    '24 inactive, 32 active',
  );
  sound();
  // Equal is enough.
  const even = cpu.createMemcg(ROOT_MEMCG);
  const [active = 0] = [10, 20].map((pages) => cache.add(even, pages));
  for (let time = 0; time < 2; time++) cache.accessed(active);
  assert.equal(cache.shrink(even, 1, ignore), 10);
  assert.deepEqual(walk(even, 1), [active]);
});

for (const strategy of ALL_STRATEGY_NAMES) {
  test(`${strategy}: a removed memcg is held by its page cache until the last page of it is gone`, () => {
    const { machine, cpu, cache, sound, usage } = world(strategy);
    const parent = cpu.createMemcg(ROOT_MEMCG);
    const memcg = cpu.createMemcg(parent);
    const object = cpu.alloc(cpu.createCache(memcg, cpu.createRootCache(SHAPE)));
    const [one = 0, two = 0] = [3, 40].map((pages) => cache.add(memcg, pages));
    cpu.rmdir(memcg);
    cpu.runDeferred();
    assert.deepEqual([sound().dying, cache.memcgOf(one), cache.memcgOf(two)], [1, memcg, memcg]);
    cpu.free(object);
    for (let round = 0; round < 3; round++) {
      cpu.shrink(cpu.createCache(parent, 1));
      cpu.runDeferred();
    }
    assert.equal(sound().dying, 1, 'no slab is left, the page cache is');
    // Part of a page that the object left in stock.
    cpu.drainStock();
    assert.deepEqual([cpu.cssOf(memcg), usage(parent)], [43, 43]);
    cache.remove(one);
    assert.equal(cache.shrink(memcg, 12, ignore), LEAST_SCAN);
    cpu.runDeferred();
    assert.equal(sound().dying, 1);
    assert.equal(cache.shrink(memcg, 12, ignore), 8);
    assert.deepEqual([cache.memcgOf(two), usage(parent)], [0, 0]);
    cpu.runDeferred();
    assert.equal(sound().dying, 0);
    assert.equal(machine.memcgs.flags[memcg], 0);
  });
}

for (const chargeBatch of [0, 32]) {
  test(`at a limit nothing is added and nothing is changed: batches of ${chargeBatch}`, () => {
    const { cpu, cache, walk, usage, sound } = world('splice-caches', { chargeBatch });
    const parent = cpu.createMemcg(ROOT_MEMCG);
    const memcg = cpu.createMemcg(parent);
    cpu.setLimit(parent, 50);
    const folio = cache.add(memcg, 45);
    const before = cpu.cssOf(memcg);
    assert.equal(cache.add(memcg, 6), 0);
    assert.deepEqual([walk(memcg, 0), cache.pagesOf(memcg)], [[folio], 45]);
    assert.deepEqual([usage(memcg), usage(parent), cpu.cssOf(memcg)], [45, 45, before]);
    sound();
    assert.notEqual(cache.add(memcg, 5), 0);
    assert.equal(usage(parent), 50);
    cpu.setLimit(parent, NO_LIMIT);
    assert.notEqual(cache.add(memcg, 6), 0);
    sound();
  });

  test(`no folio left is a limit of its own, and charges nobody: batches of ${chargeBatch}`, () => {
    const { cpu, cache, walk, usage, sound } = world('pin', { chargeBatch, folios: 3 });
    const parent = cpu.createMemcg(ROOT_MEMCG);
    const memcg = cpu.createMemcg(parent);
    const folios = [40, 40, 40].map((pages) => cache.add(memcg, pages));
    const before = cpu.cssOf(memcg);
    assert.throws(() => cache.add(memcg, 40), LimitError);
    assert.throws(() => cache.add(memcg, 40), /^LimitError: folios \(3\) reached; raise `folios`/);
    assert.deepEqual([usage(memcg), usage(parent), cpu.cssOf(memcg)], [120, 120, before]);
    assert.deepEqual(walk(memcg, 0), folios);
    sound();
    cache.remove(folios[1] ?? 0);
    assert.equal(cache.add(parent, 40), folios[1], 'a row that is free again');
    sound();
  });
}

test('a folio that is gone is refused, and so is what never was one; no lock is left held', () => {
  const { machine, cpu, cache, sound } = world();
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  const [removed = 0, taken = 0] = [1, 2].map((pages) => cache.add(memcg, pages));
  cache.remove(removed);
  cache.shrink(memcg, 0, ignore);
  const rows = machine.folios.next.length;
  for (const folio of [removed, taken, 0, folioList(memcg, 1), -1, rows, Number.NaN]) {
    for (const use of [
      () => cache.remove(folio),
      () => cache.accessed(folio),
      () => cache.setDirty(folio, true),
    ]) {
      assert.throws(use, ModelError);
      assert.throws(use, /is not in the page cache/);
    }
  }
  sound();
  assert.ok([removed, taken].includes(cache.add(memcg, 1)));
  sound();
});

test('a folio has a whole number of pages, and a machine without folios says so', () => {
  const { cpu, cache, usage } = world();
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  for (const pages of [0, -1, 0.5, Number.NaN]) {
    assert.throws(() => cache.add(memcg, pages), /a folio of .* pages/);
  }
  assert.equal(usage(memcg), 0);
  const without = world('pin', { folios: 0 });
  const one = without.cpu.createMemcg(ROOT_MEMCG);
  assert.throws(() => without.cache.add(one, 1), /no page cache; give it `folios`/);
  assert.deepEqual([without.usage(one), without.cache.pagesOf(one)], [0, 0]);
  assert.equal(without.cache.shrink(one, 0, ignore), 0);
  without.sound();
});

/** The page cache of CPU 0, with something to do each time that it wants the lock or gave it back. */
function hooked(it: ReturnType<typeof world>, hooks: { lock?(): void; unlock?(): void }) {
  const { machine } = it;
  const css = bindPercpuRefs({
    columns: {
      ...{ mode: machine.memcgs.cssMode, count: machine.memcgs.css },
      ...{ slot: machine.cpuMemcgs.css, rows: machine.config.memcgs + 1 },
    },
    ...{ cpu: 0, cpus: 2, what: 'css', release: ignore },
  });
  return bindPageCache(machine, {
    css,
    // The root is held, not charged.
    charging: {
      charge(memcg, pages) {
        css.get(memcg, pages);
        return true;
      },
      chargeOnline: () => 0,
      ...{
        uncharge: ignore,
        drain: ignore,
        chargeRoot: () => true,
        withByteStocks: () => {},
        drainAll: ignore,
      },
    },
    lruLock: {
      lock: () => hooks.lock?.(),
      unlock: () => hooks.unlock?.(),
    },
  });
}

test('a list that another CPU empties before reclaim has the lock gives nothing', () => {
  const it = world();
  const folio = it.cache.add(ROOT_MEMCG, 8);
  let raced = false;
  const cache = hooked(it, {
    lock() {
      if (raced) return;
      raced = true;
      it.other.pageCache.remove(folio);
    },
  });
  assert.equal(cache.shrink(ROOT_MEMCG, 0, ignore), 0);
  assert.equal(raced, true);
  it.sound();
  assert.equal(it.cache.add(ROOT_MEMCG, 1), folio);
  assert.equal(it.cache.add(ROOT_MEMCG, 1), folio + 1, 'no row of a list came into the pool');
});

test('a row that is given back after add found none is not taken: the error stands', () => {
  const it = world('splice-caches', { folios: 1 });
  const folio = it.cache.add(ROOT_MEMCG, 8);
  const cache = hooked(it, {
    unlock() {
      if (it.cache.memcgOf(folio) !== 0) it.other.pageCache.remove(folio);
    },
  });
  assert.throws(() => cache.add(ROOT_MEMCG, 2), LimitError);
  it.sound();
  assert.equal(it.cache.add(ROOT_MEMCG, 2), folio, 'it is still there to take');
  it.sound();
});
