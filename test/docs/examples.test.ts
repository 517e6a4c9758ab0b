/**
 * Programs in the documents compile strictly and print what stands beside their `console.log`. They are
 * written below dist/, where `slabsplice` is this package by its own name, as for whoever installed it.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { runCli } from '../cli/run-cli.ts';
import { type Block, blocksOf, DOCUMENTS, ROOT } from './documents.ts';

const start = promisify(execFile);
mkdirSync(join(ROOT, 'dist'), { recursive: true });
const folder = mkdtempSync(join(ROOT, 'dist', 'examples-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const blocks = DOCUMENTS.flatMap(blocksOf).filter(({ language }) => language === 'ts');
const isProgram = ({ text }: Block) => /from 'slabsplice(\/\w+)?'/.test(text);
const programs = blocks.filter(isProgram);
/** Files of the core, named by their first line. */
const parts = blocks.filter(({ text }) => /^\/\/ core\/\S+\.ts\n/.test(text));
const nameOf = (block: Block) => `${block.file.replace(/\W+/g, '-')}-${block.line}.ts`;

/** What the program says that it prints. */
const promised = ({ text }: Block): string =>
  [...text.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)].map(([, words]) => `${words}\n`).join('');

before(async () => {
  for (const block of programs) writeFileSync(join(folder, nameOf(block)), block.text);
  for (const block of parts) {
    const home = /^\/\/ (core\/.*)\/[^/]+\n/.exec(block.text)?.[1];
    assert.ok(home);
    const text = block.text
      .replaceAll("from './", `from '../${home}/`)
      .replaceAll("from '../shared", "from '../core/shared");
    writeFileSync(join(folder, nameOf(block)), text);
  }
  const compilerOptions = {
    ...{ module: 'nodenext', target: 'es2023', lib: ['es2023', 'es2024.sharedmemory'] },
    ...{ strict: true, skipLibCheck: true, types: ['node'], allowImportingTsExtensions: true },
    ...{ rewriteRelativeImportExtensions: true, outDir: '.', rootDir: '.' },
  };
  const files = [...programs, ...parts].map(nameOf);
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
  const compiler = join(ROOT, 'node_modules', '.bin', 'tsc');
  await start(compiler, ['-p', folder]).catch((error) => assert.fail(error.stdout));
  const { code, stderr } = await runCli(
    [
      ...['compare', '--strategies', 'pin,splice-caches', '--pages', '100', '--rounds', '2'],
      ...['--no-hot-path', '--json', 'record.json'],
    ],
    folder,
  );
  assert.equal(code, 0, stderr);
});

test('there are programs, and a strategy', () => {
  assert.ok(programs.length >= 4, `${programs.length} programs`);
  assert.equal(parts.length, 1);
  assert.ok(programs.every((block) => promised(block) !== ''));
});

for (const block of programs) {
  test(`${block.file}:${block.line} prints what it says`, async () => {
    const file = nameOf(block).replace(/\.ts$/, '.js');
    const { stdout } = await start(process.execPath, [file], { cwd: folder });
    assert.equal(stdout, promised(block));
  });
}
