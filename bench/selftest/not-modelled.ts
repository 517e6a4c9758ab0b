/** Tests of the kernel, and parts of them, about something that the model has not: never passed, always said. */
import type { SkippedCase } from './case.ts';

const KMEM = 'tools/testing/selftests/cgroup/test_kmem.c';
const MEMCONTROL = 'tools/testing/selftests/cgroup/test_memcontrol.c';
const ANONYMOUS = 'there is no anonymous memory in the model';
const PROTECTION = 'memory.min and memory.low are not modelled: reclaim here protects nobody';
const OOM = 'there is no OOM killer in the model, and no anonymous memory to kill for';

function skipped(
  source: string,
  rows: readonly (readonly [name: string, about: string, reason: string])[],
): SkippedCase[] {
  return rows.map(([name, about, reason]) => ({ name, source, about, skipped: reason }));
}

/** The one of test_kmem.c. */
export const KMEM_SKIPPED: readonly SkippedCase[] = skipped(KMEM, [
  [
    'percpu_basic',
    'memory.current of a parent of 1,000 empty children is its percpu and slab',
    'the structures of a cgroup are not charged in the model (they were not before 5.9 either)',
  ],
]);

/** Those of test_memcontrol.c. */
export const MEMCONTROL_SKIPPED: readonly SkippedCase[] = skipped(MEMCONTROL, [
  [
    'memcg_subtree_control',
    'a child has the memory controller only if its parent enabled it',
    'there are no controllers to enable in the model: every cgroup is a memory cgroup',
  ],
  ['memcg_current_peak_anon', '50 MiB of anonymous memory are current', ANONYMOUS],
  [
    'memcg_current_peak_reset',
    'a reader that resets memory.peak changes it for himself alone',
    'the model has one watermark a memcg and no open files',
  ],
  ['memcg_min', 'memory.min protects 50 MiB, 29 MiB and 21 MiB of siblings', PROTECTION],
  ['memcg_low', 'memory.low protects 50 MiB, 29 MiB and 21 MiB of siblings', PROTECTION],
  ['memcg_high_anon', '31 MiB of anonymous memory above memory.high are allowed', ANONYMOUS],
  [
    'memcg_high_events',
    'memory.events counts how often memory.high was passed',
    'memory.high is reclaim that the test itself starts: its count would prove nothing',
  ],
  ['memcg_high_sync', 'one mlock of 200 MiB is throttled at memory.high', ANONYMOUS],
  ['memcg_max_anon', '100 MiB of anonymous memory are killed at memory.max', ANONYMOUS],
  ['memcg_reclaim_anon', 'memory.reclaim swaps anonymous memory out', ANONYMOUS],
  ['memcg_oom_events', 'memory.events counts OOM kills', OOM],
  [
    'memcg_swap_max_peak',
    'memory.swap.max and memory.swap.peak of swapped memory',
    'there is no swap in the model',
  ],
  ['memcg_sock', 'socket buffers are part of memory.current', 'there is no network in the model'],
  ['memcg_oom_group_leaf_events', 'a kill in a leaf is counted above it', OOM],
  ['memcg_oom_group_parent_events', 'memory.oom.group kills a whole subtree', OOM],
  ['memcg_oom_group_score_events', 'a protected task survives memory.oom.group', OOM],
]);
