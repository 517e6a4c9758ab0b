/**
 * One status line that is overwritten in place. While something is timed it is drawn only between pieces
 * of work, by the caller: a timer would take a core's time from the workers. While nothing is, `alive`
 * draws it every second.
 */

/** How far a command is. */
export interface Standing {
  /** Work done so far, and in the whole run: units, or weights of units that take unequal time; 0 when unknown. */
  readonly done: number;
  readonly total: number;
  /** What is being worked on now, in a few words. */
  readonly what: string;
}

/** Where a long command tells how far it is. */
export interface Progress {
  /** Shows one line: how much is done, the time since the start and an estimate of the time left. */
  update(done: number, total: number, what: string): void;
  /**
   * Shows the line every second until `work` is over; only where nothing is timed meanwhile.
   * @param look how far it is by then; the last that was told, if left out
   */
  alive<Result>(work: Promise<Result>, look?: () => Standing): Promise<Result>;
  /** Takes the line away; call before anything else is printed. */
  clear(): void;
}

/** The part of a stream that the progress line needs. */
export interface ProgressStream {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/** Time, as tests may have it otherwise. */
export interface ProgressClock {
  /** Milliseconds on a clock that only goes forward. */
  readonly now: () => number;
  /** Calls a function every so many milliseconds, until what it returns is called. */
  readonly every: (milliseconds: number, call: () => void) => () => void;
}

const CLEAR_LINE = '\r\u001b[2K';
const SECOND_MS = 1000;
/** Columns of a terminal that does not say how many it has. */
const COLUMNS = 80;
const COLUMNS_MIN = 20;
/** Of less than this share nothing follows for the rest: most of it was the start. */
const SHARE_MIN = 0.02;

const CLOCK: ProgressClock = {
  now: () => performance.now(),
  every(milliseconds, call) {
    const timer = setInterval(call, milliseconds);
    return () => clearInterval(timer);
  },
};

/** Shows nothing: for what is not a terminal. */
export const SILENT: Progress = { update: () => {}, alive: (work) => work, clear: () => {} };

/** Shows seconds in at most two units: `7 s`, `2 min 5 s`, `1 h 2 min`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** A progress line on a terminal; on anything else it stays silent. */
export function createProgress(
  stream: ProgressStream,
  clock: Partial<ProgressClock> = {},
): Progress {
  if (stream.isTTY !== true) return SILENT;
  const { now, every } = { ...CLOCK, ...clock };
  const start = now();
  let shown = false;
  let told: Standing = { done: 0, total: 0, what: '' };
  /** When that was, and what was left then; a piece that goes on takes from it. */
  let toldAt = start;
  let leftThen: number | null = null;

  function draw(): void {
    const at = now();
    const share = told.total > 0 ? Math.min(1, told.done / told.total) : 0;
    const left = leftThen === null ? null : Math.max(SECOND_MS, leftThen - (at - toldAt));
    const estimate = left === null ? '' : `, about ${formatSeconds(left / SECOND_MS)} left`;
    const time = ` (${formatSeconds((at - start) / SECOND_MS)}${estimate})`;
    const text = told.total > 0 ? `${Math.floor(100 * share)} % ${told.what}` : told.what;
    // A wrapped line could not be overwritten; of what does not fit the time is worth the most.
    const columns = stream.columns || COLUMNS;
    const room = Math.max(COLUMNS_MIN, columns - 1);
    stream.write(CLEAR_LINE + text.slice(0, Math.max(0, room - time.length)) + time.slice(0, room));
    shown = true;
  }

  function update(done: number, total: number, what: string): void {
    const isSame = done === told.done && total === told.total;
    told = { done, total, what };
    if (!isSame) {
      toldAt = now();
      const share = total > 0 ? Math.min(1, done / total) : 0;
      leftThen = share >= SHARE_MIN ? ((toldAt - start) * (1 - share)) / share : null;
    }
    draw();
  }

  return {
    update,
    async alive(work, look) {
      const stop = every(SECOND_MS, () => {
        if (look === undefined) return draw();
        const { done, total, what } = look();
        update(done, total, what);
      });
      try {
        return await work;
      } finally {
        stop();
      }
    },
    clear() {
      if (shown) stream.write(CLEAR_LINE);
      shown = false;
    },
  };
}
