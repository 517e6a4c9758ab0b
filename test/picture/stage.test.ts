/** The machine that a page plays with; it is watched, so this runs with the atomics of a single thread. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { applyChange, frameChange } from '../../bench/picture/changes.ts';
import type { Moment } from '../../bench/picture/recorder.ts';
import { type Played, play, scenario } from '../../bench/picture/scenario.ts';
import { type Act, CACHE_NAMES, createStage, type Stage } from '../../bench/picture/stage.ts';
import { dyingMemcgs, ownedPages, pinnedKib } from '../../bench/picture/words.ts';
import { audit, ModelError, ROOT_MEMCG, STRATEGY_NAMES } from '../../core/index.ts';
import type { Frame } from '../../reports/results-frames.ts';

const SOLO = '--conditions=solo';
/** Removal in `scenario`. */
const REMOVAL = 7;

function last<One>(list: readonly One[]): One {
  const found = list.at(-1);
  assert.ok(found !== undefined);
  return found;
}

function momentsOf({ moments }: Played, act: number): Moment[] {
  return moments.filter((one) => one.act === act);
}

function checkAgainstCore({ machine, cpu, look, objects }: Stage): void {
  const report = audit(machine, cpu);
  assert.deepEqual(report.violations, []);
  const frame = look();
  assert.equal(dyingMemcgs(frame).length, report.dying);
  for (const { row, css, pages, state } of frame.memcgs) {
    assert.equal(css, cpu.cssOf(row), `css of ${row}`);
    if (state === 'online' && row !== ROOT_MEMCG) assert.equal(pages, chargedTo(frame, row));
  }
  const used = frame.pages.flatMap((page) => page.objects).filter((owner) => owner >= 0);
  assert.equal(used.length, objects().length);
  checkObjects(frame, { machine, cpu, look, objects });
}

/** Pages of a memcg and of all below it: what its counter must be, as nothing is in stock. */
function chargedTo(frame: Frame, row: number): number {
  const below = frame.memcgs.filter(({ parent }) => parent === row);
  // Four objects of one obj_cgroup, of whichever slabs, fill a page that is charged; inherited ones stay apart.
  const own = frame.objcgs.filter(({ memcg }) => memcg === row).map((one) => one.row);
  const objects = frame.pages.flatMap((page) => page.objects);
  const perObjcg = own.map((objcg) => objects.filter((owner) => owner === objcg).length);
  const pages =
    frame.objcgs.length === 0
      ? ownedPages(frame, row)
      : perObjcg.reduce((sum, one) => sum + Math.ceil(one / 4), 0);
  return pages + below.reduce((sum, one) => sum + chargedTo(frame, one.row), 0);
}

function checkObjects(frame: Frame, stage: Pick<Stage, 'objects' | 'cpu' | 'machine' | 'look'>) {
  for (const { row, place, cache } of stage.objects()) {
    const page = frame.pages.find((one) => one.row === row);
    const owner = page?.objects[place] ?? -1;
    const kind = frame.caches.find((one) => one.row === page?.cache);
    assert.ok(kind?.name.startsWith(cache), `${kind?.name} holds a ${cache}`);
    const { ownerOf } = stage.cpu.strategy.objects ?? stage.cpu.strategy;
    const isObjcg = stage.machine.strategy.sharesCaches;
    const memcg = isObjcg ? frame.objcgs.find((one) => one.row === owner)?.memcg : owner;
    assert.equal(memcg, ownerOf(isObjcg ? (row << 6) | place : row));
  }
}

const groups = ['parent', 'child', 'other'] as const;
/** Operations in the dark: what cannot be done is refused. */
const wish = fc.oneof(
  fc.record({ do: fc.constant('create' as const), memcg: fc.constantFrom(...groups) }),
  fc.record({
    do: fc.constant('allocate' as const),
    memcg: fc.constantFrom(...groups),
    cache: fc.constantFrom(...CACHE_NAMES),
    objects: fc.integer({ min: 1, max: 13 }),
  }),
  fc.record({ do: fc.constant('free' as const), pick: fc.array(fc.nat(20), { minLength: 1 }) }),
  fc.record({ do: fc.constant('share' as const), pick: fc.nat(20) }),
  fc.record({ do: fc.constant('remove' as const), memcg: fc.constantFrom(...groups) }),
);

/** The operations that can be carried out, one after the other. */
function possible(
  strategy: string,
  wishes: readonly (typeof wish extends fc.Arbitrary<infer W> ? W : never)[],
): Act[] {
  const stage = createStage(strategy);
  const acts: Act[] = [];
  for (const one of wishes) {
    const serials = stage.objects().map(({ serial }) => serial);
    const names = stage.look().memcgs.map(({ name }) => name);
    let act: Act;
    if (one.do === 'create') {
      // A name stands for one cgroup at a time, and a dying one keeps its own.
      if (names.includes(one.memcg)) continue;
      act = { ...one, parent: one.memcg === 'child' ? 'parent' : 'root' };
    } else if (one.do === 'free') {
      const picked = [...new Set(one.pick)].flatMap((at) => serials[at] ?? []);
      if (picked.length === 0) continue;
      act = { do: 'free', objects: picked };
    } else if (one.do === 'share') {
      const object = serials[one.pick];
      if (object === undefined) continue;
      act = { do: 'share', object };
    } else act = one;
    try {
      assert.ok(stage.run(act).length > 0);
      acts.push(act);
    } catch (error) {
      assert.ok(error instanceof ModelError, String(error));
    }
    checkAgainstCore(stage);
  }
  return acts;
}

function checkStory(strategy: string): void {
  for (const pages of [8, 24, 64]) {
    const acts = scenario(pages);
    const played = play(strategy, acts);
    const { stage, moments } = played;
    checkAgainstCore(stage);
    const removal = momentsOf(played, REMOVAL);
    const { count, frame } = last(removal);
    const steps = stage.cpu.steps();
    assert.deepEqual(
      [count.pages, count.caches, count.objcgs],
      [steps.pagesMoved, steps.cachesMoved, steps.objcgsMoved],
    );
    const handing = removal.filter(({ handOver }) => handOver);
    const rewritten = count.pages + count.caches + count.objcgs;
    assert.equal(handing.length, rewritten + 1, 'a moment for each owner, and one for the rest');
    const dying = dyingMemcgs(frame).map(({ name }) => name);
    assert.deepEqual(dying, strategy === 'pin' ? ['child'] : []);
    assert.equal(pinnedKib(frame), strategy === 'pin' ? 4 * pages : 0);
    if (strategy === 'splice-caches' || strategy === 'objcg' || strategy === 'pin') {
      assert.deepEqual([count.pages, count.looks], [0, 0]);
      const touched = handing.flatMap((one) => one.touched.map(({ kind }) => kind));
      assert.ok(!touched.includes('page'), 'the hand-over does not look at a page');
      assert.equal(rewritten, { 'splice-caches': 3, objcg: 1, pin: 0 }[strategy]);
    } else {
      assert.deepEqual([count.pages, count.caches], [pages, 3]);
      assert.equal(count.looks, strategy === 'scan-pages' ? steps.rowsScanned : pages);
    }
    assert.deepEqual(last(moments).frame, stage.look());
    assert.equal(stage.objects().length, 8, 'what the parent allocated');
    assert.deepEqual(dyingMemcgs(stage.look()), []);
  }
}

function checkHistory(strategy: string): void {
  const run = fc.property(fc.array(wish, { maxLength: 18 }), (wishes) => {
    const acts = possible(strategy, wishes);
    const { moments, stage } = play(strategy, acts);
    assert.deepEqual(last(moments).frame, stage.look());
    // To step back is to play fewer operations: the same moments come, and forward again as well.
    const half = Math.floor(acts.length / 2);
    const before = play(strategy, acts.slice(0, half)).moments;
    assert.deepEqual(before, moments.slice(0, before.length));
    assert.deepEqual(play(strategy, acts).moments, moments);
    moments.slice(1).forEach(({ frame }, at) => {
      const was = moments[at]?.frame ?? frame;
      const change = frameChange(was, frame);
      assert.deepEqual(change === null ? was : applyChange(was, change), frame);
    });
  });
  fc.assert(run, { numRuns: 100 });
}

if (process.execArgv.includes(SOLO)) {
  for (const strategy of STRATEGY_NAMES) {
    test(`${strategy}: the story shows what the core counts`, () => checkStory(strategy));
    test(`${strategy}: any history is as the core has it, back and forth`, () =>
      checkHistory(strategy));
  }

  test('pin: one object keeps its page, and the page its cgroup', () => {
    const { frame } = last(momentsOf(play('pin', scenario(24)), REMOVAL + 1));
    const [child] = dyingMemcgs(frame);
    assert.deepEqual([child?.name, child?.css, pinnedKib(frame)], ['child', 1, 4]);
  });

  test('what cannot be done is refused, and says why', () => {
    const stage = createStage('splice-caches');
    const nowhere: Act = { do: 'create', memcg: 'a', parent: 'nowhere' };
    assert.throws(() => stage.run(nowhere), /there is no cgroup nowhere any more/);
    assert.throws(() => stage.run({ do: 'free', objects: [0] }), /object 0 was freed before/);
    stage.run({ do: 'create', memcg: 'a', parent: 'root' });
    const much: Act = { do: 'allocate', memcg: 'a', cache: 'dentry', objects: 1000 };
    assert.throws(() => stage.run(much), /no slab rows are left: free something first/);
  });
} else {
  test('under the atomics of a single thread', () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const file = fileURLToPath(import.meta.url);
    const run = spawnSync(process.execPath, [SOLO, file], { env, encoding: 'utf8' });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    assert.match(run.stdout, /^# pass 12$|pass 12/m);
  });

  test('a machine is not watched where several threads may drive it', () => {
    assert.throws(() => createStage('pin'), /can be watched under --conditions=solo only/);
  });
}
