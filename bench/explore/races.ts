/**
 * Whether plain accesses keep to the rule that a search rests on: what lies between two shared steps is not
 * split, so no two CPUs may use a word plainly, one of them writing, unless a chain of steps on the same
 * words (a lock handed on, a grace period) lies between. Looked for in the log of a run, by vector clocks.
 */
import { type Control, CTL, THREADS_MAX } from './control.ts';
import type { MemoryMap } from './memory-map.ts';

/** Columns that are read without a lock on purpose, as in the kernel, and who looks after that. */
const LOCK_FREE: Readonly<Record<string, string>> = {
  'kmemCaches.flags':
    'what is read without slab_mutex (reclaimable, typesafe) is set at creation; the rest changes beside it',
};

/** Finds races in the runs of one scenario. */
export interface RaceCheck {
  /** A sentence about the first race in the log of the last run, or null. */
  look(): string | null;
}

/** Makes the check of a machine. */
export function createRaceCheck(control: Control, map: MemoryMap): RaceCheck {
  const { accesses, words: ctl, watch } = control;
  const wordCount = map.rowOf.length;
  /** Per word: run that used it last, thread and clock of the last plain write, clock of each one's last read. */
  const usedIn = new Int32Array(wordCount);
  const writer = new Int32Array(wordCount);
  const writeClock = new Int32Array(wordCount);
  const readClock = new Int32Array(wordCount * THREADS_MAX);
  const exempt = new Uint8Array(wordCount);
  for (const { name, base, raw } of map.columns) {
    if (name in LOCK_FREE) exempt.fill(1, base, base + raw.length);
  }
  let run = 0;

  return {
    look() {
      run++;
      const threads = ctl[CTL.threads] ?? 0;
      const clocks = Array.from({ length: threads }, (_, thread) =>
        Array.from({ length: threads }, (_none, other): number => (thread === other ? 1 : 0)),
      );
      const released = new Map<number, number[]>();
      const join = (into: number[], from: readonly number[]): void => {
        for (let thread = 0; thread < threads; thread++) {
          into[thread] = Math.max(into[thread] ?? 0, from[thread] ?? 0);
        }
      };
      const end = ctl[CTL.accesses] ?? 0;
      for (let at = 0; at < end; at++) {
        const access = accesses[at] ?? 0;
        const word = access >>> 5;
        if (word >= watch.length || exempt[word] === 1) continue;
        const thread = (access >> 1) & 7;
        const written = (access & 1) === 1;
        const mine = clocks[thread] ?? [];
        if ((access & 16) !== 0) {
          const last = released.get(word);
          if (last !== undefined) join(mine, last);
          if (!written) continue;
          const all = last ?? [];
          join(all, mine);
          released.set(word, all);
          mine[thread] = (mine[thread] ?? 0) + 1;
          continue;
        }
        if (usedIn[word] !== run) {
          usedIn[word] = run;
          writer[word] = -1;
          readClock.fill(0, word * THREADS_MAX, (word + 1) * THREADS_MAX);
        }
        const other = writer[word] ?? -1;
        let against = -1;
        if (other >= 0 && other !== thread && (writeClock[word] ?? 0) > (mine[other] ?? 0)) {
          against = other;
        }
        for (let reader = 0; written && reader < threads; reader++) {
          const read = readClock[word * THREADS_MAX + reader] ?? 0;
          if (reader !== thread && read > (mine[reader] ?? 0)) against = reader;
        }
        if (against >= 0) {
          return `CPU ${thread} ${written ? 'writes' : 'reads'} ${map.describe(word)} plainly, and nothing orders that with CPU ${against}`;
        }
        if (written) {
          writer[word] = thread;
          writeClock[word] = mine[thread] ?? 0;
        } else readClock[word * THREADS_MAX + thread] = mine[thread] ?? 0;
      }
      return null;
    },
  };
}
