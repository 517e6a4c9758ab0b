import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { captureEnvironment } from '../../bench/environment.ts';
import { CapacityError, UsageError } from '../../bench/errors.ts';
import {
  buildRecord,
  pageColor,
  pageWidth,
  planOutput,
  recordName,
  writeRecord,
} from '../../bench/output.ts';
import { temporaryFolder } from './run-cli.ts';

const startedAt = new Date(Date.UTC(2026, 10, 22, 23, 45, 0, 123));
const command = 'compare';

test('a record is named after its command and the time in UTC', () => {
  assert.equal(recordName(command, startedAt), 'compare-20261122T234500.123Z.json');
});

test('a named destination replaces the default folder, and --out adds one', (t) => {
  const out = temporaryFolder(t);
  const file = join(out, 'record.json');
  const inOut = join(out, recordName(command, startedAt));
  const plan = (options: { json?: string | true; out?: string }) =>
    planOutput({ command, startedAt, ...options });
  assert.deepEqual(plan({ out }), { jsonOnly: false, files: [inOut], html: null });
  assert.deepEqual(plan({ json: file }), { jsonOnly: false, files: [file], html: null });
  assert.deepEqual(plan({ json: file, out }), {
    jsonOnly: false,
    files: [file, inOut],
    html: null,
  });
  assert.deepEqual(plan({ json: true }), { jsonOnly: true, files: [], html: null });
  assert.deepEqual(plan({ json: '-', out }), { jsonOnly: true, files: [inOut], html: null });
  assert.deepEqual(readdirSync(out), [], 'checking leaves nothing behind');
});

test('a place that cannot be written is refused while nothing exists yet', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'file'), 'mine');
  assert.throws(() => planOutput({ command, startedAt, out: join(folder, 'file') }), UsageError);
  assert.throws(() => planOutput({ command, startedAt, out: join(folder, 'file/x') }), UsageError);
  planOutput({ command, startedAt, out: join(folder, 'a/b/c') });
  assert.deepEqual(readdirSync(folder), ['file']);
});

test('a record replaces an older one whole, through a link too', (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'record.json');
  const link = join(folder, 'link.json');
  writeFileSync(file, '{"schema": "slabsplice/1", "old": true}');
  symlinkSync(file, link);
  const plan = planOutput({ command, startedAt, json: link, out: join(folder, 'new') });
  assert.deepEqual(writeRecord(plan, 'text\n'), plan.files);
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.equal(readFileSync(file, 'utf8'), 'text\n');
  assert.equal(readFileSync(join(folder, 'new', recordName(command, startedAt)), 'utf8'), 'text\n');
  assert.deepEqual(readdirSync(folder).sort(), ['link.json', 'new', 'record.json']);
});

test('a device is written to, not replaced', () => {
  writeRecord(planOutput({ command, startedAt, json: '/dev/null' }), 'text');
  assert.ok(lstatSync('/dev/null').isCharacterDevice());
});

test('a write that fails later says so and leaves no half file', (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'record.json');
  mkdirSync(join(file, 'in-the-way'), { recursive: true });
  assert.throws(
    () => writeRecord({ jsonOnly: false, files: [file], html: null }, 'text'),
    (error) => error instanceof CapacityError && error.message.includes('could not be written'),
  );
  assert.deepEqual(readdirSync(folder), ['record.json']);
});

test('the envelope holds what the contract names, warnings of both sides together', () => {
  const environment = { ...captureEnvironment(), warnings: ['of the machine'] };
  const record = buildRecord(
    { command, startedAt, seed: 7, environment },
    {
      results: { a: 1 },
      parameters: { rounds: 5 },
      checks: [],
      complete: false,
      warnings: ['of the run'],
      atomics: 'solo',
    },
  );
  assert.deepEqual(Object.keys(record), [
    'schema',
    'command',
    'complete',
    'version',
    'startedAt',
    'seed',
    'environment',
    'parameters',
    'checks',
    'results',
  ]);
  assert.equal(record.schema, 'slabsplice/1');
  assert.equal(record.complete, false);
  assert.equal(record.startedAt, '2026-11-22T23:45:00.123Z');
  assert.deepEqual(record.environment, {
    ...environment,
    atomics: 'solo',
    warnings: ['of the machine', 'of the run'],
  });
});

test('the page is as wide as the terminal, within reason', () => {
  const terminal = (columns: number) => ({ isTTY: true, columns });
  assert.equal(pageWidth({}, {}), 80);
  assert.equal(pageWidth(terminal(100), {}), 100);
  assert.equal(pageWidth(terminal(40), {}), 80);
  assert.equal(pageWidth(terminal(300), {}), 140);
  assert.equal(pageWidth(terminal(100), { COLUMNS: '120' }), 120);
  assert.equal(pageWidth({}, { COLUMNS: '120' }), 120);
  assert.equal(pageWidth({}, { COLUMNS: 'wide' }), 80);
});

test('colour is for terminals, unless somebody said no', () => {
  const terminal = { isTTY: true };
  assert.equal(pageColor(true, terminal, {}), true);
  assert.equal(pageColor(false, terminal, {}), false);
  assert.equal(pageColor(true, {}, {}), false);
  assert.equal(pageColor(true, terminal, { NO_COLOR: '1' }), false);
  assert.equal(pageColor(true, terminal, { NO_COLOR: '' }), true);
  assert.equal(pageColor(true, terminal, { TERM: 'dumb' }), false);
});
