/** The reader of ftrace text against a naive one: formats, cuts anywhere, quirks, bad lines, mutations. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { InputError } from '../../bench/errors.ts';
import { TraceReader, type TraceSummary } from '../../bench/input/ftrace.ts';
import { TRACE, type TraceEvent } from '../../bench/input/ftrace-events.ts';
import { randomBelow, seededRandom } from '../../bench/workload/random.ts';
import { naiveLine } from './naive.ts';

const FOLDER = fileURLToPath(new URL('../../../test/fixtures/traces/', import.meta.url));
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.txt.gz'));
const MUTATIONS = Number(process.env.SLABSPLICE_TRACE_CASES ?? 100_000);

function textOf(name: string): string {
  return gunzipSync(readFileSync(FOLDER + name)).toString('utf8');
}

type Seen = Record<string, unknown>;

/** What the reader says of an event, in the words of the naive one. */
function seenOf(event: TraceEvent, nameOf: (id: number) => string): Seen {
  const { kind } = event;
  const head = {
    ...{ pid: event.pid, cpu: event.cpu, kind, time: event.time, interrupt: event.interrupt },
  };
  const hex = (half: number) => (half >>> 0).toString(16).padStart(8, '0');
  const alloc = kind === TRACE.kmemCacheAlloc || kind === TRACE.kmalloc;
  if (kind <= TRACE.kfree) {
    const pointer = hex(event.pointerHigh) + hex(event.pointerLow);
    const sizes = alloc ? { bytesReq: event.bytesReq, bytesAlloc: event.bytesAlloc } : {};
    return { ...head, pointer, name: event.name < 0 ? '' : nameOf(event.name), ...sizes };
  }
  if (kind <= TRACE.filemapDelete) {
    const { devMajor, devMinor, offset, inode } = event;
    return { ...head, devMajor, devMinor, offset, inode };
  }
  if (kind <= TRACE.cgroupRelease) {
    return { ...head, root: event.root, cgroup: event.cgroup, path: nameOf(event.path) };
  }
  if (kind === TRACE.cgroupAttach) {
    return { ...head, root: event.root, cgroup: event.cgroup, targetPid: event.targetPid };
  }
  return kind === TRACE.fork ? { ...head, childPid: event.childPid } : head;
}

function read(
  pieces: readonly Uint8Array[],
  strict = false,
): { seen: Seen[]; summary: TraceSummary; reader: TraceReader } {
  const seen: Seen[] = [];
  const reader: TraceReader = new TraceReader(
    { event: (event) => seen.push(seenOf(event, (id) => reader.nameOf(id))) },
    { file: 'f', strict },
  );
  for (const piece of pieces) reader.push(piece);
  return { seen, summary: reader.end(), reader };
}

function readText(text: string, strict = false) {
  return read([Buffer.from(text)], strict);
}

for (const name of FILES) {
  test(`${name}: every line is understood as the naive reader does`, () => {
    const text = textOf(name);
    const lines = text.split('\n').filter((line) => line !== '');
    const { seen, summary } = readText(text);
    assert.equal(summary.bad, 0);
    const expected = lines.map(naiveLine).filter((one) => one !== null && one.kind !== 0);
    assert.ok(expected.length > 0);
    assert.deepEqual(seen, expected);
    const skipped = Object.values(summary.skipped).reduce((sum, count) => sum + count, 0);
    assert.equal(summary.events + skipped + summary.comments, summary.lines);
  });
}

test('lines may be cut anywhere', () => {
  const bytes = Buffer.from(textOf('default.txt.gz').slice(0, 3000));
  const whole = read([bytes]);
  fc.assert(
    fc.property(fc.array(fc.nat({ max: bytes.length }), { maxLength: 12 }), (cuts) => {
      const ends = [...new Set([...cuts, bytes.length])].sort((a, b) => a - b);
      const pieces = ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
      const { seen, summary } = read(pieces);
      assert.deepEqual(seen, whole.seen);
      assert.deepEqual(summary, whole.summary);
    }),
    { numRuns: 100 },
  );
});

const GOOD =
  '  a-9  [000] .....  1600.088396: kmem_cache_free: call_site=f+0x1/0x2 ptr=00000000ff1a8273 name=dentry';

const QUIRKS: readonly [what: string, line: string, expected: Seen][] = [
  ['a space in the name', GOOD.replace('a-9', 'probe worker-6330'), { pid: 6330 }],
  ['a bracket in the name', GOOD.replace('a-9', 'probe[w]-77'), { pid: 77 }],
  ['a CPU in the name', GOOD.replace('a-9', 'x [000] y-78'), { pid: 78 }],
  ['a number in the name', GOOD.replace('a-9', 'probe_x-1.2-7671'), { pid: 7671 }],
  ['no name any more', GOOD.replace('a-9', '<...>-22266'), { pid: 22266 }],
  ['idle', GOOD.replace('a-9', '<idle>-0').replace('.....', '..s1.'), { pid: 0, interrupt: 1 }],
  ['a hard interrupt', GOOD.replace('.....', 'd.h1.'), { interrupt: 1 }],
  ['interrupts off is not in one', GOOD.replace('.....', 'd..1.'), { interrupt: 0 }],
  ['no flags', GOOD.replace(' .....', ''), { interrupt: -1 }],
  ['four flags', GOOD.replace('.....', '..s.'), { interrupt: 1 }],
  ['a thread group', GOOD.replace('[000]', '(    9) [000]'), { pid: 9 }],
  [
    'a cache of a cgroup, before 5.9',
    GOOD.replace('name=dentry', 'name=dentry(123:foo.service)'),
    { name: 'dentry' },
  ],
  ['an address with 0x', GOOD.replace('ptr=', 'ptr=0x'), { pointer: '00000000ff1a8273' }],
  ['a carriage return', `${GOOD}\r`, { name: 'dentry' }],
  ['a bare count', GOOD.replace('1600.088396', '395509'), { time: 395509 }],
];

for (const [what, line, expected] of QUIRKS) {
  test(`understood: ${what}`, () => {
    const { seen, summary } = readText(`${line}\n`);
    assert.equal(summary.bad, 0);
    for (const [key, value] of Object.entries(expected)) assert.equal(seen[0]?.[key], value, key);
  });
}

test('an inode is hexadecimal, and may be large', () => {
  const { seen } = readText(
    'a-1 [0] ... 1.000001: mm_filemap_add_to_page_cache: dev 254:0 ino fe0000000a pfn=0x1 ofs=8192 order=2\n',
  );
  assert.deepEqual([seen[0]?.inode, seen[0]?.offset], [0xfe0000000a, 8192]);
});

const BAD = [
  'no event at all',
  GOOD.replace('[000]', '000'),
  GOOD.replace('.088396', '.08839'),
  GOOD.replace('ptr=00000000ff1a8273', 'ptr=(____ptrval____)'),
  GOOD.replace('ptr=00000000ff1a8273', 'ptr=(null)'),
  GOOD.replace('ptr=00000000ff1a8273', 'ptr=00000000ff1a827g'),
  GOOD.replace(': kmem_cache_free:', ' kmem_cache_free'),
  'a-1 [0] ... 1.000001: kmalloc: call_site=f ptr=00000000ff1a8273 bytes_req=x bytes_alloc=8',
  'a-1 [0] ... 1.000001: cgroup_mkdir: root=4 id= level=1 path=/a',
  'a-1 [0] ... 1.000001: mm_filemap_add_to_page_cache: dev 254 ino 1 pfn=0x1 ofs=0',
  '\u0000\u0000\u0000',
];

for (const line of BAD) {
  test(`counted, with its line: ${JSON.stringify(line.slice(0, 60))}`, () => {
    const { seen, summary } = readText(`${GOOD}\n${line}\n${GOOD}\n`);
    assert.deepEqual([seen.length, summary.bad, summary.lines], [2, 1, 3]);
    assert.deepEqual(
      summary.anomalies.map(({ count, lines }) => [count, lines]),
      [[1, [2]]],
    );
    assert.throws(
      () => readText(`${GOOD}\n${line}\n`, true),
      (error) => error instanceof InputError && error.message.startsWith('f:2: '),
    );
  });
}

test('lost and overwritten events are counted as many as they were', () => {
  const { summary } = readText(
    `# entries-in-buffer/entries-written: 712/47106   #P:2\n${GOOD}\nCPU:1 [LOST 7844 EVENTS]\n`,
  );
  assert.equal(summary.lost, 47106 - 712 + 7844);
  assert.deepEqual(
    summary.anomalies.map(({ kind }) => kind),
    ['events overwritten in the buffer', 'lost events'],
  );
});

test('another clock, and time that runs backwards on a CPU', () => {
  const counted = GOOD.replace('1600.088396', '12');
  const earlier = GOOD.replace('1600.088396', '1600.000001');
  const other = earlier.replace('[000]', '[001]');
  const kinds = (text: string) => readText(text).summary.anomalies.map(({ kind }) => kind);
  assert.deepEqual(kinds(`${GOOD}\n${counted}\n`), [
    'another clock than before',
    'time runs backwards on a CPU',
  ]);
  assert.deepEqual(kinds(`${GOOD}\n${earlier}\n`), ['time runs backwards on a CPU']);
  assert.deepEqual(kinds(`${GOOD}\n${other}\n`), []);
});

test('a line of ten megabytes is dropped as it comes, and counted', () => {
  const long = Buffer.alloc(10 * 2 ** 20, 0x61);
  const pieces = [Buffer.from(`${GOOD}\n`)];
  for (let at = 0; at < long.length; at += 65_536) pieces.push(long.subarray(at, at + 65_536));
  pieces.push(Buffer.from(`\n${GOOD}`));
  const { seen, summary } = read(pieces);
  const reader = new TraceReader({ event: () => {} }, { file: 'f', strict: false });
  for (const piece of pieces.slice(0, -1)) {
    reader.push(piece);
    // What is kept of a line is private, and no more than a line may be.
    assert.ok((Reflect.get(reader, 'rest') as Uint8Array).length <= 65_536);
  }
  assert.deepEqual([seen.length, summary.bad, summary.lines], [2, 1, 3]);
  assert.match(summary.anomalies[0]?.kind ?? '', /LINE_MAX \(65536\)/);
});

test(`${MUTATIONS} mutated lines: each is what the naive reader says, or counted`, () => {
  const lines = FILES.flatMap((name) => textOf(name).split('\n').slice(0, 400)).filter(
    (line) => naiveLine(line) !== null,
  );
  const random = seededRandom(6);
  const alphabet = ' -[]:=.()0123456789abcdefxsN/\u0000\r#';
  let events = 0;
  for (let count = 0; count < MUTATIONS; count++) {
    let line = lines[randomBelow(random, lines.length)] as string;
    for (let times = 1 + randomBelow(random, 3); times > 0; times--) {
      const at = randomBelow(random, line.length + 1);
      const letter = alphabet[randomBelow(random, alphabet.length)] as string;
      const kept = randomBelow(random, 3);
      // Put in, replaced, or everything from there on left out.
      if (kept === 0) line = line.slice(0, at) + letter + line.slice(at);
      else if (kept === 1) line = line.slice(0, at) + letter + line.slice(at + 1);
      else line = line.slice(0, at) + line.slice(at + 1 + randomBelow(random, 8));
    }
    const { seen, summary } = readText(`${line}\n`);
    const skipped = Object.values(summary.skipped).reduce((sum, one) => sum + one, 0);
    assert.equal(summary.events + skipped + summary.bad + summary.comments, 1, line);
    const [one] = seen;
    if (one === undefined) continue;
    events++;
    assert.deepEqual(one, naiveLine(line.replace(/\r$/, '')), JSON.stringify(line));
  }
  assert.ok(events > MUTATIONS / 10, `${events} were still events`);
});
