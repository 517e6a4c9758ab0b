/** The recorded data that the package ships with (bench/data). */
import { fileURLToPath } from 'node:url';

/** Name of the built-in recording in options: Linux 6.18.44, x86-64, 2 CPUs. */
export const BUILT_IN_HOST = 'host-6.18';
/** Kernel release of the built-in recording. */
export const BUILT_IN_KERNEL = '6.18.44';

/** Path of a file of the built-in recording. Data stay at the package root, code runs in dist/. */
export function builtInFile(name: 'slabinfo.txt' | 'slab-geometry.json'): string {
  return fileURLToPath(new URL(`../../../bench/data/host-6.18/${name}`, import.meta.url));
}
