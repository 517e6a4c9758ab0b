/** Cases that the kernel's tests lack: what counters say of parts of pages, of one level, and at a limit. */
import { NO_LIMIT, NO_OBJECT } from '../../core/index.ts';
import { check, type Findings, type RunnableCase, same } from './case.ts';
import { bindDentries } from './dentries.ts';
import { emptied, exact } from './ending.ts';
import { lostBytes, MOVING, OWNED_5_9, OWNED_2026 } from './kernels.ts';
import { PAGE, type TestMachine, type World } from './world.ts';

/** Nodes of the designs with an obj_cgroup a node, and what the rounding of one can lose. */
const NODES = 2;
const RESIDUE = NODES * (PAGE - 1);

/** One life: objects of both nodes, freed on the other one; then the group goes. */
function residueLife(host: TestMachine, parent: number): void {
  const [first, second] = host.cpus.slice(0, NODES);
  if (first === undefined || second === undefined) return;
  const group = host.mkdir(parent);
  for (const cpu of [first, second]) host.enter(group, cpu, ['dentry']);
  const objects = Array.from({ length: 3 + 2 * host.below(20) }, (_, at) =>
    host.alloc('dentry', at % NODES === 0 ? first : second),
  );
  objects.forEach((handle, at) => {
    (at % NODES === 0 ? second : first).free(handle);
  });
  for (const cpu of [first, second]) host.leave(cpu);
  host.rmdir(group);
  host.settle();
}

function residue(world: World): Findings {
  const lives = world.size(100, 20);
  const host = world.boot({ memcgs: 8, objects: 256 });
  const parent = host.mkdir();
  for (let life = 0; life < lives; life++) residueLife(host, parent);
  host.drain();
  const current = host.current(parent);
  const bound = lives * RESIDUE;
  return {
    kernel: [
      check(
        'current',
        current < host.tolerance(),
        `current ${current}, the kernel's tests would tolerate ${host.tolerance()}`,
      ),
    ],
    strict: [
      check(
        'residue',
        current === 0,
        `${current} bytes lost in ${lives} lives, of at most ${RESIDUE} in each, ${bound} in all`,
      ),
      check('bound', current <= bound, `${current} bytes lost, within ${bound}`),
      exact(host),
      ...emptied(host, parent, () => {}),
    ],
  };
}

/** Pages that objects of a memcg lie on, or their bytes where they are charged so. */
function ownedBytes(host: TestMachine, handles: readonly number[], memcg: number): number {
  const own = handles.filter((handle) => host.namedOwner(handle) === memcg);
  if (host.machine.strategy.sharesCaches) return host.chargeOf('dentry', own.length);
  const pages = host.chargeOf('dentry', 1);
  return pages * new Set(own.map((handle) => handle >>> 6)).size;
}

/** A parent with pages of its own inherits some: what does it show for its own level? */
function localStats(world: World): Findings {
  // Twice the pages that the kernel's tests tolerate, of 21 objects each.
  const each = 2 * 64 * world.cpus * 21;
  const host = world.boot({ memcgs: 4, objects: 2 * each + 64 });
  const parent = host.mkdir();
  const child = host.mkdir(parent);
  const objectsOf = (memcg: number, count: number): number[] => {
    host.enter(memcg, host.cpu, ['dentry']);
    const handles = Array.from({ length: count }, () => host.alloc('dentry'));
    host.leave();
    return handles;
  };
  const handles = [...objectsOf(parent, each), ...objectsOf(child, each)];
  host.rmdir(child);
  host.settle();
  const owned = ownedBytes(host, handles, parent);
  const local = host.localSlab(parent);
  const after = handles.splice(each);
  for (const handle of after) host.cpu.free(handle);
  host.settle();
  const left = ownedBytes(host, handles, parent);
  const localLeft = host.localSlab(parent);
  const tolerated = host.tolerance();
  const off = Math.abs(local - owned);
  const offLeft = Math.abs(localLeft - left);
  return {
    kernel: [
      check('inherited', off < tolerated, `local ${local}, owns ${owned}`),
      check('freed', offLeft < tolerated, `after the frees: local ${localLeft}, owns ${left}`),
    ],
    strict: [
      same('exact', off, 0, 'bytes off'),
      exact(host),
      ...emptied(host, parent, () => {
        for (const handle of handles) host.cpu.free(handle);
      }),
    ],
  };
}

/** Allocates until the limit refuses: nothing may be handed out that is not charged. */
function limitError(world: World): Findings {
  const host = world.boot({ memcgs: 2, objects: 4096 });
  const dentries = bindDentries(host);
  const memcg = host.mkdir();
  host.enter(memcg);
  dentries.lookUp(500);
  for (const cpu of host.cpus) cpu.drainStock();
  const limit = host.current(memcg) / PAGE + 5;
  host.cpu.setLimit(memcg, limit);
  const unaccounted = host.cpu.unaccounted();
  const got: number[] = [];
  let refused = 0;
  // Some more after the first refusal: it must go on refusing.
  while (refused < 32 && got.length < 2048) {
    const handle = host.tryAlloc('dentry');
    if (handle === NO_OBJECT) refused++;
    else got.push(handle);
  }
  const foreign = got.filter((handle) => host.cpu.ownerOfObject(handle) !== memcg).length;
  const current = host.current(memcg);
  const hits = host.limitHits(memcg);
  host.cpu.setLimit(memcg, NO_LIMIT);
  const again = host.alloc('dentry');
  host.leave();
  return {
    kernel: [
      check('refused', refused > 0, `${got.length} objects, then refused`),
      same('unaccounted', foreign + host.cpu.unaccounted() - unaccounted, 0, 'objects of nobody'),
      check('limit', current <= limit * PAGE, `current ${current} of ${limit * PAGE}`),
    ],
    strict: [
      check('events', hits > 0, `${hits} charges met the limit`),
      exact(host),
      ...emptied(host, memcg, () => {
        for (const handle of [...got, again]) host.cpu.free(handle);
        dentries.freeAll();
      }),
    ],
  };
}

const M17 = {
  strategies: [...MOVING, ...OWNED_5_9, ...OWNED_2026],
  fails: ['inherited', 'freed'],
  reason: 'the statistics of one level are not moved with what is handed over',
  source:
    'R. Gushchin and J. Weiner on "mm: workingset: ignore slab memory size when calculating shadows pressure", 2020-09; Y. Ahmed, 2025-12',
} as const;

/** The cases. */
export const ACCOUNT_CASES: readonly RunnableCase[] = [
  {
    name: 'residue',
    source: 'added here; the regression of 2026-05',
    about:
      'groups whose threads on two nodes free objects of each other come and go; the counter of the parent must return to 0',
    standsFor: 'CPUs are on two nodes in turn',
    run: residue,
    expected: [lostBytes(['residue', 'accounts', 'left'])],
  },
  {
    name: 'local_stats',
    source: 'added here; v1 statistics that are not hierarchical',
    about:
      'a parent with pages of its own inherits some, which are freed later; its statistics of this level must be what it owns',
    standsFor: '',
    run: localStats,
    expected: [
      { ...M17, thresholds: ['kernel'] },
      {
        ...lostBytes([...M17.fails, 'exact', 'left']),
        reason: `${M17.reason}; and bytes are lost`,
      },
      { ...M17, thresholds: ['strict'], fails: [...M17.fails, 'exact'] },
    ],
  },
  {
    name: 'limit_error_path',
    source: 'added here; "mm: memcg/slab" 10befea91b61, whose 5.9.1 let failed charges pass',
    about:
      'a cgroup at memory.max allocates on: each allocation must fail, none may go unaccounted',
    standsFor: 'objcg here has the repair of 5.9.1 and is expected to pass',
    run: limitError,
    expected: [],
  },
];
