/**
 * Every parameter of a scenario: its range, unit and meaning. The one source for reading scenario
 * files, for `--set` and `--vary`, for the published schema and for the table in docs/leak.md.
 */

/** A number in a range. */
export interface NumberParameter {
  readonly type: 'whole' | 'number';
  readonly min: number;
  readonly max: number;
  /** 0 is allowed as well, and means never. */
  readonly orZero?: boolean;
  readonly unit: string;
  readonly meaning: string;
  /** Taken when a scenario does not say; without it the scenario must. */
  readonly standard?: number | undefined;
}

/** One of a few words. */
export interface ChoiceParameter<Word extends string = string> {
  readonly type: 'choice';
  readonly choices: readonly Word[];
  readonly meaning: string;
  readonly standard?: Word;
}

/** A name. */
export interface NameParameter {
  readonly type: 'name';
  readonly meaning: string;
  /** What it may consist of, and the same in words. */
  readonly pattern: RegExp;
  readonly letters: string;
  readonly standard?: string;
}

/** What can be given in a scenario. */
export type Parameter = NumberParameter | ChoiceParameter | NameParameter;

/** Parameters by key. */
export type Section = Readonly<Record<string, Parameter>>;

/** The values of a section. */
export type ValuesOf<S extends Section> = {
  readonly [Key in keyof S]: S[Key] extends ChoiceParameter<infer Word>
    ? Word
    : S[Key] extends NameParameter
      ? string
      : number;
};

function whole(min: number, max: number, unit: string, meaning: string, standard?: number) {
  return { type: 'whole', min, max, unit, meaning, standard } as const;
}
function number(min: number, max: number, unit: string, meaning: string, standard?: number) {
  return { type: 'number', min, max, unit, meaning, standard } as const;
}
function choice<const Word extends string>(
  choices: readonly Word[],
  meaning: string,
  standard?: Word,
): ChoiceParameter<Word> {
  return { type: 'choice', choices, meaning, ...(standard === undefined ? {} : { standard }) };
}
/** Names are printed, and are part of keys: `kinds.NAME.share`. */
function name(meaning: string): NameParameter {
  return { type: 'name', meaning, pattern: /^[\w@:-]+$/, letters: 'letters, digits, _ - @ :' };
}
function path(meaning: string, standard: string): NameParameter {
  const letters = 'letters, digits, _ - @ : . /';
  return { type: 'name', meaning, standard, pattern: /^[\w@:./-]+$/, letters };
}

const HOURS_MAX = 100_000;

/** What stands at the top of a scenario. */
export const TOP = {
  days: number(0.01, 3650, 'days', 'how long the host is watched', 7),
  samplesPerDay: whole(1, 1440, 'samples', 'how often it is looked at', 1),
  cgroupsPerDay: number(0, 2_000_000, 'cgroups', 'cgroups created a day, all kinds together'),
  spread: number(0, 0.9, 'share', 'how far the rate of a host may be from that, either way', 0),
} as const satisfies Section;

/** The machine and its kernel. */
export const HOST = {
  cpus: whole(1, 8192, 'CPUs', 'possible CPUs: every per-CPU structure exists so many times'),
  nodes: whole(1, 1024, 'nodes', 'memory nodes', 1),
  kernel: choice(['5.3', '6.x'], 'rules of the slab geometry', '5.3'),
  kmem: choice(
    ['on', 'off'],
    'kernel memory accounting; off by default before 4.5, and with cgroup.memory=nokmem',
    'on',
  ),
  ids: whole(
    8,
    65_535,
    'ids',
    'ids for memory cgroups; creation fails when all are in use',
    65_535,
  ),
  idsHeldUntil: choice(
    ['offline', 'release'],
    'when a removed cgroup gives its id back: release before 4.8 (73f576c04b94), offline since',
    'offline',
  ),
  services: whole(0, 10_000, 'cgroups', 'cgroups of services that run all the time', 0),
  hoursBeforeDay0: number(0, HOURS_MAX, 'hours', 'how long the host runs before day 0', 0),
  memcgBytes: whole(0, 1_000_000, 'bytes', 'struct mem_cgroup and what is allocated with it'),
  memcgNodeBytes: whole(0, 100_000, 'bytes', 'of it, per node', 0),
  memcgPercpuBytes: whole(0, 100_000, 'bytes', 'statistics of a memcg, per CPU'),
  lruvecPercpuBytes: whole(0, 100_000, 'bytes', 'statistics of its lruvec, per CPU and node', 0),
  cacheBytes: whole(0, 100_000, 'bytes', 'struct kmem_cache of a memcg', 0),
  cacheNodeBytes: whole(0, 100_000, 'bytes', 'struct kmem_cache_node, per node', 0),
  cachePercpuBytes: whole(0, 10_000, 'bytes', 'struct kmem_cache_cpu, per CPU', 0),
  cacheSysfsBytes: whole(
    0,
    1_000_000,
    'bytes',
    'sysfs directory of a memcg cache, if it has one',
    0,
  ),
  listLrus: whole(0, 100_000, 'list_lrus', 'memcg-aware list_lrus: two per mounted file system', 0),
} as const satisfies Section;

/** The files that everybody uses. */
export const FILES = {
  count: whole(1, 4_000_000, 'files', 'files that are used again and again, by anybody'),
  popularity: number(
    0,
    3,
    'exponent',
    'Zipf exponent: 0 all alike; with 1 the first 50 of 2,500 files have half of all uses',
    1,
  ),
  pages: whole(0, 1024, 'pages', 'page cache of a file', 4),
  replacedPerDay: number(
    0,
    10_000_000,
    'files',
    'files replaced a day: the old ones are deleted',
    0,
  ),
  cachedAtBoot: number(0, 1, 'share', 'of the files, read by the services at boot', 1),
} as const satisfies Section;

/** Memory pressure. */
export const PRESSURE = {
  passesPerHour: number(0, 3600, 'passes', 'times an hour that kswapd goes over all cgroups', 0),
  priority: whole(0, 12, 'priority', 'of these passes: 12 is the default, 0 takes everything', 12),
} as const satisfies Section;

/** Cgroups of one kind: a timer, a service that is restarted, a pod. */
export const KIND = {
  name: name('how reports call it'),
  parent: path('the cgroup that they are created in', 'system.slice'),
  share: number(0, 1, 'share', 'of all cgroups created'),
  schedule: choice(['timer', 'random'], 'even intervals with some jitter, or at random', 'random'),
  cgroups: whole(1, 16, 'cgroups', 'one, or a pod: one with so many less one inside', 1),
  lifetimeSeconds: number(0, 100_000_000, 'seconds', 'from creation to removal'),
  reused: number(0, 1, 'share', 'of the firings that use a cgroup kept from before', 0),
  processes: number(0, 100_000, 'processes', 'run one after another'),
  filesUsed: number(0, 1_000_000, 'files', 'of the shared ones, looked up'),
  filesRead: number(0, 1_000_000, 'files', 'of these, read'),
  missingNames: number(
    0,
    1_000_000,
    'names',
    'looked up that do not exist and never come again',
    0,
  ),
  temporaryFiles: number(0, 1_000_000, 'files', 'of its own, deleted at exit; their names stay', 0),
  layerFiles: number(0, 1_000_000, 'files', 'of its own, gone at exit with their directory', 0),
  keptFiles: number(0, 1_000_000, 'files', 'of its own, left behind', 0),
  keptHours: number(0, HOURS_MAX, 'hours', 'until these are deleted', 24),
  pagesPerFile: whole(0, 1024, 'pages', 'page cache of a file of its own', 1),
  loggedPages: number(0, 1_000_000, 'pages', 'appended to log files that belong to services', 0),
  sockets: number(0, 1_000_000, 'sockets', 'open until exit', 0),
  pipes: number(0, 1_000_000, 'pipes', 'open until exit', 0),
  handedOver: number(0, 1_000_000, 'sockets', 'given to somebody who keeps them open', 0),
  handedOverHours: number(0, HOURS_MAX, 'hours', 'for how long', 1),
  kernfsNodes: number(0, 1_000_000, 'objects', 'kernfs nodes of mounts that stay behind', 0),
} as const satisfies Section;

/** Something done to the whole host. */
export const ACTION = {
  do: choice(['boot', 'dropCaches', 'reclaim'], 'start-up units; drop_caches; memory.reclaim'),
  everyHours: {
    ...number(0.01, HOURS_MAX, 'hours', 'again and again; 0 is once', 0),
    orZero: true,
  },
  atHours: number(0, HOURS_MAX, 'hours', 'first time, counted from boot', 0),
  what: choice(['pages', 'slab', 'all'], 'dropCaches: 1, 2 or 3', 'all'),
  cgroups: whole(0, 100_000, 'cgroups', 'boot: cgroups created and removed at once', 0),
  cgroup: path('reclaim: the cgroup, with all below it', '/'),
  pages: whole(0, 2 ** 30, 'pages', 'reclaim: how much', 0),
} as const satisfies Section;

/** Sections that stand once in a scenario. */
export const SECTIONS = { host: HOST, files: FILES, pressure: PRESSURE } as const;

/** A kind of cgroup. */
export type Kind = ValuesOf<typeof KIND>;
/** An action. */
export type Action = ValuesOf<typeof ACTION>;
/** A scenario with every value filled in. */
export interface Scenario extends ValuesOf<typeof TOP> {
  readonly name: string;
  readonly about: string;
  readonly host: ValuesOf<typeof HOST>;
  readonly files: ValuesOf<typeof FILES>;
  readonly pressure: ValuesOf<typeof PRESSURE>;
  readonly kinds: readonly Kind[];
  readonly actions: readonly Action[];
}

/** The range of a parameter in words. */
export function rangeText(parameter: Parameter): string {
  if (parameter.type === 'choice') return parameter.choices.map((word) => `"${word}"`).join(' or ');
  if (parameter.type === 'name') return `a name of ${parameter.letters}`;
  const kind = parameter.type === 'whole' ? 'a whole number' : 'a number';
  const zero = parameter.orZero === true ? '0, or ' : '';
  return `${zero}${kind} from ${parameter.min} to ${parameter.max}`;
}

/** Whether a value is in the range of a parameter. */
export function isInRange(parameter: Parameter, value: unknown): boolean {
  if (parameter.type === 'choice') return parameter.choices.some((word) => word === value);
  if (parameter.type === 'name') {
    return typeof value === 'string' && parameter.pattern.test(value);
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  if (parameter.type === 'whole' && !Number.isInteger(value)) return false;
  if (value === 0 && parameter.orZero === true) return true;
  return value >= parameter.min && value <= parameter.max;
}
