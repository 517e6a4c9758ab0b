/** The claim about hierarchical statistics: how far what is shown may be from what is there. */
import { MUTANTS } from '../explore/mutants.ts';
import { randomBelow, seededRandom } from '../workload/random.ts';
import { type Claim, measured, smallest, verdictOf } from './claim.ts';
import type { TestedCore } from './context.ts';
import {
  allocate,
  makeWorld,
  ownedPages,
  PAGE_EACH,
  release,
  remove,
  settle,
  type World,
} from './machines.ts';
import { TEXT } from './sources.ts';

/** Pages that a CPU may hold back of each memcg (MEMCG_CHARGE_BATCH of 5.3). */
const BATCH = 32;
const CPUS = 2;
const CHILDREN = 3;

/** Pages that a memcg and all below it own. */
function exactPages(world: World, memcg: number): number {
  return world.cpu.subtree(memcg).reduce((sum, one) => sum + ownedPages(world, one), 0);
}

function errorAt(world: World, memcg: number): number {
  return exactPages(world, memcg) - world.cpu.memoryStat(memcg).slabUnreclaimable;
}

/** All that the documented bound allows: what each CPU may hold back of each memcg of the subtree. */
function boundAt({ cpu, machine }: World, memcg: number): number {
  const { descendants, dyingDescendants } = cpu.cgroupStat(memcg);
  return BATCH * machine.config.cpus * (1 + descendants + dyingDescendants);
}

/** A machine on which each CPU holds back all that it may, and then the children go. */
function heldBack(core: TestedCore, strategy: string) {
  const world = makeWorld(core, strategy, { cpus: CPUS });
  const { cpu, cpus, root } = world;
  const one = cpu.createRootCache(PAGE_EACH);
  const parent = cpu.createMemcg(root);
  const children = Array.from({ length: CHILDREN }, () => cpu.createMemcg(parent));
  for (const memcg of [parent, ...children]) {
    for (const each of cpus) allocate({ ...world, cpu: each }, memcg, one, BATCH);
  }
  const full = { error: errorAt(world, parent), bound: boundAt(world, parent) };
  for (const child of children) remove(world, child);
  return { full, after: { error: errorAt(world, parent), bound: boundAt(world, parent) } };
}

/** What is missing where one CPU charges some pages to one memcg. */
function errorOf(core: TestedCore, strategy: string, pages: number): number {
  const world = makeWorld(core, strategy);
  const { cpu, root } = world;
  const memcg = cpu.createMemcg(root);
  allocate(world, memcg, cpu.createRootCache(PAGE_EACH), pages);
  return errorAt(world, memcg);
}

const OPERATIONS = 400;

/** A parent whose children allocate, free, come and go by chance: the worst there was, against the bound. */
function byChance(core: TestedCore, strategy: string, seed: number) {
  const world = makeWorld(core, strategy, { cpus: CPUS });
  const { cpu, cpus, root } = world;
  const random = seededRandom(seed);
  const one = cpu.createRootCache(PAGE_EACH);
  const parent = cpu.createMemcg(root);
  const live: number[] = [];
  const handles: number[] = [];
  const add = () => live.push(cpu.createMemcg(parent));
  add();
  let worst = 0;
  let beyond = 0;
  for (let done = 0; done < OPERATIONS; done++) {
    const each = { ...world, cpu: cpus[randomBelow(random, CPUS)] ?? cpu };
    const memcg = live[randomBelow(random, live.length)] ?? parent;
    const kind = randomBelow(random, 10);
    if (kind < 5) handles.push(...allocate(each, memcg, one, 8));
    else if (kind < 7) release(each, handles.splice(randomBelow(random, handles.length + 1), 8));
    else if (kind < 8 && live.length < CHILDREN) add();
    else if (kind < 9 && live.length > 1)
      remove(world, live.splice(live.indexOf(memcg), 1)[0] ?? 0);
    const error = Math.abs(errorAt(world, parent));
    worst = Math.max(worst, error);
    beyond = Math.max(beyond, error - boundAt(world, parent));
  }
  return { worst, beyond };
}

const REMOVALS = 40;
const LEFT = 10;

/** Children come and go, each leaves pages: what is wrong at the parent in the end. */
function generations(core: TestedCore, strategy: string) {
  const world = makeWorld(core, strategy);
  const { cpu, root } = world;
  const one = cpu.createRootCache(PAGE_EACH);
  const parent = cpu.createMemcg(root);
  for (let child = 0; child < REMOVALS; child++) {
    const memcg = cpu.createMemcg(parent);
    allocate(world, memcg, one, LEFT);
    remove(world, memcg);
  }
  settle(world);
  return { error: Math.abs(errorAt(world, parent)), bound: boundAt(world, parent) };
}

const M15 = MUTANTS.find(({ id }) => id === 'M15')?.patches ?? [];

const GLOBAL: Claim = {
  id: 'global-statistics',
  group: 'patch text',
  statement: 'Global (hierarchical) slab statistics of the parent are right at all times.',
  source: TEXT,
  experiment: `Two CPUs hold back all they may of a parent and ${CHILDREN} children; ${OPERATIONS} operations by chance; ${REMOVALS} children that leave ${LEFT} pages each, as the core does it and with the flush of 5.3 and 5.4 put back (M15). Shown pages against pages recounted from the slabs.`,
  expected: {
    verdict: 'holds with limits',
    source: '"mm: memcg/slab: fix percpu slab vmstats flushing", 2019-12-18',
  },
  async check(context) {
    const { core, strategy, seed } = context;
    const { full, after } = heldBack(core, strategy);
    const chance = byChance(core, strategy, seed);
    const own = generations(core, strategy);
    const flushed = generations(await context.coreWith(M15), strategy);
    const within = [full, after, own].every(({ error, bound }) => Math.abs(error) <= bound);
    const holds = within && chance.beyond <= 0;
    const exact = full.error === 0 && chance.worst === 0 && flushed.error <= flushed.bound;
    return measured(
      verdictOf(holds, exact),
      `${exact ? 'Exact' : 'Not exact'}: ${full.error} pages are missing where ${full.bound} may be held back, ${after.error} of ${after.bound} when the children are freed, ${chance.worst} at worst by chance${holds ? ', never more than the bound' : ', beyond the bound'}. After ${REMOVALS} removals ${own.error} pages are wrong; as 5.3 and 5.4 flushed, ${flushed.error} (bound ${flushed.bound}).`,
      [
        { name: 'pages missing, all held back', value: full.error },
        { name: 'bound then', value: full.bound },
        { name: 'pages missing, children freed', value: after.error },
        { name: 'bound then, children freed', value: after.bound },
        { name: 'pages wrong by chance, at worst', value: chance.worst },
        { name: `pages wrong after ${REMOVALS} removals`, value: own.error },
        { name: `pages wrong after ${REMOVALS} removals, 5.3 and 5.4`, value: flushed.error },
      ],
      smallest(
        [1, 2, 4, 8, 16, BATCH],
        (pages) => errorOf(core, strategy, pages) !== 0,
        (pages) => `one CPU and one memcg; pages that are charged and not shown: ${pages}`,
      ),
    );
  },
};

/** See the head of the file. */
export const STATISTICS_CLAIMS: readonly Claim[] = [GLOBAL];
