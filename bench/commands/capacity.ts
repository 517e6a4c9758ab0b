/** `capacity`: how many objects fit, and what each costs in process memory. */
import { type MachineConfig, ModelError, machineBytes } from '../../core/index.ts';
import { type CapacityResults, formatBytes, formatCount } from '../../reports/index.ts';
import { CapacityError, UsageError } from '../errors.ts';
import { InterruptedError, withWorkers } from '../measure.ts';
import { assertFits } from '../memory-limit.ts';
import type { CapacityOptions } from '../options.ts';
import type { PhaseResult } from '../workers/capacity.ts';
import { capacityConfig } from '../workload/capacity-plan.ts';
import type { CommandCheck, CommandContext, CommandResult, Plan } from './registry.ts';

const WORKER = new URL('../workers/capacity.js', import.meta.url);
/** The process without the machine, and two bits per slab row for the audit's marks, are added. */
const PROCESS_BYTES = 96 * 2 ** 20;
const MARK_BYTES = 0.25;
/** Longest time per object, ms; a hundred times what it takes. */
const MS_PER_OBJECT = 1e-3;

/** What they are called, in the record and in the worker, and their shares of the time, as measured. */
const PHASES = [
  ['create', 'create', 0.02],
  ['fill', 'fill', 0.38],
  ['audit', 'auditAll', 0.1],
  ['teardown', 'teardown', 0.5],
] as const;

/** Share of the time that goes before a phase. */
function doneBefore(phase: number): number {
  return PHASES.slice(0, phase).reduce((sum, [, , share]) => sum + share, 0);
}

function neededBytes(options: CapacityOptions): {
  config: MachineConfig;
  machine: number;
  bytes: number;
} {
  const config = capacityConfig(options);
  try {
    const machine = machineBytes(config);
    return {
      config,
      machine,
      bytes: Math.ceil(machine + config.slabRows * MARK_BYTES) + PROCESS_BYTES,
    };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new UsageError(`--objects ${options.objects}: ${error.message}; give fewer --objects`);
  }
}

const REMEDY = 'give fewer --objects';

/** What would be built and how much memory it takes; allocates nothing. @throws UsageError */
export function planCapacity(options: CapacityOptions): Plan {
  const { machine, bytes } = neededBytes(options);
  const { objects, objectsPerSlab } = options;
  return {
    lines: [
      `capacity: create, fill, audit and tear down a machine of ${formatCount(objects)} objects, ${objectsPerSlab} per slab`,
      `machine: ${formatCount(machine)} bytes (${formatBytes(machine)}), ${(machine / objects).toFixed(3)} bytes per object`,
    ],
    bytes,
    remedy: REMEDY,
  };
}

/** Builds the machine in a worker, phase by phase. */
export async function runCapacity(
  options: CapacityOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const { machine, bytes } = neededBytes(options);
  assertFits('capacity', bytes, REMEDY);
  const { objects, objectsPerSlab } = options;
  const results: CapacityResults = {
    ...{ objects, objectsPerSlab, slabs: 0, machineBytes: machine, rssBytes: 0 },
    ...{ bytesPerObject: 0, phases: [], violations: 0 },
  };
  const checks: CommandCheck[] = [];
  const deadlineMs = 60_000 + objects * MS_PER_OBJECT;
  const workerOptions = {
    file: WORKER,
    atomics: 'solo',
    signal: context.signal,
    deadlineMs,
  } as const;
  let failure: CapacityError | undefined;
  let complete = false;
  try {
    await withWorkers(
      [{ label: 'capacity', strategy: 'splice-caches' }],
      workerOptions,
      async ([worker]) => {
        for (const [index, [name, task]] of PHASES.entries()) {
          const what = `${name} of ${formatCount(objects)} objects`;
          context.progress.update(doneBefore(index), doneBefore(PHASES.length), what);
          const called = worker?.call<PhaseResult>(task, { objects, objectsPerSlab });
          if (called === undefined) return;
          // A phase takes seconds of one core: a line a second is nothing to it.
          const phase = await context.progress.alive(called);
          results.phases.push({ name, ms: phase.ms, nsPerObject: (phase.ms * 1e6) / objects });
          results.rssBytes = Math.max(results.rssBytes, phase.rssBytes);
          results.bytesPerObject = results.rssBytes / objects;
          results.slabs = Math.max(results.slabs, phase.slabs);
          results.violations += phase.violations;
          if (name === 'audit' || name === 'teardown') {
            const detail = phase.details.join('; ') || 'no invariant broken';
            checks.push({
              name: `audit after ${name === 'audit' ? 'fill' : name}`,
              ok: phase.violations === 0,
              detail,
            });
          }
        }
        complete = true;
      },
    );
  } catch (error) {
    if (error instanceof CapacityError) failure = error;
    else if (!(error instanceof InterruptedError)) throw error;
  }
  return {
    results,
    parameters: { ...options },
    checks,
    complete,
    warnings: [],
    atomics: 'solo',
    ...(failure === undefined ? {} : { failure }),
  };
}
