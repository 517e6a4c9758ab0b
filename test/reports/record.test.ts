import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseRecord,
  RecordError,
  type ResultRecord,
  recordJsonSchema,
  validateRecord,
} from '../../reports/index.ts';
import { claimsRecord } from './fixtures/claims-record.ts';
import { leakRecord } from './fixtures/leak-record.ts';
import { smallRecords } from './fixtures/small-records.ts';
import { syntheticCompare } from './fixtures/synthetic-compare.ts';
import { syntheticExplore } from './fixtures/synthetic-explore.ts';
import { matchesFile } from './golden-file.ts';

const compare = syntheticCompare({ sizes: [1000], strategies: ['pin', 'splice-caches'] });
const explore = syntheticExplore({ violations: 2, mutants: 7, escaped: 1, findings: 4 });
const records: ResultRecord[] = [
  compare,
  { ...compare, command: 'run' },
  ...smallRecords(),
  explore,
  claimsRecord(),
  leakRecord({ sweep: [{ key: 'files.count', values: [500, 1000] }] }),
];

/** Replaces the value at a path of a copy; undefined removes it. */
function changed(record: ResultRecord, path: (string | number)[], value: unknown): string {
  const copy: unknown = structuredClone(record);
  const last = path.at(-1) ?? '';
  let place = copy as Record<string | number, unknown>;
  for (const part of path.slice(0, -1)) place = place[part] as Record<string | number, unknown>;
  place[last] = value;
  return JSON.stringify(copy);
}

function errorOf(text: string): RecordError {
  try {
    parseRecord(text, 'results/a.json');
  } catch (error) {
    assert.ok(error instanceof RecordError, String(error));
    assert.doesNotMatch(error.message, /\n/);
    assert.match(error.message, /^results\/a\.json: .+; .+/);
    return error;
  }
  assert.fail('was accepted');
}

for (const record of records) {
  test(`a ${record.command} record survives writing and reading`, () => {
    assert.deepEqual(parseRecord(JSON.stringify(record), 'a.json'), record);
  });
}

test('further fields inside results, environment and checks pass and are kept', () => {
  for (const path of [
    ['results', 'moreOfIt'],
    ['results', 'offline', 0, 'chargedPages'],
    ['results', 'offline', 0, 'steps', 'bulkMoves'],
    ['environment', 'microcode'],
    ['checks', 0, 'seconds'],
  ]) {
    const text = changed(compare, path, 7);
    assert.deepEqual(JSON.parse(JSON.stringify(parseRecord(text, 'a.json'))), JSON.parse(text));
  }
});

test('what is wrong is named by its path', () => {
  const cases: [path: (string | number)[], value: unknown, where: string, what: RegExp][] = [
    [['complet'], true, '', /Unrecognized key: "complet"/],
    [
      ['results', 'offline', 2, 'pages'],
      '1000',
      'results.offline[2].pages',
      /expected number, received string/,
    ],
    [['results', 'offline', 0, 'pages'], -1, 'results.offline[0].pages', />=0/],
    [['results', 'offline', 0, 'ns', 'p50'], null, 'results.offline[0].ns.p50', /number.*null/],
    [['results', 'offline', 0, 'ns', 'ci95'], [1], 'results.offline[0].ns.ci95', /expected array/],
    [['results', 'ratios', 0, 'verdict'], 'faster', 'results.ratios[0].verdict', /"better"/],
    [['results', 'growth'], undefined, 'results.growth', /array.*undefined/],
    [['environment', 'warnings'], 'none', 'environment.warnings', /array.*string/],
    [['seed'], 1.5, 'seed', /int/],
  ];
  for (const [path, value, where, what] of cases) {
    const error = errorOf(changed(compare, path, value));
    assert.equal(error.path, where);
    assert.match(error.message, what);
    assert.match(error.message, /restore the file|run the command again/);
  }
});

test('what is wrong with an exploration is named by its path', () => {
  const cases: [path: (string | number)[], value: unknown, where: string][] = [
    [['scenarios', 0, 'search'], 'all', 'results.scenarios[0].search'],
    [
      ['scenarios', 0, 'violations', 0, 'schedule'],
      '',
      'results.scenarios[0].violations[0].schedule',
    ],
    [['mutants', 6, 'violation'], undefined, 'results.mutants[6].violation'],
    [['findings', 0, 'verdict'], 'maybe', 'results.findings[0].verdict'],
    [['failures'], 'none', 'results.failures'],
  ];
  for (const [path, value, where] of cases) {
    assert.equal(errorOf(changed(explore, ['results', ...path], value)).path, where);
  }
});

test('several faults are counted', () => {
  const broken = structuredClone(compare) as unknown as Record<string, unknown>;
  broken.complete = 'yes';
  broken.version = 1;
  assert.match(errorOf(JSON.stringify(broken)).message, /and 1 more/);
});

test('numbers beyond the range of a double are refused', () => {
  const text = JSON.stringify(compare).replace(/"p50":[0-9.]+/, '"p50":1e999');
  assert.equal(errorOf(text).path, 'results.offline[0].ns.p50');
});

test('files that are no records say what they are', () => {
  assert.match(errorOf('').message, /is empty/);
  assert.match(errorOf('  \n').message, /is empty/);
  assert.match(errorOf('{"schema": ').message, /is not JSON/);
  assert.match(errorOf('\u0000\u0001PNG').message, /is not JSON/);
  assert.match(errorOf('[]').message, /but a list/);
  assert.match(errorOf('null').message, /but null/);
  assert.match(errorOf('3').message, /but a number/);
  assert.match(errorOf('{}').message, /schema: expected "slabsplice\/1", found nothing/);
  assert.match(errorOf('{"schema":"other"}').message, /name a file written by slabsplice/);
  assert.match(errorOf('{"schema":"slabsplice/2"}').message, /version of slabsplice that wrote it/);
  assert.match(
    errorOf(changed(compare, ['command'], 'forecast')).message,
    /no view.*"forecast".*compare/,
  );
  assert.match(errorOf(changed(compare, ['command'], undefined)).message, /\(missing\)/);
});

test('a value is validated as a text is', () => {
  assert.deepEqual(validateRecord(compare), compare);
  assert.throws(() => validateRecord({ schema: 'x' }, 'here'), /^RecordError: here: schema:/);
});

test('reports/schema.json is what the code checks (UPDATE_GOLDEN=1 rewrites it)', () => {
  matchesFile('reports/schema.json', `${JSON.stringify(recordJsonSchema(), null, 2)}\n`);
});
