/** Cases that the kernel's tests lack: who owns what, when those go who shared a page, or a whole chain. */
import { ROOT_MEMCG } from '../../core/index.ts';
import { check, type Findings, type RunnableCase, same } from './case.ts';
import { bindDentries } from './dentries.ts';
import { emptied, exact } from './ending.ts';
import { lostBytes, PINNING } from './kernels.ts';
import type { World } from './world.ts';

const GROUPS = 8;
const DEPTH = 10;
const IN_5_2 = 'page->mem_cgroup; Linux 5.2';

/** Objects of eight groups, on one page where caches are shared; seven groups go. */
function sharedPage(world: World): Findings {
  const host = world.boot({ memcgs: GROUPS + 2, objects: GROUPS + 64 });
  const parent = host.mkdir();
  const groups = Array.from({ length: GROUPS }, () => host.mkdir(parent));
  const objects = groups.map((group) => {
    host.enter(group, host.cpu, ['dentry']);
    const handle = host.alloc('dentry');
    host.leave();
    return handle;
  });
  const pages = new Set(objects.map((handle) => handle >>> 6)).size;
  for (const group of groups.slice(1)) host.rmdir(group);
  host.settle();
  const dying = host.pollDying(parent);
  const owners = objects.map((handle) => host.cpu.ownerOfObject(handle));
  const right = owners.filter((owner, at) => owner === (at === 0 ? groups[0] : parent)).length;
  const wanted = host.machine.strategy.sharesCaches ? 1 : GROUPS;
  return {
    kernel: [
      same('dying', dying, 0, 'dying cgroups'),
      same('owners', right, GROUPS, 'objects of the right owner'),
    ],
    strict: [
      same('pages', pages, wanted, wanted === 1 ? 'page, shared' : 'pages, one a group'),
      exact(host),
      ...emptied(host, parent, () => {
        for (const handle of objects) host.cpu.free(handle);
        host.rmdir(groups[0] as number);
        host.settle();
      }),
    ],
  };
}

/** A chain of ten goes from the leaf up; the owner is looked up after each removal. */
function chain(world: World): Findings {
  const host = world.boot({ memcgs: DEPTH + 2, objects: 2 * 32 * (DEPTH + 1) });
  const dentries = bindDentries(host);
  const parent = host.mkdir();
  const levels: number[] = [];
  for (let depth = 0; depth < DEPTH; depth++) levels.push(host.mkdir(levels.at(-1) ?? parent));
  for (const level of levels) {
    host.enter(level);
    dentries.lookUp(8 + host.below(24));
    host.leave();
  }
  const before = new Map(dentries.handles().map((one) => [one, host.cpu.ownerOfObject(one)]));
  let wrong = 0;
  let climbed = 0;
  const broken = new Set<string>();
  for (let left = DEPTH - 1; left >= 0; left--) {
    host.rmdir(levels[left] as number);
    host.settle();
    const nearest = left === 0 ? parent : (levels[left - 1] as number);
    for (const [handle, first] of before) {
      const owner = levels.indexOf(first) >= left ? nearest : first;
      if (host.cpu.ownerOfObject(handle) !== owner) wrong++;
      if (host.namedOwner(handle) !== owner) climbed++;
    }
    const said = host.broken();
    if (said !== '') broken.add(said);
  }
  return {
    kernel: [
      same('nearest', wrong, 0, 'owners other than the nearest that lives'),
      same('direct', climbed, 0, 'look-ups that had to climb'),
    ],
    strict: [
      check('accounts', broken.size === 0, [...broken][0] ?? 'accounts are exact at each level'),
      same('dying', host.dying(ROOT_MEMCG), 0, 'dying cgroups'),
      ...emptied(host, parent, () => dentries.freeAll()),
    ],
  };
}

/** The cases. */
export const OWNER_CASES: readonly RunnableCase[] = [
  {
    name: 'shared_slab_page',
    source: 'added here',
    about:
      'of eight groups with an object each, on one page where caches are shared, seven go; the page lives, the groups may not',
    standsFor: '',
    run: sharedPage,
    expected: [
      {
        strategies: PINNING,
        thresholds: ['kernel', 'strict'],
        fails: ['dying'],
        reason: 'each slab page holds its cgroup',
        source: IN_5_2,
      },
      lostBytes(['left']),
    ],
  },
  {
    name: 'chain',
    source: 'added here',
    about:
      'a chain ten deep goes from the leaf up; each object must name the nearest memcg that lives, without a climb',
    standsFor: '',
    run: chain,
    expected: [
      {
        strategies: PINNING,
        thresholds: ['kernel'],
        fails: ['direct'],
        reason: 'the page names the removed cgroup for good; a look-up climbs from there',
        source: IN_5_2,
      },
      {
        strategies: PINNING,
        thresholds: ['strict'],
        fails: ['direct', 'dying'],
        reason: 'the page names the removed cgroup for good, and holds it',
        source: IN_5_2,
      },
      lostBytes(['left']),
    ],
  },
];
