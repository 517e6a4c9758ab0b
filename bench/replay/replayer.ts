// hot path
/**
 * Lets a machine do what a trace says: cgroups come and go, tasks allocate and free in them, page cache is added
 * and deleted. What stays dying follows from the strategy and from page cache, which pins in every one;
 * the trace's own cgroup_release events are compared with, and never used.
 *
 * Attribution: an event belongs to the cgroup of the task that it interrupted nothing of: one in an interrupt
 * belongs to nobody. Unaccounted objects, and those of tasks outside the traced cgroups, go to root caches.
 */
import {
  audit,
  bindCpu,
  type Cpu,
  createMachine,
  LimitError,
  type Machine,
  NO_OBJECT,
  ROOT_MEMCG,
} from '../../core/index.ts';
import type { GeometryRules } from '../../core/slub/geometry.ts';
import { CPU_RECORD } from '../../core/slub/row-supply.ts';
import { CapacityError } from '../errors.ts';
import { TRACE, type TraceEvent } from '../input/ftrace-events.ts';
import type { RecordedGeometry } from '../input/slab-geometry.ts';
import { TracedCaches } from './caches.ts';
import { Cgroups } from './cgroups.ts';
import { ReplayClock } from './clock.ts';
import { deviceOf, TracedFolios } from './folios.ts';
import { TracedObjects } from './objects.ts';
import { Timeline } from './timeline.ts';

/** What to replay with. */
export interface ReplayOptions {
  readonly strategy: string;
  /** Page cache of a removed cgroup goes to its parent (7.1). */
  readonly movePages: boolean;
  readonly rules: GeometryRules;
  readonly geometry: RecordedGeometry | null;
  /** Number of the hierarchy to follow, -1 for the first that is seen. */
  readonly hierarchy: number;
  /** Gives the text that an event's number stands for. */
  nameOf(id: number): string;
}

/** Room of a machine: address space, which is committed as it is touched. */
const ROOM = {
  ...{ slabRows: 2 ** 23, kmemCaches: 2 ** 19, rootCaches: 1024 },
  ...{ memcgs: 2 ** 16, kmemIds: 16_384, folios: 2 ** 22, chargeBatch: 0 },
};
/** Deferred work runs once so much time of the trace went by: kworkers take about that long, us. */
const TICK_US = 1000;
/** Bytes above which kmalloc takes pages rather than objects (KMALLOC_MAX_CACHE_SIZE). */
const KMALLOC_MAX = 8192;
/** What to do about a full table. */
const SHORTER = 'replay a shorter part of the trace';
/** The cache whose objects stand for pages of tmpfs. */
const SHMEM_INODES = 'shmem_inode_cache';
/** Where they are allocated: before 6.18 the name is not said. */
const SHMEM_SITE = /^shmem_alloc_inode(?:\+|$)/;

/** Replays a trace under one strategy. */
export class Replayer {
  private readonly options: ReplayOptions;
  private readonly machine: Machine;
  private readonly cpu: Cpu;
  readonly caches: TracedCaches;
  readonly objects: TracedObjects;
  readonly cgroups: Cgroups;
  readonly timeline: Timeline;
  readonly folios: TracedFolios;
  readonly clock = new ReplayClock();
  private cacheOfName = new Int32Array(256).fill(-1);
  /** Of kmalloc, by the bytes that it took. */
  private readonly cacheOfSize = new Int32Array(KMALLOC_MAX + 1).fill(-1);
  /** Of the last allocation at each call site, where caches have no name: its bytes and its cache. */
  private bytesOfSite = new Int32Array(256);
  private cacheOfSite = new Int32Array(256);
  private shmemInodes = -1;
  private nextTick = Number.NEGATIVE_INFINITY;
  /** Pages deleted that the trace did not see added. */
  unknownDeletes = 0;
  /** Objects that stand for pages without an event (tmpfs). */
  inferredPins = 0;
  /** Allocations too large for slab, and those that failed. */
  large = 0;
  failed = 0;
  /** Frees of objects that the trace did not see allocated. */
  unknownFrees = 0;
  /** Allocations of a task of a traced cgroup of which the kernel does not say whether they are accounted. */
  accountedUnsaid = 0;

  constructor(options: ReplayOptions) {
    this.options = options;
    this.machine = createMachine({
      ...{ cpus: 1, strategy: options.strategy, moveFolios: options.movePages ? 1 : 0 },
      ...ROOM,
    });
    this.cpu = bindCpu(this.machine, 0);
    this.caches = new TracedCaches(this.cpu, options.rules, options.geometry);
    this.objects = new TracedObjects(this.cpu, (owner, cache, pin) => {
      if (owner >= 0) this.objectGone(owner, cache, pin);
    });
    this.folios = new TracedFolios(this.machine, this.cpu, (owner, pages, event) =>
      this.pagesChanged(owner, pages, event),
    );
    this.cgroups = new Cgroups(options.hierarchy);
    this.timeline = new Timeline(this.machine, this.cpu, this.cgroups);
  }

  /** The turn of the trace, from 0. */
  get turn(): number {
    return this.folios.turn;
  }

  /** What comes next is the trace again, of other files; the rest of the identities is the caller's. */
  startTurn(): void {
    this.clock.startTurn();
    this.folios.turn++;
  }

  /** The next event of the trace. @throws CapacityError when a table of the machine is full */
  event(event: TraceEvent): void {
    try {
      this.act(event);
    } catch (error) {
      if (!(error instanceof LimitError)) throw error;
      const full = error.message.replace(/;.*/s, '');
      throw new CapacityError(`${full} at line ${event.line}; ${SHORTER}`, { cause: error });
    }
  }

  private act(event: TraceEvent): void {
    const { clock } = this;
    const due = clock.now + TICK_US;
    clock.advance(event.time);
    // What the event before has left to do was done soon after it, however long nothing happened.
    if (clock.now >= this.nextTick) {
      this.tick(Number.isNaN(due) ? clock.now : Math.min(due, clock.now));
    }
    switch (event.kind) {
      case TRACE.kmemCacheAlloc:
        this.allocate(event, this.cacheOf(event));
        break;
      case TRACE.kmemCacheFree:
      case TRACE.kfree:
        this.free(event);
        break;
      case TRACE.kmalloc:
        if (event.bytesAlloc > KMALLOC_MAX) this.large++;
        else this.allocate(event, this.cacheOfBytes(event.bytesAlloc));
        break;
      case TRACE.filemapAdd:
        this.addFolio(event);
        break;
      case TRACE.filemapDelete:
        if (!this.folios.remove(event)) this.unknownDeletes++;
        break;
      default:
        this.rare(event);
    }
  }

  private rare(event: TraceEvent): void {
    const { cgroups } = this;
    switch (event.kind) {
      case TRACE.fork:
        cgroups.fork(event.pid, event.childPid);
        break;
      case TRACE.exit:
        cgroups.exit(event.pid);
        break;
      case TRACE.cgroupMkdir:
        if (cgroups.follows(event.root)) this.mkdir(event);
        break;
      case TRACE.cgroupAttach:
      case TRACE.cgroupTransfer:
        if (cgroups.follows(event.root)) {
          cgroups.attach(event.targetPid, cgroups.find(event.cgroup));
        }
        break;
      case TRACE.cgroupRmdir:
        if (cgroups.follows(event.root)) this.rmdir(event);
        break;
      case TRACE.cgroupRelease:
        if (cgroups.follows(event.root)) {
          const place = cgroups.find(event.cgroup);
          const cgroup = cgroups.all[place];
          if (cgroup !== undefined) cgroup.kernelReleased = this.clock.now;
        }
        break;
      case TRACE.marker:
        this.tick(this.clock.now);
        this.timeline.marker(this.options.nameOf(event.text), this.clock.now);
        break;
      default:
    }
  }

  /** kworkers and grace periods get their turn at a time that is not after now. */
  private tick(time: number): void {
    this.cpu.runDeferred();
    this.timeline.look(time);
    this.nextTick = this.clock.now + TICK_US;
  }

  private cacheOf(event: TraceEvent): number {
    const { name } = event;
    if (name < 0) return this.cacheAt(event);
    if (name >= this.cacheOfName.length) {
      const larger = new Int32Array(2 * name).fill(-1);
      larger.set(this.cacheOfName);
      this.cacheOfName = larger;
    }
    const known = this.cacheOfName[name] as number;
    if (known >= 0) return known;
    const cache = this.caches.numberOf(this.options.nameOf(name), event.bytesAlloc);
    this.cacheOfName[name] = cache;
    if (this.options.nameOf(name) === SHMEM_INODES) this.shmemInodes = cache;
    return cache;
  }

  /** Kernels before 6.18 name the cache at its free only: so it goes by where it was allocated. */
  private cacheAt({ callSite, bytesAlloc }: TraceEvent): number {
    if (callSite >= this.bytesOfSite.length) {
      for (const column of ['bytesOfSite', 'cacheOfSite'] as const) {
        const larger = new Int32Array(2 * callSite);
        larger.set(this[column]);
        this[column] = larger;
      }
    }
    if (this.bytesOfSite[callSite] === bytesAlloc) return this.cacheOfSite[callSite] as number;
    const site = this.options.nameOf(callSite);
    const cache = this.caches.numberOf(`${site} (${bytesAlloc} B)`, bytesAlloc, false);
    if (SHMEM_SITE.test(site)) this.shmemInodes = cache;
    this.bytesOfSite[callSite] = bytesAlloc;
    this.cacheOfSite[callSite] = cache;
    return cache;
  }

  private cacheOfBytes(bytes: number): number {
    const known = this.cacheOfSize[bytes] as number;
    if (known >= 0) return known;
    const cache = this.caches.numberOf(`kmalloc-${bytes}`, bytes);
    this.cacheOfSize[bytes] = cache;
    return cache;
  }

  /** Place of the cgroup that an event is charged to, -1 for none. */
  private chargedTo(event: TraceEvent): number {
    if (event.interrupt === 1) return -1;
    const place = this.cgroups.of(event.pid);
    if (place < 0) return -1;
    return Number.isNaN(this.cgroups.all[place]?.removed) ? place : -1;
  }

  private allocate(event: TraceEvent, cache: number): void {
    const { pointerHigh, pointerLow } = event;
    if (pointerHigh === 0 && pointerLow === 0) {
      this.failed++;
      return;
    }
    const root = this.caches.roots[cache] as number;
    const owner = event.accounted === 0 ? -1 : this.chargedTo(event);
    const memcg = owner < 0 ? ROOT_MEMCG : (this.cgroups.all[owner]?.memcg as number);
    const handle = owner < 0 ? this.cpu.alloc(root) : this.cpu.allocFor(memcg, root);
    if (handle === NO_OBJECT) {
      throw new CapacityError(
        `slabRows (${ROOM.slabRows}) reached at line ${event.line}; ${SHORTER}`,
      );
    }
    // tmpfs pages have no add event; the inode stands for them while it lives, as a page does.
    let pin = 0;
    if (owner >= 0 && cache === this.shmemInodes) {
      pin = this.cpu.pageCache.add(memcg, 1);
      this.inferredPins++;
      this.pagesChanged(owner, 1, event);
    }
    if (owner >= 0) {
      const cgroup = this.cgroups.all[owner];
      if (cgroup !== undefined) cgroup.objects++;
      if (event.accounted < 0) this.accountedUnsaid++;
    }
    this.objects.add(pointerHigh, pointerLow, cache, handle, owner, pin);
  }

  private free(event: TraceEvent): void {
    const { name, pointerHigh, pointerLow } = event;
    // kfree(NULL) does nothing, and is in the trace.
    if (pointerHigh === 0 && pointerLow === 0) return;
    const cache = this.objects.remove(pointerHigh, pointerLow);
    const isNamed = event.kind === TRACE.kmemCacheFree && name >= 0;
    if (cache >= 0) {
      if (isNamed) this.caches.carry(cache, name);
      return;
    }
    this.unknownFrees++;
    // A kfree has no name: whose object it was is not known then.
    const known = isNamed ? (this.cacheOfName[name] ?? -1) : -1;
    if (known >= 0) this.objects.count(known).unknownFrees++;
  }

  private objectGone(owner: number, cache: number, pin: number): void {
    const cgroup = this.cgroups.all[owner];
    if (cgroup === undefined) return;
    cgroup.objects--;
    cgroup.lastObject = this.clock.now;
    cgroup.lastObjectCache = cache;
    if (pin === 0) return;
    this.cpu.pageCache.remove(pin);
    cgroup.pages--;
    cgroup.lastFolio = this.clock.now;
    cgroup.lastFolioIsFile = false;
  }

  private pagesChanged(owner: number, pages: number, event: TraceEvent): void {
    const cgroup = this.cgroups.all[owner];
    if (cgroup === undefined) return;
    cgroup.pages += pages;
    if (pages > 0) return;
    cgroup.lastFolio = this.clock.now;
    cgroup.lastFolioIsFile = true;
    cgroup.lastDevice = deviceOf(event);
    cgroup.lastInodeHigh = event.inodeHigh;
    cgroup.lastInodeLow = event.inodeLow;
  }

  private addFolio(event: TraceEvent): void {
    const owner = this.chargedTo(event);
    this.folios.add(event, owner, owner < 0 ? 0 : (this.cgroups.all[owner]?.memcg as number));
  }

  private mkdir(event: TraceEvent): void {
    const path = this.options.nameOf(event.path);
    const parent = this.cgroups.parentOf(path);
    const above = this.cgroups.all[parent];
    const alive = above !== undefined && Number.isNaN(above.removed);
    const memcg = this.cpu.createMemcg(alive ? above.memcg : ROOT_MEMCG);
    this.cgroups.add(event.cgroup, path, memcg, this.turn);
  }

  private rmdir(event: TraceEvent): void {
    const place = this.cgroups.find(event.cgroup);
    const cgroup = this.cgroups.all[place];
    if (cgroup === undefined || !Number.isNaN(cgroup.removed)) return;
    this.cpu.runDeferred();
    this.cpu.rmdir(cgroup.memcg);
    cgroup.removed = this.clock.now;
    this.cgroups.remove(place);
    this.timeline.removed(place);
    this.tick(this.clock.now);
  }

  /** Whether slab lets removed cgroups go under this strategy. */
  get releasesEarly(): boolean {
    return this.machine.strategy.releasesEarly;
  }

  /**
   * The trace is at its end: everything that is due runs, and the machine is audited.
   * @returns broken invariants
   */
  finish(): string[] {
    this.tick(this.clock.now);
    this.timeline.end(this.clock.now);
    // A cache that cannot be made is not missed by anybody: its objects are just not accounted.
    if (this.machine.cpus.record[CPU_RECORD.cacheCreationFailed] !== 0) {
      throw new CapacityError(`kmemCaches (${ROOM.kmemCaches}) reached; ${SHORTER}`);
    }
    const { violations } = audit(this.machine, this.cpu);
    return violations.map(({ invariant, detail }) => `${invariant}: ${detail}`);
  }
}
