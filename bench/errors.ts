/**
 * Errors a user can act on. The message is one line: what was wrong, where, what to do instead.
 * The command line prints it without a stack and exits with `exitCode` (contract: 2 wrong use or bad
 * input, 3 the machine does not fit or a worker failed). Any other exception is a bug and shows its
 * stack.
 */
export class UserError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.exitCode = exitCode;
  }
}

/** Wrong use or bad input: nothing was started, nothing is written. */
export class UsageError extends UserError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, 2, options);
  }
}

/** A file that cannot be understood, with the place where it went wrong. */
export class InputError extends UserError {
  /** @param line 1-based, or 0 when the file as a whole is meant */
  constructor(file: string, line: number, what: string, todo: string) {
    super(`${file}${line > 0 ? `:${line}` : ''}: ${what}; ${todo}`, 2);
  }
}

/** The machine does not fit in memory, or a worker failed. */
export class CapacityError extends UserError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, 3, options);
  }
}
