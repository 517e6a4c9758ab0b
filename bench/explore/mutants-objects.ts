// biome-ignore-all lint/suspicious/noTemplateCurlyInString: patches quote templates of the core
/** Bugs of the designs with an owner per object: M26 to M31, and O: errors of their byte stocks and lists. */
import type { Mutant } from './mutant.ts';

const OBJCG = 'objcg';

const FIND =
  'for (let level = memcg; level !== ROOT_MEMCG; level = parent[level]) { const objcg = peek(live, level * nodes + NODE); if (objcg !== 0 && tryGet(objcg)) return objcg; } return 0;';
/** The variable still holds what could not be got when the walk has come to the root. */
const KEEPS_FAILED =
  'let objcg = 0; for (let level = memcg; level !== ROOT_MEMCG; level = parent[level]) { objcg = peek(live, level * nodes + NODE); if (objcg !== 0 && tryGet(objcg)) break; } return objcg;';
/** M27 as 5.9 has it. */
export const M27_PATCH = { file: 'reparent/objcg-objects.ts', find: FIND, put: KEEPS_FAILED };

/** See mutants.ts. */
export const OBJECT_MUTANTS: readonly Mutant[] = [
  {
    id: 'M26',
    title: 'reference on a released memcg revived',
    source: 'commits eefbfa7fd678 and 9f38f03ae8d5 (CVE-2021-47011), 5.9 to 5.12',
    patches: [
      {
        file: 'reparent/objcg-life.ts',
        find: 'while (!css.tryGet(memcg)) memcg = peek(memcgOf, objcg);',
        put: 'css.get(memcg, 1);',
      },
    ],
    ...{ scenario: 'task moved + offline', strategy: OBJCG },
    breaks: ['use after free', 'R2', 'assertion', 'cgroup.stat'],
  },
  {
    id: 'M27',
    title: 'obj_cgroup returned whose reference was not got',
    source: 'commit 2f7659a31473, 5.9 to 5.10',
    // A plain tryget cannot fail there (see the findings); one that refuses what was killed can, and is
    // right by itself.
    control: [
      {
        file: 'reparent/objcg-objects.ts',
        find: 'const { tryGet, put } = bound.life.refs;',
        put: 'const { tryGetLive: tryGet, put } = bound.life.refs;',
      },
    ],
    patches: [M27_PATCH],
    ...{ scenario: 'top level: alloc + offline', strategy: OBJCG },
    breaks: ['use after free', 'R3', 'assertion'],
  },
  {
    id: 'M28',
    title: 'root not charged, though it is uncharged',
    source: '"mm: memcontrol: fix root_mem_cgroup charging", 2021-04',
    patches: [
      {
        file: 'reparent/objcg-life.ts',
        find: 'memcg === ROOT_MEMCG ? charging.chargeRoot(pages) : charging.charge(memcg, pages);',
        put: 'memcg === ROOT_MEMCG ? true : charging.charge(memcg, pages);',
      },
    ],
    ...{ scenario: 'top level: alloc + offline', strategy: OBJCG, breaks: ['C-C'] },
  },
  {
    id: 'M29',
    title: 'failed charge taken for no owner',
    source: 'in 5.9.1',
    patches: [
      {
        file: 'reparent/objcg-objects.ts',
        find: 'else if (!chargeSlow(objcg, bytes)) return giveUp(objcg, 0);',
        put: 'else if (!chargeSlow(objcg, bytes)) { put(objcg, 1); return allocObject(root); }',
      },
    ],
    ...{ scenario: 'over the limit', strategy: OBJCG, breaks: ['unaccounted'] },
  },
  {
    id: 'M30',
    title: 'id given back without its lock',
    source: 'commit 9972605a2386, 4.8 to 6.10',
    // The table of ids is words here, which a race does not break as it does a tree: the race itself is seen.
    patches: [
      {
        file: 'memcg/lifecycle.ts',
        find: 'lrus.drain(id, parent); idOwner[id] = 0;',
        put: 'lrus.drain(id, parent);',
      },
      {
        file: 'memcg/lifecycle.ts',
        find: 'const parent = parentOf[memcg]; offlineOne(memcg);',
        put: 'const parent = parentOf[memcg]; const id = kmemId[memcg]; offlineOne(memcg); idOwner[id] = 0;',
      },
    ],
    ...{ scenario: 'new cgroup + offline', strategy: OBJCG, breaks: ['data race'] },
  },
  {
    id: 'M31',
    title: 'owner of a list_lru item used outside of a section',
    source: 'commit 5161b48712dc, until 6.10',
    // The model's CPUs are only preempted where they are asked, so all between two polls is a section: here
    // the task may be preempted in one more place.
    control: [
      {
        file: 'cpu.ts',
        find: 'bindListLrus(machine, { ...{ cpu, patience },',
        put: "bindListLrus(machine, { ...{ cpu, patience }, preempted: () => processor.sleepPoint('is preempted'),",
      },
    ],
    patches: [
      {
        file: 'memcg/list-lru.ts',
        find: 'lock(lockOf(lru)); const id = kmemIdOf(handle); const list',
        put: 'const owner = bound.ownerOf(handle); bound.preempted(); lock(lockOf(lru)); const id = owner === 0 ? -1 : peek(kmemId, owner); const list',
      },
    ],
    ...{ scenario: 'offline + lru', strategy: OBJCG, breaks: ['use after free'] },
  },
  {
    id: 'O1',
    title: 'stock compared by memcg, not by obj_cgroup',
    source: '"memcg: cache obj_stock by memcg, not by objcg pointer", first form, 2026-05',
    patches: [
      {
        file: 'reparent/byte-stock.ts',
        find: "const byMemcg = bound.compare === 'memcg';",
        put: 'const byMemcg = true;',
      },
    ],
    ...{ scenario: 'freed on another node', strategy: 'objcg-per-node', breaks: ['C-A'] },
  },
  {
    id: 'O2',
    title: 'stock changed with interrupts on',
    source: 'our own design: seen by a soak of storm',
    patches: [
      {
        file: 'reparent/byte-stock.ts',
        find: 'irqSave(); const slot = record[OWN] === objcg ? OWN : slotFor(objcg);',
        put: 'const slot = record[OWN] === objcg ? OWN : slotFor(objcg);',
      },
      {
        file: 'reparent/byte-stock.ts',
        find: 'if (record[slot + BYTES] > PAGE_BYTES) drainSlot(slot); irqRestore();',
        put: 'if (record[slot + BYTES] > PAGE_BYTES) drainSlot(slot);',
      },
    ],
    ...{ scenario: 'stock replaced + interrupt', strategy: OBJCG },
    breaks: ['C-A', 'R3', 'R4'],
  },
  {
    id: 'O3',
    title: 'obj_cgroup freed without a grace period',
    source: 'derived: order of publication',
    patches: [
      {
        file: 'reparent/objcg-life.ts',
        find: 'css.put(memcg, 1); rcu.call(RCU_CALLBACK.objcgReleased, objcg);',
        put: 'css.put(memcg, 1); lockIrq(); memcgOf[objcg] = 0; rows.give(objcg); unlockIrq();',
      },
    ],
    ...{ scenario: 'release + removal of the parent', strategy: OBJCG },
    breaks: ['use after free'],
  },
  {
    id: 'O4',
    title: 'obj_cgroup taken off its list without the lock',
    source: 'derived: what objcg_lock is for',
    patches: [
      {
        file: 'reparent/objcg-life.ts',
        find: 'lockIrq(); const memcg = memcgOf[objcg]; const pages',
        put: 'const memcg = memcgOf[objcg]; const pages',
      },
      {
        file: 'reparent/objcg-life.ts',
        find: 'events.mark(RELEASED, objcg, memcg); unlockIrq();',
        put: 'events.mark(RELEASED, objcg, memcg);',
      },
    ],
    ...{ scenario: 'release + removal of the parent', strategy: OBJCG },
    breaks: ['data race', 'S1', 'R2', 'use after free'],
  },
];
