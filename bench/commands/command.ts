/** What a command is to the shell: its entry, the job that it prepares, and what comes of it. */
import type { Option } from 'commander';
import type { UserError } from '../errors.ts';
import type { AtomicsKind, CommonValues, RawOptions } from '../options.ts';
import type { Progress } from '../progress.ts';

/** What a running command gets from the shell. */
export interface CommandContext {
  /** Aborted by Ctrl-C or SIGTERM: stop soon, and return what is finished as not complete. */
  signal: AbortSignal;
  progress: Progress;
  startedAt: Date;
  seed: number;
}

/** One statement that must hold; a failed one makes the exit code 1. */
export interface CommandCheck {
  name: string;
  ok: boolean;
  detail: string;
}

/** What a command found; the shell makes a record of it. */
export interface CommandResult {
  /** The `results` part of the record (see contract). */
  results: unknown;
  /** Every option with its effective value. */
  parameters: Record<string, unknown>;
  checks: CommandCheck[];
  /** False when it was cut short; what is there is still right. */
  complete: boolean;
  /** Sentences for the reader, put beside those of the environment. */
  warnings: string[];
  /** Which version of `#atomics` the workers really ran; goes into the environment. */
  atomics?: AtomicsKind;
  /** Seed that the record is of, where it is not the one of this command line. */
  seed?: number;
  /** Why it was cut short, when a worker failed or the machine did not fit. */
  failure?: UserError;
}

/** What a command would do, for `--dry-run` and for the check that it fits. */
export interface Plan {
  /** One line each for the terminal; the first sums up the run. */
  lines: string[];
  /** Most memory in use at one time, in bytes. */
  bytes: number;
  /** What to do where that is too much. */
  remedy: string;
}

/** A checked command that makes a record. */
export interface RecordJob {
  readonly kind: 'record';
  plan(): Promise<Plan>;
  run(context: CommandContext): Promise<CommandResult>;
}

/** A checked command that only prints. */
export interface TextJob {
  readonly kind: 'text';
  /** @param width columns of the page */
  render(view: { width: number; color: boolean }, progress: Progress): Promise<string>;
}

/** One command as the shell sees it. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** What follows the name, in commander's notation, and what it means. */
  readonly operands?: readonly [notation: string, meaning: string];
  /** Shown under `--help`: a command line and what it does. */
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** Takes long enough that the user wants to know at once what was started. */
  readonly slow: boolean;
  /** Nothing is timed: what could spoil a measurement is not worth a warning. */
  readonly simulated?: boolean;
  /** What a line beside the page begins with on standard output, where a program reads that. */
  readonly comment?: string;
  /** Whose records it makes, where that is not its own name. */
  readonly recordsAs?: string;
  /** Common options that change nothing here; the shell says so when one is given. */
  readonly unused: readonly (keyof CommonValues)[];
  options(): Option[];
  prepare(raw: RawOptions, operands: readonly string[]): RecordJob | TextJob;
}
