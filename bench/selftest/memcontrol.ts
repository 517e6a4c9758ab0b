/** The cases of tools/testing/selftests/cgroup/test_memcontrol.c, as far as they are about page cache. */
import { check, type Findings, type RunnableCase, same } from './case.ts';
import { emptied, exact } from './ending.ts';
import { NOTHING_TO_SHRINK, readFile, reclaimTo, tryToFree } from './reclaim.ts';
import { PAGE, type TestMachine, type World } from './world.ts';

const SOURCE = 'tools/testing/selftests/cgroup/test_memcontrol.c';
const MEBIBYTE = 2 ** 20;
const FILE = 50 * MEBIBYTE;
const TARGET = 30 * MEBIBYTE;
const FILE_PAGES = FILE / PAGE;
/** Times that the kernel's test writes to memory.reclaim. */
const RECLAIMS = 5;

/** values_close of the kernel's tests: within some percent of the sum, in whole numbers. */
function close(a: number, b: number, percent: number): boolean {
  return Math.abs(a - b) <= Math.floor((a + b) / 100) * percent;
}

function boot(world: World): { host: TestMachine; memcg: number } {
  const host = world.boot({ memcgs: 2, objects: 64, folios: FILE_PAGES });
  return { host, memcg: host.mkdir() };
}

/** Page cache of the memcg is given back as drop_caches would. */
function ending(host: TestMachine, memcg: number) {
  return emptied(host, memcg, () => {
    host.cpu.pageCache.dropClean(memcg, () => {});
  });
}

/** `file` of memory.stat. */
function fileOf(host: TestMachine, memcg: number): number {
  return PAGE * host.cpu.pageCache.pagesOf(memcg);
}

function currentPeak(world: World): Findings {
  const { host, memcg } = boot(world);
  const fresh = host.current(memcg) + host.peak(memcg);
  readFile(host, memcg, FILE_PAGES);
  const current = host.current(memcg);
  const file = fileOf(host, memcg);
  const peak = host.peak(memcg);
  for (const cpu of host.cpus) cpu.drainStock();
  const drained = host.current(memcg);
  return {
    kernel: [
      same('fresh', fresh, 0, 'bytes at first'),
      check('file', close(file, current, 10), `file ${file}, current ${current}`),
      check('peak', peak >= FILE, `peak ${peak}`),
    ],
    strict: [
      same('current', drained, file, 'bytes of current'),
      exact(host),
      ...ending(host, memcg),
    ],
  };
}

/** memory.high: whoever is over it reclaims what he charged. */
function high(world: World): Findings {
  const { host, memcg } = boot(world);
  let most = 0;
  for (let read = 0; read < FILE_PAGES; read += 32) {
    readFile(host, memcg, Math.min(32, FILE_PAGES - read));
    most = Math.max(most, host.current(memcg));
    const over = (host.current(memcg) - TARGET) / PAGE;
    if (over > 0) tryToFree(host, memcg, over, NOTHING_TO_SHRINK);
  }
  const current = host.current(memcg);
  return {
    kernel: [
      check('whole', fileOf(host, memcg) < FILE, 'the file is not cached as a whole'),
      check('settles', close(current, TARGET, 5), `current ${current}`),
    ],
    strict: [
      check('over', most <= TARGET + 64 * PAGE, `${most - TARGET} over at the most`),
      exact(host),
      ...ending(host, memcg),
    ],
  };
}

function max(world: World): Findings {
  const { host, memcg } = boot(world);
  host.cpu.setLimit(memcg, TARGET / PAGE);
  const read = readFile(host, memcg, FILE_PAGES);
  const current = host.current(memcg);
  const hits = host.limitHits(memcg);
  const peak = host.peak(memcg);
  return {
    kernel: [
      check('read', read, 'the file was read'),
      check('settles', close(current, TARGET, 5), `current ${current}`),
      check('limit', current > 0 && current <= TARGET, 'within the limit'),
      check('events', hits > 0, `${hits} charges met it`),
    ],
    strict: [check('peak', peak <= TARGET, `peak ${peak}`), exact(host), ...ending(host, memcg)],
  };
}

function reclaim(world: World): Findings {
  const { host, memcg } = boot(world);
  readFile(host, memcg, FILE_PAGES);
  const before = host.current(memcg);
  let lied = false;
  for (let tries = 0; tries < RECLAIMS && !close(host.current(memcg), TARGET, 3); tries++) {
    const done = reclaimTo(host, memcg, TARGET, NOTHING_TO_SHRINK);
    const over = host.current(memcg) > TARGET && !close(host.current(memcg), TARGET, 3);
    lied ||= done && over;
  }
  const current = host.current(memcg);
  return {
    kernel: [
      check('cached', close(before, FILE, 10), `current ${before}`),
      check('honest', !lied, 'no success above the target'),
      check('reclaimed', close(current, TARGET, 3), `then ${current}`),
    ],
    strict: [exact(host), ...ending(host, memcg)],
  };
}

const PART = 'the part about page cache; the others are skipped by name';

/** The cases, or parts of them, that the model can run. */
export const MEMCONTROL_CASES: readonly RunnableCase[] = [
  {
    name: 'memcg_current_peak',
    source: SOURCE,
    about:
      'a new cgroup is empty; after a file of 50 MiB was read, file is current, and peak saw it',
    standsFor: PART,
    run: currentPeak,
    expected: [],
  },
  {
    name: 'memcg_high',
    source: SOURCE,
    about: 'with memory.high of 30 MiB, the cache of a file of 50 MiB settles at 30 MiB',
    standsFor: `${PART}; memory.high is passes of reclaim after each charge that is over it`,
    run: high,
    expected: [],
  },
  {
    name: 'memcg_max',
    source: SOURCE,
    about: 'with memory.max of 30 MiB, a file of 50 MiB can be read, and 30 MiB of it stay',
    standsFor: PART,
    run: max,
    expected: [],
  },
  {
    name: 'memcg_reclaim',
    source: SOURCE,
    about:
      'memory.reclaim takes a cache of 50 MiB to 30 MiB in five writes, and does not claim to when it did not',
    standsFor: `${PART}; memory.reclaim is passes of reclaim`,
    run: reclaim,
    expected: [],
  },
];
