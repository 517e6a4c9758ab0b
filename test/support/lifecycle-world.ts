/**
 * A machine with two CPUs that one thread drives in turn, and what a naive observer knows about it:
 * which memcgs there are, which objects, which tasks, and for whom an object may have been accounted.
 */
import assert from 'node:assert/strict';
import {
  audit,
  bindCpu,
  type Cpu,
  createMachine,
  type Machine,
  NO_LIMIT,
  ROOT_MEMCG,
} from '../../core/index.ts';
import { Oracle, type OracleMemcg } from './oracle.ts';

/** Shapes around word and row boundaries: plain, reclaimable, under RCU, without any caching. */
const SHAPES = [
  { size: 64, objectsPerSlab: 5, pagesPerSlab: 1, minPartial: 2, cpuPartialSlabs: 2 },
  { size: 64, objectsPerSlab: 3, pagesPerSlab: 4, minPartial: 5, cpuPartialSlabs: 1 },
  { size: 192, objectsPerSlab: 21, pagesPerSlab: 1, minPartial: 1, cpuPartialSlabs: 3 },
  { size: 64, objectsPerSlab: 100, pagesPerSlab: 8, minPartial: 0, cpuPartialSlabs: 0 },
].map((shape, index) => ({
  ...shape,
  reclaimable: index % 2 === 0,
  typesafeByRcu: index % 3 === 1,
}));

const MEMCGS = 16;
/** So many requests always find room in the work ring; more may be dropped, as an allocation would fail. */
const CERTAIN_REQUESTS = 256;

/** What the observer knows beside the oracle's tree: caches that exist and that may come to exist. */
export class LifecycleWorld {
  readonly machine: Machine;
  readonly cpus: Cpu[];
  readonly roots: number[];
  readonly oracle: Oracle;
  /** Objects of nobody: allocated while the memcg's own cache was not there. */
  readonly unaccounted = new Set<number>();
  /** `memcg/root` for which a cache exists for certain. */
  readonly created = new Set<string>();
  /** Those for which one has been asked for, and whether the request cannot have been dropped. */
  readonly requested = new Map<string, boolean>();
  readonly tasks: number[];

  constructor(strategy: string, chargeBatch: number, early: boolean) {
    this.machine = createMachine({
      ...{ strategy, cpus: 2, slabRows: 600, kmemCaches: 200, rootCaches: SHAPES.length },
      ...{ memcgs: MEMCGS, kmemIds: MEMCGS, chargeBatch },
    });
    this.cpus = [bindCpu(this.machine, 0), bindCpu(this.machine, 1)];
    this.roots = SHAPES.map((shape) => this.cpu(0).createRootCache(shape));
    this.oracle = new Oracle(ROOT_MEMCG, !early);
    this.tasks = [ROOT_MEMCG, ROOT_MEMCG];
  }

  cpu(which: number): Cpu {
    return this.cpus[which % this.cpus.length] as Cpu;
  }

  root(which: number): number {
    return this.roots[which % this.roots.length] as number;
  }

  online(choice: number): OracleMemcg {
    const online = this.oracle.online();
    return online[choice % online.length] as OracleMemcg;
  }

  canCreate(): boolean {
    return this.oracle.memcgs.size < MEMCGS;
  }

  createMemcg(which: number, parent: number): void {
    const id = this.cpu(which).createMemcg(parent);
    const before = this.oracle.memcgs.get(id);
    if (before !== undefined) {
      assert.equal(before.online, false, `row ${id} is in use`);
      before.visible = false;
      this.gone(id);
    }
    this.oracle.add(id, parent);
  }

  /** A removed memcg was freed, and its row may be another one's. */
  gone(id: number): void {
    this.oracle.forget(id);
    for (const keys of [this.created, this.requested]) {
      for (const key of [...keys.keys()]) if (key.startsWith(`${id}/`)) keys.delete(key);
    }
  }

  createCache(which: number, memcg: number, root: number): void {
    this.cpu(which).createCache(memcg, root);
    this.created.add(`${memcg}/${root}`);
  }

  /** Notes an object of `memcg`: what can be known about its owner is checked. */
  allocated(handle: number, memcg: number, root: number): void {
    assert.ok(
      !this.oracle.objects.has(handle) && !this.unaccounted.has(handle),
      'handed out twice',
    );
    const key = `${memcg}/${root}`;
    const accounted = this.cpu(0).ownerOfObject(handle) !== 0;
    const { online } = this.oracle.get(memcg);
    if (this.machine.strategy.sharesCaches) {
      const nobody = this.nearestOnline(memcg) === ROOT_MEMCG;
      assert.equal(accounted, !nobody, 'accounted as long as there is a memcg below the root');
    } else if (memcg === ROOT_MEMCG) assert.equal(accounted, false, 'the root is not accounted');
    else if (this.created.has(key) && online) assert.ok(accounted, `${key} has a cache of its own`);
    else if (!this.requested.has(key) && !this.created.has(key)) {
      assert.equal(accounted, false, `nobody asked for a cache ${key}`);
    }
    if (accounted) {
      this.created.add(key);
      this.oracle.alloc(handle, 0, memcg);
    } else {
      this.unaccounted.add(handle);
      const certain = this.cpu(0).work.pending() <= CERTAIN_REQUESTS;
      if (memcg !== ROOT_MEMCG && online && !this.machine.strategy.sharesCaches) {
        this.requested.set(key, certain || this.requested.get(key) === true);
      }
    }
  }

  /** The memcg that pays where each object has an owner: the first that is not offline. */
  nearestOnline(memcg: number): number {
    let payer: OracleMemcg | null = this.oracle.get(memcg);
    while (payer?.visible === false) payer = payer.parent;
    return payer?.id ?? ROOT_MEMCG;
  }

  free(which: number, choice: number): void {
    const handles = [...this.oracle.objects.keys(), ...this.unaccounted];
    const handle = handles[choice % Math.max(1, handles.length)];
    if (handle === undefined) return;
    this.cpu(which).free(handle);
    if (!this.unaccounted.delete(handle)) this.oracle.free(handle);
  }

  moveTask(which: number, cpu: number, memcg: number): void {
    this.cpu(which).moveTask(cpu, memcg);
    this.tasks[cpu] = memcg;
  }

  removable(choice: number): OracleMemcg | undefined {
    const removable = this.oracle.removable().filter(({ id }) => !this.tasks.includes(id));
    return removable[choice % Math.max(1, removable.length)];
  }

  rmdir(which: number, memcg: number): void {
    this.cpu(which).rmdir(memcg);
    this.oracle.remove(memcg);
    this.cpu(1 - which).poll();
  }

  /** Everything that is deferred, stocks included; then the memcgs that nothing holds are gone. */
  settle(which: number): void {
    this.cpu(which).runDeferred();
    for (const cpu of this.cpus) cpu.drainStock();
    this.cpu(which).runDeferred();
    for (const [key, certain] of [...this.requested]) {
      const memcg = this.oracle.memcgs.get(Number(key.split('/')[0]));
      if (!certain || memcg?.online !== true) continue;
      this.created.add(key);
      this.requested.delete(key);
    }
    const { mustBeGone, mustStay } = this.oracle.settle();
    const { flags } = this.machine.memcgs;
    for (const id of mustStay) assert.notEqual(flags[id], 0, `memcg ${id} is pinned, yet gone`);
    for (const id of mustBeGone) {
      assert.equal(flags[id], 0, `memcg ${id} holds nothing, yet it is still there`);
      this.gone(id);
    }
    for (const handle of this.oracle.objects.keys()) {
      assert.equal(this.cpu(which).ownerOfObject(handle), this.oracle.ownerOf(handle), 'owner');
    }
  }

  /** Compares what can be seen at any moment. */
  compare(what: string): void {
    const report = audit(this.machine, this.cpu(0));
    assert.deepEqual(report.violations, [], what);
    assert.equal(report.objects, this.oracle.objects.size + this.unaccounted.size, what);
    for (const memcg of this.oracle.memcgs.values()) {
      if (!memcg.online) continue;
      const { descendants } = this.cpu(1).cgroupStat(memcg.id);
      assert.equal(descendants, this.oracle.counts(memcg).descendants, `${what}: descendants`);
    }
    this.checkStatistics(what);
  }

  /** memory.stat to the grain of the batches: 32 pages a CPU and memcg below, dying ones too. */
  checkStatistics(what: string): void {
    const { usage, flags } = this.machine.memcgs;
    const live = flags.reduce((sum, one) => sum + (one === 0 ? 0 : 1), 0);
    for (const memcg of this.oracle.online()) {
      if (memcg.id === ROOT_MEMCG) continue;
      const { slabReclaimable, slabUnreclaimable } = this.cpu(0).memoryStat(memcg.id);
      const stocked = 2 * this.machine.config.chargeBatch;
      const off = Math.abs(slabReclaimable + slabUnreclaimable - (usage[memcg.id] ?? 0));
      assert.ok(off <= 2 * 32 * 2 * live + stocked, `${what}: memory.stat is off by ${off}`);
    }
  }

  /** Frees, removes, and destroys everything; nothing may be left. */
  tearDown(): void {
    const { machine, oracle } = this;
    for (let turn = 0; oracle.objects.size + this.unaccounted.size > 0; turn++) {
      this.free(turn % 2, turn);
    }
    this.compare('all freed');
    for (const cpu of [0, 1]) this.moveTask(0, cpu, ROOT_MEMCG);
    for (const { id } of oracle.online()) this.cpu(0).setLimit(id, NO_LIMIT);
    for (let next = this.removable(0); next !== undefined; next = this.removable(0)) {
      this.rmdir(0, next.id);
    }
    this.settle(1);
    for (const root of this.roots) assert.equal(this.cpu(0).destroyRootCache(root), true);
    this.cpu(0).runDeferred();
    const { violations, slabs, pages, objects, dying } = audit(machine, this.cpu(0));
    assert.deepEqual(
      { violations, slabs, pages, objects, dying },
      { violations: [], slabs: 0, pages: 0, objects: 0, dying: 0 },
    );
    assert.equal(this.cpu(0).cssOf(ROOT_MEMCG), 1, 'only the root itself holds the root');
    assert.deepEqual(this.cpu(0).cgroupStat(ROOT_MEMCG), { descendants: 0, dyingDescendants: 0 });
    assert.ok(
      machine.kmemCaches.flags.every((flags) => flags === 0),
      'no cache is left',
    );
    assert.equal(this.cpu(0).deferred(), 0);
  }
}
