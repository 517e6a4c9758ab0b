/**
 * The geometry a kernel really chose: /sys/kernel/slab of a live host (root), or a recording of it
 * (`slab-geometry.json`, see bench/data/README.md). Sizes are bytes, orders are log2 of pages.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { InputError, UsageError } from '../errors.ts';
import { asInputError, isUnreadable, readInputText } from './read-input.ts';

/** One directory of /sys/kernel/slab; an attribute that the kernel lacks is null. */
export interface RecordedCache {
  readonly name: string;
  readonly objectSize: number;
  /** Bytes from one object to the next (`slab_size`). */
  readonly size: number;
  /** Alignment in bytes as it came out, not as it was asked for. */
  readonly align: number;
  readonly order: number;
  readonly objectsPerSlab: number;
  readonly minPartial: number | null;
  readonly cpuPartial: number | null;
  readonly hwcacheAlign: boolean;
  readonly reclaimAccount: boolean;
  readonly typesafeByRcu: boolean;
  readonly cacheDma: boolean;
  /** Bytes that user copies may touch. */
  readonly usersize: number;
  /** Objects of a sheaf; 0 without. */
  readonly sheafCapacity: number;
  /** Users of a merged cache beside the first; null where the kernel does not say. */
  readonly aliases: number | null;
  /** Whether the cache has a constructor; null in recordings, which leave it out. */
  readonly ctor: boolean | null;
  /** Whether a debug option adds to the objects or switches per-CPU partial slabs off. */
  readonly debug: boolean;
}

/** All caches of one machine. */
export interface RecordedGeometry {
  /** File or directory it came from. */
  readonly source: string;
  /** Release, e.g. `6.18.44`. */
  readonly kernel: string;
  /** CPUs of the machine when it was recorded. */
  readonly cpus: number;
  readonly pageSize: number;
  readonly caches: RecordedCache[];
  /** Merged caches: name to the directory that stands for it. */
  readonly aliases: ReadonlyMap<string, string>;
}

const count = z.int().nonnegative();
const powerOfTwo = z
  .int()
  .positive()
  .refine((value) => 2 ** Math.floor(Math.log2(value)) === value, { error: 'not a power of two' });

const cacheSchema = z.strictObject({
  object_size: z.int().positive(),
  slab_size: z.int().positive(),
  align: powerOfTwo,
  order: z.int().min(0).max(10),
  objs_per_slab: z.int().positive(),
  cpu_partial: count.optional(),
  min_partial: count.optional(),
  aliases: count.optional(),
  sheaf_capacity: count.optional(),
  usersize: count.optional(),
  reclaim_account: count.optional(),
  hwcache_align: count.optional(),
  destroy_by_rcu: count.optional(),
  cache_dma: count.optional(),
  red_zone: count.optional(),
  poison: count.optional(),
  store_user: count.optional(),
  sanity_checks: count.optional(),
  trace: count.optional(),
  ctor: z.int().min(0).max(1).optional(),
});
type CacheAttributes = z.infer<typeof cacheSchema>;

const fileSchema = z.strictObject({
  kernel: z.string().min(1),
  machine: z.string().optional(),
  cpus: z.int().min(1).max(65_536),
  page_size: powerOfTwo.min(1024).max(1_048_576),
  caches: z.record(z.string(), cacheSchema),
  aliases: z.record(z.string(), z.string()).optional(),
});

const RECORD_IT = 'record it again as bench/data/README.md says';

/** 1-based line of an offset in a text. */
function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** Line where a path of keys stands in a JSON text; the last key found if one is missing. */
function lineOfPath(text: string, path: readonly PropertyKey[]): number {
  let offset = 0;
  for (const key of path) {
    const name = JSON.stringify(String(key)).replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const match = new RegExp(`${name}\\s*:`).exec(text.slice(offset));
    if (match === null) break;
    offset += match.index;
  }
  return lineAt(text, offset);
}

/**
 * Offset of a syntax error, from the engine's message; null if it does not tell. Some messages give
 * the position, others quote the text around it, from ten characters before.
 */
function offsetOf(message: string, text: string): number | null {
  const position = /at position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return Number(position);
  const quoted = /\.\.\."(.+?)"(?:\.\.\.)? is not valid JSON$/s.exec(message)?.[1];
  const at = quoted === undefined ? -1 : text.indexOf(quoted);
  return at < 0 ? null : at + 10;
}

/** Parses a JSON text; a syntax error names its line where the engine tells the position. */
function parseJson(text: string, file: string): unknown {
  if (text.trim() === '') throw new InputError(file, 0, 'is empty', RECORD_IT);
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    const end = text.trimEnd().length;
    const offset = offsetOf(message, text);
    if (/end of JSON|Unterminated/.test(message) || (offset !== null && offset >= end)) {
      const what = 'is cut short (JSON ends too early)';
      throw new InputError(file, lineAt(text, end), what, RECORD_IT);
    }
    throw new InputError(file, lineAt(text, offset ?? 0), 'is not JSON', RECORD_IT);
  }
}

/** Reads a recording. @param file how errors name it. @throws InputError with file and line */
export function parseSlabGeometry(text: string, file: string): RecordedGeometry {
  const parsed = fileSchema.safeParse(parseJson(text, file));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue?.path ?? [];
    const what = `${path.map(String).join('.') || 'the document'}: ${issue?.message ?? 'not valid'}`;
    throw new InputError(file, lineOfPath(text, path), what, RECORD_IT);
  }
  const data = parsed.data;
  const caches: RecordedCache[] = [];
  for (const [name, attributes] of Object.entries(data.caches)) {
    const problem = contradictionIn(attributes, data.page_size);
    if (problem !== null) {
      const line = lineOfPath(text, ['caches', name]);
      throw new InputError(file, line, `caches.${name}: ${problem}`, RECORD_IT);
    }
    caches.push(cacheOf(name, attributes));
  }
  if (caches.length === 0) {
    throw new InputError(file, lineOfPath(text, ['caches']), 'no caches', RECORD_IT);
  }
  return {
    source: file,
    kernel: data.kernel,
    cpus: data.cpus,
    pageSize: data.page_size,
    caches,
    aliases: new Map(Object.entries(data.aliases ?? {})),
  };
}

/** What cannot be true of a cache whatever the kernel; null if nothing. */
function contradictionIn(cache: CacheAttributes, pageSize: number): string | null {
  if (cache.slab_size < cache.object_size) return 'slab_size is below object_size';
  const bytes = pageSize * 2 ** cache.order;
  if (cache.objs_per_slab * cache.slab_size > bytes) {
    const objects = `${cache.objs_per_slab} objects of ${cache.slab_size} bytes`;
    return `${objects} do not fit in a slab of ${bytes} bytes`;
  }
  return null;
}

function cacheOf(name: string, cache: CacheAttributes): RecordedCache {
  const isSet = (value: number | undefined): boolean => (value ?? 0) > 0;
  const { red_zone, poison, store_user, sanity_checks, trace } = cache;
  return {
    name,
    objectSize: cache.object_size,
    size: cache.slab_size,
    align: cache.align,
    order: cache.order,
    objectsPerSlab: cache.objs_per_slab,
    minPartial: cache.min_partial ?? null,
    cpuPartial: cache.cpu_partial ?? null,
    hwcacheAlign: isSet(cache.hwcache_align),
    reclaimAccount: isSet(cache.reclaim_account),
    typesafeByRcu: isSet(cache.destroy_by_rcu),
    cacheDma: isSet(cache.cache_dma),
    usersize: cache.usersize ?? 0,
    sheafCapacity: cache.sheaf_capacity ?? 0,
    aliases: cache.aliases ?? null,
    ctor: cache.ctor === undefined ? null : cache.ctor === 1,
    debug: [red_zone, poison, store_user, sanity_checks, trace].some(isSet),
  };
}

/** Reads a recorded file. @throws InputError */
export async function readSlabGeometry(file: string): Promise<RecordedGeometry> {
  return parseSlabGeometry(await readInputText(file), file);
}

/** What /sys/kernel/slab does not say about its machine. */
export interface LiveHost {
  /** Directory to read, /sys/kernel/slab unless a test has its own. */
  readonly root?: string;
  readonly kernel: string;
  readonly cpus: number;
  readonly pageSize: number;
}

/**
 * Reads /sys/kernel/slab, about 20 attributes of each cache (root; 30 ms for 235 caches).
 * @throws UsageError if it may not be read, with what to do instead
 */
export async function readLiveSlabGeometry(host: LiveHost): Promise<RecordedGeometry> {
  const root = host.root ?? '/sys/kernel/slab';
  try {
    return await readTree(root, host);
  } catch (error) {
    throw isUnreadable(error) ? unreadable(root, error) : asInputError(root, error);
  }
}

async function readTree(root: string, host: LiveHost): Promise<RecordedGeometry> {
  const caches: RecordedCache[] = [];
  const aliases = new Map<string, string>();
  const entries = await readdir(root, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.isSymbolicLink()) {
      aliases.set(entry.name, basename(await readlink(join(root, entry.name))));
    }
    if (!entry.isDirectory()) continue;
    const directory = join(root, entry.name);
    const parsed = cacheSchema.safeParse(await readAttributes(directory));
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      const where = join(directory, String(issue?.path[0] ?? ''));
      throw new InputError(where, 0, issue?.message ?? 'not valid', 'report this kernel');
    }
    caches.push(cacheOf(entry.name, parsed.data));
  }
  if (caches.length === 0) throw new InputError(root, 0, 'no caches', 'is this /sys/kernel/slab?');
  const { kernel, cpus, pageSize } = host;
  return { source: root, kernel, cpus, pageSize, caches, aliases };
}

/** The numbers in a cache's directory; an attribute that the kernel lacks is left out. */
async function readAttributes(directory: string): Promise<Record<string, number>> {
  const values: Record<string, number> = {};
  for (const name of Object.keys(cacheSchema.shape)) {
    const text = await readFile(join(directory, name), 'utf8').catch((error: unknown) => {
      // ENOENT: other kernel; the directory itself is there. EACCES ends the whole reading.
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    });
    if (text === null) continue;
    // `ctor` holds the name of a function or nothing; the others start with their number.
    if (name === 'ctor') values[name] = text.trim() === '' ? 0 : 1;
    else values[name] = Number(text.trim().split(/\s+/)[0]);
  }
  return values;
}

function unreadable(root: string, cause: unknown): UsageError {
  const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
  const what = missing ? 'is not there (no SLUB, or no sysfs)' : "is root's";
  const todo =
    'run as root, or give a recording: record one with `sudo cat /proc/slabinfo > slabinfo.txt` and ' +
    'run `slabsplice geometry slabinfo.txt`, or take the built-in one, `slabsplice geometry host-6.18`';
  return new UsageError(`${root} ${what}: ${todo}`, { cause });
}
