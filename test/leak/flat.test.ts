/** Memory over a simulated year: what does not leak does not grow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CACHE_NAMES, createRootCaches } from '../../bench/leak/caches.ts';
import { FILE_LRUS, Files } from '../../bench/leak/files.ts';
import {
  attachMachine,
  bindCpu,
  createMachine,
  type Machine,
  ROOT_MEMCG,
} from '../../core/index.ts';
import { kind, scenarioOf, simulate } from './small-scenario.ts';

/** Runs a host and looks at its machine afterwards, which it does not hand out: at the memory it asks for. */
function machineOf(act: () => void): Machine {
  const Native = globalThis.SharedArrayBuffer;
  const made: SharedArrayBuffer[] = [];
  globalThis.SharedArrayBuffer = class extends Native {
    constructor(bytes: number) {
      super(bytes);
      made.push(this);
    }
  } as SharedArrayBufferConstructor;
  try {
    act();
  } finally {
    globalThis.SharedArrayBuffer = Native;
  }
  const [main, strategy] = made;
  assert.ok(main !== undefined, 'no machine was made');
  return attachMachine({ main, strategy: strategy ?? null });
}

/** The most rows that were ever in use of each table. */
function mostRows(machine: Machine) {
  return {
    slabs: machine.globals.slabBump[0],
    memcgs: machine.memcgRows.end(),
    caches: machine.cacheRows.end() - machine.config.rootCaches,
    folios: machine.folioRows.end() - 2 * machine.config.memcgs,
    slots: machine.globals.arraySlots[0],
  };
}

const YEAR = 400;

/**
 * A cgroup an hour that leaves nothing behind for longer than half an hour (names that were used are
 * kept once more, so it takes two or three passes): never are there two at a time.
 */
function tidyHost(days: number) {
  return scenarioOf({
    ...{ days, samplesPerDay: 1, cgroupsPerDay: 24, pressure: { passesPerHour: 6, priority: 0 } },
    // All of it is read by services at boot.
    ...{ host: { services: 3 }, files: { count: 200, pages: 4, cachedAtBoot: 1 } },
    kinds: [
      kind({
        ...{ schedule: 'timer', processes: 2, sockets: 2, pipes: 2, filesUsed: 9, filesRead: 3 },
        ...{ temporaryFiles: 4, missingNames: 3, handedOver: 4, handedOverHours: 0.2 },
      }),
    ],
  });
}

for (const strategy of ['pin', 'splice-caches']) {
  test(`${strategy}: a year on which nothing is left takes no more memory than a quarter`, () => {
    let long: ReturnType<typeof simulate> | undefined;
    const machines = [YEAR / 4, YEAR].map((days) =>
      machineOf(() => {
        long = simulate(tidyHost(days), strategy);
      }),
    );
    const [quarter, year] = machines;
    assert.ok(quarter !== undefined && year !== undefined && long !== undefined);
    assert.ok(long.created > 24 * YEAR - 30, `created ${long.created}`);
    assert.deepEqual(mostRows(year), mostRows(quarter));
    const { samples } = long;
    const bounds = (from: number) => {
      const part = samples.slice(from, from + 100);
      const most = (of: (sample: (typeof samples)[number]) => number) => Math.max(...part.map(of));
      return {
        dying: most(({ dying }) => dying),
        live: most(({ live }) => live),
        ids: most(({ ids }) => ids),
        arrays: most(({ parts }) => parts.lruArrays),
        pages: most(({ keptByPages }) => keptByPages),
      };
    };
    assert.deepEqual(bounds(300), bounds(1));
  });
}

test('names of files that come and go are used again', () => {
  // Room for three names beside the shared file: a fourth at the same time would be refused.
  const machine = createMachine({
    ...{ strategy: 'splice-caches', cpus: 1, slabRows: 1000, kmemCaches: 100, memcgs: 8 },
    ...{ rootCaches: CACHE_NAMES.length, kmemIds: 8, lrus: FILE_LRUS, lruItems: 8, folios: 8 },
  });
  const cpu = bindCpu(machine, 0);
  const roots = createRootCaches(cpu, { kernel: '5.3', cpus: 2, pageSize: 4096 });
  const files = new Files(machine, cpu, { shared: 1, names: 3, accounted: true, roots });
  const hooks = { evicted: files.evicted, shrinker: files.shrinker };
  const round = () => {
    files.lookUp(0);
    files.missing();
    const one = files.create(ROOT_MEMCG, 2, 0);
    files.remove(files.create(ROOT_MEMCG, 0, 0));
    files.remove(one);
    files.replace(0);
    files.writeBack(1);
    cpu.shrinkNode(ROOT_MEMCG, 0, hooks);
    cpu.shrinkNode(ROOT_MEMCG, 0, hooks);
    cpu.runDeferred();
  };
  round();
  const before = mostRows(machine);
  for (let count = 0; count < 2000; count++) round();
  assert.deepEqual(mostRows(machine), before);
  // Without the shrinker names stay, and the limit has a name.
  files.missing();
  files.missing();
  files.missing();
  assert.throws(() => files.missing(), {
    name: 'CapacityError',
    message: /^names \(3\) reached; /,
  });
});
