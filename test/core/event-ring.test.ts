/** What CPUs remember of their last operations, against a plain list. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { describeEvent, lastEvents } from '../../core/index.ts';
import {
  bindEventRing,
  EVENT_NAMES,
  EVENT_SPEC,
  EVENTS,
  eventKind,
} from '../../core/shared/event-ring.ts';
import { sharedWords } from '../support/workers.ts';

const CPUS = 3;

function rings() {
  const columns = {
    ring: sharedWords(CPUS * EVENT_SPEC.ring),
    written: sharedWords(CPUS * EVENT_SPEC.written),
  };
  const clock = sharedWords(16);
  const by = [0, 1, 2].map((cpu) => bindEventRing(columns, cpu, clock));
  return { columns, clock, by };
}

const event = fc.record({
  cpu: fc.nat({ max: CPUS - 1 }),
  marked: fc.boolean(),
  kind: fc.nat({ max: EVENT_NAMES.length - 1 }),
  row: fc.integer(),
  argument: fc.integer(),
  times: fc.constantFrom(1, 1, 1, 2, 100),
});

test('the last events of each CPU are those of a list, sorted by clock, each CPU in its order', () => {
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 40, size: 'max' }),
      fc.integer({ min: 1, max: 1000 }),
      (events, most) => {
        const { columns, by } = rings();
        const model: object[][] = [[], [], []];
        let clock = 0;
        for (const { cpu, marked, kind, row, argument, times } of events) {
          for (let time = 0; time < times; time++) {
            if (marked) clock++;
            by[cpu]?.[marked ? 'mark' : 'record'](kind, row, argument);
            model[cpu]?.push({ cpu, name: EVENT_NAMES[kind], row, argument, clock });
          }
        }
        const kept = model.flatMap((own) => own.slice(-EVENTS)) as { clock: number }[];
        kept.sort((a, b) => a.clock - b.clock);
        assert.deepEqual(lastEvents(columns, most), kept.slice(-most));
        const even = lastEvents(columns, most, ({ row }) => row % 2 === 0);
        const wanted = kept.filter((one) => (one as unknown as { row: number }).row % 2 === 0);
        assert.deepEqual(even, wanted.slice(-most));
      },
    ),
  );
});

test('the count of events and the clock wrap around without losing the last ones', () => {
  const { columns, clock, by } = rings();
  columns.written[0] = 2 ** 31 - 3;
  clock[0] = 2 ** 31 - 2;
  for (let row = 1; row <= 6; row++) by[0]?.mark(eventKind('memcg freed'), row, 0);
  const rows = lastEvents(columns, 6).map(({ row }) => row);
  assert.deepEqual(rows, [1, 2, 3, 4, 5, 6]);
});

test('an event reads as a sentence; a kind that does not exist as nothing', () => {
  const { columns, by } = rings();
  by[1]?.mark(eventKind('cache killed'), 12, 3);
  by[2]?.record(999, 1, 2);
  assert.deepEqual(lastEvents(columns, 9).map(describeEvent), [
    'CPU 1: cache killed 12 (3) at 1',
    'CPU 2: nothing 1 (2) at 1',
  ]);
});

test('every name has a kind of its own', () => {
  assert.equal(new Set(EVENT_NAMES.map(eventKind)).size, EVENT_NAMES.length);
  assert.equal(eventKind('nothing'), 0, 'zeroed memory says nothing');
});
