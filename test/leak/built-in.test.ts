import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { capacitiesOf, machineConfig } from '../../bench/leak/capacities.ts';
import {
  loadScenario,
  publishedFor,
  scenarioNames,
  scenarioText,
} from '../../bench/leak/library.ts';
import { scenarioJsonSchema } from '../../bench/leak/schema.ts';
import { machineBytes, STRATEGY_NAMES } from '../../core/index.ts';

const SCHEMA_FILE = fileURLToPath(
  new URL('../../../bench/scenarios/scenario.schema.json', import.meta.url),
);

test('bench/scenarios/scenario.schema.json is what the code checks (UPDATE_GOLDEN=1 rewrites it)', () => {
  const schema = scenarioJsonSchema();
  if (process.env.UPDATE_GOLDEN === '1') {
    writeFileSync(SCHEMA_FILE, `${JSON.stringify(schema, null, 2)}\n`);
  }
  const text = existsSync(SCHEMA_FILE) ? readFileSync(SCHEMA_FILE, 'utf8') : 'null';
  // By value: the formatter lays the file out.
  assert.deepEqual(
    JSON.parse(text),
    schema,
    'differs; if that is meant: UPDATE_GOLDEN=1 npm test -- leak, then npm run format',
  );
});

test('the scenario of the patch series comes along, and those that issue 5 names', () => {
  const names = scenarioNames();
  for (const name of [
    ...['web-frontend', 'timers', 'pods', 'kind-restart'],
    ...['containers-3.10', 'etcd-healthcheck'],
  ]) {
    assert.ok(names.includes(name), `${name} is not there`);
  }
});

/** A shape that is not an object of value and from is bare. */
function bareValues(value: unknown, path: readonly (string | number)[] = []): string[] {
  if (typeof value !== 'object' || value === null) return [path.join('.')];
  if ('value' in value) return [];
  return Object.entries(value).flatMap(([key, child]) => bareValues(child, [...path, key]));
}

for (const name of scenarioNames()) {
  test(`${name}: is valid, fits, and says where each of its values comes from`, async () => {
    const { scenario, parameters } = await loadScenario(name);
    assert.equal(scenario.name, name);
    assert.match(scenario.about, /^\p{L}|^\d/u);
    assert.ok(scenario.about.length > 80, 'about says what it is');
    const json = JSON.parse(scenarioText(name)) as Record<string, unknown>;
    assert.equal(json.$schema, './scenario.schema.json');
    const file = JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')) as Parameters<
      typeof z.fromJSONSchema
    >[0];
    const checked = z.fromJSONSchema(file).safeParse(json);
    assert.deepEqual(checked.success ? [] : checked.error.issues, []);
    // What a thing is called, and what an action is, comes from nowhere.
    const bare = bareValues(json).filter(
      (key) => !/^(\$schema|name|about|kinds\.\d+\.name|actions\.\d+\.do)$/.test(key),
    );
    assert.deepEqual(bare, []);
    for (const { key, from } of parameters) {
      if (/\.(name|do)$/.test(key)) continue;
      assert.ok((from?.trim().length ?? 0) > 2, `${key} does not say where it comes from`);
    }
    for (const strategy of STRATEGY_NAMES) {
      const bytes = machineBytes(machineConfig(capacitiesOf(scenario), strategy));
      // Addresses that a process of 64 bits may well ask for; what is touched is far less.
      assert.ok(bytes < 2 ** 36, `a machine of ${bytes} bytes under ${strategy}`);
    }
    // What may be more than the columns of a design can hold gets what they can.
    const months = capacitiesOf({ ...scenario, days: 90 });
    for (const strategy of STRATEGY_NAMES) machineBytes(machineConfig(months, strategy));
  });
}

test('what was published belongs to scenarios that come along, point for point', () => {
  for (const name of scenarioNames()) {
    const published = publishedFor(name);
    if (published === null) continue;
    const { days, original, patched, patchedAs, memDiffMb } = published;
    for (const values of [original, patched, memDiffMb]) {
      if (values !== null) assert.equal(values.length, days.length, name);
    }
    assert.equal(patched === null, patchedAs === null, name);
    if (patchedAs !== null) assert.ok(STRATEGY_NAMES.includes(patchedAs), name);
    assert.deepEqual(
      [...days].sort((a, b) => a - b),
      days,
    );
  }
  assert.equal(publishedFor('nowhere'), null);
});

test('table B is as the cover letter has it', () => {
  const published = publishedFor('web-frontend');
  assert.deepEqual(published?.days, [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(published?.original, [56, 362, 628, 752, 1070, 1250, 1490, 1560]);
  assert.deepEqual(published?.patched, [23, 46, 51, 55, 60, 57, 67, 69]);
  assert.deepEqual(published?.memDiffMb, [22, 74, 123, 152, 164, 182, 214, 241]);
});
