// Expands the list of test files for `node --test`: Node 20 has no globs, and naming a directory
// fails from 22 on. Only files whose source still exists run, so a stale build cannot pass.
// Usage: npm test [-- NAME...]   runs the files whose path contains one of the names.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(join(root, 'dist', 'test'), { recursive: true })
  .map(String)
  .filter((name) => name.endsWith('.test.js'))
  .filter((name) => existsSync(join(root, 'test', name.replace(/\.js$/, '.ts'))))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .map((name) => join('dist', 'test', name))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(', ') || 'dist/test'}`);
  process.exit(1);
}
// Node leaves a core free by default, which is half of a machine of two.
const concurrency = `--test-concurrency=${Math.max(2, availableParallelism() - 1)}`;
const run = spawnSync(process.execPath, ['--test', concurrency, ...files], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(run.status ?? 1);
