/**
 * What the documents show of a page has the form that pages have today: its headings and the labels of its
 * rows stand in the golden pages, which the renderers are held to.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCli } from '../cli/run-cli.ts';
import { type Block, blocksOf, DOCUMENTS, ROOT, read } from './documents.ts';

const golden = ['test/reports/golden', 'test/host/golden']
  .flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`))
  .filter((path) => /-80\.txt$/.test(path))
  .map(read);
const folder = mkdtempSync(join(tmpdir(), 'slabsplice-shown-'));
after(() => rmSync(folder, { recursive: true, force: true }));
// The golden records have no design with an owner for each object.
const { stdout } = await runCli(
  [
    ...['compare', '--strategies', 'scan-pages,splice-caches,objcg', '--pages', '1000'],
    ...['--rounds', '2', '--no-hot-path'],
  ],
  folder,
);
const lines = [...golden, stdout].join('\n').split('\n');

/** Of a line as a table has it, what stands before the first cell. */
const labelOf = (line: string): string | undefined => /^([^\s].*?) {2,}\S/.exec(line)?.[1];
const labels = new Set(lines.map(labelOf));
const headings = new Set(lines.map((line) => /^([A-Z][A-Z ,'-]+)(:|$)/.exec(line)?.[1]));

const isPage = ({ language, text }: Block) => language === '' && /^[A-Z][A-Z ,'-]{5,}:/m.test(text);
/** Tables of a tutorial stand without their heading. */
const isTable = ({ language, text }: Block) =>
  language === '' && /^[a-z_ ]+ {2,}[\d,.]+( [a-zA-Z%]+)?( {2,}|$)/m.test(text);
const shown = DOCUMENTS.flatMap(blocksOf).filter((block) => isPage(block) || isTable(block));

/** Labels of rows that say a number of pages: any number will do. */
const anyNumber = (label: string) => label.replace(/[\d,]+/g, 'N');
const known = new Set([...labels].map((label) => anyNumber(label ?? '')));

test('pages are shown in the documents', () => {
  assert.ok(shown.length >= 8, `${shown.length} blocks`);
});

for (const block of shown) {
  test(`${block.file}:${block.line} has headings and rows of a page`, () => {
    for (const line of block.text.split('\n')) {
      const heading = /^([A-Z][A-Z ,'-]{5,}):/.exec(line)?.[1];
      if (heading !== undefined) assert.ok(headings.has(heading), `no page has ${heading}`);
      const label = labelOf(line);
      if (label === undefined || /[│├┤└╯╰╭╮▲▼►]/.test(line)) continue;
      assert.ok(known.has(anyNumber(label)), `no page has a row '${label}'`);
    }
  });
}
