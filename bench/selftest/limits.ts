/** Cases that the kernel's tests lack: ids that run out, and lists that reclaim does not look at. */
import { DEFAULT_PRIORITY, LimitError } from '../../core/index.ts';
import { check, type Findings, type RunnableCase, same } from './case.ts';
import { bindDentries } from './dentries.ts';
import { emptied, exact } from './ending.ts';
import { lostBytes } from './kernels.ts';
import type { TestMachine, World } from './world.ts';

/** Cgroups that are removed, and made again. */
const REUSED = 100;
/** Fewer objects than this get no pressure at the default priority. */
const SMALL = 4096;
/** Passes after which objects that were asked for, two a pass, make a batch of 1,024. */
const PASSES = 512;

/** Makes children until mkdir says that there is no space left. */
function makeUntilFull(host: TestMachine, parent: number, most: number): number[] {
  const made: number[] = [];
  try {
    while (made.length < most) made.push(host.mkdir(parent));
  } catch (error) {
    if (!(error instanceof LimitError) || error.limit !== 'kmemIds') throw error;
  }
  return made;
}

function idReuse(world: World): Findings {
  const ids = world.size(65_535, 2047);
  const host = world.boot({ memcgs: ids + REUSED, objects: REUSED + 64, kmemIds: ids });
  const parent = host.mkdir();
  const made = makeUntilFull(host, parent, ids + 1);
  const kept = made.slice(0, REUSED).map((group) => {
    host.enter(group, host.cpu, ['dentry']);
    const handle = host.alloc('dentry');
    host.leave();
    host.rmdir(group);
    return handle;
  });
  host.settle();
  const dying = host.dying(parent);
  const again = makeUntilFull(host, parent, REUSED + 1);
  return {
    kernel: [
      same('full', made.length + 1, ids, 'ids'),
      same('reused', again.length, REUSED, `made again, beside ${dying} dying`),
    ],
    strict: [
      exact(host),
      ...emptied(host, parent, () => {
        for (const handle of kept) host.cpu.free(handle);
        for (const group of [...made.slice(REUSED), ...again]) host.rmdir(group);
        host.settle();
      }),
    ],
  };
}

/** Leftovers of dead children on their parent's list: one too few to be looked at, then enough. */
function smallShrinker(world: World): Findings {
  const children = 40;
  const host = world.boot({ memcgs: children + 2, objects: 2 * (SMALL + 1) + 64 });
  const dentries = bindDentries(host);
  const parent = host.mkdir();
  for (let made = 0; made < children; made++) {
    const child = host.mkdir(parent);
    host.enter(child);
    dentries.lookUp(100);
    host.leave();
    host.rmdir(child);
    host.settle();
  }
  host.enter(parent);
  dentries.lookUp(SMALL - 1 - dentries.count());
  const pass = (): number => host.cpu.shrinkSlab(parent, DEFAULT_PRIORITY, dentries.shrinker);
  const passes = (count: number): number => {
    let freed = 0;
    for (let done = 0; done < count; done++) freed += pass();
    return freed;
  };
  const ignored = passes(20 * PASSES);
  dentries.lookUp(1);
  host.leave();
  const before = passes(PASSES - 1);
  const freed = pass();
  return {
    kernel: [
      same('ignored', ignored, 0, `of ${SMALL - 1} freed in ${20 * PASSES} passes`),
      check('scanned', freed > 0, `of ${SMALL} ${freed} in pass ${PASSES}`),
    ],
    strict: [
      same('earlier', before, 0, 'freed before'),
      exact(host),
      ...emptied(host, parent, () => dentries.freeAll()),
    ],
  };
}

/** The cases. */
export const LIMIT_CASES: readonly RunnableCase[] = [
  {
    name: 'id_reuse',
    source: 'added here; moby#29638, lxc#1443: no space left on device at 65,535',
    about:
      '65,535 cgroups fill the ids; a hundred that go, and leave an object, give theirs back at once, dying or not',
    standsFor:
      'the ids of kernel memory accounting; whoever is dying held one until the kernels of 4.x',
    run: idReuse,
    expected: [lostBytes(['left'])],
  },
  {
    name: 'small_shrinker',
    source:
      'added here; "mm: slowly shrink slabs with a relatively small number of objects", reverted',
    about:
      'a parent inherits the dentries of 40 children: fewer than 4,096 get no pressure at priority 12, 4,096 do',
    standsFor: '',
    run: smallShrinker,
    expected: [lostBytes(['accounts', 'left'])],
  },
];
