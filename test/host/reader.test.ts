import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { HostReader } from '../../bench/host/reader.ts';
import { walk } from '../../bench/host/walk.ts';
import { hostResults } from '../../reports/results-host.ts';
import { fixture, look } from './support.ts';

const root = mkdtempSync(join(tmpdir(), 'host-reader-'));
after(() => rmSync(root, { recursive: true }));

test('whatever a file is, the reader goes on and says what it could not read', () => {
  mkdirSync(join(root, 'folder'));
  symlinkSync('loop', join(root, 'loop'));
  execFileSync('mkfifo', [join(root, 'pipe')]);
  writeFileSync(join(root, 'large'), 'x'.repeat(200_000));
  const reader = new HostReader(root);
  for (const name of ['folder', 'loop', 'pipe', 'missing', 'large/below']) {
    assert.equal(reader.text(`/${name}`, name), null, name);
  }
  assert.equal(reader.bytes('/large', 1000, 'large'), null);
  assert.equal(reader.bytes('/large', 200_000)?.length, 200_000);
  assert.equal(reader.head('/large', 3)?.toString(), 'xxx');
  const { files, missing, failed, denied } = reader.cost();
  assert.deepEqual(
    { files, missing, failed, denied },
    { files: 8, missing: 2, failed: 4, denied: 0 },
  );
  const reasons = Object.fromEntries(reader.unknown().map(({ what, why }) => [what, why]));
  assert.equal(reasons.missing, '/missing is not there');
  assert.match(reasons.pipe ?? '', /\/pipe cannot be read \(is not a file\)/);
  assert.match(reasons.large ?? '', /more than 1000 bytes/);
});

test('permission denied is counted and named', (t) => {
  writeFileSync(join(root, 'secret'), 'x');
  chmodSync(join(root, 'secret'), 0);
  const asRoot = process.geteuid?.() === 0;
  if (asRoot && process.seteuid === undefined) return t.skip('cannot stop being root here');
  chmodSync(root, 0o755);
  const reader = new HostReader(root);
  if (asRoot) process.seteuid?.(65_534);
  try {
    assert.equal(reader.text('/secret', 'a secret'), null);
  } finally {
    if (asRoot) process.seteuid?.(0);
  }
  assert.equal(reader.cost().denied, 1);
  assert.equal(reader.unknown()[0]?.why, '/secret: permission denied');
});

test('the walk: every folder, parents first, names of any bytes, no links', async () => {
  const top = Buffer.from(`${root}/tree`);
  for (const name of ['', '/a', '/a/b', '/c']) mkdirSync(`${top}${name}`);
  mkdirSync(Buffer.concat([top, Buffer.from([0x2f, 0xff, 0x1b])]));
  symlinkSync('a', `${top}/link`);
  const { cgroups, incomplete } = await walk(new HostReader(root), '/tree');
  assert.equal(incomplete, null);
  assert.deepEqual(cgroups.map(({ path }) => path).sort(), ['', '/a', '/a/b', '/c', '/\xff\x1b']);
  for (const [at, { parent, children }] of cgroups.entries()) {
    assert.ok(parent < at);
    for (const child of children) assert.equal(cgroups[child]?.parent, at);
  }
});

test('a walk that is cut short says so', async () => {
  const reader = new HostReader(root);
  const { incomplete } = await walk(reader, '/tree', { most: 2 });
  assert.match(incomplete ?? '', /MAX_CGROUPS \(2\)/);
  const signal = AbortSignal.abort();
  assert.match((await walk(reader, '/tree', { signal })).incomplete ?? '', /interrupted/);
});

test('a folder that is gone when it is listed is not live', async () => {
  const reader = new HostReader(root);
  assert.deepEqual(await walk(reader, '/gone'), { cgroups: [], incomplete: null });
});

test('a host whose files are broken, gone, empty or folders: a valid record, whatever they are', async () => {
  const copy = join(root, 'copy');
  cpSync(fixture('v2-6.12'), copy, { recursive: true });
  const files = readdirSync(copy, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const damage = fc.record({
    file: fc.constantFrom(...files),
    kind: fc.constantFrom('gone', 'empty', 'folder', 'changed'),
    at: fc.nat(200),
    letter: fc.constantFrom('9', '-', ' ', '\n', '\0', '\u001b', 'x'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
      const before = new Map(damages.map(({ file }) => [file, readFileSync(file)]));
      for (const { file, kind, at, letter } of damages) {
        const letters = [...(before.get(file)?.toString('latin1') ?? '')];
        letters[at % (letters.length + 1)] = letter;
        rmSync(file, { recursive: true, force: true });
        if (kind === 'folder') mkdirSync(file);
        if (kind === 'empty') writeFileSync(file, '');
        if (kind === 'changed') writeFileSync(file, letters.join(''), 'latin1');
      }
      try {
        const results = hostResults.parse(await look(copy));
        assert.doesNotMatch(JSON.stringify(results), /NaN|\\u00[01]/);
        // What is not known is said: an unknown count has a reason.
        const [main] = results.hierarchies;
        if (main?.dying == null) assert.ok(results.unknown.some(({ what }) => /cgroup/.test(what)));
      } finally {
        for (const [file, bytes] of before) {
          rmSync(file, { recursive: true, force: true });
          writeFileSync(file, bytes);
        }
      }
    }),
    { seed: 6, numRuns: 300 },
  );
});
