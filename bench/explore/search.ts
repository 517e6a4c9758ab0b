/**
 * Bounded search: every schedule of a scenario with at most so many preemptions, up to equivalence.
 *
 * Order: all schedules without a preemption first, then with one, and so on; the newest first among
 * equals. So the first one that breaks something has the fewest preemptions there are.
 *
 * Two reductions, neither of which loses a state (within the bound):
 *   - a thread is preempted only before a step that touches a word which another thread also touches, one
 *     of them writing. Steps on words that nobody else uses commute with everything, so a preemption
 *     before one can be put off to the next that counts, and costs no more there. Which words these are
 *     is learned from schedules by chance first; a search that meets another one begins again with it.
 *   - a state that was reached before with the same thread running is not continued a second time: what
 *     follows is the same, and was done with as many preemptions left or more. That subsumes sleep sets,
 *     as orders of independent steps lead to the same state.
 */
import { type Control, CTL, ENTRY, TRACE } from './control.ts';
import type { Driver, Switch } from './driver.ts';
import type { Broken } from './judge.ts';
import { chances } from './random.ts';
import { bindSeen, STATES_MAX } from './seen.ts';

/** A schedule that broke something. */
export interface FoundBreak {
  readonly schedule: readonly Switch[];
  readonly preemptions: number;
  readonly broken: readonly Broken[];
  /** Schedules that were run until then, this one included. */
  readonly after: number;
}

/** What a search has seen. */
export interface SearchResult {
  readonly schedules: number;
  readonly states: number;
  /** Longest run, in decisions. */
  readonly decisions: number;
  /** Nothing within the bound is left. */
  readonly exhaustive: boolean;
  readonly found: readonly FoundBreak[];
  readonly failure: string | null;
  /** A replay whose schedule does not fit the scenario. */
  readonly diverged?: boolean;
}

/** When to stop. */
export interface SearchLimits {
  /** Most preemptions. */
  readonly bound: number;
  readonly maxSchedules: number;
  /** Stop at the first schedule that breaks something of this kind. */
  stopAt(broken: readonly Broken[]): boolean;
  /** Whether the time is up or somebody called it off; asked now and then. */
  over(): boolean;
}

interface Pending {
  readonly schedule: readonly Switch[];
  readonly preemptions: number;
}

/** Different breaks that are kept; of each invariant the one with the fewest preemptions. */
const FOUND_MAX = 200;
/** Runs between two looks at the clock. */
const LOOK_EVERY = 64;

/** Schedules by chance from which the shared words are learned. */
const WARM_UP = 60;

/** Explores a scenario. */
export function search(driver: Driver, control: Control, limits: SearchLimits): SearchResult {
  const { entries, accesses, words: ctl } = control;
  const { add: addSeen } = bindSeen(control.seen);
  let levels: Pending[][] = [];
  /** Per word: threads that read it, and those that wrote it, in four bits each. */
  const users = new Uint8Array(control.watch.length + control.rows.length);
  const found = new Map<string, FoundBreak>();
  /** What the schedules by chance broke; told where the search does not break it with fewer preemptions. */
  const byChance = new Map<string, FoundBreak>();
  let schedules = 0;
  let states = 0;
  let decisions = 0;
  /** A word came to be shared that was not when points before its steps were passed over. */
  let grown = false;

  const entry = (decision: number, field: number): number =>
    entries[decision * ENTRY.words + field] ?? 0;

  function isShared(use: number, thread: number, written: boolean): boolean {
    const readers = use & 15;
    const writers = use >> 4;
    const others = ~(1 << thread);
    return ((written ? readers | writers : writers) & others) !== 0;
  }

  /** Notes who uses the words of the accesses from `from` on. */
  function learn(from: number): void {
    const end = ctl[CTL.accesses] ?? 0;
    for (let at = from; at < end; at++) {
      const access = accesses[at] ?? 0;
      const word = access >>> 5;
      const thread = (access >> 1) & 7;
      const bit = (1 << thread) << ((access & 1) * 4);
      const before = users[word] ?? 0;
      if ((before & bit) !== 0) continue;
      users[word] = before | bit;
      grown ||= isShared(before, thread, (access & 1) === 1);
    }
  }

  /** Whether a step touches a word that others use. */
  function matters(decision: number, last: number): boolean {
    const thread = entry(decision, ENTRY.thread);
    const end = decision < last ? entry(decision + 1, ENTRY.access) : (ctl[CTL.accesses] ?? 0);
    for (let at = entry(decision, ENTRY.access); at < end; at++) {
      const access = accesses[at] ?? 0;
      if (isShared(users[access >>> 5] ?? 0, thread, (access & 1) === 1)) return true;
    }
    return false;
  }

  /** Adds what could have gone differently after the last switch of a run. */
  function branch(run: Pending, last: number): void {
    const from = (run.schedule.at(-1)?.decision ?? 0) + 1;
    learn(entry(Math.max(1, from - 1), ENTRY.access));
    for (let decision = from; decision <= last; decision++) {
      const thread = entry(decision, ENTRY.thread);
      const free = entry(decision, ENTRY.free) === 1;
      if (!free && !matters(decision, last)) continue;
      if (!addSeen(entry(decision, ENTRY.keyLow), entry(decision, ENTRY.keyHigh))) return;
      states++;
      ctl[CTL.seen] = (ctl[CTL.seen] ?? 0) + 1;
      const preemptions = run.preemptions + (free ? 0 : 1);
      const level = levels[preemptions];
      if (level === undefined) continue;
      const enabled = entry(decision, ENTRY.enabled);
      const usual = free ? followed(decision, last) : thread;
      for (let other = 0; other < (ctl[CTL.threads] ?? 0); other++) {
        if (other === usual || (enabled & (1 << other)) === 0) continue;
        level.push({ schedule: [...run.schedule, { decision, thread: other }], preemptions });
      }
    }
  }

  /** Who went on after a decision that nothing forced. */
  function followed(decision: number, last: number): number {
    return decision < last ? entry(decision + 1, ENTRY.thread) : -1;
  }

  function keep(run: Pending, broken: readonly Broken[]): void {
    const name = broken[0]?.invariant ?? '';
    if (found.has(name) || found.size >= FOUND_MAX) return;
    found.set(name, { ...run, broken, after: schedules });
  }

  function result(exhaustive: boolean, failure: string | null): SearchResult {
    const others = [...byChance].filter(([name]) => !found.has(name)).map(([, one]) => one);
    const all = [...found.values(), ...others];
    return { schedules, states, decisions, exhaustive, found: all, failure };
  }

  /** Learns shared words from schedules by chance; they are looked at like all others. */
  function warmUp(): SearchResult | null {
    driver.trace(TRACE.keep);
    for (const chance of chances(WARM_UP, 1, driver.builder.cpus.length)) {
      const outcome = driver.run([], chance);
      schedules++;
      decisions = Math.max(decisions, outcome.decisions);
      if (outcome.failure !== null) return result(false, outcome.failure);
      learn(0);
      const race = driver.race();
      const broken = race === null ? outcome.broken : [race, ...outcome.broken];
      const name = broken[0]?.invariant;
      if (name === undefined || byChance.has(name)) continue;
      const { preemptions } = outcome;
      byChance.set(name, { schedule: driver.taken(), preemptions, broken, after: schedules });
    }
    return null;
  }

  /** One search with the shared words that are known; null if another became known. */
  function pass(): SearchResult | null {
    levels = Array.from({ length: limits.bound + 1 }, () => []);
    levels[0]?.push({ schedule: [], preemptions: 0 });
    states = 0;
    grown = false;
    // To empty the table would touch all of it, which takes longer than most searches.
    ctl[CTL.searches] = (ctl[CTL.searches] ?? 0) + 1;
    ctl[CTL.salt] = Math.imul(ctl[CTL.searches] ?? 0, 0x9e3779b1);
    for (;;) {
      const run = levels.find((level) => level.length > 0)?.pop();
      if (run === undefined) return result(true, null);
      if (schedules >= limits.maxSchedules || states >= STATES_MAX) return result(false, null);
      if (schedules % LOOK_EVERY === 0 && limits.over()) return result(false, null);
      const outcome = driver.run(run.schedule);
      schedules++;
      decisions = Math.max(decisions, outcome.decisions);
      if (outcome.failure !== null) return result(false, outcome.failure);
      if (outcome.diverged) {
        return result(false, `schedule ${JSON.stringify(run.schedule)} does not repeat`);
      }
      if (outcome.broken.length > 0) {
        keep(run, outcome.broken);
        if (limits.stopAt(outcome.broken)) return result(false, null);
      }
      branch(run, outcome.decisions);
      if (grown) return null;
    }
  }

  /** The schedule without a switch by itself: what breaks there needs no search. */
  function first(): SearchResult | null {
    driver.trace(TRACE.keep);
    const outcome = driver.run([]);
    schedules++;
    if (outcome.failure !== null) return result(false, outcome.failure);
    if (outcome.broken.length === 0) return null;
    keep({ schedule: [], preemptions: 0 }, outcome.broken);
    return limits.stopAt(outcome.broken) ? result(false, null) : null;
  }

  const ended = first() ?? (driver.builder.cpus.length > 1 ? warmUp() : null);
  if (ended !== null) return ended;
  driver.trace(TRACE.cut);
  for (;;) {
    const done = pass();
    if (done !== null) return done;
  }
}
