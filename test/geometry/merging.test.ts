/** Merging: the rules, and whether they put together what a 6.18 host has put together. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { checkGeometry, runGeometry } from '../../bench/commands/geometry.ts';
import { checkMerging, mergingNote } from '../../bench/commands/geometry-merging.ts';
import { builtInFile } from '../../bench/input/built-in.ts';
import {
  type RecordedCache,
  type RecordedGeometry,
  readSlabGeometry,
} from '../../bench/input/slab-geometry.ts';
import {
  type Mergeable,
  type MergeTraits,
  mergeBar,
  mergedName,
  mergesInto,
} from '../../core/slub/merge.ts';
import { geometryResults } from '../../reports/results.ts';

const published = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/published-geometry.json', import.meta.url), 'utf8'),
) as {
  constructors: { names: string[] };
  notShared: { constructors: string[]; boot: string[]; noMerge: string[] };
};

describe('the rules of merging', () => {
  const bars: [MergeTraits, ReturnType<typeof mergeBar>][] = [
    [{}, null],
    [{ usersize: 0, sheafCapacity: 0, ctor: false, debug: false }, null],
    [{ typesafeByRcu: true }, 'slabs under RCU'],
    [{ ctor: true }, 'constructor'],
    [{ usersize: 40 }, 'region for user copies'],
    [{ sheafCapacity: 32 }, 'sheaves'],
    [{ debug: true }, 'debug options'],
    [{ noMerge: true }, 'asks for none'],
  ];
  for (const [traits, bar] of bars) {
    test(`${JSON.stringify(traits)}: ${bar ?? 'may share'}`, () => {
      assert.equal(mergeBar(traits), bar);
    });
  }

  const existing: Mergeable = { size: 192, align: 8 };
  const requests: [what: string, request: Mergeable, merges: boolean][] = [
    ['the same size', { size: 192, align: 8 }, true],
    ['a line that divides the size', { size: 192, align: 64 }, true],
    ['a line that does not', { size: 192, align: 128 }, false],
    ['a word more', { size: 200, align: 8 }, false],
    ['a word less: that much would be wasted', { size: 184, align: 8 }, false],
    ['accounted', { size: 192, align: 8, account: true }, false],
    ['reclaimable', { size: 192, align: 8, reclaimAccount: true }, false],
    ['for DMA', { size: 192, align: 8, cacheDma: true }, false],
  ];
  for (const [what, request, merges] of requests) {
    test(`192 bytes and ${what}: ${merges ? 'one cache' : 'two'}`, () => {
      assert.equal(mergesInto(request, existing), merges);
    });
  }

  test('the name of a shared cache is its flags and its size', () => {
    const names = [
      mergedName({ size: 192, align: 8 }),
      mergedName({ size: 16, align: 8, reclaimAccount: true, account: true }),
      mergedName({ size: 4096, align: 8, cacheDma: true }),
    ];
    assert.deepEqual(names, [':0000192', ':aA-0000016', ':d-0004096']);
  });
});

describe('merging on the recorded 6.18 host', () => {
  let host: RecordedGeometry;
  before(async () => {
    host = await readSlabGeometry(builtInFile('slab-geometry.json'));
  });
  /** The host with one cache changed. */
  const changed = (name: string, change: Partial<RecordedCache>): RecordedGeometry => ({
    ...host,
    caches: host.caches.map((cache) => (cache.name === name ? { ...cache, ...change } : cache)),
  });
  const problems = (of: RecordedGeometry): string[] => checkMerging(of)?.mismatches ?? ['nothing'];

  test('194 names are in the 96 caches in which the rules put them', () => {
    const merging = checkMerging(host);
    assert.deepEqual(merging?.mismatches, []);
    assert.deepEqual([merging?.names, merging?.shared, merging?.own], [194, 96, 139]);
  });

  test('every cache that shares with nobody has a reason', () => {
    const { constructors, boot, noMerge } = published.notShared;
    // ext4_inode_cache has a region for user copies as well.
    const allConstructors = [...published.constructors.names, ...constructors];
    const known = [...allConstructors, ...boot, ...noMerge].filter((name) => {
      const cache = host.caches.find((one) => one.name === name);
      assert.ok(cache !== undefined, name);
      return mergeBar({ ...cache, ctor: false }) === null;
    });
    assert.equal(known.length, 24);
    assert.deepEqual(checkMerging(host)?.unexplained.toSorted(), known.toSorted());
    const reasons = new Map<string, number>();
    for (const cache of host.caches.filter(({ name }) => !name.startsWith(':'))) {
      const { name, typesafeByRcu, usersize, sheafCapacity } = cache;
      const bar = mergeBar({
        ...{ typesafeByRcu, usersize, sheafCapacity },
        ctor: allConstructors.includes(name),
        noMerge: noMerge.includes(name) || boot.includes(name),
      });
      reasons.set(bar ?? name, (reasons.get(bar ?? name) ?? 0) + 1);
    }
    assert.deepEqual(Object.fromEntries(reasons), {
      'slabs under RCU': 26,
      constructor: 19,
      'region for user copies': 87,
      sheaves: 1,
      'asks for none': 6,
    });
  });

  test('a recorded constructor is a reason, and what is left is said', () => {
    const it = changed('bdev_cache', { ctor: true });
    const merging = checkMerging(it);
    assert.equal(merging?.unexplained.includes('bdev_cache'), false);
    assert.match(merging === null ? '' : mergingNote(merging), /of 23 of them no file says why/);
  });

  test('what the rules would not do is noticed', () => {
    assert.deepEqual(problems(changed(':0000192', { typesafeByRcu: true })), [
      ':0000192 is shared in spite of: slabs under RCU',
    ]);
    assert.deepEqual(problems(changed(':0000192', { aliases: 6 })), [
      ':0000192 has 8 links, but 6 aliases beside its first user',
    ]);
    assert.deepEqual(problems(changed(':0000184', { size: 192 })), [
      ':0000184 should be named :0000192',
      ':0000184 and :0000192 should be one',
    ]);
    assert.deepEqual(problems({ ...host, aliases: new Map([...host.aliases, ['x', 'dentry']]) }), [
      'x is a link to dentry, which may not be shared',
    ]);
  });

  test('a host that merges nothing has nothing to check', () => {
    const caches = host.caches.filter(({ name }) => !name.startsWith(':'));
    assert.equal(checkMerging({ ...host, caches, aliases: new Map() }), null);
  });

  test('geometry tells, and checks it', async () => {
    const results = await checkGeometry({ file: 'host-6.18' });
    assert.doesNotThrow(() => geometryResults.parse(results));
    assert.match(
      results.notes.at(-1) ?? '',
      /^Merging: 194 names share 96 caches, 139 caches have/,
    );
    const { checks } = await runGeometry({ file: 'host-6.18' });
    assert.deepEqual(checks.at(-1), {
      ...{ name: 'caches merged as the kernel merged them', ok: true },
      detail: '194 names in 96 caches',
    });
  });
});
