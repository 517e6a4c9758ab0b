// biome-ignore-all lint/suspicious/noTemplateCurlyInString: patches quote templates of the core
/** Bugs in references, charges, statistics and lists: M12 to M22, D5, and errors of our own designs. */
import type { Mutant } from './mutant.ts';

const SPLICE = 'splice-caches';

/** See mutants.ts. */
export const ACCOUNT_MUTANTS: readonly Mutant[] = [
  {
    id: 'M12',
    title: 'reference leaked by a request that is dropped',
    source: 'in 5.3.1, not in 5.7.14',
    patches: [
      {
        file: 'memcg/accounted.ts',
        find: 'if (!work.tryQueue(WORK.createCache, memcg, root, spare)) putMemcg(memcg, 1);',
        put: 'work.tryQueue(WORK.createCache, memcg, root, spare);',
      },
    ],
    ...{ scenario: 'requests beyond the queue', strategy: SPLICE, breaks: ['R2'] },
  },
  {
    id: 'M13',
    title: 'order-0 pages invisible to look-ups',
    source: 'commit 221ec5c0a46c, 5.4',
    patches: [
      {
        file: 'memcg/lookups.ts',
        find: 'const owner = head <= 0 || cacheOfSlab(page, head) === 0 ?',
        put: 'const owner = head <= 0 || cacheOfSlab(page, head) === 0 || machine.kmemCaches.pages[cacheOfSlab(page, head)] === 1 ?',
      },
    ],
    ...{ scenario: 'free + look-up', strategy: SPLICE, breaks: ['look-up'] },
  },
  {
    id: 'M15',
    title: 'statistics flushed twice',
    source: '"mm: memcg/slab: fix percpu slab vmstats flushing", 2019-12-18',
    patches: [
      {
        file: 'memcg/lifecycle.ts',
        find: 'charging.drainAll(memcg); events.mark(OFFLINE',
        put: 'charging.drainAll(memcg); stats.flush(memcg); events.mark(OFFLINE',
      },
    ],
    ...{ scenario: 'remove, then free', strategy: SPLICE, breaks: ['T-B'] },
  },
  {
    id: 'M16',
    title: 'statistics of the root not taken back',
    source: 'commit 8faeb1ffd795, 5.3 to 5.9',
    patches: [
      {
        file: 'reparent/splice-caches.ts',
        find: 'if (memcg !== 0) { addStat(memcg, cache, -pages);',
        put: 'if (memcg !== 0) { if (memcg !== ROOT_MEMCG) addStat(memcg, cache, -pages);',
      },
    ],
    ...{ scenario: 'remove a top-level cgroup, then free', strategy: SPLICE, breaks: ['T-B'] },
  },
  {
    id: 'M18',
    title: 'list_lru look-up not converted',
    source: 'review of v5 7/7, 2019-05-28',
    patches: [
      {
        file: 'cpu.ts',
        find: '((handle) => strategy.ownerOf(headRow(machine, handle)))',
        put: '(() => 0)',
      },
    ],
    ...{ scenario: 'lru + lru', strategy: SPLICE, breaks: ['S5', 'S6'] },
  },
  {
    id: 'M19',
    title: 'read section over a charge that sleeps',
    source: 'review of v3 6/7, 2019-05-10',
    patches: [
      {
        file: 'memcg/charge.ts',
        find: 'while (!tryGetLive(memcg)) memcg = parent[memcg]; readUnlock(); const charged = charge(memcg, pages);',
        put: 'while (!tryGetLive(memcg)) memcg = parent[memcg]; const charged = charge(memcg, pages); readUnlock();',
      },
    ],
    ...{ scenario: 'free + charge at limit', strategy: SPLICE, breaks: ['sleeps in section'] },
  },
  {
    id: 'M20a',
    title: 'no reference on the cache during an allocation',
    source: 'v1, before v2 (2019-04-23)',
    patches: [
      {
        file: 'memcg/accounted.ts',
        find: 'const held = cache !== 0 && tryGetCache(cache);',
        put: 'const held = cache !== 0;',
      },
      {
        file: 'memcg/accounted.ts',
        find: 'const handle = alloc(cache); putCache(cache, 1);',
        put: 'const handle = alloc(cache);',
      },
    ],
    ...{ scenario: 'alloc + offline', strategy: SPLICE, breaks: ['use after free', 'R4'] },
  },
  {
    id: 'M20b',
    title: 'plain counter: release without a grace period',
    source: 'v1, before v2 (2019-04-23)',
    patches: [
      {
        file: 'memcg/caches.ts',
        find: 'rcu.call(RCU_CALLBACK.cacheDeactivated, cache);',
        put: 'work.queue(WORK.shrinkCache, cache);',
      },
      {
        file: 'memcg/caches.ts',
        find: 'cacheRefs.kill(cache, () => rcu.call(RCU_CALLBACK.cacheKilled, cache));',
        put: 'cacheRefs.kill(cache, () => cacheRefs.switched(cache));',
      },
    ],
    ...{ scenario: 'alloc + offline', strategy: SPLICE, breaks: ['use after free'] },
  },
  {
    id: 'M20c',
    title: 'inherited caches are not handed on',
    source: 'derived from v1',
    patches: [
      {
        file: 'reparent/hand-over.ts',
        find: 'poke(owner, cache, parent);',
        put: 'if ((machine.kmemCaches.flags[cache] & 4) === 0) poke(owner, cache, parent);',
      },
    ],
    ...{ scenario: 'inherited caches', strategy: SPLICE, breaks: ['S1', 'R5', 'use after free'] },
  },
  {
    id: 'M21',
    title: 'tryget_online tried for ever',
    source: 'commit 00d484f354d8, until 5.4',
    // An exiting task does not keep its cgroup from being removed; here no task does.
    patches: [
      {
        file: 'memcg/lifecycle.ts',
        find: 'load(current, cpu * LINE) !== memcg,',
        put: 'true,',
      },
    ],
    ...{ scenario: 'task + offline', strategy: 'pin', breaks: ['deadlock', 'livelock'] },
  },
  {
    id: 'M22',
    title: 'shrinker bit lost by reparenting',
    source: '"set shrinker map bit when child nr_items is not zero", 2020-12',
    patches: [
      {
        file: 'memcg/list-lru.ts',
        find: 'items[target] += items[source]; items[source] = 0; setBit(lru, parent);',
        put: 'const wasEmpty = items[target] === 0; items[target] += items[source]; items[source] = 0; if (wasEmpty) setBit(lru, parent);',
      },
    ],
    ...{ scenario: 'lru + shrinker, second removal', strategy: SPLICE, breaks: ['S6'] },
  },
  {
    id: 'D5a',
    title: 'array entry stored before the cache is made',
    source: 'derived: order of publication',
    patches: [
      {
        file: 'memcg/caches.ts',
        find: 'initCopy(caches, cache, root); cacheRefs.init(cache);',
        put: 'store(cacheOf, root * ids + kmemId[memcg], cache); initCopy(caches, cache, root); cacheRefs.init(cache);',
      },
    ],
    ...{ scenario: 'create cache + create cache', strategy: SPLICE },
    breaks: ['data race', 'R3', 'use after free'],
  },
  {
    id: 'D5b',
    title: 'cache reference dropped before its owner is read',
    source: 'derived: order of publication',
    patches: [
      {
        file: 'reparent/splice-caches.ts',
        find: 'const memcg = peek(owner, cache); if (memcg !== 0) {',
        put: 'if (peek(owner, cache) !== 0) putCache(cache, pages); const memcg = peek(owner, cache); if (memcg !== 0) {',
      },
      {
        file: 'reparent/splice-caches.ts',
        find: 'if (memcg !== 0) putCache(cache, pages);',
        put: '',
      },
    ],
    ...{ scenario: 'last free + kworker', strategy: SPLICE, breaks: ['use after free'] },
  },
  {
    id: 'D5c',
    title: 'release without a second grace period',
    source: 'derived: order of publication',
    patches: [
      {
        file: 'memcg/caches.ts',
        find: 'cacheRefs.kill(cache, () => rcu.call(RCU_CALLBACK.cacheKilled, cache));',
        put: 'cacheRefs.kill(cache, () => cacheRefs.switched(cache));',
      },
    ],
    ...{ scenario: 'reader + offline callback + helper', strategy: SPLICE },
    breaks: ['use after free'],
  },
  {
    id: 'P1',
    title: 'page charged during a scan keeps its dead owner',
    source: 'our own design: the second look of reparent/page-charge.ts',
    patches: [
      {
        file: 'reparent/page-charge.ts',
        find: '(load(flags, memcg) & MEMCG_OFFLINE) === 0 ? memcg : onlineAncestor(memcg)',
        put: 'memcg',
      },
    ],
    ...{ scenario: 'alloc + offline', strategy: 'scan-pages' },
    breaks: ['left behind', 'R5', 'use after free'],
  },
  {
    id: 'P2',
    title: 'the same with lists of pages',
    source: 'our own design: the second look of reparent/page-charge.ts',
    patches: [
      {
        file: 'reparent/page-charge.ts',
        find: '(load(flags, memcg) & MEMCG_OFFLINE) === 0 ? memcg : onlineAncestor(memcg)',
        put: 'memcg',
      },
    ],
    ...{ scenario: 'alloc + offline', strategy: 'list-pages' },
    breaks: ['left behind', 'R5', 'use after free'],
  },
];
