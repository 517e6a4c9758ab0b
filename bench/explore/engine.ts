// hot path
/**
 * One thread under exploration. Only the thread whose turn it is runs. Arriving at a shared step it
 * decides by the schedule in shared memory whether it goes on (no hand-over, a few plain accesses) or
 * another thread does, and then parks until it is its turn again.
 *
 * What it keeps track of:
 *   enabled    a thread that waits is enabled when a word that it read since it last waited has changed
 *              (with every word as it was, looking again would end the same way): mutexes, grace periods
 *              and queues need no words of their own here, and "nobody is enabled" is a deadlock
 *   key        hash of the machine's memory and of everything each thread has seen, so of the state:
 *              what follows depends on nothing else
 *   accesses   every word that a step reads or writes, the plain ones until the next step included
 *   rows       a row that is not in use is poisoned: any access to it is a fault, then and there
 */
import * as atomics from '#atomics';
import type { Explorer } from '../../core/shared/atomics-explore.ts';
import { ABORT, type Control, CTL, DRIVER, ENTRY, STATUS, TRACE } from './control.ts';
import { bindDecisions } from './decide.ts';
import { createLooks } from './looks.ts';
import type { MemoryMap } from './memory-map.ts';
import { mix } from './mix.ts';
import { bindSeen } from './seen.ts';
import { createTelling, positionText, type Telling } from './telling.ts';

/** Unwinds a thread whose run is over; nothing to do with what it did. */
const OVER = { over: true } as const;

/** The model did something that it must not, seen while it did it. */
class Fault extends Error {
  readonly invariant: string;
  constructor(invariant: string, detail: string) {
    super(detail);
    this.name = 'Fault';
    this.invariant = invariant;
  }
}

/** A thread under exploration. */
export interface Engine extends Explorer {
  bind(map: MemoryMap): void;
  /** Runs this thread's part of the run, to its end. */
  run(body: () => void): void;
  /** Sleeps until it is this thread's turn, or the driver's on the driver's thread. */
  awaitTurn(): void;
  /** Lets the first thread of a run go; on the driver's thread. */
  begin(): void;
  /** Waits until something changed; false when the run is over and only resting threads are left. */
  rest(): boolean;
  /** Wakes a thread when there is no more work; on the driver's thread. */
  release(thread: number): void;
  /** What this thread did, while a schedule is told. */
  readonly telling: Telling;
}

/** A sleeper looks up now and then; a wake-up cannot be missed. */
const SLICE_MS = 10_000;
/** Plain accesses between two shared steps, at most: a loop that never ends makes more. */
const PLAIN_MAX = 100_000;

/** Binds thread `me`, which is CPU `me` of the machine; it looks `spins` times at its turn before it sleeps. */
export function createEngine(control: Control, me: number, spins: number): Engine {
  const { exchange, notify, store, wait } = atomics;
  const { words: ctl, turns, status, locals, entries, accesses, watch } = control;
  const { rows } = control;
  const { has: wasSeen } = bindSeen(control.seen);
  const LOW = 2 * me;
  const HIGH = LOW + 1;
  const BIT = 1 << me;
  let map: MemoryMap | null = null;
  let main: Int32Array = new Int32Array(0);
  let strategy: Int32Array = main;
  let rowOf: Uint16Array = new Uint16Array(0);
  let active = false;
  let tracing = false;
  let plain = 0;
  /** The word of the step that is being taken is accessed, not one beside it. */
  let stepping = false;
  let stepWord = -1;
  let looksOnly = false;
  let lastRow = 0;
  let looks = createLooks(0, () => 0);
  const watched: number[] = [];
  const telling = createTelling(control, me);
  const { decide, following, enabledMask, whenNobody, nextToLeave } = bindDecisions(control);

  const value = (word: number): number =>
    (word < main.length ? main[word] : strategy[word - main.length]) ?? 0;

  function give(thread: number): void {
    ctl[CTL.current] = thread;
    const line = (thread === DRIVER ? 0 : thread) * 16;
    store(turns, line, 1);
    notify(turns, line);
  }

  function awaitTurn(): void {
    const line = me * 16;
    for (let spin = 0; spin < spins; spin++) if (exchange(turns, line, 0) === 1) return;
    while (exchange(turns, line, 0) !== 1) wait(turns, line, 0, SLICE_MS);
  }

  function enter(decision: number, thread: number, enabled: number, free: number): void {
    const at = decision * ENTRY.words;
    entries[at + ENTRY.thread] = thread;
    entries[at + ENTRY.enabled] = enabled;
    entries[at + ENTRY.free] = free;
    entries[at + ENTRY.access] = ctl[CTL.accesses] ?? 0;
    let low = ctl[CTL.memoryLow] ?? 0;
    let high = ctl[CTL.memoryHigh] ?? 0;
    const threads = ctl[CTL.threads] ?? 0;
    for (let other = 0; other < threads; other++) {
      low ^= mix(locals[2 * other] ?? 0, other + 1);
      high ^= mix(locals[2 * other + 1] ?? 0, other + 11);
    }
    // Who can go on: a thread that was woken is not the one that sleeps, though all else be equal.
    entries[at + ENTRY.keyLow] = mix(low, thread + 16 * enabled) ^ (ctl[CTL.salt] ?? 0);
    entries[at + ENTRY.keyHigh] = mix(high, thread + 77);
  }

  function leaveIfOver(): void {
    if (ctl[CTL.abort] !== ABORT.none) throw OVER;
  }

  /** What follows from here was run before, with as many preemptions left. */
  function leaveIfSeen(decision: number): void {
    const at = decision * ENTRY.words;
    if (!wasSeen(entries[at + ENTRY.keyLow] ?? 0, entries[at + ENTRY.keyHigh] ?? 0)) return;
    ctl[CTL.abort] = ABORT.known;
    throw OVER;
  }

  function switchTo(target: number): void {
    give(target);
    awaitTurn();
    leaveIfOver();
  }

  function nextDecision(): number {
    const decision = (ctl[CTL.steps] ?? 0) + 1;
    ctl[CTL.steps] = decision;
    plain = 0;
    lastRow = 0;
    if (decision > (ctl[CTL.maxSteps] ?? 0)) {
      throw new Fault('livelock', `no end after ${decision - 1} shared steps`);
    }
    return decision;
  }

  function say(text: string): void {
    const start = ctl[CTL.textLength] ?? 0;
    const bytes = new TextEncoder().encode(text).subarray(0, control.text.length - start);
    control.text.set(bytes, start);
    ctl[CTL.textLength] = start + bytes.length;
  }

  function poisoned(word: number, written: boolean): void {
    if (map === null) return;
    const { first, end, mutex } = map.walked;
    if (!written && word >= first && word < end && value(mutex) === me + 1) return;
    telling.fault(word, 0, 0);
    throw new Fault(
      'use after free',
      `CPU ${me} ${written ? 'writes' : 'reads'} ${map.describe(word)}, which is not in use`,
    );
  }

  function access(word: number, written: number): void {
    const row = rowOf[word] ?? 0;
    if (row !== 0 && rows[row] === 0) poisoned(word, written === 1);
    plain++;
    if (plain > PLAIN_MAX) throw new Fault('livelock', 'a loop without a shared step does not end');
    if (!tracing) return;
    if (row !== 0) rowAccess(row, 0);
    log(word, stepping, written);
  }

  function log(word: number, inStep: boolean, written: number): void {
    const at = ctl[CTL.accesses] ?? 0;
    if (at >= accesses.length) throw new RangeError(`the log is full after ${at} accesses`);
    accesses[at] = (word << 5) | (inStep ? 16 : 0) | (me << 1) | written;
    ctl[CTL.accesses] = at + 1;
  }

  /** Whether a row is in use is shared, too: a word of its own, behind those of the machine. */
  function rowAccess(row: number, written: number): void {
    if (!tracing || (written === 0 && row === lastRow)) return;
    lastRow = row;
    log(watch.length + row, true, written);
  }

  function see(word: number, seen: number): void {
    locals[LOW] = mix((locals[LOW] ?? 0) + word, seen);
    locals[HIGH] = mix((locals[HIGH] ?? 0) ^ seen, word);
  }

  function wakeWatchers(word: number, mask: number): void {
    watch[word] = mask & BIT;
    for (let thread = 0; thread < (ctl[CTL.threads] ?? 0); thread++) {
      if (thread === me || (mask & (1 << thread)) === 0) continue;
      const waits = status[thread] === STATUS.parked || status[thread] === STATUS.resting;
      if (waits) status[thread] = STATUS.ready;
    }
  }

  /** Returns when a word that was read since the last time has changed. */
  function parkAs(how: number): void {
    leaveIfOver();
    if (!looks.unchanged()) {
      looks.anew();
      return;
    }
    for (const word of looks.words()) {
      if (((watch[word] ?? 0) & BIT) !== 0) continue;
      watch[word] = (watch[word] ?? 0) | BIT;
      watched.push(word);
    }
    status[me] = how;
    const target = leave();
    if (target === -1) {
      ctl[CTL.abort] = ABORT.deadlock;
      say('deadlock\0');
    }
    if (target === -1) say(positionText(me));
    else if (target !== me) {
      give(target);
      awaitTurn();
    }
    for (const word of watched) watch[word] = (watch[word] ?? 0) & ~BIT;
    watched.length = 0;
    looks.anew();
    if (ctl[CTL.abort] === ABORT.deadlock && target !== -1) say(positionText(me));
    status[me] = STATUS.ready;
    leaveIfOver();
  }

  /** This thread cannot go on: whoever does, -1 in a deadlock. */
  function leave(): number {
    const decision = nextDecision();
    const enabled = enabledMask();
    if (tracing) enter(decision, me, enabled, 1);
    if (enabled === 0) return whenNobody();
    return decide(decision, me, enabled, following(me, enabled));
  }

  function fail(error: unknown): void {
    if (error === OVER || ctl[CTL.abort] !== ABORT.none) return;
    ctl[CTL.abort] = ABORT.fault;
    const known = error instanceof Error ? error : new Error(String(error));
    const invariant = known instanceof Fault ? known.invariant : known.name;
    say(`${invariant}\0CPU ${me}: ${known.message}\0${known.stack ?? ''}`);
  }

  /** The end of this thread's part: somebody else goes on, or the driver does. */
  function finish(): void {
    status[me] = STATUS.done;
    if (ctl[CTL.abort] !== ABORT.none) {
      give(nextToLeave());
      return;
    }
    let target = -1;
    try {
      target = leave();
    } catch (error) {
      fail(error);
    }
    if (target === -1) {
      if (ctl[CTL.abort] === ABORT.none) {
        ctl[CTL.abort] = ABORT.deadlock;
        say('deadlock\0');
      }
      target = nextToLeave();
    }
    give(target);
  }

  return {
    bind(next) {
      map = next;
      ({ main, strategy, rowOf } = next);
      looks = createLooks(rowOf.length, value);
    },
    awaitTurn,
    release: give,
    begin() {
      tracing = ctl[CTL.tracing] !== TRACE.none;
      ctl[CTL.steps] = 1;
      const enabled = enabledMask();
      // Thread number of an entry that nobody made: the last, so that the first one follows it.
      const nobody = (ctl[CTL.threads] ?? 1) - 1;
      if (tracing) enter(1, nobody, enabled, 1);
      give(decide(1, -1, enabled, following(nobody, enabled)));
    },
    run(body) {
      tracing = ctl[CTL.tracing] !== TRACE.none;
      plain = 0;
      looks.anew();
      if (ctl[CTL.abort] === ABORT.none) {
        active = true;
        try {
          body();
        } catch (error) {
          fail(error);
        } finally {
          active = false;
        }
      }
      finish();
    },
    rest() {
      if (ctl[CTL.stopping] === 1) return false;
      parkAs(STATUS.resting);
      return ctl[CTL.stopping] === 0;
    },
    step(kind, word) {
      if (!active) return;
      leaveIfOver();
      const decision = nextDecision();
      ctl[CTL.lastWord] = word;
      const enabled = enabledMask();
      if (tracing) {
        see(word, ~kind.length);
        enter(decision, me, enabled, 0);
        if (ctl[CTL.tracing] === TRACE.cut && ctl[CTL.nextForced] === -1) leaveIfSeen(decision);
      }
      const target = decide(decision, me, enabled, me);
      if (target !== me) switchTo(target);
      telling.arrive(kind, decision);
      stepWord = word;
      looksOnly = kind === 'load' || kind === 'peek';
    },
    read(word, seen) {
      if (!active) return;
      stepping = word === stepWord;
      if (!stepping || looksOnly) stepWord = -1;
      access(word, 0);
      looks.use(word, seen, false);
      if (tracing) see(word, seen);
      telling.access(word, seen, seen, false);
    },
    wrote(word, before, after) {
      if (!active) return;
      stepping = word === stepWord;
      stepWord = -1;
      access(word, 1);
      if (after < 0 && map !== null && word >= map.unsigned.first && word < map.unsigned.end) {
        telling.fault(word, before, after);
        throw new Fault('C-C', `${map.describe(word)} goes from ${before} to ${after}`);
      }
      looks.use(word, after, true);
      telling.access(word, before, after, true);
      if (before === after) return;
      if (tracing) {
        ctl[CTL.memoryLow] = (ctl[CTL.memoryLow] ?? 0) ^ mix(word, before) ^ mix(word, after);
        ctl[CTL.memoryHigh] =
          (ctl[CTL.memoryHigh] ?? 0) ^ mix(before, word + 7) ^ mix(after, word + 7);
      }
      const mask = watch[word] ?? 0;
      if (mask !== 0) wakeWatchers(word, mask);
    },
    park() {
      if (!active) throw new Fault('deadlock', 'a wait where nobody else runs');
      parkAs(STATUS.parked);
    },
    doze() {
      if (!active) return;
      leaveIfOver();
      const decision = nextDecision();
      const enabled = enabledMask();
      if (tracing) enter(decision, me, enabled, 1);
      const target = decide(decision, me, enabled, me);
      if (target === me) return;
      // It sleeps by itself.
      ctl[CTL.preemptions] = (ctl[CTL.preemptions] ?? 0) - 1;
      switchTo(target);
    },
    row(word, inUse) {
      const row = rowOf[word] ?? 0;
      if (row === 0) return;
      rows[row] = inUse ? 1 : 0;
      if (!active || !tracing) return;
      rowAccess(row, 1);
      // What follows depends on it.
      const pseudo = watch.length + row;
      ctl[CTL.memoryLow] = (ctl[CTL.memoryLow] ?? 0) ^ mix(pseudo, inUse ? 1 : 2);
      ctl[CTL.memoryHigh] = (ctl[CTL.memoryHigh] ?? 0) ^ mix(inUse ? 1 : 2, pseudo);
    },
    telling,
  };
}
