/** What `replay` says of input that is not as it should be: what is refused, what is counted, what is warned of. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import {
  type ReplayRecord,
  renderMarkdown,
  renderTerminal,
  validateRecord,
} from '../../reports/index.ts';
import { runCli, startCli, temporaryFolder } from './run-cli.ts';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/traces/', import.meta.url));
const ONE = ['--strategies', 'splice-caches', '--page-cache', 'pins'];

function line(what: string, { time = '1.000001', flags = '.....', cpu = '000' } = {}): string {
  return `a-9 [${cpu}] ${flags === '' ? '' : `${flags} `}${time}: ${what}\n`;
}
const MAKE = line('cgroup_mkdir: root=4 id=7 level=1 path=/7');
const ALLOC = line(
  'kmem_cache_alloc: call_site=f ptr=00000000ff1a8273 name=x bytes_req=8 bytes_alloc=8 gfp_flags=X node=-1 accounted=true',
);

/** Replays files of this content, `f0` and on, under one strategy. */
async function replay(
  t: TestContext,
  texts: readonly (string | Uint8Array)[],
  more: string[] = [],
) {
  const cwd = temporaryFolder(t);
  const files = texts.map((text, at) => {
    writeFileSync(join(cwd, `f${at}`), text);
    return `f${at}`;
  });
  const { code, stdout, stderr } = await runCli(
    ['replay', ...files, ...ONE, '--json', 'r', ...more],
    cwd,
  );
  assert.equal(code, 0, stderr);
  const record = validateRecord(JSON.parse(readFileSync(join(cwd, 'r'), 'utf8')), 'r');
  assert.ok(record.command === 'replay');
  return { record, page: stdout.replaceAll(/\s+/g, ' '), raw: stdout };
}

function isWarned(record: ReplayRecord, says: RegExp): boolean {
  return record.environment.warnings.some((warning) => says.test(warning));
}

test('anomalies say in which file they are', async (t) => {
  const { record, page } = await replay(t, [`${MAKE}oops\n`, `${ALLOC}${ALLOC}oops\n`]);
  assert.deepEqual(record.results.anomalyPlaces, { 'a line that is no event': ['f0:2', 'f1:3'] });
  assert.deepEqual(record.results.anomalies, { 'a line that is no event': 2 });
  assert.match(page, /! a line that is no event: 2 \(f0:2, f1:3\)/);
});

test('of a compressed file that is cut short what is there is read; --strict refuses it', async (t) => {
  const cwd = temporaryFolder(t);
  const text = Array.from({ length: 4000 }, (_, at) =>
    ALLOC.replace('ff1a8273', (at * 7919).toString(16).padStart(8, '0')),
  );
  const whole = gzipSync(text.join(''));
  const cut = whole.subarray(0, whole.length >> 1);
  const { record } = await replay(t, [cut]);
  const kind = 'a compressed file that is cut short: what was there was read';
  assert.equal(record.results.anomalies[kind], 1);
  assert.ok(record.results.events > 1000 && record.results.events < 4000);
  writeFileSync(join(cwd, 'f'), cut);
  const { code, stderr } = await runCli(['replay', 'f', ...ONE, '--strict'], cwd);
  assert.equal(code, 2);
  assert.match(stderr, /^slabsplice: f:\d+: a compressed file that is cut short/m);
});

test('a line of ten million bytes is counted, and what is around it read', async (t) => {
  const { record } = await replay(t, [`${MAKE}${'x'.repeat(1e7)}\n${ALLOC}`]);
  const { events, bad, lines, eventsPerSecond } = record.results;
  assert.ok((eventsPerSecond['splice-caches'] ?? 0) > 0);
  assert.deepEqual([events, bad, lines], [2, 1, 3]);
});

const WARNED: readonly (readonly [what: string, texts: readonly string[], says: RegExp])[] = [
  [
    'clocks that change',
    [MAKE, line('sched_process_exit: comm=a pid=1 prio=120', { time: '77' })],
    /^the clock changes within the trace: where it jumps no time is taken to have gone by/,
  ],
  [
    'a clock that counts',
    [line('cgroup_mkdir: root=4 id=7 level=1 path=/7', { time: '77' })],
    /^the clock of the trace counts something else than time: .* echo mono > trace_clock/,
  ],
  [
    'lines without flags',
    [line('cgroup_mkdir: root=4 id=7 level=1 path=/7', { flags: '' })],
    /^the lines do not say what ran in an interrupt: .*irq-info, or trace-cmd report -l$/,
  ],
  ['no cgroups', [ALLOC], /^no cgroup was made in the trace: nothing can be dying/],
  [
    'other hierarchies',
    [MAKE, line('cgroup_mkdir: root=1 id=9 level=1 path=/9')],
    /^events of other hierarchies than 4 were left out \(1 of 1\); choose with --hierarchy$/,
  ],
  [
    'allocations that are not said to be accounted',
    [
      MAKE,
      line('cgroup_attach_task: dst_root=4 dst_id=7 dst_level=1 dst_path=/7 pid=9 comm=a'),
      ALLOC.replace(/ node=.*/, ''),
    ],
    /^1 allocations do not say whether they are accounted/,
  ],
];

/** The same for all of them: a trace of which there is nothing to say. */
let plain: ReturnType<typeof replay> | undefined;

for (const [what, texts, says] of WARNED) {
  test(`warned of: ${what}`, async (t) => {
    const { record } = await replay(t, [texts.join('')]);
    assert.ok(isWarned(record, says), record.environment.warnings.join('\n'));
    plain ??= replay(t, [MAKE]);
    assert.ok(!isWarned((await plain).record, says), 'and only then');
  });
}

test('measured values of another trace are said to be left out', async (t) => {
  const marker = line('tracing_mark_write: probe: sample=0 phase=start');
  const cwd = temporaryFolder(t);
  writeFileSync(join(cwd, 'truth'), 'sample\tdying\n0\t0\n1\t5\n');
  const truth = ['--truth', join(cwd, 'truth')];
  const { record, page } = await replay(t, [MAKE + marker], truth);
  assert.ok(isWarned(record, /truth: 1 of 2 samples have no marker in the trace/));
  assert.equal(record.results.truth?.length, 1);
  assert.match(page, /MEASURED AND REPLAYED/);
  const without = await replay(t, [MAKE], truth);
  assert.ok(isWarned(without.record, /truth: 2 of 2 samples have no marker/));
  assert.doesNotMatch(without.page, /MEASURED AND REPLAYED|Nearest/);
});

test('standard input is called so', async (t) => {
  const cwd = temporaryFolder(t);
  for (const [text, args, says] of [
    ['hello\n', [], /^slabsplice: \(standard input\): has no line that is an event/m],
    [`${MAKE}oops\n`, ['--strict'], /^slabsplice: \(standard input\):2: a line that is no event/m],
  ] as const) {
    const child = startCli(['replay', '-', ...ONE, ...args], cwd);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.stdin.end(text);
    const [code] = await once(child, 'close');
    assert.equal(code, 2);
    assert.match(stderr, says);
  }
});

test('Ctrl-C ends it while it reads standard input, and while it replays', async (t) => {
  const cwd = temporaryFolder(t);
  const file = join(FIXTURES, 'small-12.txt.gz');
  for (const [name, args] of [
    ['a', ['-']],
    ['b', [file, '--scale', '200']],
  ] as const) {
    const child = startCli(['replay', ...args, '--json', name], cwd);
    let stderr = '';
    // The first line is written just before the work starts.
    child.stderr.once('data', () => child.kill('SIGINT'));
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 130, stderr);
    const record = validateRecord(JSON.parse(readFileSync(join(cwd, name), 'utf8')), name);
    assert.equal(record.complete, false);
  }
});

test('names that would steer a terminal are made harmless wherever they are printed', async (t) => {
  // A control character below a blank would end a cache’s name.
  const cache = '\x9b\u202e|<b>';
  const evil = `\x1b[31m${cache}`;
  const site = (name: string, pointer: string) =>
    ALLOC.replace('name=x', `name=${name}`).replace('ff1a8273', pointer);
  const join7 = line(
    `cgroup_attach_task: dst_root=4 dst_id=7 dst_level=1 dst_path=/7${evil} pid=9 comm=${evil}`,
  );
  const text = [
    ...[MAKE.replace('path=/7', `path=/7${evil}`), join7],
    ...[site(cache, '000000a1'), site(cache, '000000a2')],
    line('mm_filemap_add_to_page_cache: dev 254:0 ino a7 pfn=0x1 ofs=0 order=0'),
    ...[line(`cgroup_rmdir: root=4 id=7 level=1 path=/7${evil}`), line(`${evil}: x`)],
  ].join('');
  const cwd = temporaryFolder(t);
  const { record, raw } = await replay(t, [text]);
  assert.equal(record.results.pins[0]?.longest[0], `/7${evil}`, 'the record has it as it is');
  assert.ok(record.results.liveObjects.some((one) => one.cache === cache));
  const name = `f${evil.replace('/', '')}`;
  const { stderr } = await runCli(['replay', name], cwd);
  assert.match(stderr, /no such file/);
  const markdown = renderMarkdown(record);
  for (const shown of [raw, markdown, stderr]) {
    for (const letter of ['\x1b', '\x9b', '\u202e']) assert.ok(!shown.includes(letter), shown);
  }
  assert.doesNotMatch(markdown, /[^\\]<b>/);
});

test('a table that is full ends it; nothing is written as nothing was finished', async (t) => {
  const cwd = temporaryFolder(t);
  const many = Array.from({ length: 16_385 }, (_, id) =>
    line(`cgroup_mkdir: root=4 id=${id + 1} level=1 path=/${id}`),
  );
  writeFileSync(join(cwd, 'f'), many.join(''));
  const { code, stderr } = await runCli(['replay', 'f', '--json', 'r'], cwd);
  assert.equal(code, 3);
  assert.match(stderr, /kmemIds \(16384\) reached at line 16385; replay a shorter part/);
  assert.ok(!existsSync(join(cwd, 'r')));
});

test('the page folds what is much, and says how far which strategy is off', async (t) => {
  const { record } = await replay(t, [MAKE]);
  const pin = (what: string, seconds: number) => ({
    ...{ strategy: 'splice-caches', what, cgroups: 1, seconds, stillThere: 0, longest: ['/p'] },
  });
  const files = Array.from({ length: 5 }, (_, at) => pin(`file: dev 1:1 inode ${at}`, 5 - at));
  const caches = Array.from({ length: 10 }, (_, at) => pin(`slab: c${at}`, 0.5));
  const [series] = record.results.series;
  assert.ok(series !== undefined);
  const row = (measured: number, near: number) => ({
    ...{ sample: measured, t: 0, phase: 'run', measured },
    replayed: { far: 0, near },
  });
  const page = renderTerminal(
    {
      ...record,
      results: {
        ...record.results,
        ...{ pins: [...files, ...caches], lost: 5, truth: [row(200, 206), row(100, 104)] },
        series: [
          { ...series, strategy: 'far' },
          { ...series, strategy: 'near' },
          { ...series, strategy: 'splice-caches', t: [], dying: [], slabBytes: [] },
        ],
      },
    },
    { width: 100, color: false },
  ).replaceAll(/\s+/g, ' ');
  assert.match(page, /2 other files of dev 1:1 2 1\.5 -/);
  assert.match(page, /by the time that they waited for it\. .*4 more are in the record\./);
  assert.match(page, /within 3 or 3 % - 0 of 2 1 of 2/);
  assert.match(
    page,
    /Nearest to what was measured is near: off by 5 cgroups on average over 2 samp/,
  );
  assert.match(page, /5 events were lost while recording/);
});

test('every command of docs/replay.md runs', async (t) => {
  const cwd = temporaryFolder(t);
  const text = readFileSync(new URL('../../../docs/replay.md', import.meta.url), 'utf8');
  const [, block = ''] = /```sh\n([\s\S]*?)```/.exec(text) ?? [];
  const trace = readFileSync(join(FIXTURES, 'formats', 'trace-cmd-report.gz'));
  for (const name of ['my.trace.gz', 'first.trace', 'second.trace']) {
    writeFileSync(join(cwd, name), trace);
  }
  writeFileSync(join(cwd, 'my.tsv'), readFileSync(join(FIXTURES, 'small-12.truth.tsv')));
  const lines = block.trim().split('\n');
  assert.ok(lines.length >= 7);
  for (const command of lines) {
    const [, pipe = '', args = ''] = /^(cat \S+ \| )?npx slabsplice ([^#]*)/.exec(command) ?? [];
    const child = startCli(args.trim().split(/\s+/), cwd);
    child.stdin.end(pipe === '' ? '' : trace);
    child.stdout.resume();
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 0, `${command}: ${stderr}`);
  }
  assert.ok(readdirSync(cwd).includes('r.json'));
});
