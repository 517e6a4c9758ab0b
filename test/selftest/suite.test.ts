/** The suite itself: what is expected comes out, whatever the seed, and what is wrong is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunnableCase } from '../../bench/selftest/case.ts';
import { judge, runSuite, SUITE } from '../../bench/selftest/suite.ts';
import { makeWorld } from '../../bench/selftest/world.ts';
import { ALL_STRATEGY_NAMES, MISTAKEN_NAMES } from '../../core/index.ts';
import type { SelftestTest } from '../../reports/index.ts';

const NAMES = [...ALL_STRATEGY_NAMES, ...MISTAKEN_NAMES];

function run(strategy: string, seed: number, only: readonly string[] | null = null, cpus = 4) {
  return runSuite({ strategy, cpus, quick: true, seed }, only);
}

function rowOf(rows: readonly SelftestTest[], name: string): SelftestTest {
  const row = rows.find((one) => one.name === name);
  assert.ok(row, name);
  return row;
}

function runnable(name: string): RunnableCase {
  const found = SUITE.find((one) => one.name === name);
  assert.ok(found !== undefined && !('skipped' in found), name);
  return found;
}

for (const strategy of NAMES) {
  test(`${strategy}: every test comes out as its kernel has it, under several seeds`, () => {
    for (const [seed, cpus] of [
      [1, 4],
      [3, 2],
    ] as const) {
      const wrong = run(strategy, seed, null, cpus).filter((one) => !one.asExpected);
      assert.deepEqual(
        wrong.map(({ name, detail }) => `${name}: ${detail}`),
        [],
        `seed ${seed}, ${cpus} CPUs`,
      );
    }
  });
}

test('the same seed gives the same rows, to the last figure', () => {
  const only = ['kmem_memcg_deletion', 'chain', 'residue'];
  const rows = (seed: number) => JSON.stringify(run('objcg', seed, only));
  assert.equal(rows(5), rows(5));
  // Pages are coarse: two seeds may agree.
  assert.ok(new Set([1, 2, 3, 4, 5, 6].map(rows)).size > 1);
});

test('the suite: names are given once, expectations name strategies, reasons and sources', () => {
  const names = SUITE.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const one of SUITE) {
    assert.match(one.name, /^[a-z0-9_]+$/);
    assert.ok(one.source !== '' && one.about !== '', one.name);
    if ('skipped' in one) assert.ok(one.skipped !== '');
    else {
      for (const { strategies, fails, reason, source, thresholds } of one.expected) {
        for (const strategy of strategies) assert.ok(NAMES.includes(strategy), strategy);
        assert.ok(fails.length > 0 && thresholds.length > 0 && reason !== '' && source !== '');
      }
    }
  }
});

test('every test of the kernel is there, run or skipped', () => {
  const kernel = [
    ...['kmem_basic', 'kmem_memcg_deletion', 'kmem_proc_kpagecgroup', 'kmem_kernel_stacks'],
    ...['kmem_dead_cgroups', 'percpu_basic', 'memcg_subtree_control', 'memcg_current_peak'],
    ...['memcg_min', 'memcg_low', 'memcg_high', 'memcg_high_sync', 'memcg_max', 'memcg_reclaim'],
    ...['memcg_oom_events', 'memcg_swap_max_peak', 'memcg_sock', 'memcg_oom_group_leaf_events'],
    ...['memcg_oom_group_parent_events', 'memcg_oom_group_score_events'],
  ];
  const lacking = [
    ...['append_reproducer', 'stack_mover', 'tmpfs_keeper', 'shared_slab_page', 'chain'],
    ...['residue', 'local_stats', 'limit_error_path', 'id_reuse', 'small_shrinker'],
    'dentry_keeper',
  ];
  for (const name of [...kernel, ...lacking]) {
    assert.ok(
      SUITE.some((one) => one.name === name),
      name,
    );
  }
});

test('a skipped test is no pass, for anybody', () => {
  const rows = run('splice-caches', 1, ['percpu_basic', 'memcg_min', 'memcg_sock']);
  assert.equal(rows.length, 3);
  for (const { ok, outcome, expected, detail } of rows) {
    assert.deepEqual([ok, outcome, expected], [false, 'skip', 'skip']);
    assert.ok(detail.length > 0);
  }
});

test('pin must fail kmem_dead_cgroups, the others must not', () => {
  for (const strategy of NAMES) {
    const row = rowOf(run(strategy, 1, ['kmem_dead_cgroups']), 'kmem_dead_cgroups');
    assert.deepEqual([row.ok, row.asExpected], [strategy !== 'pin', true], strategy);
  }
});

test('residue: only stocks compared by memcg lose bytes, and no more than the bound', () => {
  for (const strategy of NAMES) {
    const rows = run(strategy, 3, ['residue']);
    const loses = strategy === 'objcg-by-memcg';
    assert.equal(rowOf(rows, 'residue').ok, true, 'within what the kernel tolerates');
    const strict = rowOf(rows, 'residue.strict');
    assert.equal(strict.ok, !loses, strategy);
    assert.equal(strict.failures.includes('bound'), false);
    if (!loses) continue;
    const found = /(\d+) bytes lost in (\d+) lives, of at most 8190 in each/.exec(strict.detail);
    const [lost, lives] = [Number(found?.[1]), Number(found?.[2])];
    assert.ok(lost > 0 && lost <= 8190 * lives, strict.detail);
  }
});

test('another strategy under the name of one is found, worse or better', () => {
  const dead = runnable('kmem_dead_cgroups');
  const findings = (strategy: string) =>
    dead.run(makeWorld({ strategy, cpus: 2, quick: true, seed: 1 }));
  const [worse] = judge(dead, 'splice-caches', findings('pin'));
  assert.deepEqual([worse?.outcome, worse?.asExpected], ['fail', false]);
  const better = judge(dead, 'pin', findings('splice-caches'));
  assert.deepEqual(
    better.map(({ outcome, expected, asExpected }) => [outcome, expected, asExpected]),
    [
      ['pass', 'fail', false],
      ['pass', 'fail', false],
    ],
  );
});

test('a failure for another reason than the known one is not expected', () => {
  const dead = runnable('kmem_dead_cgroups');
  const held = { what: 'accounts', ok: true, detail: 'exact' };
  const dying = { what: 'dying', ok: false, detail: '30 dying' };
  const known = judge(dead, 'pin', { kernel: [dying], strict: [held] });
  assert.deepEqual(
    known.map(({ asExpected }) => asExpected),
    [true, true],
  );
  const more = judge(dead, 'pin', { kernel: [dying], strict: [{ ...held, ok: false }] });
  assert.deepEqual(
    more.map(({ asExpected }) => asExpected),
    [true, false],
  );
});

test('a test that throws is an error, expected or not', () => {
  const broken = runnable('kmem_dead_cgroups');
  for (const strategy of ['pin', 'objcg']) {
    const rows = judge(broken, strategy, new RangeError('out of bounds'));
    assert.equal(rows.length, 2);
    for (const { ok, outcome, asExpected, detail } of rows) {
      assert.deepEqual([ok, outcome, asExpected], [false, 'error', false]);
      assert.match(detail, /RangeError: out of bounds/);
    }
  }
});
