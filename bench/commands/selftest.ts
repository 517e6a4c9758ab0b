/**
 * `selftest`: the kernel's own cgroup selftests, and some that it lacks, run against the model. Each
 * strategy runs in a worker of its own, so that no two share an isolate. A test that comes out other than
 * the kernel of its strategy does is a failed check, be it worse or better.
 */
import { formatCounted, type SelftestTest } from '../../reports/index.ts';
import { UserError } from '../errors.ts';
import { InterruptedError, type WorkerOptions, withWorkers } from '../measure.ts';
import { kernelOf } from '../selftest/kernels.ts';
import { SUITE } from '../selftest/suite.ts';
import type { SelftestOptions } from '../selftest-options.ts';
import type { CommandCheck, CommandContext, CommandResult, Plan } from './registry.ts';

const WORKER = new URL('../workers/selftest.js', import.meta.url);
/** What the largest machines take, those with 65,535 cgroups: 300 MB with 64 CPUs. */
const WORKER_BYTES = 200 * 2 ** 20;
const CPU_BYTES = 4 * 2 ** 20;
/** A strategy takes seconds. */
const DEADLINE_MS = 600_000;

/** What would be run; allocates nothing. */
export function planSelftest(options: SelftestOptions): Plan {
  const { strategies, only, cpus, quick } = options;
  const tests = formatCounted(only?.length ?? SUITE.length, 'test');
  const size = quick ? 'small' : "of the kernel's sizes";
  return {
    lines: [`selftest ${strategies.join(', ')}: ${tests}, ${size}, on machines of ${cpus} CPUs`],
    bytes: WORKER_BYTES + cpus * CPU_BYTES,
    remedy: 'give fewer --cpus, or --quick',
  };
}

interface Outcome {
  readonly tests: readonly SelftestTest[];
  readonly complete: boolean;
  readonly failure?: UserError;
}

async function runAll(options: SelftestOptions, context: CommandContext): Promise<Outcome> {
  const { strategies, ...task } = options;
  const tests: SelftestTest[] = [];
  const how: WorkerOptions = {
    ...{ file: WORKER, atomics: 'solo', signal: context.signal, deadlineMs: DEADLINE_MS },
  };
  for (const [at, strategy] of strategies.entries()) {
    const tested = new Int32Array(new SharedArrayBuffer(4));
    const suite = task.only?.length ?? SUITE.length;
    const look = () => ({
      done: at * suite + (tested[0] ?? 0),
      ...{ total: strategies.length * suite, what: `${strategy}: test ${(tested[0] ?? 0) + 1}` },
    });
    context.progress.update(at * suite, strategies.length * suite, strategy);
    try {
      await withWorkers([{ label: strategy, strategy }], how, async ([worker]) => {
        const argument = { ...task, strategy, tested };
        const rows = worker?.call<SelftestTest[]>('suite', argument) ?? Promise.resolve([]);
        tests.push(...(await context.progress.alive(rows, look)));
      });
    } catch (error) {
      if (error instanceof InterruptedError) return { tests, complete: false };
      if (error instanceof UserError) return { tests, complete: false, failure: error };
      throw error;
    }
  }
  return { tests, complete: true };
}

/** What a check says of the first test that came out otherwise. */
function surprise({ name, expected, outcome, failures, expectedFailures, detail }: SelftestTest) {
  if (outcome === 'pass')
    return `${name} passes, though ${expected === 'fail' ? 'it must fail' : 'it cannot'} (${expectedFailures.join(', ')})`;
  const others = expected === 'fail' ? `, where ${expectedFailures.join(', ')} must` : '';
  return `${name}: ${failures.join(', ') || outcome} fails${others}: ${detail}`;
}

/** One check a strategy. */
function checkOf(strategy: string, tests: readonly SelftestTest[]): CommandCheck {
  const own = tests.filter((one) => one.strategy === strategy);
  const wrong = own.filter((one) => !one.asExpected);
  const count = (outcome: string) => own.filter((one) => one.outcome === outcome).length;
  const [first] = wrong;
  return {
    name: `${strategy}: every test comes out as expected`,
    ok: first === undefined,
    detail:
      first === undefined
        ? `${count('pass')} pass, ${count('fail')} fail as they must, ${count('skip')} are skipped`
        : `${wrong.length} of ${own.length} do not; ${surprise(first)}`,
  };
}

/** Runs the suite under each strategy. What is finished when it is interrupted is kept. */
export async function runSelftest(
  options: SelftestOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const { tests, complete, failure } = await runAll(options, context);
  const finished = options.strategies.filter((strategy) =>
    tests.some((one) => one.strategy === strategy),
  );
  return {
    results: {
      cpus: options.cpus,
      strategies: options.strategies.map((strategy) => ({
        ...{ strategy, release: kernelOf(strategy).release },
      })),
      tests,
    },
    parameters: { ...options },
    checks: finished.map((strategy) => checkOf(strategy, tests)),
    complete,
    warnings: [],
    atomics: 'solo',
    ...(failure === undefined ? {} : { failure }),
  };
}
