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
 *
 * Protection: the page lock of the memcg (locked-pages.ts), for one chunk at a time in a hand-over, so
 * nobody waits for more than 128 pages; inside it the chunk lock for the unused chunks.
 */
import type { Machine } from '../machine.ts';
import { LimitError } from '../shared/assert.ts';
import { viewTable } from '../shared/layout.ts';
import { LINE } from '../shared/processor.ts';
import { bindSpinLock } from '../shared/spinlock.ts';
import { type FullConfig, LOCK } from '../tables.ts';
import { bindLockedPages } from './locked-pages.ts';
import { auditOwners, bindOwnerColumn, countSlabRefs, ownerTable } from './page-owner.ts';
import type { BoundStrategy, Strategy } from './strategy.ts';
import { strategyBuffer } from './wasm.ts';

const CHUNK_SHIFT = 7;
const CHUNK = 1 << CHUNK_SHIFT;

/** Chunks enough for every row, plus the one unfilled chunk that each memcg may have. */
function chunkCount(config: FullConfig): number {
  return Math.ceil(config.slabRows / CHUNK) + config.memcgs + 2;
}

function tables(config: FullConfig) {
  const chunks = chunkCount(config);
  return {
    owners: ownerTable(config),
    slots: { name: 'slots', spec: { slot: 1 }, rows: config.slabRows + 1 },
    /** `count`: ids in the chunk; `next`: older chunk, or next unused one; row 0 heads the unused. */
    chunks: { name: 'chunks', spec: { next: 1, count: 1 }, rows: chunks },
    ids: { name: 'ids', spec: { id: CHUNK }, rows: chunks },
  } as const;
}

/** The design's columns on a machine. */
function columnsOf(machine: Machine) {
  const planned = tables(machine.config);
  const buffer = strategyBuffer(machine);
  return {
    owner: bindOwnerColumn(machine),
    ...viewTable(buffer, machine.strategyLayout, planned.slots),
    ...viewTable(buffer, machine.strategyLayout, planned.chunks),
    ...viewTable(buffer, machine.strategyLayout, planned.ids),
  };
}

/** A vector of page ids per memcg. */
export const listPages: Strategy = {
  name: 'list-pages',
  summary: "reparent page by page, from the cgroup's vector of page ids",
  releasesEarly: true,
  sharesCaches: false,
  wasmMemory: false,
  tables: (config) => Object.values(tables(config)),
  bind(machine, context): BoundStrategy {
    const columns = columnsOf(machine);
    const { owner, slot, next, count, id } = columns;
    const { cpu, patience } = context;
    const { chunkHead } = machine.memcgs;
    const chunks = chunkCount(machine.config);
    const chunkLock = bindSpinLock(machine.locks.word, cpu, 'chunk lock', patience);
    const CHUNKS = LOCK.chunkLock * LINE;

    /** Row 0 of `chunks` heads the free list; its `count` is how many were ever used. */
    function takeChunk(): number {
      chunkLock.lock(CHUNKS);
      let chunk = next[0];
      if (chunk !== 0) next[0] = next[chunk];
      else if (count[0] + 1 < chunks) {
        count[0]++;
        chunk = count[0];
      }
      chunkLock.unlock(CHUNKS);
      if (chunk === 0) throw new LimitError('page id chunks', chunks, 'raise `slabRows`');
      return chunk;
    }

    function giveChunk(chunk: number): void {
      chunkLock.lock(CHUNKS);
      next[chunk] = next[0];
      next[0] = chunk;
      chunkLock.unlock(CHUNKS);
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
        giveChunk(chunk);
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

    /**
     * Moves the child's newest chunk, under both locks; returns how many pages. A full chunk goes
     * behind the parent's newest, so that only the newest is unfilled; the ids of another are appended.
     */
    function moveChunk(child: number, parent: number): number {
      const chunk = chunkHead[child];
      const target = chunkHead[parent];
      const pages = count[chunk];
      const start = chunk << CHUNK_SHIFT;
      rewriteChunk(start, start + pages, parent);
      chunkHead[child] = next[chunk];
      if (target === 0 || count[target] === CHUNK) {
        next[chunk] = target;
        chunkHead[parent] = chunk;
      } else if (pages === CHUNK) {
        next[chunk] = next[target];
        next[target] = chunk;
      } else {
        for (let place = start; place < start + pages; place++) append(parent, id[place]);
        giveChunk(chunk);
      }
      return pages;
    }

    return {
      ...bindLockedPages(machine, context, owner, {
        add: append,
        remove,
        moveBatch: (child, parent) => (chunkHead[child] === 0 ? 0 : moveChunk(child, parent)),
      }),
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
            if (count[chunk] > CHUNK) {
              report('vector', `memcg ${memcg}: chunk ${chunk} holds ${count[chunk]} ids`);
              break;
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
