import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mergeFiles } from '../../bench/commands/merge.ts';
import { UsageError } from '../../bench/errors.ts';
import type { LeakRecord } from '../../reports/index.ts';
import { syntheticStorm } from '../reports/fixtures/synthetic-storm.ts';
import { essence, fleet, put, recordOf } from './small-fleet.ts';

const SHARDS = 3;
const whole = recordOf(await fleet());
const shards = await Promise.all(
  [1, 2, 3].map(async (index) =>
    // As many workers as its number.
    recordOf(await fleet({ shard: { index, of: SHARDS }, workers: index })),
  ),
);
const files = shards.map((record, at) => put(`shard-${at + 1}.json`, record));

function refusalOf(names: readonly string[]): string {
  try {
    mergeFiles(names);
  } catch (error) {
    assert.ok(error instanceof Error && error.name === 'UsageError', String(error));
    assert.match(error.message, /^[^\n]+; [^\n]+$/, 'one line with what to do');
    return error.message;
  }
  assert.fail('was accepted');
}

test('shards in any order and from any workers are the whole', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(files, { minLength: SHARDS }), (order) => {
      const merged = recordOf(mergeFiles(order));
      assert.equal(essence(merged), essence(whole));
      assert.equal(merged.results.shard, null);
      assert.equal(merged.parameters.shard, null);
    }),
    { numRuns: 10 },
  );
});

test('shards of a sweep are the whole, cell by cell', async () => {
  const vary = [{ key: 'cgroupsPerDay', values: [20, 60] }];
  const swept = recordOf(await fleet({ vary, hosts: 2 }));
  const parts = await Promise.all(
    [1, 2, 3].map(async (index) =>
      put(
        `swept-${index}.json`,
        recordOf(await fleet({ vary, hosts: 2, shard: { index, of: 3 } })),
      ),
    ),
  );
  assert.equal(essence(recordOf(mergeFiles(parts))), essence(swept));
});

test('how long ids last is worked out again, where dying cgroups hold them', async () => {
  for (const held of ['offline', 'release']) {
    const settings = { passesPerHour: 0, idsHeldUntil: held };
    const set = Object.entries(settings).map(([key, value]) => ({ option: '--set', key, value }));
    const [all, ...parts] = await Promise.all(
      [null, { index: 1, of: 2 }, { index: 2, of: 2 }].map(async (shard) =>
        recordOf(await fleet({ set, hosts: 2, shard })),
      ),
    );
    const merged = recordOf(mergeFiles(parts.map((part, at) => put(`ids-${at}.json`, part))));
    assert.ok(all !== undefined && (all.results.series[0]?.growthPerDay ?? 0) > 1);
    assert.equal(all.results.series[0]?.idsLastDays === null, held === 'offline');
    assert.equal(essence(merged), essence(all));
  }
});

test('the seed of the shards is that of the whole, warnings are told once', async () => {
  const seed = 77;
  const parts = await Promise.all(
    [1, 2].map(async (index) => {
      const record = recordOf(await fleet({ seed, hosts: 2, shard: { index, of: 2 } }));
      record.environment.warnings.push('the same', `only ${index}`);
      return put(`seed-${index}.json`, record);
    }),
  );
  const merged = mergeFiles(parts);
  assert.equal(merged.seed, seed);
  for (const warning of ['the same', 'only 1', 'only 2']) {
    assert.equal(merged.warnings.filter((one) => one === warning).length, 1, warning);
  }
});

test('broken machines of any shard are told', () => {
  const [, second, third] = files;
  const broken = structuredClone(shards[0]) as LeakRecord;
  broken.results.runs[0]?.violations.push('S1: something');
  const merged = mergeFiles([put('broken.json', broken), second ?? '', third ?? '']);
  assert.deepEqual(
    merged.checks.map(({ ok }) => ok),
    [false],
  );
  assert.match(merged.checks[0]?.detail ?? '', /^1 of 10; host 0 under pin: S1: something$/);
});

/** The second shard with something changed. */
function changed(name: string, change: (record: LeakRecord) => void): string[] {
  const record = structuredClone(shards[1]) as LeakRecord;
  change(record);
  return [files[0] ?? '', put(name, record), files[2] ?? ''];
}

const FOREIGN: readonly [what: string, change: (record: LeakRecord) => void, says: RegExp][] = [
  [
    'seed',
    (record) => {
      record.seed = 2;
    },
    /: seed is 2 in the former and 1 in the latter/,
  ],
  [
    'version',
    (record) => {
      record.version = '9.9.9';
    },
    /: version is "9\.9\.9" in the former and "[\d.]+" in the latter/,
  ],
  [
    'number of hosts',
    (record) => {
      record.parameters.hosts = 9;
    },
    /: hosts is 9 in the former and 5 in the latter/,
  ],
  [
    'strategies',
    (record) => {
      record.parameters.strategies = ['pin'];
    },
    /: strategies is \["pin"\] in the former and \["pin","splice-caches"\] in the latter/,
  ],
  [
    'settings',
    (record) => {
      record.parameters.set = ['cpus=8'];
    },
    /: set is \["cpus=8"\] in the former and \[\] in the latter/,
  ],
  [
    'value of the scenario',
    (record) => {
      const [first] = record.results.scenario.parameters;
      if (first !== undefined) first.value = 99;
    },
    /: days is 99 in the former and 1 in the latter/,
  ],
  [
    'values more than the others have',
    (record) => {
      record.results.scenario.parameters.push({ key: 'actions.0.do', value: 'boot', from: null });
    },
    /: actions\.0\.do is "boot" in the former and not given in the latter/,
  ],
  [
    'values less than the others have',
    (record) => {
      record.results.scenario.parameters.pop();
    },
    /not given in the former and/,
  ],
  [
    'order of kinds',
    (record) => {
      record.results.scenario.parameters.reverse();
    },
    /is at another place/,
  ],
  [
    'published numbers',
    (record) => {
      const none = { original: null, patched: null, patchedAs: null, memDiffMb: null };
      record.results.published = { source: 's', what: 'w', days: [], ...none };
    },
    /: published numbers is .* in the former and null in the latter/,
  ],
  [
    'number of samples',
    (record) => {
      record.results.days.pop();
    },
    /: days of samples is \[0,0\.25,0\.5,0\.75\] in the former and/,
  ],
  [
    'number of shards',
    (record) => {
      record.results.shard = { index: 2, of: 4 };
    },
    /: it is one of 4 shards, not of 3;/,
  ],
];

for (const [what, change, says] of FOREIGN) {
  test(`a shard of another ${what} is refused`, () => {
    const message = refusalOf(changed('foreign.json', change));
    assert.match(
      message,
      /^merge: .*foreign\.json does not belong to .*shard-1\.json: .*; give shards of one run$/,
    );
    assert.match(message, says);
  });
}

test('the same shard twice is refused, under one name or two', () => {
  const twin = put('twin.json', shards[1]);
  assert.match(
    refusalOf([...files, twin]),
    /^merge: .*shard-2\.json and .*twin\.json are both shard 2\/3; give each once$/,
  );
  const [first = ''] = files;
  assert.match(refusalOf([first, first]), /shard-1\.json and .*shard-1\.json are both shard 1\/3/);
});

test('what is missing is named', () => {
  const [first = '', second = '', third = ''] = files;
  assert.equal(
    refusalOf([first, third]),
    'merge: shard 2/3 missing; run leak with --shard 2/3 and the same options',
  );
  assert.equal(
    refusalOf([second]),
    'merge: shards 1/3, 3/3 missing; run leak with --shard 1/3 and the same options',
  );
  const many = structuredClone(shards[0]) as LeakRecord;
  many.results.shard = { index: 7, of: 40 };
  assert.match(
    refusalOf([put('many.json', many)]),
    /^merge: shards 1\/40, 2\/40, .*, 6\/40, 8\/40, .*, 11\/40 and 29 more missing; /,
  );
});

test('a shard that is not finished is refused with what to do', async () => {
  const shard = { index: 2, of: SHARDS };
  const part = put('part.json', recordOf(await fleet({ shard, workers: 1 }, 1)));
  const [first = '', , third = ''] = files;
  assert.match(
    refusalOf([first, part, third]),
    /^merge: .*part\.json is not complete: 0 of 2 hosts of shard 2\/3; finish it with leak --shard 2\/3 --continue .*part\.json$/,
  );
});

test('what is no shard is refused', () => {
  assert.match(
    refusalOf([...files, put('all.json', whole)]),
    /^merge: .*all\.json is not a shard but the whole; leave it out$/,
  );
  assert.match(
    refusalOf([...files, put('storm.json', syntheticStorm())]),
    /^merge: .*storm\.json is a record of storm; give one of leak$/,
  );
  assert.throws(() => mergeFiles(['nowhere.json']), /nowhere\.json: cannot be read \(ENOENT\)/);
  assert.throws(() => mergeFiles([put('empty.json', '')]), /empty\.json: is empty/);
});

const DAMAGED: typeof FOREIGN = [
  [
    'a run that is missing',
    (record) => {
      record.results.runs.pop();
    },
    /merge: .*damaged.json lacks host \d under \S+; run leak again/,
  ],
  [
    'a run that is there twice',
    (record) => {
      const [first] = record.results.runs;
      if (first !== undefined) record.results.runs.push(first);
    },
    /has host \d under \S+, which is not of it or there twice/,
  ],
  [
    'a host of another shard',
    (record) => {
      const [first] = record.results.runs;
      if (first !== undefined) first.host = 4242;
    },
    /has host 4242 under \S+, which is not of it/,
  ],
  [
    'a course that is too short',
    (record) => {
      record.results.runs[0]?.dying.pop();
    },
    /has not every sample of host/,
  ],
  [
    'a number beyond the shards',
    (record) => {
      record.results.shard = { index: 7, of: 3 };
    },
    /says that it is shard 7\/3; run leak again/,
  ],
];

for (const [what, change, says] of DAMAGED) {
  test(`a record of a shard with ${what} is refused`, () => {
    assert.throws(
      () => mergeFiles(changed('damaged.json', change)),
      (error) => error instanceof UsageError && says.test(error.message),
    );
  });
}

test('in whatever order shards are given, the record is the same', () => {
  const moved = changed('moved.json', (record) => {
    record.parameters.scenario = 'elsewhere/mine.json';
  });
  const [first = '', second = '', third = ''] = moved;
  const [one, other] = [mergeFiles(moved), mergeFiles([second, third, first])];
  assert.equal(JSON.stringify(one), JSON.stringify(other));
});
