import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

test('every name that core exports has a place in the generated reference, and no other has', () => {
  const exported = [...read('core/index.ts').matchAll(/^export (?:type )?\{([^}]*)\}/gm)]
    .flatMap(([, names = '']) => names.split(','))
    .map((name) => name.trim().replace(/^type /, ''))
    .filter((name) => name !== '');
  const headings = [...read('docs/reference/core.md').matchAll(/^### (.+)$/gm)].map(
    ([, heading = '']) => heading.replaceAll('\\', '').replace(/\(\)$|<.*>$/, ''),
  );
  assert.ok(exported.length > 60, `found ${exported.length} names only`);
  assert.deepEqual(headings.sort(), exported.sort(), 'npm run reference writes it anew');
});
