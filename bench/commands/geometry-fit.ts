/**
 * Which rules a slabinfo text was made under: it says neither the kernel nor the CPUs, and both
 * decide orders. All combinations that could differ are tried.
 */
import { type GeometryRules, geometryOfSize } from '../../core/slub/geometry.ts';

/** A cache as far as it matters here: bytes, objects, pages. */
export interface FittedCache {
  readonly objectSize: number;
  readonly objectsPerSlab: number;
  readonly pagesPerSlab: number;
}

/** What is known already; null for what is not. */
export interface KnownRules {
  readonly cpus: number | null;
  readonly kernel: '5.3' | '6.x' | null;
  readonly pageSize: number;
}

/** Only log2 of the CPUs counts: 1, 2..3, 4..7 and so on, to 8191. */
const CPU_CLASSES = Array.from({ length: 13 }, (_, power) => 2 ** power);

function misfits(caches: readonly FittedCache[], rules: GeometryRules): number {
  return caches.filter(({ objectSize, objectsPerSlab, pagesPerSlab }) => {
    const computed = geometryOfSize(objectSize, rules);
    return computed.objectsPerSlab !== objectsPerSlab || computed.pagesPerSlab !== pagesPerSlab;
  }).length;
}

function classText(cpus: number): string {
  return cpus === 1 ? '1 CPU' : `${cpus} to ${2 * cpus - 1} CPUs`;
}

/**
 * The rules under which the fewest caches differ. Of equal ones the newer kernel and the fewest
 * CPUs are taken; the notes name the others.
 */
export function fittingRules(
  caches: readonly FittedCache[],
  known: KnownRules,
): { rules: GeometryRules; notes: string[] } {
  const kernels = known.kernel === null ? (['6.x', '5.3'] as const) : [known.kernel];
  const cpuCounts = known.cpus === null ? CPU_CLASSES : [known.cpus];
  const tried = kernels.flatMap((kernel) =>
    cpuCounts.map((cpus) => {
      const rules: GeometryRules = { kernel, cpus, pageSize: known.pageSize };
      return { rules, misses: misfits(caches, rules) };
    }),
  );
  const fewest = Math.min(...tried.map(({ misses }) => misses));
  const fitting = tried.filter(({ misses }) => misses === fewest).map(({ rules }) => rules);
  const best = fitting[0];
  if (best === undefined) throw new RangeError('no rules to try');
  return { rules: best, notes: notesOn(fitting, known) };
}

function notesOn(fitting: readonly GeometryRules[], known: KnownRules): string[] {
  const notes: string[] = [];
  if (known.cpus === null) {
    const classes = [...new Set(fitting.map(({ cpus }) => classText(cpus)))].join(', or ');
    notes.push(`CPUs, which slabinfo does not say: ${classes} fit best`);
  }
  if (known.kernel === null) {
    const kernels = [...new Set(fitting.map(({ kernel }) => kernel))];
    const both =
      kernels.length > 1 ? 'both rules give the same' : `those of ${kernels[0]} fit best`;
    notes.push(`Kernel, which slabinfo does not say: ${both}`);
  }
  return notes;
}
