/** Quirks of traces one by one, lines that are bad, anomalies, and inputs that are something else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { InputError } from '../../bench/errors.ts';
import { escapeForTerminal } from '../../bench/input/ftrace.ts';
import { TRACE } from '../../bench/input/ftrace-events.ts';
import { hashBytes, MAX_NAMES, TraceBuffer, TraceNames } from '../../bench/input/ftrace-strings.ts';
import { readPieces, readText } from './ftrace-compare.ts';
import { hasControl, naiveLine, type Seen } from './ftrace-naive.ts';

/** A line as the kernel aligns it. */
function line(event: string, { comm = 'probe-gen', pid = '9072', flags = ' .....' } = {}): string {
  return `${comm.padStart(16)}-${pid.padEnd(7)} [001]${flags}  1600.088396: ${event}`;
}

const FREE = 'kmem_cache_free: call_site=f+0x1/0x2 ptr=00000000ff1a8273 name=dentry';
const ALLOC =
  'kmem_cache_alloc: call_site=f+0x1/0x2 ptr=00000000ff1a8273 name=dentry bytes_req=192 bytes_alloc=200 gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1 accounted=true';
const KMALLOC =
  'kmalloc: call_site=f+0x1/0x2 ptr=00000000ff1a8273 bytes_req=176 bytes_alloc=192 gfp_flags=GFP_KERNEL node=-1 accounted=false';
const KFREE = 'kfree: call_site=f+0x1/0x2 ptr=ffff888276768380';
const PAGE = 'mm_filemap_add_to_page_cache: dev 254:0 ino 218243 pfn=0x1a86a4 ofs=8192 order=2';
const ATTACH =
  'cgroup_attach_task: dst_root=4 dst_id=11363 dst_level=1 dst_path=/a pid=9090 comm=probe';
const FORK = 'sched_process_fork: comm=probe pid=9090 child_comm=probe child_pid=9091';
const EXIT = 'sched_process_exit: comm=probe pid=9090 prio=120 group_dead=true';
const MARK = 'tracing_mark_write: probe: sample=53 phase=end+1s gen=49';
const EVENTS = [ALLOC, FREE, KMALLOC, KFREE, PAGE, ATTACH, FORK, EXIT, MARK];

const COMMS = [
  ...['probe worker', 'probe: srv', 'probe[w]', '(probe-sd)', 'probe_x-1.2', 'kworker/1:1H'],
  ...[
    '<idle>',
    '<...>',
    'x-78 [000]',
    'a-1 [000] ',
    '[000]',
    '-',
    '- -',
    ' a',
    'CPU:1 [LOST',
    '12',
  ],
  ...['#', '123456789012345', 'a:b: c', '\u001b[31m', 'caf\u00e9', 'a-1 [0] 1: b:', '(1) [0]'],
];

for (const comm of COMMS) {
  test(`a task called ${JSON.stringify(comm)}`, () => {
    for (const event of EVENTS) {
      const text = line(event, { comm, pid: '6330' });
      const { seen, summary } = readText(`${text}\n${text}\n`);
      assert.equal(summary.bad, 0);
      assert.deepEqual(
        seen.map(({ pid, cpu, kind }) => [pid, cpu, kind]),
        [1, 2].map(() => [6330, 1, naiveKind(event)]),
      );
    }
  });
}

function naiveKind(event: string): number | string | undefined {
  const naive = naiveLine(line(event));
  return naive === null || naive === 'skipped' ? undefined : naive.kind;
}

const module = FREE.replace('f+0x1/0x2', 'nfs_free+0x1d/0x30 [nfs]');
/** What each event says, whoever reads it. */
const QUIRKS: readonly (readonly [what: string, line: string, expected: Seen])[] = [
  ['interrupts off is not in one', line(FREE, { flags: ' d..1.' }), { interrupt: 0 }],
  ['a soft interrupt', line(FREE, { flags: ' ..s1.' }), { interrupt: 1 }],
  ['a hard interrupt', line(FREE, { flags: ' d.h1.' }), { interrupt: 1 }],
  ['a hard one in a soft one', line(FREE, { flags: ' dNH2.' }), { interrupt: 1 }],
  ['an NMI', line(FREE, { flags: ' d.z1.' }), { interrupt: 1 }],
  ['an NMI in an interrupt', line(FREE, { flags: ' d.Z1.' }), { interrupt: 1 }],
  ['bottom halves off', line(FREE, { flags: ' b.s3.' }), { interrupt: 1 }],
  ['four flags', line(FREE, { flags: ' ..s.' }), { interrupt: 1 }],
  ['no flags', line(FREE, { flags: '' }), { interrupt: -1 }],
  ['a thread group', line(FREE, { pid: '9 (    9)' }), { pid: 9 }],
  ['no thread group', line(FREE, { pid: '9 (-----)' }), { pid: 9 }],
  ['a module', line(module), { callSite: 'nfs_free+0x1d/0x30 [nfs]', name: 'dentry' }],
  [
    'an address instead of a symbol',
    line(FREE.replace('f+0x1/0x2', '0xffffffff81a')),
    { name: 'dentry' },
  ],
  [
    'what the kmem plugin adds',
    line(FREE.replace('call', '(f+0x1) call')),
    { callSite: 'f+0x1/0x2' },
  ],
  ['a name that is filled up', line(FREE.replace(': ', ':      ')), { name: 'dentry' }],
  ['0x', line(FREE.replace('ptr=', 'ptr=0x')), { pointer: '00000000ff1a8273' }],
  [
    'kfree of null',
    line(KFREE.replace('ffff888276768380', '0'.repeat(16))),
    { pointer: '0'.repeat(16) },
  ],
  [
    'null of trace-cmd',
    line(KFREE.replace('ffff888276768380', '(nil)')),
    { pointer: '0'.repeat(16) },
  ],
  [
    'null as kernels print it',
    line(KFREE.replace('ffff888276768380', '(null)')),
    { pointer: '0'.repeat(16) },
  ],
  [
    'a cache of a cgroup, before 5.9',
    line(FREE.replace('dentry', 'dentry(123:foo.service)')),
    { name: 'dentry', nameCgroup: '123:foo.service' },
  ],
  ['no name, as before 6.18', line(ALLOC.replace(' name=dentry', '')), { name: '', accounted: 1 }],
  [
    'neither node nor accounted, as before 5.19',
    line(ALLOC.replace(/ node.*/, '').replace(' name=dentry', '')),
    { accounted: -1, bytesAlloc: 200 },
  ],
  [
    'an event of its own for nodes, before 6.1',
    line(KMALLOC.replace('kmalloc', 'kmalloc_node').replace(/ accounted.*/, '')),
    { kind: TRACE.kmalloc, bytesReq: 176 },
  ],
  ['a field that is new', line(`${KFREE} shiny=1`), { kind: TRACE.kfree }],
  [
    'an inode is hexadecimal',
    line(PAGE),
    { inode: 0x218243, offset: 8192, order: 2, pfn: 0x1a86a4 },
  ],
  ['a large inode', line(PAGE.replace('218243', 'fe0000000a')), { inode: 0xfe0000000a }],
  ['a large offset', line(PAGE.replace('8192', '9223372036854771712')), { offset: 2 ** 63 - 4096 }],
  [
    'no order, a page and a decimal pfn, as in 5.4',
    line('mm_filemap_add_to_page_cache: dev 8:1 ino 5a page=0000000012345678 pfn=219670 ofs=0'),
    { order: 0, pfn: 219_670, inode: 0x5a, devMajor: 8, devMinor: 1 },
  ],
  [
    'a cgroup id above 32 bits',
    line(ATTACH.replace('11363', '4294978659')),
    { cgroup: 4_294_978_659 },
  ],
  [
    'a path with blanks',
    line(ATTACH.replace('/a', '/a b/c d')),
    { path: '/a b/c d', targetPid: 9090 },
  ],
  [
    'a path that looks like fields',
    line(ATTACH.replace('/a', '/x pid=1 y')),
    { path: '/x pid=1 y' },
  ],
  ['who is forked', line(FORK), { targetPid: 9090, childPid: 9091 }],
  [
    'a name that looks like fields',
    line(FORK.replaceAll('=probe', '=a pid=3')),
    { comm: 'a pid=3', targetPid: 9090, childComm: 'a pid=3', childPid: 9091 },
  ],
  ['an exit without group_dead', line(EXIT.replace(/ group.*/, '')), { targetPid: 9090 }],
  ['a marker', line(MARK), { text: 'probe: sample=53 phase=end+1s gen=49' }],
  [
    'a marker with blanks and an event in it',
    line(`tracing_mark_write:   ${FREE} `),
    { text: `  ${FREE} ` },
  ],
  ['an empty marker', line('tracing_mark_write: '), { text: '' }],
  ['a marker of trace-cmd', line('print:      tracing_mark_write: a: b'), { text: 'a: b' }],
  ['a count', line(FREE).replace('1600.088396', '     395509'), { time: 395_509 }],
  ['cycles', line(FREE).replace('1600.088396', '11066999198557'), { time: 11_066_999_198_557 }],
  ['very many', line(FREE).replace('1600.088396', '9223372036854775807'), { time: 2 ** 63 }],
  [
    'seconds since 1970',
    line(FREE).replace('1600.0', '1795385461.0'),
    { time: 1_795_385_461_088_396 },
  ],
  ['nanoseconds', line(FREE).replace('.088396', '.088396125'), { time: 1_600_088_396.125 }],
  ['a CPU of four digits', line(FREE).replace('[001]', '[1023]'), { cpu: 1023 }],
  ['a PID of seven digits', line(FREE, { pid: '4194303' }), { pid: 4_194_303 }],
  ['not aligned', line(FREE).trimStart(), { pid: 9072 }],
];

for (const [what, text, expected] of QUIRKS) {
  test(`understood: ${what}`, () => {
    // Twice: the first is learned from.
    const { seen, summary } = readText(`${text}\n${text}\n`);
    assert.equal(summary.bad, 0);
    assert.deepEqual(summary.anomalies, []);
    assert.equal(seen.length, 2);
    for (const one of seen) {
      for (const [key, value] of Object.entries(expected)) assert.equal(one[key], value, key);
    }
    assert.deepEqual(seen[0], naiveLine(text));
  });
}

test('an inode above 2^53 keeps its bits in halves; hashed or not is said', () => {
  const seen: number[][] = [];
  const text = [
    line(PAGE.replace('218243', 'fedcba9876543211')),
    line(PAGE.replace('218243', 'fedcba9876543212')),
  ].join('\n');
  readPieces([Buffer.from(`${text}\n`)], {}, (event) => {
    seen.push([event.inodeHigh >>> 0, event.inodeLow >>> 0]);
  });
  assert.deepEqual(seen, [
    [0xfedcba98, 0x76543211],
    [0xfedcba98, 0x76543212],
  ]);
  const hashed: number[] = [];
  readPieces([Buffer.from(`${line(KFREE)}\n${line(FREE)}\n${line(KFREE)}\n`)], {}, (event) => {
    hashed.push(event.hashed);
  });
  assert.deepEqual(hashed, [0, 1, 0]);
});

const FIELD_BAD = (event: string) => `${event} with a field that is missing or cannot be read`;
/** Lines that are counted as bad, and the kind of anomaly that they are. */
const BAD: readonly (readonly [text: string, kind: string])[] = [
  ['no event at all', 'a line that is no event'],
  [line(FREE).replace('[001]', '001'), 'a line that is no event'],
  [line(FREE).replace('[001]', '[12345]'), 'a line that is no event'],
  [line(FREE).replace('.088396', '.08839'), 'a line that is no event'],
  [line(FREE).replace('1600.', '.'), 'a line that is no event'],
  [line(FREE, { flags: ' .s...' }), 'a line that is no event'],
  [line(FREE, { flags: ' ..?..' }), 'a line that is no event'],
  [line(FREE, { flags: ' ..s....' }), 'a line that is no event'],
  [line(FREE, { comm: '1234567890123456' }).replace('-', '+-'), 'a line that is no event'],
  [line(FREE.replace('free: ', 'free ')), 'a line that is no event'],
  [line(FREE.replace('free: ', 'free:')), 'a line that is no event'],
  [line(FREE.replace('=dentry', '=dentry x')), FIELD_BAD('kmem_cache_free')],
  [line(FREE.replace('=dentry', '=')), FIELD_BAD('kmem_cache_free')],
  [line(`${FREE} `), FIELD_BAD('kmem_cache_free')],
  [line(`${FREE} name=inode`), FIELD_BAD('kmem_cache_free')],
  [
    line(FREE.replace('00000000ff1a8273', '(____ptrval____)')),
    'a pointer printed as (____ptrval____)',
  ],
  [line(FREE.replace('00000000ff1a8273', '00000000ff1a827g')), FIELD_BAD('kmem_cache_free')],
  [line(FREE.replace('00000000ff1a8273', '00000000FF1A8273')), FIELD_BAD('kmem_cache_free')],
  [line(FREE.replace('00000000ff1a8273', '00000000ff1a82734')), FIELD_BAD('kmem_cache_free')],
  [line(FREE.replace('00000000ff1a8273', 'c1a82734')), 'a pointer of 8 digits (a 32-bit kernel)'],
  [line(FREE.replace('ptr', 'prt')), FIELD_BAD('kmem_cache_free')],
  [line(KMALLOC.replace('=176', '=x')), FIELD_BAD('kmalloc')],
  [line(KMALLOC.replace('=176', '=')), FIELD_BAD('kmalloc')],
  [line(KMALLOC.replace('=176', '=-1')), FIELD_BAD('kmalloc')],
  [line(KMALLOC.replace('=176', '=0xb0')), FIELD_BAD('kmalloc')],
  [line(KMALLOC.replace('=176', '=0xb0 (175)')), FIELD_BAD('kmalloc')],
  [line(KMALLOC.replace('=192', '=0')), FIELD_BAD('kmalloc')],
  [line(KMALLOC.replace('=192', '=9007199254740993')), FIELD_BAD('kmalloc')],
  [line(KMALLOC.replace('accounted=false', 'accounted=maybe')), FIELD_BAD('kmalloc')],
  [line(KMALLOC.replace('accounted=false', 'accounted=falsy')), FIELD_BAD('kmalloc')],
  [line(PAGE.replace('254:0', '254')), FIELD_BAD('mm_filemap_add_to_page_cache')],
  [line(PAGE.replace('254:0', '99999:0')), FIELD_BAD('mm_filemap_add_to_page_cache')],
  [line(PAGE.replace('218243', '2182g3')), FIELD_BAD('mm_filemap_add_to_page_cache')],
  [line(PAGE.replace('order=2', 'order=23')), FIELD_BAD('mm_filemap_add_to_page_cache')],
  [line(ATTACH.replace('11363', '')), FIELD_BAD('cgroup_attach_task')],
  [line(ATTACH.replace('11363', '9007199254740993')), FIELD_BAD('cgroup_attach_task')],
  [
    line(ATTACH.replace('comm=probe', 'comm=a name much too long')),
    FIELD_BAD('cgroup_attach_task'),
  ],
  // Path or name of the task: both readings are possible.
  [line(ATTACH.replace('comm=probe', 'comm=a pid=1 comm=b')), FIELD_BAD('cgroup_attach_task')],
  [line(FORK.replace('child_pid=9091', 'child_pid=')), FIELD_BAD('sched_process_fork')],
  [line(FORK.replace('9091', '99999999')), FIELD_BAD('sched_process_fork')],
  [line(EXIT.replace('pid=9090', 'pid=x')), FIELD_BAD('sched_process_exit')],
  ['\u0000\u0000\u0000', 'a line with NUL bytes'],
  [line(FREE.replace('dentry', 'den\u0000try')), 'a line with NUL bytes'],
  [line(FREE, { comm: 'a\u0000b' }), 'a line with NUL bytes'],
  [line(FREE.replace('dentry', 'x'.repeat(600))), FIELD_BAD('kmem_cache_free')],
  [line(FREE.replace('dentry', 'x'.repeat(70_000))), 'a line of more than LINE_MAX (65536) bytes'],
  [line(FREE).replace(' .....  1600.088396', '  1600.088396125'), 'a line that is no event'],
];

for (const [text, kind] of BAD) {
  test(`bad, with its line: ${JSON.stringify(text.slice(0, 150))}`, () => {
    const good = line(FREE);
    const { seen, summary, lines } = readText(`${good}\n${text}\n${good}\n`);
    assert.deepEqual([seen.length, summary.bad, summary.lines], [2, 1, 3]);
    assert.deepEqual(lines, [1, 3]);
    assert.deepEqual(summary.anomalies, [{ kind, count: 1, lines: [2], places: ['f:2'] }]);
    assert.throws(
      () => readText(`${good}\n${text}\n`, { strict: true }),
      (error) => error instanceof InputError && error.message.startsWith(`f:2: ${kind}; `),
    );
  });
}

test('a folio has 16 GiB at the most, also where lines like it came before', () => {
  const of = (order: number) => line(PAGE.replace('order=2', `order=${order}`));
  const { seen, summary } = readText(`${[0, 0, 22, 23, 22].map(of).join('\n')}\n`);
  assert.deepEqual([seen.map((one) => one.order), summary.bad], [[0, 0, 22, 22], 1]);
});

test('a line that was cut has a field less than the others, not a wrong one', () => {
  for (const event of [ALLOC, FREE, KMALLOC, PAGE]) {
    const whole = line(event);
    for (let length = whole.length - 1; length > 40; length--) {
      const cut = whole.slice(0, length);
      const { seen, summary } = readText(`${whole}\n${cut}\n${whole}\n`);
      const naive = naiveLine(cut);
      if (summary.bad === 1) assert.equal(seen.length, 2);
      // A number or a name that is cut short is one as well.
      else assert.deepEqual(seen[1], naive, cut);
      const last = / (name|accounted|order)=?[^ ]*$/.exec(whole)?.[0] ?? '';
      if (length <= whole.length - last.length) assert.equal(summary.bad, 1, cut);
    }
  }
});

test('a kernel that prints less is learned from two lines, one broken line decides nothing', () => {
  const old = line(ALLOC.replace(' name=dentry', ''));
  const { summary, seen } = readText([line(ALLOC), old, old, old, line(ALLOC), old].join('\n'));
  assert.deepEqual([summary.bad, seen.length], [1, 5]);
  const extra = line(KMALLOC.replace('kmalloc: ', 'kmalloc: name=x '));
  const more = [line(KMALLOC), extra, line(KMALLOC), extra, line(KMALLOC)];
  assert.equal(readText(more.join('\n')).summary.bad, 0);
  const header = '# tracer: nop';
  assert.equal(readText([line(ALLOC), header, old].join('\n')).summary.bad, 0);
});

test('lines that are cut are bad however many good ones are between them', () => {
  for (const event of [ALLOC, FREE, KMALLOC, PAGE]) {
    const whole = line(event);
    const cut = whole.replace(/ (?:name|accounted|order)=[^ ]*/, '');
    const { summary } = readText(`${[whole, whole, whole, cut, whole, whole, cut].join('\n')}\n`);
    assert.deepEqual([summary.bad, summary.events], [2, 5]);
  }
});

test('a trace of nanoseconds has no line of microseconds, nor the other way round', () => {
  const micros = line(FREE);
  const nanos = micros.replace('.088396', '.088396125');
  for (const [one, other] of [
    [micros, nanos],
    [nanos, micros],
  ]) {
    const { summary } = readText(`${[one, one, one, other, one].join('\n')}\n`);
    assert.deepEqual([summary.bad, summary.events], [1, 4]);
  }
});

test('digits that are next to hexadecimal ones are none, in pointers of lines that came up before', () => {
  const whole = line(FREE);
  for (const letter of ':;<=>?@`ghGA/ ') {
    for (let at = 0; at < 16; at++) {
      const start = whole.indexOf('ptr=') + 4 + at;
      const broken = whole.slice(0, start) + letter + whole.slice(start + 1);
      assert.equal(readText(`${whole}\n${whole}\n${broken}\n`).summary.bad, 1, broken);
    }
  }
  for (const digits of ['0123456789abcdef', 'fedcba9876543210', 'ffff888276768380']) {
    const text = whole.replace('00000000ff1a8273', digits);
    const { seen } = readText(`${whole}\n${whole}\n${text}\n`);
    assert.equal(seen[2]?.pointer, digits);
  }
});

test('names whose hashes are the same are told apart by their bytes', () => {
  const buffer = new TraceBuffer();
  const names = new TraceNames();
  const words = ['kmalloc-8', 'kmalloc-9', 'kmallok-8', 'Kmalloc-8', 'kmalloc', 'kmalloc-80', ''];
  const text = words.join('|');
  buffer.reserve(64, 0);
  buffer.bytes.set(Buffer.from(text));
  const places = words.map((word, at) => {
    const start = words.slice(0, at).join('|').length + Math.min(at, 1);
    return [start, start + word.length] as const;
  });
  const numbers = places.map(([start, end]) => names.number(buffer, start, end));
  assert.deepEqual(numbers, [0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual(
    numbers.map((number) => names.of(number)),
    words,
  );
  const [first = [0, 0], ...others] = places;
  const hash = hashBytes(buffer.view, first[0], first[1]);
  assert.equal(names.find(buffer.view, first[0], first[1], hash), 0);
  for (const [start, end] of others) assert.equal(names.find(buffer.view, start, end, hash), -1);
});

test('too many names are an error that says so', () => {
  const text = Array.from({ length: MAX_NAMES + 2 }, (_, at) =>
    line(FREE.replace('dentry', `x${at}`)),
  );
  assert.throws(
    () => readText(`${text.join('\n')}\n`),
    (error) =>
      error instanceof InputError &&
      /:65536: has more than MAX_NAMES \(65536\)/.test(error.message),
  );
});

/** What is counted beside the lines: kinds and how often. */
const ANOMALIES: readonly (readonly [
  what: string,
  text: string,
  kinds: [string, number][],
  lost: number,
])[] = [
  ['none', `${line(FREE)}\n`, [], 0],
  [
    'an end without a line break',
    line(FREE),
    [['a last line without a line break: it may be cut short', 1]],
    0,
  ],
  [
    'line ends of Windows',
    `${line(FREE)}\r\n${line(FREE)}\r\n`,
    [['a line that ends as on Windows (CRLF)', 2]],
    0,
  ],
  ['lost events', `CPU:1 [LOST 7844 EVENTS]\n${line(FREE)}\n`, [['lost events', 7844]], 7844],
  [
    'an unknown number of them',
    'CPU:1 [LOST EVENTS]\n',
    [['lost events, of which is not said how many', 1]],
    0,
  ],
  ['those of trace-cmd', 'CPU:7 [204600 EVENTS DROPPED]\n', [['lost events', 204_600]], 204_600],
  [
    'the same unknown',
    'CPU:7 [EVENTS DROPPED]\n',
    [['lost events, of which is not said how many', 1]],
    0,
  ],
  [
    'overwritten ones',
    `# entries-in-buffer/entries-written: 712/47106   #P:2\n${line(FREE)}\n`,
    [['events overwritten in the buffer', 46_394]],
    46_394,
  ],
  [
    'the same with latency-format',
    '# latency: 0 us, #19000/19150, CPU#0 | (M:PREEMPT(none) VP:0, KP:0, SP:0 HP:0 #P:2)\n',
    [['events overwritten in the buffer', 150]],
    150,
  ],
  [
    'a clock that counts after one of seconds',
    `${line(FREE)}\n${line(FREE).replace('1600.088396', '1700000000000')}\n`,
    [['another clock than before', 1]],
    0,
  ],
  [
    'seconds since 1970 after seconds since boot',
    `${line(FREE)}\n${line(FREE).replace('1600.', '1795385461.')}\n`,
    [['another clock than before', 1]],
    0,
  ],
  [
    'time that runs backwards on a CPU',
    `${line(FREE)}\n${line(FREE).replace('.088396', '.088395')}\n`,
    [['time runs backwards on a CPU', 1]],
    0,
  ],
  [
    'time of another CPU',
    `${line(FREE)}\n${line(FREE).replace('[001]  ..... 1600', '[000] ..... 1500')}\n`,
    [],
    0,
  ],
];

for (const [what, text, kinds, lost] of ANOMALIES) {
  test(`anomalies: ${what}`, () => {
    const { summary } = readText(text);
    assert.deepEqual(
      summary.anomalies.map(({ kind, count }) => [kind, count]),
      kinds,
    );
    assert.equal(summary.lost, lost);
    assert.equal(summary.bad, 0);
    if (kinds.length === 0) readText(text, { strict: true });
    else assert.throws(() => readText(text, { strict: true }), InputError);
  });
}

test('only the first lines of an anomaly are named, all are counted', () => {
  const { summary } = readText('x\n'.repeat(1000));
  assert.deepEqual(summary.anomalies[0]?.lines, [1, 2, 3, 4, 5]);
  assert.equal(summary.anomalies[0]?.count, 1000);
});

test('comments, and lines that are no events of ours', () => {
  const text = [
    ...['# tracer: nop', '#', '', '##### CPU 1 buffer started ####', 'cpus=2', 'version = 6'],
    ...['CPU 3 is empty', 'probe_tc: cpus=2', ' => mas_preallocate', '--'],
    line('sched_switch: prev_comm=a'),
    ...[line('mm_page_free: page=0'), line('<stack trace>'), line('UNKNOWN TYPE 5')],
    ...[line('do_exit <-do_group_exit'), line('print: hello: you'), line('__proto__: x')],
  ];
  const { summary } = readText(`${text.join('\n')}\n`);
  assert.deepEqual([summary.comments, summary.bad, summary.lines], [10, 0, 17]);
  const skipped = ['sched_switch', 'mm_page_free', '<stack trace>', 'UNKNOWN TYPE', '(function)'];
  assert.deepEqual(
    Object.entries(summary.skipped).sort(),
    [...skipped, 'print', '__proto__'].map((name) => [name, 1]).sort(),
  );
});

test('a line of ten megabytes is dropped as it comes, and counted', () => {
  const long = Buffer.alloc(10 * 2 ** 20, 0x61);
  const pieces: Uint8Array[] = [Buffer.from(`${line(FREE)}\n`)];
  for (let at = 0; at < long.length; at += 65_536) pieces.push(long.subarray(at, at + 65_536));
  pieces.push(Buffer.from(`\n${line(FREE)}\n`));
  const before = process.memoryUsage().arrayBuffers;
  const { seen, summary } = readPieces(pieces);
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 22);
  assert.deepEqual([seen.length, summary.bad, summary.lines], [2, 1, 3]);
  assert.match(summary.anomalies[0]?.kind ?? '', /LINE_MAX \(65536\)/);
  assert.equal(readPieces([long], { refuse: false }).summary.bad, 1);
});

test('a line of LINE_MAX bytes is read, one byte more is not, however they are cut', () => {
  const start = line('tracing_mark_write: ');
  for (const [length, bad] of [
    [65_536, 0],
    [65_537, 1],
  ] as const) {
    const bytes = Buffer.from(`${start.padEnd(length, 'x')}\n${line(FREE)}\n`);
    for (const size of [bytes.length, 65_536, 1000]) {
      const pieces = [];
      for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
      const { summary } = readPieces(pieces);
      assert.deepEqual([summary.bad, summary.events], [bad, 2 - bad]);
    }
  }
});

const ANY = /record one as slabsplice replay --how-to-record says$/;
const OTHER: readonly (readonly [what: string, bytes: string | Uint8Array, says: RegExp])[] = [
  ['nothing', '', /^f: is empty; record one as/],
  ['text', 'hello\nworld\n', /^f: has no line that is an event of ftrace text; record one/],
  ['one byte', 'x', /^f: has no line/],
  ['a header alone', '# tracer: nop\n#\n', /^f: is an ftrace text without any event; check that/],
  [
    'another trace',
    `${line('sched_switch: x')}\n`,
    /^f: has no event of slab.*\(but sched_switch\);/,
  ],
  [
    'escapes in names of events',
    `${line('a\u202eb\ufeff: x')}\n`,
    /^f: has no event of slab.*\(but a\\u\{202e\}b\\u\{feff\}\);/,
  ],
  [
    'a trace.dat',
    Uint8Array.of(0x17, 8, 0x44, ...Buffer.from('tracing6\0')),
    /trace\.dat; give.*trace-cmd report -i/,
  ],
  ['a perf.data', 'PERFILE2xxxxxxx', /^f: is a perf\.data/],
  ['gzip', gzipSync('x'), /^f: is compressed \(gzip\)/],
  ['zstd', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3, 4, 5, 6), /\(zstd\); unpack it first/],
  ['xz', Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0, 0, 0), /\(xz\); unpack/],
  ['a program', '\u007fELF\u0002\u0001\u0001\0\0\0', /^f: is a program/],
  ['NUL bytes', '\0'.repeat(1000), /^f: is binary;/],
  ['UTF-16', Buffer.from('\ufeffhello\n', 'utf16le'), /UTF-16 text; convert/],
  ['JSON', '{"traceEvents": [\n{"a": 1}\n]}\n', /^f: looks like JSON/],
  ['JSON of many lines', '[\n  {\n    "a": 1\n  }\n]\n', /^f: looks like JSON/],
  ['HTML', '<!DOCTYPE html>\n<html>\n', /HTML/],
  [
    'perf script',
    'probe-gen  7512 [001]  3948.323419: kmem:kmem_cache_alloc: call_site=f ptr=0xffff bytes_req=1\n',
    /^f: looks like the output of perf script/,
  ],
  [
    'the function tracer',
    `# tracer: function\n${line('do_exit <-do_group_exit')}\n`,
    /^f: is the output of the function tracer alone/,
  ],
  [
    'a function graph',
    '# tracer: function_graph\n#\n# CPU  DURATION                  FUNCTION CALLS\n 0)   1.234 us    |  do_exit();\n 0)               |  do_exit() {\n',
    /^f: is a function graph/,
  ],
  [
    'the verbose latency format',
    '       probe-gen  7512   1 0 00000000 00000000 [000f1234] 3948.323ms (+0.001ms): kmem_cache_free: call_site=f\n',
    /verbose latency format; echo 0 > options\/verbose/,
  ],
  [
    'the hex format',
    '1d580000 01000000 \n1d580000 02000000 \n',
    /hexadecimal ftrace text; echo 0 > options\/hex/,
  ],
  ['a kernel log', '[    0.000000] Linux version\n[    0.1] x\n', /kernel log/],
  ['a slabinfo', 'slabinfo - version: 2.1\n# name\n', /^f: is a slabinfo/],
  ['events of bpftrace', 'Attaching 3 probes...\n@[x]: 1\n', /bpftrace/],
];

for (const [what, bytes, says] of OTHER) {
  test(`refused: ${what}`, () => {
    const all = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    const refused = (error: unknown) =>
      error instanceof InputError && says.test(error.message) && !hasControl(error.message);
    assert.throws(() => readPieces([all]), refused);
    assert.throws(() => readPieces([...all].map((byte) => Uint8Array.of(byte))), refused);
    assert.ok(ANY.test('record one as slabsplice replay --how-to-record says'));
  });
}

test('what is no trace is given up early; what may still become one is not', () => {
  let pushed = 0;
  const pieces = Array.from({ length: 100 }, () => Buffer.from('not a trace\n'.repeat(100)));
  assert.throws(() =>
    readPieces(
      (function* () {
        for (const piece of pieces) {
          pushed++;
          yield piece;
        }
      })() as unknown as Uint8Array[],
    ),
  );
  assert.ok(pushed < 30, `${pushed}`);
  const late = `${line('sched_switch: x')}\n${'noise\n'.repeat(5000)}${line(FREE)}\n`;
  assert.equal(readPieces([Buffer.from(late)]).summary.events, 1);
});

test('text of the traced machine is escaped', () => {
  assert.equal(
    escapeForTerminal('plain dentry(12:a) \u00e9 \u4e2d'),
    'plain dentry(12:a) \u00e9 \u4e2d',
  );
  assert.equal(
    escapeForTerminal('\u001b[2J\u0007\n\r\t\u007f'),
    '\\x1b[2J\\x07\\x0a\\x0d\\x09\\x7f',
  );
  assert.equal(
    escapeForTerminal('a\u202eb\u200b\u2028\ufeff'),
    'a\\u{202e}b\\u{200b}\\u{2028}\\u{feff}',
  );
  assert.equal(escapeForTerminal('\u009b1m\ufffd'), '\\x9b1m\\u{fffd}');
});
