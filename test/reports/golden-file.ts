import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Path of a file of the repository, seen from the compiled tests in dist/test/reports. */
function repositoryPath(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url));
}

/** Path of a golden file. */
export function goldenPath(name: string): string {
  return repositoryPath(`test/reports/golden/${name}`);
}

/** Compares text with a file of the repository; UPDATE_GOLDEN=1 rewrites the file instead. */
export function matchesFile(path: string, actual: string): void {
  const file = repositoryPath(path);
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, actual);
  const expected = existsSync(file) ? readFileSync(file, 'utf8') : '(no such file)';
  const remedy = `${path} differs; if that is meant: UPDATE_GOLDEN=1 npm test -- reports`;
  assert.equal(actual, expected, remedy);
}
