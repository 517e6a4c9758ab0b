/** What a picture shows besides the rows, worked out over the moments so far. */
import type { Frame } from '../../reports/results-frames.ts';

/** Something that was seen in the frames of a sequence, up to a moment. */
export interface Background {
  readonly ghosts: readonly { readonly name: string; readonly parent: number }[];
  originOf(kind: 'cache' | 'objcg', row: number): number;
}

/** Patterns that there are; more cgroups share them. */
const ORIGINS = 4;

/** Looks through the frames up to a moment. */
export function backgroundOf(frames: readonly Frame[]): Background {
  const names: string[] = [];
  const parents = new Map<string, number>();
  const made = new Map<number, { readonly cache: string; readonly owner: string }>();
  for (const { memcgs, caches } of frames) {
    const nameOf = new Map(memcgs.map(({ row, name }) => [row, name]));
    for (const { name, parent } of memcgs) {
      if (!names.includes(name)) names.push(name);
      parents.set(name, parent);
    }
    for (const { row, name: cache, memcg } of caches) {
      if (made.get(row)?.cache === cache) continue;
      made.set(row, { cache, owner: nameOf.get(memcg) ?? '' });
    }
  }
  const now = frames.at(-1);
  const there = new Set(now?.memcgs.map(({ name }) => name));
  const objcgNames = new Map(now?.objcgs.map(({ row, name }) => [row, name]));
  return {
    ghosts: names
      .filter((name) => !there.has(name))
      .map((name) => ({ name, parent: parents.get(name) ?? 0 })),
    originOf(kind, row) {
      const name = kind === 'cache' ? made.get(row)?.owner : objcgNames.get(row);
      const place = name === undefined ? -1 : names.indexOf(name);
      return place < 0 ? 0 : place % ORIGINS;
    },
  };
}
