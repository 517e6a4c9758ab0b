/** The ends of many values: `Math.min(...values)` fails from about a hundred thousand on. */

/** The lowest; Infinity of none. */
export function lowest(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
}

/** The highest; -Infinity of none. */
export function highest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
}
