import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type StormRecord, validateRecord } from '../../reports/index.ts';
import { runCli, startCli, temporaryFolder } from './run-cli.ts';

const SMALL = ['storm', '--strategies', 'pin,splice-caches', '--rounds', '2', '--fill', '2000'];
const SHORT = [...SMALL, '--caches', '8', '--removals', '100', '--rate', '2e4', '--seconds', '0.3'];

function stormRecord(file: string): StormRecord {
  const record = validateRecord(JSON.parse(readFileSync(file, 'utf8')), file);
  assert.ok(record.command === 'storm');
  return record;
}

test('storm writes a valid record with every option and shows a page', async (t) => {
  const cwd = temporaryFolder(t);
  const args = [...SHORT, '--mix', 'shared', '--cpus', '3', '--seed', '9', '--json', 'a.json'];
  const { code, stdout, stderr } = await runCli(args, cwd);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^storm pin, splice-caches: 3 CPUs, 2 rounds of 0\.3 s under mixed load$/m);
  assert.match(stdout, /^\+ Nothing is lost: [\d,]+ operations, /m);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  const record = stormRecord(join(cwd, 'a.json'));
  assert.equal(record.complete, true);
  assert.equal(record.seed, 9);
  assert.equal(record.parameters.mix, 'shared');
  assert.equal(record.parameters.fill, 2000);
  const { storm, scaling, remote, audits, comparisons, violations } = record.results;
  assert.deepEqual(violations, []);
  for (const list of [storm, scaling, remote, audits]) {
    assert.deepEqual(
      list.map((one) => one.strategy),
      ['pin', 'splice-caches'],
    );
  }
  for (const one of storm) {
    assert.equal(one.cpus, 3);
    assert.equal(one.rounds.length, 2);
    assert.ok(one.operations > 1000 && one.cgroupsRemoved > 0 && (one.offlines ?? 0) > 0);
    assert.ok((one.allocNs?.samples ?? 0) > 100 && (one.freeNs?.samples ?? 0) > 100);
  }
  // Two rounds of three audits.
  assert.deepEqual(
    audits.map((one) => one.audits),
    [6, 6],
  );
  assert.ok(comparisons.every((one) => one.candidate === 'splice-caches'));
  assert.deepEqual(
    record.checks?.map((check) => [check.name, check.ok]),
    [
      ['pin: nothing lost', true],
      ['splice-caches: nothing lost', true],
    ],
  );
});

test('Ctrl-C in a storm marks the record and leaves nothing running', async (t) => {
  const cwd = temporaryFolder(t);
  const child = startCli([...SHORT, '--rounds', '500', '--json', 'a.json'], cwd);
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  // The first line is written just before the work starts.
  child.stderr.once('data', () => child.kill('SIGINT'));
  // A thread that went on would keep the process, and with it this test, alive.
  const [code, signal] = await once(child, 'close');
  assert.deepEqual([code, signal], [130, null], stderr);
  assert.match(stderr, /interrupted/);
  assert.equal(stormRecord(join(cwd, 'a.json')).complete, false);
});

test('a CPU that throws ends a storm with exit 3 and a record of what was finished', async (t) => {
  const cwd = temporaryFolder(t);
  // Threads are numbered; the third and the fourth one are the CPUs of the second round.
  const bad = join(cwd, 'bad.mjs');
  writeFileSync(
    bad,
    `import { threadId } from 'node:worker_threads';
     const { now } = performance;
     let looks = 0;
     performance.now = () => {
       if (threadId === 4 && ++looks > 1000) throw new RangeError('the clock\\nstopped');
       return now.call(performance);
     };`,
  );
  const NODE_OPTIONS = `--import=${pathToFileURL(bad).href}`;
  const args = [...SHORT, '--out', 'out', '--no-color'];
  const { code, stdout, stderr } = await runCli(args, cwd, { NODE_OPTIONS });
  assert.equal(code, 3, stdout + stderr);
  assert.match(
    stderr,
    /CPU 1: the clock stopped; repeat with --strategies (pin|splice-caches) --seed 1/,
  );
  const [file = ''] = readdirSync(join(cwd, 'out'));
  const { complete, results } = stormRecord(join(cwd, 'out', file));
  assert.equal(complete, false);
  assert.equal(results.storm.length, 1, 'the round of the other strategy is kept');
  assert.equal(results.failure?.cpu, 1);
  assert.equal(results.failure?.message, 'the clock stopped');
  assert.equal(results.failure?.progress.length, 2);
  assert.ok((results.failure?.lastOperations.length ?? 0) > 0);
  assert.notEqual(results.failure?.strategy, results.storm[0]?.strategy);
  assert.match(stdout, /WHAT FAILED/);
});
