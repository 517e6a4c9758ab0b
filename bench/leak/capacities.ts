/**
 * How large a machine a scenario needs. Most tables could hold everything that is ever made, which is
 * what pinning may need; where that is more than a table can have, it gets all it can, and a host that
 * really fills it ends with an error. Memory is committed as it is touched, so a generous bound costs
 * address space only. What is certain not to fit is refused before anything starts.
 */
import { type MachineConfig, OBJECTS_PER_ROW, SHARING_NAMES } from '../../core/index.ts';
import { CACHE_NAMES, PIPE, SOCKET } from './caches.ts';
import { FILE_LRUS } from './files.ts';
import type { Kind, Scenario } from './parameters.ts';

/** Most rows of each table; the machine's own limits. */
const LIMITS = { memcgs: 2 ** 20, kmemCaches: 2 ** 21 - 2, names: 2 ** 25, slabRows: 2 ** 26 - 1 };
/** Rows whose objects can each have an owner of their own: a column has at most so many words. */
const OWNED_ROWS = Math.floor((2 ** 31 - 1) / OBJECTS_PER_ROW) - 1;
/** Draws go up to one and a half times the mean (see tape.ts), arrivals some way above theirs. */
const HEADROOM = 1.6;
const DAY_SECONDS = 86_400;
/** Rows that a slab of kernfs nodes takes, by 30 objects: the least that fit into a page. */
const KERNFS_PER_ROW = 30;

function daysOf(scenario: Scenario): number {
  return scenario.days + scenario.host.hoursBeforeDay0 / 24;
}

/** Cgroups that are ever made on one host. */
function cgroupsEver(scenario: Scenario): number {
  const days = daysOf(scenario);
  const regular = scenario.cgroupsPerDay * (1 + scenario.spread) * days;
  const boots = scenario.actions.reduce((sum, action) => {
    if (action.do !== 'boot') return sum;
    const times = action.everyHours === 0 ? 1 : 1 + Math.ceil((24 * days) / action.everyHours);
    return sum + action.cgroups * times * mostOf(scenario, (kind) => kind.cgroups);
  }, 0);
  // A tenth more and this is five standard deviations of what comes at random, or further.
  const chance = 64 * mostOf(scenario, (kind) => kind.cgroups);
  const parents = new Set(scenario.kinds.map((kind) => kind.parent)).size + 1;
  return Math.ceil(regular * 1.1 + boots + chance) + scenario.host.services + parents + 64;
}

/** Cgroups that live at the same time. */
function cgroupsAtOnce(scenario: Scenario): number {
  const { cgroupsPerDay, spread, kinds, host } = scenario;
  const running = kinds.reduce((sum, kind) => {
    const days = Math.min(kind.lifetimeSeconds / DAY_SECONDS, daysOf(scenario));
    return sum + cgroupsPerDay * (1 + spread) * kind.share * days * (1 - kind.reused);
  }, 0);
  return Math.ceil(running + host.services);
}

/** Names that a cgroup of a kind adds to the dentry cache, and files that it leaves. */
function namesOf(kind: Kind): number {
  return kind.missingNames + kind.temporaryFiles + kind.layerFiles + kind.keptFiles;
}

/** Objects that a cgroup keeps open, and those that it hands over. */
function openObjects(kind: Kind): number {
  const objects = (bundle: typeof SOCKET) => bundle.reduce((sum, [, count]) => sum + count, 0);
  return (kind.sockets + kind.handedOver) * objects(SOCKET) + kind.pipes * objects(PIPE);
}

function mostOf(scenario: Scenario, value: (kind: Kind) => number): number {
  return Math.max(0, ...scenario.kinds.map(value));
}

/** A table that a scenario cannot do without, and does not fit. */
interface Excess {
  readonly table: string;
  readonly needed: number;
  readonly limit: number;
}

/** The sizes of a host's machine. */
export interface Capacities {
  readonly config: Omit<MachineConfig, 'strategy'>;
  /** Names beside the shared files. */
  readonly names: number;
  /** What is certain not to fit. */
  readonly over: readonly Excess[];
}

/** What is there at the same time, or never goes away. */
function excesses(scenario: Scenario): Excess[] {
  const kernfs = scenario.kinds.reduce((sum, kind) => {
    const firings = (scenario.cgroupsPerDay * daysOf(scenario) * kind.share) / kind.cgroups;
    return sum + firings * kind.kernfsNodes;
  }, 0);
  const certain = [
    { table: 'memcgs', needed: cgroupsAtOnce(scenario), limit: LIMITS.memcgs },
    { table: 'slabRows', needed: Math.ceil(kernfs / KERNFS_PER_ROW), limit: LIMITS.slabRows },
  ];
  return certain.filter(({ needed, limit }) => needed > limit);
}

/** The machine of a design: slabs are fewer where all cgroups share them, and each object has an owner. */
export function machineConfig({ config }: Capacities, strategy: string): MachineConfig {
  const slabRows = SHARING_NAMES.includes(strategy)
    ? Math.min(config.slabRows, OWNED_ROWS)
    : config.slabRows;
  return { ...config, strategy, slabRows };
}

/** Works them out. */
export function capacitiesOf(scenario: Scenario): Capacities {
  const ever = cgroupsEver(scenario);
  const { host, files } = scenario;
  const caches = CACHE_NAMES.length;
  const firings = ever * HEADROOM;
  const objects = mostOf(scenario, (kind) => openObjects(kind) + kind.kernfsNodes + namesOf(kind));
  const fileRows = mostOf(scenario, (kind) => namesOf(kind) + 1);
  const names = Math.min(LIMITS.names, Math.ceil(firings * (mostOf(scenario, namesOf) + 1)) + 1024);
  // An id that is held until release is a row of the table: there are no more cgroups than ids.
  const memcgs = Math.min(ever, host.idsHeldUntil === 'release' ? host.ids : LIMITS.memcgs);
  // A slab or two per cache of each cgroup, and what objects fill beyond that.
  const slabs = memcgs * caches * 1.5 + firings * objects * 0.5 + files.count * 2 + 65_536;
  return {
    names,
    over: excesses(scenario),
    config: {
      cpus: 1,
      slabRows: Math.min(Math.ceil(slabs), LIMITS.slabRows),
      kmemCaches: Math.min((memcgs + 1) * caches, LIMITS.kmemCaches),
      rootCaches: caches,
      memcgs,
      kmemIds: host.ids,
      chargeBatch: 32,
      lrus: FILE_LRUS,
      lruItems: 2 * files.count + 2 * names,
      folios: Math.min(Math.ceil(firings * fileRows), LIMITS.names) + files.count + 1024,
    },
  };
}
