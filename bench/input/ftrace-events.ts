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

/** The names that ftrace prints, by kind. Kernels before 6.1 had the `_node` ones as well. */
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
  kmem_cache_alloc_node: TRACE.kmemCacheAlloc,
  kmalloc_node: TRACE.kmalloc,
};

/** Name of each kind, as ftrace prints it. */
export const KIND_NAMES: readonly string[] = Object.values(TRACE).map(
  (kind) => Object.entries(TRACE_NAMES).find(([, one]) => one === kind)?.[0] ?? '',
);

/**
 * One event; the reader fills in the same object again and again. Fields that the kind of event does not have keep
 * what an earlier event left in them. Texts are numbers: `nameOf` of the reader gives the string.
 */
export interface TraceEvent {
  /** One of TRACE. */
  kind: number;
  /** Line of the file, from 1. */
  line: number;
  cpu: number;
  /** Microseconds (a fraction with nine digits); with a clock that counts (counter, uptime, cycles) what it counted. */
  time: number;
  /** Task that ran, which in an interrupt has nothing to do with the event. */
  pid: number;
  /** 1 in an interrupt, 0 not, -1 where the format does not say. */
  interrupt: number;
  /** Halves of the pointer, int32. */
  pointerHigh: number;
  pointerLow: number;
  /** 1 if the upper half is 0: a hashed pointer (or null). */
  hashed: number;
  /** Number of the cache's name, -1 where the kernel gives none. */
  name: number;
  /** Number of what a kernel before 5.9 puts behind the name in brackets, `123:foo.service`; -1 otherwise. */
  nameCgroup: number;
  /** Number of the call site, with its module. */
  callSite: number;
  bytesReq: number;
  bytesAlloc: number;
  /** 1, 0, or -1 where the kernel does not say. */
  accounted: number;
  devMajor: number;
  devMinor: number;
  /** Exact up to 2^53; the halves (int32) always are. */
  inode: number;
  inodeHigh: number;
  inodeLow: number;
  /** Bytes. */
  offset: number;
  order: number;
  pfn: number;
  /** Hierarchy, cgroup and level; the cgroup is the inode number of its directory. */
  root: number;
  cgroup: number;
  level: number;
  /** Number of the path. */
  path: number;
  /** Task that was attached, transferred or ended, and the parent of a fork. */
  targetPid: number;
  childPid: number;
  /** Number of the name that the event itself gives to the target task, and to the child of a fork. */
  comm: number;
  childComm: number;
  /** Number of a marker's text. */
  text: number;
}

/** An event with nothing in it. Numbers that may be fractions or large begin as such: their kind never changes. */
export function emptyEvent(): TraceEvent {
  return {
    kind: 0,
    line: 0,
    cpu: 0,
    time: Number.NaN,
    pid: 0,
    interrupt: 0,
    pointerHigh: 0,
    pointerLow: 0,
    hashed: 0,
    name: -1,
    nameCgroup: -1,
    callSite: -1,
    bytesReq: 0,
    bytesAlloc: 0,
    accounted: -1,
    devMajor: 0,
    devMinor: 0,
    inode: Number.NaN,
    inodeHigh: 0,
    inodeLow: 0,
    offset: Number.NaN,
    order: 0,
    pfn: Number.NaN,
    root: 0,
    cgroup: Number.NaN,
    level: 0,
    path: -1,
    targetPid: 0,
    childPid: 0,
    comm: -1,
    childComm: -1,
    text: -1,
  };
}
