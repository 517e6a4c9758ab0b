import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeCells, parseSet, parseVary } from '../../bench/leak/cells.ts';
import { findParameter, withValues } from '../../bench/leak/scenario.ts';
import { cellValues } from '../../reports/index.ts';
import { kind, quiet, readWritten } from './small-scenario.ts';

const base = readWritten(
  quiet({
    kinds: [
      kind({ name: 'log-timer', share: 0.75 }),
      kind({ name: 'pod', share: 0.25, cgroups: 3 }),
    ],
    actions: [{ do: 'boot', cgroups: 5 }],
  }),
);

/** What the message of a refusal is. */
function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof Error && error.name === 'UsageError', String(error));
    assert.match(error.message, /^--[^\n]+; [^\n]+$/, 'one line with what to do');
    return error.message;
  }
  assert.fail('was accepted');
}

const SWEEPS: readonly [text: string, key: string, values: readonly number[]][] = [
  ['cpus=8', 'cpus', [8]],
  ['cpus=8,32,96', 'cpus', [8, 32, 96]],
  ['cpus=96,8', 'cpus', [96, 8]],
  ['host.cpus= 8 , 32', 'host.cpus', [8, 32]],
  ['kinds.log-timer.share=0.5,1', 'kinds.log-timer.share', [0.5, 1]],
  ['rate=50:800:50', 'rate', Array.from({ length: 16 }, (_, at) => 50 + 50 * at)],
  ['rate=1:2:0.25', 'rate', [1, 1.25, 1.5, 1.75, 2]],
  // Steps of a tenth are not exact, their sums must look as if they were.
  ['rate=0:1:0.1', 'rate', [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]],
  ['rate=0.1:0.7:0.2', 'rate', [0.1, 0.3, 0.5, 0.7]],
  ['rate=0:10:4', 'rate', [0, 4, 8]],
  ['rate=5:5:1', 'rate', [5]],
  ['rate=-2:2:2', 'rate', [-2, 0, 2]],
  ['rate=1e3:3E3:1e+3', 'rate', [1000, 2000, 3000]],
  ['rate=1:400:1', 'rate', Array.from({ length: 400 }, (_, at) => at + 1)],
];

for (const [text, key, values] of SWEEPS) {
  test(`--vary ${text}`, () => {
    assert.deepEqual(parseVary('--vary', text), { key, values });
  });
}

const NO_SWEEPS: readonly [text: string, says: RegExp][] = [
  ['', /^--vary: '' is not a sweep; give KEY=FROM:TO:STEP or KEY=A,B,C$/],
  ['cpus', /^--vary: 'cpus' is not a sweep/],
  ['cpus=', /^--vary: 'cpus=' is not a sweep/],
  ['=8', /^--vary: '=8' is not a sweep/],
  ['8=cpus', /^--vary: '8=cpus' is not a sweep/],
  ['two words=8', /^--vary: 'two words=8' is not a sweep/],
  ['cpus=eight', /^--vary: 'eight' in 'cpus=eight' is not a number; give one$/],
  ['cpus=8,', /^--vary: '' in 'cpus=8,' is not a number/],
  ['cpus=8,,32', /^--vary: '' in 'cpus=8,,32' is not a number/],
  ['cpus=8;32', /^--vary: '8;32' in 'cpus=8;32' is not a number/],
  ['cpus=0x10', /^--vary: '0x10' in/],
  ['cpus=Infinity', /^--vary: 'Infinity' in/],
  ['cpus=NaN', /^--vary: 'NaN' in/],
  ['cpus=1e999', /^--vary: '1e999' in/],
  ['cpus=8,32,8', /^--vary: 'cpus=8,32,8' names a value twice; name each once$/],
  ['cpus=8,8.0', /^--vary: 'cpus=8,8\.0' names a value twice/],
  ['rate=1:2', /^--vary: 'rate=1:2' is not a range; give FROM:TO:STEP, FROM not above TO and STEP/],
  ['rate=1:2:0', /is not a range/],
  ['rate=1:2:-1', /is not a range/],
  ['rate=2:1:1', /is not a range/],
  ['rate=1:2:1:1', /is not a range/],
  ['rate=::', /^--vary: '' in 'rate=::' is not a number/],
  ['rate=1:401:1', /^--vary: 401 combinations; there are at most 400, give a larger step$/],
  ['rate=0:1e9:1e-9', /^--vary: \d+(\.\d+)?(e\+\d+)? combinations; there are at most 400/],
];

for (const [text, says] of NO_SWEEPS) {
  test(`refused: --vary '${text}'`, () => {
    assert.match(
      refusalOf(() => parseVary('--vary', text)),
      says,
    );
  });
}

test('a range goes up evenly from its first value and not above its last', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -1000, max: 1000 }),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 0, max: 399 }),
      fc.nat({ max: 49 }),
      (from, step, steps, over) => {
        const to = from + step * steps + Math.min(over, step - 1);
        // In hundredths, as few of them as are exact in binary.
        const text = [from, to, step].map((value) => (value / 100).toFixed(2)).join(':');
        const { values } = parseVary('--vary', `x=${text}`);
        assert.deepEqual(
          values,
          Array.from({ length: steps + 1 }, (_, at) =>
            Number(((from + step * at) / 100).toFixed(2)),
          ),
        );
      },
    ),
  );
});

const SETTINGS: readonly [text: string, key: string, value: number | string][] = [
  ['cpus=96', 'host.cpus', 96],
  ['host.cpus=96', 'host.cpus', 96],
  ['files.pages=2', 'files.pages', 2],
  ['cgroupsPerDay=1e3', 'cgroupsPerDay', 1000],
  ['spread=0.25', 'spread', 0.25],
  ['kernel=6.x', 'host.kernel', '6.x'],
  ['kernel=5.3', 'host.kernel', '5.3'],
  ['idsHeldUntil=release', 'host.idsHeldUntil', 'release'],
  ['kinds.pod.parent=kubepods', 'kinds.pod.parent', 'kubepods'],
  ['kinds.pod.parent=1000', 'kinds.pod.parent', '1000'],
  ['kinds.pod.parent=a.b/c', 'kinds.pod.parent', 'a.b/c'],
  ['kinds.pod.processes=7', 'kinds.pod.processes', 7],
  ['kinds.log-timer.processes=7', 'kinds.log-timer.processes', 7],
  ['actions.0.cgroups=9', 'actions.0.cgroups', 9],
  ['actions.0.do=reclaim', 'actions.0.do', 'reclaim'],
];

/** The value that a scenario has for a key, by looking for it as one would by eye. */
function valueIn({ scenario }: ReturnType<typeof readWritten>, key: string): unknown {
  const all = scenario as unknown as Record<string, Record<string, unknown>>;
  const [, list, name, last] = /^(kinds|actions)\.(.+)\.(\w+)$/.exec(key) ?? [];
  if (list === 'kinds') {
    const found = scenario.kinds.find((one) => one.name === name);
    return (found as Record<string, unknown> | undefined)?.[last ?? ''];
  }
  if (list === 'actions') return (scenario.actions[Number(name)] as never)[last as never];
  const [first, second] = key.split('.');
  return second === undefined ? all[key] : all[first ?? '']?.[second];
}

for (const [text, key, value] of SETTINGS) {
  test(`--set ${text}`, () => {
    const before = JSON.stringify(base);
    const change = parseSet('--set', text);
    const changed = withValues(base, [change]);
    assert.equal(valueIn(changed, key), value);
    // Everything else is as it was, and the record says what was changed by whom.
    const option = `--set ${text.slice(0, text.indexOf('='))}`;
    assert.deepEqual(
      changed.parameters,
      base.parameters.map((one) =>
        one.key === key ? { key, value, from: `${option} on the command line` } : one,
      ),
    );
    for (const { key: other, value: kept } of changed.parameters) {
      assert.deepEqual(valueIn(changed, other), kept, other);
    }
    assert.equal(JSON.stringify(base), before, 'the scenario that was read is not touched');
  });
}

const NO_SETTINGS: readonly [text: string, says: RegExp][] = [
  ['cpus', /^--set: 'cpus' sets nothing; give KEY=VALUE$/],
  ['cpus=', /^--set: 'cpus=' sets nothing/],
  ['=3', /^--set: '=3' sets nothing/],
  ['cpus=0', /^--set cpus: host\.cpus is 0; it must be a whole number from 1 to 8192$/],
  ['cpus=8193', /^--set cpus: host\.cpus is 8193; it must be/],
  ['cpus=2.5', /^--set cpus: host\.cpus is 2\.5; it must be a whole number/],
  ['cpus=many', /^--set cpus: host\.cpus is many; it must be/],
  ['cpus= ', /^--set cpus: host\.cpus is {2}; it must be/],
  ['cpus=NaN', /^--set cpus: host\.cpus is NaN; it must be/],
  ['cpus=Infinity', /^--set cpus: host\.cpus is Infinity; it must be/],
  ['kernel=4.4', /^--set kernel: host\.kernel is 4\.4; it must be "5\.3" or "6\.x"$/],
  ['kernel=5', /^--set kernel: host\.kernel is 5; it must be/],
  ['cpu=8', /^--set cpu: there is no parameter 'cpu' in quiet; known are days, samplesPerDay, /],
  ['name=x', /^--set name: there is no parameter 'name' in quiet; say which: kinds\.log-timer\.n/],
  [
    'processes=7',
    /^--set processes: there is no parameter 'processes' in quiet; say which: kinds\.log-timer\.processes, kinds\.pod\.processes$/,
  ],
  ['kinds.job.processes=7', /^--set kinds\.job\.processes: there is no parameter/],
  ['actions.1.cgroups=7', /^--set actions\.1\.cgroups: there is no parameter/],
  ['host.constructor=7', /^--set host\.constructor: there is no parameter/],
  [
    'kinds.pod.share=0.5',
    /^--set kinds\.pod\.share: the shares of all kinds add up to 1\.25; make/,
  ],
];

for (const [text, says] of NO_SETTINGS) {
  test(`refused: --set '${text}'`, () => {
    assert.match(
      refusalOf(() => withValues(base, [parseSet('--set', text)])),
      says,
    );
  });
}

test('two settings that only fit together are taken together', () => {
  const shares = ['kinds.pod.share=0.5', 'kinds.log-timer.share=0.5'];
  const changed = withValues(
    base,
    shares.map((text) => parseSet('--set', text)),
  );
  assert.deepEqual(
    changed.scenario.kinds.map(({ share }) => share),
    [0.5, 0.5],
  );
  assert.throws(() => withValues(base, [parseSet('--set', shares[0] ?? '')]), /add up to 1\.25/);
});

test('of two settings of one key the later one holds', () => {
  const changes = ['cpus=8', 'host.cpus=16'].map((text) => parseSet('--set', text));
  assert.equal(withValues(base, changes).scenario.host.cpus, 16);
});

test('a setting that does not fit is refused by its name', () => {
  const texts = ['kinds.pod.lifetimeSeconds=1e8', 'days=3650', 'cgroupsPerDay=2e6'];
  const message = refusalOf(() =>
    withValues(
      base,
      texts.map((text) => parseSet('--set', text)),
    ),
  );
  assert.match(
    message,
    /^--set cgroupsPerDay: cgroupsPerDay is 2000000, which needs \d+ rows of me/,
  );
});

test('the key of every parameter is found, by its whole name and by a last word that is clear', () => {
  for (const { key } of base.parameters) {
    assert.equal(findParameter(base.scenario, '--set', key).key, key);
  }
  for (const word of ['cpus', 'popularity', 'passesPerHour', 'atHours']) {
    assert.match(
      findParameter(base.scenario, '--set', word).key,
      new RegExp(`^[\\w.]+\\.${word}$`),
    );
  }
});

test('a sweep without parameters is one cell: the scenario itself', () => {
  const cells = makeCells(base, []);
  assert.deepEqual(cells.scenarios, [base.scenario]);
  assert.equal(cells.sweep, null);
});

test('cells run over the last parameter first, and differ in nothing else', () => {
  const cells = makeCells(base, [
    parseVary('--vary', 'cgroupsPerDay=10,20,30'),
    parseVary('--vary', 'cpus=4,2'),
  ]);
  assert.deepEqual(cells.sweep?.parameters, [
    { key: 'cgroupsPerDay', values: [10, 20, 30] },
    { key: 'host.cpus', values: [4, 2] },
  ]);
  assert.deepEqual(
    cells.scenarios.map(({ cgroupsPerDay, host }) => [cgroupsPerDay, host.cpus]),
    [
      [10, 4],
      [10, 2],
      [20, 4],
      [20, 2],
      [30, 4],
      [30, 2],
    ],
  );
  for (const scenario of cells.scenarios) {
    const { cgroupsPerDay } = base.scenario;
    const host = { ...scenario.host, cpus: base.scenario.host.cpus };
    assert.deepEqual({ ...scenario, cgroupsPerDay, host }, base.scenario);
  }
});

test('the number of a cell and its values belong together, as counting by hand has it', () => {
  const lists = fc.array(
    fc.uniqueArray(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 9 }),
    {
      minLength: 1,
      maxLength: 3,
    },
  );
  fc.assert(
    fc.property(lists, (values) => {
      const parameters = values.map((list, at) => ({ key: `p${at}`, values: list }));
      let naive: number[][] = [[]];
      for (const list of values) {
        naive = naive.flatMap((before) => list.map((value) => [...before, value]));
      }
      naive.forEach((wanted, cell) => {
        assert.deepEqual(cellValues(parameters, cell), wanted);
      });
    }),
  );
});

const NO_CELLS: readonly [vary: readonly string[], says: RegExp][] = [
  [['days=1,2'], /^--vary: days cannot be varied; run once for each value with --set$/],
  [['samplesPerDay=1,2'], /^--vary: samplesPerDay cannot be varied/],
  [['kernel=1,2'], /^--vary: host\.kernel cannot be varied/],
  [['kinds.pod.parent=1,2'], /^--vary: kinds\.pod\.parent cannot be varied/],
  [['cpu=1,2'], /^--vary: there is no parameter 'cpu' in quiet/],
  [['processes=1,2'], /^--vary: there is no parameter 'processes' in quiet; say which: /],
  [
    ['cpus=1,2', 'host.cpus=3,4'],
    /^--vary: host\.cpus is varied twice; give all its values at once/,
  ],
  [['cpus=0:8:4'], /^--vary: host\.cpus is 0; it must be a whole number from 1 to 8192$/],
  [['kinds.pod.share=0.25,0.5'], /^--vary: the shares of all kinds add up to 1\.25; make it 1$/],
  [
    ['cgroupsPerDay=1:21:1', 'cpus=1:20:1'],
    /^--vary: 420 combinations; there are at most 400, give a larger step$/,
  ],
];

for (const [vary, says] of NO_CELLS) {
  test(`refused: --vary ${vary.join(' --vary ')}`, () => {
    assert.match(
      refusalOf(() =>
        makeCells(
          base,
          vary.map((text) => parseVary('--vary', text)),
        ),
      ),
      says,
    );
  });
}

test('the most combinations are taken', () => {
  const cells = makeCells(base, [
    parseVary('--vary', 'cgroupsPerDay=1:20:1'),
    parseVary('--vary', 'cpus=1:20:1'),
  ]);
  assert.equal(cells.scenarios.length, 400);
});
