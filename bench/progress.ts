/**
 * One status line that is overwritten in place. It is drawn only between pieces of work, by the
 * caller: a spinner would be a timer on the main thread and take a core's time from the workers.
 */

/** Where a long command tells how far it is. */
export interface Progress {
  /**
   * Shows one line: how much is done, the time since the start and an estimate of the time left.
   * @param done units finished so far
   * @param total units in the whole run; 0 when unknown
   * @param what the unit being worked on now, in a few words
   */
  update(done: number, total: number, what: string): void;
  /** Takes the line away; call before anything else is printed. */
  clear(): void;
}

/** The part of a stream that the progress line needs. */
export interface ProgressStream {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const CLEAR_LINE = '\r\u001b[2K';

/** Shows seconds in at most two units: `7 s`, `2 min 5 s`, `1 h 2 min`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/**
 * A progress line on a terminal; on anything else it stays silent.
 * @param now milliseconds on a clock that only goes forward
 */
export function createProgress(
  stream: ProgressStream,
  now: () => number = () => performance.now(),
): Progress {
  if (stream.isTTY !== true) return { update: () => {}, clear: () => {} };
  const start = now();
  let shown = false;
  return {
    update(done, total, what) {
      const elapsed = (now() - start) / 1000;
      const share = total > 0 ? Math.min(1, done / total) : 0;
      const left =
        share > 0 ? `, about ${formatSeconds((elapsed * (1 - share)) / share)} left` : '';
      const count = total > 0 ? `${done}/${total} ` : '';
      const line = `${count}${what} (${formatSeconds(elapsed)}${left})`;
      // A wrapped line could not be overwritten, so it is cut to what fits.
      stream.write(CLEAR_LINE + line.slice(0, Math.max(20, (stream.columns ?? 80) - 1)));
      shown = true;
    },
    clear() {
      if (shown) stream.write(CLEAR_LINE);
      shown = false;
    },
  };
}
