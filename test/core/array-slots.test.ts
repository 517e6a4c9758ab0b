/** The arrays that are indexed by kmem id: how far they have grown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audit, bindCpu, createMachine, ROOT_MEMCG } from '../../core/index.ts';

function world(memcgs: number, kmemIds: number) {
  const machine = createMachine({
    ...{ strategy: 'splice-caches', cpus: 1, slabRows: 4, kmemCaches: 1, rootCaches: 1 },
    ...{ memcgs, kmemIds },
  });
  return { machine, cpu: bindCpu(machine, 0), slots: () => machine.globals.arraySlots[0] };
}

test('arrays begin with four slots and double past the id that does not fit', () => {
  const { machine, cpu, slots } = world(60, 59);
  assert.equal(slots(), 0, 'none before the first memcg');
  const grown: [id: number, slots: number][] = [];
  for (let memcg = 0; memcg < 50; memcg++) {
    const before = slots();
    const id = machine.memcgs.kmemId[cpu.createMemcg(ROOT_MEMCG)] ?? -1;
    if (slots() !== before) grown.push([id, slots() ?? 0]);
  }
  assert.deepEqual(grown, [
    [0, 4],
    [4, 10],
    [10, 22],
    [22, 46],
    [46, 94],
  ]);
});

test('arrays do not shrink with removals, and an id that is used again needs no room', () => {
  const { machine, cpu, slots } = world(20, 15);
  const memcgs = Array.from({ length: 11 }, () => cpu.createMemcg(ROOT_MEMCG));
  assert.equal(slots(), 22);
  for (const memcg of memcgs) cpu.rmdir(memcg);
  cpu.runDeferred();
  assert.deepEqual([audit(machine, cpu).dying, slots()], [0, 22]);
  for (let memcg = 0; memcg < 11; memcg++) cpu.createMemcg(ROOT_MEMCG);
  assert.equal(slots(), 22);
});

test('arrays have no more slots than there are ids', () => {
  const { machine, cpu, slots } = world(4, 65_535);
  const { owner } = machine.kmemIds;
  const give = (id: number) => {
    owner.fill(ROOT_MEMCG, 0, id);
    return machine.memcgs.kmemId[cpu.createMemcg(ROOT_MEMCG)];
  };
  assert.deepEqual([give(32_766), slots()], [32_766, 65_534]);
  assert.deepEqual([give(65_534), slots()], [65_534, 65_535]);
});
