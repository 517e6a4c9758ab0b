import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { InputError } from '../../bench/errors.ts';
import { builtInFile } from '../../bench/input/built-in.ts';
import { parseSlabinfo, readSlabinfo, SlabinfoParser } from '../../bench/input/slabinfo.ts';

const VERSION = 'slabinfo - version: 2.1';
const COLUMNS =
  '# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>';
const DENTRY = 'dentry 8532 8631 192 21 1 : tunables 0 0 0 : slabdata 411 411 0';
const listing = (...lines: string[]): string => `${[VERSION, COLUMNS, ...lines].join('\n')}\n`;
/** A line of a cache `c` with some of its numbers replaced. */
const line = (values: Record<string, string | number> = {}): string => {
  const v = { name: 'c', active: 1, objects: 2, size: 64, per: 64, pages: 1, used: 1, slabs: 1 };
  const { name, active, objects, size, per, pages, used, slabs } = { ...v, ...values };
  return `${name} ${active} ${objects} ${size} ${per} ${pages} : tunables 0 0 0 : slabdata ${used} ${slabs} 0`;
};

const real = readFileSync(builtInFile('slabinfo.txt'));

describe('a good slabinfo', () => {
  test('every column lands where it belongs', () => {
    assert.deepEqual(parseSlabinfo(listing(DENTRY), 'f'), {
      version: '2.1',
      allocator: 'SLUB',
      caches: [
        {
          name: 'dentry',
          activeObjects: 8532,
          objects: 8631,
          objectSize: 192,
          objectsPerSlab: 21,
          pagesPerSlab: 1,
          activeSlabs: 411,
          slabs: 411,
          line: 3,
        },
      ],
    });
  });

  test('the recorded one: 235 caches', async () => {
    const { caches } = await readSlabinfo(builtInFile('slabinfo.txt'));
    assert.equal(caches.length, 235);
    assert.deepEqual(caches.at(-1)?.name, 'kmem_cache');
    assert.deepEqual(caches.at(-1)?.line, 237);
  });

  test('Windows line ends, blank lines and a missing last line end do no harm', () => {
    const plain = parseSlabinfo(listing(DENTRY), 'f');
    const windows = listing(DENTRY).replaceAll('\n', '\r\n');
    assert.deepEqual(parseSlabinfo(windows, 'f'), plain);
    assert.deepEqual(parseSlabinfo(listing(DENTRY).trimEnd(), 'f'), plain);
    assert.deepEqual(parseSlabinfo(`${listing(DENTRY)}\n\n`, 'f'), plain);
  });

  test('names with blanks and colons', () => {
    const { caches } = parseSlabinfo(
      listing(line({ name: 'dentry(12:a b.service)' }), line({ name: 'x : y' })),
      'f',
    );
    assert.deepEqual(
      caches.map(({ name }) => name),
      ['dentry(12:a b.service)', 'x : y'],
    );
  });

  test('version 2.0, larger pages, and the SLAB allocator by its tunables', () => {
    assert.equal(parseSlabinfo(listing(DENTRY).replace('2.1', '2.0'), 'f').version, '2.0');
    const big = listing(line({ size: 4096, per: 16, pages: 1 }));
    assert.throws(() => parseSlabinfo(big, 'f'), InputError);
    assert.equal(parseSlabinfo(big, 'f', { pageSize: 65_536 }).caches.length, 1);
    const slab = listing(line().replace('tunables 0', 'tunables 120'));
    assert.equal(parseSlabinfo(slab, 'f').allocator, 'SLAB');
  });

  test('pieces of any size give the same as the whole', () => {
    const whole = parseSlabinfo(real, 'f');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1 }), (sizes) => {
        const parser = new SlabinfoParser('f');
        for (let at = 0, turn = 0; at < real.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          parser.push(real.subarray(at, at + size));
          at += size;
        }
        assert.deepEqual(parser.end(), whole);
      }),
      { numRuns: 20 },
    );
  });
});

describe('a slabinfo that is refused, with file and line', () => {
  const cases: [string, string | Uint8Array, RegExp][] = [
    ['empty', '', /^f: is empty; .*root/],
    ['blank', '\n\n', /^f:1: has no slabinfo header/],
    ['other text', 'hello\nworld\n', /^f:1: header missing: "slabinfo - version: 2\.1" expected/],
    ['no version line', `${COLUMNS}\n${DENTRY}\n`, /^f:1: header missing/],
    ['version 1.1', listing(DENTRY).replace('2.1', '1.1'), /^f:1: slabinfo version 1\.1 is not/],
    ['version 3.0', listing(DENTRY).replace('2.1', '3.0'), /^f:1: slabinfo version 3\.0 is not/],
    ['version text', listing(DENTRY).replace('2.1', 'x'), /^f:1: slabinfo version x is not known/],
    ['no columns', `${VERSION}\n${DENTRY}\n`, /^f:2: header missing: the line "# name/],
    ['version only', `${VERSION}\n`, /^f:2: the column line is missing/],
    ['header only', listing(), /^f:2: no caches/],
    ['binary', Uint8Array.of(0, 1, 2, 3), /^f:1: is binary \(control bytes\)/],
    ['not UTF-8', Uint8Array.of(0x73, 0xff, 0xfe), /^f:1: is binary \(not UTF-8 text\)/],
    ['cut UTF-8', Uint8Array.of(0x73, 0xc3), /^f:1: is binary \(not UTF-8 text\)/],
    ['NUL later', listing(DENTRY, 'a\0b'), /^f:4: is binary \(control bytes\)/],
    ['gzip', gzipSync(listing(DENTRY)), /^f: is compressed \(gzip\); unpack it first with gunzip/],
    ['long line', listing('x'.repeat(5000)), /^f:3: a line is longer than 4096 characters/],
    ['cut line', listing('dentry 8532 8631 192', DENTRY), /^f:3: the line is cut short \(4 of 16/],
    ['cut last line', `${listing(line())}dentry 8532 8`, /^f:4: the last line is cut short \(3 of/],
    ['no name', listing(line({ name: '' })), /^f:3: the line is cut short \(15 of 16 words\)/],
    ['extra word', listing(`${DENTRY} 7`), /^f:3: is not a line of slabinfo/],
    ['other words', listing(DENTRY.replace('slabdata', 'data')), /^f:3: is not a line of slabinfo/],
    ['not a number', listing(line({ active: 'many' })), /^f:3: active_objs "many" is not a whole/],
    ['hexadecimal', listing(line({ size: '0x40' })), /^f:3: objsize "0x40" is not a whole number/],
    ['NaN', listing(line({ objects: 'NaN' })), /^f:3: num_objs "NaN" is not a whole number/],
    ['infinite', listing(line({ slabs: 'Infinity' })), /^f:3: num_slabs "Infinity" is not a whole/],
    ['exponent', listing(line({ slabs: '1e9' })), /^f:3: num_slabs "1e9" is not a whole number/],
    ['fraction', listing(line({ size: '64.5' })), /^f:3: objsize "64\.5" is not a whole number/],
    ['negative', listing(line({ active: -1 })), /^f:3: active_objs "-1" is negative/],
    [
      'above 2^53',
      listing(line({ objects: '9007199254740992' })),
      /^f:3: num_objs 9007199254740992 is above 2\^53 - 1/,
    ],
    [
      'enormous',
      listing(line({ objects: '9'.repeat(400) })),
      /^f:3: num_objs 9{30}\.\.\. is above/,
    ],
    ['objperslab 0', listing(line({ per: 0 })), /^f:3: objperslab is 0/],
    ['objsize 0', listing(line({ size: 0 })), /^f:3: objsize is 0/],
    ['pagesperslab 0', listing(line({ pages: 0 })), /^f:3: pagesperslab is 0/],
    ['pagesperslab 2048', listing(line({ pages: 2048 })), /^f:3: pagesperslab 2048 is above 1024/],
    [
      'too many objects',
      listing(line({ per: 65 })),
      /^f:3: 65 objects of 64 bytes do not fit in 1 pages of 4096 bytes; if the machine has larger/,
    ],
    ['more active', listing(line({ active: 3 })), /^f:3: active_objs is above num_objs/],
    ['more slabs', listing(line({ used: 2 })), /^f:3: active_slabs is above num_slabs/],
    ['duplicate', listing(line(), DENTRY, line()), /^f:5: cache "c" was on line 3 already/],
    ['two listings', listing(line()) + listing(line()), /^f:4: a second listing begins/],
  ];
  for (const [name, text, message] of cases) {
    test(name, () =>
      assert.throws(() => parseSlabinfo(text, 'f'), {
        name: 'InputError',
        exitCode: 2,
        message,
      }),
    );
  }

  test('every message is one line and says what to do', () => {
    for (const [, text] of cases) {
      assert.throws(() => parseSlabinfo(text, 'f'), /^InputError: [^\n]+; [^\n]+$/);
    }
  });
});

describe('a slabinfo file', () => {
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'slabinfo-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  test('that is missing, a directory or endless is refused', async () => {
    await assert.rejects(
      readSlabinfo(join(directory, 'none')),
      /none: no such file; check the path/,
    );
    await assert.rejects(readSlabinfo(directory), /: is a directory; name a file in it/);
    await assert.rejects(readSlabinfo('/dev/zero'), /^InputError: \/dev\/zero:1: /);
  });

  test('that lies below a file is refused as missing', async () => {
    const file = join(directory, 'plain');
    writeFileSync(file, listing(DENTRY));
    assert.equal((await readSlabinfo(file)).caches.length, 1);
    await assert.rejects(readSlabinfo(join(file, 'x')), /plain\/x: no such file/);
  });
});

describe('whatever the bytes, a slabinfo parses or is refused', () => {
  const parsesOrRefuses = (bytes: Uint8Array): void => {
    try {
      const { caches } = parseSlabinfo(bytes, 'f');
      assert.ok(caches.length > 0);
      for (const cache of caches) {
        assert.ok(cache.objectsPerSlab * cache.objectSize <= cache.pagesPerSlab * 4096);
      }
    } catch (error) {
      assert.ok(error instanceof InputError, String(error));
      assert.match(error.message, /^f(?::\d+)?: .+; .+$/s);
    }
  };

  test('arbitrary bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), parsesOrRefuses));
  });

  test('arbitrary text after a good header', () => {
    const text = fc.array(
      fc.oneof(fc.string(), fc.constantFrom('0', '-1', ':', '\n', ' : tunables ')),
    );
    fc.assert(
      fc.property(text, (parts) => {
        parsesOrRefuses(new TextEncoder().encode(listing(parts.join(' '))));
      }),
    );
  });

  test('the recorded file with bytes changed, cut out and cut off', () => {
    const edit = fc.record({
      at: fc.nat({ max: real.length - 1 }),
      remove: fc.nat({ max: 200 }),
      insert: fc.uint8Array({ maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 4 }), fc.nat(), (edits, cut) => {
        let bytes: Uint8Array = real;
        for (const { at, remove, insert } of edits) {
          bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
        }
        parsesOrRefuses(cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes);
      }),
      { numRuns: 200 },
    );
  });
});
