/**
 * The life of obj_cgroups (kernel-model b.5, b.7, b.13; Linux 5.9):
 *
 *   live, one a memcg -> its memcg goes offline: named after the parent, on the parent's list with what
 *   was there before, killed -> grace period -> ... last reference (objects, stocks) -> off the list,
 *   whole pages given back -> grace period -> row free
 *
 * A memcg holds nothing for its own obj_cgroup; each one on its list holds one css reference on it.
 */
import * as atomics from '#atomics';
import type { Machine } from '../machine.ts';
import { ROOT_MEMCG } from '../memcg/memcgs.ts';
import { LimitError } from '../shared/assert.ts';
import { RCU_CALLBACK } from '../shared/deferred-kinds.ts';
import { eventKind } from '../shared/event-ring.ts';
import { type ListColumns, listPush, listRemove, listSplice } from '../shared/list.ts';
import { bindPercpuRefs, type PercpuRefs, REF_SWITCHED } from '../shared/percpu-ref.ts';
import { PAGE_BYTES } from '../slub/slabs.ts';
import type { ObjcgColumns } from './objcg-tables.ts';
import { stepIndex } from './steps.ts';
import type { StrategyContext } from './strategy.ts';

/** Creates, hands over and frees obj_cgroups on behalf of one CPU. */
export interface ObjcgLife {
  readonly refs: PercpuRefs;
  /** Gives a new memcg its own. @throws LimitError */
  online(memcg: number): void;
  handOver(child: number, parent: number): void;
  /** Undoes a `handOver` whose kill was taken back, see `undoOffline`. */
  takeBack(child: number, parent: number): void;
  /** A grace period is over. */
  gracePeriodOver(kind: number, objcg: number): void;
  /** Charges pages to the memcg that owns an obj_cgroup; false, with nothing changed, at a limit. May sleep. */
  chargePages(objcg: number, pages: number): boolean;
  /** Takes pages off the counters of the memcg that owns an obj_cgroup. */
  unchargePages(objcg: number, pages: number): void;
}

/** Binds it. */
export function bindObjcgLife(
  machine: Machine,
  columns: ObjcgColumns,
  context: StrategyContext,
): ObjcgLife {
  const { exchange, peek, poke, store } = atomics;
  const { css, charging, rcu, events, processor } = context;
  const { lockIrq, unlockIrq } = context.objcgLock;
  const { readLock, readUnlock } = processor;
  const { nodes, objcgs, byMemcg, live, rows } = columns;
  const { memcg: memcgOf, chargedBytes, home, refMode, refcnt } = objcgs;
  const { inherited } = byMemcg;
  const list: ListColumns = {
    ...{ head: byMemcg.head, tail: byMemcg.tail },
    ...{ next: objcgs.next, prev: objcgs.prev },
  };
  const steps = machine.cpus.steps;
  const HAND_OVERS = stepIndex(context.cpu, 'handOvers');
  const OBJCGS_MOVED = stepIndex(context.cpu, 'objcgsMoved');
  const CSS_MOVED = stepIndex(context.cpu, 'cssMoved');
  const LIST_OPERATIONS = stepIndex(context.cpu, 'listOperations');
  const CREATED = eventKind('obj_cgroup created');
  const KILLED = eventKind('obj_cgroup killed');
  const RELEASED = eventKind('obj_cgroup released');

  const refs = bindPercpuRefs({
    columns: { mode: refMode, count: refcnt, slot: columns.slot, rows: memcgOf.length },
    ...{ cpu: context.cpu, cpus: machine.config.cpus, what: 'reference of obj_cgroup' },
    release,
  });

  /** The last object and the last stock are gone; what is left of a page is nobody's. */
  function release(objcg: number): void {
    lockIrq();
    const memcg = memcgOf[objcg];
    const pages = Math.trunc(exchange(chargedBytes, objcg, 0) / PAGE_BYTES);
    if (pages > 0) charging.uncharge(memcg, pages);
    listRemove(list, memcg, objcg);
    inherited[memcg]--;
    events.mark(RELEASED, objcg, memcg);
    unlockIrq();
    css.put(memcg, 1);
    rcu.call(RCU_CALLBACK.objcgReleased, objcg);
  }

  function create(memcg: number): number {
    lockIrq();
    const objcg = rows.tryTake();
    unlockIrq();
    if (objcg === 0) {
      const limit = memcgOf.length - 1;
      throw new LimitError('objcgs', limit, "raise `objcgs` of the machine's config");
    }
    refs.init(objcg);
    store(chargedBytes, objcg, 0);
    home[objcg] = memcg;
    events.mark(CREATED, objcg, memcg);
    poke(memcgOf, objcg, memcg);
    return objcg;
  }

  /** What is on the child's list, and its own obj_cgroups, get the parent as their memcg. */
  function moveAll(child: number, parent: number): number {
    let moved = 0;
    for (let objcg = byMemcg.head[child]; objcg !== 0; objcg = objcgs.next[objcg]) {
      poke(memcgOf, objcg, parent);
      moved++;
    }
    listSplice(list, child, parent);
    inherited[child] = 0;
    inherited[parent] += moved;
    return moved;
  }

  function takeOwn(child: number, parent: number, node: number): number {
    const place = child * nodes + node;
    const objcg = live[place];
    store(live, place, 0);
    poke(memcgOf, objcg, parent);
    listPush(list, parent, objcg);
    inherited[parent]++;
    return objcg;
  }

  return {
    refs,
    online(memcg) {
      for (let node = 0; node < nodes; node++) store(live, memcg * nodes + node, create(memcg));
    },
    handOver(child, parent) {
      steps[HAND_OVERS]++;
      const own: number[] = [];
      css.get(parent, nodes);
      lockIrq();
      for (let node = 0; node < nodes; node++) own.push(takeOwn(child, parent, node));
      // References of the parent first, as the child's may be its last.
      css.get(parent, inherited[child]);
      const moved = moveAll(child, parent);
      unlockIrq();
      if (moved > 0) css.put(child, moved);
      steps[OBJCGS_MOVED] += moved + nodes;
      steps[CSS_MOVED] += moved + nodes;
      steps[LIST_OPERATIONS] += nodes + (moved > 0 ? 1 : 0);
      for (const objcg of own) {
        events.mark(KILLED, objcg, child);
        refs.kill(objcg, () => rcu.call(RCU_CALLBACK.objcgKilled, objcg));
      }
    },
    takeBack(child, parent) {
      const own: number[] = [];
      lockIrq();
      for (let objcg = byMemcg.head[parent]; objcg !== 0; objcg = objcgs.next[objcg]) {
        // Others of that number are of an earlier memcg in the same row.
        const pending = (refMode[objcg] & REF_SWITCHED) === 0;
        if (pending && home[objcg] === child) own.push(objcg);
      }
      for (const objcg of own) {
        listRemove(list, parent, objcg);
        inherited[parent]--;
        poke(memcgOf, objcg, child);
        refs.revive(objcg);
      }
      // They were put in front one by one.
      own.reverse().forEach((objcg, node) => {
        store(live, child * nodes + node, objcg);
      });
      const moved = moveAll(parent, child);
      css.get(child, moved);
      unlockIrq();
      css.put(parent, moved + nodes);
    },
    gracePeriodOver(kind, objcg) {
      if (kind === RCU_CALLBACK.objcgKilled) {
        refs.switched(objcg);
        return;
      }
      lockIrq();
      memcgOf[objcg] = 0;
      rows.give(objcg);
      unlockIrq();
    },
    chargePages(objcg, pages) {
      readLock();
      let memcg = peek(memcgOf, objcg);
      // Released meanwhile, so handed over: the new owner is there (M26).
      while (!css.tryGet(memcg)) memcg = peek(memcgOf, objcg);
      readUnlock();
      // The root is charged for real, as it is uncharged (M28).
      const charged =
        memcg === ROOT_MEMCG ? charging.chargeRoot(pages) : charging.charge(memcg, pages);
      // Since 5.9 pages of objects hold no references on their memcg.
      css.put(memcg, charged && memcg !== ROOT_MEMCG ? pages + 1 : 1);
      return charged;
    },
    unchargePages(objcg, pages) {
      readLock();
      charging.uncharge(peek(memcgOf, objcg), pages);
      readUnlock();
    },
  };
}
