/** A progress line that notes what it is told, and asks once whenever something that it watched is over. */
import type { Progress, Standing } from '../../bench/progress.ts';

export interface ListeningProgress extends Progress {
  readonly standings: Standing[];
  /** Pieces of work that would have been drawn every second. */
  watched(): number;
}

export function listeningProgress(): ListeningProgress {
  const standings: Standing[] = [];
  let watched = 0;
  return {
    standings,
    watched: () => watched,
    update: (done, total, what) => standings.push({ done, total, what }),
    async alive(work, look) {
      watched++;
      try {
        return await work;
      } finally {
        if (look !== undefined) standings.push(look());
      }
    },
    clear() {},
  };
}
