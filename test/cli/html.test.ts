import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repeatable } from '../../bench/command-line.ts';
import { runCli, temporaryFolder } from './run-cli.ts';

function embedded(html: string): unknown {
  const [, json = ''] = /id="r0-json">([\s\S]*?)<\/script>/.exec(html) ?? [];
  return JSON.parse(json);
}

test('a command writes its page beside the record, and the page carries the record', async (t) => {
  const cwd = temporaryFolder(t);
  const made = await runCli(['geometry', 'host-6.18', '--json', 'r.json', '--html', 'p.html'], cwd);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /\nRecord: r\.json\nPage: p\.html\n$/);
  const html = readFileSync(join(cwd, 'p.html'), 'utf8');
  assert.deepEqual(embedded(html), JSON.parse(readFileSync(join(cwd, 'r.json'), 'utf8')));
  assert.match(html, /<pre class="command">slabsplice geometry host-6\.18<\/pre>/);
  assert.deepEqual(readdirSync(cwd).sort(), ['p.html', 'r.json']);
});

test('report makes the same page, on standard output and in a file', async (t) => {
  const cwd = temporaryFolder(t);
  await runCli(['geometry', 'host-6.18', '--json', 'r.json', '--html', 'p.html'], cwd);
  const shown = await runCli(['report', '--format', 'html', 'r.json'], cwd);
  const written = await runCli(['report', '--html', 'q.html', 'r.json', 'r.json'], cwd);
  assert.equal(shown.stdout, readFileSync(join(cwd, 'p.html'), 'utf8'));
  assert.deepEqual([written.code, written.stdout], [0, 'Page: q.html\n']);
  assert.equal(readFileSync(join(cwd, 'q.html'), 'utf8').match(/<article /g)?.length, 2);
  // A page of ours may be written again, with the record alone on standard output.
  const again = await runCli(['geometry', 'host-6.18', '--json', '-', '--html', 'p.html'], cwd);
  assert.equal(JSON.parse(again.stdout).command, 'geometry');
  assert.match(again.stderr, /Page: p\.html/);
});

test('what cannot be written is refused before any work', async (t) => {
  const cwd = temporaryFolder(t);
  writeFileSync(join(cwd, 'mine.html'), '<!doctype html><p>mine</p>');
  writeFileSync(join(cwd, 'r.json'), '{}');
  const refusals: [args: string[], says: RegExp][] = [
    [['doctor', '--html', 'mine.html'], /mine\.html.* exists and is no slabsplice page/],
    [['report', '--html', 'mine.html', 'r.json'], /exists and is no slabsplice page/],
    [['doctor', '--html', '.'], /is a folder; give a file name\n/],
    [['doctor', '--html', 'no/p.html'], /the folder of .* does not exist/],
    [['doctor', '--html', '-'], /'-' is not a file name; give one, or .*report --format html/],
    [['report', '--html', '-', 'r.json'], /'-' is not a file name/],
    [['doctor', '--json', 'p.html', '--html', './p.html'], /p\.html' is where the record goes/],
    [['doctor', '--html', 'p.html', '--dry-run'], /--html: a --dry-run makes no record/],
    [['report', '--html', 'p.html', '--format', 'markdown', 'r.json'], /--format is markdown/],
    [['report', '--html', 'p.html', 'r.json'], /r\.json/],
  ];
  for (const [args, says] of refusals) {
    const { code, stdout, stderr } = await runCli(args, cwd);
    assert.deepEqual([code, stdout], [2, ''], args.join(' '));
    assert.match(stderr, says);
  }
  assert.ok(!existsSync(join(cwd, 'p.html')));
  assert.equal(readFileSync(join(cwd, 'mine.html'), 'utf8'), '<!doctype html><p>mine</p>');
});

test('a command line is kept without where its output went', () => {
  const cases: [command: string, typed: string, kept: string][] = [
    ['run', '', 'run'],
    ['run', '--quick', 'run --quick'],
    ['storm', 'storm --json r.json --mix pods --out=here', 'storm --mix pods'],
    ['storm', 'storm --json --mix pods --no-color', 'storm --mix pods'],
    ['storm', 'storm --json - --html p.html --cpus 2', 'storm --cpus 2'],
    ['replay', 'replay a.gz --json=- b.gz', 'replay a.gz b.gz'],
    ['replay', 'replay - --html=p.html', 'replay -'],
  ];
  for (const [command, typed, kept] of cases) {
    const words = typed === '' ? [] : typed.split(' ');
    assert.equal(repeatable(command, words).join(' '), kept);
  }
});
