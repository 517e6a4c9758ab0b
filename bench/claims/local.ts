/** Claims about the counters of one level: the child's own, the parent's local ones, and who reads them. */
import type { CacheShape } from '../../core/index.ts';
import { lruList } from '../../core/memcg/list-lru-rows.ts';
import { SHADOW_NODES } from '../explore/claim-scenarios.ts';
import { type Claim, measured, stateWitness, verdictOf } from './claim.ts';
import type { ClaimContext, TestedCore } from './context.ts';
import {
  allocate,
  complaints,
  localCounter,
  makeWorld,
  ownedPages,
  PAGE_EACH,
  release,
  remove,
  settle,
  usageOf,
  type World,
} from './machines.ts';
import { lookOut, rowsOf, suspect, witnessesOf } from './searches.ts';
import { TEXT } from './sources.ts';

/** What a memcg's local counter says, what is shown of it, and what it owns. */
interface Level {
  readonly owned: number;
  readonly counter: number;
  readonly shown: number;
  /** Shadow nodes that count_shadow_nodes calls too many. */
  readonly excess: number;
}

/** A parent with pages of its own, a child with some, and shadow nodes of the parent. */
interface State {
  readonly own: number;
  readonly child: number;
  readonly nodes: number;
}

function levelOf(world: World, memcg: number): Level {
  const { cpu } = world;
  return {
    owned: ownedPages(world, memcg),
    counter: localCounter(world, memcg),
    shown: cpu.localMemoryStat(memcg).slabUnreclaimable,
    excess: cpu.shadowNodes(memcg, 0),
  };
}

/** The parent before the child goes, after that, and when the child's pages are freed. */
function parentOf(core: TestedCore, strategy: string, { own, child, nodes }: State) {
  const world = makeWorld(core, strategy);
  const { cpu, root } = world;
  const one = cpu.createRootCache(PAGE_EACH);
  const parent = cpu.createMemcg(root);
  const removed = cpu.createMemcg(parent);
  const owned = allocate(world, parent, one, own);
  for (const handle of owned.slice(0, nodes)) cpu.lrus.add(0, handle);
  const handles = allocate(world, removed, one, child);
  const before = levelOf(world, parent);
  remove(world, removed);
  const after = levelOf(world, parent);
  release(world, handles);
  settle(world);
  return { before, after, freed: levelOf(world, parent) };
}

/** Every state up to some size, the smallest first. */
function statesUpTo(pages: number, nodes: number): State[] {
  const states: State[] = [];
  for (let total = 1; total <= pages; total++) {
    for (let child = 1; child <= total; child++) states.push({ own: total - child, child, nodes });
  }
  return states.filter(({ own }) => own >= nodes);
}

function isWrong({ owned, counter }: Level): boolean {
  return owned !== counter;
}

function pagesText(count: number): string {
  return `${count} ${count === 1 ? 'page' : 'pages'}`;
}

function stateText({ own, child, nodes }: State): string {
  const lru = nodes === 0 ? '' : `, ${nodes} of which holds a shadow node`;
  return `a parent with ${pagesText(own)} of its own${lru}; a child with ${pagesText(child)}`;
}

const NONE: State = { own: 0, child: 4, nodes: 0 };
const SOME: State = { own: 10, child: 4, nodes: 0 };
/** A parent whose nodes are just what its pages allow: 80 pages, one node in eight. */
const NODES: State = { own: 80, child: 80, nodes: 10 };

const LOCAL: Claim = {
  id: 'local-statistics',
  group: 'patch text',
  statement:
    'Local slab counters of the parent were always 0, so reparenting changes nothing in them.',
  source: TEXT,
  experiment:
    'Parents with 0 to 10 pages of their own; a child with 4 pages is removed and its pages freed. Local counter, what is shown of it, and pages owned, recounted from the slabs; the smallest state where they differ is searched for.',
  expected: {
    verdict: 'fails',
    source:
      '"mm: workingset: ignore slab memory size when calculating shadows pressure", 2020-09-03; docs/findings.md, M17',
  },
  async check({ core, strategy }) {
    const none = parentOf(core, strategy, NONE);
    const some = parentOf(core, strategy, SOME);
    const nodes = parentOf(core, strategy, NODES);
    const states = statesUpTo(3, 0).map((state) => ({
      state,
      ...parentOf(core, strategy, state),
    }));
    const [differs] = states.filter(({ before, after, freed }) =>
      [before, after, freed].some(isWrong),
    );
    const [negative] = states.filter(({ freed }) => freed.counter < 0);
    const [under] = states.filter(({ freed }) => freed.shown < freed.owned);
    const levels = [none, some, nodes].flatMap(({ before, after, freed }) => [
      before,
      after,
      freed,
    ]);
    const wrong = differs !== undefined || levels.some(isWrong);
    const zero = some.before.counter === 0;
    const evidence = [
      `A parent without pages of its own: counter ${none.before.counter}, ${none.after.counter} after it inherited ${none.after.owned}, ${none.freed.counter} when they are freed, shown as ${none.freed.shown}.`,
      `With ${SOME.own} of its own the counter was ${some.before.counter}${zero ? '' : ', not 0'}; it reads ${some.freed.shown} when it owns ${some.freed.owned}.`,
      `count_shadow_nodes then finds ${nodes.freed.excess} of ${NODES.nodes} shadow nodes too many (${nodes.before.excess} before) at a parent that owns ${nodes.freed.owned} pages and counts ${nodes.freed.counter}.`,
    ].join(' ');
    const figures = [
      { name: 'counter, own pages 0: before', value: none.before.counter },
      { name: 'counter, own pages 0: child removed', value: none.after.counter },
      { name: 'pages owned then', value: none.after.owned },
      { name: "counter, own pages 0: child's pages freed", value: none.freed.counter },
      { name: 'shown then', value: none.freed.shown },
      { name: 'counter, own pages 10: before', value: some.before.counter },
      { name: "counter, own pages 10: child's pages freed", value: some.freed.counter },
      { name: 'shown then, own pages 10', value: some.freed.shown },
      { name: 'pages owned then, own pages 10', value: some.freed.owned },
      { name: 'shadow nodes too many before', value: nodes.before.excess },
      { name: 'shadow nodes too many after', value: nodes.freed.excess },
    ];
    const witnesses = [
      ...(differs === undefined
        ? []
        : [
            stateWitness(
              `counter ${differs.after.counter} for ${pagesText(differs.after.owned)}: ${stateText(differs.state)}, removed`,
            ),
          ]),
      ...(negative === undefined
        ? []
        : [
            stateWitness(
              `counter ${negative.freed.counter}, shown as ${negative.freed.shown}: ${stateText(negative.state)}, freed after it went`,
            ),
          ]),
      ...(under === undefined
        ? []
        : [
            stateWitness(
              `${under.freed.shown} shown for ${pagesText(under.freed.owned)}: ${stateText(under.state)}, freed after it went`,
            ),
          ]),
    ];
    return measured(verdictOf(!wrong, true), evidence, figures, witnesses);
  },
};

/** Whether count_shadow_nodes at the parent says the same as where nothing is reparented. */
function sameAsPinned({ core, strategy }: ClaimContext, state: State): boolean {
  const here = parentOf(core, strategy, state);
  const pinned = parentOf(core, 'pin', state);
  return (['before', 'after', 'freed'] as const).every(
    (when) => here[when].excess === pinned[when].excess,
  );
}

const SHADOW: Claim = {
  id: 'shadow-nodes',
  group: 'patch text',
  statement: 'count_shadow_nodes, the one reader of local slab counters, is not affected.',
  source: TEXT,
  experiment:
    'Parents with up to 9 pages and one shadow node, and one with 80 pages and 10 nodes: count_shadow_nodes there before, after, and when the pages of the removed child are freed, against pin, where nothing is reparented.',
  expected: {
    verdict: 'fails',
    source: 'J. Weiner, 2020-09-09, reply to "mm: workingset: ignore slab memory size ..."',
  },
  async check(context) {
    const { core, strategy } = context;
    const first = statesUpTo(10, 1).find((state) => !sameAsPinned(context, state));
    const here = parentOf(core, strategy, NODES);
    const pinned = parentOf(core, 'pin', NODES);
    const same = first === undefined && sameAsPinned(context, NODES);
    return measured(
      verdictOf(same, true),
      `${NODES.nodes} shadow nodes at a parent with ${NODES.own} pages: ${here.before.excess} too many before a child of ${NODES.child} pages goes, ${here.freed.excess} when its pages are freed; without reparenting ${pinned.freed.excess}.`,
      [
        { name: 'too many before', value: here.before.excess },
        { name: "too many, child's pages freed", value: here.freed.excess },
        { name: "too many under pin, child's pages freed", value: pinned.freed.excess },
      ],
      first === undefined ? [] : [stateWitness(`${stateText(first)}, freed after it went`)],
    );
  },
};

/** Sixteen nodes a slab, so that a few nodes take one page. */
const NODE: CacheShape = { ...PAGE_EACH, size: 256, objectsPerSlab: 16 };
const CHILD_NODES = 6;

/** Shadow nodes of a removed child that somebody still holds. */
function childNodes({ core, strategy }: ClaimContext) {
  const world = makeWorld(core, strategy);
  const { cpu, machine, root } = world;
  const parent = cpu.createMemcg(root);
  const child = cpu.createMemcg(parent);
  const handles = allocate(world, child, cpu.createRootCache(NODE), CHILD_NODES);
  for (const handle of handles) cpu.lrus.add(0, handle);
  cpu.holdMemcg(child);
  const own = lruList(machine.config, 0, machine.memcgs.kmemId[child] ?? 0);
  remove(world, child);
  const asked = { freed: 0 };
  const scan = () => {
    asked.freed++;
    return 0;
  };
  cpu.shrinkSlab(child, 0, { lrus: [0], scan });
  const found = {
    onItsList: machine.lruLists.items[own] ?? 0,
    atParent: cpu.lrus.count(0, parent),
    byItsId: cpu.lrus.count(0, child),
    shrunk: asked.freed,
  };
  cpu.dropMemcg(child);
  settle(world);
  return found;
}

const SHADOW_CHILD: Claim = {
  id: 'shadow-nodes-child',
  group: 'patch text',
  statement: 'At the child count_shadow_nodes finds no nodes after reparenting.',
  source: TEXT,
  experiment: `A cgroup with ${CHILD_NODES} shadow nodes is removed while somebody holds it: nodes on its list, on the parent's, and as counted by its kmem id. Then a schedule is looked for in which its pages are the parent's and its nodes still its own.`,
  expected: {
    verdict: 'holds with limits',
    source: 'the order of the offline callback, Linux 5.3: caches, kmem id, list_lrus',
  },
  async check(context) {
    const found = childNodes(context);
    const between = await lookOut(context, SHADOW_NODES.name, 'nodes left');
    const holds = found.onItsList === 0 && found.atParent === CHILD_NODES;
    const everywhere = between.clean && found.byItsId === 0;
    const limits = [
      ...(between.broken
        ? [
            "Between the hand-over and the drain its pages are the parent's and its nodes still its own.",
          ]
        : []),
      ...(found.byItsId > 0
        ? [
            `Counted by the dead child's kmem id, which is the parent's now, ${found.byItsId} nodes are found: that nobody asks an offline cgroup (${found.shrunk} calls of its shrinker) is what makes it 0.`,
          ]
        : []),
    ];
    return {
      verdict: verdictOf(holds, everywhere),
      evidence: [
        `${found.onItsList} of ${CHILD_NODES} nodes are left on the list of the child, ${found.atParent} are on the parent's.`,
        ...limits,
      ].join(' '),
      figures: [
        { name: "nodes left on the child's list", value: found.onItsList },
        { name: "nodes on the parent's list", value: found.atParent },
        { name: "nodes counted by the child's kmem id", value: found.byItsId },
        { name: "calls of the child's shrinker", value: found.shrunk },
      ],
      searches: rowsOf([between]),
      witnesses: [
        ...(holds ? [] : [stateWitness('a removed child with shadow nodes on its list')]),
        ...witnessesOf([between]),
      ],
    };
  },
};

const PAGES = 5;

/** Pages of a removed child that its parent frees, while somebody holds the child. */
function residue({ core, strategy }: ClaimContext) {
  const world = makeWorld(core, strategy);
  const { cpu, machine, root } = world;
  const parent = cpu.createMemcg(root);
  const child = cpu.createMemcg(parent);
  const handles = allocate(world, child, cpu.createRootCache(PAGE_EACH), PAGES);
  cpu.holdMemcg(child);
  remove(world, child);
  release(world, handles);
  settle(world);
  const left = { child: usageOf(world, child), parent: usageOf(world, parent) };
  cpu.dropMemcg(child);
  settle(world);
  const freed = machine.memcgs.flags[child] === 0;
  return { ...left, freed, broken: complaints(core, world) };
}

const CHILD_USAGE: Claim = {
  id: 'child-usage',
  group: 'patch text',
  statement: 'What the counters of the removed child say does not matter any more.',
  source: TEXT,
  experiment: `A cgroup with ${PAGES} pages is removed and its pages freed: its counter, its parent's, and whether it is freed all the same. Then a schedule is looked for in which its counter falls below 0 (D1).`,
  expected: { verdict: 'holds with limits', source: 'docs/findings.md, D1' },
  async check(context) {
    const { child, parent, freed, broken } = residue(context);
    const negative = await suspect(context, 'D1');
    const holds = parent === 0 && freed && broken.length === 0;
    const warning = negative.broken
      ? ` It does matter once: ${negative.answer.violation?.detail ?? ''}, of which the kernel warns (page_counter underflow).`
      : '';
    return {
      verdict: verdictOf(holds, negative.clean),
      evidence: `The counter of the removed child says ${child} pages, its parent's ${parent}; the child is ${freed ? 'freed' : 'not freed'}.${broken.map((one) => ` ${one}.`).join('')}${warning}`,
      figures: [
        { name: "pages on the child's counter", value: child },
        { name: "pages on the parent's counter", value: parent },
      ],
      searches: rowsOf([negative]),
      witnesses: [
        ...(holds ? [] : [stateWitness('a removed child with one page that its parent frees')]),
        ...witnessesOf([negative]),
      ],
    };
  },
};

/** See the head of the file. */
export const LOCAL_CLAIMS: readonly Claim[] = [CHILD_USAGE, SHADOW_CHILD, LOCAL, SHADOW];
