/**
 * Live and dying cgroups of a hierarchy. Version 2 counts dying ones itself; on version 1 they are the
 * difference between the kernel's count and the folders, taken twice, of which the lower is kept: the
 * two are not read at the same moment. A namespace or a partial mount shows part of the folders while
 * /proc/cgroups counts them all, so there the difference would be a guess and is not taken.
 *
 * What is dying at the moment of reading may be on its way: with nothing left that holds it, a cgroup
 * still takes up to 2.5 s to go. Nothing tells when it was removed: the times of the parent's folder do
 * not change with it (measured on 6.18, both versions). But what has been dying for 5 s was
 * dying 5 s ago too, so the lower of two counts 5 s apart is the most that can be that old: `settled`.
 */
import type { HostHierarchy } from '../../reports/results-host.ts';
import type { CgroupMount } from './mounts.ts';
import type { HostReader } from './reader.ts';
import { shown } from './reader.ts';
import { type ControllerRow, parseController, parseValues } from './text.ts';
import { type Walk, type WalkOptions, walk } from './walk.ts';

/** Before that a dying cgroup says nothing. */
export const SETTLED_SECONDS = 5;

/** Inode of the first cgroup namespace (include/linux/proc_ns.h, PROC_CGROUP_INIT_INO). */
const FIRST_NAMESPACE = 'cgroup:[4026531835]';
const CGROUPS = '/proc/cgroups';

/** A hierarchy, and the folders that were found in it. */
export interface Surveyed {
  readonly mount: CgroupMount;
  readonly hierarchy: HostHierarchy;
  readonly walk: Walk;
}

/** The row of the memory controller. */
export function memoryRow(reader: HostReader): ControllerRow | null {
  const text = reader.text(CGROUPS, "the kernel's count of memory cgroups");
  return text === null ? null : parseController(text, 'memory');
}

/** Why only part of a hierarchy is seen; null when all of it is. */
function partial(reader: HostReader, mount: CgroupMount): string | null {
  // First, as a namespace shows the mount as one of `/../..`.
  const namespace = reader.link('/proc/self/ns/cgroup');
  if (namespace?.startsWith('cgroup:[') && namespace !== FIRST_NAMESPACE) {
    return 'this is a cgroup namespace (a container), where the top of the host is not seen';
  }
  if (mount.top !== null && mount.top !== '/') {
    return `only ${shown(mount.top)} of the hierarchy is mounted here`;
  }
  // Files that the top of a hierarchy does not have (version 2), or that only it has (version 1).
  const isTop =
    mount.version === 2
      ? reader.head(`${mount.folder}/cgroup.type`, 1) === null
      : namespace !== null || reader.head(`${mount.folder}/release_agent`, 1) !== null;
  return isTop ? null : 'the top folder is not that of a whole hierarchy';
}

/** Whether the memory controller is on this hierarchy. */
function holdsMemory(reader: HostReader, mount: CgroupMount): boolean {
  if (mount.version === 1) return true;
  const controllers = reader.text(`${mount.folder}/cgroup.controllers`);
  return controllers?.trim().split(/\s+/).includes('memory') ?? false;
}

interface Counts {
  readonly dying: number | null;
  readonly walk: Walk;
}

/** Counts on version 1; more than two where cgroups came while the folders were walked. */
const TRIES = { wanted: 2, most: 5 };

/** Version 1: count less folders, the lower of two. */
async function byDifference(
  reader: HostReader,
  mount: CgroupMount,
  options: WalkOptions,
): Promise<Counts> {
  const what = 'dying cgroups of version 1';
  const unseen = partial(reader, mount);
  const differences: number[] = [];
  let seen: Walk | null = null;
  // Each walk stands after its count: what is made in between would otherwise count as dying.
  let below = 0;
  while (differences.length < TRIES.wanted && differences.length + below < TRIES.most) {
    const row = memoryRow(reader);
    seen = await walk(reader, mount.folder, options);
    if (unseen !== null || row === null || row.hierarchy === 0 || seen.incomplete !== null) break;
    const difference = row.count - seen.cgroups.length;
    if (difference < 0) below++;
    else differences.push(difference);
  }
  const found = seen ?? { cgroups: [], incomplete: 'it was not read' };
  const lower = Math.min(...differences);
  if (unseen !== null) {
    reader.note(
      what,
      `${unseen}, while /proc/cgroups counts the whole host's: a difference would be a guess`,
    );
  } else if (found.incomplete !== null)
    reader.note(what, `not all folders were seen: ${found.incomplete}`);
  else if (below > 0 && differences.length === 0) {
    reader.note(
      what,
      'more folders than memory cgroups: they come faster than they can be counted, or the two do not belong together',
    );
  } else if (differences.length === 0)
    reader.note(what, `${CGROUPS} has no count of version 1 memory`);
  return {
    dying: found.incomplete === null && differences.length > 0 ? lower : null,
    walk: found,
  };
}

/** Version 2: cgroup.stat of the top, exact for what is below it. */
async function byStat(
  reader: HostReader,
  mount: CgroupMount,
  options: WalkOptions,
): Promise<Counts> {
  const what = 'dying cgroups of version 2';
  const text = reader.text(`${mount.folder}/cgroup.stat`, what);
  const stat = parseValues(text ?? '');
  const dying = stat.get('nr_dying_subsys_memory') ?? stat.get('nr_dying_descendants') ?? null;
  if (text !== null && dying === null)
    reader.note(what, 'cgroup.stat has no nr_dying_descendants (since 4.14)');
  const unseen = partial(reader, mount);
  if (unseen !== null) reader.note('dying cgroups of the whole host', unseen);
  return { dying, walk: await walk(reader, mount.folder, options) };
}

/** Counts a hierarchy. One without memory is named, not counted. */
export async function survey(
  reader: HostReader,
  mount: CgroupMount,
  options: WalkOptions = {},
): Promise<Surveyed> {
  const { version } = mount;
  const memory = holdsMemory(reader, mount);
  const none: Walk = { cgroups: [], incomplete: null };
  const count = version === 1 ? byDifference : byStat;
  const { dying, walk: seen } = memory
    ? await count(reader, mount, options)
    : { dying: null, walk: none };
  const known = memory && seen.cgroups.length > 0;
  if (known && seen.incomplete !== null)
    reader.note(`live cgroups of version ${version}`, seen.incomplete);
  return {
    mount,
    walk: seen,
    hierarchy: {
      version,
      mount: shown(mount.folder),
      memory,
      whole: partial(reader, mount) === null,
      live: known && seen.incomplete === null ? seen.cgroups.length : null,
      liveEmpty: null,
      dying,
      settled: null,
      evidence: 'anyone',
      source: version === 1 ? '/proc/cgroups less folders, twice' : 'cgroup.stat',
    },
  };
}

/** The count of dying cgroups once more, and no more than that: a few reads on version 2, a walk on 1. */
export async function countDying(
  reader: HostReader,
  { mount }: Surveyed,
  options: WalkOptions = {},
): Promise<{ live: number | null; dying: number | null }> {
  if (mount.version === 2) {
    const stat = parseValues(reader.text(`${mount.folder}/cgroup.stat`) ?? '');
    const below = stat.get('nr_descendants');
    return {
      live: below === undefined ? null : below + 1,
      dying: stat.get('nr_dying_subsys_memory') ?? stat.get('nr_dying_descendants') ?? null,
    };
  }
  const { walk: seen, dying } = await byDifference(reader, mount, options);
  return { live: seen.incomplete === null ? seen.cgroups.length : null, dying };
}
