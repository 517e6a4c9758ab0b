import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  countCpuList,
  hostBootRules,
  hostCpus,
  hostPageSize,
  rulesOfRelease,
  versionOf,
} from '../../bench/input/kernel-rules.ts';

describe('rules of a release', () => {
  const cases: [string, string, boolean, number][] = [
    ['5.2.0', '5.3', false, 0],
    ['5.3', '5.3', false, 0],
    ['5.10.0-21-amd64', '5.3', false, 0],
    ['5.15.0', '5.3', true, 0],
    ['5.16.0', '5.3 (order) and 6.x (cpu_partial)', true, 0],
    ['6.6.9', '5.3 (order) and 6.x (cpu_partial)', true, 0],
    ['6.7.0-rc1', '6.x', true, 0],
    ['6.18.44-fc', '6.x', true, 0],
    ['6.19.1', '6.x', true, 1],
    ['4.19.0', '5.3', false, 1],
    ['2.6.34.1', '5.3', false, 1],
    ['custom', '6.x', true, 1],
  ];
  for (const [release, label, present, notes] of cases) {
    test(`${release}: ${label}`, () => {
      const rules = rulesOfRelease(release);
      assert.deepEqual(
        [rules.label, rules.countsPresentCpus, rules.notes.length],
        [label, present, notes],
      );
    });
  }

  test('a release is compared as numbers, not as text', () => {
    assert.ok((versionOf('6.10.1') ?? 0) > (versionOf('6.9') ?? 0));
    assert.equal(versionOf('6'), null);
    assert.equal(versionOf('6.1x'), 6001);
  });
});

describe('what a host says', () => {
  let root = '';
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'host-'));
  });
  after(() => rmSync(root, { recursive: true }));
  const write = (name: string, text: string): string => {
    writeFileSync(join(root, name), text);
    return join(root, name);
  };

  test('CPU lists', () => {
    assert.deepEqual(['0', '0-3', '0-3,8', '0,2,4-5\n', '', 'x', '0-', '3-1'].map(countCpuList), [
      1,
      4,
      5,
      4,
      null,
      null,
      null,
      null,
    ]);
  });

  test('present CPUs, or the possible ones if one is present', async () => {
    write('possible', '0-63\n');
    write('present', '0-15\n');
    assert.equal(await hostCpus(true, { cpuRoot: root }), 16);
    assert.equal(await hostCpus(false, { cpuRoot: root }), 64);
    write('present', '0\n');
    assert.equal(await hostCpus(true, { cpuRoot: root }), 64);
    assert.equal(await hostCpus(true, { cpuRoot: join(root, 'none') }), null);
  });

  test('page size', async () => {
    const smaps = write('smaps', 'a-b r--p\nSize: 64 kB\nKernelPageSize:       64 kB\n');
    assert.equal(await hostPageSize({ smaps }), 65_536);
    assert.equal(await hostPageSize({ smaps: join(root, 'none') }), 4096);
  });

  test('boot options', async () => {
    const cmdline = write('cmdline', 'quiet slub_max_order=1 slab_debug=FZ ro\n');
    const { rules, notes } = await hostBootRules({ cmdline });
    assert.deepEqual(rules, { maxOrder: 1 });
    assert.match(notes.join('\n'), /slab_debug=FZ.*\n.*maximum slab order of 1/);
    write('cmdline', 'quiet slab_max_order=99\n');
    assert.deepEqual((await hostBootRules({ cmdline })).rules, { maxOrder: 10 });
    const none = await hostBootRules({ cmdline: join(root, 'none') });
    assert.deepEqual(none, { rules: {}, notes: [] });
  });
});
