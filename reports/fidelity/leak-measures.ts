/** Published numbers about scenarios of `leak` that are no course of dying cgroups, and how to take the model's. */
import { valueAt } from '../leak-summary.ts';
import type { LeakResults, LeakSeries } from '../results-leak.ts';

interface LeakMeasure {
  /** Name of the scenario, with `, kmem off` for a run without kernel memory accounting. */
  readonly scenario: string;
  readonly source: string;
  readonly what: string;
  readonly unit: string;
  readonly published: number | [number, number];
  readonly agreement: 'tested' | 'fitted';
  /** The model's number; NaN where the strategy is not in the record. */
  take(results: LeakResults): number;
}

function seriesOf({ series }: LeakResults, strategy: string): LeakSeries | undefined {
  return series.find((one) => one.strategy === strategy);
}

/** More kB (of 1,024 bytes) at a day than at the start. */
function moreKb(
  results: LeakResults,
  strategy: string,
  key: 'percpuBytes' | 'slabBytes',
  day: number,
): number {
  const values = seriesOf(results, strategy)?.[key] ?? [];
  const then = valueAt(results.days, values, day) ?? Number.NaN;
  return (then - (values[0] ?? Number.NaN)) / 1024;
}

function last(values: readonly number[] | undefined): number {
  return values?.at(-1) ?? Number.NaN;
}

/** Objects' bytes over pages' bytes at the end, in percent. */
function utilisation(results: LeakResults, strategy: string): number {
  const found = seriesOf(results, strategy);
  return (100 * last(found?.objectBytes)) / last(found?.pageBytes);
}

const LONG = 'W. Long, "percpu_stats_disabled" patch, 2022-04-21';
const SMALL_JOBS = 'R. Gushchin, "reduce the memory footprint of dying memory cgroups", 2019-03';
const CONTROLLER = '"[PATCH 00/16] The new slab memory controller", 2019-10-17';
const ETCD = 'coreos issue 1927, 2017-04-23';
const LIST_LRU = 'M. Song, "Shrink the list lru size on memory cgroup removal", 2021-04-28';
/** Files in the sysfs directory of a kmem_cache, one of its own among them (the scenario's cacheSysfsBytes). */
const KERNFS_NODES = 32;
/** 952 superblocks with two list_lrus, four nodes: lists of 32 bytes, and a pointer to each. */
const LISTS = 952 * 2 * 4;
const LIST_BYTES = 32;
const SLOT_BYTES = LIST_BYTES + 8;
const arraySlots = (results: LeakResults): number =>
  last(seriesOf(results, 'pin')?.parts.lruArrays) / (LISTS * SLOT_BYTES);

/** All of them, in the order of the document. */
export const LEAK_MEASURES: readonly LeakMeasure[] = [
  {
    ...{ scenario: 'web-frontend', source: CONTROLLER, unit: '%', agreement: 'tested' },
    what: 'objects in slab pages, a cache per memcg (pin)',
    published: [45, 65],
    take: (results) => utilisation(results, 'pin'),
  },
  {
    ...{ scenario: 'web-frontend', source: CONTROLLER, unit: '%', agreement: 'tested' },
    what: 'objects in slab pages, shared caches (objcg; "high 90s", taken from accounting off)',
    published: [95, 99],
    take: (results) => utilisation(results, 'objcg'),
  },
  {
    ...{ scenario: 'web-frontend, kmem off', unit: 'cgroups', agreement: 'tested' },
    source: 'cover letters v4, v5 and v7 of the series, 2019',
    what: 'dying, kernel memory accounting off ("about 100")',
    published: 100,
    take: (results) => last(seriesOf(results, 'pin')?.dying),
  },
  {
    ...{ scenario: 'container-tool', source: LONG, unit: 'kB', agreement: 'tested' },
    what: 'more per-CPU memory after 2,000 runs',
    published: [74_112, 76_032],
    take: (results) => moreKb(results, 'splice-caches', 'percpuBytes', 0.0462963),
  },
  {
    ...{ scenario: 'small-jobs-2019', source: SMALL_JOBS, unit: 'kB', agreement: 'tested' },
    what: 'more per-CPU memory with 1,000 dying',
    published: 57_216,
    take: (results) => moreKb(results, 'pin', 'percpuBytes', 0.01),
  },
  {
    ...{ scenario: 'small-jobs-2019', source: SMALL_JOBS, unit: 'kB', agreement: 'tested' },
    what: 'more slab with 1,000 dying',
    published: 17_060,
    take: (results) => moreKb(results, 'pin', 'slabBytes', 0.01),
  },
  {
    ...{ scenario: 'etcd-healthcheck', source: ETCD, unit: 'kB', agreement: 'tested' },
    what: 'slab',
    published: 5_399_367,
    take: (results) => last(seriesOf(results, 'pin')?.slabBytes) / 1024,
  },
  {
    ...{ scenario: 'etcd-healthcheck', source: ETCD, unit: 'objects', agreement: 'tested' },
    what: 'slab objects in use (model: sysfs nodes of caches, which nearly all of them are)',
    published: 36_046_033,
    take: (results) => KERNFS_NODES * last(seriesOf(results, 'pin')?.cacheCount),
  },
  {
    ...{ scenario: 'list-lru-arrays', source: LIST_LRU, unit: 'slots', agreement: 'tested' },
    what: 'slots of the list_lru arrays',
    published: 24_574,
    take: arraySlots,
  },
  {
    ...{ scenario: 'list-lru-arrays', source: LIST_LRU, unit: 'GiB', agreement: 'tested' },
    what: 'memory of the lists in them',
    published: 5.6,
    take: (results) => (arraySlots(results) * LISTS * LIST_BYTES) / 2 ** 30,
  },
];
