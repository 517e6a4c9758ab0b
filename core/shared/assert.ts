/**
 * Errors of the model. A `ModelError` is wrong use of the model (a double free, a memcg that still
 * has children); a `LimitError` says which capacity of the machine is exhausted and how to raise it.
 * Neither leaves the machine half changed where the docstring of the operation says so.
 */

/** Wrong use of the model, or a broken invariant. */
export class ModelError extends Error {
  override readonly name: string = 'ModelError';
}

/** A named capacity of the machine is exhausted. */
export class LimitError extends ModelError {
  override readonly name: string = 'LimitError';
  /** Name of the capacity, a key of the machine's config as a rule. */
  readonly limit: string;
  constructor(limit: string, value: number, raise: string) {
    super(`${limit} (${value}) reached; ${raise}`);
    this.limit = limit;
  }
}

/** Throws a `ModelError` unless the condition holds; for cold paths and the edges of the core. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ModelError(message);
}
