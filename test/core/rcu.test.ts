/** Grace periods, callbacks and who waits for them, against a plain list and with real threads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AbortedError, DeadlineError, ModelError, PATIENCE } from '../../core/index.ts';
import type { Hooks, Parts } from '../support/parts.ts';
import { bindParts, sharedParts } from '../support/parts.ts';
import { runWorkers, sharedWords } from '../support/workers.ts';

const CPUS = 3;

const step = fc.record({
  what: fc.constantFrom('lock', 'unlock', 'call', 'batch', 'advance', 'poll', 'idle', 'enter'),
  cpu: fc.nat({ max: CPUS - 1 }),
});

/** What a callback has to wait for: the sections that were open when it was queued. */
interface Queued {
  readonly number: number;
  readonly sections: Set<number>;
}

function bindAll(hooks: Hooks): { parts: Parts[]; by(cpu: number): Parts } {
  const machine = sharedParts(CPUS);
  const parts = Array.from({ length: CPUS }, (_, cpu) => bindParts(machine, cpu, hooks));
  return { parts, by: (cpu) => parts[cpu] as Parts };
}

test('a callback runs in its turn, and not before the sections of its beginning have ended', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const open = Array.from({ length: CPUS }, () => ({ depth: 0, section: 0, running: true }));
      const waiting: Queued[] = [];
      let sections = 0;
      let queued = 0;
      const callback = (_kind: number, row: number) => {
        const first = waiting.shift();
        assert.equal(first?.number, row, 'in order');
        for (const { depth, section } of open) {
          assert.ok(depth === 0 || !first?.sections.has(section), `callback ${row} came early`);
        }
      };
      const { parts, by } = bindAll({ callback });
      for (const { processor } of parts) processor.enter();
      for (const { what, cpu } of steps) {
        const at = open[cpu];
        assert.ok(at !== undefined);
        const { processor, rcu } = by(cpu);
        if (what === 'lock' && at.running) {
          if (at.depth === 0) at.section = ++sections;
          at.depth++;
          processor.readLock();
        } else if (what === 'unlock' && at.depth > 0) {
          at.depth--;
          processor.readUnlock();
        } else if (what === 'call') {
          const of = open.filter(({ depth }) => depth > 0).map(({ section }) => section);
          waiting.push({ number: ++queued, sections: new Set(of) });
          rcu.call(1, queued);
        } else if (what === 'advance') rcu.advance();
        else if (what === 'poll' && at.running) processor.poll();
        else if (what === 'idle' && at.running && at.depth === 0) {
          at.running = false;
          processor.idle();
        } else if (what === 'enter' && !at.running) {
          at.running = true;
          processor.enter();
        }
        assert.equal(rcu.pending(), waiting.length);
      }
      open.forEach((at, cpu) => {
        for (; at.depth > 0; at.depth--) by(cpu).processor.readUnlock();
      });
      // Everybody is asked and answers, as often as there are periods to go through.
      for (let round = 0; round < 4; round++) {
        by(0).rcu.advance();
        for (const { processor } of parts) processor.poll();
      }
      assert.equal(waiting.length, 0, 'without readers every callback runs');
    }),
  );
});

test('a nested section ends with its outermost end', () => {
  let ran = 0;
  const { by } = bindAll({ callback: () => ran++ });
  const { processor } = by(1);
  processor.enter();
  processor.readLock();
  processor.readLock();
  by(0).rcu.call(1, 1);
  by(0).rcu.advance();
  processor.readUnlock();
  by(0).rcu.advance();
  assert.equal(ran, 0);
  processor.readUnlock();
  assert.equal(by(0).rcu.advance(), 1);
  assert.equal(ran, 1);
});

test('batched callbacks of one period are one, and the number says when it is over', () => {
  let ran = 0;
  const { by } = bindAll({ callback: () => ran++ });
  const { rcu } = by(0);
  by(1).processor.enter();
  by(1).processor.readLock();
  const first = rcu.callBatched(5);
  assert.equal(rcu.callBatched(5), first);
  assert.equal(by(2).rcu.callBatched(5), first, 'whoever queues it');
  rcu.advance();
  const second = rcu.callBatched(5);
  assert.notEqual(second, first, 'a period that has begun is too early for it');
  assert.deepEqual([rcu.isOver(first), rcu.pending()], [false, 2]);
  by(1).processor.readUnlock();
  rcu.advance();
  by(1).processor.poll();
  rcu.advance();
  assert.deepEqual([rcu.isOver(second), rcu.pending(), ran], [true, 0, 2]);
});

test('nobody joins a batch that was dropped', () => {
  let ran = 0;
  const { rcu } = bindParts(sharedParts(1), 0, { callback: () => ran++ });
  const position = rcu.position();
  rcu.callBatched(5);
  rcu.dropSince(position);
  rcu.callBatched(5);
  rcu.barrier();
  assert.equal(ran, 1);
});

test('numbers wrap around', () => {
  const machine = sharedParts(1);
  machine.rcu.word.fill(2 ** 31 - 2, 0, 5);
  let ran = 0;
  const { rcu } = bindParts(machine, 0, { callback: () => ran++ });
  for (let round = 1; round <= 20; round++) {
    rcu.call(1, round);
    rcu.synchronize();
    rcu.barrier();
    assert.equal(ran, round);
  }
  assert.ok((machine.rcu.word[1] ?? 0) < 0, 'it went over the edge');
});

test('callbacks that callbacks queue wait for a period of their own', () => {
  const seen: number[] = [];
  const parts: Parts = bindParts(sharedParts(1), 0, {
    callback(_kind, row) {
      seen.push(row);
      if (row < 5) parts.rcu.call(1, row + 1);
    },
  });
  parts.rcu.call(1, 1);
  parts.rcu.barrier();
  assert.ok(seen.length < 5, 'a barrier waits for what was queued before it');
  while (parts.rcu.pending() > 0) parts.rcu.barrier();
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
});

test('a callback cannot sleep, and nobody waits inside a section (M19)', () => {
  let tried = 0;
  const parts: Parts = bindParts(sharedParts(1), 0, {
    callback() {
      tried++;
      assert.throws(() => parts.mutex.lock(), /with interrupts off/);
      assert.throws(() => parts.rcu.synchronize(), /with interrupts off/);
    },
  });
  const { rcu, processor, work } = parts;
  rcu.call(1, 1);
  work.queue(1, 1);
  processor.readLock();
  assert.throws(() => rcu.synchronize(), /waits for grace period \d+ inside an RCU read section/);
  assert.throws(() => rcu.barrier(), /waits for RCU callback 1 inside an RCU read section/);
  assert.throws(() => work.flush(), /flushes the workqueue inside an RCU read section/);
  processor.readUnlock();
  rcu.barrier();
  assert.equal(tried, 1);
});

test('a full callback ring says so; what is dropped never runs', () => {
  const seen: number[] = [];
  const machine = sharedParts(1);
  const { rcu } = bindParts(machine, 0, { callback: (_kind, row) => seen.push(row) });
  const size = machine.rcuRing.kind.length;
  rcu.call(1, 1);
  const position = rcu.position();
  for (let row = 2; row <= size; row++) rcu.call(1, row);
  assert.throws(() => rcu.call(1, 0), new RegExp(`RCU callback ring of ${size} places is full`));
  const listed: number[] = [];
  rcu.forEach((_kind, row) => {
    listed.push(row);
  });
  assert.equal(listed.length, size);
  rcu.dropSince(position);
  rcu.barrier();
  assert.deepEqual(seen, [1]);
});

for (const helps of [true, false]) {
  test(`waits end at the deadline and at an abort (${helps ? 'helping' : 'sleeping'})`, () => {
    const machine = sharedParts(2, 1);
    const reader = bindParts(machine, 1).processor;
    const { rcu, work, processor } = bindParts(machine, 0, { mustHelp: () => helps });
    reader.enter();
    reader.readLock();
    processor.enter();
    rcu.call(1, 1);
    const waits = [() => rcu.synchronize(), () => rcu.barrier()];
    // Whoever runs the queue himself has nothing to wait for there, as nothing holds an item back.
    if (!helps) {
      work.queue(1, 1);
      waits.push(() => work.flush());
    }
    for (const wait of waits) assert.throws(wait, DeadlineError);
    machine.globals.patience[PATIENCE.deadlineMs] = 20_000;
    machine.globals.patience[PATIENCE.aborted] = 1;
    for (const wait of waits) assert.throws(wait, AbortedError);
    // The CPU is as it was: it runs, and outside everything.
    assert.throws(() => processor.enter(), /already driven/);
    processor.mightSleep('looks');
    machine.globals.patience[PATIENCE.aborted] = 0;
    reader.readUnlock();
    rcu.advance();
    reader.idle();
    rcu.advance();
    assert.equal(rcu.pending(), 0);
  });
}

test('deferred work that fails is told, and the runner is free again', () => {
  let fails = true;
  const parts = bindParts(sharedParts(1), 0, {
    callback() {
      if (fails) throw new ModelError('callback');
    },
  });
  parts.rcu.call(1, 1);
  assert.throws(() => parts.rcu.advance(), /callback/);
  fails = false;
  assert.equal(parts.rcu.advance(), 1);
  parts.processor.mightSleep('runs on');
});

test('readers on three threads never see what a callback has reclaimed', async () => {
  const machine = sharedParts(4);
  const data = sharedWords(16 + 8);
  data[16] = 1;
  const saw = await runWorkers({
    ...{ machine, data, cpus: 4, scenario: 'reclaim', rounds: 1500 },
  });
  const readers = saw.slice(1) as { poisoned: number; reads: number }[];
  for (const { poisoned, reads } of readers) {
    assert.equal(poisoned, 0);
    assert.ok(reads > 0);
  }
});

test('synchronize comes back after the section of another thread, not before', async () => {
  const machine = sharedParts(2);
  const data = sharedWords(16);
  const saw = await runWorkers({
    ...{ machine, data, cpus: 2, scenario: 'synchronizeWaits', rounds: 300 },
  });
  assert.equal(saw[0], 0, `${saw[0]} of 300 came early`);
});

test('a grace period that somebody only waits for is work, too', () => {
  const machine = sharedParts(2);
  machine.globals.patience[PATIENCE.deadlineMs] = 20;
  const reader = bindParts(machine, 1).processor;
  const { rcu, processor } = bindParts(machine, 0, { mustHelp: () => true });
  reader.enter();
  reader.readLock();
  processor.enter();
  assert.equal(rcu.busy(), false);
  assert.throws(() => rcu.synchronize(), DeadlineError);
  assert.deepEqual([rcu.pending(), rcu.busy()], [0, true]);
  reader.readUnlock();
  reader.idle();
  rcu.advance();
  assert.equal(rcu.busy(), false);
  rcu.call(1, 1);
  assert.equal(rcu.busy(), true);
  rcu.advance();
  assert.equal(rcu.busy(), false);
});
