import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../../bench/errors.ts';
import { builtInFile } from '../../bench/input/built-in.ts';
import {
  parseSlabGeometry,
  readLiveSlabGeometry,
  readSlabGeometry,
} from '../../bench/input/slab-geometry.ts';

const real = readFileSync(builtInFile('slab-geometry.json'), 'utf8');
const DENTRY = {
  object_size: 192,
  slab_size: 192,
  align: 8,
  order: 0,
  objs_per_slab: 21,
  cpu_partial: 120,
  min_partial: 5,
};
const file = (dentry: object = {}, top: object = {}): string =>
  JSON.stringify(
    {
      kernel: '6.18.44',
      cpus: 2,
      page_size: 4096,
      caches: { kmalloc: DENTRY, dentry: { ...DENTRY, ...dentry } },
      aliases: { files: 'dentry' },
      ...top,
    },
    null,
    1,
  );

describe('a recorded geometry', () => {
  test('the shipped one', () => {
    const { kernel, cpus, pageSize, caches, aliases } = parseSlabGeometry(real, 'f');
    assert.deepEqual(
      [kernel, cpus, pageSize, caches.length, aliases.size],
      ['6.18.44', 2, 4096, 235, 194],
    );
    const vma = caches.find(({ name }) => name === 'vm_area_struct');
    assert.deepEqual(vma, {
      name: 'vm_area_struct',
      objectSize: 192,
      size: 192,
      align: 64,
      order: 0,
      objectsPerSlab: 21,
      minPartial: 5,
      cpuPartial: 120,
      hwcacheAlign: true,
      reclaimAccount: false,
      typesafeByRcu: true,
      cacheDma: false,
      usersize: 0,
      sheafCapacity: 32,
      aliases: 0,
      ctor: null,
      debug: false,
    });
  });

  test('attributes that a kernel lacks are null, debug flags are noticed', () => {
    const { caches } = parseSlabGeometry(
      file({ cpu_partial: undefined, min_partial: undefined, poison: 1, ctor: 1 }),
      'f',
    );
    const { cpuPartial, minPartial, debug, ctor } = caches[1] ?? {};
    assert.deepEqual([cpuPartial, minPartial, debug, ctor], [null, null, true, true]);
  });

  const cases: [string, string, RegExp][] = [
    ['empty', ' ', /^f: is empty/],
    ['not JSON', 'hello', /^f:1: is not JSON/],
    ['a bad word', real.replace('"cpus": 2', '"cpus": two'), /^f:4: is not JSON/],
    ['a missing comma', real.replace('"cpus": 2,', '"cpus": 2'), /^f:5: is not JSON/],
    ['a missing value', real.replace('"cpus": 2', '"cpus":'), /^f:4: is not JSON/],
    ['cut short', real.slice(0, 5000), /^f:\d+: is cut short \(JSON ends too early\)/],
    ['a list', '[]', /^f:1: the document: /],
    ['no kernel', file({}, { kernel: undefined }), /^f:1: kernel: /],
    ['unknown key', file({}, { kernl: 'x' }), /^f:1: the document: Unrecognized key: "kernl"/],
    ['unknown attribute', file({ ordr: 1 }), /^f:\d+: caches\.dentry: Unrecognized key: "ordr"/],
    ['missing attribute', file({ order: undefined }), /^f:15: caches\.dentry\.order: /],
    ['text', file({ order: '0' }), /^f:19: caches\.dentry\.order: Invalid input: expected number/],
    ['fraction', file({ order: 0.5 }), /^f:19: caches\.dentry\.order: Invalid input: expected int/],
    ['negative', file({ min_partial: -1 }), /^f:22: caches\.dentry\.min_partial: Too small/],
    ['order 11', file({ order: 11 }), /^f:19: caches\.dentry\.order: Too big/],
    ['alignment 24', file({ align: 24 }), /^f:18: caches\.dentry\.align: not a power of two/],
    ['no CPUs', file({}, { cpus: 0 }), /^f:3: cpus: Too small/],
    ['odd page', file({}, { page_size: 5000 }), /^f:4: page_size: not a power of two/],
    ['no caches', file({}, { caches: {} }), /^f:5: no caches/],
    ['objects 0', file({ objs_per_slab: 0 }), /^f:20: caches\.dentry\.objs_per_slab: Too small/],
    ['too many objects', file({ objs_per_slab: 22 }), /^f:15: caches\.dentry: 22 objects of 192 /],
    ['slab_size', file({ slab_size: 184 }), /^f:15: caches\.dentry: slab_size is below object_/],
  ];
  for (const [name, text, message] of cases) {
    test(`is refused: ${name}`, () =>
      assert.throws(() => parseSlabGeometry(text, 'f'), { name: 'InputError', message }));
  }

  test('a numeral beyond all numbers is refused', () => {
    const text = file().replaceAll('"cpus": 2', '"cpus": 1e999');
    assert.throws(() => parseSlabGeometry(text, 'f'), /^InputError: f:3: cpus: /);
  });

  test('whatever the changes, it parses or is refused', () => {
    const edit = fc.record({
      at: fc.nat({ max: real.length - 1 }),
      remove: fc.nat({ max: 30 }),
      insert: fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('-', '"', '9e99', '{', '}')),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        let text = real;
        for (const { at, remove, insert } of edits) {
          text = text.slice(0, at) + insert + text.slice(at + remove);
        }
        try {
          assert.ok(parseSlabGeometry(text, 'f').caches.length > 0);
        } catch (error) {
          assert.ok(error instanceof InputError, String(error));
          assert.match(error.message, /^f(?::\d+)?: .+; .+$/s);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('a recorded file', () => {
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'geometry-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  test('that is missing, binary, compressed or a directory is refused', async () => {
    const write = (name: string, bytes: Uint8Array | string): string => {
      const path = join(directory, name);
      writeFileSync(path, bytes);
      return path;
    };
    await assert.rejects(readSlabGeometry(join(directory, 'none')), /no such file/);
    await assert.rejects(readSlabGeometry(directory), /is a directory/);
    await assert.rejects(readSlabGeometry(write('b', Uint8Array.of(255, 1))), /is binary/);
    await assert.rejects(readSlabGeometry(write('z', Uint8Array.of(0x1f, 0x8b, 8))), /gunzip/);
    await assert.rejects(readSlabGeometry('/dev/zero'), /larger than MAX_INPUT_BYTES/);
  });
});

describe('/sys/kernel/slab', () => {
  let root = '';
  const host = { kernel: '6.1.0', cpus: 2, pageSize: 4096 };
  const write = (cache: string, values: Record<string, string | number>): void => {
    mkdirSync(join(root, cache), { recursive: true });
    for (const [name, value] of Object.entries(values)) {
      writeFileSync(join(root, cache, name), `${value}\n`);
    }
  };
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'slab-'));
  });
  after(() => rmSync(root, { recursive: true }));

  test('directories are caches, links are merged names, other files are other attributes', async () => {
    write('dentry', { ...DENTRY, ctor: '', slabs: '411 N0=411', cpu_slabs: 'x' });
    write('inode', { ...DENTRY, ctor: 'init_once+0x0/0x10', destroy_by_rcu: 1 });
    symlinkSync('dentry', join(root, 'files'));
    const { source, caches, aliases, kernel } = await readLiveSlabGeometry({ root, ...host });
    assert.deepEqual([source, kernel], [root, '6.1.0']);
    assert.deepEqual([...aliases], [['files', 'dentry']]);
    assert.deepEqual(
      caches.map(({ name, ctor, typesafeByRcu }) => [name, ctor, typesafeByRcu]),
      [
        ['dentry', false, false],
        ['inode', true, true],
      ],
    );
  });

  test('a value that is no number names its file', async () => {
    write('dentry', { ...DENTRY, order: 'many' });
    await assert.rejects(readLiveSlabGeometry({ root, ...host }), /dentry\/order: .*; report this/);
  });

  test('an attribute that is a directory is refused, not a crash', async () => {
    write('dentry', DENTRY);
    mkdirSync(join(root, 'dentry', 'ctor'));
    await assert.rejects(readLiveSlabGeometry({ root, ...host }), InputError);
  });

  test('without caches', async () => {
    await assert.rejects(readLiveSlabGeometry({ root, ...host }), /no caches; is this \/sys/);
  });

  test('that is not there: what to do instead', async () => {
    const none = join(root, 'none');
    await assert.rejects(readLiveSlabGeometry({ root: none, ...host }), {
      name: 'UsageError',
      exitCode: 2,
      message:
        /none is not there .*run as root, or give a recording: record one with `sudo cat \/proc\/slabinfo/,
    });
  });
});
