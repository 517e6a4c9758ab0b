/**
 * Slab caches that accounted objects of ordinary work come from, and what a process, a socket or a file
 * takes of each. Sizes are bytes from one object to the next on x86-64 around 5.2; of those in
 * kernel-model f they are the ones listed there, the rest is from slabinfo listings of such kernels.
 */

import type { CacheShape, Cpu } from '../../core/index.ts';
import { type GeometryRules, geometryOfSize, partialLimitOf } from '../../core/slub/geometry.ts';

/** A slab cache: its name, bytes of an object, and whether the shrinker can get at them. */
interface CacheKind {
  readonly name: string;
  readonly size: number;
  readonly reclaimable?: boolean;
  readonly typesafeByRcu?: boolean;
}

const CACHES = [
  { name: 'dentry', size: 192, reclaimable: true },
  { name: 'ext4_inode_cache', size: 1080, reclaimable: true },
  { name: 'radix_tree_node', size: 584, reclaimable: true },
  { name: 'filp', size: 256 },
  { name: 'task_struct', size: 3776 },
  { name: 'signal_cache', size: 1088 },
  { name: 'sighand_cache', size: 2112, typesafeByRcu: true },
  { name: 'cred_jar', size: 192 },
  { name: 'files_cache', size: 704 },
  { name: 'fs_cache', size: 64 },
  { name: 'mm_struct', size: 1088 },
  { name: 'pid', size: 128 },
  { name: 'vm_area_struct', size: 200 },
  { name: 'anon_vma', size: 88, typesafeByRcu: true },
  { name: 'anon_vma_chain', size: 64 },
  { name: 'inode_cache', size: 616, reclaimable: true },
  { name: 'sock_inode_cache', size: 704, reclaimable: true },
  { name: 'UNIX', size: 1024 },
  { name: 'kmalloc-1k', size: 1024 },
  { name: 'kmalloc-192', size: 192 },
  { name: 'kmalloc-64', size: 64 },
  { name: 'kernfs_node_cache', size: 136 },
] as const satisfies readonly CacheKind[];

/** The name of a cache. */
export type CacheName = (typeof CACHES)[number]['name'];
/** Names in the order of the root caches. */
export const CACHE_NAMES: readonly CacheName[] = CACHES.map((cache) => cache.name);

/** Objects by cache. */
type Bundle = readonly (readonly [cache: CacheName, objects: number])[];

/** A process of a small program: its memory map as a shared library or two make it. */
export const PROCESS: Bundle = [
  ['task_struct', 1],
  ['signal_cache', 1],
  ['sighand_cache', 1],
  ['cred_jar', 2],
  ['files_cache', 1],
  ['fs_cache', 1],
  ['mm_struct', 1],
  ['pid', 1],
  ['vm_area_struct', 45],
  ['anon_vma', 18],
  ['anon_vma_chain', 30],
  ['filp', 12],
  ['kmalloc-64', 6],
  ['kmalloc-192', 2],
];
/** A unix socket. */
export const SOCKET: Bundle = [
  ['sock_inode_cache', 1],
  ['dentry', 1],
  ['filp', 1],
  ['UNIX', 1],
];
/** A pipe with both its ends. */
export const PIPE: Bundle = [
  ['inode_cache', 1],
  ['dentry', 1],
  ['filp', 2],
  ['kmalloc-1k', 1],
];

/** A root cache per kind: its row by the place of its name in CACHE_NAMES. */
export function createRootCaches(cpu: Cpu, rules: GeometryRules): Int32Array {
  return Int32Array.from(CACHES, (cache: CacheKind) => {
    const geometry = geometryOfSize(cache.size, rules);
    const shape: CacheShape = {
      size: geometry.size,
      objectsPerSlab: geometry.objectsPerSlab,
      pagesPerSlab: geometry.pagesPerSlab,
      minPartial: geometry.minPartial,
      ...partialLimitOf(geometry),
      reclaimable: cache.reclaimable === true,
      typesafeByRcu: cache.typesafeByRcu === true,
    };
    return cpu.createRootCache(shape);
  });
}

/** The root cache of each object of a bundle, one entry per object. */
export function bundleRoots(bundle: Bundle, roots: Int32Array): Int32Array {
  return Int32Array.from(
    bundle.flatMap(([name, objects]) =>
      Array.from({ length: objects }, () => roots[CACHE_NAMES.indexOf(name)] as number),
    ),
  );
}
