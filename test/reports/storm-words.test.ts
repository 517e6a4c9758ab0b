import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StormRecord } from '../../reports/index.ts';
import { stormWords } from '../../reports/storm-words.ts';
import { type StormLook, syntheticStorm } from './fixtures/synthetic-storm.ts';

function say(record: StormRecord): string[] {
  return stormWords(record).map((note) => note.text);
}

/** The record changed in place. */
function changed(look: StormLook, change: (results: StormRecord['results']) => void): StormRecord {
  const record = syntheticStorm(look);
  change(record.results);
  return record;
}

test('one sentence a measure says against whom it is better, worse, the same or undecided', () => {
  const [throughput, slowest, stall] = say(syntheticStorm());
  assert.equal(
    throughput,
    'Throughput, splice-caches: better than pin (1.2x as much, 95 %: 1.1x to 1.3x); worse than ' +
      'scan-pages (1.3x as much, 95 %: 1.2x to 1.4x); the same as list-pages (1.4x as much, 95 %: ' +
      '1.3x to 1.5x).',
  );
  assert.match(slowest ?? '', /^The slowest allocations \(p99\.9\), .*1\.2x as long/);
  assert.match(slowest ?? '', /; cannot tell for list-pages: the rounds vary more/);
  assert.match(stall ?? '', /^The longest wait during a removal, splice-caches: better than list-/);
});

test('a measure that was not compared is not spoken of', () => {
  const record = changed({}, (results) => {
    results.comparisons = results.comparisons.filter((one) => one.what === 'stall');
  });
  const sentences = say(record).filter((text) =>
    /splice-caches: (better|worse|the same)/.test(text),
  );
  assert.equal(sentences.length, 1);
});

test('waits during removals stand beside windows without one, where there were any', () => {
  const text = say(syntheticStorm()).filter((one) => one.startsWith('While '));
  assert.equal(text.length, 4);
  assert.match(text[0] ?? '', /3 of 12 times \(1 of 12 in windows as long without a removal\)\.$/);
  assert.match(text[2] ?? '', /longer than the removal 1 of 12 times\.$/);
});

test('what is dying is said of who left it', () => {
  const text = say(syntheticStorm()).filter((one) => one.includes('dying'));
  assert.deepEqual(text, ['pin left 8 dying cgroups, 108 MiB pinned.']);
  const one = changed({}, (results) => {
    for (const row of results.storm) row.dying = Math.min(1, row.dying);
  });
  assert.ok(say(one).includes('pin left 1 dying cgroup, 108 MiB pinned.'));
});

test('nothing lost is said with what was looked at; violations are counted and bad', () => {
  const good = stormWords(syntheticStorm()).find((note) => note.text.startsWith('Nothing'));
  assert.equal(good?.tone, 'good');
  assert.match(good?.text ?? '', /228,000,006 operations, 288 cgroups removed, 36 audits, no inv/);
  const bad = stormWords(syntheticStorm({ violations: 1 })).filter((note) => note.tone === 'bad');
  assert.deepEqual(
    bad.map((note) => note.text),
    [
      '228,000,006 operations, 288 cgroups removed, 36 audits: 1 violation, listed above.',
      'Check failed: splice-caches: nothing lost: C-A: memcg 3 is charged',
    ],
  );
  const small = changed({ strategies: ['pin'], rounds: 1 }, (results) => {
    for (const row of results.storm) Object.assign(row, { operations: 1, cgroupsRemoved: 1 });
    for (const row of results.audits) row.audits = 1;
  });
  assert.ok(
    say(small).includes(
      'Nothing is lost: 1 operation, 1 cgroup removed, 1 audit, no invariant broken.',
    ),
  );
});

test('a run that ended early says why, or that it did', () => {
  const failed = say(syntheticStorm({ failure: true, complete: false }));
  assert.equal(
    failed.at(-1),
    'Ended early: CPU 1 of list-pages: stood still for 30 s (latencies).',
  );
  assert.equal(failed.includes('Cut short: not every round ran.'), false);
  assert.equal(say(syntheticStorm({ complete: false })).at(-1), 'Cut short: not every round ran.');
  assert.deepEqual(say(syntheticStorm({ rounds: 0, complete: false })), [
    'Cut short: not every round ran.',
  ]);
});
