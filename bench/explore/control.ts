/**
 * The memory that the threads of an exploration share beside the machine: whose turn it is, the
 * schedule that is forced, and the log of the run. Only the thread whose turn it is writes here
 * (`turns` excepted), so all access but that is plain: handing over the turn orders it.
 */

import { SEEN_MAX, SEEN_WORDS } from './seen.ts';

/** Words of `control`. */
export const CTL = {
  /** Decisions so far; a thread makes one whenever it arrives at a shared step, waits or ends. */
  steps: 0,
  /** Next decision that the schedule has a word in, and its place in `forced`. */
  nextForced: 1,
  forcedAt: 2,
  forcedCount: 3,
  /** Thread whose turn it is; `DRIVER` between runs. */
  current: 4,
  /** Why everybody is to leave what he is in: 0 no, or one of ABORT. */
  abort: 5,
  /** Those that only rest are to end. */
  stopping: 6,
  /** One of MODE. */
  mode: 7,
  random: 8,
  /** Random mode: one decision in so many is a switch. */
  rate: 9,
  /** PCT: priority of each thread (at `priority + thread`), decisions at which it is lowered. */
  lowered: 10,
  changePoints: 11,
  /** Hash of the machine's memory, relative to the start of the run. */
  memoryLow: 12,
  memoryHigh: 13,
  /** Words of `entries` and `accesses` that are in use. */
  accesses: 14,
  switches: 15,
  /** The schedule named a thread that could not run. */
  diverged: 16,
  jobOver: 17,
  threads: 18,
  /** One of TRACE. */
  tracing: 19,
  maxSteps: 20,
  textLength: 21,
  /** Words of the machine, and what was read last, for the report on a thread that is stuck. */
  lastWord: 22,
  /** Steps told so far, over all threads. */
  sequence: 23,
  priority: 24,
  changes: 32,
  /** Tells the states of one search from those of another in the same table; counts searches. */
  salt: 49,
  /** Moves with every run and every stage of judging one. */
  beat: 53,
  searches: 51,
  /** States in the table, those of earlier searches included. */
  seen: 52,
  /** Switches away from a thread that could have gone on. */
  preemptions: 50,
  words: 64,
} as const;

/** Turn of nobody: the driver looks at the run that is over. */
export const DRIVER = 99;
/** Most threads of a scenario. */
export const THREADS_MAX = 4;

/** Why a run is left before its end; `known`: what follows was run before. */
export const ABORT = { none: 0, fault: 1, deadlock: 2, known: 3 } as const;

/** Who decides where no schedule does. */
export const MODE = { stay: 0, random: 1, pct: 2 } as const;

/** Keep nothing; keep decisions, accesses and hashes; and leave where a known state is reached. */
export const TRACE = { none: 0, keep: 1, cut: 2 } as const;

/** What a thread is doing. */
export const STATUS = { ready: 0, parked: 1, resting: 2, done: 3 } as const;

/** Words of a decision in `entries`. */
export const ENTRY = {
  /** Thread that decides. */
  thread: 0,
  /** Bit mask of the threads that could go on. */
  enabled: 1,
  /** 1 where the thread could not go on itself, so that leaving it is no preemption. */
  free: 2,
  /** First of its accesses. */
  access: 3,
  keyLow: 4,
  keyHigh: 5,
  words: 6,
} as const;

/** Decisions of a run, at most; one that needs more does not end. */
export const STEPS_MAX = 20_000;
const ACCESSES_MAX = 400_000;
const SWITCHES_MAX = STEPS_MAX;
const TEXT_MAX = 16_384;

/** Everything that is shared; made by one thread and sent to the others. */
export interface Control {
  readonly words: Int32Array<SharedArrayBuffer>;
  /** A cache line per thread: 1 when it is its turn. */
  readonly turns: Int32Array<SharedArrayBuffer>;
  readonly status: Int32Array<SharedArrayBuffer>;
  /** Hash of what each thread has seen. */
  readonly locals: Int32Array<SharedArrayBuffer>;
  /** [decision, thread] of the schedule to follow. */
  readonly forced: Int32Array<SharedArrayBuffer>;
  /** [decision, thread] of each switch that was made by choice. */
  readonly taken: Int32Array<SharedArrayBuffer>;
  readonly entries: Int32Array<SharedArrayBuffer>;
  /** word << 5 | whether it was a step << 4 | thread << 1 | whether it was written. */
  readonly accesses: Int32Array<SharedArrayBuffer>;
  /** What went wrong, as UTF-8. */
  readonly text: Uint8Array<SharedArrayBuffer>;
  /** Per row of the small tables: whether it is in use. */
  readonly rows: Uint8Array<SharedArrayBuffer>;
  /** Per word of the machine: bit mask of the threads that wait for it to change. */
  readonly watch: Uint8Array<SharedArrayBuffer>;
  /** States that were reached before (`seen.ts`). */
  readonly seen: Int32Array<SharedArrayBuffer>;
}

function ints(count: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4 * count));
}

function bytes(count: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(count));
}

/** Makes the shared memory for machines of at most so many words. */
export function createControl(machineWords: number): Control {
  return {
    words: ints(CTL.words),
    turns: ints(16 * THREADS_MAX),
    status: ints(THREADS_MAX),
    locals: ints(2 * THREADS_MAX),
    forced: ints(2 * SWITCHES_MAX),
    taken: ints(2 * SWITCHES_MAX),
    entries: ints(ENTRY.words * (STEPS_MAX + 2)),
    accesses: ints(ACCESSES_MAX),
    text: bytes(TEXT_MAX),
    rows: bytes(4096),
    watch: bytes(machineWords),
    seen: ints(SEEN_WORDS),
  };
}

/** What a job leaves in the words for the next one. */
const KEPT = [CTL.searches, CTL.seen] as const;

/**
 * Makes the shared memory ready for another job. The table of states is emptied only when it begins to fill,
 * as that touches all of it: states of different searches are told apart by their salt.
 */
export function renewControl(control: Control): void {
  const { words } = control;
  const kept = KEPT.map((index) => [index, words[index] ?? 0] as const);
  words.fill(0);
  for (const [index, value] of kept) words[index] = value;
  control.turns.fill(0);
  control.rows.fill(0);
  if ((words[CTL.seen] ?? 0) < SEEN_MAX / 8) return;
  control.seen.fill(0);
  words[CTL.seen] = 0;
}
