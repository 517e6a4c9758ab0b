/**
 * The whole life cycle against a naive observer: two CPUs in turn, tasks, stocks, asynchronous caches,
 * and deferred work one step at a time. The audit is clean after each step, and at the end nothing is
 * left. fast-check prints seed and path of a failure.
 */
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_LIMIT, NO_OBJECT, ROOT_MEMCG, STRATEGIES, STRATEGY_NAMES } from '../../core/index.ts';
import { LifecycleWorld } from '../support/lifecycle-world.ts';

/** What can happen, more often than once what should happen often. */
const KINDS = [
  ...['createMemcg', 'createMemcg', 'kmalloc', 'kmalloc', 'kmalloc', 'allocFor', 'allocFor'],
  ...['allocFor', 'createCache', 'free', 'free', 'free', 'moveTask', 'rmdir', 'rmdir'],
  ...['step', 'step', 'step', 'step', 'step', 'settle', 'drain', 'flush', 'shrink', 'limit'],
] as const;

interface Step {
  readonly kind: (typeof KINDS)[number];
  readonly cpu: number;
  readonly who: number;
  readonly what: number;
  readonly times: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...KINDS),
  cpu: fc.nat({ max: 1 }),
  who: fc.nat({ max: 2 ** 16 }),
  what: fc.nat({ max: 2 ** 16 }),
  times: fc.integer({ min: 1, max: 40 }),
});

/** Allocates until a limit is hit; from whose cache is the machine's choice. */
function allocate(world: LifecycleWorld, { kind, cpu, who, what, times }: Step): void {
  const root = world.root(what);
  const memcg = kind === 'kmalloc' ? (world.tasks[cpu] ?? ROOT_MEMCG) : world.online(who).id;
  for (let time = 0; time < times; time++) {
    const { kmalloc, allocFor } = world.cpu(cpu);
    const handle = kind === 'kmalloc' ? kmalloc(root) : allocFor(memcg, root);
    if (handle === NO_OBJECT) return;
    world.allocated(handle, memcg, root);
  }
}

function apply(world: LifecycleWorld, one: Step): void {
  const { kind, cpu, who, what, times } = one;
  const memcg = world.online(who);
  const isRoot = memcg.id === ROOT_MEMCG;
  if (kind === 'createMemcg' && world.canCreate()) world.createMemcg(cpu, memcg.id);
  else if (kind === 'kmalloc' || kind === 'allocFor') allocate(world, one);
  else if (kind === 'createCache' && !isRoot) world.createCache(cpu, memcg.id, world.root(what));
  else if (kind === 'free') {
    for (let time = 0; time < times; time++) world.free(cpu, who * (time + 1));
  } else if (kind === 'moveTask') world.moveTask(cpu, what % 2, memcg.id);
  else if (kind === 'rmdir') {
    const removable = world.removable(who);
    if (removable !== undefined) world.rmdir(cpu, removable.id);
  } else if (kind === 'step') world.cpu(cpu).runDeferredStep();
  else if (kind === 'settle') world.settle(cpu);
  else if (kind === 'drain') world.cpu(cpu).drainStock();
  else if (kind === 'flush')
    world.cpu(cpu).flush(world.cpu(cpu).cacheFor(memcg.id, world.root(what)));
  else if (kind === 'shrink') {
    world.cpu(cpu).shrink(world.cpu(cpu).cacheFor(memcg.id, world.root(what)));
  } else if (kind === 'limit' && !isRoot) {
    world.cpu(cpu).setLimit(memcg.id, times < 30 ? times * 3 : NO_LIMIT);
  }
}

for (const strategy of STRATEGY_NAMES) {
  const early = STRATEGIES.find(({ name }) => name === strategy)?.releasesEarly === true;
  for (const chargeBatch of [0, 32]) {
    test(`${strategy}, batches of ${chargeBatch}: every step is sound, and nothing is left at the end`, () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
          const world = new LifecycleWorld(strategy, chargeBatch, early);
          for (const one of steps) {
            apply(world, one);
            world.compare(JSON.stringify(one));
          }
          world.settle(0);
          world.tearDown();
        }),
        { numRuns: 30 },
      );
    });
  }
}
