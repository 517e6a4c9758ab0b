// hot path
/**
 * scan-pages: reparent page by page, finding the pages by a pass over the memmap. No memory and no
 * time is spent on any list while the cgroup lives; removal costs a pass over all slab rows of the
 * machine, however few belong to the cgroup.
 *
 * The owner column is dense (4 bytes per slab row). A kernel would have to read one struct page per
 * base page, 64 bytes apart: this rival is stronger than that by construction.
 * Two kernels: WebAssembly SIMD over the column in place, and plain JavaScript. Prediction: bandwidth,
 * 4 bytes read per row; the column is written only where something is found.
 * Protection to come with more CPUs: a lock per 4096 rows (charge, uncharge and scan take it).
 */
import { add, peek } from '#atomics';
import type { Machine } from '../machine.ts';
import { bindCacheHandOver, stepIndex } from './hand-over.ts';
import { bindPageCharging } from './page-charge.ts';
import { auditOwners, bindOwnerColumn, countSlabRefs, ownerTable } from './page-owner.ts';
import { bindScanKernel, type ScanKernel } from './scan-kernel.ts';
import type { BoundStrategy, Strategy, StrategyHooks } from './strategy.ts';

/** Rows that one call of the plain kernel looks at. */
const CHUNK_ROWS = 4096;

/**
 * The plain loop: eight loads, then eight branches. 1.5 to 3 times faster than a load and a branch
 * at a time, and than forms that select instead of branching (performance.md 3.4).
 */
export function bindPlainScan(owner: Int32Array): ScanKernel {
  function scanChunk(first: number, end: number, from: number, to: number): number {
    let hits = 0;
    let row = first;
    for (const stop = end - 7; row < stop; row += 8) {
      const a = owner[row];
      const b = owner[row + 1];
      const c = owner[row + 2];
      const d = owner[row + 3];
      const e = owner[row + 4];
      const f = owner[row + 5];
      const g = owner[row + 6];
      const h = owner[row + 7];
      if (a === from) hits += mark(owner, row, to);
      if (b === from) hits += mark(owner, row + 1, to);
      if (c === from) hits += mark(owner, row + 2, to);
      if (d === from) hits += mark(owner, row + 3, to);
      if (e === from) hits += mark(owner, row + 4, to);
      if (f === from) hits += mark(owner, row + 5, to);
      if (g === from) hits += mark(owner, row + 6, to);
      if (h === from) hits += mark(owner, row + 7, to);
    }
    for (; row < end; row++) if (owner[row] === from) hits += mark(owner, row, to);
    return hits;
  }
  // Chunk by chunk, so that V8 optimises the loop as a whole instead of replacing it on the stack.
  return (first, end, from, to) => {
    let hits = 0;
    for (let start = first; start < end; start += CHUNK_ROWS) {
      hits += scanChunk(start, Math.min(start + CHUNK_ROWS, end), from, to);
    }
    return hits;
  };
}

function mark(owner: Int32Array, row: number, to: number): number {
  owner[row] = to;
  return 1;
}

function bindScan(
  machine: Machine,
  cpu: number,
  hooks: StrategyHooks,
  kernelFor: (machine: Machine, owner: Int32Array) => ScanKernel | null,
): BoundStrategy {
  const owner = bindOwnerColumn(machine);
  const { css } = machine.memcgs;
  const { slabBump } = machine.globals;
  const steps = machine.cpus.steps;
  const HAND_OVERS = stepIndex(cpu, 'handOvers');
  const ROWS_SCANNED = stepIndex(cpu, 'rowsScanned');
  const PAGES_MOVED = stepIndex(cpu, 'pagesMoved');
  const CSS_MOVED = stepIndex(cpu, 'cssMoved');
  const charging = bindPageCharging(machine, hooks);
  const { chargeOwner, unchargeOwner } = charging;
  const handOverCaches = bindCacheHandOver(machine, cpu, hooks);
  const scan = kernelFor(machine, owner) ?? bindPlainScan(owner);
  const rows = machine.config.slabRows + 1;
  return {
    ...charging,
    charge(cache, row, pages) {
      const memcg = chargeOwner(cache, pages);
      if (memcg > 0) owner[row] = memcg;
      return memcg >= 0;
    },
    uncharge(cache, row, pages) {
      const memcg = owner[row];
      if (memcg === 0) return;
      owner[row] = 0;
      unchargeOwner(cache, memcg, pages);
    },
    ownerOf: (row) => owner[row],
    handOver(child, parent) {
      handOverCaches(child, parent);
      const end = Math.min(peek(slabBump, 0) + 1, rows);
      const moved = scan(1, end, child, parent);
      add(css, parent, moved);
      hooks.putMemcg(child, moved);
      steps[HAND_OVERS]++;
      steps[ROWS_SCANNED] += end - 1;
      steps[PAGES_MOVED] += moved;
      steps[CSS_MOVED] += moved;
    },
    expectedPageRefs: (expected) => countSlabRefs(machine, owner, expected),
    audit: (report) => auditOwners(machine, owner, report),
  };
}

/** A pass over the memmap with the fastest kernel this engine has. */
export const scanPages: Strategy = {
  name: 'scan-pages',
  summary: 'reparent page by page, found by a SIMD pass over the memmap',
  releasesEarly: true,
  wasmMemory: true,
  tables: (config) => [ownerTable(config)],
  bind: (machine, cpu, hooks) => bindScan(machine, cpu, hooks, bindScanKernel),
};

/** The same with the plain JavaScript kernel: what the language itself costs. */
export const scanPagesJs: Strategy = {
  ...scanPages,
  name: 'scan-pages-js',
  summary: 'scan-pages with a plain JavaScript loop instead of SIMD',
  wasmMemory: false,
  bind: (machine, cpu, hooks) => bindScan(machine, cpu, hooks, () => null),
};
