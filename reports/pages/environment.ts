/** The lines that every report starts with: on what, when and with which version it was measured. */
import { formatBytes, formatCount, formatNumber } from '../format.ts';
import type { ResultRecord } from '../record.ts';

function joined(parts: readonly (string | undefined | false | null)[]): string {
  return parts.filter((part) => typeof part === 'string' && part !== '').join(', ');
}

/** Describes the machine, the runtime and the run, one line each. */
export function environmentFacts({ environment, ...record }: ResultRecord): string[] {
  const { cpus, kernel, governor, virtualMachine, cgroupCpuLimit, atomics, hugePages } =
    environment;
  const warned = environment.warnings.some((warning) => warning.includes('virtual machine'));
  const machine = joined([
    environment.cpuModel,
    `${formatCount(cpus)} CPU${cpus === 1 ? '' : 's'}`,
    typeof cgroupCpuLimit === 'number' && `limited to ${formatNumber(cgroupCpuLimit)}`,
    formatBytes(environment.memoryBytes),
    typeof virtualMachine === 'string' && !warned && `virtual machine (${virtualMachine})`,
    governor && `governor ${governor}`,
    `load ${formatNumber(environment.loadAverage)}`,
  ]);
  const runtime = joined([
    environment.os,
    kernel !== undefined && !environment.os.includes(kernel) && kernel,
    `Node ${environment.node.replace(/^v/, '')}`,
    atomics === 'solo' && 'solo atomics',
    hugePages === true && 'huge pages',
  ]);
  const run = joined([`seed ${record.seed}`, record.startedAt.replace(/\.\d+Z$/, 'Z')]);
  return [machine, runtime, run];
}
