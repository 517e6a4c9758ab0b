/** What is explored for a claim and for nothing else. */
import { buildWorld, drop, hold } from '../explore/operations.ts';
import { objectOf, REMOVES_C } from '../explore/setups.ts';
import { at, type Scenario, WORLD } from '../explore/world.ts';

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
