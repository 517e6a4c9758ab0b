/**
 * Which form of trouble a host has, of those that users take for one another, with the numbers that
 * decided. A form without the figures it needs is `cannot tell`, never `no`.
 */
import { formatBytes, formatCount, formatNumber } from '../../reports/format.ts';
import type { HostForm, HostResults } from '../../reports/results-host.ts';
import { IDS, isTelling, mainHierarchy } from './growth.ts';
import type { Holdings } from './holdings.ts';
import { atLeast, parseRelease } from './text.ts';

/** What is judged. */
export interface Symptoms {
  readonly results: HostResults;
  readonly holdings: Holdings | null;
}

type Judgement = Pick<HostForm, 'verdict' | 'because'>;

/** From this many on it is worth a word. */
const MANY = 100;
/** A day's growth that is worth one. */
const MANY_A_DAY = 20;
const IDS_NEAR = 0.9;
/** Half of so many live cgroups empty: nobody removes them. With fewer it may be how they are used. */
const LEAKING = { live: 1000, share: 0.5 };
/** Memory that is worth a word, whatever else there is; of less only if it is a good part of all slab. */
const LARGE = 256 * 2 ** 20;
const PART = { bytes: 64 * 2 ** 20, share: 0.25 };
/** Structures round up, and more is charged than they: 21 kB measured where they add up to 10.7 KiB. */
const CHARGED = 2;

const cannot = (because: string): Judgement => ({ verdict: 'cannot tell', because });
const yesNo = (is: boolean, because: string): Judgement => ({
  verdict: is ? 'yes' : 'no',
  because,
});

function rate(growth: HostResults['growth'], of: 'livePerDay' | 'dyingPerDay'): string {
  const value = growth?.[of];
  if (growth === null || typeof value !== 'number') return 'growth is not known';
  return `${formatNumber(value)} a day (${growth.from})`;
}

/** Growth that was seen, rather than taken from the uptime. */
function measured(growth: HostResults['growth'], of: 'livePerDay' | 'dyingPerDay'): boolean {
  return growth !== null && growth.from !== 'since boot' && growth[of] !== null;
}

function grows(growth: HostResults['growth'], of: 'livePerDay' | 'dyingPerDay'): boolean {
  return growth !== null && (growth[of] ?? 0) >= MANY_A_DAY && isTelling(growth, of);
}

function judgeFolders({ results }: Symptoms): Judgement {
  const none = { live: null, liveEmpty: null, whole: true };
  const { live, liveEmpty, whole } = mainHierarchy(results.hierarchies) ?? none;
  const { growth } = results;
  if (live === null) return cannot('live cgroups are not known');
  const seen = measured(growth, 'livePerDay');
  // Those that came while it was watched may have tasks.
  const watching = growth?.from === 'watching';
  const counted = watching ? null : liveEmpty;
  const empty =
    liveEmpty === null
      ? 'those without a task are not known'
      : `${formatCount(liveEmpty)}${watching ? ' at the last look' : ' of them'} without children and tasks`;
  const because = `${formatCount(live)} live${whole ? '' : ' in the part that is seen'}, ${empty}; ${seen ? rate(growth, 'livePerDay') : 'growth is not known'}`;
  const half = liveEmpty !== null && liveEmpty >= live * LEAKING.share;
  if (half && live >= LEAKING.live) return yesNo(true, because);
  if (seen && grows(growth, 'livePerDay')) {
    if (counted === null) return { verdict: 'likely', because };
    return yesNo(counted >= MANY_A_DAY, because);
  }
  if (seen || live < MANY) return yesNo(false, because);
  if (half) return { verdict: 'likely', because };
  return live < LEAKING.live && liveEmpty !== null ? yesNo(false, because) : cannot(because);
}

/** What dying ones hold, as far as that is told. */
function heldBytes({ pinned }: HostResults): number | null {
  return pinned === null ? null : (pinned.file ?? 0) + (pinned.shmem ?? 0) + (pinned.anon ?? 0);
}

function judgeDying({ results }: Symptoms): Judgement {
  const main = mainHierarchy(results.hierarchies);
  if (main?.dying == null) return cannot('dying cgroups are not known');
  const { growth } = results;
  if (main.dying === 0) return yesNo(false, `none is dying; ${rate(growth, 'dyingPerDay')}`);
  const found =
    main.settled === null
      ? `${formatCount(main.dying)} removed ones are still there, counted ${results.readings.length > 1 ? 'over less than 5 s' : 'once'}: some may be only on their way`
      : `${formatCount(main.dying)} dying, at most ${formatCount(main.settled)} of them for 5 s or longer`;
  const held = heldBytes(results);
  const holding =
    held === null
      ? 'what they hold is not known'
      : `they hold ${results.pins.some(({ file }) => file === null) ? 'at least ' : ''}${formatBytes(Math.max(0, held))} of pages`;
  const because = `${found}; ${holding}; ${rate(growth, 'dyingPerDay')}`;
  const count = main.settled ?? main.dying;
  const many =
    count >= MANY || (count > 0 && held !== null && held - results.pinnedTolerance >= LARGE);
  const more = count >= MANY_A_DAY && grows(growth, 'dyingPerDay');
  if (!many && !more) {
    const rule = `trouble from ${MANY} on, from ${formatBytes(LARGE)} held, or from ${MANY_A_DAY} on with ${MANY_A_DAY} more a day`;
    return yesNo(false, `${because} (${rule})`);
  }
  // An average since boot may be what the start of its services left, and no growth.
  const sure = main.settled !== null && (many || measured(growth, 'dyingPerDay'));
  return { verdict: sure ? 'yes' : 'likely', because };
}

function judgeIds({ results }: Symptoms): Judgement {
  const main = mainHierarchy(results.hierarchies);
  const version = parseRelease(results.kernel ?? '');
  if (main?.live == null) return cannot('live cgroups are not known');
  if (!main.whole) return cannot("only part of the hierarchy is seen; ids are the whole host's");
  if (version === null) return cannot('the kernel is not known, nor whether dying ones hold ids');
  const held = !atLeast(version, 4, 8);
  if (held && main.dying === null)
    return cannot('before 4.8 dying ones hold ids, and they are not known');
  const used = main.live + (held ? (main.dying ?? 0) : 0);
  const who = held
    ? 'live and dying ones hold ids before 4.8'
    : 'since 4.8 live ones hold ids, and dying ones with pages in swap';
  const because = `${formatCount(used)} of ${formatCount(IDS)} in use; ${who}`;
  const near = used >= IDS * IDS_NEAR;
  if (near || held) return yesNo(near, because);
  const { SwapTotal, SwapFree } = results.memory;
  const swapped = SwapTotal === undefined || SwapFree === undefined || SwapFree < SwapTotal;
  const most = used + (main.dying ?? IDS);
  if (swapped && most >= IDS * IDS_NEAR) {
    return cannot(`${because}, which nobody counts: up to ${formatCount(Math.min(IDS, most))}`);
  }
  return yesNo(false, because);
}

function judgeKmem({ results, holdings }: Symptoms): Judgement {
  const version = parseRelease(results.kernel ?? '');
  if (version === null) return cannot('the kernel is not known');
  if (atLeast(version, 4, 0))
    return yesNo(false, `kernel ${version.major}.${version.minor}, not 3.x`);
  if (holdings === null) return cannot('cgroups could not be read');
  if (holdings.kmem === null) {
    return cannot(`kernel ${version.major}.${version.minor}; no cgroup tells its kernel memory`);
  }
  return yesNo(
    holdings.kmem > 0,
    `kernel ${version.major}.${version.minor}; kernel memory is counted in ${formatCount(holdings.kmem)} live cgroups`,
  );
}

/** A good part of all slab, and not just a few MiB of a small machine. */
function isPart(bytes: number, slab: number | undefined): boolean {
  return slab !== undefined && bytes >= PART.bytes && bytes >= slab * PART.share;
}

const PART_RULE = `${formatBytes(PART.bytes)} that are a quarter of all slab`;

/** Version 1 counts all kernel memory, version 2 slab alone. */
function inWords(bytes: number, { memory, hierarchies }: HostResults): string {
  const kind = mainHierarchy(hierarchies)?.version === 1 ? 'kernel memory' : 'slab';
  const all = memory.Slab === undefined ? 'unknown' : formatBytes(memory.Slab);
  return `${formatBytes(bytes)} of ${kind} (all slab of the host: ${all})`;
}

/** Where nothing was found that inherited. */
function noneInherited({ memory }: HostResults, { tellable }: Holdings): Judgement {
  const { Slab } = memory;
  if (Slab !== undefined && Slab < PART.bytes) {
    return yesNo(false, `all slab of the host is ${formatBytes(Slab)}`);
  }
  const rest = 'what the top inherited, or one with tasks, does not show';
  return tellable === 0
    ? cannot(`no live cgroup below the top is without tasks; ${rest}`)
    : yesNo(
        false,
        `${formatCount(tellable)} live cgroups without tasks have no more than their children; ${rest}`,
      );
}

function judgeInherited({ results, holdings }: Symptoms): Judgement {
  if (holdings === null) return cannot('cgroups could not be read');
  const { name } = results.generation;
  if (name === 'unknown') return cannot('the kernel is not known');
  if (name === 'caches per cgroup' || name === 'before accounting') {
    return yesNo(false, 'slab is handed to an ancestor since 5.3 only');
  }
  const [first] = holdings.inherited;
  if (first === undefined) return noneInherited(results, holdings);
  const { growth, memory } = results;
  const perDay = growth?.inheritedPerDay ?? null;
  const change =
    perDay === null
      ? 'whether it grows is not known (--since tells)'
      : `${perDay < 0 ? '-' : '+'}${formatBytes(Math.abs(perDay))} a day since the earlier record`;
  const because = `${first.cgroup} has no task, and ${inWords(first.bytes, results)} beside its live children's; ${change}`;
  // Since 5.9 the structures of a cgroup are charged to its parent.
  const charged = name === 'reparented caches' ? 0 : CHARGED * (results.cost?.bytesPerCgroup ?? 0);
  const structures = (first.children ?? 0) * charged;
  const bytes = first.bytes - structures;
  if (bytes < LARGE && !isPart(bytes, memory.Slab)) {
    const below =
      structures < first.bytes / 10
        ? ''
        : `; about ${formatBytes(structures)} of it are the structures of ${formatCount(first.children ?? 0)} live cgroups`;
    return yesNo(
      false,
      `${because}${below} (trouble from ${formatBytes(LARGE)} on, or ${PART_RULE})`,
    );
  }
  if (perDay === null) return { verdict: 'likely', because };
  return yesNo(perDay > 0, because);
}

function judgeLive({ results, holdings }: Symptoms): Judgement {
  const largest = holdings?.largest;
  if (!largest) return cannot('kernel memory of live cgroups is not known');
  const { Slab } = results.memory;
  const because = `most has ${largest.cgroup}: ${inWords(largest.bytes, results)}`;
  if (Slab === undefined && largest.bytes >= PART.bytes) return cannot(because);
  if (isPart(largest.bytes, Slab)) return yesNo(true, because);
  return yesNo(false, `${because} (trouble from ${PART_RULE})`);
}

const notLooked = (because: string): Judgement => ({ verdict: 'not looked at', because });

const RULES: Record<HostForm['form'], (symptoms: Symptoms) => Judgement> = {
  'folders never removed': judgeFolders,
  'dying cgroups': judgeDying,
  'ids run out': judgeIds,
  'kmem accounting of 3.x': judgeKmem,
  'objects inherited by an ancestor': judgeInherited,
  'slab of a live cgroup': judgeLive,
  'a leak in user space': () => notLooked('see the RSS of kubelet and the like in ps'),
  'the cost of removal': () =>
    notLooked('see kworkers in inode_switch_wbs with perf top while cgroups are removed'),
};

/** Judges all forms. */
export function triage(symptoms: Symptoms): HostForm[] {
  return (Object.keys(RULES) as HostForm['form'][]).map((form) => ({
    form,
    ...RULES[form](symptoms),
    evidence: 'anyone',
  }));
}
