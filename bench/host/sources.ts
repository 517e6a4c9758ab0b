/** Where the figures of a record are from that carry no evidence of their own. */
import type { HostResults } from '../../reports/results-host.ts';
import { BTF } from './btf.ts';

type Source = HostResults['sources'][number];
type Figures = Omit<HostResults, 'sources' | 'unknown' | 'observer'>;

const SOURCES: readonly Source[] = [
  {
    field: 'kernel',
    evidence: 'anyone',
    source: '/proc/sys/kernel/osrelease, /proc/version or uname',
  },
  { field: 'bootId', evidence: 'anyone', source: '/proc/sys/kernel/random/boot_id' },
  { field: 'generation', evidence: 'anyone', source: `the version, ${BTF}` },
  { field: 'uptimeSeconds', evidence: 'anyone', source: '/proc/uptime' },
  {
    ...{ field: 'memory', evidence: 'anyone' },
    source: '/proc/meminfo, /proc/sys/fs/dentry-state, /proc/sys/fs/inode-nr',
  },
  { field: 'pageBytes', evidence: 'anyone', source: '/proc/self/smaps' },
  { field: 'slab', evidence: 'root', source: '/proc/slabinfo' },
  { field: 'pinned', evidence: 'anyone', source: 'the sum of pins' },
  { field: 'growth', evidence: 'anyone', source: 'hierarchies, twice; since boot: once' },
  { field: 'limits', evidence: 'anyone', source: 'hierarchies, growth, cost, /proc/meminfo' },
  { field: 'readings', evidence: 'anyone', source: 'as hierarchies' },
  { field: 'listed', evidence: 'bpf', source: 'bench/bpf/dying.bt' },
  {
    ...{ field: 'traced', evidence: 'trace' },
    source: 'events cgroup_mkdir, cgroup_rmdir, cgroup_release of a tracefs instance',
  },
];

/** The sources of what a record has; of what is unknown there is none. */
export function sourcesOf(figures: Figures): Source[] {
  const has = (value: unknown): boolean =>
    Array.isArray(value) ? value.length > 0 : value !== null && value !== undefined;
  const values = new Map<string, unknown>(Object.entries(figures));
  return SOURCES.filter(({ field }) => has(values.get(field)));
}
