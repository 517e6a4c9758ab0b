/**
 * A session: a process in which the threads of one explored machine live. All its threads share one
 * core, where that can be arranged: only one of them ever runs, so a session a core leaves the others alone
 * (`explore --mutant all` on two cores took 1.4 times as long without `taskset`).
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { FullConfig } from '../../core/tables.ts';
import type { JobResult, Work } from './job.ts';
import type { SeenStep } from './telling.ts';
import type { RowNames } from './world.ts';

/** A job for a session. */
export interface Order {
  readonly coreFolder: string;
  readonly scenario: string;
  readonly strategy: string;
  readonly work: Work;
}

/** What came of it. */
export interface Answer extends JobResult {
  readonly names: RowNames;
  readonly steps: readonly SeenStep[];
  readonly config: FullConfig;
}

/** To the process. */
export type ToSession = { readonly kind: 'order'; readonly order: Order };
/** From the process. */
export type FromSession =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly text: string };

/** The explorer failed; the model may be right or wrong. */
export class SessionError extends Error {
  override readonly name: string = 'SessionError';
}

/** Runs orders one after the other. */
export interface Session {
  /** @throws SessionError when a thread was stuck, failed, or the process died; the session is over then */
  run(order: Order): Promise<Answer>;
  close(): void;
}

/** How a session is started. */
export interface SessionOptions {
  /** Silence of the thread whose turn it is, after which it is called stuck; ms. */
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 20_000;
/** Looks at its turn before a thread sleeps, where threads do not share a core. */
const SPINS = 3000;

/** Cores that this process may use, as numbers; none if the system does not say. */
export function allowedCores(): number[] {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '';
    return list.split(',').flatMap((part) => {
      const [first = Number.NaN, last = first] = part.split('-').map(Number);
      if (!Number.isInteger(first) || !Number.isInteger(last)) return [];
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
  } catch {
    return [];
  }
}

/** Whether threads can be kept on one core. */
function canPin(core: number): boolean {
  return spawnSync('taskset', ['-c', String(core), 'true'], { stdio: 'ignore' }).status === 0;
}

function start(core: number | null, deadlineMs: number): ChildProcess {
  const entry = new URL('../workers/explore-session.js', import.meta.url);
  const pinned = core !== null && canPin(core);
  const spins = pinned ? 0 : SPINS;
  const execArgv = ['--conditions=explore'];
  return fork(entry, [String(spins), String(deadlineMs)], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    ...(pinned
      ? { execPath: 'taskset', execArgv: ['-c', String(core), process.execPath, ...execArgv] }
      : { execArgv }),
  });
}

/** Starts a session, on one core if it is given. */
export function startSession(core: number | null, options: SessionOptions = {}): Session {
  const child = start(core, options.deadlineMs ?? DEADLINE_MS);
  let waiting: { resolve(answer: Answer): void; reject(error: Error): void } | null = null;
  let over: string | null = null;

  function end(text: string): void {
    over ??= text;
    waiting?.reject(new SessionError(text));
    waiting = null;
  }

  child.on('message', (message: FromSession) => {
    if (message.kind === 'answer') {
      waiting?.resolve(message.answer);
      waiting = null;
      return;
    }
    end(message.text);
    child.kill('SIGKILL');
  });
  child.on('error', (error) => end(`the explorer's process did not start: ${error.message}`));
  child.on('exit', (code, signal) => end(`the explorer's process ended (${signal ?? code})`));

  const send = (message: ToSession): void => {
    if (child.connected) child.send(message, () => {});
  };

  return {
    run(order) {
      if (over !== null) return Promise.reject(new SessionError(over));
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        send({ kind: 'order', order });
      });
    },
    close() {
      over ??= 'the session was closed';
      child.kill('SIGKILL');
    },
  };
}
