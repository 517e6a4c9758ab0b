import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProgress, formatSeconds } from '../../bench/progress.ts';

function recorder(isTTY: boolean, columns?: number) {
  const written: string[] = [];
  const write = (text: string) => written.push(text);
  return { written, stream: columns === undefined ? { isTTY, write } : { isTTY, columns, write } };
}

test('on anything but a terminal it is silent', () => {
  const { written, stream } = recorder(false);
  const progress = createProgress(stream);
  progress.update(1, 2, 'pin');
  progress.clear();
  assert.deepEqual(written, []);
});

/** A clock that moves when it is told, and calls whoever asked for every second on the way. */
function handClock() {
  let time = 0;
  const calls = new Set<() => void>();
  return {
    calls,
    now: () => time,
    every(milliseconds: number, call: () => void) {
      assert.equal(milliseconds, 1000);
      calls.add(call);
      return () => calls.delete(call);
    },
    pass(seconds: number) {
      for (let second = 0; second < seconds; second++) {
        time += 1000;
        for (const call of calls) call();
      }
    },
  };
}

/** The lines as they stand on the terminal one after the other. */
const linesOf = (written: readonly string[]): string[] =>
  written.map((text) => text.replace('\r\u001b[2K', ''));

test('it shows how far it is, the time so far and the time left', () => {
  const { written, stream } = recorder(true, 80);
  const clock = handClock();
  const progress = createProgress(stream, clock);
  clock.pass(10);
  progress.update(1, 4, 'splice-caches');
  progress.update(0, 0, 'starting');
  assert.deepEqual(written, [
    '\r\u001b[2K25 % splice-caches (10 s, about 30 s left)',
    '\r\u001b[2Kstarting (10 s)',
  ]);
  progress.update(1, 100, 'too early to say');
  assert.equal(written.pop(), '\r\u001b[2K1 % too early to say (10 s)');
  progress.clear();
  progress.clear();
  assert.equal(written.length, 3, 'cleared once');
});

test('between two updates nothing is drawn: a timer would disturb what is timed', () => {
  const { written, stream } = recorder(true, 80);
  const clock = handClock();
  const progress = createProgress(stream, clock);
  progress.update(1, 4, 'round 1');
  clock.pass(30);
  assert.equal(written.length, 1);
  assert.equal(clock.calls.size, 0);
});

test('alive draws every second until the work is over, and the time left goes down', async () => {
  const { written, stream } = recorder(true, 80);
  const clock = handClock();
  const progress = createProgress(stream, clock);
  clock.pass(10);
  progress.update(1, 2, 'host 3');
  let finish: (value: string) => void = () => {};
  const work = progress.alive(
    new Promise<string>((resolve) => {
      finish = resolve;
    }),
  );
  clock.pass(2);
  progress.update(1, 2, 'host 4');
  clock.pass(20);
  finish('done');
  assert.equal(await work, 'done');
  const lines = linesOf(written);
  assert.deepEqual(lines.slice(0, 4), [
    '50 % host 3 (10 s, about 10 s left)',
    '50 % host 3 (11 s, about 9 s left)',
    '50 % host 3 (12 s, about 8 s left)',
    '50 % host 4 (12 s, about 8 s left)',
  ]);
  assert.equal(lines.at(-1), '50 % host 4 (32 s, about 1 s left)');
  clock.pass(5);
  assert.equal(written.length, lines.length, 'the timer has ended');
});

test('alive asks how far it is, and ends its timer when the work fails', async () => {
  const { written, stream } = recorder(true, 80);
  const clock = handClock();
  const progress = createProgress(stream, clock);
  let fail: (error: Error) => void = () => {};
  let done = 0;
  const work = progress.alive(
    new Promise((_, reject) => {
      fail = reject;
    }),
    () => ({ done: ++done, total: 4, what: 'bytes' }),
  );
  clock.pass(3);
  assert.deepEqual(linesOf(written), [
    '25 % bytes (1 s, about 3 s left)',
    '50 % bytes (2 s, about 2 s left)',
    '75 % bytes (3 s, about 1 s left)',
  ]);
  fail(new Error('broken'));
  await assert.rejects(work, /broken/);
  assert.equal(clock.calls.size, 0);
});

test('on anything but a terminal alive starts no timer', async () => {
  const { written, stream } = recorder(false);
  const clock = handClock();
  const work = createProgress(stream, clock).alive(Promise.resolve(7));
  assert.equal(clock.calls.size, 0);
  assert.equal(await work, 7);
  assert.deepEqual(written, []);
});

test('it never wraps, and what is cut is not the time', () => {
  for (const [columns, wanted] of [
    [30, 29],
    [0, 79],
  ] as const) {
    const { written, stream } = recorder(true, columns);
    createProgress(stream, { now: () => 0 }).update(1, 2, 'x'.repeat(100));
    const [line = ''] = linesOf(written);
    assert.equal(line.length, wanted);
    assert.match(line, / \(0 s, about 1 s left\)$/);
  }
});

test('seconds are shown in at most two units', () => {
  assert.deepEqual([0.4, 59.4, 65, 3599, 3720].map(formatSeconds), [
    '0 s',
    '59 s',
    '1 min 5 s',
    '59 min 59 s',
    '1 h 2 min',
  ]);
});
