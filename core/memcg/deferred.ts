/**
 * Deferred work of a machine: RCU callbacks and work items, and who runs them. With a kworker (a CPU
 * that said so) everybody else waits for it; without one, whoever waits runs the work itself.
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import { check } from '../shared/assert.ts';
import { RCU_CALLBACK, WORK } from '../shared/deferred-kinds.ts';
import type { Processor } from '../shared/processor.ts';
import { bindRcu, type Rcu } from '../shared/rcu.ts';
import type { IrqSpinLock } from '../shared/spinlock.ts';
import type { Patience } from '../shared/wait.ts';
import { bindWorkqueue, type Workqueue } from '../shared/workqueue.ts';
import type { Caches } from './caches.ts';
import type { Kernel } from './kernel.ts';
import type { Memcgs } from './lifecycle.ts';

/** Deferred work as one CPU sees it. */
export interface Deferred {
  readonly rcu: Rcu;
  /** Work about caches (memcg_kmem_cache_wq). */
  readonly work: Workqueue;
  /** Work about cgroups (cgroup_destroy_wq). */
  readonly cgroupWork: Workqueue;
  /** RCU callbacks and items of both queues that have not run. */
  deferred(): number;
  /** Declares this CPU the kworker: the one that runs deferred work. */
  becomeKworker(): void;
  /**
   * Runs deferred work as far as it goes without waiting for a CPU to leave its read section; returns
   * how many callbacks and items ran. With all other CPUs idle nothing is left afterwards.
   */
  runDeferred(): number;
  /** Runs at most one callback or item; false when there was nothing to run. */
  runDeferredStep(): boolean;
  /** The kworker sleeps until there may be something to do, at most so long. */
  sleepUntilWork(timeoutMs: number): void;
}

/** What `bindCpu` needs beside it. */
export interface DeferredParts extends Deferred {
  memcgUnreferenced(memcg: number): void;
  cacheUnreferenced(cache: number): void;
  /** Gives the operations that callbacks and items stand for. */
  connect(kernel: Kernel, caches: Caches, memcgs: Memcgs): void;
}

const KWORKER = 0;
const ASLEEP = 1;
const KICKS = 2;

/** Binds deferred work to a CPU. */
export function bindDeferred(
  machine: Machine,
  bound: {
    processor: Processor;
    patience: Patience;
    rcuLock: IrqSpinLock;
    workLock: IrqSpinLock;
    cgroupWorkLock: IrqSpinLock;
  },
): DeferredParts {
  const { add, load, notify, store, wait } = atomics;
  const { processor, patience } = bound;
  const { kworker } = machine.globals;
  let operations: { kernel: Kernel; caches: Caches; memcgs: Memcgs } | null = null;

  function kick(): void {
    if (load(kworker, ASLEEP) === 0) return;
    add(kworker, KICKS, 1);
    notify(kworker, KICKS);
  }

  function mustHelp(): boolean {
    const runner = load(kworker, KWORKER);
    return runner === 0 || runner === processor.cpu + 1;
  }

  function bindings() {
    check(operations !== null, 'deferred work before the CPU is bound');
    return operations;
  }

  function runCallback(kind: number, row: number): void {
    const { kernel, memcgs } = bindings();
    if (kind === RCU_CALLBACK.memcgKilled) memcgs.memcgKilled(row);
    else if (kind === RCU_CALLBACK.cacheDeactivated) work.queue(WORK.shrinkCache, row);
    else if (kind === RCU_CALLBACK.cacheKilled) kernel.cacheRefs.switched(row);
    else if (kind === RCU_CALLBACK.memcgReleased) cgroupWork.queue(WORK.freeMemcg, row);
    else if (kind === RCU_CALLBACK.freeSlabs) kernel.allocator.retire.freeDeferred();
    else kernel.strategy.objects?.gracePeriodOver(kind, row);
  }

  function runItem(kind: number, row: number, argument: number): void {
    const { caches, memcgs } = bindings();
    if (kind === WORK.offline) memcgs.offlineKilled(row);
    else if (kind === WORK.shrinkCache) caches.shrinkDeactivated(row);
    else if (kind === WORK.shutdownCache) caches.shutdown(row);
    else if (kind === WORK.releaseMemcg) memcgs.releaseMemcg(row);
    else if (kind === WORK.freeMemcg) memcgs.freeMemcg(row);
    else if (kind === WORK.createCache) caches.createRequested(row, argument);
    else caches.freeTypesafe(row);
  }

  const rcu = bindRcu({
    ...{ words: machine.rcu.word, ring: machine.rcuRing, cpus: machine.config.cpus },
    ...{ processor, patience, lock: bound.rcuLock, mustHelp, kick, run: runCallback },
  });
  const queued = { processor, patience, mustHelp, kick, advance: rcu.advance, run: runItem };
  const work = bindWorkqueue({
    ...{ words: machine.work.word, ring: machine.workRing, lock: bound.workLock, ...queued },
  });
  const cgroupWork = bindWorkqueue({
    ...{ words: machine.cgroupWork.word, ring: machine.cgroupWorkRing, ...queued },
    lock: bound.cgroupWorkLock,
  });

  const runItemOfAny = (): boolean => cgroupWork.runOne() || work.runOne();
  const deferred = (): number => rcu.pending() + cgroupWork.pending() + work.pending();

  return {
    rcu,
    work,
    cgroupWork,
    deferred,
    becomeKworker() {
      store(kworker, KWORKER, processor.cpu + 1);
    },
    runDeferred() {
      let ran = 0;
      for (;;) {
        processor.poll();
        const callbacks = rcu.advance();
        const item = runItemOfAny();
        if (callbacks === 0 && !item) return ran;
        ran += callbacks + (item ? 1 : 0);
      }
    },
    runDeferredStep: () => rcu.advance(1) > 0 || runItemOfAny(),
    sleepUntilWork(timeoutMs) {
      const seen = load(kworker, KICKS);
      store(kworker, ASLEEP, 1);
      // Looked at after the store: whoever came before it saw nobody asleep and kicked nobody.
      if (!rcu.busy() && deferred() === 0) {
        processor.asleep(() => {
          wait(kworker, KICKS, seen, timeoutMs);
        });
      }
      store(kworker, ASLEEP, 0);
    },
    memcgUnreferenced: (memcg) => cgroupWork.queue(WORK.releaseMemcg, memcg),
    cacheUnreferenced: (cache) => work.queue(WORK.shutdownCache, cache),
    connect(kernel, caches, memcgs) {
      operations = { kernel, caches, memcgs };
    },
  };
}
