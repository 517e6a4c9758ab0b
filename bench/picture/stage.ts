/**
 * A small machine to look at: the real core, on which one creates and removes cgroups, allocates and
 * frees. Each operation gives the moments it went through, with what was touched on the way. The same
 * operations give the same moments, so a history is the list of operations, and going back is to play
 * fewer of them.
 */
import type { CacheShape, Cpu, Machine } from '../../core/index.ts';
import { ModelError } from '../../core/shared/assert.ts';
import type { Frame } from '../../reports/results-frames.ts';
import { type Moment, recordMachine } from './recorder.ts';
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
  ...{ chargeBatch: 0, lrus: 0, lruItems: 0, folios: 0, moveFolios: 0, objcgs: 0 },
};
const SHAPE: CacheShape = {
  ...{ size: OBJECT_BYTES, objectsPerSlab: OBJECTS_PER_SLAB, pagesPerSlab: 1 },
  ...{ minPartial: 0, cpuPartialSlabs: 0 },
};
interface Held {
  readonly handle: number;
  readonly memcg: string;
  readonly cache: string;
  shared: boolean;
}

/** Makes an empty machine under a strategy. */
export function createStage(strategy: string): Stage {
  const objects = new Map<number, Held>();
  let serials = 0;
  const { machine, cpu, names, recorder } = recordMachine({ strategy, ...CONFIG }, () =>
    [...objects.values()]
      .filter((one) => one.shared)
      .map(({ handle }) => `${handle >>> 6}:${handle & 63}`),
  );
  const { look } = recorder;
  for (const name of CACHE_NAMES) names.caches[name] = cpu.createRootCache(SHAPE);
  settle();

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

  function held(serial: number): Held {
    const found = objects.get(serial);
    if (found === undefined) throw new ModelError(`object ${serial} was freed before`);
    return found;
  }

  /** A cgroup that was removed may have left one behind under the name of its heir's. */
  function nameCache(name: string, cache: number): void {
    if (Object.values(names.caches).includes(cache)) return;
    names.caches[name in names.caches ? `${name} (${cache})` : name] = cache;
  }

  function allocate(act: Act & { do: 'allocate' }): string {
    const before = look();
    const memcg = rowOf(act.memcg);
    const cache = cpu.createCache(memcg, names.caches[act.cache] ?? 0);
    if (!machine.strategy.sharesCaches) nameCache(`${act.cache} of ${act.memcg}`, cache);
    for (let made = 0; made < act.objects; made++) {
      const handle = cpu.alloc(cache);
      if (handle === 0) throw new ModelError('no slab rows are left: free something first');
      objects.set(serials, { handle, memcg: act.memcg, cache: act.cache, shared: false });
      serials++;
    }
    settle();
    return words.allocated(act, before, look());
  }

  function free(serials: readonly number[]): string | null {
    const before = look();
    for (const serial of serials) {
      cpu.free(held(serial).handle);
      objects.delete(serial);
    }
    // Empty slabs that a CPU or a list keeps go back as well: memory was short.
    for (const name of CACHE_NAMES) cpu.shrink(names.caches[name] ?? 0);
    recorder.cut(words.freedObjects(serials.length, before, look()));
    settle();
    return words.deferredDone(recorder.moments().at(-1)?.frame ?? before, look());
  }

  /** Does it; returns the words for what no moment has told yet, if anything. */
  function perform(act: Act): string | null {
    switch (act.do) {
      case 'create':
        names.memcgs[act.memcg] = cpu.createMemcg(rowOf(act.parent));
        settle();
        return words.created(act.memcg, act.parent);
      case 'allocate':
        return allocate(act);
      case 'share': {
        const object = held(act.object);
        object.shared = true;
        return words.shared(object);
      }
      case 'free':
        return free(act.objects);
      case 'remove':
        cpu.rmdir(rowOf(act.memcg));
        settle();
        return words.removalOver(look(), act.memcg, recorder.retired());
    }
  }

  return {
    ...{ machine, cpu, look },
    run(act) {
      recorder.begin();
      const last = perform(act);
      if (last !== null) recorder.cut(last);
      else recorder.amendLast();
      return recorder.moments();
    },
    objects: () =>
      [...objects].map(([serial, { handle, memcg, cache, shared }]) => {
        const place = { row: handle >>> 6, place: handle & 63 };
        return { serial, memcg, cache, shared, ...place };
      }),
  };
}
