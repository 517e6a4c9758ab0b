import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from './run-cli.ts';

const SCRIPT = fileURLToPath(new URL('../../../scripts/tidy.mjs', import.meta.url));

function tidy(folder: string, file: string, text: string): { code: number | null; said: string } {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
  const run = spawnSync(process.execPath, [SCRIPT, folder], { encoding: 'utf8' });
  return { code: run.status, said: run.stderr };
}

// Put together at run time, so that this file is tidy itself.
const home = ['', 'home', 'me', 'x'].join('/');
const mark = ['TO', 'DO'].join('');

const UNTIDY: [file: string, text: string, says: string][] = [
  ['core/long.ts', 'x;\n'.repeat(401), 'core/long.ts: 401 lines'],
  ['bench/a.ts', 'Atomics.load(a, 0);', 'bench/a.ts:1: names Atomics'],
  ['core/shared/lock.ts', 'Atomics.load(a, 0);', 'core/shared/lock.ts:1: names Atomics'],
  ['reports/a.ts', `x;\n// ${mark}: later`, 'reports/a.ts:2: a mark'],
  ['bench/a.ts', 'console.log(1);', 'bench/a.ts:1: console.log'],
  ['test/a.test.ts', "import { test } from 'node:test';", 'test/a.test.ts: a test file without'],
  ['core/a.ts', "import fs from 'node:fs';", 'core/a.ts:1: core imports node:fs'],
  ['core/a.ts', "import { b } from '../bench/b.ts';", 'core/a.ts:1: core imports ../bench/b.ts'],
  ['reports/a.ts', "export * from '../core/b.ts';", 'reports/a.ts:1: reports imports'],
  ['core/slub/a.ts', "import { load } from '../shared/atomics.ts';", "write '#atomics'"],
  ['bench/a.ts', "await import('../core/shared/atomics-solo.ts');", "write '#atomics'"],
  ['README.md', `see ${home}`, 'README.md:1: a path'],
];

for (const [file, text, says] of UNTIDY) {
  test(`tidy finds: ${says}`, (t) => {
    const { code, said } = tidy(temporaryFolder(t), file, text);
    assert.equal(code, 1);
    assert.ok(said.includes(says), said);
    assert.match(said, /\ntidy: 1 to mend\n$/);
  });
}

const TIDY: [file: string, text: string][] = [
  ['core/full.ts', 'x;\n'.repeat(400)],
  ['core/shared/atomics-explore.ts', 'Atomics.load(a, 0);'],
  ['core/slub/a.ts', "import { rows } from '../shared/rows.ts';\nimport { load } from '#atomics';"],
  ['reports/a.ts', "import { z } from 'zod';\nimport { b } from './b.ts';"],
  ['bench/a.ts', "import { b } from '../core/index.ts';"],
  ['test/atomics.test.ts', "import '../core/shared/atomics.ts';\nassert.ok(true);"],
];

for (const [file, text] of TIDY) {
  test(`tidy accepts ${file}`, (t) => {
    assert.deepEqual(tidy(temporaryFolder(t), file, text), { code: 0, said: '' });
  });
}
