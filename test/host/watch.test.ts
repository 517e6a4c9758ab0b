import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runHost } from '../../bench/commands/host.ts';
import { survey } from '../../bench/host/hierarchy.ts';
import { memoryHierarchies, parseMounts } from '../../bench/host/mounts.ts';
import { conclude } from '../../bench/host/probe.ts';
import { HostReader } from '../../bench/host/reader.ts';
import { watchHost } from '../../bench/host/watch.ts';
import { resolveHost } from '../../bench/host-options.ts';
import { hostWords } from '../../reports/host-words.ts';
import { hostResults } from '../../reports/results-host.ts';
import { LiveCourse } from '../../reports/terminal/live-course.ts';
import { visibleLength } from '../../reports/terminal/text.ts';
import { parseMetrics } from './metrics-parser.ts';
import { context, fixture, look } from './support.ts';

/** What a course writes to go over the one before. */
const MOVES = new RegExp(`${String.fromCharCode(27)}\\[\\d*[AJ]`, 'g');

async function watched(tty: boolean, abortAfter: number, columns = 80, tick = 30) {
  const reader = new HostReader(fixture('v2-6.12'));
  const text = reader.text('/proc/self/mountinfo') ?? '';
  const [mount] = memoryHierarchies(parseMounts(text, 'mountinfo'));
  assert.ok(mount);
  const controller = new AbortController();
  const waits: number[] = [];
  const written: string[] = [];
  let now = 0;
  const course = new LiveCourse({
    ...{ isTTY: tty, columns },
    write: (part) => written.push(part),
  });
  const { readings, share } = await watchHost({
    ...{ reader, main: await survey(reader, mount), signal: controller.signal },
    ...{ seconds: 2, readings: null },
    show: (one) => course.show(one),
    async wait(milliseconds) {
      waits.push(milliseconds);
      now += milliseconds;
      if (waits.length === abortAfter) controller.abort();
    },
    // Each look at the clock takes 30 ms: counting does too.
    now: () => {
      now += tick;
      return now;
    },
  });
  return { readings, share, waits, written };
}

test('watching: one line a reading, at most 1 % of the time, until the signal', async () => {
  const { readings, share, waits, written } = await watched(false, 4);
  assert.deepEqual(
    readings.map(({ dying }) => dying),
    [140, 140, 140, 140],
  );
  assert.deepEqual(waits, [2000, 3000, 3000, 3000]);
  assert.equal(written[0], '0 s: 140 dying, 5 live\n');
  // 30 ms of 2,060, then 60 of 5,120.
  assert.equal(written[1], '2 s: 140 dying, 5 live; reading took 1.46 % of the time\n');
  assert.equal(written[2], '5 s: 140 dying, 5 live; reading took 1.17 % of the time\n');
  assert.ok(share > 0 && share < 0.012, String(share));
  assert.equal(written.length, 4);
});

test('watching on a terminal: a chart over the one before', async () => {
  const { written } = await watched(true, 3);
  assert.match(written[1] ?? '', /┤[\s\S]*D dying/);
  assert.ok((written[2] ?? '').startsWith('\u001b['));
});

test('watching on a narrow terminal: no line is longer than it', async () => {
  const { written } = await watched(true, 4, 44);
  const text = written.join('').replaceAll(MOVES, '');
  for (const line of text.split('\n')) {
    assert.ok(visibleLength(line) < 44, line);
  }
});

test('watching looks at everything again once a minute, and publishes that', async () => {
  const root = mkdtempSync(join(tmpdir(), 'host-watch-'));
  after(() => rmSync(root, { recursive: true }));
  cpSync(fixture('v2-6.12'), root, { recursive: true });
  const file = join(root, 'host.prom');
  const stat = join(root, 'sys/fs/cgroup/system.slice/memory.stat');
  const pinnedFiles = () =>
    parseMetrics(readFileSync(file, 'utf8'))
      .get('slabsplice_memcg_dying_pages_bytes')
      ?.samples.get('kind=file');
  let now = 0;
  const seen: (number | undefined)[] = [];
  const clock = {
    now: () => now,
    async wait(milliseconds: number) {
      now += milliseconds;
      seen.push(pinnedFiles());
      // From now on there are 8 MiB more files, all of them of dying ones.
      const text = readFileSync(stat, 'utf8');
      const more = (_: string, bytes: string) => `file ${Number(bytes) + 8 * 2 ** 20}`;
      if (seen.length === 1) writeFileSync(stat, text.replace(/^file (\d+)/m, more));
    },
  };
  const options = { ...resolveHost({ color: false, root, openmetrics: file }) };
  const result = await runHost({ ...options, watch: 30, readings: 4 }, context(), {
    stream: { write: () => true },
    clock,
  });
  const results = hostResults.parse(result.results);
  const MIB = 2 ** 20;
  assert.deepEqual(seen, [340 * MIB, 340 * MIB, 348 * MIB]);
  assert.equal(results.pinned?.file, 348 * MIB);
  assert.equal(results.lookedAt, 60);
  assert.equal(results.readings.length, 4);
  assert.equal(results.growth?.from, 'watching');
  assert.equal(results.observer.watchShare, 0);
  // What both looks read is added up.
  const once = (await look(fixture('v2-6.12'))).observer.files;
  assert.ok(results.observer.files > 2 * once);
});

test('watching for long: not all readings are kept, but the first and the last are', async () => {
  const { readings } = await watched(false, 2002, 80, 0);
  assert.ok(readings.length > 900 && readings.length <= 2000, String(readings.length));
  assert.deepEqual([readings[0]?.t, readings[1]?.t, readings.at(-1)?.t], [0, 4, 4002]);
});

test('watching for less than 5 s settles nothing, and that is said', async () => {
  const results = await look(fixture('v2-6.12'));
  const readings = [0, 3].map((t) => ({ t, live: 5, dying: 142 }));
  const concluded = conclude(results, null, readings);
  const { triage } = concluded;
  const form = triage.find((one) => one.form === 'dying cgroups');
  assert.equal(form?.verdict, 'likely');
  assert.match(form?.because ?? '', /142 removed ones.*counted over less than 5 s/);
  const texts = hostWords(concluded).map(({ text }) => text);
  assert.ok(texts.some((text) => text.includes('They were counted over less than 5 s')));
});
