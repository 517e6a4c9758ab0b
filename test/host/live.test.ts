import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { listDying, scriptArguments } from '../../bench/host/bpf.ts';
import { askBtf, BTF, MAX_BTF_BYTES } from '../../bench/host/btf.ts';
import { HostReader } from '../../bench/host/reader.ts';
import { traceCgroups } from '../../bench/host/trace.ts';
import { hostResults } from '../../reports/results-host.ts';
import { look } from './support.ts';

function folders(path: string): number {
  const below = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return below.reduce((sum, { name }) => sum + folders(`${path}/${name}`), 1);
}

/** The kernel's own count, taken another way. */
function kernelCount(version: 1 | 2, mount: string): number {
  if (version === 1) {
    const [, count] = /^memory\t\d+\t(\d+)/m.exec(readFileSync('/proc/cgroups', 'utf8')) ?? [];
    return Number(count) - folders(mount);
  }
  const stat = readFileSync(`${mount}/cgroup.stat`, 'utf8');
  const own = /^nr_dying_subsys_memory (\d+)/m.exec(stat);
  return Number(own?.[1] ?? /^nr_dying_descendants (\d+)/m.exec(stat)?.[1]);
}

test('this host: a valid record, and as many dying as the kernel counts', async (t) => {
  const known = (results: Awaited<ReturnType<typeof look>>) =>
    results.hierarchies.find(({ memory, dying }) => memory && dying !== null);
  // Cgroups come and go: one of a few tries finds the same count before and after.
  for (let attempt = 0; attempt < 20; attempt++) {
    const first = hostResults.parse(await look('/'));
    const main = known(first);
    if (main === undefined) return t.skip('no count of dying memory cgroups can be had here');
    const before = kernelCount(main.version, main.mount);
    const again = known(await look('/'));
    if (before !== kernelCount(main.version, main.mount)) continue;
    if (again?.dying !== before) continue;
    assert.equal(again.dying, before);
    return;
  }
  assert.fail("the count of dying cgroups never was the kernel's");
});

test('the types of this kernel: sizes, and where the list of memory cgroups is', (t) => {
  const bytes = new HostReader('/').bytes(BTF, MAX_BTF_BYTES);
  if (bytes === null) return t.skip(`${BTF} cannot be read here`);
  const { sizes, trouble } = askBtf(bytes, { structs: ['mem_cgroup', 'list_head'] });
  assert.equal(trouble, null);
  assert.equal(sizes.get('list_head'), 2 * (process.arch === 'ia32' ? 4 : 8));
  const args = scriptArguments(bytes);
  if (args === null) return t.skip('this kernel has no LRU lists of memory cgroups');
  assert.ok(args.every((one) => Number.isSafeInteger(one) && one >= 0 && one < 1e5));
});

test('BPF lists as many dying cgroups as are counted', async (t) => {
  const reader = new HostReader('/');
  for (let attempt = 0; attempt < 3; attempt++) {
    const before = await look('/');
    const { dying } = before.hierarchies.find(({ memory }) => memory) ?? { dying: null };
    const listed = await listDying(reader, before.cost?.nodes ?? 1, new AbortController().signal);
    const why = reader.unknown().find(({ what }) => what.includes('BPF'))?.why;
    if (listed === null || dying === null || why !== undefined) return t.skip(why ?? 'no count');
    if (listed.length === dying) return;
  }
  assert.fail('never as many as are counted');
});

test('the trace instance is gone after Ctrl-C', async (t) => {
  const reader = new HostReader('/');
  const controller = new AbortController();
  setImmediate(() => controller.abort());
  const traced = await traceCgroups({
    ...{ reader, seconds: 600, hierarchy: 0, signal: controller.signal },
  });
  const [unknown] = reader.unknown();
  if (traced === null) return t.skip(unknown?.why ?? 'no trace can be had here');
  const left = readdirSync('/sys/kernel/tracing/instances');
  assert.ok(!left.includes(`slabsplice-${process.pid}`));
});

test('bpftrace: called for each node, and what it says when it fails is said', async (t) => {
  const bytes = new HostReader('/').bytes(BTF, MAX_BTF_BYTES);
  const known = bytes === null ? null : scriptArguments(bytes);
  if (process.geteuid?.() !== 0 || known === null) return t.skip('takes root and BTF');
  const folder = mkdtempSync(join(tmpdir(), 'host-bpftrace-'));
  const path = process.env.PATH;
  t.after(() => {
    process.env.PATH = path;
    rmSync(folder, { recursive: true });
  });
  process.env.PATH = `${folder}:${path}`;
  const listed = async (script: string, nodes: number) => {
    writeFileSync(join(folder, 'bpftrace'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const reader = new HostReader('/');
    const found = await listDying(reader, nodes, new AbortController().signal);
    return { found, whys: reader.unknown().map(({ what, why }) => `${what}: ${why}`) };
  };
  // Prints its last argument, which is the node.
  const echo = `test $# = ${known.length + 2} && eval "echo dying 7 1 \\$$#; echo steps 9 of 2000"`;
  const two = await listed(echo, 2);
  assert.deepEqual(two.found, [{ inode: 7, filePages: 2, swapBackedPages: 1 }]);
  assert.deepEqual(two.whys, []);
  const many = await listed(echo, 20);
  assert.deepEqual(many.found, [{ inode: 7, filePages: 8, swapBackedPages: 28 }]);
  assert.match(many.whys.join(), /on all nodes .*only the first 8/);
  const cut = await listed('echo dying 7 1 1; echo steps 2000 of 2000', 1);
  assert.match(cut.whys.join(), /all of the dying cgroups .*ended early/);
  const failed = await listed("printf 'ERROR: \\033[31mno\\n' >&2; exit 1", 1);
  assert.equal(failed.found, null);
  assert.match(failed.whys.join(), /bpftrace failed: ERROR: \\x1b\[31mno/);
});
