import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { askBtf } from '../../bench/host/btf.ts';
import { generationOf } from '../../bench/host/generation.ts';
import { memoryHierarchies, parseMounts } from '../../bench/host/mounts.ts';
import { shown } from '../../bench/host/reader.ts';
import {
  countList,
  parseController,
  parseRelease,
  parseValues,
  wholeNumber,
} from '../../bench/host/text.ts';
import { fixture } from './support.ts';

const SEEDED = { seed: 6, numRuns: 33_000 };

test('lists of CPUs and nodes', () => {
  const lists: [string, number | null][] = [
    ['0', 1],
    ['0-3\n', 4],
    ['0-1,4,8-11', 7],
    ['', null],
    ['3-1', null],
    ['0-', null],
    ['0-99999', null],
    ['none', null],
  ];
  for (const [text, count] of lists) assert.equal(countList(text), count, text);
});

test('values: colon, kB, what is no number says nothing', () => {
  const text = 'anon 12\nMemTotal:  3 kB\nfile -1\nslab x\nanon 13\n 5\nhuge 99999999999999999\n';
  assert.deepEqual(
    [...parseValues(text)],
    [
      ['anon', 12],
      ['MemTotal', 3072],
    ],
  );
  assert.equal(wholeNumber('9007199254740993'), null);
});

test('the row of a controller', () => {
  const text = '#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t4\t17\t1\npids 0 2 0\n';
  assert.deepEqual(parseController(text, 'memory'), { hierarchy: 4, count: 17, enabled: true });
  assert.deepEqual(parseController(text, 'pids'), { hierarchy: 0, count: 2, enabled: false });
  assert.equal(parseController(text, 'cpu'), null);
  assert.equal(parseController('memory\tx\t1\t1', 'memory'), null);
});

test('generations by version', () => {
  const generations: [string | null, string][] = [
    ['2.6.32', 'before accounting'],
    ['3.10.0-862.el7.x86_64', 'caches per cgroup'],
    ['5.2.21', 'caches per cgroup'],
    ['5.3.0', 'reparented caches'],
    ['5.8.18', 'reparented caches'],
    ['5.9.0-rc1', 'obj_cgroup'],
    ['7.0.3', 'obj_cgroup'],
    ['7.1.0', 'obj_cgroup and LRU'],
    ['junk', 'unknown'],
    [null, 'unknown'],
  ];
  for (const [release, name] of generations) assert.equal(generationOf(release).name, name);
  assert.deepEqual(parseRelease('6.1'), { major: 6, minor: 1 });
  assert.equal(parseRelease('61'), null);
  // Until 3.19 a removal moved the pages to the parent.
  assert.deepEqual(generationOf('3.18.0').pinnedBy, ['slab objects']);
  assert.ok(generationOf('3.19.0').pinnedBy.includes('page cache'));
  assert.ok(!generationOf('6.12.0').pinnedBy.includes('slab objects'));
  assert.ok(!generationOf('7.1.0').pinnedBy.includes('page cache'));
});

test('generations by types: newer code under an older number, and nothing from what is missing', () => {
  const types = (structs: string[], members: string[] = []) => ({
    sizes: new Map(structs.map((one) => [one, 8])),
    offsets: new Map(members.map((one) => [one, 0])),
  });
  const objcg = types(['obj_cgroup']);
  const perNode = types(['obj_cgroup'], ['mem_cgroup_per_node.objcg']);
  assert.equal(generationOf('4.18.0-553.el8', objcg).name, 'obj_cgroup');
  assert.match(generationOf('4.18.0-553.el8', objcg).from, /obj_cgroup; version 4\.18/);
  assert.equal(generationOf('6.18.0', perNode).name, 'obj_cgroup and LRU');
  assert.equal(generationOf(null, objcg).name, 'obj_cgroup');
  assert.equal(generationOf('7.2.0', objcg).name, 'obj_cgroup and LRU');
  assert.equal(generationOf('5.2.0', types([])).name, 'caches per cgroup');
});

test('of several mounts of a hierarchy the one of its top is taken', () => {
  const text = [
    '40 1 0:32 /docker/a /mnt/a rw - cgroup cgroup rw,memory',
    '41 1 0:32 / /sys/fs/cgroup/memory rw shared:3 - cgroup cgroup rw,memory',
    '42 1 0:33 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
    '43 1 0:34 / /sys/fs/my\\040cgroup rw - cgroup2 cgroup2 rw',
    '44 1 0:35 / /proc rw - proc proc rw',
  ].join('\n');
  assert.deepEqual(
    memoryHierarchies(parseMounts(text, 'mountinfo')).map(({ version, folder, top }) => [
      ...[version, folder, top],
    ]),
    [
      [1, '/sys/fs/cgroup/memory', '/'],
      [2, '/sys/fs/my cgroup', '/'],
    ],
  );
});

test('where there is no mountinfo, mounts has to do', () => {
  const text =
    'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\ncgroup /m cgroup rw,memory 0 0\nx /y ext4 rw 0 0';
  const mounts = parseMounts(text, 'mounts');
  assert.deepEqual(
    memoryHierarchies(mounts).map(({ version, folder, top }) => [version, folder, top]),
    [
      [2, '/sys/fs/cgroup', null],
      [1, '/m', null],
    ],
  );
});

test('names are shown without anything that steers a terminal', () => {
  assert.equal(shown('a\u001b[31mb'), 'a\\x1b[31mb');
  assert.equal(shown(Buffer.from('é\u202e').toString('latin1')), 'é\\u{202e}');
  assert.equal(shown('\xff'), '\\u{fffd}');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      assert.doesNotMatch(shown(Buffer.from(bytes).toString('latin1')), /[\p{Cc}\p{Cf}]/u);
    }),
    SEEDED,
  );
});

/** BTF with types as given: name, kind, members, size. */
function btf(
  types: readonly [name: string, kind: number, members: number, size: number][],
): Buffer {
  const extra: Record<number, number> = { 1: 4, 3: 12 };
  const each: Record<number, number> = { 4: 12, 6: 8 };
  let strings = '\0';
  const parts = types.map(([name, kind, members, size]) => {
    const head = Buffer.alloc(12 + (extra[kind] ?? 0) + (each[kind] ?? 0) * members);
    head.writeUInt32LE(name === '' ? 0 : strings.length, 0);
    if (name !== '') strings += `${name}\0`;
    head.writeUInt32LE(((kind << 24) | members) >>> 0, 4);
    head.writeUInt32LE(size, 8);
    // Members and constants are named m0, m1, …; member n lies at n bytes, constant n is n.
    for (let at = 0; at < members && each[kind] !== undefined; at++) {
      const place = 12 + (each[kind] ?? 0) * at;
      head.writeUInt32LE(strings.length, place);
      strings += `m${at}\0`;
      head.writeUInt32LE(kind === 4 ? 8 * at : at, place + (kind === 4 ? 8 : 4));
    }
    return head;
  });
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(24);
  header.writeUInt16LE(0xeb9f, 0);
  header.writeUInt8(1, 2);
  header.writeUInt32LE(24, 4);
  header.writeUInt32LE(0, 8);
  header.writeUInt32LE(body.length, 12);
  header.writeUInt32LE(body.length, 16);
  header.writeUInt32LE(strings.length, 20);
  return Buffer.concat([header, body, Buffer.from(strings, 'latin1')]);
}

const TYPES = btf([
  ['int', 1, 0, 4],
  ['mem_cgroup_x', 4, 2, 9],
  ['', 4, 1, 8],
  ['mem_cgroup', 4, 3, 2240],
  ['', 3, 0, 0],
  ['mem_cgroup', 4, 0, 1],
  ['lruvec_stats', 4, 0, 792],
  ['kinds', 6, 3, 4],
]);

test('sizes of structures from BTF: whole names, the first of each', () => {
  const { sizes, trouble } = askBtf(TYPES, { structs: ['mem_cgroup', 'lruvec_stats', 'cgroup'] });
  assert.deepEqual(
    [...sizes],
    [
      ['mem_cgroup', 2240],
      ['lruvec_stats', 792],
    ],
  );
  assert.equal(trouble, null);
  assert.match(askBtf(TYPES.subarray(0, 60), { structs: ['cgroup'] }).trouble ?? '', /cut short/);
  assert.match(askBtf(Buffer.alloc(3), { structs: [] }).trouble ?? '', /too short/);
  assert.match(askBtf(Buffer.alloc(99), { structs: [] }).trouble ?? '', /does not begin/);
  const strange = btf([['new', 30, 0, 0]]);
  assert.match(askBtf(strange, { structs: ['cgroup'] }).trouble ?? '', /unknown kind 30/);
});

test('offsets of members and values of constants', () => {
  const members = ['mem_cgroup.m2', 'lruvec_stats.m0', 'other.m1'];
  const { offsets, values } = askBtf(TYPES, { members, constants: ['m2', 'none'] });
  assert.deepEqual([...offsets], [['mem_cgroup.m2', 2]]);
  assert.deepEqual([...values], [['m2', 2]]);
});

test('no BTF is too broken', () => {
  const change = fc.tuple(fc.nat(TYPES.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 6 }), fc.nat(TYPES.length), (changes, length) => {
      const bytes = Buffer.from(TYPES);
      for (const [at, value] of changes) bytes[at] = value;
      const query = { structs: ['mem_cgroup'], members: ['mem_cgroup.m1'], constants: ['m1'] };
      const { sizes } = askBtf(bytes.subarray(0, length), query);
      for (const size of sizes.values()) {
        assert.ok(Number.isInteger(size) && size >= 0);
      }
    }),
    SEEDED,
  );
});

/** Every text of the fixtures, to be changed. */
function texts(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .filter((text) => text.length < 5000);
}

test('no text is too broken: numbers are whole or missing, folders begin with a slash', () => {
  const some = [
    ...texts(fixture('v1-6.18')),
    ...texts(fixture('mixed')),
    ...texts(fixture('malformed')),
  ];
  const change = fc.tuple(
    fc.nat(5000),
    fc.constantFrom('\0', ' ', '\n', '-', '9', '\\', 'x', '\u001b'),
  );
  fc.assert(
    fc.property(fc.constantFrom(...some), fc.array(change, { maxLength: 8 }), (text, changes) => {
      const letters = [...text];
      for (const [at, letter] of changes) letters[at % (letters.length + 1)] = letter;
      const changed = letters.join('');
      for (const value of parseValues(changed).values()) {
        assert.ok(Number.isSafeInteger(value / 1024) || Number.isSafeInteger(value));
        assert.ok(value >= 0);
      }
      for (const format of ['mountinfo', 'mounts'] as const) {
        for (const { folder } of memoryHierarchies(parseMounts(changed, format))) {
          assert.ok(folder.startsWith('/'));
        }
      }
      const row = parseController(changed, 'memory');
      assert.ok(row === null || (row.count >= 0 && row.hierarchy >= 0));
      const count = countList(changed);
      assert.ok(count === null || count > 0);
      parseRelease(changed);
    }),
    SEEDED,
  );
});

test('of several mounts of a hierarchy the one that shows most of it is read', () => {
  const lines = [
    '30 1 0:30 /docker/x /a rw - cgroup cgroup rw,memory',
    '31 1 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '32 1 0:30 / /sys/fs/cgroup/memory/and/again rw - cgroup cgroup rw,memory',
    '33 1 0:31 /docker/x/y /b rw - cgroup cgroup rw,cpu',
    '34 1 0:32 /x/y /c rw - cgroup2 cgroup2 rw',
    '35 1 0:32 /x /d\\040e rw - cgroup2 cgroup2 rw',
  ];
  const found = memoryHierarchies(parseMounts(lines.join('\n'), 'mountinfo'));
  assert.deepEqual(
    found.map(({ version, folder, top }) => [version, folder, top]),
    [
      [1, '/sys/fs/cgroup/memory', '/'],
      [2, '/d e', '/x'],
    ],
  );
});

test('a name of any length is shown at most in part', () => {
  assert.equal(shown('x'.repeat(200)), 'x'.repeat(200));
  assert.equal(shown('x'.repeat(5000)), `${'x'.repeat(200)}...`);
});
