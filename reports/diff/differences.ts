/** In what two runs differed, but for what they found; and what a reader must know before the figures. */
import { formatBytes, formatList, formatNumber } from '../format.ts';
import type { ResultRecord } from '../record.ts';
import type { DiffResults } from '../results-diff.ts';

type Difference = DiffResults['differences'][number];

const TEXT_MAX = 60;

function shown(value: unknown): string {
  if (value === undefined || value === null) return 'not given';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX - 3)}...` : text;
}

function differing(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): Difference[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((what) => JSON.stringify(a[what]) !== JSON.stringify(b[what]))
    .map((what) => ({ what, a: shown(a[what]), b: shown(b[what]) }));
}

function machine({ environment: one }: ResultRecord): Record<string, unknown> {
  return {
    CPU: one.cpuModel,
    CPUs: one.cpus,
    memory: formatBytes(one.memoryBytes),
    Node: one.node,
    kernel: one.kernel ?? one.os,
    'CPU limit': one.cgroupCpuLimit,
    governor: one.governor,
    atomics: one.atomics,
  };
}

/** Options, and the values of a scenario, wherever its file lies. */
function chosen(record: ResultRecord): Record<string, unknown> {
  const { seed: _, ...parameters } = record.parameters;
  if (record.command !== 'leak') return parameters;
  const { name, parameters: values } = record.results.scenario;
  return {
    ...parameters,
    scenario: name,
    ...Object.fromEntries(values.map(({ key, value }) => [key, value])),
  };
}

/** All differences: of versions and seeds, machines, and parameters. */
export function differencesOf(a: ResultRecord, b: ResultRecord): Difference[] {
  return [
    ...differing(
      { version: a.version, seed: a.seed, command: a.command },
      { version: b.version, seed: b.seed, command: b.command },
    ),
    ...differing(machine(a), machine(b)),
    ...differing(chosen(a), chosen(b)).map((one) => ({ ...one, what: `option ${one.what}` })),
  ];
}

/** From this share of the CPUs on somebody else's load decides about times. */
const BUSY = 0.5;

function busyWords(records: readonly ResultRecord[]): string[] {
  const busy = records.map(({ environment }, at) => ({
    letter: at === 0 ? 'A' : 'B',
    load: environment.loadAverage,
    isBusy: environment.loadAverage > BUSY * environment.cpus,
  }));
  if (!busy.some(({ isBusy }) => isBusy)) return [];
  const loads = busy.map(({ letter, load }) => `${formatNumber(load)} before ${letter}`);
  return [
    `the machine had other work (load ${formatList(loads)}): what it took from one run and not from the other looks like a difference`,
  ];
}

const MACHINE = new Set(['CPU', 'CPUs', 'memory', 'Node', 'kernel', 'CPU limit', 'governor']);
const NAMED_MAX = 6;

function words(differences: readonly Difference[]): string {
  const named = differences
    .slice(0, NAMED_MAX)
    .map(({ what, a, b }) => `${what.replace(/^option /, '')} ${a} in A, ${b} in B`);
  const more = differences.length - named.length;
  return `${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

/** What has to be known first, the most important at the top; `timed` where anything was timed. */
export function cautionsOf(
  [a, b]: readonly [ResultRecord, ResultRecord],
  differences: readonly Difference[],
  { timed, identical }: { timed: boolean; identical: boolean },
): string[] {
  const of = (test: (one: Difference) => boolean): Difference[] => differences.filter(test);
  const machines = of(({ what }) => MACHINE.has(what));
  const options = of(({ what }) => what.startsWith('option ') || what === 'atomics');
  const runs = of(({ what }) => what === 'seed' || what === 'version');
  const cut = [a.complete ? [] : ['A'], b.complete ? [] : ['B']].flat();
  return [
    ...(identical ? ['A and B are the same record: every pair is the same by necessity'] : []),
    ...(cut.length === 0
      ? []
      : [
          `${formatList(cut)} ${cut.length === 1 ? 'was' : 'were'} cut short (complete: false): compared as far as ${cut.length === 1 ? 'it goes' : 'they go'}`,
        ]),
    ...(machines.length === 0
      ? []
      : [
          `different machines: ${words(machines)}${timed ? '; times say nothing about the code then' : ''}`,
        ]),
    ...(timed ? busyWords([a, b]) : []),
    ...(options.length === 0 ? [] : [`different options: ${words(options)}`]),
    ...(runs.length === 0
      ? []
      : [`different ${runs.map(({ what }) => what).join(' and ')}: ${words(runs)}`]),
    ...(a.command === b.command
      ? []
      : [`A is of ${a.command}, B of ${b.command}: only what both hold is compared`]),
  ];
}
