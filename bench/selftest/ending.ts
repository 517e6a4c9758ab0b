/** The strict end of a test: everything is freed, given back and removed, and nothing may be left. */
import { ROOT_MEMCG } from '../../core/index.ts';
import { type Check, check, same } from './case.ts';
import type { TestMachine } from './world.ts';

/** The machine breaks no invariant: each counter is exactly what is there and what CPUs hold back. */
export function exact(host: TestMachine): Check {
  const broken = host.broken();
  return check('accounts', broken === '', broken === '' ? 'accounts are exact' : broken);
}

/**
 * Frees everything (`free`), gives back what CPUs keep, and removes `memcg`, the test's own. Its counter
 * must be 0 then, it must go, and the machine must break no invariant.
 */
export function emptied(host: TestMachine, memcg: number, free: () => void): Check[] {
  free();
  host.drain();
  const left = host.current(memcg);
  host.rmdir(memcg);
  host.settle();
  host.drain();
  const { descendants, dyingDescendants } = host.cpu.cgroupStat(ROOT_MEMCG);
  const broken = host.broken();
  return [
    same('left', left, 0, 'bytes left'),
    same('gone', descendants + dyingDescendants, 0, 'cgroups left'),
    check('ends', broken === '', broken === '' ? 'accounts are exact at the end' : broken),
  ];
}
