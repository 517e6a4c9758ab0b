import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  diagnose,
  type HostState,
  judgedEnvironment,
  readHost,
} from '../../bench/commands/doctor.ts';
import type { Environment } from '../../bench/environment.ts';

const quiet: Environment = {
  node: '22.1.0',
  v8: '12',
  os: 'x',
  kernel: '6.18',
  cpuModel: 'x',
  cpus: 4,
  memoryBytes: 2 ** 34,
  loadAverage: 0.1,
  timerResolutionNs: 40,
  cgroupCpuLimit: null,
  governor: 'performance',
  virtualMachine: null,
  hugePages: true,
  warnings: [],
};

const good: HostState = {
  environment: quiet,
  workers: 1,
  smt: false,
  thp: 'always',
  availableBytes: 2 ** 33,
  swapUsedBytes: 0,
  nodeFlags: [],
  inspector: false,
  coverage: false,
  slabinfoReadable: true,
  slabFolderReadable: true,
};

function withEnvironment(change: Partial<Environment>): HostState {
  return { ...good, environment: { ...quiet, ...change } };
}

test('a quiet machine has nothing to mend', () => {
  for (const finding of diagnose(good)) {
    assert.equal(finding.severity, 'ok', finding.what);
    assert.equal(finding.advice, '');
  }
});

const TROUBLES: [id: string, severity: string, host: HostState, what: RegExp][] = [
  ['cores', 'warning', { ...good, workers: 5 }, /5 busy workers on 4 CPUs, so they take turns/],
  ['cores', 'note', { ...good, workers: 4 }, /main thread takes time/],
  ['cpu-quota', 'warning', withEnvironment({ cgroupCpuLimit: 0.5 }), /quota of 0.5 CPUs, which/],
  ['cpu-quota', 'note', withEnvironment({ cgroupCpuLimit: 2 }), /quota of 2 CPUs/],
  ['governor', 'warning', withEnvironment({ governor: 'powersave' }), /governor powersave/],
  ['smt', 'note', { ...good, smt: true }, /share each core/],
  ['load', 'warning', withEnvironment({ loadAverage: 3.5 }), /load average 3.50 on 4 CPUs/],
  ['virtual-machine', 'warning', withEnvironment({ virtualMachine: 'KVM' }), /\(KVM\)/],
  ['timer', 'warning', withEnvironment({ timerResolutionNs: 5000 }), /5,000 ns, too coarse/],
  ['node-version', 'warning', withEnvironment({ node: '20.18.9' }), /Node 20.18.9/],
  ['node-flags', 'warning', { ...good, nodeFlags: ['--jitless'] }, /--jitless, which changes/],
  ['node-flags', 'warning', { ...good, inspector: true }, /an attached inspector/],
  ['node-flags', 'warning', { ...good, coverage: true }, /NODE_V8_COVERAGE/],
  ['node-flags', 'note', { ...good, nodeFlags: ['--conditions=solo'] }, /--conditions=solo/],
  ['memory', 'warning', { ...good, availableBytes: 1e6 }, /1,000,000 bytes of memory/],
  ['huge-pages', 'note', { ...withEnvironment({ hugePages: false }), thp: 'madvise' }, /madvise/],
  ['huge-pages', 'note', { ...withEnvironment({ hugePages: false }), thp: null }, /unknown/],
  ['swap', 'note', { ...good, swapUsedBytes: 4096 }, /4,096 bytes are swapped out/],
  ['slabinfo', 'note', { ...good, slabinfoReadable: false }, /slabinfo is not readable/],
  ['slab-folder', 'note', { ...good, slabFolderReadable: false }, /slab is not readable/],
];

for (const [id, severity, host, what] of TROUBLES) {
  test(`doctor finds ${id}: ${what.source}`, () => {
    const spoiled = diagnose(host).filter((finding) => finding.severity !== 'ok');
    assert.deepEqual(
      spoiled.map((finding) => [finding.id, finding.severity]),
      [[id, severity]],
    );
    assert.match(spoiled[0]?.what ?? '', what);
    assert.notEqual(spoiled[0]?.advice, '');
  });
}

test('the warnings of this machine go into its environment', () => {
  const host = readHost(1000);
  const { warnings } = judgedEnvironment(1000);
  assert.ok(warnings.some((warning) => warning.startsWith('1000 busy workers on')));
  assert.equal(diagnose(host).length, 14);
});
