/** The suspicions turn out as docs/findings.md says, schedule for schedule. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FINDINGS } from '../../bench/explore/findings.ts';
import { exploreFinding } from '../../bench/explore/tasks.ts';
import type { ExploreFinding } from '../../reports/index.ts';
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

test('docs/findings.md tells them', () => {
  matchesFile('docs/findings.md', findingsDocument(found));
});
