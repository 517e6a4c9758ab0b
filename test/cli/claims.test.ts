import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { CLAIMS } from '../../bench/claims/claims.ts';
import { type ClaimsRecord, validateRecord } from '../../reports/index.ts';
import { refuse, runCli, startCli, temporaryFolder } from './run-cli.ts';

function recordOf(text: string): ClaimsRecord {
  const record = validateRecord(JSON.parse(text));
  assert.ok(record.command === 'claims');
  return record;
}

test('claims --only shows the one that is false, with its figures, and exits 0', async (t) => {
  const cwd = temporaryFolder(t);
  const { code, stdout, stderr } = await runCli(['claims', '--only', 'local-statistics'], cwd);
  assert.equal(code, 0, stderr);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  assert.match(stdout, /^local-statistics +fails +yes/m);
  assert.match(stdout, /^counter, own pages 0: child's pages freed +-4$/m);
  assert.match(stdout, /^ {2}Smallest +counter -1, shown as 0/m);
  assert.match(stdout, /^! 1 claim fails: local-statistics\.$/m);
});

test('a schedule that claims prints shows the same in explore', async (t) => {
  const cwd = temporaryFolder(t);
  const found = await runCli(['claims', '--only', 'child-usage', '--json', '-'], cwd);
  assert.equal(found.code, 0, found.stderr);
  const [claim] = recordOf(found.stdout).results.claims;
  const [witness] = claim?.witnesses ?? [];
  const [, ...words] = (witness?.command ?? '').replaceAll('"', '').split(' ');
  const again = await runCli([...words, '--json', '-'], cwd);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /"invariant": "C-C"/);
});

test('the same command gives the same results', async (t) => {
  const cwd = temporaryFolder(t);
  const args = ['claims', '--only', 'global-statistics,pointer', '--quick', '--seed', '7'];
  const [one, two] = [
    await runCli([...args, '--json', '-'], cwd),
    await runCli([...args, '--json', '-'], cwd),
  ];
  assert.equal(one.code, 0, one.stderr);
  assert.deepEqual(recordOf(one.stdout).results, recordOf(two.stdout).results);
  assert.deepEqual(
    recordOf(one.stdout).results.claims.map(({ command }) => command),
    ['global-statistics', 'pointer'].map((id) => `slabsplice claims --only ${id} --quick --seed 7`),
  );
});

test('a claim that comes out differently is exit code 1', async (t) => {
  const args = ['claims', '--only', 'release', '--strategies', 'pin', '--json', '-'];
  const { code, stdout, stderr } = await runCli(args, temporaryFolder(t));
  assert.equal(code, 1);
  assert.match(stderr, /^check failed: every claim comes out .*: release fails, not: holds$/m);
  const { claims } = recordOf(stdout).results;
  assert.deepEqual(
    claims.map(({ id, verdict, expected }) => [id, verdict, expected]),
    [['release', 'fails', 'holds']],
  );
  assert.match(
    claims[0]?.evidence ?? '',
    /^Dying for 1 object: 1, for 64: 1; a look-up names the parent/,
  );
  assert.equal(claims[0]?.command, 'slabsplice claims --only release --strategies pin');
});

test('claims --dry-run lists them and writes nothing', async (t) => {
  const cwd = temporaryFolder(t);
  const { code, stdout } = await runCli(['claims', '--dry-run'], cwd);
  assert.equal(code, 0);
  for (const { id } of CLAIMS) assert.match(stdout, new RegExp(`^claim ${id}: `, 'm'));
  assert.deepEqual(readdirSync(cwd), []);
});

for (const [args, message] of [
  [['--only', 'C7'], /^slabsplice: --only: no claim is called 'C7'; there are release, /],
  [['--strategies', 'pin,splice-caches'], /^slabsplice: --strategies: .* give one, not 2$/m],
  [['--strategies', 'objcg'], /^slabsplice: --strategies: .*which objcg has none of; give one of /],
] as const) {
  test(`claims ${args.join(' ')} is refused in one line`, async (t) => {
    const cwd = temporaryFolder(t);
    const { code, stdout, stderr } = await refuse(['claims', ...args], cwd);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split('\n').length, 1);
    assert.deepEqual(readdirSync(cwd), []);
  });
}

// A session's processes share standard error with the one that is interrupted, so `close` comes only
// when all of them are gone.
test('Ctrl-C keeps the claims that are finished', { timeout: 120_000 }, async (t) => {
  const cwd = temporaryFolder(t);
  const TMPDIR = join(cwd, 'tmp');
  mkdirSync(TMPDIR);
  // Only sessions have threads: claims without a search are through when the first one is at work.
  const hook = join(cwd, 'hook.mjs');
  writeFileSync(
    hook,
    `import { writeSync } from 'node:fs';
     import { isMainThread } from 'node:worker_threads';
     if (!isMainThread) writeSync(2, 'at work\\n');`,
  );
  const NODE_OPTIONS = `--import=${pathToFileURL(hook).href}`;
  const ids = 'release,no-rcu-wait';
  const child = startCli(['claims', '--only', ids, '--json', 'a.json'], cwd, {
    TMPDIR,
    NODE_OPTIONS,
  });
  child.stdout.resume();
  t.after(() => {
    child.kill('SIGKILL');
    child.stderr.destroy();
    child.stdout.destroy();
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const before = stderr;
    stderr += text;
    if (/^at work$/m.test(stderr) && !/^at work$/m.test(before)) child.kill('SIGINT');
  });
  const [code, signal] = await once(child, 'close');
  assert.deepEqual([code, signal], [130, null], stderr);
  assert.match(stderr, /^interrupted: the record holds what was finished/m);
  const { complete, results } = recordOf(readFileSync(join(cwd, 'a.json'), 'utf8'));
  assert.equal(complete, false);
  assert.deepEqual(
    results.claims.map(({ id }) => id),
    ['release'],
  );
  assert.deepEqual(results.failures, [], 'what was interrupted did not fail');
  assert.deepEqual(readdirSync(TMPDIR), []);
});
