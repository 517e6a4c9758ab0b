/** The primitives of `core/shared` as one CPU of a machine has them, without the rest of the kernel. */
import { createMachine, type Machine } from '../../core/index.ts';
import { bindMutex } from '../../core/shared/mutex.ts';
import { bindPercpuRefs } from '../../core/shared/percpu-ref.ts';
import { bindProcessor, LINE } from '../../core/shared/processor.ts';
import { bindRcu } from '../../core/shared/rcu.ts';
import { bindIrqSpinLock, bindSpinLock } from '../../core/shared/spinlock.ts';
import { bindPatience, PATIENCE } from '../../core/shared/wait.ts';
import { bindWorkqueue, type RunWork } from '../../core/shared/workqueue.ts';
import { LOCK } from '../../core/tables.ts';

/** What deferred work does, and what happens to references. */
export interface Hooks {
  callback?(kind: number, row: number): void;
  item?: RunWork;
  release?(row: number): void;
  /** Whether this CPU pushes deferred work on while it waits; default yes. */
  mustHelp?(): boolean;
}

/** The memory that primitives lie in: a machine of which nothing else is used. */
export function sharedParts(cpus: number, deadlineMs = 20_000): Machine {
  const machine = createMachine({
    ...{ strategy: 'pin', cpus, slabRows: 8, kmemCaches: 2, rootCaches: 1, memcgs: 8, kmemIds: 8 },
  });
  machine.globals.patience[PATIENCE.deadlineMs] = deadlineMs;
  return machine;
}

/** Binds them to a CPU. */
export function bindParts(machine: Machine, cpu: number, hooks: Hooks = {}) {
  const cpus = machine.config.cpus;
  const patience = bindPatience(machine.globals.patience, cpu);
  const processor = bindProcessor({
    ...{ columns: machine.processors, cpu, period: machine.rcu.word, patience },
  });
  const words = machine.locks.word;
  const spin = bindSpinLock(words, cpu, 'spin lock', patience);
  const irq = (row: number) => bindIrqSpinLock(spin, row * LINE, processor);
  const mustHelp = () => hooks.mustHelp?.() ?? true;
  const rcu = bindRcu({
    ...{ words: machine.rcu.word, ring: machine.rcuRing, cpus, processor, patience, mustHelp },
    ...{ lock: irq(LOCK.rcuLock), kick() {} },
    run: (kind, row) => hooks.callback?.(kind, row),
  });
  const work = bindWorkqueue({
    ...{ words: machine.work.word, ring: machine.workRing, processor, patience, mustHelp },
    ...{ lock: irq(LOCK.workLock), kick() {}, advance: rcu.advance },
    run: (kind, row, argument) => hooks.item?.(kind, row, argument),
  });
  const refs = bindPercpuRefs({
    columns: {
      ...{ mode: machine.memcgs.cssMode, count: machine.memcgs.css },
      ...{ slot: machine.cpuMemcgs.css, rows: machine.config.memcgs + 1 },
    },
    ...{ cpu, cpus, what: 'reference of row' },
    release: (row) => hooks.release?.(row),
  });
  const mutex = bindMutex({
    ...{ words, index: LOCK.cgroupMutex * LINE, name: 'the mutex', processor, patience },
  });
  return {
    ...{ patience, processor, rcu, work, refs, mutex, spin, words },
    /** A spin lock that is taken with interrupts off. */
    irqLock: irq(LOCK.memcgKmemWqLock),
  };
}

/** The primitives of one CPU. */
export type Parts = ReturnType<typeof bindParts>;
