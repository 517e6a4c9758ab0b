/**
 * The command line as a function: reads the options, starts the command, writes the record, shows the page and
 * turns every ending into the exit code that contract promises.
 */
import { Command, type CommanderError } from 'commander';
import { repeatable } from './command-line.ts';
import {
  COMMANDS,
  type CommandEntry,
  type CommandResult,
  commandNames,
  type Plan,
  type RecordJob,
} from './commands/registry.ts';
import { UsageError, UserError } from './errors.ts';
import { escapeForTerminal } from './input/ftrace-escape.ts';
import { assertFits, availableMemoryBytes } from './memory-limit.ts';
import { quote } from './option-values.ts';
import { DEFAULT_SEED, type RawOptions } from './options.ts';
import {
  buildRecord,
  type Envelope,
  type OutputPlan,
  packageVersion,
  pageColor,
  pageWidth,
  planOutput,
  writePage,
  writeRecord,
} from './output.ts';
import { createProgress } from './progress.ts';

const EXIT_CHECK_FAILED = 1;
const EXIT_FAILED = 3;
const EXIT_INTERRUPTED = 130;

const EXIT_CODES = `
Exit codes:
  0 done, every check held; 1 a check failed; 2 wrong use or bad input;
  3 does not fit in memory or failed; 130 interrupted
`;

/** A command line that was understood. */
interface Selection {
  entry: CommandEntry;
  raw: RawOptions;
  operands: string[];
  /** Options given that change nothing for this command. */
  idle: string[];
}

/** Prints to standard output and waits until it is on its way. */
export function print(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}

/** Progress, warnings and hints: one line on standard error, and nothing in it that steers a terminal. */
function tell(line: string): void {
  process.stderr.write(`${escapeForTerminal(line.replace(/\s*[\r\n]+\s*/g, ' '))}\n`);
}

/** Says in one line what commander did not like, and what to do instead. */
function usageError(command: Command, error: CommanderError): UsageError {
  const name = command.name();
  const help = `see slabsplice ${name} --help`;
  const message = error.message.replace(/^error: /, '').replace(/\s+/g, ' ');
  switch (error.code) {
    case 'commander.excessArguments': {
      const extra = command.args[command.registeredArguments.length] ?? '';
      return new UsageError(
        COMMANDS.some((entry) => entry.name === extra)
          ? `${name}: unexpected ${quote(extra)}; give the command first: slabsplice ${extra} ...`
          : `${name}: unexpected argument ${quote(extra)}; leave it out or ${help}`,
      );
    }
    case 'commander.optionMissingArgument':
      return new UsageError(
        `${name}: ${message.replace(' argument missing', '')} has no value; ${help}`,
      );
    case 'commander.missingArgument':
      return new UsageError(`${name}: no ${command.registeredArguments[0]?.name()} given; ${help}`);
    default:
      return new UsageError(`${name}: ${message}; ${help}`);
  }
}

function isAnswer(error: unknown): boolean {
  const code = (error as CommanderError).code;
  return code === 'commander.helpDisplayed' || code === 'commander.version';
}

function examplesText(examples: CommandEntry['examples']): string {
  const lines = examples.map(([line, meaning]) => `  $ ${line}\n      ${meaning}`);
  return `\nExamples:\n${lines.join('\n')}\n`;
}

function addCommand(program: Command, entry: CommandEntry, select: (found: Selection) => void) {
  const command = program
    .command(entry.name, { isDefault: entry === COMMANDS[0] })
    .summary(entry.summary)
    .description(entry.summary.charAt(0).toUpperCase() + entry.summary.slice(1))
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('--help', 'print this text')
    .addHelpText('after', examplesText(entry.examples));
  if (entry.operands) command.argument(...entry.operands);
  for (const option of entry.options()) command.addOption(option);
  command.exitOverride((error) => {
    throw isAnswer(error) ? error : usageError(command, error);
  });
  command.action(() => {
    const idle = command.options
      .filter((option) => {
        const key = option.attributeName();
        const given = command.getOptionValueSource(key) === 'cli';
        return given && entry.unused.some((name) => name === key);
      })
      .map((option) => option.long ?? option.flags);
    select({ entry, raw: command.opts<RawOptions>(), operands: command.args, idle });
  });
}

/** Reads a command line; null when it was a question (help or version) and is answered. */
function parse(argv: readonly string[]): Selection | null {
  let selection: Selection | null = null;
  const program = new Command('slabsplice')
    .description('What does removing a memory cgroup cost? Each command has its own --help.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this text')
    .helpCommand(false)
    .configureOutput({ writeErr: () => {} })
    .exitOverride()
    .addHelpText(
      'after',
      examplesText([
        ['slabsplice', 'the main job, within a minute; the same as slabsplice run'],
        ['slabsplice doctor', 'is this machine fit for measuring?'],
        ['slabsplice compare --help', 'the options of one command'],
      ]) + EXIT_CODES,
    );
  for (const entry of COMMANDS) {
    addCommand(program, entry, (found) => {
      selection = found;
    });
  }
  const [first = '--', ...rest] = argv;
  const words = first === 'help' ? [...rest.slice(0, 1), '--help'] : [...argv];
  const name = words[0] ?? '--';
  if (!name.startsWith('-') && !COMMANDS.some((entry) => entry.name === name)) {
    throw new UsageError(
      `${quote(name)} is not a command of this release; give one of ${commandNames()}`,
    );
  }
  try {
    program.parse(words, { from: 'user' });
  } catch (error) {
    if (isAnswer(error)) return null;
    throw error;
  }
  return selection;
}

/** What would be done, and whether there is room for it. */
async function dryRun(entry: CommandEntry, plan: Plan): Promise<void> {
  const available = availableMemoryBytes();
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  const memory = `memory: ${gib(plan.bytes)} needed, ${gib(available)} available`;
  await print(`${[...plan.lines, memory].join('\n')}\n`);
  refuseIfTooLarge(entry, plan, available);
}

function refuseIfTooLarge(entry: CommandEntry, plan: Plan, available?: number): void {
  assertFits(entry.name, plan.bytes, plan.remedy, available);
}

/** Validates and writes the record, then shows it. */
async function publish(
  envelope: Envelope,
  result: CommandResult,
  output: OutputPlan,
  view: { width: number; color: boolean; comment: string; format: RawOptions['format'] },
): Promise<void> {
  // Loaded here, as the schema takes longer to load than a refusal may.
  const { validateRecord } = await import('../reports/record.ts');
  const built = buildRecord(envelope, result);
  const record = validateRecord(built);
  const text = `${JSON.stringify(built, null, 2)}\n`;
  const files = writeRecord(output, text).map((file) => `Record: ${file}`);
  if (output.html !== null) {
    const { renderHtml } = await import('../reports/index.ts');
    const { pageAssets } = await import('./page-assets.ts');
    writePage(output.html, renderHtml([record], pageAssets()));
    files.push(`Page: ${output.html}`);
  }
  if (output.jsonOnly) {
    await print(text);
    for (const warning of record.environment.warnings) tell(`warning: ${warning}`);
    for (const file of files) tell(file);
    return;
  }
  const { renderMarkdown, renderTerminal } = await import('../reports/index.ts');
  if (view.format === 'markdown') {
    await print(renderMarkdown(record));
    for (const file of files) tell(file);
    return;
  }
  const page = renderTerminal(record, view).trimEnd();
  const named = files.map((file) => `${view.comment}${file}`);
  await print(`${[page, view.comment.trimEnd(), ...named].join('\n')}\n`);
}

/** The exit code of a finished command; also says on standard error what went wrong. */
function judge(result: CommandResult, interrupted: boolean): number {
  if (interrupted && !result.complete) {
    tell('interrupted: the record holds what was finished, marked as not complete');
    return EXIT_INTERRUPTED;
  }
  if (result.failure) {
    tell(`slabsplice: ${result.failure.message}`);
    return result.failure.exitCode;
  }
  const failed = result.checks.filter((check) => !check.ok);
  for (const check of failed) tell(`check failed: ${check.name}: ${check.detail}`);
  return failed.length > 0 ? EXIT_CHECK_FAILED : 0;
}

async function runJob(
  { entry, raw, idle }: Selection,
  job: RecordJob,
  argv: readonly string[],
  view: { width: number; color: boolean },
): Promise<number> {
  if (raw.dryRun) {
    const [option] = (['json', 'html'] as const).filter((name) => raw[name] !== undefined);
    if (option !== undefined) {
      throw new UsageError(`--${option}: a --dry-run makes no record; leave one of the two out`);
    }
    await dryRun(entry, await job.plan());
    return 0;
  }
  const startedAt = new Date();
  const output = planOutput({
    command: entry.name,
    startedAt,
    json: raw.json,
    out: raw.out,
    html: raw.html,
  });
  const signal = listenForInterrupt();
  const plan = await job.plan();
  refuseIfTooLarge(entry, plan);
  for (const option of idle) tell(`note: ${option} changes nothing for ${entry.name}`);
  if (entry.slow && plan.lines[0] !== undefined) tell(plan.lines[0]);
  const { judgedEnvironment } = await import('./commands/doctor.ts');
  const environment = judgedEnvironment(raw.cpus ?? 1);
  const envelope: Envelope = {
    command: entry.recordsAs ?? entry.name,
    startedAt,
    seed: raw.seed ?? DEFAULT_SEED,
    environment: {
      ...environment,
      warnings: entry.simulated ? [] : environment.warnings,
      commandLine: repeatable(entry.name, argv),
    },
  };
  const progress = createProgress(process.stderr);
  let result: CommandResult;
  try {
    result = await job.run({ signal, progress, startedAt, seed: envelope.seed });
  } catch (error) {
    if (!signal.aborted) throw error;
    tell('interrupted before anything was finished; no record was written');
    return EXIT_INTERRUPTED;
  } finally {
    progress.clear();
  }
  await publish(envelope, result, output, {
    ...view,
    ...{ comment: entry.comment ?? '', format: raw.format },
  });
  return judge(result, signal.aborted);
}

// Ctrl-C under npm arrives twice, from the terminal and from npm; a person is slower than this.
const ECHO_MS = 400;

/** The first signal asks to stop and write what is finished, a second one stops at once. */
function listenForInterrupt(): AbortSignal {
  const controller = new AbortController();
  let first = 0;
  const onSignal = () => {
    if (!controller.signal.aborted) {
      first = performance.now();
      tell('stopping; the record will hold what is finished (once more: stop at once)');
      controller.abort();
    } else if (performance.now() - first > ECHO_MS) {
      // Dies of the signal, which a shell shows as 130: process.exit would wait for blocked reads.
      process.removeListener('SIGINT', onSignal);
      process.kill(process.pid, 'SIGINT');
    }
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller.signal;
}

/** Lets a reader of standard output leave early. */
export function toleratePipes(): void {
  // `slabsplice run | head -1`: the reader has seen enough, the record is written all the same.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    tell(`slabsplice: cannot write to standard output (${error.code}); the page is incomplete`);
    process.exit(EXIT_FAILED);
  });
  process.stderr.on('error', () => {});
}

async function start(argv: readonly string[]): Promise<number> {
  const selection = parse(argv);
  if (selection === null) return 0;
  const { entry, raw, operands } = selection;
  const view = {
    width: pageWidth(process.stdout, process.env),
    color: pageColor(raw.color, process.stdout, process.env),
  };
  const job = entry.prepare(raw, operands);
  if (job.kind === 'record') return runJob(selection, job, argv, view);
  const progress = createProgress(process.stderr);
  const text = await job.render(view, progress).finally(() => progress.clear());
  await print(text);
  return 0;
}

/** Tells the user what went wrong. @returns the exit code for it */
export function explain(error: unknown): number {
  if (error instanceof UserError) {
    tell(`slabsplice: ${error.message}`);
    return error.exitCode;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`slabsplice: this is a bug, please report it\n${stack}\n`);
  return EXIT_FAILED;
}

/** Does what a command line says, and tells of all that goes wrong. @returns the exit code */
export function main(argv: readonly string[]): Promise<number> {
  return start(argv).catch(explain);
}
