/** The lines that say it all: each follows from the record. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CompareRecord } from '../../reports/index.ts';
import { inShort } from '../../reports/run-words.ts';
import { leakRecord } from './fixtures/leak-record.ts';
import { syntheticCompare } from './fixtures/synthetic-compare.ts';

const compare: CompareRecord = { ...syntheticCompare({ noise: 0.001 }), command: 'run' };

function told(record: CompareRecord): string {
  return inShort(record)
    .flatMap(({ text, points = [] }) => [text, ...points])
    .join('\n');
}

test('a sentence a design: what it touches, whether that grows, and what stays', () => {
  const text = told(compare);
  assert.match(text, /^In short, when a cgroup with 1,000,000 pages goes:\npin moves nothing, and/);
  assert.match(text, /the cgroup stays, dying, with [\d.]+ GiB\./);
  assert.match(text, /\nscan-pages scans 750,000 slab rows, growing with the pages\./);
  assert.match(text, /\nlist-pages visits all 500,000 slabs, growing with the pages\./);
  assert.match(text, /\nsplice-caches hands over 100 caches, however many pages\./);
  assert.doesNotMatch(text, /simulated host/);
});

test('whether it grows is left open where that cannot be told', () => {
  const noisy = structuredClone(compare);
  for (const growth of noisy.results.growth) growth.ci95 = [-0.2, 0.4];
  assert.match(told(noisy), /\nsplice-caches hands over 100 caches\.$/m);
  assert.doesNotMatch(told(noisy), /growing|however many/);
});

test('slower allocations are told where every operation is, and not for one of them', () => {
  assert.doesNotMatch(told(compare), /every allocation/);
  const slower = structuredClone(compare);
  const paths = slower.results.hotPath.filter(({ strategy }) => strategy === 'list-pages');
  paths.forEach((entry, at) => {
    entry.rounds = entry.rounds.map((ns) => ns * (3 + at));
  });
  const [first] = paths;
  assert.ok(first !== undefined && paths.length > 1);
  assert.match(
    told(slower),
    /list-pages [^.]*; but every allocation and free takes [\d.]+x to [\d.]+x as long as under pin\./,
  );
  first.rounds = first.rounds.map((ns) => ns / 3);
  assert.doesNotMatch(told(slower), /every allocation/);
});

test('hosts are told with the designs that end alike together', () => {
  const record = { ...compare, results: { ...compare.results, leak: leakRecord().results } };
  assert.match(
    told(record),
    /\nAfter 7 days a simulated host has dying cgroups: 1,479 under pin and \d+ under scan-pages, list-pages and splice-caches\./,
  );
});

test('without a removal there is nothing to put in short', () => {
  const record = structuredClone(compare);
  record.results.offline = [];
  assert.deepEqual(inShort(record), []);
});
