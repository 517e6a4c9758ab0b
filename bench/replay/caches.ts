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

/** Caches of a traced machine. */
export class TracedCaches {
  private readonly cpu: Cpu;
  private readonly rules: GeometryRules;
  private readonly recorded: ReadonlyMap<string, CacheShape>;
  private readonly byName = new Map<string, number>();
  /** Names and root caches, by number. */
  readonly names: string[] = [];
  readonly roots: number[] = [];
  /** Caches whose geometry is not in the recording. */
  computed = 0;

  constructor(cpu: Cpu, rules: GeometryRules, geometry: RecordedGeometry | null) {
    this.cpu = cpu;
    this.rules = rules;
    this.recorded = geometry === null ? new Map() : shapesOf(geometry);
  }

  /** Number of the cache of this name; `size` is bytes from one object to the next. */
  numberOf(name: string, size: number): number {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    const number = this.names.length;
    this.names.push(name);
    this.byName.set(name, number);
    const recorded = this.recorded.get(name);
    if (recorded === undefined) this.computed++;
    this.roots.push(this.cpu.createRootCache(recorded ?? this.shapeOf(size)));
    return number;
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
