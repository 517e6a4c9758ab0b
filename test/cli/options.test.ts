import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { UsageError } from '../../bench/errors.ts';
import { parseCount, parsePages, parseStrategies, quote } from '../../bench/option-values.ts';
import {
  compareDefaults,
  quickDefaults,
  RANGES,
  resolveCapacity,
  resolveCompare,
  resolveGeometry,
  runDefaults,
} from '../../bench/options.ts';
import { resolveRun } from '../../bench/run-options.ts';
import { ALL_STRATEGY_NAMES, STRATEGY_NAMES } from '../../core/index.ts';

const ANY = { min: 0, max: 1e9 };

test('a count is written plainly, with underscores or with an exponent', () => {
  const same = { '1000': 1000, '1_000_000': 1e6, '1e6': 1e6, '1E3': 1000, '1e+3': 1000 };
  for (const [text, value] of Object.entries(same)) {
    assert.equal(parseCount('--n', text, ANY), value);
  }
  assert.equal(parseCount('--n', '2.5e6', ANY), 2_500_000);
  assert.equal(parseCount('--n', '0', ANY), 0);
  for (const text of ['2.55e1', '1e', 'e3', '1_', '_1', ' 1', '1 ', '+1', '1e-3', '0b1', '１']) {
    assert.throws(() => parseCount('--n', text, ANY), UsageError, text);
  }
});

test('any whole number in the range comes back, any other text is refused', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), (value) => {
      assert.equal(parseCount('--n', String(value), ANY), value);
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!/^\d/.test(text));
      assert.throws(() => parseCount('--n', text, ANY), UsageError);
    }),
  );
});

test('pages are a list or a range by decades, and come out ascending', () => {
  assert.deepEqual(parsePages('--pages', '1e4,1e3', RANGES.pages), [1000, 10_000]);
  assert.deepEqual(parsePages('--pages', '1000..1000000', RANGES.pages), [1e3, 1e4, 1e5, 1e6]);
  assert.deepEqual(
    parsePages('--pages', '1e3..5e4', RANGES.pages),
    [1000, 10_000, 50_000],
    'the end is in',
  );
  assert.deepEqual(parsePages('--pages', '7..7', RANGES.pages), [7]);
  assert.deepEqual(parsePages('--pages', '1..100,5e3', RANGES.pages), [1, 10, 100, 5000]);
});

test('strategies are taken by name, variants too', () => {
  assert.deepEqual(parseStrategies('--s', ALL_STRATEGY_NAMES.join(',')), [...ALL_STRATEGY_NAMES]);
  assert.deepEqual(parseStrategies('--s', 'pin, splice-caches'), ['pin', 'splice-caches']);
});

test('what is quoted stays short and on one line', () => {
  assert.equal(quote('a\nb'), "'a\\nb'");
  assert.equal(quote('say "hi"'), `'say "hi"'`);
  assert.equal(quote('x'.repeat(100)).length, 62);
});

test('compare fills in what was left out', () => {
  const options = resolveCompare('compare', { color: true }, compareDefaults);
  assert.deepEqual(options.strategies, [...STRATEGY_NAMES]);
  assert.deepEqual(options.pages, [1e3, 1e4, 1e5, 1e6]);
  assert.equal(options.caches, 100);
  assert.equal(options.rounds, 7);
  assert.equal(options.population, 'builtin');
  assert.equal(options.liveObjects, 10_000_000);
  assert.equal(options.memmapRows, 0);
  assert.equal(options.atomics, 'solo');
  assert.equal(options.hotPath, true);
  assert.equal(options.seed, 1);
  assert.deepEqual(options.orders, ['in-order', 'shuffled']);
  assert.deepEqual(options.temperatures, ['warm', 'cold']);
});

test('--quick replaces defaults, never what was asked for', () => {
  const quick = resolveCompare('run', { color: true, quick: true, rounds: 9 }, runDefaults);
  assert.equal(quick.quick, true);
  assert.equal(quick.rounds, 9);
  assert.deepEqual(quick.pages, quickDefaults.pages);
  assert.equal(quick.liveObjects, quickDefaults.liveObjects);
  const both = { color: true, quick: true, order: 'both' } as const;
  assert.deepEqual(resolveCompare('run', both, runDefaults).orders, ['in-order', 'shuffled']);
  assert.equal(resolveCompare('run', { color: true }, runDefaults).cornersOnly, true);
  assert.equal(resolveCompare('run', both, runDefaults).cornersOnly, false, 'at every size');
  const one = { color: true, order: 'shuffled', temperature: 'cold', hotPath: false } as const;
  const narrow = resolveCompare('compare', one, compareDefaults);
  assert.deepEqual(narrow.orders, ['shuffled']);
  assert.deepEqual(narrow.temperatures, ['cold']);
  assert.equal(narrow.hotPath, false);
});

test('run passes on what a storm understands', () => {
  const { compare, storm } = resolveRun({
    ...{ color: true, cpus: 5, seed: 9, strategies: ['pin'], population: 'uniform' },
    ...{ pages: [100], rounds: 9, selfCheck: true },
  });
  assert.deepEqual([compare.pages, compare.rounds, compare.seed], [[100], 9, 9]);
  assert.deepEqual([storm?.cpus, storm?.seed, storm?.strategies], [5, 9, ['pin']]);
  assert.deepEqual([storm?.population, storm?.selfCheck, storm?.rounds], ['uniform', true, 3]);
  const quick = resolveRun({ color: true, quick: true });
  assert.deepEqual([quick.storm?.quick, quick.storm?.cpus, quick.storm?.rounds], [true, 2, 1]);
  assert.equal(resolveRun({ color: true, storm: false }).storm, null);
});

test('defaults are inside the ranges they promise', () => {
  for (const preset of [compareDefaults, runDefaults, quickDefaults]) {
    for (const pages of preset.pages) assert.ok(pages <= RANGES.pages.max);
    assert.ok(preset.rounds >= RANGES.rounds.min);
    assert.ok(preset.liveObjects >= RANGES.live.min);
  }
  const { objects, objectsPerSlab } = resolveCapacity({ color: true });
  assert.deepEqual([objects, objectsPerSlab], [1e9, 64]);
  assert.deepEqual(resolveGeometry({ color: true }, 'x'), {
    file: 'x',
    cpus: null,
    kernel: null,
    pageSize: null,
  });
});
