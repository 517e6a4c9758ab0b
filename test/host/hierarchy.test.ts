import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { survey } from '../../bench/host/hierarchy.ts';
import { memoryHierarchies, parseMounts } from '../../bench/host/mounts.ts';
import { HostReader } from '../../bench/host/reader.ts';
import { fixture, look } from './support.ts';

/** The recorded host has 8 folders; the kernel's count is another one at each reading. */
class Counting extends HostReader {
  readonly #counts: number[];
  readonly #hierarchy: number;
  reads = 0;

  constructor(counts: number[], hierarchy: number) {
    super(fixture('v1-6.18'));
    this.#counts = counts;
    this.#hierarchy = hierarchy;
  }

  override text(path: string, what?: string): string | null {
    if (path !== '/proc/cgroups') return super.text(path, what);
    const count = this.#counts[Math.min(this.reads++, this.#counts.length - 1)];
    return `#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t${this.#hierarchy}\t${count}\t1\n`;
  }
}

async function dying(counts: number[], number = 4) {
  const reader = new Counting(counts, number);
  const text = reader.text('/proc/self/mountinfo') ?? '';
  const [mount] = memoryHierarchies(parseMounts(text, 'mountinfo'));
  assert.ok(mount);
  const { hierarchy } = await survey(reader, mount);
  return { dying: hierarchy.dying, reads: reader.reads, unknown: reader.unknown() };
}

test('version 1: the lower of two differences', async () => {
  assert.deepEqual(await dying([20, 17]), { dying: 9, reads: 2, unknown: [] });
  assert.deepEqual(await dying([17, 20]), { dying: 9, reads: 2, unknown: [] });
  assert.deepEqual(await dying([8, 8]), { dying: 0, reads: 2, unknown: [] });
});

test('version 1: folders that were made after the count are counted again', async () => {
  assert.deepEqual(await dying([7, 17, 5, 18]), { dying: 9, reads: 4, unknown: [] });
  assert.deepEqual(await dying([7, 7, 7, 7, 18]), { dying: 10, reads: 5, unknown: [] });
});

test('version 1: fewer than there are folders, always: unknown, not 0', async () => {
  const found = await dying([3]);
  assert.deepEqual([found.dying, found.reads], [null, 5]);
  assert.match(found.unknown[0]?.why ?? '', /more folders than memory cgroups/);
});

test("version 1: a count that is another hierarchy's is none", async () => {
  const found = await dying([17], 0);
  assert.equal(found.dying, null);
  assert.match(found.unknown[0]?.why ?? '', /no count of version 1/);
});

test('the top of a cgroup namespace, and of a part that is mounted, is refused on version 1', async () => {
  const root = mkdtempSync(join(tmpdir(), 'host-part-'));
  after(() => rmSync(root, { recursive: true }));
  cpSync(fixture('v1-6.18'), root, { recursive: true });
  const whole = await look(root);
  assert.equal(whole.hierarchies.find(({ memory }) => memory)?.dying, 9);
  rmSync(join(root, 'proc/self/ns/cgroup'), { force: true });
  rmSync(join(root, 'sys/fs/cgroup/memory/release_agent'), { force: true });
  const part = (await look(root)).hierarchies.find(({ memory }) => memory);
  assert.deepEqual([part?.whole, part?.dying, part?.live], [false, null, 8]);
});

test('a cgroup that cannot be listed leaves the counts unknown', async () => {
  const root = mkdtempSync(join(tmpdir(), 'host-denied-'));
  after(() => rmSync(root, { recursive: true }));
  cpSync(fixture('v1-6.18'), root, { recursive: true });
  mkdirSync(join(root, 'sys/fs/cgroup/memory/secret'));
  class Denied extends HostReader {
    override folders(path: string): ReturnType<HostReader['folders']> {
      return path.endsWith('/secret') ? { failure: 'denied' } : super.folders(path);
    }
  }
  const reader = new Denied(root);
  const text = reader.text('/proc/self/mountinfo') ?? '';
  const [mount] = memoryHierarchies(parseMounts(text, 'mountinfo'));
  assert.ok(mount);
  const { hierarchy } = await survey(reader, mount);
  assert.deepEqual([hierarchy.live, hierarchy.dying], [null, null]);
  assert.ok(reader.unknown().some(({ why }) => why.includes('may not be listed')));
});
