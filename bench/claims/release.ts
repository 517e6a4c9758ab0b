/** Claims about what a removal leaves, and what it takes: objects, caches, operations, charges. */
import { chooseCaches, loadPopulation } from '../input/population.ts';
import { buildPopulation } from '../workload/population-machine.ts';
import { type Claim, measured, smallest, verdictOf } from './claim.ts';
import type { ClaimContext } from './context.ts';
import {
  allocate,
  complaints,
  makeWorld,
  ownedPages,
  PAGE_EACH,
  release,
  remove,
  SMALL,
  settle,
  usageOf,
} from './machines.ts';
import { COVER, TEXT } from './sources.ts';

/** Objects that outlive their cgroup, in four caches. */
function outlive({ core }: ClaimContext, strategy: string, objects: number) {
  const world = makeWorld(core, strategy);
  const { cpu, machine, root } = world;
  const parent = cpu.createMemcg(root);
  const child = cpu.createMemcg(parent);
  const roots = Array.from({ length: 4 }, () => cpu.createRootCache(SMALL));
  const handles = Array.from({ length: objects }, (_, place) =>
    allocate(world, child, roots[place % 4] ?? 0, 1),
  ).flat();
  remove(world, child);
  return {
    dying: cpu.cgroupStat(parent).dyingDescendants,
    freed: machine.memcgs.flags[child] === 0,
    alive: handles.filter((handle) => cpu.ownerOfObject(handle) === parent).length,
    broken: complaints(core, world),
  };
}

/** Sizes that the smallest state which shows something is looked for among. */
const SIZES = [1, 2, 4, 8, 16];

const RELEASE: Claim = {
  id: 'release',
  group: 'cover letter',
  statement:
    'A removed cgroup is released at once; it need not wait until the last of its objects is freed.',
  source: COVER,
  experiment:
    'A cgroup with 1 and with 64 live objects in four caches is removed and all deferred work run, nothing freed; the same under pin.',
  expected: {
    verdict: 'holds',
    source: 'published table: dying cgroups stay in the 60s (v5, day 7)',
  },
  async check(context) {
    const one = outlive(context, context.strategy, 1);
    const many = outlive(context, context.strategy, 64);
    const pinned = outlive(context, 'pin', 1);
    const gone = [one, many].every(
      ({ dying, freed, broken }) => dying === 0 && freed && broken.length === 0,
    );
    const ok = gone && one.alive === 1 && many.alive === 64;
    const complained = [...one.broken, ...many.broken].map((what) => `${what}. `).join('');
    const evidence = ok
      ? `With 64 objects alive no cgroup is dying, its row is free, and all 64 are the parent's; under pin one object keeps it (${pinned.dying} dying).`
      : `${complained}Dying for 1 object: ${one.dying}, for 64: ${many.dying}; a look-up names the parent for ${one.alive} of 1 and ${many.alive} of 64 objects.`;
    return measured(
      verdictOf(ok, true),
      evidence,
      [
        { name: 'objects alive', value: many.alive },
        { name: 'dying cgroups', value: many.dying },
        { name: 'dying cgroups under pin, 1 object', value: pinned.dying },
      ],
      smallest(
        SIZES,
        (objects) => outlive(context, context.strategy, objects).dying > 0,
        (objects) => `live objects of the removed cgroup: ${objects}`,
      ),
    );
  },
};

/** Hands a populated cgroup over and says what was touched for it. */
function touched(plan: Parameters<typeof buildPopulation>[0]) {
  const { cpu, child, parent, pages, slabs } = buildPopulation(plan);
  const before = cpu.steps();
  cpu.strategy.handOver(child, parent);
  const after = cpu.steps();
  const caches = after.cachesMoved - before.cachesMoved;
  const names = ['pagesVisited', 'pagesMoved', 'rowsScanned'] as const;
  const perPage = names.reduce((sum, name) => sum + after[name] - before[name], 0);
  return { pages, slabs, caches, perPage };
}

/** A parent whose children died, an object left in each of some caches: what its own removal hands over. */
function zombies({ core, strategy }: ClaimContext, children: number, caches: number) {
  const world = makeWorld(core, strategy);
  const { cpu, root } = world;
  const parent = cpu.createMemcg(cpu.createMemcg(root));
  const roots = Array.from({ length: caches }, () => cpu.createRootCache(SMALL));
  for (let number = 0; number < children; number++) {
    const child = cpu.createMemcg(parent);
    for (const one of roots) allocate(world, child, one, 1);
    remove(world, child);
  }
  const pages = ownedPages(world, parent);
  const before = cpu.steps().cachesMoved;
  remove(world, parent);
  return { pages, caches: cpu.steps().cachesMoved - before };
}

const CHILDREN = 20;
const CACHES = 10;

const FEW_CACHES: Claim = {
  id: 'few-caches',
  group: 'cover letter',
  statement:
    'Instead of every charged page, a relatively small number of kmem_caches is handed over.',
  source: COVER,
  experiment: `The 100 largest caches of a recorded host (host-6.18) with up to 100,000 pages: caches and pages touched by the hand-over. Then a parent of ${CHILDREN} dead children that left an object in each of ${CACHES} caches.`,
  expected: { verdict: 'holds with limits', source: 'docs/findings.md, D6' },
  async check(context) {
    const { strategy, seed, quick } = context;
    const population = chooseCaches(
      await loadPopulation('host-6.18', { cpuPartialKernel: '6.x' }),
      100,
    );
    const sizes = quick ? [1e3, 1e4] : [1e3, 1e4, 1e5];
    const rows = sizes.map((pages) =>
      touched({
        ...{ strategy, caches: population.caches, pages, order: 'in-order' },
        ...{ memmapRows: 0, seed },
      }),
    );
    const dead = zombies(context, CHILDREN, CACHES);
    const holds = rows.every(
      ({ caches, slabs, perPage }) => caches > 0 && caches < slabs && perPage === 0,
    );
    const last = rows.at(-1) ?? { pages: 0, slabs: 0, caches: 0, perPage: 0 };
    const few = dead.caches === 0 || dead.caches < dead.pages;
    const counts = rows
      .map(({ caches, pages }) => `${caches} caches for ${pages} pages`)
      .join(', ');
    const pages = last.perPage > 0 ? `; ${last.perPage} rows or pages were touched as well` : '';
    const limit = few
      ? ''
      : ` Not few where children die with an object left: the parent's removal hands over ${dead.caches} caches for ${dead.pages} pages, one for each.`;
    return measured(
      verdictOf(holds, few),
      `${counts}${pages}.${limit}`,
      [
        ...rows.flatMap(({ caches, pages: charged, slabs }) => [
          { name: `caches handed over, ${charged} pages in ${slabs} slabs`, value: caches },
        ]),
        { name: 'rows or pages touched', value: last.perPage },
        { name: `caches of ${CHILDREN} dead children`, value: dead.caches },
        { name: `pages of ${CHILDREN} dead children`, value: dead.pages },
      ],
      smallest(
        SIZES,
        (children) => {
          const { caches, pages: owned } = zombies(context, children, 1);
          return caches > 0 && caches >= owned;
        },
        (children) =>
          `a parent of ${children} child that died with one object left: a cache for each page`,
      ),
    );
  },
};

/** What the hand-over of a cgroup with so many caches and pages did, by count. */
function operations({ core, strategy }: ClaimContext, caches: number, pagesEach: number) {
  const world = makeWorld(core, strategy);
  const { cpu, machine, root } = world;
  const parent = cpu.createMemcg(root);
  const child = cpu.createMemcg(parent);
  const copies = Array.from({ length: caches }, () => {
    const one = cpu.createRootCache(PAGE_EACH);
    allocate(world, child, one, pagesEach);
    return cpu.cacheFor(child, one);
  });
  const css = { child: cpu.cssOf(child), parent: cpu.cssOf(parent) };
  const before = cpu.steps();
  cpu.strategy.handOver(child, parent);
  const after = cpu.steps();
  return {
    swapped: copies.filter((copy) => machine.kmemCaches.memcg[copy] === parent).length,
    moved: after.cachesMoved - before.cachesMoved,
    dropped: css.child - cpu.cssOf(child),
    adjusted: cpu.cssOf(parent) - css.parent,
    cssMoved: after.cssMoved - before.cssMoved,
    splices: after.listOperations - before.listOperations,
    pages: after.pagesMoved + after.pagesVisited + after.rowsScanned,
  };
}

const OPERATIONS: Claim = {
  id: 'operations',
  group: 'patch text',
  statement:
    'All there is to do is: splice the list of caches, swap the owner of each, drop a css reference of the child for each, adjust those of the parent.',
  source: TEXT,
  experiment:
    'Hand-overs of 1, 10 and 100 caches with 1 and with 8 pages each; operations and references are counted.',
  expected: { verdict: 'holds', source: 'the merged patch, Linux 5.3' },
  async check(context) {
    const rows = [1, 10, 100].flatMap((caches) =>
      [1, 8].map((pagesEach) => ({ caches, pagesEach, ...operations(context, caches, pagesEach) })),
    );
    const holds = rows.every(
      ({ caches, swapped, moved, dropped, adjusted, cssMoved, splices, pages }) =>
        [swapped, moved, dropped, adjusted, cssMoved].every((count) => count === caches) &&
        splices === 1 &&
        pages === 0,
    );
    const last = rows.at(-1) ?? { caches: 0, pagesEach: 0, ...operations(context, 1, 1) };
    const { caches, pagesEach, swapped, dropped, adjusted, splices, pages } = last;
    return measured(
      verdictOf(holds, true),
      `${caches} caches with ${caches * pagesEach} pages: ${splices} splice, ${swapped} owners swapped, ${dropped} css references of the child dropped, ${adjusted} of the parent taken, ${pages} pages touched. (The kernel drops the child's one by one; here it is one subtraction.)`,
      [
        { name: 'splices', value: splices },
        { name: 'owners swapped', value: swapped },
        { name: 'css references dropped', value: dropped },
        { name: 'css references taken', value: adjusted },
        { name: 'pages touched', value: pages },
      ],
      smallest(
        SIZES,
        (caches) => operations(context, caches, 1).moved !== caches,
        (caches) => `caches with a page each: ${caches}`,
      ),
    );
  },
};

const PAGES = 10;

/** Counters of the parent and the root before and after C goes, and when all is freed. */
function charges({ core, strategy }: ClaimContext, topLevel: boolean, pages = PAGES) {
  const world = makeWorld(core, strategy);
  const { cpu, root } = world;
  const parent = topLevel ? root : cpu.createMemcg(root);
  const child = cpu.createMemcg(parent);
  const handles = allocate(world, child, cpu.createRootCache(PAGE_EACH), pages);
  const before = usageOf(world, parent);
  remove(world, child);
  const after = usageOf(world, parent);
  const broken = complaints(core, world);
  release(world, handles);
  settle(world);
  return { before, after, left: usageOf(world, parent), broken };
}

const RECHARGE: Claim = {
  id: 'recharge',
  group: 'patch text',
  statement: 'The parent is charged for the pages already, so nothing has to be charged again.',
  source: TEXT,
  experiment: `A cgroup with ${PAGES} pages is removed, then all is freed; the page counter of its parent, once a cgroup and once the root.`,
  expected: {
    verdict: 'holds with limits',
    source: '"properly handle kmem_caches reparented to root_mem_cgroup", 2019-06-19',
  },
  async check(context) {
    const below = charges(context, false);
    const top = charges(context, true);
    const kept = below.before === PAGES && below.after === PAGES && below.left === 0;
    const holds = kept && below.broken.length === 0;
    const limit =
      top.left === 0
        ? ''
        : ` The root is charged for what is below it, but not uncharged for what it owns: ${top.left} pages stay on its counter, which nobody is shown.`;
    return measured(
      verdictOf(holds, top.left === 0),
      `The parent's counter: ${below.before} pages before, ${below.after} after, ${below.left} when all is freed. ${below.broken.join('; ')}${limit}`.replace(
        '  ',
        ' ',
      ),
      [
        { name: "parent's counter before", value: below.before },
        { name: "parent's counter after", value: below.after },
        { name: "parent's counter, all freed", value: below.left },
        { name: "root's counter, all freed", value: top.left },
      ],
      smallest(
        SIZES,
        (pages) => charges(context, true, pages).left !== 0,
        (pages) => `a cgroup below the root; pages that are freed after it went: ${pages}`,
      ),
    );
  },
};

/** See the head of the file. */
export const RELEASE_CLAIMS: readonly Claim[] = [RELEASE, FEW_CACHES, OPERATIONS, RECHARGE];
