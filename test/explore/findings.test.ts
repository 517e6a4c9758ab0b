/** The suspicions turn out as docs/findings.md says, schedule for schedule. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FINDINGS } from '../../bench/explore/findings.ts';
import { exploreFinding } from '../../bench/explore/tasks.ts';
import { applyChange } from '../../bench/picture/changes.ts';
import type { ExploreFinding } from '../../reports/index.ts';
import type { Frame } from '../../reports/results-frames.ts';
import { matchesFile } from '../reports/golden-file.ts';
import { sessionOfFile } from './exploring.ts';
import { findingsDocument } from './findings-document.ts';

const session = sessionOfFile();
const PLAN = { how: { kind: 'bounded', bound: 2 }, seconds: 120, maxSchedules: 1e9 } as const;
const found: { finding: ExploreFinding; patched: boolean }[] = [];

for (const suspicion of FINDINGS) {
  test(`${suspicion.id} is ${suspicion.expected}: ${suspicion.statement}`, async () => {
    const finding = await exploreFinding(session, suspicion, PLAN);
    found.push({ finding, patched: suspicion.patches !== undefined });
    assert.equal(finding.verdict, suspicion.expected);
    if (suspicion.expected === 'shown') {
      assert.equal(finding.violation?.invariant, suspicion.invariant);
      assert.ok(finding.violation.steps.length > 0);
    } else assert.equal(finding.exhaustive, true);
  });
}

/** What a step says of a row, `P.usage: 1 -> 2`, against the picture after it. */
function checkStep(text: string, { memcgs, caches }: Frame): boolean {
  const told = /^(.+)\.(usage|memcg): \S+ -> (.+)$/.exec(text);
  if (told === null) return false;
  const [, name, column, value] = told;
  if (column === 'usage') {
    assert.equal(memcgs.find((one) => one.name === name)?.pages, Number(value), text);
    return true;
  }
  const cache = caches.find((one) => one.name === name);
  if (cache === undefined) return false;
  const owner = memcgs.find(({ row }) => row === cache.memcg)?.name ?? 'none';
  assert.equal(owner, value, text);
  return true;
}

test('the picture of a schedule shows what its steps say', () => {
  let checked = 0;
  for (const { finding } of found) {
    const { steps = [], frames } = finding.violation ?? {};
    if (frames === undefined) continue;
    const byStep = new Map(frames.moments.map((moment) => [moment.step, moment.change]));
    let frame = frames.first;
    steps.forEach(({ text }, at) => {
      const change = byStep.get(at);
      if (change !== undefined) frame = applyChange(frame, change);
      if (checkStep(text, frame)) checked++;
    });
  }
  assert.ok(checked > 20, `${checked} steps of that kind`);
});

test('docs/findings.md tells them', () => {
  matchesFile('docs/findings.md', findingsDocument(found));
});
