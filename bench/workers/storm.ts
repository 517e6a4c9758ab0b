/**
 * Worker of `storm`: one CPU of one machine for one round. All CPUs go through the same legs together;
 * between two legs everybody is idle, so the machine is quiescent. The last CPU is the kworker and
 * churner.
 */
import { attachMachine, bindCpu, type MachineMemory } from '../../core/index.ts';
import { addHistogram, emptyHistogram, record } from '../histogram.ts';
import { sharedClock } from '../shared-clock.ts';
import { bindRendezvous } from '../workload/rendezvous.ts';
import { auditNow, type StormAuditResult } from '../workload/storm-audit.ts';
import { bindChurner, type ChurnCounts, type Churner } from '../workload/storm-churn.ts';
import { bindStormLoad } from '../workload/storm-load.ts';
import {
  ALLOC,
  BATCH,
  FREE,
  histogramBase,
  type Leg,
  legsOf,
  OPENING_MS,
  objectWeights,
  PROGRESS,
  STALL_BIN_MS,
  type StormPlan,
  type StormShared,
  stallBase,
  TIMELINE,
} from '../workload/storm-plan.ts';
import { addStalls, emptyStalls, type Stalls } from '../workload/storm-stalls.ts';

/** What a CPU gets. */
export interface StormTask {
  readonly plan: StormPlan;
  readonly cpu: number;
  readonly machine: MachineMemory;
  readonly shared: StormShared;
  /** Root caches in the order of the plan's caches. */
  readonly roots: Int32Array;
  /** What all clocks count from, ms. */
  readonly origin: number;
}

/** Operations of one CPU in one leg. */
export interface LegResult {
  readonly kind: Leg['kind'];
  readonly name: string;
  readonly cpus: number;
  readonly operations: number;
  readonly seconds: number;
  /** Byte stocks that were drained meanwhile. */
  readonly stockDrains: number;
}

/** Summed histograms of the two kinds of operations. */
interface Latencies {
  readonly alloc: Float64Array;
  readonly free: Float64Array;
}

/** What a CPU found. */
export interface StormCpuResult {
  readonly cpu: number;
  readonly legs: LegResult[];
  /** ns per free in the remote leg: of own objects, and of another CPU's. */
  readonly frees: { readonly localNs: number; readonly remoteNs: number } | null;
  readonly failed: number;
  /** CPU 0 only. */
  readonly audits: StormAuditResult[];
  readonly stalls: Stalls;
  /** null on a CPU whose latencies are not taken. */
  readonly histograms: Latencies | null;
  /** The churner only. */
  readonly unaccounted: number;
  readonly churn: (ChurnCounts & { readonly offlines: Float64Array }) | null;
}

/** Something that a test does to a CPU at the start of a leg. */
export type Sabotage = (cpu: number, leg: Leg) => void;

/** Operations between two looks at the clock in a closed loop. */
const STRIDE = 32;
const OWN_STRIDE = 2048;
const WARM_BATCHES = 6;
const BATCHES = 16;
/** The kworker looks after this time even if nothing woke it, ms. */
const NAP_MS = 0.2;

/** The CPU's parts, bound. */
function bindAll(task: StormTask) {
  const { plan, shared } = task;
  const machine = attachMachine(task.machine);
  const cpu = bindCpu(machine, task.cpu);
  const clock = sharedClock(task.origin);
  const what = { roots: task.roots, weights: objectWeights(plan.caches), clock };
  const isKworker = task.cpu === plan.cpus - 1;
  const rendezvous = bindRendezvous(shared.rendezvous, plan.cpus, 2 * plan.deadlineMs);
  const progress = task.cpu * PROGRESS.words;

  /** Idle until all CPUs are here. */
  function together(name: string): void {
    cpu.idle();
    shared.progress[progress + PROGRESS.waiting] = 1;
    rendezvous.meet(name);
    shared.progress[progress + PROGRESS.waiting] = 0;
    cpu.enter();
  }

  return {
    ...{ plan, shared, machine, cpu, clock, isKworker, together, rendezvous },
    load: bindStormLoad(machine, cpu, plan, shared, what),
    churner: isKworker ? bindChurner(machine, cpu, plan, shared, what) : null,
    count(operations: number): void {
      const at = progress + PROGRESS.operations;
      const before = shared.progress[at] as number;
      const after = (before + operations) | 0;
      shared.progress[at] = after;
      // A soak has more operations than a word can count.
      if (after >>> 0 < before >>> 0) {
        const high = progress + PROGRESS.operationsHigh;
        shared.progress[high] = (shared.progress[high] as number) + 1;
      }
    },
    reached(leg: number): void {
      shared.progress[progress + PROGRESS.leg] = leg;
    },
  };
}

type Bound = ReturnType<typeof bindAll>;

/** The mixed load as fast as it goes; the kworker does its other work in between. */
function closedLoop(bound: Bound, ms: number): Pick<LegResult, 'operations' | 'seconds'> {
  const { load, churner, cpu, clock } = bound;
  const { operate } = load;
  churner?.resume();
  const begin = clock();
  const end = begin + ms;
  let now = begin;
  let operations = 0;
  while (now < end) {
    for (let operation = 0; operation < STRIDE; operation++) operate();
    operations += STRIDE;
    bound.count(STRIDE);
    cpu.poll();
    churner?.work();
    now = clock();
  }
  return { operations, seconds: (now - begin) / 1e3 };
}

/**
 * Operations at a fixed rate; the latency of each counts from the moment it was due, so one that is
 * held up is also charged to those that queue behind it.
 */
function openLoop(bound: Bound, ms: number): Pick<LegResult, 'operations' | 'seconds'> {
  const { load, churner, cpu, clock, shared, plan } = bound;
  const { operate } = load;
  const { histograms, worst } = shared;
  const bases = [histogramBase(cpu.cpu, ALLOC), histogramBase(cpu.cpu, FREE)] as const;
  const firstBin = stallBase(cpu.cpu);
  const interval = 1e3 / plan.ratePerCpu;
  const start = shared.timeline[TIMELINE.start] as number;
  const end = start + ms;
  let operations = 0;
  churner?.resume();
  let now = clock();
  // A CPU that was kept from the start, as there are more of them than cores, begins when it can.
  const begin = Math.max(start, now);
  for (let due = begin; due < end; due += interval) {
    while (now < due) {
      cpu.poll();
      churner?.work();
      now = clock();
    }
    const kind = operate();
    now = clock();
    const ns = (now - due) * 1e6;
    record(histograms, kind === ALLOC ? bases[0] : bases[1], ns);
    const bin = firstBin + (((due - start) / STALL_BIN_MS) | 0);
    if (ns > (worst[bin] as number)) worst[bin] = Math.min(ns, 2 ** 31 - 1);
    operations++;
    if ((operations & (STRIDE - 1)) === 0) bound.count(STRIDE);
  }
  return { operations, seconds: (end - begin) / 1e3 };
}

/** The kworker while the others' latencies are taken: removals, deferred work, frees sent to it. */
function serve(bound: Bound, churner: Churner, ms: number): void {
  const { load, cpu, clock, shared } = bound;
  const end = (shared.timeline[TIMELINE.start] as number) + ms;
  churner.resume();
  for (let now = clock(); now < end; now = clock()) {
    cpu.poll();
    const received = load.receive();
    bound.count(received + 1);
    if (churner.work() || received > 0) continue;
    cpu.sleepUntilWork(Math.max(0, Math.min(NAP_MS, churner.nextDue() - now, end - now)));
  }
}

/** Alloc and free of own objects on the CPUs that take part. */
function ownLeg(bound: Bound, ms: number): Pick<LegResult, 'operations' | 'seconds'> {
  const { load, cpu, clock } = bound;
  // Untimed: the places are taken once, and the loop is warm.
  load.own(OWN_STRIDE);
  const begin = clock();
  let operations = 0;
  let now = begin;
  while (now < begin + ms) {
    const done = load.own(OWN_STRIDE);
    operations += done;
    bound.count(done);
    cpu.poll();
    now = clock();
  }
  return { operations, seconds: (now - begin) / 1e3 };
}

/** Every CPU frees a batch of its own, then one of its neighbour, in turns. */
function remoteLeg(bound: Bound): { localNs: number; remoteNs: number } {
  const { load, together, cpu, plan } = bound;
  const neighbour = (cpu.cpu + 1) % plan.cpus;
  const sums = { local: 0, remote: 0 };
  for (let turn = 0; turn < WARM_BATCHES + BATCHES; turn++) {
    for (const which of ['local', 'remote'] as const) {
      load.allocBatch();
      together('remote frees');
      const begin = performance.now();
      load.freeBatch(which === 'local' ? cpu.cpu : neighbour);
      const ms = performance.now() - begin;
      if (turn >= WARM_BATCHES) sums[which] += ms;
      bound.count(1);
      together('remote frees');
    }
  }
  const frees = BATCHES * BATCH;
  return { localNs: (sums.local * 1e6) / frees, remoteNs: (sums.remote * 1e6) / frees };
}

/** Everything is freed and removed; what is left then is a violation. */
function teardown(bound: Bound): void {
  const { load, churner, cpu, machine, together } = bound;
  load.drop();
  together('teardown: objects of each CPU');
  load.receive();
  // Interrupts that were asked for are served on the way into the idle state.
  if (cpu.cpu === 0) load.dropShared();
  together('teardown: objects of all CPUs');
  churner?.teardown();
  together('teardown: cgroups');
  cpu.drainStock();
  together('teardown: stocks');
  if (churner === null) return;
  runAllDeferred(bound);
  // With all copies: an allocation that slept through a removal left an empty slab (core/README.md).
  for (let root = 1; root < machine.rootRows.end(); root++) cpu.shrink(root);
  runAllDeferred(bound);
}

/** Until nothing is left: grace periods end once the others have gone idle. */
function runAllDeferred({ cpu, rendezvous }: Bound): void {
  while (cpu.deferred() > 0 && !rendezvous.calledOff()) cpu.runDeferred();
}

/** A new picture: no latencies, no callbacks, and a start that all CPUs can reach. */
function openTimeline({ shared, clock }: Bound): void {
  shared.worst.fill(0);
  shared.timeline[TIMELINE.offlines] = 0;
  shared.timeline[TIMELINE.start] = clock() + OPENING_MS;
}

function emptyLatencies(): Latencies {
  return { alloc: emptyHistogram(), free: emptyHistogram() };
}

/** Moves what one leg counted out of the shared words, which a soak would overflow. */
function takeLatencies({ shared, cpu }: Bound, into: Latencies): void {
  const { histograms } = shared;
  const [alloc, free] = [histogramBase(cpu.cpu, ALLOC), histogramBase(cpu.cpu, FREE)];
  addHistogram(into.alloc, histograms, alloc);
  addHistogram(into.free, histograms, free);
  histograms.fill(0, alloc, histogramBase(cpu.cpu + 1, ALLOC));
}

/** Runs one round on one CPU. */
export function storm(task: StormTask, sabotage?: Sabotage): StormCpuResult {
  const bound = bindAll(task);
  const { plan, cpu, churner, shared, together } = bound;
  if (churner !== null) cpu.becomeKworker();
  const result: { legs: LegResult[]; audits: StormAuditResult[]; frees: StormCpuResult['frees'] } =
    { legs: [], audits: [], frees: null };
  const stalls = emptyStalls();
  const latencies = emptyLatencies();
  const measured = plan.cpus === 1 ? [0] : Array.from({ length: plan.cpus - 1 }, (_, one) => one);
  cpu.enter();
  for (const [number, leg] of legsOf(plan).entries()) {
    bound.reached(number);
    if (cpu.cpu === 0 && leg.kind === 'latency') openTimeline(bound);
    if (leg.kind === 'own') churner?.spreadTasks();
    together(leg.name);
    sabotage?.(cpu.cpu, leg);
    const { drains } = cpu.byteStock();
    const done = runLeg(bound, leg, result);
    const stockDrains = cpu.byteStock().drains - drains;
    const rehearsal = 'counted' in leg && !leg.counted;
    if (leg.kind === 'latency') takeLatencies(bound, rehearsal ? emptyLatencies() : latencies);
    // What was counted while V8 was still compiling.
    if (rehearsal) churner?.forget();
    else if (done !== null) {
      const { kind, name } = leg;
      result.legs.push({
        kind,
        name,
        cpus: leg.kind === 'own' ? leg.cpus : plan.cpus,
        stockDrains,
        ...done,
      });
    }
    together(leg.name);
    if (cpu.cpu !== 0) continue;
    if (leg.kind === 'latency' && !rehearsal) addStalls(stalls, shared, measured, leg.ms);
    if (leg.kind === 'teardown') result.audits.push(auditNow(bound, 'after teardown', true));
  }
  together('end');
  cpu.idle();
  return {
    cpu: cpu.cpu,
    ...result,
    unaccounted: cpu.unaccounted(),
    failed: bound.load.failed() + (churner?.counts().failed ?? 0),
    stalls,
    histograms: measured.includes(cpu.cpu) ? latencies : null,
    churn: churner === null ? null : { ...churner.counts(), offlines: churner.offlines() },
  };
}

/** One leg on one CPU; null where nothing is counted. */
function runLeg(
  bound: Bound,
  leg: Leg,
  result: { audits: StormAuditResult[]; frees: StormCpuResult['frees'] },
): Pick<LegResult, 'operations' | 'seconds'> | null {
  const { cpu, churner, plan } = bound;
  switch (leg.kind) {
    case 'setup':
      churner?.setup();
      return null;
    case 'load':
      return closedLoop(bound, leg.ms);
    case 'latency':
      if (churner === null || plan.cpus === 1) return openLoop(bound, leg.ms);
      serve(bound, churner, leg.ms);
      return null;
    case 'own':
      return cpu.cpu < leg.cpus ? ownLeg(bound, leg.ms) : null;
    case 'remote':
      result.frees = remoteLeg(bound);
      return null;
    case 'settle':
      if (churner !== null) runAllDeferred(bound);
      return null;
    case 'audit':
      if (cpu.cpu === 0) result.audits.push(auditNow(bound, leg.name, false));
      return null;
    case 'teardown':
      teardown(bound);
      return null;
  }
}
