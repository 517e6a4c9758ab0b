/** Tests of the kernel, and parts of them, about something that the model has not: never passed, always said. */
import type { SkippedCase } from './case.ts';

const KMEM = 'tools/testing/selftests/cgroup/test_kmem.c';
const MEMCONTROL = 'tools/testing/selftests/cgroup/test_memcontrol.c';
const ANONYMOUS = 'no anonymous memory in the model';
const PROTECTION = 'reclaim protects nobody: no memory.min, memory.low';
const OOM = 'no OOM killer in the model';

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
    'cgroups themselves are not charged here',
  ],
]);

/** Those of test_memcontrol.c. */
export const MEMCONTROL_SKIPPED: readonly SkippedCase[] = skipped(MEMCONTROL, [
  [
    'memcg_subtree_control',
    'a child has the memory controller only if its parent enabled it',
    'every cgroup is a memory cgroup',
  ],
  ['memcg_current_peak_anon', '50 MiB of anonymous memory are current', ANONYMOUS],
  [
    'memcg_current_peak_reset',
    'a reader that resets memory.peak changes it for himself alone',
    'one watermark a cgroup, no open files',
  ],
  ['memcg_min', 'memory.min protects 50 MiB, 29 MiB and 21 MiB of siblings', PROTECTION],
  ['memcg_low', 'memory.low protects 50 MiB, 29 MiB and 21 MiB of siblings', PROTECTION],
  ['memcg_high_anon', '31 MiB of anonymous memory above memory.high are allowed', ANONYMOUS],
  [
    'memcg_high_events',
    'memory.events counts how often memory.high was passed',
    'the test reclaims, and would count itself',
  ],
  ['memcg_high_sync', 'one mlock of 200 MiB is throttled at memory.high', ANONYMOUS],
  ['memcg_max_anon', '100 MiB of anonymous memory are killed at memory.max', ANONYMOUS],
  ['memcg_reclaim_anon', 'memory.reclaim swaps anonymous memory out', ANONYMOUS],
  ['memcg_oom_events', 'memory.events counts OOM kills', OOM],
  [
    'memcg_swap_max_peak',
    'memory.swap.max and memory.swap.peak of swapped memory',
    'no swap in the model',
  ],
  ['memcg_sock', 'socket buffers are part of memory.current', 'no network in the model'],
  ['memcg_oom_group_leaf_events', 'a kill in a leaf is counted above it', OOM],
  ['memcg_oom_group_parent_events', 'memory.oom.group kills a whole subtree', OOM],
  ['memcg_oom_group_score_events', 'a protected task survives memory.oom.group', OOM],
]);
