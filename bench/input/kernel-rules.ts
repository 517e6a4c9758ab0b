/** Which geometry rules a kernel follows, from its release; and what a live host says about itself. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GeometryKernel, GeometryRules } from '../../core/slub/geometry.ts';

/** The rules of one kernel, by its release. */
export interface KernelRules {
  readonly kernel: GeometryKernel;
  readonly cpuPartialKernel: GeometryKernel;
  /** How to name them in a report. */
  readonly label: string;
  /** Whether the CPUs that count are the present ones (5.11 and newer) or the possible ones. */
  readonly countsPresentCpus: boolean;
  readonly notes: string[];
}

/** A release as one number that can be compared: 5.3 is 5003. Null if it is not of that form. */
export function versionOf(release: string): number | null {
  const match = /^(\d{1,3})\.(\d{1,3})(?:\D|$)/.exec(release);
  return match === null ? null : Number(match[1]) * 1000 + Number(match[2]);
}

/** How to name a pair of rules. */
export function rulesLabel(kernel: GeometryKernel, cpuPartialKernel: GeometryKernel): string {
  return kernel === cpuPartialKernel
    ? kernel
    : `${kernel} (order) and ${cpuPartialKernel} (cpu_partial)`;
}

/**
 * The rules of a kernel release: cpu_partial changed in 5.16, the order in 6.7, the CPUs that count
 * in 5.11. A release that is not understood gets the rules of 6.x and a note.
 */
export function rulesOfRelease(release: string): KernelRules {
  const version = versionOf(release);
  const known = version ?? 6018;
  const kernel = known >= 6007 ? '6.x' : '5.3';
  const cpuPartialKernel = known >= 5016 ? '6.x' : '5.3';
  const notes: string[] = [];
  if (version === null) {
    notes.push(`Kernel release "${release}" is not understood: the rules of 6.x are assumed`);
  } else if (version > 6018) {
    notes.push(`Kernel ${release} is newer than 6.18, the newest the rules were checked on`);
  } else if (version < 5002) {
    notes.push(`Kernel ${release} is older than 5.2: cpu_partial may differ`);
  }
  const label = rulesLabel(kernel, cpuPartialKernel);
  return { kernel, cpuPartialKernel, label, countsPresentCpus: known >= 5011, notes };
}

/** Number of CPUs in a kernel list such as `0-3,8`; null if it is not one. */
export function countCpuList(text: string): number | null {
  const seen = new Set<number>();
  for (const part of text.trim().split(',')) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    if (match === null) return null;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    for (let cpu = first; cpu <= last; cpu++) seen.add(cpu);
  }
  return seen.size > 0 ? seen.size : null;
}

/** Where a live host's files are; tests put their own tree there. */
export interface HostPaths {
  /** Holds `present` and `possible`. */
  readonly cpuRoot?: string;
  readonly smaps?: string;
  readonly cmdline?: string;
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/**
 * CPUs that the kernel of this host used to choose orders; null if it does not say.
 * @param present whether the kernel looks at present CPUs first
 */
export async function hostCpus(present: boolean, paths: HostPaths = {}): Promise<number | null> {
  const root = paths.cpuRoot ?? '/sys/devices/system/cpu';
  const possible = countCpuList(await textOf(join(root, 'possible')));
  if (!present) return possible;
  const here = countCpuList(await textOf(join(root, 'present')));
  return here !== null && here > 1 ? here : (possible ?? here);
}

/** Bytes of a page of this host, as its own memory map says; 4096 where that is not readable. */
export async function hostPageSize(paths: HostPaths = {}): Promise<number> {
  const text = await textOf(paths.smaps ?? '/proc/self/smaps');
  const match = /^KernelPageSize:\s+(\d+) kB$/m.exec(text);
  return match === null ? 4096 : Number(match[1]) * 1024;
}

/** Boot options of this host that change slab orders: the maximum order, and a note for the others. */
export async function hostBootRules(
  paths: HostPaths = {},
): Promise<{ rules: Pick<GeometryRules, 'maxOrder'>; notes: string[] }> {
  const line = await textOf(paths.cmdline ?? '/proc/cmdline');
  const notes = [...line.matchAll(/\bsl[au]b_(?:min_order|min_objects|debug)\b\S*/g)].map(
    ([option]) => `This host was booted with ${option}, which the rules do not know`,
  );
  const max = /\bsl[au]b_max_order=(\d{1,2})\b/.exec(line);
  if (max === null) return { rules: {}, notes };
  notes.push(`This host was booted with a maximum slab order of ${max[1]}`);
  // The kernel takes no more than the page allocator serves.
  return { rules: { maxOrder: Math.min(10, Number(max[1])) }, notes };
}
