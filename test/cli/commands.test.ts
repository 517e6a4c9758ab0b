import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { type ResultRecord, validateRecord } from '../../reports/index.ts';
import { runCli, startCli, temporaryFolder } from './run-cli.ts';

const SMALL = ['compare', '--pages', '1e3', '--rounds', '2', '--caches', '10', '--no-hot-path'];

function readRecord(file: string): ResultRecord {
  return validateRecord(JSON.parse(readFileSync(file, 'utf8')), file);
}

test('doctor prints a page, writes its record and exits 0', async (t) => {
  const cwd = temporaryFolder(t);
  const { code, stdout, stderr } = await runCli(['doctor'], cwd);
  assert.equal(code, 0, stderr);
  const [file = ''] = readdirSync(join(cwd, 'results'));
  assert.match(file, /^doctor-\d{8}T\d{6}\.\d{3}Z\.json$/);
  assert.match(stdout, new RegExp(`\nRecord: results/${file}\n$`));
  assert.equal(stdout.includes('\u001b'), false, 'no colour in a pipe');
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  const record = readRecord(join(cwd, 'results', file));
  assert.equal(record.command, 'doctor');
  assert.equal(record.complete, true);
});

test('--json puts the record and nothing else on standard output', async (t) => {
  for (const args of [['--json'], ['--json', '-'], ['--json=-']]) {
    const cwd = temporaryFolder(t);
    const { code, stdout } = await runCli(['doctor', ...args], cwd);
    assert.equal(code, 0);
    assert.equal(validateRecord(JSON.parse(stdout)).command, 'doctor');
    assert.deepEqual(readdirSync(cwd), []);
  }
});

test('--json FILE and --out DIR write there', async (t) => {
  const cwd = temporaryFolder(t);
  const { code, stdout } = await runCli(['doctor', '--json', 'a.json', '--out', 'deep/er'], cwd);
  assert.equal(code, 0);
  assert.match(stdout, /\nRecord: a\.json\nRecord: deep\/er\/doctor-.*\.json\n$/);
  assert.deepEqual(readdirSync(cwd).sort(), ['a.json', 'deep']);
  assert.equal(readdirSync(join(cwd, 'deep', 'er')).length, 1);
  const again = await runCli(['doctor', '--json', 'a.json'], cwd);
  assert.equal(again.code, 0, 'a record may be replaced');
});

test('an option that changes nothing is accepted and said so', async (t) => {
  const { code, stderr } = await runCli(
    ['doctor', '--json', '--seed', '5', '--quick'],
    temporaryFolder(t),
  );
  assert.equal(code, 0);
  assert.match(stderr, /^note: --seed changes nothing for doctor$/m);
  assert.match(stderr, /^note: --quick changes nothing for doctor$/m);
});

test('report shows records again, in both formats', async (t) => {
  const cwd = temporaryFolder(t);
  await runCli(['doctor', '--json', 'a.json'], cwd);
  const page = await runCli(['report', 'a.json', 'a.json'], cwd);
  assert.equal(page.code, 0, page.stderr);
  const { stdout: once } = await runCli(['report', 'a.json'], cwd);
  assert.equal(page.stdout, `${once}\n${once}`);
  const markdown = await runCli(['report', '--format', 'markdown', 'a.json'], cwd);
  assert.match(markdown.stdout, /^#/);
  const bad = await runCli(['report', 'a.json', 'nowhere.json'], cwd);
  assert.deepEqual([bad.code, bad.stdout], [2, ''], 'all files are read before one is shown');
});

test('COLUMNS sets the width of the page', async (t) => {
  const cwd = temporaryFolder(t);
  await runCli(['doctor', '--json', 'a.json'], cwd);
  const widest = async (columns: string) => {
    const { stdout } = await runCli(['report', 'a.json'], cwd, { COLUMNS: columns });
    return Math.max(...stdout.split('\n').map((line) => line.length));
  };
  assert.ok((await widest('80')) <= 80);
  const wide = await widest('120');
  assert.ok(wide > 80 && wide <= 120, String(wide));
});

test('a reader that leaves early gets no stack trace, and the record is there', async (t) => {
  const cwd = temporaryFolder(t);
  const child = startCli(['doctor'], cwd);
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 0);
  assert.doesNotMatch(stderr, /EPIPE|\n\s+at /);
  assert.equal(readdirSync(join(cwd, 'results')).length, 1);
});

test('--dry-run prints the plan and the memory, and runs nothing', async (t) => {
  for (const command of ['run', 'compare', 'storm', 'explore', 'geometry', 'capacity', 'doctor']) {
    const cwd = temporaryFolder(t);
    const { code, stdout, stderr } = await runCli([command, '--dry-run'], cwd);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^memory: .* GiB needed, .* GiB available$/m);
    assert.ok(stdout.split('\n').length > 2, stdout);
    assert.deepEqual(readdirSync(cwd), []);
  }
});

test('compare writes a valid record with every option and shows a page', async (t) => {
  const cwd = temporaryFolder(t);
  const { code, stdout, stderr } = await runCli([...SMALL, '--json', 'a.json', '--seed', '9'], cwd);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /\nRecord: a\.json\n$/);
  const record = readRecord(join(cwd, 'a.json'));
  assert.equal(record.command, 'compare');
  assert.equal(record.complete, true);
  assert.equal(record.seed, 9);
  for (const name of ['strategies', 'pages', 'caches', 'rounds', 'population', 'hotPath']) {
    assert.ok(name in record.parameters, name);
  }
  assert.deepEqual(record.parameters.pages, [1000]);
  assert.equal(record.parameters.hotPath, false);
});

test('run compares and then storms on one page; --no-storm leaves that out', async (t) => {
  const cwd = temporaryFolder(t);
  const few = ['--quick', '--strategies', 'pin,splice-caches', ...SMALL.slice(1)];
  const { code, stdout, stderr } = await runCli(['run', ...few, '--json', 'a.json'], cwd);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^UNDER LOAD: 2 CPUs/m);
  assert.match(stdout, /^\+ Nothing is lost: /m);
  const record = readRecord(join(cwd, 'a.json'));
  assert.ok(record.command === 'run');
  assert.deepEqual(
    record.results.storm?.storm.map((one) => [one.strategy, one.violations]),
    [
      ['pin', 0],
      ['splice-caches', 0],
    ],
  );
  assert.ok(record.results.offline.length > 0);
  assert.ok(record.checks.some((check) => check.name === 'pin: nothing lost' && check.ok));
  const without = await runCli(['run', ...few, '--no-storm', '--json', 'b.json'], cwd);
  assert.equal(without.code, 0, without.stderr);
  assert.doesNotMatch(without.stdout, /UNDER LOAD/);
  const shorter = readRecord(join(cwd, 'b.json'));
  assert.ok(shorter.command === 'run' && shorter.results.storm === undefined);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} writes what is finished, marked, and exits 130`, async (t) => {
    const cwd = temporaryFolder(t);
    mkdirSync(join(cwd, 'out'));
    const child = startCli(['compare', '--rounds', '500', '--out', 'out'], cwd);
    let stderr = '';
    // The first line is written just before the work starts.
    child.stderr.once('data', () => child.kill(signal));
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 130, stderr);
    assert.match(stderr, /interrupted/);
    const [file = ''] = readdirSync(join(cwd, 'out'));
    const record = readRecord(join(cwd, 'out', file));
    assert.equal(record.complete, false);
  });
}

test('a second Ctrl-C stops at once, an echo of the first does not', async (t) => {
  const cwd = temporaryFolder(t);
  execFileSync('mkfifo', ['never'], { cwd });
  const child = startCli(['geometry', 'never'], cwd);
  const ended = once(child, 'close');
  // Opening a pipe for writing waits for its reader, so the command is at work after this.
  const writer = await open(join(cwd, 'never'), 'w');
  t.after(() => writer.close());
  child.kill('SIGINT');
  const [said] = await once(child.stderr, 'data');
  assert.match(String(said), /^stopping; [^\n]+\n$/);
  child.kill('SIGINT');
  await setTimeout(500);
  assert.equal(child.exitCode, null, 'npm sends Ctrl-C twice');
  child.kill('SIGINT');
  assert.deepEqual(await ended, [null, 'SIGINT'], 'which a shell shows as 130');
  assert.deepEqual(readdirSync(cwd), ['never']);
});
