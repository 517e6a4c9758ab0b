/**
 * `doctor`: what on this machine will spoil a measurement, and what to do about it. The same
 * findings go as warnings into every record. Nothing is changed on the machine.
 */
import { accessSync, constants } from 'node:fs';
import { url as inspectorUrl } from 'node:inspector';
import { formatCount } from '../../reports/format.ts';
import type { DoctorResults, Finding } from '../../reports/results.ts';
import {
  captureEnvironment,
  type Environment,
  type ReadText,
  readText,
  transparentHugePages,
} from '../environment.ts';
import { availableMemoryBytes } from '../memory-limit.ts';
import type { CommandResult } from './registry.ts';

/** All that the findings are judged from. */
export interface HostState {
  environment: Environment;
  /** Worker threads that will be busy at the same time. */
  workers: number;
  /** Two threads share a core; null when the kernel does not tell. */
  smt: boolean | null;
  /** Mode of transparent huge pages; null when unknown. */
  thp: string | null;
  availableBytes: number;
  swapUsedBytes: number;
  /** Flags of this process and of NODE_OPTIONS. */
  nodeFlags: string[];
  inspector: boolean;
  coverage: boolean;
  slabinfoReadable: boolean;
  slabFolderReadable: boolean;
}

/** Reads the state of this machine for a number of busy workers. */
export function readHost(workers: number, read: ReadText = readText): HostState {
  const meminfo = read('/proc/meminfo') ?? '';
  const kib = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(meminfo)?.[1] ?? 0);
  const smt = read('/sys/devices/system/cpu/smt/active')?.trim();
  return {
    environment: captureEnvironment({ read }),
    workers,
    smt: smt === undefined ? null : smt === '1',
    thp: transparentHugePages(read),
    availableBytes: availableMemoryBytes(read),
    swapUsedBytes: (kib('SwapTotal') - kib('SwapFree')) * 1024,
    nodeFlags: [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)].filter(
      (flag) => flag.startsWith('-'),
    ),
    inspector: inspectorUrl() !== undefined,
    coverage: Boolean(process.env.NODE_V8_COVERAGE),
    slabinfoReadable: readable('/proc/slabinfo'),
    slabFolderReadable: readable('/sys/kernel/slab/kmalloc-64/order'),
  };
}

function readable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** What was found, as a sentence without a full stop, and a sentence of advice. */
type Judgement = Omit<Finding, 'id'>;

const ok = (what: string): Judgement => ({ severity: 'ok', what, advice: '' });
const note = (what: string, advice: string): Judgement => ({ severity: 'note', what, advice });
const warning = (what: string, advice: string): Judgement => ({
  severity: 'warning',
  what,
  advice,
});

function judgeCores({ environment, workers }: HostState): Judgement {
  const found = `${workers} busy ${workers === 1 ? 'worker' : 'workers'} on ${environment.cpus} CPUs`;
  if (workers > environment.cpus) {
    return warning(`${found}, so they take turns`, `Use --cpus ${environment.cpus} at most.`);
  }
  if (workers < environment.cpus) return ok(found);
  return note(
    `${found}, so the main thread takes time from one`,
    'Leave one CPU free, or watch the CPU wait of each round.',
  );
}

function judgeQuota({ environment, workers }: HostState): Judgement {
  const limit = environment.cgroupCpuLimit;
  if (limit === null) return ok('no CPU quota');
  const found = `a cgroup quota of ${limit} CPUs`;
  if (limit > workers) return note(found, 'Watch the CPU wait of each round.');
  return warning(`${found}, which stops workers in mid-round`, 'Raise cpu.max of the cgroup.');
}

function judgeGovernor({ environment }: HostState): Judgement {
  const governor = environment.governor;
  if (governor === null) return ok('no frequency governor shown');
  if (governor === 'performance') return ok('frequency governor performance');
  return warning(
    `frequency governor ${governor}, so the clock rate changes during a run`,
    'Run cpupower frequency-set -g performance.',
  );
}

function judgeLoad({ environment, workers }: HostState): Judgement {
  const found = `load average ${environment.loadAverage.toFixed(2)}`;
  if (environment.loadAverage < 0.5 || environment.loadAverage + workers <= environment.cpus) {
    return ok(found);
  }
  return warning(
    `${found} on ${environment.cpus} CPUs, so other work competes`,
    'Wait until it is below the number of CPUs less the workers.',
  );
}

function judgeTimer({ environment }: HostState): Judgement {
  const found = `timer resolution ${formatCount(environment.timerResolutionNs)} ns`;
  if (environment.timerResolutionNs <= 1000) return ok(found);
  return warning(
    `${found}, too coarse for short removals`,
    'Check that the clock source is tsc (see current_clocksource under /sys/devices/system/clocksource).',
  );
}

function judgeNode({ environment }: HostState): Judgement {
  const [major = 0, minor = 0] = environment.node.split('.').map(Number);
  const found = `Node ${environment.node}, V8 ${environment.v8}`;
  if (major > 20 || (major === 20 && minor >= 19)) return ok(found);
  return warning(found, 'Install Node 20.19 or newer.');
}

// Flags that change how code is compiled, or watch it run.
const SLOW_FLAG =
  /^--(jitless|no-opt|no-turbofan|no-maglev|no-sparkplug|interpreted|inspect|cpu-prof|heap-prof|prof|perf|trace|stress|max-lazy|enable-source-maps)/;

function judgeFlags({ nodeFlags, inspector, coverage }: HostState): Judgement {
  const slow = nodeFlags.filter((flag) => SLOW_FLAG.test(flag));
  if (inspector && slow.length === 0) slow.push('an attached inspector');
  if (coverage) slow.push('NODE_V8_COVERAGE');
  if (slow.length > 0) {
    return warning(`Node runs with ${slow.join(' ')}, which changes timings`, 'Run without.');
  }
  if (nodeFlags.length === 0) return ok('no Node flags');
  return note(`Node flags ${nodeFlags.join(' ')}`, 'Compare only records with the same flags.');
}

function judgeMemory({ availableBytes }: HostState): Judgement {
  const found = `${formatCount(availableBytes)} bytes of memory available`;
  if (availableBytes >= 2 ** 30) return ok(found);
  return warning(found, 'Free some, or use fewer --pages and --live.');
}

function judgeHugePages({ environment, thp }: HostState): Judgement {
  if (environment.hugePages) return ok(`transparent huge pages in use (mode ${thp})`);
  const found = `no huge pages for large buffers (mode ${thp ?? 'unknown'})`;
  return thp === 'madvise'
    ? note(
        found,
        'Start with GLIBC_TUNABLES=glibc.malloc.hugetlb=1 (glibc 2.35): up to twice as fast above 1e8 objects.',
      )
    : note(found, 'Set /sys/kernel/mm/transparent_hugepage/enabled to madvise for large machines.');
}

const RULES: Record<string, (host: HostState) => Judgement> = {
  cores: judgeCores,
  'cpu-quota': judgeQuota,
  governor: judgeGovernor,
  smt: ({ smt }) =>
    smt
      ? note('two threads share each core', 'Bind to one thread per core, or turn SMT off.')
      : ok(smt === null ? 'the kernel does not tell whether threads share cores' : 'no SMT'),
  load: judgeLoad,
  'virtual-machine': ({ environment: { virtualMachine } }) =>
    virtualMachine === null
      ? ok('no virtual machine found')
      : warning(
          `a virtual machine (${virtualMachine}), so neighbours can slow a round down twofold`,
          'Compare only rounds of the same run, and repeat the run.',
        ),
  timer: judgeTimer,
  'node-version': judgeNode,
  'node-flags': judgeFlags,
  memory: judgeMemory,
  'huge-pages': judgeHugePages,
  swap: ({ swapUsedBytes }) =>
    swapUsedBytes > 0
      ? note(
          `${formatCount(swapUsedBytes)} bytes are swapped out`,
          'Run swapoff -a while measuring.',
        )
      : ok('nothing swapped out'),
  slabinfo: ({ slabinfoReadable }) =>
    slabinfoReadable
      ? ok('/proc/slabinfo is readable')
      : note('/proc/slabinfo is not readable', 'The option --population slabinfo:live needs root.'),
  'slab-folder': ({ slabFolderReadable }) =>
    slabFolderReadable
      ? ok('/sys/kernel/slab is readable')
      : note(
          '/sys/kernel/slab is not readable',
          'The command geometry without a file needs root and SLUB.',
        ),
};

/** Judges a machine; one finding for each thing looked at. */
export function diagnose(host: HostState): Finding[] {
  return Object.entries(RULES).map(([id, rule]) => ({ id, ...rule(host) }));
}

/** The environment of a record, with the doctor's warnings in it. */
export function judgedEnvironment(workers: number): Environment {
  const host = readHost(workers);
  const warnings = diagnose(host).filter(({ severity }) => severity === 'warning');
  return { ...host.environment, warnings: warnings.map(({ what }) => what) };
}

/** Runs the command. Findings are no failed checks: the exit code is 0. */
export async function runDoctor(options: { workers: number }): Promise<CommandResult> {
  const results: DoctorResults = { findings: diagnose(readHost(options.workers)) };
  return {
    results,
    parameters: { cpus: options.workers },
    checks: [],
    complete: true,
    warnings: [],
  };
}
