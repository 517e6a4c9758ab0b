/**
 * What machine and runtime a figure comes from. Everything here is read, nothing is changed, and
 * every reader of files can be replaced, so that tests can play other machines.
 */
import { readFileSync } from 'node:fs';
import os from 'node:os';

/** Reads a whole text file; null when it is not there or may not be read. */
export type ReadText = (path: string) => string | null;

/** The real reader. */
export const readText: ReadText = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
};

/** The `environment` part of a record. */
export interface Environment {
  node: string;
  v8: string;
  /** Distribution, platform and architecture. */
  os: string;
  kernel: string;
  cpuModel: string;
  /** CPUs this process may run on. */
  cpus: number;
  memoryBytes: number;
  /** Runnable threads, mean of the last minute. */
  loadAverage: number;
  /** Smallest step seen between two readings of the clock, in ns. */
  timerResolutionNs: number;
  /** CPUs worth of time the cgroup may use; null when unlimited. */
  cgroupCpuLimit: number | null;
  /** Frequency governor of CPU 0; null when the kernel shows none. */
  governor: string | null;
  /** Name of the virtual machine; null on bare metal. */
  virtualMachine: string | null;
  /** Whether large buffers get transparent huge pages in this process. */
  hugePages: boolean;
  /** Sentences about what may spoil a figure. */
  warnings: string[];
  /** What was typed behind `slabsplice`, without where output was to go; the shell knows it. */
  commandLine?: string[];
}

/** Where the readings come from; all parts replaceable. */
export interface EnvironmentSources {
  read: ReadText;
  env: Record<string, string | undefined>;
  /** A clock in ms. */
  clock: () => number;
}

const REAL_SOURCES: EnvironmentSources = {
  read: readText,
  env: process.env,
  clock: () => performance.now(),
};

/** Reads the environment; about 5 ms. Warnings are added by who judges it (see doctor). */
export function captureEnvironment(sources: Partial<EnvironmentSources> = {}): Environment {
  const { read, env, clock } = { ...REAL_SOURCES, ...sources };
  return {
    node: process.versions.node,
    v8: process.versions.v8,
    os: `${distribution(read)} (${process.platform} ${process.arch})`,
    kernel: os.release(),
    cpuModel: os.cpus()[0]?.model.trim() || 'unknown',
    cpus: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    loadAverage: Math.round((os.loadavg()[0] ?? 0) * 100) / 100,
    timerResolutionNs: timerResolution(clock),
    cgroupCpuLimit: cgroupCpuLimit(read),
    governor: firstLine(read('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor')),
    virtualMachine: virtualMachine(read),
    hugePages: hugePages(transparentHugePages(read), env),
    warnings: [],
  };
}

function firstLine(text: string | null): string | null {
  return text?.split('\n', 1)[0]?.trim() || null;
}

function distribution(read: ReadText): string {
  const release = read('/etc/os-release') ?? '';
  return /^PRETTY_NAME="?([^"\n]*)/m.exec(release)?.[1] || os.type();
}

/** Smallest step between two readings of a clock in ms; the result in whole ns, at least 1. */
export function timerResolution(clock: () => number): number {
  let smallest = Number.POSITIVE_INFINITY;
  let last = clock();
  for (let i = 0; i < 10_000; i++) {
    const now = clock();
    if (now > last && now - last < smallest) smallest = now - last;
    last = now;
  }
  return Number.isFinite(smallest) ? Math.max(1, Math.round(smallest * 1e6)) : 1_000_000;
}

/** The mode of transparent huge pages: always, madvise or never; null when unknown. */
export function transparentHugePages(read: ReadText = readText): string | null {
  const modes = read('/sys/kernel/mm/transparent_hugepage/enabled') ?? '';
  return /\[(\w+)\]/.exec(modes)?.[1] ?? null;
}

/**
 * In `madvise` mode the C library must ask for huge pages, which glibc 2.35 and newer do under
 * GLIBC_TUNABLES=glibc.malloc.hugetlb=1.
 */
export function hugePages(mode: string | null, env: Record<string, string | undefined>): boolean {
  const asked = /(^|:)glibc\.malloc\.hugetlb=1(:|$)/.test(env.GLIBC_TUNABLES ?? '');
  return mode === 'always' || (mode === 'madvise' && asked);
}

const VIRTUAL_PRODUCT = /virtual|kvm|qemu|bochs|vmware|xen|hyper-v|compute engine|ec2|openstack/i;

/** Which hypervisor runs this machine; null on bare metal. */
export function virtualMachine(read: ReadText = readText): string | null {
  const vendor = firstLine(read('/sys/class/dmi/id/sys_vendor')) ?? '';
  const product = firstLine(read('/sys/class/dmi/id/product_name')) ?? '';
  const name = `${vendor} ${product}`.trim();
  // The flag is x86 only; elsewhere the product name has to do.
  const flagged = /^flags\s*:.*\bhypervisor\b/m.test(read('/proc/cpuinfo') ?? '');
  if (flagged) return name || firstLine(read('/sys/hypervisor/type')) || 'unknown hypervisor';
  return VIRTUAL_PRODUCT.test(name) ? name : null;
}

/**
 * Folders of the cgroup this process is in and of all above it, nearest first, for one controller;
 * version 1 and 2. Some may not be visible from inside a container, but the mount itself is.
 */
export function cgroupFolders(controller: string, read: ReadText = readText): string[] {
  const folders: string[] = [];
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, id, names, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (id === undefined || names === undefined || path === undefined) continue;
    const mounts =
      id === '0' && names === ''
        ? ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']
        : names.split(',').includes(controller)
          ? [`/sys/fs/cgroup/${controller}`, `/sys/fs/cgroup/${names}`]
          : [];
    for (const mount of new Set(mounts)) {
      for (let at = path; at !== '' && at !== '/'; at = at.slice(0, at.lastIndexOf('/'))) {
        folders.push(mount + at);
      }
      folders.push(mount);
    }
  }
  return folders;
}

/** CPUs worth of time the tightest cgroup above this process allows; null when unlimited. */
export function cgroupCpuLimit(read: ReadText = readText): number | null {
  let limit: number | null = null;
  for (const folder of cgroupFolders('cpu', read)) {
    const [quota, period] = (
      read(`${folder}/cpu.max`) ??
      `${read(`${folder}/cpu.cfs_quota_us`) ?? ''} ${read(`${folder}/cpu.cfs_period_us`) ?? ''}`
    )
      .trim()
      .split(/\s+/)
      .map(Number);
    // Unlimited is `max` in version 2 and -1 in version 1.
    if (quota === undefined || period === undefined || !(quota > 0) || !(period > 0)) continue;
    limit = Math.min(limit ?? Number.POSITIVE_INFINITY, quota / period);
  }
  return limit;
}
