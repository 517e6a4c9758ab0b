/** docs/fidelity.md is what its facts make of it, and what can be worked out at once still comes out the same. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { checkGeometry } from '../../bench/commands/geometry.ts';
import { publishedFor, scenarioNames } from '../../bench/leak/library.ts';
import { relativeDifference, renderFidelity } from '../../reports/fidelity/document.ts';
import {
  type Comparison,
  type FidelityFacts,
  fidelityFacts,
  fidelityFactsSchema,
  type SelftestFact,
} from '../../reports/fidelity/facts.ts';
import { LEAK_MEASURES } from '../../reports/fidelity/leak-measures.ts';
import { EXACT } from '../../reports/fidelity/statements.ts';
import { claimsRecord } from '../reports/fixtures/claims-record.ts';
import { leakRecord } from '../reports/fixtures/leak-record.ts';
import { matchesFile } from '../reports/golden-file.ts';
import { experiments } from './experiments.ts';

function repository(path: string): URL {
  return new URL(`../../../${path}`, import.meta.url);
}

function stored(): FidelityFacts {
  return fidelityFactsSchema.parse(
    JSON.parse(readFileSync(repository('docs/fidelity.json'), 'utf8')),
  );
}

function comparison(published: Comparison['published'], model: number): Comparison {
  return {
    ...{ group: 'leak', source: 'a mail', what: 'a | number', unit: 'kB', published, model },
    ...{ agreement: 'tested', command: 'slabsplice leak' },
  };
}

function small(comparisons: Comparison[], selftest: SelftestFact[] | null = null): string {
  const geometry = { caches: 3, mergedNames: 2, sharedCaches: 1, ownCaches: 2 };
  return renderFidelity({ comparisons, claims: [], selftest, geometry });
}

test('docs/fidelity.md is what docs/fidelity.json makes of it (npm run fidelity writes both)', () => {
  const text = renderFidelity(stored());
  assert.ok(text.includes('## Published numbers'));
  matchesFile('docs/fidelity.md', text);
});

test('what takes no time is worked out again, and what must be equal is', async () => {
  const geometry = { results: await checkGeometry({ file: 'host-6.18' }) };
  const facts = fidelityFacts(
    { geometry, leak: [], claims: claimsRecord(), selftest: null },
    experiments(),
  );
  const { comparisons, geometry: counts } = stored();
  assert.deepEqual(
    facts.comparisons,
    comparisons.filter(({ command }) => !/^slabsplice (leak|claims)/.test(command)),
  );
  assert.deepEqual(facts.geometry, counts);
  const exact = facts.comparisons.filter(({ agreement }) => agreement === 'exact');
  assert.equal(exact.length, 14);
  assert.deepEqual(
    exact.filter((one) => relativeDifference(one) !== 0),
    [],
  );
});

test('whatever a scenario is held against is in the document', () => {
  const { comparisons } = stored();
  const has = (what: string): boolean => comparisons.some((one) => one.what.startsWith(what));
  const names = scenarioNames().filter((name) => publishedFor(name) !== null);
  assert.ok(names.length >= 9);
  for (const name of names) assert.ok(has(`${name}: dying`), name);
  for (const { scenario, what } of LEAK_MEASURES) assert.ok(has(`${scenario}: ${what}`), what);
});

test('each day of a published course is a row, with the model at that day', () => {
  const record = leakRecord({ strategies: ['pin', 'splice-caches'], published: true });
  const { comparisons } = fidelityFacts(
    {
      geometry: { results: emptyGeometry },
      leak: [record],
      claims: claimsRecord(),
      selftest: null,
    },
    [],
  );
  const rows = comparisons.filter(({ what }) => what.startsWith('web-frontend: dying under pin'));
  const dying = record.results.series[0]?.dying ?? [];
  assert.equal(dying.length, 8);
  assert.deepEqual(
    rows.map(({ what, published, model }) => [what, published, model]),
    [56, 362, 628, 752, 1070, 1250, 1490, 1560].map((value, day) => [
      ...[`web-frontend: dying under pin, day ${day}`, value],
      Number(dying[day]?.toPrecision(6)),
    ]),
  );
  assert.equal(
    rows[0]?.command,
    'slabsplice leak --scenario web-frontend --hosts 3 --strategies pin,splice-caches',
  );
});

const emptyGeometry = {
  ...{ kernelRules: '6.x' as const, cpus: 2, pageSize: 4096, source: 'none' },
  ...{ caches: [], mismatches: 0, notes: [] },
};

test('differences: relative, to the nearer end of a range, absolute where nothing was published', () => {
  const difference = (published: Comparison['published'], model: number): string | undefined =>
    /a \\\| number \| [^|]+ \| [^|]+ \| ([^|]+) \|/.exec(
      small([comparison(published, model)]),
    )?.[1];
  assert.equal(difference(200, 200), '0');
  assert.equal(difference(200, 150), '-25 %');
  assert.equal(difference(200, 201), '+0.5 %');
  assert.equal(difference(1, 0.9999), '-0.01 %');
  assert.equal(difference([100, 200], 150), 'within');
  assert.equal(difference([100, 200], 250), '+25 %');
  assert.equal(difference([100, 200], 80), '-20 %');
  assert.equal(difference(0, 0), '0');
  assert.equal(difference(0, 0.0123), '+0.0123');
  const text = small([comparison(200, 150), comparison(100, 109), comparison(7, 7)]);
  assert.match(text, /^3 numbers: 1 equal or .*, 2 within 10 %, 2 within 20 %\.\nFurther off:$/m);
  assert.match(text, /^- a \| number: 200 kB published, 150 in the model \(-25 %\)\.$/m);
});

test('selftests: a section once there are any, and what is not as expected by name', () => {
  assert.doesNotMatch(small([]), /selftests/);
  const one = { name: 'kmem_basic', strategy: 'pin', detail: 'usage 3' };
  const text = small(
    [],
    [
      { ...one, ok: true, expected: 'pass' },
      { ...one, name: 'kmem_dead_cgroups', ok: true, expected: 'fail', detail: 'none dying' },
      { ...one, name: 'percpu_basic', ok: false, expected: 'skip', outcome: 'skip' },
      { ...one, strategy: 'objcg', ok: false, expected: 'fail', outcome: 'error' },
    ],
  );
  assert.match(text, /^\| `pin` \| 3 \| 1 \| 1 \| 1 \| 2 \|$/m);
  assert.match(text, /^- kmem_dead_cgroups under `pin`: none dying\n- kmem_basic under `objcg`: /m);
});

test('every test that is said to show something is there', () => {
  const named = [
    ...EXACT.flatMap(({ shownBy }) => shownBy.match(/test\/[\w./-]+\.ts/g) ?? []),
    ...stored().comparisons.flatMap(({ command }) => (command.startsWith('test/') ? command : [])),
  ];
  assert.ok(named.length > 20);
  for (const path of named) assert.ok(existsSync(repository(path)), path);
});
