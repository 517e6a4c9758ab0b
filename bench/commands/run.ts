/** `run`: the main job, one page: a comparison on a machine of its own, then a short storm. */
import type { RunOptions } from '../run-options.ts';
import { planCompare, runCompare } from './compare.ts';
import type { CommandContext, CommandResult, Plan } from './registry.ts';
import { planStorm, runStorm } from './storm.ts';

/** What would be run and how much memory it takes; allocates nothing. @throws InputError, UsageError */
export async function planRun({ compare, storm }: RunOptions): Promise<Plan> {
  const first = await planCompare(compare);
  if (storm === null) return first;
  const second = await planStorm(storm);
  return {
    lines: [...first.lines, ...second.lines],
    bytes: Math.max(first.bytes, second.bytes),
    remedy: first.remedy,
  };
}

/** Time that the comparison takes, of all. */
const COMPARE_SHARE = 0.75;
const PARTS = 1000;

/** Shows a part of the run as a share of the whole. */
function partOf(context: CommandContext, from: number, share: number): CommandContext {
  const { progress } = context;
  return {
    ...context,
    progress: {
      clear: () => progress.clear(),
      update(done, total, what) {
        const here = total > 0 ? Math.min(1, done / total) : 0;
        progress.update(Math.round(PARTS * (from + share * here)), PARTS, what);
      },
    },
  };
}

/** Runs both. What is finished when it is interrupted or a worker fails is kept. */
export async function runAll(
  { compare, storm }: RunOptions,
  context: CommandContext,
): Promise<CommandResult> {
  if (storm === null) return await runCompare(compare, context);
  const first = await runCompare(compare, partOf(context, 0, COMPARE_SHARE));
  if (!first.complete) return first;
  const second = await runStorm(storm, partOf(context, COMPARE_SHARE, 1 - COMPARE_SHARE));
  return {
    ...second,
    // A command's results are an object; each has a view of its own.
    results: { ...(first.results as object), storm: second.results },
    parameters: { ...first.parameters, storm: second.parameters },
    checks: [...first.checks, ...second.checks],
    warnings: [...first.warnings, ...second.warnings],
    // Of the timed part; a storm always runs with real ones.
    ...(first.atomics === undefined ? {} : { atomics: first.atomics }),
  };
}
