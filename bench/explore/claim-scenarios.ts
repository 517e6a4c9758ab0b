/** What is explored for a claim and for nothing else. */
import { CACHE_LIVE } from '../../core/memcg/kmem-caches.ts';
import { addCache, buildWorld, destroy, drop, hold, SHAPE } from './operations.ts';
import { noted, objectOf, REMOVES_C } from './setups.ts';
import { at, kworker, type Scenario, WORLD } from './world.ts';

/** A reader of C's shadow nodes meets the removal of C. */
export const SHADOW_NODES: Scenario = {
  name: 'shadow nodes + offline',
  summary: 'somebody asks who owns an object of C, and counts the nodes of P and of C',
  threads: [
    {
      title: 'asks for the owner of a node of C, counts the nodes of P and of C',
      body(part) {
        const { cpu, world } = part;
        const [C, parent] = [at(world, WORLD.C), at(world, WORLD.parent)];
        const owner = cpu.ownerOfObject(at(world, WORLD.objects));
        // Nothing came to P yet, so what C has is its own.
        const drained = cpu.lrus.count(0, parent) > 0;
        const nodes = cpu.lrus.count(0, C);
        if (owner === parent && !drained) world[WORLD.note] = nodes << 8;
        drop(part);
      },
    },
    REMOVES_C,
  ],
  setup(builder) {
    buildWorld(builder);
    hold(builder, 0);
    objectOf(builder, WORLD.small, 0);
    const { cpus, world } = builder;
    world[WORLD.items] = cpus[0]?.lrus.add(0, at(world, WORLD.objects)) ?? 0;
  },
  check({ world }, complain) {
    const nodes = at(world, WORLD.note) >> 8;
    if (nodes > 0) {
      complain('nodes left', `an object of C is P's, and C still has ${nodes} node on its list`);
    }
  },
};

/** A request to create a copy of a root cache that is being destroyed. */
export const REQUESTED: Scenario = {
  name: 'requested cache + destroy',
  summary: "a root cache is destroyed while a request to create C's copy of it waits to be run",
  threads: [
    { title: 'kworker: runs deferred work', body: kworker },
    { title: 'destroys the root cache', body: (part) => destroy(part, WORLD.fresh) },
  ],
  setup(builder) {
    buildWorld(builder);
    addCache(builder, 'fresh', SHAPE, false);
    const { cpus, world } = builder;
    // Not accounted, as there is no copy yet; it asks for one.
    cpus[1]?.free(cpus[1].allocFor(at(world, WORLD.C), at(world, WORLD.fresh)));
    cpus[0]?.becomeKworker();
  },
  check(builder, complain) {
    noted(builder, complain);
    const { flags, root } = builder.machine.kmemCaches;
    for (let copy = builder.machine.config.rootCaches + 1; copy < flags.length; copy++) {
      const of = root[copy] ?? 0;
      const orphan = ((flags[copy] ?? 0) & CACHE_LIVE) !== 0 && (flags[of] ?? 0) === 0;
      if (orphan)
        complain('S3', `cache ${copy} is a copy of root cache ${of}, which was destroyed`);
    }
  },
};

/** All of them. */
export const CLAIM_SCENARIOS: readonly Scenario[] = [SHADOW_NODES, REQUESTED];
