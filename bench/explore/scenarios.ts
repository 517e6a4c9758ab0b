/**
 * What is explored: every pair of operations on two CPUs, and the meetings of three that matter, most
 * with a kworker that runs the deferred work meanwhile. Each strategy goes through all of them.
 */
import { SHARING_NAMES } from '../../core/index.ts';
import { UsageError } from '../errors.ts';
import { CLAIM_SCENARIOS } from './claim-scenarios.ts';
import { FINDINGS } from './findings.ts';
import {
  addTypesafe,
  buildWorld,
  checkNotes,
  destroy,
  OPERATIONS,
  type Operation,
  operation,
  remove,
  threadOf,
} from './operations.ts';
import { PROGRAM, programScenario } from './program.ts';
import { SEQUENCES } from './sequences.ts';
import { TUTORIAL } from './tutorial.ts';
import { at, kworker, type Scenario, type ScenarioThread, WORLD } from './world.ts';

const KWORKER: ScenarioThread = { title: 'kworker: runs deferred work', body: kworker };

/** Removal that leaves the deferred work to the kworker. */
const REMOVE_C: Operation = {
  name: 'offline',
  title: 'removes C',
  body: (part) => remove(part, at(part.world, WORLD.C)),
};
const REMOVE_G: Operation = {
  ...operation('grandchild offline'),
  body: (part) => remove(part, at(part.world, WORLD.G)),
};
/** The second one that removes something. */
const REMOVE_D: Operation = {
  name: 'offline',
  title: 'removes D, a child of P',
  prepare({ cpus, world, names }, cpu) {
    const one = cpus[cpu];
    if (one === undefined) return;
    world[WORLD.D] = one.createMemcg(at(world, WORLD.parent));
    names.memcgs.D = at(world, WORLD.D);
    names.caches['KC of D'] = one.createCache(at(world, WORLD.D), at(world, WORLD.small));
    world[WORLD.objects + 4 * cpu + 3] = one.allocFor(at(world, WORLD.D), at(world, WORLD.small));
  },
  body: (part) => remove(part, at(part.world, WORLD.D)),
};
/** The second one that destroys something: a cache whose slabs are freed after a grace period. */
const DESTROY_TYPESAFE: Operation = {
  name: 'destroy root cache',
  title: 'destroys a root cache with slabs under RCU',
  prepare: (builder) => addTypesafe(builder),
  body: (part) => destroy(part, WORLD.typesafe),
};

/** What the second CPU does where both do the same, and it cannot be done twice. */
const TWINS: Readonly<Record<string, Operation>> = {
  offline: REMOVE_D,
  'destroy root cache': DESTROY_TYPESAFE,
};

/** The second of two that remove something leaves the deferred work of both to the first. */
function besides(first: Operation, second: Operation): Operation {
  return first.name === 'offline' && second.name === 'grandchild offline' ? REMOVE_G : second;
}

function meeting(operations: readonly Operation[], helped: boolean): Scenario {
  const limited = operations.some(({ name }) => name === 'charge at limit');
  const own = operations.some(({ caches }) => caches === 'own');
  const threads = operations.map((one, index) => threadOf(one, operations[1 - index]));
  return {
    name: [...operations.map(({ name }) => name), ...(helped ? ['kworker'] : [])].join(' + '),
    summary: operations.map(({ title }) => title).join('; '),
    ...(own ? { caches: 'own' } : {}),
    threads: helped ? [...threads, KWORKER] : threads,
    setup(builder) {
      buildWorld(builder);
      operations.forEach((one, cpu) => {
        one.prepare?.(builder, cpu);
      });
      if (helped) builder.cpus[operations.length]?.becomeKworker();
    },
    check: ({ world }, complain) => checkNotes(world, limited, complain),
  };
}

function pairs(): Scenario[] {
  return OPERATIONS.flatMap((first, index) =>
    OPERATIONS.slice(index).flatMap((second) => {
      if (first !== second) return [meeting([first, besides(first, second)], false)];
      if (first.name === 'grandchild offline') return [];
      return [meeting([first, TWINS[first.name] ?? second], false)];
    }),
  );
}

const TRIPLES: readonly Scenario[] = [
  meeting([operation('alloc'), REMOVE_C], true),
  meeting([operation('task'), REMOVE_C], true),
  meeting([operation('free'), REMOVE_C], true),
  meeting([operation('remote free'), REMOVE_C], true),
  meeting([operation('charge at limit'), REMOVE_C], true),
  meeting([operation('lru'), REMOVE_C], true),
  meeting([operation('look-up'), REMOVE_C], true),
  meeting([operation('alloc'), REMOVE_G], true),
  meeting([operation('alloc'), operation('remote free'), operation('task')], false),
  meeting([operation('lru'), operation('shrinker'), operation('free')], false),
];

/** Everything that is explored. */
export const SCENARIOS: readonly Scenario[] = [...pairs(), ...TRIPLES, ...SEQUENCES];

/** Whether a scenario asks something of a strategy's caches, or of any. */
export function suits({ caches }: Scenario, strategy: string): boolean {
  return caches === undefined || (caches === 'shared') === SHARING_NAMES.includes(strategy);
}

/** Everything that has a name: what is explored, the suspicions, what a claim needs, and the tutorial. */
export const ALL_SCENARIOS: readonly Scenario[] = [
  ...SCENARIOS,
  ...FINDINGS.map(({ scenario }) => scenario),
  ...CLAIM_SCENARIOS,
  ...TUTORIAL,
];

/** The scenario of a name. @throws UsageError */
export function scenarioNamed(name: string): Scenario {
  if (name.startsWith(PROGRAM)) return programScenario(name);
  const found = ALL_SCENARIOS.find((one) => one.name === name);
  if (found === undefined) throw new UsageError(`--scenario: no scenario '${name}'`);
  return found;
}
