/**
 * What a CPU did last: a small ring per CPU in shared memory, so that a broken invariant can be told
 * with the last operations on its rows, and a worker that died leaves its last steps behind.
 * Slab turnover and everything rarer is recorded, single objects are not.
 *
 * Each event carries the reading of a clock that only rare events move (a shared count would cost
 * every slab a contended addition), so the order between CPUs is known at that grain.
 * Protection: the CPU alone writes; others read when it is idle or dead.
 */
import * as atomics from '#atomics';

/** Words of an event: [kind, row, argument, clock]. */
const WORDS = 4;
/** Events that a CPU remembers. */
export const EVENTS = 256;
/** One row per CPU: its ring, and how many events there ever were. */
export const EVENT_SPEC = { ring: EVENTS * WORDS, written: 16 } as const;

/** What can be recorded; the row is of the table that the kind names. */
export const EVENT_NAMES = [
  'nothing',
  'slab created',
  'slab discarded',
  'cache created',
  'cache deactivated',
  'cache shrunk',
  'cache killed',
  'cache unreferenced',
  'cache shut down',
  'cache freed',
  'cache handed over',
  'obj_cgroup created',
  'obj_cgroup killed',
  'obj_cgroup released',
  'memcg created',
  'memcg removed',
  'memcg offline',
  'memcg handed over',
  'memcg released',
  'memcg freed',
  'root cache created',
  'root cache dying',
  'root cache destroyed',
  'task moved',
  'stock drained',
  'cpu slab flushed',
] as const;

/** One kind of event. */
export type EventName = (typeof EVENT_NAMES)[number];

/** A recorded event. */
export interface RecordedEvent {
  readonly cpu: number;
  readonly name: EventName;
  readonly row: number;
  readonly argument: number;
  readonly clock: number;
}

/** Number of a kind, to be looked up once. */
export function eventKind(name: EventName): number {
  return EVENT_NAMES.indexOf(name);
}

/** The rings of all CPUs. */
export interface EventColumns {
  readonly ring: Int32Array;
  readonly written: Int32Array;
}

/** Records events of one CPU. */
export interface EventRing {
  /** An event that happens often: takes the clock as it is. */
  record(kind: number, row: number, argument: number): void;
  /** An event of a life cycle: moves the clock. */
  mark(kind: number, row: number, argument: number): void;
}

/** Binds the ring of a CPU. `clock[0]` is the shared clock. */
export function bindEventRing(columns: EventColumns, cpu: number, clock: Int32Array): EventRing {
  const { add, peek } = atomics;
  const { ring, written } = columns;
  const base = cpu * EVENTS * WORDS;
  const count = cpu * 16;

  function record(kind: number, row: number, argument: number): void {
    const at = base + (written[count] & (EVENTS - 1)) * WORDS;
    ring[at] = kind;
    ring[at + 1] = row;
    ring[at + 2] = argument;
    ring[at + 3] = peek(clock, 0);
    written[count]++;
  }

  return {
    record,
    mark(kind, row, argument) {
      add(clock, 0, 1);
      record(kind, row, argument);
    },
  };
}

/** The last events of all CPUs, oldest first, that `wanted` accepts; at most `most` of them. */
export function lastEvents(
  columns: EventColumns,
  most: number,
  wanted: (event: RecordedEvent) => boolean = () => true,
): RecordedEvent[] {
  const { ring, written } = columns;
  const found: RecordedEvent[] = [];
  const cpus = written.length / 16;
  for (let cpu = 0; cpu < cpus; cpu++) {
    // The count may have gone over the edge of an int32.
    const total = written[cpu * 16] >>> 0;
    for (let event = Math.max(0, total - EVENTS); event < total; event++) {
      const at = (cpu * EVENTS + (event & (EVENTS - 1))) * WORDS;
      const [kind, row, argument, clock] = ring.subarray(at, at + WORDS);
      const one = { cpu, name: EVENT_NAMES[kind] ?? 'nothing', row, argument, clock };
      if (wanted(one)) found.push(one);
    }
  }
  // A stable sort keeps each CPU's own order within one reading of the clock.
  found.sort((a, b) => (a.clock - b.clock) | 0);
  return found.slice(-most);
}

/** One line: `CPU 1: cache killed 12 (3)`. */
export function describeEvent(event: RecordedEvent): string {
  return `CPU ${event.cpu}: ${event.name} ${event.row} (${event.argument}) at ${event.clock}`;
}
