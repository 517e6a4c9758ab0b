import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostWords, remedyWords } from '../../reports/host-words.ts';
import type { HostForm, HostResults } from '../../reports/results-host.ts';
import { fixture, look, steadyLook } from './support.ts';

const base = await steadyLook('v2-6.12');

function remedies(results: Partial<HostResults>): string[] {
  return remedyWords({ ...base, ...results }).map(({ what }) => what);
}

function verdict(form: HostForm['form'], is: HostForm['verdict']): HostForm {
  return { form, verdict: is, because: 'x', evidence: 'anyone' };
}

test('remedies: none where nothing is amiss, and none where nothing is known', async () => {
  const hierarchies = base.hierarchies.map((one) => ({ ...one, dying: 0 }));
  assert.deepEqual(remedies({ hierarchies, triage: [] }), []);
  assert.deepEqual(remedyWords(await look(fixture('empty'))), []);
});

test('remedies: slab that holds nobody can be reclaimed, and that removes no dying cgroup', () => {
  const hierarchies = base.hierarchies.map((one) => ({ ...one, dying: 0 }));
  for (const form of ['objects inherited by an ancestor', 'slab of a live cgroup'] as const) {
    const triage = [verdict(form, 'likely')];
    assert.deepEqual(remedies({ hierarchies, triage }), [
      'echo 2 > /proc/sys/vm/drop_caches',
      'echo BYTES > memory.reclaim of that cgroup (5.19 and newer)',
    ]);
    const one = hierarchies.map((of) => ({ ...of, version: 1 as const }));
    assert.equal(remedies({ hierarchies: one, triage }).length, 1);
    assert.deepEqual(remedies({ hierarchies, triage: [verdict(form, 'no')] }), []);
  }
});

test('remedies: amounts are never below 0, and unknown ones are not named', () => {
  const of = (pinned: HostResults['pinned']) =>
    remedyWords({ ...base, pinned }).map(({ releases }) => releases);
  assert.match(of({ file: -5, shmem: null, anon: 7 })[0] ?? '', /^up to 0 B page cache/);
  assert.match(of({ file: 1, shmem: null, anon: 7 })[2] ?? '', /^tmpfs and shared/);
  assert.match(of(null)[0] ?? '', /^page cache of files/);
});

test('words: limits within a month, and no others', () => {
  const limit = (days: number | null) => ({
    ...{ what: 'memory cgroup ids', unit: 'cgroups' as const, now: 1, most: 2, perDay: 1, days },
  });
  const texts = (days: number | null) =>
    hostWords({ ...base, limits: [limit(days)] }).filter(({ text }) => text.includes('last'));
  assert.match(texts(12)[0]?.text ?? '', /memory cgroup ids last 12 days/);
  assert.deepEqual(texts(31), []);
  assert.deepEqual(texts(null), []);
});

test('words: what is not told is not in the sum, and that is said', () => {
  const text = (pins: HostResults['pins']) =>
    hostWords({ ...base, pins })
      .map((one) => one.text)
      .join(' ');
  assert.match(text(base.pins), /Those whose parent tells hold 340 MiB/);
  assert.match(text(base.pins.slice(0, 1)), /They hold 340 MiB/);
  const pinned = { file: 0, shmem: 0, anon: 0 };
  const none = hostWords({ ...base, pinned }).map((one) => one.text);
  assert.ok(none.some((one) => /hold next to no pages .*sockets, inodes/.test(one)));
});
