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
 *
 * Protection: a lock per 4096 rows, which charge, uncharge and the scan take, so the stores in between
 * are plain. A compare-exchange per matching page would cost 13 ns instead of 1. What is charged while
 * the scan is under way: see page-charge.ts.
 */
import { peek } from '#atomics';
import type { Machine } from '../machine.ts';
import { viewTable } from '../shared/layout.ts';
import { bindSpinLock } from '../shared/spinlock.ts';
import type { FullConfig } from '../tables.ts';
import { bindCacheHandOver } from './hand-over.ts';
import { bindPageCharging } from './page-charge.ts';
import { auditOwners, bindOwnerColumn, countSlabRefs, ownerTable } from './page-owner.ts';
import { bindScanKernel, type ScanKernel } from './scan-kernel.ts';
import { stepIndex } from './steps.ts';
import type { BoundStrategy, Strategy, StrategyContext } from './strategy.ts';
import { strategyBuffer } from './wasm.ts';

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

/** Rows that one lock covers: a stall of 2 us at most, for one lock operation in 4096 rows. */
const LOCK_SHIFT = 12;

function lockTable(config: FullConfig) {
  const rows = (config.slabRows >>> LOCK_SHIFT) + 1;
  return { name: 'rowLocks', spec: { lock: 1 }, rows } as const;
}

function bindScan(
  machine: Machine,
  context: StrategyContext,
  kernelFor: (machine: Machine, owner: Int32Array) => ScanKernel | null,
): BoundStrategy {
  const owner = bindOwnerColumn(machine);
  const { cpu, css } = context;
  const slabBump = machine.globals.slabBump;
  const steps = machine.cpus.steps;
  const HAND_OVERS = stepIndex(cpu, 'handOvers');
  const ROWS_SCANNED = stepIndex(cpu, 'rowsScanned');
  const PAGES_MOVED = stepIndex(cpu, 'pagesMoved');
  const CSS_MOVED = stepIndex(cpu, 'cssMoved');
  const { chargeOwner, settleOwner, unchargeOwner } = bindPageCharging(machine, context);
  const handOverCaches = bindCacheHandOver(machine, context);
  const scan = kernelFor(machine, owner) ?? bindPlainScan(owner);
  const rows = machine.config.slabRows + 1;
  const locks = viewTable(
    strategyBuffer(machine),
    machine.strategyLayout,
    lockTable(machine.config),
  );
  const { lock, unlock } = bindSpinLock(locks.lock, cpu, 'row lock', context.patience);

  /** One locked stretch after the other; a slab charged behind it cannot name the child any more. */
  function scanAll(end: number, child: number, parent: number): number {
    let hits = 0;
    for (let stretch = 0; stretch << LOCK_SHIFT < end; stretch++) {
      const first = Math.max(1, stretch << LOCK_SHIFT);
      lock(stretch);
      hits += scan(first, Math.min((stretch + 1) << LOCK_SHIFT, end), child, parent);
      unlock(stretch);
    }
    return hits;
  }

  return {
    charge(cache, row, pages) {
      const charged = chargeOwner(cache, pages);
      if (charged <= 0) return charged === 0;
      lock(row >>> LOCK_SHIFT);
      const settled = settleOwner(charged);
      owner[row] = settled;
      unlock(row >>> LOCK_SHIFT);
      if (settled !== charged) css.put(charged, 1);
      return true;
    },
    uncharge(cache, row, pages) {
      // Slabs of root caches have no owner and never get one.
      if (peek(owner, row) === 0) return;
      lock(row >>> LOCK_SHIFT);
      const memcg = owner[row];
      owner[row] = 0;
      unlock(row >>> LOCK_SHIFT);
      unchargeOwner(cache, memcg, pages);
    },
    ownerOf: (row) => peek(owner, row),
    handOver(child, parent) {
      handOverCaches(child, parent);
      const end = Math.min(peek(slabBump, 0) + 1, rows);
      // More references than there can be pages, as the first ones may be dropped before all are found.
      css.get(parent, rows);
      const moved = scanAll(end, child, parent);
      css.put(parent, rows - moved);
      css.put(child, moved);
      steps[HAND_OVERS]++;
      steps[ROWS_SCANNED] += end - 1;
      steps[PAGES_MOVED] += moved;
      steps[CSS_MOVED] += moved;
    },
    expectedPageRefs: (expected) => countSlabRefs(machine, owner, expected),
    audit(report) {
      auditOwners(machine, owner, report);
      if (locks.lock.some((holder) => holder !== 0)) report('locks', 'a row lock is held');
    },
  };
}

/** A pass over the memmap with the fastest kernel this engine has. */
export const scanPages: Strategy = {
  name: 'scan-pages',
  summary: 'reparent page by page, found by a SIMD pass over the memmap',
  releasesEarly: true,
  sharesCaches: false,
  wasmMemory: true,
  tables: (config) => [ownerTable(config), lockTable(config)],
  bind: (machine, context) => bindScan(machine, context, bindScanKernel),
};

/** The same with the plain JavaScript kernel: what the language itself costs. */
export const scanPagesJs: Strategy = {
  ...scanPages,
  name: 'scan-pages-js',
  summary: 'scan-pages with a plain JavaScript loop instead of SIMD',
  wasmMemory: false,
  bind: (machine, context) => bindScan(machine, context, () => null),
};
