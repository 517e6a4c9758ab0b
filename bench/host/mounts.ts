/**
 * Which cgroup hierarchies are mounted where, from /proc/self/mountinfo, or /proc/self/mounts where
 * that is missing. Formats: proc(5).
 */

/** A mounted cgroup hierarchy, or part of one. */
export interface CgroupMount {
  readonly version: 1 | 2;
  /** Folder, as a binary string, seen from the root of the host. */
  readonly folder: string;
  /** Which cgroup of the hierarchy is mounted there; null when the source does not tell. */
  readonly top: string | null;
  /** `major:minor`, the same for all mounts of a hierarchy; the folder when unknown. */
  readonly device: string;
  /** Controllers and the name, of version 1. */
  readonly controllers: readonly string[];
}

/** Mounts that are looked at: more than any host needs. */
const MAX_LINES = 100_000;

/** Blanks and the like are written as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

function versionOf(type: string | undefined): 1 | 2 | null {
  if (type === 'cgroup') return 1;
  return type === 'cgroup2' ? 2 : null;
}

function fromMountinfo(line: string): CgroupMount | null {
  const words = line.split(' ');
  const dash = words.indexOf('-', 6);
  const version = versionOf(words[dash + 1]);
  const [, , device, top, folder] = words;
  if (dash < 0 || version === null || !device || !top || !folder?.startsWith('/')) return null;
  const controllers = version === 2 ? [] : (words[dash + 3] ?? '').split(',');
  return { version, folder: unescaped(folder), top: unescaped(top), device, controllers };
}

function fromMounts(line: string): CgroupMount | null {
  const [, folder, type, options = ''] = line.split(' ');
  const version = versionOf(type);
  if (version === null || !folder?.startsWith('/')) return null;
  const place = unescaped(folder);
  const controllers = version === 2 ? [] : options.split(',');
  return { version, folder: place, top: null, device: place, controllers };
}

/** The cgroup mounts among the lines of a mountinfo or mounts file; other lines say nothing. */
export function parseMounts(text: string, format: 'mountinfo' | 'mounts'): CgroupMount[] {
  const parse = format === 'mountinfo' ? fromMountinfo : fromMounts;
  return text
    .split('\n', MAX_LINES)
    .map(parse)
    .filter((mount) => mount !== null);
}

/** The mount of a hierarchy that shows most of it: its top, or else the shortest path to it. */
function best(mounts: readonly CgroupMount[]): CgroupMount | undefined {
  const rank = ({ top, folder }: CgroupMount) => [
    top === '/' ? 0 : 1,
    top?.length ?? 0,
    folder.length,
  ];
  return [...mounts].sort((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    const at = left.findIndex((value, index) => value !== right[index]);
    return at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
  })[0];
}

/** The hierarchies that can hold memory cgroups: version 1 with the controller, and version 2. */
export function memoryHierarchies(mounts: readonly CgroupMount[]): CgroupMount[] {
  const useful = mounts.filter(
    ({ version, controllers }) => version === 2 || controllers.includes('memory'),
  );
  const devices = [...new Set(useful.map(({ device }) => device))];
  return devices.flatMap((device) => best(useful.filter((mount) => mount.device === device)) ?? []);
}
