import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import * as real from '../core/shared/atomics.ts';
import * as explored from '../core/shared/atomics-explore.ts';
import * as solo from '../core/shared/atomics-solo.ts';

// The exploring ones behave as the real ones on words that nobody explores.
for (const atomics of [real, solo, explored]) {
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
  assert.equal(run(['--conditions=explore']), 'explore');
});

test('the exploring version asks before each step, and shows what is read and written', () => {
  const seen: string[] = [];
  explored.beginTracking({
    step: (kind, word) => seen.push(`${kind} ${word}`),
    read: (word, value) => seen.push(`read ${word}: ${value}`),
    wrote: (word, before, after) => seen.push(`wrote ${word}: ${before} to ${after}`),
    park: () => seen.push('park'),
    doze: () => seen.push('doze'),
    row: (word, inUse) => seen.push(`row ${word} ${inUse ? 'used' : 'retired'}`),
  });
  const told = (): string[] => seen.splice(0);
  const buffer = new SharedArrayBuffer(64);
  const column = explored.openColumn(new Int32Array(buffer, 8, 4), 'table.column');
  const hidden = explored.openColumn(new Int32Array(buffer, 32, 2), 'globals.clock');
  const [known] = explored.endTracking();
  const plain = explored.openColumn(new Int32Array(buffer, 8, 4), 'table.column');
  assert.deepEqual([known?.name, known?.base, known?.raw.length], ['table.column', 2, 4]);
  assert.equal(explored.add(column, 1, 5), 0);
  assert.deepEqual(told(), ['add 3', 'read 3: 0', 'wrote 3: 0 to 5']);
  assert.equal(explored.compareExchange(column, 1, 4, 9), 5);
  assert.deepEqual(told(), ['cas 3', 'read 3: 5', 'wrote 3: 5 to 5']);
  explored.store(column, 0, 7);
  assert.deepEqual(told(), ['store 2', 'wrote 2: 0 to 7']);
  column[2] = (column[1] ?? 0) + 1;
  assert.deepEqual(told(), ['read 3: 5', 'wrote 4: 0 to 6']);
  assert.equal(column[4], undefined, 'beyond the column');
  column.fill(0, 2, 3);
  assert.equal(column.indexOf(5), 1);
  assert.equal(column.length, 4);
  assert.throws(() => column.map((value) => value), /does not know the method map/);
  told();
  explored.wait(column, 0, 7, 1);
  explored.relax();
  explored.doze();
  assert.deepEqual(told(), ['park', 'park', 'doze']);
  explored.useRow(plain, 3);
  assert.equal(explored.retireRow(column, 3), false, 'never handed out again');
  assert.deepEqual(told(), ['row 5 used', 'row 5 retired'], 'by whichever view');
  explored.add(hidden, 0, 1);
  explored.add(plain, 0, 1);
  assert.deepEqual([told(), plain[0]], [[], 8], 'what is not tracked is not told');
});
