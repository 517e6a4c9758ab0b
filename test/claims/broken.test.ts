/** No verdict is a constant: each comes out differently where the core, or the design, is another one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLAIMS } from '../../bench/claims/claims.ts';
import { MUTANTS } from '../../bench/explore/mutants.ts';
import type { Patch } from '../../bench/explore/patched-core.ts';
import type { ClaimVerdict } from '../../reports/index.ts';
import { checkClaim } from './checking.ts';

interface Broken {
  readonly claim: string;
  readonly how: string;
  readonly strategy?: string;
  readonly patches?: readonly Patch[];
  /** Where one preemption does not show it. */
  readonly deep?: true;
  readonly verdict: ClaimVerdict;
}

function mutant(id: string): readonly Patch[] {
  const found = MUTANTS.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no mutant ${id}`);
  return found.patches;
}

const SPLICE = 'reparent/splice-caches.ts';
const NO_UNCHARGE: Patch = {
  file: SPLICE,
  find: 'if (memcg !== ROOT_MEMCG) uncharge(memcg, pages);',
  put: '',
};
const NO_DRAIN: Patch = {
  file: 'memcg/lifecycle.ts',
  find: 'lrus.drain(id, parent);',
  put: '',
};
const STOCK = 'reparent/byte-stock.ts';
/** Every design's stock with so many slots. */
const slots = (number: number): Patch => ({
  ...{ file: STOCK, find: 'const { cpu, slots, memcgOf, chargedBytes' },
  put: `const slots = ${number}; const { cpu, memcgOf, chargedBytes`,
});
const NO_FLUSH: Patch = {
  file: 'memcg/root-caches.ts',
  find: 'for (let round = 0; round < 2; round++)',
  put: 'for (let round = 0; round < 0; round++)',
};

const CASES: readonly Broken[] = [
  { claim: 'release', how: 'under pin', strategy: 'pin', verdict: 'fails' },
  { claim: 'few-caches', how: 'under scan-pages', strategy: 'scan-pages', verdict: 'fails' },
  { claim: 'operations', how: 'under scan-pages', strategy: 'scan-pages', verdict: 'fails' },
  {
    ...{ claim: 'operations', how: 'if references of the child are kept', verdict: 'fails' },
    patches: [{ file: 'reparent/hand-over.ts', find: 'put(child, moved);', put: '' }],
  },
  {
    ...{ claim: 'recharge', how: 'if the hand-over charges the parent', verdict: 'fails' },
    patches: [
      {
        file: SPLICE,
        find: 'handOverCaches(child, parent);',
        put: 'context.charging.charge(parent, handOverCaches(child, parent));',
      },
    ],
  },
  {
    ...{ claim: 'global-statistics', how: 'if ancestors are left out', verdict: 'fails' },
    patches: [
      {
        file: 'memcg/stats.ts',
        find: 'for (let level = memcg; level !== 0; level = parent[level])',
        put: 'for (let level = memcg; level !== 0; level = 0)',
      },
    ],
  },
  {
    ...{ claim: 'child-usage', how: 'if nobody is uncharged', verdict: 'fails' },
    patches: [NO_UNCHARGE],
  },
  {
    ...{ claim: 'shadow-nodes-child', how: 'if lists are not drained', verdict: 'fails' },
    patches: [NO_DRAIN],
  },
  { claim: 'local-statistics', how: 'under pin', strategy: 'pin', verdict: 'holds' },
  { claim: 'shadow-nodes', how: 'under pin', strategy: 'pin', verdict: 'holds' },
  {
    ...{ claim: 'pointer', how: 'if caches keep their dead owner', verdict: 'fails' },
    patches: [{ file: 'reparent/hand-over.ts', find: 'poke(owner, cache, parent);', put: '' }],
  },
  {
    ...{ claim: 'charge-races', how: 'if nobody is uncharged', verdict: 'fails' },
    patches: [NO_UNCHARGE],
  },
  { claim: 'deactivation-order', how: 'under pin', strategy: 'pin', verdict: 'holds' },
  {
    ...{ claim: 'cache-in-use', how: 'with a plain counter (M20b)', verdict: 'fails' },
    ...{ patches: mutant('M20b'), deep: true },
  },
  {
    ...{ claim: 'percpu-until-deactivation', how: 'if killed at birth', verdict: 'fails' },
    patches: [
      {
        file: 'memcg/caches.ts',
        find: 'cacheRefs.init(cache);',
        put: 'cacheRefs.init(cache); cacheRefs.kill(cache, () => {}); cacheRefs.switched(cache);',
      },
    ],
  },
  {
    ...{ claim: 'no-dying-check', how: 'if nothing is flushed', verdict: 'fails' },
    patches: [NO_FLUSH],
  },
  {
    ...{ claim: 'children-list', how: 'if nothing is flushed', verdict: 'fails' },
    patches: [NO_FLUSH],
  },
  {
    ...{ claim: 'no-rcu-wait', how: 'if the reference goes before the owner is read (D5b)' },
    ...{ patches: mutant('D5b'), verdict: 'fails' },
  },
  { claim: 'dying-lock', how: 'under pin', strategy: 'pin', verdict: 'holds' },
  {
    ...{ claim: 'sysfs', how: 'if dead caches are never killed', verdict: 'fails' },
    patches: [
      {
        file: 'memcg/caches.ts',
        find: 'cacheRefs.kill(cache, () => rcu.call(RCU_CALLBACK.cacheKilled, cache));',
        put: '',
      },
    ],
  },
  {
    ...{ claim: 'from-kmem', how: 'if the core itself is broken', verdict: 'cannot tell' },
    patches: [NO_DRAIN],
  },
  {
    ...{ claim: 'node-drains', how: 'if stocks have two slots', verdict: 'fails' },
    patches: [slots(2)],
  },
  {
    ...{ claim: 'stock-by-memcg', how: 'if obj_cgroups are compared after all', verdict: 'holds' },
    patches: [slots(2), { file: STOCK, find: "bound.compare === 'memcg'", put: 'false' }],
  },
  {
    ...{ claim: 'five-slots', how: 'if there is one', verdict: 'fails' },
    patches: [slots(1)],
  },
  {
    ...{ claim: 'five-slots', how: 'if parts of pages are dropped', verdict: 'fails' },
    patches: [{ file: STOCK, find: 'if (rest !== 0) add(chargedBytes, objcg, rest);', put: '' }],
  },
];

for (const { claim, how, strategy = 'splice-caches', patches = [], deep, verdict } of CASES) {
  test(`${claim}: ${verdict} ${how}`, async () => {
    const found = await checkClaim(claim, { strategy, patches, quick: deep !== true });
    assert.equal(found.verdict, verdict, found.evidence);
    assert.notEqual(found.verdict, found.expected);
  });
}

test('every claim that is checked has a case', () => {
  const covered = new Set(CASES.map(({ claim }) => claim));
  const left = CLAIMS.filter(({ id }) => !covered.has(id)).map(({ id }) => id);
  assert.deepEqual(left, ['slob']);
});
