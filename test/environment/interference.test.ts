import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReadText } from '../../bench/environment.ts';
import { interferenceSince, schedulerStamp } from '../../bench/interference.ts';

function thread(wait: string, switches: string): ReadText {
  return (path) =>
    path.endsWith('schedstat')
      ? `900 ${wait} 4\n`
      : `Name:\tnode\nvoluntary_ctxt_switches:\t99\nnonvoluntary_ctxt_switches:\t${switches}\n`;
}

test('what happened is the difference of two stamps', () => {
  const before = schedulerStamp(thread('1000000', '5'));
  assert.deepEqual(before, { waitNs: 1_000_000, involuntarySwitches: 5 });
  assert.deepEqual(interferenceSince(before, thread('3500000', '12')), {
    cpuWaitMs: 2.5,
    involuntarySwitches: 7,
  });
});

test('where the kernel does not tell there is no evidence, not zero', () => {
  const nothing: ReadText = () => null;
  const stamp = schedulerStamp(thread('1', '1'));
  assert.equal(schedulerStamp(nothing), null);
  assert.equal(interferenceSince(null, thread('1', '1')), null);
  assert.equal(interferenceSince(stamp, nothing), null);
  const noStatistics: ReadText = (path) =>
    path.endsWith('schedstat') ? '0 0\n' : thread('1', '1')(path);
  assert.equal(schedulerStamp(noStatistics), null);
});

test('on this machine a stamp only grows', () => {
  const happened = interferenceSince(schedulerStamp());
  if (process.platform !== 'linux') return assert.equal(happened, null);
  assert.ok(happened === null || (happened.cpuWaitMs >= 0 && happened.involuntarySwitches >= 0));
});
