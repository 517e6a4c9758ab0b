/** Sessions for tests: one a test file, ended with it. */
import { after } from 'node:test';
import type { Switch } from '../../bench/explore/driver.ts';
import { type CoreFolder, unpatchedCore } from '../../bench/explore/patched-core.ts';
import { scenarioNamed } from '../../bench/explore/scenarios.ts';
import {
  type Answer,
  allowedCores,
  type Order,
  type Session,
  startSession,
} from '../../bench/explore/session.ts';
import type { Scenario } from '../../bench/explore/world.ts';

/** A session on one of the cores, closed when the file's tests are over. */
export function sessionOfFile(): Session {
  const cores = allowedCores();
  const session = startSession(cores[process.pid % Math.max(1, cores.length)] ?? null);
  after(() => session.close());
  return session;
}

/** What to explore, with what tests usually want. */
export function orderOf(
  scenario: string,
  work: Partial<Order['work']> & { kind: Order['work']['kind'] },
  where: { strategy?: string; core?: CoreFolder } = {},
): Order {
  const usual = { bound: 2, seconds: 120, maxSchedules: 1e9, stopAt: [], seed: 1, tell: false };
  return {
    scenario,
    strategy: where.strategy ?? 'splice-caches',
    coreFolder: (where.core ?? unpatchedCore).url,
    // Fields of other kinds of work are not looked at.
    work: { ...usual, ...work } as Order['work'],
  };
}

/** Every invariant that broke, sorted. */
export function brokenBy({ search }: Answer): string[] {
  return search.found.map(({ broken }) => broken[0]?.invariant ?? '').sort();
}

/** Reads `12:1,52:0`. */
export function switchesOf(text: string): Switch[] {
  if (text === '-') return [];
  return text.split(',').map((part) => {
    const [decision = 0, thread = 0] = part.split(':').map(Number);
    return { decision, thread };
  });
}

/** The scenario of a name. */
export function scenario(name: string): Scenario {
  return scenarioNamed(name);
}
