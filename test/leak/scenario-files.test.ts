import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { z } from 'zod';
import { InputError } from '../../bench/errors.ts';
import { loadScenario, scenarioText } from '../../bench/leak/library.ts';
import {
  ACTION,
  FILES,
  HOST,
  KIND,
  type Parameter,
  PRESSURE,
  rangeText,
  TOP,
} from '../../bench/leak/parameters.ts';
import { readScenario } from '../../bench/leak/scenario.ts';
import { scenarioJsonSchema } from '../../bench/leak/schema.ts';
import { kind, quiet, readWritten, type Written } from './small-scenario.ts';

/** Where a parameter stands in a file, and how messages call it. */
interface Place {
  readonly key: string;
  readonly path: readonly (string | number)[];
  readonly parameter: Parameter;
}

function places(prefix: string, path: readonly (string | number)[], spec: object): Place[] {
  return Object.entries(spec).map(([key, parameter]) => ({
    ...{ key: prefix + key, path: [...path, key], parameter: parameter as Parameter },
  }));
}

const PLACES: readonly Place[] = [
  ...places('', [], TOP),
  ...places('host.', ['host'], HOST),
  ...places('files.', ['files'], FILES),
  ...places('pressure.', ['pressure'], PRESSURE),
  ...places('kinds.job.', ['kinds', 0], KIND),
  ...places('actions.0.', ['actions', 0], ACTION),
];

/** A scenario that stands every value of any one parameter: nothing is made, so everything fits. */
function roomy(): Written {
  return quiet({ pressure: {}, actions: [{ do: 'boot', cgroups: 0 }] });
}

/** The scenario with a value at a place; undefined takes the key away. */
function withAt(written: Written, path: readonly (string | number)[], value: unknown): Written {
  const copy: Written = structuredClone(written);
  let at: Record<string | number, unknown> = copy;
  for (const part of path.slice(0, -1)) at = at[part] as Record<string | number, unknown>;
  const last = path.at(-1) as string | number;
  if (value === undefined) delete at[last];
  else at[last] = value;
  // A share of a half is of two kinds.
  if (path.at(-1) === 'share' && typeof value === 'number') {
    (copy.kinds as Written[]).push(kind({ name: 'rest', share: 1 - value }));
  }
  return copy;
}

function valueAt(scenario: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce((at, part) => (at as Record<string | number, unknown>)[part], scenario);
}

/** The line of a text on which a piece of it first stands. */
function lineOf(text: string, piece: string): number {
  const offset = text.indexOf(piece);
  assert.ok(offset >= 0, `${piece} is not in ${text}`);
  return text.slice(0, offset).split('\n').length;
}

function refusalOf(text: string, file = 'test.json'): string {
  try {
    readScenario(text, file);
  } catch (error) {
    assert.ok(error instanceof InputError, String(error));
    assert.equal(error.exitCode, 2);
    assert.match(error.message, /^[^\n]+; [^\n]+$/, 'one line with what to do');
    return error.message;
  }
  assert.fail(`was accepted: ${text}`);
}

/** Values of a parameter that are accepted. */
function inside(parameter: Parameter): fc.Arbitrary<number | string> {
  if (parameter.type === 'choice') return fc.constantFrom(...parameter.choices);
  if (parameter.type === 'name') return fc.stringMatching(parameter.pattern);
  const { min, max } = parameter;
  const ends = fc.constantFrom(min, max);
  return parameter.type === 'whole'
    ? fc.oneof(ends, fc.integer({ min, max }))
    : fc.oneof(ends, fc.double({ min, max, noNaN: true }));
}

/** Values of a parameter that are not, those just outside included. */
function outside(parameter: Parameter): fc.Arbitrary<unknown> {
  const never = [null, true, [], [1], '', {}];
  if (parameter.type === 'choice') return fc.constantFrom<unknown>(...never, 'other', 0, 5.3);
  if (parameter.type === 'name') {
    return fc.constantFrom<unknown>(...never, 0, 7, ' ', 'a b', 'red\u001b[31m', 'a\nb', 'ä');
  }
  const { min, max } = parameter;
  const numbers =
    parameter.type === 'whole'
      ? [min - 1, max + 1, min + 0.5]
      : [min - 1e-9, max * (1 + 1e-9), max + 1];
  return fc.constantFrom<unknown>(...never, ...numbers, -1, String(min), 1e300);
}

for (const { key, path, parameter } of PLACES) {
  test(`${key}: what is in its range is taken, bare or with where it comes from`, () => {
    fc.assert(
      fc.property(inside(parameter), fc.option(fc.string()), (value, from) => {
        // -0 is 0 once it was written.
        const exact = typeof value === 'number' ? value + 0 : value;
        const written = from === null ? exact : { value: exact, from };
        // The share of the other kind depends on a bare value.
        fc.pre(from === null || path.at(-1) !== 'share');
        const { scenario, parameters } = readWritten(withAt(roomy(), path, written));
        assert.equal(valueAt(scenario, path), exact);
        const renamed = key === 'kinds.job.name' ? `kinds.${exact}.name` : key;
        assert.deepEqual(
          parameters.filter((one) => one.key === renamed),
          [{ key: renamed, value: exact, from }],
        );
      }),
      { numRuns: 20 },
    );
  });

  test(`${key}: what is not is refused with file, line, key and range`, () => {
    fc.assert(
      fc.property(outside(parameter), fc.boolean(), (value, wrapped) => {
        fc.pre(!(typeof value === 'number' && wrapped && key.endsWith('.share')));
        const text = JSON.stringify(
          withAt(roomy(), path, wrapped ? { value, from: 'a test' } : value),
          null,
          1,
        );
        const message = refusalOf(text, 'dir/my host.json');
        const own = JSON.stringify(path.at(-1));
        // Sections are in the order of PLACES, so the last one of that name is found from its section on.
        const section = typeof path[0] === 'string' && path.length > 1 ? `"${path[0]}"` : '{';
        const start = text.indexOf(section);
        let line = lineOf(text.slice(start), own) + lineOf(text, section) - 1;
        if (JSON.stringify(value) === '{}' && !wrapped) {
          assert.match(message, /has no "value"; add one$/);
        } else {
          if (wrapped) line++;
          const named = key === 'kinds.job.name' ? /: kinds\..*name is / : `: ${key} is `;
          if (named instanceof RegExp) assert.match(message, named);
          else assert.ok(message.includes(named), `${message} does not say ${named}`);
          assert.ok(message.endsWith(`; it must be ${rangeText(parameter)}`), message);
        }
        assert.ok(message.startsWith(`dir/my host.json:${line}: `), `${line}: ${message}`);
      }),
      { numRuns: 30 },
    );
  });

  test(`${key}: left out it is ${parameter.standard === undefined ? 'asked for' : 'filled in'}`, () => {
    const written = withAt(roomy(), path, undefined);
    const text = JSON.stringify(written, null, 1);
    if (parameter.standard === undefined) {
      const named = key === 'kinds.job.name' ? 'kinds.0.name' : key;
      assert.ok(refusalOf(text).endsWith(`: ${named} is missing; give ${rangeText(parameter)}`));
      return;
    }
    const { scenario, parameters } = readScenario(text, 'test.json');
    assert.equal(valueAt(scenario, path), parameter.standard);
    assert.deepEqual(
      parameters.find((one) => one.key === key),
      { key, value: parameter.standard, from: 'default' },
    );
  });
}

test('ranges are said with both ends', () => {
  assert.equal(rangeText(HOST.cpus), 'a whole number from 1 to 8192');
  assert.equal(rangeText(TOP.days), 'a number from 0.01 to 3650');
  assert.equal(rangeText(HOST.kernel), '"5.3" or "6.x"');
});

test('a scenario without a name is called as its file', () => {
  const { name, ...rest } = quiet();
  assert.equal(readWritten({ ...rest, name: '' }, 'a/b.json').scenario.name, 'a/b.json');
  assert.equal(readWritten(rest, 'a/b.json').scenario.name, 'a/b.json');
  assert.equal(readWritten(quiet(), 'a/b.json').scenario.name, name);
});

const LIST = (what: string) => `{\n"cgroupsPerDay": 1,\n${what}\n}`;
const MINIMAL = `"host": {"cpus": 1, "memcgBytes": 1, "memcgPercpuBytes": 1}, "files": {"count": 1}`;
const JOB = '"lifetimeSeconds": 1, "processes": 1, "filesUsed": 1, "filesRead": 1';

const BAD: readonly [what: string, text: string, says: RegExp][] = [
  ['nothing', '', /^f:1: is not JSON \(ValueExpected\)/],
  ['blanks', ' \n \n', /^f:\d: is not JSON/],
  ['other text', 'days = 7', /^f:1: is not JSON/],
  ['a list', '[1, 2]', /^f:1: the scenario is not an object; write it in braces/],
  ['a number', '\n\n3', /^f:3: the scenario is not an object/],
  ['null', 'null', /^f:1: the scenario is not an object/],
  ['cut short', '{\n"days": 7,\n"host": {', /^f:3: is not JSON/],
  ['a comma too many', '{\n"days": 7,\n}', /^f:3: is not JSON \(PropertyNameExpected\)/],
  ['no comma', '{\n"days": 7\n"cgroupsPerDay": 1\n}', /^f:3: is not JSON \(CommaExpected\)/],
  ['single quotes', "{\n'days': 7}", /^f:2: is not JSON/],
  ['a comment', '{\n// a week\n"days": 7\n}', /^f:2: is not JSON \(InvalidCommentToken\)/],
  ['a block comment', '{ /* a week */ }', /^f:1: is not JSON \(InvalidCommentToken\)/],
  ['a second document', `${LIST(MINIMAL)}\n{}`, /^f:5: is not JSON \(EndOfFileExpected\)/],
  ['NaN', LIST(`${MINIMAL}, "days": NaN`), /^f:3: is not JSON/],
  ['1e999', LIST(`${MINIMAL}, "days": 1e999`), /^f:3: days is 1e999; it must be a number from/],
  ['a key twice', LIST('"cgroupsPerDay": 2'), /^f:3: cgroupsPerDay is given twice; give it once/],
  [
    'a key of a section twice',
    LIST('"host": {\n"cpus": 1,\n"cpus": 1}'),
    /^f:5: host\.cpus is given twice/,
  ],
  ['an unknown key', LIST('"hots": {}'), /^f:3: hots is not known; known are days, .*, actions$/],
  [
    'a key in other letters',
    LIST('"CgroupsperDay": 2'),
    /^f:3: CgroupsperDay is not known; did you mean cgroupsPerDay\?$/,
  ],
  [
    'an unknown key of a section',
    LIST('"host": {\n"cpu": 1}'),
    /^f:4: host\.cpu is not known; known are cpus, nodes,/,
  ],
  [
    'a key in other letters of a kind',
    LIST(`${MINIMAL},\n"kinds": [{"name": "a",\n"fileSused": 1}]`),
    /^f:5: kinds\.a\.fileSused is not known; did you mean filesUsed\?$/,
  ],
  ['a prototype', LIST('"__proto__": {}'), /^f:3: __proto__ is not known/],
  ['a section that is none', LIST('"host": 3'), /^f:3: host is not an object; write it in braces/],
  ['a section as a list', LIST('"host": []'), /^f:3: host is not an object/],
  ['no host', '{"cgroupsPerDay": 1}', /^f:1: host\.cpus is missing; give a whole number from 1 to/],
  [
    'no files',
    LIST('"host": {"cpus": 1, "memcgBytes": 1, "memcgPercpuBytes": 1}'),
    /^f:1: files\.count is missing; give a whole number from 1 to/,
  ],
  ['a name that is none', LIST('"name": 3'), /^f:3: name is not a text; put it in quotes/],
  [
    'about as an object',
    LIST(`${MINIMAL}, "about": {}`),
    /^f:3: about is not a text; put it in quotes/,
  ],
  [
    'from that is no text',
    LIST('"days": {"value": 1,\n"from": 7}'),
    /^f:4: days\.from is not a text; say where the value comes from/,
  ],
  ['from alone', LIST('"days": {"from": "a guess"}'), /^f:3: days has no "value"; add one/],
  [
    'a third word beside value and from',
    LIST('"days": {"value": 1,\n"source": "x"}'),
    /^f:4: days\.source is not known; give a value, or "value" and "from"/,
  ],
  [
    'a value in a value',
    LIST('"days": {"value":\n{"value": 1}}'),
    /^f:4: days is {"value": 1}; it must be a number from 0\.01 to 3650/,
  ],
  [
    'a long wrong value',
    LIST(`"days": "${'x'.repeat(3000)}"`),
    /^f:3: days is "x{39}; it must be a number/,
  ],
  [
    'a wrong value over several lines',
    LIST('"days": [1,\n2,\n3]'),
    /^f:3: days is \[1, 2, 3\]; it must be a number/,
  ],
  [
    'kinds that are no list',
    LIST(`${MINIMAL}, "kinds": {}`),
    /^f:3: kinds is not a list; write it in square brackets/,
  ],
  [
    'a kind that is no object',
    LIST(`${MINIMAL}, "kinds": [\n"job"]`),
    /^f:4: kinds\[0\] is not an object/,
  ],
  ['no kinds', LIST(MINIMAL), /^f:1: kinds is empty; describe at least one kind of cgroup/],
  [
    'kinds that are empty',
    LIST(`${MINIMAL},\n"kinds": []`),
    /^f:4: kinds is empty; describe at least one kind of cgroup/,
  ],
  [
    'a kind twice',
    LIST(
      `${MINIMAL}, "kinds": [{"name": "a", "share": 0.5, ${JOB}},\n{"name": "a", "share": 0.5, ${JOB}}]`,
    ),
    /^f:4: kinds\.a is there twice; name each once/,
  ],
  [
    'shares of less than a whole',
    LIST(
      `${MINIMAL},\n"kinds": [{"name": "a", "share": 0.5, ${JOB}}, {"name": "b", "share": 0.4, ${JOB}}]`,
    ),
    /^f:4: the shares of all kinds add up to 0\.9; make it 1/,
  ],
  [
    'shares of more than a whole',
    LIST(
      `${MINIMAL},\n"kinds": [{"name": "a", "share": 1, ${JOB}}, {"name": "b", "share": 0.002, ${JOB}}]`,
    ),
    /^f:4: the shares of all kinds add up to 1\.002; make it 1/,
  ],
  [
    'an action that is not known',
    LIST(`${MINIMAL}, "actions": [{"do":\n"reboot"}]`),
    /^f:4: actions\.0\.do is "reboot"; it must be "boot" or "dropCaches" or "reclaim"/,
  ],
  [
    'zero CPUs',
    LIST('"host": {\n"cpus": 0}'),
    /^f:4: host\.cpus is 0; it must be a whole number from 1 to 8192/,
  ],
  [
    'a negative rate',
    '{\n"cgroupsPerDay": -1}',
    /^f:2: cgroupsPerDay is -1; it must be a number from 0 to 2000000/,
  ],
  ['lists in lists without end', '['.repeat(200_000), /^f:\d+: is not JSON/],
  ['objects in objects without end', '{"days":'.repeat(50_000), /^f:\d+: is not JSON/],
];

for (const [what, text, says] of BAD) {
  test(`refused: ${what}`, () => {
    assert.match(refusalOf(text, 'f'), says);
  });
}

test('shares may be as far from a whole as thirds in three digits are', () => {
  const thirds = ['a', 'b', 'c'].map((name) => kind({ name, share: 0.333 }));
  assert.equal(readWritten(quiet({ kinds: thirds })).scenario.kinds.length, 3);
});

test('Windows line ends are counted as lines are', () => {
  assert.match(refusalOf('{\r\n"days": 7,\r\n"days": 7}', 'f'), /^f:3: days is given twice/);
});

test('a value that needs more rows than fit is refused, and the most that is named does fit', () => {
  const day = fc.integer({ min: 20, max: 3650 });
  const services = fc.constantFrom(0, 40, 10_000);
  fc.assert(
    fc.property(
      day,
      services,
      fc.double({ min: 0, max: 0.9, noNaN: true }),
      (days, some, spread) => {
        const change = { days, spread, host: { services: some } };
        const kinds = [kind({ lifetimeSeconds: 86_400 * 20 })];
        const written = quiet({ ...change, kinds, cgroupsPerDay: 1_000_000 });
        const text = JSON.stringify(written, null, 1);
        const [, line, needed, limit, most] =
          /^big\.json:(\d+): cgroupsPerDay is 1000000, which needs (\d+) rows of memcgs at the same time; there are at most (\d+); with the other values it must be a number from 0 to (\d+)$/.exec(
            refusalOf(text, 'big.json'),
          ) ?? [];
        assert.equal(Number(line), lineOf(text, '"cgroupsPerDay"'));
        assert.ok(Number(needed) > Number(limit));
        const fits = { ...written, cgroupsPerDay: Number(most) };
        assert.equal(readWritten(fits).scenario.cgroupsPerDay, Number(most));
        assert.match(
          refusalOf(JSON.stringify({ ...written, cgroupsPerDay: Number(most) + 2 })),
          /which needs \d+ rows of memcgs/,
        );
      },
    ),
    { numRuns: 30 },
  );
});

test('objects that never go away must fit, too', () => {
  const kinds = [kind({ kernfsNodes: 1_000_000 })];
  const message = refusalOf(
    JSON.stringify(quiet({ days: 3650, cgroupsPerDay: 10_000, kinds })),
    'big.json',
  );
  assert.match(message, /^big\.json:1: cgroupsPerDay is 10000, which needs \d+ rows of slabRows /);
});

/** Somewhere in a scenario: the path of any of its values. */
function pathsOf(value: unknown, at: readonly (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [[...at]];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  const below = entries.flatMap(([key, child]) => pathsOf(child, [...at, key]));
  return at.length === 0 ? below : [[...at], ...below];
}

test('whatever stands where in a scenario: it is read, or refused in one line with its place', () => {
  const good = JSON.parse(scenarioText('pods')) as Written;
  const paths = pathsOf(good);
  const schema = z.fromJSONSchema(scenarioJsonSchema() as Parameters<typeof z.fromJSONSchema>[0]);
  const odd = fc.oneof(
    fc.constantFrom<unknown>(undefined, null, 0, -1, 0.5, 1, 1e9, '', 'x', [], {}, [{}]),
    fc.jsonValue(),
  );
  const reached = { read: 0, refused: 0, both: 0 };
  fc.assert(
    fc.property(fc.constantFrom(...paths), odd, (path, value) => {
      const changed = withAt(good, path, value);
      const text = JSON.stringify(changed);
      const valid = schema.safeParse(JSON.parse(text)).success;
      try {
        readScenario(text, 'f');
        reached.read++;
        assert.ok(valid, `read, though the schema refuses it: ${text}`);
      } catch (error) {
        assert.ok(error instanceof InputError, String(error));
        assert.match(error.message, /^f:1: [^\n]+; [^\n]+$/);
        reached.refused++;
        if (!valid) return;
        // What one parameter alone cannot tell the schema does not know either.
        assert.match(error.message, /shares of all kinds|is there twice|kinds is empty|rows of/);
        reached.both++;
      }
    }),
    { numRuns: 1500, seed: 5 },
  );
  assert.ok(
    reached.read > 20 && reached.refused > 200 && reached.both > 5,
    JSON.stringify(reached),
  );
});

describe('files that are no text, or not there', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'scenario-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  const cases: readonly [what: string, make: (file: string) => void, says: RegExp][] = [
    ['missing', () => {}, /x\.json: no such file; check the path/],
    ['a directory', (file) => mkdirSync(file), /x\.json: is a directory; name a file in it/],
    ['empty', (file) => writeFileSync(file, ''), /x\.json:1: is not JSON/],
    [
      'binary',
      (file) => writeFileSync(file, Uint8Array.of(0x7b, 0xff, 0x7d)),
      /x\.json: is binary \(not UTF-8 text\)/,
    ],
    ['control bytes', (file) => writeFileSync(file, '\0\u0001\0'), /x\.json:1: is not JSON/],
    [
      'compressed',
      (file) => writeFileSync(file, gzipSync('{}')),
      /x\.json: is compressed \(gzip\); unpack it first/,
    ],
  ];
  for (const [what, make, says] of cases) {
    test(what, async () => {
      const file = join(folder, 'x.json');
      rmSync(file, { recursive: true, force: true });
      make(file);
      await assert.rejects(loadScenario(file), { name: 'InputError', message: says });
    });
  }

  test('a byte order mark does no harm', async () => {
    const file = join(folder, 'x.json');
    rmSync(file, { recursive: true, force: true });
    writeFileSync(file, `\ufeff${JSON.stringify(quiet())}`);
    assert.equal((await loadScenario(file)).scenario.name, 'quiet');
  });

  test('a word that is no scenario is refused with those that there are', async () => {
    await assert.rejects(loadScenario('web-fronted'), {
      name: 'UsageError',
      message:
        /^--scenario: there is no scenario 'web-fronted'; give a file, or one of .*web-front/,
    });
  });
});

test('again and again is never, or not more often than every 36 s', () => {
  const every = (hours: number) => withAt(roomy(), ['actions', 0, 'everyHours'], hours);
  assert.equal(readScenario(JSON.stringify(every(0)), 'a.json').scenario.actions[0]?.everyHours, 0);
  assert.match(refusalOf(JSON.stringify(every(0.001))), /everyHours is 0\.001; it must be 0, or a/);
});

test('services must have ids, and names must not steer a terminal', () => {
  const few = withAt(withAt(roomy(), ['host', 'ids'], 8), ['host', 'services'], 7);
  assert.match(
    refusalOf(JSON.stringify(few)),
    /host\.services is 7, but there are 8 ids in all; .*0 to 6/,
  );
  const red = JSON.stringify({ ...roomy(), name: 'red\u001b[31m' });
  assert.match(refusalOf(red), /name has control characters/);
  const kinds = withAt(roomy(), ['kinds', 0, 'name'], 'red\u001b[31m');
  assert.equal(refusalOf(JSON.stringify(kinds)).includes('\u001b'), false);
});

test('a reclaim is of a cgroup that there is', () => {
  const of = (cgroup: string) =>
    JSON.stringify({ ...roomy(), actions: [{ do: 'reclaim', cgroup, pages: 1 }] });
  for (const cgroup of ['/', 'system.slice']) readScenario(of(cgroup), 'a.json');
  assert.match(
    refusalOf(of('/nope')),
    /an action reclaims of the cgroup \/nope, which there is not; give one of/,
  );
});
