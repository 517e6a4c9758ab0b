// biome-ignore-all lint/suspicious/noTemplateCurlyInString: patches quote templates of the core
/** Bugs in the life of caches and of root caches: M01 to M11. */
import type { Mutant } from './mutant.ts';

const SPLICE = 'splice-caches';

/** See mutants.ts. */
export const CACHE_MUTANTS: readonly Mutant[] = [
  {
    id: 'M01',
    title: 'cache written to after it was freed',
    source: '"mm/slab: fix an use-after-free in kmemcg_workfn()", 2019-06-19',
    patches: [
      {
        file: 'memcg/caches.ts',
        find: 'check(tryShutdown(cache), `cache ${cache} is shut down with slabs left (b.10)`);',
        put: 'check(tryShutdown(cache), `cache ${cache} is shut down with slabs left (b.10)`); poke(caches.dying, cache, 0);',
      },
    ],
    ...{ scenario: 'remove an empty cgroup', strategy: SPLICE, breaks: ['use after free'] },
  },
  {
    id: 'M02a',
    title: 'charge of the root taken for a failure',
    source: '"properly handle kmem_caches reparented to root_mem_cgroup", 2019-06-19',
    patches: [
      {
        file: 'memcg/charge.ts',
        find: 'return charged ? memcg : -1;',
        put: 'if (charged && memcg === ROOT_MEMCG) { put(memcg, pages); return -1; } return charged ? memcg : -1;',
      },
    ],
    ...{ scenario: 'top level: alloc + offline', strategy: SPLICE, breaks: ['C-D'] },
  },
  {
    id: 'M02b',
    title: 'root uncharged, though it never was charged',
    source: '"properly handle kmem_caches reparented to root_mem_cgroup", 2019-06-19',
    patches: [
      {
        file: 'reparent/splice-caches.ts',
        find: 'if (memcg !== ROOT_MEMCG) uncharge(memcg, pages);',
        put: 'uncharge(memcg, pages);',
      },
    ],
    ...{ scenario: 'top level: alloc + offline', strategy: SPLICE, breaks: ['C-C'] },
  },
  {
    id: 'M03',
    title: 'owner forgotten while slabs wait for RCU',
    source: '"fix panic in __free_slab() caused by premature memcg pointer release", 2019-10',
    patches: [
      {
        file: 'memcg/caches.ts',
        find: 'work.queue(WORK.freeTypesafeCache, cache);',
        put: 'caches.memcg[cache] = 0; if (early) css.put(memcg, 1); work.queue(WORK.freeTypesafeCache, cache);',
      },
    ],
    ...{ scenario: 'destroy a cache under RCU', strategy: SPLICE, breaks: ['C-A', 'R2', 'T-B'] },
  },
  {
    id: 'M04',
    title: 'reference switch still pending at exit',
    source: 'commit a264df74df38, 2019-11',
    patches: [
      {
        file: 'memcg/root-caches.ts',
        find: 'for (let round = 0; round < 2; round++)',
        put: 'for (let round = 0; round < 1; round++)',
      },
    ],
    ...{ scenario: 'offline + destroy root cache', strategy: SPLICE },
    breaks: ['use after free'],
  },
  {
    id: 'M05',
    title: 'dying set on a cache that lives on',
    source: 'commit d38a2b7a9c93, 2020-07',
    patches: [
      {
        file: 'memcg/root-caches.ts',
        find: 'columns.aliases[root]--; if (columns.aliases[root] > 0) return false;',
        put: 'wqLock.lockIrq(); columns.dying[root] = 1; wqLock.unlockIrq(); columns.aliases[root]--; if (columns.aliases[root] > 0) return false;',
      },
    ],
    ...{ scenario: 'a merged cache loses a user', strategy: SPLICE, breaks: ['leak'] },
  },
  {
    id: 'M07',
    title: 'merge into a dying cache',
    source: 'changelog of v3 of the fix of M05, 2020-07',
    patches: [
      {
        file: 'memcg/root-caches.ts',
        find: 'if (columns.dying[root] !== 0 || (flags & CACHE_TYPESAFE) !== 0) continue;',
        put: 'if ((flags & CACHE_TYPESAFE) !== 0) continue;',
      },
    ],
    ...{ scenario: 'merge + destroy', strategy: SPLICE, breaks: ['use after free', 'R4'] },
  },
  {
    id: 'M08',
    title: 'lock taken with interrupts on',
    source: 'review of v5 5/7, 2019-05-28',
    patches: [
      {
        file: 'cpu.ts',
        find: 'wqLock: irqLock(LOCK.memcgKmemWqLock),',
        put: 'wqLock: { lockIrq: () => spin.lock(LOCK.memcgKmemWqLock * LINE), unlockIrq: () => spin.unlock(LOCK.memcgKmemWqLock * LINE) },',
      },
    ],
    ...{ scenario: 'interrupt in a removal', strategy: SPLICE, breaks: ['deadlock'] },
  },
  {
    id: 'M09',
    title: 'dying flag tested, then work queued, not as one',
    source: 'class of M10; why the lock of v6 is there',
    // As 5.3 has it: the flag is set, and what was queued waited for, before slab_mutex is taken.
    control: [
      {
        file: 'memcg/root-caches.ts',
        find: 'const last = slabMutex.hold(() => {',
        put: 'wqLock.lockIrq(); columns.dying[root] = 1; wqLock.unlockIrq(); for (let round = 0; round < 2; round++) { rcu.barrier(); work.flush(); } const last = slabMutex.hold(() => {',
      },
      {
        file: 'memcg/root-caches.ts',
        find: 'check(columns.dying[root] === 0, `root cache ${root} is already being destroyed`);',
        put: '',
      },
      {
        file: 'memcg/root-caches.ts',
        find: 'if (!last) return true; for (let round = 0; round < 2; round++) { rcu.barrier(); work.flush(); }',
        put: 'if (!last) return true;',
      },
    ],
    patches: [
      {
        file: 'memcg/caches.ts',
        find: 'wqLock.lockIrq(); if (caches.dying[root] === 0) retireLater(cache); wqLock.unlockIrq();',
        put: 'if (caches.dying[root] === 0) retireLater(cache);',
      },
    ],
    ...{ scenario: 'offline + destroy root cache', strategy: SPLICE },
    breaks: ['use after free'],
  },
  {
    id: 'M10',
    title: 'no dying flag at all',
    source: 'commit 92ee383f6daa, 2018-05',
    patches: [
      {
        file: 'memcg/root-caches.ts',
        find: 'columns.dying[root] = 1;',
        put: 'columns.dying[root] = 0;',
      },
    ],
    ...{ scenario: 'offline + destroy root cache', strategy: SPLICE },
    breaks: ['use after free'],
  },
  {
    id: 'M11',
    title: 'emptiness test that sees nothing',
    source: '"slub: track number of slabs irrespective of CONFIG_SLUB_DEBUG", 2018-06-20',
    patches: [
      {
        file: 'memcg/caches.ts',
        find: 'if (load(caches.nrSlabs, cache) !== 0) return false;',
        put: '',
      },
    ],
    ...{ scenario: 'destroy a cache in use', strategy: SPLICE },
    breaks: ['use after free', 'b.10', 'R4'],
  },
];
