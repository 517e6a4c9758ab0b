/** What a host holds, in words: the verdict of its page, and what each remedy could release. */
import { formatBytes, formatCount, formatCounted, formatList, formatNumber } from './format.ts';
import type { Note } from './pages/page.ts';
import type { HostGrowth, HostHierarchy, HostResults } from './results-host.ts';

/** What growth is taken from, in words. */
export const GROWTH: Record<HostGrowth['from'], string> = {
  'an earlier record': 'since the earlier record',
  watching: 'while it was watched',
  'since boot': 'on average since boot',
};

/** The hierarchy that has the memory cgroups; of two, the one with more of them. */
function mainOf({ hierarchies }: HostResults): HostHierarchy | undefined {
  return hierarchies
    .filter(({ memory }) => memory)
    .sort((a, b) => (b.live ?? 0) - (a.live ?? 0))[0];
}

/** Why something is unknown, as far as the record says. */
function whyUnknown({ unknown }: HostResults, like: RegExp): string {
  const found = unknown.find(({ what }) => like.test(what));
  return found === undefined ? '' : `: ${found.why}`;
}

function countWords(results: HostResults): Note {
  const main = mainOf(results);
  if (main === undefined) {
    return {
      text: `Memory cgroups are unknown${whyUnknown(results, /memory cgroups/)}.`,
      tone: 'warn',
    };
  }
  if (main.dying === null) {
    return { text: `Dying cgroups are unknown${whyUnknown(results, /dying/)}.`, tone: 'warn' };
  }
  const where = main.whole ? '' : ' in the part of the hierarchy that is seen from here';
  const live = main.live === null ? 'an unknown number' : formatCount(main.live);
  const once = main.settled === null && main.dying > 0;
  const found = once
    ? `${formatCounted(main.dying, 'removed cgroup')} that the kernel still has`
    : formatCounted(main.dying, 'dying cgroup');
  const age = once
    ? ` They were counted ${results.readings.length > 1 ? 'over less than 5 s' : 'once'}: they are dying, or only on their way, which takes up to 2.5 s. A second count (--settle) tells.`
    : main.settled === null
      ? ''
      : ` At most ${formatCount(main.settled)} of them have been dying for 5 s or longer.`;
  return {
    text: `${found}, and ${live} live ones${where}.${age}`,
    tone: main.dying > 0 ? 'warn' : 'good',
  };
}

/** A difference may come out below 0, by what the statistics are off. */
function size(bytes: number | null): string {
  return bytes === null ? 'an unknown amount of' : formatBytes(Math.max(0, bytes));
}

/** Of all that is held, what is above the noise of the statistics. */
function heldBytes({ pinned }: HostResults): number | null {
  return pinned === null ? null : (pinned.file ?? 0) + (pinned.shmem ?? 0) + (pinned.anon ?? 0);
}

/** Whether some parents do not tell what their removed cgroups hold: the sum is of the others then. */
export function isPartOfAll({ pins }: HostResults): boolean {
  return pins.some(({ file }) => file === null);
}

/** Whether pages hold a removed cgroup; taken for yes where the kernel is not known. */
function holdsPages({ name, pinnedBy }: HostResults['generation']): boolean {
  return name === 'unknown' || pinnedBy.includes('page cache');
}

/** Dying ones that hold no page to speak of: what is left that can hold them. */
function otherPins({ generation }: HostResults, version: 1 | 2): string {
  const others = [
    ...(generation.pinnedBy.includes('slab objects') ? ['slab objects'] : []),
    ...(version === 2 ? ['sockets', 'inodes with write-back state'] : []),
    ...(version === 1 && holdsPages(generation) ? ['pages on per-CPU lists'] : []),
    'dying cgroups below them',
  ];
  const last = others.at(-1);
  return `${others.slice(0, -1).join(', ')} or ${last}`;
}

/** Whether slab objects hold a removed cgroup on this kernel. */
export function slabHolds({ generation }: HostResults): boolean {
  return generation.pinnedBy.includes('slab objects');
}

/** Before 5.3 kernel memory that is no live child's is a dying one's, and holds it. */
function slabWords(results: HostResults): Note[] {
  const [first] = results.inherited;
  if (!slabHolds(results) || first === undefined) return [];
  const bytes = results.inherited.reduce((sum, one) => sum + one.bytes, 0);
  return [
    {
      text: `${formatBytes(bytes)} kernel memory is no live cgroup's (most of it below ${first.cgroup}): on this kernel slab objects hold the removed cgroup that they were made in.`,
    },
  ];
}

function pinWords(results: HostResults): Note[] {
  const main = mainOf(results);
  const { pinned, pinnedTolerance } = results;
  if (main === undefined || main.dying === 0) return [];
  const held = heldBytes(results);
  // Not how many there are, yet what they hold: seen from a container of version 1.
  const uncounted = main.dying === null;
  if (uncounted && (held === null || held <= pinnedTolerance)) return [];
  if (pinned === null || held === null) {
    return [{ text: `What they hold is unknown${whyUnknown(results, /hold/)}.`, tone: 'warn' }];
  }
  if (held <= pinnedTolerance) {
    const who = isPartOfAll(results) ? 'Those whose parent tells' : 'They';
    return [
      {
        text: `${who} hold next to no pages (${formatBytes(Math.max(0, held))}; the statistics are good to ${formatBytes(pinnedTolerance)}). What is left that can hold them: ${otherPins(results, main.version)}.`,
      },
    ];
  }
  const parts = [
    `${size(pinned.file)} page cache of files${pinned.shmem === null ? ', or tmpfs (which is not told apart)' : ''}`,
    ...(pinned.shmem === null ? [] : [`${size(pinned.shmem)} tmpfs and shared memory`]),
    `${size(pinned.anon)} anonymous memory`,
  ];
  const who = uncounted
    ? 'Removed cgroups below those that are seen'
    : isPartOfAll(results)
      ? 'Those whose parent tells'
      : 'They';
  return [{ text: `${who} hold ${formatList(parts)} (good to ${formatBytes(pinnedTolerance)}).` }];
}

function costWords({ cost }: HostResults): Note[] {
  if (cost === null) return [];
  const all =
    cost.dyingBytes === null ? '' : `; ${formatBytes(cost.dyingBytes)} for all dying ones`;
  return [
    {
      text: `Each costs at least ${formatBytes(cost.bytesPerCgroup)} besides its pages on this host, ${formatBytes(cost.percpuBytesPerCgroup)} of it per-CPU memory (${formatCounted(cost.cpus, 'possible CPU')}, ${formatCounted(cost.nodes, 'node')})${all}.`,
    },
  ];
}

function limitWords({ limits, growth }: HostResults): Note[] {
  const near = limits.filter(({ days }) => days !== null && days < 30);
  return near.map(({ what, days }) => ({
    text: `At the growth ${growth === null ? 'of today' : GROWTH[growth.from]} ${what} last ${formatNumber(days ?? 0)} days.`,
    tone: 'bad' as const,
  }));
}

function formWords({ triage }: HostResults): Note[] {
  return triage.flatMap(({ form, verdict, because }): Note[] => {
    if (verdict === 'yes') return [{ text: `This host has: ${form} (${because}).`, tone: 'bad' }];
    if (verdict !== 'likely') return [];
    return [{ text: `This host most likely has: ${form} (${because}).`, tone: 'bad' }];
  });
}

/** The verdict of a host's page. */
export function hostWords(results: HostResults): Note[] {
  return [
    ...formWords(results),
    countWords(results),
    ...pinWords(results),
    ...slabWords(results),
    ...costWords(results),
    ...limitWords(results),
  ];
}

/** Something that an administrator may do; the tool never does. */
interface Remedy {
  readonly what: string;
  readonly releases: string;
  readonly keeps: string;
}

function amount(bytes: number | null | undefined): string {
  return typeof bytes === 'number' ? `up to ${size(bytes)} ` : '';
}

/** Remedies for pages, where pages hold removed cgroups. */
function pageRemedies({ pinned }: HostResults, version: 1 | 2): Remedy[] {
  const file = `${amount(pinned?.file)}page cache of files`;
  const writeBack =
    version === 2 ? " On version 2 the inodes' write-back state still holds them." : '';
  return [
    {
      what: 'echo 1 > /proc/sys/vm/drop_caches',
      releases: `${file}, and cgroups that hold nothing else. All of the host's page cache goes: everything is read again.`,
      keeps: `tmpfs, shared and anonymous memory, dirty files.${writeBack}`,
    },
    version === 2
      ? {
          what: 'echo BYTES > memory.reclaim of the parent (5.19 and newer)',
          releases: `pages below that parent only, dead and live alike: ${file}.`,
          keeps: 'the same as drop_caches=1; 6.1 takes far more than asked.',
        }
      : {
          what: 'memory.limit_in_bytes of the parent, lowered and put back',
          releases: `pages below that parent only, dead and live alike: ${file}.`,
          keeps: 'the same as drop_caches=1; too low a limit kills tasks.',
        },
    {
      what: 'removing tmpfs files, shared memory segments and memfds that are left',
      releases: `${amount(pinned?.shmem)}tmpfs and shared memory, and cgroups that hold nothing else.`,
      keeps: 'everything else; nothing but removal (or swap) releases these.',
    },
  ];
}

const DROP_SLAB: Remedy = {
  what: 'echo 2 > /proc/sys/vm/drop_caches',
  releases: 'dentries and inodes nobody uses: on this kernel they hold cgroups.',
  keeps: 'cgroups with pages, or with one object still in use.',
};

/** Slab that holds no cgroup, but that a form of trouble is about: of the dead, or of a live one. */
function slabRemedies(results: HostResults): Remedy[] {
  const forms = ['objects inherited by an ancestor', 'slab of a live cgroup'];
  const found = results.triage.some(
    ({ form, verdict }) => forms.includes(form) && (verdict === 'yes' || verdict === 'likely'),
  );
  if (!found || slabHolds(results)) return [];
  const reclaim: Remedy = {
    what: 'echo BYTES > memory.reclaim of that cgroup (5.19 and newer)',
    releases: 'its page cache, dentries and inodes, and those of all below it.',
    keeps: 'what is in use, and the rest of the host.',
  };
  return [
    {
      what: 'echo 2 > /proc/sys/vm/drop_caches',
      releases:
        'dentries and inodes of the whole host that nobody uses, those that a cgroup inherited or has cached among them; they are read again.',
      keeps: 'objects in use. It removes no dying cgroup: slab holds none on this kernel.',
    },
    ...(mainOf(results)?.version === 2 ? [reclaim] : []),
  ];
}

function remediesOf(results: HostResults, version: 1 | 2): Remedy[] {
  const pages = holdsPages(results.generation);
  const inodes = version === 2 ? ['inodes with write-back state'] : [];
  const drop: Remedy = {
    what: 'sync, then echo 3 > /proc/sys/vm/drop_caches',
    releases: `${formatList([...(pages ? ['the same as drop_caches=1', 'dirty files'] : []), ...inodes])}.`,
    keeps: 'tmpfs, shared and anonymous memory, open files, sockets.',
  };
  const sockets = version === 2 ? ['cgroups that a socket holds'] : [];
  const anon = pages ? [`${amount(results.pinned?.anon)}anonymous memory`] : [];
  const tasks: Remedy = {
    what: 'ending tasks that were moved out of a cgroup, closing sockets that were passed on',
    releases: `${formatList([...anon, ...sockets])}.`,
    keeps: 'everything else.',
  };
  return [
    ...(pages ? pageRemedies(results, version) : []),
    ...(pages || version === 2 ? [drop, tasks] : []),
    ...(slabHolds(results) ? [DROP_SLAB] : []),
  ];
}

/** What could be done, each with what it would release and what not; nothing where nothing is amiss. */
export function remedyWords(results: HostResults): Remedy[] {
  const main = mainOf(results);
  if (main === undefined) return [];
  return [...(main.dying === 0 ? [] : remediesOf(results, main.version)), ...slabRemedies(results)];
}
