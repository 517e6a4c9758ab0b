/**
 * Merging of slab caches: a new cache may become an alias of one that serves the same size, whatever
 * the types of their objects are (Linux 5.2 to 6.18, unless booted with slab_nomerge). Facts of
 * slab_unmergeable and find_mergeable, mm/slab_common.c.
 */

/** Flags that must be the same on both sides (SLAB_MERGE_SAME). */
export interface MergeSame {
  readonly reclaimAccount?: boolean;
  readonly cacheDma?: boolean;
  /** SLAB_ACCOUNT; /sys/kernel/slab shows it in the names of merged caches alone. */
  readonly account?: boolean;
}

/** What decides whether a cache shares its slabs at all. */
export interface MergeTraits {
  /** SLAB_TYPESAFE_BY_RCU: readers may find an object of another type. */
  readonly typesafeByRcu?: boolean;
  /** A debug option adds to the objects or checks them. */
  readonly debug?: boolean;
  readonly ctor?: boolean;
  /** Bytes that user copies may touch; 0 or absent for none. */
  readonly usersize?: number;
  /** Objects that a sheaf holds (6.18); 0 or absent without. */
  readonly sheafCapacity?: number;
  /** SLAB_NO_MERGE (6.5 and newer), or a cache that was made while the allocator booted. */
  readonly noMerge?: boolean;
}

/** Why a cache has its slabs for itself. */
export type MergeBar =
  | 'slabs under RCU'
  | 'constructor'
  | 'region for user copies'
  | 'sheaves'
  | 'debug options'
  | 'asks for none';

/** What keeps a cache from sharing; null if nothing does. */
export function mergeBar(traits: MergeTraits): MergeBar | null {
  if (traits.typesafeByRcu === true) return 'slabs under RCU';
  if (traits.ctor === true) return 'constructor';
  if ((traits.usersize ?? 0) > 0) return 'region for user copies';
  if ((traits.sheafCapacity ?? 0) > 0) return 'sheaves';
  if (traits.debug === true) return 'debug options';
  return traits.noMerge === true ? 'asks for none' : null;
}

/** Size, alignment and flags of a cache that nothing bars. */
export interface Mergeable extends MergeSame {
  /** Bytes from one object to the next. */
  readonly size: number;
  /** Bytes; a power of two. */
  readonly align: number;
}

/** Bytes of a word: less than that may be wasted per object. */
const WORD = 8;

/**
 * Whether a new cache becomes an alias of one that exists. As sizes are whole words, less than a word
 * of waste is none: the sizes are equal, and the old one's objects lie at the new one's alignment.
 */
export function mergesInto(request: Mergeable, existing: Mergeable): boolean {
  return (
    request.size <= existing.size &&
    existing.size - request.size < WORD &&
    existing.size % request.align === 0 &&
    (request.reclaimAccount === true) === (existing.reclaimAccount === true) &&
    (request.cacheDma === true) === (existing.cacheDma === true) &&
    (request.account === true) === (existing.account === true)
  );
}

/** Directory of a cache that may be shared, in /sys/kernel/slab: its flags and its size, as `:aA-0000192`. */
export function mergedName({ size, reclaimAccount, cacheDma, account }: Mergeable): string {
  const flags = [
    cacheDma === true ? 'd' : '',
    reclaimAccount === true ? 'a' : '',
    account === true ? 'A' : '',
  ].join('');
  return `:${flags === '' ? '' : `${flags}-`}${String(size).padStart(7, '0')}`;
}
