/**
 * Scenarios that are made for one question each: the ones in which the bugs of the past show, and a few
 * that need a world of their own. Those of one CPU are here.
 */
import {
  addCache,
  addGrandchild,
  addModule,
  addTypesafe,
  allocate,
  buildWorld,
  destroy,
  drop,
  hold,
  release,
  SHAPE,
} from './operations.ts';
import { OBJECT_SEQUENCES } from './sequences-objects.ts';
import { SEVERAL_CPUS } from './sequences-several.ts';
import {
  buildTopLevel,
  noted,
  objectOf,
  REMOVES_C,
  REMOVES_C_THEN_FREES,
  removeC,
  removed,
} from './setups.ts';
import { at, type Scenario, settle, WORLD } from './world.ts';

const ONE_CPU: readonly Scenario[] = [
  {
    name: 'remove an empty cgroup',
    summary: 'C goes, and all its caches',
    threads: [REMOVES_C],
    setup: buildWorld,
  },
  {
    name: 'remove, then free',
    summary: "C goes, then P's object that was C's is freed",
    threads: [REMOVES_C_THEN_FREES],
    setup(builder) {
      buildWorld(builder);
      objectOf(builder, WORLD.small, 0);
    },
  },
  {
    name: 'remove a top-level cgroup, then free',
    summary: 'the same, below the root',
    threads: [REMOVES_C_THEN_FREES],
    setup(builder) {
      buildTopLevel(builder);
      objectOf(builder, WORLD.small, 0);
    },
  },
  {
    name: 'inherited caches',
    summary: 'C goes, with a cache that it inherited from its dead child G',
    caches: 'own',
    threads: [REMOVES_C],
    setup(builder) {
      buildWorld(builder);
      addGrandchild(builder, 0);
      removed(builder, WORLD.G);
    },
  },
  {
    name: 'destroy a cache under RCU',
    summary: 'a root cache goes whose copy has an empty slab that waits for a grace period',
    threads: [{ title: 'destroys a root cache', body: (part) => destroy(part, WORLD.typesafe) }],
    setup(builder) {
      buildWorld(builder);
      addTypesafe(builder);
    },
    check: noted,
  },
  {
    name: 'destroy a cache in use',
    summary: 'a root cache is kept as long as a copy has objects',
    threads: [
      {
        title: 'tries to destroy a root cache, then frees its last object',
        body(part) {
          const gone = part.cpu.destroyRootCache(at(part.world, WORLD.module));
          if (gone) part.world[WORLD.note] = 8;
          release(part, 0);
        },
      },
    ],
    setup(builder) {
      buildWorld(builder);
      addModule(builder);
      objectOf(builder, WORLD.module, 0);
    },
    check({ world }, complain) {
      if (at(world, WORLD.note) === 8) complain('b.10', 'a cache with objects was shut down');
    },
  },
  {
    name: 'a merged cache loses a user',
    summary: 'A shares the cache of B; A is destroyed, and a cgroup that uses B comes and goes',
    caches: 'own',
    threads: [
      {
        title: 'destroys A, allocates from B for C, removes C',
        body(part) {
          const { cpu, world } = part;
          cpu.destroyRootCache(at(world, WORLD.module));
          cpu.createCache(at(world, WORLD.C), at(world, WORLD.module));
          world[WORLD.objects] = cpu.allocFor(at(world, WORLD.C), at(world, WORLD.module));
          removeC(part);
          release(part, 0);
          settle(part);
        },
      },
    ],
    setup(builder) {
      buildWorld(builder);
      const { cpus, world, names } = builder;
      const shape = { ...SHAPE, size: 512, mergeable: true };
      world[WORLD.module] = cpus[0]?.createRootCache(shape) ?? 0;
      cpus[0]?.createRootCache(shape);
      names.caches['A and B'] = at(world, WORLD.module);
    },
  },
  {
    name: 'requests beyond the queue',
    summary: 'the work queue has no place for another request to create a cache',
    caches: 'own',
    threads: [
      {
        title: 'allocates for C where its cache is still to be created',
        body(part) {
          allocate(part, WORLD.fresh, 0);
          drop(part);
        },
      },
    ],
    setup(builder) {
      buildWorld(builder);
      addCache(builder, 'fresh', SHAPE, false);
      hold(builder, 0);
      const { machine, cpus, world } = builder;
      const [cpu] = cpus;
      // Each allocation asks for the cache; beyond the ring, requests are dropped.
      for (let request = 0; cpu && request < machine.workRing.kind.length; request++) {
        cpu.free(cpu.allocFor(at(world, WORLD.C), at(world, WORLD.fresh)));
      }
    },
    check: noted,
  },
];

/** All of them. */
export const SEQUENCES: readonly Scenario[] = [...ONE_CPU, ...SEVERAL_CPUS, ...OBJECT_SEQUENCES];
