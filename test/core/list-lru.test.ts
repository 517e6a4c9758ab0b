/** list_lrus against plain arrays: a list per memcg, reparented with it, and the shrinker bits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  audit,
  bindCpu,
  createMachine,
  LimitError,
  ROOT_MEMCG,
  STRATEGY_NAMES,
} from '../../core/index.ts';
import { lruList } from '../../core/memcg/list-lru-rows.ts';

const LRUS = 2;
const SHAPE = { size: 64, objectsPerSlab: 16, pagesPerSlab: 1, minPartial: 0, cpuPartialSlabs: 2 };

function world(strategy: string, lruItems = 200) {
  const machine = createMachine({
    ...{ strategy, cpus: 2, slabRows: 400, kmemCaches: 40, rootCaches: 1, memcgs: 12, kmemIds: 12 },
    ...{ lrus: LRUS, lruItems },
  });
  const cpu = bindCpu(machine, 0);
  const other = bindCpu(machine, 1);
  const root = cpu.createRootCache(SHAPE);
  /** An object of a memcg; of nobody for the root. */
  const object = (memcg: number) =>
    cpu.alloc(memcg === ROOT_MEMCG ? root : cpu.createCache(memcg, root));
  const sound = () => assert.deepEqual(audit(machine, cpu).violations, []);
  const remove = (memcg: number) => {
    cpu.rmdir(memcg);
    cpu.runDeferred();
  };
  /** Items on a memcg's list, oldest first, as the links say. */
  const walk = (lru: number, memcg: number): number[] => {
    const { next } = machine.lruLinks;
    const list = lruList(machine.config, lru, machine.memcgs.kmemId[memcg] ?? -1);
    const items: number[] = [];
    for (let item = next[list] ?? 0; item !== list; item = next[item] ?? 0) items.push(item);
    return items;
  };
  return { machine, cpu, other, root, object, sound, remove, walk };
}

interface Item {
  readonly item: number;
  readonly handle: number;
}

/** A memcg as arrays: its items and bits by lru. */
interface Naive {
  readonly id: number;
  readonly parent: Naive | null;
  readonly lists: Item[][];
  readonly bits: boolean[];
}

function naive(id: number, parent: Naive | null): Naive {
  const none = Array.from({ length: LRUS });
  return { id, parent, lists: none.map(() => []), bits: none.map(() => false) };
}

const step = fc.record({
  what: fc.constantFrom(...['add', 'add', 'add', 'del', 'isolate', 'clear', 'create', 'remove']),
  who: fc.nat({ max: 1000 }),
  which: fc.nat({ max: 1000 }),
  lru: fc.nat({ max: LRUS - 1 }),
  cpu: fc.nat({ max: 1 }),
});

for (const strategy of STRATEGY_NAMES) {
  test(`${strategy}: lists, counts and bits agree with arrays through removals`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const it = world(strategy);
        const root = naive(ROOT_MEMCG, null);
        const memcgs = [root];
        for (const { what, who, which, lru, cpu: which0 } of steps) {
          const memcg = memcgs[who % memcgs.length] as Naive;
          const list = memcg.lists[lru] as Item[];
          const { lrus } = which0 === 0 ? it.cpu : it.other;
          if (what === 'add') {
            const handle = it.object(memcg.id);
            list.push({ item: lrus.add(lru, handle), handle });
            if (list.length === 1) memcg.bits[lru] = true;
          } else if (what === 'del' && list.length > 0) {
            const [gone] = list.splice(which % list.length, 1);
            lrus.del(lru, gone?.item ?? 0);
            it.cpu.free(gone?.handle ?? 0);
          } else if (what === 'isolate') {
            assert.equal(lrus.isolate(lru, memcg.id), list.shift()?.handle ?? 0, 'the oldest');
          } else if (what === 'clear') {
            lrus.clearBit(lru, memcg.id);
            if (list.length === 0) memcg.bits[lru] = false;
          } else if (what === 'create' && memcgs.length < 6) {
            memcgs.push(naive(it.cpu.createMemcg(memcg.id), memcg));
          } else if (what === 'remove' && !memcgs.some(({ parent }) => parent === memcg)) {
            const { parent } = memcg;
            if (parent === null) continue;
            it.remove(memcg.id);
            memcgs.splice(memcgs.indexOf(memcg), 1);
            memcg.lists.forEach((items, one) => {
              parent.lists[one]?.push(...items);
              if (items.length > 0) parent.bits[one] = true;
            });
          }
          for (const { id, lists, bits } of memcgs) {
            lists.forEach((items, one) => {
              assert.deepEqual(
                it.walk(one, id),
                items.map(({ item }) => item),
              );
              assert.equal(it.cpu.lrus.count(one, id), items.length);
              assert.equal(it.other.lrus.hasBit(one, id), bits[one], `bit ${one} of ${id}`);
            });
          }
          it.sound();
        }
      }),
      { numRuns: 40 },
    );
  });
}

test('a removed memcg leaves its items to the nearest one that is online', () => {
  for (const strategy of STRATEGY_NAMES) {
    const it = world(strategy);
    const { cpu } = it;
    const top = cpu.createMemcg(ROOT_MEMCG);
    const child = cpu.createMemcg(top);
    const handle = it.object(child);
    const item = cpu.lrus.add(0, handle);
    // Both are removed before any deferred work: the parent waits for the child.
    cpu.rmdir(child);
    cpu.rmdir(top);
    assert.deepEqual(it.walk(0, child), [item]);
    cpu.runDeferred();
    assert.deepEqual(it.walk(0, ROOT_MEMCG), [item]);
    assert.equal(cpu.lrus.hasBit(0, ROOT_MEMCG), true);
    it.sound();
    cpu.lrus.del(0, item);
    cpu.free(handle);
    cpu.runDeferred();
    assert.equal(cpu.lrus.count(0, ROOT_MEMCG), 0);
    it.sound();
  }
});

test('an id that is used again starts with empty lists and no bits', () => {
  const it = world('splice-caches');
  const { cpu, machine } = it;
  const first = cpu.createMemcg(ROOT_MEMCG);
  const id = machine.memcgs.kmemId[first];
  cpu.lrus.add(1, it.object(first));
  it.remove(first);
  const second = cpu.createMemcg(ROOT_MEMCG);
  assert.equal(machine.memcgs.kmemId[second], id);
  assert.deepEqual([cpu.lrus.count(1, second), cpu.lrus.hasBit(1, second)], [0, false]);
  assert.equal(cpu.lrus.count(1, ROOT_MEMCG), 1);
  it.sound();
});

for (const items of [0, 1]) {
  test(`a bit cleared on a counter too low is set again by the drain (M22): ${items} of its own`, () => {
    const it = world('splice-caches');
    const { cpu, machine } = it;
    const parent = cpu.createMemcg(ROOT_MEMCG);
    const child = cpu.createMemcg(parent);
    for (let own = 0; own < items; own++) cpu.lrus.add(0, it.object(parent));
    const [gone, kept] = [cpu.lrus.add(0, it.object(child)), cpu.lrus.add(0, it.object(child))];
    // The ids are rewritten, the lists not drained yet: the child's item is taken off the parent's count.
    const id = machine.memcgs.kmemId[child] ?? 0;
    machine.memcgs.kmemId[child] = machine.memcgs.kmemId[parent] ?? 0;
    cpu.lrus.del(0, gone);
    assert.equal(cpu.lrus.count(0, parent), 0, 'one too low');
    cpu.lrus.clearBit(0, parent);
    assert.equal(cpu.lrus.hasBit(0, parent), false);
    cpu.lrus.drain(id, parent);
    assert.equal(cpu.lrus.hasBit(0, parent), true);
    assert.equal(cpu.lrus.count(0, parent), items + 1);
    assert.equal(it.walk(0, parent).at(-1), kept);
  });
}

test('a count below zero is shown as none', () => {
  const it = world('splice-caches');
  const { cpu, machine } = it;
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  const item = cpu.lrus.add(0, it.object(memcg));
  machine.memcgs.kmemId[memcg] = -1;
  cpu.lrus.del(0, item);
  assert.equal(cpu.lrus.count(0, memcg), 0);
  assert.equal(machine.lruLists.items[lruList(machine.config, 0, -1)], -1);
});

test('an item is taken off once', () => {
  const it = world('splice-caches');
  const { cpu } = it;
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  const item = cpu.lrus.add(0, it.object(memcg));
  cpu.lrus.del(0, item);
  assert.throws(() => cpu.lrus.del(0, item), /lru item \d+ is on no list/);
  assert.equal(cpu.lrus.count(0, memcg), 0);
  cpu.lrus.del(0, cpu.lrus.add(0, it.object(memcg)));
});

test('items of all lrus come from one pool, which says what to raise when it is empty', () => {
  const it = world('splice-caches', 3);
  const { cpu, other } = it;
  const memcg = cpu.createMemcg(ROOT_MEMCG);
  const handle = it.object(memcg);
  const items = [cpu.lrus.add(0, handle), other.lrus.add(1, handle), cpu.lrus.add(1, handle)];
  assert.equal(new Set(items).size, 3);
  assert.throws(() => cpu.lrus.add(0, handle), LimitError);
  assert.throws(() => cpu.lrus.add(0, handle), /lruItems \(3\) reached; raise `lruItems`/);
  it.sound();
  assert.equal(other.lrus.isolate(0, memcg), handle);
  cpu.lrus.add(1, handle);
  it.sound();
  assert.deepEqual([cpu.lrus.count(0, memcg), cpu.lrus.count(1, memcg)], [0, 3]);
});

test('an lru that this machine does not have is refused', () => {
  const it = world('pin');
  const { lrus } = it.cpu;
  for (const use of [
    () => lrus.add(2, it.object(ROOT_MEMCG)),
    () => lrus.del(-1, 1),
    () => lrus.isolate(7, ROOT_MEMCG),
  ]) {
    assert.throws(use, /lru -?\d: this machine has 2/);
  }
  it.sound();
});
