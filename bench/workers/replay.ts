/** Worker of `replay`: a trace under one strategy. */
import { UserError } from '../errors.ts';
import { type ReplayRun, type ReplayTask, replayTrace } from '../replay/run.ts';

/** What came of it, or why the input was refused: an error would lose its class between threads. */
export type ReplayAnswer =
  | { readonly run: ReplayRun }
  | { readonly refused: string; readonly exitCode: number };

/** Replays it. */
export async function replay(task: ReplayTask): Promise<ReplayAnswer> {
  try {
    return { run: await replayTrace(task, () => performance.now()) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { refused: error.message, exitCode: error.exitCode };
  }
}
