/** What the allocator of one CPU is bound to, beside the machine's columns. */
import type { BoundStrategy } from '../reparent/strategy.ts';
import type { EventRing } from '../shared/event-ring.ts';
import type { Processor } from '../shared/processor.ts';
import type { Rcu } from '../shared/rcu.ts';
import type { SpinLock } from '../shared/spinlock.ts';
import type { RowSupply } from './row-supply.ts';

/** See the members. */
export interface SlubContext {
  readonly cpu: number;
  readonly processor: Processor;
  readonly rcu: Pick<Rcu, 'callBatched' | 'isOver'>;
  /** Node list lock of each cache. */
  readonly listLock: SpinLock;
  readonly rowSupply: RowSupply;
  readonly events: EventRing;
  readonly strategy: Pick<BoundStrategy, 'charge' | 'uncharge'>;
}
