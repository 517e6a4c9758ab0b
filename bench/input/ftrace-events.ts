/** Events of an ftrace text that say something about slab, page cache and cgroups, as numbers. */

/** Kinds of events. */
export const TRACE = {
  kmemCacheAlloc: 1,
  kmemCacheFree: 2,
  kmalloc: 3,
  kfree: 4,
  filemapAdd: 5,
  filemapDelete: 6,
  cgroupMkdir: 7,
  cgroupRmdir: 8,
  cgroupRelease: 9,
  cgroupAttach: 10,
  cgroupTransfer: 11,
  fork: 12,
  exit: 13,
  marker: 14,
} as const;

/** The names that ftrace prints, by kind. */
export const TRACE_NAMES: Readonly<Record<string, number>> = {
  kmem_cache_alloc: TRACE.kmemCacheAlloc,
  kmem_cache_free: TRACE.kmemCacheFree,
  kmalloc: TRACE.kmalloc,
  kfree: TRACE.kfree,
  mm_filemap_add_to_page_cache: TRACE.filemapAdd,
  mm_filemap_delete_from_page_cache: TRACE.filemapDelete,
  cgroup_mkdir: TRACE.cgroupMkdir,
  cgroup_rmdir: TRACE.cgroupRmdir,
  cgroup_release: TRACE.cgroupRelease,
  cgroup_attach_task: TRACE.cgroupAttach,
  cgroup_transfer_tasks: TRACE.cgroupTransfer,
  sched_process_fork: TRACE.fork,
  sched_process_exit: TRACE.exit,
  tracing_mark_write: TRACE.marker,
};

/** One event; the reader fills in the same object again and again. */
export interface TraceEvent {
  kind: number;
  /** Line of the input, from 1. */
  line: number;
  cpu: number;
  /** Microseconds; with a clock that counts (counter, uptime, cycles) what it counted. */
  time: number;
  /** Task that ran, which in an interrupt has nothing to do with the event. */
  pid: number;
  /** 1 in an interrupt, 0 not, -1 where the format does not say. */
  interrupt: number;
  /** Halves of the pointer; a hashed one has no upper half. */
  pointerHigh: number;
  pointerLow: number;
  /** Number of the cache's name, -1 where the kernel gives none. */
  name: number;
  /** Number of the call site, of allocations without a name; -1 otherwise. */
  callSite: number;
  bytesReq: number;
  bytesAlloc: number;
  /** 1, 0, or -1 where the kernel does not say. */
  accounted: number;
  devMajor: number;
  devMinor: number;
  inode: number;
  /** Bytes. */
  offset: number;
  order: number;
  /** Hierarchy, cgroup and level; the cgroup is the inode number of its directory. */
  root: number;
  cgroup: number;
  level: number;
  /** Number of the path. */
  path: number;
  /** Task that was attached or transferred, and the child of a fork. */
  targetPid: number;
  childPid: number;
  /** Number of a marker's text. */
  text: number;
}

/** An event with nothing in it. */
export function emptyEvent(): TraceEvent {
  return {
    ...{ kind: 0, line: 0, cpu: 0, time: 0, pid: 0, interrupt: 0, pointerHigh: 0, pointerLow: 0 },
    ...{ name: 0, callSite: 0, bytesReq: 0, bytesAlloc: 0, accounted: 0, devMajor: 0, devMinor: 0 },
    ...{ inode: 0, offset: 0, order: 0, root: 0, cgroup: 0, level: 0, path: 0, targetPid: 0 },
    ...{ childPid: 0, text: 0 },
  };
}
