/** What the slow operations of one CPU work with: its locks, references and queues. */
import type { Machine } from '../machine.ts';
import type { BoundStrategy } from '../reparent/strategy.ts';
import type { EventRing } from '../shared/event-ring.ts';
import type { Mutex } from '../shared/mutex.ts';
import type { PercpuRefs } from '../shared/percpu-ref.ts';
import type { Processor } from '../shared/processor.ts';
import type { Rcu } from '../shared/rcu.ts';
import type { IrqSpinLock } from '../shared/spinlock.ts';
import type { Patience } from '../shared/wait.ts';
import type { Workqueue } from '../shared/workqueue.ts';
import type { Allocator } from '../slub/allocator.ts';
import type { Charging } from './charge.ts';
import type { ListLrus } from './list-lru.ts';
import type { PageCache } from './page-cache.ts';
import type { SlabStats } from './stats.ts';

/** One CPU's bindings, made by `bindCpu`. */
export interface Kernel {
  readonly machine: Machine;
  readonly processor: Processor;
  readonly patience: Patience;
  readonly events: EventRing;
  readonly cgroupMutex: Mutex;
  readonly slabMutex: Mutex;
  /** `memcg_kmem_wq_lock`: makes "test `dying`, then queue" one step. */
  readonly wqLock: IrqSpinLock;
  readonly rcu: Rcu;
  /** Work about caches (memcg_kmem_cache_wq). */
  readonly work: Workqueue;
  /** Work about cgroups (cgroup_destroy_wq): flushing the one does not wait for the other. */
  readonly cgroupWork: Workqueue;
  readonly css: PercpuRefs;
  readonly cacheRefs: PercpuRefs;
  readonly charging: Charging;
  readonly stats: SlabStats;
  readonly lrus: ListLrus;
  readonly pageCache: PageCache;
  readonly strategy: BoundStrategy;
  readonly allocator: Allocator;
}
