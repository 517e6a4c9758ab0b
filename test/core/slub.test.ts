import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  audit,
  bindCpu,
  type CacheShape,
  createMachine,
  ModelError,
  NO_OBJECT,
  ROOT_MEMCG,
} from '../../core/index.ts';
import { FREE, FROZEN, INUSE_MASK, stateOf } from '../../core/slub/slabs.ts';

function machineWith(shape: Partial<CacheShape> = {}, slabRows = 200) {
  const machine = createMachine({
    ...{ strategy: 'splice-caches', cpus: 1, slabRows, kmemCaches: 4, rootCaches: 1 },
    ...{ memcgs: 3, kmemIds: 3 },
  });
  const cpu = bindCpu(machine, 0);
  const root = cpu.createRootCache({
    ...{ size: 64, objectsPerSlab: 4, pagesPerSlab: 1, minPartial: 2, cpuPartialSlabs: 0 },
    ...shape,
  });
  const cache = cpu.createCache(cpu.createMemcg(ROOT_MEMCG), root);
  const sound = () => {
    const report = audit(machine, cpu);
    assert.deepEqual(report.violations, []);
    return report;
  };
  const many = (count: number) => Array.from({ length: count }, () => cpu.alloc(cache));
  return { machine, cpu, cache, sound, many };
}

test('objects come from one slab until it is full, each once', () => {
  const { many, sound } = machineWith({ objectsPerSlab: 100 });
  const handles = many(250);
  assert.equal(new Set(handles).size, 250);
  assert.equal(sound().slabs, 3);
  assert.equal(sound().objects, 250);
});

test('what was freed last is handed out first', () => {
  const { cpu, cache, many } = machineWith({ objectsPerSlab: 32 });
  const [first = 0, second = 0] = many(2);
  cpu.free(second);
  assert.equal(cpu.alloc(cache), second);
  cpu.free(first);
  assert.equal(cpu.alloc(cache), first);
});

test('a full slab is on no list and not frozen once its CPU has left it', () => {
  const { machine, cpu, many, cache } = machineWith({ objectsPerSlab: 4 });
  const [first = 0] = many(5);
  const state = stateOf(machine.slabs.page, first >>> 6);
  assert.equal(state & FROZEN, 0);
  assert.equal(state & INUSE_MASK, 4);
  assert.equal(machine.kmemCaches.nrPartial[cache], 0);
  cpu.free(first);
  assert.equal(machine.kmemCaches.nrPartial[cache], 1, 'and on the node list when one is freed');
});

test('double frees and wild frees are refused, on every path', () => {
  for (const objectsPerSlab of [4, 64, 100, 512]) {
    const { cpu, many, sound } = machineWith({ objectsPerSlab, cpuPartialSlabs: 2 });
    const handles = many(2 * objectsPerSlab + 2);
    const places = [0, 1, objectsPerSlab - 1, handles.length - 1];
    for (const place of places) {
      const handle = handles[place] ?? 0;
      cpu.free(handle);
      assert.throws(() => cpu.free(handle), ModelError, `object ${place} of ${objectsPerSlab}`);
    }
    assert.throws(() => cpu.free(190 << 6), /is in no slab/);
    assert.equal(sound().objects, handles.length - places.length);
  }
});

test('a slab that becomes empty goes if the node list holds min_partial, itself included', () => {
  const { machine, cpu, cache, many, sound } = machineWith({ minPartial: 2 });
  const handles = many(4 * 6 + 1);
  for (const handle of handles.slice(0, 4 * 5)) cpu.free(handle);
  assert.equal(machine.kmemCaches.nrPartial[cache], 1);
  assert.equal(sound().slabs, 1 + 2, 'an empty one, a full one and the cpu slab');
});

test('a CPU keeps its partial slabs until the list is full, then drains all of them', () => {
  const { machine, cpu, cache, many, sound } = machineWith({ cpuPartialSlabs: 3 });
  const handles = many(4 * 6);
  const listed = () => [
    machine.cpuSlabs.partialCount[cache] ?? -1,
    machine.kmemCaches.nrPartial[cache] ?? -1,
  ];
  const seen: number[][] = [];
  for (let slab = 0; slab < 5; slab++) {
    cpu.free(handles[4 * slab] ?? 0);
    seen.push(listed());
  }
  assert.deepEqual(seen, [
    [1, 0],
    [2, 0],
    [3, 0],
    [1, 3],
    [2, 3],
  ]);
  sound();
});

test('a cpu partial slab is used before the node list, and the node list before a new slab', () => {
  const { cpu, cache, many, sound } = machineWith({ cpuPartialSlabs: 1 });
  const handles = many(4 * 4);
  cpu.free(handles[0] ?? 0);
  cpu.free(handles[4] ?? 0);
  const { slabs } = sound();
  assert.equal(cpu.alloc(cache), handles[4], 'the one frozen last');
  assert.equal(cpu.alloc(cache), handles[0], 'then the one drained to the node');
  assert.equal(sound().slabs, slabs);
  cpu.alloc(cache);
  assert.equal(sound().slabs, slabs + 1);
});

test('shrink discards what is empty and sorts the rest, fullest first', () => {
  const { machine, cpu, cache, many, sound } = machineWith({ objectsPerSlab: 8, minPartial: 9 });
  const handles = many(8 * 5);
  const freed = [3, 8, 1, 5, 2];
  freed.forEach((count, slab) => {
    for (let object = 0; object < count; object++) cpu.free(handles[8 * slab + object] ?? 0);
  });
  cpu.shrink(cache);
  const order: number[] = [];
  const { page } = machine.slabs;
  for (
    let row = machine.kmemCaches.partialHead[cache] ?? 0;
    row !== 0;
    row = page[4 * row + 3] ?? 0
  ) {
    order.push(8 - (stateOf(page, row) & INUSE_MASK));
  }
  assert.deepEqual(order, [1, 2, 3, 5]);
  assert.equal(sound().slabs, 4);
});

test('a machine without rows left fails allocations and stays sound', () => {
  for (const objectsPerSlab of [4, 100, 512]) {
    const { cpu, cache, sound } = machineWith({ objectsPerSlab }, 33);
    const handles: number[] = [];
    for (let handle = cpu.alloc(cache); handle !== NO_OBJECT; handle = cpu.alloc(cache)) {
      handles.push(handle);
    }
    const rows = Math.ceil(objectsPerSlab / 64);
    assert.equal(handles.length, Math.floor(33 / rows) * objectsPerSlab);
    sound();
    for (const handle of handles) cpu.free(handle);
    assert.equal(sound().objects, 0);
    assert.notEqual(cpu.alloc(cache), NO_OBJECT);
  }
});

test('rows that large slabs gave back serve small ones', () => {
  const machine = createMachine({
    ...{
      strategy: 'pin',
      cpus: 1,
      slabRows: 64,
      kmemCaches: 6,
      rootCaches: 2,
      memcgs: 3,
      kmemIds: 3,
    },
  });
  const cpu = bindCpu(machine, 0);
  const shape = { size: 8, pagesPerSlab: 1, minPartial: 0, cpuPartialSlabs: 0 };
  const large = cpu.createRootCache({ ...shape, objectsPerSlab: 512 });
  const small = cpu.createRootCache({ ...shape, objectsPerSlab: 1 });
  const taken: number[] = [];
  for (let handle = cpu.alloc(large); handle !== NO_OBJECT; handle = cpu.alloc(large))
    taken.push(handle);
  assert.equal(taken.length, 8 * 512);
  for (const handle of taken) cpu.free(handle);
  cpu.shrink(large);
  let singles = 0;
  while (cpu.alloc(small) !== NO_OBJECT) singles++;
  assert.equal(singles, 64);
  assert.deepEqual(audit(machine, cpu).violations, []);
});

test('free bits of a fresh slab are exactly its objects', () => {
  for (const objectsPerSlab of [1, 31, 32, 33, 63, 64, 65, 127, 128, 511, 512]) {
    const { machine, many, cpu, cache } = machineWith({ objectsPerSlab });
    const [handle = 0] = many(1);
    cpu.flush(cache);
    let bits = 0;
    const { page } = machine.slabs;
    for (let row = handle >>> 6; row < (handle >>> 6) + Math.ceil(objectsPerSlab / 64); row++) {
      for (const half of [0, 1]) {
        for (let word = page[4 * row + FREE + half] ?? 0; word !== 0; word &= word - 1) bits++;
      }
    }
    assert.equal(bits, objectsPerSlab - 1);
  }
});
