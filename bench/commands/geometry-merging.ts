/**
 * Merged caches of a host: /sys/kernel/slab has a directory named by size and flags for each cache that
 * may be shared, with a link for each user, and one under its own name for every other. Both must be as
 * the rules of merging say.
 */
import { type Mergeable, mergeBar, mergedName, mergesInto } from '../../core/slub/merge.ts';
import type { GeometryMerging } from '../../reports/results.ts';
import type { RecordedCache, RecordedGeometry } from '../input/slab-geometry.ts';

/** Compares; null where no cache may be shared (slab_nomerge, or a recording without links). */
export function checkMerging({ caches, aliases }: RecordedGeometry): GeometryMerging | null {
  const links = new Map<string, number>();
  for (const target of aliases.values()) links.set(target, (links.get(target) ?? 0) + 1);
  const shared = caches.filter(isShared);
  if (shared.length === 0 && aliases.size === 0) return null;
  const own = caches.filter((cache) => !isShared(cache));
  const known = new Set(shared.map(({ name }) => name));
  const mismatches = [
    ...shared.flatMap((cache) => problemsOf(cache, links.get(cache.name) ?? 0)),
    ...pairs(shared),
    ...[...aliases].flatMap(([name, target]) =>
      known.has(target) ? [] : [`${name} is a link to ${target}, which may not be shared`],
    ),
  ];
  const hidden = own.filter((cache) => mergeBar(traitsOf(cache)) === null);
  return {
    names: aliases.size,
    shared: shared.length,
    own: own.length,
    unexplained: hidden.map(({ name }) => name),
    mismatches,
  };
}

/** What to say about it. */
export function mergingNote({ names, shared, own, unexplained }: GeometryMerging): string {
  const why = 'a constructor that was not recorded, made at boot, or its creator asked for none';
  const rest =
    unexplained.length === 0
      ? ''
      : `; of ${unexplained.length} of them no file says why (${why}): ${unexplained.join(', ')}`;
  const users = names === 1 ? '1 name shares' : `${names} names share`;
  return `Merging: ${users} ${shared} caches, ${own} caches have their slabs for themselves${rest}`;
}

function isShared({ name }: RecordedCache): boolean {
  return name.startsWith(':');
}

function traitsOf(cache: RecordedCache) {
  const { typesafeByRcu, debug, usersize, sheafCapacity } = cache;
  return { typesafeByRcu, debug, usersize, sheafCapacity, ctor: cache.ctor === true };
}

/** SLAB_ACCOUNT is in the name alone. */
function mergeableOf(cache: RecordedCache): Mergeable {
  const { name, size, align, reclaimAccount, cacheDma } = cache;
  return { size, align, reclaimAccount, cacheDma, account: /^:[a-z]*A/.test(name) };
}

/** A directory for sharing: nothing bars it, its name is right, and so is its count of users. */
function problemsOf(cache: RecordedCache, links: number): string[] {
  const problems: string[] = [];
  const bar = mergeBar(traitsOf(cache));
  if (bar !== null) problems.push(`${cache.name} is shared in spite of: ${bar}`);
  const name = mergedName(mergeableOf(cache));
  if (name !== cache.name) problems.push(`${cache.name} should be named ${name}`);
  if (cache.aliases !== null && cache.aliases + 1 !== links) {
    problems.push(
      `${cache.name} has ${links} links, but ${cache.aliases} aliases beside its first user`,
    );
  }
  return problems;
}

/** Two shared caches of which the later should have become an alias of the earlier. */
function pairs(shared: readonly RecordedCache[]): string[] {
  return shared.flatMap((cache, index) =>
    shared
      .slice(index + 1)
      .filter((other) => {
        const [one, two] = [mergeableOf(cache), mergeableOf(other)];
        return mergesInto(one, two) || mergesInto(two, one);
      })
      .map((other) => `${cache.name} and ${other.name} should be one`),
  );
}
