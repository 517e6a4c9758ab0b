/**
 * Days of one host on a virtual clock: cgroups come and go, files are used, kswapd passes, somebody
 * drops caches. Everything acts through the operations of the core; what is reported is read off the
 * machine. Deterministic: the same input gives the same numbers, whichever worker runs it.
 */
import FlatQueue from 'flatqueue';
import {
  audit,
  bindCpu,
  type Cpu,
  createMachine,
  LimitError,
  type Machine,
  ROOT_MEMCG,
} from '../../core/index.ts';
import { CPU_RECORD } from '../../core/slub/row-supply.ts';
import { CapacityError } from '../errors.ts';
import { seededRandom } from '../workload/random.ts';
import { CACHE_NAMES, createRootCaches } from './caches.ts';
import { capacitiesOf, machineConfig } from './capacities.ts';
import { Files } from './files.ts';
import { type CacheUse, type Sample, sampleHost, slabByCache } from './memory.ts';
import type { Action, Kind, Scenario } from './parameters.ts';
import { sampleDays } from './samples.ts';
import {
  bindArrivals,
  bindPopularity,
  drawFiring,
  drawKind,
  type Firing,
  mixSeed,
  unit,
} from './tape.ts';
import { bindWork, type Work } from './work.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Age at which what was written is written back (dirty_expire_centisecs). */
const DIRTY_MS = 30_000;

/** What to simulate. */
export interface HostTask {
  readonly scenario: Scenario;
  readonly seed: number;
  /** Number of the host in the fleet, from 0. */
  readonly host: number;
  readonly strategy: string;
}

/** What became of a host. */
export interface HostRun {
  readonly host: number;
  readonly strategy: string;
  readonly samples: readonly Sample[];
  /** Slab by cache at the end. */
  readonly caches: readonly CacheUse[];
  readonly created: number;
  /** Cgroups that could not be created, and when that first happened, hours after day 0. */
  readonly refused: number;
  readonly refusedAtHours: number | null;
  /** Objects allocated and freed. */
  readonly operations: number;
  readonly violations: readonly string[];
}

const EVENT = { fire: 0, exit: 1, remove: 2, close: 3, pass: 4, act: 5, replace: 6, sample: 7 };

interface Event {
  readonly what: number;
  readonly index: number;
}

/** A cgroup whose processes run. */
interface Running {
  readonly kind: number;
  readonly memcgs: readonly number[];
  readonly kept: boolean;
  readonly files: readonly number[];
  readonly layer: readonly number[];
  readonly objects: readonly number[];
}

/** One host while it is simulated. */
class Host {
  private readonly scenario: Scenario;
  private readonly machine: Machine;
  private readonly cpu: Cpu;
  private readonly files: Files;
  private readonly roots: Int32Array;
  private readonly queue = new FlatQueue<Event>();
  private readonly running = new Map<number, Running>();
  private readonly parents = new Map<string, number>();
  /** Cgroups kept for reuse, by kind. */
  private readonly keptCgroups: (readonly number[])[];
  private readonly handed = new Map<number, readonly number[]>();
  private readonly arrivals: (() => number)[] = [];
  private readonly work: Work;
  private readonly seed: number;
  /** The capacity of the machine that stands for the ids. */
  private readonly idLimit: string;
  private readonly replacing: Firing['random'];
  private now = 0;
  private firings = 0;
  private tickets = 0;
  private created = 0;
  private refused = 0;
  private refusedAt: number | null = null;
  readonly samples: Sample[] = [];

  constructor(task: HostTask) {
    const { scenario } = task;
    this.scenario = scenario;
    const capacities = capacitiesOf(scenario);
    this.machine = createMachine(machineConfig(capacities, task.strategy));
    this.cpu = bindCpu(this.machine, 0);
    const { kernel, cpus, kmem, ids, idsHeldUntil } = scenario.host;
    this.roots = createRootCaches(this.cpu, { kernel, cpus, pageSize: 4096 });
    const shared = scenario.files.count;
    const accounted = kmem === 'on';
    this.files = new Files(this.machine, this.cpu, {
      ...{ shared, names: capacities.names, roots: this.roots, accounted },
    });
    const held = idsHeldUntil === 'release' && capacities.config.memcgs === ids;
    this.idLimit = held ? 'memcgs' : 'kmemIds';
    this.keptCgroups = scenario.kinds.map(() => []);
    this.seed = mixSeed(task.seed, task.host);
    const { popularity, pages } = scenario.files;
    this.work = bindWork(this.machine, this.cpu, {
      ...{ files: this.files, roots: this.roots, filePages: pages, accounted },
      popular: bindPopularity(shared, popularity),
    });
    this.replacing = seededRandom(mixSeed(this.seed, -2));
  }

  /** Runs from boot to the last sample. */
  run(): void {
    this.boot();
    this.schedule();
    const start = this.scenario.host.hoursBeforeDay0 * HOUR;
    const times = sampleDays(this.scenario);
    times.forEach((days, index) => {
      this.at(start + days * DAY, EVENT.sample, index);
    });
    while (this.samples.length < times.length) {
      this.now = this.queue.peekValue() as number;
      const event = this.queue.pop() as Event;
      this.handle(event);
      this.cpu.runDeferred();
    }
  }

  private at(time: number, what: number, index: number): void {
    this.queue.push({ what, index }, time);
  }

  /** Services that run all the time, and the files that they read. */
  private boot(): void {
    const { host, files } = this.scenario;
    const services = Array.from({ length: host.services }, () => this.mkdir('system.slice'));
    const random = seededRandom(mixSeed(this.seed, -1));
    for (let file = 0; file < files.count; file++) {
      if (unit(random) >= files.cachedAtBoot) continue;
      const memcg = services.length === 0 ? ROOT_MEMCG : services[file % services.length];
      this.cpu.moveTask(0, memcg as number);
      this.files.read(memcg as number, file, files.pages);
      if (file < 4 * services.length) this.cpu.runDeferred();
    }
    this.cpu.moveTask(0, ROOT_MEMCG);
  }

  private schedule(): void {
    const { scenario } = this;
    const fleet = seededRandom(mixSeed(this.seed, -3));
    const rate = scenario.cgroupsPerDay * (1 + scenario.spread * (2 * unit(fleet) - 1));
    scenario.kinds.forEach((kind, index) => {
      const perDay = (rate * kind.share) / kind.cgroups;
      const next = bindArrivals(kind, perDay, mixSeed(this.seed, -10 - index));
      this.arrivals.push(next);
      // Not all timers of a host fire at its boot.
      if (perDay > 0) this.at(next() * unit(fleet), EVENT.fire, index);
    });
    const { passesPerHour } = scenario.pressure;
    if (passesPerHour > 0) this.at(HOUR / passesPerHour, EVENT.pass, 0);
    const { replacedPerDay } = scenario.files;
    if (replacedPerDay > 0) this.at(DAY / replacedPerDay, EVENT.replace, 0);
    scenario.actions.forEach((action, index) => {
      this.at(action.atHours * HOUR, EVENT.act, index);
    });
  }

  private handle({ what, index }: Event): void {
    if (what === EVENT.fire) {
      this.fire(index, this.firings++);
      this.at(this.now + (this.arrivals[index] as () => number)(), EVENT.fire, index);
    } else if (what === EVENT.exit) this.exit(index);
    else if (what === EVENT.remove) this.files.remove(index);
    else if (what === EVENT.close) this.close(index);
    else if (what === EVENT.pass) this.pass();
    else if (what === EVENT.act) this.act(index);
    else if (what === EVENT.replace) this.replace();
    else this.sample();
  }

  private mkdir(parent: string): number {
    return this.cpu.createMemcg(this.parentNamed(parent));
  }

  private parentNamed(name: string): number {
    if (name === '/') return ROOT_MEMCG;
    const known = this.parents.get(name);
    if (known !== undefined) return known;
    const memcg = this.cpu.createMemcg(ROOT_MEMCG);
    this.parents.set(name, memcg);
    return memcg;
  }

  /** The cgroups of one firing: one, or a pod with containers in it; empty when there is no id left. */
  private makeCgroups(kind: Kind): number[] {
    const made: number[] = [];
    try {
      made.push(this.mkdir(kind.parent));
      while (made.length < kind.cgroups) made.push(this.cpu.createMemcg(made[0] as number));
    } catch (error) {
      // Out of ids, as mkdir would say it: no space left on device.
      if (!(error instanceof LimitError) || error.limit !== this.idLimit) throw error;
      for (const memcg of made.reverse()) this.cpu.rmdir(memcg);
      this.refused += kind.cgroups;
      this.refusedAt ??= this.now;
      return [];
    }
    this.created += made.length;
    return made;
  }

  private cgroupsFor(index: number, firing: Firing): { memcgs: readonly number[]; kept: boolean } {
    const kind = this.scenario.kinds[index] as Kind;
    if (!firing.reused) return { memcgs: this.makeCgroups(kind), kept: false };
    if (this.keptCgroups[index]?.length === 0) this.keptCgroups[index] = this.makeCgroups(kind);
    return { memcgs: this.keptCgroups[index] as readonly number[], kept: true };
  }

  /** A cgroup starts: its processes run in it (in the last one of a pod). */
  private fire(index: number, number: number): void {
    // The flusher does not wait for pressure, and what is clean need not be remembered.
    this.files.writeBack(this.now - DIRTY_MS);
    const kind = this.scenario.kinds[index] as Kind;
    const firing = drawFiring(kind, this.seed, number);
    const { memcgs, kept } = this.cgroupsFor(index, firing);
    if (memcgs.length === 0) return;
    const files: number[] = [];
    const layer: number[] = [];
    const objects: number[] = [];
    const workers = memcgs.length === 1 ? memcgs : memcgs.slice(1);
    workers.forEach((memcg, place) => {
      this.cpu.moveTask(0, memcg);
      const { now } = this;
      const parts = workers.length;
      const later = (hours: number) => now + hours * (0.5 + unit(firing.random)) * HOUR;
      this.work.run({
        ...{ kind, firing, memcg, parts, place, now, files, layer, objects },
        keep: (file) => this.at(later(kind.keptHours), EVENT.remove, file),
        handOver: (handed) => {
          this.handed.set(this.tickets, handed);
          this.at(later(kind.handedOverHours), EVENT.close, this.tickets++);
        },
      });
    });
    this.cpu.moveTask(0, ROOT_MEMCG);
    const ticket = this.tickets++;
    this.running.set(ticket, { kind: index, memcgs, kept, files, layer, objects });
    this.at(this.now + firing.lifetimeMs, EVENT.exit, ticket);
  }

  private exit(ticket: number): void {
    const { memcgs, kept, files, layer, objects } = this.running.get(ticket) as Running;
    this.running.delete(ticket);
    for (const file of files) this.files.remove(file);
    for (const file of layer) this.files.removeWhole(file);
    this.work.free(objects);
    // The last close of the cgroup's files, and its processes' ends, come before its removal.
    this.cpu.runDeferred();
    if (kept) return;
    for (let at = memcgs.length - 1; at >= 0; at--) this.cpu.rmdir(memcgs[at] as number);
  }

  private close(ticket: number): void {
    this.work.free(this.handed.get(ticket) as readonly number[]);
    this.handed.delete(ticket);
  }

  private replace(): void {
    this.files.replace(Math.floor(unit(this.replacing) * this.scenario.files.count));
    this.at(this.now + DAY / this.scenario.files.replacedPerDay, EVENT.replace, 0);
  }

  private hooks() {
    return { evicted: this.files.evicted, shrinker: this.files.shrinker };
  }

  private pass(): void {
    const { passesPerHour, priority } = this.scenario.pressure;
    this.files.writeBack(this.now - DIRTY_MS);
    this.cpu.shrinkNode(ROOT_MEMCG, priority, this.hooks());
    this.at(this.now + HOUR / passesPerHour, EVENT.pass, 0);
  }

  private act(index: number): void {
    const action = this.scenario.actions[index] as Action;
    if (action.do === 'boot') this.startUp(action.cgroups);
    else if (action.do === 'dropCaches') this.dropCaches(action.what);
    else {
      // Nothing is in a cgroup that was not needed yet.
      const memcg = action.cgroup === '/' ? ROOT_MEMCG : this.parents.get(action.cgroup);
      if (memcg !== undefined) this.reclaim(memcg, action.pages);
    }
    if (action.everyHours > 0) this.at(this.now + action.everyHours * HOUR, EVENT.act, index);
  }

  /** Start-up units: cgroups of any kind, all at once. */
  private startUp(cgroups: number): void {
    const random = seededRandom(mixSeed(this.seed, -4));
    for (let count = 0; count < cgroups && this.scenario.kinds.length > 0; count++) {
      this.fire(drawKind(this.scenario.kinds, random), this.firings++);
    }
  }

  /** drop_slab goes over all cgroups until hardly anything is freed; drop_pagecache takes clean pages. */
  private dropCaches(what: Action['what']): void {
    this.files.writeBack(this.now - DIRTY_MS);
    if (what !== 'slab') {
      for (const memcg of this.cpu.subtree(ROOT_MEMCG)) {
        this.cpu.pageCache.dropClean(memcg, this.files.evicted);
      }
      this.cpu.runDeferred();
    }
    if (what === 'pages') return;
    for (let freed = 11; freed > 10; ) {
      freed = 0;
      for (const memcg of this.cpu.subtree(ROOT_MEMCG)) {
        freed += this.cpu.shrinkSlab(memcg, 0, this.files.shrinker);
      }
      this.cpu.runDeferred();
    }
  }

  /** memory.reclaim: passes at falling priority until enough is gone. */
  private reclaim(memcg: number, pages: number): void {
    this.files.writeBack(this.now - DIRTY_MS);
    let reclaimed = 0;
    for (let priority = 12; priority >= 0 && reclaimed < pages; priority--) {
      reclaimed += this.cpu.shrinkNode(memcg, priority, this.hooks()).pages;
      this.cpu.runDeferred();
    }
  }

  private sample(): void {
    // A cache that cannot be made is not missed by anybody: its objects are just not accounted.
    if (this.machine.cpus.record[CPU_RECORD.cacheCreationFailed] !== 0) {
      const { kmemCaches } = this.machine.config;
      const day = Math.ceil(this.now / DAY);
      throw new CapacityError(
        `kmemCaches (${kmemCaches}) reached by day ${day}; watch fewer days, or fewer cgroups`,
      );
    }
    this.samples.push(sampleHost(this.machine, this.cpu, this.scenario.host));
  }

  result(task: HostTask): HostRun {
    const start = this.scenario.host.hoursBeforeDay0 * HOUR;
    const { violations } = audit(this.machine, this.cpu);
    return {
      host: task.host,
      strategy: task.strategy,
      samples: this.samples,
      caches: slabByCache(this.machine, this.cpu, this.roots, CACHE_NAMES),
      created: this.created,
      refused: this.refused,
      refusedAtHours: this.refusedAt === null ? null : (this.refusedAt - start) / HOUR,
      operations: this.work.operations() + this.files.operations,
      violations: violations.map(({ invariant, detail }) => `${invariant}: ${detail}`),
    };
  }
}

/**
 * Simulates one host under one strategy, and audits the machine at the end.
 * @throws CapacityError when a table of the machine is full
 */
export function simulateHost(task: HostTask): HostRun {
  const host = new Host(task);
  try {
    host.run();
  } catch (error) {
    if (!(error instanceof LimitError)) throw error;
    // Nobody can raise a capacity that was worked out from the scenario.
    const full = error.message.replace(/;.*/s, '');
    throw new CapacityError(`${full}; watch fewer days, or fewer cgroups`, { cause: error });
  }
  return host.result(task);
}
