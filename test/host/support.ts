import { fileURLToPath } from 'node:url';
import { probe } from '../../bench/host/probe.ts';
import { HostReader } from '../../bench/host/reader.ts';
import type { HostResults } from '../../reports/results-host.ts';

/** Folder of a recorded or hand-made host, seen from the compiled tests in dist/test/host. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../../test/fixtures/hosts/${name}`, import.meta.url));
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
export async function steadyLook(name: string): Promise<HostResults> {
  const results = await look(fixture(name));
  return {
    ...results,
    root: `hosts/${name}`,
    observer: { ...results.observer, readMs: 1.5, totalMs: 4, cpuMs: 3 },
  };
}
