/** `report --machine`: the page as a file; what one can do with it is tried in a browser. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { syntheticExplore } from '../reports/fixtures/synthetic-explore.ts';
import { runCli, temporaryFolder } from './run-cli.ts';

test('the page allows its own scripts and styles, and nothing outside', async (t) => {
  const cwd = temporaryFolder(t);
  const { code, stdout, stderr } = await runCli(['report', '--machine'], cwd);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const [, policy = ''] =
    /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(stdout) ?? [];
  assert.match(policy, /^default-src 'none'; base-uri 'none'; form-action 'none'; /);
  for (const [, text = ''] of stdout.matchAll(/<(?:script|style)>(.*?)<\/(?:script|style)>/gs)) {
    const hash = createHash('sha256').update(text).digest('base64');
    assert.ok(policy.includes(`'sha256-${hash}'`));
  }
  assert.doesNotMatch(stdout, /(?:src|href)="?http|url\(|@import/);
  assert.deepEqual(readdirSync(cwd), []);
});

test('records are data in the page, whatever is in them', async (t) => {
  const cwd = temporaryFolder(t);
  const record = syntheticExplore({ violations: 1, mutants: 1, escaped: 0, findings: 0 });
  const evil = '</script><script>alert(1)</script><!--';
  const [scenario] = record.results.scenarios;
  assert.ok(scenario !== undefined);
  scenario.summary = evil;
  const file = join(cwd, 'record.json');
  writeFileSync(file, JSON.stringify(record));
  const { code, stdout } = await runCli(['report', '--machine', file], cwd);
  assert.equal(code, 0);
  const [, block = ''] =
    /<script type="application\/json" id="r0-json">([^<]*)<\/script>/.exec(stdout) ?? [];
  assert.deepEqual(JSON.parse(block), JSON.parse(JSON.stringify(record)));
  assert.ok(!stdout.includes('alert(1)</script>'));
});

test('the page may be written again', async (t) => {
  const cwd = temporaryFolder(t);
  for (let time = 0; time < 2; time++) {
    const { code, stdout } = await runCli(['report', '--machine', '--html', 'm.html'], cwd);
    assert.deepEqual([code, stdout], [0, 'Page: m.html\n']);
  }
});

test('a file that is no record is refused, and nothing is printed', async (t) => {
  const cwd = temporaryFolder(t);
  const { code, stdout, stderr } = await runCli(['report', '--machine', 'missing.json'], cwd);
  assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
  assert.match(stderr, /missing\.json.*cannot be read/);
});
