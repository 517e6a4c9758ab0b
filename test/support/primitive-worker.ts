/** Scenarios for the primitives under real concurrency; each returns what it saw. See `workers.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { add, load, notify, peek, poke, store, wait } from '#atomics';
import { attachMachine } from '../../core/index.ts';
import { bindParts, type Hooks, type Parts } from './parts.ts';
import type { Data, Task } from './workers.ts';

/** Words of `data`: the first ones are those of `together`. */
const [ARRIVED, FIRST, SECOND, STOP] = [0, 1, 2, 3] as const;
const COUNTER = 16;
const ROW = 3;
const CALLBACK = 1;

const task = workerData as Task;
const { data, cpu, cpus, rounds } = task;
const machine = attachMachine(task.memory);

/** All threads begin at once. */
function together(): void {
  add(data, ARRIVED, 1);
  notify(data, ARRIVED);
  for (let seen = load(data, ARRIVED); seen < cpus; seen = load(data, ARRIVED)) {
    wait(data, ARRIVED, seen, 1000);
  }
}

/** Not atomic, and given time to go wrong. */
function increment(words: Data, place: number): void {
  const before = peek(words, place);
  for (let spin = 0; spin < 20; spin++) if (peek(words, place) !== before) break;
  poke(words, place, before + 1);
}

function exclusion(lock: (parts: Parts, body: () => void) => void): void {
  const parts = bindParts(machine, cpu);
  together();
  parts.processor.enter();
  for (let round = 0; round < rounds; round++) {
    lock(parts, () => increment(data, COUNTER));
    parts.processor.poll();
  }
  parts.processor.idle();
}

/** Gets and puts on one row until it is dead; CPU 0 kills it. How many references it got. */
function killedReference(): { got: number; refused: number } {
  const hooks: Hooks = {
    callback: (_kind, row) => parts.refs.switched(row),
    release() {
      add(data, FIRST, 1);
      // Whoever still holds a reference has said so.
      store(data, SECOND, load(data, COUNTER));
    },
  };
  const parts = bindParts(machine, cpu, hooks);
  const { refs, processor, rcu } = parts;
  together();
  processor.enter();
  let got = 0;
  let refused = 0;
  let held = 0;
  for (let round = 0; load(data, STOP) === 0 || round < rounds; round++) {
    processor.readLock();
    const taken = round % 2 === 0 ? refs.tryGet(ROW) : refs.tryGetLive(ROW);
    if (taken) {
      add(data, COUNTER, 1);
      held++;
      got++;
    } else refused++;
    processor.readUnlock();
    // Some are held for a while, and given back by somebody else's hand as it were.
    if (held > round % 7) {
      add(data, COUNTER, -1);
      refs.put(ROW, 1);
      held--;
    }
    if (cpu === 0 && round === rounds >> 1) {
      refs.kill(ROW, () => rcu.call(CALLBACK, ROW));
      store(data, STOP, 1);
    }
    if (cpu === 0) rcu.advance();
  }
  for (; held > 0; held--) {
    add(data, COUNTER, -1);
    refs.put(ROW, 1);
  }
  processor.idle();
  if (cpu === 0) rcu.barrier();
  return { got, refused };
}

/**
 * CPU 0 replaces what the others read: a new row is published, the old one is poisoned by a callback.
 * A reader looks many times within one section; none of them may see the poison.
 */
function reclaim(): { poisoned: number; reads: number } {
  const parts = bindParts(machine, cpu, {
    callback: (_kind, row) => poke(data, COUNTER + row, -1),
  });
  const { processor, rcu } = parts;
  const rows = data.length - COUNTER;
  together();
  processor.enter();
  let poisoned = 0;
  let reads = 0;
  if (cpu === 0) {
    for (let round = 1; round < rounds; round++) {
      const before = load(data, FIRST);
      const next = round % rows;
      // A row is used again when it has been poisoned.
      while (round >= rows && load(data, COUNTER + next) !== -1) rcu.barrier();
      store(data, COUNTER + next, 1);
      store(data, FIRST, next);
      rcu.call(CALLBACK, before);
      rcu.advance();
    }
    store(data, STOP, 1);
  } else {
    while (load(data, STOP) === 0) {
      processor.readLock();
      const row = load(data, FIRST);
      for (let look = 0; look < 50; look++) if (peek(data, COUNTER + row) === -1) poisoned++;
      if (load(data, COUNTER + row) === -1) poisoned++;
      processor.readUnlock();
      reads++;
    }
  }
  processor.idle();
  if (cpu === 0) rcu.barrier();
  return { poisoned, reads };
}

/** CPU 1 is in a section; CPU 0 synchronizes meanwhile and must not come back before it is over. */
function synchronizeWaits(): number {
  const { processor, rcu } = bindParts(machine, cpu);
  processor.enter();
  let early = 0;
  for (let round = 1; round <= rounds; round++) {
    if (cpu === 1) {
      processor.readLock();
      store(data, FIRST, round);
      // The reader ends its section only once the grace period is under way.
      while (load(machine.rcu.word, 0) === load(machine.rcu.word, 1)) processor.poll();
      for (let spin = 0; spin < 1000; spin++) processor.poll();
      store(data, SECOND, round);
      processor.readUnlock();
      while (load(data, STOP) < round) processor.poll();
    } else {
      while (load(data, FIRST) < round) processor.poll();
      rcu.synchronize();
      if (load(data, SECOND) < round) early++;
      store(data, STOP, round);
    }
  }
  processor.idle();
  return early;
}

/** All queue items; whoever comes first runs them. Each must run once, those of one CPU in order. */
function sharedQueue(): { ran: number; early: number } {
  let ran = 0;
  let early = 0;
  const { processor, work } = bindParts(machine, cpu, {
    item(_kind, from, number) {
      ran++;
      // One at a time: a second runner would lose increments.
      increment(data, COUNTER);
      if (peek(data, COUNTER + 1 + from) !== number) add(data, SECOND, 1);
      poke(data, COUNTER + 1 + from, number + 1);
    },
  });
  together();
  processor.enter();
  for (let round = 0; round < rounds; ) {
    if (work.tryQueue(1, cpu, round, 0)) round++;
    else work.runOne();
    if (round % 50 === 0) {
      work.flush();
      if (load(data, COUNTER + 1 + cpu) !== round) early++;
    }
    processor.poll();
  }
  work.flush();
  processor.idle();
  return { ran, early };
}

/** Each CPU interrupts the others while all of them hold a lock that the handler takes too. */
function interrupts(): number {
  let served = 0;
  const { processor, irqLock } = bindParts(machine, cpu);
  processor.on(8, () => {
    served++;
    irqLock.lockIrq();
    increment(data, COUNTER);
    irqLock.unlockIrq();
  });
  together();
  processor.enter();
  for (let round = 0; round < rounds; round++) {
    processor.ask((cpu + 1 + (round % (cpus - 1))) % cpus, 8);
    irqLock.lockIrq();
    processor.poll();
    increment(data, COUNTER);
    irqLock.unlockIrq();
  }
  // Goes idle when nobody can ask any more.
  add(data, STOP, 1);
  while (load(data, STOP) < cpus) processor.poll();
  processor.idle();
  return served;
}

const SCENARIOS: Record<string, () => unknown> = {
  spin: () =>
    exclusion(({ spin }, body) => {
      spin.lock(0);
      body();
      spin.unlock(0);
    }),
  irq: () =>
    exclusion(({ irqLock }, body) => {
      irqLock.lockIrq();
      body();
      irqLock.unlockIrq();
    }),
  mutex: () => exclusion(({ mutex }, body) => mutex.hold(body)),
  ...{ interrupts, killedReference, reclaim, synchronizeWaits, sharedQueue },
};

parentPort?.postMessage(SCENARIOS[task.scenario]?.() ?? null);
