/**
 * Suspicions about the designs with an owner per object (Linux 5.9 and later): those of 5.3 that may
 * hold there too, what this explorer met (D9), what is left in the counters of the dead (D10), and a
 * repair for which there was nothing to repair (M27).
 */
import type { Finding } from './findings.ts';
import { BIT_OF_CHILD, BIT_PATCHES, STOCK } from './findings-scenarios.ts';
import { M27_PATCH } from './mutants-objects.ts';
import { allocate, buildWorld, drop, hold, release } from './operations.ts';
import {
  ALLOCATES_FOR_C,
  buildTopLevel,
  noted,
  objectOf,
  REMOVES_C,
  REMOVES_C_THEN_FREES,
} from './setups.ts';
import { at, type Builder, type Scenario, type ScenarioThread, settle, WORLD } from './world.ts';

const OBJCG = 'objcg';

/** C is directly below the root and held by CPU 0; its removal has come to the offline callback. */
function buildKilled(builder: Builder): void {
  buildTopLevel(builder);
  hold(builder, 0);
  const { cpus, world } = builder;
  cpus[0]?.rmdir(at(world, WORLD.C));
  cpus[0]?.rcu.advance();
}

const OFFLINES_C: ScenarioThread = {
  title: 'runs the offline callback of C, and what follows',
  body(part) {
    part.cpu.cgroupWork.runOne();
    settle(part);
  },
};

/** As D1, with what was freed taken off the counters: elsewhere it would stay in stock. */
const NEGATIVE_OBJECTS: Scenario = {
  name: 'D1 in 5.9',
  summary: 'C is removed while a CPU charges it and takes the charge off again',
  caches: 'shared',
  watchUsage: true,
  threads: [
    {
      title: 'allocates for C, frees that, gives its stock back',
      body(part) {
        allocate(part, WORLD.small, 0);
        release(part, 0);
        part.cpu.drainStock();
        drop(part);
      },
    },
    { title: 'runs the offline callback of C', body: ({ cpu }) => void cpu.cgroupWork.runOne() },
  ],
  setup: buildKilled,
};

const BYTES_IN_STOCK: Scenario = {
  name: 'D9',
  summary: 'a CPU frees the last object of C and is idle then, while another removes C',
  caches: 'shared',
  threads: [{ title: 'frees the last object of C', body: (part) => release(part, 0) }, REMOVES_C],
  setup(builder) {
    buildWorld(builder);
    objectOf(builder, WORLD.small, 0);
  },
  settled({ machine, world }, complain) {
    const usage = machine.memcgs.usage[at(world, WORLD.parent)] ?? 0;
    if (usage === 0) return;
    complain(
      'obj_cgroup kept',
      `P is charged ${usage} page for nothing but bytes in stock of the dead C's obj_cgroup`,
    );
  },
};

const RESIDUE: Scenario = {
  name: 'D10',
  summary: "C is freed while its object, which is P's now, lives",
  caches: 'shared',
  threads: [REMOVES_C_THEN_FREES],
  setup(builder) {
    buildWorld(builder);
    objectOf(builder, WORLD.small, 0);
  },
  settled({ machine, world }, complain) {
    const C = at(world, WORLD.C);
    const usage = machine.memcgs.usage[C] ?? 0;
    if (machine.memcgs.flags[C] === 0 && usage !== 0) {
      complain('residue', `C was freed with a page counter of ${usage}`);
    }
  },
};

const FAILED_WALK: Scenario = {
  name: 'M27',
  summary: 'a CPU walks up from C, directly below the root, while C is removed',
  caches: 'shared',
  threads: [ALLOCATES_FOR_C, OFFLINES_C],
  setup: buildKilled,
  check: noted,
};

/** See findings.ts. */
export const OBJECT_FINDINGS: readonly Finding[] = [
  {
    id: 'D1 in 5.9',
    statement: 'the page counter of a removed cgroup goes below zero, with an owner per object too',
    kernels: '5.9 and later',
    scenario: NEGATIVE_OBJECTS,
    ...{ strategy: OBJCG, invariant: 'C-C', expected: 'refuted' },
    consequence: 'none.',
    remedy:
      'not needed: charge and uncharge read the same pointer, and what is uncharged was charged before. Who uncharges the child read the pointer before the removal stored it, so whoever charged it did so too. A charge that went to the nearest ancestor that was not removed, as in 5.3, would show it.',
  },
  {
    id: 'D4 in 5.9',
    statement:
      'a removed cgroup is kept by nothing but a charge stock, with an owner per object too',
    kernels: '5.9 and later (any with per-CPU stocks)',
    scenario: { ...STOCK, name: 'D4 in 5.9' },
    ...{ strategy: OBJCG, invariant: 'still dying', expected: 'shown' },
    consequence:
      'as D4: an obj_cgroup does not pin its cgroup, but what is left of a batch that was charged for it does.',
    remedy: 'as D4.',
  },
  {
    id: 'D8 in 5.9',
    statement: 'the shrinker bit goes to the dying cgroup, with an owner per object too',
    kernels: '5.9 at least',
    scenario: { ...BIT_OF_CHILD, name: 'D8 in 5.9' },
    ...{ strategy: OBJCG, invariant: 'S6', expected: 'shown' },
    patches: BIT_PATCHES,
    consequence: 'as D8.',
    remedy: 'as D8.',
  },
  {
    id: 'D9',
    statement:
      'the byte stock of an idle CPU keeps the obj_cgroup of a removed cgroup, and a page of its parent',
    kernels: '5.9 and later',
    scenario: BYTES_IN_STOCK,
    ...{ strategy: OBJCG, invariant: 'obj_cgroup kept', expected: 'shown' },
    consequence:
      'no race is needed. The removal drains the stocks of the cgroup after it gave the obj_cgroup to the parent, so a stock that has it is not taken for one of the cgroup. The cgroup itself goes; its obj_cgroup stays, and the parent is charged for a page without an object, until that CPU frees or allocates an object of another cgroup. At most one of them per CPU.',
    remedy:
      'drain the stocks before the obj_cgroups are handed over. What is freed after the removal goes into a stock all the same; bytes of a killed obj_cgroup would have to be given back at once.',
  },
  {
    id: 'D10',
    statement: 'a removed cgroup is freed with a page counter that is not zero',
    kernels: '5.3 and later',
    scenario: RESIDUE,
    ...{ strategy: OBJCG, invariant: 'residue', expected: 'shown' },
    consequence:
      'none that a user sees: what was charged through the child is taken off from the parent upwards when it is freed, and nobody reads the counter of a removed cgroup. A check that counters are zero when a cgroup is freed would be wrong.',
    remedy: 'not needed.',
  },
  {
    id: 'M27',
    statement: 'an obj_cgroup is returned without a reference, as 5.9 has it',
    kernels: '5.9 to 5.10',
    scenario: FAILED_WALK,
    ...{ strategy: OBJCG, invariant: 'R3', expected: 'refuted' },
    patches: [M27_PATCH],
    consequence:
      'none. The mistake is there (commit 2f7659a31473 mends it), but it takes a tryget that fails, and one fails only when the count was summed up and came to zero: a grace period after the kill, which comes after the pointer was cleared. Who found the pointer in a read section holds that grace period off. The mutant M27 is found with a tryget that refuses what was killed.',
    remedy: 'not needed, but right.',
  },
];
