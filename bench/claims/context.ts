/**
 * What experiments work with: the core under test, small machines of it, and the explorer. The core is the
 * one that is installed; tests put a broken one in its place.
 */
import type * as Core from '../../core/index.ts';
import type { ExploreViolation } from '../../reports/index.ts';
import {
  type CoreFolder,
  type Patch,
  patchedCore,
  unpatchedCore,
} from '../explore/patched-core.ts';
import type { SearchResult } from '../explore/search.ts';
import { type Session, SessionError, startSession } from '../explore/session.ts';
import { lookFor } from '../explore/tasks.ts';
import type { Scenario } from '../explore/world.ts';

/** What experiments use of a core. */
export type TestedCore = Pick<typeof Core, 'audit' | 'bindCpu' | 'createMachine' | 'ROOT_MEMCG'>;

/** A search of the explorer. */
export interface Question {
  readonly scenario: Scenario;
  /** What differs from the core under test. */
  readonly patches?: readonly Patch[];
  /** Invariants that are looked for; null for any. */
  readonly invariants: readonly string[] | null;
  readonly bound: number;
}

/** What came of it. */
export interface Answered {
  readonly search: SearchResult;
  readonly violation: ExploreViolation | null;
  readonly schedules: number;
}

/** What experiments work with. */
export interface ClaimContext {
  readonly strategy: string;
  readonly seed: number;
  /** The smallest that still shows it: fewer preemptions, smaller populations. */
  readonly quick: boolean;
  readonly core: TestedCore;
  /** The core under test with some lines replaced. @throws PatchError */
  coreWith(patches: readonly Patch[]): Promise<TestedCore>;
  /** Asks the explorer; the same question is asked once. @throws SessionError */
  explore(question: Question): Promise<Answered>;
}

/** How a context is made. */
export interface ContextOptions {
  readonly strategy: string;
  readonly seed: number;
  readonly quick: boolean;
  /** Cores of this machine to explore on, one session each; null where threads are not kept on one. */
  readonly cores: readonly (number | null)[];
  /** What the core under test differs in from the installed one; nothing but in tests. */
  readonly patches?: readonly Patch[];
}

/** A context that holds processes and folders until it is closed. */
export interface OpenContext extends ClaimContext {
  /** Ends what is running: whoever waits for it gets a SessionError. */
  close(): void;
}

/** Longest search, s: none takes a tenth of it, so that it does not decide a verdict. */
const SECONDS = 300;

/** Sessions that are taken in turn. */
function openPool(cores: readonly (number | null)[]) {
  const free = [...cores];
  const running = new Set<Session>();
  const waiting: { go(core: number | null): void; stop(error: Error): void }[] = [];
  const idle = new Map<number | null, Session>();
  let over = false;
  const closed = (): SessionError => new SessionError('the experiments were called off');

  function takeCore(): Promise<number | null> {
    if (over) return Promise.reject(closed());
    const core = free.shift();
    if (core !== undefined) return Promise.resolve(core);
    return new Promise((go, stop) => waiting.push({ go, stop }));
  }

  function giveCore(core: number | null): void {
    const next = waiting.shift();
    if (next === undefined) free.push(core);
    else next.go(core);
  }

  return {
    async run<Result>(work: (session: Session) => Promise<Result>): Promise<Result> {
      const core = await takeCore();
      const session = idle.get(core) ?? startSession(core);
      idle.delete(core);
      running.add(session);
      try {
        const result = await work(session);
        if (!over) idle.set(core, session);
        return result;
      } catch (error) {
        // A session that failed is over.
        session.close();
        throw error;
      } finally {
        running.delete(session);
        giveCore(core);
      }
    },
    close(): void {
      over = true;
      for (const { stop } of waiting.splice(0)) stop(closed());
      for (const session of [...running, ...idle.values()]) session.close();
      idle.clear();
    },
  };
}

async function load(folder: CoreFolder): Promise<TestedCore> {
  return (await import(new URL('index.js', folder.url).href)) as TestedCore;
}

/** Opens a context. @throws PatchError */
export async function openContext(options: ContextOptions): Promise<OpenContext> {
  const { strategy, seed, quick, cores, patches: own = [] } = options;
  const pool = openPool(cores.length === 0 ? [null] : cores);
  const folders = new Map<string, CoreFolder>();
  const answers = new Map<string, Promise<Answered>>();

  function folderOf(patches: readonly Patch[]): CoreFolder {
    const all = [...own, ...patches];
    if (all.length === 0) return unpatchedCore;
    const key = JSON.stringify(all);
    const folder = folders.get(key) ?? patchedCore(all);
    folders.set(key, folder);
    return folder;
  }

  async function ask({ scenario, patches = [], invariants, bound }: Question): Promise<Answered> {
    const where = { core: folderOf(patches), scenario, strategy };
    const how = { kind: 'bounded', bound } as const;
    const plan = { how, seconds: SECONDS, maxSchedules: Number.MAX_SAFE_INTEGER };
    return pool.run((session) => lookFor(session, where, plan, invariants));
  }

  const core = await load(folderOf([]));
  return {
    ...{ strategy, seed, quick, core },
    coreWith: async (patches) => load(folderOf(patches)),
    explore(question) {
      const { scenario, patches = [], invariants, bound } = question;
      const key = JSON.stringify([scenario.name, patches, invariants, bound]);
      const answer = answers.get(key) ?? ask(question);
      answers.set(key, answer);
      return answer;
    },
    close() {
      pool.close();
      for (const folder of folders.values()) folder.remove();
      folders.clear();
    },
  };
}
