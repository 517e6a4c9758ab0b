/** Entries of the commands that say how far the model is to be trusted: explore, claims and selftest. */

import { claimsOptions, resolveClaims } from '../claims-options.ts';
import { exploreOptions, resolveExplore } from '../explore-options.ts';
import { resolveSelftest, selftestOptions } from '../selftest-options.ts';
import type { CommandEntry } from './command.ts';

/** Every interleaving, and bugs put back. */
export const explore: CommandEntry = {
  name: 'explore',
  summary: 'is it right under every interleaving? which known bugs does it find?',
  examples: [
    [
      'slabsplice explore',
      'every scenario under every strategy, all bugs put back, all suspicions',
    ],
    ['slabsplice explore --quick', 'one preemption, the splice alone'],
    ['slabsplice explore --scenario "alloc + offline" --bound 3', 'one scenario, deeper'],
    ['slabsplice explore --mutant M04', 'put a bug of 5.3 back, and see its shortest schedule'],
    ['slabsplice explore --finding D1', 'is a suspicion about 5.3 to 5.8 real?'],
    ['slabsplice explore --scenario kworker --search pct --seconds 600', 'a soak by chance'],
    [
      'slabsplice explore --scenario "lost update"',
      'the tutorial: ten lines that lose a count (docs/explore-tutorial.md)',
    ],
  ],
  slow: true,
  unused: ['cpus', 'selfCheck'],
  options: exploreOptions,
  prepare(raw) {
    const options = resolveExplore(raw);
    return {
      kind: 'record',
      plan: async () => (await import('./explore.ts')).planExplore(options),
      run: async (context) => (await import('./explore.ts')).runExplore(options, context),
    };
  },
};

/** The sentences of the patch mails. */
export const claims: CommandEntry = {
  name: 'claims',
  summary: 'each claim of the patch mails, checked on the model, with evidence',
  examples: [
    ['slabsplice claims', 'all of them, within a minute'],
    ['slabsplice claims --only local-statistics', 'the one that is false, with its figures'],
    ['slabsplice claims --only pointer,charge-races', 'two that a race decides'],
    ['slabsplice claims --strategies pin --only release', 'does it hold for another design?'],
    ['slabsplice claims --json - | jq ".results.claims[] | {id, verdict}"', 'for a script'],
  ],
  slow: true,
  // Nothing is timed.
  simulated: true,
  unused: ['cpus', 'selfCheck'],
  options: claimsOptions,
  prepare(raw) {
    const options = resolveClaims(raw);
    return {
      kind: 'record',
      plan: async () => (await import('./claims.ts')).planClaims(options),
      run: async (context) => (await import('./claims.ts')).runClaims(options, context),
    };
  },
};

/** The kernel's own tests. */
export const selftest: CommandEntry = {
  name: 'selftest',
  summary: "the kernel's own cgroup selftests, and eleven it lacks, run against the model",
  examples: [
    ['slabsplice selftest', 'every test under every strategy, as KTAP'],
    ['slabsplice selftest --quick', 'the same with smaller sizes'],
    ['slabsplice selftest --strategies pin --only kmem_dead_cgroups', 'one test of Linux 5.2'],
    ['slabsplice selftest --strategies objcg-per-node,objcg-by-memcg', 'one of these loses bytes'],
    ['slabsplice selftest --json selftest.json > selftest.ktap', 'both forms, for other programs'],
  ],
  slow: true,
  simulated: true,
  comment: '# ',
  unused: ['selfCheck'],
  options: selftestOptions,
  prepare(raw) {
    const options = resolveSelftest(raw);
    return {
      kind: 'record',
      plan: async () => (await import('./selftest.ts')).planSelftest(options),
      run: async (context) => (await import('./selftest.ts')).runSelftest(options, context),
    };
  },
};
