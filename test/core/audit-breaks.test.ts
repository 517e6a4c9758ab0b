/**
 * One word at a time is broken in a machine with everything in it: a stock, a task, lru items, page cache, a
 * removed memcg on its way, requests, slabs under RCU. The audit names that invariant and no other,
 * and tells the last operations on the rows that it is about.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audit, bindCpu, createMachine, type Machine, ROOT_MEMCG } from '../../core/index.ts';
import { FOLIO_ACTIVE, folioList } from '../../core/memcg/folio-rows.ts';
import { lruList } from '../../core/memcg/list-lru-rows.ts';
import { MEMCG_ONLINE } from '../../core/memcg/memcgs.ts';
import { strategyBuffer } from '../../core/reparent/wasm.ts';
import { RCU_CALLBACK } from '../../core/shared/deferred-kinds.ts';
import { LINE } from '../../core/shared/processor.ts';
import { CPU_RECORD } from '../../core/slub/row-supply.ts';
import { FREE, NEXT, stateOf } from '../../core/slub/slabs.ts';
import { LOCK } from '../../core/tables.ts';

const SHAPE = { size: 64, objectsPerSlab: 8, pagesPerSlab: 2, minPartial: 5, cpuPartialSlabs: 1 };

interface Healthy {
  readonly machine: Machine;
  /** An online memcg with a task, a stock and lru items, below `top`; and a dying one. */
  readonly top: number;
  readonly memcg: number;
  readonly dying: number;
  readonly cache: number;
  /** Cache with slabs that wait for a grace period, and one that is killed but lives on. */
  readonly waiting: number;
  readonly killed: number;
  /** Head rows: full, on the node list, the cpu slab, waiting under RCU. */
  readonly full: number;
  readonly partial: number;
  readonly current: number;
  readonly deferred: number;
  /** First row of a free run. */
  readonly free: number;
  readonly item: number;
  /** Two inactive folios, an active one, and one that is gone. */
  readonly folios: readonly [oldest: number, newer: number, active: number, gone: number];
  readonly names: () => string[];
}

function healthy(strategy: string): Healthy {
  const machine = createMachine({
    ...{ strategy, cpus: 2, slabRows: 200, kmemCaches: 16, rootCaches: 3, memcgs: 8, kmemIds: 6 },
    ...{ chargeBatch: 32, lrus: 2, lruItems: 6, folios: 6 },
  });
  const cpu = bindCpu(machine, 0);
  const root = cpu.createRootCache(SHAPE);
  const typesafe = cpu.createRootCache({ ...SHAPE, typesafeByRcu: true, minPartial: 0 });
  const brief = cpu.createRootCache({ ...SHAPE, minPartial: 0 });
  const top = cpu.createMemcg(ROOT_MEMCG);
  const memcg = cpu.createMemcg(top);
  const [dead, dying] = [cpu.createMemcg(top), cpu.createMemcg(top)];
  const killed = cpu.createCache(dead, root);
  cpu.alloc(killed);
  cpu.rmdir(dead);
  cpu.runDeferred();
  const cache = cpu.createCache(memcg, root);
  const handles = Array.from({ length: 8 * 5 + 3 }, () => cpu.alloc(cache));
  for (const place of [8, 16, 24]) cpu.free(handles[place] ?? 0);
  const rowOf = (place: number): number => (handles[place] ?? 0) >>> 6;
  const item = cpu.lrus.add(0, handles[0] ?? 0);
  cpu.lrus.add(0, handles[1] ?? 0);
  const add = (pages: number): number => cpu.pageCache.add(memcg, pages);
  const folios = [add(3), add(40), add(5), add(1)] as const;
  for (let time = 0; time < 2; time++) cpu.pageCache.accessed(folios[2]);
  cpu.pageCache.remove(folios[3]);
  cpu.moveTask(1, memcg);
  cpu.allocFor(top, root);
  // Slabs that were emptied, and rows of slabs that are gone.
  const waiting = cpu.createCache(memcg, typesafe);
  const short = Array.from({ length: 8 }, () => cpu.alloc(waiting));
  for (const handle of short) cpu.free(handle);
  cpu.flush(waiting);
  const gone = Array.from({ length: 16 }, () => cpu.alloc(brief));
  for (const handle of gone) cpu.free(handle);
  cpu.flush(brief);
  cpu.rmdir(dying);
  const names = () => audit(machine, cpu).violations.map(({ invariant }) => invariant);
  assert.deepEqual(audit(machine, cpu).violations, []);
  const { page, prev } = machine.slabs;
  const list = machine.kmemCaches.partialHead[cache] ?? 0;
  assert.ok(list !== 0 && (page[4 * list + NEXT] ?? 0) !== 0 && prev[list] === 0);
  return {
    ...{ machine, top, memcg, dying, cache, waiting, killed, item, folios, names },
    ...{ full: rowOf(0), partial: list, current: rowOf(40), deferred: (short[0] ?? 0) >>> 6 },
    free: machine.cpus.record[CPU_RECORD.pcp + 1] ?? 0,
  };
}

function set(column: Int32Array | undefined, place: number, change: (old: number) => number): void {
  assert.ok(column !== undefined && place >= 0 && place < column.length);
  const old = column[place] ?? 0;
  column[place] = change(old);
  assert.notEqual(column[place], old, 'nothing was broken');
}

const more = (value: number): number => value + 1;
const none = (): number => 0;

type Break = [what: string, invariant: string, breakIt: (it: Healthy) => void];

/** What is wrong in one place only, and so has one name. */
const BREAKS: Break[] = [
  ['usage', 'C-A', ({ machine, memcg }) => set(machine.memcgs.usage, memcg, more)],
  ['usage of the parent', 'C-A', ({ machine, top }) => set(machine.memcgs.usage, top, more)],
  ['pages in stock', 'C-A R2', (it) => set(it.machine.cpus.record, CPU_RECORD.stockPages, more)],
  ['css', 'R2', ({ machine, memcg }) => set(machine.memcgs.css, memcg, more)],
  ['css slot', 'R2', ({ machine, memcg }) => set(machine.cpuMemcgs.css, memcg, more)],
  ['css of a dying memcg', 'R2', ({ machine, dying }) => set(machine.memcgs.css, dying, more)],
  [
    'a task elsewhere',
    'R2',
    ({ machine, top }) => set(machine.processors.current, LINE, () => top),
  ],
  ['refcnt', 'R3', ({ machine, cache }) => set(machine.kmemCaches.refcnt, cache, more)],
  ['refcnt slot', 'R3', ({ machine, cache }) => set(machine.cpuSlabs.ref, cache, more)],
  ['refcnt, killed', 'R3', ({ machine, killed }) => set(machine.kmemCaches.refcnt, killed, more)],
  ['stat', 'T-B', ({ machine, memcg }) => set(machine.memcgs.stat, 2 * memcg + 1, more)],
  ['stat of the root', 'T-B', ({ machine }) => set(machine.memcgs.stat, 2 * ROOT_MEMCG, more)],
  ['stat batch', 'T-B', (it) => set(it.machine.cpuMemcgs.statBatch, 2 * it.memcg, more)],
  ['node pages', 'T-A', ({ machine }) => set(machine.cpus.record, CPU_RECORD.nodePages, more)],
  ['nr_slabs', 'nr_slabs', ({ machine, cache }) => set(machine.kmemCaches.nrSlabs, cache, more)],
  ['nr_slabs, waiting', 'nr_slabs', (it) => set(it.machine.kmemCaches.nrSlabs, it.waiting, more)],
  ['nr_partial', 'partial list', (it) => set(it.machine.kmemCaches.nrPartial, it.cache, more)],
  ['link back', 'partial list', ({ machine, partial }) => set(machine.slabs.prev, partial, more)],
  [
    'cpu partial count',
    'cpu partial',
    ({ machine, cache }) => set(machine.cpuSlabs.partialCount, cache, more),
  ],
  ['free objects of no slab', 'cpu slab', ({ machine }) => set(machine.cpuSlabs.free, 2, () => 1)],
  [
    'an object free twice',
    'cpu slab slabs',
    ({ machine, cache, current }) => {
      const bits = machine.cpuSlabs.free[cache] ?? 0;
      set(machine.slabs.page, 4 * current + FREE, (word) => word | (bits & -bits));
    },
  ],
  ['in-use count', 'slabs', ({ machine, partial }) => set(machine.slabs.page, 4 * partial, more)],
  [
    'in-use count, waiting',
    'slabs',
    ({ machine, deferred }) => set(machine.slabs.page, 4 * deferred, more),
  ],
  ['waiting slabs lost', 'nr_slabs slabs', ({ machine }) => set(machine.globals.rcuSlabs, 0, none)],
  ['a free row in use', 'free rows', (it) => set(it.machine.slabs.page, 4 * it.free, () => 3)],
  [
    'free rows lost',
    'free rows',
    ({ machine }) => set(machine.cpus.record, CPU_RECORD.pcp + 1, none),
  ],
  [
    'rows taken',
    'free rows',
    ({ machine }) => set(machine.globals.slabBump, 0, (rows) => rows - 1),
  ],
  ['a row in the zone too', 'lists', (it) => set(it.machine.zone.head, 1, () => it.free)],
  ['cache count', 'S1', ({ machine, memcg }) => set(machine.memcgs.caches, memcg, more)],
  ['last cache', 'S1', ({ machine, memcg }) => set(machine.memcgs.cachesTail, memcg, none)],
  ['cache link back', 'S1', ({ machine, cache }) => set(machine.kmemCaches.prev, cache, more)],
  [
    'array entry',
    'S2',
    ({ machine, memcg, killed }) =>
      set(machine.cacheArrays.cache, 6 + (machine.memcgs.kmemId[memcg] ?? 0), () => killed),
  ],
  [
    'id of nobody',
    'S4',
    ({ machine }) => set(machine.kmemIds.owner, machine.kmemIds.owner.indexOf(0), () => 7),
  ],
  ['descendants', 'cgroup.stat', ({ machine, top }) => set(machine.memcgs.descendants, top, more)],
  ['dying', 'cgroup.stat', ({ machine, top }) => set(machine.memcgs.dying, top, none)],
  [
    'lru items',
    'S5',
    ({ machine, memcg }) =>
      set(
        machine.lruLists.items,
        lruList(machine.config, 0, machine.memcgs.kmemId[memcg] ?? 0),
        more,
      ),
  ],
  ['lru link back', 'S5', ({ machine, item }) => set(machine.lruLinks.prev, item, more)],
  ['lru item of another', 'S5', ({ machine, item }) => set(machine.lruLinks.handle, item, none)],
  ['shrinker bit', 'S6', ({ machine, memcg }) => set(machine.memcgs.shrinkerBits, memcg, none)],
  ['folio link', 'folios', ({ machine, folios }) => set(machine.folios.next, folios[0], none)],
  ['folio link back', 'folios', ({ machine, folios }) => set(machine.folios.prev, folios[1], none)],
  [
    'link back of the oldest folio',
    'folios',
    ({ machine, folios }) => set(machine.folios.prev, folios[0], none),
  ],
  [
    'folio list link back',
    'folios',
    ({ machine, memcg }) => set(machine.folios.prev, folioList(memcg, 0), none),
  ],
  [
    'folio of another',
    'C-A R2 folios',
    ({ machine, top, folios }) => set(machine.folios.memcg, folios[0], () => top),
  ],
  [
    'folio that is gone',
    'folios',
    ({ machine, top, folios }) => set(machine.folios.memcg, folios[3], () => top),
  ],
  [
    'folio size',
    'C-A R2 folios',
    ({ machine, folios }) => set(machine.folios.pages, folios[2], more),
  ],
  [
    'size of a folio that is gone',
    'folios',
    ({ machine, folios }) => set(machine.folios.pages, folios[3], more),
  ],
  [
    'active folio among inactive ones',
    'folios',
    ({ machine, folios }) => set(machine.folios.flags, folios[1], (flags) => flags | FOLIO_ACTIVE),
  ],
  [
    'pages of a folio list',
    'folios',
    ({ machine, memcg }) => set(machine.folioLists.pages, folioList(memcg, 1), more),
  ],
  ['parent', 'tree', ({ machine, top, memcg }) => set(machine.memcgs.parent, top, () => memcg)],
  ['list_lock', 'locks', ({ machine, cache }) => set(machine.kmemCaches.listLock, cache, more)],
  ['slab_mutex', 'locks', ({ machine }) => set(machine.locks.word, LOCK.slabMutex * LINE, more)],
  ['interrupts off', 'locks', ({ machine }) => set(machine.processors.own, LINE, more)],
  ['a read section', 'locks', ({ machine }) => set(machine.processors.own, 1, more)],
  [
    'callback of a freed cache',
    'R4',
    ({ machine }) => {
      // The pending kill of the dying memcg is turned into that of a cache that nobody has.
      const place = (machine.rcu.word[4] ?? 0) % machine.rcuRing.kind.length;
      set(machine.rcuRing.kind, place, () => RCU_CALLBACK.cacheKilled);
      set(machine.rcuRing.row, place, () => 16);
    },
  ],
  [
    'work of a freed memcg',
    'R2 R5',
    ({ machine }) => {
      const place = (machine.work.word[1] ?? 0) % machine.workRing.kind.length;
      set(machine.workRing.row, place, () => 8);
    },
  ],
  ['callbacks', 'deferred', ({ machine }) => set(machine.rcu.word, 4, (run) => run + 1000)],
];

for (const [what, invariants, breakIt] of BREAKS) {
  test(`the audit names nothing but ${invariants}: ${what}`, () => {
    const it = healthy('splice-caches');
    breakIt(it);
    assert.deepEqual([...new Set(it.names())].sort().join(' '), invariants);
  });
}

test('a css too many is R1 where pages hold their memcg', () => {
  const it = healthy('pin');
  set(it.machine.memcgs.css, it.memcg, more);
  assert.deepEqual(it.names(), ['R1']);
});

test('what is freed but still in use has R4 and R5 among its names', () => {
  const one = healthy('splice-caches');
  set(one.machine.kmemCaches.flags, one.cache, none);
  assert.ok(one.names().includes('R4'));
  for (const strategy of ['splice-caches', 'pin', 'scan-pages']) {
    const two = healthy(strategy);
    set(two.machine.memcgs.flags, two.memcg, none);
    assert.ok(two.names().includes('R5'), strategy);
  }
  const three = healthy('splice-caches');
  set(three.machine.memcgs.flags, three.memcg, (flags) => flags & ~MEMCG_ONLINE);
  assert.deepEqual(three.names(), ['R2'], 'not online: no private id');
});

/** A column of the strategy's own tables. */
function own({ machine }: Healthy, name: string): Int32Array {
  const offset = machine.strategyLayout.offsets.get(name);
  assert.ok(offset !== undefined, `no column ${name}`);
  return new Int32Array(strategyBuffer(machine), offset, machine.config.slabRows + 1);
}

/** [strategy, what, all names, how] */
const OWN_BREAKS: [string, string, string, (it: Healthy) => void][] = [
  ['pin', 'owner of a free row', 'owner', (it) => set(own(it, 'owners.owner'), it.free, () => 2)],
  ['scan-pages', 'the same', 'owner', (it) => set(own(it, 'owners.owner'), it.free, () => 2)],
  [
    'scan-pages',
    'a row lock',
    'locks',
    (it) => set(own(it, 'rowLocks.lock').subarray(0, 1), 0, more),
  ],
  ['list-pages', 'place', 'vector', (it) => set(own(it, 'slots.slot'), it.full, more)],
  ['list-pages', 'ids', 'vector', (it) => set(own(it, 'ids.id'), 128, () => 199)],
  ['list-pages', 'too many', 'vector', (it) => set(own(it, 'chunks.count'), 1, () => 129)],
  ['link-pages', 'link', 'page list', (it) => set(own(it, 'links.prev'), it.full, () => 77)],
];

for (const [strategy, what, invariants, breakIt] of OWN_BREAKS) {
  test(`${strategy}: the audit names nothing but ${invariants}: ${what}`, () => {
    const it = healthy(strategy);
    breakIt(it);
    assert.deepEqual([...new Set(it.names())].join(' '), invariants);
  });
}

for (const strategy of ['scan-pages', 'list-pages', 'link-pages']) {
  test(`${strategy}: a page that was left behind by a hand-over is named`, () => {
    const it = healthy(strategy);
    const dead = it.dying - 1;
    // As if the memcg that is gone were offline, but still there, with one page.
    set(it.machine.memcgs.flags, dead, () => 1 | 4);
    it.machine.memcgs.parent[dead] = it.top;
    set(own(it, 'owners.owner'), it.full, () => dead);
    assert.ok(it.names().includes('left behind'), it.names().join(', '));
  });
}

test('a violation tells the last operations on its rows, the newest last, and no others', () => {
  const it = healthy('splice-caches');
  const { machine, top, memcg, cache } = it;
  set(machine.kmemCaches.refcnt, cache, more);
  set(machine.memcgs.descendants, top, more);
  set(machine.slabs.page, 4 * it.partial, more);
  const { violations } = audit(machine);
  const told = (invariant: string) =>
    violations.find((one) => one.invariant === invariant)?.history ?? [];
  const ofCache = told('R3');
  assert.ok(ofCache.length > 0 && ofCache.length <= 8);
  for (const event of ofCache) assert.match(event, /^CPU 0: (slab|cache) /);
  assert.match(ofCache.at(-1) ?? '', new RegExp(`slab created \\d+ \\(${cache}\\)`));
  const ofMemcg = told('cgroup.stat');
  assert.match(ofMemcg.at(-1) ?? '', /memcg removed \d+ \(\d+\) at \d+/);
  assert.ok(!ofMemcg.some((event) => event.includes(`task moved ${memcg} `)), 'of its own rows');
  assert.ok(told('slabs').some((event) => event.includes(`slab created ${it.partial} (${cache})`)));
  const clocks = ofMemcg.map((event) => Number(event.split(' at ')[1]));
  assert.deepEqual(
    clocks,
    clocks.toSorted((a, b) => a - b),
  );
});

test('a rest of a slab that names its head wrongly is named', () => {
  const machine = createMachine({
    ...{ strategy: 'pin', cpus: 1, slabRows: 50, kmemCaches: 3, rootCaches: 1, memcgs: 2 },
    kmemIds: 2,
  });
  const cpu = bindCpu(machine, 0);
  const root = cpu.createRootCache({ ...SHAPE, objectsPerSlab: 200 });
  const row = cpu.alloc(root) >>> 6;
  assert.equal(stateOf(machine.slabs.page, row + 2), 2);
  set(machine.slabs.page, 4 * (row + 2), () => 1);
  assert.deepEqual(
    audit(machine, cpu).violations.map(({ invariant }) => invariant),
    ['slabs'],
  );
});
