/** Spin locks, spin locks against interrupts, mutexes, and the end of every wait for them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AbortedError, DeadlineError, ModelError, PATIENCE } from '../../core/index.ts';
import { ASK } from '../../core/shared/processor.ts';
import { bindParts, sharedParts } from '../support/parts.ts';
import { runWorkers, sharedWords } from '../support/workers.ts';

const CPUS = 4;
const COUNTER = 16;

for (const [scenario, rounds] of [
  ['spin', 8000],
  ['irq', 8000],
  ['mutex', 2500],
] as const) {
  test(`${scenario}: four threads never meet inside`, async () => {
    const data = sharedWords(32);
    const machine = sharedParts(CPUS);
    await runWorkers({ machine, data, cpus: CPUS, scenario, rounds });
    assert.equal(data[COUNTER], CPUS * rounds);
    assert.ok(
      machine.locks.word.every((word) => word === 0),
      'holders and waiters are gone',
    );
  });
}

test('interrupts come in between, but never inside a lock that their handler takes', async () => {
  const data = sharedWords(32);
  const machine = sharedParts(CPUS);
  const rounds = 4000;
  const served = await runWorkers({ machine, data, cpus: CPUS, scenario: 'interrupts', rounds });
  const handled = served.reduce((sum: number, one) => sum + Number(one), 0);
  assert.ok(handled > 0);
  assert.equal(data[COUNTER], CPUS * rounds + handled);
});

test('an interrupt that takes a lock of the code it interrupted is a deadlock, and says so (M08)', () => {
  const { processor, spin } = bindParts(sharedParts(1), 0);
  processor.on(ASK.interrupt, () => spin.lock(0));
  spin.lock(0);
  processor.ask(0, ASK.interrupt);
  assert.throws(() => processor.poll(), /CPU 0 already holds spin lock of row 0/);
});

test('with interrupts off nothing is served, and everything when they are on again', () => {
  const { processor, irqLock } = bindParts(sharedParts(1), 0);
  let served = 0;
  processor.on(ASK.interrupt, () => {
    served++;
    irqLock.lockIrq();
    irqLock.unlockIrq();
  });
  irqLock.lockIrq();
  processor.irqSave();
  processor.ask(0, ASK.interrupt);
  processor.poll();
  processor.irqRestore();
  processor.poll();
  assert.equal(served, 0, 'still one level deep');
  irqLock.unlockIrq();
  assert.equal(served, 1);
});

test('a mutex is refused to its own holder, and to whoever may not sleep', () => {
  const machine = sharedParts(2);
  const { mutex, processor } = bindParts(machine, 0);
  mutex.lock();
  assert.throws(() => mutex.lock(), /CPU 0 already holds the mutex/);
  assert.equal(mutex.tryLock(), false);
  assert.throws(() => bindParts(machine, 1).mutex.unlock(), /CPU 1 releases the mutex, which it/);
  mutex.unlock();
  assert.throws(() => mutex.unlock(), ModelError);
  processor.readLock();
  assert.throws(() => mutex.lock(), /takes the mutex inside an RCU read section/);
  processor.readUnlock();
  processor.irqSave();
  assert.throws(() => mutex.lock(), /takes the mutex with interrupts off/);
  assert.equal(mutex.tryLock(), true, 'trying does not sleep');
  processor.irqRestore();
});

test('a mutex is free again after its body threw', () => {
  const { mutex } = bindParts(sharedParts(1), 0);
  const fail = (): never => {
    throw new Error('body');
  };
  assert.throws(() => mutex.hold(fail), /body/);
  assert.equal(
    mutex.hold(() => 7),
    7,
  );
});

for (const ended of ['deadline', 'abort'] as const) {
  test(`every wait for a lock ends at the ${ended}, says for whom, and leaves no waiter`, () => {
    const machine = sharedParts(2, ended === 'deadline' ? 1 : 20_000);
    if (ended === 'abort') machine.globals.patience[PATIENCE.aborted] = 1;
    const kind = ended === 'deadline' ? DeadlineError : AbortedError;
    const holder = bindParts(machine, 1);
    const { mutex, irqLock, spin, processor } = bindParts(machine, 0);
    processor.enter();
    holder.mutex.lock();
    holder.irqLock.lockIrq();
    holder.spin.lock(5);
    const is = (pattern: RegExp) => (error: unknown) =>
      error instanceof kind && pattern.test(error.message);
    assert.throws(() => mutex.lock(), is(/the mutex, which CPU 1 holds/));
    assert.throws(() => spin.lock(5), is(/spin lock of row 5, which CPU 1 holds/));
    assert.throws(() => irqLock.lockIrq(), is(/which CPU 1 holds/));
    processor.irqRestore();
    holder.mutex.unlock();
    holder.spin.unlock(5);
    assert.equal(machine.locks.word[1], 0, 'no waiter is counted any more');
    // Without anybody in the way there is no wait, and so nothing to end.
    mutex.lock();
    spin.lock(5);
    processor.poll();
    mutex.unlock();
    processor.idle();
  });
}

test('a thread that acts for an idle CPU keeps its own thread out until it is done', () => {
  const machine = sharedParts(2, 1);
  const [own, other] = [bindParts(machine, 0).processor, bindParts(machine, 1).processor];
  let served = 0;
  own.on(ASK.flush, () => {
    served++;
  });
  own.enter();
  assert.throws(() => own.enter(), /CPU 0 is already driven by a thread/);
  // It runs, so it is asked, and looks for questions before it goes idle.
  assert.equal(
    other.summon(0, ASK.flush, () => assert.fail('it runs')),
    false,
  );
  assert.equal(served, 0);
  own.idle();
  assert.equal(served, 1);
  let visits = 0;
  const inside = () => {
    visits++;
    assert.throws(() => own.enter(), DeadlineError);
  };
  assert.equal(other.summon(0, ASK.flush, inside), true);
  assert.equal(visits, 1);
  assert.equal(served, 1);
  own.enter();
  own.readLock();
  assert.throws(() => own.idle(), /goes idle inside a section/);
});
