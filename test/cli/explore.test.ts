import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type ExploreRecord, validateRecord } from '../../reports/index.ts';
import { type Ending, runCli, startCli, temporaryFolder } from './run-cli.ts';

function recordOf(text: string): ExploreRecord {
  const record = validateRecord(JSON.parse(text));
  assert.ok(record.command === 'explore');
  return record;
}

/** The record and nothing else on standard output, which must be of one scenario. */
function onlyScenario({ stdout }: Ending): ExploreRecord['results']['scenarios'][number] {
  const { scenarios } = recordOf(stdout).results;
  const [scenario] = scenarios;
  if (scenario === undefined) assert.fail('no scenario');
  assert.equal(scenarios.length, 1);
  return scenario;
}

const ONE_MACHINE = ['explore', '--strategies', 'splice-caches', '--json', '-'];

test('explore finds a lost update, and its schedule shows it again', async (t) => {
  const cwd = temporaryFolder(t);
  const lost = [...ONE_MACHINE, '--scenario', 'lost update'];
  const found = await runCli(['explore', '--scenario', 'lost update', '--json', '-'], cwd);
  assert.equal(found.code, 1, found.stderr);
  assert.match(found.stderr, /^check failed: no schedule breaks an invariant: lost update under /m);
  const scenario = onlyScenario(found);
  assert.equal(recordOf(found.stdout).complete, true);
  assert.equal(recordOf(found.stdout).environment.atomics, 'explore');
  assert.deepEqual(
    [scenario.name, scenario.search, scenario.preemptionBound, scenario.exhaustive],
    ['lost update', 'bounded', 2, true],
  );
  const [violation] = scenario.violations;
  assert.equal(violation?.invariant, 'lost update');
  assert.equal(violation?.detail, '2 CPUs counted to 1');
  assert.match(violation?.schedule ?? '', /^\d+:[01](,\d+:[01])*$/);
  assert.ok((violation?.steps.length ?? 0) >= 3, 'both read before one of them writes');

  const schedule = violation?.schedule ?? '';
  const again = await runCli([...lost, '--schedule', schedule], cwd);
  assert.equal(again.code, 1, again.stderr);
  const replayed = onlyScenario(again);
  assert.deepEqual([replayed.search, replayed.schedules], ['replay', 1]);
  assert.deepEqual(
    replayed.violations.map((one) => [one.invariant, one.schedule]),
    [['lost update', schedule]],
  );

  const undisturbed = await runCli([...lost, '--schedule', '-'], cwd);
  assert.equal(undisturbed.code, 0, undisturbed.stderr);
  assert.deepEqual(onlyScenario(undisturbed).violations, []);
  assert.deepEqual(readdirSync(cwd), []);
});

test('explore shows a lost update step by step, with the options that show it again', async (t) => {
  const cwd = temporaryFolder(t);
  const { code, stdout } = await runCli(['explore', '--scenario', 'lost update'], cwd);
  assert.equal(code, 1);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  assert.match(stdout, /^BROKEN: LOST UPDATE: in lost update under splice-caches, schedule /m);
  assert.match(stdout, /^CPU 0: counts +│ CPU 1: counts$/m);
  assert.match(stdout, /^── \d+:1 CPU 1 goes on ─+$/m);
  const again = stdout.replace(/\n {2}/g, ' ');
  assert.match(
    again,
    /^- To see it again: slabsplice explore --scenario "lost update" --strategies splice-caches --schedule [\d:,]+$/m,
  );
  assert.match(stdout, /\nRecord: results\/explore-.*\.json\n$/);
});

test('explore goes through every schedule of what cannot break, and exits 0', async (t) => {
  const ending = await runCli([...ONE_MACHINE, '--scenario', 'no lost update'], temporaryFolder(t));
  assert.equal(ending.code, 0, ending.stderr);
  const scenario = onlyScenario(ending);
  assert.equal(scenario.name, 'no lost update');
  assert.equal(scenario.exhaustive, true);
  assert.deepEqual(scenario.violations, []);
  assert.deepEqual(
    recordOf(ending.stdout).checks.map(({ name, ok }) => [name, ok]),
    [['no schedule breaks an invariant', true]],
  );
});

test('explore puts a bug back, finds it, and takes the patched core away', async (t) => {
  const cwd = temporaryFolder(t);
  const TMPDIR = join(cwd, 'tmp');
  mkdirSync(TMPDIR);
  const ending = await runCli(['explore', '--mutant', 'M12', '--json'], cwd, { TMPDIR });
  assert.equal(ending.code, 0, ending.stderr);
  const { scenarios, mutants } = recordOf(ending.stdout).results;
  assert.deepEqual(scenarios, []);
  assert.deepEqual(
    mutants.map(({ id, found }) => [id, found]),
    [['M12', true]],
  );
  const [mutant] = mutants;
  assert.ok(mutant?.expected.includes(mutant.invariant), mutant?.invariant);
  assert.equal(mutant?.violation?.schedule, mutant?.shortest);
  assert.deepEqual(readdirSync(TMPDIR), []);
});

test('explore --dry-run lists what there is to explore and writes nothing', async (t) => {
  const cwd = temporaryFolder(t);
  const { code, stdout, stderr } = await runCli(['explore', '--dry-run'], cwd);
  assert.equal(code, 0, stderr);
  const [, scenarios, mutants, findings] =
    /^explore: .*; \d+ pairs of (\d+) scenarios and \d+ strategies, (\d+) bugs .*, (\d+) susp/.exec(
      stdout,
    ) ?? [];
  const listed = (word: string) => stdout.match(new RegExp(`^${word} .+: .+$`, 'gm'))?.length ?? 0;
  assert.deepEqual(['scenario', 'bug', 'suspicion'].map(listed), [
    ...[Number(scenarios), Number(mutants), Number(findings)],
  ]);
  assert.ok(listed('scenario') > 50);
  assert.match(stdout, /^scenario alloc \+ offline: /m);
  assert.match(stdout, /^bug M12: /m);
  assert.deepEqual(readdirSync(cwd), []);
});

// A session's processes share standard error with the one that is interrupted, so `close` comes only
// when all of them are gone: one that went on would keep this test waiting until its deadline.
const DEADLINE = { timeout: 120_000 };

for (const args of [
  ['--scenario', 'all', '--strategies', 'splice-caches'],
  ['--mutant', 'all'],
]) {
  test(
    `Ctrl-C in explore ${args.join(' ')} marks the record and leaves nothing behind`,
    DEADLINE,
    async (t) => {
      const cwd = temporaryFolder(t);
      const TMPDIR = join(cwd, 'tmp');
      mkdirSync(TMPDIR);
      // Only sessions have threads: the first one is started when the first search is.
      const hook = join(cwd, 'hook.mjs');
      writeFileSync(
        hook,
        `import { writeSync } from 'node:fs';
       import { isMainThread } from 'node:worker_threads';
       if (!isMainThread) writeSync(2, 'at work\\n');`,
      );
      const NODE_OPTIONS = `--import=${pathToFileURL(hook).href}`;
      const child = startCli(['explore', ...args, '--json', 'a.json'], cwd, {
        TMPDIR,
        NODE_OPTIONS,
      });
      child.stdout.resume();
      t.after(() => {
        child.kill('SIGKILL');
        // What the child left running may hold the other end.
        child.stderr.destroy();
        child.stdout.destroy();
      });
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        const before = stderr;
        stderr += text;
        const atWork = /^at work$/m;
        if (atWork.test(stderr) && !atWork.test(before)) child.kill('SIGINT');
      });
      const [code, signal] = await once(child, 'close');
      assert.deepEqual([code, signal], [130, null], stderr);
      assert.match(stderr, /^interrupted: the record holds what was finished/m);
      const record = recordOf(readFileSync(join(cwd, 'a.json'), 'utf8'));
      assert.equal(record.complete, false);
      assert.deepEqual(record.results.failures, [], 'what was interrupted did not fail');
      assert.deepEqual(readdirSync(TMPDIR), []);
    },
  );
}
