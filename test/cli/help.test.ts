import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { COMMANDS } from '../../bench/commands/registry.ts';
import { runCli, temporaryFolder } from './run-cli.ts';

const COMMON = [
  '--json [FILE]',
  '--out <DIR>',
  '--seed <N>',
  '--cpus <N>',
  '--strategies <a,b>',
  '--quick',
  '--dry-run',
  '--self-check',
  '--no-color',
];

for (const { name, examples } of COMMANDS) {
  test(`${name} --help has examples and fits 80 columns`, async (t) => {
    const cwd = temporaryFolder(t);
    const { code, stdout, stderr } = await runCli([name, '--help'], cwd);
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.match(stdout, /\nExamples:\n/);
    for (const [line] of examples) assert.ok(stdout.includes(`$ ${line}`), line);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
    const wanted = name === 'report' ? ['--format <NAME>', '--machine', '--no-color'] : COMMON;
    for (const flags of wanted) assert.ok(stdout.includes(`  ${flags}`), flags);
    assert.equal((await runCli(['help', name], cwd)).stdout, stdout, `help ${name}`);
    assert.deepEqual(readdirSync(cwd), []);
  });
}

test('--help names every command, the default and the exit codes', async (t) => {
  const { code, stdout, stderr } = await runCli(['--help'], temporaryFolder(t));
  assert.equal(code, 0);
  assert.equal(stderr, '');
  for (const { name } of COMMANDS) assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
  assert.match(stdout, /\(default\)/);
  assert.match(stdout, /\nExamples:\n/);
  assert.match(stdout, /130 interrupted/);
});

test('--version is the version of the package, after a command too', async (t) => {
  const cwd = temporaryFolder(t);
  const file = new URL('../../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
  for (const args of [['--version'], ['-V'], ['compare', '--version']]) {
    const { code, stdout, stderr } = await runCli(args, cwd);
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: `${version}\n`, stderr: '' });
  }
});
