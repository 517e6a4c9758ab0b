/**
 * The small text formats of /proc, /sys and cgroupfs. All of them are lenient: a line that is not
 * understood says nothing, and what is missing is `undefined` or null, never 0.
 */

/** Reads a whole number that JavaScript can hold exactly; null for anything else. */
export function wholeNumber(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

const KEY_VALUE = /^([^\s:]{1,80}):?[ \t]+(\d{1,16})(?: (kB))?[ \t]*$/gm;

/**
 * `name value` a line, as in memory.stat, cgroup.stat and /proc/meminfo; values that are marked kB
 * become bytes. The first line of a name counts.
 * @param only names to keep; all without it
 */
export function parseValues(text: string, only?: ReadonlySet<string>): Map<string, number> {
  const values = new Map<string, number>();
  for (const [, name, digits, kilo] of text.matchAll(KEY_VALUE)) {
    const value = wholeNumber(digits);
    if (name === undefined || value === null || values.has(name)) continue;
    if (only !== undefined && !only.has(name)) continue;
    values.set(name, kilo === undefined ? value : value * 1024);
  }
  return values;
}

/** The row of a controller in /proc/cgroups. */
export interface ControllerRow {
  /** 0: on the version 2 hierarchy, or not in use. */
  readonly hierarchy: number;
  /** Dying ones included. */
  readonly count: number;
  readonly enabled: boolean;
}

/** Finds a controller in /proc/cgroups; null where it is not listed. */
export function parseController(text: string, name: string): ControllerRow | null {
  for (const line of text.split('\n')) {
    const [found, ...words] = line.trim().split(/\s+/);
    if (found !== name) continue;
    const [hierarchy, count, enabled] = words.map(wholeNumber);
    if (typeof hierarchy !== 'number' || typeof count !== 'number') return null;
    return { hierarchy, count, enabled: enabled !== 0 };
  }
  return null;
}

/** CPUs or nodes that a list may hold: more than any kernel can be built for. */
const LIST_MAX = 65_536;

/** How many CPUs or nodes a list such as `0-3,8` names; null where it is no list. */
export function countList(text: string): number | null {
  let count = 0;
  for (const part of text.trim().split(',')) {
    const [, first, last] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part) ?? [];
    const from = wholeNumber(first);
    const to = last === undefined ? from : wholeNumber(last);
    if (from === null || to === null || to < from) return null;
    count += to - from + 1;
    if (count > LIST_MAX) return null;
  }
  return count;
}

/** Version of a kernel. */
export interface KernelVersion {
  readonly major: number;
  readonly minor: number;
}

/** Reads `6.18.44-amd64`; null where it does not begin like that. */
export function parseRelease(release: string): KernelVersion | null {
  const [, major, minor] = /^(\d{1,3})\.(\d{1,3})(?:[^\d]|$)/.exec(release.trim()) ?? [];
  if (major === undefined || minor === undefined) return null;
  return { major: Number(major), minor: Number(minor) };
}

/** Whether a version is `major.minor` or newer. */
export function atLeast(version: KernelVersion, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}
