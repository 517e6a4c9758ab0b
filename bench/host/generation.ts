/**
 * Which generation of reparenting a kernel has: by its version, and by its types (BTF) where it shows
 * them, as distributions carry newer code under older numbers.
 */
import type { HostResults } from '../../reports/results-host.ts';
import type { BtfAnswer } from './btf.ts';
import { atLeast, type KernelVersion, parseRelease } from './text.ts';

type Generation = HostResults['generation'];

/** Pages hold a removed cgroup from 3.19 (before, its removal moved them to the parent) to 7.1. */
const PAGES = ['page cache', 'tmpfs and shared memory', 'anonymous memory of moved tasks'];
/** Version 2 only: neither holds a cgroup of version 1. */
const VERSION_2 = ['sockets (version 2)', 'inodes with write-back state (version 2)'];

interface Rule {
  readonly since: readonly [major: number, minor: number];
  readonly name: Generation['name'];
  readonly strategy: string | null;
  readonly pinnedBy: readonly string[];
  /** A type, or a member of one, that only kernels of this generation or a newer one have. */
  readonly type?: string;
}

/**
 * Newest first. 7.1: 01b9da291c49; 5.9: the new slab controller; 5.3: fb2f2b0adb98; 4.5: version 2 with
 * memory; 3.19: b2052564e66d; 3.8: kmem accounting.
 */
const RULES: readonly Rule[] = [
  {
    ...{ since: [7, 1], name: 'obj_cgroup and LRU', strategy: 'objcg', pinnedBy: VERSION_2 },
    type: 'mem_cgroup_per_node.objcg',
  },
  {
    ...{ since: [5, 9], name: 'obj_cgroup', strategy: 'objcg', pinnedBy: [...PAGES, ...VERSION_2] },
    type: 'obj_cgroup',
  },
  {
    ...{ since: [5, 3], name: 'reparented caches', strategy: 'splice-caches' },
    pinnedBy: [...PAGES, ...VERSION_2],
  },
  {
    ...{ since: [4, 5], name: 'caches per cgroup', strategy: 'pin' },
    pinnedBy: ['slab objects', ...PAGES, ...VERSION_2],
  },
  {
    ...{ since: [3, 19], name: 'caches per cgroup', strategy: 'pin' },
    pinnedBy: ['slab objects', ...PAGES],
  },
  {
    ...{ since: [3, 8], name: 'caches per cgroup', strategy: 'pin' },
    pinnedBy: ['slab objects'],
  },
  { since: [2, 6], name: 'before accounting', strategy: null, pinnedBy: [] },
];

/** What `askBtf` is asked for, to judge by. */
export const GENERATION_TYPES = {
  structs: ['obj_cgroup'],
  members: ['mem_cgroup_per_node.objcg'],
} as const;

const BACKPORTS = 'distribution kernels may have what is newer';

function has({ sizes, offsets }: Pick<BtfAnswer, 'sizes' | 'offsets'>, type: string): boolean {
  return sizes.has(type) || offsets.has(type);
}

function inWords(version: KernelVersion | null): string {
  return version === null ? 'unknown' : `${version.major}.${version.minor}`;
}

/**
 * Judges a release such as `6.18.44-amd64`.
 * @param types what the kernel's BTF says; null where it has none
 */
export function generationOf(
  release: string | null,
  types: Pick<BtfAnswer, 'sizes' | 'offsets'> | null = null,
): Generation {
  const version = release === null ? null : parseRelease(release);
  const byVersion = RULES.findIndex(({ since }) => version !== null && atLeast(version, ...since));
  const byType =
    types === null ? -1 : RULES.findIndex(({ type }) => type !== undefined && has(types, type));
  // Types tell no more than which generation it is at least.
  const seen = byType >= 0 && (byVersion < 0 || byType <= byVersion);
  const rule = RULES[seen ? byType : byVersion];
  if (rule === undefined) {
    return { name: 'unknown', strategy: null, pinnedBy: [], from: 'the version is not known' };
  }
  const { name, strategy, pinnedBy, type } = rule;
  const from = seen
    ? `its types have ${type}; version ${inWords(version)}`
    : `by version ${inWords(version)}; ${BACKPORTS}`;
  return { name, strategy, pinnedBy: [...pinnedBy], from };
}
