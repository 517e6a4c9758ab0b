/** A trace under one strategy, from its bytes to what a record says. */

import type { GeometryRules } from '../../core/slub/geometry.ts';
import { readTrace, type TraceReader, type TraceSummary } from '../input/ftrace.ts';
import { TRACE, type TraceEvent } from '../input/ftrace-events.ts';
import type { RecordedGeometry } from '../input/slab-geometry.ts';
import type { TracedCgroup } from './cgroups.ts';
import type { HeldFile } from './folios.ts';
import { Replayer } from './replayer.ts';
import { LAST_US, type MarkerSample, REMOVAL_US, type ReplaySample } from './timeline.ts';

/** What to replay, and how. */
export interface ReplayTask {
  readonly files: readonly string[];
  /** What to call files that are kept elsewhere: standard input. */
  readonly called: Readonly<Record<string, string>>;
  readonly strategy: string;
  readonly movePages: boolean;
  readonly rules: GeometryRules;
  readonly geometry: RecordedGeometry | null;
  readonly hierarchy: number;
  readonly strict: boolean;
  /** How many times the trace is replayed, one after the other, each time with identities of its own. */
  readonly scale: number;
  /** Shared, one number: bytes of the files that were read. A plain number will do, as nobody decides by it. */
  readonly bytesRead?: Float64Array<SharedArrayBuffer>;
}

/** Objects of a cache. */
export interface LiveObjects {
  readonly cache: string;
  readonly allocs: number;
  readonly frees: number;
  /** Pointers that were allocated again: freed by something that leaves no event. */
  readonly reused: number;
  readonly unknownFrees: number;
  /** As the table of objects has them, not by subtraction. */
  readonly live: number;
  /** Some of its frees leave no event, so that it has less alive: pointers came again, or none was ever freed. */
  readonly incomplete: boolean;
}

/** What kept cgroups after their removal. */
export interface Pin {
  readonly what: string;
  readonly cgroups: number;
  /** From removal to release, or to the end of the trace, seconds, of all of them. */
  readonly seconds: number;
  readonly stillThere: number;
  /** Paths of those that waited the longest, the longest first. */
  readonly longest: readonly string[];
}

/** What came of it. */
export interface ReplayRun {
  readonly strategy: string;
  readonly movePages: boolean;
  readonly summary: TraceSummary;
  /** First and last moment, us, as in the course. */
  readonly started: number;
  readonly ended: number;
  readonly course: readonly ReplaySample[];
  readonly markers: readonly MarkerSample[];
  readonly objects: readonly LiveObjects[];
  readonly pins: readonly Pin[];
  readonly cgroups: number;
  readonly removed: number;
  /** Cgroups whose release the trace tells of, and those released within half a second of it here. */
  readonly releases: number;
  readonly releasesRight: number;
  readonly unknownDeletes: number;
  readonly inferredPins: number;
  readonly unknownFrees: number;
  readonly largeAllocations: number;
  readonly failedAllocations: number;
  /** Allocations of traced cgroups of which the kernel does not say whether they are accounted. */
  readonly accountedUnsaid: number;
  /** The hierarchy that was followed, -1 if there is none, and events of others by their number. */
  readonly hierarchy: number;
  readonly otherHierarchies: readonly (readonly [hierarchy: number, events: number])[];
  readonly events: number;
  /** Broken invariants of the machine at the end. */
  readonly violations: readonly string[];
  /** Reading and replaying, the audit left out. */
  readonly ms: number;
}

/** Distances between the identities of two turns: above what a kernel gives. */
const PIDS = 2 ** 23;
const CGROUPS = 2 ** 40;

/** A release as near as this to the kernel's is right, us. */
const NEAR_US = 500_000;

/** Paths that a pin names. */
const LONGEST = 3;
/** So many objects of which none is freed are not all still in use. */
const NEVER_FREED = 100;
const MINOR_BITS = 20;
const MINORS = 2 ** MINOR_BITS - 1;

function deviceName(device: number): string {
  return `${device >>> MINOR_BITS}:${device & MINORS}`;
}

/**
 * A file by device and inode number. Block devices are files themselves, of a device without a driver, and their
 * numbers are those of the devices (data/README.md); they are told by files of theirs in the trace.
 */
function fileName(file: Omit<HeldFile, 'pages'>, devices: ReadonlySet<number>): string {
  const { device, inodeHigh, inodeLow } = file;
  const inode = (BigInt(inodeHigh >>> 0) << 32n) | BigInt(inodeLow >>> 0);
  const place = `dev ${deviceName(device)} inode ${inode}`;
  const isBlock = inodeHigh === 0 && device >>> MINOR_BITS === 0 && devices.has(inodeLow);
  return isBlock ? `block device ${deviceName(inodeLow)} (${place})` : `file: ${place}`;
}

/** What can pin, what there is at the end, and what names there are. */
interface PinWorld {
  readonly slab: boolean;
  readonly pages: boolean;
  readonly caches: readonly string[];
  readonly devices: ReadonlySet<number>;
  /** By owner: what it has the most of. */
  readonly heldFiles: ReadonlyMap<number, HeldFile>;
  readonly heldCaches: ReadonlyMap<number, number>;
}

const TMPFS = 'tmpfs (inferred)';

function lastFileOf(cgroup: TracedCgroup): Omit<HeldFile, 'pages'> {
  const { lastDevice: device, lastInodeHigh: inodeHigh, lastInodeLow: inodeLow } = cgroup;
  return { device, inodeHigh, inodeLow };
}

function cacheName(world: PinWorld, cache: number | undefined): string {
  return `slab: ${world.caches[cache ?? -1] ?? 'unknown'}`;
}

/** What keeps a cgroup that is still there. */
function holderOf(place: number, cgroup: TracedCgroup, world: PinWorld): string | null {
  if (world.pages && cgroup.pages > 0) {
    const file = world.heldFiles.get(place);
    return file === undefined ? TMPFS : fileName(file, world.devices);
  }
  if (world.slab && cgroup.objects > 0) return cacheName(world, world.heldCaches.get(place));
  return null;
}

/**
 * What keeps a cgroup, or what went last before it did, of what can pin one.
 * @param inside when the last cgroup inside it went: later than anything if one is there
 */
function pinOf(place: number, cgroup: TracedCgroup, inside: number, world: PinWorld): string {
  const there = Number.isNaN(cgroup.released);
  const holder = there ? holderOf(place, cgroup, world) : null;
  if (holder !== null) return holder;
  const after = (time: number) => (time > cgroup.removed ? time : Number.NEGATIVE_INFINITY);
  const page = after(world.pages ? cgroup.lastFolio : Number.NaN);
  const object = after(world.slab ? cgroup.lastObject : Number.NaN);
  if (inside > Math.max(cgroup.removed + REMOVAL_US, page + LAST_US, object + LAST_US)) {
    return 'a cgroup inside it';
  }
  if (page >= object && page > cgroup.removed) {
    return cgroup.lastFolioIsFile ? fileName(lastFileOf(cgroup), world.devices) : TMPFS;
  }
  if (object > cgroup.removed) return cacheName(world, cgroup.lastObjectCache);
  return there ? 'unknown: something that leaves no event' : 'nothing but a grace period';
}

/** When the last cgroup inside each went. */
function insideOf(cgroups: readonly TracedCgroup[]): number[] {
  const inside = cgroups.map(() => Number.NEGATIVE_INFINITY);
  for (const { parent, released } of cgroups) {
    if (parent < 0) continue;
    const gone = Number.isNaN(released) ? Number.POSITIVE_INFINITY : released;
    inside[parent] = Math.max(gone, inside[parent] ?? gone);
  }
  return inside;
}

function pinsOf(cgroups: readonly TracedCgroup[], world: PinWorld, end: number): Pin[] {
  const pins = new Map<string, { path: string; seconds: number; there: boolean }[]>();
  const inside = insideOf(cgroups);
  for (const [place, cgroup] of cgroups.entries()) {
    if (Number.isNaN(cgroup.removed)) continue;
    const what = pinOf(place, cgroup, inside[place] as number, world);
    const there = Number.isNaN(cgroup.released);
    const seconds = ((there ? end : Math.min(end, cgroup.released)) - cgroup.removed) / 1e6;
    const all = pins.get(what);
    const one = { path: cgroup.path, seconds, there };
    if (all === undefined) pins.set(what, [one]);
    else all.push(one);
  }
  return [...pins]
    .map(([what, all]) => ({
      ...{ what, cgroups: all.length, seconds: all.reduce((sum, one) => sum + one.seconds, 0) },
      stillThere: all.filter(({ there }) => there).length,
      longest: [...all]
        .sort((a, b) => b.seconds - a.seconds)
        .slice(0, LONGEST)
        .map(({ path }) => path),
    }))
    .sort((a, b) => b.seconds - a.seconds || (a.what < b.what ? -1 : 1));
}

/** Objects by cache; caches that turn out to have one name are one. */
function objectsOf({ objects }: Replayer, labels: readonly string[]): LiveObjects[] {
  const live = objects.liveByCache();
  const sums = new Map<string, Omit<LiveObjects, 'incomplete'>>();
  for (const [number, cache] of labels.entries()) {
    const { allocs, frees, reused, unknownFrees } = objects.count(number);
    const sum = sums.get(cache);
    sums.set(cache, {
      cache,
      allocs: allocs + (sum?.allocs ?? 0),
      frees: frees + (sum?.frees ?? 0),
      reused: reused + (sum?.reused ?? 0),
      unknownFrees: unknownFrees + (sum?.unknownFrees ?? 0),
      live: (live[number] ?? 0) + (sum?.live ?? 0),
    });
  }
  return [...sums.values()]
    .map((one) => {
      const neverFreed = one.frees === 0 && one.allocs >= NEVER_FREED;
      return { ...one, incomplete: one.reused > 0 || neverFreed };
    })
    .sort((a, b) => b.live - a.live || b.allocs - a.allocs);
}

/** An event of a later turn: the same, of other tasks, cgroups and objects. Files keep the numbers that are looked for. */
function shift(event: TraceEvent, turn: number): void {
  event.pid += turn * PIDS;
  if (event.kind <= TRACE.kfree) {
    // Bits 40 to 47 of an address: the same in all of a machine with less than a terabyte; none of a hash.
    if (event.pointerHigh !== 0 || event.pointerLow !== 0) event.pointerHigh ^= turn << 8;
  } else if (event.kind > TRACE.filemapDelete) {
    event.cgroup += turn * CGROUPS;
    event.targetPid += turn * PIDS;
    event.childPid += turn * PIDS;
  }
}

/** Replays a trace. `now` gives milliseconds. @throws InputError, CapacityError */
export async function replayTrace(task: ReplayTask, now: () => number): Promise<ReplayRun> {
  const started = now();
  const replayer: Replayer = new Replayer({
    ...{ strategy: task.strategy, movePages: task.movePages, rules: task.rules },
    ...{ geometry: task.geometry, hierarchy: task.hierarchy },
    nameOf: (id) => reader.nameOf(id),
  });
  let reader: TraceReader;
  const handler = {
    event(event: TraceEvent): void {
      if (replayer.turn > 0) shift(event, replayer.turn);
      replayer.event(event);
    },
  };
  const { strict, called, bytesRead } = task;
  const watched = {
    ...{ strict, called },
    read(bytes: number): void {
      if (bytesRead !== undefined) bytesRead[0] = (bytesRead[0] ?? 0) + bytes;
    },
  };
  const read = () =>
    readTrace(task.files, handler, watched, (made) => {
      reader = made;
    });
  const summary = await read();
  let events = summary.events;
  for (let turn = 1; turn < task.scale; turn++) {
    // Strings come up in the same order, so their numbers are the same again.
    replayer.startTurn();
    events += (await read()).events;
  }
  const ms = now() - started;
  const violations = replayer.finish();
  const { all, others, hierarchy } = replayer.cgroups;
  const told = all.filter((one) => !Number.isNaN(one.removed) && !Number.isNaN(one.kernelReleased));
  const right = told.filter((one) => Math.abs(one.released - one.kernelReleased) <= NEAR_US);
  const caches = replayer.caches.labels((name) => reader.nameOf(name));
  const world = {
    ...{ slab: !replayer.releasesEarly, pages: !task.movePages, caches },
    devices: replayer.folios.devices,
    heldFiles: replayer.folios.largestFiles((owner) => all[owner]?.turn ?? 0),
    heldCaches: replayer.objects.largestCaches(),
  };
  const { first, now: ended } = replayer.clock;
  return {
    ...{ strategy: task.strategy, movePages: task.movePages, summary, started: first, ended },
    ...{ course: replayer.timeline.course, markers: replayer.timeline.markers },
    objects: objectsOf(replayer, caches),
    pins: pinsOf(all, world, ended),
    cgroups: all.length,
    removed: all.filter((one) => !Number.isNaN(one.removed)).length,
    ...{ releases: told.length, releasesRight: right.length },
    ...{ unknownDeletes: replayer.unknownDeletes, inferredPins: replayer.inferredPins },
    ...{ unknownFrees: replayer.unknownFrees, largeAllocations: replayer.large },
    ...{ failedAllocations: replayer.failed, accountedUnsaid: replayer.accountedUnsaid },
    ...{ hierarchy, otherHierarchies: [...others].sort(([a], [b]) => a - b) },
    ...{ events, violations, ms },
  };
}
