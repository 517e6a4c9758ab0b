/**
 * Every bug of the past at its known schedule: put back it breaks what it must, and the core as it is
 * breaks nothing under the same switches. UPDATE_GOLDEN=1 searches for the schedules anew.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Mutant } from '../../bench/explore/mutant.ts';
import { MUTANTS, NOT_EXPRESSIBLE } from '../../bench/explore/mutants.ts';
import { applyPatch, type Patch, patchedCore } from '../../bench/explore/patched-core.ts';
import { scheduleText } from '../../bench/explore/tell.ts';
import { brokenBy, orderOf, scenario, sessionOfFile, switchesOf } from './exploring.ts';

const FILE = new URL('../../../test/explore/known-schedules.json', import.meta.url);
const UPDATE = process.env.UPDATE_GOLDEN === '1';
const known = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, string>;
const session = sessionOfFile();
/** An audit that no longer looks at hierarchical statistics. */
const BLIND: Patch = {
  file: 'audit-accounts.ts',
  find: 'checkStats(machine, owned.units, report);',
  put: '',
};

async function replay(mutant: Mutant, patches: readonly Patch[], schedule: string) {
  const core = patchedCore(patches);
  try {
    const work = { kind: 'replay', schedule: switchesOf(schedule) } as const;
    const where = { core, strategy: mutant.strategy };
    const answer = await session.run(orderOf(mutant.scenario, work, where));
    assert.equal(answer.search.failure, null);
    return answer;
  } finally {
    core.remove();
  }
}

async function find(mutant: Mutant): Promise<string> {
  const core = patchedCore([...(mutant.control ?? []), ...mutant.patches]);
  try {
    const work = { kind: 'bounded', stopAt: mutant.breaks } as const;
    const where = { core, strategy: mutant.strategy };
    const { search } = await session.run(orderOf(mutant.scenario, work, where));
    const found = search.found.find(({ broken }) =>
      broken.some(({ invariant }) => mutant.breaks.includes(invariant)),
    );
    return found === undefined ? '' : scheduleText(found.schedule);
  } finally {
    core.remove();
  }
}

for (const mutant of MUTANTS) {
  test(`${mutant.id}, ${mutant.title}: found at its known schedule`, async () => {
    if (UPDATE) {
      known[mutant.id] = await find(mutant);
      writeFileSync(FILE, `${JSON.stringify(known, null, 2)}\n`);
    }
    const schedule = known[mutant.id] ?? '';
    assert.notEqual(schedule, '', 'no schedule is known; UPDATE_GOLDEN=1 searches for one');
    const patches = [...(mutant.control ?? []), ...mutant.patches];
    const answer = await replay(mutant, patches, schedule);
    const names = answer.search.found.flatMap(({ broken }) =>
      broken.map(({ invariant }) => invariant),
    );
    assert.ok(
      names.some((name) => mutant.breaks.includes(name)),
      `${schedule} breaks ${names.join(', ') || 'nothing'}, not ${mutant.breaks.join(' or ')}`,
    );
  });

  test(`${mutant.id}: the same switches break nothing without the bug`, async () => {
    const schedule = known[mutant.id] ?? '';
    const answer = await replay(mutant, mutant.control ?? [], schedule);
    assert.deepEqual(brokenBy(answer), []);
  });

  test(`${mutant.id}: its patches fit the source and what it compiles to alike`, () => {
    for (const patch of [...(mutant.control ?? []), ...mutant.patches]) {
      const source = new URL(`../../../core/${patch.file}`, import.meta.url);
      const text = readFileSync(fileURLToPath(source), 'utf8');
      assert.notEqual(applyPatch(text, patch), text);
    }
    assert.equal(scenario(mutant.scenario).name, mutant.scenario);
  });
}

test('what came before a bug is right by itself', async () => {
  for (const mutant of MUTANTS) {
    if (mutant.control === undefined) continue;
    const core = patchedCore(mutant.control);
    try {
      const where = { core, strategy: mutant.strategy };
      const order = orderOf(mutant.scenario, { kind: 'bounded', bound: 1 }, where);
      const { search } = await session.run(order);
      assert.deepEqual([search.found, search.exhaustive, search.failure], [[], true, null]);
    } finally {
      core.remove();
    }
  }
});

test('a check that is taken out of the audit lets a bug escape', async () => {
  const mutant = MUTANTS.find(({ id }) => id === 'M15');
  assert.ok(mutant);
  const schedule = known[mutant.id] ?? '';
  assert.deepEqual(brokenBy(await replay(mutant, mutant.patches, schedule)), ['T-B']);
  assert.deepEqual(brokenBy(await replay(mutant, [...mutant.patches, BLIND], schedule)), []);
});

test('every number of the specification is put back, or it is said why not', () => {
  const numbers = new Set(
    [...MUTANTS, ...NOT_EXPRESSIBLE].map(({ id }) => id.replace(/[a-z]$/, '')),
  );
  for (let number = 1; number <= 31; number++) {
    const id = `M${String(number).padStart(2, '0')}`;
    assert.ok(numbers.has(id), id);
  }
  assert.ok(numbers.has('D5'));
  for (const { why } of NOT_EXPRESSIBLE) assert.ok(why.length > 20, why);
});
