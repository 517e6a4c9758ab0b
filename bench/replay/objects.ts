// hot path
/**
 * Slab objects that a trace tells of: which pointer is which object of the machine, whose it is, and how many
 * of each cache there are. A pointer that is allocated again stands for a new object: its former one went
 * without an event (bulk and RCU-batched frees have none).
 */
import type { Cpu } from '../../core/index.ts';
import { grown } from './grow.ts';
import { KeyTable } from './key-table.ts';

/** What was seen of one cache. */
export interface CacheCount {
  allocs: number;
  /** Of objects that the trace saw allocated. */
  frees: number;
  /** Of objects from before the trace, or whose allocation was lost. */
  unknownFrees: number;
  /** Pointers that were allocated again without a free. */
  reused: number;
}

/** Objects by pointer. */
export class TracedObjects {
  private readonly cpu: Cpu;
  private readonly rows = new KeyTable(2);
  private handles = new Int32Array(1 << 12);
  private owners = new Int32Array(1 << 12);
  private caches = new Int32Array(1 << 12);
  /** Page-cache folio that stands for pages without an event, 0 for none. */
  private pins = new Int32Array(1 << 12);
  private used = 0;
  private free = 0;
  readonly counts: CacheCount[] = [];
  /** Told of an object of a traced cgroup that went: its owner and cache, and its pin. */
  private readonly gone: (owner: number, cache: number, pin: number) => void;

  constructor(cpu: Cpu, gone: (owner: number, cache: number, pin: number) => void) {
    this.cpu = cpu;
    this.gone = gone;
  }

  /** Objects that are there. */
  get live(): number {
    return this.rows.size;
  }

  /** Objects of each cache as the rows have them, whatever was counted. */
  liveByCache(): number[] {
    const live = this.counts.map(() => 0);
    for (let row = 1; row <= this.used; row++) {
      if (this.handles[row] !== 0)
        live[this.caches[row] as number] = (live[this.caches[row] as number] ?? 0) + 1;
    }
    return live;
  }

  /** Of each owner, the cache of which it has the most objects. */
  largestCaches(): Map<number, number> {
    const counts = new Map<number, Map<number, number>>();
    for (let row = 1; row <= this.used; row++) {
      const owner = this.owners[row] as number;
      if (this.handles[row] === 0 || owner < 0) continue;
      const own = counts.get(owner) ?? new Map<number, number>();
      counts.set(owner, own);
      const cache = this.caches[row] as number;
      own.set(cache, (own.get(cache) ?? 0) + 1);
    }
    const largest = new Map<number, number>();
    for (const [owner, own] of counts) {
      const [first] = [...own].sort(([, a], [, b]) => b - a);
      if (first !== undefined) largest.set(owner, first[0]);
    }
    return largest;
  }

  count(cache: number): CacheCount {
    while (this.counts.length <= cache) {
      this.counts.push({ allocs: 0, frees: 0, unknownFrees: 0, reused: 0 });
    }
    return this.counts[cache] as CacheCount;
  }

  private takeRow(): number {
    const row = this.free;
    if (row !== 0) {
      this.free = this.owners[row] as number;
      return row;
    }
    this.used++;
    if (this.used === this.handles.length) {
      this.handles = grown(this.handles);
      this.owners = grown(this.owners);
      this.caches = grown(this.caches);
      this.pins = grown(this.pins);
    }
    return this.used;
  }

  private drop(row: number): void {
    this.cpu.free(this.handles[row] as number);
    this.gone(this.owners[row] as number, this.caches[row] as number, this.pins[row] as number);
    this.handles[row] = 0;
    this.owners[row] = this.free;
    this.free = row;
  }

  /** An object that was just allocated, and is in no row yet. @param owner place of its cgroup, -1 for none */
  add(high: number, low: number, cache: number, handle: number, owner: number, pin: number): void {
    const row = this.takeRow();
    this.handles[row] = handle;
    this.owners[row] = owner;
    this.caches[row] = cache;
    this.pins[row] = pin;
    this.count(cache).allocs++;
    const before = this.rows.set(row, high, low);
    if (before === 0) return;
    this.count(this.caches[before] as number).reused++;
    this.drop(before);
  }

  /** Frees what a pointer stands for. @returns its cache, -1 when the trace did not see it allocated */
  remove(high: number, low: number): number {
    const row = this.rows.delete(high, low);
    if (row === 0) return -1;
    const cache = this.caches[row] as number;
    this.count(cache).frees++;
    this.drop(row);
    return cache;
  }
}
