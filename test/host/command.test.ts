import assert from 'node:assert/strict';
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runHost } from '../../bench/commands/host.ts';
import { survey } from '../../bench/host/hierarchy.ts';
import { holdingsOf } from '../../bench/host/holdings.ts';
import { memoryHierarchies, parseMounts } from '../../bench/host/mounts.ts';
import { probe } from '../../bench/host/probe.ts';
import { HostReader } from '../../bench/host/reader.ts';
import { type HostRaw, resolveHost } from '../../bench/host-options.ts';
import { renderOpenMetrics } from '../../reports/openmetrics.ts';
import { hostResults } from '../../reports/results-host.ts';
import { parseMetrics } from './metrics-parser.ts';
import { context, fixture, look } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'host-command-'));
after(() => rmSync(folder, { recursive: true }));

async function run(raw: Omit<HostRaw, 'color'>) {
  const result = await runHost(resolveHost({ color: false, ...raw }), context());
  return { ...result, results: hostResults.parse(result.results) };
}

test('metrics: written as a whole, readable, with no sample for what is unknown', async () => {
  const file = join(folder, 'host.prom');
  const { results } = await run({ root: fixture('container-v1'), openmetrics: file });
  const text = readFileSync(file, 'utf8');
  const steady = (metrics: string) => metrics.replace(/(read|cpu)_seconds .*/g, '$1');
  assert.equal(steady(text), steady(renderOpenMetrics(results)));
  assert.deepEqual(readdirSync(folder), ['host.prom']);
  assert.equal(statSync(file).mode & 0o444, 0o444);
  assert.match(text, /^slabsplice_memcg_live\{version="1",mount="\/sys\/fs\/cgroup\/memory"\} 1$/m);
  assert.doesNotMatch(text, /memcg_dying\{|trouble\{form="dying cgroups"|growth/);
});

test('metrics: who reads the old file meanwhile reads all of it', async () => {
  const file = join(folder, 'twice.prom');
  await run({ root: fixture('container-v1'), openmetrics: file });
  const before = readFileSync(file, 'utf8');
  const reading = openSync(file, 'r');
  await run({ root: fixture('v2-6.12'), openmetrics: file });
  assert.equal(readFileSync(reading, 'utf8'), before);
  closeSync(reading);
  assert.notEqual(readFileSync(file, 'utf8'), before);
});

test('metrics: a strict reader gets every figure back, of every host', async () => {
  for (const name of readdirSync(fixture('..')).filter((one) => one !== 'README.md')) {
    const results = await look(fixture(name));
    const families = parseMetrics(renderOpenMetrics(results));
    for (const { help, type, samples } of families.values()) {
      assert.ok(help.length > 0 && type === 'gauge' && samples.size > 0);
    }
    const single = (metric: string) => families.get(metric)?.samples.get('');
    assert.equal(single('slabsplice_host_cpu_seconds'), results.observer.cpuMs / 1000);
    assert.equal(single('slabsplice_host_read_seconds'), results.observer.readMs / 1000);
    for (const { version, mount, dying } of results.hierarchies) {
      const samples = families.get('slabsplice_memcg_dying')?.samples;
      assert.equal(samples?.get(`mount=${mount},version=${version}`) ?? null, dying);
    }
  }
});

test('metrics: any text is a label', async () => {
  const results = await look(fixture('mixed'));
  const mount = 'a"b\\c\nd{e="f",} # EOF';
  const hierarchies = results.hierarchies.map((one) => ({ ...one, mount, live: one.version }));
  const families = parseMetrics(renderOpenMetrics({ ...results, hierarchies }));
  assert.deepEqual(
    [...(families.get('slabsplice_memcg_live')?.samples.keys() ?? [])],
    [`mount=${mount},version=2`, `mount=${mount},version=1`],
  );
});

test('metrics: a place that cannot be written is refused, and nothing is left there', async () => {
  await assert.rejects(
    run({ root: fixture('mixed'), openmetrics: join(folder, 'no', 'x.prom') }),
    /--openmetrics: cannot write .*ENOENT.*; give a file/,
  );
  await assert.rejects(run({ root: fixture('mixed'), openmetrics: folder }), /not a file/);
});

test('since: a record of host, or a refusal in one line', async () => {
  const file = join(folder, 'earlier.json');
  const results = await look(fixture('folders-leak'));
  const record = { schema: 'slabsplice/1', command: 'host', startedAt: '2026-11-24T00:00:00.000Z' };
  writeFileSync(file, JSON.stringify({ ...record, results }));
  const root = fixture('folders-leak');
  const { growth } = (await run({ root, since: file })).results;
  assert.deepEqual(
    [growth?.from, growth?.seconds, growth?.livePerDay],
    ['an earlier record', 86_400, 0],
  );
  const refused: [string, RegExp][] = [
    ['{', /is not JSON; give a record/],
    [JSON.stringify({ ...record, command: 'doctor', results }), /is no record of host \(command/],
    [JSON.stringify({ ...record, results: { ...results, pins: 1 } }), /results\.pins/],
    ['', /is not JSON/],
  ];
  for (const [text, why] of refused) {
    writeFileSync(file, text);
    await assert.rejects(run({ root, since: file }), why);
  }
});

test('options that contradict each other are refused', () => {
  const refused: [Partial<HostRaw>, RegExp][] = [
    [{ root: join(folder, 'none') }, /--root: .* is no folder/],
    [{ root: folder, watch: 5 }, /--watch: a copied tree does not change/],
    [{ root: folder, trace: 5 }, /--trace: a copied tree/],
    [{ root: folder, settle: true }, /--settle: a copied tree/],
    [{ readings: 5 }, /--readings: .*give --watch/],
    [{ cgroupsPerDay: 5 }, /give --simulate/],
    [{ watch: 5, simulate: true }, /--simulate: comes after --watch.*give --readings/],
    [{ watch: 5, trace: 9 }, /--trace: comes after --watch/],
  ];
  for (const [raw, why] of refused) {
    assert.throws(() => resolveHost({ color: false, ...raw }), why);
  }
  assert.equal(resolveHost({ color: false, watch: true }).watch, 10);
});

test('a week cannot be simulated where churn is unknown, and that is said', async () => {
  const { results } = await run({ root: fixture('empty'), simulate: true });
  assert.equal(results.simulated, null);
  assert.ok(results.unknown.some(({ why }) => why.includes('--cgroups-per-day')));
});

test('a week of a host: what it tells and what it does not', async () => {
  const raw = { root: fixture('v2-6.12'), simulate: true, cgroupsPerDay: 20 } as const;
  const { results } = await run({ ...raw, strategies: ['splice-caches'] });
  const { simulated } = results;
  assert.deepEqual(
    simulated?.series.map(({ dying }) => dying.length),
    [8],
  );
  const from = new Map(simulated?.from.map((one) => [one.key, one]));
  assert.equal(from.get('host.cpus')?.value, 4);
  assert.equal(from.get('cgroupsPerDay')?.from, '--cgroups-per-day');
  assert.match(from.get('files.count')?.from ?? '', /^not known of this host/);
});

test('a cgroup that goes away between the walk and the look leaves its parent unknown, not wrong', async () => {
  for (const [name, path, parent] of [
    ['v1-6.18', '/sys/fs/cgroup/memory/batch', '/'],
    ['v2-6.12', '/sys/fs/cgroup/system.slice/ssh.service', '/system.slice'],
  ] as const) {
    const root = join(folder, name);
    cpSync(fixture(name), root, { recursive: true });
    const reader = new HostReader(root);
    const mounts = parseMounts(reader.text('/proc/self/mountinfo') ?? '', 'mountinfo');
    const surveys = await Promise.all(memoryHierarchies(mounts).map((one) => survey(reader, one)));
    const main = surveys.find(({ hierarchy }) => hierarchy.memory);
    assert.ok(main);
    rmSync(root + path, { recursive: true });
    const holdings = await holdingsOf(reader, main);
    assert.ok(holdings);
    assert.ok(holdings.pins.every((pin) => pin.cgroup !== parent || pin.file === null));
    assert.ok(reader.unknown().some(({ why }) => why.includes('gone meanwhile')));
  }
});

test('what changes while cgroups are read one by one is what the sum may be off by', async () => {
  class Busy extends HostReader {
    reads = 0;
    override text(path: string, what?: string): string | null {
      const text = super.text(path, what);
      if (!path.endsWith('/cgroup/memory/memory.stat')) return text;
      this.reads++;
      const more = (_: string, bytes: string) => `total_cache ${Number(bytes) + 5e6 * this.reads}`;
      return text?.replace(/^total_cache (\d+)/m, more) ?? null;
    }
  }
  const options = { startedAt: new Date(0), signal: new AbortController().signal };
  const reader = new Busy(fixture('v1-6.18'));
  const { results } = await probe({ ...options, reader, earlier: null, settle: false });
  assert.equal(reader.reads, 2);
  assert.equal(results.pinnedTolerance, 64 * 4096 * 2 + 5e6);
});
