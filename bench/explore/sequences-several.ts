/** Scenarios of several CPUs that are made for one question each. */
import {
  addGrandchild,
  addModule,
  addTypesafe,
  buildWorld,
  destroy,
  drop,
  hold,
  release,
  remove,
  SHAPE,
} from './operations.ts';
import {
  ALLOCATES_A_PAGE_FOR_C,
  ALLOCATES_FOR_C,
  buildForPages,
  buildTopLevel,
  noted,
  objectOf,
  REMOVES_C,
  removeC,
  removed,
} from './setups.ts';
import { at, type Builder, kworker, type Part, type Scenario, settle, WORLD } from './world.ts';

/** C is gone; its object of a root cache that may be destroyed is P's. */
function handedOver(builder: Builder): void {
  buildWorld(builder);
  addModule(builder);
  objectOf(builder, WORLD.module, 0);
  removed(builder, WORLD.C);
}

const FREES_LAST = {
  title: "frees the last object of a dead cgroup's cache",
  body: (part: Part) => release(part, 0),
};

/** See sequences.ts. */
export const SEVERAL_CPUS: readonly Scenario[] = [
  {
    name: 'top level: alloc + offline',
    summary: 'as alloc + offline, with C directly below the root',
    threads: [ALLOCATES_FOR_C, REMOVES_C],
    setup(builder) {
      buildTopLevel(builder);
      hold(builder, 0);
    },
    check: noted,
  },
  {
    name: 'merge + destroy',
    summary: 'a cache is created that could share one that is being destroyed',
    threads: [
      { title: 'destroys a root cache', body: (part) => destroy(part, WORLD.module) },
      {
        title: 'creates a root cache of the same shape, and uses it',
        body({ cpu, world }) {
          const root = cpu.createRootCache({ ...SHAPE, size: 512, mergeable: true });
          world[WORLD.objects + 4] = cpu.alloc(root);
        },
      },
    ],
    setup(builder) {
      buildWorld(builder);
      const { cpus, world, names } = builder;
      const root = cpus[0]?.createRootCache({ ...SHAPE, size: 512, mergeable: true }) ?? 0;
      world[WORLD.module] = root;
      names.caches['RC module'] = root;
    },
    // Who came first shares it, and then it is not destroyed.
    check() {},
  },
  {
    name: 'interrupt in a removal',
    summary: 'an interrupt frees the last object of a dead cgroup while another cgroup is removed',
    threads: [
      {
        title: 'removes C; frees an object of the dead G when interrupted',
        body: removeC,
        interrupt: ({ cpu, world }) => {
          const handle = at(world, WORLD.objects + 3);
          world[WORLD.objects + 3] = 0;
          if (handle !== 0) cpu.free(handle);
        },
      },
      { title: 'interrupts CPU 0', body: ({ cpu }) => cpu.interrupt(0) },
    ],
    setup(builder) {
      buildWorld(builder);
      addGrandchild(builder, 0);
      removed(builder, WORLD.G);
    },
  },
  {
    name: 'slabs under RCU + destroy',
    summary:
      "the last slab of a dead cgroup's cache waits for a grace period, its root cache is destroyed",
    threads: [
      { title: 'kworker: runs deferred work', body: kworker },
      { title: 'destroys the root cache', body: (part) => destroy(part, WORLD.typesafe) },
    ],
    setup(builder) {
      buildWorld(builder);
      addTypesafe(builder);
      objectOf(builder, WORLD.typesafe, 0);
      removed(builder, WORLD.C);
      const { cpus, world } = builder;
      cpus[1]?.free(at(world, WORLD.objects));
      world[WORLD.objects] = 0;
      cpus[0]?.becomeKworker();
    },
    check: noted,
  },
  {
    name: 'last free + kworker',
    summary: "the last object of a dead cgroup's cache is freed while deferred work runs",
    threads: [FREES_LAST, { title: 'kworker: runs deferred work', body: kworker }],
    setup(builder) {
      handedOver(builder);
      builder.cpus[1]?.becomeKworker();
    },
  },
  {
    name: 'lru + shrinker, second removal',
    summary:
      "objects of D leave P's lru list while D is removed, and a shrinker finds P's list empty",
    threads: [
      {
        title: 'removes D',
        body(part) {
          remove(part, at(part.world, WORLD.D));
          settle(part);
        },
      },
      {
        title: 'takes two objects of D off, then shrinks P',
        body({ cpu, world }) {
          for (const slot of [4, 5]) {
            cpu.lrus.del(0, at(world, WORLD.items + slot));
            world[WORLD.items + slot] = 0;
          }
          const parent = at(world, WORLD.parent);
          if (cpu.lrus.count(0, parent) === 0) cpu.lrus.clearBit(0, parent);
        },
      },
    ],
    setup(builder) {
      buildWorld(builder);
      const { cpus, world, names } = builder;
      const [cpu] = cpus;
      if (cpu === undefined) return;
      const small = at(world, WORLD.small);
      world[WORLD.D] = cpu.createMemcg(at(world, WORLD.parent));
      names.memcgs.D = at(world, WORLD.D);
      cpu.createCache(at(world, WORLD.D), small);
      for (const [slot, memcg] of [
        [0, WORLD.C],
        [4, WORLD.D],
        [5, WORLD.D],
        [6, WORLD.D],
      ] as const) {
        const handle = cpu.allocFor(at(world, memcg), small);
        world[WORLD.objects + slot] = handle;
        world[WORLD.items + slot] = cpu.lrus.add(0, handle);
      }
      removed(builder, WORLD.C);
    },
  },
  {
    name: 'reader + offline callback + helper',
    summary:
      "a reader finds C's cache and is held up, while C goes offline and others run RCU callbacks",
    caches: 'own',
    threads: [
      {
        title: "finds C's cache in a read section, is held up, looks at it",
        body(part) {
          const { cpu, world } = part;
          cpu.readLock();
          const cache = cpu.cacheFor(at(world, WORLD.C), at(world, WORLD.small));
          part.pause();
          cpu.cacheRefsOf(cache);
          cpu.readUnlock();
          drop(part);
        },
      },
      { title: 'runs the offline callback of C', body: ({ cpu }) => void cpu.cgroupWork.runOne() },
      {
        title: 'runs an RCU callback, and what it queued',
        body({ cpu, wait }) {
          if (cpu.rcu.advance(1) === 0) {
            wait();
            cpu.rcu.advance(1);
          }
          // The shrink, and the shutdown if that was the last reference.
          cpu.work.runOne();
          cpu.work.runOne();
        },
      },
    ],
    setup(builder) {
      buildWorld(builder);
      hold(builder, 0);
      const { cpus, world } = builder;
      cpus[0]?.rmdir(at(world, WORLD.C));
      // The kill is confirmed, the callback waits to be run.
      cpus[0]?.rcu.advance();
    },
    check: noted,
  },
  {
    name: 'new cgroup + offline',
    summary: 'a cgroup is created while another one is removed, whose kmem id it may get',
    threads: [
      {
        title: 'creates a child of P',
        body({ cpu, world }) {
          world[WORLD.D] = cpu.createMemcg(at(world, WORLD.parent));
        },
      },
      REMOVES_C,
    ],
    setup: buildWorld,
  },
  {
    name: 'charge with stocks + offline',
    summary: 'CPUs charge ahead, two pages at a time, while the cgroup is removed',
    config: { chargeBatch: 2 },
    threads: [ALLOCATES_A_PAGE_FOR_C, REMOVES_C],
    setup: buildForPages,
    check: noted,
  },
];
