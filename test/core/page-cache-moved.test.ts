/** Page cache that goes to the parent with a removal, as since the LRU series. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_STRATEGY_NAMES, audit, bindCpu, createMachine, ROOT_MEMCG } from '../../core/index.ts';

const SHAPE = { size: 64, objectsPerSlab: 8, pagesPerSlab: 2, minPartial: 0, cpuPartialSlabs: 0 };

function world(strategy: string, moveFolios: number) {
  const machine = createMachine({
    ...{ strategy, cpus: 1, slabRows: 50, kmemCaches: 6, rootCaches: 1, memcgs: 8, kmemIds: 8 },
    ...{ folios: 20, moveFolios },
  });
  const cpu = bindCpu(machine, 0);
  const sound = () => assert.deepEqual(audit(machine, cpu).violations, []);
  return { machine, cpu, sound, cache: cpu.pageCache };
}

for (const strategy of ALL_STRATEGY_NAMES) {
  test(`${strategy}: page cache goes to the parent, active and inactive, and pins nothing`, () => {
    const { machine, cpu, cache, sound } = world(strategy, 1);
    const parent = cpu.createMemcg(ROOT_MEMCG);
    const memcg = cpu.createMemcg(parent);
    const own = cache.add(parent, 1);
    const [cold, hot] = [cache.add(memcg, 3), cache.add(memcg, 5)];
    cache.accessed(hot);
    cache.accessed(hot);
    cpu.rmdir(memcg);
    cpu.runDeferred();
    sound();
    assert.equal(cpu.cgroupStat(ROOT_MEMCG).dyingDescendants, 0);
    assert.deepEqual([own, cold, hot].map(cache.memcgOf), [parent, parent, parent]);
    assert.equal(cache.pagesOf(parent), 9);
    assert.equal(machine.memcgs.usage[parent], 9, 'it was charged for them before');
    // Still two lists: the active folio outlives a pass that takes all that is inactive.
    assert.equal(
      cache.shrink(parent, 0, () => {}),
      4,
    );
    cache.remove(hot);
    assert.equal(machine.memcgs.usage[parent], 0);
    cpu.rmdir(parent);
    cpu.runDeferred();
    sound();
    assert.equal(cpu.cgroupStat(ROOT_MEMCG).dyingDescendants, 0);
  });

  test(`${strategy}: without it the folio pins, as before the series`, () => {
    const { cpu, cache, sound } = world(strategy, 0);
    const memcg = cpu.createMemcg(ROOT_MEMCG);
    const folio = cache.add(memcg, 1);
    cpu.rmdir(memcg);
    cpu.runDeferred();
    sound();
    assert.equal(cache.memcgOf(folio), memcg);
    assert.equal(cpu.cgroupStat(ROOT_MEMCG).dyingDescendants, 1);
  });
}

test('slab that pins does so with page cache moved, too', () => {
  const { cpu, sound } = world('pin', 1);
  const root = cpu.createRootCache(SHAPE);
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  cpu.createCache(memcg, root);
  const handle = cpu.allocFor(memcg, root);
  cpu.pageCache.add(memcg, 2);
  cpu.rmdir(memcg);
  cpu.runDeferred();
  sound();
  assert.equal(cpu.pageCache.pagesOf(memcg), 0);
  assert.equal(cpu.cgroupStat(ROOT_MEMCG).dyingDescendants, 1);
  cpu.free(handle);
  cpu.shrink(root);
  cpu.runDeferred();
  assert.equal(cpu.cgroupStat(ROOT_MEMCG).dyingDescendants, 0);
});

test('dropping takes what is written back, active too, and leaves the rest', () => {
  const { cpu, cache, sound } = world('splice-caches', 0);
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  const [hot, dirty, cold] = [cache.add(memcg, 5), cache.add(memcg, 20), cache.add(memcg, 2)];
  cache.accessed(hot);
  cache.accessed(hot);
  cache.setDirty(dirty, true);
  const told: [number, number][] = [];
  assert.equal(
    cache.dropClean(memcg, (folio, left) => told.push([folio, left])),
    7,
  );
  assert.deepEqual(told, [
    [cold, 0],
    [hot, 0],
  ]);
  assert.equal(cache.pagesOf(memcg), 20);
  sound();
});

test('a machine without page cache has none to move', () => {
  const machine = createMachine({
    ...{ strategy: 'objcg', cpus: 1, slabRows: 10, kmemCaches: 2, rootCaches: 1, memcgs: 4 },
    ...{ kmemIds: 4, moveFolios: 1 },
  });
  const cpu = bindCpu(machine, 0);
  cpu.rmdir(cpu.createMemcg(ROOT_MEMCG));
  cpu.runDeferred();
  assert.deepEqual(cpu.cgroupStat(ROOT_MEMCG), { descendants: 0, dyingDescendants: 0 });
});
