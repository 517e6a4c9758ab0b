// hot path
/**
 * The loops of the hot-path benchmark: what a strategy costs on alloc and free while nobody removes
 * anything. The same loops as the native yardstick's, on the same kind of population.
 *
 * An object is allocated as the kernel does it for a task in a memcg: its cache or owner is looked up, held
 * and let go. With `lookedUp` the look-up is left out, as in the native program: allocation from a
 * cache that is known. Where objects have owners each is still charged then.
 *
 *   pair    alloc and free of one object, in a random cache each time (last in, first out)
 *   churn   fill 65,536 objects slab by slab, free them in order: every slab is created and charged,
 *           discarded and uncharged
 *   random  replace random objects of a large live set: free one, alloc another in a random cache
 *
 * An operation is one alloc or one free. Loops run in calls of some ten thousand operations.
 */
import { type Cpu, ModelError, NO_OBJECT } from '../../core/index.ts';

/** Names of the loops, in the order they run. */
export const HOT_OPERATIONS = ['pair', 'churn', 'random'] as const;

/** One of the loops. */
export type HotOperation = (typeof HOT_OPERATIONS)[number];

/** Objects that the churn loop holds at its fullest. */
export const CHURN_OBJECTS = 65_536;
/** Consecutive objects that churn takes from one cache. */
const CHURN_RUN_SHIFT = 6;
const RANDOM_MAX = 2 ** 32;

/** The loops, bound to one CPU; each returns how many operations it did. */
export interface HotPath {
  /** Allocates the live set of `random` and shuffles its order. */
  populate(): void;
  pair(pairs: number): number;
  churn(): number;
  random(replacements: number): number;
  /** Frees everything that the loops hold. */
  drop(): void;
}

/** An element whose index is in range by construction; `noUncheckedIndexedAccess` cannot know. */
function at(array: Int32Array, index: number): number {
  return array[index] as number;
}

/** Whose objects, of which types. */
export interface HotPathTarget {
  readonly memcg: number;
  readonly roots: Int32Array;
  readonly lookedUp: boolean;
}

/** Allocation of an object of a type by its place; one closure, so that the loops' call is monomorphic. */
function bindAllocation(cpu: Cpu, { memcg, roots, lookedUp }: HotPathTarget) {
  const caches = roots.map((root) => cpu.createCache(memcg, root));
  const { alloc, allocFor } = cpu;
  return lookedUp
    ? (place: number): number => alloc(at(caches, place))
    : (place: number): number => allocFor(memcg, at(roots, place));
}

/** Binds the loops; `live` is how many objects `populate` allocates. */
export function bindHotPath(cpu: Cpu, target: HotPathTarget, live: number, seed: number): HotPath {
  const { free } = cpu;
  const alloc = bindAllocation(cpu, target);
  const count = target.roots.length;
  const held = new Int32Array(live);
  const churned = new Int32Array(CHURN_OBJECTS);
  const scale = live / RANDOM_MAX;
  let state = seed | 0;

  /** High 16 bits of a linear congruential step pick one of at most 32,768 types, in integers only. */
  function nextType(): number {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return Math.imul(state >>> 16, count) >>> 16;
  }

  function fill(from: number, to: number): void {
    for (let place = from; place < to; place++) {
      const handle = alloc(nextType());
      if (handle === NO_OBJECT) throw new ModelError(`out of slab rows after ${place} objects`);
      held[place] = handle;
    }
  }

  function shuffle(): void {
    for (let place = live - 1; place > 0; place--) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      const other = Math.floor(((state >>> 0) * (place + 1)) / RANDOM_MAX);
      const handle = at(held, place);
      held[place] = at(held, other);
      held[other] = handle;
    }
  }

  return {
    populate() {
      // In calls of some thousand objects, so that the loop is optimised before it is half done.
      const step = 16_384;
      for (let from = 0; from < live; from += step) fill(from, Math.min(from + step, live));
      shuffle();
    },
    pair(pairs) {
      for (let pair = 0; pair < pairs; pair++) free(alloc(nextType()));
      return 2 * pairs;
    },
    churn() {
      let type = 0;
      for (let place = 0; place < CHURN_OBJECTS; place++) {
        churned[place] = alloc(type);
        if (((place + 1) & ((1 << CHURN_RUN_SHIFT) - 1)) === 0) type = (type + 1) % count;
      }
      for (let place = 0; place < CHURN_OBJECTS; place++) free(at(churned, place));
      return 2 * CHURN_OBJECTS;
    },
    random(replacements) {
      for (let done = 0; done < replacements; done++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
        const place = ((state >>> 0) * scale) | 0;
        free(at(held, place));
        held[place] = alloc(nextType());
      }
      return 2 * replacements;
    },
    drop() {
      for (let place = 0; place < live; place++) free(at(held, place));
    },
  };
}
