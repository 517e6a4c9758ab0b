import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { checkGeometry, runGeometry } from '../../bench/commands/geometry.ts';
import { fittingRules } from '../../bench/commands/geometry-fit.ts';
import { builtInFile } from '../../bench/input/built-in.ts';
import { geometryResults } from '../../reports/results.ts';

const DENTRY = {
  object_size: 192,
  slab_size: 192,
  align: 8,
  order: 0,
  objs_per_slab: 21,
  cpu_partial: 120,
  min_partial: 5,
};

describe('geometry of the recorded host', () => {
  test('235 of 235 equal, and the notes name what was not derived', async () => {
    const results = await checkGeometry({ file: 'host-6.18' });
    assert.deepEqual(
      [results.caches.length, results.mismatches, results.kernelRules, results.cpus],
      [235, 0, '6.x', 2],
    );
    const notes = results.notes.join('\n');
    assert.match(notes, /Size of 12 caches taken as it is \(.*constructor.*\): btrfs_inode, /);
    assert.match(notes, /Size of 1 cache taken as it is \(.*free pointer.*\): vm_area_struct/);
    assert.doesNotThrow(() => geometryResults.parse(results), 'fits the published schema');
  });

  test('the same by path, and with the CPUs of its class', async () => {
    const file = builtInFile('slab-geometry.json');
    assert.equal((await checkGeometry({ file, cpus: 3 })).mismatches, 0);
  });

  test('with other CPUs or rules the differing figures are named', async () => {
    const many = await checkGeometry({ file: 'host-6.18', cpus: 64 });
    assert.ok(many.mismatches > 100);
    const cache = many.caches.find(({ name }) => name === ':0000136');
    assert.deepEqual(cache?.differs, ['order', 'objectsPerSlab']);
    const old = await checkGeometry({ file: 'host-6.18', kernel: '5.3' });
    assert.ok(old.caches.every(({ differs }) => differs.includes('cpuPartial')));
  });

  test('as a command: a check of sizes, and it fails when a cache differs', async () => {
    const good = await runGeometry({ file: 'host-6.18', cpus: null });
    assert.deepEqual(good.checks[0], {
      ...{ name: 'geometry as the kernel chose it', ok: true },
      detail: 'all 235 caches equal',
    });
    const bad = await runGeometry({ file: 'host-6.18', cpus: 64 });
    assert.equal(bad.checks[0]?.ok, false);
  });
});

describe('geometry of a slabinfo text', () => {
  test('sizes are inputs, CPUs and rules are those that fit', async () => {
    const results = await checkGeometry({ file: builtInFile('slabinfo.txt') });
    assert.deepEqual([results.caches.length, results.mismatches, results.cpus], [235, 0, 2]);
    assert.deepEqual(results.caches[0]?.expected, { size: 312, order: 0, objectsPerSlab: 13 });
    const notes = results.notes.join('\n');
    assert.match(notes, /CPUs, which slabinfo does not say: 2 to 3 CPUs fit best/);
    assert.match(notes, /Kernel, which slabinfo does not say: both rules give the same/);
  });

  test('known CPUs and rules are not guessed', async () => {
    const file = builtInFile('slabinfo.txt');
    const results = await checkGeometry({ file, cpus: 64, kernel: '5.3' });
    assert.deepEqual([results.cpus, results.kernelRules], [64, '5.3']);
    assert.equal(results.notes.length, 1);
  });

  test('one cache can tell the rules apart', () => {
    const caches = [{ objectSize: 10_944, objectsPerSlab: 1, pagesPerSlab: 4 }];
    const { rules, notes } = fittingRules(caches, { cpus: 8, kernel: null, pageSize: 4096 });
    assert.equal(rules.kernel, '5.3');
    assert.deepEqual(notes, ['Kernel, which slabinfo does not say: those of 5.3 fit best']);
  });
});

describe('geometry of bad input', () => {
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'geometry-'));
  });
  after(() => rmSync(directory, { recursive: true }));
  const refuses = async (text: string | Uint8Array, message: RegExp): Promise<void> => {
    const file = join(directory, 'input');
    writeFileSync(file, text);
    await assert.rejects(checkGeometry({ file }), { name: 'InputError', message });
  };

  test('is refused with file and line', async () => {
    await refuses('', /input: is empty/);
    await refuses('{', /input:1: is cut short/);
    await refuses(Uint8Array.of(0x1f, 0x8b, 8, 0), /input: is compressed/);
    await refuses('hello\n', /input:1: header missing/);
    await refuses(Uint8Array.of(0, 0, 0), /input:1: is binary/);
    await assert.rejects(checkGeometry({ file: directory }), /is a directory/);
    await assert.rejects(checkGeometry({ file: join(directory, 'none') }), /no such file/);
  });

  test('SLAB is not SLUB', async () => {
    const slabinfo = readFileSync(builtInFile('slabinfo.txt'), 'utf8');
    await refuses(
      slabinfo.replace('tunables    0', 'tunables  120'),
      /input:3: comes from the SLAB allocator/,
    );
    await refuses(
      slabinfo.replace('312   13    1', '312   13    3'),
      /input:3: pagesperslab 3 is not a power of two/,
    );
  });

  test('CPUs that make no sense', async () => {
    for (const cpus of [0, -1, 1.5, Number.NaN, 1e9]) {
      await assert.rejects(checkGeometry({ file: 'host-6.18', cpus }), { name: 'UsageError' });
    }
  });
});

describe('geometry of this host', () => {
  let root = '';
  const write = (cache: string, values: Record<string, number | string>): void => {
    mkdirSync(join(root, 'slab', cache), { recursive: true });
    for (const [name, value] of Object.entries(values)) {
      writeFileSync(join(root, 'slab', cache, name), `${value}\n`);
    }
  };
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'sysfs-'));
    // The tests below run as another user too.
    chmodSync(root, 0o755);
    writeFileSync(join(root, 'present'), '0-7\n');
    writeFileSync(join(root, 'possible'), '0-63\n');
    writeFileSync(join(root, 'cmdline'), 'quiet\n');
    write('dentry', { ...DENTRY, ctor: '' });
    write('inode', { ...DENTRY, object_size: 180, ctor: 'init_once' });
    symlinkSync('dentry', join(root, 'slab', 'files'));
  });
  after(() => rmSync(root, { recursive: true }));
  const live = (kernel: string) =>
    checkGeometry({
      sysfsRoot: join(root, 'slab'),
      hostPaths: { cpuRoot: root, cmdline: join(root, 'cmdline') },
      release: kernel,
    });

  test('6.18 counts present CPUs, and a constructor is known', async () => {
    const results = await live('6.18.0');
    assert.deepEqual([results.cpus, results.mismatches, results.notes.length], [8, 0, 1]);
    assert.match(results.notes[0] ?? '', /^Merging: 1 name shares 0 caches, 2 caches have their/);
    assert.equal(results.source, join(root, 'slab'));
  });

  test('5.3 counts possible CPUs: here that does not fit', async () => {
    const results = await live('5.3.0');
    assert.equal(results.cpus, 64);
    assert.deepEqual(results.caches[0]?.differs, ['order', 'objectsPerSlab', 'cpuPartial']);
  });

  test('6.1 is in between, which is noted', async () => {
    const results = await live('6.1.0-9-amd64');
    assert.deepEqual([results.kernelRules, results.mismatches], ['5.3', 0]);
    assert.match(results.notes[0] ?? '', /6\.1\.0-9-amd64: rules of 5\.3 \(order\) and 6\.x/);
  });

  test('a size that no request explains is a mismatch', async () => {
    write('odd', { ...DENTRY, object_size: 100, ctor: '' });
    const results = await live('6.18.0');
    rmSync(join(root, 'slab', 'odd'), { recursive: true });
    const odd = results.caches.find(({ name }) => name === 'odd');
    assert.deepEqual([odd?.differs, odd?.computed.size], [['size'], 104]);
  });

  test('debug options: the size is taken, and there is no cpu_partial', async () => {
    write('debugged', {
      ...DENTRY,
      slab_size: 256,
      objs_per_slab: 16,
      cpu_partial: 0,
      red_zone: 1,
    });
    const results = await live('6.18.0');
    rmSync(join(root, 'slab', 'debugged'), { recursive: true });
    assert.equal(results.caches.find(({ name }) => name === 'debugged')?.ok, false);
    assert.deepEqual(
      results.caches.find(({ name }) => name === 'debugged')?.differs,
      ['order', 'objectsPerSlab'],
      '16 objects a page is for fewer CPUs; the rest is right',
    );
  });

  test('a file of root is refused with what to do instead', () => {
    const secret = join(root, 'slab', 'dentry', 'order');
    chmodSync(secret, 0o000);
    const script = `
      const { checkGeometry } = await import(${JSON.stringify(new URL('../../bench/commands/geometry.js', import.meta.url).href)});
      await checkGeometry({ sysfsRoot: ${JSON.stringify(join(root, 'slab'))} }).then(
        () => process.stdout.write('read'),
        (error) => process.stdout.write(error.name + ' ' + error.exitCode + ' ' + error.message));`;
    const asNobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      ...asNobody,
    });
    chmodSync(secret, 0o644);
    assert.match(said, /^UsageError 2 .* is root's: run as root, or give a recording: record one/);
  });
});
