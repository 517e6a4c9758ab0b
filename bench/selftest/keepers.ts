/**
 * Cases that the kernel's tests lack: cgroups that go while something of theirs stays. Pages that are
 * charged whole (page cache, shmem, stacks) pinned a cgroup until their owners moved, too: those of
 * stacks in 5.13, the rest in 7.1.
 */
import { type ExpectedFailure, type Findings, type RunnableCase, same } from './case.ts';
import { emptied, exact } from './ending.ts';
import { BEFORE_7_1, lostBytes, PINNING } from './kernels.ts';
import { STACK_PAGES } from './kmem.ts';
import { NOTHING_TO_SHRINK } from './reclaim.ts';
import type { TestMachine, World } from './world.ts';

const SERIES = '"Eliminate Dying Memory Cgroup", v6, 2026-03-05';
const KMEM_SERIES = '"Use obj_cgroup APIs to charge kmem pages", M. Song, 2021-03 (5.13)';
/** Pages of a tmpfs file. */
const SHMEM_PAGES = 16;

function pinnedByPages(reason: string, source: string): ExpectedFailure {
  return {
    strategies: BEFORE_7_1,
    thresholds: ['kernel', 'strict'],
    fails: ['dying'],
    ...{ reason, source },
  };
}

/** Groups of a parent, each of which leaves something; all are removed, and waited for. */
function leaveBehind(
  host: TestMachine,
  groups: number,
  leave: (group: number) => void,
): { parent: number; dying: number } {
  const parent = host.mkdir();
  for (let made = 0; made < groups; made++) {
    const group = host.mkdir(parent);
    leave(group);
    host.rmdir(group);
    host.settle();
  }
  return { parent, dying: host.pollDying(parent) };
}

/** The same for pages that are charged whole; `after` sees the machine when the groups are gone. */
function leavePages(
  world: World,
  plan: {
    readonly groups: number;
    readonly pages: number;
    readonly moveFolios?: boolean;
    prepare?(host: TestMachine, folio: number): void;
    after?(host: TestMachine, parent: number): void;
  },
): Findings {
  const { groups, pages } = plan;
  const host = world.boot({
    ...{ memcgs: groups + 2, objects: 64, folios: groups },
    ...(plan.moveFolios === undefined ? {} : { moveFolios: plan.moveFolios }),
  });
  const { pageCache } = host.cpu;
  const folios: number[] = [];
  const { parent, dying } = leaveBehind(host, groups, (group) => {
    const folio = pageCache.add(group, pages);
    plan.prepare?.(host, folio);
    folios.push(folio);
  });
  plan.after?.(host, parent);
  for (const cpu of host.cpus) cpu.drainStock();
  const current = host.current(parent);
  return {
    kernel: [
      same('dying', dying, 0, 'dying cgroups'),
      same('kept', current, 4096 * pages * groups, 'bytes kept'),
    ],
    strict: [
      exact(host),
      ...emptied(host, parent, () => {
        for (const folio of folios) pageCache.remove(folio);
      }),
    ],
  };
}

function append(moveFolios?: boolean): RunnableCase['run'] {
  return (world) =>
    leavePages(world, {
      ...{ groups: world.size(2001, 200), pages: 1 },
      ...(moveFolios === undefined ? {} : { moveFolios }),
    });
}

function tmpfs(moveFolios?: boolean): RunnableCase['run'] {
  return (world) =>
    leavePages(world, {
      ...{ groups: world.size(200, 50), pages: SHMEM_PAGES },
      ...(moveFolios === undefined ? {} : { moveFolios }),
      prepare: (host, folio) => host.cpu.pageCache.setDirty(folio, true),
      after(host, parent) {
        // Without swap nothing takes it.
        const hooks = { evicted: () => {}, shrinker: NOTHING_TO_SHRINK };
        host.cpu.shrinkNode(parent, 0, hooks);
      },
    });
}

/** 500 groups, each of which made a thread that was moved out. */
function stackPages(world: World): Findings {
  return leavePages(world, { groups: world.size(500, 100), pages: STACK_PAGES });
}

/** Groups that leave objects of some types each. */
function leaveObjects(
  world: World,
  groups: number,
  types: readonly ('dentry' | 'inode' | 'stack')[],
): Findings {
  const host = world.boot({ memcgs: groups + 2, objects: groups * types.length + 64 });
  const left: number[] = [];
  const { parent, dying } = leaveBehind(host, groups, (group) => {
    host.enter(group, host.cpu, [...new Set(types)]);
    for (const type of types) left.push(host.alloc(type));
    host.leave();
  });
  const owned = left.filter((handle) => host.cpu.ownerOfObject(handle) === parent).length;
  return {
    kernel: [
      same('dying', dying, 0, 'dying cgroups'),
      same('owners', owned, left.length, 'objects of the parent'),
    ],
    strict: [
      exact(host),
      ...emptied(host, parent, () => {
        for (const handle of left) host.cpu.free(handle);
      }),
    ],
  };
}

const SLAB_PINS = {
  strategies: PINNING,
  thresholds: ['kernel', 'strict'],
  fails: ['dying'],
  source: '"mm: reparent slab memory on cgroup removal", v5, 2019-05-21; Linux 5.2',
} as const;

/** The cases. */
export const KEEPER_CASES: readonly RunnableCase[] = [
  {
    name: 'append_reproducer',
    source: `cover letter of ${SERIES}`,
    about: '2,001 groups each append a page to one file and are removed; none may stay dying',
    standsFor: '',
    run: append(),
    expected: [pinnedByPages('page cache holds its cgroup until 7.1', SERIES)],
  },
  {
    name: 'append_reproducer_moved',
    source: `cover letter of ${SERIES}`,
    about: 'the same where page cache goes to the parent with a removal, as in 7.1',
    standsFor: '',
    run: append(true),
    expected: [],
  },
  {
    name: 'stack_mover',
    source: KMEM_SERIES,
    about: '500 groups each make a thread that is moved out, and are removed; none may stay dying',
    standsFor:
      'a stack is four accounted pages, each with a css reference; it moves where page cache does',
    run: stackPages,
    expected: [
      pinnedByPages(
        'until 5.13 the pages of a stack named, and held, the cgroup itself',
        KMEM_SERIES,
      ),
    ],
  },
  {
    name: 'stack_mover_objcg',
    source: KMEM_SERIES,
    about:
      'the same with a stack that is an accounted object, as whose owner it is charged since 5.13',
    standsFor: 'a stack is an object of 16 KiB of a slab cache',
    run: (world) => leaveObjects(world, world.size(500, 100), ['stack']),
    expected: [{ ...SLAB_PINS, reason: 'the slab page of the stack holds its cgroup' }],
  },
  {
    name: 'tmpfs_keeper',
    source: 'a page_owner story: shmem pages outlive the group that wrote them (W. Long, 2022)',
    about: 'groups each write a tmpfs file that stays, and are removed; none may stay dying',
    standsFor: 'a tmpfs page is page cache that is never written back, so nothing reclaims it',
    run: tmpfs(),
    expected: [pinnedByPages('a shmem page holds its cgroup until 7.1', SERIES)],
  },
  {
    name: 'tmpfs_keeper_moved',
    source: SERIES,
    about: 'the same where shmem goes to the parent with a removal, as in 7.1',
    standsFor: 'a tmpfs page is page cache that is never written back, so nothing reclaims it',
    run: tmpfs(true),
    expected: [],
  },
  {
    name: 'dentry_keeper',
    source: 'gist iAklis/ea544a147f2d3a75ebce3ddf05b03b3e',
    about:
      '1,000 groups each make a directory and an empty file under /tmp and are removed, the files stay; no group may stay dying',
    standsFor: 'a directory and a file are a dentry and an inode each, held by the tmpfs',
    run: (world) =>
      leaveObjects(world, world.size(1000, 100), ['dentry', 'inode', 'dentry', 'inode']),
    expected: [
      { ...SLAB_PINS, reason: 'the slab pages of dentries and inodes hold their cgroup' },
      lostBytes(['left']),
    ],
  },
];
