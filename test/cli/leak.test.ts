import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { scenarioNames, scenarioText } from '../../bench/leak/library.ts';
import { type LeakRecord, validateRecord } from '../../reports/index.ts';
import { kind, quiet } from '../leak/small-scenario.ts';
import { refuse, runCli, startCli, temporaryFolder } from './run-cli.ts';

/** A hundred cgroups at random times of a day: a host takes some 20 ms. */
const SMALL = quiet({
  ...{ cgroupsPerDay: 100, samplesPerDay: 4, about: 'a test' },
  kinds: [kind({ processes: 1, loggedPages: 5, filesUsed: 3 })],
});
const COMMAND = ['leak', '--scenario', './small.json', '--strategies', 'pin,splice-caches'];

/** A folder with the scenario in it. */
function folderWithScenario(t: Parameters<typeof temporaryFolder>[0]): string {
  const cwd = temporaryFolder(t);
  writeFileSync(join(cwd, 'small.json'), JSON.stringify(SMALL, null, 1));
  return cwd;
}

function recordOf(text: string): LeakRecord {
  const record = validateRecord(JSON.parse(text));
  assert.ok(record.command === 'leak');
  return record;
}

function recordIn(...path: string[]): LeakRecord {
  return recordOf(readFileSync(join(...path), 'utf8'));
}

function essence({ seed, parameters, results, checks, complete }: LeakRecord): string {
  return JSON.stringify({ seed, parameters, results, checks, complete });
}

test('leak --list-scenarios prints every scenario with what it is about', async (t) => {
  const { code, stdout, stderr } = await runCli(['leak', '--list-scenarios'], temporaryFolder(t));
  assert.deepEqual([code, stderr], [0, '']);
  const names = stdout.split('\n').filter((line) => /^\S/.test(line));
  assert.deepEqual(names, scenarioNames());
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  const shown = stdout.replace(/\s+/g, ' ');
  for (const name of names) {
    const { about } = JSON.parse(scenarioText(name)) as { about: string };
    assert.ok(shown.includes(about.replace(/\s+/g, ' ')), name);
  }
});

test('leak --print-scenario prints a file that can be run', async (t) => {
  const cwd = temporaryFolder(t);
  const { code, stdout } = await runCli(['leak', '--print-scenario', 'web-frontend'], cwd);
  assert.equal(code, 0);
  assert.equal(stdout, scenarioText('web-frontend'));
  writeFileSync(join(cwd, 'mine.json'), stdout);
  const plan = await runCli(['leak', '--scenario', 'mine.json', '--dry-run'], cwd);
  assert.equal(plan.code, 0, plan.stderr);
  assert.deepEqual(readdirSync(cwd), ['mine.json']);
});

test('leak --dry-run says what would be run, and writes nothing', async (t) => {
  const cwd = folderWithScenario(t);
  const vary = ['--vary', 'cgroupsPerDay=50:100:25', '--shard', '1/2', '--workers', '3'];
  const { code, stdout, stderr } = await runCli([...COMMAND, ...vary, '--dry-run'], cwd);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(
    stdout,
    /^leak pin, splice-caches: 6 hosts of quiet for 1 days?, on 3 threads, shard 1\/2$/m,
  );
  assert.match(stdout, /^sweep over cgroupsPerDay \(3 values\)$/m);
  assert.match(stdout, /^memory: \d+\.\d\d GiB needed, \d+\.\d\d GiB available$/m);
  assert.deepEqual(readdirSync(cwd), ['small.json']);
});

test('leak --json - prints the record and nothing else, the same for any number of workers', async (t) => {
  const cwd = folderWithScenario(t);
  const args = [...COMMAND, '--hosts', '3', '--seed', '5', '--set', 'spread=0.2', '--json', '-'];
  const one = await runCli([...args, '--workers', '1', '--self-check'], cwd);
  assert.equal(one.code, 0, one.stderr);
  const record = recordOf(one.stdout);
  assert.deepEqual([record.complete, record.seed, record.environment.atomics], [true, 5, 'solo']);
  const { results, parameters, checks } = record;
  assert.deepEqual([results.hosts, results.runs.length], [3, 6]);
  assert.deepEqual(parameters.set, ['spread=0.2']);
  assert.deepEqual(
    results.scenario.parameters.find(({ key }) => key === 'spread'),
    { key: 'spread', value: 0.2, from: '--set spread on the command line' },
  );
  assert.deepEqual(
    checks.map(({ name, ok }) => [name, ok]),
    [
      ['every machine passes its audit at the end', true],
      ['self-check: pin twice', true],
      ['self-check: splice-caches twice', true],
    ],
  );
  const two = await runCli([...args, '--workers', '2', '--self-check'], cwd);
  assert.equal(essence(recordOf(two.stdout)), essence(record));
  assert.deepEqual(readdirSync(cwd), ['small.json']);
});

test('what was published belongs to the scenario that comes along, not to a file of its name', async (t) => {
  const cwd = temporaryFolder(t);
  writeFileSync(join(cwd, 'web-frontend'), scenarioText('web-frontend'));
  const recordFor = async (scenario: string) => {
    const few = ['--days', '1', '--hosts', '1', '--strategies', 'pin', '--json', '-'];
    const { code, stdout, stderr } = await runCli(['leak', '--scenario', scenario, ...few], cwd);
    assert.equal(code, 0, stderr);
    return recordOf(stdout).results;
  };
  const known = await recordFor('web-frontend');
  assert.equal(known.published?.days.length, 8);
  const found = known.series[0]?.dying[1] ?? Number.NaN;
  assert.equal(known.error?.original, Math.abs(found - 362) / 362);
  assert.deepEqual([known.error?.patched, known.error?.memDiff], [null, null]);
  const own = await recordFor('./web-frontend');
  assert.deepEqual([own.published, own.error], [null, null]);
  assert.deepEqual(own.runs, known.runs);
});

test('leak shows a page and says where its record is', async (t) => {
  const cwd = folderWithScenario(t);
  const { code, stdout, stderr } = await runCli([...COMMAND, '--quick'], cwd);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^leak pin, splice-caches: 2 hosts of quiet for 1 day/);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  const [, file = ''] = /^Record: (results\/leak-.*\.json)$/m.exec(stdout) ?? [];
  const { results } = recordIn(cwd, file);
  assert.equal(results.runs.length, 4);
  // What the record says is what is shown.
  assert.match(stdout, /splice-caches/);
  const shown = await runCli(['report', file], cwd);
  assert.equal(shown.code, 0, shown.stderr);
  assert.ok(stdout.startsWith(shown.stdout.trimEnd()));
});

test('shards on the command line are merged into the record of the whole', async (t) => {
  const cwd = folderWithScenario(t);
  const args = [...COMMAND, '--hosts', '3', '--seed', '8'];
  const make = (file: string, ...more: string[]) =>
    runCli([...args, '--json', file, ...more], cwd).then(({ code, stderr }) => {
      assert.equal(code, 0, stderr);
    });
  await make('whole.json');
  await make('b.json', '--shard', '2/2');
  const early = await runCli(['merge', 'b.json'], cwd);
  assert.equal(early.code, 2);
  assert.equal(early.stdout, '');
  assert.equal(
    early.stderr,
    'slabsplice: merge: shard 1/2 missing; run leak with --shard 1/2 and the same options\n',
  );
  await make('a.json', '--shard', '1/2');
  const merged = await runCli(['merge', 'b.json', 'a.json', '--json', 'merged.json'], cwd);
  assert.equal(merged.code, 0, merged.stderr);
  assert.equal(essence(recordIn(cwd, 'merged.json')), essence(recordIn(cwd, 'whole.json')));
  const page = await runCli(['report', 'merged.json'], cwd);
  assert.equal(page.code, 0, page.stderr);
  assert.ok(merged.stdout.startsWith(page.stdout.trimEnd()));
  // What every machine warned of is told once.
  const { warnings } = recordIn(cwd, 'merged.json').environment;
  assert.equal(new Set(warnings).size, warnings.length, warnings.join('\n'));
});

test('a broken machine in a shard makes exit 1', async (t) => {
  const cwd = folderWithScenario(t);
  const args = [...COMMAND, '--hosts', '1', '--shard', '1/1', '--json', '-'];
  const record = recordOf((await runCli(args, cwd)).stdout);
  record.results.runs[1]?.violations.push('S2: entry (3, id 7) names cache 9');
  writeFileSync(join(cwd, 'broken.json'), JSON.stringify(record));
  const { code, stderr } = await runCli(['merge', 'broken.json', '--json', '-'], cwd);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^check failed: every machine passes its audit at the end: 1 of 2; host 0 under splice-caches: S2: /m,
  );
});

/** Has a file loaded by every thread, with code for the threads that are workers alone. */
function inWorkers(cwd: string, code: string): Record<string, string> {
  const file = join(cwd, 'hook.mjs');
  writeFileSync(
    file,
    `import { writeSync } from 'node:fs';
     import { isMainThread } from 'node:worker_threads';
     if (!isMainThread) { ${code} }`,
  );
  return { NODE_OPTIONS: `--import=${pathToFileURL(file).href}` };
}

/** Every firing at random takes one logarithm: a host takes about a hundred of them. */
const AFTER_A_HOST = (act: string) => `
  const { log } = Math;
  let draws = 0;
  Math.log = (value) => {
    if (++draws === 250) { ${act} }
    return log(value);
  };`;

test('a host that fails ends the fleet with exit 3, and a record of the finished ones', async (t) => {
  const cwd = folderWithScenario(t);
  const env = inWorkers(cwd, AFTER_A_HOST("throw new RangeError('out of\\nlogarithms');"));
  const args = [...COMMAND, '--hosts', '9', '--workers', '1', '--seed', '3', '--json', 'a.json'];
  const { code, stderr } = await runCli(args, cwd, env);
  assert.equal(code, 3, stderr);
  assert.match(
    stderr,
    /^slabsplice: host \d under (pin|splice-caches): out of logarithms; repeat with --strategies (pin|splice-caches) --seed 3$/m,
  );
  const { complete, results } = recordIn(cwd, 'a.json');
  assert.equal(complete, false);
  assert.ok(results.runs.length > 0 && results.runs.length < 18, `${results.runs.length} runs`);
  // And it can be continued where nothing fails.
  const goOn = await runCli([...args.slice(0, -1), 'b.json', '--continue', 'a.json'], cwd);
  assert.equal(goOn.code, 0, goOn.stderr);
  const { results: whole } = recordIn(cwd, 'b.json');
  assert.deepEqual([whole.hosts, whole.runs.length], [9, 18]);
  for (const run of results.runs) {
    const there = whole.runs.find(
      ({ host, strategy }) => host === run.host && strategy === run.strategy,
    );
    assert.deepEqual(there, run);
  }
});

test('Ctrl-C keeps the finished hosts and marks the record', async (t) => {
  const cwd = folderWithScenario(t);
  // With one worker, the second host is begun when the result of the first one has arrived.
  const env = inWorkers(cwd, AFTER_A_HOST("writeSync(2, 'a host is done\\n');"));
  const args = [...COMMAND, '--hosts', '5000', '--workers', '1', '--json', 'a.json'];
  const child = startCli(args, cwd, env);
  let stderr = '';
  let asked = false;
  child.stdout.resume();
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (asked || !stderr.includes('a host is done')) return;
    asked = true;
    child.kill('SIGINT');
  });
  // A thread that went on would keep the process, and with it this test, alive.
  const [code, signal] = await once(child, 'close');
  assert.deepEqual([code, signal], [130, null], stderr);
  assert.match(
    stderr,
    /^interrupted: the record holds what was finished, marked as not complete$/m,
  );
  const { complete, results } = recordIn(cwd, 'a.json');
  assert.equal(complete, false);
  assert.ok(results.runs.length >= 1 && results.runs.length < 10_000);
  assert.equal(results.hostsWanted, 5000);
  assert.equal(results.hosts, Math.floor(results.runs.length / 2));
});

test('more threads than there is memory for are refused with what to do', async (t) => {
  const cwd = temporaryFolder(t);
  const args = ['leak', '--hosts', '20', '--workers', '80', '--set', 'days=1000', '--out', 'out'];
  const { code, stdout, stderr } = await runCli(args, cwd);
  assert.equal(code, 3, stderr);
  assert.equal(stdout, '');
  assert.match(
    stderr,
    /^slabsplice: leak needs [\d,]+ bytes of memory and .*; give fewer --workers, fewer days or fewer cgroups\n$/,
  );
  assert.deepEqual(readdirSync(cwd), []);
});

const REFUSED: readonly [line: string, says: RegExp][] = [
  [
    'leak --scenario nowhere',
    /--scenario: there is no scenario 'nowhere'; give a file, or one of /,
  ],
  ['leak --scenario ./nowhere.json', /\.\/nowhere\.json: no such file; check the path/],
  ['leak --scenario=', /--scenario: '' is not a name or a file/],
  ['leak --print-scenario nowhere', /--print-scenario: there is no scenario 'nowhere'; there are /],
  ['leak --print-scenario ../package', /--print-scenario: there is no scenario '\.\.\/package'/],
  ['leak --hosts 0', /--hosts: '0' is out of range; give a whole number from 1 to 100,000/],
  ['leak --days 0', /--days: '0' is out of range; give a whole number from 1 to 3,650/],
  ['leak --shard 3', /--shard: '3' is not a shard; give I\/N, such as 2\/8/],
  ['leak --shard 4/3', /--shard: '4' is out of range; give a whole number from 1 to 3/],
  ['leak --shard 1/0', /--shard: '0' is out of range/],
  ['leak --hosts 2 --shard 3/3', /--shard: 3\/3 has nothing to do; there are only 2 hosts/],
  ['leak --set cpus=0', /--set cpus: host\.cpus is 0; it must be a whole number from 1 to 8192/],
  ['leak --vary days=1,2', /--vary: days cannot be varied/],
  [
    'leak --vary cpus=1,2 --vary nodes=1,2 --vary spread=0,0.1',
    /--vary: 3 parameters; a map has two sides, give one or two/,
  ],
  ['leak --continue=', /--continue: '' is not a file name/],
  ['leak extra', /leak: unexpected argument 'extra'/],
  ['merge', /merge: no FILE given/],
  ['merge nowhere.json', /nowhere\.json: cannot be read \(ENOENT\)/],
];

describe('refusals', () => {
  for (const [line, says] of REFUSED) {
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

  test('a record to go on with that is not there, or of another fleet, is refused', async (t) => {
    const cwd = folderWithScenario(t);
    const missing = await runCli([...COMMAND, '--continue', 'nowhere.json'], cwd);
    assert.equal(missing.code, 2, missing.stderr);
    assert.match(
      missing.stderr,
      /^slabsplice: nowhere\.json: cannot be read \(ENOENT\); name a rec/m,
    );
    const small = [...COMMAND, '--hosts', '1', '--json', 'a.json'];
    assert.equal((await runCli(small, cwd)).code, 0);
    const other = await runCli([...small, '--seed', '2', '--continue', 'a.json'], cwd);
    assert.equal(other.code, 2);
    assert.match(
      other.stderr,
      /^slabsplice: --continue: a\.json is of another fleet: seed is 1 there and 2 here; give the opt/m,
    );
    assert.equal(recordIn(cwd, 'a.json').seed, 1, 'the record is as it was');
    assert.deepEqual(readdirSync(cwd).sort(), ['a.json', 'small.json']);
  });

  test('a bad scenario is refused with file and line', async (t) => {
    const cwd = temporaryFolder(t);
    writeFileSync(join(cwd, 'bad.json'), JSON.stringify({ ...SMALL, cgroupsPerDay: -1 }, null, 1));
    const { code, stderr } = await runCli(['leak', '--scenario', 'bad.json'], cwd);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^slabsplice: bad\.json:\d+: cgroupsPerDay is -1; it must be a number from 0/,
    );
    assert.deepEqual(readdirSync(cwd), ['bad.json']);
  });
});
