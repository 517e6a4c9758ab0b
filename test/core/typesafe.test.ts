/**
 * SLAB_TYPESAFE_BY_RCU: a reader may meet an object that was freed and is another one by now, but its
 * memory stays a slab of the same cache for the length of the read section (kernel-model b.4, b.10).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  audit,
  bindCpu,
  type CacheShape,
  createMachine,
  DeadlineError,
  PATIENCE,
  ROOT_MEMCG,
  STRATEGIES,
} from '../../core/index.ts';
import { stateOf } from '../../core/slub/slabs.ts';

/** Keeps nothing that is empty, so a slab goes with its last object. */
const SHAPE: CacheShape = {
  ...{ size: 64, objectsPerSlab: 4, pagesPerSlab: 2, minPartial: 0, cpuPartialSlabs: 0 },
  typesafeByRcu: true,
};

/** A reader on CPU 1, whose section is open, and CPU 0 for everything else. */
function world(strategy: string, shape: CacheShape = SHAPE) {
  const machine = createMachine({
    ...{ strategy, cpus: 2, slabRows: 100, kmemCaches: 6, rootCaches: 2, memcgs: 4, kmemIds: 3 },
  });
  const cpu = bindCpu(machine, 0);
  const reader = bindCpu(machine, 1);
  const root = cpu.createRootCache(shape);
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  const cache = cpu.createCache(memcg, root);
  reader.enter();
  reader.readLock();
  const isSlab = (row: number) => stateOf(machine.slabs.page, row) !== 0;
  const leave = () => {
    reader.readUnlock();
    reader.idle();
  };
  const sound = () => assert.deepEqual(audit(machine, cpu).violations, []);
  return { machine, cpu, reader, root, memcg, cache, isSlab, leave, sound };
}

/** Where slabs are charged, and memcgs have caches of their own. */
const PER_MEMCG = STRATEGIES.filter(({ sharesCaches }) => !sharesCaches);

for (const { name, releasesEarly } of PER_MEMCG) {
  test(`${name}: an object is used again at once, without a grace period`, () => {
    const { cpu, cache, leave, sound } = world(name);
    const object = cpu.alloc(cache);
    cpu.free(object);
    assert.equal(cpu.alloc(cache), object);
    leave();
    sound();
  });

  test(`${name}: the pages of an empty slab stay, charged, until readers have left`, () => {
    for (const typesafeByRcu of [false, true]) {
      const it = world(name, { ...SHAPE, typesafeByRcu });
      const { cpu, cache, machine, memcg } = it;
      const object = cpu.alloc(cache);
      const row = object >>> 6;
      cpu.flush(cache);
      cpu.free(object);
      const { nrSlabs } = machine.kmemCaches;
      assert.equal(nrSlabs[cache], 0, 'it is none of the slabs of the cache any more');
      assert.equal(it.isSlab(row), typesafeByRcu);
      while (cpu.runDeferredStep());
      assert.equal(it.isSlab(row), typesafeByRcu, 'whatever deferred work does meanwhile');
      assert.equal(machine.memcgs.usage[memcg], typesafeByRcu ? SHAPE.pagesPerSlab : 0);
      const next = cpu.alloc(cache) >>> 6;
      assert.equal(next === row, !typesafeByRcu, 'and nobody gets its pages');
      it.leave();
      cpu.runDeferred();
      assert.equal(it.isSlab(row), !typesafeByRcu);
      assert.equal(machine.memcgs.usage[memcg], SHAPE.pagesPerSlab);
      it.sound();
    }
  });

  test(`${name}: each slab waits for the readers of its own time`, () => {
    const it = world(name);
    const { cpu, reader, cache } = it;
    const objects = [0, 1, 2, 3, 4].map(() => cpu.alloc(cache));
    cpu.flush(cache);
    const rows = [objects[0] ?? 0, objects[4] ?? 0].map((object) => object >>> 6);
    for (const object of objects.slice(0, 4)) cpu.free(object);
    while (cpu.runDeferredStep());
    reader.readUnlock();
    reader.poll();
    reader.readLock();
    cpu.free(objects[4] ?? 0);
    while (cpu.runDeferredStep());
    assert.deepEqual(rows.map(it.isSlab), [false, true]);
    it.leave();
    cpu.runDeferred();
    assert.deepEqual(rows.map(it.isSlab), [false, false]);
    it.sound();
  });

  test(`${name}: a section that begins later holds nothing up`, () => {
    const { cpu, reader, cache, isSlab, leave, sound } = world(name);
    const object = cpu.alloc(cache);
    cpu.flush(cache);
    cpu.free(object);
    reader.readUnlock();
    reader.poll();
    while (cpu.runDeferredStep());
    reader.poll();
    reader.readLock();
    while (cpu.runDeferredStep());
    assert.equal(isSlab(object >>> 6), false);
    leave();
    sound();
  });

  /** A slab of the root cache and one of the copy, both without objects. */
  const emptySlabs = ({ cpu, root, cache }: ReturnType<typeof world>): number[] =>
    [root, cache].map((one) => {
      const object = cpu.alloc(one);
      cpu.flush(one);
      cpu.free(object);
      return object >>> 6;
    });

  test(`${name}: destroying the root cache waits for slabs that are on their way (rcu_barrier)`, () => {
    const it = world(name);
    const { cpu, reader, root, cache } = it;
    const { flags, memcg } = it.machine.kmemCaches;
    const rows = emptySlabs(it);
    let looks = 0;
    // Served where CPU 0 waits: the reader leaves at its third look.
    cpu.onInterrupt(() => {
      looks++;
      assert.deepEqual(rows.map(it.isSlab), [true, true]);
      assert.ok(flags[root] !== 0 && flags[cache] !== 0, 'the slabs name their caches');
      assert.equal(memcg[cache], it.memcg, 'M03: and these whom to uncharge');
      if (looks === 3) it.leave();
      else reader.interrupt(0);
    });
    reader.interrupt(0);
    assert.equal(cpu.destroyRootCache(root), true);
    assert.equal(looks, 3);
    assert.deepEqual(rows.map(it.isSlab), [false, false]);
    assert.deepEqual([flags[root], flags[cache]], [0, 0]);
    it.sound();
  });

  test(`${name}: it waits for slabs that the shutdown itself finds empty, too`, () => {
    for (const withCopy of [true, false]) {
      const it = world(name, { ...SHAPE, minPartial: 5 });
      const { cpu, cache } = it;
      const { flags, nrSlabs } = it.machine.kmemCaches;
      const rows = emptySlabs(it);
      if (!withCopy) {
        // As if the memcg had never used the cache.
        cpu.shrink(cache);
        it.leave();
        cpu.rmdir(it.memcg);
        cpu.runDeferred();
        it.reader.enter();
        it.reader.readLock();
        rows.splice(0, 2, cpu.alloc(it.root) >>> 6);
        cpu.flush(it.root);
        cpu.free((rows[0] ?? 0) << 6);
      }
      it.machine.globals.patience[PATIENCE.deadlineMs] = 20;
      assert.throws(() => cpu.destroyRootCache(it.root), DeadlineError);
      assert.equal(nrSlabs[it.root], 0);
      assert.ok(rows.every(it.isSlab));
      assert.notEqual(flags[it.root], 0);
      assert.equal(flags[cache] !== 0, withCopy);
    }
  });

  test(`${name}: a cache of a removed memcg goes after its slabs, and its owner last`, () => {
    const it = world(name);
    const { cpu, cache, memcg, machine } = it;
    const object = cpu.alloc(cache);
    it.leave();
    cpu.rmdir(memcg);
    cpu.runDeferred();
    it.reader.enter();
    it.reader.readLock();
    cpu.free(object);
    while (cpu.runDeferredStep());
    assert.equal(it.isSlab(object >>> 6), true);
    assert.notEqual(machine.kmemCaches.flags[cache], 0);
    const owner = releasesEarly ? ROOT_MEMCG : memcg;
    assert.equal(machine.kmemCaches.memcg[cache], owner, 'M03: it is still to be uncharged there');
    it.leave();
    cpu.runDeferred();
    assert.equal(it.isSlab(object >>> 6), false);
    assert.equal(machine.kmemCaches.flags[cache], 0);
    assert.equal(audit(machine, cpu).dying, 0);
    it.sound();
  });
}
