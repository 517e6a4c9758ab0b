/**
 * A small machine to look at: the real core, on which one creates and removes cgroups, allocates and
 * frees, and which is watched access by access. Each operation gives the moments it went through, with
 * what was touched on the way. The same operations give the same moments, so a history is the list of
 * operations, and going back is to play fewer of them.
 */
import {
  bindCpu,
  type CacheShape,
  type Cpu,
  createMachine,
  type Machine,
  ROOT_MEMCG,
} from '../../core/index.ts';
import { CACHE_KILLED } from '../../core/memcg/kmem-caches.ts';
import { MEMCG_DYING, MEMCG_OFFLINE } from '../../core/memcg/memcgs.ts';
import { ModelError } from '../../core/shared/assert.ts';
import { watchColumns } from '../../core/shared/watch.ts';
import type { Frame, Touch } from '../../reports/results-frames.ts';
import { frameOf, rowName } from './frame.ts';
import { createTouches, touchedRow } from './touches.ts';
import * as words from './words.ts';

/** An operation on the machine. Cgroups go by name, objects by the order in which they were allocated. */
export type Act =
  | { readonly do: 'create'; readonly memcg: string; readonly parent: string }
  | {
      readonly do: 'allocate';
      readonly memcg: string;
      readonly cache: string;
      readonly objects: number;
    }
  /** Somebody outside the cgroup uses an object as well: nobody but he can let go of it. */
  | { readonly do: 'share'; readonly object: number }
  | { readonly do: 'free'; readonly objects: readonly number[] }
  | { readonly do: 'remove'; readonly memcg: string };

/** Rows to which the hand-over of a removal gave another owner so far, by kind. */
export interface HandOverCount {
  readonly pages: number;
  /** Slab rows that were looked at or written for it. */
  readonly looks: number;
  readonly caches: number;
  readonly objcgs: number;
}

/** Before any hand-over. */
export const NOTHING: HandOverCount = { pages: 0, looks: 0, caches: 0, objcgs: 0 };

/** One moment. */
export interface Moment {
  /** What happened, in a sentence or two. */
  readonly caption: string;
  readonly frame: Frame;
  /** What was touched since the moment before. */
  readonly touched: readonly Touch[];
  /** Whether it is part of a hand-over. */
  readonly handOver: boolean;
  /** Of the last removal. */
  readonly count: HandOverCount;
  /** Objects that others use as well, as `row:place`. */
  readonly shared: readonly string[];
}

/** An object that is there. */
export interface StageObject {
  /** Order in which it was allocated, from 0. */
  readonly serial: number;
  readonly memcg: string;
  readonly cache: string;
  readonly shared: boolean;
  /** Slab row, and place in the slab. */
  readonly row: number;
  readonly place: number;
}

/** A machine that is played with. */
export interface Stage {
  /** The machine as it is now. */
  look(): Frame;
  /** Does something; @returns the moments, at least one. @throws ModelError when that cannot be done now */
  run(act: Act): Moment[];
  /** Objects that were allocated and not freed. */
  objects(): StageObject[];
  /** The machine and its CPU, for whoever checks. */
  readonly machine: Machine;
  readonly cpu: Cpu;
}

/** The types of objects: slabs of four, so that a picture has room for each. */
export const CACHE_NAMES = ['dentry', 'inode', 'kmalloc'] as const;
/** Objects in a slab of each of them. */
export const OBJECTS_PER_SLAB = 4;
/** With the pointer to its owner that `objcg` charges, four make a page. */
const OBJECT_BYTES = 1016;

const CONFIG = {
  ...{ cpus: 1, slabRows: 96, kmemCaches: 24, rootCaches: CACHE_NAMES.length },
  ...{ memcgs: 8, kmemIds: 8 },
} as const;
const DEFAULTS = { chargeBatch: 0, lrus: 0, lruItems: 0, folios: 0, moveFolios: 0, objcgs: 0 };
const SHAPE: CacheShape = {
  ...{ size: OBJECT_BYTES, objectsPerSlab: OBJECTS_PER_SLAB, pagesPerSlab: 1 },
  ...{ minPartial: 0, cpuPartialSlabs: 0 },
};
/** Columns in which a hand-over writes the new owner down, and what it is the owner of. */
const OWNER_COLUMNS = new Map<string, 'pages' | 'caches' | 'objcgs'>([
  ['owners.owner', 'pages'],
  ['kmemCaches.memcg', 'caches'],
  ['objcgs.memcg', 'objcgs'],
]);

interface Held {
  readonly handle: number;
  readonly memcg: string;
  readonly cache: string;
  shared: boolean;
}

/** Makes an empty machine under a strategy. */
export function createStage(strategy: string): Stage {
  const columns = new Map<string, Int32Array>();
  const config = { strategy, ...CONFIG, ...DEFAULTS };
  const names = {
    memcgs: { root: ROOT_MEMCG } as Record<string, number>,
    caches: {} as Record<string, number>,
  };
  const objects = new Map<number, Held>();
  let serials = 0;
  const touches = createTouches();
  const pagesTouched = new Set<number>();
  let handing = false;
  let count = NOTHING;
  let moments: Moment[] = [];
  let retired = 0;

  const look = (): Frame =>
    frameOf({ config: machine.config, column: (name) => columns.get(name) }, names);

  function sharedPlaces(): string[] {
    return [...objects.values()]
      .filter((one) => one.shared)
      .map(({ handle }) => `${handle >>> 6}:${handle & 63}`);
  }

  function cut(caption: string): void {
    const now = { frame: look(), touched: touches.list(), shared: sharedPlaces() };
    moments.push({ caption, handOver: handing, count, ...now });
    touches.clear();
  }

  function touch(column: string, index: number, how: Touch['how']): void {
    const length = columns.get(column)?.length ?? 0;
    const touched = touchedRow(config, column, index, length);
    if (touched === null) return;
    touches.add(touched.kind, touched.row, how);
    if (!handing || touched.kind !== 'page') return;
    pagesTouched.add(touched.row);
    count = { ...count, looks: pagesTouched.size };
  }

  function flagsChanged(row: number, before: number, after: number): void {
    const set = after & ~before;
    const name = rowName(names.memcgs, row, 'memcg');
    if ((set & MEMCG_DYING) !== 0) cut(words.removed(name));
    else if ((set & MEMCG_OFFLINE) !== 0) cut(words.offline(name));
    else if (after === 0) forget(row, name);
  }

  function forget(row: number, name: string): void {
    if (names.memcgs[name] === row) delete names.memcgs[name];
    cut(words.freed(name));
  }

  function wrote(column: string, index: number, before: number, after: number): void {
    touch(column, index, 'write');
    if (before === after) return;
    const owned = handing ? OWNER_COLUMNS.get(column) : undefined;
    if (owned !== undefined) {
      count = { ...count, [owned]: count[owned] + 1 };
      const change = { column, index, after };
      cut(words.handedOver(look(), change, columns.has('owners.owner'), touches.list()));
    } else if (column === 'memcgs.flags') flagsChanged(index, before, after);
    else if (column === 'kmemCaches.flags' && (after & ~before & CACHE_KILLED) !== 0) retired++;
    else if (column === 'kmemCaches.flags' && after === 0) forgetCache(index);
  }

  function forgetCache(row: number): void {
    for (const [name, one] of Object.entries(names.caches)) {
      if (one === row) delete names.caches[name];
    }
  }

  const [machine, cpu] = watchColumns(
    {
      opened: (column, plain) => columns.set(column, plain),
      read: (column, index) => touch(column, index, 'read'),
      wrote,
    },
    () => {
      const made = createMachine(config);
      return [made, bindCpu(made, 0)] as const;
    },
  );
  watchHandOver();
  for (const name of CACHE_NAMES) names.caches[name] = cpu.createRootCache(SHAPE);
  settle();

  /** The start and the end of a hand-over are calls, not words. */
  function watchHandOver(): void {
    const { strategy: bound } = cpu;
    const handOver = bound.handOver.bind(bound);
    bound.handOver = (child, parent) => {
      const seen = touches.list();
      if (seen.some(({ kind }) => kind === 'cache')) cut(words.deactivated());
      touches.clear();
      pagesTouched.clear();
      count = NOTHING;
      handing = true;
      handOver(child, parent);
      const name = rowName(names.memcgs, child, 'memcg');
      cut(words.handOverDone(name, rowName(names.memcgs, parent, 'memcg'), count));
      handing = false;
    };
  }

  function settle(): void {
    cpu.runDeferred();
    cpu.drainStock();
    cpu.runDeferred();
  }

  function rowOf(name: string): number {
    const row = names.memcgs[name];
    if (row === undefined) throw new ModelError(`there is no cgroup ${name} any more`);
    return row;
  }

  function allocate(act: Act & { do: 'allocate' }): void {
    const memcg = rowOf(act.memcg);
    const root = names.caches[act.cache] ?? 0;
    const cache = cpu.createCache(memcg, root);
    if (!machine.strategy.sharesCaches) names.caches[`${act.cache} of ${act.memcg}`] = cache;
    for (let made = 0; made < act.objects; made++) {
      const handle = cpu.alloc(cache);
      if (handle === 0) throw new ModelError('no slab rows are left: free something first');
      objects.set(serials, { handle, memcg: act.memcg, cache: act.cache, shared: false });
      serials++;
    }
  }

  function free(serial: number): void {
    const held = objects.get(serial);
    if (held === undefined) throw new ModelError(`object ${serial} was freed before`);
    cpu.free(held.handle);
    objects.delete(serial);
  }

  function remove(name: string): string | null {
    const memcg = rowOf(name);
    retired = 0;
    cpu.rmdir(memcg);
    settle();
    return words.removalOver(look(), name, retired);
  }

  function freeAll(serials: readonly number[]): string | null {
    const before = look();
    for (const serial of serials) free(serial);
    // Empty slabs that a CPU or a list keeps go back as well: memory was short.
    for (const name of CACHE_NAMES) cpu.shrink(names.caches[name] ?? 0);
    cut(words.freedObjects(serials.length, before, look()));
    settle();
    return words.deferredDone(moments.at(-1)?.frame ?? before, look());
  }

  /** What happened since the last moment needs no words of its own. */
  function amendLast(): void {
    const moment = moments.pop();
    if (moment === undefined) return;
    for (const { kind, row, how } of moment.touched) touches.add(kind, row, how);
    moments.push({ ...moment, frame: look(), touched: touches.list() });
  }

  /** Does it; returns the words for what no moment has told yet, if anything. */
  function perform(act: Act): string | null {
    const before = look();
    switch (act.do) {
      case 'create':
        names.memcgs[act.memcg] = cpu.createMemcg(rowOf(act.parent));
        settle();
        return words.created(act.memcg, act.parent);
      case 'allocate':
        allocate(act);
        settle();
        return words.allocated(act, before, look());
      case 'share': {
        const held = objects.get(act.object);
        if (held === undefined) throw new ModelError(`object ${act.object} was freed before`);
        held.shared = true;
        return words.shared(held);
      }
      case 'free':
        return freeAll(act.objects);
      case 'remove':
        return remove(act.memcg);
    }
  }

  return {
    ...{ machine, cpu, look },
    run(act) {
      moments = [];
      touches.clear();
      const last = perform(act);
      if (last !== null) cut(last);
      else amendLast();
      return moments;
    },
    objects: () =>
      [...objects].map(([serial, { handle, memcg, cache, shared }]) => {
        const place = { row: handle >>> 6, place: handle & 63 };
        return { serial, memcg, cache, shared, ...place };
      }),
  };
}
