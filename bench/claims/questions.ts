/** The four questions that the review of v5 left open (V. Davydov, 2019-05-28): v5's form, put back. */
import { CACHE_DEACTIVATED, CACHE_LIVE } from '../../core/memcg/kmem-caches.ts';
import { type Claim, measured, smallest, verdictOf } from './claim.ts';
import type { ClaimContext } from './context.ts';
import { allocate, complaints, makeWorld, release, remove, SMALL, settle } from './machines.ts';
import {
  coverage,
  everySchedule,
  putBack,
  rowsOf,
  type Searched,
  witnessesOf,
} from './searches.ts';

/** What v5 did and the core does not: it fails if putting it back breaks what is clean without it. */
function putBackVerdict(without: readonly Searched[], back: Searched) {
  if (without.some(({ broken }) => broken)) return 'cannot tell';
  if (back.broken) return 'fails';
  return back.clean ? 'holds' : 'cannot tell';
}

const LOCK: Claim = {
  id: 'dying-lock',
  group: 'open question',
  statement: 'A plain spin lock, besides slab_mutex, is enough to guard the dying flag (v5).',
  source: 'V. Davydov, review of v5 5/7, 2019-05-28',
  experiment:
    'An interrupt frees the last object of a dead cgroup while another is removed: with the irq-safe lock, and with the plain one of v5 (M08).',
  expected: { verdict: 'fails', source: 'v6 (2019-06-04): irq-safe lock, and only that' },
  resolution:
    'v6: a spin lock with interrupts disabled, and nothing else; v7: no look at the flag at creation.',
  async check(context) {
    const safe = await everySchedule(context, 'interrupt in a removal');
    const plain = await putBack(context, 'M08');
    return {
      verdict: putBackVerdict([safe], plain),
      evidence: plain.broken
        ? `With the plain lock: ${plain.answer.violation?.detail ?? ''}. With the irq-safe one nothing breaks: ${coverage([safe])}.`
        : `The plain lock breaks nothing: ${coverage([plain])}.`,
      figures: [],
      searches: rowsOf([safe, plain]),
      witnesses: witnessesOf([safe, plain]),
    };
  },
};

const SLOB: Claim = {
  id: 'slob',
  group: 'open question',
  statement:
    'The rcu_barrier of the destruction is to be left out where the allocator is SLOB (v5).',
  source: 'V. Davydov, review of v5 5/7, 2019-05-28',
  experiment: 'None: the model has one allocator, SLUB, and no build options.',
  expected: { verdict: 'not modelled', source: 'core/README.md, "What is left out, and why"' },
  resolution: 'v6: no condition, as kernel memory accounting excludes SLOB.',
  async check() {
    return measured('not modelled', 'Not checked: the model has no SLOB.', []);
  },
};

const CHILDREN = 10;

/** Dead caches of a parent, while their objects live and when they are freed. */
function deadCaches({ core, strategy }: ClaimContext, children = CHILDREN) {
  const world = makeWorld(core, strategy);
  const { cpu, machine, root } = world;
  const one = cpu.createRootCache(SMALL);
  const parent = cpu.createMemcg(root);
  const handles: number[] = [];
  for (let number = 0; number < children; number++) {
    const child = cpu.createMemcg(parent);
    handles.push(...allocate(world, child, one, 1));
    // A cache that is empty at the removal goes at once.
    cpu.createCache(child, cpu.createRootCache(SMALL));
    remove(world, child);
  }
  const dead = () =>
    [...machine.kmemCaches.flags].filter(
      (flags) => (flags & (CACHE_LIVE | CACHE_DEACTIVATED)) === (CACHE_LIVE | CACHE_DEACTIVATED),
    ).length;
  const held = dead();
  release(world, handles);
  settle(world);
  return { held, freed: dead(), broken: complaints(core, world) };
}

const SYSFS: Claim = {
  id: 'sysfs',
  group: 'open question',
  statement: 'It is early enough to remove the sysfs files of a cache when it is shut down (v5).',
  source: 'V. Davydov, review of v5, 2019-05-28',
  experiment: `How long caches outlive their cgroup: ${CHILDREN} children, each with a cache that is in use and one that is empty, are removed, then their objects freed. Files themselves are not modelled.`,
  expected: { verdict: 'holds with limits', source: 'docs/findings.md, D6' },
  resolution:
    'v6: files go at the deactivation of a cache that is empty already, at its shutdown otherwise.',
  async check(context) {
    const { held, freed, broken } = deadCaches(context);
    const ok = freed === 0 && broken.length === 0;
    return measured(
      verdictOf(ok, held === 0),
      `${held} caches of ${CHILDREN} removed cgroups are still there, ${freed} when the objects are freed: in v5 the files stay for as long. ${2 * CHILDREN - held} of ${2 * CHILDREN}, the empty ones, went at once. Name clashes and deadlocks of files are not modelled, and not checked.`,
      [
        { name: 'dead caches, objects alive', value: held },
        { name: 'dead caches, objects freed', value: freed },
      ],
      smallest(
        [1, 2, 4],
        (children) => deadCaches(context, children).held > 0,
        (children) => `removed cgroups with one live object each: ${children}`,
      ),
    );
  },
};

const FROM_KMEM: Claim = {
  id: 'from-kmem',
  group: 'open question',
  statement: 'mem_cgroup_from_kmem may go on reading the owner from the page (v5).',
  source: 'V. Davydov, review of v5 7/7, 2019-05-28',
  experiment:
    'Objects are put on lru lists and taken off: with the owner looked up through the cache, and through the page, which names none (M18).',
  expected: { verdict: 'fails', source: 'v6 (2019-06-04): through the cache of the head page' },
  resolution: 'v6: the cache of the head page is asked.',
  async check(context) {
    const through = await Promise.all([
      everySchedule(context, 'lru + lru'),
      everySchedule(context, 'lru + offline + kworker', 1),
    ]);
    const page = await putBack(context, 'M18');
    return {
      verdict: putBackVerdict(through, page),
      evidence: page.broken
        ? `By page: ${page.answer.violation?.invariant} breaks (${page.answer.violation?.detail}). By cache nothing breaks: ${coverage(through)}.`
        : `By page nothing breaks: ${coverage([page])}.`,
      figures: [],
      searches: rowsOf([...through, page]),
      witnesses: witnessesOf([...through, page]),
    };
  },
};

/** See the head of the file. */
export const QUESTIONS: readonly Claim[] = [LOCK, SLOB, SYSFS, FROM_KMEM];
