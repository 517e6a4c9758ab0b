// hot path
/**
 * What one CPU of a storm does: operations from its tape, one alloc or free at a time, so that each
 * can be timed alone. An object that falls due (its place is taken by a younger one, or another CPU
 * sent it here) is freed before the next is allocated.
 */
import * as atomics from '#atomics';
import { type Cpu, type Machine, NO_OBJECT } from '../../core/index.ts';
import { bindMailbox, MAILBOX_WORDS, type Mailbox } from './mailbox.ts';
import { SLOTS } from './storm-mix.ts';
import {
  ALLOC,
  BATCH,
  FREE,
  LONG_PLACES,
  LRUS,
  SHARED_PLACES,
  SHORT_PLACES,
  type StormPlan,
  type StormShared,
} from './storm-plan.ts';
import {
  FATE,
  FATE_MASK,
  FATE_SHIFT,
  FOREIGN,
  makeTape,
  RANDOM_SHIFT,
  TAPE_CACHES_MAX,
  TAPE_ENTRIES,
} from './storm-tape.ts';

/** Objects that the loop on own objects holds. */
const OWN_PLACES = 512;

/** One CPU's share of the load. */
export interface StormLoad {
  /** One operation; returns ALLOC or FREE. */
  operate(): number;
  /** Replaces own objects, with nobody else involved; returns how many operations that were. */
  own(replacements: number): number;
  /** Allocates this CPU's batch. */
  allocBatch(): void;
  /** Frees the batch of a CPU. */
  freeBatch(of: number): void;
  /** Frees what others sent here; returns how many. */
  receive(): number;
  /** Frees what this CPU holds alone. */
  drop(): void;
  /** Frees the objects that all CPUs share; one CPU does. */
  dropShared(): void;
  /** Allocations that got no object: at a limit, or out of rows. */
  failed(): number;
}

/** An element whose index is in range by construction; `noUncheckedIndexedAccess` cannot know. */
function at(array: Int32Array, index: number): number {
  return array[index] as number;
}

/** Where objects go and what falls due: everything of the load but the tape. */
interface Sinks {
  /** Gives an object its fate. */
  keep(fate: number, random: number, handle: number): void;
  /** Frees what fell due or was sent here; false if there was nothing. */
  freeNext(): boolean;
  receive(): number;
  drop(): void;
  dropShared(): void;
}

function bindSinks(machine: Machine, cpu: Cpu, plan: StormPlan, shared: StormShared): Sinks {
  const { exchange } = atomics;
  const { free, lrus } = cpu;
  const { handle: handleOf } = machine.lruLinks;
  const { places } = shared;
  const next = (cpu.cpu + 1) % plan.cpus;
  const box = (which: number): Mailbox => bindMailbox(shared.mailboxes, which * MAILBOX_WORDS);
  const outbox = box(2 * next);
  const inbox = box(2 * cpu.cpu);
  const outgoingInterrupts = box(2 * next + 1);
  const interrupts = box(2 * cpu.cpu + 1);
  const short = new Int32Array(SHORT_PLACES);
  const long = new Int32Array(LONG_PLACES);
  let youngest = 0;
  /** Object to be freed next; an LRU item as a negative number; 0 none. */
  let due = 0;
  /** LRU that such an item is on. */
  let dueLru = 0;

  cpu.onInterrupt(() => {
    for (let handle = interrupts.receive(); handle !== 0; handle = interrupts.receive()) {
      free(handle);
    }
  });

  function displaceShort(handle: number): void {
    const place = youngest++ & (SHORT_PLACES - 1);
    due = at(short, place);
    short[place] = handle;
  }

  /** The parity of the place says which LRU its object is on. */
  function displaceShared(place: number, handle: number): void {
    dueLru = place % LRUS;
    due = -exchange(places, place, lrus.add(dueLru, handle));
  }

  function freeDue(): void {
    const what = due;
    due = 0;
    if (what > 0) {
      free(what);
      return;
    }
    const handle = at(handleOf, -what);
    lrus.del(dueLru, -what);
    free(handle);
  }

  function freeAll(handles: Int32Array): void {
    for (let place = 0; place < handles.length; place++) {
      const handle = at(handles, place);
      handles[place] = 0;
      if (handle !== 0) free(handle);
    }
  }

  return {
    keep(fate, random, handle) {
      if (fate === FATE.short) displaceShort(handle);
      else if (fate === FATE.long) {
        const place = random & (LONG_PLACES - 1);
        due = at(long, place);
        long[place] = handle;
      } else if (fate === FATE.shared) displaceShared(random & (SHARED_PLACES - 1), handle);
      else if (fate === FATE.remote) {
        if (!outbox.send(handle)) displaceShort(handle);
      } else if (outgoingInterrupts.send(handle)) cpu.interrupt(next);
      else displaceShort(handle);
    },
    freeNext() {
      if (due !== 0) {
        freeDue();
        return true;
      }
      const sent = inbox.receive();
      if (sent === 0) return false;
      free(sent);
      return true;
    },
    receive() {
      let received = 0;
      for (let handle = inbox.receive(); handle !== 0; handle = inbox.receive()) {
        free(handle);
        received++;
      }
      return received;
    },
    drop() {
      if (due !== 0) freeDue();
      freeAll(short);
      freeAll(long);
    },
    dropShared() {
      for (let place = 0; place < SHARED_PLACES; place++) {
        dueLru = place % LRUS;
        due = -exchange(places, place, 0);
        if (due !== 0) freeDue();
      }
    },
  };
}

/** Binds the load of a CPU. `roots` are the root caches in the order of the plan's caches. */
export function bindStormLoad(
  machine: Machine,
  cpu: Cpu,
  plan: StormPlan,
  shared: StormShared,
  what: { readonly roots: Int32Array; readonly weights: readonly number[] },
): StormLoad {
  const { peek } = atomics;
  const { kmalloc, allocFor, free, readLock, readUnlock } = cpu;
  const { roots } = what;
  const { slots, batches } = shared;
  const tape = makeTape({ mix: plan.mix, weights: what.weights, seed: plan.seed, cpu: cpu.cpu });
  const { keep, freeNext, receive, drop, dropShared } = bindSinks(machine, cpu, plan, shared);
  const owned = new Int32Array(OWN_PLACES);
  const batch = cpu.cpu * BATCH;
  let position = 0;
  let failures = 0;

  function nextEntry(): number {
    return at(tape, position++ & (TAPE_ENTRIES - 1));
  }

  function rootOf(entry: number): number {
    return at(roots, entry & (TAPE_CACHES_MAX - 1));
  }

  /** Charged to the cgroup of a slot, which the read section keeps from being freed. */
  function allocForeign(slot: number, root: number): number {
    readLock();
    const handle = allocFor(peek(slots, slot), root);
    readUnlock();
    return handle;
  }

  return {
    operate() {
      if (freeNext()) return FREE;
      const entry = nextEntry();
      const random = entry >>> RANDOM_SHIFT;
      const handle =
        (entry & FOREIGN) !== 0
          ? allocForeign(random & (SLOTS - 1), rootOf(entry))
          : kmalloc(rootOf(entry));
      if (handle === NO_OBJECT) failures++;
      else keep((entry >>> FATE_SHIFT) & FATE_MASK, random, handle);
      return ALLOC;
    },
    own(replacements) {
      for (let done = 0; done < replacements; done++) {
        const entry = nextEntry();
        const place = (entry >>> RANDOM_SHIFT) & (OWN_PLACES - 1);
        const before = at(owned, place);
        if (before !== 0) free(before);
        owned[place] = kmalloc(rootOf(entry));
      }
      return 2 * replacements;
    },
    allocBatch() {
      for (let place = 0; place < BATCH; place++)
        batches[batch + place] = kmalloc(rootOf(nextEntry()));
    },
    freeBatch(of) {
      const end = (of + 1) * BATCH;
      for (let place = of * BATCH; place < end; place++) {
        const handle = at(batches, place);
        if (handle !== 0) free(handle);
      }
    },
    receive,
    drop() {
      drop();
      for (let place = 0; place < OWN_PLACES; place++) {
        const handle = at(owned, place);
        owned[place] = 0;
        if (handle !== 0) free(handle);
      }
    },
    dropShared,
    failed: () => failures,
  };
}
