import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  captureEnvironment,
  cgroupCpuLimit,
  cgroupFolders,
  hugePages,
  type ReadText,
  timerResolution,
  transparentHugePages,
  virtualMachine,
} from '../../bench/environment.ts';

const CPU = '/sys/fs/cgroup/cpu';

function files(contents: Record<string, string>): ReadText {
  return (path) => contents[path] ?? null;
}

test('this machine has an environment', () => {
  const environment = captureEnvironment();
  assert.equal(environment.node, process.versions.node);
  assert.ok(environment.cpus >= 1);
  assert.ok(environment.memoryBytes > 2 ** 20);
  assert.ok(environment.timerResolutionNs >= 1);
  assert.ok(environment.cpuModel.length > 0);
  assert.deepEqual(environment.warnings, []);
});

test('a machine that shows nothing still has an environment', () => {
  const environment = captureEnvironment({ read: () => null, env: {}, clock: () => 0 });
  assert.equal(environment.cgroupCpuLimit, null);
  assert.equal(environment.governor, null);
  assert.equal(environment.virtualMachine, null);
  assert.equal(environment.hugePages, false);
  assert.equal(environment.timerResolutionNs, 1_000_000, 'a clock that stands still');
});

test('the distribution and the governor are read', () => {
  const { os, governor } = captureEnvironment({
    read: files({
      '/etc/os-release': 'NAME=X\nPRETTY_NAME="Debian GNU/Linux 12"\n',
      '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor': 'powersave\n',
    }),
  });
  assert.equal(os, `Debian GNU/Linux 12 (${process.platform} ${process.arch})`);
  assert.equal(governor, 'powersave');
});

test('the resolution of a clock is its smallest step', () => {
  let calls = 0;
  const coarse = () => Math.floor(calls++ / 10) * 0.001;
  assert.equal(timerResolution(coarse), 1000);
  let now = 0;
  const uneven = () => {
    now += now % 2 === 0 ? 1 : 3;
    return now;
  };
  assert.equal(timerResolution(uneven), 1_000_000);
});

test('huge pages need the mode, and in madvise mode the C library too', () => {
  const asked = { GLIBC_TUNABLES: 'glibc.malloc.check=3:glibc.malloc.hugetlb=1' };
  assert.equal(hugePages('always', {}), true);
  assert.equal(hugePages('madvise', {}), false);
  assert.equal(hugePages('madvise', asked), true);
  assert.equal(hugePages('madvise', { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=10' }), false);
  assert.equal(hugePages('never', asked), false);
  assert.equal(hugePages(null, asked), false);
  const enabled = '/sys/kernel/mm/transparent_hugepage/enabled';
  assert.equal(transparentHugePages(files({ [enabled]: 'always [madvise] never\n' })), 'madvise');
  assert.equal(transparentHugePages(files({})), null);
});

test('a hypervisor is found by its flag or by the name of the product', () => {
  const cpuinfo = 'flags\t\t: fpu vme hypervisor lahf_lm\n';
  const dmi = (vendor: string, product: string) => ({
    '/sys/class/dmi/id/sys_vendor': `${vendor}\n`,
    '/sys/class/dmi/id/product_name': `${product}\n`,
  });
  assert.equal(virtualMachine(files({})), null);
  assert.equal(virtualMachine(files({ '/proc/cpuinfo': cpuinfo })), 'unknown hypervisor');
  assert.equal(
    virtualMachine(files({ '/proc/cpuinfo': cpuinfo, ...dmi('Amazon EC2', 'c5.large') })),
    'Amazon EC2 c5.large',
  );
  assert.equal(
    virtualMachine(files(dmi('QEMU', 'KVM Virtual Machine'))),
    'QEMU KVM Virtual Machine',
  );
  assert.equal(virtualMachine(files(dmi('LENOVO', '20XW'))), null);
});

test('cgroup folders go from the own one up to the mount, in both versions', () => {
  const two = files({ '/proc/self/cgroup': '0::/a/b\n' });
  assert.deepEqual(cgroupFolders('cpu', two).slice(0, 3), [
    '/sys/fs/cgroup/a/b',
    '/sys/fs/cgroup/a',
    '/sys/fs/cgroup',
  ]);
  const one = files({ '/proc/self/cgroup': '9:cpuset:/x\n1:cpu,cpuacct:/d\n' });
  assert.deepEqual(cgroupFolders('cpu', one), [
    '/sys/fs/cgroup/cpu/d',
    '/sys/fs/cgroup/cpu',
    '/sys/fs/cgroup/cpu,cpuacct/d',
    '/sys/fs/cgroup/cpu,cpuacct',
  ]);
  assert.deepEqual(cgroupFolders('cpu', files({})), []);
});

test('the tightest CPU quota on the way up counts', () => {
  const path = '/proc/self/cgroup';
  const two = { [path]: '0::/a/b\n', '/sys/fs/cgroup/a/b/cpu.max': 'max 100000\n' };
  assert.equal(cgroupCpuLimit(files(two)), null);
  const limited = {
    [path]: '0::/a/b\n',
    '/sys/fs/cgroup/a/b/cpu.max': '400000 100000\n',
    '/sys/fs/cgroup/a/cpu.max': '150000 100000\n',
  };
  assert.equal(cgroupCpuLimit(files(limited)), 1.5);
  const one = (quota: string) =>
    files({
      [path]: '1:cpu:/d\n',
      [`${CPU}/d/cpu.cfs_quota_us`]: quota,
      [`${CPU}/d/cpu.cfs_period_us`]: '100000\n',
    });
  assert.equal(cgroupCpuLimit(one('50000\n')), 0.5);
  assert.equal(cgroupCpuLimit(one('-1\n')), null);
});
