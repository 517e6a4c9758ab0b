/**
 * `host`: what does this live machine hold: dying cgroups, what pins them, what they cost? It reads,
 * and says what it read and what it could not. It changes nothing, but with `--trace` a tracefs
 * instance of its own, which it removes.
 */
import { type CourseStream, LiveCourse } from '../../reports/index.ts';
import { renderOpenMetrics } from '../../reports/openmetrics.ts';
import type { HostResults } from '../../reports/results-host.ts';
import { listDying } from '../host/bpf.ts';
import { type Earlier, mainHierarchy, readEarlier } from '../host/growth.ts';
import { memoryRow, SETTLED_SECONDS, type Surveyed } from '../host/hierarchy.ts';
import { conclude, observed, probe, type Started, start } from '../host/probe.ts';
import { HostReader } from '../host/reader.ts';
import { simulateHost } from '../host/simulate.ts';
import { replaceFile } from '../host/textfile.ts';
import { traceCgroups } from '../host/trace.ts';
import { type WatchClock, watchHost } from '../host/watch.ts';
import type { HostOptions } from '../host-options.ts';
import type { Standing } from '../progress.ts';
import type { CommandContext, CommandResult, Plan } from './registry.ts';

/** What would be read. */
export async function planHost(options: HostOptions): Promise<Plan> {
  const watch = options.watch === null ? 'once' : `every ${options.watch} s until Ctrl-C`;
  const trace =
    options.trace === null
      ? 'nothing is changed'
      : `a tracefs instance is made for ${options.trace} s and removed`;
  return {
    lines: [
      `host: read /proc, /sys and the memory cgroups below ${options.root}, ${watch}; ${trace}`,
    ],
    bytes: 0,
    remedy: '',
  };
}

/** Writes the metrics file; without the option nothing. @throws UsageError */
function publish({ openmetrics }: HostOptions, results: HostResults): void {
  if (openmetrics !== null) replaceFile(openmetrics, renderOpenMetrics(results));
}

interface Look extends Awaited<ReturnType<typeof probe>> {
  readonly reader: HostReader;
  readonly started: Started;
  readonly earlier: Earlier | null;
}

/** Where a course is shown, and what time it is. */
interface Course {
  readonly stream: CourseStream;
  readonly clock: WatchClock;
}

/** All of the host is looked at again after so long; in between only the counts are read. */
const LOOK_SECONDS = 60;

/** Counts again and again, and looks at everything now and then; the last look and its conclusions. */
async function watched(
  options: HostOptions & { readonly watch: number },
  context: CommandContext,
  { stream, clock }: Course,
  first: Look & { readonly main: Surveyed },
): Promise<{ look: Look; share: number }> {
  const { signal } = context;
  let look: Look = first;
  let results = first.results;
  let lookedAt = 0;
  const course = new LiveCourse(stream);
  const { share } = await watchHost({
    ...{ reader: first.reader, main: first.main, signal, ...clock },
    show: (watched) => course.show(watched),
    ...{ seconds: options.watch, readings: options.readings },
    async onReading(readings) {
      const t = readings.at(-1)?.t ?? 0;
      if (t - lookedAt >= LOOK_SECONDS) {
        const next = await lookAgain(look, context.startedAt.getTime() + t * 1000, signal);
        if (signal.aborted) return;
        [look, lookedAt] = [next, t];
      }
      results = { ...conclude(look.results, look.holdings, readings), lookedAt };
      try {
        publish(options, observed(results, look.reader, look.started));
      } catch (error) {
        // Hours of readings are worth more than the file, which could be written before.
        const why = error instanceof Error ? error.message : 'unknown';
        look.reader.note('figures in the metrics file', why);
      }
    },
  });
  return { look: { ...look, results }, share };
}

/** Another look; the one before where there is none any more to be had. */
async function lookAgain(look: Look, now: number, signal: AbortSignal): Promise<Look> {
  const reader = look.reader.again();
  const { earlier } = look;
  const next = await probe({ reader, startedAt: new Date(now), signal, earlier, settle: false });
  return next.main === null ? look : { ...look, ...next, reader };
}

/** How far something is that takes a known time. */
export function byTime(
  seconds: number,
  what: string,
  now = () => performance.now(),
): () => Standing {
  const start = now();
  return () => ({ done: Math.min(seconds, (now() - start) / 1000), total: seconds, what });
}

/** What root can add: which cgroups are dying, and how they come and go. */
async function rootsPart(
  options: HostOptions,
  { signal, progress }: CommandContext,
  reader: HostReader,
  results: HostResults,
): Promise<Pick<HostResults, 'listed' | 'traced'>> {
  let { listed, traced } = results;
  // Nothing to list, or nobody knows: then a second of compiling is not worth it.
  const dying = mainHierarchy(results.hierarchies)?.dying ?? 0;
  if (options.bpf && dying > 0 && !signal.aborted) {
    progress.update(0, 0, 'listing what is dying (BPF)');
    listed = await progress.alive(listDying(reader, results.cost?.nodes ?? 1, signal));
  }
  if (options.trace !== null && !signal.aborted) {
    const hierarchy = memoryRow(reader)?.hierarchy ?? 0;
    const tracing = traceCgroups({ reader, seconds: options.trace, hierarchy, signal });
    traced = await progress.alive(tracing, byTime(options.trace, 'tracing cgroups'));
  }
  return { listed, traced };
}

/** Runs the command. What is found is no failed check: the exit code is 0. */
export async function runHost(
  options: HostOptions,
  context: CommandContext,
  { stream = process.stderr, clock = {} }: Partial<Course> = {},
): Promise<CommandResult> {
  const started = start();
  const { signal, startedAt, progress } = context;
  const { watch } = options;
  const earlier = options.since === null ? null : await readEarlier(options.since);
  const firstReader = new HostReader(options.root);
  progress.update(0, 0, 'reading the host');
  const settle = options.settle && watch === null;
  const looking = probe({ reader: firstReader, startedAt, signal, earlier, settle });
  const first = await progress.alive(
    looking,
    settle ? byTime(SETTLED_SECONDS, 'counting again after 5 s') : undefined,
  );
  progress.clear();
  const whole = !signal.aborted;
  publish(options, first.results);
  const { main } = first;
  const once = { ...first, main, reader: firstReader, started, earlier };
  const { look, share } =
    watch === null || main === null
      ? { look: once, share: null }
      : await watched({ ...options, watch }, context, { stream, clock }, { ...once, main });
  const { reader } = look;
  let { results } = look;
  results = { ...results, ...(await rootsPart(options, context, reader, results)) };
  progress.clear();
  if (options.simulate) {
    const { strategies, cgroupsPerDay, seed } = options;
    const fleet = { workers: options.workers, signal, progress };
    const outcome = await simulateHost(results, { strategies, cgroupsPerDay, seed, fleet });
    progress.clear();
    if ('simulated' in outcome) results = { ...results, simulated: outcome.simulated };
    else reader.note('a simulated week', outcome.why);
  }
  return {
    results: observed(results, reader, started, share),
    parameters: { ...options },
    checks: [],
    // Ctrl-C is how watching ends; anything else it cuts short.
    complete:
      whole && (!signal.aborted || (watch !== null && options.trace === null && !options.simulate)),
    warnings: [],
  };
}
