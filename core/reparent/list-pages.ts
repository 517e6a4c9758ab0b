// hot path
/**
 * list-pages: reparent page by page, with the pages of each memcg in a vector of page ids, which is
 * what a page-by-page design would keep if it cared for removal: an aged intrusive list misses the
 * cache once per page and waits for each miss (`link-pages`); ids in an array let the misses overlap.
 *
 * The vector is a chain of chunks of 128 ids, newest first; all but the newest chunk are full:
 *
 *   memcg.chunkHead -> [ids 0..n) -> [128 ids] -> [128 ids]
 *
 * `slot` of a slab's row is its place (chunk * 128 + index), so removal is O(1): the last id of the
 * newest chunk takes the place. Chunks are handed over by relinking them, but every page's owner is
 * still written, as the design says.
 * Memory per slab row: owner 4 + slot 4 + its id 4 bytes, and a chunk per memcg.
 * Protection to come with more CPUs: a lock per memcg; a hand-over takes both.
 */
import { add } from '#atomics';
import type { MachineConfig } from '../machine.ts';
import { LimitError } from '../shared/assert.ts';
import { viewTable } from '../shared/layout.ts';
import { bindCacheHandOver, stepIndex } from './hand-over.ts';
import { bindPageCharging } from './page-charge.ts';
import { auditOwners, bindOwnerColumn, countSlabRefs, ownerTable } from './page-owner.ts';
import type { BoundStrategy, Strategy } from './strategy.ts';
import { strategyBuffer } from './wasm.ts';

const CHUNK_SHIFT = 7;
const CHUNK = 1 << CHUNK_SHIFT;

/** Chunks enough for every row, plus the one unfilled chunk that each memcg may have. */
function chunkCount(config: MachineConfig): number {
  return Math.ceil(config.slabRows / CHUNK) + config.memcgs + 2;
}

function tables(config: MachineConfig) {
  const chunks = chunkCount(config);
  return {
    owners: ownerTable(config),
    slots: { name: 'slots', spec: { slot: 1 }, rows: config.slabRows + 1 },
    /** `count`: ids in the chunk; `next`: older chunk, or next unused one; row 0 heads the unused. */
    chunks: { name: 'chunks', spec: { next: 1, count: 1 }, rows: chunks },
    ids: { name: 'ids', spec: { id: CHUNK }, rows: chunks },
  } as const;
}

/** A vector of page ids per memcg. */
export const listPages: Strategy = {
  name: 'list-pages',
  summary: "reparent page by page, from the cgroup's vector of page ids",
  releasesEarly: true,
  wasmMemory: false,
  tables: (config) => Object.values(tables(config)),
  bind(machine, cpu, hooks): BoundStrategy {
    const planned = tables(machine.config);
    const buffer = strategyBuffer(machine);
    const { slot } = viewTable(buffer, machine.strategyLayout, planned.slots);
    const { next, count } = viewTable(buffer, machine.strategyLayout, planned.chunks);
    const { id } = viewTable(buffer, machine.strategyLayout, planned.ids);
    const owner = bindOwnerColumn(machine);
    const { chunkHead, css } = machine.memcgs;
    const chunks = planned.chunks.rows;
    const steps = machine.cpus.steps;
    const HAND_OVERS = stepIndex(cpu, 'handOvers');
    const PAGES_VISITED = stepIndex(cpu, 'pagesVisited');
    const PAGES_MOVED = stepIndex(cpu, 'pagesMoved');
    const CSS_MOVED = stepIndex(cpu, 'cssMoved');
    const LIST_OPERATIONS = stepIndex(cpu, 'listOperations');
    const charging = bindPageCharging(machine, hooks);
    const { chargeOwner, unchargeOwner } = charging;
    const handOverCaches = bindCacheHandOver(machine, cpu, hooks);

    /** Row 0 of `chunks` heads the free list; its `count` is how many were ever used. */
    function takeChunk(): number {
      const chunk = next[0];
      if (chunk !== 0) {
        next[0] = next[chunk];
        return chunk;
      }
      if (count[0] + 1 >= chunks)
        throw new LimitError('page id chunks', chunks, 'raise `slabRows`');
      count[0]++;
      return count[0];
    }

    function append(memcg: number, row: number): void {
      let chunk = chunkHead[memcg];
      if (chunk === 0 || count[chunk] === CHUNK) {
        const fresh = takeChunk();
        next[fresh] = chunk;
        count[fresh] = 0;
        chunkHead[memcg] = fresh;
        chunk = fresh;
      }
      const place = (chunk << CHUNK_SHIFT) | count[chunk];
      id[place] = row;
      slot[row] = place;
      count[chunk]++;
    }

    function remove(memcg: number, row: number): void {
      const chunk = chunkHead[memcg];
      const last = count[chunk] - 1;
      const lastRow = id[(chunk << CHUNK_SHIFT) | last];
      const place = slot[row];
      id[place] = lastRow;
      slot[lastRow] = place;
      count[chunk] = last;
      if (last === 0) {
        chunkHead[memcg] = next[chunk];
        next[chunk] = next[0];
        next[0] = chunk;
      }
    }

    /**
     * Four ids, then four stores. A function of its own, called once a chunk, so that V8 optimises it
     * as a whole: the same loop nested in the walk ran in on-stack-replaced code, 6.6 against 0.9 ns
     * a page.
     */
    function rewriteChunk(start: number, end: number, parent: number): void {
      let place = start;
      for (const stop = end - 3; place < stop; place += 4) {
        const a = id[place];
        const b = id[place + 1];
        const c = id[place + 2];
        const d = id[place + 3];
        owner[a] = parent;
        owner[b] = parent;
        owner[c] = parent;
        owner[d] = parent;
      }
      for (; place < end; place++) owner[id[place]] = parent;
    }

    /** Writes the owner of every page in the chunks from `first` on; returns how many. */
    function rewrite(first: number, parent: number): number {
      let moved = 0;
      for (let chunk = first; chunk !== 0; chunk = next[chunk]) {
        const start = chunk << CHUNK_SHIFT;
        rewriteChunk(start, start + count[chunk], parent);
        moved += count[chunk];
      }
      return moved;
    }

    /** Joins the child's chunks to the parent's so that only the newest chunk is unfilled. */
    function join(child: number, parent: number): void {
      const newest = chunkHead[child];
      const target = chunkHead[parent];
      chunkHead[child] = 0;
      if (target === 0) {
        chunkHead[parent] = newest;
        return;
      }
      const full = next[newest];
      if (full !== 0) {
        let oldest = full;
        while (next[oldest] !== 0) oldest = next[oldest];
        next[oldest] = next[target];
        next[target] = full;
      }
      const start = newest << CHUNK_SHIFT;
      for (let place = start; place < start + count[newest]; place++) append(parent, id[place]);
      next[newest] = next[0];
      next[0] = newest;
    }

    return {
      ...charging,
      charge(cache, row, pages) {
        const memcg = chargeOwner(cache, pages);
        if (memcg > 0) {
          owner[row] = memcg;
          append(memcg, row);
        }
        return memcg >= 0;
      },
      uncharge(cache, row, pages) {
        const memcg = owner[row];
        if (memcg === 0) return;
        remove(memcg, row);
        owner[row] = 0;
        unchargeOwner(cache, memcg, pages);
      },
      ownerOf: (row) => owner[row],
      handOver(child, parent) {
        handOverCaches(child, parent);
        steps[HAND_OVERS]++;
        const first = chunkHead[child];
        if (first === 0) return;
        const moved = rewrite(first, parent);
        join(child, parent);
        add(css, parent, moved);
        hooks.putMemcg(child, moved);
        steps[PAGES_VISITED] += moved;
        steps[PAGES_MOVED] += moved;
        steps[CSS_MOVED] += moved;
        steps[LIST_OPERATIONS]++;
      },
      expectedPageRefs: (expected) => countSlabRefs(machine, owner, expected),
      audit(report) {
        auditOwners(machine, owner, report);
        const listed = new Uint8Array(owner.length);
        for (let memcg = 1; memcg < chunkHead.length; memcg++) {
          const newest = chunkHead[memcg];
          let length = 0;
          for (let chunk = newest; chunk !== 0 && length <= chunks; chunk = next[chunk]) {
            length++;
            if (chunk !== newest && count[chunk] !== CHUNK) {
              report('vector', `memcg ${memcg}: older chunk ${chunk} holds ${count[chunk]} ids`);
            }
            for (let index = 0; index < count[chunk]; index++) {
              const place = (chunk << CHUNK_SHIFT) | index;
              const row = id[place];
              if (owner[row] !== memcg || slot[row] !== place || listed[row] === 1) {
                report('vector', `memcg ${memcg}: id ${row} at ${place} is not a page of its own`);
              }
              listed[row] = 1;
            }
          }
        }
        for (let row = 1; row < owner.length; row++) {
          if (owner[row] !== 0 && listed[row] === 0) {
            report('vector', `row ${row} of memcg ${owner[row]} is in no vector`);
          }
        }
      },
    };
  },
};
