/**
 * Files as the kernel caches them: a dentry, an inode, page cache and its tree node, each an object or a
 * folio of the machine, charged to the cgroup that touched it first. Whoever uses a file later keeps it
 * cached, and so keeps alive what the first one was charged for.
 *
 *   dentry   on the dentry lru; used since the last scan: kept once more (DCACHE_REFERENCED)
 *   inode    held by its dentry; on the inode lru once that is gone
 *   folio    on the lists of the memcg that read the file
 *
 * A deleted file leaves its name behind as a negative dentry, as d_delete does.
 * Left out: directories (a dentry pins its parent's), hard links.
 * Source: fs/dcache.c and fs/inode.c as of 5.2.
 */
import type { Cpu, Machine, Shrinker } from '../../core/index.ts';
import { NO_OBJECT } from '../../core/index.ts';
import { CapacityError } from '../errors.ts';
import { CACHE_NAMES, type CacheName } from './caches.ts';

/** list_lru numbers of the machine. */
const DENTRY_LRU = 0;
const INODE_LRU = 1;
/** list_lrus that a machine needs for files. */
export const FILE_LRUS = 2;

const USED = 1;
/** The file is on the disk, whether anything of it is cached or not. */
const EXISTS = 2;
/** Owner of pages of a log that somebody else has open. */
const NO_FILE = -1;

/** Which rows of names are in use: cgroups' own files come and go. */
class NameRows {
  private readonly next: Int32Array;
  private readonly first: number;
  private free = -1;
  private ever: number;

  constructor(first: number, end: number) {
    this.next = new Int32Array(end);
    this.first = first;
    this.ever = first;
  }

  take(): number {
    const row = this.free;
    if (row >= 0) {
      this.free = this.next[row] as number;
      return row;
    }
    if (this.ever >= this.next.length) {
      throw new CapacityError(outOfRows('names', this.next.length - this.first));
    }
    return this.ever++;
  }

  give(row: number): void {
    this.next[row] = this.free;
    this.free = row;
  }
}

/** The file system of a host: rows 0 to `shared - 1` are the shared files, names of cgroups follow. */
export class Files {
  private readonly machine: Machine;
  private readonly cpu: Cpu;
  private readonly shared: number;
  private readonly accounted: boolean;
  private readonly names: NameRows;
  private readonly dentry: Int32Array;
  private readonly dentryItem: Int32Array;
  private readonly inode: Int32Array;
  private readonly inodeItem: Int32Array;
  private readonly folio: Int32Array;
  private readonly node: Int32Array;
  private readonly flags: Uint8Array;
  private readonly fileOfItem: Int32Array;
  private readonly fileOfFolio: Int32Array;
  private readonly roots: {
    readonly dentry: number;
    readonly inode: number;
    readonly node: number;
  };
  private readonly dirty: { readonly folio: number; readonly since: number }[] = [];
  /** Taken off a list under its lock, to be freed after it (dispose lists of dcache and icache). */
  private readonly disposed: number[] = [];
  /** Objects allocated and freed. */
  operations = 0;

  constructor(
    machine: Machine,
    cpu: Cpu,
    options: { shared: number; names: number; roots: Int32Array; accounted: boolean },
  ) {
    const rows = options.shared + options.names;
    const root = (name: CacheName) => options.roots[CACHE_NAMES.indexOf(name)] as number;
    this.machine = machine;
    this.cpu = cpu;
    this.shared = options.shared;
    this.accounted = options.accounted;
    this.names = new NameRows(options.shared, rows);
    this.dentry = new Int32Array(rows);
    this.dentryItem = new Int32Array(rows);
    this.inode = new Int32Array(rows);
    this.inodeItem = new Int32Array(rows);
    this.folio = new Int32Array(rows);
    this.node = new Int32Array(rows);
    this.flags = new Uint8Array(rows);
    this.fileOfItem = new Int32Array(machine.lruLinks.next.length);
    this.fileOfFolio = new Int32Array(machine.folios.next.length);
    this.roots = {
      ...{ dentry: root('dentry'), inode: root('ext4_inode_cache') },
      node: root('radix_tree_node'),
    };
  }

  /** Looks a name up: the one that does so first pays for dentry and inode. */
  lookUp(file: number): void {
    if (this.dentry[file] !== 0) {
      this.flags[file] = (this.flags[file] as number) | USED;
      return;
    }
    this.addDentry(file);
    this.addInode(file);
  }

  /** A name that does not exist; it never comes again. */
  missing(): void {
    this.addDentry(this.names.take());
  }

  /** Looks a file up and reads it: the first one pays for its page cache. */
  read(memcg: number, file: number, pages: number): void {
    this.lookUp(file);
    if (this.folio[file] === 0 && pages > 0) this.addPages(memcg, file, pages);
    // Reading in is a first use, too (mark_page_accessed in the read path).
    const cached = this.folio[file] as number;
    if (cached !== 0) this.cpu.pageCache.accessed(cached);
  }

  /** A file that nobody had before, just written. */
  create(memcg: number, pages: number, now: number): number {
    const file = this.names.take();
    this.flags[file] = EXISTS;
    this.addDentry(file);
    this.addInode(file);
    if (pages > 0) this.addPages(memcg, file, pages);
    if (this.folio[file] !== 0) this.soil(this.folio[file] as number, now);
    return file;
  }

  /** Pages appended to a file of somebody else, whose dentry and inode are long there. */
  append(memcg: number, pages: number, now: number): void {
    const added = this.cpu.pageCache.add(memcg, pages);
    if (added === 0) return;
    this.fileOfFolio[added] = NO_FILE;
    this.soil(added, now);
  }

  /** Deletes a file; a name that is in use stays as a negative dentry, until the shrinker comes. */
  remove(file: number): void {
    if (this.inodeItem[file] !== 0) {
      this.cpu.lrus.del(INODE_LRU, this.inodeItem[file] as number);
      this.inodeItem[file] = 0;
    }
    this.dropInode(file);
    this.flags[file] = 0;
    this.settle(file);
  }

  /** Deletes a file with the directory that it is in: nothing of its name stays. */
  removeWhole(file: number): void {
    if (this.dentry[file] !== 0) {
      this.cpu.lrus.del(DENTRY_LRU, this.dentryItem[file] as number);
      this.release(this.dentry[file] as number);
      this.dentry[file] = 0;
      this.dentryItem[file] = 0;
    }
    this.remove(file);
  }

  /** A shared file is replaced: the old one is deleted, the next to look finds the new one. */
  replace(file: number): void {
    // The new file takes the name over: the old dentry goes with the old inode.
    this.removeWhole(file);
  }

  /** What was written before `deadline` is written back. */
  writeBack(deadline: number): void {
    const { dirty } = this;
    const { pageCache } = this.cpu;
    const young = dirty.findIndex(({ since }) => since > deadline);
    for (const { folio } of dirty.splice(0, young < 0 ? dirty.length : young)) {
      // Its file may have been deleted, and the row be another's, which is clean or a little younger.
      if (pageCache.memcgOf(folio) !== 0) pageCache.setDirty(folio, false);
    }
  }

  /** Told by reclaim of pages that are gone. */
  readonly evicted = (gone: number, left: number): void => {
    if (left > 0) return;
    const file = this.fileOfFolio[gone] as number;
    if (file === NO_FILE) return;
    this.folio[file] = 0;
    this.dropNode(file);
  };

  /** How the shrinker scans and frees: dentries used since the last scan stay once more. */
  readonly shrinker: Shrinker = {
    lrus: [DENTRY_LRU, INODE_LRU],
    scan: (lru, memcg, objects) => {
      const keep = lru === DENTRY_LRU ? this.keepDentry : this.keepNoInode;
      const removed = this.cpu.lrus.walk(lru, memcg, objects, keep);
      for (const file of this.disposed) {
        if (lru === DENTRY_LRU) this.dropDentry(file);
        else {
          this.inodeItem[file] = 0;
          this.dropInode(file);
          this.settle(file);
        }
      }
      this.disposed.length = 0;
      return removed;
    },
  };

  private readonly keepDentry = (item: number): boolean => {
    const file = this.fileOfItem[item] as number;
    if (((this.flags[file] as number) & USED) !== 0) {
      this.flags[file] = (this.flags[file] as number) & ~USED;
      return true;
    }
    this.disposed.push(file);
    return false;
  };

  private readonly keepNoInode = (item: number): boolean => {
    this.disposed.push(this.fileOfItem[item] as number);
    return false;
  };

  /** The row of a name goes back once it is nowhere: neither cached nor on the disk. */
  private settle(file: number): void {
    if (file < this.shared || this.dentry[file] !== 0 || this.inode[file] !== 0) return;
    if (((this.flags[file] as number) & EXISTS) !== 0) return;
    this.flags[file] = 0;
    this.names.give(file);
  }

  private allocate(root: number): number {
    this.operations++;
    const handle = this.accounted ? this.cpu.kmalloc(root) : this.cpu.alloc(root);
    if (handle !== NO_OBJECT) return handle;
    throw new CapacityError(outOfRows('slabRows', this.machine.config.slabRows));
  }

  private release(handle: number): void {
    this.operations++;
    this.cpu.free(handle);
  }

  private addDentry(file: number): void {
    const handle = this.allocate(this.roots.dentry);
    const item = this.cpu.lrus.add(DENTRY_LRU, handle);
    this.dentry[file] = handle;
    this.dentryItem[file] = item;
    this.fileOfItem[item] = file;
  }

  /** With a dentry the inode is held: it leaves the lru. */
  private addInode(file: number): void {
    if (this.inode[file] === 0) this.inode[file] = this.allocate(this.roots.inode);
    else if (this.inodeItem[file] !== 0) {
      this.cpu.lrus.del(INODE_LRU, this.inodeItem[file] as number);
      this.inodeItem[file] = 0;
    }
  }

  private addPages(memcg: number, file: number, pages: number): void {
    const added = this.cpu.pageCache.add(memcg, pages);
    if (added === 0) return;
    this.folio[file] = added;
    this.fileOfFolio[added] = file;
    // A page at index 0 sits in the tree's root itself; more need a node, as a rule one (64 pages).
    if (pages > 1) this.node[file] = this.allocate(this.roots.node);
  }

  private soil(folio: number, since: number): void {
    this.cpu.pageCache.setDirty(folio, true);
    this.dirty.push({ folio, since });
  }

  private dropNode(file: number): void {
    if (this.node[file] === 0) return;
    this.release(this.node[file] as number);
    this.node[file] = 0;
  }

  private dropInode(file: number): void {
    if (this.folio[file] !== 0) {
      this.cpu.pageCache.remove(this.folio[file] as number);
      this.folio[file] = 0;
      this.dropNode(file);
    }
    if (this.inode[file] === 0) return;
    this.release(this.inode[file] as number);
    this.inode[file] = 0;
  }

  /** The last of a dentry: its inode may be reclaimed now. */
  private dropDentry(file: number): void {
    this.release(this.dentry[file] as number);
    this.dentry[file] = 0;
    this.dentryItem[file] = 0;
    if (this.inode[file] === 0) {
      this.settle(file);
      return;
    }
    const item = this.cpu.lrus.add(INODE_LRU, this.inode[file] as number);
    this.inodeItem[file] = item;
    this.fileOfItem[item] = file;
  }
}

function outOfRows(what: string, limit: number): string {
  return `${what} (${limit}) reached; watch fewer days, or fewer cgroups`;
}
