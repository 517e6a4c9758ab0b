/**
 * What a memory cgroup costs on this host besides what is charged to it: structures that exist once,
 * once a node, once a CPU, and once a CPU and node. Every possible CPU counts, not only those online.
 * Check (W. Long, 2022-04-21): 96 CPUs, 2 nodes, 2424 B and 656 B are 350.25 kB per CPU structures.
 */
import type { HostCost } from '../../reports/results-host.ts';
import { askBtf, BTF, type BtfAnswer, MAX_BTF_BYTES } from './btf.ts';
import { GENERATION_TYPES } from './generation.ts';
import type { HostReader } from './reader.ts';
import { countList } from './text.ts';

type Structure = HostCost['structures'][number];
type Per = Structure['per'];

const DEFAULTS = 'sizes as of 5.18 (Long, 2022-04-21), not of this kernel';

interface Known {
  /** Names that it had over time, the newest first. */
  readonly names: readonly string[];
  readonly per: Per;
  /** Taken where the kernel does not tell; 0: left out then. */
  readonly standard: number;
}

/** The structures of a memory cgroup, 4.x to 7.x. */
const STRUCTURES: readonly Known[] = [
  { names: ['mem_cgroup'], per: 'cgroup', standard: 4096 },
  { names: ['memcg_vmstats'], per: 'cgroup', standard: 0 },
  { names: ['cgroup'], per: 'cgroup', standard: 0 },
  { names: ['mem_cgroup_per_node'], per: 'node', standard: 1024 },
  { names: ['lruvec_stats'], per: 'node', standard: 0 },
  { names: ['memcg_vmstats_percpu', 'mem_cgroup_stat_cpu'], per: 'CPU', standard: 2424 },
  {
    names: ['lruvec_stats_percpu', 'batched_lruvec_stat', 'lruvec_stat'],
    ...{ per: 'CPU and node', standard: 656 },
  },
];

/** CPUs and memory nodes that a kernel may come to have. */
export interface Shape {
  readonly cpus: number;
  readonly nodes: number;
}

/** How many there are of a structure. */
function timesOf(per: Per, { cpus, nodes }: Shape): number {
  const times = { cgroup: 1, node: nodes, CPU: cpus, 'CPU and node': cpus * nodes };
  return times[per];
}

/** What so many dying ones cost. @param dying null where unknown */
export function timesDying(cost: HostCost, dying: number | null): HostCost {
  return { ...cost, dyingBytes: dying === null ? null : dying * cost.bytesPerCgroup };
}

/** Adds up structures of a host. */
export function costOf(shape: Shape, sizes: ReadonlyMap<string, number>): HostCost {
  // Sizes of two kernels must not be mixed: all of one, or the published ones.
  const measured = sizes.has('mem_cgroup');
  const structures = STRUCTURES.flatMap(({ names, per, standard }): Structure[] => {
    const name = names.find((one) => sizes.has(one)) ?? names[0] ?? '';
    const bytes = measured ? (sizes.get(name) ?? 0) : standard;
    const source = measured ? BTF : DEFAULTS;
    return bytes === 0 ? [] : [{ name, bytes, times: timesOf(per, shape), per, source }];
  });
  const sum = (some: readonly Structure[]) =>
    some.reduce((total, { bytes, times }) => total + bytes * times, 0);
  const bytesPerCgroup = sum(structures);
  return {
    ...shape,
    structures,
    bytesPerCgroup,
    percpuBytesPerCgroup: sum(structures.filter(({ per }) => per.startsWith('CPU'))),
    dyingBytes: null,
    evidence: 'anyone',
    source: measured ? `${BTF}, /sys/devices/system/{cpu,node}/possible` : DEFAULTS,
  };
}

function countOf(reader: HostReader, paths: readonly string[]): number | null {
  for (const path of paths) {
    const text = reader.text(path);
    const count = text === null ? null : countList(text);
    if (count !== null && count > 0) return count;
  }
  return null;
}

/** Possible CPUs and nodes; null where the CPUs are not known. One node where nodes are not told. */
export function readShape(reader: HostReader): Shape | null {
  const cpus = countOf(
    reader,
    ['possible', 'present'].map((one) => `/sys/devices/system/cpu/${one}`),
  );
  const nodes = countOf(
    reader,
    ['possible', 'online'].map((one) => `/sys/devices/system/node/${one}`),
  );
  if (cpus === null) {
    reader.note('possible CPUs', '/sys/devices/system/cpu/possible tells no list');
    return null;
  }
  if (nodes === null) reader.note('memory nodes', 'no list of them; taken as 1');
  return { cpus, nodes: nodes ?? 1 };
}

/** This kernel's structures, for their sizes and for its generation; null where it does not tell. */
export function readTypes(reader: HostReader): BtfAnswer | null {
  const bytes = reader.bytes(BTF, MAX_BTF_BYTES, 'sizes of structures (published ones are used)');
  if (bytes === null) return null;
  const { members } = GENERATION_TYPES;
  const structs = [...STRUCTURES.flatMap(({ names }) => names), ...GENERATION_TYPES.structs];
  const answer = askBtf(bytes, { structs, members });
  if (answer.trouble !== null) reader.note('some sizes of structures', `${BTF} ${answer.trouble}`);
  return answer;
}
