import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseThreshold } from '../../bench/diff-options.ts';
import { type DiffRecord, renderMarkdown, validateRecord } from '../../reports/index.ts';
import { claimsRecord } from '../reports/fixtures/claims-record.ts';
import { slowed } from '../reports/fixtures/diff-record.ts';
import { syntheticCompare } from '../reports/fixtures/synthetic-compare.ts';
import { refuse, runCli, temporaryFolder } from './run-cli.ts';

const small = syntheticCompare({ sizes: [1000], strategies: ['pin', 'splice-caches'] });

/** A folder with records, and what is no record. */
function folderOf(t: Parameters<typeof temporaryFolder>[0]): string {
  const cwd = temporaryFolder(t);
  const put = (name: string, text: string) => writeFileSync(join(cwd, name), text);
  put('a.json', JSON.stringify(small));
  put('same.json', JSON.stringify({ ...small, startedAt: '2026-11-23T12:00:00.000Z' }));
  put('slow.json', JSON.stringify(slowed(small, { 'splice-caches': 3 })));
  put('fast.json', JSON.stringify(slowed(small, { 'splice-caches': 0.3 })));
  put('cut.json', JSON.stringify({ ...small, complete: false }));
  put('claims.json', JSON.stringify(claimsRecord()));
  put('other.json', JSON.stringify(syntheticCompare({ sizes: [8], strategies: ['objcg'] })));
  put('empty.json', JSON.stringify(syntheticCompare({ sizes: [], strategies: [] })));
  put('newer.json', JSON.stringify({ ...small, schema: 'slabsplice/2' }));
  put('broken.json', '{"schema": ');
  put('nothing.json', '');
  mkdirSync(join(cwd, 'folder'));
  return cwd;
}

function recordOf(text: string): DiffRecord {
  const record = validateRecord(JSON.parse(text));
  assert.ok(record.command === 'diff');
  return record;
}

test('equal records: exit code 0, a record, and the page again from it', async (t) => {
  const cwd = folderOf(t);
  const { code, stdout, stderr } = await runCli(['diff', 'a.json', 'same.json'], cwd);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  assert.match(stdout, /^\+ No regression beyond 5 % that these records can show\.$/m);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  const [file = ''] = readdirSync(join(cwd, 'results'));
  assert.match(file, /^diff-.*\.json$/);
  const again = await runCli(['report', join('results', file)], cwd);
  assert.equal(again.code, 0);
  assert.ok(stdout.startsWith(again.stdout.trimEnd()));
});

test('a regression: exit code 1, said on standard error and in the record', async (t) => {
  const cwd = folderOf(t);
  const { code, stdout, stderr } = await runCli(['diff', 'a.json', 'slow.json', '--json'], cwd);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /check failed: no regression beyond 5 %: .*splice-caches.* 3x; .* and \d+ more/,
  );
  const { results, checks } = recordOf(stdout);
  assert.equal(checks[0]?.ok, false);
  assert.ok(results.comparisons.some((one) => one.regression && one.key.includes('splice-caches')));
  const wide = await runCli(['diff', 'a.json', 'slow.json', '--threshold', '400%'], cwd);
  assert.equal(wide.code, 0, wide.stderr);
  const better = await runCli(['diff', 'a.json', 'fast.json'], cwd);
  assert.equal(better.code, 0, better.stderr);
  const other = await runCli(['diff', 'a.json', 'slow.json', '--only', 'free/pin'], cwd);
  assert.equal(other.code, 0, other.stderr);
});

test('--format markdown prints Markdown alone, and the record is named beside it', async (t) => {
  const cwd = folderOf(t);
  const args = ['diff', 'a.json', 'slow.json', '--format', 'markdown', '--json', 'd.json'];
  const { code, stdout, stderr } = await runCli(args, cwd);
  assert.equal(code, 1);
  assert.match(stderr, /Record: d\.json/);
  assert.equal(stdout, renderMarkdown(recordOf(readFileSync(join(cwd, 'd.json'), 'utf8'))));
  assert.match(stdout, /^\| .* \| worse \|$/m);
  assert.equal(stdout.match(/<details>/g)?.length, stdout.match(/<\/details>/g)?.length);
});

test('the same file twice, and one that was cut short, are compared and said', async (t) => {
  const cwd = folderOf(t);
  const twice = await runCli(['diff', 'a.json', './a.json'], cwd);
  assert.equal(twice.code, 0);
  assert.match(twice.stdout, /^! A and B are the same record/m);
  const cut = await runCli(['diff', 'a.json', 'cut.json'], cwd);
  assert.equal(cut.code, 0);
  assert.match(cut.stdout, /^! B was cut short \(complete: false\)/m);
});

const REFUSED: [a: string, b: string, says: RegExp][] = [
  ['missing.json', 'a.json', /missing\.json: cannot be read \(ENOENT\); name a record file/],
  ['a.json', 'folder', /folder: cannot be read \(EISDIR\)/],
  ['broken.json', 'a.json', /broken\.json: is not JSON/],
  ['a.json', 'nothing.json', /nothing\.json: is empty/],
  ['a.json', 'newer.json', /newer\.json: schema: .*version of slabsplice that wrote it/],
  [
    'a.json',
    'claims.json',
    /a\.json is a record of compare and claims\.json one of claims; give two/,
  ],
  ['a.json', 'other.json', /nothing in common.*make both with the same options/],
  ['empty.json', 'empty.json', /neither has any results/],
];

for (const [a, b, says] of REFUSED) {
  test(`diff ${a} ${b} is refused in one line with what to do`, async (t) => {
    const cwd = folderOf(t);
    const { code, stdout, stderr } = await refuse(['diff', a, b], cwd);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    assert.match(stderr, says);
    assert.match(stderr, /^slabsplice: [^\n]+; [^\n]+\n$/);
    assert.ok(!readdirSync(cwd).includes('results'));
  });
}

test('records of a look at a host point to host --since', async (t) => {
  const cwd = temporaryFolder(t);
  const root = fileURLToPath(new URL('../../../test/fixtures/hosts', import.meta.url));
  const first = readdirSync(root).find((name) => !name.endsWith('.md')) ?? '';
  const look = await runCli(['host', '--root', join(root, first), '--json', 'h.json'], cwd);
  assert.ok(look.code === 0 || look.code === 1, look.stderr);
  const { code, stderr } = await runCli(['diff', 'h.json', 'h.json'], cwd);
  assert.equal(code, 2);
  assert.match(stderr, /slabsplice host --since h\.json/);
});

test('a threshold is a share or a ratio', () => {
  const read = (text: string): number => parseThreshold('--threshold', text);
  assert.deepEqual(['5%', '5 %', '1.05', '1.05x', '0%', '1', '150%'].map(read), [
    ...[0.05, 0.05, 0.05, 0.05, 0, 0, 1.5],
  ]);
});
