/**
 * One cache of SLUB, written down as the steps of kernel-model b.1 and b.4 read: lists are arrays and
 * a slab is two numbers. It knows nothing of the model's tables, and is right for slabs of up to 32
 * objects, of which a CPU takes all free ones at once.
 */

/** How a CPU's partial list is bounded: by slabs since 5.16, by objects before. */
export type PartialRule = 'slabs' | 'objects';

/** A slab; `id` is where the model put it. */
interface Slab {
  readonly id: number;
  /** Free objects on the page; those on a CPU's private list count as in use. */
  free: number;
  frozen: boolean;
  /** What it counts for on a CPU's partial list. */
  weight: number;
}

interface CpuSlabs {
  slab: Slab | null;
  /** Free objects that only this CPU sees. */
  private: number;
  /** Newest first. */
  partial: Slab[];
}

/** What can be compared with a machine. */
export interface SlubState {
  /** Ids in list order. */
  readonly node: number[];
  readonly cpus: { slab: number; private: number; partial: number[]; count: number }[];
  /** Per slab that exists: [id, objects in use as the page counts them, frozen]. */
  readonly slabs: [id: number, inuse: number, frozen: boolean][];
}

/** See the file's head. */
export class SlubOracle {
  minPartial: number;
  /** Limit of a CPU's partial list, in the unit of the rule. */
  cpuPartial: number;
  /** Ids of slabs that were discarded, in order. */
  readonly discarded: number[] = [];
  readonly #objects: number;
  readonly #rule: PartialRule;
  readonly #node: Slab[] = [];
  readonly #cpus: CpuSlabs[];
  readonly #slabs = new Map<number, Slab>();

  constructor(options: {
    readonly cpus: number;
    readonly objects: number;
    readonly minPartial: number;
    readonly rule: PartialRule;
    readonly cpuPartial: number;
  }) {
    this.#objects = options.objects;
    this.#rule = options.rule;
    this.minPartial = options.minPartial;
    this.cpuPartial = options.cpuPartial;
    this.#cpus = Array.from({ length: options.cpus }, () => ({
      ...{ slab: null, private: 0, partial: [] },
    }));
  }

  /** Id of the slab that the next object comes from; null if it takes a new one. */
  alloc(cpu: number): number | null {
    const own = this.#cpu(cpu);
    if (own.slab !== null && own.private === 0 && own.slab.free === 0) {
      // Full, on no list, and its CPU forgets it.
      own.slab.frozen = false;
      own.slab = null;
    }
    own.slab ??= own.partial.shift() ?? this.#fromNode(own);
    const { slab } = own;
    if (slab === null) return null;
    if (own.private === 0) {
      own.private = slab.free;
      slab.free = 0;
    }
    own.private--;
    return slab.id;
  }

  /** An object came from a new slab. */
  newSlab(cpu: number, id: number): void {
    if (this.#slabs.has(id)) throw new Error(`slab ${id} is in use already`);
    const slab = { id, free: 0, frozen: true, weight: 0 };
    this.#slabs.set(id, slab);
    const own = this.#cpu(cpu);
    own.slab = slab;
    own.private = this.#objects - 1;
  }

  free(cpu: number, id: number): void {
    const own = this.#cpu(cpu);
    const slab = this.#slabs.get(id);
    if (slab === undefined) throw new Error(`slab ${id} does not exist`);
    if (own.slab === slab) {
      own.private++;
      return;
    }
    slab.free++;
    if (slab.frozen) return;
    if (slab.free === 1) this.#putCpuPartial(own, slab);
    else if (slab.free === this.#objects && this.#node.length >= this.minPartial) {
      this.#node.splice(this.#node.indexOf(slab), 1);
      this.#discard(slab);
    }
  }

  /** flush_slab. */
  flush(cpu: number): void {
    const own = this.#cpu(cpu);
    const { slab } = own;
    if (slab !== null) {
      const othersFreed = slab.free > 0;
      slab.free += own.private;
      slab.frozen = false;
      own.slab = null;
      own.private = 0;
      if (this.#isSurplus(slab)) this.#discard(slab);
      else if (slab.free > 0) {
        if (othersFreed) this.#node.push(slab);
        else this.#node.unshift(slab);
      }
    }
    this.#unfreeze(own);
  }

  /** Flushes all CPUs, discards what is empty, and puts the fullest slabs first. */
  shrink(): void {
    for (let cpu = 0; cpu < this.#cpus.length; cpu++) this.flush(cpu);
    const slabs = this.#node.splice(0);
    for (const slab of slabs) if (slab.free === this.#objects) this.#discard(slab);
    // Equally full ones come out in reverse order.
    const left = slabs.filter(({ free }) => free < this.#objects).reverse();
    this.#node.push(...left.sort((a, b) => a.free - b.free));
  }

  state(): SlubState {
    return {
      node: this.#node.map(({ id }) => id),
      cpus: this.#cpus.map(({ slab, private: own, partial }) => ({
        slab: slab?.id ?? 0,
        private: own,
        partial: partial.map(({ id }) => id),
        count: sum(partial),
      })),
      slabs: [...this.#slabs.values()]
        .map(({ id, free, frozen }): [number, number, boolean] => [
          id,
          this.#objects - free,
          frozen,
        ])
        .sort(([a], [b]) => a - b),
    };
  }

  #cpu(cpu: number): CpuSlabs {
    const own = this.#cpus[cpu];
    if (own === undefined) throw new Error(`no CPU ${cpu}`);
    return own;
  }

  /** get_partial_node: one slab to use, others for later until it is enough. */
  #fromNode(own: CpuSlabs): Slab | null {
    let first: Slab | null = null;
    let gathered = 0;
    for (;;) {
      const slab = this.#node.shift();
      if (slab === undefined) return first;
      slab.frozen = true;
      if (this.#rule === 'objects') gathered += slab.free;
      else if (first !== null) gathered++;
      if (first === null) first = slab;
      else this.#link(own, slab);
      if (this.cpuPartial === 0 || gathered > Math.floor(this.cpuPartial / 2)) return first;
    }
  }

  #link(own: CpuSlabs, slab: Slab): void {
    slab.weight = this.#rule === 'objects' ? slab.free : 1;
    own.partial.unshift(slab);
  }

  #putCpuPartial(own: CpuSlabs, slab: Slab): void {
    slab.frozen = true;
    const count = sum(own.partial);
    const full = this.#rule === 'objects' ? count > this.cpuPartial : count >= this.cpuPartial;
    if (full) this.#unfreeze(own);
    this.#link(own, slab);
    if (this.cpuPartial === 0) this.#unfreeze(own);
  }

  /** unfreeze_partials. */
  #unfreeze(own: CpuSlabs): void {
    for (const slab of own.partial.splice(0)) {
      slab.frozen = false;
      if (this.#isSurplus(slab)) this.#discard(slab);
      else this.#node.push(slab);
    }
  }

  #isSurplus(slab: Slab): boolean {
    return slab.free === this.#objects && this.#node.length >= this.minPartial;
  }

  #discard(slab: Slab): void {
    this.#slabs.delete(slab.id);
    this.discarded.push(slab.id);
  }
}

function sum(slabs: readonly Slab[]): number {
  return slabs.reduce((total, { weight }) => total + weight, 0);
}
