/** What a user may write after a command, and what it means when left out. */
import { Option } from 'commander';
import { STRATEGY_NAMES } from '../core/index.ts';
import { formatCount } from '../reports/format.ts';
import { UsageError } from './errors.ts';
import type { Switch } from './explore/driver.ts';
import type { Vary } from './leak/cells.ts';
import type { Shard } from './leak/fleet.ts';
import type { Change } from './leak/scenario.ts';
import {
  type CountRange,
  choiceOption,
  countOption,
  parsePages,
  parsePopulation,
  parseStrategies,
  parseWord,
  textOption,
} from './option-values.ts';

/** Order of a memcg's pages in memory: as allocated, or as an aged host leaves them. */
export type PageOrder = 'in-order' | 'shuffled';
/** Whether the caches still hold what a removal touches. */
export type Temperature = 'warm' | 'cold';
/** Which version of `#atomics` the workers run: plain loads and stores, the real ones, or explored. */
export type AtomicsKind = 'solo' | 'real' | 'explore';

/** Kernel releases whose slab rules the model has. */
export type KernelRulesName = '5.3' | '6.x';

/** Everything `compare` (and `run`) needs, checked and with its defaults filled in. */
export interface CompareOptions {
  /** Names out of `ALL_STRATEGY_NAMES`, each once. */
  strategies: string[];
  /** Pages charged to the removed memcg, ascending. */
  pages: number[];
  /** kmem_caches of the removed memcg. */
  caches: number;
  /** Values per strategy and size; one round gives one value. */
  rounds: number;
  /** Fresh workers of each strategy that the rounds of a removal are spread over. */
  isolates: number;
  /** `builtin`, `slabinfo:live` or `slabinfo:FILE`. */
  population: string;
  /** The last one is the main one. */
  orders: PageOrder[];
  /** The first one is the main one. */
  temperatures: Temperature[];
  /** At every size only the main order and temperature; the others at the largest one alone. */
  cornersOnly: boolean;
  /** Rows of the memmap beside those of the removed memcg; 0 for none. */
  memmapRows: number;
  atomics: AtomicsKind;
  /** Whether alloc and free are measured too. */
  hotPath: boolean;
  /** Alloc from a cache that is known, without its look-up. */
  lookedUp: boolean;
  /** Objects alive while the random benchmark runs. */
  liveObjects: number;
  seed: number;
  quick: boolean;
  /** The same strategy under two names, which must come out as no difference. */
  selfCheck: boolean;
  /** Milliseconds one round of one worker may take before it is given up. */
  deadlineMs: number;
}

/** Everything `capacity` needs, checked. */
export interface CapacityOptions {
  objects: number;
  objectsPerSlab: number;
  seed: number;
}

/** Everything `geometry` needs, checked. */
export interface GeometryOptions {
  /** A recorded geometry; null for this host. */
  file: string | null;
  /** CPUs the rules assume; null for those of the recording or of this host. */
  cpus: number | null;
  /** Whose rules; null for those of the kernel that was recorded. */
  kernel: KernelRulesName | null;
  /** Bytes of a page, which a slabinfo text does not tell; null for 4096. */
  pageSize: number | null;
}

/** The part of `CompareOptions` that differs between a full, a default and a quick run. */
export type ComparePreset = Pick<
  CompareOptions,
  | 'pages'
  | 'caches'
  | 'rounds'
  | 'orders'
  | 'temperatures'
  | 'cornersOnly'
  | 'liveObjects'
  | 'deadlineMs'
>;

/** `compare` without options. */
export const compareDefaults: ComparePreset = {
  pages: [1e3, 1e4, 1e5, 1e6],
  caches: 100,
  rounds: 7,
  orders: ['in-order', 'shuffled'],
  temperatures: ['warm', 'cold'],
  cornersOnly: false,
  liveObjects: 10_000_000,
  deadlineMs: 120_000,
};

/** `run`: the page a new user sees, within a minute on two cores. */
export const runDefaults: ComparePreset = {
  ...compareDefaults,
  rounds: 5,
  cornersOnly: true,
  liveObjects: 400_000,
};

/** `--quick`: the smallest run that still shows the effect (pages as they age), under 20 s. */
export const quickDefaults: ComparePreset = {
  ...compareDefaults,
  pages: [1e3, 1e4, 1e5],
  rounds: 5,
  orders: ['shuffled'],
  cornersOnly: true,
  liveObjects: 200_000,
  deadlineMs: 30_000,
};

/** Seed when none is given: the same plan and the same shuffles every time. */
export const DEFAULT_SEED = 1;

/** What each number may be. A handle has 32 bits, of which a page index takes at most 26. */
export const RANGES = {
  seed: { min: 0, max: 0xffff_ffff },
  cpus: { min: 1, max: 4096 },
  pages: { min: 1, max: 2 ** 26 },
  caches: { min: 1, max: 10_000 },
  rounds: { min: 2, max: 1000 },
  isolates: { min: 1, max: 1000 },
  memmap: { min: 0, max: 2 ** 28 },
  live: { min: 1000, max: 1_000_000_000 },
  objects: { min: 1, max: 0xffff_ffff },
  objectsPerSlab: { min: 1, max: 512 },
  pageSize: { min: 4096, max: 65_536 },
} as const satisfies Record<string, CountRange>;

/** The options every command takes, as commander hands them over. */
export interface CommonValues {
  /** A file, or true for standard output. */
  json?: string | true;
  out?: string;
  html?: string;
  seed?: number;
  cpus?: number;
  strategies?: string[];
  quick?: true;
  dryRun?: true;
  selfCheck?: true;
  color: boolean;
}

/** The options of all commands together; a command sees only its own. */
export interface RawOptions extends CommonValues {
  pages?: number[];
  caches?: number;
  rounds?: number;
  isolates?: number;
  population?: string;
  order?: PageOrder | 'both';
  temperature?: Temperature | 'both';
  memmap?: number;
  atomics?: AtomicsKind;
  hotPath?: boolean;
  lookedUp?: boolean;
  storm?: boolean;
  leak?: boolean;
  live?: number;
  objects?: number;
  objectsPerSlab?: number;
  kernel?: KernelRulesName;
  pageSize?: number;
  format?: 'terminal' | 'markdown' | 'html';
  machine?: true;
  mix?: string;
  seconds?: number;
  removals?: number;
  fill?: number;
  rate?: number;
  deadline?: number;
  scenario?: string;
  mutant?: string;
  finding?: string;
  bound?: number;
  schedule?: Switch[];
  search?: 'bounded' | 'random' | 'pct';
  schedules?: number;
  hosts?: number;
  days?: number;
  set?: Change[];
  vary?: Vary[];
  workers?: number;
  shard?: Shard;
  continue?: string;
  listScenarios?: true;
  printScenario?: string;
  truth?: string;
  geometry?: string;
  pageCache?: 'pins' | 'moves' | 'both';
  hierarchy?: number;
  strict?: true;
  howToRecord?: true;
  scale?: number;
}

/** Turns colour off; also off under NO_COLOR and when standard output is not a terminal. */
export function colorOption(): Option {
  return new Option('--no-color', 'plain text (also: NO_COLOR, or output to a file or pipe)');
}

/** Where a page goes that carries all it shows. */
export function htmlOption(): Option {
  return textOption('--html <FILE>', 'write one HTML page to FILE, with charts', (name, text) =>
    parseWord(name, text, 'a file name'),
  );
}

/** The common options (see contract), fresh objects for each command. */
export function commonOptions(
  cpus: { readonly standard: number; readonly range: CountRange } = {
    standard: 1,
    range: RANGES.cpus,
  },
): Option[] {
  const names = STRATEGY_NAMES.join(',');
  return [
    textOption(
      '--json [FILE]',
      'write the record to FILE; no FILE or "-": only the record on stdout',
      (name, text) => parseWord(name, text, 'a file name'),
    ),
    textOption('--out <DIR>', 'folder for the record (default: results)', (name, text) =>
      parseWord(name, text, 'a folder name'),
    ),
    htmlOption(),
    countOption('--seed <N>', `seed of every shuffle (default: ${DEFAULT_SEED})`, RANGES.seed),
    countOption('--cpus <N>', `CPUs of the machine (default: ${cpus.standard})`, cpus.range),
    textOption('--strategies <a,b>', `strategies (default: ${names})`, parseStrategies),
    new Option('--quick', 'the smallest run that still shows the effect, under 20 s'),
    new Option('--dry-run', 'print the plan and the memory it needs, run nothing'),
    new Option('--self-check', 'one strategy under two names: must come out as no difference'),
    colorOption(),
  ];
}

/** The options of `compare` and `run` beside the common ones. */
export function compareOptions(base: ComparePreset): Option[] {
  return [
    textOption(
      '--pages <LIST>',
      `pages charged, such as 1e3,1e5 or 1e3..1e7 by decades (default: ${base.pages[0]}..${base.pages.at(-1)})`,
      (name, text) => parsePages(name, text, RANGES.pages),
    ),
    countOption('--caches <N>', `caches of the cgroup (default: ${base.caches})`, RANGES.caches),
    countOption('--rounds <N>', `rounds (default: ${base.rounds})`, RANGES.rounds),
    countOption(
      '--isolates <N>',
      'fresh workers that rounds of removals are spread over, for diff (default: 1)',
      RANGES.isolates,
    ),
    textOption(
      '--population <SPEC>',
      'builtin, uniform, slabinfo:live or slabinfo:FILE (default: builtin)',
      parsePopulation,
    ),
    choiceOption('--order <WHICH>', 'page order: in-order, shuffled or both (default: both)', [
      'in-order',
      'shuffled',
      'both',
    ]),
    choiceOption('--temperature <WHICH>', 'CPU caches: warm, cold or both (default: both)', [
      'warm',
      'cold',
      'both',
    ]),
    countOption(
      '--memmap <N>',
      'slab rows the machine has beside those of the removed cgroup (default: 0)',
      RANGES.memmap,
    ),
    choiceOption('--atomics <KIND>', 'solo: plain loads and stores, or real (default: solo)', [
      'solo',
      'real',
    ]),
    new Option('--no-hot-path', 'leave out alloc and free'),
    new Option(
      '--looked-up',
      'alloc from caches that were looked up before, as a native peer does',
    ),
    countOption(
      '--live <N>',
      `objects alive in the random benchmark (default: ${formatCount(base.liveObjects)})`,
      RANGES.live,
    ),
  ];
}

/** The options of `geometry` beside the common ones. */
export function geometryOptions(): Option[] {
  return [
    choiceOption('--kernel <RULES>', 'rules of 5.3 or 6.x (default: as recorded)', ['5.3', '6.x']),
    countOption(
      '--page-size <N>',
      'bytes of a page, for a slabinfo text (default: 4096)',
      RANGES.pageSize,
    ),
  ];
}

/** The options of `capacity` beside the common ones. */
export function capacityOptions(): Option[] {
  return [
    countOption('--objects <N>', 'objects to hold (default: 1e9)', RANGES.objects),
    countOption('--objects-per-slab <N>', 'objects in a slab (default: 64)', RANGES.objectsPerSlab),
  ];
}

function oneCpu(command: string, raw: RawOptions): void {
  if ((raw.cpus ?? 1) === 1) return;
  throw new UsageError(
    `--cpus: ${command} drives one CPU in this release; give 1 or leave it out (got ${raw.cpus})`,
  );
}

/** Fills in what the user left out of `compare` or `run`. */
export function resolveCompare(
  command: string,
  raw: RawOptions,
  base: ComparePreset,
): CompareOptions {
  oneCpu(command, raw);
  const preset = raw.quick ? quickDefaults : base;
  const { rounds = preset.rounds, isolates = 1 } = raw;
  if (isolates > rounds) {
    throw new UsageError(`--isolates: ${isolates} for ${rounds} rounds; give more --rounds`);
  }
  return {
    strategies: raw.strategies ?? [...STRATEGY_NAMES],
    pages: raw.pages ?? preset.pages,
    caches: raw.caches ?? preset.caches,
    rounds,
    isolates,
    population: raw.population ?? 'builtin',
    orders: oneOrBoth(raw.order, ['in-order', 'shuffled'], preset.orders),
    temperatures: oneOrBoth(raw.temperature, ['warm', 'cold'], preset.temperatures),
    // Who asks for an order or a temperature wants it at every size.
    cornersOnly: preset.cornersOnly && raw.order === undefined && raw.temperature === undefined,
    memmapRows: raw.memmap ?? 0,
    atomics: raw.atomics ?? 'solo',
    hotPath: raw.hotPath ?? true,
    lookedUp: raw.lookedUp ?? false,
    liveObjects: raw.live ?? preset.liveObjects,
    seed: raw.seed ?? DEFAULT_SEED,
    quick: raw.quick ?? false,
    selfCheck: raw.selfCheck ?? false,
    deadlineMs: preset.deadlineMs,
  };
}

function oneOrBoth<T>(given: T | 'both' | undefined, both: T[], preset: T[]): T[] {
  if (given === undefined) return preset;
  return given === 'both' ? both : [given];
}

/** Fills in what the user left out of `capacity`. */
export function resolveCapacity(raw: RawOptions): CapacityOptions {
  oneCpu('capacity', raw);
  return {
    objects: raw.objects ?? (raw.quick ? 10_000_000 : 1_000_000_000),
    objectsPerSlab: raw.objectsPerSlab ?? 64,
    seed: raw.seed ?? DEFAULT_SEED,
  };
}

/** Fills in what the user left out of `geometry`. */
export function resolveGeometry(raw: RawOptions, file: string | undefined): GeometryOptions {
  const pageSize = raw.pageSize ?? null;
  if (pageSize !== null && !Number.isInteger(Math.log2(pageSize))) {
    throw new UsageError(`--page-size: '${pageSize}' is not a power of two; give 4096 or 65536`);
  }
  return { file: file ?? null, cpus: raw.cpus ?? null, kernel: raw.kernel ?? null, pageSize };
}
