/**
 * Watches a small machine access by access, and keeps the moments that matter: a cgroup changes its state,
 * a hand-over writes an owner down. What each moment touched is what was touched since the one before.
 */
import { bindCpu, type Cpu, createMachine, type Machine, ROOT_MEMCG } from '../../core/index.ts';
import { CACHE_KILLED } from '../../core/memcg/kmem-caches.ts';
import { MEMCG_DYING, MEMCG_OFFLINE } from '../../core/memcg/memcgs.ts';
import { watchColumns } from '../../core/shared/watch.ts';
import type { FullConfig } from '../../core/tables.ts';
import type { Frame, Touch } from '../../reports/results-frames.ts';
import { frameOf, rowName } from './frame.ts';
import { createTouches, touchedRow } from './touches.ts';
import * as words from './words.ts';

/** Rows to which the hand-over of a removal gave another owner so far, by kind. */
export interface HandOverCount {
  readonly pages: number;
  /** Slab rows that were looked at or written for it. */
  readonly looks: number;
  readonly caches: number;
  readonly objcgs: number;
}

/** Before any hand-over. */
export const NOTHING: HandOverCount = { pages: 0, looks: 0, caches: 0, objcgs: 0 };

/** One moment. */
export interface Moment {
  /** What happened, in a sentence or two. */
  readonly caption: string;
  readonly frame: Frame;
  /** What was touched since the moment before. */
  readonly touched: readonly Touch[];
  /** Whether it is part of a hand-over. */
  readonly handOver: boolean;
  /** Of the last removal. */
  readonly count: HandOverCount;
  /** Objects that others use as well, as `row:place`. */
  readonly shared: readonly string[];
}

/** Columns in which a hand-over writes the new owner down, and what it is the owner of. */
const OWNER_COLUMNS = new Map<string, 'pages' | 'caches' | 'objcgs'>([
  ['owners.owner', 'pages'],
  ['kmemCaches.memcg', 'caches'],
  ['objcgs.memcg', 'objcgs'],
]);

/** A machine under the eyes of a recorder. */
export interface Recorded {
  readonly machine: Machine;
  readonly cpu: Cpu;
  /** Names of rows; those of freed rows are dropped. */
  readonly names: {
    readonly memcgs: Record<string, number>;
    readonly caches: Record<string, number>;
  };
  readonly recorder: Recorder;
}

/** Keeps moments. */
export interface Recorder {
  /** The machine as it is now. */
  look(): Frame;
  /** Forgets the moments so far. */
  begin(): void;
  moments(): Moment[];
  /** Keeps a moment. */
  cut(caption: string): void;
  /** What happened since the last moment needs no words of its own. */
  amendLast(): void;
  /** Caches that lost their base reference since `begin`. */
  retired(): number;
}

/** What a recorder is made with. */
interface Parts {
  readonly config: FullConfig;
  readonly names: Recorded['names'];
  /** Objects that others use as well, as `row:place`. */
  shared(): string[];
}

/** Counts what a hand-over rewrites. */
function createCounter() {
  const pages = new Set<number>();
  let count = NOTHING;
  return {
    begin(): void {
      pages.clear();
      count = NOTHING;
    },
    page(row: number): void {
      pages.add(row);
      count = { ...count, looks: pages.size };
    },
    owner(kind: 'pages' | 'caches' | 'objcgs'): void {
      count = { ...count, [kind]: count[kind] + 1 };
    },
    now: () => count,
  };
}

function forget(names: Record<string, number>, row: number): void {
  for (const [name, one] of Object.entries(names)) if (one === row) delete names[name];
}

function createRecorder({ config, names, shared }: Parts) {
  const columns = new Map<string, Int32Array>();
  const touches = createTouches();
  const counter = createCounter();
  let handing = false;
  let moments: Moment[] = [];
  let retired = 0;

  const look = (): Frame => frameOf({ config, column: (name) => columns.get(name) }, names);

  function cut(caption: string): void {
    const now = { frame: look(), touched: touches.list(), shared: shared() };
    moments.push({ caption, handOver: handing, count: counter.now(), ...now });
    touches.clear();
  }

  function touch(column: string, index: number, how: Touch['how']): void {
    const touched = touchedRow(config, column, index, columns.get(column)?.length ?? 0);
    if (touched === null) return;
    touches.add(touched.kind, touched.row, how);
    if (handing && touched.kind === 'page') counter.page(touched.row);
  }

  function memcgFlags(row: number, before: number, after: number): void {
    const set = after & ~before;
    const name = rowName(names.memcgs, row, 'memcg');
    if ((set & MEMCG_DYING) !== 0) cut(words.removed(name));
    else if ((set & MEMCG_OFFLINE) !== 0) cut(words.offline(name));
    else if (after === 0) {
      forget(names.memcgs, row);
      cut(words.freed(name));
    }
  }

  function cacheFlags(row: number, before: number, after: number): void {
    if ((after & ~before & CACHE_KILLED) !== 0) retired++;
    if (after === 0) forget(names.caches, row);
  }

  function wrote(column: string, index: number, before: number, after: number): void {
    touch(column, index, 'write');
    if (before === after) return;
    const owned = handing ? OWNER_COLUMNS.get(column) : undefined;
    if (owned !== undefined) {
      counter.owner(owned);
      const change = { column, index, after };
      cut(words.handedOver(look(), change, columns.has('owners.owner'), touches.list()));
    } else if (column === 'memcgs.flags') memcgFlags(index, before, after);
    else if (column === 'kmemCaches.flags') cacheFlags(index, before, after);
  }

  /** The start and the end of a hand-over are calls, not words. */
  function watchHandOver({ strategy }: Cpu): void {
    const handOver = strategy.handOver.bind(strategy);
    strategy.handOver = (child, parent) => {
      if (touches.list().some(({ kind }) => kind === 'cache')) cut(words.deactivated());
      touches.clear();
      counter.begin();
      handing = true;
      handOver(child, parent);
      const [from, to] = [child, parent].map((row) => rowName(names.memcgs, row, 'memcg'));
      cut(words.handOverDone(from ?? '', to ?? '', counter.now()));
      handing = false;
    };
  }

  const recorder: Recorder = {
    ...{ look, cut },
    begin() {
      moments = [];
      retired = 0;
      touches.clear();
    },
    moments: () => moments,
    amendLast() {
      const moment = moments.pop();
      if (moment === undefined) return;
      for (const { kind, row, how } of moment.touched) touches.add(kind, row, how);
      moments.push({ ...moment, frame: look(), touched: touches.list() });
      touches.clear();
    },
    retired: () => retired,
  };
  const watcher = {
    opened: (column: string, plain: Int32Array) => columns.set(column, plain),
    read: (column: string, index: number) => touch(column, index, 'read'),
    wrote,
  };
  return { recorder, watcher, watchHandOver };
}

/** Makes an empty machine that is watched. @throws ModelError without the atomics of a single thread */
export function recordMachine(config: FullConfig, shared: () => string[]): Recorded {
  const names = { memcgs: { root: ROOT_MEMCG }, caches: {} };
  const { recorder, watcher, watchHandOver } = createRecorder({ config, names, shared });
  const made = watchColumns(watcher, () => {
    const machine = createMachine(config);
    return { machine, cpu: bindCpu(machine, 0) };
  });
  watchHandOver(made.cpu);
  return { ...made, names, recorder };
}
