/**
 * Negative dentries as the kernel's tests make them: stat of a path that is missing leaves a dentry and,
 * as the name is long, an object for the name. Both are accounted to who asked, and reclaimable.
 */
import type { Cpu, Shrinker } from '../../core/index.ts';
import type { TestMachine } from './world.ts';

/** The list_lru of dentries. */
const LRU = 0;

/** The dentries of a machine. */
export interface Dentries {
  readonly shrinker: Shrinker;
  /** Looks up so many missing paths as the task of a CPU. */
  lookUp(count: number, cpu?: Cpu): void;
  /** Names that are there. */
  count(): number;
  /** All of them as they are now. */
  handles(): number[];
  /** Frees all, in an order of the seed: on the first CPU, or on any. */
  freeAll(where?: 'first' | 'any'): void;
}

/** Binds them to a machine. */
export function bindDentries(host: TestMachine): Dentries {
  const { cpu: first } = host;
  const { lrus } = first;
  /** Name and lru item by dentry. */
  const entries = new Map<number, { readonly name: number; readonly item: number }>();

  function release(dentry: number, cpu: Cpu): void {
    const entry = entries.get(dentry);
    if (entry === undefined) throw new Error(`object ${dentry} is no dentry`);
    entries.delete(dentry);
    cpu.free(entry.name);
    cpu.free(dentry);
  }

  return {
    shrinker: {
      lrus: [LRU],
      scan(lru, memcg, objects) {
        let freed = 0;
        for (; freed < objects; freed++) {
          const dentry = lrus.isolate(lru, memcg);
          if (dentry === 0) break;
          release(dentry, first);
        }
        return freed;
      },
    },
    lookUp(count, cpu = first) {
      for (let done = 0; done < count; done++) {
        const dentry = host.alloc('dentry', cpu);
        const name = host.alloc('name', cpu);
        entries.set(dentry, { name, item: cpu.lrus.add(LRU, dentry) });
      }
    },
    count: () => entries.size,
    handles: () => [...entries.keys()],
    freeAll(where = 'first') {
      const left = [...entries.keys()];
      while (left.length > 0) {
        const place = host.below(left.length);
        const dentry = left[place] as number;
        left[place] = left[left.length - 1] as number;
        left.pop();
        const cpu = where === 'first' ? first : host.anyCpu();
        cpu.lrus.del(LRU, entries.get(dentry)?.item ?? 0);
        release(dentry, cpu);
      }
    },
  };
}
