/**
 * Model-based tests: random commands against the oracle, for every strategy, with the whole machine
 * audited after each step. fast-check prints seed and path of a failure.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ALL_STRATEGY_NAMES,
  audit,
  bindCpu,
  type Cpu,
  createMachine,
  type Machine,
  NO_LIMIT,
  NO_OBJECT,
  ROOT_MEMCG,
  STRATEGIES,
} from '../../core/index.ts';
import { Oracle } from '../support/oracle.ts';

/** Objects per slab around every boundary of words and rows. */
const SHAPES = [1, 2, 5, 16, 31, 32, 33, 63, 64, 65, 100, 128, 170, 512];
const MEMCGS = 24;

interface Real {
  readonly machine: Machine;
  readonly cpu: Cpu;
  readonly roots: number[];
}

function createReal(strategy: string): Real {
  const machine = createMachine({
    ...{ strategy, cpus: 1, slabRows: 900, kmemCaches: 1000, rootCaches: SHAPES.length },
    ...{ memcgs: MEMCGS, kmemIds: MEMCGS },
  });
  const cpu = bindCpu(machine, 0);
  const roots = SHAPES.map((objectsPerSlab, index) =>
    cpu.createRootCache({
      ...{ size: 8, objectsPerSlab, pagesPerSlab: 1 << (index % 4) },
      ...{ minPartial: index % 6, cpuPartialSlabs: index % 5 },
    }),
  );
  return { machine, cpu, roots };
}

function pick<T>(from: readonly T[], choice: number): T | undefined {
  return from[choice % Math.max(1, from.length)];
}

/** Compares everything observable. */
function compare(model: Oracle, real: Real, what: string): void {
  const report = audit(real.machine, real.cpu);
  assert.deepEqual(report.violations, [], what);
  assert.equal(report.objects, model.objects.size, `${what}: objects handed out`);
  for (const memcg of model.memcgs.values()) {
    const { descendants, dying } = model.counts(memcg);
    assert.equal(real.machine.memcgs.descendants[memcg.id], descendants, `${what}: descendants`);
    assert.equal(real.machine.memcgs.dying[memcg.id], dying, `${what}: dying`);
  }
  for (const handle of model.objects.keys()) {
    assert.equal(real.cpu.ownerOfObject(handle), model.ownerOf(handle), `${what}: owner`);
  }
}

/** Runs deferred work and checks which removed memcgs are gone. */
function settle(model: Oracle, real: Real): void {
  real.cpu.runDeferred();
  const { mustBeGone, mustStay } = model.settle();
  const { flags } = real.machine.memcgs;
  for (const id of mustStay) assert.notEqual(flags[id], 0, `memcg ${id} is pinned, yet gone`);
  for (const id of mustBeGone) {
    assert.equal(flags[id], 0, `memcg ${id} holds nothing, yet it is still there`);
  }
  for (const id of mustBeGone) model.forget(id);
}

type Command = fc.Command<Oracle, Real>;

function command(name: string, run: (model: Oracle, real: Real) => void): Command {
  return {
    check: () => true,
    run(model, real) {
      run(model, real);
      compare(model, real, name);
    },
    toString: () => name,
  };
}

const number = fc.nat({ max: 2 ** 20 });

const createMemcg = number.map((choice) =>
  command(`createMemcg(${choice})`, (model, real) => {
    const parent = pick(model.online(), choice);
    if (parent === undefined) return;
    if (model.memcgs.size >= MEMCGS) return;
    model.add(real.cpu.createMemcg(parent.id), parent.id);
  }),
);

/** A batch from one cache of one online memcg. */
const alloc = fc.tuple(number, number, fc.integer({ min: 1, max: 140 })).map(([who, what, count]) =>
  command(`alloc(${who}, ${what}, ${count})`, (model, real) => {
    const memcg = pick(
      model.online().filter((one) => one.id !== ROOT_MEMCG),
      who,
    );
    const root = pick(real.roots, what);
    if (memcg === undefined || root === undefined) return;
    const cache = real.cpu.createCache(memcg.id, root);
    for (let object = 0; object < count; object++) {
      const handle = real.cpu.alloc(cache);
      if (handle === NO_OBJECT) return;
      model.alloc(handle, cache, memcg.id);
    }
  }),
);

/** A batch: the oldest, the newest, or some in between. */
const free = fc
  .tuple(fc.constantFrom('old', 'new', 'any'), number, fc.integer({ min: 1, max: 200 }))
  .map(([which, choice, count]) =>
    command(`free(${which}, ${choice}, ${count})`, (model, real) => {
      const handles = [...model.objects.keys()];
      for (let object = 0; object < count && handles.length > 0; object++) {
        const place =
          which === 'old' ? 0 : which === 'new' ? handles.length - 1 : choice % handles.length;
        const [handle] = handles.splice(place, 1);
        if (handle === undefined) return;
        real.cpu.free(handle);
        model.free(handle);
      }
    }),
  );

const setLimit = fc.tuple(number, fc.integer({ min: 0, max: 60 })).map(([who, pages]) =>
  command(`setLimit(${who}, ${pages})`, (model, real) => {
    const memcg = pick(
      model.online().filter((one) => one.id !== ROOT_MEMCG),
      who,
    );
    if (memcg !== undefined) real.cpu.setLimit(memcg.id, pages < 50 ? pages : NO_LIMIT);
  }),
);

const rmdir = number.map((choice) =>
  command(`rmdir(${choice})`, (model, real) => {
    const memcg = pick(model.removable(), choice);
    if (memcg === undefined) return;
    real.cpu.rmdir(memcg.id);
    model.remove(memcg.id);
  }),
);

const runDeferred = fc.constant(command('runDeferred', settle));

const tidy = fc.tuple(fc.boolean(), number).map(([shrink, choice]) =>
  command(`${shrink ? 'shrink' : 'flush'}(${choice})`, (model, real) => {
    const object = pick([...model.objects.values()], choice);
    if (object === undefined) return;
    if (shrink) real.cpu.shrink(object.cache);
    else real.cpu.flush(object.cache);
  }),
);

function repeat<T>(arbitrary: T, times: number): T[] {
  return Array.from({ length: times }, () => arbitrary);
}

/** Commands of a phase that fills the machine, or of one that drains it. */
function phase(filling: boolean): fc.Arbitrary<Iterable<Command>> {
  const arbitraries = [
    ...repeat(createMemcg, filling ? 3 : 1),
    ...repeat(alloc, filling ? 6 : 2),
    ...repeat(free, filling ? 2 : 6),
    ...repeat(rmdir, filling ? 1 : 3),
    ...[setLimit, runDeferred, tidy],
  ];
  return fc.commands(arbitraries, { maxCommands: 40, size: 'max' });
}

/** Frees and removes everything; nothing may be left. */
function drain(model: Oracle, real: Real): void {
  for (const handle of [...model.objects.keys()]) {
    real.cpu.free(handle);
    model.free(handle);
  }
  compare(model, real, 'all freed');
  for (let memcg = model.removable()[0]; memcg !== undefined; memcg = model.removable()[0]) {
    real.cpu.rmdir(memcg.id);
    model.remove(memcg.id);
  }
  settle(model, real);
  real.cpu.drainStock();
  // Caches that all share stay, with an empty slab or two.
  if (real.machine.strategy.sharesCaches) for (const root of real.roots) real.cpu.shrink(root);
  real.cpu.runDeferred();
  const { slabs, dying, violations } = audit(real.machine, real.cpu);
  assert.deepEqual({ slabs, dying, violations }, { slabs: 0, dying: 0, violations: [] });
  assert.equal(real.cpu.cssOf(ROOT_MEMCG), 1, 'only the root itself holds the root');
}

for (const strategy of ALL_STRATEGY_NAMES) {
  test(`${strategy}: commands agree with the oracle and break no invariant`, () => {
    const early = STRATEGIES.find((one) => one.name === strategy)?.releasesEarly === true;
    fc.assert(
      fc.property(phase(true), phase(false), (fill, drainSome) => {
        const real = createReal(strategy);
        const model = new Oracle(ROOT_MEMCG, !early);
        fc.modelRun(() => ({ model, real }), fill);
        fc.modelRun(() => ({ model, real }), drainSome);
        drain(model, real);
      }),
      { numRuns: 150 },
    );
  });

  test(`${strategy}: a long random walk stays sound`, () => {
    const early = STRATEGIES.find((one) => one.name === strategy)?.releasesEarly === true;
    const real = createReal(strategy);
    const model = new Oracle(ROOT_MEMCG, !early);
    const handles: number[] = [];
    let state = 12_345;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      return Math.floor(((state >>> 0) / 2 ** 32) * below);
    };
    for (let step = 0; step < 20_000; step++) {
      const filling = Math.floor(step / 2500) % 2 === 0;
      const dice = random(1000);
      if (dice < 4 && model.memcgs.size < MEMCGS) {
        const parent = pick(model.online(), random(100));
        if (parent !== undefined) model.add(real.cpu.createMemcg(parent.id), parent.id);
      } else if (dice < 7) {
        const memcg = pick(model.removable(), random(100));
        if (memcg !== undefined) {
          real.cpu.rmdir(memcg.id);
          model.remove(memcg.id);
        }
      } else if (dice < 10) settle(model, real);
      else if (dice < (filling ? 700 : 350)) {
        const homes = model.online().filter((one) => one.id !== ROOT_MEMCG);
        const memcg = pick(homes, random(100));
        const root = pick(real.roots, random(100));
        if (memcg === undefined || root === undefined) continue;
        const cache = real.cpu.createCache(memcg.id, root);
        const handle = real.cpu.alloc(cache);
        if (handle === NO_OBJECT) continue;
        model.alloc(handle, cache, memcg.id);
        handles.push(handle);
      } else if (handles.length > 0) {
        const place = random(handles.length);
        const handle = handles[place] ?? 0;
        handles[place] = handles.at(-1) ?? 0;
        handles.pop();
        real.cpu.free(handle);
        model.free(handle);
      }
      if (step % 1000 === 0) compare(model, real, `step ${step}`);
    }
    drain(model, real);
  });
}
