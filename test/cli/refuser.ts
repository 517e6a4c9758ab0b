/**
 * A process that is asked for one command line after the other, as starting Node for each takes longer than
 * all else. It is for command lines that are refused: what runs leaves threads and listeners behind.
 */
import { main } from '../../bench/main.ts';
import type { Ending } from './run-cli.ts';

/** A command line, and the folder that it is given in. */
export interface Asked {
  readonly args: readonly string[];
  readonly cwd: string;
}

async function answer({ args, cwd }: Asked): Promise<Ending> {
  const texts = { stdout: '', stderr: '' };
  const { stdout, stderr } = process;
  const writes = [stdout.write, stderr.write] as const;
  const into = (name: 'stdout' | 'stderr') =>
    ((chunk: string, done?: () => void) => {
      texts[name] += chunk;
      done?.();
      return true;
    }) as typeof stdout.write;
  stdout.write = into('stdout');
  stderr.write = into('stderr');
  process.chdir(cwd);
  try {
    return { code: await main(args), ...texts };
  } finally {
    [stdout.write, stderr.write] = writes;
    for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal);
  }
}

process.on('message', async (asked: Asked) => {
  process.send?.(await answer(asked));
});
