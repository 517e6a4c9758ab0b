/**
 * A step in words: `reads KC.memcg: C`, `takes slab_mutex`, `C.usage: 2 -> 1`. Rows have the names that
 * the scenario gives them; values are shown as what they are in their column.
 */
import {
  CACHE_BY_OBJECTS,
  CACHE_DEACTIVATED,
  CACHE_KILLED,
  CACHE_LIVE,
  CACHE_MERGEABLE,
  CACHE_RECLAIMABLE,
  CACHE_SHUT,
  CACHE_TYPESAFE,
} from '../../core/memcg/kmem-caches.ts';
import {
  MEMCG_DYING,
  MEMCG_LIVE,
  MEMCG_OFFLINE,
  MEMCG_ONLINE,
  MEMCG_RELEASED,
} from '../../core/memcg/memcgs.ts';
import { STOCK_SLOTS_MAX } from '../../core/reparent/byte-stock.ts';
import { REF_BIAS, REF_DEAD, REF_SWITCHED } from '../../core/shared/percpu-ref.ts';
import { ASK, LINE } from '../../core/shared/processor.ts';
import { CPU_RECORD } from '../../core/slub/row-supply.ts';
import { CACHE_SHIFT, FROZEN, INUSE_MASK, OBJECTS_PER_ROW } from '../../core/slub/slabs.ts';
import { type FullConfig, LOCK } from '../../core/tables.ts';
import type { Ending } from './job.ts';
import { columnOf } from './memory-map.ts';
import type { SeenStep } from './telling.ts';
import { COUNTER, type RowNames } from './world.ts';

/** Puts steps of one scenario's machine into words. */
export interface Describer {
  step(step: SeenStep): string;
  /** `table.column` of a word. */
  column(word: number): string;
  /** A memcg or cache by its name. */
  memcg(row: number): string;
  cache(row: number): string;
  memcgFlags(flags: number): string;
  cacheFlags(flags: number): string;
  refMode(mode: number): string;
}

const LOCK_NAMES: Readonly<Record<number, string>> = {
  [LOCK.cgroupMutex]: 'cgroup_mutex',
  [LOCK.slabMutex]: 'slab_mutex',
  [LOCK.percpuChargeMutex]: 'percpu_charge_mutex',
  [LOCK.memcgKmemWqLock]: 'memcg_kmem_wq_lock',
  [LOCK.rcuLock]: 'the RCU lock',
  [LOCK.workLock]: "the cache queue's lock",
  [LOCK.cgroupWorkLock]: "the cgroup queue's lock",
  [LOCK.zoneLock]: 'the zone lock',
  [LOCK.chunkLock]: 'the chunk lock',
  [LOCK.objcgLock]: 'objcg_lock',
};
const RCU_WORDS = ['period started', 'period done', 'period wanted', 'queued', 'run', 'runner'];
const WORK_WORDS = ['queued', 'done', 'runner'];
const STATES = ['idle', 'running', 'visited'];
const MEMCG_COLUMNS = new Set([
  ...['kmemCaches.memcg', 'memcgs.parent', 'kmemIds.owner', 'owners.owner', 'processors.current'],
  ...['objcgs.memcg', 'objcgs.home'],
]);
const OBJCG_COLUMNS = new Set([
  ...['objcgs.next', 'objcgs.prev', 'objcgLists.head', 'objcgLists.tail'],
  ...['liveObjcgs.live', 'objectOwners.objcg'],
]);
const REFERENCE_COLUMNS = new Set(['memcgs.css', 'kmemCaches.refcnt', 'objcgs.refcnt']);
const MODE_COLUMNS = new Set(['memcgs.cssMode', 'kmemCaches.refMode', 'objcgs.refMode']);
const CACHE_COLUMNS = new Set(['cacheArrays.cache', 'kmemCaches.root', 'globals.flush']);

function bits(value: number, names: readonly (readonly [bit: number, name: string])[]): string {
  const set = names.filter(([bit]) => (value & bit) !== 0).map(([, name]) => name);
  return set.length === 0 ? 'none' : set.join(' ');
}

const memcgFlags = (flags: number): string =>
  flags === 0
    ? 'free'
    : bits(flags, [
        [MEMCG_ONLINE, 'online'],
        [MEMCG_DYING, 'dying'],
        [MEMCG_OFFLINE, 'offline'],
        [MEMCG_RELEASED, 'released'],
        [MEMCG_LIVE, 'live'],
      ]).replace(/ live$/, '');

const cacheFlags = (flags: number): string =>
  flags === 0
    ? 'free'
    : bits(flags, [
        [CACHE_LIVE, 'live'],
        [CACHE_DEACTIVATED, 'deactivated'],
        [CACHE_KILLED, 'killed'],
        [CACHE_SHUT, 'shut'],
        [CACHE_TYPESAFE, 'typesafe'],
        [CACHE_RECLAIMABLE, 'reclaimable'],
        [CACHE_MERGEABLE, 'mergeable'],
        [CACHE_BY_OBJECTS, 'cpu partial by objects'],
      ]);

const refMode = (mode: number): string =>
  (mode & REF_DEAD) === 0 ? 'percpu' : (mode & REF_SWITCHED) === 0 ? 'killed, percpu' : 'atomic';

function named(names: Readonly<Record<string, number>>, row: number, kind: string): string {
  const found = Object.entries(names).find(([, one]) => one === row);
  return found?.[0] ?? `${kind} ${row}`;
}

/** Where a word is: what holds it, and what it is there. */
interface Place {
  readonly column: string;
  readonly index: number;
  readonly words: number;
}

function lockName(place: Place, cache: (row: number) => string): string | null {
  const { column, index } = place;
  if (column === 'locks.word' && index % LINE === 0) return LOCK_NAMES[index / LINE] ?? null;
  if (column === 'kmemCaches.listLock') return `list_lock of ${cache(index)}`;
  if (column === 'lruLists.lock') return index === 0 ? 'the item pool lock' : 'nlru->lock';
  if (column === 'rowLocks.lock') return 'a row lock';
  return column === 'memcgs.pageLock' ? 'a page lock' : null;
}

/** What the words of a machine are made with. */
interface Words {
  readonly config: FullConfig;
  memcg(row: number): string;
  cache(row: number): string;
  objcg(row: number): string;
}

/** What a word is called. */
function subjectOf(made: Words, { column, index, words }: Place): string {
  const { config, memcg, cache, objcg } = made;
  const [table = '', field = ''] = column.split('.');
  const lines = Math.floor(index / LINE);
  switch (table) {
    case 'memcgs': {
      const width = words / (config.memcgs + 1);
      return `${memcg(Math.floor(index / width))}.${field}`;
    }
    case 'kmemCaches': {
      const width = words / (config.kmemCaches + 1);
      return `${cache(Math.floor(index / width))}.${field}`;
    }
    case 'cpuMemcgs': {
      const width = words / ((config.memcgs + 1) * config.cpus);
      const row = Math.floor(index / width);
      const one = row % (config.memcgs + 1);
      return `CPU ${Math.floor(row / (config.memcgs + 1))}'s ${field} of ${memcg(one)}`;
    }
    case 'cpuSlabs': {
      const one = index % (config.kmemCaches + 1);
      return `CPU ${Math.floor(index / (config.kmemCaches + 1))}'s ${field} of ${cache(one)}`;
    }
    case 'slabs':
      return field === 'prev'
        ? `slab ${index}.prev`
        : `slab ${index >> 2}.${['state', 'free', 'free (high)', 'next'][index & 3] ?? ''}`;
    case 'owners':
      return `owner of slab ${index}`;
    case 'objcgs':
      return `${objcg(index)}.${field}`;
    case 'objcgLists':
      return field === 'inherited'
        ? `number of obj_cgroups that ${memcg(index)} inherited`
        : `${field} of ${memcg(index)}'s list of obj_cgroups`;
    case 'liveObjcgs':
      return `${memcg(Math.floor((index * (config.memcgs + 1)) / words))}.objcg`;
    case 'objcgRefs':
      return `CPU ${Math.floor((index * config.cpus) / words)}'s ref of ${objcg(index % (words / config.cpus))}`;
    case 'objectOwners':
      return `owner of object ${index % OBJECTS_PER_ROW} of slab ${Math.floor(index / OBJECTS_PER_ROW)}`;
    case 'cacheArrays':
      return `copies of ${cache(Math.floor(index / config.kmemIds))}[id ${index % config.kmemIds}]`;
    case 'kmemIds':
      return `owner of kmem id ${index}`;
    case 'processors':
      return field === 'current' ? `task of CPU ${lines}` : `CPU ${lines} ${field}`;
    case 'rcu':
      return `RCU ${RCU_WORDS[index] ?? `word ${index}`}`;
    case 'work':
    case 'cgroupWork':
      return `${table === 'work' ? 'cache' : 'cgroup'} queue ${WORK_WORDS[index] ?? `word ${index}`}`;
    case 'cpus':
      return recordName(index);
    case 'globals':
      if (field !== 'flush') return `${column}[${index}]`;
      return index === 0 ? 'cache being flushed' : 'CPUs still to flush it';
    case 'lruLists':
      return `nr_items of lru list ${index}`;
    case 'zone': {
      const counter = 'xyz'.charAt(index - COUNTER);
      return counter === '' ? `${column}[${index}]` : `word ${counter}`;
    }
    default:
      return `${column}[${index}]`;
  }
}

/** Slot of a byte stock whose obj_cgroup a word of the CPUs' records is. */
function stockSlot(index: number): number | null {
  const slot = (index % CPU_RECORD.words) - CPU_RECORD.byteStock;
  return slot >= 0 && slot < STOCK_SLOTS_MAX ? slot : null;
}

function recordName(index: number): string {
  const cpu = Math.floor(index / CPU_RECORD.words);
  const field = index % CPU_RECORD.words;
  const slot = stockSlot(index);
  if (slot !== null) return `CPU ${cpu}'s byte stock, slot ${slot}`;
  const bytes = stockSlot(index - STOCK_SLOTS_MAX);
  if (bytes !== null) return `CPU ${cpu}'s byte stock, bytes of slot ${bytes}`;
  const found = Object.entries(CPU_RECORD).find(([name, at]) => at === field && name !== 'words');
  return `CPU ${cpu}'s ${found?.[0] ?? `record ${field}`}`;
}

/** A count that is biased as long as the CPUs' shares are not summed. */
function references(value: number): string {
  return value < REF_BIAS / 2 ? String(value) : `${value - REF_BIAS} and the CPUs' shares`;
}

/** What a value is in its column. */
function shownIn(made: Words, { column, index }: Place, value: number): string {
  const { memcg, cache, objcg } = made;
  if (OBJCG_COLUMNS.has(column)) return objcg(value);
  if (column === 'cpus.record' && stockSlot(index) !== null) return objcg(value);
  if (MEMCG_COLUMNS.has(column)) return memcg(value);
  if (CACHE_COLUMNS.has(column) && (column !== 'globals.flush' || index === 0)) {
    return cache(value);
  }
  if (column === 'memcgs.flags') return memcgFlags(value);
  if (column === 'kmemCaches.flags') return cacheFlags(value);
  if (MODE_COLUMNS.has(column)) return refMode(value);
  if (REFERENCE_COLUMNS.has(column)) return references(value);
  if (column === 'processors.state') return STATES[value] ?? String(value);
  if (column === 'processors.attention') {
    return bits(
      value,
      Object.entries(ASK).map(([name, bit]) => [bit, name]),
    );
  }
  if (column === 'slabs.page' && (index & 3) === 0) return slabState(cache, value);
  const runner = /^(rcu|work|cgroupWork)\.word$/.test(column) && isRunner(column, index);
  if (runner) return value === 0 ? 'nobody' : `CPU ${value - 1}`;
  return String(value);
}

function isRunner(column: string, index: number): boolean {
  return (column === 'rcu.word' ? RCU_WORDS : WORK_WORDS)[index] === 'runner';
}

function milestone(column: string, index: number, value: number): string | null {
  if (column === 'rcu.word' && RCU_WORDS[index] === 'period done') {
    return `grace period ${value} is over`;
  }
  if (column === 'rcu.word' && RCU_WORDS[index] === 'queued') return `queues RCU callback ${value}`;
  const queue = { 'work.word': 'cache', 'cgroupWork.word': 'cgroup' }[column];
  return queue !== undefined && WORK_WORDS[index] === 'queued'
    ? `queues ${queue} work ${value}`
    : null;
}

function slabState(cache: Words['cache'], value: number): string {
  if (value >>> CACHE_SHIFT === 0) return value === 0 ? 'free' : `tail ${value}`;
  const frozen = (value & FROZEN) === 0 ? '' : ', frozen';
  return `${cache(value >>> CACHE_SHIFT)}, ${value & INUSE_MASK} in use${frozen}`;
}

function lockStep(step: SeenStep, name: string): string {
  if (step.kind === 'cas') {
    return step.before === 0 ? `takes ${name}` : `finds ${name} held by CPU ${step.before - 1}`;
  }
  if (step.kind === 'store') return `releases ${name}`;
  return step.before === 0 ? `sees ${name} free` : `sees ${name} held by CPU ${step.before - 1}`;
}

/**
 * Names of obj_cgroups, which go by the memcg that they were made for; its second one is of node 1. Empty
 * where a design has none. Rows are not used twice in a run, so what it left says whose each one was.
 */
export function objcgNames({ main, strategy, columns }: Ending, names: RowNames): string[] {
  const home = columns.find(({ name }) => name === 'objcgs.home');
  const made = new Map<number, number>();
  return Array.from({ length: home?.length ?? 0 }, (_, row) => {
    const memcg = strategy[(home?.base ?? 0) - main.length + row] ?? 0;
    if (memcg === 0) return 'none';
    const node = made.get(memcg) ?? 0;
    made.set(memcg, node + 1);
    const of = `objcg of ${named(names.memcgs, memcg, 'memcg')}`;
    return node === 0 ? of : `${of} on node ${node}`;
  });
}

/** Makes the words for a machine. */
export function createDescriber(
  config: FullConfig,
  { columns }: Pick<Ending, 'columns'>,
  names: RowNames,
  objcgs: readonly string[],
): Describer {
  const memcg = (row: number): string => (row === 0 ? 'none' : named(names.memcgs, row, 'memcg'));
  const cache = (row: number): string => (row === 0 ? 'none' : named(names.caches, row, 'cache'));
  const sized = columns.map(({ name, base, length }) => ({ name, base, raw: { length } }));

  const objcg = (row: number): string => (row === 0 ? 'none' : (objcgs[row] ?? `objcg ${row}`));
  const words: Words = { config, memcg, cache, objcg };

  function placeOf(word: number): Place {
    const column = columnOf(sized, word);
    if (column === undefined) return { column: 'memory', index: word, words: 0 };
    return { column: column.name, index: word - column.base, words: column.raw.length };
  }

  /** A step that broke something. */
  function faultText(place: Place, { before, after }: SeenStep): string {
    const what = subjectOf(words, place);
    return after < 0
      ? `takes ${what} below zero: ${before} -> ${after}`
      : `touches ${what}, which is not in use`;
  }

  return {
    ...{ memcg, cache, memcgFlags, cacheFlags, refMode },
    column: (word) => placeOf(word).column,
    step(step) {
      const place = placeOf(step.word);
      if (step.kind === 'fault') return faultText(place, step);
      const lock = lockName(place, cache);
      if (lock !== null) return lockStep(step, lock);
      const changed = step.before !== step.after;
      const told = changed ? milestone(place.column, place.index, step.after) : null;
      if (told !== null) return told;
      const what = subjectOf(words, place);
      const before = shownIn(words, place, step.before);
      const after = shownIn(words, place, step.after);
      switch (step.kind) {
        case 'load':
        case 'peek':
        case 'plain read':
          return `reads ${what}: ${before}`;
        case 'cas':
          return before === after ? `finds ${what}: ${before}` : `${what}: ${before} -> ${after}`;
        default:
          return before === after ? `writes ${what}: ${after}` : `${what}: ${before} -> ${after}`;
      }
    },
  };
}
