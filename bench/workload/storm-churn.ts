/**
 * The CPU that creates and removes cgroups at a fixed rate, and runs what the kernel defers: the
 * kworker of a storm. It works in small pieces, so that a CPU that does this beside its own operations
 * is never away for long.
 */
import { type Cpu, type Machine, ModelError, NO_OBJECT, WORK } from '../../core/index.ts';
import { addHistogram, emptyHistogram, HISTOGRAM_WORDS, record } from '../histogram.ts';
import { randomBelow, seededRandom } from './random.ts';
import { bindStormCgroups, type CgroupCounts } from './storm-cgroups.ts';
import { SLOTS } from './storm-mix.ts';
import { OFFLINE_LOG, type StormPlan, type StormShared, TIMELINE } from './storm-plan.ts';

/** Every so many-th replacement a module is loaded and unloaded, with a root cache of its own. */
const MODULE_EVERY = 32;
const MODULE_OBJECTS = 300;
/** Removals before anything is measured: V8 compiles what ran some hundred times. */
const REHEARSALS = 100;
/** Work items that one piece of work runs at most; an offline callback is one alone. */
const ITEMS = 16;

/** What a churner did. */
export interface ChurnCounts extends CgroupCounts {
  /** Root caches created and destroyed. */
  modules: number;
}

/** The churner of a storm. */
export interface Churner {
  /** Creates the cgroups. */
  setup(): void;
  /** A piece of what is due; false when there was nothing to do. */
  work(): boolean;
  /** Nothing is due earlier than this, ms. */
  nextDue(): number;
  /** Restarts the schedule: the next removal is due about one period from now. */
  resume(): void;
  /** Gives each CPU's task a cgroup of its own. */
  spreadTasks(): void;
  /** Removes everything while nobody else runs; deferred work stays to be done. */
  teardown(): void;
  /** Forgets what was counted so far. */
  forget(): void;
  counts(): ChurnCounts;
  /** Durations of the offline callbacks, a histogram in ns. */
  offlines(): Float64Array;
}

/** Binds the churner to the CPU that is the kworker. */
export function bindChurner(
  machine: Machine,
  cpu: Cpu,
  plan: StormPlan,
  shared: StormShared,
  what: { readonly roots: Int32Array; readonly weights: readonly number[]; clock(): number },
): Churner {
  const { rcu, work, cgroupWork } = cpu;
  const { clock } = what;
  const { timeline } = shared;
  const period = 1e3 / plan.removalsPerSecond;
  const random = seededRandom(plan.seed ^ 0xdead);
  const cgroups = bindStormCgroups(machine, cpu, plan, shared, what);
  const durations = new Int32Array(HISTOGRAM_WORDS);
  let modules = 0;
  let replaced = 0;
  let due = 0;
  let job: Generator<void> | null = null;

  /** A root cache comes, is used by a cgroup, and goes: waits for grace periods and the queue. */
  function loadAndUnloadModule(): void {
    const shape = { size: 192, objectsPerSlab: 21, pagesPerSlab: 1, minPartial: 5 };
    const typesafeByRcu = modules % 2 === 0;
    const root = cpu.createRootCache({ ...shape, cpuPartialSlabs: 6, typesafeByRcu });
    const memcg = cgroups.leaf(randomBelow(random, SLOTS));
    const objects: number[] = [];
    for (let object = 0; object < MODULE_OBJECTS; object++) {
      objects.push(cpu.allocFor(memcg, root));
      if (object % ITEMS === 0) deferred();
    }
    for (const handle of objects) if (handle !== NO_OBJECT) cpu.free(handle);
    if (!cpu.destroyRootCache(root)) {
      throw new ModelError(`root cache ${root} could not be destroyed although it was empty`);
    }
    modules++;
  }

  function runOffline(): void {
    const begin = clock();
    cgroupWork.runOne();
    const ms = clock() - begin;
    record(durations, 0, ms * 1e6);
    const count = timeline[TIMELINE.offlines] as number;
    if (count >= OFFLINE_LOG) return;
    timeline[TIMELINE.first + 2 * count] = begin;
    timeline[TIMELINE.first + 2 * count + 1] = ms;
    timeline[TIMELINE.offlines] = count + 1;
  }

  /** RCU callbacks, then items of the workqueues; false when there was nothing. */
  function deferred(): boolean {
    let ran = rcu.advance() > 0;
    for (let item = 0; item < ITEMS; item++) {
      if (cgroupWork.next() === WORK.offline) {
        if (item === 0) runOffline();
        return true;
      }
      if (!cgroupWork.runOne() && !work.runOne()) return ran;
      ran = true;
    }
    return true;
  }

  function churn(): boolean {
    if (job !== null) {
      if (job.next().done !== true) return true;
      job = null;
      replaced++;
      if (replaced % MODULE_EVERY === 0) loadAndUnloadModule();
      return true;
    }
    const now = clock();
    if (now < due) return false;
    due = Math.max(due + period, now);
    if (!cgroups.hasRoom()) return false;
    job = cgroups.replace();
    return true;
  }

  function finish(pieces: Generator<void>): void {
    while (pieces.next().done !== true) deferred();
    while (deferred());
  }

  return {
    setup() {
      finish(cgroups.setup());
      for (let one = 0; one < REHEARSALS; one++) finish(cgroups.rehearse());
    },
    work() {
      const churned = churn();
      return deferred() || churned;
    },
    nextDue: () => (job === null ? due : 0),
    resume() {
      due = clock() + period * (0.5 + randomBelow(random, 1000) / 1000);
    },
    spreadTasks: cgroups.spreadTasks,
    teardown() {
      if (job !== null) finish(job);
      job = null;
      finish(cgroups.teardown());
    },
    forget() {
      durations.fill(0);
      modules = 0;
      Object.assign(cgroups.counts, { created: 0, removed: 0, failed: 0 });
    },
    counts: () => ({ ...cgroups.counts, modules }),
    offlines: () => addHistogram(emptyHistogram(), durations, 0),
  };
}
