// hot path
/**
 * What makes a thread a CPU: it runs or is idle, it can be interrupted between two of its steps, and
 * it is inside or outside an RCU read section.
 *
 *   state       IDLE, RUNNING, or VISITED: another CPU acts for an idle one, where the kernel would
 *               wake it by an inter-processor interrupt. A CPU that nobody drives is idle.
 *   attention   what others want of this CPU (bits below); served at its next `poll`
 *   quiescent   the last grace period that this CPU has been seen outside read sections in
 *   own         [interrupts off, depth; read sections, depth]: this CPU alone, plain access
 *   current     memcg of the task that runs here; written by whoever moves the task, read under RCU
 *
 * Read sections cost two plain stores: as in a kernel without preemption, a grace period asks every
 * running CPU and waits until it says, outside a section, that it has seen the question. `poll` is one
 * plain load when nobody wants anything.
 */
import * as atomics from '#atomics';
import { check } from './assert.ts';
import type { Patience } from './wait.ts';

/** One row per CPU, one cache line per column. */
export const PROCESSOR_SPEC = {
  state: 16,
  attention: 16,
  quiescent: 16,
  own: 16,
  current: 16,
} as const;

/** Words from one CPU's row to the next. */
export const LINE = 16;
const IRQ_OFF = 0;
const READING = 1;

/** Nobody drives this CPU, or its thread sleeps. */
const IDLE = 0;
/** Its thread runs. */
const RUNNING = 1;
/** Idle, and another CPU acts for it right now. */
const VISITED = 2;

/** What one CPU can ask of another. */
export const ASK = {
  /** Say that you are outside RCU read sections. */
  quiescent: 1,
  /** Give back what you hold of the cache that is being flushed. */
  flush: 2,
  /** Give back your charge stock. */
  drain: 4,
  /** A device wants you: free what is in the interrupt mailbox. */
  interrupt: 8,
} as const;

/** The columns of all CPUs. */
export interface ProcessorColumns {
  readonly state: Int32Array<SharedArrayBuffer>;
  readonly attention: Int32Array<SharedArrayBuffer>;
  readonly quiescent: Int32Array<SharedArrayBuffer>;
  readonly own: Int32Array<SharedArrayBuffer>;
  readonly current: Int32Array<SharedArrayBuffer>;
}

/** One CPU's own view. */
export interface Processor {
  readonly cpu: number;
  /** The thread begins to run as this CPU; needed as soon as another thread drives the machine too. */
  enter(): void;
  /** The thread stops, after it served what others want. */
  idle(): void;
  /** A step between which this CPU can be interrupted. */
  poll(): void;
  irqSave(): void;
  irqRestore(): void;
  readLock(): void;
  readUnlock(): void;
  /** Throws if this CPU may not sleep here (M19). @throws ModelError */
  mightSleep(what: string): void;
  /**
   * A place where the kernel may sleep (page allocator, reclaim). The CPU polls; under exploration it
   * is idle meanwhile, for as long as the others care to run. @throws ModelError inside a section
   */
  sleepPoint(what: string): void;
  /** Idle while `body` sleeps. */
  asleep(body: () => void): void;
  /** Sets what to do for a bit of `ASK` other than `quiescent`. */
  on(ask: number, handler: () => void): void;
  /** Asks another CPU; it serves at its next poll, however long it is idle until then. */
  ask(other: number, what: number): void;
  /**
   * Has another CPU do something: if it is idle, `body` does it here and now; else it is asked and
   * serves before it goes idle. True if it is done.
   */
  summon(other: number, what: number, body: () => void): boolean;
  /** Whether a CPU cannot be inside a read section that began before `period` did. */
  isQuiescent(other: number, period: number): boolean;
}

/** Binds a CPU. `period[0]` is the number of the grace period that was started last. */
export function bindProcessor(options: {
  readonly columns: ProcessorColumns;
  readonly cpu: number;
  readonly period: Int32Array;
  readonly patience: Patience;
}): Processor {
  const { DOZES, add, and, compareExchange, doze, exchange, load, notify, or, peek, store } =
    atomics;
  const { state, attention, quiescent, own } = options.columns;
  const { cpu, period, patience } = options;
  const at = cpu * LINE;
  const irqOff = at + IRQ_OFF;
  const reading = at + READING;
  const handlers: [ask: number, handler: () => void][] = [];

  /** Interrupts are off while one is served, so that none is served inside another. */
  function serve(): void {
    own[irqOff]++;
    for (let bits = exchange(attention, at, 0); bits !== 0; bits = exchange(attention, at, 0)) {
      for (const [ask, handler] of handlers) if ((bits & ask) !== 0) handler();
      if ((bits & ASK.quiescent) === 0) continue;
      if (own[reading] === 0) {
        store(quiescent, at, load(period, 0));
        continue;
      }
      // The end of the section will look again.
      or(attention, at, ASK.quiescent);
      break;
    }
    own[irqOff]--;
  }

  function poll(): void {
    if (peek(attention, at) !== 0 && own[irqOff] === 0) serve();
  }

  function enter(): void {
    if (compareExchange(state, at, IDLE, RUNNING) === IDLE) return;
    patience.nap({
      words: state,
      index: at,
      done: () => {
        const seen = compareExchange(state, at, IDLE, RUNNING);
        check(seen !== RUNNING, `CPU ${cpu} is already driven by a thread`);
        return seen === IDLE;
      },
      describe: () => 'the CPU that acts for this one',
    });
  }

  function idle(): void {
    check(own[reading] === 0 && own[irqOff] === 0, `CPU ${cpu} goes idle inside a section`);
    for (;;) {
      poll();
      store(state, at, IDLE);
      // Asked after the poll and before the store: the asker saw a running CPU and waits for it.
      if (load(attention, at) === 0 || compareExchange(state, at, IDLE, RUNNING) !== IDLE) return;
    }
  }

  /** Acts for an idle CPU; false if it runs. */
  function visit(line: number, body: () => void): boolean {
    if (compareExchange(state, line, IDLE, VISITED) !== IDLE) return false;
    try {
      body();
    } finally {
      add(state, line, IDLE - VISITED);
      notify(state, line);
    }
    return true;
  }

  function ask(other: number, what: number): void {
    or(attention, other * LINE, what);
  }

  function summon(other: number, what: number, body: () => void): boolean {
    const line = other * LINE;
    if (visit(line, body)) return true;
    ask(other, what);
    // It may have gone idle before it was asked; or somebody else acted for it and is done by now. If
    // it still runs, it looks for questions once more before it goes idle.
    let done = false;
    patience.nap({
      words: state,
      index: line,
      done: () => {
        visit(line, () => {
          if ((and(attention, line, ~what) & what) === 0) return;
          body();
          done = true;
        });
        return load(state, line) !== VISITED;
      },
      describe: () => `whoever acts for CPU ${other}`,
    });
    return done;
  }

  function mightSleep(what: string): void {
    check(own[reading] === 0, `CPU ${cpu}: ${what} inside an RCU read section`);
    check(own[irqOff] === 0, `CPU ${cpu}: ${what} with interrupts off`);
  }

  function asleep(body: () => void): void {
    const driven = load(state, at) === RUNNING;
    if (driven) idle();
    try {
      body();
    } finally {
      if (driven) enter();
    }
  }

  return {
    cpu,
    enter,
    idle,
    poll,
    ask,
    summon,
    irqSave() {
      own[irqOff]++;
    },
    irqRestore() {
      own[irqOff]--;
      poll();
    },
    readLock() {
      own[reading]++;
    },
    readUnlock() {
      own[reading]--;
      if (own[reading] === 0) poll();
    },
    mightSleep,
    asleep,
    sleepPoint(what) {
      poll();
      if (!DOZES) return;
      mightSleep(what);
      asleep(doze);
    },
    on(ask, handler) {
      handlers.push([ask, handler]);
    },
    isQuiescent(other, wanted) {
      if (other === cpu) return own[reading] === 0;
      const line = other * LINE;
      return load(state, line) !== RUNNING || ((load(quiescent, line) - wanted) | 0) >= 0;
    },
  };
}
