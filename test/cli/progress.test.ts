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

test('it shows how far it is, the time so far and the time left', () => {
  const { written, stream } = recorder(true, 80);
  let now = 0;
  const progress = createProgress(stream, () => now);
  now = 10_000;
  progress.update(1, 4, 'splice-caches');
  progress.update(0, 0, 'starting');
  assert.deepEqual(written, [
    '\r\u001b[2K1/4 splice-caches (10 s, about 30 s left)',
    '\r\u001b[2Kstarting (10 s)',
  ]);
  progress.clear();
  progress.clear();
  assert.equal(written.length, 3, 'cleared once');
});

test('it never wraps', () => {
  const { written, stream } = recorder(true, 30);
  createProgress(stream).update(1, 2, 'x'.repeat(100));
  assert.equal(written[0]?.replace('\r\u001b[2K', '').length, 29);
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
