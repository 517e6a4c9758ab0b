/** What the model has of the kernel: sentences of docs/fidelity.md, each with what shows it. */

/** Something that is as in the kernel. */
export interface ExactPart {
  readonly what: string;
  readonly rule: string;
  /** Test files and commands. */
  readonly shownBy: string;
}

/** Something that differs, or that is not there. */
export interface OtherPart {
  readonly what: string;
  /** How it differs; why it is left out. */
  readonly text: string;
}

/** Parts that are as in the kernel, step by step. */
export const EXACT: readonly ExactPart[] = [
  {
    what: 'size of an object',
    rule: 'word, align, HWCACHE_ALIGN halved, a word behind the object for a constructor or TYPESAFE_BY_RCU (5.2 to 6.18). Of host-6.18, 12 need the constructor and 1 the inner free pointer, which no recorded file shows',
    shownBy: '`slabsplice geometry host-6.18`, `test/geometry/host-6-18.test.ts`',
  },
  {
    what: 'order, objects per slab',
    rule: 'the rules of 5.2 and 5.3, and of 6.7 and later; they differ for sizes of 10,928 to 12,280 alone. Each listing holds for its range of CPUs and for no other',
    shownBy: '`test/geometry/published.test.ts`',
  },
  {
    what: 'min_partial, cpu_partial',
    rule: 'both kernels, in objects and in slabs',
    shownBy: '`slabsplice geometry host-6.18`, `test/geometry/published.test.ts`',
  },
  {
    what: 'fall-back order, as a number',
    rule: 'the smallest order for one object; sysfs does not show it',
    shownBy: '`test/geometry/properties.test.ts`, `test/geometry/host-6-18.test.ts`',
  },
  {
    what: 'merging of caches',
    rule: 'which caches share slabs, their aliases; the last user takes the cache along, not the first; none into a dying one (M05, M07)',
    shownBy:
      '`test/geometry/merging.test.ts`, `test/core/root-caches.test.ts`, `slabsplice explore`',
  },
  {
    what: 'partial slabs of a CPU',
    rule: 'since 5.16 by slabs, before by free objects as they were counted on arrival; slabs of up to 32 objects',
    shownBy:
      '`test/core/slub-rules.test.ts` (a naive copy of the rules, every list after each step)',
  },
  {
    what: 'partial slabs of the node',
    rule: 'min_partial, 0 once deactivated; which slabs go to the head and which to the tail; shrink sorts them',
    shownBy: '`test/core/slub-rules.test.ts`',
  },
  {
    what: 'TYPESAFE_BY_RCU',
    rule: 'objects are used again at once; pages stay, charged, for a grace period; caches wait for it (M03)',
    shownBy: '`test/core/typesafe.test.ts`, `test/core/root-caches.test.ts`, `slabsplice explore`',
  },
  {
    what: 'references and charges',
    rule: 'css, cache and obj_cgroup references, page counters, stocks, batched statistics: recounted to the last page',
    shownBy:
      '`test/core/audit.test.ts`, `test/core/model.test.ts`; the audit after each case of each command',
  },
  {
    what: 'order of a removal',
    rule: 'rmdir, grace period, offline, hand-over, kmem id and lists, shrink, kill, grace periods, release (5.2, 5.3, 5.9)',
    shownBy: '`test/core/removal.test.ts`, `test/core/lifecycle.test.ts`, `slabsplice explore`',
  },
  {
    what: 'percpu references',
    rule: 'per-CPU until killed, a grace period, then atomic',
    shownBy: '`test/core/percpu-ref.test.ts`',
  },
  {
    what: 'charge stock of pages',
    rule: 'a batch of pages is charged ahead (32 in `storm` and `leak`, as in 5.2 and 5.3); the next memcg drains it; a removed memcg may be kept by it (D4)',
    shownBy: '`test/core/charge.test.ts`',
  },
  {
    what: 'owner of an object (5.9)',
    rule: 'bytes and the pointer are charged; pages are drained from the stock; hand-over by pointer and list',
    shownBy: '`test/core/objcg.test.ts`, `slabsplice explore --strategies objcg`',
  },
  {
    what: 'what reclaim asks for',
    rule: 'a list of fewer than 4,096 objects gets no pressure at priority 12; deferred scans; 32 pages at least of a removed memcg',
    shownBy: '`test/core/reclaim.test.ts`, `test/leak/reclaim.test.ts`',
  },
  {
    what: 'list_lrus and arrays by kmem id',
    rule: 'lists, counts and shrinker bits go to the parent; arrays begin with 4 slots, double, and never shrink',
    shownBy: '`test/core/list-lru.test.ts`, `test/core/array-slots.test.ts`',
  },
];

/** Parts that are there and differ. */
export const APPROXIMATE: readonly OtherPart[] = [
  {
    what: 'slabs of more than 32 objects',
    text: 'a CPU takes 32 free objects at a time, not the whole list of the page: `inuse` is lower meanwhile, and a slab that its CPU gives back goes to the tail where SLUB may put it at the head',
  },
  {
    what: 'which free object of a slab is next',
    text: 'the lowest bit, not the last that was freed (nor CONFIG_SLAB_FREELIST_RANDOM)',
  },
  {
    what: '512 objects a slab at most',
    text: 'only tiny objects on 64 KiB pages or with order > 0 have more; `replay` cuts them to 512',
  },
  {
    what: 'cpu_partial of 0 between 5.16 and 6.9',
    text: 'get_partial_node takes one slab more there; the model is 6.10, and by objects 5.2',
  },
  {
    what: 'search for a cache to merge with',
    text: 'by row, where the kernel goes by age; there can only be one match, unless a dying cache came back',
  },
  {
    what: 'partial slabs in `compare`, `storm` and built-in populations',
    text: 'by slabs, as since 5.16, whatever the kernel of the strategy; `leak` and `replay` choose by kernel',
  },
  {
    what: 'references of a hand-over',
    text: "moved in one addition, where the kernel puts the child's one by one",
  },
  {
    what: 'vector of owners (5.9)',
    text: 'there from the start, where the kernel allocates it for the first accounted object; a page stock holds a reference for each page (5.9: one); nothing but slab objects is charged by the byte',
  },
  {
    what: 'interrupts and preemption',
    text: 'an interrupt comes at a poll and frees objects; a CPU loses its turn under `explore` alone, before any shared step',
  },
  {
    what: 'memory ordering',
    text: 'sequentially consistent: a barrier that the kernel needs on a weaker machine cannot be missed here',
  },
  {
    what: 'reclaim',
    text: 'asked for by whoever drives the machine, with no other thread creating or removing memcgs; an allocation at a limit fails after stocks were drained',
  },
  {
    what: 'page cache',
    text: 'read and written pages on two lists of a memcg; no refaults',
  },
  {
    what: 'arrays of copies by kmem id',
    text: 'room for every id from the start, so nothing is copied and published anew; `arraySlots` counts what the kernel would have',
  },
  {
    what: 'hosts of `leak`',
    text: 'one CPU allocates, so the objects of a cgroup lie on fewer slabs than on a real host; what a publication does not say about its host is guessed, and marked so in docs/scenarios.md',
  },
  {
    what: 'slab used by objects on hosts of `leak`',
    text: 'only of what the scenario has: what short cgroups use and leave (3.6 MB of objects on a web-frontend, where a production one had some 1.6 GB of slab). Slabs of removed cgroups are 3 % used, so the share depends on what else a host holds, of which nothing is published: 14 % under pin and 70 % under objcg, 87 and 94 % with `--set files.count=100000` (docs/leak.md)',
  },
  {
    what: '`replay`',
    text: 'what a trace shows and no more: against three recordings of Linux 6.18 it is off by 0.2 to 0.4 dying cgroups on average (docs/replay.md)',
  },
  {
    what: 'time',
    text: "the machine's own, of JavaScript: ratios and growth carry over, nanoseconds do not. `leak` has a virtual clock, and none for the steps of the kernel",
  },
];

/** Parts that are not there. */
export const ABSENT: readonly OtherPart[] = [
  {
    what: 'slabs of the fall-back order',
    text: 'objects and pages per slab are looked up by cache at each free, uncharge and hand-over; a second size would be a branch in the hot path',
  },
  { what: 'fragmentation, watermarks, GFP flags', text: 'pages never run short by order' },
  {
    what: 'NUMA',
    text: 'one node, one partial list per cache, one pair of folio lists per memcg; obj_cgroups alone may have two nodes',
  },
  { what: 'DMA zones, debug options, bulk free', text: 'they change neither owner nor charge' },
  { what: 'sheaves (6.18)', text: 'for the few caches that ask for them' },
  {
    what: 'SLAB_KASAN, NOLEAKTRACE, FAILSLAB as bars to merging',
    text: 'not to be seen in /sys/kernel/slab; debug builds have them',
  },
  {
    what: 'anonymous, mapped and shared memory, swap, sockets, write-back structures',
    text: 'the strategies are about slab; page cache is here for what it pins',
  },
  {
    what: 'cgroup v1 counters, CPU hotplug, sysfs',
    text: 'no claim and no published number needs them; the bytes of sysfs directories are counted in `leak`',
  },
  {
    what: 'SLAB and SLOB',
    text: 'the allocator is SLUB; what is said of the others is `not modelled`',
  },
  {
    what: 'frees of what is free',
    text: "noticed on a page or on this CPU's list, not on the list of another CPU",
  },
  {
    what: 'six of the ten rows of listing C',
    text: 'the listing was not found again, so they are not held against',
  },
];

/** A published number that the model has no number for. */
export interface Unheld {
  readonly source: string;
  readonly published: string;
  /** What stands beside it instead, or why nothing does. */
  readonly text: string;
}

/** Times and rates: what they are ratios of can be measured, their sizes cannot. */
export const RATIO_ONLY: readonly Unheld[] = [
  {
    source: '"[PATCH v7 08/10] mm: rework non-root kmem_cache lifecycle management", 2019-06-11',
    published:
      'find and drop of slab, mean of 10: 1.388 s before, 1.400 s with a reference counter per cache (sys 0.834 and 0.821 s)',
    text: 'alloc and free under `pin` and `splice-caches`: `slabsplice compare`',
  },
  {
    source: '"[PATCH v7 00/19] The new cgroup slab memory controller", 2020-06-23',
    published:
      'bulk allocation, cycles, SLUB: 87 before and 90 after for one object (least of three runs), 31 and 32 for eight',
    text: 'alloc and free under `splice-caches` and `objcg`, one at a time: `slabsplice compare`',
  },
  {
    source: 'R. Gushchin, 2023, a million kmalloc(64)',
    published: '29.8 ns unaccounted; in a child 84.5, then 59.1 ns (-30 %)',
    text: 'an allocation of a cgroup beside one of the root: `slabsplice compare --strategies objcg`',
  },
  {
    source: 'LKP and mq ping-pong, 2026-05',
    published:
      '-67.7 % and -19.7 % of operations with an obj_cgroup per node; -4.8 % with five slots',
    text: 'drains per operation, above; throughput: `slabsplice storm --strategies objcg,objcg-per-node,objcg-five-slots`',
  },
];

/** Nothing in the model says anything about these. */
export const NOT_HELD: readonly Unheld[] = [
  {
    source: 'cover letters of the series, 2019',
    published: 'one host with more than 100 GB held by dying cgroups',
    text: 'nothing but that sentence is known',
  },
  {
    source:
      '"mm: slab: make page_cgroup_ino() to recognize non-compound slab pages properly", 2019-10',
    published: "slab pages of a user's cgroup: 38, then 147",
    text: 'page_cgroup_ino is not modelled',
  },
  {
    source: '"[PATCH 00/16]" to "v7 00/19", 2019-10 to 2020-06',
    published: 'slab memory of production hosts less by 30 to 45 %, 650 to 800 MB',
    text: 'of the hosts only that size is known: some 1.6 GB of slab, of which a scenario has the part that short cgroups use; the utilisation above is that part’s, see Approximately',
  },
  {
    source: 'B. B. Rao, 2019-12-10 and 2020-01-30',
    published: 'kmem of an idle container 8.688 to 1 MiB; sysbench, kernel builds',
    text: 'programs are not simulated',
  },
  {
    source: 'S. Luther, 2022-12; W. Long, 2021; S. Butt, 2022; LKP, 2021-01',
    published: 'message queues, kmalloc loops of 96 threads, netperf, hackbench',
    text: 'absolute times and rates of certain processors',
  },
  {
    source: 'B. B. Rao, 2020-11-18; V. Guittot, 2021-01-20',
    published: 'slab after boot and hackbench: 205,760 and 156,096 kB; hackbench 3.173 and 9.135 s',
    text: 'the geometry behind them is compared, the programs are not simulated',
  },
  {
    source: 'R. Gushchin, 2019-03, with early release',
    published: '39 kB instead of 75 kB for each dying cgroup',
    text: 'that series is no strategy here',
  },
  {
    source: 'R. Gushchin, 2019-10 (inode write-back)',
    published: '1,000 to 2,000 dying cgroups on many hosts',
    text: 'the structure that pins there is not simulated',
  },
  {
    source: 'J. Weiner, 2019-04',
    published: 'up to 5 % of CPU time for reading memory.stat',
    text: 'reading is not timed',
  },
  {
    source: 'cri-o issue 1839; kind issue 421 (CI node); moby issue 37722; kube-aws issue 954',
    published: '+2 for a container; 229 where others have 125; 3.26 GB; 4.1 million dentries',
    text: 'rate or time is missing (docs/scenarios.md)',
  },
];
