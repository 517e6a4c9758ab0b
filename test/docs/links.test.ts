import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { COMMANDS } from '../../bench/commands/registry.ts';
import { DOCUMENTS, proseOf, ROOT, read } from './documents.ts';

/** Anchors of a document as GitHub makes them: the second of a name gets -1. */
function anchorsOf(file: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = [...proseOf(file).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*\\]/g, '');
    const slug = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
  const named = [...read(file).matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id);
  return new Set([...anchors, ...named]);
}

/** What is wrong with the links of a document. */
function brokenLinks(file: string): string[] {
  const links = [...proseOf(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return links.flatMap((link) => {
    if (/^https?:/.test(link)) return [];
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? file : normalize(join(dirname(file), path));
    if (target.startsWith('..') || !existsSync(join(ROOT, target))) return [`${file}: ${link}`];
    if (anchor === undefined || !target.endsWith('.md')) return [];
    return anchorsOf(target).has(anchor) ? [] : [`${file}: ${link}: no such heading`];
  });
}

test('every link of a document leads to a file that is there, and to a heading in it', () => {
  assert.deepEqual(DOCUMENTS.flatMap(brokenLinks), []);
});

test('the index of docs/ names every document, and every command', () => {
  const index = read('docs/README.md');
  const documents = DOCUMENTS.filter(
    (file) => file.startsWith('docs/') && file !== 'docs/README.md',
  );
  const missing = documents.filter((file) => !index.includes(`](${file.slice('docs/'.length)})`));
  assert.deepEqual(missing, []);
  const rows = [...index.matchAll(/^\| `([a-z]+)` \|/gm)].map(([, name]) => name);
  assert.deepEqual(rows.sort(), COMMANDS.map(({ name }) => name).sort());
});

test('the readme names every command, and every strategy that is compared', async () => {
  const { STRATEGY_NAMES } = await import('../../core/index.ts');
  const text = read('README.md');
  const rows = [...text.matchAll(/^\| `([a-z]+)[^|]*` (?:\(default\) )?\|/gm)].map(
    ([, name]) => name,
  );
  for (const { name } of COMMANDS) assert.ok(rows.includes(name), `no row for ${name}`);
  for (const name of STRATEGY_NAMES) assert.match(text, new RegExp(`^\\| \`${name}\` \\|`, 'm'));
  assert.ok(readdirSync(ROOT).includes('CITATION.cff'));
});
