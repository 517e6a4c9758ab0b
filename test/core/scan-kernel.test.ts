import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { audit, bindCpu, createMachine, ROOT_MEMCG } from '../../core/index.ts';
import { bindOwnerColumn } from '../../core/reparent/page-owner.ts';
import { bindScanKernel, scanModule } from '../../core/reparent/scan-kernel.ts';
import { bindPlainScan } from '../../core/reparent/scan-pages.ts';

const ROWS = 400;

/** The library of the tests has no types for it. */
const host = globalThis as { WebAssembly?: { validate(bytes: Uint8Array): boolean } };

function machineFor(strategy: string) {
  return createMachine({
    ...{ strategy, cpus: 1, slabRows: ROWS, kmemCaches: 3, rootCaches: 1, memcgs: 3, kmemIds: 3 },
  });
}

test('the hand-made module is valid WebAssembly', () => {
  assert.equal(host.WebAssembly?.validate(scanModule()), true);
});

test('both kernels rewrite what a naive loop rewrites, and count it', () => {
  const simdOwner = bindOwnerColumn(machineFor('scan-pages'));
  const simdMachine = machineFor('scan-pages');
  const column = bindOwnerColumn(simdMachine);
  const simd = bindScanKernel(simdMachine, column);
  assert.ok(simd !== null, 'this engine runs the SIMD kernel');
  const plainColumn = bindOwnerColumn(machineFor('scan-pages-js'));
  const plain = bindPlainScan(plainColumn);
  const values = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: ROWS, maxLength: ROWS });
  const bounds = fc.tuple(fc.nat({ max: ROWS }), fc.nat({ max: ROWS }));
  let hitsSeen = 0;
  fc.assert(
    fc.property(values, bounds, fc.integer({ min: 1, max: 3 }), (owners, [one, other], from) => {
      const [first, end] = [Math.min(one, other), Math.max(one, other)];
      const expected = owners.map((owner, row) =>
        row >= first && row < end && owner === from ? 9 : owner,
      );
      const hits = owners.slice(first, end).filter((owner) => owner === from).length;
      hitsSeen += hits;
      for (const [kernel, words] of [
        [simd, column],
        [plain, plainColumn],
      ] as const) {
        words.set(owners);
        assert.equal(kernel(first, end, from, 9), hits);
        assert.deepEqual([...words.subarray(0, ROWS)], expected);
      }
    }),
    { numRuns: 300 },
  );
  assert.ok(hitsSeen > 1000);
  assert.ok(!simdOwner.some((owner) => owner !== 0), 'and no other machine');
});

test('without WebAssembly memory the strategy falls back to the plain kernel', () => {
  const api = host.WebAssembly;
  assert.ok(api !== undefined);
  try {
    delete host.WebAssembly;
    const machine = machineFor('scan-pages');
    assert.ok(machine.memory.strategy instanceof SharedArrayBuffer);
    const cpu = bindCpu(machine, 0);
    const shape = {
      size: 64,
      objectsPerSlab: 2,
      pagesPerSlab: 1,
      minPartial: 0,
      cpuPartialSlabs: 0,
    };
    const root = cpu.createRootCache(shape);
    const memcg = cpu.createMemcg(ROOT_MEMCG);
    const handles = Array.from({ length: 50 }, () => cpu.alloc(cpu.createCache(memcg, root)));
    cpu.rmdir(memcg);
    cpu.runDeferred();
    assert.equal(cpu.strategy.ownerOf((handles[0] ?? 0) >>> 6), ROOT_MEMCG);
    assert.deepEqual(audit(machine, cpu).violations, []);
  } finally {
    host.WebAssembly = api;
  }
});
