/** Which of many things are shown where there is no room for all. */

/** Evenly spread places of a list, its first and last among them; all where they are not too many. */
export function pickEvenly(length: number, most: number): number[] {
  if (length <= most) return Array.from({ length }, (_, at) => at);
  const step = (length - 1) / Math.max(1, most - 1);
  return Array.from({ length: most }, (_, at) => Math.round(at * step));
}
