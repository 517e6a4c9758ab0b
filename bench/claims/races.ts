/** Claims that a race decides: each is put to the explorer, most to scenarios that it has anyway. */
import { CACHE_KILLED, CACHE_LIVE } from '../../core/memcg/kmem-caches.ts';
import type { ClaimFigure, ClaimVerdict, ExploreViolation } from '../../reports/index.ts';
import { REQUESTED } from '../explore/claim-scenarios.ts';
import { type Claim, type Finding, verdictOf } from './claim.ts';
import type { ClaimContext } from './context.ts';
import { allocate, makeWorld, PAGE_EACH, release, settle } from './machines.ts';
import {
  coverage,
  everySchedule,
  putBack,
  rowsOf,
  type Searched,
  suspect,
  witnessesOf,
} from './searches.ts';
import { LIFE_CYCLE, TEXT } from './sources.ts';

/** What a claim that a race decides was put to. */
interface Put {
  /** Must be clean for it to hold. */
  readonly clean: readonly Searched[];
  /** Where the claim itself has a limit. */
  readonly limits?: readonly Searched[];
  /** Must break, or the experiment could not have seen it. */
  readonly controls?: readonly Searched[];
  /** Said where a limit was shown. */
  readonly limit?: string;
  /** Said where a control broke. */
  readonly control?: string;
  readonly figures?: readonly ClaimFigure[];
  /** What was measured beside the searches; false if it speaks against the claim. */
  readonly also?: { readonly holds: boolean; readonly text: string };
}

function verdictFor({ clean, limits = [], controls = [], also }: Put): ClaimVerdict {
  if (clean.some(({ broken }) => broken) || also?.holds === false) return 'fails';
  const whole = [...clean, ...limits.filter(({ broken }) => !broken)].every((one) => one.clean);
  if (!whole || controls.some(({ broken }) => !broken)) return 'cannot tell';
  return verdictOf(
    true,
    limits.every(({ broken }) => !broken),
  );
}

/** The finding that follows from what a claim was put to. */
function judged(put: Put): Finding {
  const { clean, limits = [], controls = [], limit = '', control = '', also } = put;
  const broken = clean.filter((one) => one.broken);
  const shown = limits.filter((one) => one.broken);
  const found = controls.filter((one) => one.broken);
  const sentences = [
    broken.length === 0
      ? `No schedule breaks anything: ${coverage(clean)}.`
      : broken.map(({ row }) => `${row.broke} breaks in ${row.scenario}.`).join(' '),
    ...(also === undefined ? [] : [also.text]),
    ...(shown.length === 0 ? [] : [limit]),
    ...(found.length === 0 ? [] : [control]),
    ...[...controls, ...limits]
      .filter((one) => !one.broken && !one.clean)
      .map(
        ({ row }) =>
          `${row.variant} in ${row.scenario} does not break as it should, but differently.`,
      ),
    ...controls
      .filter((one) => one.clean)
      .map(({ row }) => `${row.variant} breaks nothing here, so the searches say little.`),
  ];
  return {
    verdict: verdictFor(put),
    evidence: sentences.filter((text) => text !== '').join(' '),
    figures: put.figures ?? [],
    searches: rowsOf([...clean, ...limits, ...controls]),
    witnesses: witnessesOf([...broken, ...shown, ...found]),
  };
}

/** Asks for several scenarios at once; those that take long with one preemption only. */
function all(
  context: ClaimContext,
  scenarios: readonly (string | readonly [name: string, bound: number])[],
): Promise<Searched[]> {
  return Promise.all(
    scenarios.map((one) =>
      typeof one === 'string' ? everySchedule(context, one) : everySchedule(context, ...one),
    ),
  );
}

const POINTER: Claim = {
  id: 'pointer',
  group: 'patch text',
  statement: 'The owner of a cache may be read under rcu_read_lock, or with slab_mutex held.',
  source: TEXT,
  experiment:
    'Look-ups and frees (which read it under RCU) and the destruction of a root cache (which reads it with slab_mutex) meet a removal; a freed memcg or cache that is touched is a fault. Then a look-up by page meets the end of the cache (D2).',
  expected: { verdict: 'holds with limits', source: 'docs/findings.md, D2' },
  async check(context) {
    return judged({
      clean: await all(context, [
        'offline + look-up',
        'free + offline',
        ['offline + destroy root cache', 1],
      ]),
      limits: [await suspect(context, 'D2')],
      limit:
        'The memcg is safe to read, the cache that names it is not: a look-up by page reads the owner from a cache that was freed meanwhile.',
    });
  },
};

const CHARGE_RACES: Claim = {
  id: 'charge-races',
  group: 'patch text',
  statement:
    'Allocations and frees that race with the reparenting do no harm: the charge of the parent is always right.',
  source: TEXT,
  experiment:
    'Allocation, free, remote free, a task that is moved, a cgroup at its limit, a top-level cgroup and CPUs with stocks each meet a removal; every counter is recounted after each schedule.',
  expected: { verdict: 'holds', source: 'docs/explore.md' },
  async check(context) {
    return judged({
      clean: await all(context, [
        'alloc + offline',
        'free + offline',
        'remote free + offline',
        'task + offline',
        'charge at limit + offline',
        'top level: alloc + offline',
        'charge with stocks + offline',
      ]),
    });
  },
};

/** Whether a told schedule has a page charged to the parent after C's cache was handed over. */
function chargedAfterHandOver(violation: ExploreViolation | null): boolean {
  const steps = violation?.steps ?? [];
  const handedOver = steps.findIndex(({ text }) => text.startsWith('KC.memcg: C -> P'));
  const later = steps.slice(handedOver + 1);
  return handedOver >= 0 && later.some(({ text }) => /^P\.usage: (\d+) -> (?!0)/.test(text));
}

const DEACTIVATION_ORDER: Claim = {
  id: 'deactivation-order',
  group: 'patch text',
  statement:
    'Caches are reparented after they were deactivated, so no charge can race with it (v1; later versions say that it may).',
  source:
    '"mm: reparent slab memory on cgroup removal", v1 (2019-04-17); changed in v2 (2019-04-23)',
  experiment:
    'A CPU that found the cache allocates from it while the cgroup is removed (D7): is there a schedule in which it charges a page after the hand-over?',
  expected: { verdict: 'fails', source: 'changelog of v2, 2019-04-23' },
  async check(context) {
    const slept = await suspect(context, 'D7');
    const raced = chargedAfterHandOver(slept.answer.violation);
    const decided = slept.broken || slept.clean;
    return {
      verdict: decided ? verdictOf(!raced, true) : 'cannot tell',
      evidence: raced
        ? `An allocation that found the cache and sleeps for its page charges it when the cache is deactivated, handed over and killed (schedule ${slept.answer.violation?.schedule}). That does no harm by itself, see charge-races.`
        : `No charge comes after the hand-over: ${coverage([slept])}.`,
      figures: [],
      searches: rowsOf([slept]),
      witnesses: raced
        ? witnessesOf([slept]).map((one) => ({
            ...one,
            what: 'D7: P is charged for a page of KC that was handed over before',
          }))
        : [],
    };
  },
};

const CACHE_IN_USE: Claim = {
  id: 'cache-in-use',
  group: 'patch text',
  statement: 'A cache cannot go away while an allocation from it is under way.',
  source: LIFE_CYCLE,
  experiment:
    'Allocations meet a removal, with and without a kworker; the same with the reference of the allocation left out, as in v1 (M20a), which must break.',
  expected: { verdict: 'holds', source: 'changelog of v2, 2019-04-23' },
  async check(context) {
    return judged({
      clean: await all(context, [
        'alloc + offline',
        'task + offline',
        ['alloc + offline + kworker', 1],
      ]),
      controls: [await putBack(context, 'M20a')],
      control:
        'It took the second version: without the reference of v2 the cache is freed under the allocation.',
    });
  },
};

/** A cache all of whose pages are freed while its memcg is online, and after that. */
function emptied({ core, strategy }: ClaimContext) {
  const world = makeWorld(core, strategy);
  const { cpu, machine, root } = world;
  const one = cpu.createRootCache(PAGE_EACH);
  const child = cpu.createMemcg(cpu.createMemcg(root));
  const handles = allocate(world, child, one, 8);
  const cache = cpu.cacheFor(child, one);
  const flags = () => machine.kmemCaches.flags[cache] ?? 0;
  release(world, handles);
  cpu.flush(cache);
  settle(world);
  const active = {
    live: (flags() & (CACHE_LIVE | CACHE_KILLED)) === CACHE_LIVE,
    percpu: machine.kmemCaches.refMode[cache] === 0,
    usable: cpu.cacheFor(child, one) === cache,
  };
  // Removing it would do no good to one that is gone already.
  if (active.live) {
    cpu.rmdir(child);
    settle(world);
  }
  return { ...active, gone: flags() === 0 };
}

const PERCPU: Claim = {
  id: 'percpu-until-deactivation',
  group: 'patch text',
  statement:
    'An active cache is never shut down, as its reference counter is in per-CPU mode until it is deactivated.',
  source: LIFE_CYCLE,
  experiment:
    'All pages of an active cache are freed: is it alive, and its counter per CPU? Then its cgroup is removed. Frees meet allocations under every schedule; a plain counter in its place (M20b, v1) must break.',
  expected: { verdict: 'holds', source: 'audit R3, R4; changelog of v2, 2019-04-23' },
  async check(context) {
    const { live, percpu, usable, gone } = emptied(context);
    const holds = live && percpu && usable;
    return judged({
      clean: await all(context, ['alloc + remote free', 'free + remote free', 'alloc + free']),
      controls: [await putBack(context, 'M20b')],
      control: 'With a plain counter, as in v1, it is freed under a reader.',
      figures: [
        { name: 'active cache without pages: alive', value: Number(live) },
        { name: 'its counter is per CPU', value: Number(percpu) },
        { name: 'gone after the removal', value: Number(gone) },
      ],
      also: {
        holds,
        text: `An active cache without pages is ${live ? 'alive' : 'shut down'}, its counter ${percpu ? 'per CPU' : 'atomic'}; after the removal it is ${gone ? 'gone' : 'still there'}.`,
      },
    });
  },
};

const NO_DYING_CHECK: Claim = {
  id: 'no-dying-check',
  group: 'patch text',
  statement:
    'Creating a cache needs no look at the dying flag: nobody allocates from a root cache that is being destroyed, and requests of before are flushed.',
  source:
    'review of v6 (2019-06-04): what does the look at creation protect? v7 (2019-06-11) has none',
  experiment:
    'A request to create a copy of a root cache waits while that is destroyed; others are created meanwhile. Then the flag is set while a merged cache still has a user, as kernels 4.18 to 5.8 did (M05).',
  expected: { verdict: 'holds with limits', source: 'commit d38a2b7a9c93, 2020-07' },
  async check(context) {
    return judged({
      clean: await all(context, [REQUESTED.name, ['create cache + destroy root cache', 1]]),
      limits: [await putBack(context, 'M05')],
      limit:
        'Only while the flag means that no user is left: set while another user shares the cache, as it was until 2020, it keeps the copies of a live cache from ever being retired.',
    });
  },
};

const CHILDREN_LIST: Claim = {
  id: 'children-list',
  group: 'patch text',
  statement: 'Once the queue is flushed the list of the copies of a dying root cache cannot grow.',
  source: 'commit a264df74df38, 2019-11 (5.5), comment on the second rcu_barrier',
  experiment:
    'Creation, removal and a new cache of the same shape meet the destruction of a root cache. Then a new cache may share one that is dying (M07).',
  expected: { verdict: 'holds with limits', source: 'changelog of v3 of the fix of M05, 2020-07' },
  async check(context) {
    return judged({
      clean: await all(context, [
        REQUESTED.name,
        ['create cache + destroy root cache', 1],
        ['offline + destroy root cache', 1],
        'merge + destroy',
      ]),
      limits: [await putBack(context, 'M07')],
      limit:
        'Only while a dying cache gets no new user: one that may still be shared is shut down under whoever just got it.',
    });
  },
};

const NO_RCU_WAIT: Claim = {
  id: 'no-rcu-wait',
  group: 'patch text',
  statement: 'Releasing a cache needs no RCU wait of its own (v6 took it out).',
  source: 'change from v5 (2019-05-21) to v6 (2019-06-04) of the series',
  experiment:
    'Readers that found a cache without a lock meet its removal and release; the grace period of the kill left out (D5c) must break. Then a look-up by page meets the release (D2).',
  expected: { verdict: 'holds with limits', source: 'docs/findings.md, D2' },
  async check(context) {
    return judged({
      clean: await all(context, [
        'reader + offline callback + helper',
        'alloc + offline',
        'last free + kworker',
      ]),
      controls: [await putBack(context, 'D5c')],
      control:
        'The grace period of the kill is what allocators rely on: without it they touch a freed cache.',
      limits: [await suspect(context, 'D2')],
      limit: 'It holds for allocators, not for look-ups by page, which hold nothing.',
    });
  },
};

/** See the head of the file. */
export const RACE_CLAIMS: readonly Claim[] = [
  POINTER,
  CHARGE_RACES,
  DEACTIVATION_ORDER,
  CACHE_IN_USE,
  PERCPU,
  NO_DYING_CHECK,
  CHILDREN_LIST,
  NO_RCU_WAIT,
];
