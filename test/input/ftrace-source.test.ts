/** The bytes of traces: files that are plain, packed, cut short, damaged, missing; several; standard input. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { InputError } from '../../bench/errors.ts';
import { openTrace, readTrace, type TraceWatch } from '../../bench/input/ftrace.ts';
import { fixture } from './ftrace-compare.ts';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'slabsplice-ftrace-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, bytes: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function contentOf(files: readonly string[], watch?: TraceWatch): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of openTrace(files, watch)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

const nothing = { event: () => {} };
const lenient = { strict: false };

/** Bytes that gzip makes little smaller, so that a cut is in the middle of them. */
function noise(size: number): Buffer {
  let state = 1;
  return Buffer.from(
    Uint8Array.from({ length: size }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
      return 97 + ((state >>> 16) % 26);
    }),
  );
}

test('plain or packed is told by the bytes, not by the name', async () => {
  const text = Buffer.from(fixture('medium-4000'));
  for (const name of ['a.txt', 'a.gz']) {
    assert.deepEqual(await contentOf([file(name, text)]), text);
    assert.deepEqual(await contentOf([file(name, gzipSync(text))]), text);
  }
  for (const short of ['', 'x', '\u001f']) {
    assert.equal((await contentOf([file('short', short)])).toString(), short);
  }
});

test('several files, packed in several pieces: in order, with a line break between', async () => {
  const parts = ['one\n', 'two', '', 'three\n', 'four'].map((text, at) =>
    file(`part${at}`, at % 2 === 0 ? gzipSync(text) : text),
  );
  assert.equal((await contentOf(parts)).toString(), 'one\ntwo\nthree\nfour');
  const joined = file('joined.gz', Buffer.concat([gzipSync('a\nb'), gzipSync('c\n')]));
  assert.equal((await contentOf([joined])).toString(), 'a\nbc\n');
  const begun: string[] = [];
  assert.equal(
    (await contentOf(parts, { begin: (name) => begun.push(name) })).toString(),
    'one\ntwothree\nfour',
  );
  assert.deepEqual(begun, parts);
});

test('what is there of a packed file that is cut short is read to the last byte', async () => {
  const text = noise(3_000_000);
  const packed = gzipSync(text, { level: 1 });
  for (const size of [packed.length - 1, packed.length - 8, 1_000_000, 300_001, 20]) {
    const path = file('cut.gz', packed.subarray(0, size));
    const cut: string[] = [];
    const got = await contentOf([path], { cut: (name) => cut.push(name) });
    assert.deepEqual(cut, [path]);
    assert.ok(text.subarray(0, got.length).equals(got));
    // No more is missing than what the last bytes could tell.
    assert.ok(
      got.length >= text.length * (size / packed.length) - 70_000,
      `${size}: ${got.length}`,
    );
    if (size >= packed.length - 8) assert.equal(got.length, text.length);
    await assert.rejects(
      contentOf([path]),
      (error) => error instanceof InputError && error.message.startsWith(`${path}: is cut short`),
    );
  }
});

test('nothing is lost of a few bytes that unpack to many, which wait when the file ends', async () => {
  const text = Buffer.alloc(30_000_000, 'a line\n');
  const packed = gzipSync(text);
  for (const missing of [0, 1, 8]) {
    const path = file('many.gz', packed.subarray(0, packed.length - missing));
    let cut = 0;
    let length = 0;
    for await (const piece of openTrace([path], { cut: () => cut++ })) {
      length += piece.length;
      // A reader that takes its time.
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual([length, cut], [text.length, missing > 0 ? 1 : 0]);
  }
});

test('a trace that is cut short is an anomaly, and an error under strict', async () => {
  const packed = gzipSync(fixture('medium-4000'));
  const path = file('cut2.gz', packed.subarray(0, packed.length / 2));
  const summary = await readTrace([path], nothing, lenient);
  assert.ok(summary.events > 1000);
  const kinds = summary.anomalies.map(({ kind }) => kind);
  assert.equal(kinds[0], 'a compressed file that is cut short: what was there was read');
  await assert.rejects(readTrace([path], nothing, { strict: true }), (error) => {
    return error instanceof InputError && error.message.includes('cut short');
  });
});

test('a damaged file is an error', async () => {
  const packed = gzipSync(noise(100_000));
  const spoilt = Buffer.from(packed);
  spoilt.fill(0xff, 40_000, 40_200);
  for (const bytes of [spoilt, Buffer.from([0x1f, 0x8b, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9])]) {
    const path = file('spoilt.gz', bytes);
    for (const watch of [{}, { cut: () => {} }]) {
      await assert.rejects(contentOf([path], watch), (error) => {
        return error instanceof InputError && /: is damaged \(gzip: Z_/.test(error.message);
      });
    }
  }
});

test('missing files and folders are errors that say what to do', async () => {
  const missing = join(folder, 'missing');
  await assert.rejects(contentOf([missing]), (error) => {
    return (
      error instanceof InputError && error.message === `${missing}: no such file; check the path`
    );
  });
  await assert.rejects(contentOf([folder]), (error) => {
    return error instanceof InputError && error.message.startsWith(`${folder}: is a directory`);
  });
});

test('a reader that stops early leaves nothing behind that keeps the process', async () => {
  const path = file('long.gz', gzipSync(noise(5_000_000)));
  for await (const piece of openTrace([path])) {
    assert.ok(piece.length > 0);
    break;
  }
});

test('lines are counted by file; files must be in the order of time', async () => {
  const first = file('first', fixture('default'));
  const second = file('second.gz', gzipSync(fixture('clock-boot')));
  const lines: number[] = [];
  const handler = { event: ({ line }: { line: number }) => lines.push(line) };
  const summary = await readTrace([first, second], handler, lenient);
  assert.equal(summary.lines, 69 + 39);
  assert.deepEqual([lines[0], lines[49]], [13, 13]);
  assert.deepEqual(summary.anomalies, []);
  const turned = await readTrace([second, first], nothing, lenient);
  assert.deepEqual(
    turned.anomalies
      .filter(({ kind }) => kind.startsWith('a file that begins'))
      .map(({ places }) => places),
    [[`${first}:13`]],
  );
  const bad = file('bad', `${Buffer.from(fixture('default')).toString()}oops\n`);
  await assert.rejects(readTrace([first, bad], nothing, { strict: true }), (error) => {
    return error instanceof InputError && error.message.startsWith(`${bad}:`);
  });
});

test('what is no trace names its file', async () => {
  const good = file('good', fixture('default'));
  const data = file('trace.dat', Uint8Array.of(0x17, 8, 0x44, ...Buffer.from('tracing6\0')));
  await assert.rejects(readTrace([good, data], nothing, lenient), (error) => {
    return (
      error instanceof InputError && error.message.startsWith(`${data}: is a binary trace.dat`)
    );
  });
});

test('standard input, packed or not, byte by byte', async () => {
  const reader = new URL('../../bench/input/ftrace.js', import.meta.url).href;
  const script = `import { readTrace } from '${reader}'; const s = await readTrace(['-'], { event() {} }, { strict: true }); console.log(s.events, s.lines);`;
  for (const bytes of [Buffer.from(fixture('default')), gzipSync(fixture('default'))]) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stdin.write(bytes.subarray(0, 1));
    setImmediate(() => child.stdin.end(bytes.subarray(1)));
    assert.equal(await new Promise((resolve) => child.on('close', resolve)), 0);
    assert.equal(out, '49 69\n');
  }
});
