/** Tasks, caches that come to be while they are used, removal step by step, and its undoing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  audit,
  bindCpu,
  createMachine,
  type MachineConfig,
  NO_OBJECT,
  ROOT_MEMCG,
  STRATEGIES,
} from '../../core/index.ts';
import { WORK } from '../../core/shared/deferred-kinds.ts';
import { CPU_RECORD } from '../../core/slub/row-supply.ts';

/** The designs in which each memcg has caches of its own: what this file is about. */
const PER_MEMCG = STRATEGIES.filter(({ sharesCaches }) => !sharesCaches);

const SHAPE = { size: 64, objectsPerSlab: 8, pagesPerSlab: 2, minPartial: 2, cpuPartialSlabs: 2 };

function world(strategy: string, config: Partial<MachineConfig> = {}) {
  const machine = createMachine({
    ...{ strategy, cpus: 2, slabRows: 400, kmemCaches: 30, rootCaches: 2, memcgs: 12, kmemIds: 10 },
    ...{ lrus: 1, lruItems: 20, ...config },
  });
  const cpu = bindCpu(machine, 0);
  const other = bindCpu(machine, 1);
  const root = cpu.createRootCache(SHAPE);
  const sound = () => {
    const report = audit(machine, cpu);
    assert.deepEqual(report.violations, []);
    return report;
  };
  const record = (field: number, of = 0) => machine.cpus.record[of * CPU_RECORD.words + field];
  return { machine, cpu, other, root, sound, record };
}

for (const { name, releasesEarly } of PER_MEMCG) {
  test(`${name}: a task allocates for its memcg, and nobody pays until the memcg has a cache`, () => {
    const { cpu, other, root, sound, record } = world(name);
    const memcg = cpu.createMemcg(ROOT_MEMCG);
    assert.equal(cpu.ownerOfObject(cpu.kmalloc(root)), 0, 'the task begins in the root');
    assert.equal(record(CPU_RECORD.unaccounted), 0, 'which is never accounted');
    other.moveTask(0, memcg);
    assert.equal(cpu.cssOf(memcg), 3, 'base, id, task');
    assert.equal(cpu.ownerOfObject(cpu.kmalloc(root)), 0);
    assert.deepEqual([record(CPU_RECORD.unaccounted), cpu.work.pending()], [1, 1]);
    assert.equal(cpu.ownerOfObject(cpu.kmalloc(root)), 0);
    assert.deepEqual([cpu.work.pending(), cpu.cssOf(memcg)], [2, 5], 'each request holds it');
    sound();
    assert.equal(cpu.cacheFor(memcg, root), root);
    cpu.runDeferred();
    assert.notEqual(cpu.cacheFor(memcg, root), root);
    assert.equal(cpu.ownerOfObject(cpu.kmalloc(root)), memcg);
    assert.equal(
      other.ownerOfObject(other.kmalloc(root)),
      0,
      'the other CPU has a task of its own',
    );
    assert.equal(other.ownerOfObject(other.allocFor(memcg, root)), memcg);
    assert.deepEqual([record(CPU_RECORD.unaccounted), record(CPU_RECORD.unaccounted, 1)], [2, 0]);
    sound();
  });

  test(`${name}: a memcg with a task is busy; moving the task away sets it free`, () => {
    const { cpu, other, machine, root, sound } = world(name);
    const [first = 0, second = 0] = [0, 1].map(() => cpu.createMemcg(ROOT_MEMCG));
    cpu.moveTask(1, first);
    assert.throws(() => cpu.rmdir(first), /is busy: the task of CPU 1 is in it/);
    sound();
    other.moveTask(1, first);
    assert.equal(cpu.cssOf(first), 3, 'moving it to where it is changes nothing');
    cpu.moveTask(1, second);
    cpu.rmdir(first);
    assert.throws(() => cpu.moveTask(0, first), /is not online: no task moves there/);
    assert.throws(() => cpu.moveTask(2, second), /no CPU 2 to move a task on/);
    assert.throws(() => cpu.moveTask(-1, second), /no CPU -1/);
    cpu.runDeferred();
    assert.equal(machine.memcgs.flags[first], 0);
    cpu.moveTask(1, ROOT_MEMCG);
    assert.equal(cpu.cssOf(ROOT_MEMCG), 2, 'base and the child');
    assert.equal(other.ownerOfObject(other.kmalloc(root)), 0);
    sound();
  });

  test(`${name}: a request for a cache of a memcg that was removed meanwhile makes none`, () => {
    const { cpu, machine, root, sound } = world(name);
    const memcg = cpu.createMemcg(ROOT_MEMCG);
    const object = cpu.allocFor(memcg, root);
    const requests = () => {
      let count = 0;
      cpu.work.forEach((kind) => {
        if (kind === WORK.createCache) count++;
      });
      return count;
    };
    assert.equal(requests(), 1);
    // It was removed, and went offline, before the request had its turn.
    cpu.rmdir(memcg);
    assert.equal(cpu.ownerOfObject(cpu.allocFor(memcg, root)), 0);
    assert.equal(requests(), 1, 'and a removed one asks for none');
    sound();
    cpu.runDeferred();
    assert.equal(machine.memcgs.flags[memcg], 0, 'the request has given its reference back');
    assert.equal(cpu.ownerOfObject(object), 0);
    sound();
  });

  test(`${name}: requests that find no room, or no row, leave nothing behind (M12)`, () => {
    const { cpu, root, machine, sound, record } = world(name, { kmemCaches: 4, memcgs: 5 });
    const memcgs = [0, 1, 2].map(() => cpu.createMemcg(ROOT_MEMCG));
    const size = machine.workRing.kind.length;
    for (let object = 0; object < size + 10; object++) cpu.allocFor(memcgs[0] ?? 0, root);
    const { pending } = cpu.work;
    assert.ok(pending() < size, 'room is left for what must not be dropped');
    assert.equal(cpu.cssOf(memcgs[0] ?? 0), 2 + pending());
    sound();
    for (const memcg of memcgs) cpu.allocFor(memcg, root);
    cpu.runDeferred();
    for (const memcg of memcgs) cpu.allocFor(memcg, root);
    cpu.runDeferred();
    assert.equal(record(CPU_RECORD.cacheCreationFailed), 1, 'two rows for three memcgs');
    sound();
    for (const memcg of memcgs) cpu.rmdir(memcg);
    cpu.runDeferred();
    sound();
  });

  test(`${name}: grandchildren go first, however the removals are ordered and stepped`, () => {
    const it = world(name, { chargeBatch: 32 });
    const { cpu, other, machine, root } = it;
    const top = cpu.createMemcg(ROOT_MEMCG);
    const child = cpu.createMemcg(top);
    const grandchildren = [0, 1].map(() => cpu.createMemcg(child));
    const all = [top, child, ...grandchildren];
    const objects = all.map((memcg) => cpu.alloc(cpu.createCache(memcg, root)));
    for (const memcg of [...all].reverse()) cpu.rmdir(memcg);
    assert.deepEqual(cpu.cgroupStat(ROOT_MEMCG), { descendants: 0, dyingDescendants: 4 });
    const offline: number[] = [];
    const runner = (step: number) => (step % 2 === 0 ? cpu : other);
    for (let step = 0; step === 0 || runner(step).runDeferredStep(); step++) {
      it.sound();
      // One item may take several offline: the deepest are looked at first.
      for (const memcg of [...all].reverse()) {
        // MEMCG_ONLINE or freed.
        const online = ((machine.memcgs.flags[memcg] ?? 0) & 2) !== 0;
        if (!online && !offline.includes(memcg)) offline.push(memcg);
      }
    }
    cpu.runDeferred();
    assert.deepEqual(new Set(offline.slice(0, 2)), new Set(grandchildren));
    assert.deepEqual(offline.slice(2), [child, top]);
    assert.equal(it.sound().dying, releasesEarly ? 0 : 4);
    for (const handle of objects) assert.equal(cpu.ownerOfObject(handle), ROOT_MEMCG);
    for (const handle of objects) other.free(handle);
    cpu.runDeferred();
    assert.deepEqual([it.sound().dying, it.sound().slabs], [0, 0]);
    assert.deepEqual(cpu.cgroupStat(ROOT_MEMCG), { descendants: 0, dyingDescendants: 0 });
  });

  test(`${name}: a deferred step is one callback or one item, and says when there is none`, () => {
    const { cpu, root, sound } = world(name);
    const memcgs = [0, 1, 2].map(() => cpu.createMemcg(ROOT_MEMCG));
    for (const memcg of memcgs) {
      cpu.free(cpu.alloc(cpu.createCache(memcg, root)));
      cpu.rmdir(memcg);
    }
    assert.equal(cpu.rcu.pending(), 3);
    const waiting = () => cpu.deferred();
    assert.equal(cpu.runDeferredStep(), true);
    assert.deepEqual(
      [cpu.rcu.pending(), cpu.cgroupWork.pending()],
      [2, 1],
      'one callback queued one item',
    );
    let steps = 0;
    while (cpu.runDeferredStep()) {
      sound();
      steps++;
    }
    assert.ok(steps > 6);
    assert.equal(waiting(), 0);
    assert.equal(cpu.runDeferredStep(), false);
    assert.equal(sound().dying, 0);
  });

  test(`${name}: remote frees of two CPUs in turn leave every slab where it belongs`, () => {
    const { cpu, other, root, sound } = world(name, { chargeBatch: 32 });
    const cache = cpu.createCache(cpu.createMemcg(ROOT_MEMCG), root);
    const cpus = [cpu, other];
    const live: number[][] = [[], []];
    for (let turn = 0; turn < 400; turn++) {
      const who = turn % 2;
      const phase = Math.floor(turn / 100) % 2;
      for (let times = 0; times < 5; times++) {
        const handle = phase === 0 || times < 2 ? (cpus[who]?.alloc(cache) ?? 0) : NO_OBJECT;
        if (handle !== NO_OBJECT) live[who]?.push(handle);
      }
      // Each frees what the other allocated: old and new ones.
      const theirs = live[1 - who] ?? [];
      for (let times = 0; times < (phase === 0 ? 2 : 4) && theirs.length > 0; times++) {
        const place = (turn * 7 + times * 13) % theirs.length;
        cpus[who]?.free(theirs.splice(place, 1)[0] ?? 0);
      }
      if (turn % 10 === 0) assert.equal(sound().objects, live.flat().length);
    }
    for (const handle of live.flat()) other.free(handle);
    assert.equal(sound().objects, 0);
    cpu.shrink(cache);
    assert.equal(sound().slabs, 0);
  });

  test(`${name}: an offline is undone with the ids, lists and caches that came with it`, () => {
    const { cpu, machine, root, sound } = world(name);
    const parent = cpu.createMemcg(ROOT_MEMCG);
    const memcg = cpu.createMemcg(parent);
    const dead = cpu.createMemcg(memcg);
    // A dead child that a task's reference keeps, and a cache of it that lives on with an object.
    const inherited = cpu.createCache(dead, root);
    const zombie = cpu.alloc(inherited);
    cpu.rmdir(dead);
    cpu.runDeferred();
    const second = cpu.createRootCache({ ...SHAPE, size: 128 });
    const own = cpu.createCache(memcg, second);
    const object = cpu.alloc(own);
    cpu.lrus.add(0, object);
    cpu.lrus.add(0, zombie);
    sound();
    const columns = [machine.kmemCaches, machine.cacheArrays, machine.kmemIds, machine.memcgs];
    const snapshot = () =>
      columns
        .flatMap((table) => Object.entries(table))
        .filter(([column]) => column !== 'shrinkerBits')
        .map(([column, words]) => [column, ...(words as Int32Array)]);
    const before = snapshot();
    for (let round = 0; round < 3; round++) {
      const position = cpu.rcu.position();
      cpu.offline(memcg);
      assert.equal(cpu.lrus.count(0, parent), 2);
      cpu.undoOffline(memcg, position);
      assert.deepEqual(snapshot(), before);
      assert.equal(cpu.lrus.count(0, memcg), 2);
      sound();
    }
    assert.equal(cpu.cacheFor(memcg, root), root, 'what was inherited serves nobody');
    cpu.lrus.isolate(0, memcg);
    cpu.lrus.isolate(0, memcg);
    cpu.free(zombie);
    cpu.free(object);
    cpu.rmdir(memcg);
    cpu.rmdir(parent);
    cpu.runDeferred();
    assert.deepEqual([sound().dying, sound().slabs], [0, 0]);
  });
}

for (const { name, releasesEarly } of PER_MEMCG) {
  test(`${name}: an allocation that slept through the removal leaves a cpu slab that only a shrink finds`, () => {
    const { cpu, other, root, machine, sound } = world(name);
    const memcg = cpu.createMemcg(ROOT_MEMCG);
    const cache = cpu.createCache(memcg, root);
    other.enter();
    // The other CPU has found the cache; the memcg is removed meanwhile, grace periods and all.
    let turns = 0;
    other.onInterrupt(() => {
      if (turns === 0) cpu.rmdir(memcg);
      cpu.runDeferred();
      if (++turns < 20) cpu.interrupt(1);
    });
    cpu.interrupt(1);
    const handle = other.allocFor(memcg, root);
    assert.equal(turns, 20);
    assert.equal(cpu.ownerOfObject(handle), ROOT_MEMCG);
    other.free(handle);
    other.idle();
    cpu.runDeferred();
    // Nobody allocates from this cache again, so nothing ever takes the empty slab off that CPU.
    assert.deepEqual([sound().slabs, sound().objects], [1, 0]);
    assert.notEqual(machine.kmemCaches.nrSlabs[cache], 0);
    assert.equal(sound().dying, releasesEarly ? 0 : 1);
    cpu.shrink(root);
    cpu.runDeferred();
    assert.deepEqual([sound().slabs, sound().dying], [0, 0]);
    assert.equal(cpu.cssOf(ROOT_MEMCG), 1);
    assert.equal(machine.kmemCaches.flags[cache], 0, 'the cache is gone, too');
  });
}
