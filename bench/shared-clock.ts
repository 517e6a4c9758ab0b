/**
 * One clock for all threads. `performance.now` counts from the start of its own thread; the system's
 * monotonic clock is the same for all but allocates when read. So each thread measures once how far
 * the two are apart.
 */

const TRIES = 50;

/** Milliseconds of the system's monotonic clock. */
function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** A moment that several threads can count from, ms. */
export function clockOrigin(): number {
  return monotonicMs();
}

/** A clock that gives ms since `origin`, equal on all threads to well below a microsecond. */
export function sharedClock(origin: number): () => number {
  let offset = 0;
  let closest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const before = performance.now();
    const shared = monotonicMs();
    const after = performance.now();
    if (after - before >= closest) continue;
    closest = after - before;
    offset = shared - (before + after) / 2;
  }
  const fromOrigin = offset - origin;
  return () => performance.now() + fromOrigin;
}

/** Cost of one reading of the clock, ns: the median of some calls of a thousand readings. */
export function timerNs(): number {
  const costs: number[] = [];
  let sink = 0;
  for (let call = 0; call < 15; call++) {
    const begin = performance.now();
    for (let reading = 0; reading < 1000; reading++) sink += performance.now();
    costs.push((performance.now() - begin) * 1e3);
  }
  costs.sort((a, b) => a - b);
  return sink > 0 ? (costs[7] as number) : 0;
}
