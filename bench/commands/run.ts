/**
 * `run`: the main job, one page: a comparison on a machine of its own, a short storm, and the week of the
 * patch series.
 */
import type { Standing } from '../progress.ts';
import type { RunOptions } from '../run-options.ts';
import { planCompare, runCompare } from './compare.ts';
import { planLeak, runLeak } from './leak.ts';
import type { CommandContext, CommandResult, Plan } from './registry.ts';
import { planStorm, runStorm } from './storm.ts';

/** A part after the first: its share of the time, and where its results and parameters go. */
interface Part {
  readonly name: 'storm' | 'leak';
  readonly share: number;
  plan(): Promise<Plan>;
  run(context: CommandContext): Promise<CommandResult>;
}

function partsOf({ storm, leak }: RunOptions): Part[] {
  const parts: Part[] = [];
  if (storm !== null) {
    parts.push({
      ...{ name: 'storm', share: 0.34 },
      plan: () => planStorm(storm),
      run: (context) => runStorm(storm, context),
    });
  }
  if (leak !== null) {
    parts.push({
      ...{ name: 'leak', share: 0.06 },
      plan: () => planLeak(leak),
      run: (context) => runLeak(leak, context),
    });
  }
  return parts;
}

/** What would be run and how much memory it takes; allocates nothing. @throws InputError, UsageError */
export async function planRun(options: RunOptions): Promise<Plan> {
  const first = await planCompare(options.compare);
  const more = await Promise.all(partsOf(options).map((part) => part.plan()));
  return {
    lines: [first, ...more].flatMap(({ lines }) => lines),
    bytes: Math.max(...[first, ...more].map(({ bytes }) => bytes)),
    remedy: first.remedy,
  };
}

/** Shows a part of the run as a share of the whole. */
function partOf(context: CommandContext, from: number, share: number): CommandContext {
  const { progress } = context;
  const ofAll = ({ done, total, what }: Standing): Standing => ({
    done: from + share * (total > 0 ? Math.min(1, done / total) : 0),
    ...{ total: 1, what },
  });
  return {
    ...context,
    progress: {
      clear: () => progress.clear(),
      update(...standing) {
        const [done, total, what] = standing;
        const all = ofAll({ done, total, what });
        progress.update(all.done, all.total, all.what);
      },
      alive: (work, look) =>
        progress.alive(work, look === undefined ? undefined : () => ofAll(look())),
    },
  };
}

/** A command's results are an object; each part has a view of its own. */
function joined(all: CommandResult, name: string, part: CommandResult): CommandResult {
  const { failure } = part;
  return {
    ...all,
    results: { ...(all.results as object), [name]: part.results },
    parameters: { ...all.parameters, [name]: part.parameters },
    checks: [...all.checks, ...part.checks],
    complete: part.complete,
    warnings: [...all.warnings, ...part.warnings],
    ...(failure === undefined ? {} : { failure }),
  };
}

/** Runs all parts. What is finished when it is interrupted or a worker fails is kept. */
export async function runAll(options: RunOptions, context: CommandContext): Promise<CommandResult> {
  const parts = partsOf(options);
  const compareShare = 1 - parts.reduce((sum, { share }) => sum + share, 0);
  // Which `#atomics` the record names is that of the timed part; a storm always has the real ones.
  let all = await runCompare(options.compare, partOf(context, 0, compareShare));
  let from = compareShare;
  for (const part of parts) {
    if (!all.complete) break;
    all = joined(all, part.name, await part.run(partOf(context, from, part.share)));
    from += part.share;
  }
  return all;
}
