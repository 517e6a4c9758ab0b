/**
 * `replay`: what would a recorded kernel trace have left behind under each strategy? Each strategy is replayed in a
 * worker of its own, which reads the trace by itself: no two share an isolate.
 */
import { createWriteStream, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { formatBytes, formatCount, formatCounted } from '../../reports/index.ts';
import { CapacityError, UserError } from '../errors.ts';
import { readSlabGeometry } from '../input/slab-geometry.ts';
import { type Arm, InterruptedError, withWorkers } from '../measure.ts';
import type { Progress, Standing } from '../progress.ts';
import type { ReplayRun, ReplayTask } from '../replay/run.ts';
import { readTruth, type TruthRow } from '../replay/truth.ts';
import type { ReplayOptions } from '../replay-options.ts';
import type { ReplayAnswer } from '../workers/replay.ts';
import type { CommandContext, CommandResult, Plan } from './registry.ts';

const WORKER = new URL('../workers/replay.js', import.meta.url);
/** Address space of a machine is large; what a trace of a million events touches is about this much. */
const WORKER_BYTES = 400 * 2 ** 20;
/** A trace may be hours long; a worker that hangs is ended by Ctrl-C. */
const DEADLINE_MS = 2 ** 31 - 1;
/** What an arm with moved page cache is called. */
const MOVED = '+7.1';

interface ReplayArm extends Arm {
  readonly movePages: boolean;
}

/** The strategies, and the last of them once more with page cache that moves. */
function armsOf({ strategies, pageCache }: ReplayOptions): ReplayArm[] {
  const pins = strategies.map((strategy) => ({ label: strategy, strategy, movePages: false }));
  const moves = strategies.map((strategy) => ({
    ...{ label: strategy + MOVED, strategy, movePages: true },
  }));
  if (pageCache === 'pins') return pins;
  return pageCache === 'moves' ? moves : [...pins, ...moves.slice(-1)];
}

/** What would be replayed; reads nothing. */
export function planReplay(options: ReplayOptions): Plan {
  const arms = armsOf(options);
  return {
    lines: [
      `replay ${arms.map(({ label }) => label).join(', ')}: ${options.files.join(', ')}`,
      ...(options.truth === null ? [] : [`beside what was measured: ${options.truth}`]),
    ],
    bytes: WORKER_BYTES,
    remedy: 'give fewer --strategies',
  };
}

/** What standard input is called. */
const STDIN = '(standard input)';

/** Files as they are read, and what to call those that are kept elsewhere. */
interface Inputs {
  readonly files: readonly string[];
  readonly called: Readonly<Record<string, string>>;
}

/** Standard input can be read once only: it is kept in a file while the strategies read it. */
async function withFiles<Result>(
  files: readonly string[],
  { signal, progress }: { readonly signal: AbortSignal; readonly progress: Progress },
  body: (inputs: Inputs) => Promise<Result>,
): Promise<Result> {
  if (!files.includes('-')) return body({ files, called: {} });
  const folder = await mkdtemp(join(tmpdir(), 'slabsplice-'));
  try {
    const kept = join(folder, 'trace');
    try {
      const copy = createWriteStream(kept);
      await progress.alive(pipeline(process.stdin, copy, { signal }), () => ({
        ...{ done: 0, total: 0 },
        what: `reading standard input: ${formatBytes(copy.bytesWritten)}`,
      }));
    } catch (error) {
      if (signal.aborted) throw new InterruptedError('interrupted');
      throw error;
    }
    const called = { [kept]: STDIN };
    return await body({ files: files.map((file) => (file === '-' ? kept : file)), called });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What was replayed, and what kept the rest from it. */
interface Arms {
  readonly runs: ReadonlyMap<string, ReplayRun>;
  readonly complete: boolean;
  readonly failure?: UserError;
}

/** Bytes of files; 0 where one of them is a pipe or cannot be looked at, which is refused when it is read. */
function bytesOf(files: readonly string[]): number {
  const sizes = files.map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0);
  return sizes.includes(0) ? 0 : sizes.reduce((sum, size) => sum + size, 0);
}

/** How far the replays are: each reads all files, and does at once what it reads. */
function standing(
  { label }: Arm,
  { place, arms }: { readonly place: number; readonly arms: number },
  read: number,
  all: number,
): Standing {
  if (all === 0) return { done: place, total: arms, what: `${label}: ${formatBytes(read)} read` };
  const what = `${label}: ${formatBytes(read)} of ${formatBytes(all)} read`;
  return { done: place * all + Math.min(read, all), total: arms * all, what };
}

async function runArms(
  options: ReplayOptions,
  inputs: Inputs,
  context: CommandContext,
): Promise<Arms> {
  const arms = armsOf(options);
  const geometry = options.geometry === null ? null : await readSlabGeometry(options.geometry);
  const rules = { kernel: '6.x', cpus: options.cpus, pageSize: 4096 } as const;
  const { hierarchy, strict, scale } = options;
  const runs = new Map<string, ReplayRun>();
  const all = scale * bytesOf(inputs.files);
  const how = {
    file: WORKER,
    atomics: 'solo',
    signal: context.signal,
    deadlineMs: DEADLINE_MS,
  } as const;
  for (const arm of arms) {
    const bytesRead = new Float64Array(new SharedArrayBuffer(8));
    const look = () =>
      standing(arm, { place: runs.size, arms: arms.length }, bytesRead[0] ?? 0, all);
    const { done, total, what } = look();
    context.progress.update(done, total, what);
    try {
      await withWorkers([arm], how, async ([worker]) => {
        const task: ReplayTask = {
          ...{ ...inputs, strategy: arm.strategy, movePages: arm.movePages },
          ...{ rules, geometry, hierarchy, strict, scale, bytesRead },
        };
        const called = worker?.call<ReplayAnswer>('replay', task) ?? Promise.resolve(undefined);
        const answer = await context.progress.alive(called, look);
        if (answer === undefined) return;
        if ('refused' in answer) throw refusalOf(answer);
        runs.set(arm.label, answer.run);
      });
    } catch (error) {
      if (error instanceof InterruptedError) return { runs, complete: false };
      // What is finished is kept (contract: 3).
      const keep = error instanceof CapacityError && runs.size > 0;
      if (!keep) throw error;
      return { runs, complete: false, failure: error };
    }
  }
  return { runs, complete: true };
}

function refusalOf({ refused, exitCode }: Extract<ReplayAnswer, { refused: string }>): UserError {
  return exitCode === 3 ? new CapacityError(refused) : new UserError(refused, exitCode);
}

function seconds(run: ReplayRun, time: number): number {
  return Math.max(0, (time - run.started) / 1e6);
}

function truthOf(rows: readonly TruthRow[], runs: ReadonlyMap<string, ReplayRun>) {
  return rows.flatMap(({ sample, phase, dying }) => {
    const found = [...runs].map(
      ([label, run]) => [label, run, run.markers.find((one) => one.sample === sample)] as const,
    );
    const [first] = found;
    if (first?.[2] === undefined) return [];
    const replayed = Object.fromEntries(
      found.map(([label, , marker]) => [label, marker?.dying ?? 0]),
    );
    return [{ sample, t: seconds(first[1], first[2].time), phase, measured: dying, replayed }];
  });
}

function resultsOf(
  options: ReplayOptions,
  runs: ReadonlyMap<string, ReplayRun>,
  truth: readonly TruthRow[] | null,
) {
  const all = [...runs];
  const first = all[0]?.[1];
  const summary = first?.summary;
  const anomalies = summary?.anomalies ?? [];
  const rate = (run: ReplayRun) => (run.ms > 0 ? (1000 * run.events) / run.ms : 0);
  return {
    files: [...options.files],
    ...{ events: first?.events ?? 0, lines: summary?.lines ?? 0, skipped: summary?.skipped ?? {} },
    ...{ bad: summary?.bad ?? 0, lost: summary?.lost ?? 0 },
    anomalies: Object.fromEntries(anomalies.map(({ kind, count }) => [kind, count])),
    anomalyLines: Object.fromEntries(anomalies.map(({ kind, lines }) => [kind, lines])),
    anomalyPlaces: Object.fromEntries(anomalies.map(({ kind, places }) => [kind, places])),
    seconds: first === undefined ? 0 : seconds(first, first.ended),
    ...{ cgroups: first?.cgroups ?? 0, removed: first?.removed ?? 0 },
    series: all.map(([strategy, run]) => ({
      strategy,
      t: run.course.map(({ time }) => seconds(run, time)),
      dying: run.course.map(({ dying }) => dying),
      slabBytes: run.course.map(({ slabBytes }) => slabBytes),
      objectBytes: run.course.map(({ objectBytes }) => objectBytes),
    })),
    pins: all.flatMap(([strategy, { pins }]) => pins.map((pin) => ({ strategy, ...pin }))),
    truth: truth === null ? null : truthOf(truth, runs),
    releases: all.map(([strategy, run]) => ({
      ...{ strategy, told: run.releases, withinHalfASecond: run.releasesRight },
    })),
    liveObjects: first?.objects ?? [],
    unknownFrees: first?.unknownFrees ?? 0,
    unknownDeletes: first?.unknownDeletes ?? 0,
    largeAllocations: first?.largeAllocations ?? 0,
    failedAllocations: first?.failedAllocations ?? 0,
    namesMissing: summary?.namesMissing ?? 0,
    inferredPins: first?.inferredPins ?? 0,
    eventsPerSecond: Object.fromEntries(all.map(([strategy, run]) => [strategy, rate(run)])),
  };
}

/** What to know of a trace before its figures are believed. */
function traceWarnings({ summary, ...run }: ReplayRun): string[] {
  const { clock, hasFlags, pidFiltered } = summary;
  const others = run.otherHierarchies.map(
    ([number, events]) => `${formatCount(events)} of ${number}`,
  );
  const said: readonly (readonly [unless: boolean, text: string])[] = [
    [
      clock !== 'count',
      'the clock of the trace counts something else than time: what is said of seconds is not so; record with echo mono > trace_clock',
    ],
    [
      clock !== 'mixed',
      'the clock changes within the trace: where it jumps no time is taken to have gone by; record it all with one clock',
    ],
    [
      others.length === 0,
      `events of other hierarchies than ${run.hierarchy} were left out (${others.join(', ')}); choose with --hierarchy`,
    ],
    [
      hasFlags,
      'the lines do not say what ran in an interrupt: it is taken to be of the task there; echo 1 > options/irq-info, or trace-cmd report -l',
    ],
    [
      run.accountedUnsaid === 0,
      `${formatCount(run.accountedUnsaid)} allocations do not say whether they are accounted: all are taken to be, which is too much`,
    ],
    [
      run.cgroups > 0,
      'no cgroup was made in the trace: nothing can be dying; begin to record before the workload starts',
    ],
    [
      pidFiltered === null,
      `${pidFiltered}: a trace that was recorded for some PIDs (set_event_pid) misses most frees, and shows leaks that are not there`,
    ],
  ];
  return said.flatMap(([unless, text]) => (unless ? [] : [text]));
}

/** Whether the measured values are of this trace. */
function truthWarnings(
  { truth: file }: ReplayOptions,
  rows: readonly TruthRow[] | null,
  joined: readonly unknown[] | null,
): string[] {
  if (rows === null || joined === null || joined.length === rows.length) return [];
  return [
    `${file}: ${formatCount(rows.length - joined.length)} of ${formatCounted(rows.length, 'sample')} have no marker in the trace (probe: sample=N) and are left out`,
  ];
}

/** Replays a trace. What is finished when it is interrupted is kept. @throws InputError, UserError */
export async function runReplay(
  options: ReplayOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const truth = options.truth === null ? null : await readTruth(options.truth);
  const { runs, complete, failure } = await withFiles<Arms>(options.files, context, (inputs) =>
    runArms(options, inputs, context),
  ).catch((error: unknown): Arms => {
    if (error instanceof InterruptedError) return { runs: new Map(), complete: false };
    throw error;
  });
  const results = resultsOf(options, runs, truth);
  const lost = [...runs.values()]
    .flatMap(({ objects }) => objects)
    .filter(({ allocs, frees, reused, live }) => allocs - frees - reused !== live);
  const broken = [...runs].flatMap(([label, { violations }]) =>
    violations.map((violation) => `${label}: ${violation}`),
  );
  const [first] = runs.values();
  return {
    results,
    parameters: { ...options },
    checks: [
      {
        name: 'objects are accounted for',
        ok: lost.length === 0,
        detail:
          lost.length === 0
            ? `${formatCount(results.liveObjects.length)} caches: what is there is what was allocated less what was freed`
            : `${lost[0]?.cache}: ${lost[0]?.live} objects are there`,
      },
      {
        name: 'every machine passes its audit at the end',
        ok: broken.length === 0,
        detail: broken.length === 0 ? `${runs.size} machines` : (broken[0] ?? ''),
      },
    ],
    complete,
    ...(failure === undefined ? {} : { failure }),
    warnings: [
      ...(first === undefined ? [] : traceWarnings(first)),
      ...truthWarnings(options, truth, results.truth),
    ],
    atomics: 'solo',
  };
}

/** The commands that record a trace that can be replayed. */
export function howToRecord(): string {
  return `# Record a trace that slabsplice can replay (as root; for cgroup v1 and v2 alike).
# Record allocations only of the tasks you are after if you must, but frees and cgroup events always of all:
# most frees run elsewhere, and a trace that is filtered by PID shows leaks that are not there.

mountpoint -q /sys/kernel/tracing || mount -t tracefs nodev /sys/kernel/tracing
cd /sys/kernel/tracing
mkdir -p instances/slabsplice && cd instances/slabsplice
echo 262144 > buffer_size_kb              # KiB per CPU: a million events take about 60 MB
echo mono > trace_clock
for event in kmem/kmem_cache_alloc kmem/kmem_cache_free kmem/kmalloc kmem/kfree \\
    filemap/mm_filemap_add_to_page_cache filemap/mm_filemap_delete_from_page_cache \\
    cgroup/cgroup_mkdir cgroup/cgroup_rmdir cgroup/cgroup_release \\
    cgroup/cgroup_attach_task cgroup/cgroup_transfer_tasks \\
    sched/sched_process_fork sched/sched_process_exit; do
  echo 1 > events/$event/enable
done
echo 1 > tracing_on
# ... the workload: start it now, so that its cgroups are made while the trace runs ...
echo 0 > tracing_on
gzip < trace > ~/my.trace.gz
cd ../.. && rmdir instances/slabsplice

# v1: the number of the memory hierarchy, for --hierarchy, if there are events of several
awk '$1 == "memory" { print $2 }' /proc/cgroups
# v2: its number is 0

slabsplice replay ~/my.trace.gz
`;
}
