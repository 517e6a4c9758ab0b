import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import {
  ALL_STRATEGY_NAMES,
  attachMachine,
  bindCpu,
  createMachine,
  LimitError,
  type MachineConfig,
  ModelError,
  machineBytes,
  ROOT_MEMCG,
  touchMachine,
} from '../../core/index.ts';

const CONFIG: MachineConfig = {
  ...{ strategy: 'splice-caches', cpus: 2, slabRows: 100, kmemCaches: 5, rootCaches: 2 },
  ...{ memcgs: 4, kmemIds: 3 },
};

const SHAPE = { size: 64, objectsPerSlab: 64, pagesPerSlab: 1, minPartial: 5, cpuPartialSlabs: 2 };

test('every capacity out of range is refused by name, value and range', () => {
  const limits = {
    ...{ cpus: 64, slabRows: 2 ** 26 - 1, kmemCaches: 2 ** 21 - 2, rootCaches: 5 },
    ...{ memcgs: 2 ** 20, kmemIds: 65_535 },
  };
  for (const [key, limit] of Object.entries(limits)) {
    for (const value of [0, -1, limit + 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(
        () => machineBytes({ ...CONFIG, [key]: value }),
        new RegExp(`${key} is ${value}, must be a whole number from 1 to ${limit}`),
      );
    }
  }
  assert.throws(
    () => createMachine({ ...CONFIG, strategy: 'magic' }),
    /no strategy 'magic'; there are pin, scan-pages/,
  );
});

test('the bytes of a machine are known before it exists, and touching it changes nothing', () => {
  for (const strategy of ALL_STRATEGY_NAMES) {
    const machine = createMachine({ ...CONFIG, strategy });
    const own = machine.memory.main.byteLength;
    const second = machine.strategyLayout.bytes;
    assert.equal(machineBytes({ ...CONFIG, strategy }), own + second);
    const before = new Int32Array(machine.memory.main).slice();
    assert.equal(touchMachine(machine), own + second);
    assert.deepEqual(new Int32Array(machine.memory.main).slice(), before);
  }
});

test('a limit that is reached says which one and how to raise it', () => {
  const cpu = bindCpu(createMachine(CONFIG), 0);
  const root = cpu.createRootCache(SHAPE);
  cpu.createRootCache(SHAPE);
  assert.throws(() => cpu.createRootCache(SHAPE), /rootCaches \(2\) reached; raise it/);
  const memcgs = [1, 2, 3].map(() => cpu.createMemcg(ROOT_MEMCG));
  assert.throws(() => cpu.createMemcg(ROOT_MEMCG), /kmemIds \(3\) reached; raise `kmemIds`/);
  for (const memcg of memcgs) cpu.createCache(memcg, root);
  assert.throws(() => cpu.createCache(memcgs[0] ?? 0, root + 1), LimitError);
  assert.throws(
    () => cpu.createCache(memcgs[0] ?? 0, root + 1),
    /kmemCaches \(3\) reached; raise `kmemCaches`/,
  );
  assert.throws(
    () => bindCpu(createMachine(CONFIG), 2),
    /CPU 2: this machine was created for CPUs 0 to 1/,
  );
  const wide = { ...SHAPE, objectsPerSlab: 513 };
  assert.throws(
    () => bindCpu(createMachine(CONFIG), 0).createRootCache(wide),
    /513 objects: the model has 1 to 512/,
  );
});

test('another thread attaches and sees the same machine', async () => {
  for (const strategy of ['splice-caches', 'scan-pages', 'list-pages']) {
    const machine = createMachine({ ...CONFIG, strategy });
    const cpu = bindCpu(machine, 0);
    const memcg = cpu.createMemcg(ROOT_MEMCG);
    const cache = cpu.createCache(memcg, cpu.createRootCache(SHAPE));
    for (let object = 0; object < 200; object++) cpu.alloc(cache);
    const worker = new Worker(new URL('./attach-worker.js', import.meta.url), {
      workerData: machine.memory,
    });
    const answer = await new Promise((resolve, reject) => {
      worker.on('message', resolve);
      worker.on('error', reject);
    });
    assert.deepEqual(answer, { strategy, objects: 200, violations: [], usage: 4 });
    assert.equal(machine.memcgs.max[memcg], 4321, 'and what it writes is seen here');
  }
});

test('memory that is not a machine is refused', () => {
  const { memory } = createMachine(CONFIG);
  assert.throws(
    () => attachMachine({ main: new SharedArrayBuffer(8), strategy: null }),
    /too small/,
  );
  const broken = (change: (header: Int32Array) => void) => {
    const main = new SharedArrayBuffer(memory.main.byteLength);
    new Int32Array(main).set(new Int32Array(memory.main));
    change(new Int32Array(main));
    return () => attachMachine({ main, strategy: null });
  };
  assert.throws(
    broken((header) => header.fill(0, 0, 1)),
    /wrong magic number/,
  );
  assert.throws(
    broken((header) => header.fill(9, 1, 2)),
    /version 9, expected 6/,
  );
  assert.throws(
    broken((header) => header.fill(99, 2, 3)),
    /unknown strategy number 99/,
  );
  assert.throws(
    broken((header) => header.fill(5000, 4, 5)),
    /its header needs/,
  );
  assert.throws(
    broken((header) => header.fill(0, 4, 5)),
    ModelError,
  );
  assert.equal(broken(() => {})().config.slabRows, CONFIG.slabRows);
});

test('under plain accesses a second thread cannot attach', () => {
  const core = new URL('../../core/index.js', import.meta.url).href;
  const script = `import(${JSON.stringify(core)}).then(({ createMachine, attachMachine }) => {
    try { attachMachine(createMachine(${JSON.stringify(CONFIG)}).memory); }
    catch (error) { process.stdout.write(error.message); }
  })`;
  const args = ['--conditions=solo', '-e', script];
  const cwd = fileURLToPath(new URL('../../..', import.meta.url));
  const said = execFileSync(process.execPath, args, { encoding: 'utf8', cwd });
  assert.match(said, /second thread cannot attach under --conditions=solo/);
});
