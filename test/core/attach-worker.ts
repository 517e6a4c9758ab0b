/** Attaches to a machine of another thread, audits it, and leaves a mark. */
import { parentPort, workerData } from 'node:worker_threads';
import { attachMachine, audit, type MachineMemory } from '../../core/index.ts';

const machine = attachMachine(workerData as MachineMemory);
const { objects, violations } = audit(machine);
machine.memcgs.max[2] = 4321;
parentPort?.postMessage({
  strategy: machine.config.strategy,
  objects,
  violations,
  usage: machine.memcgs.usage[2],
});
