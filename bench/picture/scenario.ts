/** The idea, as operations: a child is filled and removed, and one object of it is used by others. */
import { type Moment, NOTHING } from './recorder.ts';
import { type Act, createStage, OBJECTS_PER_SLAB, type Stage } from './stage.ts';

/** Pages that the child may have in the scenario, and how far apart the choices are. */
export const PAGES = { least: 8, most: 64, step: 4, usual: 24 } as const;

/** Pages of each type of object: half of them dentries. */
function split(pages: number): { dentry: number; inode: number; kmalloc: number } {
  const dentry = pages / 2;
  const inode = Math.ceil(pages / 4);
  return { dentry, inode, kmalloc: pages - dentry - inode };
}

/** The operations for a child of so many pages. */
export function scenario(pages: number): Act[] {
  const { dentry, inode, kmalloc } = split(pages);
  const fill = (memcg: string, cache: string, slabs: number): Act => ({
    ...{ do: 'allocate', memcg, cache },
    objects: slabs * OBJECTS_PER_SLAB,
  });
  const own = 2 * OBJECTS_PER_SLAB;
  const all = Array.from({ length: pages * OBJECTS_PER_SLAB }, (_, index) => own + index);
  const shared = own + 5;
  return [
    { do: 'create', memcg: 'parent', parent: 'root' },
    fill('parent', 'dentry', 2),
    { do: 'create', memcg: 'child', parent: 'parent' },
    fill('child', 'dentry', dentry),
    fill('child', 'inode', inode),
    fill('child', 'kmalloc', kmalloc),
    { do: 'share', object: shared },
    { do: 'remove', memcg: 'child' },
    { do: 'free', objects: all.filter((serial) => serial !== shared) },
    { do: 'free', objects: [shared] },
  ];
}

/** A moment, and the operation that it belongs to. */
export interface PlayedMoment extends Moment {
  /** Place of the operation; -1 for the empty machine. */
  readonly act: number;
}

/** What operations came to. */
export interface Played {
  readonly stage: Stage;
  readonly moments: readonly PlayedMoment[];
}

/** Plays operations from an empty machine on: always the same moments for the same operations. */
export function play(strategy: string, acts: readonly Act[]): Played {
  const stage = createStage(strategy);
  const start: PlayedMoment = {
    caption: 'An empty machine: the root cgroup, and three types of objects that can be allocated.',
    frame: stage.look(),
    ...{ touched: [], shared: [], handOver: false, act: -1, count: NOTHING },
  };
  const moments = [start];
  acts.forEach((act, index) => {
    for (const moment of stage.run(act)) moments.push({ ...moment, act: index });
  });
  return { stage, moments };
}
