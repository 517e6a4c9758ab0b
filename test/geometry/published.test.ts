import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import {
  type GeometryKernel,
  type GeometryRules,
  geometryOfSize,
  orderFor,
  slabSize,
} from '../../core/slub/geometry.ts';

type Row = [name: string, size: number, objects: number, pages: number];
interface Listing {
  letter: string;
  inModel: number;
  pageSize: number;
  cpus: [number, number];
  kernels: GeometryKernel[];
  rows: Row[];
}
interface Published {
  listings: Listing[];
  largePages: { pageSize: number; rows: [...Row, number, number][] };
  worked: { rows: [string, ...number[]][] };
}
const published = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/published-geometry.json', import.meta.url), 'utf8'),
) as Published;
const KERNELS: GeometryKernel[] = ['5.3', '6.x'];
const rulesOf = (kernel: GeometryKernel, cpus: number, pageSize = 4096): GeometryRules => ({
  kernel,
  cpus,
  pageSize,
});

/** Rows that do not come out, in words. */
function misses(rows: readonly Row[], rules: GeometryRules): string[] {
  return rows.flatMap(([name, size, objects, pages]) => {
    const { objectsPerSlab, pagesPerSlab } = geometryOfSize(size, rules);
    const same = objectsPerSlab === objects && pagesPerSlab === pages;
    return same ? [] : [`${name} ${size}: ${objectsPerSlab}/${pagesPerSlab}`];
  });
}

describe('published listings', () => {
  for (const { letter, rows, cpus, kernels, pageSize } of published.listings) {
    const [low, high] = cpus;
    test(`${letter}: all ${rows.length} rows, for ${low} to ${high} CPUs and no others`, () => {
      for (const kernel of kernels) {
        for (let count = low; count <= high; count++) {
          assert.deepEqual(misses(rows, rulesOf(kernel, count, pageSize)), []);
        }
        for (const count of [low - 1, high + 1].filter((value) => value > 0)) {
          assert.notDeepEqual(misses(rows, rulesOf(kernel, count, pageSize)), []);
        }
      }
      for (const kernel of KERNELS.filter((other) => !kernels.includes(other))) {
        const missed = misses(rows, rulesOf(kernel, low, pageSize));
        assert.deepEqual(missed, ['kvm_vcpu 10944: 2/8'], 'tells the two rules apart');
      }
    });
  }

  test('cover the 101 rows of kernel-model.md but for six of listing C', () => {
    const missing = published.listings.map(
      ({ letter, inModel, rows }) => [letter, Math.max(0, inModel - rows.length)] as const,
    );
    assert.equal(
      published.listings.reduce((sum, { inModel }) => sum + inModel, 0),
      101,
    );
    assert.deepEqual(
      missing.filter(([, count]) => count > 0),
      [['C', 6]],
    );
  });

  test('64 KiB pages: before with 8 to 127 CPUs (task_struct: 32 to 127), after with 1', () => {
    const { rows, pageSize } = published.largePages;
    const before = rows.map(([name, size, objects, pages]): Row => [name, size, objects, pages]);
    const after = rows.map(([name, size, , , objects, pages]): Row => [name, size, objects, pages]);
    const withoutTasks = before.filter(([name]) => name !== 'task_struct');
    for (const kernel of KERNELS) {
      const missed = (listed: readonly Row[], cpus: number): string[] =>
        misses(listed, rulesOf(kernel, cpus, pageSize));
      for (const cpus of [8, 16, 31]) {
        assert.deepEqual(missed(withoutTasks, cpus), []);
        assert.equal(missed(before, cpus).length, 1);
      }
      for (const cpus of [32, 64, 127]) assert.deepEqual(missed(before, cpus), []);
      for (const cpus of [7, 128]) assert.notDeepEqual(missed(withoutTasks, cpus), []);
      assert.deepEqual(missed(after, 1), []);
    }
  });

  test('64 KiB pages: a constructor doubles a cache that is aligned to its size', () => {
    const rules = rulesOf('5.3', 64, 65_536);
    const pgtable = (bytes: number): number =>
      slabSize({ objectSize: bytes, align: bytes, flags: { ctor: true } }, rules);
    assert.equal(pgtable(2 ** 11 * 8), 32_768);
    assert.equal(pgtable(2 ** 8 * 8), 4096);
  });
});

describe('worked examples', () => {
  for (const [name, ...values] of published.worked.rows) {
    const [size = 0, ...rest] = values;
    test(`${name} ${size}`, () => {
      const byCpus = [4, 8, 16, 64].map((cpus, column) => ({
        cpus,
        objects: rest[2 * column] ?? 0,
        pages: rest[2 * column + 1] ?? 0,
      }));
      const [waste, minPartial, cpuPartial53, cpuPartial6, slabs] = rest.slice(8);
      for (const { cpus, objects, pages } of byCpus) {
        const rows: Row[] = [[name, size, objects, pages]];
        assert.deepEqual(misses(rows, rulesOf('5.3', cpus)), []);
        const newer = misses(rows, rulesOf('6.x', cpus));
        assert.deepEqual(newer, size === 10_944 ? ['kvm_vcpu 10944: 2/8'] : []);
      }
      const old = geometryOfSize(size, rulesOf('5.3', 8));
      const recent = geometryOfSize(size, rulesOf('6.x', 8));
      assert.equal(old.pagesPerSlab * 4096 - old.objectsPerSlab * size, waste);
      assert.deepEqual([old.minPartial, recent.minPartial], [minPartial, minPartial]);
      assert.deepEqual([old.cpuPartial, old.cpuPartialSlabs], [cpuPartial53, null]);
      assert.deepEqual([recent.cpuPartial, recent.cpuPartialSlabs], [cpuPartial6, slabs]);
    });
  }
});

describe('where the rules of 5.3 and 6.x differ', () => {
  const differing = (pageSize: number, cpus: number, last: number): number[] => {
    const sizes = [];
    for (let size = 8; size <= last; size += 8) {
      const [old, recent] = KERNELS.map((kernel) =>
        orderFor(size, rulesOf(kernel, cpus, pageSize)),
      );
      if (old === recent) continue;
      assert.deepEqual([old, recent], [2, 3]);
      sizes.push(size);
    }
    return sizes;
  };

  test('4 KiB pages: sizes 10,928 to 12,280 and no others up to 20,000', () => {
    const expected = Array.from({ length: 170 }, (_, index) => 10_928 + 8 * index);
    assert.equal(expected.at(-1), 12_280);
    for (const cpus of [1, 2, 4, 8, 16, 64]) {
      assert.deepEqual(differing(4096, cpus, 20_000), expected);
    }
  });

  test('64 KiB pages: sizes 174,768 to 196,600, sixteen times as large', () => {
    const sizes = differing(65_536, 64, 300_000);
    assert.deepEqual([sizes[0], sizes.at(-1), sizes.length], [174_768, 196_600, 2730]);
  });
});
