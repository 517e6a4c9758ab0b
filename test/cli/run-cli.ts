/** Starts the built command line as a user would, in a folder of its own. */
import { type ChildProcessWithoutNullStreams, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../bench/cli.js', import.meta.url));

/** How a command line ended. */
export interface Ending {
  code: number | null;
  stdout: string;
  stderr: string;
}

function environment(extra: Record<string, string>): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, ...extra };
  for (const name of ['COLUMNS', 'NO_COLOR', 'FORCE_COLOR']) {
    if (!(name in extra)) delete env[name];
  }
  return env;
}

/** Runs to the end; two minutes at most. */
export async function runCli(
  args: string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<Ending> {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd,
    env: environment(env),
    timeout: 120_000,
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      texts[name] += chunk;
    });
  }
  const code = await new Promise<number | null>((done) => child.on('close', done));
  return { code, ...texts };
}

/** Starts and returns at once. */
export function startCli(
  args: string[],
  cwd: string,
  env: Record<string, string> = {},
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [CLI, ...args], { cwd, env: environment(env) });
}

let refuser: ReturnType<typeof fork> | undefined;
let asked: Promise<unknown> = Promise.resolve();
after(() => refuser?.kill());

/** A command line that is refused. All of a file are given to one process, one after the other. */
export function refuse(args: readonly string[], cwd: string): Promise<Ending> {
  const child = refuser ?? fork(new URL('./refuser.js', import.meta.url), { env: environment({}) });
  refuser = child;
  const ending = asked.then(async () => {
    child.send({ args, cwd });
    const [answer] = await once(child, 'message', { signal: AbortSignal.timeout(120_000) });
    return answer as Ending;
  });
  asked = ending.catch(() => {});
  return ending;
}

/** A new empty folder that goes away with the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'slabsplice-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
