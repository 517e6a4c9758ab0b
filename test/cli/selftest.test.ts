/** `selftest` as a user starts it: KTAP and a record, a choice of tests, and what is refused. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { renderTerminal, type SelftestTest, validateRecord } from '../../reports/index.ts';
import { parseKtap } from '../selftest/ktap-parser.ts';
import { refuse, runCli, startCli, temporaryFolder } from './run-cli.ts';

test('the suite under every strategy: KTAP on standard output, a record, exit code 0', async (t) => {
  const cwd = temporaryFolder(t);
  const { code, stdout, stderr } = await runCli(['selftest', '--quick', '--json', 'r.json'], cwd);
  assert.equal(code, 0, stderr);
  const { planned, tests, totals } = parseKtap(stdout);
  const names = ['pin', 'scan-pages', 'list-pages', 'splice-caches', 'objcg'];
  assert.equal(planned, 5);
  assert.deepEqual(
    tests.map(({ name, ok }) => [name, ok]),
    names.map((name) => [name, true]),
  );
  const record = validateRecord(JSON.parse(readFileSync(join(cwd, 'r.json'), 'utf8')), 'r.json');
  assert.ok(record.command === 'selftest' && record.complete);
  assert.deepEqual(
    record.checks.map(({ ok }) => ok),
    [true, true, true, true, true],
  );
  for (const parent of tests) {
    const own: readonly SelftestTest[] = record.results.tests.filter(
      ({ strategy }) => strategy === parent.name,
    );
    assert.deepEqual(
      parent.subtests.map(({ name, directive }) => [name, directive]),
      own.map(({ name, outcome }) => [
        name,
        outcome === 'pass' ? '' : outcome === 'skip' ? 'SKIP' : 'XFAIL',
      ]),
    );
  }
  const count = (outcome: string) =>
    record.results.tests.filter((one) => one.outcome === outcome).length;
  assert.deepEqual(totals, [
    `# Totals: pass:${count('pass')} fail:0 xfail:${count('fail')} xpass:0 skip:${count('skip')} error:0`,
  ]);
  const dead = record.results.tests.filter(({ name }) => name === 'kmem_dead_cgroups');
  assert.deepEqual(
    dead.map(({ strategy, ok, expected }) => [strategy, ok, expected]),
    names.map((name) => [name, name !== 'pin', name === 'pin' ? 'fail' : 'pass']),
  );
  const shown = renderTerminal(record, { width: 80, color: false });
  assert.ok(stdout.startsWith(shown), 'the record has all that was shown');
});

test('--strategies and --only choose; the mistaken design fails as it must', async (t) => {
  const cwd = temporaryFolder(t);
  const strategies = 'objcg-per-node,objcg-by-memcg,objcg-five-slots';
  const args = ['--quick', '--strategies', strategies, '--only', 'residue,memcg_low'];
  const { code, stdout } = await runCli(['selftest', ...args], cwd);
  assert.equal(code, 0);
  const { tests } = parseKtap(stdout);
  assert.deepEqual(
    tests.map(({ subtests }) => subtests.map(({ name, directive }) => `${name} ${directive}`)),
    ['', 'XFAIL', ''].map((strict) => ['memcg_low SKIP', 'residue ', `residue.strict ${strict}`]),
  );
  assert.match(stdout, /of at most 8190 in each/);
});

test('the record alone, and a plan', async (t) => {
  const cwd = temporaryFolder(t);
  const alone = ['--quick', '--strategies', 'pin', '--only', 'kmem_basic', '--json', '-'];
  const { code, stdout } = await runCli(['selftest', ...alone], cwd);
  assert.equal(code, 0);
  const record = validateRecord(JSON.parse(stdout), 'stdout');
  assert.ok(record.command === 'selftest');
  assert.deepEqual(record.parameters.only, ['kmem_basic']);
  const plan = await runCli(['selftest', '--dry-run', '--cpus', '8'], cwd);
  assert.equal(plan.code, 0);
  assert.match(
    plan.stdout,
    /^selftest pin, scan-pages.*: \d+ tests, of the kernel's sizes, on machines of 8 CPUs\nmemory: /,
  );
});

const REFUSED: [args: string[], says: RegExp][] = [
  [['--only', 'kmem_bsaic'], /--only: there is no test 'kmem_bsaic'; choose from kmem_basic, /],
  [['--cpus', '1'], /--cpus: '1' is out of range; give a whole number from 2 to 64/],
  [['--strategies', 'pins'], /--strategies: there is no strategy 'pins'; choose from pin, /],
  [['trace.txt'], /selftest: unexpected argument 'trace.txt'/],
];

for (const [args, says] of REFUSED) {
  test(`selftest ${args.join(' ')} is refused`, async (t) => {
    const { code, stdout, stderr } = await refuse(['selftest', ...args], temporaryFolder(t));
    assert.deepEqual([code, stdout, stderr.trim().split('\n').length], [2, '', 1]);
    assert.match(stderr, says);
  });
}

test('Ctrl-C ends the suite of the strategy that is running, and marks record and KTAP', async (t) => {
  const cwd = temporaryFolder(t);
  const child = startCli(['selftest', '--json', 'a.json'], cwd);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  // The first line is written just before the work starts, which takes seconds for each strategy.
  child.stderr.once('data', () => child.kill('SIGINT'));
  // A thread that went on would keep the process, and with it this test, alive.
  const [code, signal] = await once(child, 'close');
  assert.deepEqual([code, signal], [130, null], stderr);
  assert.match(stderr, /^interrupted: the record holds what was finished/m);
  // A plan that is not fulfilled: a harness that reads KTAP sees that tests are missing.
  assert.match(stdout, /^1\.\.5$/m);
  assert.match(stdout, /^# cut short/m);
  const record = validateRecord(JSON.parse(readFileSync(join(cwd, 'a.json'), 'utf8')), 'a.json');
  assert.ok(record.command === 'selftest' && !record.complete);
  assert.deepEqual(record.results.tests, []);
});
