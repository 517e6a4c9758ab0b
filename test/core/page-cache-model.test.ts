/**
 * Page cache against arrays, through removals: lists in order, pages, charges, what reclaim takes, and
 * when a removed memcg goes. Audited after each step. fast-check prints the path of a failure.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  audit,
  bindCpu,
  createMachine,
  LEAST_SCAN,
  LimitError,
  NO_LIMIT,
  ROOT_MEMCG,
  STRATEGY_NAMES,
} from '../../core/index.ts';
import { folioList } from '../../core/memcg/folio-rows.ts';

const FOLIOS = 9;
const MEMCGS = 7;
/** Fixed, so that what must be reached once is. */
const SEED = 52_053;

interface Folio {
  row: number;
  pages: number;
  used: boolean;
  dirty: boolean;
}

/** A memcg as arrays: inactive and active folios, oldest first. */
interface Naive {
  readonly id: number;
  readonly parent: Naive | null;
  readonly lists: readonly [Folio[], Folio[]];
  limit: number;
  removed: boolean;
  online: boolean;
}

function naive(id: number, parent: Naive | null): Naive {
  return { id, parent, lists: [[], []], limit: NO_LIMIT, removed: false, online: true };
}

const pagesIn = (folios: readonly Folio[]): number =>
  folios.reduce((sum, { pages }) => sum + pages, 0);

/** The page cache of a machine as arrays. */
class Model {
  readonly memcgs: Naive[] = [naive(ROOT_MEMCG, null)];

  folios(): Folio[] {
    return this.memcgs.flatMap(({ lists }) => lists.flat());
  }

  homeOf(folio: Folio): Naive | undefined {
    return this.memcgs.find(({ lists }) => lists.flat().includes(folio));
  }

  usage(of: Naive): number {
    const below = this.memcgs.filter(({ parent }) => parent === of);
    return pagesIn(of.lists.flat()) + below.reduce((sum, one) => sum + this.usage(one), 0);
  }

  fits(memcg: Naive, pages: number): boolean {
    for (let level: Naive | null = memcg; level !== null; level = level.parent) {
      if (level.id !== ROOT_MEMCG && this.usage(level) + pages > level.limit) return false;
    }
    return true;
  }

  accessed(folio: Folio): void {
    const [inactive, active] = this.homeOf(folio)?.lists ?? [[], []];
    if (!folio.used) folio.used = true;
    else if (inactive.includes(folio)) {
      inactive.splice(inactive.indexOf(folio), 1);
      active.push(folio);
      folio.used = false;
    }
  }

  remove(folio: Folio): void {
    for (const list of this.homeOf(folio)?.lists ?? []) {
      if (list.includes(folio)) list.splice(list.indexOf(folio), 1);
    }
  }

  /** What reclaim tells of, in order. */
  shrink({ lists, online }: Naive, priority: number): [row: number, left: number][] {
    const [inactive, active] = lists;
    const due = (pages: number): number =>
      Math.floor(pages / 2 ** priority) || (online ? 0 : Math.min(pages, LEAST_SCAN));
    const [before, balance] = [pagesIn(inactive), pagesIn(active)];
    const told: [number, number][] = [];
    let left = due(before);
    const aged = due(balance);
    while (left > 0) {
      const oldest = inactive.shift();
      assert.ok(oldest !== undefined);
      if (oldest.dirty) {
        inactive.push(oldest);
        left -= oldest.pages;
        continue;
      }
      const taken = Math.min(left, oldest.pages);
      left -= taken;
      oldest.pages -= taken;
      told.push([oldest.row, oldest.pages]);
      if (oldest.pages > 0) inactive.unshift(oldest);
    }
    if (pagesIn(inactive) < balance) {
      for (let scan = aged; scan > 0; ) {
        const oldest = active.shift();
        assert.ok(oldest !== undefined);
        scan -= oldest.pages;
        inactive.push(oldest);
      }
    }
    return told;
  }

  /** Memcgs that are gone once all deferred work is done. */
  settle(): Naive[] {
    const gone: Naive[] = [];
    for (const memcg of this.memcgs) if (memcg.removed) memcg.online = false;
    const held = (memcg: Naive): boolean =>
      memcg.lists.flat().length > 0 || this.memcgs.some(({ parent }) => parent === memcg);
    for (;;) {
      const at = this.memcgs.findIndex((memcg) => memcg.removed && !held(memcg));
      if (at < 0) return gone;
      gone.push(...this.memcgs.splice(at, 1));
    }
  }
}

const OFTEN = ['add', 'add', 'add', 'accessed', 'accessed', 'shrink', 'shrink', 'settle'];
const step = fc.record({
  what: fc.constantFrom(...OFTEN, 'dirty', 'clean', 'drop', 'create', 'create', 'rmdir', 'limit'),
  who: fc.nat({ max: 1000 }),
  which: fc.nat({ max: 1000 }),
  pages: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 30, max: 300 })),
  priority: fc.constantFrom(12, 8, 5, 3, 2, 1, 0),
  cpu: fc.nat({ max: 1 }),
});

for (const strategy of STRATEGY_NAMES) {
  test(`${strategy}: folios agree with arrays through removals`, () => {
    const reached = { limit: 0, folios: 0, part: 0, pinned: 0, freed: 0 };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        const machine = createMachine({
          ...{ strategy, cpus: 2, slabRows: 8, kmemCaches: 2, rootCaches: 1 },
          ...{ memcgs: MEMCGS, kmemIds: MEMCGS, folios: FOLIOS },
        });
        const cpus = [bindCpu(machine, 0), bindCpu(machine, 1)] as const;
        const [cpu] = cpus;
        const model = new Model();
        for (const { what, who, which, pages, priority, cpu: by } of steps) {
          const { pageCache } = cpus[by === 0 ? 0 : 1];
          const memcg = model.memcgs[who % model.memcgs.length] as Naive;
          const folios = model.folios();
          const folio = folios[which % Math.max(1, folios.length)];
          if (what === 'add' && !memcg.removed) {
            const fits = model.fits(memcg, pages);
            const full = folios.length === FOLIOS;
            if (!fits) {
              assert.equal(pageCache.add(memcg.id, pages), 0);
              reached.limit++;
            } else if (full) {
              assert.throws(() => pageCache.add(memcg.id, pages), LimitError);
              reached.folios++;
            } else {
              const row = pageCache.add(memcg.id, pages);
              memcg.lists[0].push({ row, pages, used: false, dirty: false });
            }
          } else if (what === 'shrink') {
            const told: [number, number][] = [];
            const before = pagesIn(memcg.lists.flat());
            const taken = pageCache.shrink(memcg.id, priority, (row, left) =>
              told.push([row, left]),
            );
            assert.deepEqual(told, model.shrink(memcg, priority));
            assert.equal(taken, before - pagesIn(memcg.lists.flat()));
            if (told.some(([, left]) => left > 0)) reached.part++;
          } else if (what === 'create' && !memcg.removed && model.memcgs.length < MEMCGS) {
            model.memcgs.push(naive(cpu.createMemcg(memcg.id), memcg));
          } else if (what === 'rmdir' && memcg.parent !== null && !memcg.removed) {
            if (model.memcgs.some(({ parent, removed }) => parent === memcg && !removed)) continue;
            cpu.rmdir(memcg.id);
            memcg.removed = true;
          } else if (what === 'settle') {
            cpu.runDeferred();
            const gone = model.settle();
            for (const { id } of gone) assert.equal(machine.memcgs.flags[id], 0, `${id} is held`);
            const dying = model.memcgs.filter(({ removed }) => removed).length;
            assert.equal(audit(machine, cpu).dying, dying);
            reached.freed += gone.length;
            reached.pinned += dying;
          } else if (what === 'limit' && memcg.parent !== null) {
            memcg.limit = which % 2 === 0 ? pages * 3 : NO_LIMIT;
            cpu.setLimit(memcg.id, memcg.limit);
          } else if (folio !== undefined) {
            if (what === 'accessed') {
              pageCache.accessed(folio.row);
              model.accessed(folio);
            } else if (what === 'drop') {
              pageCache.remove(folio.row);
              model.remove(folio);
            } else if (what === 'dirty' || what === 'clean') {
              folio.dirty = what === 'dirty';
              pageCache.setDirty(folio.row, folio.dirty);
            }
          }
          compare();
        }

        function compare(): void {
          assert.deepEqual(audit(machine, cpu).violations, []);
          const { next } = machine.folios;
          for (const memcg of model.memcgs) {
            memcg.lists.forEach((folios, active) => {
              const list = folioList(memcg.id, active);
              const rows: number[] = [];
              for (let row = next[list] ?? 0; row !== list; row = next[row] ?? 0) rows.push(row);
              assert.deepEqual(
                rows,
                folios.map(({ row }) => row),
              );
            });
            assert.equal(cpu.pageCache.pagesOf(memcg.id), pagesIn(memcg.lists.flat()));
            if (memcg.parent !== null) {
              assert.equal(machine.memcgs.usage[memcg.id], model.usage(memcg));
            }
          }
        }
      }),
      { numRuns: 150, seed: SEED },
    );
    for (const [what, times] of Object.entries(reached)) assert.ok(times > 0, `never: ${what}`);
  });
}
