/**
 * Slab caches that a trace names, made on the machine as they come up: their geometry is that of a recording
 * (`--geometry`), or computed from the bytes that an allocation took.
 */
import type { CacheShape, Cpu } from '../../core/index.ts';
import { type GeometryRules, geometryOfSize, partialLimitOf } from '../../core/slub/geometry.ts';
import { rulesOfRelease } from '../input/kernel-rules.ts';
import type { RecordedGeometry } from '../input/slab-geometry.ts';

/** A slab has at most so many objects in the model; only caches of tiny objects have more. */
const OBJECTS_MAX = 512;

/** What a cache is called by its frees: not yet, or never. */
const NOT_YET = -1;
const NEVER = -2;

/** Caches of a traced machine. */
export class TracedCaches {
  private readonly cpu: Cpu;
  private readonly rules: GeometryRules;
  private readonly recorded: ReadonlyMap<string, CacheShape>;
  private readonly byName = new Map<string, number>();
  /** Names and root caches, by number. */
  readonly names: string[] = [];
  readonly roots: number[] = [];
  /** Of each cache without a name, the number of the one that its frees give; NOT_YET, or NEVER. */
  private readonly carried: number[] = [];

  constructor(cpu: Cpu, rules: GeometryRules, geometry: RecordedGeometry | null) {
    this.cpu = cpu;
    this.rules = rules;
    this.recorded = geometry === null ? new Map() : shapesOf(geometry);
  }

  /**
   * Number of the cache of this name; `size` is bytes from one object to the next. One that is not named goes by
   * where it allocates.
   */
  numberOf(name: string, size: number, isNamed = true): number {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    const number = this.names.length;
    this.names.push(name);
    this.byName.set(name, number);
    const recorded = this.recorded.get(name);
    this.carried.push(isNamed ? NEVER : NOT_YET);
    this.roots.push(this.cpu.createRootCache(recorded ?? this.shapeOf(size)));
    return number;
  }

  /** An object was freed under this name (a number): it is that of its cache, unless others say otherwise. */
  carry(cache: number, name: number): void {
    const known = this.carried[cache] as number;
    if (known === NEVER || known === name) return;
    this.carried[cache] = known === NOT_YET ? name : NEVER;
  }

  /** What to call the caches. @param nameOf gives the name of a number */
  labels(nameOf: (number: number) => string): string[] {
    return this.names.map((name, cache) => {
      const carried = this.carried[cache] as number;
      return carried >= 0 ? nameOf(carried) : name;
    });
  }

  private shapeOf(size: number): CacheShape {
    const geometry = geometryOfSize(Math.max(8, Math.ceil(size / 8) * 8), this.rules);
    const { objectsPerSlab, pagesPerSlab, minPartial } = geometry;
    return {
      ...{ size, pagesPerSlab, minPartial },
      objectsPerSlab: Math.min(OBJECTS_MAX, objectsPerSlab),
      ...partialLimitOf(geometry),
    };
  }
}

function shapesOf({ kernel, caches, aliases }: RecordedGeometry): Map<string, CacheShape> {
  const bySlabs = rulesOfRelease(kernel).cpuPartialKernel === '6.x';
  const shapes = new Map<string, CacheShape>();
  for (const cache of caches) {
    if (cache.objectsPerSlab > OBJECTS_MAX) continue;
    const cpuPartial = cache.cpuPartial ?? 0;
    const cpuPartialSlabs = bySlabs ? Math.ceil((2 * cpuPartial) / cache.objectsPerSlab) : null;
    shapes.set(cache.name, {
      size: cache.size,
      objectsPerSlab: cache.objectsPerSlab,
      pagesPerSlab: 2 ** cache.order,
      minPartial: cache.minPartial ?? 5,
      ...partialLimitOf({ cpuPartial, cpuPartialSlabs }),
      reclaimable: cache.reclaimAccount,
      typesafeByRcu: cache.typesafeByRcu,
    });
  }
  for (const [name, directory] of aliases) {
    const shape = shapes.get(directory);
    if (shape !== undefined) shapes.set(name, shape);
  }
  return shapes;
}
