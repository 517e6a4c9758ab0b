// hot path
/**
 * The splice (kernel-model b.7 step 2.3, Linux 5.3): every cache on the child's list, active and
 * inherited, gets the parent as its memcg by a single store, the lists are joined, and one css
 * reference per cache moves. Costs one dependent step per cache and nothing per page.
 *
 * The page-by-page strategies use it too: their caches also need a living memcg, or slabs created
 * after the removal would be charged to a dead one.
 *
 * Departure: the kernel puts the child's references one by one and gets the parent's at once; here
 * both are one addition. The parent's are taken first; the child's css keeps the parent until then.
 * Protection: slab_mutex. Readers of `memcg` see the old or the new owner; the old one cannot be freed
 * before they have left their read section.
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import { stepIndex } from './steps.ts';
import type { StrategyContext } from './strategy.ts';

/** Binds the splice; returns the number of caches handed over. */
export function bindCacheHandOver(
  machine: Machine,
  context: StrategyContext,
): (child: number, parent: number) => number {
  // Constants of the closure, so that V8 inlines them without a check (see allocator.ts).
  const { poke } = atomics;
  const { get, put } = context.css;
  const { memcg: owner, next, prev } = machine.kmemCaches;
  const { cachesHead, cachesTail, caches } = machine.memcgs;
  const steps = machine.cpus.steps;
  const CACHES_MOVED = stepIndex(context.cpu, 'cachesMoved');
  const CSS_MOVED = stepIndex(context.cpu, 'cssMoved');
  const LIST_OPERATIONS = stepIndex(context.cpu, 'listOperations');

  return (child, parent) => {
    const first = cachesHead[child];
    if (first === 0) return 0;
    let moved = 0;
    for (let cache = first; cache !== 0; cache = next[cache]) {
      poke(owner, cache, parent);
      moved++;
    }
    const last = cachesTail[child];
    const after = cachesHead[parent];
    next[last] = after;
    if (after === 0) cachesTail[parent] = last;
    else prev[after] = last;
    cachesHead[parent] = first;
    cachesHead[child] = 0;
    cachesTail[child] = 0;
    caches[parent] += moved;
    caches[child] = 0;
    get(parent, moved);
    put(child, moved);
    steps[CACHES_MOVED] += moved;
    steps[CSS_MOVED] += moved;
    steps[LIST_OPERATIONS]++;
    return moved;
  };
}
