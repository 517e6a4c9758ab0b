/**
 * Scenarios of the designs with an owner per object, whose caches are shared: obj_cgroups that are
 * handed over, released and allocated from meanwhile, and the byte stocks that hold them.
 */
import type { CacheShape } from '../../core/index.ts';
import {
  addCache,
  addGrandchild,
  allocate,
  buildWorld,
  drop,
  hold,
  release,
  remove,
  SHAPE,
} from './operations.ts';
import { ALLOCATES_FOR_C, noted, objectOf, REMOVES_C, removeC, removed } from './setups.ts';
import {
  at,
  type Builder,
  type Complain,
  type Part,
  type Scenario,
  type ScenarioThread,
  settle,
  WORLD,
} from './world.ts';

/** Two objects are charged one page. */
const HALF_A_PAGE: CacheShape = { ...SHAPE, size: 2040 };

/** An obj_cgroup is only released when no stock has it. */
function freeAndDrain(part: Part): void {
  release(part, 0);
  part.cpu.drainStock();
}

const FREES_AND_DRAINS: ScenarioThread = {
  title: 'frees an object of C, gives its stock back',
  body: freeAndDrain,
};

const REMOVES_C_AND_P: ScenarioThread = {
  title: 'removes C, then P',
  body(part) {
    remove(part, at(part.world, WORLD.C));
    remove(part, at(part.world, WORLD.parent));
    settle(part);
  },
};

/** A second child of P. */
function addD({ cpus, world, names }: Builder): void {
  const [cpu] = cpus;
  if (cpu === undefined) return;
  world[WORLD.D] = cpu.createMemcg(at(world, WORLD.parent));
  names.memcgs.D = at(world, WORLD.D);
}

/** Every object that was allocated for C, which nobody removed, is charged to it. */
function charged({ cpus, world }: Builder, complain: Complain): void {
  for (let slot = 0; slot < 3; slot++) {
    const handle = at(world, WORLD.objects + slot);
    if (handle !== 0 && cpus[0]?.ownerOfObject(handle) !== at(world, WORLD.C)) {
      complain('unaccounted', 'an object that was allocated for C is charged to nobody');
    }
  }
}

const ONE_CPU: readonly Scenario[] = [
  {
    name: 'inherited obj_cgroups',
    summary: 'C goes, with an obj_cgroup that it inherited from its dead child G',
    caches: 'shared',
    threads: [
      {
        title: 'removes C, frees the object of G',
        body(part) {
          removeC(part);
          release(part, 3);
          part.cpu.drainStock();
          settle(part);
        },
      },
    ],
    setup(builder) {
      buildWorld(builder);
      addGrandchild(builder, 0);
      removed(builder, WORLD.G);
    },
  },
  {
    name: 'over the limit',
    summary: 'a page is all that C may have: two objects fit, a third is refused',
    caches: 'shared',
    threads: [
      {
        title: 'allocates three objects of half a page for C',
        body(part) {
          for (const slot of [0, 1, 2]) allocate(part, WORLD.fresh, slot);
          drop(part);
        },
      },
    ],
    setup(builder) {
      buildWorld(builder);
      addCache(builder, 'fresh', HALF_A_PAGE);
      hold(builder, 0);
      builder.cpus[0]?.setLimit(at(builder.world, WORLD.C), 1);
    },
    check: charged,
  },
];

const SEVERAL_CPUS: readonly Scenario[] = [
  {
    name: 'task moved + offline',
    summary: 'a task of C allocates while it is moved away and C is removed',
    caches: 'shared',
    threads: [
      {
        title: 'task in C allocates',
        body({ cpu, world }) {
          world[WORLD.objects] = cpu.kmalloc(at(world, WORLD.small));
        },
      },
      {
        title: 'moves the task to P, removes C',
        body(part) {
          part.cpu.moveTask(0, at(part.world, WORLD.parent));
          removeC(part);
        },
      },
    ],
    setup(builder) {
      buildWorld(builder);
      builder.cpus[0]?.moveTask(0, at(builder.world, WORLD.C));
    },
  },
  {
    name: 'freed in turn + offline',
    summary: 'objects of C and D are freed in turn, so that each replaces the other in the stock',
    caches: 'shared',
    threads: [
      {
        title: 'frees an object of C, one of D, one of C',
        body(part) {
          for (const slot of [0, 1, 2]) release(part, slot);
        },
      },
      REMOVES_C,
    ],
    setup(builder) {
      buildWorld(builder);
      addD(builder);
      objectOf(builder, WORLD.small, 0);
      objectOf(builder, WORLD.small, 1, { memcg: WORLD.D });
      objectOf(builder, WORLD.small, 2);
    },
  },
  {
    name: 'release + removal of the parent',
    summary: "the last object of the dead C is freed while C's obj_cgroup goes from P to the root",
    caches: 'shared',
    threads: [
      FREES_AND_DRAINS,
      {
        title: 'removes P',
        body(part) {
          remove(part, at(part.world, WORLD.parent));
          settle(part);
        },
      },
    ],
    setup(builder) {
      buildWorld(builder);
      objectOf(builder, WORLD.small, 0);
      removed(builder, WORLD.C);
    },
  },
  {
    name: 'alloc + two removals',
    summary: 'C and P are removed while a CPU allocates for C',
    caches: 'shared',
    threads: [ALLOCATES_FOR_C, REMOVES_C_AND_P],
    setup(builder) {
      buildWorld(builder);
      hold(builder, 0);
    },
    check: noted,
  },
  {
    name: 'free + two removals',
    summary: 'C and P are removed while the last object of C is freed',
    caches: 'shared',
    threads: [FREES_AND_DRAINS, REMOVES_C_AND_P],
    setup(builder) {
      buildWorld(builder);
      objectOf(builder, WORLD.small, 0);
    },
  },
  {
    name: 'stock replaced + interrupt',
    summary:
      "an object of P takes the place of the dead C's obj_cgroup in the stock, whose last reference goes; an interrupt frees another",
    caches: 'shared',
    threads: [
      {
        title: 'frees an object of C, then one of P; another of P when interrupted',
        body(part) {
          release(part, 0);
          release(part, 1);
        },
        interrupt: (part) => release(part, 2),
      },
      { title: 'interrupts CPU 0', body: ({ cpu }) => cpu.interrupt(0) },
    ],
    setup(builder) {
      buildWorld(builder);
      objectOf(builder, WORLD.small, 1, { memcg: WORLD.parent });
      objectOf(builder, WORLD.small, 2, { memcg: WORLD.parent });
      objectOf(builder, WORLD.small, 0);
      removed(builder, WORLD.C);
    },
  },
  {
    name: 'freed on another node',
    summary: 'objects of C from two nodes are freed on one of them, then C is removed',
    caches: 'shared',
    threads: [
      {
        title: 'frees objects of both nodes, removes C',
        body(part) {
          release(part, 0);
          release(part, 1);
          removeC(part);
        },
      },
      { title: 'gives its stock back', body: ({ cpu }) => cpu.drainStock() },
    ],
    setup(builder) {
      buildWorld(builder);
      objectOf(builder, WORLD.small, 0);
      objectOf(builder, WORLD.small, 1, { cpu: 1 });
    },
  },
];

/** See sequences.ts. */
export const OBJECT_SEQUENCES: readonly Scenario[] = [...ONE_CPU, ...SEVERAL_CPUS];
