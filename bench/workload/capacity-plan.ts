/** The machine of `capacity`: as many slabs of one cache as the objects need. */
import { type MachineConfig, OBJECTS_PER_ROW } from '../../core/index.ts';

/** What to build; plain data. */
export interface CapacityPlan {
  readonly objects: number;
  readonly objectsPerSlab: number;
}

const SPARE_ROWS = 2048;

/** The config of that machine. */
export function capacityConfig({ objects, objectsPerSlab }: CapacityPlan): MachineConfig {
  const rows = Math.ceil(objects / objectsPerSlab) * Math.ceil(objectsPerSlab / OBJECTS_PER_ROW);
  return {
    strategy: 'splice-caches',
    cpus: 1,
    slabRows: rows + SPARE_ROWS,
    kmemCaches: 4,
    rootCaches: 1,
    memcgs: 4,
    kmemIds: 4,
  };
}
