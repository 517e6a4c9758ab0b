/**
 * `host`: what does this live machine hold: dying cgroups, what pins them, what they cost? It reads,
 * and says what it read and what it could not. It changes nothing, but with `--trace` a tracefs
 * instance of its own, which it removes.
 */
import { renderOpenMetrics } from '../../reports/openmetrics.ts';
import type { HostResults } from '../../reports/results-host.ts';
import { listDying } from '../host/bpf.ts';
import { mainHierarchy, readEarlier } from '../host/growth.ts';
import { memoryRow, type Surveyed } from '../host/hierarchy.ts';
import { conclude, observed, probe, type Started, start } from '../host/probe.ts';
import { HostReader } from '../host/reader.ts';
import { simulateHost } from '../host/simulate.ts';
import { replaceFile } from '../host/textfile.ts';
import { traceCgroups } from '../host/trace.ts';
import { type WatchStream, watchHost } from '../host/watch.ts';
import type { HostOptions } from '../host-options.ts';
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
}

/** Counts again and again; the results after the last reading. */
async function watched(
  options: HostOptions & { readonly watch: number },
  signal: AbortSignal,
  stream: WatchStream,
  { reader, started, results, main, holdings }: Look & { readonly main: Surveyed },
): Promise<HostResults> {
  let latest = results;
  await watchHost({
    ...{ reader, main, signal, stream, seconds: options.watch, readings: options.readings },
    onReading(readings) {
      latest = conclude(results, holdings, readings);
      try {
        publish(options, observed(latest, reader, started));
      } catch (error) {
        // Hours of readings are worth more than the file, which could be written before.
        const why = error instanceof Error ? error.message : 'unknown';
        reader.note('figures in the metrics file', why);
      }
    },
  });
  return latest;
}

/** What root can add: which cgroups are dying, and how they come and go. */
async function rootsPart(
  options: HostOptions,
  signal: AbortSignal,
  reader: HostReader,
  results: HostResults,
): Promise<Pick<HostResults, 'listed' | 'traced'>> {
  let { listed, traced } = results;
  // Nothing to list, or nobody knows: then a second of compiling is not worth it.
  const dying = mainHierarchy(results.hierarchies)?.dying ?? 0;
  if (options.bpf && dying > 0 && !signal.aborted) {
    listed = await listDying(reader, results.cost?.nodes ?? 1, signal);
  }
  if (options.trace !== null && !signal.aborted) {
    const hierarchy = memoryRow(reader)?.hierarchy ?? 0;
    traced = await traceCgroups({ reader, seconds: options.trace, hierarchy, signal });
  }
  return { listed, traced };
}

/** Runs the command. What is found is no failed check: the exit code is 0. */
export async function runHost(
  options: HostOptions,
  context: CommandContext,
  stream: WatchStream = process.stderr,
): Promise<CommandResult> {
  const started = start();
  const { signal, startedAt, progress } = context;
  const { watch } = options;
  const earlier = options.since === null ? null : await readEarlier(options.since);
  const reader = new HostReader(options.root);
  progress.update(0, 0, 'reading the host');
  const settle = options.settle && watch === null;
  const first = await probe({ reader, startedAt, signal, earlier, settle });
  progress.clear();
  const whole = !signal.aborted;
  publish(options, first.results);
  const { main } = first;
  let results =
    watch === null || main === null
      ? first.results
      : await watched({ ...options, watch }, signal, stream, { ...first, main, reader, started });
  results = { ...results, ...(await rootsPart(options, signal, reader, results)) };
  if (options.simulate) {
    const { strategies, cgroupsPerDay, seed } = options;
    const fleet = { workers: options.workers, signal, progress };
    const outcome = await simulateHost(results, { strategies, cgroupsPerDay, seed, fleet });
    progress.clear();
    if ('simulated' in outcome) results = { ...results, simulated: outcome.simulated };
    else reader.note('a simulated week', outcome.why);
  }
  return {
    results: observed(results, reader, started),
    parameters: { ...options },
    checks: [],
    // Ctrl-C is how watching ends; anything else it cuts short.
    complete:
      whole && (!signal.aborted || (watch !== null && options.trace === null && !options.simulate)),
    warnings: [],
  };
}
