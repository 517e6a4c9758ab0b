/**
 * One CPU of the race suite. CPUs 0 and 1 race, CPU 2 is the kworker. All go through the same phases;
 * between two phases everybody is idle.
 */

import { parentPort, workerData } from 'node:worker_threads';
import * as atomics from '#atomics';
import { randomBelow, seededRandom } from '../../bench/workload/random.ts';
import { bindRendezvous } from '../../bench/workload/rendezvous.ts';
import {
  attachMachine,
  audit,
  bindCpu,
  describeEvent,
  lastEvents,
  type MachineMemory,
  NO_OBJECT,
  ROOT_MEMCG,
} from '../../core/index.ts';
import {
  BATCH,
  LIMIT,
  OBJECTS,
  onInterrupt,
  type Pair,
  ROOTS,
  run,
  type Side,
  WORLD,
} from './operations.ts';

/** What a CPU of the suite gets. */
export interface RaceTask {
  readonly cpu: number;
  readonly machine: MachineMemory;
  readonly pairs: readonly Pair[];
  readonly rounds: number;
  readonly seed: number;
  readonly world: Int32Array<SharedArrayBuffer>;
  readonly objects: Int32Array<SharedArrayBuffer>;
  /** [CPUs that are ready to start, those that are done]. */
  readonly start: Int32Array<SharedArrayBuffer>;
  readonly rendezvous: Int32Array<SharedArrayBuffer>;
}

/** What a CPU says. */
export type RaceMessage =
  | { readonly kind: 'pair'; readonly pair: Pair; readonly broken: readonly string[] }
  | { readonly kind: 'error'; readonly cpu: number; readonly text: string };

const DEADLINE_MS = 20_000;
/** Every so many-th round is audited in the middle of its life and at its end. */
const AUDIT_EVERY = 8;
const SPINS = 20_000;

const task = workerData as RaceTask;
const machine = attachMachine(task.machine);
const cpu = bindCpu(machine, task.cpu);
const random = seededRandom(task.seed * 3 + task.cpu);
const rendezvous = bindRendezvous(task.rendezvous, 3, DEADLINE_MS);
const { world, objects, start } = task;
const draw = (count: number): number => randomBelow(random, count);

function together(what: string): void {
  cpu.idle();
  rendezvous.meet(what);
  cpu.enter();
}

/** What is wrong with the pair that runs. */
let broken: string[] = [];

const at = (words: Int32Array, index: number): number => words[index] ?? 0;

/** CPU 0: the round's memcgs and modules, whose first copies are still to be created. */
function createWorld(pair: Pair, round: number): void {
  const removed = (one: string) => pair.first === one || pair.second === one;
  const parent = cpu.createMemcg(ROOT_MEMCG);
  const C = cpu.createMemcg(parent);
  world.set([parent, C, cpu.createMemcg(parent), cpu.createMemcg(C), cpu.createMemcg(C)]);
  for (const memcg of world.subarray(1, 5)) {
    for (const root of [ROOTS.small, ROOTS.typesafe]) cpu.createCache(memcg, root);
  }
  if (removed('charge at limit')) cpu.setLimit(C, LIMIT + draw(8));
  const moving = !removed('offline') && !removed('grandchild offline');
  for (const other of [0, 1]) cpu.moveTask(other, moving ? C : parent);
  world[WORLD.busy] = NO_OBJECT;
  if (!removed('destroy root cache')) return;
  const shape = {
    size: 128,
    objectsPerSlab: 8,
    pagesPerSlab: 1,
    minPartial: 1,
    cpuPartialSlabs: 2,
  };
  for (const place of [WORLD.module0, WORLD.module1]) {
    const module = cpu.createRootCache({ ...shape, typesafeByRcu: draw(2) === 0 });
    world[place] = module;
    // Leaves a request to create C's copy on the queue, and a free slab behind.
    cpu.free(cpu.allocFor(C, module));
    cpu.free(cpu.allocFor(at(world, WORLD.G), module));
  }
  if (round % 2 === 1) world[WORLD.busy] = cpu.allocFor(C, at(world, WORLD.module1));
}

/** Both racing CPUs: objects to be freed, of four memcgs and two caches. */
function allocateBatches(): void {
  const base = task.cpu * OBJECTS.words;
  for (let place = 0; place < 3 * BATCH; place++) {
    const memcg = at(world, 1 + draw(4));
    const root = draw(3) === 0 ? ROOTS.typesafe : ROOTS.small;
    // Some of them are being removed already.
    cpu.readLock();
    atomics.store(objects, base + place, cpu.allocFor(memcg, root));
    cpu.readUnlock();
  }
}

/** CPU 0: whoever takes C offline finds that its children are going already. */
function removeChildren(pair: Pair): void {
  if (pair.first !== 'offline' && pair.second !== 'offline') return;
  cpu.rmdir(at(world, WORLD.H));
  const another = pair.first === 'grandchild offline' || pair.second === 'grandchild offline';
  if (!another) cpu.rmdir(at(world, WORLD.G));
}

function race(pair: Pair): void {
  const side = task.cpu === 0 ? 0 : 1;
  const [mine, other] = side === 0 ? [pair.first, pair.second] : [pair.second, pair.first];
  const one: Side = { cpu, side, world, objects, other, random: draw };
  atomics.add(start, 0, 1);
  for (let spin = 0; spin < SPINS && atomics.load(start, 0) < 2; spin++);
  for (let step = draw(200); step > 0; step--) cpu.poll();
  run(one, mine);
  atomics.add(start, 1, 1);
}

function kworker(): void {
  while (atomics.load(start, 1) < 2 && !rendezvous.calledOff()) {
    if (!cpu.runDeferredStep()) cpu.poll();
  }
}

/** Until nothing is left: grace periods end once the others have gone idle. */
function runAllDeferred(): void {
  while (cpu.deferred() > 0 && !rendezvous.calledOff()) cpu.runDeferred();
}

/** CPU 0: frees and removes what the race left. */
function destroyWorld(pair: Pair): void {
  const removed = (one: string) => pair.first === one || pair.second === one;
  for (let place = 0; place < objects.length; place++) {
    const handle = atomics.exchange(objects, place, NO_OBJECT);
    if (handle !== NO_OBJECT) cpu.free(handle);
  }
  for (const other of [0, 1]) cpu.moveTask(other, ROOT_MEMCG);
  for (const place of [WORLD.G, WORLD.H, WORLD.C, WORLD.D, WORLD.parent]) {
    try {
      cpu.rmdir(at(world, place));
    } catch (error) {
      if (!(error instanceof Error) || !/is not online: it cannot be removed/.test(error.message)) {
        throw error;
      }
    }
  }
  const busy = at(world, WORLD.busy);
  if (busy !== NO_OBJECT) cpu.free(busy);
  if (!removed('destroy root cache')) return;
  const both = pair.first === pair.second;
  const alreadyBy = (side: number) =>
    both || (side === 0 ? pair.first : pair.second) === 'destroy root cache';
  if (!alreadyBy(0)) world[WORLD.parent] = destroyed(at(world, WORLD.module0));
  if (!alreadyBy(1) || busy !== NO_OBJECT) destroyed(at(world, WORLD.module1));
}

function destroyed(root: number): number {
  if (!cpu.destroyRootCache(root)) throw new Error(`root cache ${root} is busy, though empty`);
  return 0;
}

function auditNow(when: string): void {
  for (const { invariant, detail, history } of audit(machine, cpu).violations) {
    broken.push(`${when}: ${invariant}: ${detail}\n    ${history.join('\n    ')}`);
  }
}

function oneRound(pair: Pair, round: number): void {
  const isKworker = task.cpu === 2;
  const audited = round % AUDIT_EVERY === 0;

  /**
   * Everything deferred is done; in audited rounds with a second meeting, as what that asked of the
   * others, and interrupts that came late, is served on the way there.
   */
  function settle(when: string): void {
    if (isKworker) runAllDeferred();
    together(when);
    if (!audited) return;
    together(`${when}, served`);
    if (isKworker) auditNow(`round ${round}, ${when}`);
    together(`${when}, audited`);
  }

  if (task.cpu === 0) {
    start.fill(0);
    createWorld(pair, round);
  }
  together('world');
  if (!isKworker) allocateBatches();
  if (task.cpu === 0) removeChildren(pair);
  together('batches');
  if (isKworker) kworker();
  else race(pair);
  together('race');
  if (audited) {
    together('race, served');
    if (isKworker) auditNow(`round ${round}, after the race`);
  }
  settle('deferred work done');
  if (task.cpu === 0) {
    destroyWorld(pair);
    atomics.store(start, 0, -1);
  } else if (isKworker) {
    // A root cache is destroyed with the kworker's help.
    while (atomics.load(start, 0) !== -1 && !rendezvous.calledOff()) {
      if (!cpu.runDeferredStep()) cpu.poll();
    }
  }
  together('destroyed');
  cpu.drainStock();
  together('drained');
  settle('removed');
  if (isKworker) finish(round, audited);
  together('round');
}

/** Nothing of the round is left but what every CPU and node list keeps of the root caches. */
function finish(round: number, audited: boolean): void {
  const { descendants, dyingDescendants } = cpu.cgroupStat(ROOT_MEMCG);
  if (descendants !== 0 || dyingDescendants !== 0) {
    broken.push(`round ${round}: ${descendants} cgroups and ${dyingDescendants} dying ones left`);
  }
  if (!audited) return;
  for (const root of Object.values(ROOTS)) cpu.shrink(root);
  runAllDeferred();
  const { slabs, objects: alive } = audit(machine, cpu);
  if (slabs + alive > 0) broken.push(`round ${round}: ${slabs} slabs, ${alive} objects left`);
}

function say(message: RaceMessage): void {
  parentPort?.postMessage(message);
}

/** Which pair and round a CPU is in, for its error. */
let where = 'start';
try {
  if (task.cpu === 2) cpu.becomeKworker();
  cpu.onInterrupt(() => onInterrupt({ cpu, objects }));
  cpu.enter();
  for (const pair of task.pairs) {
    broken = [];
    for (let round = 0; round < task.rounds; round++) {
      where = `${pair.first} against ${pair.second}, round ${round}, seed ${task.seed}`;
      oneRound(pair, round);
    }
    if (task.cpu === 2) say({ kind: 'pair', pair, broken });
  }
  cpu.idle();
} catch (error) {
  const last = lastEvents(machine.events, 16).map(describeEvent);
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  say({
    kind: 'error',
    cpu: task.cpu,
    text: [`${where}: ${stack}`, ...broken, ...last].join('\n'),
  });
}
