/** References that are per CPU until they are killed, against a plain count. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bindPercpuRefs, type PercpuRefs, REF_SWITCHED } from '../../core/shared/percpu-ref.ts';
import { sharedParts } from '../support/parts.ts';
import { runWorkers, sharedWords } from '../support/workers.ts';

const CPUS = 3;
const ROWS = 3;

/** References of `ROWS - 1` rows as each CPU sees them, and which rows were released. */
function bindAll() {
  const columns = {
    ...{ mode: sharedWords(ROWS), count: sharedWords(ROWS) },
    ...{ slot: sharedWords(CPUS * ROWS), rows: ROWS },
  };
  const released: number[] = [];
  const release = (row: number) => released.push(row);
  const refs = Array.from({ length: CPUS }, (_, cpu) =>
    bindPercpuRefs({ columns, cpu, cpus: CPUS, what: 'row', release }),
  );
  return { columns, refs, released, by: (cpu: number) => refs[cpu] as PercpuRefs };
}

/** One row as plain numbers: references, and how far its end has come. */
interface Naive {
  held: number;
  life: 'percpu' | 'killed' | 'switched';
}

const step = fc.record({
  what: fc.constantFrom('get', 'get', 'tryGet', 'tryGetLive', 'put', 'put', 'kill', 'switched'),
  cpu: fc.nat({ max: CPUS - 1 }),
  row: fc.integer({ min: 1, max: ROWS - 1 }),
  count: fc.integer({ min: 1, max: 40 }),
});

/** References of a row that exist, whoever holds them. */
function total({ held, life }: Naive): number {
  return held + (life === 'percpu' || life === 'killed' ? 1 : 0);
}

/** Does one step to both; false if a user of references would not be allowed to do it. */
function apply(
  { what, cpu, row, count }: { what: string; cpu: number; row: number; count: number },
  one: Naive,
  all: ReturnType<typeof bindAll>,
): void {
  const refs = all.by(cpu);
  if (what === 'get' && total(one) > 0) {
    refs.get(row, count);
    one.held += count;
  } else if (what === 'tryGet') {
    assert.equal(refs.tryGet(row), total(one) > 0);
    if (total(one) > 0) one.held++;
  } else if (what === 'tryGetLive') {
    assert.equal(refs.tryGetLive(row), one.life === 'percpu');
    if (one.life === 'percpu') one.held++;
  } else if (what === 'put' && one.held > 0) {
    const given = Math.min(one.held, count);
    one.held -= given;
    refs.put(row, given);
  } else if (what === 'kill' && one.life === 'percpu') {
    let queued = 0;
    refs.kill(row, () => queued++);
    assert.equal(queued, 1, 'the switch is asked for once');
    one.life = 'killed';
  } else if (what === 'switched' && one.life === 'killed') {
    one.life = 'switched';
    refs.switched(row);
  }
}

test('gets, puts, kills and switches of any CPU agree with a plain count', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const all = bindAll();
      const rows: Naive[] = Array.from({ length: ROWS }, () => ({ held: 0, life: 'percpu' }));
      for (let row = 1; row < ROWS; row++) all.by(0).init(row);
      const expected: number[] = [];
      for (const each of steps) {
        const one = rows[each.row];
        assert.ok(one !== undefined);
        const before = total(one);
        apply(each, one, all);
        if (before > 0 && total(one) === 0) expected.push(each.row);
        assert.deepEqual(all.released, expected, 'released once, with the last reference');
        for (let row = 1; row < ROWS; row++) {
          const naive = rows[row];
          assert.ok(naive !== undefined);
          for (const refs of all.refs) assert.equal(refs.total(row), total(naive));
        }
      }
    }),
  );
});

test('a put on one CPU of what another one got is no loss', () => {
  const { by, released } = bindAll();
  by(0).init(1);
  by(0).get(1, 1000);
  by(2).put(1, 999);
  assert.equal(by(1).total(1), 2);
  by(0).kill(1, () => {});
  by(1).put(1, 1);
  assert.deepEqual(released, [], 'the switch itself still holds it');
  by(0).switched(1);
  assert.deepEqual(released, [1]);
});

test('a dead row gives no new reference to who asks for a live one, but to who asks for any', () => {
  const { by, released, columns } = bindAll();
  by(0).init(1);
  by(0).get(1, 1);
  by(0).kill(1, () => {});
  assert.equal(by(1).tryGetLive(1), false);
  assert.equal(by(1).tryGet(1), true);
  by(1).switched(1);
  assert.equal((columns.mode[1] ?? 0) & REF_SWITCHED, REF_SWITCHED);
  by(0).put(1, 2);
  assert.deepEqual(released, [1]);
  assert.equal(by(2).tryGet(1), false, 'nobody revives it (M26)');
  assert.equal(columns.count[1], 0);
});

test('a row that is used anew starts with its base reference, whatever its slots held', () => {
  const { by } = bindAll();
  by(0).init(2);
  by(0).get(2, 5);
  by(1).put(2, 3);
  by(2).init(2);
  assert.equal(by(0).total(2), 1);
});

test('a put too many is named with the row and what was left', () => {
  const { by } = bindAll();
  by(0).init(1);
  by(0).get(1, 2);
  by(0).kill(1, () => {});
  by(0).switched(1);
  assert.throws(() => by(0).put(1, 3), /row 1: put of 3 references, 2 were left/);
});

test('a second kill is refused and changes nothing', () => {
  const { by, released } = bindAll();
  by(0).init(1);
  by(0).get(1, 1);
  by(0).kill(1, () => {});
  assert.throws(
    () => by(1).kill(1, () => assert.fail('no second switch')),
    /row 1 is killed a second time/,
  );
  assert.equal(by(0).total(1), 2);
  by(0).switched(1);
  by(0).put(1, 1);
  assert.deepEqual(released, [1]);
});

test('four threads get and put while one kills: released once, when nobody holds it', async () => {
  for (let repeat = 0; repeat < 2; repeat++) {
    const machine = sharedParts(4);
    machine.memcgs.css[3] = 2 ** 30 + 1;
    const data = sharedWords(32);
    const saw = await runWorkers({
      ...{ machine, data, cpus: 4, scenario: 'killedReference', rounds: 20_000 },
    });
    const [, released, heldThen] = data;
    assert.equal(released, 1, `released ${released} times`);
    assert.equal(heldThen, 0, 'held by nobody then');
    assert.deepEqual([data[16], machine.memcgs.css[3]], [0, 0]);
    const { got, refused } = (saw as { got: number; refused: number }[]).reduce((sum, one) => ({
      got: sum.got + one.got,
      refused: sum.refused + one.refused,
    }));
    assert.ok(got > 0 && refused > 0, `${got} got, ${refused} refused`);
  }
});
