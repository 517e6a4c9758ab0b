import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CommandContext } from '../../bench/commands/registry.ts';
import { probe } from '../../bench/host/probe.ts';
import { HostReader } from '../../bench/host/reader.ts';
import { SILENT } from '../../bench/progress.ts';
import type { HostResults } from '../../reports/results-host.ts';

/** Folder of a recorded or hand-made host, seen from the compiled tests in dist/test/host. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../../test/fixtures/hosts/${name}`, import.meta.url));
}

/** Names that would steer a terminal, or end a string or a label; bytes, as not all are text. */
const HOSTILE_NAMES: readonly Buffer[] = [
  Buffer.from('\u001b[2Jevil\u202e'),
  Buffer.from('quote"brace}\nline'),
  Buffer.from('unit\\x2dname|`code`<b>'),
  Buffer.from([0x62, 0xff, 0x9b, 0x07]),
];

/**
 * The host `malformed` with more cgroups, of hostile names, in a temporary folder: other systems could
 * not check such names out.
 */
export function hostileHost(): string {
  const root = mkdtempSync(join(tmpdir(), 'host-hostile-'));
  after(() => rmSync(root, { recursive: true }));
  cpSync(fixture('malformed'), root, { recursive: true });
  for (const [at, name] of HOSTILE_NAMES.entries()) {
    const folder = Buffer.concat([Buffer.from(`${root}/sys/fs/cgroup/`), name]);
    mkdirSync(folder);
    const stat = `nr_descendants 0\nnr_dying_descendants ${at + 6}\n`;
    writeFileSync(Buffer.concat([folder, Buffer.from('/cgroup.stat')]), stat);
  }
  return root;
}

/** A host of a few files, in a temporary folder. */
export function madeHost(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'host-made-'));
  after(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

/** Looks at a folder once. */
export async function look(root: string): Promise<HostResults> {
  const { results } = await probe({
    reader: new HostReader(root),
    startedAt: new Date('2026-11-25T00:00:00Z'),
    signal: new AbortController().signal,
    earlier: null,
    settle: false,
  });
  return results;
}

/** What `look` gives for a fixture, without what differs from run to run. */
export async function steadyLook(name: string, root = fixture(name)): Promise<HostResults> {
  const results = await look(root);
  return {
    ...results,
    root: `hosts/${name}`,
    observer: { ...results.observer, readMs: 1.5, totalMs: 4, cpuMs: 3 },
  };
}

/** What the command line hands to a command. */
export function context(): CommandContext {
  const { signal } = new AbortController();
  const progress = SILENT;
  return { signal, progress, startedAt: new Date('2026-11-25T00:00:00Z'), seed: 1 };
}
