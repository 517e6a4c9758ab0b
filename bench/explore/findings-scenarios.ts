/** The scenarios of the suspicions. */
import { CACHE_KILLED } from '../../core/memcg/kmem-caches.ts';
import { allocate, buildWorld, drop, hold, release, remove } from './operations.ts';
import type { Patch } from './patched-core.ts';
import {
  ALLOCATES_A_PAGE_FOR_C,
  buildForPages,
  objectOf,
  REMOVES_C,
  REMOVES_C_THEN_FREES,
  removed,
} from './setups.ts';
import { at, type Builder, type Part, type Scenario, settle, WORLD } from './world.ts';

/** Removes C and creates X, which may get its kmem id, with a cache of its own. */
function replace(part: Part): void {
  const { cpu, world } = part;
  remove(part, at(world, WORLD.C));
  cpu.runDeferred();
  const X = cpu.createMemcg(at(world, WORLD.parent));
  cpu.createCache(X, at(world, WORLD.small));
  world[WORLD.D] = X;
  settle(part);
}

/** The object of CPU 0 belongs to a cgroup that nobody allocated it for. */
function chargedToX({ cpus, world }: Builder, complain: (a: string, b: string) => void): void {
  const handle = at(world, WORLD.objects);
  const X = at(world, WORLD.D);
  if (handle !== 0 && X !== 0 && cpus[0]?.ownerOfObject(handle) === X) {
    complain('wrong owner', `an object for C (memcg ${at(world, WORLD.C)}) is charged to X (${X})`);
  }
}

/** See findings.ts. */
export const NEGATIVE: Scenario = {
  name: 'D1',
  summary: 'C is removed while a CPU that allocates for it sleeps in the page allocator',
  watchUsage: true,
  threads: [
    {
      title: 'allocates two pages for C, frees the first',
      body(part) {
        allocate(part, WORLD.single, 0);
        allocate(part, WORLD.single, 1);
        release(part, 0);
        drop(part);
      },
    },
    REMOVES_C,
  ],
  setup: buildForPages,
};

/** See findings.ts. */
export const PAGE_LOOK_UP: Scenario = {
  name: 'D2',
  summary:
    "/proc/kpagecgroup looks at a page while the last object of its dead cgroup's cache goes",
  threads: [
    {
      title: 'looks up the owner of a page',
      body: ({ cpu, world }) => {
        cpu.ownerOfRow(at(world, WORLD.note) >>> 6);
      },
    },
    {
      title: 'frees the last object of the cache',
      body(part) {
        release(part, 0);
        settle(part);
      },
    },
  ],
  setup(builder) {
    buildWorld(builder);
    objectOf(builder, WORLD.small, 4, { cpu: 1 });
    builder.world[WORLD.note] = at(builder.world, WORLD.objects + 4);
    removed(builder, WORLD.C);
  },
};

/** See findings.ts. */
export const REMOTE_REUSE: Scenario = {
  name: 'D3',
  summary: "C's kmem id goes to X while a CPU looks up C's cache (remote charging)",
  threads: [
    {
      title: 'allocates for C, which it holds (active_memcg)',
      body(part) {
        allocate(part, WORLD.small, 0);
        drop(part);
      },
    },
    { title: 'removes C, creates X', body: replace },
  ],
  setup(builder) {
    buildWorld(builder);
    hold(builder, 0);
  },
  check: chargedToX,
};

/** See findings.ts. */
export const TASK_REUSE: Scenario = {
  name: 'D3 by a task',
  summary: "C's kmem id goes to X while a task of C allocates and is moved away",
  threads: [
    {
      title: 'task in C allocates',
      body({ cpu, world }) {
        world[WORLD.objects] = cpu.kmalloc(at(world, WORLD.small));
      },
    },
    {
      title: 'moves the task away, removes C, creates X',
      body(part) {
        part.cpu.moveTask(0, at(part.world, WORLD.parent));
        replace(part);
      },
    },
  ],
  setup(builder) {
    buildWorld(builder);
    builder.cpus[0]?.moveTask(0, at(builder.world, WORLD.C));
  },
  check: chargedToX,
};

/** See findings.ts. */
export const STOCK: Scenario = {
  name: 'D4',
  summary: 'C is removed while a CPU charges it, and puts what is left of its batch in stock',
  config: { chargeBatch: 4 },
  threads: [ALLOCATES_A_PAGE_FOR_C, REMOVES_C],
  setup: buildForPages,
  settled({ cpus, world }, complain) {
    const dying = cpus[0]?.cgroupStat(at(world, WORLD.parent)).dyingDescendants ?? 0;
    if (dying > 0) complain('still dying', 'C is dying, held by nothing but pages in stock');
  },
};

/** See findings.ts. */
export const GROWTH: Scenario = {
  name: 'D6',
  summary: 'children of P come and go, each leaves one object behind',
  threads: [
    {
      title: 'three times: creates a child of P, allocates for it, removes it',
      body(part) {
        const { cpu, world } = part;
        for (let child = 0; child < 3; child++) {
          const memcg = cpu.createMemcg(at(world, WORLD.parent));
          cpu.createCache(memcg, at(world, WORLD.small));
          world[WORLD.objects + child] = cpu.allocFor(memcg, at(world, WORLD.small));
          remove(part, memcg);
          settle(part);
        }
      },
    },
  ],
  setup: buildWorld,
  settled({ machine, world }, complain) {
    const caches = machine.memcgs.caches[at(world, WORLD.parent)] ?? 0;
    if (caches > 1) {
      complain('zombie caches', `P has ${caches} caches of one root cache, each for one object`);
    }
  },
};

/** See findings.ts. */
export const EMPTY_SLAB: Scenario = {
  name: 'D7',
  summary: 'an allocation for C sleeps through the whole removal of C; its object is freed then',
  threads: [
    {
      title: 'allocates for C, frees it again',
      body(part) {
        allocate(part, WORLD.small, 0);
        release(part, 0);
        drop(part);
      },
    },
    REMOVES_C,
  ],
  setup(builder) {
    buildWorld(builder);
    hold(builder, 0);
  },
  settled({ machine }, complain) {
    const { flags, nrSlabs } = machine.kmemCaches;
    for (let cache = machine.config.rootCaches + 1; cache < flags.length; cache++) {
      if (((flags[cache] ?? 0) & CACHE_KILLED) === 0 || (nrSlabs[cache] ?? 0) === 0) continue;
      complain(
        'empty slab kept',
        `cache ${cache} of the dead C lives on for a slab without objects`,
      );
    }
  },
};

/** See findings.ts. */
export const BIT_OF_CHILD: Scenario = {
  name: 'D8',
  summary: 'an object of C is put on its lru list while C is removed',
  threads: [
    {
      title: 'puts an object of C on its lru list',
      body({ cpu, world }) {
        world[WORLD.items] = cpu.lrus.add(0, at(world, WORLD.objects));
      },
    },
    REMOVES_C,
  ],
  setup(builder) {
    buildWorld(builder);
    objectOf(builder, WORLD.small, 0);
  },
};

/** The kernel's rule, which the core does not follow: the bit of the owner, by the owner's id. */
export const BIT_PATCHES: readonly Patch[] = [
  {
    file: 'memcg/list-lru.ts',
    find: 'if (items[list] === 1) setBit(lru, id < 0 ? ROOT_MEMCG : peek(idOwner, id));',
    put: 'if (items[list] === 1) setBit(lru, owner || ROOT_MEMCG);',
  },
  {
    file: 'memcg/list-lru.ts',
    find: 'const id = kmemIdOf(handle); const list = lruList(config, lru, id); link(list, item);',
    put: 'const owner = bound.ownerOf(handle); const id = owner === 0 ? -1 : peek(kmemId, owner); const list = lruList(config, lru, id); link(list, item);',
  },
];

/** See findings.ts. */
export const LOCAL_COUNTS: Scenario = {
  name: 'M17',
  summary: 'a page that C charged is freed when it is P’s',
  threads: [REMOVES_C_THEN_FREES],
  setup(builder) {
    buildWorld(builder);
    objectOf(builder, WORLD.small, 0);
    const { cpus, world } = builder;
    cpus[0]?.createCache(at(world, WORLD.parent), at(world, WORLD.small));
    objectOf(builder, WORLD.small, 1, { memcg: WORLD.parent });
  },
  settled({ cpus, world }, complain) {
    const shown = cpus[0]?.localMemoryStat(at(world, WORLD.parent)).slabUnreclaimable ?? 0;
    if (shown !== 1) complain('T-C', `P owns 1 page, its local statistics show ${shown}`);
  },
};
