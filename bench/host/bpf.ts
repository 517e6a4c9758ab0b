/**
 * The dying cgroups themselves, with BPF: their folders are gone, but the kernel's list has them. Takes
 * root, bpftrace and BTF; the script is bench/bpf/dying.bt. Reads only.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { HostResults } from '../../reports/results-host.ts';
import { askBtf, BTF, MAX_BTF_BYTES } from './btf.ts';
import { type HostReader, shown } from './reader.ts';
import { wholeNumber } from './text.ts';

type Listed = NonNullable<HostResults['listed']>;

/** Three levels up, both from dist/bench/host and in an installed package. */
const SCRIPT = fileURLToPath(new URL('../../../bench/bpf/dying.bt', import.meta.url));
/** Nearly all of it compiles: 0.8 s here, for each memory node. */
const TIMEOUT_MS = 20_000;
const MAX_NODES = 8;
const WHAT = 'which cgroups are dying (BPF)';
const MEMBERS = [
  'cgroup_subsys_state.children',
  'cgroup_subsys_state.sibling',
  'mem_cgroup.nodeinfo',
  'mem_cgroup_per_node.lru_zone_size',
];
/** The script relies on both: a memory cgroup begins with its css, and a zone has five lists. */
const FIRST = 'mem_cgroup.css';
const LISTS = { name: 'NR_LRU_LISTS', value: 5 };
const ID = 'memory_cgrp_id';
const ZONES = '__MAX_NR_ZONES';

/** What the script is called with before the node, from the kernel's types; null where they do not tell. */
export function scriptArguments(bytes: Buffer): readonly number[] | null {
  const { offsets, values } = askBtf(bytes, {
    members: [...MEMBERS, FIRST],
    constants: [ID, ZONES, LISTS.name],
  });
  if (offsets.get(FIRST) !== 0 || values.get(LISTS.name) !== LISTS.value) return null;
  const found = [values.get(ID), ...MEMBERS.map((one) => offsets.get(one)), values.get(ZONES)];
  const known = found.filter((one) => one !== undefined);
  return known.length === found.length ? known : null;
}

/** Reads what the script prints; `cut` when it did not come to the end. */
export function readListing(text: string): { listed: Listed; cut: boolean } {
  const listed = text.split('\n').flatMap((line): Listed => {
    const [, ...numbers] = /^dying (\d{1,16}) (\d{1,16}) (\d{1,16})$/.exec(line) ?? [];
    const [inode = null, filePages = null, swapBackedPages = null] = numbers.map(wholeNumber);
    if (inode === null || filePages === null || swapBackedPages === null) return [];
    return [{ inode, filePages, swapBackedPages }];
  });
  const [, steps, most] = /^steps (\d{1,9}) of (\d{1,9})$/m.exec(text) ?? [];
  const lost = /^Lost \d+ events/m.test(text);
  return { listed, cut: steps === undefined || steps === most || lost };
}

/** Adds up listings of several nodes, the cgroup with most pages first. */
export function addUp(listings: readonly Listed[]): Listed {
  const sums = new Map<number, Listed[number]>();
  for (const { inode, filePages, swapBackedPages } of listings.flat()) {
    const before = sums.get(inode) ?? { inode, filePages: 0, swapBackedPages: 0 };
    sums.set(inode, {
      inode,
      filePages: before.filePages + filePages,
      swapBackedPages: before.swapBackedPages + swapBackedPages,
    });
  }
  const pages = (one: Listed[number]) => one.filePages + one.swapBackedPages;
  return [...sums.values()].sort((a, b) => pages(b) - pages(a));
}

function run(args: readonly string[], signal: AbortSignal): Promise<string | Error> {
  return new Promise((resolve) => {
    const options = { timeout: TIMEOUT_MS, signal, maxBuffer: 2 ** 20 };
    execFile('bpftrace', [...args], options, (error, stdout) => resolve(error ?? stdout));
  });
}

function whyNot(error: Error): string {
  if ('code' in error && error.code === 'ENOENT') return 'bpftrace is not installed';
  const lines = error.message.split('\n');
  const line = lines.find((one) => one.includes('ERROR')) ?? lines[1] ?? lines[0] ?? '';
  return `bpftrace failed: ${shown(Buffer.from(line).toString('latin1'))}`;
}

/** Lists dying cgroups; null where that cannot be done, with the reason noted. */
export async function listDying(
  reader: HostReader,
  nodes: number,
  signal: AbortSignal,
): Promise<HostResults['listed']> {
  if (process.geteuid?.() !== 0) {
    reader.note(WHAT, 'it takes root and bpftrace');
    return null;
  }
  const bytes = reader.bytes(BTF, MAX_BTF_BYTES, WHAT);
  if (bytes === null) return null;
  const args = scriptArguments(bytes);
  if (args === null) {
    reader.note(WHAT, `${BTF} does not tell where this kernel keeps them`);
    return null;
  }
  const listings: Listed[] = [];
  for (let node = 0; node < Math.min(nodes, MAX_NODES); node++) {
    const output = await run([SCRIPT, ...args.map(String), String(node)], signal);
    if (typeof output !== 'string') {
      reader.note(WHAT, signal.aborted ? 'it was interrupted' : whyNot(output));
      return null;
    }
    const { listed, cut } = readListing(output);
    listings.push(listed);
    if (cut) {
      const why = 'it ended early: more cgroups than the script looks at, or lost lines';
      reader.note('all of the dying cgroups (BPF)', why);
    }
  }
  if (nodes > MAX_NODES) {
    reader.note(
      'pages of dying cgroups on all nodes (BPF)',
      `only the first ${MAX_NODES} are read`,
    );
  }
  return addUp(listings);
}
