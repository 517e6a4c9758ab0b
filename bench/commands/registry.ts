/**
 * The commands of this release: what each one is called, which options it takes and how it is
 * started. The work itself is imported when a command runs, so that `--help` and a refusal are
 * instant and load no worker pool.
 */
import { Option } from 'commander';
import { diffOptions, resolveDiff } from '../diff-options.ts';
import { UsageError } from '../errors.ts';
import { hostOptions, resolveHost } from '../host-options.ts';
import { leakOptions, resolveLeak } from '../leak-options.ts';
import { choiceOption } from '../option-values.ts';
import {
  capacityOptions,
  colorOption,
  commonOptions,
  compareDefaults,
  compareOptions,
  geometryOptions,
  htmlOption,
  resolveCapacity,
  resolveCompare,
  resolveGeometry,
} from '../options.ts';
import { replayOptions, resolveReplay } from '../replay-options.ts';
import { resolveRun, runOptions } from '../run-options.ts';
import { resolveStorm, stormOptions } from '../storm-options.ts';
import type { CommandEntry } from './command.ts';
import { claims, explore, selftest } from './trust-entries.ts';

export type {
  CommandCheck,
  CommandContext,
  CommandEntry,
  CommandResult,
  Plan,
  RecordJob,
} from './command.ts';

/** What a command needs that builds no machine. */
const NO_MEMORY = { bytes: 0, remedy: '' };

const run: CommandEntry = {
  name: 'run',
  summary: 'the main job: one page with charts and a verdict (default)',
  examples: [
    ['slabsplice', 'everything, within a minute on two cores'],
    ['slabsplice run --quick', 'a first impression in under 20 s'],
    ['slabsplice run --json - | jq .results.ratios', 'the record for another program'],
  ],
  slow: true,
  unused: [],
  options: runOptions,
  prepare(raw) {
    const options = resolveRun(raw);
    return {
      kind: 'record',
      plan: async () => (await import('./run.ts')).planRun(options),
      run: async (context) => (await import('./run.ts')).runAll(options, context),
    };
  },
};

const compare: CommandEntry = {
  name: 'compare',
  summary: 'what removing a cgroup costs, and what each strategy costs on alloc and free',
  examples: [
    ['slabsplice compare --pages 1e3..1e7', 'a thousand to ten million pages, by decades'],
    ['slabsplice compare --strategies list-pages,splice-caches --no-hot-path', 'removal only'],
    ['slabsplice compare --population slabinfo:live', 'caches as on this host (root)'],
    ['slabsplice compare --self-check', 'is this machine quiet enough to compare anything?'],
    ['slabsplice compare --pages 5e7 --dry-run', 'how much memory would it take?'],
  ],
  slow: true,
  unused: [],
  options: () => [...compareOptions(compareDefaults), ...commonOptions()],
  prepare(raw) {
    const options = resolveCompare('compare', raw, compareDefaults);
    return {
      kind: 'record',
      plan: async () => (await import('./compare.ts')).planCompare(options),
      run: async (context) => (await import('./compare.ts')).runCompare(options, context),
    };
  },
};

const storm: CommandEntry = {
  name: 'storm',
  summary: 'what removing cgroups does to everybody else: throughput, stalls, correctness',
  examples: [
    ['slabsplice storm', 'all strategies, two CPUs, about a minute'],
    ['slabsplice storm --mix pods --cpus 8', 'cgroups four deep, more CPUs than cores'],
    ['slabsplice storm --strategies list-pages,splice-caches --fill 200000', 'large cgroups'],
    [
      'slabsplice storm --strategies splice-caches --rounds 1 --seconds 3600',
      'a soak of an hour, audited every few seconds',
    ],
  ],
  slow: true,
  unused: [],
  options: stormOptions,
  prepare(raw) {
    const options = resolveStorm(raw);
    return {
      kind: 'record',
      plan: async () => (await import('./storm.ts')).planStorm(options),
      run: async (context) => (await import('./storm.ts')).runStorm(options, context),
    };
  },
};

const leak: CommandEntry = {
  name: 'leak',
  summary: 'how many dying cgroups, and how much memory, over days of a host or a fleet?',
  examples: [
    ['slabsplice leak', 'the week of the patch series, 20 hosts, beside the published numbers'],
    ['slabsplice leak --list-scenarios', 'which scenarios come along'],
    [
      'slabsplice leak --scenario pods --days 30 --strategies pin,splice-caches',
      'a month of a Kubernetes node',
    ],
    ['slabsplice leak --scenario my-host.json --hosts 1', 'a host that you describe'],
    ['slabsplice leak --vary cgroupsPerDay=50:800:50', 'how the leak grows with the rate'],
    [
      'slabsplice leak --vary cgroupsPerDay=100:700:200 --vary passesPerHour=0,2,8',
      'a map of rate and memory pressure',
    ],
    [
      'slabsplice leak --hosts 1000 --shard 3/10',
      'a tenth of a fleet on this machine (docs/fleet.md)',
    ],
  ],
  slow: true,
  simulated: true,
  unused: ['cpus'],
  options: leakOptions,
  prepare(raw) {
    if (raw.listScenarios || raw.printScenario !== undefined) {
      return {
        kind: 'text',
        render: async ({ width }) =>
          (await import('./leak-scenarios.ts')).renderScenarios(raw.printScenario, width),
      };
    }
    const options = resolveLeak(raw);
    return {
      kind: 'record',
      plan: async () => (await import('./leak.ts')).planLeak(options),
      run: async (context) => (await import('./leak.ts')).runLeak(options, context),
    };
  },
};

const merge: CommandEntry = {
  name: 'merge',
  summary: 'join the records of the shards of a fleet into one',
  operands: ['<FILE...>', 'the records of all shards, written by leak --shard'],
  examples: [
    ['slabsplice merge shards/*.json', 'the record that one machine would have written'],
    ['slabsplice merge shards/*.json --json fleet.json', 'into a file of that name'],
  ],
  slow: false,
  unused: ['seed', 'cpus', 'strategies', 'quick', 'selfCheck'],
  simulated: true,
  recordsAs: 'leak',
  options: commonOptions,
  prepare: (_, files) => ({
    kind: 'record',
    plan: async () => ({ lines: [`merge: join ${files.length} records`], ...NO_MEMORY }),
    run: async ({ progress }) => (await import('./merge.ts')).mergeFiles(files, progress),
  }),
};

const replay: CommandEntry = {
  name: 'replay',
  summary: 'what would a recorded kernel trace have left behind under each strategy?',
  operands: ['[FILE...]', 'ftrace text, plain or gzip; - is standard input'],
  examples: [
    ['slabsplice replay my.trace.gz', 'a trace of any machine, under pin, the splice, and 7.1'],
    ['slabsplice replay my.trace.gz --truth my.tsv', 'beside what that machine measured'],
    ['trace-cmd report | slabsplice replay -', 'from a pipe'],
    ['slabsplice replay --how-to-record', 'the commands that record a suitable trace'],
  ],
  slow: true,
  simulated: true,
  unused: ['seed', 'quick', 'selfCheck'],
  options: replayOptions,
  prepare(raw, files) {
    if (raw.howToRecord) {
      return {
        kind: 'text',
        render: async () => (await import('./replay.ts')).howToRecord(),
      };
    }
    const options = resolveReplay(raw, files);
    return {
      kind: 'record',
      plan: async () => (await import('./replay.ts')).planReplay(options),
      run: async (context) => (await import('./replay.ts')).runReplay(options, context),
    };
  },
};

const host: CommandEntry = {
  name: 'host',
  summary: 'what does this live machine hold: dying cgroups, what pins them, what they cost?',
  examples: [
    ['slabsplice host', 'look once; changes nothing, needs no root'],
    ['slabsplice host --settle', 'count again after 5 s: what is only on its way?'],
    ['slabsplice host --since results/host-X.json', 'what grew since then?'],
    ['slabsplice host --watch 60 --openmetrics slabsplice.prom', 'a graph for node_exporter'],
    ['slabsplice host --root copy/', 'a copied /proc and /sys tree of another host'],
    ['slabsplice host --simulate --cgroups-per-day 500', 'a week of this host'],
  ],
  slow: false,
  // Nothing is timed.
  simulated: true,
  unused: ['cpus', 'quick', 'selfCheck'],
  options: hostOptions,
  prepare(raw) {
    const options = resolveHost(raw);
    return {
      kind: 'record',
      plan: async () => (await import('./host.ts')).planHost(options),
      run: async (context) => (await import('./host.ts')).runHost(options, context),
    };
  },
};

const geometry: CommandEntry = {
  name: 'geometry',
  summary: 'does the model compute the same slab geometry as this kernel, or a recorded one?',
  operands: [
    '[FILE]',
    'a recorded geometry, a slabinfo text or host-6.18 (built in); without it this host (root)',
  ],
  examples: [
    ['slabsplice geometry', 'compare with /sys/kernel/slab of this host'],
    ['slabsplice geometry host-6.18', 'compare with the host whose recording comes along'],
    ['slabsplice geometry slab-geometry.json --cpus 64', 'as a host with 64 CPUs would have it'],
    ['slabsplice geometry slabinfo.txt --kernel 5.3', 'a slabinfo text, by the rules of 5.3'],
  ],
  slow: false,
  unused: ['seed', 'strategies', 'quick', 'selfCheck'],
  options: () => [...geometryOptions(), ...commonOptions()],
  prepare(raw, operands) {
    const options = resolveGeometry(raw, operands[0]);
    const source = options.file ?? '/sys/kernel/slab of this host';
    return {
      kind: 'record',
      plan: async () => ({ lines: [`geometry: compare the model with ${source}`], ...NO_MEMORY }),
      run: async () => (await import('./geometry.ts')).runGeometry(options),
    };
  },
};

const doctor: CommandEntry = {
  name: 'doctor',
  summary: 'what on this machine will spoil a measurement, and what to do about it',
  examples: [
    ['slabsplice doctor', 'look at this machine'],
    ['slabsplice doctor --cpus 4', 'is it fit for four workers at once?'],
  ],
  slow: false,
  unused: ['seed', 'strategies', 'quick', 'selfCheck'],
  options: commonOptions,
  prepare(raw) {
    const workers = raw.cpus ?? 1;
    return {
      kind: 'record',
      plan: async () => ({ lines: ['doctor: look at this machine, change nothing'], ...NO_MEMORY }),
      run: async () => (await import('./doctor.ts')).runDoctor({ workers }),
    };
  },
};

const capacity: CommandEntry = {
  name: 'capacity',
  summary: 'how many objects fit: create, fill, audit and tear down a large machine',
  examples: [
    ['slabsplice capacity', 'a billion objects of 64 bytes'],
    ['slabsplice capacity --objects 4e9', 'four billion'],
    ['slabsplice capacity --objects 4e9 --dry-run', 'how much memory would it take?'],
  ],
  slow: true,
  unused: ['strategies', 'selfCheck'],
  options: () => [...capacityOptions(), ...commonOptions()],
  prepare(raw) {
    const options = resolveCapacity(raw);
    return {
      kind: 'record',
      plan: async () => (await import('./capacity.ts')).planCapacity(options),
      run: async (context) => (await import('./capacity.ts')).runCapacity(options, context),
    };
  },
};

const diff: CommandEntry = {
  name: 'diff',
  summary: 'are two records different, beyond noise? exits with 1 on a regression',
  operands: ['<FILE...>', 'two records of one command: the one to compare with, and the new one'],
  examples: [
    ['slabsplice diff before.json after.json', 'what changed, the worst first'],
    ['slabsplice diff before.json after.json --threshold 10%', 'only beyond 10 % is a regression'],
    [
      'slabsplice diff a.json b.json --only removal/splice-caches',
      'some pairs, judged by themselves',
    ],
    [
      'slabsplice diff a.json b.json --format markdown > diff.md',
      'for a pull request (docs/diff.md)',
    ],
  ],
  slow: false,
  simulated: true,
  unused: ['cpus', 'strategies', 'quick', 'selfCheck'],
  options: diffOptions,
  prepare(raw, files) {
    const options = resolveDiff(raw, files);
    return {
      kind: 'record',
      plan: async () => ({ lines: [`diff: compare ${files.join(' with ')}`], ...NO_MEMORY }),
      run: async () => (await import('./diff.ts')).runDiff(options),
    };
  },
};

const report: CommandEntry = {
  name: 'report',
  summary: 'show records again, as a terminal page, Markdown or one HTML file',
  operands: ['[FILE...]', 'records written by other commands'],
  examples: [
    ['slabsplice report results/*.json', 'the pages of all records so far'],
    ['slabsplice report --format markdown record.json > report.md', 'for a pull request'],
    ['slabsplice report --html page.html record.json', 'to look at, or to attach to a mail'],
    ['slabsplice report --machine --html machine.html', 'the idea, to play with in a browser'],
  ],
  slow: false,
  unused: [],
  options: () => [
    choiceOption('--format <NAME>', 'terminal, markdown or html (default: terminal)', [
      'terminal',
      'markdown',
      'html',
    ]),
    htmlOption(),
    new Option('--machine', 'an HTML page: a small machine to play with, and schedules of explore'),
    colorOption(),
  ],
  prepare(raw, files) {
    const { format, html, machine = false } = raw;
    if (files.length === 0 && !machine) {
      throw new UsageError('report: no FILE given; see slabsplice report --help');
    }
    return {
      kind: 'text',
      render: async (view, progress) =>
        (await import('./report.ts')).report(files, { format, html, machine }, view, progress),
    };
  },
};

/** All commands, in the order of the help text; the first one is the default. */
export const COMMANDS: readonly CommandEntry[] = [
  run,
  compare,
  storm,
  leak,
  merge,
  replay,
  host,
  explore,
  claims,
  selftest,
  geometry,
  capacity,
  doctor,
  diff,
  report,
];

/** The names for a refusal: `run, compare, …`. */
export function commandNames(): string {
  return COMMANDS.map((entry) => entry.name).join(', ');
}
