/**
 * Cgroups and tasks as a trace tells of them. No event says in which cgroup a task is: attach events do, and a
 * child begins where its parent is. Numbers of tasks are used again, so an exit forgets.
 */

/** What is known of one cgroup; times in seconds of the trace, NaN until they happen. */
export interface TracedCgroup {
  readonly id: number;
  readonly path: string;
  /** Place of its parent in the list, -1 for one that was there before the trace. */
  readonly parent: number;
  readonly memcg: number;
  /** Turn of the trace that it was made in. */
  readonly turn: number;
  removed: number;
  /** As the replay says; the trace's own release events are never an input. */
  released: number;
  /** When the trace says that the kernel released it; to compare with, and for nothing else. */
  kernelReleased: number;
  /** The last folio and the last object that went while it was there. */
  lastFolio: number;
  /** Whose it was: a file's, or that of an inode of tmpfs that stood for its pages. */
  lastFolioIsFile: boolean;
  lastDevice: number;
  lastInodeHigh: number;
  lastInodeLow: number;
  lastObject: number;
  lastObjectCache: number;
  /** Pages of page cache and slab objects that were charged to it and are still there. */
  pages: number;
  objects: number;
}

/** Cgroups of one hierarchy and the tasks in them. */
export class Cgroups {
  readonly all: TracedCgroup[] = [];
  private readonly byId = new Map<number, number>();
  private readonly byPath = new Map<string, number>();
  private readonly tasks = new Map<number, number>();
  /** Hierarchy that is followed, -1 until the first event. */
  hierarchy: number;
  /** Events of other hierarchies, by their number. */
  readonly others = new Map<number, number>();

  /** @param hierarchy its number in /proc/cgroups (0 is v2), or -1 for the first one that is seen */
  constructor(hierarchy = -1) {
    this.hierarchy = hierarchy;
  }

  /** Whether an event is of the hierarchy that is followed. */
  follows(root: number): boolean {
    if (this.hierarchy < 0) this.hierarchy = root;
    if (root === this.hierarchy) return true;
    this.others.set(root, (this.others.get(root) ?? 0) + 1);
    return false;
  }

  /** Place of the parent of a path, -1 if it was there before the trace. */
  parentOf(path: string): number {
    const end = path.lastIndexOf('/');
    return end <= 0 ? -1 : (this.byPath.get(path.slice(0, end)) ?? -1);
  }

  add(id: number, path: string, memcg: number, turn: number): number {
    const place = this.all.length;
    this.all.push({
      ...{ id, path, parent: this.parentOf(path), memcg, turn, pages: 0, objects: 0 },
      ...{ removed: Number.NaN, released: Number.NaN, kernelReleased: Number.NaN },
      ...{ lastFolio: Number.NaN, lastFolioIsFile: false, lastDevice: 0, lastInodeHigh: 0 },
      ...{ lastInodeLow: 0, lastObject: Number.NaN, lastObjectCache: -1 },
    });
    this.byId.set(id, place);
    this.byPath.set(path, place);
    return place;
  }

  /** Place of a cgroup, -1 if it was there before the trace. */
  find(id: number): number {
    return this.byId.get(id) ?? -1;
  }

  /** Its path can be used again; its number, an inode's, as well. */
  remove(place: number): void {
    const cgroup = this.all[place];
    if (cgroup !== undefined) this.byPath.delete(cgroup.path);
  }

  attach(task: number, place: number): void {
    if (place < 0) this.tasks.delete(task);
    else this.tasks.set(task, place);
  }

  fork(task: number, child: number): void {
    const place = this.tasks.get(task);
    if (place === undefined) this.tasks.delete(child);
    else this.tasks.set(child, place);
  }

  exit(task: number): void {
    this.tasks.delete(task);
  }

  /** Where a task is, -1 if in none that the trace has seen made. */
  of(task: number): number {
    return this.tasks.get(task) ?? -1;
  }
}
