/**
 * `geometry`: computes the slab geometry of every cache of a host and compares it with what the
 * kernel of that host chose. A host is this one (/sys/kernel/slab, root), a recording of that
 * directory, or a slabinfo text, which says less: no alignment, no partial limits.
 */
import { release } from 'node:os';
import {
  type GeometryRules,
  geometryOfSize,
  type SlabGeometry,
  slabSize,
} from '../../core/slub/geometry.ts';
import type { GeometryCache, GeometryMerging, GeometryResults } from '../../reports/results.ts';
import { InputError, UsageError } from '../errors.ts';
import { BUILT_IN_HOST, builtInFile } from '../input/built-in.ts';
import {
  type HostPaths,
  hostBootRules,
  hostCpus,
  hostPageSize,
  type KernelRules,
  rulesLabel,
  rulesOfRelease,
} from '../input/kernel-rules.ts';
import { readHead, refuseGzip } from '../input/read-input.ts';
import {
  type RecordedCache,
  type RecordedGeometry,
  readLiveSlabGeometry,
  readSlabGeometry,
} from '../input/slab-geometry.ts';
import { readSlabinfo, type Slabinfo } from '../input/slabinfo.ts';
import { fittingRules } from './geometry-fit.ts';
import { checkMerging, mergingNote } from './geometry-merging.ts';
import type { CommandCheck, CommandResult } from './registry.ts';

/** Most CPUs that make sense to ask for; the kernel's own limit is 8192. */
const MAX_CPUS = 65_536;

/** What to compare; null and absent mean the same. */
export interface GeometryInput {
  /** slab-geometry.json, a slabinfo text, or `host-6.18`; without it this host is read. */
  readonly file?: string | null;
  /** CPUs the rules assume, in place of what the host or the recording says. */
  readonly cpus?: number | null;
  /** Rules to assume, in place of those of the kernel that was recorded. */
  readonly kernel?: '5.3' | '6.x' | null;
  /** Bytes of a page, for a slabinfo text; 4096 unless said. */
  readonly pageSize?: number | null;
  /** In place of /sys/kernel/slab (tests). */
  readonly sysfsRoot?: string | null;
  /** In place of this host's other files (tests). */
  readonly hostPaths?: HostPaths;
  /** In place of this host's kernel release (tests). */
  readonly release?: string;
}

/** Compares, and says which figures differ. @throws UsageError or InputError, nothing else */
export async function checkGeometry(options: GeometryInput): Promise<GeometryResults> {
  const { cpus } = options;
  if (cpus != null && !(Number.isInteger(cpus) && cpus >= 1 && cpus <= MAX_CPUS)) {
    throw new UsageError(`cpus ${cpus}: a whole number from 1 to ${MAX_CPUS}`);
  }
  if (options.file == null) return checkLive(options);
  const file = options.file === BUILT_IN_HOST ? builtInFile('slab-geometry.json') : options.file;
  const head = await readHead(file, 64);
  refuseGzip(file, head);
  const looksLikeJson = /^\uFEFF?\s*[{[]/.test(Buffer.from(head).toString('utf8'));
  if (!looksLikeJson) return checkSlabinfo(file, options);
  const recorded = { ...(await readSlabGeometry(file)), source: options.file };
  const rules = chosenRules(recorded.kernel, options);
  const note = `${recorded.cpus} CPUs as recorded; the kernel counts present or possible ones`;
  const notes = options.cpus == null ? [...rules.notes, note] : rules.notes;
  return compareRecorded(recorded, rules, options.cpus ?? recorded.cpus, { notes });
}

/** `geometry` as a command: the comparison, and a check that nothing differs, one for sizes and one for merging. */
export async function runGeometry(options: GeometryInput): Promise<CommandResult> {
  const results = await checkGeometry(options);
  const { caches, mismatches, merging, kernelRules, cpus, pageSize, source } = results;
  const detail =
    mismatches === 0
      ? `all ${caches.length} caches equal`
      : `${mismatches} of ${caches.length} caches differ`;
  return {
    results,
    parameters: { file: options.file ?? null, source, cpus, kernel: kernelRules, pageSize },
    checks: [
      { name: 'geometry as the kernel chose it', ok: mismatches === 0, detail },
      ...(merging === undefined ? [] : [mergingCheck(merging)]),
    ],
    complete: true,
    warnings: [],
  };
}

function mergingCheck({ names, shared, mismatches }: GeometryMerging): CommandCheck {
  const detail =
    mismatches.length === 0
      ? `${names} names in ${shared} caches`
      : `${mismatches.length} differ: ${mismatches.join('; ')}`;
  return { name: 'caches merged as the kernel merged them', ok: mismatches.length === 0, detail };
}

async function checkLive(options: GeometryInput): Promise<GeometryResults> {
  const kernel = options.release ?? release();
  const rules = chosenRules(kernel, options);
  const pageSize = await hostPageSize(options.hostPaths);
  const cpus = options.cpus ?? (await hostCpus(rules.countsPresentCpus, options.hostPaths));
  if (cpus === null) throw new UsageError('this host does not say its CPUs: give --cpus');
  const root = options.sysfsRoot == null ? {} : { root: options.sysfsRoot };
  const recorded = await readLiveSlabGeometry({ ...root, kernel, cpus, pageSize });
  const boot = await hostBootRules(options.hostPaths);
  const notes = [...rules.notes, ...boot.notes];
  return compareRecorded(recorded, rules, cpus, { notes, boot: boot.rules });
}

function chosenRules(kernel: string, options: GeometryInput): KernelRules {
  const own = rulesOfRelease(kernel);
  if (options.kernel == null) {
    const mixed = own.kernel !== own.cpuPartialKernel;
    const notes = mixed ? [`Kernel ${kernel}: rules of ${own.label}`, ...own.notes] : own.notes;
    return { ...own, notes };
  }
  const label = rulesLabel(options.kernel, options.kernel);
  return { ...own, kernel: options.kernel, cpuPartialKernel: options.kernel, label, notes: [] };
}

/** What was found beside the caches. */
interface Extra {
  readonly notes: readonly string[];
  readonly boot?: Pick<GeometryRules, 'maxOrder'>;
}

function compareRecorded(
  recorded: RecordedGeometry,
  kernelRules: KernelRules,
  cpus: number,
  extra: Extra,
): GeometryResults {
  const { caches, pageSize } = recorded;
  const { kernel, cpuPartialKernel } = kernelRules;
  const rules: GeometryRules = { kernel, cpuPartialKernel, cpus, pageSize, ...extra.boot };
  const notes = [...extra.notes];
  const hasCpuPartial = caches.some((cache) => cache.cpuPartial !== 0);
  if (!hasCpuPartial) notes.push('No cache has a cpu_partial: compiled out, so 0 is computed');
  const withoutCpuPartial: GeometryRules = { ...rules, cpuPartialKernel: 'none' };
  const explained = new Map<string, string[]>();
  const compared = caches.map((cache) => {
    const { size, reason } = explainSize(cache, rules);
    if (reason !== null) explained.set(reason, [...(explained.get(reason) ?? []), cache.name]);
    const own = cache.debug || !hasCpuPartial ? withoutCpuPartial : rules;
    return compareCache(cache, figuresOf(geometryOfSize(cache.size, own), size));
  });
  for (const [reason, names] of explained) {
    const caches = names.length === 1 ? '1 cache' : `${names.length} caches`;
    notes.push(`Size of ${caches} taken as it is (${reason}): ${names.join(', ')}`);
  }
  const merging = checkMerging(recorded);
  if (merging === null) return resultsOf(recorded.source, rules, compared, notes);
  notes.push(mergingNote(merging));
  return { ...resultsOf(recorded.source, rules, compared, notes), merging };
}

/** Reasons why a size does not follow from what /sys/kernel/slab shows of the request. */
const HIDDEN_CTOR = 'one word larger: a constructor, which was not recorded';
const HIDDEN_POINTER = 'one word smaller: free pointer inside the object, which no file shows';
const DEBUG_OPTIONS = 'debug options add to the objects';

/**
 * The size that the request leads to. Where something that the kernel does not show decides, and the
 * recorded size is one of the two possible ones, it is taken and the reason given.
 */
function explainSize(
  cache: RecordedCache,
  rules: GeometryRules,
): { size: number; reason: string | null } {
  if (cache.debug) return { size: cache.size, reason: DEBUG_OPTIONS };
  const { hwcacheAlign, typesafeByRcu } = cache;
  const sizeWith = (flags: { ctor: boolean; freePointerInside?: boolean }): number =>
    slabSize(
      {
        objectSize: cache.objectSize,
        align: cache.align,
        flags: { hwcacheAlign, typesafeByRcu, ...flags },
      },
      rules,
    );
  const size = sizeWith({ ctor: cache.ctor ?? false });
  if (size === cache.size) return { size, reason: null };
  if (cache.ctor === null && !typesafeByRcu && sizeWith({ ctor: true }) === cache.size) {
    return { size: cache.size, reason: HIDDEN_CTOR };
  }
  const mustStay = typesafeByRcu || cache.ctor === true;
  if (mustStay && rules.kernel === '6.x') {
    const inside = sizeWith({ ctor: cache.ctor ?? false, freePointerInside: true });
    if (inside === cache.size) return { size: inside, reason: HIDDEN_POINTER };
  }
  return { size, reason: null };
}

function figuresOf(geometry: SlabGeometry, size: number): Figures {
  const { order, objectsPerSlab, minPartial, cpuPartial } = geometry;
  return { size, order, objectsPerSlab, minPartial, cpuPartial };
}

/** What is computed of a cache; an expected one may lack some. */
interface Figures {
  readonly size: number;
  readonly order: number;
  readonly objectsPerSlab: number;
  readonly minPartial: number;
  readonly cpuPartial: number;
}

function compareCache(cache: RecordedCache, computed: Figures): GeometryCache {
  const { order, objectsPerSlab, size, minPartial, cpuPartial } = cache;
  const expected: Partial<Figures> = {
    order,
    objectsPerSlab,
    size,
    ...(minPartial === null ? {} : { minPartial }),
    ...(cpuPartial === null ? {} : { cpuPartial }),
  };
  return compared(cache.name, cache.objectSize, expected, computed);
}

/** One row; only what the source says is compared. */
function compared(
  name: string,
  objectSize: number,
  expected: Partial<Figures>,
  computed: Figures,
): GeometryCache {
  const keys = ['order', 'objectsPerSlab', 'size', 'minPartial', 'cpuPartial'] as const;
  const differs = keys.filter((key) => key in expected && expected[key] !== computed[key]);
  const size = expected.size ?? computed.size;
  return { name, objectSize, size, expected, computed, ok: differs.length === 0, differs };
}

function resultsOf(
  source: string,
  rules: GeometryRules,
  caches: GeometryCache[],
  notes: string[],
): GeometryResults {
  return {
    kernelRules: rules.kernel,
    cpus: rules.cpus,
    pageSize: rules.pageSize,
    source,
    caches,
    mismatches: caches.filter((cache) => !cache.ok).length,
    notes,
  };
}

async function checkSlabinfo(file: string, options: GeometryInput): Promise<GeometryResults> {
  const pageSize = options.pageSize ?? 4096;
  const slabinfo = await readSlabinfo(file, { pageSize });
  refuseSlab(file, slabinfo);
  const { rules, notes } = fittingRules(slabinfo.caches, {
    cpus: options.cpus ?? null,
    kernel: options.kernel ?? null,
    pageSize,
  });
  notes.unshift(
    'Only sizes, orders and objects per slab are in slabinfo: sizes are taken as they are',
  );
  const caches = slabinfo.caches.map((cache) => {
    const { name, objectSize: size, objectsPerSlab, pagesPerSlab } = cache;
    const expected: Partial<Figures> = { size, order: Math.log2(pagesPerSlab), objectsPerSlab };
    return compared(name, size, expected, figuresOf(geometryOfSize(size, rules), size));
  });
  return resultsOf(file, rules, caches, notes);
}

/** The rules are SLUB's; SLAB had others, and slabs of any number of pages. */
function refuseSlab(file: string, { allocator, caches }: Slabinfo): void {
  const first = caches[0]?.line ?? 0;
  if (allocator === 'SLAB') {
    const what = 'comes from the SLAB allocator (its tunables are not 0)';
    throw new InputError(file, first, what, 'record a kernel that uses SLUB');
  }
  const odd = caches.find((cache) => !Number.isInteger(Math.log2(cache.pagesPerSlab)));
  if (odd !== undefined) {
    const what = `pagesperslab ${odd.pagesPerSlab} is not a power of two`;
    throw new InputError(file, odd.line, what, 'record it again');
  }
}
