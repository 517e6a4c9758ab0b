/**
 * Every command line of the documents is one: the options are read and the run is planned, as the command
 * line does it, in this process. Those that are cheap and need nothing of the machine are run.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { Command } from 'commander';
import { COMMANDS } from '../../bench/commands/registry.ts';
import type { RawOptions } from '../../bench/options.ts';
import { runCli } from '../cli/run-cli.ts';
import { type Call, callsIn, callsInProse, DOCUMENTS, ROOT, read } from './documents.ts';

const folder = mkdtempSync(join(tmpdir(), 'slabsplice-docs-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const calls = DOCUMENTS.flatMap((file) => [...callsIn(file), ...callsInProse(file)]);
const byText = new Map(calls.map((call) => [call.text, call]));

/** Files that the documents name, with something of that kind in them. */
const FILES: Record<string, string> = {
  ...{ 'my.trace.gz': 'test/fixtures/traces/small-12.txt.gz', 'my.trace': 'README.md' },
  ...{ 'first.trace': 'README.md', 'second.trace': 'README.md', 'my.tsv': 'README.md' },
  ...{ 'mine.json': 'bench/scenarios/web-frontend.json' },
  ...{ 'my-host.json': 'bench/scenarios/web-frontend.json' },
  'slab-geometry.json': 'bench/data/host-6.18/slab-geometry.json',
  'slabinfo.txt': 'bench/data/host-6.18/slabinfo.txt',
};
for (const [name, source] of Object.entries(FILES)) cpSync(join(ROOT, source), join(folder, name));
mkdirSync(join(folder, 'copy'));

/** Reads the options and plans the run; throws what the user would be told. */
async function parse(words: readonly string[]): Promise<void> {
  const named = COMMANDS.find(({ name }) => name === words[0]);
  const entry = named ?? COMMANDS[0];
  assert.ok(entry && (named || (words[0] ?? '--').startsWith('-')), `no command ${words[0]}`);
  const command = new Command(entry.name).exitOverride().configureOutput({ writeErr: () => {} });
  command
    .version('1', '--version')
    .helpOption('--help')
    .configureOutput({ writeOut: () => {} });
  if (entry.operands) command.argument(...entry.operands);
  for (const option of entry.options()) command.addOption(option);
  const rest = named ? words.slice(1) : words;
  if (rest.includes('--help') || rest.includes('--version')) return;
  command.parse([...rest], { from: 'user' });
  const job = entry.prepare(command.opts<RawOptions>(), command.args);
  if (job.kind === 'record') await job.plan();
}

function checkNpm({ text, words }: Call): void {
  const [verb = '', name = '', ...rest] = words;
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  if (verb === 'run') assert.ok(name in scripts, `${text}: no such script`);
  else if (verb === 'test' && name === '--') {
    const files = readdirSync(join(ROOT, 'test'), { recursive: true }).map(String);
    for (const part of filledIn(rest))
      assert.ok(
        files.some((file) => file.includes(part)),
        text,
      );
  } else assert.ok(['ci', 'start', 'test', 'install', 'pack', 'config'].includes(verb), text);
}

/** A word that stands for something of the reader's own is given a value. */
function filledIn(words: readonly string[]): string[] {
  const stand: Record<string, string> = {
    ID: 'release',
    FILE: 'record.json',
    COMMAND: 'run',
    NAME: 'races',
  };
  return words.map((word) => stand[word] ?? word);
}

test('every command line of the documents is understood', async () => {
  assert.ok(byText.size > 100, `found ${byText.size} only`);
  process.chdir(folder);
  for (const call of byText.values()) {
    const own = call.program === 'npm' ? call.words.indexOf('--') + 1 : 0;
    if (call.program === 'npm') checkNpm(call);
    const words = filledIn(call.words.slice(own));
    if (call.program === 'npm' && (call.words[0] !== 'start' || own === 0)) continue;
    await parse(words).catch((error) => assert.fail(`${call.file}: ${call.text}: ${error}`));
  }
});

/** Why a command line of a shell block is not run here; the first that fits. */
const NOT_RUN: readonly (readonly [RegExp, string])[] = [
  [/^npm /, 'what runs these tests, or leads to it'],
  [/slabinfo:live|^slabsplice geometry$/, 'needs root'],
  [/^slabsplice host\b/, 'is about the live machine; test/host reads recorded ones'],
  [/^slabsplice doctor\b/, 'is about the live machine; test/environment judges recorded ones'],
  [/^slabsplice (run|compare|storm|capacity)\b|^slabsplice$/, 'measures; test/cli runs small ones'],
  [/^slabsplice (explore|claims|selftest|leak)\b/, 'takes longer; its own tests run it'],
  [/^slabsplice (replay|geometry|merge|report|diff)\b/, 'needs a file of the reader'],
];

/** What is run, with the exit code that the documents give it; 0 unless they say otherwise. */
const RUN: Readonly<Record<string, number>> = {
  'slabsplice geometry host-6.18': 0,
  'slabsplice claims --only local-statistics': 0,
  'slabsplice explore --mutant M04': 0,
  'slabsplice explore --scenario lost update': 1,
  'slabsplice explore --scenario no lost update': 0,
  'slabsplice leak --list-scenarios': 0,
  'slabsplice replay --how-to-record': 0,
  'slabsplice capacity --objects 4e9 --dry-run': 0,
  'slabsplice geometry slab-geometry.json --cpus 64': 1,
  'slabsplice geometry slabinfo.txt --kernel 5.3': 0,
};

test('every command line of a shell block is run, or it says why not', () => {
  const blocks = DOCUMENTS.flatMap((file) => callsIn(file));
  for (const { file, text } of blocks) {
    const known = text in RUN || NOT_RUN.some(([pattern]) => pattern.test(text));
    assert.ok(known, `${file}: ${text}: add it to RUN, or a reason to NOT_RUN`);
  }
  for (const text of Object.keys(RUN)) assert.ok(byText.has(text), `no document has ${text}`);
});

for (const [text, code] of Object.entries(RUN)) {
  test(`${text} ends with ${code}`, async () => {
    const ending = await runCli([...(byText.get(text)?.words ?? [])], folder);
    assert.equal(ending.code, code, ending.stderr + ending.stdout);
  });
}

test('the lines of docs/merge.md run one after the other', async () => {
  const place = join(folder, 'merge', 'x');
  mkdirSync(place, { recursive: true });
  writeFileSync(join(dirname(place), 'keep'), '');
  const lines = callsIn('docs/merge.md');
  assert.equal(lines.length, 4);
  for (const { text, words } of lines) {
    const { code, stderr } = await runCli([...words], place);
    assert.equal(code, 0, `${text}: ${stderr}`);
  }
});
