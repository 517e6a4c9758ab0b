/** Charge stocks, limits, draining, and what the statistics say through removals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  audit,
  bindCpu,
  createMachine,
  NO_LIMIT,
  NO_OBJECT,
  ROOT_MEMCG,
  STRATEGIES,
} from '../../core/index.ts';
import { CPU_RECORD } from '../../core/slub/row-supply.ts';

/** The designs in which each memcg has caches of its own: what this file is about. */
const PER_MEMCG = STRATEGIES.filter(({ sharesCaches }) => !sharesCaches);

const BATCH = 32;

function world(strategy: string, chargeBatch = BATCH) {
  const machine = createMachine({
    ...{ strategy, cpus: 2, slabRows: 800, kmemCaches: 30, rootCaches: 4, memcgs: 12, kmemIds: 10 },
    ...{ chargeBatch, lrus: 1, lruItems: 100 },
  });
  const cpu = bindCpu(machine, 0);
  const other = bindCpu(machine, 1);
  /** One object a slab, so that an object is `pages` pages. */
  const single = (pages: number, reclaimable = false) =>
    cpu.createRootCache({
      ...{ size: 4096, objectsPerSlab: 1, pagesPerSlab: pages, minPartial: 0, cpuPartialSlabs: 0 },
      reclaimable,
    });
  const stock = (which: number) => {
    const base = which * CPU_RECORD.words;
    const [memcg, pages] = machine.cpus.record.subarray(base + CPU_RECORD.stockMemcg);
    return [memcg, pages];
  };
  const sound = () => {
    const report = audit(machine, cpu);
    assert.deepEqual(report.violations, []);
    return report;
  };
  const usage = (memcg: number) => machine.memcgs.usage[memcg];
  return { machine, cpu, other, single, stock, sound, usage };
}

for (const { name, releasesEarly } of PER_MEMCG) {
  test(`${name}: a CPU charges a batch and lives on it; the next memcg takes its place`, () => {
    const it = world(name);
    const { cpu, other, usage, stock } = it;
    const root = it.single(4);
    const [one = 0, two = 0] = [0, 1].map(() => cpu.createMemcg(ROOT_MEMCG));
    const [first = 0, second = 0] = [one, two].map((memcg) => cpu.createCache(memcg, root));
    cpu.alloc(first);
    assert.deepEqual([usage(one), stock(0)], [BATCH, [one, BATCH - 4]]);
    it.sound();
    for (let slab = 1; slab < 8; slab++) cpu.alloc(first);
    assert.deepEqual([usage(one), stock(0)], [BATCH, [one, 0]]);
    cpu.alloc(first);
    assert.deepEqual([usage(one), stock(0)], [2 * BATCH, [one, BATCH - 4]]);
    // Another CPU has a stock of its own; another memcg takes the place.
    other.alloc(first);
    assert.deepEqual([usage(one), stock(1)], [3 * BATCH, [one, BATCH - 4]]);
    cpu.alloc(second);
    assert.deepEqual([usage(one), usage(two), stock(0)], [BATCH + 36, BATCH, [two, BATCH - 4]]);
    it.sound();
    cpu.drainStock();
    other.drainStock();
    assert.deepEqual([usage(one), usage(two)], [40, 4], 'drained, it is what is there');
    cpu.drainStock();
    assert.deepEqual(stock(0), [0, 0]);
    it.sound();
  });

  test(`${name}: a slab larger than a batch is charged exactly; without batches so is each`, () => {
    const large = world(name);
    const { cpu } = large;
    const memcg = cpu.createMemcg(ROOT_MEMCG);
    cpu.alloc(cpu.createCache(memcg, large.single(BATCH + 8)));
    assert.deepEqual([large.usage(memcg), large.stock(0)], [BATCH + 8, [0, 0]]);
    large.sound();
    const exact = world(name, 0);
    const other = exact.cpu.createMemcg(ROOT_MEMCG);
    exact.cpu.alloc(exact.cpu.createCache(other, exact.single(4)));
    assert.deepEqual([exact.usage(other), exact.stock(0)], [4, [0, 0]]);
    exact.sound();
  });

  test(`${name}: near a limit a batch gives way, then the stocks of others do, then it fails`, () => {
    const it = world(name);
    const { cpu, other, machine, usage, stock } = it;
    const root = it.single(4);
    const parent = cpu.createMemcg(ROOT_MEMCG);
    const [one = 0, two = 0] = [0, 1].map(() => cpu.createMemcg(parent));
    const [first = 0, second = 0] = [one, two].map((memcg) => cpu.createCache(memcg, root));
    cpu.setLimit(parent, BATCH + 4);
    const objects = [other.alloc(first)];
    assert.deepEqual(stock(1), [one, BATCH - 4]);
    // No batch fits, but one slab.
    objects.push(cpu.alloc(second));
    assert.deepEqual([usage(two), stock(0), stock(1)], [4, [0, 0], [one, BATCH - 4]]);
    // Not even that, until the stock of the other CPU is drained; this one is idle.
    objects.push(cpu.alloc(second));
    assert.deepEqual([usage(parent), stock(1)], [12, [0, 0]]);
    it.sound();
    while (usage(parent) !== BATCH + 4) objects.push(cpu.alloc(second));
    const failed = machine.memcgs.failcnt[parent] ?? 0;
    assert.equal(cpu.alloc(second), NO_OBJECT);
    assert.ok((machine.memcgs.failcnt[parent] ?? 0) > failed);
    assert.deepEqual([usage(parent), usage(one), usage(two)], [36, 4, 32]);
    it.sound();
    cpu.free(objects.pop() ?? 0);
    cpu.flush(second);
    assert.notEqual(cpu.alloc(second), NO_OBJECT);
    cpu.setLimit(parent, NO_LIMIT);
    assert.notEqual(cpu.alloc(second), NO_OBJECT);
    it.sound();
  });

  test(`${name}: a running CPU gives its stock back when it polls; until then it holds the memcg (D4)`, () => {
    const it = world(name);
    const { cpu, other, stock } = it;
    const memcg = cpu.createMemcg(ROOT_MEMCG);
    const cache = cpu.createCache(memcg, it.single(4));
    other.enter();
    other.free(other.alloc(cache));
    other.flush(cache);
    assert.deepEqual(stock(1), [memcg, BATCH - 4]);
    cpu.rmdir(memcg);
    cpu.runDeferred();
    other.poll();
    cpu.runDeferred();
    assert.equal(it.sound().dying, 1, 'offline, but a stock is left');
    assert.deepEqual(stock(1), [memcg, BATCH - 4]);
    other.poll();
    assert.deepEqual(stock(1), [0, 0]);
    for (let round = 0; round < 9; round++) {
      cpu.runDeferred();
      other.poll();
    }
    assert.equal(it.sound().dying, 0);
    other.idle();
  });

  test(`${name}: the stock of an idle CPU goes with the offline callback`, () => {
    const it = world(name);
    const { cpu, other, stock } = it;
    const parent = cpu.createMemcg(ROOT_MEMCG);
    const memcg = cpu.createMemcg(parent);
    const cache = cpu.createCache(memcg, it.single(4));
    const object = other.alloc(cache);
    cpu.rmdir(memcg);
    cpu.runDeferred();
    assert.deepEqual(stock(1), [0, 0]);
    assert.deepEqual([it.usage(parent), it.sound().dying], [4, releasesEarly ? 0 : 1]);
    other.free(object);
    other.flush(cache);
    cpu.runDeferred();
    assert.deepEqual([it.usage(parent), it.sound().dying], [0, 0]);
  });

  test(`${name}: hierarchical statistics follow the batches, local ones stay where they were (M17)`, () => {
    const it = world(name);
    const { cpu, machine } = it;
    const [plain, reclaimable] = [it.single(8), it.single(8, true)];
    const parent = cpu.createMemcg(ROOT_MEMCG);
    const child = cpu.createMemcg(parent);
    const allocate = (memcg: number, root: number, count: number) =>
      Array.from({ length: count }, () => cpu.alloc(cpu.createCache(memcg, root)));
    const objects = allocate(child, plain, 5);
    // 40 pages: 32 are held back at most, so all were spilled with the fifth slab.
    const shown = { slabReclaimable: 0, slabUnreclaimable: 40 };
    for (const memcg of [child, parent, ROOT_MEMCG]) assert.deepEqual(cpu.memoryStat(memcg), shown);
    assert.deepEqual(cpu.localMemoryStat(child), shown);
    assert.deepEqual(cpu.localMemoryStat(parent), { slabReclaimable: 0, slabUnreclaimable: 0 });
    const [held = 0] = allocate(child, reclaimable, 1);
    assert.equal(cpu.memoryStat(child).slabReclaimable, 0, 'held back');
    assert.equal(cpu.localMemoryStat(child).slabReclaimable, 8, 'local ones are exact');
    const own = allocate(parent, plain, 2);
    it.sound();
    cpu.rmdir(child);
    cpu.runDeferred();
    it.sound();
    assert.equal(cpu.localMemoryStat(parent).slabUnreclaimable, 16, 'as before the removal');
    for (const handle of objects) cpu.free(handle);
    cpu.shrink(cpu.createCache(parent, plain));
    for (const root of [plain, reclaimable]) cpu.flush(root);
    it.sound();
    // What the child charged is subtracted from the parent, except where pages stay with their owner.
    const rest = releasesEarly ? 0 : 16;
    assert.equal(cpu.localMemoryStat(parent).slabUnreclaimable, rest);
    cpu.free(held);
    cpu.runDeferred();
    it.sound();
    assert.equal(machine.memcgs.flags[child], 0);
    for (const handle of own) cpu.free(handle);
    cpu.runDeferred();
    for (const level of [parent, ROOT_MEMCG]) {
      const { slabReclaimable, slabUnreclaimable } = cpu.memoryStat(level);
      assert.ok(slabReclaimable <= BATCH && slabUnreclaimable <= BATCH);
    }
    it.sound();
  });

  test(`${name}: shadow nodes beyond one in eight local pages are shown`, () => {
    const it = world(name, 0);
    const { cpu } = it;
    const parent = cpu.createMemcg(ROOT_MEMCG);
    const child = cpu.createMemcg(parent);
    const cache = cpu.createCache(child, it.single(8));
    const objects = [0, 1, 2].map(() => cpu.alloc(cache));
    const items = objects.map((handle) => cpu.lrus.add(0, handle));
    assert.equal(cpu.shadowNodes(child, 0), 0, '3 nodes of 24 pages');
    const more = [0, 1].map(() => cpu.lrus.add(0, objects[0] ?? 0));
    assert.equal(cpu.shadowNodes(child, 0), 2);
    cpu.rmdir(child);
    cpu.runDeferred();
    assert.equal(cpu.shadowNodes(parent, 0), 5, 'the nodes have moved, the local pages have not');
    for (const item of [...items, ...more]) cpu.lrus.del(0, item);
    assert.equal(cpu.shadowNodes(parent, 0), 0);
    it.sound();
  });
}

test('a limit is a whole number of pages', () => {
  const { cpu, machine } = world('splice-caches');
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  for (const pages of [Number.NaN, -1, 0.5, NO_LIMIT + 1, Number.POSITIVE_INFINITY]) {
    assert.throws(() => cpu.setLimit(memcg, pages), /not a whole number of pages/);
  }
  assert.equal(machine.memcgs.max[memcg], NO_LIMIT);
});
