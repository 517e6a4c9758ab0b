/** Which kernel a strategy stands for, and what that kernel did besides that a test can see. */
import type { ExpectedFailure } from './case.ts';

/** A kernel as far as a test depends on it. */
export interface KernelOf {
  /** Shown beside the strategy; null for designs that no kernel had. */
  readonly release: string | null;
  /** Page cache of a removed memcg goes to the parent (the LRU series, 7.1). */
  readonly movesPageCache: boolean;
  /** Rules of slab geometry. */
  readonly geometry: '5.3' | '6.x';
}

const OF_5_2 = { release: 'Linux 5.2', movesPageCache: false, geometry: '5.3' } as const;
const OF_5_3 = { release: 'Linux 5.3', movesPageCache: false, geometry: '5.3' } as const;
/** Proposed or thinkable in 2019: a 5.3 with another hand-over. */
const NO_RELEASE = { release: null, movesPageCache: false, geometry: '5.3' } as const;
const OF_5_9 = { release: 'Linux 5.9', movesPageCache: false, geometry: '5.3' } as const;
const OF_7_1 = { release: 'Linux 7.1', movesPageCache: true, geometry: '6.x' } as const;
const OF_2026 = { release: null, movesPageCache: true, geometry: '6.x' } as const;

const KERNELS: Readonly<Record<string, KernelOf>> = {
  pin: OF_5_2,
  'splice-caches': OF_5_3,
  objcg: OF_5_9,
  'objcg-per-node': OF_7_1,
  'objcg-by-memcg': OF_2026,
  'objcg-five-slots': OF_2026,
};

/** The kernel of a strategy. */
export function kernelOf(strategy: string): KernelOf {
  return KERNELS[strategy] ?? NO_RELEASE;
}

/** What leaves slab pages with the removed memcg. */
export const PINNING: readonly string[] = ['pin'];
/** Those with a cache per memcg that hand something over. */
export const MOVING: readonly string[] = [
  ...['scan-pages', 'scan-pages-js', 'list-pages', 'link-pages', 'splice-caches'],
];
/** One obj_cgroup a memcg (5.9). */
export const OWNED_5_9: readonly string[] = ['objcg'];
/** The designs of 2026, of kernels whose page cache moves. */
export const OWNED_2026: readonly string[] = [
  ...['objcg-per-node', 'objcg-by-memcg', 'objcg-five-slots'],
];
/** Whose page cache stays with a removed memcg. */
export const BEFORE_7_1: readonly string[] = [...PINNING, ...MOVING, ...OWNED_5_9];
/** The mistaken design, in rows that drain everything. */
export function lostBytes(fails: readonly string[]): ExpectedFailure {
  return {
    strategies: ['objcg-by-memcg'],
    thresholds: ['strict'],
    fails,
    reason:
      'bytes of one obj_cgroup end in the stock of another of its memcg; what is less than a page is lost when one is released',
    source:
      '"memcg: cache obj_stock by memcg, not by objcg pointer", first form, and its review, 2026-05',
  };
}
