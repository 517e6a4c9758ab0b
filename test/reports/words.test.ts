import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CompareRecord, compareWords } from '../../reports/index.ts';
import { syntheticCompare } from './fixtures/synthetic-compare.ts';

const say = (record: CompareRecord): string =>
  compareWords(record)
    .map((note) => note.text)
    .join('\n');

test('the headline names the work, the time, the ratio and the growth of each strategy', () => {
  const text = say(syntheticCompare());
  assert.match(
    text,
    /^Removing a cgroup with 1,000,000 slab pages \(hand-over alone, CPU caches warm/,
  );
  assert.match(text, /splice-caches hands over 100 caches in 0\.4\d* us, the same at every size/);
  assert.match(
    text,
    /scan-pages scans 750,000 slab rows: 1\.\d+ ms, 2,\d+x as long \(95 %: .*x to .*x\)/,
  );
  assert.match(
    text,
    /list-pages visits all 500,000 slabs: .* growing with the pages \(exponent 1\.\d+\)/,
  );
  assert.match(text, /^pin takes .* us and leaves 1 dying cgroup, 3\.81 GiB pinned\.$/m);
  assert.match(text, /^At 1,000 pages: splice-caches .*Whole removal of 1,000,000: splice-caches/m);
  assert.match(text, /^Allocating, against pin: list-pages 1\.\d+x for churn/m);
});

test('nothing is taken for granted: where the walk of a list is quickest, it is the measure', () => {
  const record = syntheticCompare({ strategies: ['list-pages', 'splice-caches'] });
  for (const entry of record.results.offline) {
    if (entry.strategy !== 'list-pages') continue;
    entry.rounds = entry.rounds.map((_, index) => 100 + index);
    entry.ns = { ...entry.ns, p50: 103, ci95: [101, 105] };
  }
  record.results.ratios = [];
  const text = say(record);
  assert.match(text, /: list-pages visits all 500,000 slabs in 0\.103 us/);
  assert.match(text, /splice-caches hands over 100 caches: .*x as long/);
});

test('a ratio recorded the other way round is turned round', () => {
  const record = syntheticCompare({ strategies: ['list-pages', 'splice-caches'] });
  const expected = say(record);
  record.results.ratios = record.results.ratios.map((entry) => ({
    ...entry,
    baseline: entry.candidate,
    candidate: entry.baseline,
    ratio: 1 / entry.ratio,
    ci95: [1 / entry.ci95[1], 1 / entry.ci95[0]],
    verdict: 'better',
  }));
  assert.equal(say(record), expected);
});

test('what cannot be told is said to be so', () => {
  const record = syntheticCompare({ strategies: ['list-pages', 'splice-caches'] });
  for (const ratio of record.results.ratios) {
    Object.assign(ratio, { verdict: 'cannot tell', ratio: 1.1, ci95: [0.9, 1.4] });
  }
  assert.match(
    say(record),
    /cannot tell if longer or shorter, 1\.1x \(95 %: 0\.9x to 1\.4x\): take more/,
  );
  for (const ratio of record.results.ratios) ratio.verdict = 'same';
  assert.match(say(record), /the same within noise, 1\.1x/);
  for (const growth of record.results.growth) growth.ci95 = [-0.2, 0.4];
  assert.match(say(record), /perhaps changing with the pages \(exponent -0\.20 to 0\.40\)/);
  for (const growth of record.results.growth) growth.ci95 = [-0.4, -0.2];
  assert.match(say(record), /falling with the pages/);
});

test('a strategy alone is not compared with anything', () => {
  const text = say(syntheticCompare({ strategies: ['splice-caches'] }));
  assert.match(text, /No other strategy was measured/);
  assert.doesNotMatch(text, /as long|Allocating/);
});

test('pin alone has no quickest clean strategy to stand against', () => {
  const text = say(syntheticCompare({ strategies: ['pin'] }));
  assert.match(text, /^pin takes .* leaves 1 dying cgroup/m);
  assert.doesNotMatch(text, /undefined|NaN/);
});

test('without a hand-over the whole removal is judged', () => {
  const text = say(syntheticCompare({ what: ['removal'] }));
  assert.match(text, /\(whole removal, CPU caches warm, pages shuffled\)/);
  assert.doesNotMatch(text, /Whole removal of/);
});

test('conclusions are drawn where two strategies can be compared', () => {
  const record = syntheticCompare({ strategies: ['list-pages', 'splice-caches'] });
  record.results.offline = record.results.offline.filter(
    (entry) => entry.pages < 1_000_000 || entry.strategy === 'list-pages',
  );
  assert.match(say(record), /^Removing a cgroup with 31,622 slab pages/);
});

test('a run cut short, failed checks and failed self-checks are said', () => {
  const record: CompareRecord = {
    ...syntheticCompare({ sizes: [1000], strategies: ['pin', 'splice-caches'] }),
    complete: false,
    checks: [
      { name: 'audit', ok: false, detail: 'inuse + free is 7, not 8' },
      { name: 'release', ok: true, detail: 'fine' },
    ],
  };
  const check = {
    strategy: 'pin',
    pages: 1000,
    order: 'shuffled',
    temperature: 'warm',
    what: 'removal',
    ratio: 1.2,
    ci95: [1.1, 1.3],
    verdict: 'same',
  } as const;
  const pairs = [{ ...check, ci95: [...check.ci95] as [number, number] }];
  record.results.selfCheck = pairs;
  const text = say(record);
  assert.match(text, /^Cut short: .* removals at 1,000 pages, and pin and splice-caches\./);
  assert.match(text, /Check failed: audit: inuse \+ free is 7, not 8/);
  assert.doesNotMatch(text, /release/);
  assert.match(text, /Self-check: none of 1 comparisons .* different/);
  record.results.selfCheck = pairs.map((pair) => ({ ...pair, verdict: 'worse' as const }));
  assert.match(say(record), /1 of 1 comparisons .*\(pin 1\.2x at 1,000 pages\)\. Do not trust/);
});
