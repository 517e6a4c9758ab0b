/**
 * `--trace`: cgroups that come and go, seen exactly, in a tracefs instance of its own. This is the one
 * thing that `host` changes on a machine: the instance is made, and removed again whatever happens
 * (but SIGKILL). Events: cgroup_mkdir, cgroup_rmdir and cgroup_release, three for each cgroup; release
 * comes from a kworker, so nothing is filtered by PID.
 */
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostResults } from '../../reports/results-host.ts';
import { pause } from './probe.ts';
import { type HostReader, shown } from './reader.ts';

type Traced = NonNullable<HostResults['traced']>;

const PLACES = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];
const EVENTS = ['cgroup_mkdir', 'cgroup_rmdir', 'cgroup_release'];
/** Of the names of instances; the process id follows. */
const PREFIX = 'slabsplice-';
/** What a shell shows for a process that SIGHUP ended. */
const HANGUP_EXIT = 129;
/** Per CPU: some 5,000 events. */
const BUFFER_KB = 512;

const EVENT = /\s(\d{1,12})\.(\d{6}): cgroup_(mkdir|rmdir|release): root=(\d{1,9}) id=(\d{1,20})\s/;

/**
 * Reads the text of such a trace.
 * @param hierarchy whose cgroups count; the number in /proc/cgroups, 0 for version 2
 */
export function readTrace(text: string, hierarchy: number): Omit<Traced, 'seconds'> {
  const counts = { mkdir: 0, rmdir: 0, release: 0 };
  const removedAt = new Map<string, number>();
  const releaseMs: number[] = [];
  for (const line of text.split('\n')) {
    const [, seconds, micros, kind, root, id] = EVENT.exec(line) ?? [];
    if (kind === undefined || id === undefined || Number(root) !== hierarchy) continue;
    counts[kind as keyof typeof counts]++;
    const at = Number(seconds) * 1000 + Number(micros) / 1000;
    if (kind === 'rmdir') removedAt.set(id, at);
    const removed = removedAt.get(id);
    if (kind === 'release' && removed !== undefined) {
      releaseMs.push(Math.max(0, at - removed));
      removedAt.delete(id);
    }
  }
  return { made: counts.mkdir, removed: counts.rmdir, released: counts.release, releaseMs };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Lost events, as each CPU's buffer counts them. */
function lostEvents(reader: HostReader, instance: string): number {
  const listed = reader.folders(`${instance}/per_cpu`);
  const cpus = 'names' in listed ? listed.names : [];
  return cpus.reduce((sum, cpu) => {
    const stats = reader.text(`${instance}/per_cpu/${cpu}/stats`) ?? '';
    const lost = [...stats.matchAll(/^(?:overrun|dropped events): (\d{1,15})$/gm)];
    return sum + lost.reduce((total, [, count]) => total + Number(count), 0);
  }, 0);
}

/** How to trace. */
export interface TraceOptions {
  readonly reader: HostReader;
  readonly seconds: number;
  readonly hierarchy: number;
  readonly signal: AbortSignal;
}

async function record(instance: string, options: TraceOptions): Promise<Traced> {
  const { reader, seconds, hierarchy, signal } = options;
  const write = (name: string, text: string) => writeFileSync(join(instance, name), text);
  write('buffer_size_kb', String(BUFFER_KB));
  write('trace_clock', 'mono');
  for (const event of EVENTS) write(`events/cgroup/${event}/enable`, '1');
  const started = performance.now();
  await pause(seconds * 1000, signal);
  write('tracing_on', '0');
  const took = (performance.now() - started) / 1000;
  const text = reader.text(`${instance}/trace`, 'cgroups that came and went') ?? '';
  const lost = lostEvents(reader, instance);
  if (lost > 0) reader.note('all cgroups that came and went', `${lost} events were lost`);
  return { seconds: took, ...readTrace(text, hierarchy) };
}

/** Where tracefs is mounted. It is never mounted from here. */
function findTracefs(reader: HostReader): { place: string } | { why: string } {
  let why = `no tracefs is mounted; as root: mount -t tracefs nodev ${PLACES[0]}`;
  for (const place of PLACES) {
    const listed = reader.folders(place);
    if ('names' in listed && listed.names.includes('instances')) return { place };
    if ('failure' in listed && listed.failure === 'denied') {
      why = `${place}: permission denied; it takes root`;
    }
  }
  return { why };
}

/** Traces for a while; null where that cannot be done, with the reason noted. */
export async function traceCgroups(options: TraceOptions): Promise<Traced | null> {
  const { reader } = options;
  const what = 'cgroups that come and go (--trace)';
  const found = findTracefs(reader);
  if ('why' in found) {
    reader.note(what, found.why);
    return null;
  }
  const { place } = found;
  const instance = `${place}/instances/${PREFIX}${process.pid}`;
  noteOthers(reader, place);
  try {
    mkdirSync(instance);
  } catch (error) {
    const code = codeOf(error);
    const root = code === 'EACCES' || code === 'EPERM' ? '; it takes root' : '';
    reader.note(what, `no instance can be made in ${place} (${code})${root}`);
    return null;
  }
  // A terminal that closes, and whatever else ends the process, must not leave it there.
  const end = () => remove(reader, instance);
  const hangup = () => process.exit(HANGUP_EXIT);
  process.once('exit', end);
  process.once('SIGHUP', hangup);
  try {
    return await record(instance, options);
  } catch (error) {
    reader.note(what, `tracing failed (${codeOf(error)})`);
    return null;
  } finally {
    process.removeListener('exit', end);
    process.removeListener('SIGHUP', hangup);
    end();
  }
}

/** Instances of runs that were killed, or of others that run now: named, and left alone. */
function noteOthers(reader: HostReader, place: string): void {
  const listed = reader.folders(`${place}/instances`);
  const others = 'names' in listed ? listed.names.filter((one) => one.startsWith(PREFIX)) : [];
  if (others.length === 0) return;
  const first = shown(`${place}/instances/${others[0]}`);
  reader.note(
    `what ${others.length} other trace instances are for`,
    `they are from other runs; if none is running: rmdir ${first}`,
  );
}

/** Events must be off before an instance can go. */
function remove(reader: HostReader, instance: string): void {
  try {
    writeFileSync(join(instance, 'events/enable'), '0');
  } catch {
    // Removing it turns them off too; that it is still there is what would be worth a word.
  }
  try {
    rmdirSync(instance);
  } catch (error) {
    reader.note(
      'the trace instance',
      `${instance} could not be removed (${codeOf(error)}); do: rmdir ${instance}`,
    );
  }
}
