/** Root caches: sharing, destruction with whatever is under way, and coming back when it fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  audit,
  bindCpu,
  type CacheShape,
  createMachine,
  type Machine,
  ModelError,
  ROOT_MEMCG,
  STRATEGIES,
} from '../../core/index.ts';

/** The designs in which each memcg has caches of its own: what this file is about. */
const PER_MEMCG = STRATEGIES.filter(({ sharesCaches }) => !sharesCaches);

const SHAPE: CacheShape = {
  ...{ size: 64, objectsPerSlab: 8, pagesPerSlab: 2, minPartial: 5, cpuPartialSlabs: 2 },
};

function world(strategy: string) {
  const machine = createMachine({
    ...{ strategy, cpus: 2, slabRows: 400, kmemCaches: 30, rootCaches: 6, memcgs: 10, kmemIds: 8 },
  });
  const cpu = bindCpu(machine, 0);
  const sound = () => {
    const report = audit(machine, cpu);
    assert.deepEqual(report.violations, []);
    return report;
  };
  return { machine, cpu, other: bindCpu(machine, 1), sound };
}

/** Caches that exist, root caches included. */
function caches({ kmemCaches }: Machine): number {
  return kmemCaches.flags.reduce((sum, flags) => sum + (flags === 0 ? 0 : 1), 0);
}

const BAD_SHAPES: [what: string, shape: Partial<CacheShape>][] = [
  ['no objects', { objectsPerSlab: 0 }],
  ['too many objects', { objectsPerSlab: 513 }],
  ['half an object', { objectsPerSlab: 1.5 }],
  ['objects that are no number', { objectsPerSlab: Number.NaN }],
  ['no pages', { pagesPerSlab: 0 }],
  ['pages below 0', { pagesPerSlab: -1 }],
  ['half a page', { pagesPerSlab: 0.5 }],
  ['endless pages', { pagesPerSlab: Number.POSITIVE_INFINITY }],
  ['no size', { size: 0 }],
  ['a size that is no number', { size: Number.NaN }],
  ['min_partial below 0', { minPartial: -1 }],
  ['half a cpu partial slab', { cpuPartialSlabs: 0.5 }],
  ['cpu partial slabs below 0', { cpuPartialSlabs: -2 }],
  ['two cpu partial limits', { cpuPartialObjects: 13 }],
];

for (const [what, shape] of BAD_SHAPES) {
  test(`a shape with ${what} is refused, and nothing is changed`, () => {
    const { cpu, machine, sound } = world('pin');
    assert.throws(() => cpu.createRootCache({ ...SHAPE, ...shape }), ModelError);
    assert.equal(caches(machine), 0);
    assert.equal(cpu.createRootCache(SHAPE), 1);
    sound();
  });
}

test('a shape without a cpu partial limit is refused', () => {
  const { size, objectsPerSlab, pagesPerSlab, minPartial } = SHAPE;
  const { cpu } = world('pin');
  assert.throws(
    () => cpu.createRootCache({ size, objectsPerSlab, pagesPerSlab, minPartial }),
    /either cpuPartialSlabs or cpuPartialObjects/,
  );
});

test('mergeable shapes share a cache if they are alike in everything that can be seen', () => {
  const { cpu, sound } = world('splice-caches');
  const shape = { ...SHAPE, mergeable: true };
  const first = cpu.createRootCache(shape);
  assert.equal(cpu.createRootCache(shape), first);
  assert.notEqual(cpu.createRootCache(SHAPE), first, 'not mergeable itself');
  assert.notEqual(cpu.createRootCache({ ...shape, size: 72 }), first);
  assert.notEqual(cpu.createRootCache({ ...shape, typesafeByRcu: true }), first);
  assert.notEqual(
    cpu.createRootCache({ ...shape, reclaimable: true }),
    first,
    'its pages would be counted as something else (SLAB_MERGE_SAME)',
  );
  const accounted = cpu.createRootCache({ ...shape, account: true });
  assert.notEqual(accounted, first);
  assert.equal(cpu.createRootCache({ ...shape, account: true }), accounted);
  sound();
});

for (const { name, releasesEarly } of PER_MEMCG) {
  test(`${name}: the last user of a shared cache takes it with him, not the first (M05)`, () => {
    const { cpu, machine, sound } = world(name);
    const shape = { ...SHAPE, mergeable: true };
    const root = cpu.createRootCache(shape);
    assert.equal(cpu.createRootCache(shape), root);
    assert.equal(cpu.destroyRootCache(root), true);
    assert.equal(machine.kmemCaches.dying[root], 0);
    // It is as alive as before: a memcg's cache of it is made, deactivated and goes.
    const memcg = cpu.createMemcg(ROOT_MEMCG);
    const object = cpu.alloc(cpu.createCache(memcg, root));
    cpu.rmdir(memcg);
    cpu.runDeferred();
    cpu.free(object);
    cpu.runDeferred();
    assert.equal(caches(machine), 1);
    assert.equal(sound().dying, 0);
    assert.equal(cpu.destroyRootCache(root), true);
    assert.equal(caches(machine), 0);
    assert.throws(
      () => cpu.destroyRootCache(root),
      new RegExp(`cache ${root} is not a root cache`),
    );
    assert.equal(cpu.createRootCache(SHAPE), root, 'and the row is used again');
    sound();
  });

  for (const typesafeByRcu of [false, true]) {
    const kind = typesafeByRcu ? 'slabs under RCU' : 'plain slabs';
    test(`${name}, ${kind}: destroyed with every copy, in whatever state it is`, () => {
      const it = world(name);
      const { cpu, other, machine } = it;
      const root = cpu.createRootCache({ ...SHAPE, typesafeByRcu });
      const kept = cpu.createRootCache(SHAPE);
      const memcgs = [0, 1, 2, 3].map(() => cpu.createMemcg(ROOT_MEMCG));
      const objects = memcgs.map((memcg, index) => {
        const user = index % 2 === 0 ? cpu : other;
        const copy = cpu.createCache(memcg, root);
        return [0, 1, 2].map(() => user.alloc(copy));
      });
      objects.push([cpu.alloc(root), other.alloc(root)]);
      const held = cpu.alloc(cpu.createCache(memcgs[0] ?? 0, kept));
      // Active; offline and its caches killed; removed only; offline, steps pending.
      cpu.rmdir(memcgs[1] ?? 0);
      cpu.runDeferred();
      cpu.rmdir(memcgs[2] ?? 0);
      cpu.rmdir(memcgs[3] ?? 0);
      cpu.runDeferredStep();
      cpu.runDeferredStep();
      it.sound();
      for (const handle of objects.flat()) other.free(handle);
      it.sound();
      assert.equal(cpu.destroyRootCache(root), true);
      it.sound();
      assert.equal(machine.kmemCaches.flags[root], 0);
      cpu.runDeferred();
      assert.equal(it.sound().dying, 0);
      assert.equal(caches(machine), 2, 'the other root cache and its copy');
      cpu.free(held);
      cpu.rmdir(memcgs[0] ?? 0);
      cpu.runDeferred();
      assert.equal(caches(machine), 1);
      it.sound();
    });

    test(`${name}, ${kind}: a busy cache comes back, and nothing of it is lost`, () => {
      const it = world(name);
      const { cpu, machine } = it;
      const root = cpu.createRootCache({ ...SHAPE, typesafeByRcu });
      const [active = 0, removed = 0, empty = 0] = [0, 1, 2].map(() => cpu.createMemcg(ROOT_MEMCG));
      const first = cpu.alloc(cpu.createCache(active, root));
      const second = cpu.alloc(cpu.createCache(removed, root));
      cpu.free(cpu.alloc(cpu.createCache(empty, root)));
      cpu.rmdir(removed);
      cpu.runDeferred();
      assert.equal(cpu.destroyRootCache(root), false);
      it.sound();
      assert.equal(machine.kmemCaches.dying[root], 0);
      assert.deepEqual(
        [cpu.cacheFor(active, root) !== root, cpu.cacheFor(empty, root)],
        [true, root],
      );
      const third = cpu.alloc(cpu.cacheFor(active, root));
      for (const handle of [first, second, third]) cpu.free(handle);
      cpu.runDeferred();
      it.sound();
      cpu.rmdir(active);
      cpu.rmdir(empty);
      cpu.runDeferred();
      assert.equal(it.sound().dying, 0);
      assert.equal(caches(machine), 1, 'no copy is left behind');
      assert.equal(cpu.destroyRootCache(root), true);
      assert.equal(caches(machine), 0);
      it.sound();
    });

    test(`${name}, ${kind}: every step on the way to the end of a memcg's cache is sound`, () => {
      const it = world(name);
      const { cpu, machine } = it;
      const root = cpu.createRootCache({ ...SHAPE, typesafeByRcu, minPartial: 0 });
      const parent = cpu.createMemcg(ROOT_MEMCG);
      const memcg = cpu.createMemcg(parent);
      const handles = Array.from({ length: 20 }, () => cpu.alloc(cpu.createCache(memcg, root)));
      cpu.rmdir(memcg);
      for (let step = 0; step === 0 || cpu.runDeferredStep(); step++) {
        it.sound();
        const handle = handles.pop();
        if (handle !== undefined) cpu.free(handle);
        it.sound();
      }
      for (const handle of handles) cpu.free(handle);
      it.sound();
      while (cpu.runDeferredStep()) it.sound();
      assert.deepEqual([it.sound().dying, it.sound().slabs, caches(machine)], [0, 0, 1]);
    });
  }

  test(`${name}: what was left undone because a cache was dying is made up for`, () => {
    const it = world(name);
    const { cpu, machine } = it;
    const root = cpu.createRootCache(SHAPE);
    const [memcg = 0, other = 0] = [0, 1].map(() => cpu.createMemcg(ROOT_MEMCG));
    const object = cpu.alloc(cpu.createCache(memcg, root));
    const busy = cpu.alloc(cpu.createCache(other, root));
    // As another CPU would see it while the destroyer waits: no retirement of a dying root's copies.
    machine.kmemCaches.dying[root] = 1;
    cpu.rmdir(memcg);
    cpu.runDeferred();
    machine.kmemCaches.dying[root] = 0;
    assert.equal(cpu.destroyRootCache(root), false);
    cpu.runDeferred();
    it.sound();
    cpu.free(object);
    cpu.runDeferred();
    assert.equal(caches(machine), 2, 'the copy went with its last object');
    assert.equal(it.sound().dying, 0);
    cpu.free(busy);
    assert.equal(cpu.destroyRootCache(root), true);
    it.sound();
  });

  if (!releasesEarly) continue;

  test(`${name}: a copy that loses its last reference while its root only seems to die goes too`, () => {
    const it = world(name);
    const { machine, other } = it;
    // The destroyer reads the number of root caches before it looks what is left of the copies: the
    // moment between a copy that is still busy and the decision to give up.
    let moment = () => {};
    const config = {
      ...machine.config,
      get rootCaches() {
        moment();
        return machine.config.rootCaches;
      },
    };
    const cpu = bindCpu({ ...machine, config }, 0);
    const root = cpu.createRootCache(SHAPE);
    const [memcg = 0, active = 0] = [0, 1].map(() => cpu.createMemcg(ROOT_MEMCG));
    const object = cpu.alloc(cpu.createCache(memcg, root));
    const copy = cpu.createCache(memcg, root);
    const busy = cpu.alloc(cpu.createCache(active, root));
    cpu.rmdir(memcg);
    cpu.runDeferred();
    let looks = 0;
    moment = () => {
      looks++;
      if (looks === 2) other.free(object);
    };
    assert.equal(cpu.destroyRootCache(root), false);
    moment = () => {};
    assert.ok(looks >= 2);
    assert.equal(machine.kmemCaches.nrSlabs[copy], 0);
    cpu.runDeferred();
    assert.equal(caches(machine), 2, 'root cache and the active copy');
    cpu.free(busy);
    assert.equal(cpu.destroyRootCache(root), true);
    assert.equal(caches(machine), 0);
    it.sound();
  });
}

test('slabs under RCU that outlive the shut-down of their cache do not shut it down again', () => {
  const { cpu, machine, sound } = world('splice-caches');
  const root = cpu.createRootCache({ ...SHAPE, typesafeByRcu: true });
  const [memcg = 0, active = 0] = [0, 1].map(() => cpu.createMemcg(ROOT_MEMCG));
  const copy = cpu.createCache(memcg, root);
  const object = cpu.alloc(copy);
  const busy = cpu.alloc(cpu.createCache(active, root));
  cpu.rmdir(memcg);
  cpu.runDeferred();
  // An allocation that was under way: the CPU has a slab of the killed cache again.
  cpu.free(cpu.alloc(copy));
  cpu.free(object);
  assert.equal(machine.kmemCaches.nrSlabs[copy], 1);
  assert.equal(cpu.destroyRootCache(root), false);
  cpu.runDeferred();
  sound();
  assert.equal(caches(machine), 2, 'root cache and the active copy');
  const more = [0, 1, 2].map(() => cpu.createCache(cpu.createMemcg(ROOT_MEMCG), root));
  assert.equal(new Set(more).size, 3, 'its row was given back once');
  cpu.free(busy);
  assert.equal(cpu.destroyRootCache(root), true);
  assert.equal(caches(machine), 0);
  sound();
});

for (const { name } of PER_MEMCG) {
  test(`${name}: destroyed at any step of the removal of a memcg that used it (M04)`, () => {
    for (let steps = 0; steps < 8; steps++) {
      for (const typesafeByRcu of [false, true]) {
        const { cpu, machine, sound } = world(name);
        const root = cpu.createRootCache({ ...SHAPE, typesafeByRcu });
        const memcg = cpu.createMemcg(ROOT_MEMCG);
        const object = cpu.alloc(cpu.createCache(memcg, root));
        cpu.rmdir(memcg);
        for (let step = 0; step < steps; step++) cpu.runDeferredStep();
        cpu.free(object);
        // The first time somebody else still uses it: the copy goes, and nothing is left to come.
        const busy = cpu.alloc(root);
        assert.equal(cpu.destroyRootCache(root), false);
        sound();
        cpu.free(busy);
        assert.equal(cpu.destroyRootCache(root), true);
        sound();
        cpu.createCache(cpu.createMemcg(ROOT_MEMCG), cpu.createRootCache(SHAPE));
        sound();
        cpu.runDeferred();
        assert.deepEqual([sound().dying, caches(machine)], [0, 2]);
      }
    }
  });
}

test('a cache that is being destroyed serves no new user (M07), and is destroyed once', () => {
  const { cpu, machine } = world('splice-caches');
  const shape = { ...SHAPE, mergeable: true };
  const root = cpu.createRootCache(shape);
  machine.kmemCaches.dying[root] = 1;
  assert.throws(() => cpu.destroyRootCache(root), /is already being destroyed/);
  assert.notEqual(cpu.createRootCache(shape), root);
});
