/**
 * The cases of tools/testing/selftests/cgroup/test_kmem.c. percpu_basic is about something that the model
 * has not (not-modelled.ts).
 */
import type { Cpu } from '../../core/index.ts';
import { check, type Findings, type RunnableCase, same } from './case.ts';
import { bindDentries } from './dentries.ts';
import { emptied, exact } from './ending.ts';
import { lostBytes, PINNING } from './kernels.ts';
import { reclaimTo } from './reclaim.ts';
import type { TestMachine, World } from './world.ts';

const SOURCE = 'tools/testing/selftests/cgroup/test_kmem.c';
const MEBIBYTE = 2 ** 20;
/** Missing paths that a thread of the kernel's tests looks up. */
const LOOK_UPS = 100;
/** Pages of a kernel stack on x86-64. */
export const STACK_PAGES = 4;

const basic: RunnableCase = {
  name: 'kmem_basic',
  source: SOURCE,
  about:
    '100,000 missing paths are looked up in a cgroup; memory.high of 1 MiB must bring its slab below half',
  standsFor: 'memory.high is passes of reclaim until the cgroup is that small',
  run: (world) => {
    const count = world.size(100_000, 10_000);
    const host = world.boot({ memcgs: 2, objects: 2 * count + 64 });
    const dentries = bindDentries(host);
    const memcg = host.mkdir();
    host.enter(memcg);
    dentries.lookUp(count);
    host.leave();
    const before = host.slab(memcg);
    const counted = host.localSlab(memcg);
    const charged = host.chargeOf('dentry', count) + host.chargeOf('name', count);
    reclaimTo(host, memcg, MEBIBYTE, dentries.shrinker);
    host.settle();
    const after = host.slab(memcg);
    const current = host.current(memcg);
    return {
      kernel: [
        check('slab', before >= MEBIBYTE, `slab ${before}`),
        check('shrunk', after < before / 2, `then ${after}`),
        check('current', current < before / 2, `current ${current}`),
      ],
      strict: [
        same('charged', counted, charged, 'bytes charged'),
        exact(host),
        ...emptied(host, memcg, () => dentries.freeAll()),
      ],
    };
  },
  expected: [],
};

/** A process in a new child looks up paths, on some CPUs; then the child is removed. */
function runInChild(
  host: TestMachine,
  parent: number,
  cpus: readonly Cpu[],
  lookUp: () => void,
): number {
  const child = host.mkdir(parent);
  for (const cpu of cpus) host.enter(child, cpu);
  lookUp();
  for (const cpu of cpus) host.leave(cpu);
  host.rmdir(child);
  return child;
}

function memcgDeletion(world: World): Findings {
  const children = world.size(100, 20);
  const threads = 2 * world.cpus;
  const objects = 2 * (children + 1) * threads * LOOK_UPS;
  const host = world.boot({ memcgs: children + 2, objects });
  const dentries = bindDentries(host);
  const parent = host.mkdir();
  for (let made = 0; made < children; made++) {
    runInChild(host, parent, host.cpus, () => {
      // Where a thread runs is the scheduler's choice.
      for (let thread = 0; thread < threads; thread++) dentries.lookUp(LOOK_UPS, host.anyCpu());
    });
  }
  host.settle();
  const current = host.current(parent);
  const slab = host.slab(parent);
  const error = Math.abs(slab - current);
  const tolerated = host.tolerance();
  return {
    kernel: [
      check('readings', current >= 0 && slab >= 0, `current ${current}, slab ${slab}`),
      check('sum', error < tolerated, `they differ by ${error} of ${tolerated}`),
    ],
    strict: [exact(host), ...emptied(host, parent, () => dentries.freeAll('any'))],
  };
}

const deletion: RunnableCase = {
  name: 'kmem_memcg_deletion',
  source: SOURCE,
  about:
    '100 children whose threads, two a CPU, look up missing paths are removed; memory.current of the parent must be the sum of its statistics',
  standsFor:
    'of anon, file, kernel and sock there is slab alone; it is read when the last child is freed, as CPUs hold statistics back until then (rstat of 5.13 does not)',
  run: memcgDeletion,
  expected: [
    {
      strategies: PINNING,
      thresholds: ['kernel', 'strict'],
      fails: ['sum'],
      reason:
        'CPUs hold back up to 32 pages of statistics of each cgroup until it is freed, and none of the dying ones is',
      source: 'batches of vmstats (MEMCG_CHARGE_BATCH), which 5.2 adds up only when they spill',
    },
    lostBytes(['left']),
  ],
};

/** Reads the whole table of pages, and the owner of each object; how many are of a wrong memcg. */
function lookAtAll(
  host: TestMachine,
  handles: readonly number[],
  allowed: (memcg: number) => boolean,
): { rows: number; wrong: number } {
  let wrong = 0;
  const { slabRows } = host.machine.config;
  for (let row = 1; row <= slabRows; row++) {
    const owner = host.cpu.ownerOfRow(row);
    if (owner !== 0 && !allowed(owner)) wrong++;
  }
  for (const handle of handles) if (!allowed(host.cpu.ownerOfObject(handle))) wrong++;
  return { rows: slabRows, wrong };
}

function kpagecgroup(world: World): Findings {
  const children = world.size(30, 8);
  const host = world.boot({ memcgs: children + 2, objects: 2 * (children + 1) * LOOK_UPS });
  const dentries = bindDentries(host);
  const parent = host.mkdir();
  let rows = 0;
  let wrong = 0;
  let late = 0;
  for (let made = 0; made < children; made++) {
    const child = runInChild(host, parent, [host.cpu], () => dentries.lookUp(LOOK_UPS));
    // The owner of each page at each step of the removal: the child until it is offline, then the parent.
    do {
      const seen = lookAtAll(
        host,
        dentries.handles(),
        (owner) => owner === parent || owner === child,
      );
      rows += seen.rows;
      wrong += seen.wrong;
    } while (host.cpu.runDeferredStep());
    late += lookAtAll(host, dentries.handles(), (owner) => owner === parent).wrong;
  }
  return {
    kernel: [check('read', rows > 0, `${rows} pages were looked at`)],
    strict: [
      same('owners', wrong, 0, 'wrong owners on the way'),
      same('settled', late, 0, 'other owners than the parent at the end'),
      exact(host),
      ...emptied(host, parent, () => dentries.freeAll()),
    ],
  };
}

const pages: RunnableCase = {
  name: 'kmem_proc_kpagecgroup',
  source: SOURCE,
  about:
    'the owner of every page is read at every step of removals; strictly, each is the child, and then its parent',
  standsFor: 'where each object has an owner its page has none, and the objects are asked',
  run: kpagecgroup,
  expected: [lostBytes(['left'])],
};

const stacks: RunnableCase = {
  name: 'kmem_kernel_stacks',
  source: SOURCE,
  about: 'a process makes 1,000 threads; their stacks must be charged, at least a page each',
  standsFor:
    'a stack is four accounted pages, each with a css reference, and kernel_stack is those pages; that they are charged and given back is what is tested',
  run: (world) => {
    const threads = world.size(1000, 1000);
    const host = world.boot({ memcgs: 2, objects: 64, folios: threads });
    const memcg = host.mkdir();
    const { pageCache } = host.cpu;
    const all = Array.from({ length: threads }, () => pageCache.add(memcg, STACK_PAGES));
    const charged = 4096 * pageCache.pagesOf(memcg);
    for (const cpu of host.cpus) cpu.drainStock();
    const current = host.current(memcg);
    return {
      kernel: [check('kernel_stack', charged >= 4096 * threads, `kernel_stack ${charged}`)],
      strict: [
        same('current', current, 4096 * STACK_PAGES * threads, 'bytes of current'),
        exact(host),
        ...emptied(host, memcg, () => {
          for (const stack of all) pageCache.remove(stack);
        }),
      ],
    };
  },
  expected: [],
};

function deadCgroups(world: World): Findings {
  const children = world.size(30, 30);
  const host = world.boot({ memcgs: children + 2, objects: 2 * (children + 1) * LOOK_UPS });
  const dentries = bindDentries(host);
  const parent = host.mkdir();
  for (let made = 0; made < children; made++) {
    runInChild(host, parent, [host.cpu], () => dentries.lookUp(LOOK_UPS));
  }
  const dying = host.pollDying(parent);
  return {
    kernel: [same('dying', dying, 0, 'dying cgroups')],
    strict: [exact(host), ...emptied(host, parent, () => dentries.freeAll())],
  };
}

const dead: RunnableCase = {
  name: 'kmem_dead_cgroups',
  source: SOURCE,
  about: '30 children each look up 100 missing paths and are removed; none may stay dying',
  standsFor: '',
  run: deadCgroups,
  expected: [
    {
      strategies: PINNING,
      thresholds: ['kernel', 'strict'],
      fails: ['dying'],
      reason: 'each slab page holds its cgroup, and the names are still cached',
      source: '"mm: reparent slab memory on cgroup removal", v5, 2019-05-21; Linux 5.2',
    },
    lostBytes(['left']),
  ],
};

/** The cases that the model can run. */
export const KMEM_CASES: readonly RunnableCase[] = [basic, deletion, pages, stacks, dead];
