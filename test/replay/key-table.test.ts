/** The hash table of the replay against a Map. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KeyTable } from '../../bench/replay/key-table.ts';

const operation = fc.record({
  what: fc.constantFrom('set', 'set', 'get', 'delete'),
  // Few keys, so that they meet; with equal halves, so that chains grow.
  a: fc.constantFrom(0, 1, -1, 7, 2 ** 31 - 1),
  b: fc.integer({ min: -20, max: 20 }),
  c: fc.constantFrom(0, 5, -9),
  d: fc.constantFrom(0, 1),
  value: fc.integer({ min: 1, max: 1e9 }),
});

for (const words of [2, 4]) {
  test(`keys of ${words} words are as in a Map, from few places on`, () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
        const table = new KeyTable(words, 4);
        const map = new Map<string, number>();
        for (const { what, a, b, value, ...more } of operations) {
          const [c, d] = words === 4 ? [more.c, more.d] : [0, 0];
          const key = [a, b, c, d].join();
          const before = map.get(key) ?? 0;
          if (what === 'get') assert.equal(table.get(a, b, c, d), before);
          else if (what === 'set') {
            assert.equal(table.set(value, a, b, c, d), before);
            map.set(key, value);
          } else {
            assert.equal(table.delete(a, b, c, d), before);
            map.delete(key);
          }
          assert.equal(table.size, map.size);
        }
        for (const [key, value] of map) {
          const [a = 0, b = 0, c = 0, d = 0] = key.split(',').map(Number);
          assert.equal(table.get(a, b, c, d), value);
        }
      }),
      { numRuns: 200 },
    );
  });
}
