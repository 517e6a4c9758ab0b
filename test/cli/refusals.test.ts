import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { refuse, runCli, temporaryFolder } from './run-cli.ts';

/** Arguments, separated by one space, and what the one line on standard error must say. */
const REFUSALS: [args: string, says: RegExp][] = [
  // Commands.
  ['forecast', /'forecast' is not a command .* run, compare, storm, leak, merge, replay, .*report/],
  ['selfie --hosts 3', /'selfie' is not a command/],
  ['selfies', /'selfies' is not a command/],
  ['selfie', /'selfie' is not a command/],
  ['constructor', /'constructor' is not a command/],
  ['help selfie', /'selfie' is not a command|unknown/],
  ['--quick compare', /give the command first: slabsplice compare/],
  // Options and arguments.
  ['--bogus', /run: unknown option '--bogus'; see slabsplice run --help/],
  ['-x', /run: unknown option '-x'/],
  ['compare --seedd 4', /unknown option '--seedd' \(Did you mean --seed\?\)/],
  ['compare --sed 4', /unknown option '--sed'/],
  ['doctor --pages 1e3', /doctor: unknown option '--pages'/],
  ['report x.json --out y', /report: unknown option '--out'/],
  ['run extra', /run: unexpected argument 'extra'/],
  ['compare a b', /compare: unexpected argument 'a'/],
  ['geometry a b', /geometry: unexpected argument 'b'/],
  ['doctor a', /doctor: unexpected argument 'a'/],
  ['report', /report: no FILE given/],
  ['diff', /diff: no FILE given/],
  ['diff a.json', /diff: 1 record given; give two: slabsplice diff BEFORE.json AFTER.json/],
  ['diff a.json b.json c.json', /diff: 3 records given; give two/],
  ['diff a.json b.json --threshold', /--threshold <SHARE>' has no value/],
  ['diff a.json b.json --threshold much', /--threshold: 'much' is not a threshold; .*5%.*1\.05/],
  ['diff a.json b.json --threshold 0.5', /--threshold: '0.5' is not a threshold/],
  ['diff a.json b.json --threshold=-5%', /--threshold: '-5%' is not a threshold/],
  ['diff a.json b.json --only=', /--only: '' is not a part of a key/],
  [
    'diff a.json b.json --format html',
    /--format: 'html' is not known; choose from terminal, markdown/,
  ],
  // Missing values.
  ['compare --pages', /compare: option '--pages <LIST>' has no value/],
  ['compare --seed', /option '--seed <N>' has no value/],
  ['compare --out', /option '--out <DIR>' has no value/],
  ['compare --strategies', /option '--strategies <a,b>' has no value/],
  ['compare --out --quick', /--out: '--quick' is not a folder name/],
  ['compare --seed --quick', /--seed: '--quick' is not a whole number/],
  // Numbers.
  ['compare --seed two', /--seed: 'two' is not a whole number; .*0 to 4,294,967,295/],
  ['compare --seed=', /--seed: '' is not a whole number/],
  ['compare --seed NaN', /--seed: 'NaN' is not/],
  ['compare --seed Infinity', /--seed: 'Infinity' is not/],
  ['compare --seed -1', /--seed: '-1' is not a whole number/],
  ['compare --seed 1.5', /--seed: '1.5' is not/],
  ['compare --seed 0x10', /--seed: '0x10' is not/],
  ['compare --seed 1__0', /--seed: '1__0' is not/],
  ['compare --seed 10k', /--seed: '10k' is not/],
  ['compare --seed 1e99', /--seed: '1e99' is out of range/],
  ['compare --seed 4294967296', /--seed: '4294967296' is out of range/],
  ['compare --rounds 0', /--rounds: '0' is out of range; give a whole number from 2 to 1,000/],
  ['compare --rounds 1', /--rounds: '1' is out of range/],
  ['compare --caches 0', /--caches: '0' is out of range; .*from 1/],
  ['compare --memmap -5', /--memmap: '-5' is not/],
  ['compare --live 10', /--live: '10' is out of range/],
  ['capacity --objects 1e10', /--objects: '1e10' is out of range/],
  ['capacity --objects-per-slab 513', /--objects-per-slab: '513' is out of range; .*1 to 512/],
  ['geometry --cpus 0', /--cpus: '0' is out of range; .*1 to 4,096/],
  ['geometry --cpus 4097', /--cpus: '4097' is out of range/],
  ['geometry --kernel 4.9', /--kernel: '4.9' is not known; choose from 5.3, 6.x/],
  ['geometry --page-size 5000', /--page-size: '5000' is not a power of two/],
  ['doctor --seed x', /--seed: 'x' is not/],
  ['storm --cpus 0', /--cpus: '0' is out of range; .*1 to 64/],
  ['storm --cpus -1', /--cpus: '-1' is not a whole number/],
  ['storm --cpus 1e9', /--cpus: '1e9' is out of range; .*1 to 64/],
  ['storm --cpus 65', /--cpus: '65' is out of range; .*1 to 64/],
  ['storm --cpus two', /--cpus: 'two' is not a whole number/],
  ['storm --mix rain', /--mix: 'rain' is not known; choose from services, pods/],
  ['storm --seconds 0', /--seconds: '0' is not a number of seconds from 0.1 to 1,000,000/],
  ['storm --seconds soon', /--seconds: 'soon' is not a number of seconds/],
  ['storm --rate 1', /--rate: '1' is out of range/],
  ['storm --caches 257', /--caches: '257' is out of range; .*1 to 256/],
  ['storm --strategies pin,pin', /--strategies: .* twice/],
  ['compare --cpus 2', /--cpus: compare drives one CPU in this release/],
  ['run --cpus 2 --no-storm', /--cpus: run --no-storm drives one CPU in this release/],
  ['capacity --cpus 2', /--cpus: capacity drives one CPU/],
  // Explorations.
  [
    'explore --scenario nowhere',
    /--scenario: nothing is called 'nowhere'; there are alloc .*--dry-run/,
  ],
  ['explore --scenario=', /--scenario: empty; give a name, part of one, or all/],
  ['explore --mutant M99', /--mutant: nothing is called 'M99'; there are M01, .*--dry-run lists/],
  ['explore --mutant M06', /--mutant: M06 cannot be put back: the model has no sysfs/],
  ['explore --finding D99', /--finding: nothing is called 'D99'; there are D1, .*--dry-run lists/],
  [
    'explore --mutant M04 --scenario look-up',
    /--scenario: 'look-up' means \d+ scenarios; .*give one/,
  ],
  ['explore --schedule 12', /--schedule: '12' is not a schedule; give it as .*12:1,52:0/],
  ['explore --schedule 12:1,', /--schedule: '12:1,' is not a schedule; give it as/],
  ['explore --schedule 0:1', /--schedule: '0:1' is not a schedule; give it as/],
  ['explore --schedule 52:0,12:1', /--schedule: '52:0,12:1' is not a schedule; give it as/],
  ['explore --schedule -', /--schedule: belongs to one machine; give --scenario/],
  [
    'explore --scenario look-up --strategies pin --schedule 1:1',
    /--schedule: belongs to one machine; give .*with one name/,
  ],
  [
    'explore --scenario requests --strategies objcg',
    /--strategies: 'requests beyond the queue' is about caches that memcgs have of their own, which none of objcg has; give --strategies pin/,
  ],
  [
    'explore --scenario two --strategies pin,splice-caches',
    /'alloc \+ two removals' is about caches that all memcgs share, .* give --strategies objcg/,
  ],
  ['explore --bound 2 --search random', /--bound: a random search has none; leave one .* out/],
  ['explore --bound 99', /--bound: '99' is out of range; give a whole number from 0 to 8/],
  ['explore --search dfs', /--search: 'dfs' is not known; choose from bounded, random, pct/],
  ['explore --seconds 0', /--seconds: '0' is not a number of seconds from 0\.1 to/],
  ['explore --schedules 0', /--schedules: '0' is out of range; give a whole number from 1 to/],
  ['explore --strategies foo', /--strategies: there is no strategy 'foo'; choose from pin/],
  // Lists.
  ['compare --pages 1e3,,1e4', /--pages: '' is not a whole number/],
  ['compare --pages 0', /--pages: '0' is out of range/],
  ['compare --pages 1e3,1000', /--pages: '1e3,1000' names 1000 twice/],
  ['compare --pages 1e3..1e5,1e4', /--pages: .* names 10000 twice/],
  ['compare --pages 1e6..1e3', /--pages: '1e6..1e3' runs backwards/],
  ['compare --pages 1e3..', /--pages: '1e3..' is not a whole number/],
  ['compare --pages 1e99', /--pages: '1e99' is out of range/],
  ['compare --strategies foo', /there is no strategy 'foo'; choose from pin, scan-pages/],
  ['compare --strategies pin,pin', /--strategies: 'pin,pin' names pin twice/],
  ['compare --strategies pin,', /there is no strategy ''/],
  ['compare --strategies Pin', /there is no strategy 'Pin'/],
  // Words.
  [
    'compare --order random',
    /--order: 'random' is not known; choose from in-order, shuffled, both/,
  ],
  ['compare --temperature hot', /--temperature: 'hot' is not known; choose from warm, cold, both/],
  ['compare --atomics fast', /--atomics: 'fast' is not known; choose from solo, real/],
  ['compare --population foo', /--population: 'foo' is not a population; give builtin/],
  ['compare --population slabinfo:', /--population: 'slabinfo:' is not a population/],
  [
    'report x.json --format pdf',
    /--format: 'pdf' is not known; choose from terminal, markdown, html/,
  ],
  // Where the record goes.
  ['compare --out=', /--out: '' is not a folder name/],
  ['compare --json=', /--json: '' is not a file name/],
  // Since 22 Node says which part of the path is no folder.
  [
    'doctor --out /dev/null/x',
    /--out: (cannot write in '\/dev\/null\/x' \(ENOTDIR\)|'\/dev\/null' is not a folder)/,
  ],
  ['doctor --out /proc/nowhere', /--out: cannot write in '\/proc\/nowhere'/],
  ['doctor --json missing/record.json', /--json: the folder of 'missing\/record.json' does not ex/],
  ['doctor --json .', /--json: '.' is a folder/],
  ['doctor --json --dry-run', /--json: a --dry-run makes no record/],
  // Files.
  ['report nowhere.json', /nowhere\.json: cannot be read \(ENOENT\); name a record file/],
  ['geometry nowhere.json', /nowhere\.json/],
  ['geometry .', /\./],
  ['compare --population slabinfo:nowhere', /nowhere/],
  ['report .', /\.: cannot be read \(EISDIR\)/],
];

describe('refusals', () => {
  for (const [line, says] of REFUSALS) {
    test(`refused: slabsplice ${line}`, async (t) => {
      const cwd = temporaryFolder(t);
      const { code, stdout, stderr } = await refuse(line.split(' '), cwd);
      assert.equal(code, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, /^slabsplice: [^\n]+\n$/, 'one line on standard error');
      assert.match(stderr, says);
      assert.deepEqual(readdirSync(cwd), [], 'nothing was written');
    });
  }
});

/** Tells on standard error of each module of this project and its packages that is loaded. */
const TELLS = `
  import { writeSync } from 'node:fs';
  export async function load(url, context, next) {
    if (url.startsWith('file:')) writeSync(2, 'loads ' + url + '\\n');
    return next(url, context);
  }`;
const HOOK = `
  import { register } from 'node:module';
  register('data:text/javascript,' + ${JSON.stringify(encodeURIComponent(TELLS))});`;

test('a refusal is quick: it loads neither the schemas of records nor their pages', async (t) => {
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(HOOK)}`;
  const cwd = temporaryFolder(t);
  const { code, stderr } = await runCli(['compare', '--nope'], cwd, { NODE_OPTIONS });
  assert.equal(code, 2);
  const loaded = stderr.split('\n').filter((line) => line.startsWith('loads '));
  assert.ok(loaded.some((line) => line.endsWith('/commands/registry.js')));
  const slow = loaded.filter((line) => /node_modules\/(zod|piscina)\/|reports\/pages\//.test(line));
  assert.deepEqual(slow, []);
});

test('a value with line breaks and control characters is refused in one line', async (t) => {
  const cwd = temporaryFolder(t);
  const { code, stderr } = await runCli(['compare', '--seed', 'a\nb\u001b[31m'], cwd);
  assert.equal(code, 2);
  assert.equal(stderr.includes('\u001b'), false);
  assert.match(stderr, /^slabsplice: --seed: 'a\\nb\\u001b\[31m' is not [^\n]+\n$/);
});

test('--json does not overwrite a file that is no record', async (t) => {
  const cwd = temporaryFolder(t);
  writeFileSync(join(cwd, 'geometry.json'), '{"caches": []}');
  const { code, stderr } = await runCli(['geometry', '--json', 'geometry.json'], cwd);
  assert.equal(code, 2);
  assert.match(stderr, /--json: 'geometry.json' exists and is no slabsplice record/);
  assert.deepEqual(readdirSync(cwd), ['geometry.json']);
});

const DAMAGED: [what: string, text: string, says: RegExp][] = [
  ['an empty file', '', /bad\.json: is empty/],
  ['a truncated file', '{"schema": "slabsplice/1",', /bad\.json: is not JSON/],
  ['another document', '{"schema": "other"}', /bad\.json: schema: expected "slabsplice\/1"/],
  ['a list', '[1]', /bad\.json: is not a slabsplice\/1 record but a list/],
  ['a newer record', '{"schema":"slabsplice/9"}', /bad\.json: schema: .* or a newer one/],
];

for (const [what, text, says] of DAMAGED) {
  test(`report refuses ${what} with its name and the place`, async (t) => {
    const cwd = temporaryFolder(t);
    writeFileSync(join(cwd, 'bad.json'), text);
    const { code, stdout, stderr } = await refuse(['report', 'bad.json'], cwd);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^[^\n]+\n$/);
    assert.match(stderr, says);
  });
}
