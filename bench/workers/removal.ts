/**
 * Worker of the removal benchmark: one machine of one strategy, and what its removal costs.
 * A worker serves one strategy and one size for all rounds, so that the call sites stay monomorphic
 * and the columns constant; the caller starts a fresh one for each.
 *
 *   handover  the strategy's own step: child to parent and back, which are the same operation on the
 *             same caches and pages. Many in one sample, as one takes less than a timer call.
 *   removal   the whole offline callback: every cache deactivated, the hand-over, the id given back.
 *             One in one sample, taken back outside the clock.
 *   cold      a buffer of twice the last-level cache is walked before each sample, so nothing is in
 *             the CPU's caches.
 */
import { Bench } from 'tinybench';
import { ATOMICS_KIND, audit, type Steps, slabUse } from '../../core/index.ts';
import { evictionBytes } from '../cpu-cache.ts';
import { interferenceSince, schedulerStamp } from '../interference.ts';
import type { Temperature } from '../options.ts';
import {
  buildPopulation,
  type PopulatedMachine,
  type PopulationPlan,
} from '../workload/population-machine.ts';

/** What is timed. */
export type RemovalPart = 'handover' | 'removal';

/** One round: which parts to measure, and for how long. */
export interface RoundPlan {
  readonly parts: readonly { readonly what: RemovalPart; readonly temperature: Temperature }[];
  /** Time of the warm samples of one part, ms. */
  readonly budgetMs: number;
  readonly coldSamples: number;
}

/** The built machine, as the main thread needs to know it. */
export interface Prepared {
  readonly slabs: number;
  readonly pages: number;
  readonly rowsScanned: number;
  readonly objectSlots: number;
  readonly objectsInUse: number;
  readonly machineBytes: number;
  readonly atomics: typeof ATOMICS_KIND;
  /** What one hand-over does, by count. */
  readonly steps: Steps;
}

/** One value per part, ns per removal, and what disturbed the round. */
export interface RoundResult {
  readonly ns: readonly number[];
  readonly cpuWaitMs: number;
  readonly involuntarySwitches: number;
  readonly wallMs: number;
}

/** What remains when the removal is done for good and all deferred work has run. */
export interface Aftermath {
  readonly dying: number;
  readonly pinnedPages: number;
  readonly cachesOnParent: number;
  /** Share of the slab pages that was objects before the removal. */
  readonly slabUsed: number;
  readonly violations: readonly { readonly invariant: string; readonly detail: string }[];
}

const PAGE_BYTES = 4096;
const WARM_UP_MS = 100;
const WARM_UP_OPERATIONS = 2000;
/** Hand-overs of a sample where each is timed by itself, and readings that tell what the clock costs. */
const SINGLES = 50;
const CLOCK_READINGS = 1000;
/** A sample shorter than this is mostly timer. */
const SAMPLE_NS = 50_000;
const LINE_WORDS = 16;

let built: PopulatedMachine | undefined;
let evictor: Int32Array | undefined;

function current(): PopulatedMachine {
  if (built === undefined) throw new Error('round before prepare');
  return built;
}

/** Child to parent and back: two hand-overs. */
function flip({ cpu, child, parent }: PopulatedMachine): void {
  cpu.strategy.handOver(child, parent);
  cpu.strategy.handOver(parent, child);
}

/** Undoes a hand-over: the other way, or as the design has it, with what it queued since `position`. */
function handBack({ cpu, child, parent }: PopulatedMachine, position: number): void {
  if (cpu.strategy.takeBack === undefined) {
    cpu.strategy.handOver(parent, child);
    return;
  }
  cpu.rcu.dropSince(position);
  cpu.strategy.takeBack(child, parent);
}

/** Hands over and back; returns the time of the first, ms. */
function timeHandOver(populated: PopulatedMachine): number {
  const position = populated.cpu.rcu.position();
  const start = performance.now();
  populated.cpu.strategy.handOver(populated.child, populated.parent);
  const ms = performance.now() - start;
  handBack(populated, position);
  return ms;
}

/** What two readings of the clock cost, ms: the least of some. */
function clockMs(): number {
  let least = Number.POSITIVE_INFINITY;
  for (let count = 0; count < CLOCK_READINGS; count++) {
    const start = performance.now();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

/** Offlines and takes it back; returns the time of the first, ns. */
function timeRemoval({ cpu, child }: PopulatedMachine): number {
  const position = cpu.rcu.position();
  const start = performance.now();
  cpu.offline(child);
  const end = performance.now();
  cpu.undoOffline(child, position);
  return (end - start) * 1e6;
}

/** Runs an operation until V8 has optimised it, or for a while if it is slow. */
function warmUp(operation: () => void): void {
  const end = performance.now() + WARM_UP_MS;
  for (let count = 0; count < WARM_UP_OPERATIONS && performance.now() < end; count++) operation();
}

/** Builds the machine and warms both parts up. */
export function prepare(plan: PopulationPlan): Prepared {
  built = buildPopulation(plan);
  const { cpu, machine } = built;
  const before = cpu.steps();
  const position = cpu.rcu.position();
  cpu.strategy.handOver(built.child, built.parent);
  const after = cpu.steps();
  handBack(built, position);
  const steps = Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - before[name as keyof Steps]]),
  ) as Steps;
  const populated = built;
  warmUp(() => timeHandOver(populated));
  warmUp(() => timeRemoval(populated));
  evictor ??= new Int32Array(evictionBytes() / Int32Array.BYTES_PER_ELEMENT);
  return {
    slabs: built.slabs,
    pages: built.pages,
    rowsScanned: machine.config.slabRows,
    objectSlots: built.objectSlots,
    objectsInUse: built.objectsInUse,
    machineBytes: machine.bytes,
    atomics: ATOMICS_KIND,
    steps,
  };
}

function evict(): void {
  if (evictor === undefined) return;
  for (let word = 0; word < evictor.length; word += LINE_WORDS) {
    evictor[word] = (evictor[word] ?? 0) + 1;
  }
}

function singleHandOvers(populated: PopulatedMachine): () => { ns: number; ms: number } {
  const clock = clockMs();
  return () => {
    const begin = performance.now();
    let sum = 0;
    for (let count = 0; count < SINGLES; count++) sum += timeHandOver(populated) - clock;
    return { ns: Math.max(1, (sum / SINGLES) * 1e6), ms: performance.now() - begin };
  };
}

/** One sample of a part; ns per removal, and ms that the sample took as a whole. */
function sampleOf(what: RemovalPart, cold: boolean): () => { ns: number; ms: number } {
  const populated = current();
  if (what === 'removal') {
    return () => {
      if (cold) evict();
      const begin = performance.now();
      const ns = timeRemoval(populated);
      return { ns, ms: performance.now() - begin };
    };
  }
  if (cold) {
    return () => {
      evict();
      const ms = timeHandOver(populated);
      return { ns: ms * 1e6, ms };
    };
  }
  // Back is another operation: each is timed by itself, and the clock taken off.
  if (populated.cpu.strategy.takeBack !== undefined) return singleHandOvers(populated);
  const start = performance.now();
  flip(populated);
  const flips = Math.max(1, Math.ceil(SAMPLE_NS / ((performance.now() - start) * 1e6)));
  return () => {
    const begin = performance.now();
    for (let count = 0; count < flips; count++) flip(populated);
    const ms = performance.now() - begin;
    return { ns: (ms * 1e6) / (2 * flips), ms };
  };
}

/** Runs one round; each part gives its median, as samples within a round are not independent. */
export async function round(plan: RoundPlan): Promise<RoundResult> {
  const stamp = schedulerStamp();
  const begin = performance.now();
  const ns: number[] = [];
  const { releasesEarly } = current().machine.strategy;
  for (const { what, temperature } of plan.parts) {
    if (what === 'handover' && !releasesEarly) {
      // Nothing is handed over, and nobody reads this: so many of nothing took most of a round.
      ns.push(0);
      continue;
    }
    const cold = temperature === 'cold';
    const sample = sampleOf(what, cold);
    const bench = new Bench({
      time: cold ? 0 : plan.budgetMs,
      iterations: cold ? plan.coldSamples : 3,
      warmup: false,
      throws: true,
    });
    bench.add(
      what,
      () => {
        const { ns: value, ms } = sample();
        // The unit of tinybench is the millisecond; the value is that of one removal.
        return { overriddenDuration: value / 1e6, overriddenIterationCost: ms };
      },
      { async: false },
    );
    const [task] = await bench.run();
    const result = task?.result;
    if (result === undefined || !('latency' in result)) throw new Error(`${what}: no statistics`);
    ns.push(result.latency.p50 * 1e6);
  }
  const disturbed = interferenceSince(stamp);
  return {
    ns,
    cpuWaitMs: disturbed?.cpuWaitMs ?? 0,
    involuntarySwitches: disturbed?.involuntarySwitches ?? 0,
    wallMs: performance.now() - begin,
  };
}

/** Removes the child for good, runs what is deferred, and audits the machine. */
export function finish(): Aftermath {
  const { machine, cpu, child, parent } = current();
  const before = audit(machine, cpu).violations;
  const { objectBytes, pages } = slabUse(machine);
  cpu.rmdir(child);
  cpu.runDeferred();
  const report = audit(machine, cpu);
  return {
    dying: report.dying,
    pinnedPages: report.dying > 0 ? (machine.memcgs.usage[child] ?? 0) : 0,
    cachesOnParent: machine.memcgs.caches[parent] ?? 0,
    slabUsed: objectBytes / (pages * PAGE_BYTES),
    violations: [...before, ...report.violations],
  };
}
