/** What must not be done to a machine, and what comes in between: wild frees, interrupts, ruins. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  audit,
  bindCpu,
  createMachine,
  type Machine,
  ModelError,
  ROOT_MEMCG,
  STRATEGIES,
  STRATEGY_NAMES,
} from '../../core/index.ts';
import { strategyBuffer } from '../../core/reparent/wasm.ts';
import { cacheOfSlab } from '../../core/slub/slabs.ts';

const SLAB_ROWS = 120;

function world(strategy: string, objectsPerSlab = 8, typesafeByRcu = false) {
  const machine = createMachine({
    ...{ strategy, cpus: 2, slabRows: SLAB_ROWS, kmemCaches: 8, rootCaches: 2, memcgs: 5 },
    ...{ kmemIds: 4, lrus: 1, lruItems: 8, folios: 6, chargeBatch: 8 },
  });
  const cpu = bindCpu(machine, 0);
  const other = bindCpu(machine, 1);
  const root = cpu.createRootCache({
    ...{ size: 64, objectsPerSlab, pagesPerSlab: 2, minPartial: 1, cpuPartialSlabs: 1 },
    typesafeByRcu,
  });
  const memcg = cpu.createMemcg(cpu.createMemcg(ROOT_MEMCG));
  const cache = cpu.createCache(memcg, root);
  const sound = () => {
    const report = audit(machine, cpu);
    assert.deepEqual(report.violations, []);
    return report;
  };
  return { machine, cpu, other, root, memcg, cache, sound };
}

test('a handle of no slab is refused, whatever number it is, and nothing is changed', () => {
  fc.assert(
    fc.property(fc.oneof(fc.integer(), fc.integer({ min: -9, max: 64 * 130 })), (handle) => {
      const it = world('splice-caches', 100);
      const objects = Array.from({ length: 130 }, () => it.cpu.alloc(it.cache));
      const row = handle >>> 6;
      const { page } = it.machine.slabs;
      if (row < SLAB_ROWS && page[row << 2] !== 0) return;
      assert.throws(() => it.cpu.free(handle), ModelError);
      assert.throws(() => it.other.free(handle), ModelError);
      for (const object of objects) it.cpu.free(object);
      it.cpu.shrink(it.cache);
      assert.equal(it.sound().slabs, 0);
    }),
  );
});

for (const objectsPerSlab of [8, 64, 100]) {
  test(`a slab of ${objectsPerSlab}: what was freed cannot be freed again, on whatever list it is`, () => {
    for (const typesafe of [false, true]) {
      const it = world('splice-caches', objectsPerSlab, typesafe);
      const { cpu, other, cache } = it;
      const objects = Array.from({ length: 3 * objectsPerSlab + 1 }, () => cpu.alloc(cache));
      // On a full slab, a partial one of this CPU, and one of another.
      const [first = 0, second = 0] = objects;
      for (const [by, handle] of [
        [cpu, first],
        [other, objects[objectsPerSlab] ?? 0],
        [other, second],
      ] as const) {
        by.free(handle);
        assert.throws(() => cpu.free(handle), /double free of object \d+ in slab row \d+/);
        assert.throws(() => other.free(handle), ModelError);
      }
      const left = objects.filter((handle) => ![first, second].includes(handle));
      left.splice(left.indexOf(objects[objectsPerSlab] ?? 0), 1);
      for (const handle of left) other.free(handle);
      cpu.shrink(cache);
      // Now their slabs are gone, or wait for a grace period.
      for (const handle of objects) assert.throws(() => cpu.free(handle), ModelError);
      assert.equal(it.machine.kmemCaches.nrSlabs[cache], 0);
      it.sound();
      cpu.runDeferred();
      for (const handle of objects) assert.throws(() => cpu.free(handle), /is in no slab/);
      assert.equal(it.sound().slabs, 0);
    }
  });
}

test('what free cannot see, the audit names', () => {
  // A bit beyond the last object, and an object that lies free on the list of another CPU.
  const beyond = world('splice-caches', 8);
  const [first = 0] = [0, 1, 2].map(() => beyond.cpu.alloc(beyond.cache));
  beyond.other.free((first & ~63) | 20);
  const names = audit(beyond.machine, beyond.cpu).violations.map(({ invariant }) => invariant);
  assert.ok(names.includes('slabs'), names.join(', '));
  const privately = world('splice-caches', 8);
  const [one = 0] = [0, 1, 2].map(() => privately.cpu.alloc(privately.cache));
  privately.cpu.free(one);
  privately.other.free(one);
  const found = audit(privately.machine, privately.cpu).violations.map(
    ({ invariant }) => invariant,
  );
  assert.deepEqual(found, ['cpu slab']);
});

for (const { name } of STRATEGIES) {
  test(`${name}: an interrupt that allocates and frees in between does no harm`, () => {
    for (const objectsPerSlab of [1, 8, 100]) {
      const it = world(name, objectsPerSlab);
      const { cpu, cache } = it;
      const objects: number[] = [];
      let interrupts = 0;
      cpu.onInterrupt(() => {
        interrupts++;
        for (let object = 0; object < 3; object++) objects.push(cpu.alloc(cache));
        cpu.free(objects.shift() ?? 0);
      });
      for (let round = 0; round < 30; round++) {
        cpu.interrupt(0);
        objects.push(cpu.alloc(cache));
        if (round % 3 === 0) {
          cpu.interrupt(0);
          for (const handle of objects.splice(-3)) cpu.free(handle);
        }
        if (round % 10 === 9) it.sound();
      }
      cpu.poll();
      assert.ok(interrupts > 0);
      assert.equal(new Set(objects).size, objects.length);
      assert.equal(it.sound().objects, objects.length);
      for (const handle of objects) cpu.free(handle);
      cpu.shrink(cache);
      assert.equal(it.sound().slabs, 0);
    }
  });
}

/** Every word of the machine beyond its header, column by column. */
function columns(machine: Machine): Int32Array[] {
  const { globals, slabs, cpuSlabs, kmemCaches, memcgs, cacheArrays, kmemIds } = machine;
  const { cpus, cpuMemcgs, processors, locks, rcu, rcuRing, work, workRing, zone } = machine;
  const tables = [
    ...[globals, slabs, cpuSlabs, kmemCaches, memcgs, cacheArrays, kmemIds, cpus, cpuMemcgs],
    ...[processors, locks, rcu, rcuRing, work, workRing, zone, machine.events],
    ...[machine.lruLists, machine.lruLinks, machine.folioLists, machine.folios],
  ];
  const own = tables.flatMap((table) => Object.values(table) as Int32Array[]);
  if (machine.memory.strategy !== null) own.push(new Int32Array(strategyBuffer(machine)));
  return own;
}

const poke = fc.record({
  column: fc.nat({ max: 10_000 }),
  // Most words of a table are never used; the first rows are.
  place: fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 100_000 })),
  value: fc.oneof(
    fc.integer({ min: -2, max: 40 }),
    fc.integer(),
    fc.constantFrom(2 ** 31 - 1, -(2 ** 31), 0x7ff_ffff),
  ),
});

for (const strategy of [...STRATEGY_NAMES, 'link-pages']) {
  test(`${strategy}: the audit of a machine in ruins comes to an end, with names`, () => {
    fc.assert(
      fc.property(fc.array(poke, { minLength: 1, maxLength: 12 }), (pokes) => {
        const it = world(strategy);
        const { cpu, machine } = it;
        const objects = Array.from({ length: 40 }, () => cpu.alloc(it.cache));
        for (const handle of objects.splice(0, 15)) cpu.free(handle);
        cpu.lrus.add(0, objects[3] ?? 0);
        for (const pages of [3, 40]) cpu.pageCache.add(it.memcg, pages);
        cpu.rmdir(it.memcg);
        cpu.runDeferredStep();
        const words = columns(machine);
        for (const { column, place, value } of pokes) {
          const chosen = words[column % words.length];
          assert.ok(chosen !== undefined);
          chosen[place % chosen.length] = value;
        }
        const { violations } = audit(machine, cpu);
        assert.ok(violations.length <= 101);
        for (const { invariant, detail } of violations)
          assert.ok(invariant !== '' && detail !== '');
      }),
      { numRuns: 50 },
    );
  });
}

/** Single words that once made the audit walk for hours. */
const ENDLESS: [
  what: string,
  strategy: string,
  change: (machine: Machine, cache: number) => void,
][] = [
  [
    'rows of a slab',
    'pin',
    ({ kmemCaches }, cache) => kmemCaches.rows.fill(2 ** 31 - 1, cache, cache + 1),
  ],
  ['queued callbacks', 'pin', ({ rcu }) => rcu.word.fill(-(2 ** 31), 3, 4)],
  ['queued items', 'pin', ({ work }) => work.word.fill(-(2 ** 31), 0, 1)],
  [
    'ids in a chunk',
    'list-pages',
    (machine) => {
      const offset = machine.strategyLayout.offsets.get('chunks.count') ?? 0;
      new Int32Array(strategyBuffer(machine), offset, 3).fill(2 ** 31 - 1);
    },
  ],
  ['a root memcg that is offline', 'pin', ({ memcgs }) => memcgs.flags.fill(-1, 0, ROOT_MEMCG + 1)],
];

for (const [what, strategy, change] of ENDLESS) {
  test(`the audit comes to an end: ${what}`, () => {
    const it = world(strategy);
    const handle = it.cpu.alloc(it.cache);
    assert.notEqual(cacheOfSlab(it.machine.slabs.page, handle >>> 6), 0);
    change(it.machine, it.cache);
    assert.ok(audit(it.machine, it.cpu).violations.length > 0);
  });
}
