/** The parts of the explorer against plain ones: the table of states, what a thread depends on, words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CTL, createControl, MODE } from '../../bench/explore/control.ts';
import { bindDecisions } from '../../bench/explore/decide.ts';
import { createLooks } from '../../bench/explore/looks.ts';
import { applyPatch } from '../../bench/explore/patched-core.ts';
import { bindSeen } from '../../bench/explore/seen.ts';
import { scheduleText } from '../../bench/explore/tell.ts';
import { switchesOf } from './exploring.ts';

test('the table of states is a set', () => {
  const word = fc.integer({ min: -4, max: 4 });
  fc.assert(
    fc.property(fc.array(fc.tuple(word, word), { maxLength: 60 }), (keys) => {
      const seen = bindSeen(new Int32Array(2 * 128));
      // Two zeros are a gap, so that key is kept as (1, 0).
      const nameOf = ([low, high]: readonly [number, number]) =>
        low === 0 && high === 0 ? '1,0' : `${low},${high}`;
      const plain = new Set<string>();
      for (const key of keys) {
        assert.equal(seen.has(...key), plain.has(nameOf(key)));
        assert.equal(seen.add(...key), !plain.has(nameOf(key)));
        plain.add(nameOf(key));
        assert.equal(seen.has(...key), true);
      }
    }),
  );
});

test('a look has changed when a word that counts for it is another than it was', () => {
  const memory = [0, 0, 0];
  const looks = createLooks(3, (word) => memory[word] ?? 0);
  looks.use(0, 0, false);
  assert.deepEqual([looks.unchanged(), [...looks.words()]], [true, [0]]);
  memory[0] = 5;
  assert.equal(looks.unchanged(), false, 'somebody changed what was read');
  memory[0] = 0;
  assert.equal(looks.unchanged(), true, 'and back: looking again would end the same way');
  memory[1] = 7;
  looks.use(1, 7, true);
  assert.equal(looks.unchanged(), true, 'own writes do not count');
  memory[1] = 9;
  assert.equal(looks.unchanged(), false, 'but what others write then');
  looks.anew();
  assert.deepEqual([looks.unchanged(), [...looks.words()]], [true, []]);
  looks.use(1, 9, false);
  memory[1] = 10;
  looks.use(1, 10, false);
  assert.equal(looks.unchanged(), false, 'the first value that was read counts');
  memory[1] = 9;
  assert.equal(looks.unchanged(), false, 'and a word that was seen with two values makes it void');
  looks.anew();
  looks.use(2, 0, false);
  memory[2] = 3;
  looks.use(2, 3, true);
  looks.use(2, 3, false);
  memory[2] = 0;
  assert.equal(looks.unchanged(), true, 'unless the thread changed it itself, and back');
});

test('a schedule decides, and what it cannot do is noted', () => {
  const control = createControl(16);
  const { words, forced } = control;
  words[CTL.threads] = 3;
  words[CTL.mode] = MODE.stay;
  forced.set([4, 2, 9, 1]);
  words[CTL.forcedCount] = 2;
  words[CTL.nextForced] = 4;
  const { decide, following } = bindDecisions(control);
  assert.equal(decide(3, 0, 0b111, 0), 0, 'nobody says anything');
  assert.equal(decide(4, 0, 0b111, 0), 2);
  assert.equal(decide(9, 2, 0b100, 2), 2, 'CPU 1 cannot go on');
  assert.deepEqual([words[CTL.diverged], words[CTL.nextForced], words[CTL.switches]], [1, -1, 1]);
  assert.deepEqual([...control.taken.subarray(0, 2)], [4, 2]);
  assert.deepEqual([following(0, 0b101), following(2, 0b101), following(0, 0)], [2, 0, -1]);
});

test('PCT runs the highest priority, and lowers it at its points', () => {
  const control = createControl(16);
  const { words } = control;
  words[CTL.threads] = 3;
  words[CTL.mode] = MODE.pct;
  words.set([1, 3, 2], CTL.priority);
  words[CTL.changes] = 5;
  words[CTL.changePoints] = 1;
  const { decide } = bindDecisions(control);
  assert.equal(decide(1, 0, 0b111, 0), 1);
  assert.equal(decide(2, 1, 0b101, 1), 2, 'who cannot run does not');
  assert.equal(decide(5, 1, 0b111, 1), 2, 'its priority is gone');
  assert.equal(decide(6, 2, 0b011, 2), 0, 'for good');
});

test('white space and a last comma do not matter to a patch, everything else does', () => {
  const patch = { file: 'a.ts', find: 'call(one, two); next();', put: 'done();' };
  assert.equal(applyPatch('  call(\n    one,\n    two,\n  );\n  next();\n', patch), '  done();\n');
  assert.throws(() => applyPatch('call(one, three); next();', patch), /occurs 0 times/);
  const twice = 'call(one, two); next(); call(one, two); next();';
  assert.throws(() => applyPatch(twice, patch), /occurs 2 times/);
  assert.equal(applyPatch('a $& b', { file: 'a.ts', find: '$&', put: '$$' }), 'a $$ b');
});

test('a schedule is written as it is read', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(9999), fc.nat(3)), { maxLength: 5 }), (pairs) => {
      const schedule = pairs.map(([decision, thread]) => ({ decision, thread }));
      assert.deepEqual(switchesOf(scheduleText(schedule)), schedule);
    }),
  );
});
