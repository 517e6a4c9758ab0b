import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseCaches, loadPopulation } from '../../bench/input/population.ts';
import { bindHotPath, CHURN_OBJECTS } from '../../bench/workload/hot-path.ts';
import { hotPathConfig } from '../../bench/workload/hot-path-plan.ts';
import {
  buildPopulation,
  configFor,
  type PopulationPlan,
  shapeOf,
} from '../../bench/workload/population-machine.ts';
import {
  ALL_STRATEGY_NAMES,
  audit,
  bindCpu,
  createMachine,
  machineBytes,
  ROOT_MEMCG,
} from '../../core/index.ts';

const { caches } = chooseCaches(await loadPopulation('host-6.18'), 40);

function plan(change: Partial<PopulationPlan> = {}): PopulationPlan {
  return {
    strategy: 'splice-caches',
    caches,
    pages: 5000,
    order: 'shuffled',
    memmapRows: 0,
    seed: 7,
    ...change,
  };
}

/** Head rows of all slabs of the child, in the order of its list-pages vector or of memory. */
function slabRows(built: ReturnType<typeof buildPopulation>): number[] {
  const { page } = built.machine.slabs;
  const rows: number[] = [];
  for (let row = 1; row <= built.machine.config.slabRows; row++) {
    if ((page[row << 2] ?? 0) >>> 11 !== 0) rows.push(row);
  }
  return rows;
}

for (const strategy of ALL_STRATEGY_NAMES) {
  for (const order of ['in-order', 'shuffled'] as const) {
    test(`${strategy}, ${order}: the cgroup has the pages and the fill of the population`, () => {
      const built = buildPopulation(plan({ strategy, order }));
      const report = audit(built.machine, built.cpu);
      assert.deepEqual(report.violations, []);
      assert.equal(report.slabs, built.slabs);
      assert.equal(report.pages, built.pages);
      assert.equal(report.objects, built.objectsInUse);
      const usage = built.machine.memcgs.usage[built.child] ?? 0;
      // Where objects are charged, and what was freed is given back, a page or two are in stock.
      if (built.machine.strategy.sharesCaches) assert.ok(usage > 0 && usage < built.pages);
      else assert.equal(usage, built.pages);
      assert.equal(built.machine.memcgs.caches[built.child], caches.length);
      // Rounding: every cache is off by at most one slab, of at most 8 pages.
      assert.ok(Math.abs(built.pages - 5000) <= 8 * caches.length, `${built.pages} pages`);
      const fill = built.objectsInUse / built.objectSlots;
      let expected = 0;
      let slots = 0;
      for (const cache of caches) {
        const share = (cache.share / cache.pagesPerSlab) * cache.objectsPerSlab;
        // The first object of a slab always stays.
        const kept = cache.utilisation + (1 - cache.utilisation) / cache.objectsPerSlab;
        expected += share * kept;
        slots += share;
      }
      // Some 40,000 random objects: a standard error of 0.2 %, and rounding of small caches.
      assert.ok(Math.abs(fill - expected / slots) < 0.02, `${fill} against ${expected / slots}`);
    });
  }
}

test('the same seed gives the same machine, byte by byte; another gives another', () => {
  for (const strategy of ALL_STRATEGY_NAMES) {
    const bytes = (seed: number): Buffer[] => {
      const { memory } = buildPopulation(plan({ strategy, seed, pages: 500 })).machine;
      const second = memory.strategy === null ? [] : [memory.strategy];
      return [memory.main, ...second].map((part) =>
        Buffer.from(new Uint8Array(part instanceof SharedArrayBuffer ? part : part.buffer)),
      );
    };
    const [first, again, other] = [bytes(7), bytes(7), bytes(8)];
    assert.ok(
      first.every((part, index) => part.equals(again[index] ?? Buffer.alloc(0))),
      strategy,
    );
    assert.ok(!first[0]?.equals(other[0] ?? Buffer.alloc(0)), strategy);
  }
});

test('in-order pages are allocated upward in memory, shuffled ones are not', () => {
  const direction = (order: PopulationPlan['order']): number => {
    const uniform = Array.from({ length: 4 }, (_, index) => ({
      ...{ name: `c${index}`, size: 64, objectsPerSlab: 64, pagesPerSlab: 1, share: 0.25 },
      ...{ utilisation: 1, minPartial: 5, cpuPartial: 30 },
    }));
    const built = buildPopulation(
      plan({ strategy: 'link-pages', caches: uniform, order, pages: 2000 }),
    );
    const { memory, memcgs } = { ...built.machine, memcgs: built.machine.memcgs };
    assert.ok(memory.strategy instanceof SharedArrayBuffer);
    const offset = built.machine.strategyLayout.offsets.get('links.next');
    assert.ok(offset !== undefined);
    const next = new Int32Array(memory.strategy, offset, built.machine.config.slabRows + 1);
    let steps = 0;
    let neighbours = 0;
    for (let row = memcgs.pagesHead[built.child] ?? 0; row !== 0; row = next[row] ?? 0) {
      steps++;
      if (Math.abs((next[row] ?? 0) - row) === 1) neighbours++;
    }
    assert.equal(steps, built.slabs);
    return neighbours / steps;
  };
  assert.ok(direction('in-order') > 0.95);
  assert.ok(direction('shuffled') < 0.05);
});

test('rows of the memmap belong to a sibling, and the machine has them', () => {
  const built = buildPopulation(plan({ memmapRows: 3000, strategy: 'scan-pages' }));
  assert.equal(slabRows(built).length, built.slabs + 3000);
  assert.equal(built.machine.memcgs.usage[built.parent], built.pages + 3000);
  assert.deepEqual(audit(built.machine, built.cpu).violations, []);
});

test('a machine is as large as its plan says', () => {
  for (const strategy of ALL_STRATEGY_NAMES) {
    const config = configFor(plan({ strategy }));
    const { memory, bytes } = createMachine(config);
    assert.equal(machineBytes(config), bytes);
    assert.ok(memory.main.byteLength <= bytes);
  }
});

test('the loops of the hot path leave a sound machine and drop everything', () => {
  for (const strategy of ALL_STRATEGY_NAMES) {
    const machine = createMachine(
      hotPathConfig({ strategy, caches, liveObjects: 5000, seed: 3, lookedUp: false }),
    );
    const cpu = bindCpu(machine, 0);
    const roots = caches.map((cache) => cpu.createRootCache(shapeOf(cache)));
    const memcg = cpu.createMemcg(ROOT_MEMCG);
    const target = { memcg, roots: Int32Array.from(roots), lookedUp: strategy.length % 2 === 0 };
    const loops = bindHotPath(cpu, target, 5000, 3);
    assert.equal(loops.pair(1000), 2000);
    assert.equal(loops.churn(), 2 * CHURN_OBJECTS);
    loops.populate();
    assert.equal(loops.random(3000), 6000);
    const report = audit(machine, cpu);
    assert.deepEqual(report.violations, [], strategy);
    assert.equal(report.objects, 5000, strategy);
    loops.drop();
    cpu.rmdir(memcg);
    cpu.drainStock();
    if (machine.strategy.sharesCaches) for (const root of roots) cpu.shrink(root);
    cpu.runDeferred();
    const after = audit(machine, cpu);
    assert.deepEqual(
      { ...after, violations: after.violations.length },
      {
        ...{ violations: 0, slabs: 0, pages: 0, objects: 0, dying: 0, dyingPages: 0 },
      },
    );
  }
});
