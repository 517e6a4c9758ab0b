/** A simulated host as a row of the record: one list per quantity rather than one object per sample. */
import type { LeakRun } from '../../reports/index.ts';
import type { HostRun } from './host.ts';
import type { Parts, Sample } from './memory.ts';

/** Makes the row. @param cell place in the sweep */
export function rowOf(run: HostRun, cell: number): LeakRun {
  const { samples, caches, violations } = run;
  const course = (of: (sample: Sample) => number) => samples.map(of);
  const part = (name: keyof Parts) => course(({ parts }) => parts[name]);
  // In the order of the record's schema, so that a record that was read back is the same text.
  return {
    ...{ cell, host: run.host, strategy: run.strategy },
    dying: course((sample) => sample.dying),
    live: course((sample) => sample.live),
    keptByPages: course((sample) => sample.keptByPages),
    keptBySlab: course((sample) => sample.keptBySlab),
    slabBytes: course((sample) => sample.slabBytes),
    percpuBytes: course((sample) => sample.percpuBytes),
    objectBytes: course((sample) => sample.objectBytes),
    pageBytes: course((sample) => sample.pageBytes),
    deadObjectBytes: course((sample) => sample.deadObjectBytes),
    cacheCount: course((sample) => sample.cacheCount),
    ids: course((sample) => sample.ids),
    parts: {
      ...{ liveSlab: part('liveSlab'), live: part('live'), lruArrays: part('lruArrays') },
      ...{ deadSlab: part('deadSlab'), deadCaches: part('deadCaches') },
      ...{ deadMemcgs: part('deadMemcgs'), deadPercpu: part('deadPercpu') },
      deadPageCache: part('deadPageCache'),
    },
    caches: caches.map(({ cache, liveBytes, deadBytes }) => ({ cache, liveBytes, deadBytes })),
    ...{ created: run.created, refused: run.refused, refusedAtHours: run.refusedAtHours },
    ...{ operations: run.operations, violations: [...violations] },
  };
}
