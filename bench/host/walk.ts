/** A walk over the folders of a cgroup hierarchy: the live cgroups. */
import type { HostReader } from './reader.ts';

/** A live cgroup. */
export interface Cgroup {
  /** Path below the mount, a binary string; empty for its top. */
  readonly path: string;
  /** Index of the parent; -1 for the top. */
  readonly parent: number;
  readonly children: number[];
}

/** What a walk found. */
export interface Walk {
  /** Parents before children. */
  readonly cgroups: readonly Cgroup[];
  /** Why it did not see all of them; null when it did. */
  readonly incomplete: string | null;
}

/** Cgroups of the largest walk; there are ids for 65,535 memory cgroups. */
const MAX_CGROUPS = 200_000;
/** Folders after which others get a turn, Ctrl-C among them. */
const TURN = 200;

/** How a walk is held back. */
export interface WalkOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called every few folders; may wait. */
  readonly pause?: () => Promise<void>;
  readonly most?: number;
}

async function turn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Walks all folders below a mount. A folder that is gone when it is listed was removed, and not live. */
export async function walk(
  reader: HostReader,
  folder: string,
  options: WalkOptions = {},
): Promise<Walk> {
  const { signal, pause = turn, most = MAX_CGROUPS } = options;
  const cgroups: Cgroup[] = [];
  const waiting: { path: string; parent: number }[] = [{ path: '', parent: -1 }];
  let incomplete: string | null = null;
  let visited = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (++visited % TURN === 0) await pause();
    if (signal?.aborted) return { cgroups, incomplete: 'it was interrupted' };
    if (cgroups.length >= most) {
      return { cgroups, incomplete: `there are more than MAX_CGROUPS (${most}) cgroups` };
    }
    const listed = reader.folders(folder + next.path);
    if ('failure' in listed && listed.failure === 'missing') continue;
    const index = cgroups.length;
    cgroups.push({ path: next.path, parent: next.parent, children: [] });
    cgroups[next.parent]?.children.push(index);
    if ('failure' in listed) {
      incomplete = 'some folders may not be listed';
      continue;
    }
    for (const name of listed.names) waiting.push({ path: `${next.path}/${name}`, parent: index });
  }
  return { cgroups, incomplete };
}
