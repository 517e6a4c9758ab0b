/** Breaks one thing at a time in a healthy machine; the audit has to name it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audit, bindCpu, createMachine, type Machine, ROOT_MEMCG } from '../../core/index.ts';
import { CPU_RECORD } from '../../core/slub/row-supply.ts';
import { FREE, FROZEN, NEXT, stateOf } from '../../core/slub/slabs.ts';

interface Healthy {
  readonly machine: Machine;
  readonly memcg: number;
  readonly cache: number;
  /** Head rows: full, on the node list, on the CPU's partial list, the cpu slab. */
  readonly full: number;
  readonly partial: number;
  readonly cpuPartial: number;
  readonly current: number;
}

function healthy(strategy: string): Healthy {
  const machine = createMachine({
    ...{ strategy, cpus: 1, slabRows: 100, kmemCaches: 6, rootCaches: 2, memcgs: 4, kmemIds: 4 },
  });
  const cpu = bindCpu(machine, 0);
  const shape = { size: 64, objectsPerSlab: 8, pagesPerSlab: 2, minPartial: 5, cpuPartialSlabs: 1 };
  const root = cpu.createRootCache(shape);
  const memcg = cpu.createMemcg(cpu.createMemcg(ROOT_MEMCG));
  const cache = cpu.createCache(memcg, root);
  const handles = Array.from({ length: 8 * 4 + 3 }, () => cpu.alloc(cache));
  cpu.free(handles[8] ?? 0);
  cpu.free(handles[16] ?? 0);
  const other = cpu.createCache(cpu.createMemcg(ROOT_MEMCG), root);
  for (let object = 0; object < 16; object++) cpu.free(cpu.alloc(other));
  cpu.flush(other);
  cpu.shrink(other);
  const rowOf = (place: number): number => (handles[place] ?? 0) >>> 6;
  assert.deepEqual(audit(machine, cpu).violations, []);
  return {
    ...{ machine, memcg, cache, full: rowOf(0), partial: rowOf(8), cpuPartial: rowOf(16) },
    current: rowOf(32),
  };
}

function poke(
  column: Int32Array | undefined,
  place: number,
  change: (value: number) => number,
): void {
  assert.ok(column !== undefined && place < column.length);
  column[place] = change(column[place] ?? 0);
}

const plusOne = (value: number): number => value + 1;

/** [what is broken, invariant that must be named, how] */
const BREAKS: [string, string, (it: Healthy) => void][] = [
  ['usage', 'C-A', ({ machine, memcg }) => poke(machine.memcgs.usage, memcg, plusOne)],
  ['usage below 0', 'C-C', ({ machine, memcg }) => poke(machine.memcgs.usage, memcg, () => -1)],
  ['css', 'R2', ({ machine, memcg }) => poke(machine.memcgs.css, memcg, plusOne)],
  ['refcnt', 'R3', ({ machine, cache }) => poke(machine.kmemCaches.refcnt, cache, plusOne)],
  [
    'nr_slabs',
    'nr_slabs',
    ({ machine, cache }) => poke(machine.kmemCaches.nrSlabs, cache, plusOne),
  ],
  ['nr_partial', 'partial list', (it) => poke(it.machine.kmemCaches.nrPartial, it.cache, plusOne)],
  [
    'partial tail',
    'partial list',
    (it) => poke(it.machine.kmemCaches.partialTail, it.cache, () => it.full),
  ],
  [
    'link back',
    'partial list',
    ({ machine, partial }) => poke(machine.slabs.prev, partial, plusOne),
  ],
  [
    'list into itself',
    'lists',
    (it) => poke(it.machine.slabs.page, 4 * it.partial + NEXT, () => it.partial),
  ],
  [
    'list_lock held',
    'locks',
    ({ machine, cache }) => poke(machine.kmemCaches.listLock, cache, () => 1),
  ],
  [
    'frozen bit',
    'slabs',
    ({ machine, full }) => poke(machine.slabs.page, 4 * full, (word) => word | FROZEN),
  ],
  [
    'in-use count',
    'slabs',
    ({ machine, full }) => poke(machine.slabs.page, 4 * full, (word) => word - 1),
  ],
  [
    'a free bit',
    'slabs',
    ({ machine, full }) => poke(machine.slabs.page, 4 * full + FREE, () => 1),
  ],
  [
    'a bit beyond the objects',
    'slabs',
    (it) => poke(it.machine.slabs.page, 4 * it.partial + FREE + 1, () => 1),
  ],
  [
    'lost from the list',
    'slabs',
    ({ machine, cache }) => {
      poke(machine.kmemCaches.partialHead, cache, () => 0);
      poke(machine.kmemCaches.partialTail, cache, () => 0);
      poke(machine.kmemCaches.nrPartial, cache, () => 0);
    },
  ],
  [
    'cpu slab of another cache',
    'cpu slab',
    ({ machine, cache, current }) => {
      poke(machine.cpuSlabs.word, cache, () => 0);
      poke(machine.cpuSlabs.free, cache, () => 0);
      poke(machine.cpuSlabs.word, cache + 1, () => 2 * current);
    },
  ],
  [
    'private and on the page',
    'cpu slab',
    ({ machine, cache, current }) => {
      const bits = machine.cpuSlabs.free[cache] ?? 0;
      poke(machine.slabs.page, 4 * current + FREE, () => bits & -bits);
    },
  ],
  ['free objects of no slab', 'cpu slab', ({ machine }) => poke(machine.cpuSlabs.free, 1, () => 1)],
  [
    'cpu partial count',
    'cpu partial',
    (it) => poke(it.machine.cpuSlabs.partialCount, it.cache, plusOne),
  ],
  [
    'slab of a freed cache',
    'R4',
    ({ machine, cache }) => poke(machine.kmemCaches.flags, cache, () => 0),
  ],
  [
    'cache of a freed memcg',
    'R5',
    ({ machine, memcg }) => poke(machine.memcgs.flags, memcg, () => 0),
  ],
  [
    'cache names another memcg',
    'S1',
    ({ machine, cache }) => poke(machine.kmemCaches.memcg, cache, () => 2),
  ],
  [
    'cache on no list',
    'S1',
    ({ machine, memcg }) => {
      poke(machine.memcgs.cachesHead, memcg, () => 0);
      poke(machine.memcgs.cachesTail, memcg, () => 0);
      poke(machine.memcgs.caches, memcg, () => 0);
    },
  ],
  ['cache count', 'S1', ({ machine, memcg }) => poke(machine.memcgs.caches, memcg, plusOne)],
  [
    'array entry',
    'S2',
    ({ machine, cache, memcg }) => {
      const id = machine.memcgs.kmemId[memcg] ?? 0;
      poke(machine.cacheArrays.cache, 4 + id, () => cache + 1);
    },
  ],
  ['kmem id', 'S4', ({ machine, memcg }) => poke(machine.memcgs.kmemId, memcg, plusOne)],
  [
    'descendants',
    'cgroup.stat',
    ({ machine }) => poke(machine.memcgs.descendants, ROOT_MEMCG, plusOne),
  ],
  ['dying', 'cgroup.stat', ({ machine }) => poke(machine.memcgs.dying, ROOT_MEMCG, plusOne)],
  ['node pages', 'T-A', ({ machine }) => poke(machine.cpus.record, CPU_RECORD.nodePages, plusOne)],
  [
    'a free row lost',
    'free rows',
    ({ machine }) => poke(machine.cpus.record, CPU_RECORD.pcp + 1, () => 0),
  ],
  [
    'a free row in use',
    'lists',
    ({ machine, full }) => {
      const head = machine.cpus.record[CPU_RECORD.pcp + 1] ?? 0;
      poke(machine.slabs.page, 4 * head + NEXT, () => head);
      assert.equal(stateOf(machine.slabs.page, full) === 0, false);
    },
  ],
];

for (const [what, invariant, breakIt] of BREAKS) {
  test(`the audit finds: ${what}`, () => {
    const it = healthy('splice-caches');
    breakIt(it);
    const { violations } = audit(it.machine);
    const names = violations.map((violation) => violation.invariant);
    assert.ok(names.includes(invariant), `${invariant} expected, found ${names.join(', ')}`);
  });
}

/** A column of the strategy's own tables. */
function column(machine: Machine, name: string, words: number): Int32Array {
  const { strategy } = machine.memory;
  assert.ok(strategy !== null);
  const offset = machine.strategyLayout.offsets.get(name);
  assert.ok(offset !== undefined, `no column ${name}`);
  return new Int32Array(
    strategy instanceof SharedArrayBuffer ? strategy : strategy.buffer,
    offset,
    words,
  );
}

const OWNER_BREAKS: [strategy: string, columnName: string, invariant: string][] = [
  ['pin', 'owners.owner', 'owner'],
  ['scan-pages', 'owners.owner', 'owner'],
  ['list-pages', 'owners.owner', 'owner'],
  ['link-pages', 'owners.owner', 'page list'],
  ['list-pages', 'slots.slot', 'vector'],
  ['link-pages', 'links.prev', 'page list'],
];

for (const [strategy, name, invariant] of OWNER_BREAKS) {
  test(`the audit finds: ${name} of ${strategy}`, () => {
    const it = healthy(strategy);
    const words = column(it.machine, name, it.machine.config.slabRows + 1);
    words[it.full] = name === 'owners.owner' ? 0 : (words[it.full] ?? 0) + 1;
    const names = audit(it.machine).violations.map((violation) => violation.invariant);
    assert.ok(names.includes(invariant), `${invariant} expected, found ${names.join(', ')}`);
  });
}

test('pages of a wrong owner are a wrong usage', () => {
  for (const strategy of ['pin', 'scan-pages', 'list-pages', 'link-pages']) {
    const it = healthy(strategy);
    column(it.machine, 'owners.owner', it.full + 1)[it.full] = 2;
    const names = audit(it.machine).violations.map((violation) => violation.invariant);
    assert.ok(names.includes('C-A'), `${strategy}: ${names.join(', ')}`);
  }
});

test('what is written to a row that nobody took is found', () => {
  const { machine } = healthy('splice-caches');
  const row = machine.config.slabRows;
  assert.ok((machine.globals.slabBump[0] ?? row) < row);
  poke(machine.slabs.page, 4 * row, () => 0x7ff_ffff);
  assert.deepEqual(
    audit(machine).violations.map(({ invariant }) => invariant),
    ['free rows'],
  );
});

test('a machine in ruins is described in at most a hundred sentences', () => {
  const it = healthy('splice-caches');
  it.machine.globals.slabBump[0] = 100;
  for (let row = 1; row < 100; row++) poke(it.machine.slabs.page, 4 * row, () => 0x7ff_ffff);
  const { violations } = audit(it.machine);
  assert.ok(violations.length > 50 && violations.length <= 101, `${violations.length}`);
  for (const words of Object.values(it.machine.memcgs)) words.fill(77, 2);
  assert.equal(audit(it.machine).violations[0]?.invariant, 'tree');
});
