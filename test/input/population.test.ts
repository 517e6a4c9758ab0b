import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { builtInFile } from '../../bench/input/built-in.ts';
import {
  chooseCaches,
  loadPopulation,
  type Population,
  type PopulationCache,
} from '../../bench/input/population.ts';

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const sharesOf = ({ caches }: Population): number => sum(caches.map(({ share }) => share));
const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);
const HEADER = `slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
`;

describe('loadPopulation', () => {
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'population-'));
  });
  after(() => rmSync(directory, { recursive: true }));
  const write = (...lines: string[]): string => {
    const file = join(directory, 'slabinfo.txt');
    writeFileSync(file, `${HEADER}${lines.join('\n')}\n`);
    return file;
  };

  test('host-6.18: the recorded host, shares of pages, 5.3 limits', async () => {
    const population = await loadPopulation('host-6.18');
    assert.deepEqual([population.source, population.kernel], ['host-6.18', '6.18.44']);
    assert.equal(population.caches.length, 235);
    near(sharesOf(population), 1);
    assert.equal(population.caches.filter(({ share }) => share > 0).length, 137);
    const node = population.caches.find(({ name }) => name === 'radix_tree_node');
    assert.deepEqual(
      [node?.size, node?.objectsPerSlab, node?.pagesPerSlab, node?.minPartial, node?.cpuPartial],
      [584, 14, 2, 5, 13],
    );
    assert.deepEqual(await loadPopulation('builtin'), population);
  });

  test('a file: share by pages, utilisation by objects', async () => {
    const file = write(
      'a 10 20 1024 4 1 : tunables 0 0 0 : slabdata 5 5 0',
      'b 32 32 4096 8 8 : tunables 0 0 0 : slabdata 4 4 0',
      'c 0 0 64 64 1 : tunables 0 0 0 : slabdata 0 0 0',
    );
    const population = await loadPopulation(`slabinfo:${file}`);
    assert.deepEqual([population.source, population.kernel], [file, 'unknown']);
    assert.deepEqual(
      population.caches.map(({ share, utilisation }) => [share, utilisation]),
      [
        [5 / 37, 0.5],
        [32 / 37, 1],
        [0, 0],
      ],
    );
    assert.match(population.notes.join('\n'), /upper bound/);
  });

  test('limits of 6.x on request', async () => {
    const { caches, notes } = await loadPopulation('host-6.18', { cpuPartialKernel: '6.x' });
    assert.equal(caches.find(({ name }) => name === 'dentry')?.cpuPartial, 120);
    assert.match(notes.join('\n'), /cpu_partial follows the rules of kernel 6\.x/);
  });

  test('slabinfo:live reads the live file', async () => {
    const liveFile = builtInFile('slabinfo.txt');
    const population = await loadPopulation('slabinfo:live', { liveFile, pageSize: 4096 });
    assert.equal(population.source, liveFile);
    assert.equal(population.caches.length, 235);
  });

  test('slabinfo:live falls back to the built-in one with a note', async () => {
    const liveFile = join(directory, 'none');
    const population = await loadPopulation('slabinfo:live', { liveFile });
    assert.equal(population.source, 'host-6.18');
    assert.match(population.notes[0] ?? '', /none is not readable .*built-in population is used/);
  });

  test('uniform: order 0, the objects of the yardstick in turn', async () => {
    const { caches, kernel } = await loadPopulation('uniform', { uniformCaches: 10 });
    assert.equal(kernel, 'model');
    assert.deepEqual(
      caches.map(({ objectsPerSlab }) => objectsPerSlab),
      [64, 42, 32, 21, 64, 16, 51, 32, 64, 42],
    );
    for (const { size, objectsPerSlab, pagesPerSlab, share } of caches) {
      assert.equal(Math.floor(4096 / size), objectsPerSlab);
      assert.deepEqual([pagesPerSlab, share], [1, 0.1]);
    }
    assert.equal((await loadPopulation('uniform')).caches.length, 100);
  });

  test('what is not known is refused with the choices', async () => {
    for (const spec of ['', 'live', 'slabinfo', 'slabinfo:', 'host-5.3', 'Uniform']) {
      await assert.rejects(loadPopulation(spec), {
        name: 'UsageError',
        message: /is not known: slabinfo:FILE, slabinfo:live \(root\), host-6\.18 .* uniform/,
      });
    }
  });

  test('a file without a slab, or no slabinfo, is refused', async () => {
    const idle = write('c 0 0 64 64 1 : tunables 0 0 0 : slabdata 0 0 0');
    await assert.rejects(loadPopulation(`slabinfo:${idle}`), /no cache has a slab/);
    await assert.rejects(loadPopulation('slabinfo:/nowhere'), /\/nowhere: no such file/);
    writeFileSync(idle, 'hello\n');
    await assert.rejects(loadPopulation(`slabinfo:${idle}`), /slabinfo\.txt:1: header missing/);
  });
});

describe('chooseCaches', () => {
  const cache = (name: string, share: number, objectsPerSlab = 16): PopulationCache => ({
    name,
    size: 256,
    objectsPerSlab,
    pagesPerSlab: 1,
    share,
    utilisation: share > 0 ? 0.5 : 0,
    minPartial: 5,
    cpuPartial: 13,
  });
  const population = (...caches: PopulationCache[]): Population => ({
    source: 's',
    kernel: 'k',
    notes: ['n'],
    caches,
  });
  const namesOf = ({ caches }: Population): string[] => caches.map(({ name }) => name);
  const host = population(cache('b', 0.3), cache('c', 0.4), cache('a', 0.3), cache('z', 0));

  test('most pages first, equal ones by name, shares sum to 1 again', () => {
    const chosen = chooseCaches(host, 2);
    assert.deepEqual(namesOf(chosen), ['c', 'a']);
    near(chosen.caches[0]?.share ?? 0, 4 / 7);
    assert.match(chosen.notes.join('\n'), /^n\nThe 2 caches with most pages of 3 in use/);
  });

  test('as many as there are in use: nothing to note', () => {
    assert.deepEqual(chooseCaches(host, 3).notes, ['n']);
  });

  test('empty ones fill up with a tiny share, then copies', () => {
    const chosen = chooseCaches(host, 9);
    assert.deepEqual(namesOf(chosen), ['c', 'a', 'b', 'z', 'c#2', 'a#2', 'b#2', 'z#2', 'c#3']);
    near(sharesOf(chosen), 1);
    const shareOf = (index: number): number => chosen.caches[index]?.share ?? 0;
    near(shareOf(3), shareOf(2) / 2);
    near(shareOf(4), shareOf(0));
    assert.equal(chosen.caches[3]?.utilisation, 0.5);
    assert.match(chosen.notes.join('\n'), /Only 3 caches are in use: 1 empty ones/);
    assert.match(chosen.notes.join('\n'), /Only 4 caches to choose from: 5 are copies \(name#2\)/);
  });

  test('caches beyond the limit of the model are left out and named', () => {
    const chosen = chooseCaches(population(cache('tiny', 0.9, 513), cache('a', 0.1, 512)), 1);
    assert.deepEqual(namesOf(chosen), ['a']);
    near(sharesOf(chosen), 1);
    assert.match(chosen.notes.join('\n'), /more than 512 objects per slab .*: tiny/);
  });

  test('no cache left, or a count that is none, is refused', () => {
    assert.throws(() => chooseCaches(population(cache('t', 1, 600))), /MAX_MODEL_OBJECTS_PER_SLAB/);
    for (const count of [0, -1, 1.5, Number.NaN, 70_000]) {
      assert.throws(() => chooseCaches(host, count), { name: 'UsageError' });
    }
  });

  test('any population, any count: that many, unique names, shares sum to 1, same again', () => {
    const anyCache = fc.record({
      share: fc.nat({ max: 50 }),
      objects: fc.integer({ min: 1, max: 600 }),
    });
    fc.assert(
      fc.property(
        fc.array(anyCache, { minLength: 1 }),
        fc.integer({ min: 1, max: 200 }),
        (raw, count) => {
          const total = sum(raw.map(({ share }) => share)) || 1;
          const any = population(
            ...raw.map(({ share, objects }, index) => cache(`c${index}`, share / total, objects)),
          );
          fc.pre(
            any.caches.some(({ share, objectsPerSlab }) => share > 0 && objectsPerSlab <= 512),
          );
          const chosen = chooseCaches(any, count);
          assert.equal(chosen.caches.length, count);
          assert.equal(new Set(namesOf(chosen)).size, count);
          near(sharesOf(chosen), 1);
          for (const { share, objectsPerSlab } of chosen.caches) {
            assert.ok(share > 0 && objectsPerSlab <= 512);
          }
          const reversed = { ...any, caches: [...any.caches].reverse() };
          assert.deepEqual(namesOf(chooseCaches(reversed, count)), namesOf(chosen));
        },
      ),
    );
  });
});
