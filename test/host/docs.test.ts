import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { recordSchema } from '../../reports/index.ts';
import { renderOpenMetrics } from '../../reports/openmetrics.ts';
import { hostPage } from '../../reports/pages/host.ts';
import { runCli } from '../cli/run-cli.ts';
import { smallRecords } from '../reports/fixtures/small-records.ts';
import { fixture, look } from './support.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const DOCUMENT = read('docs/host.md');
const folder = mkdtempSync(join(tmpdir(), 'host-docs-'));
after(() => rmSync(folder, { recursive: true }));

/** Lines of code blocks that call the command, without comments and what cron and shells add. */
function commandsOf(text: string): string[][] {
  const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '');
  return blocks
    .flatMap((block) => block.split('\n'))
    .flatMap((line) => /slabsplice (host\b[^#>]*)/.exec(line)?.[1]?.trim() ?? [])
    .map((words) => words.split(/\s+/));
}

const texts = [...commandsOf(DOCUMENT), ...commandsOf(read('README.md'))].map((one) =>
  one.join(' '),
);
const commands = [...new Set(texts)].map((one) => one.split(' '));

test('every command of the documents is one', async () => {
  assert.ok(commands.length >= 10);
  mkdirSync(join(folder, 'copy'), { recursive: true });
  for (const all of commands) {
    // A dry run makes no record, and is refused one.
    const words = all.filter((word, at) => word !== '--json' && all[at - 1] !== '--json');
    const { code, stderr } = await runCli([...words, '--dry-run'], folder);
    assert.equal(code, 0, `${words.join(' ')}: ${stderr}`);
  }
});

test('the copy that the document says how to make is read like the host', (t) => {
  if (process.platform !== 'linux') return t.skip('not a Linux');
  const [, script] = /```sh\n(mkdir -p copy\/proc[\s\S]*?)```/.exec(DOCUMENT) ?? [];
  assert.ok(script);
  // The files that a host always has; others are named as unknown.
  const copied = script.replace(/^cp --parents \/proc\/slabinfo.*$/m, '');
  const place = join(folder, 'made');
  mkdirSync(place);
  execFileSync('sh', ['-c', copied], { cwd: place, stdio: 'ignore' });
  const files = ['proc/cgroups', 'proc/self/mountinfo', 'proc/self/ns/cgroup', 'proc/uptime'];
  for (const file of files) assert.ok(readFileSync(join(place, 'copy', file)).length > 0, file);
});

test('the document names every form of trouble, every part of the page and every metric', async () => {
  const results = await look(fixture('v2-6.12'));
  for (const { form } of results.triage) assert.ok(DOCUMENT.includes(form), form);
  const [sample] = smallRecords();
  const facts = { command: 'host', checks: [], parameters: {}, complete: true, results };
  const record = recordSchema.parse({ ...sample, ...facts });
  assert.ok(record.command === 'host');
  const { sections } = hostPage(record);
  for (const { title } of sections) assert.ok(DOCUMENT.includes(`| ${title} |`), title);
  const table = DOCUMENT.slice(DOCUMENT.indexOf('| metric |'));
  for (const [, name = ''] of renderOpenMetrics(results).matchAll(/^# TYPE (\S+)/gm)) {
    const short = name.replace('slabsplice_memcg', '');
    assert.ok(table.includes(`\`${name}\``) || table.includes(`\`${short}\``), name);
  }
});
