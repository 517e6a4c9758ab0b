import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planLayout, type TablePlan, viewTable } from '../../core/shared/layout.ts';
import {
  type ListColumns,
  listAppend,
  listPush,
  listRemove,
  listSplice,
} from '../../core/shared/list.ts';
import { bindPageCounter } from '../../core/shared/page-counter.ts';
import { bindRowPool } from '../../core/shared/rows.ts';
import { bindSpinLock } from '../../core/shared/spinlock.ts';
import { bindPatience } from '../../core/shared/wait.ts';

function words(count: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4 * count));
}

test('columns lie apart, on cache lines, and at different places modulo 4 KiB', () => {
  const table = fc.record({
    rows: fc.integer({ min: 1, max: 5000 }),
    columns: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 20 }),
  });
  fc.assert(
    fc.property(
      fc.array(table, { minLength: 1, maxLength: 4 }),
      fc.nat({ max: 100 }),
      (specs, start) => {
        const tables = specs.map(({ rows, columns }, index): TablePlan => {
          const spec = Object.fromEntries(columns.map((size, column) => [`c${column}`, size]));
          return { name: `t${index}`, rows, spec };
        });
        const layout = planLayout(tables, start);
        const used: [number, number][] = [];
        for (const { name, rows, spec } of tables) {
          for (const [column, size] of Object.entries(spec)) {
            const offset = layout.offsets.get(`${name}.${column}`) ?? -1;
            assert.ok(offset >= start && offset % 64 === 0);
            used.push([offset, offset + rows * size * 4]);
          }
        }
        used.sort(([a], [b]) => a - b);
        used.forEach(([from], index) => {
          assert.ok(index === 0 || from >= (used[index - 1]?.[1] ?? 0), 'columns overlap');
        });
        assert.ok((used.at(-1)?.[1] ?? 0) <= layout.bytes);
        const places = used.slice(0, 64).map(([from]) => from % 4096);
        assert.equal(new Set(places).size, places.length, 'columns alias at 4 KiB');
      },
    ),
  );
});

test('a table larger than an int32 index is refused by name', () => {
  const tables = [{ name: 'slabs', rows: 2 ** 30, spec: { page: 4 } }];
  assert.throws(() => planLayout(tables, 0), /column slabs\.page would hold 4294967296 words/);
  const layout = planLayout([{ name: 'a', rows: 2, spec: { x: 1 } }], 0);
  const wrong = { name: 'b', rows: 2, spec: { x: 1 } };
  assert.throws(
    () => viewTable(new SharedArrayBuffer(layout.bytes), layout, wrong),
    /no column b\.x/,
  );
});

test('lists agree with arrays', () => {
  const rows = 12;
  const operation = fc.record({
    kind: fc.constantFrom('push', 'append', 'remove', 'splice'),
    row: fc.integer({ min: 1, max: rows }),
    from: fc.integer({ min: 1, max: 2 }),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const list: ListColumns = {
        head: words(3),
        tail: words(3),
        next: words(rows + 1),
        prev: words(rows + 1),
      };
      const model: number[][] = [[], [], []];
      for (const { kind, row, from } of operations) {
        const mine = model[from] ?? [];
        const other = model[3 - from] ?? [];
        const free = !mine.includes(row) && !other.includes(row);
        if (kind === 'push' && free) {
          listPush(list, from, row);
          mine.unshift(row);
        } else if (kind === 'append' && free) {
          listAppend(list, from, row);
          mine.push(row);
        } else if (kind === 'remove' && mine.includes(row)) {
          listRemove(list, from, row);
          mine.splice(mine.indexOf(row), 1);
        } else if (kind === 'splice') {
          listSplice(list, from, 3 - from);
          other.unshift(...mine.splice(0));
        }
        for (const owner of [1, 2]) {
          const forward: number[] = [];
          for (let at = list.head[owner] ?? 0; at !== 0; at = list.next[at] ?? 0) forward.push(at);
          const backward: number[] = [];
          for (let at = list.tail[owner] ?? 0; at !== 0; at = list.prev[at] ?? 0) backward.push(at);
          assert.deepEqual(forward, model[owner]);
          assert.deepEqual(backward.reverse(), model[owner]);
        }
      }
    }),
  );
});

test('a row pool hands out every row once and then says what to raise', () => {
  const pool = bindRowPool({
    state: words(4),
    pool: 1,
    next: words(5),
    first: 1,
    end: 5,
    limit: 'things',
  });
  assert.deepEqual([pool.take(), pool.take(), pool.take(), pool.take()], [1, 2, 3, 4]);
  assert.throws(() => pool.take(), /things \(4\) reached; raise `things`/);
  pool.give(2);
  pool.give(3);
  assert.deepEqual([pool.take(), pool.take()], [3, 2]);
  assert.equal(pool.end(), 5);
});

test('a spin lock that its own CPU holds is a deadlock, and says so', () => {
  const column = words(3);
  const lock = bindSpinLock(column, 3, 'list_lock', bindPatience(words(2), 3));
  lock.lock(2);
  assert.deepEqual([...column], [0, 0, 4]);
  assert.throws(() => lock.lock(2), /CPU 3 already holds list_lock of row 2/);
  lock.unlock(2);
  lock.lock(2);
  assert.equal(column[2], 4);
});

test('page counters agree with sums over the tree, and a failed charge changes nothing', () => {
  const charge = fc.record({
    memcg: fc.integer({ min: 1, max: 6 }),
    pages: fc.integer({ min: 1, max: 40 }),
    undo: fc.boolean(),
  });
  const limits = fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 7, maxLength: 7 });
  fc.assert(
    fc.property(fc.array(charge, { maxLength: 40 }), limits, (charges, max) => {
      const parent = [0, 0, 1, 1, 2, 2, 4];
      const columns = {
        ...{ usage: words(7), max: words(7), watermark: words(7), failcnt: words(7) },
        parent: Int32Array.from(parent),
      };
      columns.max.set(max);
      const counter = bindPageCounter(columns);
      const chain = (memcg: number): number[] =>
        memcg === 0 ? [] : [memcg, ...chain(parent[memcg] ?? 0)];
      const usage = new Array<number>(7).fill(0);
      const peak = new Array<number>(7).fill(0);
      for (const { memcg, pages, undo } of charges) {
        const levels = chain(memcg);
        const fits = levels.every((level) => (usage[level] ?? 0) + pages <= (max[level] ?? 0));
        assert.equal(counter.tryCharge(memcg, pages) === 0, fits);
        if (!fits) {
          // A level below the one that failed was charged for a moment, and its peak shows it.
          for (const level of levels) {
            if ((usage[level] ?? 0) + pages > (max[level] ?? 0)) break;
            peak[level] = Math.max(peak[level] ?? 0, (usage[level] ?? 0) + pages);
          }
          assert.deepEqual([...columns.usage], usage);
          continue;
        }
        for (const level of levels) {
          usage[level] = (usage[level] ?? 0) + pages;
          peak[level] = Math.max(peak[level] ?? 0, usage[level] ?? 0);
        }
        if (undo) {
          counter.uncharge(memcg, pages);
          for (const level of levels) usage[level] = (usage[level] ?? 0) - pages;
        }
        assert.deepEqual([...columns.usage], usage);
        assert.deepEqual([...columns.watermark], peak);
      }
    }),
  );
});
