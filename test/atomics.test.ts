import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import * as real from '../core/shared/atomics.ts';
import * as solo from '../core/shared/atomics-solo.ts';

for (const atomics of [real, solo]) {
  test(`${atomics.ATOMICS_KIND} atomics return what was there before`, () => {
    const words = new Int32Array(new SharedArrayBuffer(8));
    assert.equal(atomics.add(words, 1, 5), 0);
    assert.equal(atomics.sub(words, 1, 2), 5);
    assert.equal(atomics.or(words, 1, 4), 3);
    assert.equal(atomics.exchange(words, 1, 9), 7);
    assert.equal(atomics.compareExchange(words, 1, 8, 1), 9, 'expected value differs');
    assert.equal(atomics.load(words, 1), 9);
    assert.equal(atomics.compareExchange(words, 1, 9, 1), 9);
    assert.equal(atomics.peek(words, 1), 1);
    atomics.store(words, 1, -1);
    assert.deepEqual([...words], [0, -1]);
  });
}

test('the import condition picks the version', () => {
  const show = "import('#atomics').then((m) => process.stdout.write(m.ATOMICS_KIND))";
  const run = (flags: string[]): string =>
    execFileSync(process.execPath, [...flags, '-e', show], { encoding: 'utf8' });
  assert.equal(run([]), 'real');
  assert.equal(run(['--conditions=solo']), 'solo');
});
