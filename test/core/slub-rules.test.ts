/**
 * SLUB's lists against a naive copy of its rules: cpu partial by slabs (5.16) and by objects (5.2),
 * min_partial, deactivation, shrinking, and slabs that wait for a grace period.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  audit,
  bindCpu,
  type CacheShape,
  createMachine,
  type Machine,
  ROOT_MEMCG,
} from '../../core/index.ts';
import { FROZEN, INUSE_MASK, NEXT, stateOf } from '../../core/slub/slabs.ts';
import { type PartialRule, SlubOracle, type SlubState } from '../support/slub-oracle.ts';

const CPUS = 2;
const SLAB_ROWS = 600;
/** Objects alive and slabs that wait at once: less than the rows that a CPU may keep for itself. */
const ROOM = 300;

function world(shape: CacheShape) {
  const machine = createMachine({
    ...{ strategy: 'splice-caches', cpus: CPUS, slabRows: SLAB_ROWS, kmemCaches: 4 },
    ...{ rootCaches: 1, memcgs: 3, kmemIds: 3 },
  });
  const cpus = [0, 1].map((cpu) => bindCpu(machine, cpu));
  const by = (cpu: number) => cpus[cpu] as (typeof cpus)[number];
  const memcg = by(0).createMemcg(ROOT_MEMCG);
  const cache = by(0).createCache(memcg, by(0).createRootCache(shape));
  return { machine, by, memcg, cache };
}
type World = ReturnType<typeof world>;

function listFrom({ slabs }: Machine, first: number): number[] {
  const rows: number[] = [];
  for (let row = first; row !== 0; row = slabs.page[(row << 2) + NEXT] ?? 0) rows.push(row);
  return rows;
}

function popcount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/** What the machine shows of a cache of slabs of one row. */
function stateOfMachine({ machine, cache }: World, waiting: ReadonlySet<number>): SlubState {
  const { cpuSlabs, kmemCaches, slabs } = machine;
  const cpuSlab = (cpu: number) => cpu * (machine.config.kmemCaches + 1) + cache;
  const found: SlubState['slabs'] = [];
  for (let row = 1; row <= SLAB_ROWS; row++) {
    const state = stateOf(slabs.page, row);
    if (state === 0 || waiting.has(row)) continue;
    found.push([row, state & INUSE_MASK, (state & FROZEN) !== 0]);
  }
  return {
    node: listFrom(machine, kmemCaches.partialHead[cache] ?? 0),
    cpus: Array.from({ length: CPUS }, (_, cpu) => ({
      slab: (cpuSlabs.word[cpuSlab(cpu)] ?? 0) >>> 1,
      private: popcount(cpuSlabs.free[cpuSlab(cpu)] ?? 0),
      partial: listFrom(machine, cpuSlabs.partial[cpuSlab(cpu)] ?? 0),
      count: cpuSlabs.partialCount[cpuSlab(cpu)] ?? 0,
    })),
    slabs: found,
  };
}

const step = fc.record({
  what: fc.oneof(
    { weight: 8, arbitrary: fc.constant('alloc') },
    { weight: 8, arbitrary: fc.constant('free') },
    { weight: 1, arbitrary: fc.constantFrom('flush', 'shrink', 'settle', 'deactivate') },
  ),
  cpu: fc.nat({ max: CPUS - 1 }),
  which: fc.nat(),
  times: fc.integer({ min: 1, max: 40 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const shape = fc.record({
  objects: fc.oneof(fc.constantFrom(1, 2, 3), fc.integer({ min: 1, max: 32 })),
  minPartial: fc.integer({ min: 0, max: 6 }),
  cpuPartial: fc.integer({ min: 0, max: 12 }),
  typesafeByRcu: fc.boolean(),
});

/** Both sides, and what ties them together. */
class Pair {
  readonly it: World;
  readonly oracle: SlubOracle;
  readonly #typesafe: boolean;
  readonly #live: number[] = [];
  /** Discarded slabs whose pages are still there. */
  readonly #waiting = new Set<number>();

  constructor(rule: PartialRule, options: typeof shape extends fc.Arbitrary<infer T> ? T : never) {
    const { objects, minPartial, cpuPartial, typesafeByRcu } = options;
    const limit =
      rule === 'slabs' ? { cpuPartialSlabs: cpuPartial } : { cpuPartialObjects: cpuPartial };
    this.it = world({
      ...{ size: 64, objectsPerSlab: objects, pagesPerSlab: 1, minPartial, typesafeByRcu },
      ...limit,
    });
    this.oracle = new SlubOracle({ cpus: CPUS, objects, minPartial, rule, cpuPartial });
    this.#typesafe = typesafeByRcu;
  }

  step({ what, cpu, which, times }: Step): void {
    if (what === 'alloc') for (let time = 0; time < times; time++) this.#alloc(cpu);
    else if (what === 'free') for (let time = 0; time < times; time++) this.#free(cpu, which);
    else if (what === 'flush') {
      this.oracle.flush(cpu);
      this.it.by(cpu).flush(this.it.cache);
    } else if (what === 'shrink') {
      this.oracle.shrink();
      this.it.by(cpu).shrink(this.it.cache);
    } else if (what === 'settle') this.#settle();
    else this.#deactivate();
    if (this.#typesafe) for (const id of this.oracle.discarded) this.#waiting.add(id);
    this.oracle.discarded.length = 0;
    assert.deepEqual(stateOfMachine(this.it, this.#waiting), this.oracle.state(), what);
    assert.deepEqual(audit(this.it.machine, this.it.by(0)).violations, [], what);
    for (const row of this.#waiting) {
      const state = stateOf(this.it.machine.slabs.page, row);
      assert.notEqual(state, 0, `slab ${row} is gone before its grace period is over`);
    }
  }

  #alloc(cpu: number): void {
    if (this.#live.length + this.#waiting.size >= ROOM) return;
    const handle = this.it.by(cpu).alloc(this.it.cache);
    const expected = this.oracle.alloc(cpu);
    const row = handle >>> 6;
    assert.ok(handle > 0);
    if (expected === null) {
      assert.ok(!this.#waiting.has(row), 'pages that wait are not used again');
      this.oracle.newSlab(cpu, row);
    } else assert.equal(row, expected, 'the slab that the object comes from');
    assert.ok(!this.#live.includes(handle));
    this.#live.push(handle);
  }

  #free(cpu: number, which: number): void {
    const [handle] = this.#live.splice(which % Math.max(1, this.#live.length), 1);
    if (handle === undefined) return;
    this.it.by(cpu).free(handle);
    this.oracle.free(cpu, handle >>> 6);
  }

  /** Lets grace periods end. */
  #settle(): void {
    this.it.by(0).runDeferred();
    for (const row of this.#waiting) {
      assert.equal(stateOf(this.it.machine.slabs.page, row), 0, `slab ${row} went`);
    }
    this.#waiting.clear();
  }

  /** What deactivation stores (b.7); the shrinking that follows is a step of its own. */
  #deactivate(): void {
    const { kmemCaches } = this.it.machine;
    kmemCaches.minPartial[this.it.cache] = 0;
    kmemCaches.cpuPartial[this.it.cache] = 0;
    this.oracle.minPartial = 0;
    this.oracle.cpuPartial = 0;
  }
}

describe('lists as SLUB keeps them', () => {
  for (const rule of ['slabs', 'objects'] as const) {
    test(`random allocs and frees of two CPUs, cpu partial by ${rule}`, () => {
      fc.assert(
        fc.property(shape, fc.array(step, { maxLength: 60, size: 'max' }), (options, steps) => {
          const pair = new Pair(rule, options);
          for (const one of steps) pair.step(one);
        }),
        { numRuns: 300 },
      );
    });
  }
});

describe('cpu partial by slabs and by objects, computed by hand', () => {
  const base = { size: 64, objectsPerSlab: 4, pagesPerSlab: 1, minPartial: 9 };
  const lists = (it: World): [partial: number, count: number, node: number] => {
    const { node, cpus } = stateOfMachine(it, new Set());
    return [cpus[0]?.partial.length ?? -1, cpus[0]?.count ?? -1, node.length];
  };
  const fill = ({ by, cache }: World, objects: number): number[] =>
    Array.from({ length: objects }, () => by(0).alloc(cache));

  test('one object freed of each of six full slabs, limit 3', () => {
    const seen = [{ cpuPartialSlabs: 3 }, { cpuPartialObjects: 3 }].map((limit) => {
      const it = world({ ...base, ...limit });
      const handles = fill(it, 4 * 6 + 1);
      return [0, 1, 2, 3, 4, 5].map((slab) => {
        it.by(0).free(handles[4 * slab] ?? 0);
        return lists(it).join(' ');
      });
    });
    // The old rule drains when the count is above the limit, the new one when it is reached.
    assert.deepEqual(seen, [
      ['1 1 0', '2 2 0', '3 3 0', '1 1 3', '2 2 3', '3 3 3'],
      ['1 1 0', '2 2 0', '3 3 0', '4 4 0', '1 1 4', '2 2 4'],
    ]);
  });

  test('the old rule counts a slab as it was when it was put there, not as it is', () => {
    const it = world({ ...base, cpuPartialObjects: 3 });
    const handles = fill(it, 4 * 3 + 1);
    // All four objects of two slabs: 8 are free, 2 are counted, and nothing is drained.
    for (const handle of handles.slice(0, 8)) it.by(0).free(handle);
    assert.deepEqual(lists(it), [2, 2, 0]);
  });

  test('a CPU that takes a slab from the node takes more, up to half of its limit', () => {
    const seen = [{ cpuPartialSlabs: 4 }, { cpuPartialObjects: 8 }].map((limit) => {
      const it = world({ ...base, ...limit });
      const handles = fill(it, 4 * 4 + 1);
      const freed = [1, 3, 2, 1];
      freed.forEach((count, slab) => {
        for (let object = 0; object < count; object++)
          it.by(0).free(handles[4 * slab + object] ?? 0);
      });
      // On the node list now: the cpu slab with 3 free objects, then 1, 2, 3 and 1.
      it.by(0).flush(it.cache);
      it.by(0).alloc(it.cache);
      const taken = lists(it);
      // The cpu slab's last two objects, and the first of the next slab, which leaves the list.
      fill(it, 3);
      return [taken, lists(it)];
    });
    assert.deepEqual(seen, [
      // By slabs: three more, as the third is the first above 4 / 2.
      [
        [3, 3, 1],
        [2, 2, 1],
      ],
      // By objects: 3, 3 + 1, 3 + 1 + 2 > 8 / 2. Counted are the 1 + 2 of the two laid by.
      [
        [2, 3, 2],
        [1, 1, 2],
      ],
    ]);
  });

  test('a limit of one slab lays one by, and a limit of 0 none', () => {
    const seen = [{ cpuPartialSlabs: 1 }, { cpuPartialSlabs: 0 }, { cpuPartialObjects: 0 }].map(
      (limit) => {
        const it = world({ ...base, ...limit });
        const handles = fill(it, 4 * 3 + 1);
        for (const slab of [0, 1, 2]) it.by(0).free(handles[4 * slab] ?? 0);
        it.by(0).flush(it.cache);
        it.by(0).alloc(it.cache);
        return lists(it);
      },
    );
    assert.deepEqual(seen, [
      [1, 1, 2],
      [0, 0, 3],
      [0, 0, 3],
    ]);
  });

  test("a memcg's cache follows the rule of its root cache, and keeps nothing once deactivated", () => {
    for (const limit of [{ cpuPartialSlabs: 3 }, { cpuPartialObjects: 3 }]) {
      const it = world({ ...base, ...limit });
      const { kmemCaches } = it.machine;
      const root = kmemCaches.root[it.cache] ?? 0;
      assert.equal(kmemCaches.cpuPartial[it.cache], kmemCaches.cpuPartial[root]);
      const handles = fill(it, 4 * 3 + 1);
      it.by(0).rmdir(it.memcg);
      it.by(0).runDeferred();
      assert.deepEqual([kmemCaches.cpuPartial[it.cache], kmemCaches.minPartial[it.cache]], [0, 0]);
      for (const slab of [0, 1]) it.by(0).free(handles[4 * slab] ?? 0);
      // The third is the slab that the CPU gave back at deactivation.
      assert.deepEqual(lists(it), [0, 0, 3]);
      for (const handle of handles.slice(1, 4)) it.by(0).free(handle);
      assert.deepEqual(lists(it), [0, 0, 2], 'an empty one is not kept');
    }
  });
});
