/** What the CPUs of a storm do: named mixes, as data. */

/** Slots of a storm: cgroups (or chains of them) that are online at one time. */
export const SLOTS = 16;

/** One mix of operations. Shares are of all allocations and sum to less than 1; the rest is short-lived. */
export interface StormMix {
  readonly name: string;
  /** In a few words, for `--help`. */
  readonly meaning: string;
  /** Objects that live for thousands of operations of their CPU. */
  readonly longShare: number;
  /** Objects on an LRU list that any CPU frees, long after their cgroup was removed. */
  readonly sharedShare: number;
  /** Objects that another CPU frees, one after the other (a network stack). */
  readonly remoteShare: number;
  /** Objects that another CPU frees in an interrupt, between two of its own steps. */
  readonly interruptShare: number;
  /** Objects charged to another cgroup than that of the running task (`active_memcg`). */
  readonly foreignShare: number;
  /** cgroups on top of each other below the slice; all of a chain are removed together. */
  readonly depth: number;
  /** Objects that a cgroup is filled with, unless the user says otherwise. */
  readonly fill: number;
  /** Removals of a slot per second, unless the user says otherwise. */
  readonly removalsPerSecond: number;
  /** Every so many-th slot has a limit that its objects reach; 0 for none. */
  readonly limitedSlots: number;
}

const base: StormMix = {
  name: 'services',
  meaning: 'services that come and go: short-lived, long-lived, shared and remote objects',
  longShare: 0.1,
  sharedShare: 0.02,
  remoteShare: 0.1,
  interruptShare: 0.002,
  foreignShare: 0.1,
  depth: 1,
  fill: 50_000,
  removalsPerSecond: 20,
  limitedSlots: 8,
};

/** All mixes; the first is the default. */
export const STORM_MIXES: readonly StormMix[] = [
  base,
  {
    ...base,
    name: 'pods',
    meaning: 'the same in cgroups four deep, removed as a branch',
    depth: 4,
  },
  {
    ...base,
    name: 'remote',
    meaning: 'every second object is sent to another CPU to be freed, unless its mailbox is full',
    remoteShare: 0.5,
    interruptShare: 0.01,
  },
  {
    ...base,
    name: 'shared',
    meaning: 'one object in five outlives its cgroup, as dentries do',
    sharedShare: 0.2,
  },
  {
    ...base,
    name: 'churn',
    meaning: 'small cgroups, removed ten times as often',
    removalsPerSecond: 200,
    fill: 2_000,
  },
];

/** The mix of a name; the caller has checked it. */
export function mixNamed(name: string): StormMix {
  const mix = STORM_MIXES.find((one) => one.name === name);
  if (mix === undefined) throw new RangeError(`no mix ${name}`);
  return mix;
}
