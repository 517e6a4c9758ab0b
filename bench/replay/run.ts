/** A trace under one strategy, from its bytes to what a record says. */

import type { GeometryRules } from '../../core/slub/geometry.ts';
import {
  readTrace,
  type TraceHandler,
  type TraceReader,
  type TraceSummary,
} from '../input/ftrace.ts';
import type { RecordedGeometry } from '../input/slab-geometry.ts';
import type { TracedCgroup } from './cgroups.ts';
import { Replayer } from './replayer.ts';
import type { MarkerSample, ReplaySample } from './timeline.ts';

/** What to replay, and how. */
export interface ReplayTask {
  readonly files: readonly string[];
  readonly strategy: string;
  readonly movePages: boolean;
  readonly rules: GeometryRules;
  readonly geometry: RecordedGeometry | null;
  readonly hierarchy: number;
  readonly strict: boolean;
  /** How many times the trace is replayed, one after the other, each time with identities of its own. */
  readonly scale: number;
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
}

/** What kept cgroups after their removal. */
export interface Pin {
  readonly what: string;
  readonly cgroups: number;
  /** From removal to release, or to the end of the trace, seconds, of all of them. */
  readonly seconds: number;
  readonly stillThere: number;
}

/** What came of it. */
export interface ReplayRun {
  readonly strategy: string;
  readonly movePages: boolean;
  readonly summary: TraceSummary;
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
  readonly largeAllocations: number;
  readonly otherHierarchies: number;
  readonly events: number;
  /** Broken invariants of the machine at the end. */
  readonly violations: readonly string[];
  /** Reading and replaying, the audit left out. */
  readonly ms: number;
}

/** Distances between the identities of two turns: above what a kernel gives. */
const PIDS = 2 ** 23;
const CGROUPS = 2 ** 40;
const INODES = 2 ** 33;
/** Time between two turns. */
const BETWEEN_US = 1_000_000;

/** A release as near as this to the kernel's is right, us. */
const NEAR_US = 500_000;

function inodeName({ dev, inode }: { dev: number; inode: number }): string {
  return `file: dev ${Math.floor(dev / 2 ** 20)}:${dev % 2 ** 20} inode ${inode}`;
}

/** What went last before a cgroup did, of what can pin one. */
function pinOf(
  cgroup: TracedCgroup,
  pins: { slab: boolean; pages: boolean },
  caches: readonly string[],
): string {
  const there = Number.isNaN(cgroup.released);
  if (there && pins.pages && cgroup.pages > 0) return 'page cache that is still there';
  if (there && pins.slab && cgroup.objects > 0) return 'slab objects that are still there';
  const last = cgroup.pages > 0 ? Number.POSITIVE_INFINITY : cgroup.lastFolio;
  const page = pins.pages ? last : Number.NaN;
  const object = pins.slab ? cgroup.lastObject : Number.NaN;
  const after = (time: number) => !Number.isNaN(time) && time > cgroup.removed;
  if (after(page) && !(object > page)) {
    return cgroup.lastFolioKey === null ? 'tmpfs (inferred)' : inodeName(cgroup.lastFolioKey);
  }
  if (after(object)) return `slab: ${caches[cgroup.lastObjectCache] ?? 'unknown'}`;
  if (Number.isNaN(cgroup.released)) return 'unknown: something that leaves no event';
  return 'nothing but a grace period';
}

function pinsOf(replayer: Replayer, can: { slab: boolean; pages: boolean }, end: number): Pin[] {
  const pins = new Map<string, { cgroups: number; seconds: number; stillThere: number }>();
  for (const cgroup of replayer.cgroups.all) {
    if (Number.isNaN(cgroup.removed)) continue;
    const what = pinOf(cgroup, can, replayer.caches.names);
    const sum = pins.get(what) ?? { cgroups: 0, seconds: 0, stillThere: 0 };
    const gone = Number.isNaN(cgroup.released) ? end : Math.min(end, cgroup.released);
    sum.cgroups++;
    sum.seconds += (gone - cgroup.removed) / 1e6;
    if (Number.isNaN(cgroup.released)) sum.stillThere++;
    pins.set(what, sum);
  }
  return [...pins]
    .map(([what, sum]) => ({ what, ...sum }))
    .sort((a, b) => b.seconds - a.seconds || (a.what < b.what ? -1 : 1));
}

function objectsOf({ caches, objects }: Replayer): LiveObjects[] {
  const live = objects.liveByCache();
  return caches.names
    .map((cache, number) => ({ cache, ...objects.count(number), live: live[number] ?? 0 }))
    .sort((a, b) => b.live - a.live || b.allocs - a.allocs);
}

/** Events of a later turn: the same, later, of other tasks, cgroups, objects and files. */
function shifted(replayer: Replayer, turn: number, length: number): TraceHandler {
  return {
    event(event) {
      event.time += turn * length;
      event.pid += turn * PIDS;
      event.childPid += turn * PIDS;
      event.targetPid += turn * PIDS;
      event.cgroup += turn * CGROUPS;
      event.inode += turn * INODES;
      // Bits 40 to 47 of an address: the same in all of a machine with less than a terabyte; none of a hash.
      event.pointerHigh ^= turn << 8;
      replayer.event(event);
    },
  };
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
  const read = (handler: TraceHandler) =>
    readTrace(task.files, handler, { strict: task.strict }, (made) => {
      reader = made;
    });
  let summary = await read(replayer);
  let events = summary.events;
  const length = summary.lastTime - summary.firstTime + BETWEEN_US;
  for (let turn = 1; turn < task.scale; turn++) {
    // Strings come up in the same order, so their numbers are the same again.
    const again = await read(shifted(replayer, turn, length));
    events += again.events;
    summary = { ...summary, lastTime: again.lastTime + turn * length };
  }
  const ms = now() - started;
  const violations = replayer.finish();
  const { all, elsewhere } = replayer.cgroups;
  const told = all.filter((one) => !Number.isNaN(one.removed) && !Number.isNaN(one.kernelReleased));
  const right = told.filter((one) => Math.abs(one.released - one.kernelReleased) <= NEAR_US);
  return {
    ...{ strategy: task.strategy, movePages: task.movePages, summary },
    ...{ course: replayer.timeline.course, markers: replayer.timeline.markers },
    objects: objectsOf(replayer),
    pins: pinsOf(
      replayer,
      { slab: !replayer.releasesEarly, pages: !task.movePages },
      summary.lastTime,
    ),
    cgroups: all.length,
    removed: all.filter((one) => !Number.isNaN(one.removed)).length,
    ...{ releases: told.length, releasesRight: right.length },
    ...{ unknownDeletes: replayer.unknownDeletes, inferredPins: replayer.inferredPins },
    ...{ largeAllocations: replayer.large, otherHierarchies: elsewhere },
    ...{ events, violations, ms },
  };
}
