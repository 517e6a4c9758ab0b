/** One look at a host: everything that anyone can read, and what is root's where it can be read. */
import { release as osRelease } from 'node:os';
import type { HostReading, HostResults } from '../../reports/results-host.ts';
import { parseSlabinfo } from '../input/slabinfo.ts';
import { costOf, readShape, readTypes, timesDying } from './cost.ts';
import { generationOf } from './generation.ts';
import {
  type Earlier,
  limitsOf,
  mainHierarchy,
  type Now,
  settledOf,
  sinceBoot,
  sinceRecord,
  whileWatching,
} from './growth.ts';
import { countDying, memoryRow, SETTLED_SECONDS, type Surveyed, survey } from './hierarchy.ts';
import { type Holdings, holdingsOf } from './holdings.ts';
import { memoryHierarchies, parseMounts } from './mounts.ts';
import { type HostReader, shown, type Unknown } from './reader.ts';
import { sourcesOf } from './sources.ts';
import { atLeast, parseRelease, parseValues } from './text.ts';
import { triage } from './triage.ts';

/** What is looked at, and how. */
export interface ProbeOptions {
  readonly reader: HostReader;
  readonly startedAt: Date;
  readonly signal: AbortSignal;
  readonly earlier: Earlier | null;
  /** Wait 5 s for a second count, to tell what is only on its way. */
  readonly settle: boolean;
}

/** A look at a host, and what is needed to look again. */
export interface Probe {
  readonly results: HostResults;
  readonly main: Surveyed | null;
}

/** Caches in a record. */
const CACHES = 12;
/** Pages of charges a CPU may hold back, and of updates until statistics are flushed (MEMCG_CHARGE_BATCH). */
const BATCH_PAGES = 64;
const USUAL_PAGE_BYTES = 4096;
const MEMORY_KEYS = [
  'MemTotal',
  'MemAvailable',
  'Slab',
  'SReclaimable',
  'SUnreclaim',
  'Percpu',
  'KernelStack',
  'SwapTotal',
  'SwapFree',
];

const NOTHING_READ: HostResults['observer'] = {
  ...{ files: 0, folders: 0, bytes: 0, missing: 0, denied: 0, failed: 0 },
  ...{ readMs: 0, totalMs: 0, cpuMs: 0 },
};

/** Waits, or is woken by Ctrl-C. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** The hierarchies that are mounted, with their counts. */
async function surveyAll({ reader, signal }: ProbeOptions): Promise<Surveyed[]> {
  const info = reader.text('/proc/self/mountinfo');
  const text = info ?? reader.text('/proc/self/mounts', 'mounted hierarchies');
  const format = info === null ? 'mounts' : 'mountinfo';
  const mounts = memoryHierarchies(parseMounts(text ?? '', format));
  if (mounts.length === 0) {
    const why =
      text === null
        ? 'which hierarchies are mounted is not known'
        : 'no hierarchy for them is mounted';
    reader.note('memory cgroups', why);
  }
  const surveyed: Surveyed[] = [];
  for (const mount of mounts) surveyed.push(await survey(reader, mount, { signal }));
  if (mounts.length > 0 && surveyed.every(({ hierarchy }) => !hierarchy.memory)) {
    const off = memoryRow(reader)?.enabled === false;
    reader.note(
      'memory cgroups',
      off
        ? 'the controller is off (cgroup_disable=memory)'
        : 'no mounted hierarchy has the memory controller',
    );
  }
  return surveyed;
}

function readMemory(reader: HostReader): Record<string, number> {
  const values = parseValues(reader.text('/proc/meminfo', 'memory of the host') ?? '');
  const entries = MEMORY_KEYS.flatMap((key): [string, number][] => {
    const value = values.get(key);
    return value === undefined ? [] : [[key, value]];
  });
  const dentries = /^(\d{1,15})\s+(\d{1,15})/.exec(reader.text('/proc/sys/fs/dentry-state') ?? '');
  const inodes = /^(\d{1,15})\s/.exec(reader.text('/proc/sys/fs/inode-nr') ?? '');
  if (dentries !== null)
    entries.push(['dentries', Number(dentries[1])], ['dentriesUnused', Number(dentries[2])]);
  if (inodes !== null) entries.push(['inodes', Number(inodes[1])]);
  return Object.fromEntries(entries);
}

/** Size of a page. A copied tree has no smaps, as a rule. */
function readPageBytes(reader: HostReader): number {
  const head = reader.head('/proc/self/smaps', 2000)?.toString('latin1') ?? '';
  const [, kilo] = /^KernelPageSize: +(\d{1,5}) kB$/m.exec(head) ?? [];
  if (kilo !== undefined && Number(kilo) > 0) return Number(kilo) * 1024;
  reader.note('the size of a page', `/proc/self/smaps does not tell; taken as ${USUAL_PAGE_BYTES}`);
  return USUAL_PAGE_BYTES;
}

/** The largest caches; root's. */
function readSlab(reader: HostReader, pageBytes: number): HostResults['slab'] {
  const path = '/proc/slabinfo';
  const text = reader.text(path, 'objects of each slab cache');
  if (text === null) return null;
  try {
    return parseSlabinfo(Buffer.from(text, 'latin1'), path, { pageSize: pageBytes })
      .caches.map(({ name, activeObjects, objects, slabs, pagesPerSlab }) => ({
        ...{ cache: name, activeObjects, objects },
        bytes: slabs * pagesPerSlab * pageBytes,
      }))
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, CACHES);
  } catch (error) {
    reader.note('objects of each slab cache', error instanceof Error ? error.message : 'not read');
    return null;
  }
}

function readUptime(reader: HostReader): number | null {
  const [, seconds] = /^(\d{1,12}(?:\.\d+)?)\s/.exec(reader.text('/proc/uptime') ?? '') ?? [];
  return seconds === undefined ? null : Number(seconds);
}

/** A count 5 s later; not taken of a copied tree, where nothing would have changed. */
async function settle(options: ProbeOptions, main: Surveyed): Promise<HostReading[]> {
  const started = performance.now();
  const { live, dying } = main.hierarchy;
  await pause(SETTLED_SECONDS * 1000, options.signal);
  if (options.signal.aborted) return [{ t: 0, live, dying }];
  const again = await countDying(options.reader, main, { signal: options.signal });
  return [
    { t: 0, live, dying },
    { t: (performance.now() - started) / 1000, ...again },
  ];
}

/** Growth and what is settled, from whatever there is to compare with. */
function compare(
  options: ProbeOptions,
  now: Omit<Now, 'startedAt'>,
): Pick<HostResults, 'growth'> & { settled: number | null } {
  const { earlier, startedAt, reader } = options;
  if (earlier !== null) {
    const compared = sinceRecord({ startedAt, ...now }, earlier);
    if ('growth' in compared) return compared;
    reader.note('growth since the earlier record', compared.why);
  }
  return { growth: sinceBoot(now.uptimeSeconds, now.hierarchy), settled: null };
}

/** What follows from the readings: growth, limits, triage. Done again when there are more of them. */
export function conclude(
  results: HostResults,
  holdings: Holdings | null,
  readings: readonly HostReading[],
): HostResults {
  const before = mainHierarchy(results.hierarchies);
  const last = readings.at(-1);
  const hierarchies = results.hierarchies.map((one) =>
    one === before
      ? {
          ...one,
          live: last === undefined ? one.live : last.live,
          dying: last === undefined ? one.dying : last.dying,
          settled: settledOf(readings) ?? one.settled,
        }
      : one,
  );
  const main = mainHierarchy(hierarchies);
  const cost = results.cost === null ? null : timesDying(results.cost, main?.dying ?? null);
  const growth = whileWatching(readings) ?? results.growth;
  const version = parseRelease(results.kernel ?? '');
  const limits = limitsOf({
    hierarchy: main,
    growth,
    dyingHoldIds: version !== null && !atLeast(version, 4, 8),
    availableBytes: results.memory.MemAvailable ?? null,
    bytesPerCgroup: cost?.bytesPerCgroup ?? null,
  });
  const judged = { ...results, hierarchies, cost, growth, limits, readings: [...readings] };
  return { ...judged, triage: triage({ results: judged, holdings }) };
}

/** When a look began. */
export interface Started {
  readonly at: number;
  readonly cpu: NodeJS.CpuUsage;
}

/** Begins to count what a look costs. */
export function start(): Started {
  return { at: performance.now(), cpu: process.cpuUsage() };
}

/** What nothing that was read is to blame for: there was too little to compare with. */
function notCompared({ hierarchies, growth, readings }: HostResults): Unknown[] {
  const main = mainHierarchy(hierarchies);
  const unsettled = main !== undefined && main.settled === null && (main.dying ?? 0) > 0;
  return [
    ...(unsettled
      ? [
          {
            what: 'how many have been dying for 5 s',
            why: `they were counted ${readings.length > 1 ? 'over less than 5 s' : 'once'}; --settle, --since and --watch count again`,
          },
        ]
      : []),
    ...(growth === null && main !== undefined
      ? [
          {
            what: 'growth',
            why: 'nothing earlier to compare with (--since, --watch), and no hour of uptime',
          },
        ]
      : []),
  ];
}

/**
 * Adds what the reading itself cost, where figures are from, and what stayed unknown.
 * @param watchShare part of the time while watching, 0 to 1; null when it was not watched
 */
export function observed(
  results: HostResults,
  reader: HostReader,
  started: Started,
  watchShare: number | null = null,
): HostResults {
  const { milliseconds, ...counts } = reader.cost();
  const { user, system } = process.cpuUsage(started.cpu);
  return {
    ...results,
    sources: sourcesOf(results),
    unknown: [...reader.unknown(), ...notCompared(results)],
    observer: {
      ...counts,
      readMs: milliseconds,
      totalMs: performance.now() - started.at,
      cpuMs: (user + system) / 1000,
      ...(watchShare === null ? {} : { watchShare }),
    },
  };
}

/** The release of the kernel; a copied tree may have but one of the two files, this host may be asked. */
function readKernel(reader: HostReader): string | null {
  const release = reader.text('/proc/sys/kernel/osrelease');
  if (release !== null) return shown(release.trim());
  if (reader.root === '') return shown(osRelease());
  const version = reader.text('/proc/version', 'the kernel');
  const [, found] = /^Linux version (\S{1,200})/.exec(version ?? '') ?? [];
  return found === undefined ? null : shown(found);
}

function readBootId(reader: HostReader): string | null {
  const text = reader.text('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
  return /^[0-9a-f-]{36}$/.test(text) ? text : null;
}

/** Looks at a host once. Never throws for what is on it. */
export async function probe(options: ProbeOptions): Promise<Probe & { holdings: Holdings | null }> {
  const { reader } = options;
  const started = start();
  const kernel = readKernel(reader);
  const bootId = readBootId(reader);
  const uptimeSeconds = readUptime(reader);
  const types = readTypes(reader);
  const pageBytes = readPageBytes(reader);
  const surveyed = await surveyAll(options);
  const first = mainHierarchy(surveyed.map(({ hierarchy }) => hierarchy));
  const main = surveyed.find(({ hierarchy }) => hierarchy === first) ?? null;
  const holdings = main === null ? null : await holdingsOf(reader, main, options.signal);
  const liveEmpty = holdings?.liveEmpty ?? null;
  const shape = readShape(reader);
  const inherited = [...(holdings?.inherited ?? [])];
  const now = { bootId, uptimeSeconds, hierarchy: first, inherited };
  const { growth, settled } = compare(options, now);
  const hierarchies = surveyed.map(({ hierarchy }) =>
    hierarchy === first ? { ...hierarchy, liveEmpty, settled } : hierarchy,
  );
  const readings = options.settle && main !== null ? await settle(options, main) : [];
  const results: HostResults = {
    root: reader.root === '' ? '/' : shown(reader.root),
    kernel,
    bootId,
    generation: generationOf(kernel, types),
    uptimeSeconds,
    hierarchies,
    pins: [...(holdings?.pins ?? [])],
    pinned: holdings?.pinned ?? null,
    pageBytes,
    pinnedTolerance: BATCH_PAGES * pageBytes * (shape?.cpus ?? 1) + (holdings?.drift ?? 0),
    inherited,
    cost: shape === null ? null : costOf(shape, types?.sizes ?? new Map()),
    memory: readMemory(reader),
    slab: readSlab(reader, pageBytes),
    triage: [],
    growth,
    limits: [],
    readings: [],
    listed: null,
    traced: null,
    simulated: null,
    ...{ sources: [], unknown: [], observer: NOTHING_READ },
  };
  const concluded = conclude(results, holdings, readings);
  return { results: observed(concluded, reader, started), main, holdings };
}
