import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  alignmentOf,
  cpuPartialFor,
  type GeometryRules,
  geometryOfSize,
  kmallocAlignment,
  minimumObjects,
  minPartialFor,
  orderFor,
  slabGeometry,
  slabSize,
} from '../../core/slub/geometry.ts';

const anyRules: fc.Arbitrary<GeometryRules> = fc.record({
  kernel: fc.constantFrom('5.3' as const, '6.x' as const),
  cpus: fc.oneof(fc.integer({ min: 1, max: 256 }), fc.integer({ min: 1, max: 8192 })),
  pageSize: fc.constantFrom(4096, 16_384, 65_536),
  maxOrder: fc.integer({ min: 0, max: 5 }),
});
/** Mostly the sizes that occur; sometimes up to the largest block of pages. */
const anySize = fc.oneof(
  fc.integer({ min: 1, max: 4096 }).map((words) => words * 8),
  fc.integer({ min: 1, max: 500_000 }).map((words) => words * 8),
);
const anyRequest = fc.record({
  objectSize: fc.integer({ min: 1, max: 100_000 }),
  align: fc.integer({ min: 0, max: 13 }).map((power) => (power === 0 ? 0 : 2 ** power)),
  flags: fc.record({
    hwcacheAlign: fc.boolean(),
    reclaimAccount: fc.boolean(),
    typesafeByRcu: fc.boolean(),
    ctor: fc.boolean(),
  }),
});

describe('geometry of any size', () => {
  test('objects fit, none more would, and a slab has at least one', () => {
    fc.assert(
      fc.property(anySize, anyRules, (size, rules) => {
        const geometry = geometryOfSize(size, rules);
        const bytes = geometry.pagesPerSlab * rules.pageSize;
        assert.equal(geometry.pagesPerSlab, 2 ** geometry.order);
        assert.ok(geometry.objectsPerSlab >= 1);
        assert.ok(geometry.objectsPerSlab * size <= bytes);
        if (geometry.objectsPerSlab < 32_767) {
          assert.ok((geometry.objectsPerSlab + 1) * size > bytes);
        }
      }),
    );
  });

  test('the fallback slab is the smallest that holds an object, and no larger than the usual', () => {
    fc.assert(
      fc.property(anySize, anyRules, (size, rules) => {
        const { order, minOrder, fallbackObjectsPerSlab } = geometryOfSize(size, rules);
        assert.ok(minOrder <= order);
        assert.ok(fallbackObjectsPerSlab >= 1);
        assert.ok(rules.pageSize * 2 ** minOrder >= size);
        assert.ok(minOrder === 0 || rules.pageSize * 2 ** (minOrder - 1) < size);
      }),
    );
  });

  test('only an object that needs it gets more than the maximum order', () => {
    fc.assert(
      fc.property(anySize, anyRules, (size, rules) => {
        const { order, minOrder } = geometryOfSize(size, rules);
        if (order > (rules.maxOrder ?? 3)) assert.equal(order, minOrder);
        else assert.ok(order <= (rules.maxOrder ?? 3));
      }),
    );
  });

  test('waste: a quarter of the slab at most (5.3) or a half (6.x), unless one object fills it', () => {
    fc.assert(
      fc.property(anySize, anyRules, (size, rules) => {
        const { order, minOrder, objectsPerSlab } = geometryOfSize(size, rules);
        const bytes = rules.pageSize * 2 ** order;
        const waste = bytes % size;
        const least = rules.kernel === '5.3' ? 4 : 2;
        if (waste > bytes / least) {
          // The last resort: nothing in reach wastes little enough.
          assert.equal(order, minOrder);
          assert.ok(objectsPerSlab === 1 || rules.kernel === '5.3');
        }
      }),
    );
  });

  test('the first order in reach with a sixteenth of waste is never passed over', () => {
    fc.assert(
      fc.property(anySize, anyRules, (size, rules) => {
        const order = orderFor(size, rules);
        const objects = minimumObjects(size, rules);
        for (let reach = 0; reach <= (rules.maxOrder ?? 3); reach++) {
          const bytes = rules.pageSize * 2 ** reach;
          if (bytes < objects * size || bytes % size > bytes / 16) continue;
          assert.equal(order, reach);
          return;
        }
      }),
    );
  });

  test('more CPUs never mean smaller slabs where packing is no question', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 15 }), anyRules, (power, rules) => {
        const size = 2 ** power;
        const more = { ...rules, cpus: rules.cpus * 2 };
        assert.ok(orderFor(size, more) >= orderFor(size, rules));
        assert.ok(minimumObjects(size, more) >= minimumObjects(size, rules));
      }),
    );
  });

  test('only log2 of the CPUs counts', () => {
    fc.assert(
      fc.property(anySize, anyRules, (size, rules) => {
        const first = 2 ** Math.floor(Math.log2(rules.cpus));
        assert.equal(orderFor(size, { ...rules, cpus: first }), orderFor(size, rules));
      }),
    );
  });

  test('partial limits: larger objects, fewer of them on a CPU, more slabs on a node', () => {
    fc.assert(
      fc.property(anySize, anySize, anyRules, (a, b, rules) => {
        const [small, large] = a < b ? [a, b] : [b, a];
        assert.ok(cpuPartialFor(small, rules) >= cpuPartialFor(large, rules));
        assert.ok(minPartialFor(small) <= minPartialFor(large));
        assert.ok(minPartialFor(small) >= 5 && minPartialFor(large) <= 10);
      }),
    );
  });
});

describe('size of any request', () => {
  test('is aligned, holds the object, and grows by less than two alignments', () => {
    fc.assert(
      fc.property(anyRequest, anyRules, (request, rules) => {
        const align = alignmentOf(request, rules);
        const size = slabSize(request, rules);
        assert.equal(size % align, 0);
        assert.ok(align >= 8 && align >= request.align);
        assert.ok(size >= request.objectSize);
        assert.ok(size < request.objectSize + 8 + 8 + align);
        assert.equal(slabGeometry(request, rules).size, size);
      }),
    );
  });

  test('a constructor costs the same as TYPESAFE_BY_RCU, and both cost a word once', () => {
    fc.assert(
      fc.property(anyRequest, anyRules, (request, rules) => {
        const sizeWith = (typesafeByRcu: boolean, ctor: boolean): number =>
          slabSize({ ...request, flags: { ...request.flags, typesafeByRcu, ctor } }, rules);
        const plain = sizeWith(false, false);
        const align = alignmentOf(request, rules);
        assert.equal(sizeWith(true, false), sizeWith(false, true));
        assert.equal(sizeWith(true, true), sizeWith(false, true));
        assert.ok([plain, plain + align].includes(sizeWith(true, false)));
      }),
    );
  });

  test('a free pointer inside the object costs nothing, on kernels that know it', () => {
    const flags = { typesafeByRcu: true, hwcacheAlign: true, freePointerInside: true };
    const rules: GeometryRules = { kernel: '6.x', cpus: 2, pageSize: 4096 };
    assert.equal(slabSize({ objectSize: 192, flags }, rules), 192);
    assert.throws(() => slabSize({ objectSize: 192, flags }, { ...rules, kernel: '5.3' }), {
      name: 'ModelError',
      message: /inside the object needs kernel 6\.x/,
    });
  });

  test('HWCACHE_ALIGN halves the line for small objects', () => {
    const rules: GeometryRules = { kernel: '5.3', cpus: 1, pageSize: 4096 };
    const align = (objectSize: number, cacheLine?: number): number =>
      alignmentOf(
        { objectSize, flags: { hwcacheAlign: true } },
        { ...rules, ...(cacheLine === undefined ? {} : { cacheLine }) },
      );
    assert.deepEqual(
      [8, 9, 16, 17, 32, 33, 64, 65].map((size) => align(size)),
      [8, 16, 16, 32, 32, 64, 64, 64],
    );
    assert.equal(align(65, 128), 128);
    assert.equal(align(64, 128), 64);
  });

  test('kmalloc alignment: a word on 5.3, the power of two in the size on 6.x', () => {
    const sizes = [8, 64, 96, 192, 8192];
    assert.deepEqual(
      sizes.map((size) => kmallocAlignment(size, '5.3')),
      [8, 8, 8, 8, 8],
    );
    assert.deepEqual(
      sizes.map((size) => kmallocAlignment(size, '6.x')),
      [8, 64, 32, 64, 8192],
    );
  });
});

describe('kernels between 5.3 and 6.x', () => {
  test('5.16 to 6.6: the order of 5.3, the partial limit of 6.x', () => {
    const rules: GeometryRules = {
      kernel: '5.3',
      cpuPartialKernel: '6.x',
      cpus: 8,
      pageSize: 4096,
    };
    const { order, cpuPartial, cpuPartialSlabs } = geometryOfSize(10_944, rules);
    assert.deepEqual([order, cpuPartial, cpuPartialSlabs], [2, 6, 12]);
  });

  test('without per-CPU partial slabs there is no limit', () => {
    const rules: GeometryRules = {
      kernel: '6.x',
      cpuPartialKernel: 'none',
      cpus: 8,
      pageSize: 4096,
    };
    const { cpuPartial, cpuPartialSlabs } = geometryOfSize(64, rules);
    assert.deepEqual([cpuPartial, cpuPartialSlabs], [0, null]);
  });
});

describe('requests that make no sense are refused', () => {
  const rules: GeometryRules = { kernel: '6.x', cpus: 2, pageSize: 4096 };
  const cases: [string, () => unknown, RegExp][] = [
    ['size 0', () => orderFor(0, rules), /size 0: a positive number/],
    ['size NaN', () => orderFor(Number.NaN, rules), /size NaN/],
    ['half a byte', () => minPartialFor(8.5), /size 8\.5/],
    ['too large', () => orderFor(4096 * 1024 + 1, rules), /more than 2\^10 pages/],
    ['no CPU', () => orderFor(8, { ...rules, cpus: 0 }), /cpus 0: at least 1/],
    ['odd pages', () => orderFor(8, { ...rules, pageSize: 5000 }), /page size 5000/],
    ['order 11', () => orderFor(8, { ...rules, maxOrder: 11 }), /maximum order 11/],
    ['align 24', () => slabSize({ objectSize: 8, align: 24 }, rules), /alignment 24/],
    ['no object', () => slabSize({ objectSize: -1 }, rules), /object size -1/],
    ['odd line', () => orderFor(8, { ...rules, cacheLine: 48 }), /cache line 48/],
  ];
  for (const [name, run, message] of cases) {
    test(name, () => assert.throws(run, { name: 'ModelError', message }));
  }
});
