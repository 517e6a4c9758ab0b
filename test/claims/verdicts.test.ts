/** Every claim comes out as expected, with figures that bear it out, and docs/claims.md says the same. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { CLAIMS } from '../../bench/claims/claims.ts';
import { resolveExplore } from '../../bench/explore-options.ts';
import type { ClaimResult } from '../../reports/index.ts';
import { matchesFile } from '../reports/golden-file.ts';
import { checkClaim, checkClaims } from './checking.ts';
import { claimsDocument } from './claims-document.ts';

let checked: ClaimResult[] = [];
before(async () => {
  checked = await checkClaims(CLAIMS.map(({ id }) => id));
});

function claim(id: string): ClaimResult {
  const found = checked.find((one) => one.id === id);
  if (found === undefined) assert.fail(`no claim ${id}`);
  return found;
}

function figure(id: string, name: string): number {
  const found = claim(id).figures.find((one) => one.name === name);
  if (found === undefined) assert.fail(`${id} has no figure ${name}`);
  return found.value;
}

for (const { id, expected } of CLAIMS) {
  test(`${id}: ${expected.verdict}`, () => {
    const { verdict, evidence } = claim(id);
    assert.equal(verdict, expected.verdict, evidence);
  });
}

test('there are the thirteen claims, the four questions, the rest of the seed mail, and May 2026', () => {
  const ids = CLAIMS.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(CLAIMS.filter(({ group }) => group === 'open question').length, 4);
  assert.equal(CLAIMS.filter(({ group }) => group === 'May 2026').length, 3);
  assert.equal(ids.length, 24);
});

test('the false one: below zero, shown as 0, too few for a parent with pages, nodes evicted', () => {
  const at = (name: string) => figure('local-statistics', name);
  assert.equal(at("counter, own pages 0: child's pages freed"), -4);
  assert.equal(at('shown then'), 0);
  assert.equal(at('shown then, own pages 10'), 6);
  assert.equal(at('pages owned then, own pages 10'), 10);
  assert.equal(at('shadow nodes too many before'), 0);
  assert.equal(at('shadow nodes too many after'), 10);
  const states = claim('local-statistics').witnesses.map(({ what }) => what);
  assert.equal(states.length, 3, states.join('; '));
});

test('the recorded host hands over a hundred caches, whatever it has in pages', () => {
  const moved = claim('few-caches').figures.filter(({ name }) => name.startsWith('caches handed'));
  assert.deepEqual(
    moved.map(({ value }) => value),
    [100, 100, 100],
  );
});

test('what fails shows a state or a schedule, and a schedule has the command that replays it', () => {
  for (const { id, verdict, witnesses } of checked) {
    if (verdict === 'fails' || verdict === 'holds with limits') assert.ok(witnesses[0], id);
    for (const { schedule, command, violation } of witnesses) {
      assert.equal(command !== '', violation !== null, id);
      if (violation === null) continue;
      assert.equal(schedule, violation.schedule);
      assert.ok(violation.steps.length > 0, id);
      const [, scenario] = /--scenario "([^"]+)"/.exec(command) ?? [];
      const [, mutant] = /--mutant (\S+)/.exec(command) ?? [];
      const [, finding] = /--finding "([^"]+)"/.exec(command) ?? [];
      // Understood by explore, and of one machine.
      resolveExplore({
        color: false,
        ...(scenario === undefined ? {} : { scenario, strategies: ['splice-caches'] }),
        ...(mutant === undefined ? {} : { mutant }),
        ...(finding === undefined ? {} : { finding }),
        schedule: [],
      });
    }
  }
});

test('another seed gives the same verdict from other figures', async () => {
  const other = await checkClaim('global-statistics', { seed: 7 });
  assert.equal(other.verdict, 'holds with limits');
  assert.notDeepEqual(other.figures, claim('global-statistics').figures);
});

test('docs/claims.md tells them', () => {
  matchesFile('docs/claims.md', claimsDocument(checked));
});
