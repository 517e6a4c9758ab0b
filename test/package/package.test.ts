/**
 * The package as somebody gets it: packed, installed into an empty project without a network, and used.
 * Production dependencies are copied there beforehand, as an empty cache has none.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const start = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'slabsplice-package-'));
const project = join(folder, 'project');
const packed: string[] = [];

/** Runs to the end; throws with what it said if it ends with another code than 0. */
async function run(command: string, args: readonly string[], cwd = project): Promise<string> {
  const { stdout } = await start(command, args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 });
  return stdout;
}

const installed = (args: readonly string[]) => run('npx', ['--no-install', 'slabsplice', ...args]);

function write(name: string, text: string): string {
  writeFileSync(join(project, name), text);
  return name;
}

before(async () => {
  mkdirSync(project);
  write('package.json', '{ "private": true, "type": "module" }');
  const [report] = JSON.parse(
    // prepack would build anew, under the feet of the other tests.
    await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root),
  ) as [{ filename: string; files: { path: string }[] }];
  packed.push(...report.files.map(({ path }) => path));
  const listed = await run('npm', ['ls', '--omit=dev', '--all', '--parseable'], root);
  for (const path of listed.trim().split('\n').slice(1)) {
    const place = join(project, relative(root, path));
    mkdirSync(dirname(place), { recursive: true });
    cpSync(path, place, { recursive: true });
  }
  await run('npm', [
    ...['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts'],
    ...['--cache', join(folder, 'cache'), join(folder, report.filename)],
  ]);
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('the package has what it needs and no ballast', () => {
  const ballast = packed.filter(
    (path) =>
      /(^|\/)test\/|fixtures|golden|tsbuildinfo|\.d\.ts\.map$/.test(path) ||
      /^(scripts|results|docs|\.ci)\//.test(path) ||
      /^dist\/(bench|reports)\/.*\.js\.map$|^dist\/bench\/.*\.d\.ts$/.test(path) ||
      (/\.ts$/.test(path) && !/\.d\.ts$/.test(path)),
  );
  assert.deepEqual(ballast, []);
  const needed = [
    ...['README.md', 'LICENSE', 'CHANGELOG.md', 'core/README.md', 'reports/schema.json'],
    ...['bench/bpf/dying.bt', 'bench/scenarios/web-frontend.json', 'bench/data/README.md'],
    ...['dist/core/index.js', 'dist/core/index.d.ts', 'dist/core/index.js.map'],
    ...['dist/reports/index.js', 'dist/reports/index.d.ts', 'dist/bench/cli.js'],
  ];
  assert.deepEqual(
    needed.filter((path) => !packed.includes(path)),
    [],
  );
});

test('what is installed runs', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  assert.equal(await installed(['--version']), `${version}\n`);
  assert.match(await installed(['geometry', 'host-6.18', '--no-color']), /235 caches/);
  const page = await installed([
    ...['compare', '--strategies', 'pin,splice-caches', '--pages', '100', '--rounds', '2'],
    ...['--no-hot-path', '--json', 'record.json'],
  ]);
  assert.match(page, /THE HAND-OVER IN IT/);
  assert.match(await installed(['report', 'record.json']), /THE HAND-OVER IN IT/);
  assert.match(await installed(['leak', '--list-scenarios']), /web-frontend/);
});

test('what is installed explores, and names lines of the sources', async () => {
  const told = await installed(['explore', '--mutant', 'M01', '--strategies', 'splice-caches']);
  assert.match(told, /memcg\/lifecycle\.ts:\d+/);
});

test('both entry points and the schema are there for JavaScript', async () => {
  const name = write(
    'use.js',
    `import { createMachine, bindCpu, ROOT_MEMCG, STRATEGY_NAMES } from 'slabsplice';
import { renderTerminal, validateRecord } from 'slabsplice/reports';
import schema from 'slabsplice/schema.json' with { type: 'json' };
import { readFileSync } from 'node:fs';
const machine = createMachine({
  strategy: STRATEGY_NAMES[0],
  cpus: 1, slabRows: 100, kmemCaches: 4, rootCaches: 1, memcgs: 4, kmemIds: 4,
});
const record = validateRecord(JSON.parse(readFileSync('record.json', 'utf8')));
const page = renderTerminal(record, { width: 80, color: false });
console.log(bindCpu(machine, 0).createMemcg(ROOT_MEMCG) > 0, page.includes('VERDICT'), typeof schema);
`,
  );
  const args = ['--no-warnings', name];
  assert.equal(await run(process.execPath, args), 'true true object\n');
});

/** Compiles one file strictly, libraries too; with a browser's names unless `lib` says otherwise. */
async function compile(file: string, lib?: readonly string[]): Promise<void> {
  const compilerOptions = {
    ...{ module: 'nodenext', target: 'es2023', strict: true, exactOptionalPropertyTypes: true },
    ...{ skipLibCheck: false, types: [], noEmit: true, ...(lib && { lib }) },
  };
  write('tsconfig.json', JSON.stringify({ compilerOptions, files: [file] }));
  const compiler = join(root, 'node_modules', '.bin', 'tsc');
  await run(compiler, ['-p', '.']).catch((error) => assert.fail(error.stdout || error.message));
}

test('the types of the core serve a strict consumer that has nothing but the language', async () => {
  const file = write(
    'core.ts',
    `import {
  type BoundStrategy, bindCpu, type Cpu, createMachine, type Machine, ModelError, type Strategy,
} from 'slabsplice';
const machine: Machine = createMachine({
  strategy: 'pin', cpus: 1, slabRows: 100, kmemCaches: 4, rootCaches: 1, memcgs: 4, kmemIds: 4,
});
export const cpu: Cpu = bindCpu(machine, 0);
export const flags: Int32Array = machine.memcgs.flags;
export const isOurs = (error: unknown): boolean => error instanceof ModelError;
export const owner = (bound: BoundStrategy, row: number): number => bound.ownerOf(row);
export const names = (all: readonly Strategy[]): string[] => all.map(({ name }) => name);
// @ts-expect-error a machine needs its capacities
createMachine({ strategy: 'pin' });
`,
  );
  await compile(file, ['es2023']);
});

test('the types of the reports serve a strict consumer', async () => {
  const file = write(
    'reader.ts',
    `import { renderTerminal, type ResultRecord, validateRecord } from 'slabsplice/reports';
import schema from 'slabsplice/schema.json' with { type: 'json' };
export const title: string = schema.title;
export const page = (text: string): string => {
  const record: ResultRecord = validateRecord(JSON.parse(text));
  return renderTerminal(record, { width: 80, color: false });
};
// @ts-expect-error a page is made of a record
renderTerminal('record', { width: 80, color: false });
`,
  );
  // zod, whose types the schema has, names URL.
  await compile(file);
});
