/**
 * Runs a scenario under one schedule after the other and judges the end of each. Lives on the thread
 * that is CPU 0: the machine is restored from a copy, the run begins, and when it is over the machine
 * is audited, settled, audited again, torn down and looked through for leaks.
 */
import { ABORT, type Control, CTL, DRIVER, MODE, STEPS_MAX, TRACE } from './control.ts';
import type { Engine } from './engine.ts';
import { type Broken, createJudge, spoken } from './judge.ts';
import type { LoadedCore } from './load-core.ts';
import type { MemoryMap } from './memory-map.ts';
import { createRaceCheck } from './races.ts';
import type { Builder, Scenario } from './world.ts';

/** A switch of a schedule: before this decision is carried out, that thread goes on. */
export interface Switch {
  readonly decision: number;
  readonly thread: number;
}

/** How one run ended. */
export interface Outcome {
  readonly broken: readonly Broken[];
  /** The explorer's own failure: neither a finding nor a clean run. */
  readonly failure: string | null;
  readonly decisions: number;
  /** The schedule named a thread that could not run, or a decision that nobody came to. */
  readonly diverged: boolean;
  readonly preemptions: number;
}

/** Who decides where the schedule says nothing. */
export interface Chance {
  readonly mode: number;
  readonly seed: number;
  /** Random: one decision in so many is a switch. */
  readonly rate: number;
  /** PCT: decisions at which the running thread loses its priority. */
  readonly changes: readonly number[];
  readonly priorities: readonly number[];
}

/** Nobody: the thread that runs goes on. */
const STAY: Chance = { mode: MODE.stay, seed: 1, rate: 1, changes: [], priorities: [] };

/** Runs schedules of one scenario. */
export interface Driver {
  run(schedule: readonly Switch[], chance?: Chance): Outcome;
  /** Switches of the last run, chosen or forced. */
  taken(): Switch[];
  /** What the machine's words hold when a run begins. */
  beginning(): { readonly main: Int32Array; readonly strategy: Int32Array };
  /** What the machine's words held when the last run was over, before anything was looked at. */
  ending(): { readonly main: Int32Array; readonly strategy: Int32Array };
  /** Whether plain accesses of the last run were ordered; it must have been traced. */
  race(): Broken | null;
  /** What is kept of the runs to come: one of TRACE. */
  trace(kind: number): void;
  readonly builder: Builder;
}

/** What a driver is made of. */
export interface DriverParts {
  readonly core: LoadedCore;
  readonly scenario: Scenario;
  readonly builder: Builder;
  readonly engine: Engine;
  readonly control: Control;
  readonly map: MemoryMap;
  /** This thread's part. */
  body(): void;
}

/** Makes the driver of a scenario that is set up. */
export function createDriver(parts: DriverParts): Driver {
  const { core, scenario, builder, engine, control, map } = parts;
  const { world } = builder;
  const judge = createJudge(core, scenario, builder, () => {
    ctl[CTL.beat] = (ctl[CTL.beat] ?? 0) + 1;
  });
  const ctl = control.words;
  const start = {
    main: map.main.slice(),
    strategy: map.strategy.slice(),
    rows: control.rows.slice(),
    world: world.slice(),
  };
  const races = createRaceCheck(control, map);
  const verdicts = new Map<string, readonly Broken[]>();
  let end = { main: start.main, strategy: start.strategy };

  function restore(): void {
    map.main.set(start.main);
    map.strategy.set(start.strategy);
    control.rows.set(start.rows);
    world.set(start.world);
  }

  function arm(schedule: readonly Switch[], chance: Chance): void {
    const kept = [CTL.tracing, CTL.jobOver, CTL.salt, CTL.searches, CTL.seen, CTL.beat].map(
      (index) => [index, ctl[index] ?? 0] as const,
    );
    ctl.fill(0);
    for (const [index, value] of kept) ctl[index] = value;
    ctl[CTL.threads] = scenario.threads.length;
    ctl[CTL.maxSteps] = STEPS_MAX;
    ctl[CTL.mode] = chance.mode;
    ctl[CTL.random] = chance.seed === 0 ? 1 : chance.seed;
    ctl[CTL.rate] = chance.rate;
    ctl.set(chance.priorities, CTL.priority);
    ctl.set(chance.changes, CTL.changes);
    ctl[CTL.changePoints] = chance.changes.length;
    schedule.forEach(({ decision, thread }, index) => {
      control.forced[2 * index] = decision;
      control.forced[2 * index + 1] = thread;
    });
    ctl[CTL.forcedCount] = schedule.length;
    ctl[CTL.nextForced] = schedule[0]?.decision ?? -1;
    control.status.fill(0);
    control.locals.fill(0);
    control.watch.fill(0);
  }

  function verdict(): readonly Broken[] {
    if (ctl[CTL.tracing] === TRACE.none) return judge();
    const key = `${ctl[CTL.memoryLow]},${ctl[CTL.memoryHigh]},${world.join()}`;
    const known = verdicts.get(key);
    if (known !== undefined) return known;
    const broken = judge();
    verdicts.set(key, broken);
    return broken;
  }

  return {
    builder,
    trace(kind) {
      ctl[CTL.tracing] = kind;
    },
    beginning: () => ({ main: start.main, strategy: start.strategy }),
    ending: () => end,
    race() {
      const detail = races.look();
      return detail === null ? null : { invariant: 'data race', detail };
    },
    run(schedule, chance = STAY) {
      ctl[CTL.beat] = (ctl[CTL.beat] ?? 0) + 1;
      restore();
      arm(schedule, chance);
      engine.begin();
      for (;;) {
        engine.awaitTurn();
        if (ctl[CTL.current] === DRIVER) break;
        engine.run(parts.body);
      }
      if (ctl[CTL.tracing] === TRACE.none) {
        end = { main: map.main.slice(), strategy: map.strategy.slice() };
      }
      const decisions = ctl[CTL.steps] ?? 0;
      const unused = (ctl[CTL.forcedAt] ?? 0) < (ctl[CTL.forcedCount] ?? 0);
      const rest = {
        decisions,
        diverged: ctl[CTL.diverged] === 1 || unused,
        preemptions: ctl[CTL.preemptions] ?? 0,
      };
      if (ctl[CTL.abort] === ABORT.known) return { broken: [], failure: null, ...rest };
      if (ctl[CTL.abort] !== ABORT.none) return { ...spoken(control), ...rest };
      try {
        return { broken: verdict(), failure: null, ...rest };
      } catch (error) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        return { broken: [], failure: text, ...rest };
      }
    },
    taken() {
      const count = ctl[CTL.switches] ?? 0;
      return Array.from({ length: count }, (_, index) => ({
        decision: control.taken[2 * index] ?? 0,
        thread: control.taken[2 * index + 1] ?? 0,
      }));
    },
  };
}
