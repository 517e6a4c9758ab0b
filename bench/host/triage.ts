/**
 * Which form of trouble a host has, of those that users take for one another, with the numbers that
 * decided. A form without the figures it needs is `cannot tell`, never `no`.
 */
import { formatBytes, formatCount, formatNumber } from '../../reports/format.ts';
import type { HostForm, HostResults } from '../../reports/results-host.ts';
import { IDS, mainHierarchy } from './growth.ts';
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
/** Of a thousand live cgroups half are empty: nobody removes them. */
const LEAKING = { live: 1000, share: 0.5 };
const LARGE = { bytes: 256 * 2 ** 20, share: 0.25 };

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

function judgeFolders({ results }: Symptoms): Judgement {
  const { live, liveEmpty } = mainHierarchy(results.hierarchies) ?? { live: null, liveEmpty: null };
  const { growth } = results;
  if (live === null) return cannot('live cgroups are not known');
  const empty =
    liveEmpty === null
      ? 'those without a task are not known'
      : `${formatCount(liveEmpty)} of them without children and tasks`;
  const because = `${formatCount(live)} live, ${empty}; ${growth?.from === 'since boot' ? 'growth is not known' : rate(growth, 'livePerDay')}`;
  const unused = liveEmpty !== null && live >= LEAKING.live && liveEmpty >= live * LEAKING.share;
  const measured = growth !== null && growth.from !== 'since boot' && growth.livePerDay !== null;
  if (unused || (measured && (growth.livePerDay ?? 0) >= MANY_A_DAY)) return yesNo(true, because);
  return measured || live < LEAKING.live ? yesNo(false, because) : cannot(because);
}

function judgeDying({ results }: Symptoms): Judgement {
  const main = mainHierarchy(results.hierarchies);
  if (main?.dying == null) return cannot('dying cgroups are not known');
  const { growth } = results;
  const found =
    main.settled === null && main.dying > 0
      ? `${formatCount(main.dying)} removed ones are still there, counted once: some may be only on their way`
      : `${formatCount(main.dying)} dying${main.settled === null ? '' : `, at most ${formatCount(main.settled)} of them for 5 s or longer`}`;
  const because = `${found}; ${rate(growth, 'dyingPerDay')}`;
  const count = main.settled ?? main.dying;
  const grows = growth !== null && (growth.dyingPerDay ?? 0) >= MANY_A_DAY && count >= MANY_A_DAY;
  const many = count >= MANY || grows;
  return many && main.settled === null ? { verdict: 'likely', because } : yesNo(many, because);
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
    : 'only live ones hold ids since 4.8';
  return yesNo(
    used >= IDS * IDS_NEAR,
    `${formatCount(used)} of ${formatCount(IDS)} in use; ${who}`,
  );
}

function judgeKmem({ results, holdings }: Symptoms): Judgement {
  const version = parseRelease(results.kernel ?? '');
  if (version === null) return cannot('the kernel is not known');
  if (atLeast(version, 4, 0))
    return yesNo(false, `kernel ${version.major}.${version.minor}, not 3.x`);
  if (holdings === null) return cannot('cgroups could not be read');
  return yesNo(
    holdings.kmem > 0,
    `kernel ${version.major}.${version.minor}; kernel memory is counted in ${formatCount(holdings.kmem)} live cgroups`,
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
  if (first === undefined)
    return yesNo(false, "no cgroup without tasks has kernel memory beside its children's");
  const total = results.memory.Slab;
  const share = total === undefined ? '' : ` of ${formatBytes(total)} slab`;
  const because = `${first.cgroup} has ${formatBytes(first.bytes)}${share} that is no live child's, and no task`;
  return yesNo(first.bytes >= LARGE.bytes, because);
}

function judgeLive({ results, holdings }: Symptoms): Judgement {
  const largest = holdings?.largest;
  if (!largest) return cannot('kernel memory of live cgroups is not known');
  const total = results.memory.Slab;
  const because = `most has ${largest.cgroup}: ${formatBytes(largest.bytes)}${total === undefined ? '' : ` of ${formatBytes(total)} slab`}`;
  const much = total === undefined || largest.bytes >= total * LARGE.share;
  return yesNo(much && largest.bytes >= LARGE.bytes, because);
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
