/** The workqueue against a plain list, with items that queue items, and with real threads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ModelError } from '../../core/index.ts';
import { bindParts, type Parts, sharedParts } from '../support/parts.ts';
import { runWorkers, sharedWords } from '../support/workers.ts';

const CPUS = 2;

const step = fc.record({
  what: fc.constantFrom('queue', 'queue', 'try', 'run', 'flush', 'drop', 'mark'),
  cpu: fc.nat({ max: CPUS - 1 }),
  spare: fc.nat({ max: 20 }),
});

test('items run in order, once each, whoever queues and runs them; a full ring takes no more', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200, size: 'max' }),
      fc.integer({ min: -3, max: 0 }),
      (steps, before) => {
        const machine = sharedParts(CPUS);
        // Counters that are about to wrap around.
        machine.work.word.fill(2 ** 31 - 1 + before, 0, 2);
        const size = 16;
        const small = {
          kind: machine.workRing.kind.subarray(0, size),
          row: machine.workRing.row.subarray(0, size),
          argument: machine.workRing.argument.subarray(0, size),
        };
        const ran: number[][] = [];
        const all = [0, 1].map((cpu) =>
          bindParts({ ...machine, workRing: small }, cpu, { item: (...what) => ran.push(what) }),
        );
        let waiting: number[][] = [];
        const expected: number[][] = [];
        let number = 0;
        let mark: { position: number; length: number } | null = null;
        for (const { what, cpu, spare } of steps) {
          const { work } = all[cpu] as Parts;
          const item = [cpu, ++number, -number];
          const [kind = 0, row = 0, argument = 0] = item;
          if (what === 'queue' && waiting.length < size) {
            work.queue(kind, row, argument);
            waiting.push(item);
          } else if (what === 'queue') {
            assert.throws(() => work.queue(kind, row), /work ring of 16 places is full/);
          } else if (what === 'try') {
            const fits = waiting.length + spare < size;
            assert.equal(work.tryQueue(kind, row, argument, spare), fits);
            if (fits) waiting.push(item);
          } else if (what === 'run') {
            const first = waiting.shift();
            assert.equal(work.runOne(), first !== undefined);
            if (first !== undefined) expected.push(first);
            mark = null;
          } else if (what === 'flush') {
            work.flush();
            expected.push(...waiting.splice(0));
            mark = null;
          } else if (what === 'mark') mark = { position: work.position(), length: waiting.length };
          else if (what === 'drop' && mark !== null && mark.length <= waiting.length) {
            work.dropSince(mark.position);
            waiting = waiting.slice(0, mark.length);
            mark = null;
          }
          const listed: number[][] = [];
          work.forEach((...one) => {
            listed.push(one);
          });
          assert.deepEqual([listed, work.pending()], [waiting, waiting.length]);
          assert.deepEqual(ran, expected);
        }
      },
    ),
  );
});

test('a flush waits for what was queued before it, not for what that queues', () => {
  const seen: number[] = [];
  const { work }: Parts = bindParts(sharedParts(1), 0, {
    item(_kind, row) {
      seen.push(row);
      if (row < 4) work.queue(1, row + 2);
    },
  });
  work.queue(1, 1);
  work.queue(1, 2);
  work.flush();
  assert.deepEqual(seen, [1, 2]);
  work.flush();
  assert.deepEqual(seen, [1, 2, 3, 4]);
  work.flush();
  assert.equal(work.pending(), 2 - 2, 'and a flush of nothing returns at once');
  assert.equal(work.runOne(), false);
});

test('an item may wait for RCU and take a mutex, but not flush its own queue', () => {
  const done: string[] = [];
  const parts: Parts = bindParts(sharedParts(1), 0, {
    callback: () => done.push('callback'),
    item(kind) {
      if (kind === 1) {
        parts.rcu.barrier();
        parts.mutex.hold(() => done.push('item'));
      } else parts.work.flush();
    },
  });
  parts.rcu.call(1, 1);
  parts.work.queue(1, 1);
  parts.work.flush();
  assert.deepEqual(done, ['callback', 'item']);
  parts.work.queue(2, 1);
  assert.throws(() => parts.work.runOne(), /a work item flushes the queue that it is on/);
});

test('one item at a time: nobody else runs one meanwhile, nor does the item itself', () => {
  const machine = sharedParts(2);
  let depth = 0;
  const other = bindParts(machine, 1, { item: () => assert.fail('two at once') });
  const { work }: Parts = bindParts(machine, 0, {
    item() {
      depth++;
      assert.equal(work.runOne(), false);
      assert.equal(other.work.runOne(), false);
      assert.equal(work.pending(), 2, 'an item leaves the ring when it has run');
    },
  });
  work.queue(1, 1);
  work.queue(1, 2);
  assert.equal(work.runOne(), true);
  assert.equal(depth, 1);
});

test('an item that fails is told, stays in the ring, and the queue is free again', () => {
  let fails = true;
  const { work } = bindParts(sharedParts(1), 0, {
    item() {
      if (fails) throw new ModelError('item');
    },
  });
  work.queue(1, 1);
  assert.throws(() => work.runOne(), /item/);
  assert.equal(work.pending(), 1);
  fails = false;
  work.flush();
  assert.equal(work.pending(), 0);
});

test('an item can be queued with interrupts off, and from a callback', () => {
  const seen: number[] = [];
  const parts: Parts = bindParts(sharedParts(1), 0, {
    callback: (_kind, row) => parts.work.queue(1, row),
    item: (_kind, row) => seen.push(row),
  });
  parts.processor.irqSave();
  parts.work.queue(1, 1);
  parts.processor.irqRestore();
  parts.rcu.call(1, 2);
  parts.rcu.barrier();
  parts.work.flush();
  assert.deepEqual(seen, [1, 2]);
});

test('four threads queue, run and flush: each item once, those of one thread in order', async () => {
  const machine = sharedParts(4);
  const data = sharedWords(32);
  const rounds = 3000;
  const saw = await runWorkers({ machine, data, cpus: 4, scenario: 'sharedQueue', rounds });
  const results = saw as { ran: number; early: number }[];
  assert.equal(
    results.reduce((sum, { ran }) => sum + ran, 0),
    4 * rounds,
  );
  assert.equal(data[16], 4 * rounds, 'one at a time');
  assert.equal(data[2], 0, 'in order');
  for (const { early } of results) assert.equal(early, 0, 'a flush came back early');
});
