import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { builtInFile } from '../../bench/input/built-in.ts';
import {
  type RecordedCache,
  type RecordedGeometry,
  readSlabGeometry,
} from '../../bench/input/slab-geometry.ts';
import { readSlabinfo } from '../../bench/input/slabinfo.ts';
import {
  alignmentOf,
  type GeometryRules,
  geometryOfSize,
  kmallocAlignment,
  slabGeometry,
} from '../../core/slub/geometry.ts';

const published = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/published-geometry.json', import.meta.url), 'utf8'),
) as { constructors: { names: string[] } };

/** The one cache whose free pointer lies in the object, which no file of sysfs shows. */
const POINTER_INSIDE = 'vm_area_struct';

describe('the recorded 6.18 host', () => {
  let host: RecordedGeometry;
  let rules: GeometryRules;
  before(async () => {
    host = await readSlabGeometry(builtInFile('slab-geometry.json'));
    rules = { kernel: '6.x', cpus: host.cpus, pageSize: host.pageSize };
  });
  const flagsOf = (cache: RecordedCache) => ({
    hwcacheAlign: cache.hwcacheAlign,
    reclaimAccount: cache.reclaimAccount,
    typesafeByRcu: cache.typesafeByRcu,
  });

  test('has 235 caches and 194 merged names', () => {
    assert.equal(host.caches.length, 235);
    assert.equal(host.aliases.size, 194);
    for (const target of host.aliases.values()) {
      assert.ok(host.caches.some(({ name }) => name === target));
    }
  });

  test('222 caches equal from the public request alone', () => {
    const equal = host.caches.filter((cache) => {
      const { objectSize, align } = cache;
      const computed = slabGeometry({ objectSize, align, flags: flagsOf(cache) }, rules);
      return computed.size === cache.size;
    });
    assert.equal(equal.length, 222);
    const others = host.caches.filter((cache) => !equal.includes(cache)).map(({ name }) => name);
    assert.deepEqual(others.sort(), [...published.constructors.names, POINTER_INSIDE].sort());
  });

  test('all 235 equal with the constructors and the one free pointer that the record lacks', () => {
    for (const cache of host.caches) {
      const ctor = published.constructors.names.includes(cache.name);
      const freePointerInside = cache.name === POINTER_INSIDE;
      const flags = { ...flagsOf(cache), ctor, freePointerInside };
      const { objectSize, align } = cache;
      const computed = slabGeometry({ objectSize, align, flags }, rules);
      const expected = {
        size: cache.size,
        order: cache.order,
        objectsPerSlab: cache.objectsPerSlab,
        minPartial: cache.minPartial,
        cpuPartial: cache.cpuPartial,
      };
      const { size, order, objectsPerSlab, minPartial, cpuPartial } = computed;
      assert.deepEqual(
        { size, order, objectsPerSlab, minPartial, cpuPartial },
        expected,
        cache.name,
      );
    }
  });

  test('the alignment that came out is what the request leads to', () => {
    for (const cache of host.caches) {
      const { objectSize, align } = cache;
      const request = { objectSize, align, flags: flagsOf(cache) };
      assert.equal(alignmentOf(request, rules), align, cache.name);
    }
  });

  test('kmalloc caches are aligned to the largest power of two in their size', () => {
    const kmallocs = host.caches.filter(({ name }) => /^(?:dma-)?kmalloc-/.test(name));
    assert.ok(kmallocs.length >= 40);
    for (const { name, size, align } of kmallocs) {
      assert.equal(kmallocAlignment(size, '6.x'), align, name);
    }
  });

  test('an object beyond the maximum order gets an order of its own', () => {
    const beyond = host.caches.filter(({ order }) => order === 4);
    assert.deepEqual(
      beyond.map(({ name, size, objectsPerSlab }) => [name, size, objectsPerSlab]),
      [['kvm_vcpu', 51_472, 1]],
    );
  });

  test('none of its slabs is of the fall-back order, though 100 caches have a smaller one', async () => {
    const { caches } = await readSlabinfo(builtInFile('slabinfo.txt'));
    for (const { name, objects, slabs, objectsPerSlab } of caches) {
      assert.equal(objects, slabs * objectsPerSlab, name);
    }
    const smaller = caches.filter(({ objectSize }) => {
      const { order, minOrder } = geometryOfSize(objectSize, rules);
      return minOrder < order;
    });
    assert.equal(smaller.length, 100);
  });

  test('its slabinfo says the same of every cache', async () => {
    const { caches } = await readSlabinfo(builtInFile('slabinfo.txt'));
    assert.equal(caches.length, 235);
    for (const cache of caches) {
      const directory = host.aliases.get(cache.name) ?? cache.name;
      const recorded = host.caches.find(({ name }) => name === directory);
      assert.deepEqual(
        [cache.objectSize, cache.objectsPerSlab, cache.pagesPerSlab],
        [recorded?.size, recorded?.objectsPerSlab, 2 ** (recorded?.order ?? -1)],
        cache.name,
      );
    }
  });
});
