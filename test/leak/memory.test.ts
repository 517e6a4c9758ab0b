import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CACHE_NAMES, createRootCaches } from '../../bench/leak/caches.ts';
import { loadScenario } from '../../bench/leak/library.ts';
import { memcgPercpu, memcgStructs, sampleHost, slabByCache } from '../../bench/leak/memory.ts';
import type { Scenario } from '../../bench/leak/parameters.ts';
import { rowOf } from '../../bench/leak/row.ts';
import { audit, bindCpu, createMachine, ROOT_MEMCG, STRATEGY_NAMES } from '../../core/index.ts';
import { MEMORY_PARTS } from '../../reports/memory-parts.ts';
import { scenarioOf, simulate } from './small-scenario.ts';

const PAGE = 4096;

test('96 CPUs, 2 nodes, 2,424 B and 656 B per CPU are 350.25 KiB a memcg, 72,852 KiB for 208', () => {
  const { host } = scenarioOf({
    host: { cpus: 96, nodes: 2, memcgPercpuBytes: 2424, lruvecPercpuBytes: 656 },
  });
  assert.equal(memcgPercpu(host) / 1024, 350.25);
  assert.equal((208 * memcgPercpu(host)) / 1024, 72_852);
});

test('the scenario of that report has these numbers', async () => {
  const { scenario } = await loadScenario('container-tool');
  assert.equal(memcgPercpu(scenario.host) / 1024, 350.25);
});

test('per-CPU memory goes with CPUs, that of lruvecs with nodes too, structures with nodes alone', () => {
  const bytes = { memcgBytes: 5000, memcgNodeBytes: 300, memcgPercpuBytes: 70 };
  const host = { ...bytes, lruvecPercpuBytes: 11, cpus: 3, nodes: 5 };
  assert.equal(memcgPercpu(scenarioOf({ host }).host), 3 * 70 + 3 * 5 * 11);
  assert.equal(memcgStructs(scenarioOf({ host }).host), 5000 + 5 * 300);
});

test('the record has the parts that a host is split into, in that order', () => {
  const scenario = scenarioOf();
  const run = simulate(scenario, 'pin');
  assert.deepEqual(Object.keys(run.samples[0]?.parts ?? {}), [...MEMORY_PARTS]);
  assert.deepEqual(Object.keys(rowOf(run, 0).parts), [...MEMORY_PARTS]);
});

/** A memcg as the test knows it. */
interface Naive {
  readonly id: number;
  readonly parent: Naive | null;
  readonly slot: number;
  readonly folios: Map<number, number>;
  removed: boolean;
}

/** A copy of a root cache, and who it was made for. */
interface Copy {
  readonly cache: number;
  readonly root: number;
  readonly owner: Naive;
}

const HOST: Scenario['host'] = scenarioOf({
  host: {
    ...{ cpus: 3, nodes: 2, memcgBytes: 4001, memcgNodeBytes: 1009, memcgPercpuBytes: 103 },
    ...{ lruvecPercpuBytes: 41, cacheBytes: 401, cacheNodeBytes: 67, cachePercpuBytes: 31 },
    ...{ cacheSysfsBytes: 997, listLrus: 7 },
  },
}).host;
const TYPES = ['dentry', 'task_struct', 'kmalloc-64', 'anon_vma'] as const;
const MEMCGS = 12;

/** A small machine, and what a test that does everything by hand knows about it. */
class World {
  readonly machine;
  readonly cpu;
  readonly roots;
  readonly pins: boolean;
  readonly shares: boolean;
  memcgs: Naive[] = [];
  copies: Copy[] = [];
  slots = 0;
  readonly objects: {
    readonly handle: number;
    readonly root: number;
    readonly owner: Naive | null;
  }[] = [];

  constructor(strategy: string) {
    this.pins = strategy === 'pin';
    this.shares = strategy === 'objcg';
    this.machine = createMachine({
      ...{ strategy, cpus: 1, slabRows: 3000, kmemCaches: 200, rootCaches: CACHE_NAMES.length },
      ...{ memcgs: MEMCGS + 1, kmemIds: MEMCGS, folios: 40, chargeBatch: 32, lrus: 2, lruItems: 8 },
    });
    this.cpu = bindCpu(this.machine, 0);
    this.roots = createRootCaches(this.cpu, { kernel: '5.3', cpus: 4, pageSize: PAGE });
  }

  create(parent: Naive | null): void {
    const taken = this.memcgs.filter(({ removed }) => !removed).map(({ slot }) => slot);
    let slot = 0;
    while (taken.includes(slot)) slot++;
    if (slot >= this.slots) this.slots = Math.max(4, 2 * (slot + 1));
    const id = this.cpu.createMemcg(parent?.id ?? ROOT_MEMCG);
    this.memcgs.push({ id, parent, slot, folios: new Map(), removed: false });
  }

  allocate(owner: Naive | null, type: number): void {
    const root = this.roots[CACHE_NAMES.indexOf(TYPES[type % TYPES.length] ?? 'dentry')] ?? 0;
    let cache = root;
    if (owner !== null) {
      cache = this.cpu.createCache(owner.id, root);
      const known = this.copies.some((copy) => copy.cache === cache);
      if (!known && !this.shares) this.copies.push({ cache, root, owner });
    }
    this.objects.push({ handle: this.cpu.alloc(cache), root, owner });
  }

  remove(memcg: Naive): void {
    this.cpu.rmdir(memcg.id);
    memcg.removed = true;
  }

  /** Slabs of each cache, counted in the slab table. */
  slabs(): Map<number, number> {
    const { page } = this.machine.slabs;
    const found = new Map<number, number>();
    for (let row = 1; row <= this.machine.config.slabRows; row++) {
      const cache = (page[row << 2] ?? 0) >>> 11;
      if (cache !== 0) found.set(cache, (found.get(cache) ?? 0) + 1);
    }
    return found;
  }

  /** Slabs of removed memcgs, and slabs that objects of removed memcgs are in: no slab is kept empty. */
  deadSlabs(): [kept: number, used: number] {
    const slabs = this.slabs();
    const dead = this.copies.filter(({ owner }) => owner.removed);
    const kept = dead.reduce((total, { cache }) => total + (slabs.get(cache) ?? 0), 0);
    const left = this.objects.filter(({ owner }) => owner?.removed === true);
    // All of these caches have a row for each slab, of 64 objects.
    return [kept, new Set(left.map(({ handle }) => handle >>> 6)).size];
  }

  /** Lets all deferred work happen, and forgets what must be gone after it. */
  settle(): void {
    this.cpu.runDeferred();
    const slabs = this.slabs();
    const holds = (memcg: Naive): boolean =>
      memcg.folios.size > 0 ||
      (this.pins && this.copies.some((one) => one.owner === memcg && slabs.has(one.cache))) ||
      this.memcgs.some((child) => child.parent === memcg);
    for (let again = true; again; ) {
      const before = this.memcgs.length;
      this.memcgs = this.memcgs.filter((memcg) => !memcg.removed || holds(memcg));
      again = this.memcgs.length < before;
    }
    this.copies = this.copies.filter(({ cache, owner }) => {
      if (!owner.removed) return true;
      return this.pins ? this.memcgs.includes(owner) : slabs.has(cache);
    });
  }

  /** Everything that `sampleHost` says, from what the test itself remembers. */
  expected(host: Scenario['host']): ReturnType<typeof sampleHost> {
    const slabs = this.slabs();
    const pagesOf = (cache: number) => this.machine.kmemCaches.pages[cache] ?? 0;
    const { objects: objectsOf, size } = this.machine.kmemCaches;
    const vectorOf = (cache: number) => (this.shares ? 8 * (objectsOf[cache] ?? 0) : 0);
    const bytesOf = (cache: number) =>
      (slabs.get(cache) ?? 0) * (pagesOf(cache) * PAGE + vectorOf(cache));
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    const left = this.objects.filter(({ owner }) => owner?.removed === true);
    const leftObjects = sum(left.map(({ root }) => size[root] ?? 0));
    const leftBytes = this.shares ? leftObjects + 8 * left.length : 0;
    const dead = this.copies.filter(({ owner }) => owner.removed);
    const live = this.copies.filter(({ owner }) => !owner.removed);
    const dying = this.memcgs.filter(({ removed }) => removed);
    const online = this.memcgs.filter(({ removed }) => !removed);
    const pages = (memcg: Naive) => sum([...memcg.folios.values()]);
    // A reparented slab keeps nobody, so only pinning leaves memcgs with slabs and nothing else.
    const bySlab = dying.filter(
      (memcg) =>
        pages(memcg) === 0 &&
        this.copies.some(({ cache, owner }) => this.ownsSlabs(memcg, owner, slabs.has(cache))),
    );
    const percpu = host.cpus * (host.memcgPercpuBytes + host.nodes * host.lruvecPercpuBytes);
    const structs = host.memcgBytes + host.nodes * host.memcgNodeBytes;
    const cacheStructs = host.cacheBytes + host.nodes * host.cacheNodeBytes + host.cacheSysfsBytes;
    const cachePercpu = host.cpus * host.cachePercpuBytes;
    const parts = {
      liveSlab: sum([...this.roots, ...live.map(({ cache }) => cache)].map(bytesOf)) - leftBytes,
      live: online.length * (structs + percpu) + live.length * (cacheStructs + cachePercpu),
      lruArrays: host.listLrus * host.nodes * this.slots * (8 + 32),
      deadSlab: sum(dead.map(({ cache }) => bytesOf(cache))) + leftBytes,
      deadCaches: dead.length * (cacheStructs + cachePercpu),
      deadMemcgs: dying.length * structs,
      deadPercpu: dying.length * percpu,
      deadPageCache: sum(dying.map(pages)) * PAGE,
    };
    const all = this.memcgs.length;
    return {
      dying: dying.length,
      live: online.length,
      keptByPages: dying.filter((memcg) => pages(memcg) > 0).length,
      keptBySlab: bySlab.length,
      slabBytes:
        sum([...slabs.keys()].map(bytesOf)) +
        all * structs +
        this.copies.length * cacheStructs +
        parts.lruArrays,
      objectBytes: sum(this.objects.map(({ root }) => size[root] ?? 0)),
      pageBytes: sum([...slabs].map(([cache, count]) => count * pagesOf(cache) * PAGE)),
      deadObjectBytes: this.shares ? 0 : leftObjects,
      percpuBytes: all * percpu + this.copies.length * cachePercpu,
      cacheCount: this.copies.length,
      ids: host.idsHeldUntil === 'release' ? all : online.length,
      parts,
    };
  }

  /** Whether a slab of a copy that was made for `maker` is the memcg's: its own, or inherited. */
  private ownsSlabs(memcg: Naive, maker: Naive, hasSlabs: boolean): boolean {
    if (!hasSlabs) return false;
    if (this.pins) return maker === memcg;
    let owner: Naive | null = maker;
    while (owner?.removed) owner = owner.parent;
    return owner === memcg;
  }
}

const step = fc.record({
  what: fc.constantFrom(
    ...['create', 'create', 'alloc', 'alloc', 'alloc', 'alloc', 'free', 'free'],
    ...['read', 'drop', 'remove', 'remove', 'settle'],
  ),
  who: fc.nat({ max: 1000 }),
  which: fc.nat({ max: 1000 }),
  many: fc.integer({ min: 1, max: 60 }),
});

for (const strategy of STRATEGY_NAMES) {
  test(`${strategy}: a sample is what counting by hand gives`, () => {
    const reached = { bySlab: 0, byPages: 0, deadSlab: 0, slots: 0 };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const world = new World(strategy);
        for (const { what, who, which, many } of steps) {
          const online = world.memcgs.filter(({ removed }) => !removed);
          const memcg = online[who % Math.max(1, online.length)];
          if (what === 'create' && world.memcgs.length < MEMCGS) {
            world.create(which % 3 === 0 && memcg !== undefined ? memcg : null);
          } else if (what === 'alloc') {
            const owner = which % 7 === 0 ? null : (memcg ?? null);
            for (let count = 0; count < many; count++) world.allocate(owner, which);
          } else if (what === 'free') {
            const from = which % Math.max(1, world.objects.length);
            for (const { handle } of world.objects.splice(from, many)) world.cpu.free(handle);
          } else if (what === 'read' && memcg !== undefined) {
            const held = world.memcgs.reduce((sum, { folios }) => sum + folios.size, 0);
            if (held < 40) memcg.folios.set(world.cpu.pageCache.add(memcg.id, many), many);
          } else if (what === 'drop') {
            const holder = world.memcgs.filter(({ folios }) => folios.size > 0)[who % 3];
            const [folio] = holder?.folios.keys() ?? [];
            if (folio === undefined) continue;
            world.cpu.pageCache.remove(folio);
            holder?.folios.delete(folio);
          } else if (what === 'remove' && memcg !== undefined) {
            if (world.memcgs.some(({ parent, removed }) => parent === memcg && !removed)) continue;
            world.remove(memcg);
            world.settle();
          } else if (what === 'settle') world.settle();
        }
        world.settle();
        const found = sampleHost(world.machine, world.cpu, HOST);
        assert.deepEqual(found, world.expected(HOST));
        const held = { ...HOST, idsHeldUntil: 'release' } as const;
        assert.equal(sampleHost(world.machine, world.cpu, held).ids, found.live + found.dying);
        const uses = slabByCache(world.machine, world.cpu, world.roots, CACHE_NAMES);
        const sum = (of: (use: (typeof uses)[number]) => number) =>
          uses.reduce((total, use) => total + of(use), 0);
        assert.equal(
          sum(({ liveBytes }) => liveBytes),
          found.parts.liveSlab,
        );
        assert.equal(
          sum(({ deadBytes }) => deadBytes),
          found.parts.deadSlab,
        );
        if (!world.shares) assert.equal(...world.deadSlabs());
        const { pages, violations } = audit(world.machine, world.cpu);
        assert.deepEqual([violations, found.pageBytes], [[], pages * PAGE]);
        const all = found.parts.liveSlab + found.parts.deadSlab;
        assert.ok(world.shares ? all > pages * PAGE || pages === 0 : all === pages * PAGE);
        const sizes = uses.map(({ liveBytes, deadBytes }) => liveBytes + deadBytes);
        assert.deepEqual(
          sizes,
          sizes.toSorted((a, b) => b - a),
        );
        reached.bySlab += found.keptBySlab;
        reached.byPages += found.keptByPages;
        if (found.parts.deadSlab > 0) reached.deadSlab++;
        if (world.slots > 4) reached.slots++;
      }),
      { numRuns: 60, seed: 7 },
    );
    // What is never reached is not tested.
    assert.ok(
      reached.byPages > 5 && reached.deadSlab > 5 && reached.slots > 5,
      JSON.stringify(reached),
    );
    if (strategy === 'pin') assert.ok(reached.bySlab > 5, JSON.stringify(reached));
  });
}

test('which caches the shrinker can get at is said by name', () => {
  const world = new World('pin');
  world.create(null);
  for (let type = 0; type < TYPES.length; type++) world.allocate(world.memcgs[0] ?? null, type);
  const uses = slabByCache(world.machine, world.cpu, world.roots, CACHE_NAMES);
  assert.deepEqual(uses.map(({ cache, reclaimable }) => [cache, reclaimable]).sort(), [
    ['anon_vma', false],
    ['dentry', true],
    ['kmalloc-64', false],
    ['task_struct', false],
  ]);
});
