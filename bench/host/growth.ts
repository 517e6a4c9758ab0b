/** How counts change: since an earlier record, while watching, or on average since boot. */
import { z } from 'zod';
import {
  type HostGrowth,
  type HostHierarchy,
  type HostReading,
  type HostResults,
  hostResults,
} from '../../reports/results-host.ts';
import { InputError } from '../errors.ts';
import { readInputText } from '../input/read-input.ts';
import { SETTLED_SECONDS } from './hierarchy.ts';

const DAY = 86_400;
/** Shorter than that says nothing about a day. */
const MIN_SECONDS = 60;
const MIN_UPTIME = 3600;
/** Cgroups by which a count must have changed within a day: one more in a minute is no 1,440 a day. */
const TELLING = 10;

/** An earlier record of a host. */
export interface Earlier {
  readonly startedAt: Date;
  readonly results: HostResults;
}

const earlierSchema = z.looseObject({
  schema: z.literal('slabsplice/1'),
  command: z.literal('host'),
  startedAt: z.iso.datetime(),
  results: hostResults,
});

/** Reads the record that `--since` names. @throws InputError */
export async function readEarlier(file: string): Promise<Earlier> {
  const text = await readInputText(file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InputError(file, 0, 'is not JSON', 'give a record that host wrote');
  }
  const read = earlierSchema.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    const where = issue?.path.map(String).join('.') ?? '';
    const what = `is no record of host (${where === '' ? '' : `${where}: `}${issue?.message ?? 'unknown'})`;
    throw new InputError(file, 0, what, 'give a record that slabsplice host --json FILE wrote');
  }
  return { startedAt: new Date(read.data.startedAt), results: read.data.results };
}

/** The hierarchy that has the memory cgroups, or of two the one with more of them. */
export function mainHierarchy(hierarchies: readonly HostHierarchy[]): HostHierarchy | undefined {
  return hierarchies
    .filter(({ memory }) => memory)
    .sort((a, b) => (b.live ?? 0) - (a.live ?? 0))[0];
}

function perDay(now: number | null, then: number | null, seconds: number): number | null {
  return now === null || then === null ? null : ((now - then) * DAY) / seconds;
}

/** Whether a rate stands on enough to be more than chance. */
export function isTelling(growth: HostGrowth, of: 'livePerDay' | 'dyingPerDay'): boolean {
  const change = ((growth[of] ?? 0) * growth.seconds) / DAY;
  return growth.seconds >= DAY || Math.abs(change) >= TELLING;
}

/** Growth of what the cgroup inherited that inherited most; null where the earlier record lacks it. */
function inheritedPerDay(
  now: HostResults['inherited'],
  then: HostResults['inherited'],
  seconds: number,
): number | null {
  const [first] = now;
  const before = then.find(({ cgroup }) => cgroup === first?.cgroup);
  return perDay(first?.bytes ?? null, before?.bytes ?? null, seconds);
}

/** What is compared with an earlier record, or the reason why not. */
type Compared = { growth: HostGrowth; settled: number | null } | { why: string };

/** What is compared with an earlier record. */
export interface Now {
  readonly startedAt: Date;
  readonly bootId: string | null;
  readonly uptimeSeconds: number | null;
  readonly hierarchy: HostHierarchy | undefined;
  readonly inherited: HostResults['inherited'];
}

/** Compares with an earlier record of the same host. */
export function sinceRecord(now: Now, earlier: Earlier): Compared {
  const { bootId } = earlier.results;
  if (bootId !== null && now.bootId !== null && bootId !== now.bootId) {
    return { why: 'the earlier record is of another host, or the host was booted since' };
  }
  const seconds = (now.startedAt.getTime() - earlier.startedAt.getTime()) / 1000;
  if (seconds < MIN_SECONDS) {
    return { why: `the earlier record is ${Math.round(seconds)} s old; a minute is needed` };
  }
  if (now.uptimeSeconds !== null && now.uptimeSeconds < seconds) {
    return { why: 'the host was booted since the earlier record' };
  }
  const before = mainHierarchy(earlier.results.hierarchies);
  if (before === undefined || now.hierarchy?.mount !== before.mount) {
    return { why: 'the earlier record is of another hierarchy' };
  }
  if (before.whole !== now.hierarchy.whole) {
    return { why: 'one of the two records sees only part of the hierarchy' };
  }
  const { live, dying } = now.hierarchy;
  return {
    growth: {
      from: 'an earlier record',
      seconds,
      livePerDay: perDay(live, before.live, seconds),
      dyingPerDay: perDay(dying, before.dying, seconds),
      inheritedPerDay: inheritedPerDay(now.inherited, earlier.results.inherited, seconds),
    },
    settled: dying === null || before.dying === null ? null : Math.min(dying, before.dying),
  };
}

/** Least squares of one count over the readings; null with fewer than two. */
function slope(readings: readonly HostReading[], of: (reading: HostReading) => number | null) {
  const points = readings.flatMap((one) => {
    const y = of(one);
    return y === null ? [] : [{ x: one.t, y }];
  });
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map((one) => one.x)), mean(points.map((one) => one.y))];
  const spread = points.reduce((sum, one) => sum + (one.x - x) ** 2, 0);
  const together = points.reduce((sum, one) => sum + (one.x - x) * (one.y - y), 0);
  return spread > 0 ? (together / spread) * DAY : null;
}

/** Growth over readings of at least a minute; null with less. */
export function whileWatching(readings: readonly HostReading[]): HostGrowth | null {
  const seconds = (readings.at(-1)?.t ?? 0) - (readings[0]?.t ?? 0);
  if (seconds < MIN_SECONDS) return null;
  return {
    from: 'watching',
    seconds,
    livePerDay: slope(readings, ({ live }) => live),
    dyingPerDay: slope(readings, ({ dying }) => dying),
  };
}

/** The most that can have been dying for 5 s: the lowest of the counts that far apart; null with less. */
export function settledOf(readings: readonly HostReading[]): number | null {
  const last = readings.at(-1);
  const before = readings.filter(({ t }) => last !== undefined && last.t - t >= SETTLED_SECONDS);
  const counts = [before.at(-1)?.dying, last?.dying];
  const known = counts.filter((dying) => typeof dying === 'number');
  return known.length < 2 ? null : Math.min(...known);
}

/** On average since boot: less than the true rate if something released some in between. */
export function sinceBoot(
  uptimeSeconds: number | null,
  hierarchy: HostHierarchy | undefined,
): HostGrowth | null {
  if (uptimeSeconds === null || uptimeSeconds < MIN_UPTIME || hierarchy === undefined) return null;
  return {
    from: 'since boot',
    seconds: uptimeSeconds,
    livePerDay: perDay(hierarchy.live, 0, uptimeSeconds),
    dyingPerDay: perDay(hierarchy.dying, 0, uptimeSeconds),
  };
}

/** Ids of memory cgroups (MEM_CGROUP_ID_MAX, USHRT_MAX). */
export const IDS = 65_535;

interface Bounds {
  readonly hierarchy: HostHierarchy | undefined;
  readonly growth: HostGrowth | null;
  /** Before 4.8 a dying cgroup keeps its id (73f576c04b94). */
  readonly dyingHoldIds: boolean;
  readonly availableBytes: number | null;
  readonly bytesPerCgroup: number | null;
}

/** How far the ids and the memory are, at this rate. */
export function limitsOf(bounds: Bounds): HostResults['limits'] {
  const { hierarchy, growth, availableBytes, bytesPerCgroup } = bounds;
  const { live, dying } = hierarchy ?? { live: null, dying: null };
  const limits: HostResults['limits'] = [];
  const add = (limit: Omit<HostResults['limits'][number], 'days'>, telling: boolean) => {
    const { now, most, perDay: rate } = limit;
    const days = telling && rate > 0 ? Math.max(0, most - now) / rate : null;
    limits.push({ ...limit, days });
  };
  const tells = (of: 'livePerDay' | 'dyingPerDay') => growth !== null && isTelling(growth, of);
  const [liveRate, dyingRate] = [growth?.livePerDay ?? null, growth?.dyingPerDay ?? null];
  if (live !== null && liveRate !== null && (!bounds.dyingHoldIds || dying !== null)) {
    const held = bounds.dyingHoldIds ? (dying ?? 0) : 0;
    const rate = bounds.dyingHoldIds ? liveRate + (dyingRate ?? 0) : liveRate;
    // Since boot everything that lives is new; that is no rate at which ids go.
    if (growth?.from !== 'since boot' || bounds.dyingHoldIds)
      add(
        {
          what: 'memory cgroup ids',
          unit: 'cgroups',
          now: live + held,
          most: IDS,
          perDay: rate,
        },
        tells('livePerDay') || (bounds.dyingHoldIds && tells('dyingPerDay')),
      );
  }
  if (dying !== null && dyingRate !== null && availableBytes !== null && bytesPerCgroup !== null) {
    const now = dying * bytesPerCgroup;
    add(
      {
        ...{ what: 'memory for dying cgroups', unit: 'bytes', now },
        most: now + availableBytes,
        perDay: dyingRate * bytesPerCgroup,
      },
      tells('dyingPerDay'),
    );
  }
  return limits;
}
