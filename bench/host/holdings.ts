/**
 * What removed cgroups hold, by subtraction. A live cgroup's memory.stat has everything below it, dead
 * children included, so what is neither its own nor a live child's is a dead child's. Version 1 gives
 * its own values too (`cache` beside `total_cache`). Version 2 does not: there only a cgroup without
 * tasks, with dying ones directly below it, is taken, and what it may hold of its own from tasks that
 * left is counted with it. Measured on version 1: 5,885,952 of 5,885,952 bytes found, 0 after a drop.
 */
import type { HostPin, HostResults } from '../../reports/results-host.ts';
import type { Surveyed } from './hierarchy.ts';
import { type HostReader, shown } from './reader.ts';
import { parseValues, wholeNumber } from './text.ts';
import type { Cgroup } from './walk.ts';

type Inherited = HostResults['inherited'][number];

/** What is read of a live cgroup; null where it cannot be. */
interface Look {
  readonly stat: ReadonlyMap<string, number>;
  /** A task is in it, not below it. */
  readonly hasTasks: boolean | null;
  /** Dying at any depth below; version 2. */
  readonly dyingBelow: number | null;
  /** Kernel memory (version 1) or slab (version 2), with all below; bytes. */
  readonly kernel: number | null;
}

/** The largest slab of a live cgroup that has tasks. */
export interface LargestSlab {
  readonly cgroup: string;
  readonly bytes: number;
}

/** What is held, and by whom. */
export interface Holdings {
  readonly pins: readonly HostPin[];
  readonly pinned: HostResults['pinned'];
  /** Bytes by which all pages of the hierarchy changed while its cgroups were read one by one. */
  readonly drift: number;
  readonly inherited: readonly Inherited[];
  readonly largest: LargestSlab | null;
  /** Live cgroups without children and tasks; null when not all could be read. */
  readonly liveEmpty: number | null;
  /** Live cgroups below the top without tasks, whose kernel memory and their children's is told. */
  readonly tellable: number;
  /** Live cgroups below the top that have kernel memory; null when none tells. */
  readonly kmem: number | null;
}

/** Pins and ancestors in a record; the sums are over all. */
const LISTED = 50;

/** Of memory.stat: with all of it 65,535 cgroups would take a quarter of a GiB. */
const KEPT = new Set([
  ...['cache', 'rss', 'total_cache', 'total_rss', 'total_shmem'],
  ...['shmem', 'file', 'anon', 'slab'],
]);

function look(reader: HostReader, { mount }: Surveyed, { path }: Cgroup): Look {
  const folder = mount.folder + path;
  const stat = parseValues(reader.text(`${folder}/memory.stat`) ?? '', KEPT);
  const tasks = reader.head(`${folder}/cgroup.procs`, 1);
  const hasTasks = tasks === null ? null : tasks.length > 0;
  if (mount.version === 1) {
    const usage = reader.text(`${folder}/memory.kmem.usage_in_bytes`);
    const kernel = wholeNumber(usage?.trim());
    return { stat, hasTasks, dyingBelow: null, kernel };
  }
  const counts = parseValues(reader.text(`${folder}/cgroup.stat`) ?? '');
  const dyingBelow = counts.get('nr_dying_descendants') ?? null;
  return { stat, hasTasks, dyingBelow, kernel: stat.get('slab') ?? null };
}

/** Own values of version 1 and the names of those with all below. */
const OWN = { file: 'cache', shmem: 'shmem', anon: 'rss' } as const;
type Kind = keyof typeof OWN;

/** A value less those of the live children; null as soon as one is not told. */
function less(whole: number | undefined, parts: readonly (number | undefined)[]): number | null {
  if (whole === undefined) return null;
  let left = whole;
  for (const part of parts) {
    if (part === undefined) return null;
    left -= part;
  }
  return left;
}

function gap(version: 1 | 2, kind: Kind, own: Look, children: readonly Look[]): number | null {
  const key = version === 1 ? `total_${OWN[kind]}` : kind;
  const parts = children.map(({ stat }) => stat.get(key));
  if (version === 2) return less(own.stat.get(key), parts);
  return less(own.stat.get(key), [...parts, own.stat.get(OWN[kind])]);
}

/** Splits page cache from tmpfs: both kernels count tmpfs as cache (`cache`, `file`) as well. */
function kinds(version: 1 | 2, own: Look, children: readonly Look[]) {
  const cache = gap(version, 'file', own, children);
  const shmem = gap(version, 'shmem', own, children);
  const file = cache === null ? null : cache - (shmem ?? 0);
  return { file, shmem, anon: gap(version, 'anon', own, children) };
}

/** Dying ones whose parent this is; version 2. */
function dyingHere(own: Look, children: readonly Look[]): number | null {
  const below = children.map(({ dyingBelow }) => dyingBelow ?? undefined);
  return less(own.dyingBelow ?? undefined, below);
}

function pinOf(surveyed: Surveyed, cgroup: Cgroup, own: Look, children: Look[]): HostPin | null {
  const { version } = surveyed.mount;
  // What is left over then is what the statistics are off by.
  if (surveyed.hierarchy.dying === 0) return null;
  const dying = version === 1 ? null : dyingHere(own, children);
  if (version === 2 && (dying === null || dying <= 0)) return null;
  // The top of version 2 has what is nobody's, and tasks have pages of their own.
  const tellable = version === 1 || (cgroup.parent >= 0 && own.hasTasks === false);
  const held = tellable ? kinds(version, own, children) : { file: null, shmem: null, anon: null };
  return {
    cgroup: shown(cgroup.path === '' ? '/' : cgroup.path),
    dying,
    ...held,
    evidence: 'anyone',
    source: version === 1 ? 'memory.stat: total - own - children' : 'memory.stat less children',
  };
}

/** Kernel memory of a cgroup without tasks that is no live child's. */
function inheritedOf(
  surveyed: Surveyed,
  cgroup: Cgroup,
  own: Look,
  children: readonly Look[],
): Inherited | null {
  // The top's figure is of the whole machine, or missing.
  if (cgroup.parent < 0 || own.hasTasks !== false) return null;
  const parts = children.map(({ kernel }) => kernel ?? undefined);
  const bytes = less(own.kernel ?? undefined, parts);
  if (bytes === null) return null;
  const source = surveyed.mount.version === 1 ? 'memory.kmem.usage_in_bytes' : 'memory.stat slab';
  return {
    cgroup: shown(cgroup.path),
    bytes: Math.max(0, bytes),
    children: children.length,
    evidence: 'anyone',
    source: `${source} less children`,
  };
}

function sumOf(pins: readonly HostPin[]): HostResults['pinned'] {
  const told = pins.filter(({ file }) => file !== null);
  if (told.length === 0) return null;
  // One that does not tell leaves the sum unknown.
  const sum = (of: (pin: HostPin) => number | null) =>
    told.reduce<number | null>((total, pin) => {
      const part = of(pin);
      return total === null || part === null ? null : total + part;
    }, 0);
  return {
    file: sum(({ file }) => file),
    shmem: sum(({ shmem }) => shmem),
    anon: sum(({ anon }) => anon),
  };
}

/** All that a pin holds; unknown parts count as nothing here, for sorting. */
function held({ file, shmem, anon }: HostPin): number {
  return (file ?? 0) + (shmem ?? 0) + (anon ?? 0);
}

/** The one that holds most first; folders are listed in no order, and a page must not depend on it. */
function mostFirst(a: HostPin, b: HostPin): number {
  const byCount = (b.dying ?? 0) - (a.dying ?? 0);
  return held(b) - held(a) || byCount || (a.cgroup < b.cgroup ? -1 : 1);
}

/** Whether a pin is worth a line. */
function holdsSomething(pin: HostPin): boolean {
  return pin.dying !== null || held(pin) !== 0;
}

/** `what 3 dying cgroups below /a hold`, `what dying cgroups below 5 cgroups hold`. */
function whatTheyHold(dying: string, pins: readonly HostPin[]): string {
  const where = pins.length === 1 ? pins[0]?.cgroup : `${pins.length} cgroups`;
  return `what ${dying}dying cgroups below ${where} hold`;
}

function noteUntold(
  reader: HostReader,
  { mount: { version } }: Surveyed,
  pins: readonly HostPin[],
  looks: readonly Look[],
): void {
  const untold = pins.filter(({ file }) => file === null);
  if (pins.some((pin) => held(pin) !== 0 && pin.shmem === null && pin.file !== null)) {
    reader.note(
      'tmpfs that dying cgroups hold',
      'memory.stat of this kernel does not tell it from files',
    );
  }
  if (version === 1) {
    const why = 'memory.stat of it or of a child could not be read; it may have gone meanwhile';
    if (untold.length > 0) reader.note(whatTheyHold('', untold), why);
    if (pins.some(holdsSomething)) {
      reader.note(
        'dying cgroups of each subtree',
        'version 1 counts them for the whole hierarchy only',
      );
    }
    return;
  }
  const dying = untold.reduce((sum, pin) => sum + (pin.dying ?? 0), 0);
  if (untold.length > 0) {
    const why =
      'their parent has tasks of its own or is the top, and version 2 gives no value of its own, or a child has gone meanwhile';
    reader.note(whatTheyHold(`${dying} `, untold), why);
  }
  const uncounted = looks.filter(({ dyingBelow }) => dyingBelow === null).length;
  if (uncounted > 0) {
    const why = 'their cgroup.stat could not be read; they may have gone meanwhile';
    reader.note(`dying cgroups below ${uncounted} live ones and their parents`, why);
  }
}

async function breathe(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Looks at every live cgroup of a hierarchy: 0.07 ms each. Null when it was interrupted. */
export async function holdingsOf(
  reader: HostReader,
  surveyed: Surveyed,
  signal?: AbortSignal,
): Promise<Holdings | null> {
  const { cgroups } = surveyed.walk;
  const looks: Look[] = [];
  for (const [at, cgroup] of cgroups.entries()) {
    if (at % 100 === 99) await breathe();
    if (signal?.aborted) {
      // Some of the live ones would have been counted as dying ones.
      reader.note('what dying cgroups hold', 'it was interrupted');
      return null;
    }
    looks.push(look(reader, surveyed, cgroup));
  }
  return summed(reader, surveyed, looks, driftOf(reader, surveyed, looks[0]));
}

/**
 * How much a subtraction may be off, as its parts were not read at one moment: what the top's pages
 * changed by meanwhile. 0 where the top tells nothing.
 */
function driftOf(reader: HostReader, surveyed: Surveyed, before: Look | undefined): number {
  const [top] = surveyed.walk.cgroups;
  if (top === undefined || before === undefined) return 0;
  const after = look(reader, surveyed, top);
  const keys = surveyed.mount.version === 1 ? ['total_cache', 'total_rss'] : ['file', 'anon'];
  return keys.reduce((sum, key) => {
    const [first, last] = [before.stat.get(key), after.stat.get(key)];
    return first === undefined || last === undefined ? sum : sum + Math.abs(last - first);
  }, 0);
}

/** What follows from a look at each of the live ones. */
function summed(
  reader: HostReader,
  surveyed: Surveyed,
  looks: readonly Look[],
  drift: number,
): Holdings {
  const { cgroups } = surveyed.walk;
  const flat = surveyed.mount.version === 1 && notHierarchical(reader, surveyed);
  if (flat) {
    reader.note(
      'what removed cgroups hold',
      'memory.use_hierarchy is 0: totals are not of children',
    );
  }
  const each = <T>(
    of: (surveyed: Surveyed, cgroup: Cgroup, own: Look, children: Look[]) => T | null,
  ): T[] =>
    flat
      ? []
      : looks.flatMap((own, at) => {
          const cgroup = cgroups[at] as Cgroup;
          const children = cgroup.children.flatMap((child) => looks[child] ?? []);
          return of(surveyed, cgroup, own, children) ?? [];
        });
  const pins = each(pinOf).sort(mostFirst);
  noteUntold(reader, surveyed, pins, looks);
  const told = each(inheritedOf);
  const inherited = told
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes || (a.cgroup < b.cgroup ? -1 : 1));
  const kernel = looks.slice(1).flatMap((one) => one.kernel ?? []);
  const leaves = cgroups.map(({ children }, at) => ({ children, own: looks[at] })).slice(1);
  const unread = leaves.some(({ own }) => own?.hasTasks == null);
  const largest = leaves
    .map(({ own }, at) => ({ own, cgroup: shown(cgroups[at + 1]?.path ?? '') }))
    .filter(({ own }) => own?.hasTasks === true && own.kernel !== null)
    .map(({ own, cgroup }): LargestSlab => ({ cgroup, bytes: own?.kernel ?? 0 }))
    .sort((a, b) => b.bytes - a.bytes)[0];
  return {
    pins: pins.filter(holdsSomething).slice(0, LISTED),
    // None is dying: that is known to hold nothing.
    pinned: surveyed.hierarchy.dying === 0 ? { file: 0, shmem: 0, anon: 0 } : sumOf(pins),
    drift,
    inherited: inherited.slice(0, LISTED),
    largest: largest ?? null,
    liveEmpty: unread
      ? null
      : leaves.filter(({ children, own }) => children.length === 0 && own?.hasTasks === false)
          .length,
    tellable: told.length,
    kmem: kernel.length === 0 ? null : kernel.filter((bytes) => bytes > 0).length,
  };
}

/** Before 5.11 totals of version 1 could be of the cgroup alone. */
function notHierarchical(reader: HostReader, { mount }: Surveyed): boolean {
  return reader.text(`${mount.folder}/memory.use_hierarchy`)?.trim() === '0';
}
