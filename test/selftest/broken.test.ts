/**
 * The command against a core that was broken on purpose: a copy of the build with one line changed. Each
 * must end with exit code 1, and say which test.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../cli/run-cli.ts';
import { parseKtap } from './ktap-parser.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

interface Break {
  readonly what: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly strategy: string;
  readonly test: string;
  readonly row: string;
  readonly directive: string;
}

const BREAKS: readonly Break[] = [
  {
    what: 'a limit that limits nothing',
    file: 'core/shared/page-counter.js',
    from: 'if (now > peek(max, level))',
    to: 'if (now > peek(max, level) && now < 0)',
    ...{ strategy: 'splice-caches', test: 'limit_error_path', row: 'limit_error_path' },
    directive: '',
  },
  {
    what: 'reclaim that presses small lists, too',
    file: 'core/memcg/reclaim.js',
    from: 'freeable / 2 ** priority',
    to: 'freeable / 2 ** (priority / 2)',
    ...{ strategy: 'objcg', test: 'small_shrinker', row: 'small_shrinker', directive: '' },
  },
  {
    what: 'obj_cgroups whose last bytes are forgotten',
    file: 'core/reparent/byte-stock.js',
    from: 'if (rest !== 0)',
    to: 'if (rest > PAGE_BYTES)',
    ...{ strategy: 'objcg', test: 'kmem_dead_cgroups', row: 'kmem_dead_cgroups.strict' },
    directive: '',
  },
  {
    what: 'a page owner that is not rewritten',
    file: 'core/reparent/objcg-life.js',
    from: 'poke(memcgOf, objcg, parent);\n        listPush',
    to: 'listPush',
    ...{ strategy: 'objcg', test: 'chain', row: 'chain', directive: 'ERROR' },
  },
  {
    what: 'page cache that moves in a kernel where it did not: an unexpected pass',
    file: 'bench/selftest/kernels.js',
    from: "release: 'Linux 5.2', movesPageCache: false",
    to: "release: 'Linux 5.2', movesPageCache: true",
    ...{ strategy: 'pin', test: 'append_reproducer', row: 'append_reproducer' },
    directive: 'XPASS',
  },
  {
    what: 'an operation that throws',
    file: 'core/memcg/list-lru.js',
    from: 'isolate(lru, memcg) {',
    to: "isolate(lru, memcg) { throw new TypeError('broken');",
    ...{ strategy: 'pin', test: 'kmem_basic', row: 'kmem_basic', directive: 'ERROR' },
  },
];

for (const one of BREAKS) {
  test(`${one.what}: ${one.test} tells`, (t) => {
    const copy = temporaryFolder(t);
    for (const folder of ['core', 'bench', 'reports']) {
      cpSync(join(ROOT, 'dist', folder), join(copy, 'dist', folder), { recursive: true });
    }
    cpSync(join(ROOT, 'package.json'), join(copy, 'package.json'));
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    const file = join(copy, 'dist', one.file);
    const text = readFileSync(file, 'utf8');
    assert.equal(text.split(one.from).length, 2, `${one.from} stands once in ${one.file}`);
    writeFileSync(file, text.replace(one.from, one.to));
    const args = ['selftest', '--quick', '--strategies', one.strategy, '--only', one.test];
    const run = spawnSync(process.execPath, [join(copy, 'dist/bench/cli.js'), ...args], {
      ...{ cwd: copy, encoding: 'utf8', timeout: 120_000 },
    });
    assert.equal(run.status, 1, run.stderr);
    assert.match(run.stderr, new RegExp(`check failed: ${one.strategy}.*${one.test}`));
    const [parent] = parseKtap(run.stdout).tests;
    assert.equal(parent?.ok, false);
    const row = parent?.subtests.find(({ name }) => name === one.row);
    assert.deepEqual([row?.ok, row?.directive], [false, one.directive]);
  });
}
