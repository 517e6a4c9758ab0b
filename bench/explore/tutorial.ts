/**
 * The explorer in ten lines, for a first look: two CPUs count, and one count is lost; with a
 * compare-exchange none is. Not part of "all scenarios", as the first one breaks on purpose.
 */
import { type Builder, COUNTER, type Complain, type Part, type Scenario } from './world.ts';

function countByHand({ counter }: Part): void {
  const seen = counter.load();
  counter.store(seen + 1);
}

function countAtOnce({ counter }: Part): void {
  let seen = counter.load();
  while (counter.compareExchange(seen, seen + 1) !== seen) seen = counter.load();
}

function checkCount({ machine, cpus }: Builder, complain: Complain): void {
  const count = machine.zone.head[COUNTER] ?? 0;
  if (count !== cpus.length) complain('lost update', `${cpus.length} CPUs counted to ${count}`);
}

/** Both. */
export const TUTORIAL: readonly Scenario[] = [
  {
    name: 'lost update',
    strategies: ['splice-caches'],
    summary: 'two CPUs read a counter and write it back, one more',
    threads: [
      { title: 'counts', body: countByHand },
      { title: 'counts', body: countByHand },
    ],
    setup() {},
    check: checkCount,
  },
  {
    name: 'no lost update',
    strategies: ['splice-caches'],
    summary: 'the same with compare-exchange',
    threads: [
      { title: 'counts', body: countAtOnce },
      { title: 'counts', body: countAtOnce },
    ],
    setup() {},
    check: checkCount,
  },
];
